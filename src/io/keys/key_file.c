/* Who may read and replace a key file, and in which order files are made and renamed, so that a
 * crash leaves one of the two keys and never a half. */
#include "io/keys/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/keys/seal.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"

void key_file_forget(char line[limit_key_line_size]) { secret_erase(line, limit_key_line_size); }

static char *next_to(const char *path, const char *ending) {
    struct text text = {0};
    text_addf(&text, "%s%s", path, ending);
    return text.data;
}

static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    struct text text = {0};
    if (!slash)
        text_add(&text, ".");
    else
        text_add_bytes(&text, path, slash == path ? 1 : (size_t)(slash - path));
    return text.data;
}

/* A new key, in a file that was not there. */
static int write_new(const char *path, struct error *err) {
    char secret[secret_token_size], line[limit_key_line_size];
    auto_clean(fd_clean) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, -errno, "make the key file %s: %s", path, strerror(errno));
    secret_token(secret); /* 32 random bytes in base64url, as a key is */
    text_format(line, sizeof(line), "secret:%s\n", secret);
    int result = file_write(fd, line, strlen(line), path, err);
    if (!result && fsync(fd) < 0)
        result = error_set(err, -errno, "sync %s: %s", path, strerror(errno));
    secret_erase(secret, sizeof(secret));
    key_file_forget(line);
    return result;
}

static int read_line(const char *path, char out_line[limit_key_line_size], struct stat *out_about,
                     struct error *err) {
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    memset(out_line, 0, limit_key_line_size);
    if (fd < 0 || fstat(fd, out_about) < 0 || read(fd, out_line, limit_key_line_size - 1) < 0)
        return error_set(err, -errno, "read the key file %s: %s", path, strerror(errno));
    if (out_about->st_mode & 077)
        return error_set(err, -EPERM, "%s holds a secret, and others can read it; run: chmod 600 "
                         "%s, or better make a new key", path, path);
    out_line[strcspn(out_line, "\r\n")] = 0;
    return 0;
}

int key_file_read(const char *path, char out_line[limit_key_line_size], struct error *err) {
    struct stat about;
    return read_line(path, out_line, &about, err);
}

static int read_public(const char *path, char out_public[limit_public_key_size],
                       struct stat *out_about, struct error *err) {
    char line[limit_key_line_size];
    int result = read_line(path, line, out_about, err);
    if (!result && seal_public_of(line, out_public, err))
        result = error_wrap(err, "%s", path);
    key_file_forget(line);
    return result;
}

int key_file_make(const char *path, char out_public[limit_public_key_size], struct error *err) {
    struct stat about;
    if (access(path, F_OK) < 0 && errno == ENOENT && write_new(path, err))
        return err->code;
    return read_public(path, out_public, &about, err);
}

/* The folder must be the daemon's own, since that is where it has to rename. */
static int check_owner(const char *path, const struct stat *about, struct error *err) {
    auto_clean(memory_clean) char *folder = folder_of(path);
    struct stat around;
    if (stat(folder, &around) < 0)
        return error_set(err, -errno, "look at %s: %s", folder, strerror(errno));
    if (about->st_uid && around.st_uid != about->st_uid)
        return error_set(err, -EPERM, "the daemon that owns %s cannot replace it, because %s is "
                         "not its own; keep the key in the daemon's state folder", path, folder);
    return 0;
}

int key_file_rotate(const char *path, char out_public[limit_public_key_size], struct error *err) {
    auto_clean(memory_clean) char *fresh = next_to(path, ".new"), *next = next_to(path, ".next");
    auto_clean(memory_clean) char *folder = folder_of(path);
    struct stat about, ours;
    if (read_public(path, out_public, &about, err) || check_owner(path, &about, err))
        return err->code;
    (void)unlink(fresh); /* of one that was killed here */
    if (write_new(fresh, err) || read_public(fresh, out_public, &ours, err))
        return err->code;
    int result = 0;
    if (ours.st_uid != about.st_uid && chown(fresh, about.st_uid, about.st_gid) < 0)
        result = error_set(err, -errno, "give %s to the owner of %s: %s", fresh, path,
                           strerror(errno));
    else if (renameat2(AT_FDCWD, fresh, AT_FDCWD, next, RENAME_NOREPLACE) < 0)
        result = errno == EEXIST
                     ? error_set(err, -EALREADY, "the key in %s is being changed already: the "
                                 "daemon does it as soon as it runs and its peers are there; see: "
                                 "key show %s", path, path)
                     : error_set(err, -errno, "rename %s to %s: %s", fresh, next,
                                 strerror(errno));
    else
        return folder_sync(folder, err);
    (void)unlink(fresh);
    return result;
}

int key_file_show(const char *path, struct key_file_state *out_state, struct error *err) {
    auto_clean(memory_clean) char *next = next_to(path, ".next");
    struct stat about;
    struct error missing = {0};
    *out_state = (struct key_file_state){0};
    if (!read_public(next, out_state->next_key, &about, &missing))
        out_state->next_since_ms = (uint64_t)about.st_mtime * 1000;
    else if (missing.code != -ENOENT)
        return error_set(err, missing.code, "%s", missing.text);
    return read_public(path, out_state->public_key, &about, err);
}

int key_file_next(const char *path, char out_line[limit_key_line_size], struct error *err) {
    auto_clean(memory_clean) char *next = next_to(path, ".next"), *folder = folder_of(path);
    struct stat about;
    if (access(next, F_OK) < 0 && errno == ENOENT)
        return 0;
    if (access(folder, W_OK) < 0)
        return error_set(err, -errno, "%s cannot take the place of %s, because this daemon must "
                         "not write in %s: remove it, or keep the key in the state folder", next,
                         path, folder);
    return read_line(next, out_line, &about, err) ? err->code : 1;
}

int key_file_adopt(const char *path, struct error *err) {
    auto_clean(memory_clean) char *next = next_to(path, ".next");
    return folder_commit(next, path, err);
}
