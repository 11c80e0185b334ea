/* A downstream manager on the workbench, with hosts and two upstream managers, all connected. */
#pragma once

#include "bench.h"

extern struct bench bench; /* of this program's only thread; each test begins with a fresh one */
int cluster_tear_down(void **state); /* and ends it, whoever is on it */
extern struct far *cloud, *other;

/* A cluster with these hosts' room and this limit toward manager 0, connected on all sides. */
void cluster_open(const uint64_t *rooms, size_t hosts, struct amounts limit);
void cluster_reopen(const uint64_t *rooms, size_t hosts, struct amounts limit);

/* The image that was asked for last is here, or not. */
void cluster_image(enum code code);

/* The host that was instructed by the newest step, NULL: none; and with what. */
struct far *cluster_instructed(struct message *out_instruct);

/* That host answers. */
void cluster_answer(enum code code, enum vm_state vm);
void cluster_assert_result(struct far *manager, enum code code, enum vm_state vm);

/* A VM of that manager is made and runs. */
void cluster_run_vm(struct far *manager, const char *op, const char *vm);

/* The capacity that the manager was told by the newest step. */
const struct capacity *cluster_shown(struct far *manager);
