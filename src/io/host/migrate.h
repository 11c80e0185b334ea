/* A host's part in VMs that go from one host to another while they run: jobs, as effect.h has
 * them. */
#pragma once

#include "io/host/state.h"

enum code host_receive(struct host *host, const struct effect_job *job, struct error *err);
enum code host_migrate(struct host *host, const struct effect_job *job, struct error *err);
enum code host_adopt(struct host *host, const struct effect_job *job, struct error *err);
