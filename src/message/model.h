/* The records that daemons keep: what a VM, an operation, a shape, … is, on every level.
 *
 * Each struct has its field table in model.c. The same VM and operation records serve the
 * upstream manager, the downstream manager and the agent: `asker` and `place` mean, at each
 * level, who asked (tenant, uplink) and where it is (cluster, agent). Times named _ms are
 * milliseconds of the wall clock since 1970 unless they say otherwise. */
#pragma once

#include "message/code.h"
#include "message/field.h"
#include "message/incarnation.h"
#include "message/limits.h"
#include "message/codec/addresses.h"
#include "message/vm/copy.h"
#include "message/vm/loss.h"
#include "message/vm/machine.h"
#include "message/vm/placing.h"
#include "message/vm/verb.h"

enum vm_state {
    VM_PENDING,  /* asked for, not yet defined on a host */
    VM_STOPPED,  /* defined, not running */
    VM_RUNNING,
    VM_PAUSED,   /* held in memory: by its tenant, or by the hypervisor (I/O error) */
    VM_SUSPENDED, /* not running, its memory on its host's disk */
    VM_CRASHED,  /* it stopped without being asked to */
    VM_LOST,     /* its host no longer has it */
    VM_DELETING, /* to be gone; stays so until its place confirms */
    VM_FAILED,   /* its definition failed and was undone; goes once that is settled */
    VM_DELETED,  /* gone; the record goes once that is settled */
    VM_STATE_COUNT,
};
extern const char *const vm_state_names[VM_STATE_COUNT];

enum op_state { OP_PENDING, OP_RUNNING, OP_SUCCEEDED, OP_FAILED, OP_STATE_COUNT };
extern const char *const op_state_names[OP_STATE_COUNT];

/* Where an operation stands: the timeline's entries, and what `progress` carries. */
enum step {
    STEP_NONE,
    STEP_ACCEPTED,   /* this level has it on disk */
    STEP_PLACED,     /* a place was chosen */
    STEP_INSTRUCTED, /* the instruction went out to that place */
    STEP_TAKEN,      /* the place has it on disk */
    STEP_FETCHING,   /* the image is being fetched and unpacked */
    STEP_PREPARING,  /* disk, first-boot data and definition */
    STEP_STARTING,
    STEP_STOPPING,
    STEP_REBOOTING,
    STEP_PAUSING,
    STEP_RESUMING,
    STEP_SUSPENDING,
    STEP_RESIZING,
    STEP_SNAPSHOTTING, /* a snapshot is made or deleted */
    STEP_REVERTING,
    STEP_MIGRATING,
    STEP_DELETING,
    STEP_UNDOING,    /* what was half-made is removed */
    STEP_ENDED,
    STEP_REFUSED,    /* that place would not have it: in timelines only, like the next */
    STEP_WAITING,    /* it cannot go on; the entry's code says why */
    STEP_LOST,       /* the VM's host was not heard from then on; its lease has ended since */
    STEP_COPYING,    /* its disk is read, and what lacks in the block store is sent */
    STEP_CONNECTING, /* a network interface is added or removed */
    STEP_COUNT,
};
extern const char *const step_names[STEP_COUNT];

/* Does a timeline alone have it? No operation stands at it. */
static inline bool step_is_aside(enum step step) {
    return step > STEP_ENDED && step < STEP_COPYING;
}

struct size {
    uint32_t cpus;
    uint32_t memory_mib;
    uint32_t disk_gib;
};
extern const struct table size_table;

/* Amounts of what VMs have: a limit or quota (0: none), or what is used of it. */
struct amounts {
    uint64_t vms, cpus, memory_mib, disk_gib;
};
extern const struct table amounts_table;

struct shape {
    char name[limit_name_size];
    struct size size;
};
extern const struct table shape_table;

/* What tenants may ask for; what it is on a host is for the host's configuration to say. */
struct network {
    char name[limit_name_size];
    char about[limit_text_size]; /* "": nothing is told of it */
};
extern const struct table network_table;

/* Is it in the guest's disk? */
enum contained { CONTAINED_UNKNOWN, CONTAINED_NO, CONTAINED_YES, CONTAINED_COUNT };
extern const char *const contained_names[CONTAINED_COUNT];

