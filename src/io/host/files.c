/* When an image is complete and a disk is whole: each is made beside its place, and put there by
 * a rename. Disks are made by qemu-img as overlays of the cached image. */
#include "io/host/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/os/folder.h"

extern char **environ;

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
}

static void directory_clean(DIR **directory) {
    if (*directory)
        (void)closedir(*directory);
}

/* In the cache, whatever has a dot in its name is half-made. */
static int drop_half_made(const char *images, struct error *err) {
    auto_clean(directory_clean) DIR *directory = opendir(images);
    if (!directory)
        return error_set(err, -errno, "read the folder %s: %s", images, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(directory));) {
        char path[host_path_size];
        text_format(path, sizeof(path), "%s/%s", images, entry->d_name);
        int failed = entry->d_name[0] != '.' && strchr(entry->d_name, '.')
                         ? folder_remove(path, err)
                         : 0;
        if (failed)
            return failed;
    }
    return 0;
}

int host_files_open(struct host_files *files, struct error *err) {
    char path[host_path_size];
    text_format(path, sizeof(path), "%s/vms", files->folder);
    int failed = folder_make(path, 0711, err);
    text_format(path, sizeof(path), "%s/images", files->folder);
    if (!failed)
        failed = folder_make(path, 0755, err);
    return failed ? failed : drop_half_made(path, err);
}

bool host_image_is_here(const struct host_files *files, const char *digest) {
    char folder[host_path_size];
    image_path(files, digest, "", folder);
    return access(folder, F_OK) == 0;
}

enum code host_image_fetch(const struct host_files *files, const char *digest, struct error *err) {
    if (host_image_is_here(files, digest))
        return CODE_OK;
    char folder[host_path_size], archive[host_path_size];
    image_path(files, digest, "", folder);
    image_path(files, digest, ".archive", archive);
    int fault = image_download(&files->from, digest, archive, err);
    if (fault)
        return fault == IMAGE_WRONG_DIGEST ? CODE_IMAGE_BROKEN : CODE_IMAGE_UNAVAILABLE;
    struct image_facts facts;
    fault = image_archive_unpack(archive, NULL, folder, &facts, err); /* digest checked above */
    (void)unlink(archive);
    if (fault)
        return fault > 0 ? CODE_IMAGE_BROKEN : CODE_HOST_FAILED;
    return CODE_OK;
}

enum code host_image_find(const struct host_files *files, const struct definition *definition,
                          struct image_facts *out_facts, struct error *err) {
    char folder[host_path_size];
    image_path(files, definition->image, "", folder);
    int fault = image_folder_facts(folder, out_facts, err);
    if (fault)
        return fault == -ENOENT ? CODE_IMAGE_UNAVAILABLE : CODE_IMAGE_BROKEN;
    if (out_facts->disk_bytes <= definition->size.disk_gib * gib)
        return CODE_OK;
    error_set(err, -EFBIG, "the image's disk of %" PRIu64 " bytes is larger than %" PRIu32 " GiB",
              out_facts->disk_bytes, definition->size.disk_gib);
    return CODE_IMAGE_TOO_LARGE;
}

/* --- a VM's disk --- */

/* Runs a tool by its argument array, without a shell; what it says on standard error ends up in
 * `err`. */
static int run_tool(const char *const arguments[], struct error *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, -errno, "make a pipe: %s", strerror(errno));
    auto_clean(fd_clean) int from_tool = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    pid_t process;
    int failed = posix_spawnp(&process, arguments[0], &actions, NULL, (char *const *)arguments,
                              environ);
    posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    if (failed)
        return error_set(err, -failed, "run %s: %s; install it", arguments[0], strerror(failed));

    auto_clean(text_deinit) struct text said = {.limit = 300};
    char piece[256];
    for (ssize_t length; (length = read(from_tool, piece, sizeof(piece))) != 0;) {
        if (length > 0)
            text_add_bytes(&said, piece, (size_t)length);
        else if (errno != EINTR)
            break;
    }
    int status = 0;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return error_set(err, -EIO, "%s ended with %d: %s", arguments[0],
                     WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
                     text_data(&said));
}

static void unfinished_path(const char *path, char out_path[host_path_size]) {
    text_format(out_path, host_path_size, "%s.new", path);
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
    return run_tool(arguments, err);
}

static int commit_disk(const char *path, struct error *err) {
    char unfinished[host_path_size];
    unfinished_path(path, unfinished);
    return folder_commit(unfinished, path, err);
}

static int make_seed(const struct effect_job *job, const char *path, struct error *err) {
    const struct definition *definition = &job->definition;
    char meta_data[256];
    /* quoted: YAML takes a bare 123 or no for something else than a name */
    text_format(meta_data, sizeof(meta_data), "instance-id: \"%s\"\nlocal-hostname: \"%s\"\n",
                job->vm, definition->name);
    const char *user_data = definition->user_data ? definition->user_data : "#cloud-config\n";
    return image_seed_write(path, meta_data, user_data, err);
}

enum code host_vm_prepare(const struct host_files *files, const struct effect_job *job,
                          const struct image_facts *facts, struct error *err) {
    struct host_vm_paths paths;
    host_vm_paths(files, job->vm, &paths);
    int failed = folder_make(paths.folder, 0711, err);
    if (!failed)
        failed = make_seed(job, paths.seed, err);
    if (!failed)
        failed = make_disk(files, job, facts, err);
    if (!failed)
        failed = commit_disk(paths.disk, err);
    return failed ? CODE_HOST_FAILED : CODE_OK;
}

enum code host_disk_renew(const struct host_files *files, const struct effect_job *job,
                          const struct image_facts *facts, struct error *err) {
    struct host_vm_paths paths;
    host_vm_paths(files, job->vm, &paths);
    int failed = job->definition.user_data ? make_seed(job, paths.seed, err) : 0;
    if (!failed)
        failed = make_disk(files, job, facts, err);
    return failed ? CODE_HOST_FAILED : CODE_OK;
}

enum code host_disk_replace(const struct host_files *files, const char *vm, struct error *err) {
    struct host_vm_paths paths;
    host_vm_paths(files, vm, &paths);
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

bool host_disk_read(const struct host_files *files, const char *vm, uint32_t *out_gib,
                    char out_image[limit_digest_size]) {
    struct host_vm_paths paths;
    struct disk_header header;
    char backing[host_path_size] = "";
    host_vm_paths(files, vm, &paths);
    auto_clean(fd_clean) int fd = open(paths.disk, O_RDONLY | O_CLOEXEC);
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
    return run_tool(arguments, err) ? CODE_HOST_FAILED : CODE_OK;
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

int host_vm_remove(const struct host_files *files, const char *vm, struct error *err) {
    struct host_vm_paths paths;
    host_vm_paths(files, vm, &paths);
    return folder_remove(paths.folder, err);
}
