/* Which names in an image folder are of uploads, and which of those outlive the upload. */
#include "io/rest/part.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"

enum { most_age_seconds = 24 * 3600 };

static const char prefix[] = "upload-", suffix[] = ".part";

void part_name(const char *token_hash, const char *digest, char out_name[part_name_size]) {
    char words[2 * limit_digest_size], name[limit_digest_size];
    text_format(words, sizeof(words), "%s/%s", token_hash, digest);
    secret_hash_bytes(words, strlen(words), name);
    text_format(out_name, part_name_size, "%s%.32s%s", prefix, name, suffix);
}

static bool is_part(const char *name) {
    size_t length = strlen(name), end = sizeof(suffix) - 1;
    return text_starts(name, prefix) && length > end && text_equal(name + length - end, suffix);
}

void part_sweep(const char *folder, enum part_sweep sweep) {
    DIR *stream = opendir(folder);
    struct dirent *entry;
    while (stream && (entry = readdir(stream))) {
        char path[4096];
        if (!text_starts(entry->d_name, prefix))
            continue;
        text_format(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (is_part(entry->d_name) ? folder_is_old(dirfd(stream), entry->d_name, most_age_seconds)
                                   : sweep == PART_SWEEP_AT_START) {
            if (unlink(path) < 0)
                (void)folder_remove(path, NULL);
        }
    }
    if (stream)
        closedir(stream);
}

unsigned part_count(const char *folder) {
    DIR *stream = opendir(folder);
    struct dirent *entry;
    unsigned count = 0;
    while (stream && (entry = readdir(stream)))
        count += is_part(entry->d_name);
    if (stream)
        closedir(stream);
    return count;
}