struct image {
    char name[limit_name_size]; /* the key */
    char digest[limit_digest_size];
    char architecture[16];
    uint64_t archive_bytes;
    uint32_t disk_gib; /* the least disk, rounded up */
    uint64_t created_ms;
    struct machine machine;
    uint32_t least_cpus, least_memory_mib; /* of a shape for it; 0: any */
    enum contained cloud_init, guest_agent;
    char source[limit_digest_size]; /* of the file that it was imported from */
    char tenant[limit_name_size];   /* whose it is; "": the operator's, and for all */
    bool shared;                    /* a tenant's, for all the same */
    char *clusters; /* that have it, by commas; in answers only */
};
extern const struct table image_table;

/* What may become of a VM whose host is to be empty. */
enum on_drain {
    ON_DRAIN_STAY,    /* nothing */
    ON_DRAIN_RESTART, /* as migrate, where that can be; otherwise gone there, then made anew from
                       * its image: what its disk holds is lost */
    ON_DRAIN_MIGRATE, /* goes elsewhere while it runs, where hosts can do that; otherwise nothing */
    ON_DRAIN_COUNT,
};
extern const char *const on_drain_names[ON_DRAIN_COUNT];

/* How far a downstream manager has moved a VM to another host. A VM never runs on two hosts. */
enum move {
    MOVE_NONE,
    MOVE_LEAVING,  /* its host is to confirm that it is gone */
    MOVE_ARRIVING, /* it was gone, and is made elsewhere */
    MOVE_RECEIVING, /* it runs; its destination makes ready */
    MOVE_MIGRATING, /* its host is to say that it has gone there, or that it has not */
    MOVE_ADOPTING,  /* it has gone: its new host is to let it go on */
    MOVE_COUNT,
};
extern const char *const move_names[MOVE_COUNT];

/* Where a VM that migrates lands, as the host that receives it says and its owner has configured at
 * the manager. Never told above. */
struct landing {
    uint32_t epoch; /* of the VM, there; 0: no landing */
    char *uri;      /* by which other hosts reach that host's libvirt */
    char *folder;   /* of that host's own files */
};
extern const struct table landing_table;

/* What to make: the arguments of `define`. */
struct definition {
    char name[limit_name_size]; /* the tenant's name for it: the guest's host name */
    char shape[limit_name_size];
    struct size size;
    char image[limit_digest_size]; /* digest of the archive */
    char image_name[limit_name_size]; /* as the upstream manager calls it */
    bool start;
    bool upgrade; /* resize, rebuild: with the machine that new VMs get */
    char group[limit_id_size]; /* opaque below the upstream manager; "": none */
    bool apart;                /* on no host where another of the group is */
    enum on_drain on_drain;
    enum on_loss on_loss;
    enum restart_from restart_from;
    uint32_t copy_every_s, copy_max_age_s; /* see struct vm */
    char *host_must, *host_prefer; /* labels of hosts; NULL: none */
    char *networks;  /* of its interfaces (records/interface.h); NULL: none */
    char *allow;     /* who may begin to speak to it (codec/allow.h); NULL: anybody */
    char *user_data;        /* first-boot data, NULL: none */
    char *user_data_base64; /* in place of them: any bytes */
    struct machine machine; /* that its image needs */
    char *ssh_keys;         /* who may log in: public keys, a line each; NULL: nobody by this */
};
extern const struct table definition_table;

/* A state of a VM that it can be taken back to. */
struct snapshot {
    char name[limit_name_size];
    uint64_t created_ms; /* when this level learned of it */
    bool memory;         /* it ran, and its memory is kept, too */
    struct size size;    /* what the VM had then */
};
extern const struct table snapshot_table;

