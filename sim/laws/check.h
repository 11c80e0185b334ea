/* The laws of the design, each a function with its name. check_step is called after each step,
 * check_commit when what it wrote is about to be there for good, check_minute once a simulated
 * minute, check_end when the world has healed. A broken law prints what and how to replay it, and
 * ends the process with status 1. */
#pragma once

#include "sim/world/fact.h"

/* The role's own invariants. All of them walk everything: after each step where its books are
 * short; where they are long every 64th step and before its process ends, and after the others
 * those of the records that the step has saved. */
void check_role(struct sim_world *world, struct sim_node *node, const struct effects *effects);
void check_step(struct sim_world *world, struct sim_node *node, const struct effects *effects);
void check_commit(struct sim_world *world, struct sim_node *node, const struct effects *effects);
void check_minute(struct sim_world *world);
void check_end(struct sim_world *world);
void check_fail(struct sim_world *world, const char *law, const char *format, ...)
    format_checked(3, 4) __attribute__((noreturn));

/* Law 1. A manager's words to an agent may be named in what comes back; `bytes` on an uplink. */
void check_wall_told(struct sim_world *world, const struct sim_node *manager,
                     const struct message *message);
void check_wall(struct sim_world *world, const struct sim_node *node, const struct sim_link *to,
                const char *bytes);

/* Law 3. What each party (owners.c) uses of the node, into node->used. */
void check_count_used(const struct sim_world *world, struct sim_node *node);

/* Several upstreams share a cluster. */
void check_turns(struct sim_world *world, struct sim_node *node, const struct effects *effects);
void check_had(struct sim_world *world, const struct sim_node *node, const struct operation *op);

/* Who refused a VM, and who is asked next. */
void check_cluster_saved(struct sim_world *world, struct sim_node *cloud,
                         const struct node *cluster);
/* hosts.c */
void check_job_begins(struct sim_world *world, const struct sim_node *node,
                      const struct effect_job *job);
void check_job_acts(struct sim_world *world, const struct sim_node *node,
                    const struct effect_job *job);
void check_moved(struct sim_world *world, const struct sim_domain *domain);
void check_copies(struct sim_world *world, const struct fact_domain *fact);
void check_host(struct sim_world *world, const struct sim_node *node);
void check_shape(struct sim_world *world, const struct sim_node *node, const struct vm *vm,
                 const struct sim_domain *domain);
void check_held(struct sim_world *world, const struct sim_node *node, const struct vm *saved);
void check_placed(struct sim_world *world, struct sim_node *node, const struct vm *saved);
void check_refusals(struct sim_world *world, struct sim_node *node, const struct operation *op);
void check_permits(struct sim_world *world, const struct sim_node *node,
                   const struct operation *op);

/* What an operation tells of itself (check_explain.c). */
void check_timeline(struct sim_world *world, const struct sim_node *node,
                    const struct operation *op);
void check_waits(struct sim_world *world, const struct sim_node *node);

/* Requests and their answers. */
void check_asked(struct sim_world *world, const struct sim_node *cloud,
                 const struct request *request);
void check_answered(struct sim_world *world, const struct sim_node *cloud,
                    const struct reply *reply);

/* A process ended, or came back. */
void check_crashes(struct sim_world *world, const struct sim_node *node);
void check_restarted(struct sim_world *world, struct sim_node *node);

/* What owners were answered, and how they are answered (kept.c). */
void check_kept(struct sim_world *world, const struct sim_node *node);
void check_decision(struct sim_world *world, const struct sim_node *node,
                    const struct fact_decision *decision);
void check_consent(struct sim_world *world, const struct sim_node *node,
                   const struct fact_consent *consent);

/* check_carrier.c: after a server's death the link works again on the next one within the
 * hold-down and a second, and not before; it returns to the best one; where a server is there, a
 * link works. */
void check_line_lost(struct sim_world *world, const struct fact_line *fact);
void check_line_up(struct sim_world *world, const struct fact_line *fact);
void check_carriers(struct sim_world *world);
void check_carriers_end(struct sim_world *world);

/* Nothing is under way at any level; otherwise what is, in words. */
bool check_is_at_rest(const struct sim_world *world, char *what, size_t size);

/* Is this state the truth of the domain (NULL: not there)? What a loss of power has ended is
 * crashed for those who knew that it was held in memory, and off for all. */
bool check_is_true(const struct sim_domain *domain, enum vm_state state);

/* Facts to be held against later. */
struct promise *promise_get(const struct sim_world *world, const char *kind,
                            const struct sim_node *node, const char *name);
struct promise *promise_put(struct sim_world *world, const char *kind,
                            const struct sim_node *node, const char *name);
void promise_drop(struct sim_world *world, struct promise *promise);
