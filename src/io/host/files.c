/* When an image is complete and a disk is whole: each is made beside its place, and put there by
 * a rename. Disks are made by qemu-img as overlays of the cached image. */
#include "io/host/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/effect.h"
#include "io/host/seed.h"
#include "io/host/tool.h"
#include "io/os/folder.h"

static const uint64_t gib = UINT64_C(1) << 30;

static void image_path(const struct host_files *files, const char *digest, const char *suffix,
                       char out_path[host_path_size]) {
    text_format(out_path, host_path_size, "%s/images/%s%s", files->folder, digest, suffix);
}

void host_vm_paths(const struct host_files *files, const char *vm, struct host_vm_paths *out) {
    text_format(out->folder, sizeof(out->folder), "%s/vms/%s", files->folder, vm);
    text_format(out->disk, sizeof(out->disk), "%s/vms/%s/disk.qcow2", files->folder, vm);
    text_format(out->seed, sizeof(out->seed), "%s/vms/%s/seed.iso", files->folder, vm);
    text_format(out->console_log, sizeof(out->console_log), "%s/vms/%s/console.log",
                files->folder, vm);
    text_format(out->nvram, sizeof(out->nvram), "%s/vms/%s/nvram.fd", files->folder, vm);
    text_format(out->agent_socket, sizeof(out->agent_socket), "%s/vms/%s/agent.sock",
                files->folder, vm);
}

int host_files_open(struct host_files *files, struct error *err) {
    char path[host_path_size];
    text_format(path, sizeof(path), "%s/vms", files->folder);
    int failed = folder_make(path, 0711, err);
    text_format(path, sizeof(path), "%s/images", files->folder);
    if (!failed)
        failed = folder_make(path, 0755, err);
    files->image = memory_new(1, sizeof(*files->image));
    pthread_mutex_init(&files->image->lock, NULL);
    return failed ? failed : image_download_sweep(path, err);
}

void host_files_close(struct host_files *files) {
    if (files->image)
        pthread_mutex_destroy(&files->image->lock);
    memory_clean(&files->image);
    memory_clean(&files->folder);
}

bool host_image_is_here(const struct host_files *files, const char *digest) {
    char folder[host_path_size];
    image_path(files, digest, "", folder);
    return access(folder, F_OK) == 0;
}

/* What is wrong with an image, or with the room for it here. */
static enum code image_code(int fault, enum code otherwise) {
    switch (fault) {
    case IMAGE_WRONG_DIGEST:
    case IMAGE_MALFORMED:
        return CODE_IMAGE_BROKEN;
    case IMAGE_OVER_LIMIT:
        return CODE_IMAGE_TOO_LARGE;
    default:
        return fault == -ENOSPC || fault == -EDQUOT ? CODE_NO_CAPACITY : otherwise;
    }
}

enum code host_image_fetch(const struct host_files *files, const char *digest, uint32_t disk_gib,
                           struct error *err) {
    if (host_image_is_here(files, digest))
        return CODE_OK;
    char folder[host_path_size], archive[host_path_size], part[host_path_size];
    image_path(files, digest, "", folder);
    image_path(files, digest, ".part", part);
    image_path(files, digest, ".archive", archive);
    int fault = image_download(&files->from, &(struct image_target){digest, archive, part}, err);
    if (fault)
        return image_code(fault, CODE_IMAGE_UNAVAILABLE);
    struct image_facts facts;
    uint64_t most = disk_gib * gib;
    const struct image_bounds bounds = { /* the digest is that of the download */
        .most_bytes = files->most_bytes && files->most_bytes < most ? files->most_bytes : most,
        .reserve_bytes = files->from.reserve_bytes,
        .cancel = files->from.cancel,
    };
    fault = image_archive_unpack(archive, &bounds, folder, &facts, err);
    (void)unlink(archive);
    return fault ? image_code(fault, CODE_HOST_FAILED) : CODE_OK;
}

static bool is_same_file(const struct stat *one, const struct stat *other) {
    return one->st_ino == other->st_ino && one->st_size == other->st_size &&
           one->st_ctim.tv_sec == other->st_ctim.tv_sec &&
           one->st_ctim.tv_nsec == other->st_ctim.tv_nsec;
}