struct vm {
    char id[limit_id_size];
    char name[limit_name_size];
    char asker[limit_name_size];
    char place[limit_name_size]; /* "" while nowhere */
    char shape[limit_name_size];
    struct size size; /* what counts for it: during a resize the larger of both */
    char image[limit_name_size];     /* name, upstream only */
    char group[limit_name_size];     /* "": none; below an id that says nothing */
    char digest[limit_digest_size];
    bool rebuilt; /* `digest` is another than the VM was defined with, or may be */
    char *networks;     /* of its interfaces (records/interface.h); NULL: none */
    char *allow;        /* who may begin to speak to it; NULL: anybody */
    bool reallowed;     /* `allow` is another than the VM was defined with, or may be */
    enum on_loss on_loss;
    enum restart_from restart_from;
    char *metadata;     /* upstream only; NULL: none */
    char *title;        /* upstream only; NULL: none */
    uint64_t locked_ms; /* upstream only; 0: the VM is not locked */
    enum vm_state state;
    uint64_t unheard_ms;  /* managers: since when its place says that nothing is heard of it there;
                           * 0: it does not; in answers: or since when that place is away */
    uint32_t epoch;       /* as the level above counts it */
    uint64_t generation;  /* of the newest instruction accepted from above */
    uint32_t place_epoch;       /* managers: as this level counts it for the level below */
    uint64_t place_generation;  /* managers: of the newest instruction issued below */
    char op[limit_id_size];  /* the newest instruction's operation */
    enum code last_code;     /* and its outcome, once it has one */
    enum step last_step;     /* the step that failed */
    uint64_t created_ms, changed_ms;
    struct snapshot *snapshots; /* oldest first */
    uint32_t snapshots_count;
    struct copy *copies; /* oldest first; managers */
    uint32_t copies_count;
    uint32_t copy_every_s;   /* its cluster copies its disk so often; 0: when asked to */
    uint32_t copy_max_age_s; /* as old the newest copy may become; 0: nobody minds */
    bool copy_late;          /* it is older, as its cluster says */
    bool lacks_copy;         /* it is to be made from a copy as its host is lost, and none is left:
                              * it is nowhere, as its cluster says */
    uint32_t restarts;    /* managers: how often it was made anew since its host was lost */
    uint64_t restarted_ms; /* when that was last; 0: never */
    uint64_t restored_ms;  /* its disk was then made from a copy: as it was at this time, or later;
                            * 0: from its image */
    struct vm_ip *ips; /* while it runs; an interface has at most limit_interface_ips */
    uint32_t ips_count;
    struct interface *interfaces; /* in answers alone: they follow from `id` and `networks` */
    uint32_t interfaces_count;
};
extern const struct table vm_table;

/* A VM as a store keeps it. What only a cluster's inside knows stands behind the VM, which is all
 * that is told above. */
struct stored_vm {
    struct vm vm;
    enum move move;    /* downstream managers: whether it is between two hosts */
    char *destination; /* downstream managers: the host that it migrates to, or that may have a
                        * rest of it from that; NULL: none */
    bool leased; /* managers: it runs by this one's lease; a manager below gives its own */
    uint64_t told_unheard_ms; /* downstream managers: vm.unheard_ms as it was told above */
    uint32_t restarts_told; /* managers: of vm.restarts, what its place has told */
    bool has_bucket; /* downstream managers: the block store may have something of it */
    bool restores;   /* downstream managers: it is on its way to a host, to be made from a copy */
    bool networks_untold; /* managers: it was taken in again, and nobody has said its networks */
    uint64_t uncopied_ms; /* downstream managers: since when its disk is one without a copy */
};
extern const struct table stored_vm_table;

/* Who brought an entry of a timeline about, as seen from the level that keeps it. */
enum decider {
    BY_MANAGER,  /* this level itself */
    BY_ASKER,    /* upstream: the tenant; downstream: the upstream manager */
    BY_PLACE,    /* the cluster; the host */
    BY_OPERATOR, /* whoever this level belongs to */
    DECIDER_COUNT,
};
extern const char *const decider_names[DECIDER_COUNT];

/* Which word of the asker's own nobody can meet, or may by its owner: told up to its tenant. What
 * else stands in the way inside a cluster is not. */
enum obstacle {
    OBSTACLE_NONE,
    OBSTACLE_VERB,
    OBSTACLE_SHAPE, /* not permitted, or larger than anybody has */
    OBSTACLE_IMAGE,
    OBSTACLE_NETWORKS,
    OBSTACLE_HOST_MUST,
    OBSTACLE_GROUP_RULE,
    OBSTACLE_ON_LOSS, /* that it is to be restarted elsewhere */
    OBSTACLE_COUNT,
};
extern const char *const obstacle_names[OBSTACLE_COUNT];

