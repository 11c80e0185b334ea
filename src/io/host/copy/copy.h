/* JOB_COPY: a VM's disk as it is at one moment goes to the manager's repository, block by block, as
 * far as it is not there; it counts once its root was taken. And what other jobs have to do about
 * the bitmaps that this leaves in a disk. */
#pragma once

#include "io/host/state.h"

enum code host_copy(struct host *host, const struct effect_job *job, struct event_job *out,
                    struct error *err);

/* A fresh disk records from its beginning what is written to it. */
enum code host_copy_begin(struct host *host, const char *vm, struct error *err);

/* The VM's disk is about to be another, or to go back: what was recorded is for nothing, and would
 * hinder a revert. A VM that runs is stopped where that has to be. */
enum code host_copy_forget(struct host *host, const char *vm, struct error *err);