static int image_facts(const struct host_files *files, const char *digest,
                       struct image_facts *out_facts, struct error *err) {
    struct host_image *image = files->image;
    char folder[host_path_size], disk[host_path_size];
    struct stat is = {0};
    image_path(files, digest, "", folder);
    image_path(files, digest, "/disk", disk);
    int fault = 0;
    bool is_there = stat(disk, &is) == 0;
    pthread_mutex_lock(&image->lock);
    if (!is_there || !text_equal(image->digest, digest) || !is_same_file(&image->disk, &is)) {
        fault = image_folder_facts(folder, &image->facts, err);
        text_set(image->digest, fault ? "" : digest);
        image->disk = is;
    }
    *out_facts = image->facts;
    pthread_mutex_unlock(&image->lock);
    return fault;
}

enum code host_image_find(const struct host_files *files, const struct definition *definition,
                          struct image_facts *out_facts, struct error *err) {
    int fault = image_facts(files, definition->image, out_facts, err);
    if (fault == -ENOENT)
        return CODE_IMAGE_UNAVAILABLE;
    if (fault) /* what cannot be read for want of something is no broken image */
        return fault == -EINVAL ? CODE_IMAGE_BROKEN : CODE_HOST_FAILED;
    if (out_facts->disk_bytes <= definition->size.disk_gib * gib)
        return CODE_OK;
    error_set(err, -EFBIG, "the image's disk of %" PRIu64 " bytes is larger than %" PRIu32 " GiB",
              out_facts->disk_bytes, definition->size.disk_gib);
    return CODE_IMAGE_TOO_LARGE;
}

/* --- a VM's disk --- */

static void unfinished_path(const char *path, char out_path[host_path_size]) {
    text_format(out_path, host_path_size, "%s.new", path);
}

void host_image_disk(const struct host_files *files, const char *digest,
                     char out_path[host_path_size]) {
    image_path(files, digest, "/disk", out_path);
}

void host_disk_unfinished(const struct host_files *files, const char *vm,
                          char out_path[host_path_size]) {
    struct host_vm_paths paths;
    host_vm_paths(files, vm, &paths);
    unfinished_path(paths.disk, out_path);
}

/* Beside the VM's disk, where it is unfinished. */
static int make_disk(const struct host_files *files, const struct effect_job *job,
                     const struct image_facts *facts, struct error *err) {
    char image[host_path_size], unfinished[host_path_size], bytes[24];
    struct host_vm_paths paths;
    host_vm_paths(files, job->vm, &paths);
    image_path(files, job->definition.image, "/disk", image);
    unfinished_path(paths.disk, unfinished);
    text_format(bytes, sizeof(bytes), "%" PRIu64, job->definition.size.disk_gib * gib);
    if (unlink(unfinished) < 0 && errno != ENOENT)
        return error_set(err, -errno, "remove %s: %s", unfinished, strerror(errno));
    const char *const arguments[] = {"qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F",
                                     facts->disk_format, unfinished, bytes, NULL};
    return host_tool_run(arguments, NULL, err);
}

static int commit_disk(const char *path, struct error *err) {
    char unfinished[host_path_size];
    unfinished_path(path, unfinished);
    return folder_commit(unfinished, path, err);
}

enum code host_vm_prepare(const struct host_files *files, const struct effect_job *job,
                          const struct image_facts *facts, struct error *err) {
    struct host_vm_paths paths;
    host_vm_paths(files, job->vm, &paths);
    int failed = folder_make(paths.folder, 0711, err);
    if (!failed)
        failed = host_seed_make(job, paths.seed, err);
    if (!failed)
        failed = make_disk(files, job, facts, err);
    return failed ? CODE_HOST_FAILED : CODE_OK;
}

enum code host_disk_renew(const struct host_files *files, const struct effect_job *job,
                          const struct image_facts *facts, struct error *err) {
    struct host_vm_paths paths;
    host_vm_paths(files, job->vm, &paths);
    int failed = host_seed_renew(job, paths.seed, err);
    if (!failed)
        failed = make_disk(files, job, facts, err);
    return failed ? CODE_HOST_FAILED : CODE_OK;
}

enum code host_disk_replace(const struct host_files *files, const char *vm, struct error *err) {
    struct host_vm_paths paths;
    host_vm_paths(files, vm, &paths);
    if (unlink(paths.nvram) < 0 && errno != ENOENT) { /* what another guest has set */
        error_set(err, -errno, "remove %s: %s", paths.nvram, strerror(errno));
        return CODE_HOST_FAILED;
    }
    return commit_disk(paths.disk, err) ? CODE_HOST_FAILED : CODE_OK;
}

/* The head of a qcow2 disk (docs/interop/qcow2.txt of QEMU); numbers are big-endian. */
struct disk_header {
    char magic[4];
    uint8_t version[4], backing_offset[8], backing_length[4], cluster_bits[4], bytes[8];
};

