/* Reads a certificate and its key, as they are on disk now. */
#include "io/http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { file_bytes = 1 << 20 };

static int read_file(const char *path, struct text *out, struct error *err) {
    char bytes[4096];
    ssize_t length;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, -errno, "open the TLS file %s: %s; check certificate_file and "
                         "key_file, and who may read them", path, strerror(errno));
    out->limit = file_bytes;
    while ((length = read(fd, bytes, sizeof(bytes))) > 0)
        text_add_bytes(out, bytes, (size_t)length);
    int code = -errno;
    close(fd);
    if (length < 0)
        return error_set(err, code, "read the TLS file %s: %s", path, strerror(-code));
    return out->full ? error_set(err, -EFBIG, "the TLS file %s is over 1 MiB", path) : 0;
}

int tls_files_check(const struct tls_files *files, const char *listen_at, struct error *err) {
    if (!files->certificate == !files->key)
        return 0;
    return error_set(err, -EINVAL, "serve TLS on %s: %s is missing; set both the certificate and "
                     "the key, or none", listen_at,
                     files->key ? "the certificate file" : "the key file");
}

int tls_pair_read(struct tls_pair *pair, const struct tls_files *files, struct error *err) {
    *pair = (struct tls_pair){0};
    if (!files->certificate)
        return 0;
    int result = read_file(files->certificate, &pair->certificate, err);
    return result < 0 ? result : read_file(files->key, &pair->key, err);
}

bool tls_pair_is_equal(const struct tls_pair *left, const struct tls_pair *right) {
    return text_equal(text_data(&left->certificate), text_data(&right->certificate)) &&
           text_equal(text_data(&left->key), text_data(&right->key));
}

void tls_pair_deinit(struct tls_pair *pair) {
    if (pair->key.data)
        explicit_bzero(pair->key.data, pair->key.length);
    text_deinit(&pair->certificate);
    text_deinit(&pair->key);
}
