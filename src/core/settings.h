/* All that a role is told at its start and never changes: its kind, who is at the other ends of its
 * links, and what its owner or operator has configured. */
#pragma once

#include "message/limits.h"
#include "message/owner.h"
#include "message/records/interface.h"

enum role_kind { ROLE_UPSTREAM, ROLE_DOWNSTREAM, ROLE_AGENT, ROLE_JOINER };

/* A peer at the other end of a link, pinned by configuration: nobody else is heard. */
struct peer_setting {
    char name[limit_name_size];
    const char *address;              /* at the carrier; outlives the role */
    uint32_t link;                    /* index of the connection that reaches it */
    const char *labels;               /* of a cluster; NULL: none; outlives the role */
    const char *migration_uri, *migration_folder; /* of a host that receives VMs which run, its
                                                   * owner's word; NULL: it receives none */
    struct amounts most;              /* of what it says it has; 0: limit_place; without `vms` */
    uint32_t at_once;                 /* under way at a host, where several share it; 0: usual */
};

/* What a joiner joins by. */
struct join_setting {
    char token[limit_id_size];
    char secret[limit_join_secret_size];
    char manager_key[limit_public_key_size];
};

/* All that a role is configured with; the arrays are copied by role_new. */
struct role_settings {
    enum role_kind kind;
    uint64_t seed;            /* for ids, session numbers and jitter */
    uint64_t beat_ms;         /* rhythm asked of the agents (managers) */
    uint64_t hold_down_ms;    /* silence until a suspect peer counts as unreachable (managers) */
    uint64_t lease_ms;        /* given to places whose VMs run by leases (managers); 0: none is */
    uint32_t session_messages; /* kept in one session; 0: limit_session_messages */
    uint32_t backlog;         /* under way for one manager above; 0: limit_backlog (downstream) */
    uint32_t warm;            /* of those that have ended, in memory; 0: limit_operations_warm */
    uint32_t vms_most;        /* VMs (managers); 0: limit_vms */
    uint32_t audit_rows;      /* of what was asked for (managers); 0: limit_audit_rows */
    uint32_t audit_days;      /* and for how long; 0: for ever */
    bool mails;               /* mail can be sent (managers) */
    uint64_t usage_ms;        /* how often it is heard what VMs use (managers); 0: never */
    size_t usage_marks;       /* of that, that are kept (upstream); 0: limit_usage_kept */
    bool prefers_images;      /* places that have a VM's image are preferred for it (managers) */
    uint32_t kept;            /* ended operations, and used keys (upstream); 0: as in limits.h */
    uint64_t operation_ms;    /* default time allowed for an operation (upstream) */
    char operator_token_hash[limit_digest_size]; /* upstream */
    char metrics_token_hash[limit_digest_size];  /* upstream: may read numbers alone; "": none */
    char chat_token_hash[limit_digest_size];     /* upstream: may tell by chat; "": nobody does */
    const struct shape *shapes;                  /* catalogue (upstream) */
    size_t shapes_count;
    const struct network *networks;              /* that tenants may ask for (upstream) */
    size_t networks_count;
    const char *host_networks;                   /* names (agent); NULL: none; outlives it */
    const char *host_filtered;                   /* of these, where VMs' rules are kept; likewise */
    const struct peer_setting *agents;           /* below: clusters or hosts (managers) */
    size_t agents_count;
    const struct peer_setting *managers;         /* above (downstream, agent) */
    size_t managers_count;
    const struct amounts *limits;                /* one per manager above (downstream); 0: none */
    const struct permissions *permissions;       /* per manager above; NULL: all */
    const struct share *shares;                  /* per manager above; NULL: equal, exact */
    struct amounts most;                         /* of each host (downstream), as in peer_setting */
    struct overcommit overcommit;                /* of all hosts (downstream); 0: what they have */
    const struct join_setting *join;             /* joiner */
    interface_hash hash;                         /* managers; NULL: no MAC address is shown,
                                                  * and no audit is kept */
    const char *stream_url;                      /* where streams are dialled to (managers);
                                                  * NULL: there are none */
    char stream_pin[limit_digest_size];          /* of the public key there */
    char software[limit_software_size];          /* "isthmus 0.1.0" */
};
