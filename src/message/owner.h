/* What the owner of a cluster decides, as the downstream manager's store keeps it, and what its API
 * shows to the owner: hosts, VMs, and what each upstream manager is lent. None of it goes up. */
#pragma once

#include "message/model.h"

enum origin { ORIGIN_CONFIGURED, ORIGIN_SET, ORIGIN_COUNT };
extern const char *const origin_names[ORIGIN_COUNT];

/* What a host that gets nothing new is kept for. */
enum host_duty {
    DUTY_CORDON,      /* what is there stays */
    DUTY_DRAIN,       /* what is there goes elsewhere where it may, each VM once */
    DUTY_MAINTENANCE, /* as a drain, but again and again until it is ended */
    DUTY_COUNT,
};
extern const char *const host_duty_names[DUTY_COUNT];

/* Kept while it says something. */
struct host_decision {
    char name[limit_name_size];
    uint64_t cordoned_ms;
    enum host_duty duty; /* while cordoned_ms is set */
    enum origin labels_from;
    char *labels;        /* ORIGIN_SET; NULL: none */
    struct overcommit overcommit; /* 0: as configured for the cluster */
};
extern const struct table host_decision_table;

struct host_labels {
    char *labels; /* NULL: none */
};
extern const struct table host_labels_table;

/* Why a VM is still on a host that is to be empty. */
enum stay {
    STAY_UNDECIDED,
    STAY_POLICY,   /* it may not go, or has snapshots, which would be lost */
    STAY_STATE,    /* its host does not know it as a whole VM */
    STAY_ROOM,     /* no other host has room for it, or is as it has to be */
    STAY_IMAGE,    /* its image cannot be had here */
    STAY_AWAY,     /* its host is not connected: whether it runs there is not known */
    STAY_BUSY,     /* an operation on it is under way */
    STAY_TURN,     /* others go before it */
    STAY_FETCHING, /* its image is asked for */
    STAY_LEAVING,  /* it is on its way out */
    STAY_LIVE,     /* it may only go while it runs, and is off, suspended or paused, or its host
                    * cannot do that */
    STAY_FAILED,   /* that was tried, and failed */
    STAY_COUNT,
};
extern const char *const stay_names[STAY_COUNT];

struct remainder {
    enum stay why;
    uint64_t vms;
};

struct owned_host {
    char name[limit_name_size];
    enum peer_state state;
    uint64_t seen_ms;     /* when its connection last changed; 0: not since the start */
    char software[limit_software_size]; /* as its agent says; "": not since the start */
    uint64_t cordoned_ms; /* since when it gets no new VMs; 0: it gets them */
    enum host_duty duty;  /* then: what for */
    char *labels;
    enum origin labels_from;
    struct overcommit overcommit; /* in force */
    char *networks;       /* NULL: none */
    uint64_t vms;
    struct remainder *remaining; /* of a host that is to be empty: how many VMs, and why */
    uint32_t remaining_count;
    bool disk_full;           /* no new VM begins there, by its agent */
    struct capacity capacity; /* as its agent told, as far as it is believed */
    bool overclaims;      /* it told more */
    uint64_t unreadable;  /* messages of it that could not be read, since the start */
    enum conflict conflict;   /* why it is not believed */
    uint64_t conflict_ms;     /* when that was seen last */
    bool guarded;             /* a warden keeps leases there, as its agent last told */
    enum lease_state lease;
    uint64_t lease_ends_ms;   /* LEASE_RUNS, of one that is not heard: when it has ended */
    uint64_t owed;            /* VMs that are restarted elsewhere once it has ended */
    uint64_t evictions;       /* VMs that were, and of which it may still have something */
};
extern const struct table host_table;

/* What an upstream manager may ask for: words, one blank between them; NULL or "": all. A delete is
 * always allowed: it gives back. Shapes by the upstream manager's name for them, or by size as
 * "c2-m4096-d20"; images by digest, or by the upstream manager's name for them; networks by name.
 */
struct permissions {
    char *verbs, *shapes, *images, *networks;
    char *placing;       /* of placing_words: what it may ask of the hosts of its VMs */
    uint32_t apart_most; /* VMs of a group beside which one more is kept apart; 0: any number */
    char *views;         /* what of its VMs' inside it sees: view_ips and so on, or none */
};
extern const struct table permissions_table;

/* Kept apart over hosts; labels that the host must have; restarted on another host when that is
 * lost; none of them. */
extern const char *const placing_apart, *const placing_host_must, *const placing_restart,
    *const placing_anywhere,
    *const placing_none;

/* IP addresses; console logs; consoles, where one types, too; guests' ports; screens, with keyboard
 * and pointer; nothing. */
extern const char *const view_ips, *const view_log, *const view_usage, *const view_console,
    *const view_ports, *const view_screen, *const view_none;

