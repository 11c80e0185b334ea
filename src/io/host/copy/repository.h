/* Where a host's copies go: the repository that its images come from. */
#pragma once

#include "io/blocks/repository.h"
#include "io/host/state.h"

struct host_repository {
    struct blocks_repository at;
    struct block_key key; /* of the VM's blocks there */
};

/* By the host's configuration and the job's order; the caller frees what it owns. -ENOTSUP with
 * `err`: images do not come from such a repository. */
int host_repository(struct host *host, const struct effect_job *job, struct host_repository *out,
                    struct error *err);
void host_repository_free(struct host_repository *repository);
