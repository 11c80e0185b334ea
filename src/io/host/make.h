/* What a VM is on this host: made, and made another. Jobs, as effect.h has them. */
#pragma once

#include "io/host/state.h"

enum code host_create(struct host *host, const struct effect_job *job, struct error *err);
enum code host_resize(struct host *host, const struct effect_job *job, struct error *err);
enum code host_rebuild(struct host *host, const struct effect_job *job, struct error *err);
enum code host_connect(struct host *host, const struct effect_job *job, struct error *err);
enum code host_revert(struct host *host, const struct effect_job *job, struct error *err);
enum code host_allow(struct host *host, const struct effect_job *job, struct error *err);
