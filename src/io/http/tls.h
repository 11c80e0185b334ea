/* The files of a server's certificate and key. */
#pragma once

#include "base/error.h"
#include "base/text.h"

struct tls_files {
    char *certificate, *key; /* paths; NULL: no TLS */
};

/* Are both there, or none? 0, or negative with `err`. */
int tls_files_check(const struct tls_files *files, const char *listen_at, struct error *err);

/* What stands in them, PEM. */
struct tls_pair {
    struct text certificate, key; /* empty: no TLS */
};

/* 0, or negative with `err`. */
int tls_pair_read(struct tls_pair *pair, const struct tls_files *files, struct error *err);
bool tls_pair_is_equal(const struct tls_pair *left, const struct tls_pair *right);
void tls_pair_deinit(struct tls_pair *pair);