static uint64_t big_endian(const uint8_t *bytes, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* The DIGEST of "…/images/DIGEST/disk". */
static void digest_of(const char *backing, char out_image[limit_digest_size]) {
    size_t length = strlen(backing);
    const char *digest = backing + length - strlen("/disk") - (limit_digest_size - 1);
    if (length >= strlen("/disk") + limit_digest_size && digest[-1] == '/')
        text_format(out_image, limit_digest_size, "%.64s", digest);
}

bool host_disk_read_at(const char *path, uint32_t *out_gib, char out_image[limit_digest_size]) {
    struct disk_header header;
    char backing[host_path_size] = "";
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
        memcmp(header.magic, "QFI\xfb", 4) != 0)
        return false;
    uint64_t length = big_endian(header.backing_length, 4);
    off_t offset = (off_t)big_endian(header.backing_offset, 8);
    if (length >= sizeof(backing) || pread(fd, backing, length, offset) != (ssize_t)length)
        return false;
    *out_gib = (uint32_t)((big_endian(header.bytes, 8) + gib - 1) / gib);
    digest_of(backing, out_image);
    return true;
}

bool host_disk_read(const struct host_files *files, const char *vm, uint32_t *out_gib,
                    char out_image[limit_digest_size]) {
    struct host_vm_paths paths;
    host_vm_paths(files, vm, &paths);
    return host_disk_read_at(paths.disk, out_gib, out_image);
}

enum code host_disk_grow(const struct host_files *files, const char *vm, uint32_t to_gib,
                         struct error *err) {
    struct host_vm_paths paths;
    char image[limit_digest_size], bytes[24];
    uint32_t now_gib = 0;
    host_vm_paths(files, vm, &paths);
    if (host_disk_read(files, vm, &now_gib, image) && now_gib >= to_gib)
        return CODE_OK;
    text_format(bytes, sizeof(bytes), "%" PRIu64, to_gib * gib);
    const char *const arguments[] = {"qemu-img", "resize", "-q", "-f", "qcow2", paths.disk,
                                     bytes, NULL};
    return host_tool_run(arguments, NULL, err) ? CODE_HOST_FAILED : CODE_OK;
}

enum { boot_id_size = 40 }; /* a UUID and a line feed */

/* The boot id in a file; empty if there is none. */
static void read_boot(const char *path, char out_id[boot_id_size]) {
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, out_id, boot_id_size - 1);
    out_id[length > 0 ? length : 0] = 0;
}

static void boot_path(const struct host_files *files, const char *vm, char out[host_path_size]) {
    text_format(out, host_path_size, "%s/vms/%s/boot", files->folder, vm);
}

static const char this_boot[] = "/proc/sys/kernel/random/boot_id"; /* random(4) */

void host_vm_note_boot(const struct host_files *files, const char *vm) {
    char path[host_path_size], id[boot_id_size];
    boot_path(files, vm, path);
    read_boot(this_boot, id);
    auto_clean(fd_clean) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)file_write(fd, id, strlen(id), path, NULL);
}

bool host_vm_is_of_this_boot(const struct host_files *files, const char *vm) {
    char path[host_path_size], id[boot_id_size], now[boot_id_size];
    boot_path(files, vm, path);
    read_boot(path, id);
    read_boot(this_boot, now);
    return text_equal(id, now);
}

static int set_aside(const struct host_files *files, const char *vm, uint32_t epoch,
                     struct error *err) {
    struct host_vm_paths paths;
    char salvage[host_path_size], to[host_path_size];
    host_vm_paths(files, vm, &paths);
    text_format(salvage, sizeof(salvage), "%s/salvage", files->folder);
    text_format(to, sizeof(to), "%s/%s-%" PRIu32, salvage, vm, epoch);
    if (mkdir(salvage, 0700) && errno != EEXIST)
        return error_set(err, -errno, "make folder %s", salvage);
    if (rename(paths.folder, to) && errno != ENOENT)
        return error_set(err, -errno, "move %s to %s", paths.folder, to);
    return folder_sync(salvage, err);
}

int host_vm_remove(const struct host_files *files, const char *vm, struct error *err) {
    struct host_vm_paths paths;
    host_vm_paths(files, vm, &paths);
    return folder_remove(paths.folder, err);
}

int host_vm_end(const struct host_files *files, const struct effect_job *job, struct error *err) {
    return job->kind == JOB_EVICT ? set_aside(files, job->vm, job->epoch, err)
                                  : host_vm_remove(files, job->vm, err);
}
