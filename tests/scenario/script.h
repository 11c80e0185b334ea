/* A script: one cloud, one cluster, two hosts in a calm simulated world, tenants' wishes at given
 * moments, and the story that has to come of it, line by line. */
#pragma once

#include "sim/world/world.h"

struct script {
    struct sim_world *world;
    struct sim_node *cloud, *cluster, *hosts[2];
    struct text story;
};

/* Everything is up, the tenant and the image are there; the story begins. */
struct script *script_new(void);
void script_free(struct script *script);

/* Lets the world go on for so long. */
void script_wait(struct script *script, uint64_t seconds);

/* Wishes; `key` is the idempotency key or "". */
void script_create(struct script *script, const char *name, const char *key);
void script_act(struct script *script, const char *name, enum verb verb, uint64_t deadline_ms);

void script_resize(struct script *script, const char *name, const char *shape,
                   uint64_t deadline_ms);

/* The VM's memory, as it counts for the tenant. */
uint32_t script_memory_mib(const struct script *script, const char *name);

/* The cluster's manager restarts with another name for the host. */
void script_rename(struct script *script, const struct sim_node *host, const char *name);

/* Tokens are the tenant's; the quota is of VMs. */
void script_quota(struct script *script, uint64_t vms);

/* Is the VM in this state, for the cloud and in truth? */
bool script_vm_is(const struct script *script, const char *name, enum vm_state state);
uint64_t script_vms(const struct script *script);

/* Asserts that the story since the last call is `expected`. */
void script_tells(struct script *script, const char *expected);

/* Asserts that the world comes to rest with every law kept. */
void script_ends(struct script *script);
