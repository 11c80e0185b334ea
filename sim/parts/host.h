/* Hosts: what they are asked for takes effect in time, or half of it, or none. */
#pragma once

#include "sim/parts/domain.h"

void host_begin(struct sim_world *world, struct sim_node *node, const struct effect_job *job);
void host_fetch_image(struct sim_world *world, struct sim_node *node,
                      const struct effect_image *image);

/* A console's log is read: what it says is whose it is, in base64 (host_log). */
void host_read(struct sim_world *world, struct sim_node *node, const struct effect_read *read);
void host_log(const char *vm, struct text *out_base64);

/* What the host's VMs use: the same of each whenever it is asked, which follows from its id. */
void host_usage(struct sim_world *world, struct sim_node *node);
struct usage host_usage_of(const char *vm);

/* The process of the host's agent is about to be gone. */
void host_end_of_process(struct sim_world *world, struct sim_node *node);

/* The host loses power, after its agent's process is gone. */
/* The disk of a host's VMs, or of a manager's books, is full or has room again. */
void host_fill_disk(struct sim_world *world, struct sim_node *node, bool is_full);

/* A process that has begun is told what its disk is. */
void host_tell_disk(struct sim_world *world, struct sim_node *node);

void host_lose_power(struct sim_world *world, struct sim_node *node);
void host_guest_dies(struct sim_world *world, struct sim_domain *domain);
