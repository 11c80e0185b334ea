/* The digest of a file, found out on a thread beside whoever has something else to do with it. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "message/limits.h"

struct hashing {
    pthread_t thread;
    bool is_beside;
    const char *path;
    char digest[limit_digest_size];
    int fault;
    struct error err;
};

void hashing_begin(struct hashing *hashing, const char *path); /* which outlives it */

/* Waits for it. 0, or negative with `err`. */
int hashing_end(struct hashing *hashing, char out_digest[limit_digest_size], struct error *err);
