/* A block store elsewhere, by HTTP (blocks/serve.h): for worker threads, whose calls block. */
#pragma once

#include <stdatomic.h>

#include "io/blocks/pack.h"

struct blocks_repository {
    const char *url;     /* up to and with the VM: https://…/v1/copies/VM */
    const char *token;   /* the VM's */
    const char *ca_file; /* NULL: the system's */
    const atomic_bool *cancel;
};

enum { REPOSITORY_LACKING = 1, REPOSITORY_FULL, REPOSITORY_REFUSED };

/* Of these digests the ones that are not there, added to `out`. 0; REPOSITORY_REFUSED: the token is
 * none; negative with `err`. */
int repository_lack(const struct blocks_repository *repository, const struct block_digests *digests,
                    struct text *out, struct error *err);

/* 0, REPOSITORY_FULL, REPOSITORY_REFUSED; negative. */
int repository_put(const struct blocks_repository *repository, const struct text *batch,
                   struct error *err);

/* 0, REPOSITORY_LACKING: not all that it names is there; REPOSITORY_FULL, REPOSITORY_REFUSED. */
int repository_put_root(const struct blocks_repository *repository, const struct text *root,
                        struct error *err);

int repository_get_root(const struct blocks_repository *repository,
                        const struct block_digest *digest, struct text *out, struct error *err);

/* Adds a batch of those that are there; few at a time (blocks/serve.h). */
int repository_fetch(const struct blocks_repository *repository,
                     const struct block_digests *digests, struct text *out,
                     struct error *err);