/* Why hosts would not have a VM: for the cluster's owner alone. */
enum hindrance {
    HINDRANCE_NONE,
    HINDRANCE_LABELS,
    HINDRANCE_NETWORKS,
    HINDRANCE_OLD,       /* an older version, which does not know what is asked for */
    HINDRANCE_GROUP,     /* another of the VM's group is there */
    HINDRANCE_RETURNING, /* it is not connected, and may be back before its hold-down ends */
    HINDRANCE_AWAY,
    HINDRANCE_CORDON,
    HINDRANCE_REFUSED,   /* it was asked: the timeline says what it said */
    HINDRANCE_SIZE,      /* all that it has would not be enough */
    HINDRANCE_ROOM,
    HINDRANCE_KEPT,      /* it has room, which is kept for others */
    HINDRANCE_LIMITS,    /* of no host: the upstream manager's limits */
    HINDRANCE_WARDEN,    /* it has no warden, or that is not heard: it runs nothing by a lease */
    HINDRANCE_LEASE,     /* of no host: no leases are given here */
    HINDRANCE_COUNT,
};
extern const char *const hindrance_names[HINDRANCE_COUNT];

struct hindered {
    enum hindrance why;
    uint64_t hosts;
    char *names; /* of the first of them, by commas; NULL: of no host */
};
extern const struct table hindered_table;

struct timeline_entry {
    uint64_t at_ms;  /* by this level's wall clock */
    char *place;     /* where it changes: PLACED, REFUSED, WAITING; NULL: as before */
    enum step step;
    enum code code;  /* why: REFUSED, WAITING, ENDED */
    enum obstacle obstacle; /* then: and what of the request */
    enum decider by;
    uint64_t copy_ms; /* ACCEPTED: of the copy that it is made from; 0: it is made from none.
                       * WAITING: of the one that it is made from in place of a damaged one */
};
extern const struct table timeline_entry_table;

/* What an operation under way waits for. */
enum wait {
    WAIT_NOTHING, /* it has ended */
    WAIT_TAKING,  /* the place has not said yet that it has it */
    WAIT_RESULT,  /* the place is at it */
    WAIT_PLACE,   /* the place is not connected */
    WAIT_LINK,    /* the session to the place is full of what was sent before */
    WAIT_RETRY,   /* it failed there, and is tried again in a while */
    WAIT_IMAGE,   /* the cluster's repository has not got the image yet */
    WAIT_TURN,    /* as many of its upstream manager's as may be are under way at the host, or that
                   * has begun more of late than another one */
    WAIT_ROOM,    /* no place has room; some that may have are not heard yet */
    WAIT_BLOCKS,  /* the cluster's block store has not answered yet */
    WAIT_COPY,    /* it is to be made from a copy, and there is none */
    WAIT_COUNT,
};
extern const char *const wait_names[WAIT_COUNT];

/* Made when somebody looks (core/below/explain), stored nowhere. */
struct waiting {
    enum wait wait;
    char *place;       /* NULL: at no place */
    uint64_t since_ms; /* 0: not known */
    uint32_t sent;     /* instructions that went to that place; not for tenants */
};
extern const struct table waiting_table;

/* What a VM is made from when it is made anew. */
struct template {
    char vm[limit_id_size];
    struct definition definition;
    struct placing placing; /* upstream managers */
};
extern const struct table template_table;

