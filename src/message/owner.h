/* What the owner of a cluster decides, as the downstream manager's store keeps it, and what its API
 * shows to the owner: hosts, VMs, and what each upstream manager is lent. None of it goes up. */
#pragma once

#include "message/model.h"

/* Kept while it says something. */
struct host_decision {
    char name[limit_name_size];
    uint64_t cordoned_ms;
};
extern const struct table host_decision_table;

struct owned_host {
    char name[limit_name_size];
    enum peer_state state;
    uint64_t seen_ms;     /* when its connection last changed; 0: not since the start */
    uint64_t cordoned_ms; /* since when it gets no new VMs; 0: it gets them */
    uint64_t vms;
    struct capacity capacity; /* as its agent told */
};
extern const struct table host_table;

enum limits_from { LIMITS_CONFIGURED, LIMITS_SET, LIMITS_FROM_COUNT };
extern const char *const limits_from_names[LIMITS_FROM_COUNT];

struct lending_decision {
    char name[limit_name_size];
    enum limits_from from;
    struct owner_limits limits; /* LIMITS_SET */
};
extern const struct table lending_decision_table;

struct lending {
    char name[limit_name_size]; /* of the upstream manager, as the owner calls it */
    enum peer_state state;
    uint64_t seen_ms;
    enum limits_from from;
    struct owner_limits limits;     /* in force */
    struct owner_limits configured; /* in the configuration file */
    struct owner_limits used;
    struct owner_limits over;       /* what is used above the limits: lowering them kills no VM */
};
extern const struct table lending_table;

struct hosted_vm {
    char id[limit_id_size];
    char name[limit_name_size];
    char upstream[limit_name_size];
    char host[limit_name_size]; /* "" while nowhere */
    char shape[limit_name_size];
    struct size size;
    char digest[limit_digest_size];
    enum vm_state state;
    char op[limit_id_size];
    uint64_t created_ms, changed_ms;
};
extern const struct table hosted_vm_table;
