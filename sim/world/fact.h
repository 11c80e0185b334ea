/* Facts: what parts and actors tell of what happens, without knowing who listens. The laws judge
 * by them (laws/laws.h); who else hears of them is wired in runs/run.c. What a fact points to
 * lives for the call only. */
#pragma once

#include "sim/world/world.h"

struct news;

enum fact_kind {
    FACT_STARTS,     /* a process is about to begin: its configuration may be another */
    FACT_STARTED,    /* its role has read what is on the disk */
    FACT_CRASHES,    /* a process is about to be gone, with what it did not commit */
    FACT_STEP,       /* a role has taken a step that wants these effects */
    FACT_COMMIT,     /* what these effects store is about to be there for good */
    FACT_MINUTE,     /* one has passed */
    FACT_ASKED,      /* a request is about to reach a manager's API */
    FACT_STREAM,     /* who came is taken as an end of a stream */
    FACT_ANSWERED,   /* the manager replies */
    FACT_SAID,       /* a message leaves a node */
    FACT_UPLINK,     /* a frame leaves by an uplink */
    FACT_UNREADABLE, /* what was encoded here cannot be decoded */
    FACT_LINE_LOST,  /* a link's server is in use no more */
    FACT_LINE_UP,    /* a link's server is in use */
    FACT_RELAY,      /* a relay has done something */
    FACT_RELAYED,    /* what waited at one leaves for who listens */
    FACT_JOB_BEGINS, /* a host is asked for a job */
    FACT_JOB_ACTS,   /* the job is about to do to the host what it does */
    FACT_HOST,       /* what the host's domains have has changed */
    FACT_MOVED,      /* a domain is in another state */
    FACT_EVICTED,    /* an image is not there any more */
    FACT_COPIES,     /* a domain is about to be on another host as well */
    FACT_DECISION,   /* an owner's request has been taken, with these effects */
    FACT_DUE,        /* a time has come for which somebody who observes has asked */
    FACT_CONSENT,    /* an owner's request was refused, or not */
    FACT_STORE_LOST, /* a node's disk is empty from here on */
    FACT_TWIN,       /* a manager has heard a hello by a place's key that is not the place's */
    FACT_PREDECESSOR, /* an agent's end has heard the welcome of a manager that was followed */
};

/* The effects of its step alone, where the turn has more. */
struct fact_decision {
    const struct request *request;
    const struct effect *effects;
    size_t count;
};

struct fact_consent {
    const struct request *request;
    bool is_refused, is_right; /* is_right: as it should be */
};

struct fact_uplink {
    const struct sim_link *to;
    const char *json; /* the frame, in whatever form it goes */
};

struct fact_unreadable {
    const char *what; /* a frame, or a row's key */
    const struct codec_fault *fault;
};

struct fact_line {
    const struct sim_carrier *carrier;
    size_t line;
};

struct fact_relayed {
    const struct sim_relay *relay;
    const struct sim_link *to;
    const struct news *news;
    const struct sim_link *from;  /* of a frame: who really sent it; NULL: a stranger */
    uint64_t came_ms, opened_ms;  /* the frame to the relay; the connection */
};

/* What was said by a name, and what its hearer does, in the effects of its step alone. */
struct fact_stranger {
    const struct sim_link *name; /* by which it was said */
    const struct effect *effects;
    size_t count;
};

struct fact_domain {
    const struct sim_domain *domain, *copy; /* copy: what it comes to, FACT_COPIES */
};

struct sim_way;

/* Who came by the way is taken, as the order says. */
struct fact_stream {
    const struct sim_way *way;
    const struct effect_stream *order;
};

struct fact {
    enum fact_kind kind;
    struct sim_node *node; /* whose it is; NULL: the world's */
    union {
        const struct effects *effects;
        const struct request *request;
        const struct reply *reply;
        const struct message *message;
        const struct effect_job *job;
        struct fact_uplink uplink;
        struct fact_unreadable unreadable;
        struct fact_line line;
        const struct sim_relay *relay;
        struct fact_relayed relayed;
        struct fact_domain domain;
        struct fact_stream stream;
        struct fact_decision decision;
        struct fact_consent consent;
        struct fact_stranger stranger;
        const struct effect_archive *archive;
        const struct occurrence *due;
    };
};