struct operation {
    char id[limit_id_size];
    char vm[limit_id_size];
    char vm_name[limit_name_size];
    char asker[limit_name_size];
    enum verb verb;
    enum op_state state;
    enum code code;  /* once ended */
    enum step step;  /* newest; of a failed one: the step that failed */
    uint64_t generation;       /* of the VM, as told from above */
    uint64_t place_generation; /* as issued below, 0: not yet */
    bool internal;             /* begun by this level itself: nobody above waits for it */
    uint64_t created_ms, deadline_ms, ended_ms;
    struct timeline_entry *timeline;
    uint32_t timeline_count;
    struct waiting waits; /* in answers only */
    struct definition definition; /* of verbs that make the VM or its domain; cleared at the end */
    struct size was;              /* VERB_RESIZE: what it had before, as far as is known */
    char snapshot[limit_name_size]; /* of verbs that are about one */
    struct placing placing;       /* VERB_DEFINE, upstream only */
    struct ruling ruling;         /* then: what its operator's rule says; cleared at the end */
    char *rule;                   /* that rule's name; NULL: none applies. For operators */
    struct landing landing;       /* VERB_RECEIVE once done, VERB_MIGRATE */
    struct copy_order copy;       /* VERB_COPY; cleared at the end */
    struct copied copied;         /* VERB_COPY, once its host is done */
    char *why; /* a host's, or a cluster's: what went wrong there, for its owner; or NULL */
    bool hard;                    /* VERB_REBOOT: as if its reset button was pushed */
    enum obstacle obstacle;       /* once ended */
    struct hindered *hindered;    /* downstream managers: why no host has it, when last looked */
    uint32_t hindered_count;
};
extern const struct table operation_table;

/* Takes out what operators alone are shown. */
void operation_hide(struct operation *op);

struct fit {
    char shape[limit_name_size];
    uint64_t count; /* how many more VMs of it fit now */
};
extern const struct table fit_table;

/* The aggregate of a place; cpus and memory as the owner lends them. */
struct capacity {
    uint64_t cpus_total, cpus_free;
    uint64_t memory_mib_total, memory_mib_free;
    uint64_t disk_gib_total, disk_gib_free;
    struct fit *fits;
    uint32_t fits_count;
    bool disk_full; /* of a host: no new VM is to begin there, so none fits */
};
extern const struct table capacity_table;

/* How much a host lends, in per cent of what it has; 0: as said elsewhere, or 100. */
struct overcommit {
    uint32_t cpus_percent, memory_percent;
};
extern const struct table overcommit_table;

/* What a stream leads to. */
enum stream_to { STREAM_TO_CONSOLE, STREAM_TO_PORT, STREAM_TO_SCREEN, STREAM_TO_COUNT };

enum peer_state { PEER_AWAY, PEER_SUSPECT, PEER_UP, PEER_STATE_COUNT };
extern const char *const peer_state_names[PEER_STATE_COUNT]; /* "unreachable", "suspect", "up" */

/* Whether VMs that are to be restarted elsewhere may run at a place. */
enum lease_state {
    LEASE_NONE,  /* it was given none */
    LEASE_RUNS,  /* or may run there yet, for all that is known */
    LEASE_ENDED, /* for certain */
    LEASE_HELD,  /* for certain, and a person is to say whether its VMs are restarted elsewhere */
    LEASE_STATE_COUNT,
};
extern const char *const lease_state_names[LEASE_STATE_COUNT];

/* A cluster as upstream sees it: one compute node. (Downstream the same record is a host.) */
struct node {
    char name[limit_name_size];
    enum peer_state state;
    uint64_t seen_ms;
    char labels[limit_labels + 1];
    struct capacity capacity; /* as far as it is believed */
    bool overclaims;          /* it told more; in answers only, like the next */
    uint64_t unreadable;      /* messages of it that could not be read, since the start */
    enum conflict conflict; /* in answers only, like its time */
    uint64_t conflict_ms;
    bool guarded;           /* it keeps leases of this manager's; in answers only, like the next */
    enum lease_state lease;
    uint64_t lease_ends_ms; /* LEASE_RUNS, of one that is not heard: when it has ended */
    uint64_t owed;          /* VMs there that are to be restarted elsewhere when it has */
    uint64_t evictions;     /* VMs that run elsewhere by now, and of which it may have something */
    char *images;           /* names of those that it has, by commas */
};
extern const struct table node_table;

/* An Idempotency-Key with what it made. */
struct idempotency {
    char key[limit_name_size + limit_key_size]; /* "tenant/key", the key */
    uint64_t request_hash;
    char op[limit_id_size];
    uint64_t created_ms;
};
extern const struct table idempotency_table;
