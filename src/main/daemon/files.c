/* A file is written beside its place and then put there whole, with mode 0600. A secret that is
 * there already is kept. */
#include "main/daemon/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"

int daemon_values_set(struct config_values *values, const struct daemon_options *options,
                      struct error *err) {
    for (size_t i = 0; i < options->sets_count; i++) {
        auto_clean(memory_clean) char *section = memory_text(options->sets[i]);
        char *value = strchr(section, '='), *key = NULL;
        if (value) {
            *value++ = 0;
            key = strrchr(section, '.');
        }
        if (!key || strpbrk(options->sets[i], "\r\n"))
            return error_set(err, -EINVAL, "--set %s; give SECTION.KEY=VALUE, as in "
                             "--set downlink.port=5222", options->sets[i]);
        *key++ = 0;
        config_values_add(values, section, key, value);
    }
    return 0;
}

char *daemon_files(const char *config, struct error *err) {
    size_t length = strlen(config);
    bool suffixed = length > 5 && text_equal(config + length - 5, ".conf");
    struct text path = {0};
    char *whole = *config == '/' ? NULL : getcwd(NULL, 0);
    text_addf(&path, "%s%s%.*s%s", whole ? whole : "", whole ? "/" : "",
              (int)(suffixed ? length - 5 : length), config, suffixed ? "" : ".d");
    memory_free(whole);
    auto_clean(memory_clean) char *around = memory_text(path.data);
    *strrchr(around, '/') = 0; /* others have their files there, too: not of ours alone to read */
    if ((!*around || !folder_make(around, 0755, err)) && !folder_make(path.data, 0700, err))
        return path.data;
    text_deinit(&path);
    return NULL;
}

char *daemon_file_path(const char *folder, const char *name, const char *suffix) {
    struct text path = {0};
    text_addf(&path, "%s/%s%s", folder, name, suffix);
    return path.data;
}

int daemon_file_write(const char *path, const char *bytes, size_t length, struct error *err) {
    auto_clean(text_deinit) struct text fresh = {0};
    text_addf(&fresh, "%s.new", path);
    auto_clean(fd_clean) int fd = open(fresh.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, -errno, "make %s: %s", path, strerror(errno));
    if (file_write(fd, bytes, length, path, err))
        return err->code;
    return folder_commit(fresh.data, path, err);
}

int daemon_file_read(const char *path, size_t most, struct text *out, struct error *err) {
    char bytes[4096];
    ssize_t length;
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, -errno, "open %s: %s; check the path", path, strerror(errno));
    out->limit = most;
    while ((length = read(fd, bytes, sizeof(bytes))) > 0)
        text_add_bytes(out, bytes, (size_t)length);
    if (length < 0)
        return error_set(err, -errno, "read %s: %s", path, strerror(errno));
    if (out->full)
        return error_set(err, -EFBIG, "%s is larger than %zu bytes", path, most);
    return 0;
}

int daemon_file_secret(const char *path, char out_secret[limit_text_size], struct error *err) {
    auto_clean(text_deinit) struct text text = {0};
    if (access(path, F_OK) == 0) {
        if (daemon_file_read(path, limit_text_size - 1, &text, err))
            return err->code;
        text_format(out_secret, limit_text_size, "%.*s",
                    (int)strcspn(text_data(&text), "\r\n"), text_data(&text));
        return *out_secret ? 0 : error_set(err, -EINVAL, "%s has no secret in its first line",
                                           path);
    }
    secret_token(out_secret);
    text_addf(&text, "%s\n", out_secret);
    return daemon_file_write(path, text.data, text.length, err);
}

char *daemon_authority(const char *path, struct error *err) {
    struct text text = {0};
    if (!path)
        return NULL;
    if (!daemon_file_read(path, limit_authority, &text, err))
        return text.data;
    text_deinit(&text);
    return NULL;
}
