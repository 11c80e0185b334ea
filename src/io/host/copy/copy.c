/* What of a disk is read: what its bitmap says was written since the copy before, or all of it,
 * beside its image, where no bitmap can be believed. The new tree is kept here, with the checkpoint
 * that goes with it, only after the repository has taken its root. */
#include "io/host/copy/copy.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/host/copy/bitmaps.h"
#include "io/host/copy/kept.h"
#include "io/host/copy/repository.h"
#include "io/host/copy/send.h"
#include "io/host/libvirt/act.h"
#include "io/host/libvirt/find.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"
#include "io/shell/ports.h"

struct copying {
    struct host *host;
    const struct effect_job *job;
    struct host_vm_paths paths;
    char folder[host_path_size], kept_path[host_path_size];
    char image[limit_digest_size], image_format[16];
    char since[host_checkpoint_size];      /* whose bitmap says what to read; "": read all */
    char checkpoint[host_checkpoint_size]; /* from which on it is recorded */
    bool is_live, is_frozen;
    struct kept_copy kept;
    struct tree tree;
    struct host_repository repository;
    struct sending sending;
};

static const struct block_key no_key; /* of a fresh disk: no copy was ever made */

static void checkpoint_draw(char out_name[host_checkpoint_size]) {
    unsigned char bytes[8];
    secret_random(bytes, sizeof(bytes));
    text_format(out_name, host_checkpoint_size, "%s%02x%02x%02x%02x%02x%02x%02x%02x",
                libvirt_checkpoint_prefix, bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
                bytes[5], bytes[6], bytes[7]);
}

static void kept_path(const struct host *host, const char *vm, char out_path[host_path_size]) {
    struct host_vm_paths paths;
    host_vm_paths(&host->files, vm, &paths);
    text_format(out_path, host_path_size, "%s/copied", paths.folder);
}

/* A folder that the account of the VM's QEMU, which has the disk, can write to, and nobody else. */
static int make_folder(struct copying *copying, struct error *err) {
    struct stat disk;
    if (folder_remove(copying->folder, err) || folder_make(copying->folder, 0700, err))
        return err->code;
    if (stat(copying->paths.disk, &disk) < 0 ||
        (geteuid() == 0 && chown(copying->folder, disk.st_uid, disk.st_gid) < 0))
        return error_set(err, -errno, "hand over %s: %s", copying->folder, strerror(errno));
    return 0;
}

static int prepare(struct copying *copying, struct error *err) {
    const struct host_files *files = &copying->host->files;
    uint32_t gib;
    struct definition definition = {.size = {.disk_gib = UINT32_MAX}};
    struct image_facts facts;
    host_vm_paths(files, copying->job->vm, &copying->paths);
    kept_path(copying->host, copying->job->vm, copying->kept_path);
    text_format(copying->folder, sizeof(copying->folder), "%.4000s/copy", copying->paths.folder);
    if (!host_disk_read(files, copying->job->vm, &gib, copying->image))
        return error_set(err, -EIO, "%s is no disk that can be read", copying->paths.disk);
    text_set(definition.image, copying->image);
    if (host_image_find(files, &definition, &facts, err) != CODE_OK)
        return err->code ? err->code : -ENOENT;
    text_set(copying->image_format, facts.disk_format);
    int failed = host_repository(copying->host, copying->job, &copying->repository, err);
    if (failed)
        return failed;
    copying->sending.repository = copying->repository.at;
    copying->sending.key = copying->repository.key;
    kept_copy_read(copying->kept_path, &copying->sending.key, &copying->kept);
    if (!*copying->kept.checkpoint) /* it may be that of a fresh disk */
        kept_copy_read(copying->kept_path, &no_key, &copying->kept);
    text_set(copying->since, copying->kept.checkpoint);
    return make_folder(copying, err);
}

/* --- the disk at one moment --- */

