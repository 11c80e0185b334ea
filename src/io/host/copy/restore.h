/* A disk that is made of a copy. */
#pragma once

#include "io/host/state.h"

/* Puts the blocks of the job's root into the disk at `path`, which is a fresh overlay. */
enum code host_restore(struct host *host, const struct effect_job *job, const char *path,
                       struct error *err);
