/* Whether a disk stands on an image, whatever the books say: a VM's, one that is being made, or one
 * that was put aside for the host's owner. */
#include "io/host/cache/cache.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/host/files.h"
#include "io/os/folder.h"

/* A disk that is there and cannot be read may stand on anything. */
static bool disk_stands(const char *folder, const char *name, const char *digest) {
    char path[host_path_size], image[limit_digest_size] = "";
    uint32_t gib;
    text_format(path, sizeof(path), "%s/%s", folder, name);
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return false;
    return !host_disk_read_at(path, &gib, image) || text_equal(image, digest);
}

static bool one_of_stands(const struct host *host, const char *kind, const char *digest) {
    char folder[host_path_size];
    text_format(folder, sizeof(folder), "%s/%s", host->files.folder, kind);
    DIR *stream = opendir(folder);
    bool stands = !stream && errno != ENOENT;
    struct dirent *entry;
    while (stream && !stands && (entry = readdir(stream))) {
        char inside[host_path_size];
        if (entry->d_name[0] == '.')
            continue;
        text_format(inside, sizeof(inside), "%s/%s", folder, entry->d_name);
        stands = disk_stands(inside, "disk.qcow2", digest) ||
                 disk_stands(inside, "disk.qcow2.new", digest);
    }
    if (stream)
        closedir(stream);
    return stands;
}

/* In this order: what is put aside meanwhile is seen in one of both. */
static bool stands(void *context, const char *digest) {
    const struct host *host = context;
    return one_of_stands(host, "vms", digest) || one_of_stands(host, "salvage", digest);
}

static void hidden_path(const struct host *host, const char *digest, char out[host_path_size]) {
    text_format(out, host_path_size, "%s/images/%s.gone", host->files.folder, digest);
}

static void image_path(const struct host *host, const char *digest, char out[host_path_size]) {
    text_format(out, host_path_size, "%s/images/%s", host->files.folder, digest);
}

static uint64_t bytes_of(void *context, const char *digest) {
    char path[host_path_size];
    image_path(context, digest, path);
    return folder_bytes(path);
}

static bool hide(void *context, const char *digest) {
    char path[host_path_size], hidden[host_path_size];
    image_path(context, digest, path);
    hidden_path(context, digest, hidden);
    return rename(path, hidden) == 0;
}

static void remove_hidden(void *context, const char *digest) {
    char hidden[host_path_size];
    hidden_path(context, digest, hidden);
    (void)folder_remove(hidden, NULL); /* what stays goes when the agent starts */
}

struct shelf_calls host_cache_calls(struct host *host) {
    return (struct shelf_calls){bytes_of, stands, hide, remove_hidden, host};
}

enum code host_cache_fetch(struct host *host, const char *digest, uint32_t disk_gib,
                           struct error *err) {
    enum code code;
    do
        code = host_image_fetch(&host->files, digest, disk_gib, err);
    while (code == CODE_NO_CAPACITY && shelf_drop(&host->shelf));
    return code;
}