bool words_have(const char *words, const char *word);

/* Is it one of the words, or are there none, which means all? */
bool words_allow(const char *words, const char *word);

/* The first word that is no verb which goes down to a cluster, NULL if all are. Its length is that
 * up to a blank. */
const char *permissions_unknown_verb(const struct permissions *permissions);

/* The first word of `placing` that says nothing, NULL if all do. */
const char *permissions_unknown_placing(const struct permissions *permissions);

/* The first word of `views` that says nothing, NULL if all do. */
const char *permissions_unknown_view(const struct permissions *permissions);

/* How an upstream manager stands beside the others of a cluster, and how coarsely it sees it. */
struct share {
    uint32_t weight;           /* of what is under way at a host; 0: 1 */
    struct amounts kept;       /* of the hosts' room, as sums; its VMs fill it; without `vms` */
    struct amounts steps;      /* what is shown goes down to a multiple; 0: exact; vms: of fits */
};
extern const struct table share_table;

/* LENT -> REVOKED: no new VMs; after the grace -> ENDING: its VMs are shut down, then deleted; when
 * none is left -> ENDED: its link is closed. Restoring leads back from REVOKED and ENDED. */
enum lending_phase { LENDING_LENT, LENDING_REVOKED, LENDING_ENDING, LENDING_ENDED,
                     LENDING_PHASE_COUNT };
extern const char *const lending_phase_names[LENDING_PHASE_COUNT];

struct revocation {
    uint32_t grace_seconds;
};
extern const struct table revocation_table;

struct lending_decision {
    char name[limit_name_size];
    enum origin from;
    struct amounts limits;      /* ORIGIN_SET */
    enum origin permissions_from;
    struct permissions permissions; /* ORIGIN_SET */
    enum origin share_from;
    struct share share;             /* ORIGIN_SET */
    uint64_t revoked_ms, ends_ms;   /* wall: when, and when its VMs end; 0: it is not */
};
extern const struct table lending_decision_table;

struct owned_lending {
    char name[limit_name_size]; /* of the upstream manager, as the owner calls it */
    enum peer_state state;
    uint64_t seen_ms;
    enum origin from;
    struct amounts limits;          /* in force */
    struct amounts configured;      /* in the configuration file */
    struct amounts used;
    struct capacity told;           /* all that it was told last of what there is */
    enum origin permissions_from;
    struct permissions permissions;
    enum origin share_from;
    struct share share;
    enum lending_phase phase;
    uint64_t revoked_ms, ends_ms;
    uint64_t unreadable;            /* messages of it that could not be read, since the start */
    struct amounts over;            /* what is used above the limits: lowering them kills no VM */
};
extern const struct table owned_lending_table;

struct hosted_vm {
    char id[limit_id_size];
    char name[limit_name_size];
    char upstream[limit_name_size];
    char host[limit_name_size]; /* "" while nowhere */
    char shape[limit_name_size];
    struct size size;
    char digest[limit_digest_size];
    char *networks; /* NULL: none */
    char *allow;    /* who may begin to speak to it; NULL: anybody */
    struct interface *interfaces;
    uint32_t interfaces_count;
    enum vm_state state;
    uint64_t unheard_ms; /* since when its host is away; 0: it is not */
    enum on_drain on_drain;
    enum on_loss on_loss;
    enum restart_from restart_from;
    uint32_t restarts;
    uint64_t restarted_ms, restored_ms;
    struct copy *copies; /* oldest first */
    uint32_t copies_count;
    uint32_t copy_every_s, copy_max_age_s;
    bool copy_late, lacks_copy;
    enum move move;
    enum stay stays; /* of one on a host that is to be empty */
    char op[limit_id_size];
    uint64_t created_ms, changed_ms;
};
extern const struct table hosted_vm_table;

enum stream_state { STREAM_ASKED, STREAM_IS_READY, STREAM_JOINED, STREAM_STATE_COUNT };
extern const char *const stream_state_names[STREAM_STATE_COUNT];
extern const char *const stream_to_names[STREAM_TO_COUNT];

/* A stream to a VM of the cluster, through this manager. */
struct hosted_stream {
    char id[limit_name_size]; /* of this start of the manager */
    char vm[limit_id_size];
    char upstream[limit_name_size];
    char host[limit_name_size];
    enum stream_to to;
    uint32_t port; /* STREAM_TO_PORT: of the guest, by TCP */
    enum stream_state state;
    uint64_t asked_ms, ends_ms; /* ends: at the latest, as it is now */
};
extern const struct table hosted_stream_table;

/* struct operation as the owner sees it: asked by an upstream manager, at hosts. */
extern const struct table hosted_operation_table;
extern const char *const hosted_decider_names[DECIDER_COUNT], *const hosted_wait_names[WAIT_COUNT];
