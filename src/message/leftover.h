/* Leftovers: VMs that a place has and its manager does not know to be there, as after a restore of
 * the manager's store, or where a place that was given up has come back. They go on running until
 * the owner or operator takes them in or has them removed. */
#pragma once

#include "message/model.h"

struct leftover {
    char vm[limit_id_size];
    char place[limit_name_size]; /* a host's or a cluster's name */
    enum vm_state state;
    uint32_t epoch;      /* as its place counts them */
    uint64_t generation;
    struct size size;    /* 0 cpus: not told */
    char image[limit_digest_size]; /* "": not told */
    char networks[limit_vm_network_names + 1]; /* as in facts; "": not told */
    bool known;          /* the manager knows it, elsewhere or lost */
    bool leaving;        /* its place is asked to remove it */
};
extern const struct table leftover_table;

/* What is to become of one. */
struct leftover_choice {
    char place[limit_name_size]; /* "": wherever it is */
    char asker[limit_name_size]; /* whose it becomes: an upstream manager's, or a tenant's */
    char name[limit_name_size];
};
extern const struct table leftover_adopt_host_table, leftover_adopt_cluster_table,
    leftover_discard_table;

/* What a place may still have of a VM that was made to run elsewhere after the place's lease had
 * ended. Once the place has said that it runs there no more, what it has put aside (its salvage)
 * stays listed. */
struct eviction {
    char id[limit_id_size]; /* the key, and the operation's by which the place is told */
    char vm[limit_id_size];
    char place[limit_name_size];
    uint32_t epoch;      /* of the VM there: whatever has this one or an older one is to go */
    uint64_t generation; /* of the instruction */
    uint64_t since_ms;
    uint64_t done_ms; /* when the place had put it aside; 0: it has not said so */
};
extern const struct table eviction_table;