static enum code begin_backup(struct copying *copying, struct error *err) {
    char socket[host_path_size], scratch[host_path_size];
    text_format(socket, sizeof(socket), "%.4000s/nbd", copying->folder);
    text_format(scratch, sizeof(scratch), "%.4000s/scratch", copying->folder);
    if (strlen(socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        error_set(err, -ENAMETOOLONG, "no socket can have the path %.200s: give the agent a "
                  "folder with a shorter name", socket);
        return CODE_HOST_FAILED;
    }
    const struct libvirt_backup backup = {copying->job->vm, copying->since, copying->checkpoint,
                                          socket, scratch};
    enum code code = libvirt_backup_begin(copying->host->libvirt, &backup, &copying->is_frozen,
                                          err);
    if (code != CODE_OK)
        return code;
    const struct nbd_source source = {.socket = socket, .name = "vda",
                                      .bitmap = *copying->since ? copying->since : NULL};
    copying->sending.disk = nbd_disk_open(&source, err);
    return copying->sending.disk ? CODE_OK : CODE_HOST_FAILED;
}

/* A bitmap that is missing or broken, as after QEMU was killed, is no reason not to copy. */
static enum code open_live(struct copying *copying, struct error *err) {
    struct libvirt *libvirt = copying->host->libvirt;
    const char *vm = copying->job->vm;
    libvirt_backup_end(libvirt, vm); /* of a process that was killed */
    checkpoint_draw(copying->checkpoint);
    enum code code = *copying->since ? begin_backup(copying, err) : CODE_LOST;
    if (code == CODE_OK)
        return code;
    libvirt_backup_end(libvirt, vm);
    nbd_disk_close(take(copying->sending.disk));
    copying->since[0] = 0;
    code = libvirt_checkpoints_drop(libvirt, vm, "", err);
    checkpoint_draw(copying->checkpoint);
    return code == CODE_OK ? begin_backup(copying, err) : code;
}

static enum code record_from_here(struct host *host, const char *vm, const char *checkpoint,
                                  struct error *err) {
    struct host_vm_paths paths;
    host_vm_paths(&host->files, vm, &paths);
    enum code code = libvirt_checkpoints_drop(host->libvirt, vm, "", err);
    if (code == CODE_OK && (disk_bitmaps_remove(paths.disk, err) ||
                            disk_bitmap_add(paths.disk, checkpoint, err)))
        code = CODE_HOST_FAILED;
    return code == CODE_OK ? libvirt_checkpoint_adopt(host->libvirt, vm, checkpoint, err) : code;
}

static enum code open_off(struct copying *copying, struct error *err) {
    struct nbd_source source = {.path = copying->paths.disk, .format = "qcow2",
                                .bitmap = copying->since};
    copying->sending.disk = *copying->since ? nbd_disk_open(&source, err) : NULL;
    text_set(copying->checkpoint, copying->since); /* nothing is written meanwhile */
    if (copying->sending.disk)
        return CODE_OK;
    copying->since[0] = 0;
    checkpoint_draw(copying->checkpoint);
    enum code code = record_from_here(copying->host, copying->job->vm, copying->checkpoint, err);
    source.bitmap = NULL;
    if (code == CODE_OK)
        copying->sending.disk = nbd_disk_open(&source, err);
    return copying->sending.disk ? CODE_OK : code == CODE_OK ? CODE_HOST_FAILED : code;
}

static enum code open_disk(struct copying *copying, struct error *err) {
    char image[host_path_size];
    enum code code = copying->is_live ? open_live(copying, err) : open_off(copying, err);
    if (code != CODE_OK || *copying->since)
        return code;
    host_image_disk(&copying->host->files, copying->image, image);
    const struct nbd_source source = {.path = image, .format = copying->image_format};
    copying->sending.image = nbd_disk_open(&source, err);
    return copying->sending.image ? CODE_OK : CODE_HOST_FAILED;
}

/* --- from the disk to the repository --- */

/* What the disk had at the copy before. */
static void begin_tree(struct copying *copying) {
    const struct tree *before = &copying->kept.tree;
    size_t blocks = tree_blocks(&copying->tree);
    size_t known = *copying->since ? tree_blocks(before) : 0;
    for (size_t i = 0; i < blocks && i < known; i++)
        tree_set(&copying->tree, i, tree_get(before, i));
}

/* Where all is read, zeros that stand over something of the image are told as such. */
static int mark_zeros(struct copying *copying, const bool *marks, struct error *err) {
    size_t blocks = tree_blocks(&copying->tree);
    struct nbd_disk *image = copying->sending.image;
    size_t of_image = (size_t)((nbd_disk_bytes(image) + block_bytes - 1) / block_bytes);
    auto_clean(memory_clean) bool *there = memory_new(of_image + 1, sizeof(bool));
    int failed = nbd_disk_mark(image, there, err);
    for (size_t i = 0; !failed && i < of_image && i < blocks; i++)
        if (there[i] && !marks[i])
            tree_set(&copying->tree, i, &block_of_zeros);
    return failed;
}

static int transfer(struct copying *copying, struct error *err) {
    struct sending *sending = &copying->sending;
    struct block_digest image;
    int failed = block_digest_read(copying->image, &image)
                     ? error_set(err, -EINVAL, "the image of the disk is not known")
                     : tree_init(&copying->tree, nbd_disk_bytes(sending->disk), &image, err);
    if (failed)
        return failed;
    auto_clean(memory_clean) bool *marks = memory_new(tree_blocks(&copying->tree), sizeof(bool));
    begin_tree(copying);
    failed = nbd_disk_mark(sending->disk, marks, err);
    if (!failed && sending->image)
        failed = mark_zeros(copying, marks, err);
    sending->tree = &copying->tree;
    if (!failed)
        failed = sending_blocks(sending, marks, err);
    if (!failed)
        failed = sending_root(sending, err);
    if (failed == REPOSITORY_LACKING) { /* it has lost something since */
        failed = sending_lacking(sending, err);
        failed = failed ? failed : sending_root(sending, err);
    }
    return failed;
}

static int keep(struct copying *copying, struct error *err) {
    struct kept_copy now = {.key = copying->sending.key, .tree = copying->tree};
    text_set(now.checkpoint, copying->checkpoint);
    return kept_copy_write(copying->kept_path, &now, err);
}

static enum code judge(int failed, struct error *err) {
    switch (failed) {
    case 0: return CODE_OK;
    case REPOSITORY_FULL:
        error_set(err, -ENOSPC, "the manager's repository has no room for the copy");
        return CODE_NO_CAPACITY;
    case REPOSITORY_REFUSED:
        error_set(err, -EACCES, "the manager's repository does not expect this copy any more");
        return CODE_STALE;
    case REPOSITORY_LACKING:
        error_set(err, -EIO, "the disk is not as the copy before says; the next copy reads all");
        return CODE_HOST_FAILED;
    default: return CODE_HOST_FAILED;
    }
}

static void told(const struct copying *copying, struct event_job *out) {
    auto_clean(text_deinit) struct text root = {0};
    struct block_digest digest;
    tree_root(&copying->tree, &copying->sending.key, &root);
    block_hash(&copying->sending.key, root.data, root.length, &digest);
    block_digest_say(&digest, out->copied.root);
    out->copied.bytes = copying->sending.sent_bytes;
    out->copied.frozen = copying->is_frozen;
}

static enum code copy(struct copying *copying, struct event_job *out, struct error *err) {
    struct error cleaning = {0};
    enum code code = open_disk(copying, err);
    int failed = code == CODE_OK ? transfer(copying, err) : 0;
    if (code == CODE_OK && !failed)
        failed = keep(copying, err);
    nbd_disk_close(copying->sending.disk);
    nbd_disk_close(copying->sending.image);
    if (code == CODE_OK)
        code = judge(failed, err);
    if (failed == REPOSITORY_LACKING && unlink(copying->kept_path) < 0)
        code = CODE_HOST_FAILED;
    if (copying->is_live) {
        libvirt_backup_end(copying->host->libvirt, copying->job->vm);
        const char *recorded = code == CODE_OK ? copying->checkpoint : copying->since;
        enum code dropped = libvirt_checkpoints_drop(copying->host->libvirt, copying->job->vm,
                                                     recorded, &cleaning);
        if (dropped != CODE_OK && code == CODE_OK) /* the copy is whole all the same */
            shell_log(copying->host->shell, LOG_WARNING, "checkpoints-left", "vm=%s why=%s",
                      copying->job->vm, cleaning.text);
    }
    if (code == CODE_OK)
        told(copying, out);
    return code;
}

enum code host_copy(struct host *host, const struct effect_job *job, struct event_job *out,
                    struct error *err) {
    struct copying copying = {.host = host, .job = job};
    struct libvirt_domain found;
    if (libvirt_driver(host->libvirt) != LIBVIRT_QEMU) {
        error_set(err, -ENOTSUP, "this host's driver has no disks");
        return CODE_UNSUPPORTED;
    }
    enum code code = libvirt_find(host->libvirt, job->vm, &found, err);
    if (code != CODE_OK)
        return code;
    copying.is_live = found.state == VM_RUNNING || found.state == VM_PAUSED;
    code = prepare(&copying, err) ? CODE_HOST_FAILED : copy(&copying, out, err);
    (void)folder_remove(copying.folder, NULL);
    host_repository_free(&copying.repository);
    kept_copy_deinit(&copying.kept);
    tree_deinit(&copying.tree);
    return code;
}

enum code host_copy_begin(struct host *host, const char *vm, struct error *err) {
    struct kept_copy kept = {0}; /* by no key: no copy was made */
    struct block_digest digest;
    char image[limit_digest_size] = "", path[host_path_size];
    uint32_t gib = 0;
    if (libvirt_driver(host->libvirt) != LIBVIRT_QEMU)
        return CODE_OK; /* there is no disk */
    kept_path(host, vm, path);
    checkpoint_draw(kept.checkpoint);
    if (!host_disk_read(&host->files, vm, &gib, image) || block_digest_read(image, &digest) ||
        tree_init(&kept.tree, (uint64_t)gib << 30, &digest, err))
        return CODE_HOST_FAILED;
    enum code code = record_from_here(host, vm, kept.checkpoint, err);
    if (code == CODE_OK && kept_copy_write(path, &kept, err))
        code = CODE_HOST_FAILED;
    kept_copy_deinit(&kept);
    return code;
}

enum code host_copy_forget(struct host *host, const char *vm, struct error *err) {
    struct host_vm_paths paths;
    char path[host_path_size];
    struct libvirt_domain found;
    host_vm_paths(&host->files, vm, &paths);
    kept_path(host, vm, path);
    if (libvirt_driver(host->libvirt) != LIBVIRT_QEMU)
        return CODE_OK;
    if (access(path, F_OK) < 0 && libvirt_checkpoints_count(host->libvirt, vm) == 0)
        return CODE_OK; /* none was ever begun */
    enum code code = libvirt_find(host->libvirt, vm, &found, err);
    if (code == CODE_OK)
        code = libvirt_stop(host->libvirt, vm, err);
    if (code == CODE_OK)
        code = libvirt_checkpoints_drop(host->libvirt, vm, "", err);
    if (code == CODE_OK && disk_bitmaps_remove(paths.disk, err))
        code = CODE_HOST_FAILED;
    if (code == CODE_OK)
        (void)unlink(path);
    return code;
}
