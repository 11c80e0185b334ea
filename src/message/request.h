/* What an API asks of a manager, as the core sees it: no HTTP in here. The upstream manager is
 * asked by tenants and operators, the downstream manager by the cluster's owner.
 * The adapter (io/rest/rest.c) turns a route and a body into one of these; the reply is records. */
#pragma once

#include "message/enrol.h"
#include "message/leftover.h"
#include "message/model.h"
#include "message/owner.h"
#include "message/records/access.h"
#include "message/records/audit.h"
#include "message/records/contact.h"
#include "message/records/rule.h"
#include "message/records/tenant.h"

enum request_kind {
    REQUEST_VM_CREATE,
    REQUEST_VM_LIST,
    REQUEST_VM_SHOW,
    REQUEST_VM_LOG,    /* a part of its console's log */
    REQUEST_VM_USAGE,  /* what it has used */
    REQUEST_VM_CONSOLE, /* a ticket for a stream to it */
    REQUEST_VM_FORWARD, /* a ticket for a stream to a port of its guest */
    REQUEST_VM_SCREEN,  /* a ticket for a stream to its screen, which speaks VNC */
    REQUEST_VM_ACT,    /* a verb on a VM that is there */
    REQUEST_OP_LIST,
    REQUEST_OP_SHOW,
    REQUEST_SHAPE_LIST,
    REQUEST_NETWORK_LIST,
    REQUEST_IMAGE_LIST,
    REQUEST_IMAGE_SHOW,
    REQUEST_IMAGE_ADD, /* the archive is checked and stored already: record it */
    REQUEST_IMAGE_DELETE,
    REQUEST_CLUSTER_LIST,
    REQUEST_CLUSTER_SHOW,
    REQUEST_TENANT_CREATE,
    REQUEST_TENANT_LIST,
    REQUEST_TENANT_SHOW,
    REQUEST_TENANT_DELETE,
    REQUEST_CLUSTER_FORGET, /* it is gone for good, and its VMs with it */
    REQUEST_CLUSTER_ACCEPT, /* what came by its name last is to be believed */
    REQUEST_CLUSTER_DECLARE_OFF, /* it runs nothing: its lease counts as ended */
    REQUEST_CLUSTER_RECOVER, /* what is held of it is restarted elsewhere */
    REQUEST_TENANT_QUOTA,  /* what its VMs may have */
    REQUEST_TENANT_PERMISSIONS_SET, /* what new ones may use */
    REQUEST_TENANT_PERMISSIONS_RESET,
    REQUEST_WHOAMI,    /* whose token is this? Also how an upload is admitted before its body */
    REQUEST_HOST_LIST,
    REQUEST_HOST_SHOW,
    REQUEST_HOST_CORDON,   /* it gets no new VMs */
    REQUEST_HOST_UNCORDON,
    REQUEST_HOST_DRAIN,    /* cordoned, and the VMs that it has go elsewhere, where they may */
    REQUEST_HOST_MAINTAIN, /* drained again and again until the maintenance is ended */
    REQUEST_HOST_END_MAINTENANCE,
    REQUEST_HOST_LABEL,
    REQUEST_HOST_OVERCOMMIT,
    REQUEST_HOST_FORGET,   /* it is gone for good, and its VMs with it */
    REQUEST_HOST_ACCEPT,   /* what came by its name last is to be believed */
    REQUEST_HOST_DECLARE_OFF, /* it runs nothing: its lease counts as ended */
    REQUEST_HOST_RECOVER,  /* what is held of it is restarted elsewhere */
    REQUEST_SALVAGE_LIST,  /* what lost hosts have of VMs that run elsewhere by now */
    REQUEST_SALVAGE_FORGET, /* it is listed no more */
    REQUEST_LEFTOVER_LIST,    /* VMs that are not known to be where they are */
    REQUEST_LEFTOVER_ADOPT,   /* it is taken in */
    REQUEST_LEFTOVER_DISCARD, /* its place is to remove it */
    REQUEST_UPSTREAM_LIST,
    REQUEST_UPSTREAM_SHOW,
    REQUEST_LIMITS_SET,    /* of an upstream, in place of those in the configuration */
    REQUEST_LIMITS_RESET,  /* those in the configuration again */
    REQUEST_SHARE_SET,
    REQUEST_SHARE_RESET,
    REQUEST_PERMISSIONS_SET,
    REQUEST_PERMISSIONS_RESET,
    REQUEST_UPSTREAM_REVOKE,
    REQUEST_UPSTREAM_RESTORE,
    REQUEST_TOKEN_CREATE,  /* a peer may join by it, once */
    REQUEST_TOKEN_LIST,
    REQUEST_TOKEN_REVOKE,
    REQUEST_KEY_REVOKE,    /* a peer is not heard any more */
    REQUEST_SSH_KEY_ADD,   /* that a tenant's VMs can be made with */
    REQUEST_SSH_KEY_LIST,
    REQUEST_SSH_KEY_REMOVE,
    REQUEST_IMAGE_SHARE,   /* a tenant's image is for all */
    REQUEST_IMAGE_UNSHARE,
    REQUEST_TENANT_IMAGES, /* its quota for images of its own */
    REQUEST_IMAGE_ADMIT,   /* may one of this name and source come, or is it there? */
    REQUEST_METRICS,       /* numbers of the manager */
    REQUEST_AUDIT_LIST,    /* what was asked for before, and what came of it */
    REQUEST_ACCESS_CREATE, /* a token by which a tenant or operator is known */
    REQUEST_ACCESS_LIST,
    REQUEST_ACCESS_REVOKE,
    REQUEST_CONTACT_ADD,   /* where somebody wants to be told what happens */
    REQUEST_CONTACT_LIST,
    REQUEST_CONTACT_REMOVE,
    REQUEST_CONTACT_PROVE, /* by the code that was sent */
    REQUEST_DELIVERY_LIST, /* what is to be told by chat */
    REQUEST_DELIVERY_END,  /* what has become of it */
    REQUEST_RULE_ADD,      /* by which operators place VMs */
    REQUEST_RULE_LIST,
    REQUEST_RULE_SHOW,
    REQUEST_RULE_SET,      /* what it matches and says */
    REQUEST_RULE_MOVE,     /* to another place in the list */
    REQUEST_RULE_DELETE,
    REQUEST_STREAM_LIST,   /* of a cluster, for its owner */
    REQUEST_STREAM_CUT,
    /* Of a stream itself; no route leads to them, they stand in the audit. */
    REQUEST_STREAM_JOIN, /* somebody comes with a ticket */
    REQUEST_STREAM_END,
    REQUEST_KIND_COUNT,
};

/* Who may ask: an upstream manager's tenants and operator, a downstream manager's owner. */
enum request_asks {
    ASKS_TENANT = 1,
    ASKS_OPERATOR = 2,
    ASKS_OWNER = 4,
    ASKS_NAMED = 8, /* the tenant that the key names, beside the operator */
    ASKS_CHAT = 16, /* the program that tells by chat, by a token for that alone */
};

/* What is true of each kind, whoever answers it; the handlers stand in a table of each role. */
struct request_rule {
    const char *name;
    unsigned asks; /* enum request_asks */
    bool changes;  /* something, or shows what is secret or a guest's: it has a row in the audit */
    bool acts;     /* with VMs, images or SSH keys: a token with RIGHTS_ACT is enough */
};
extern const struct request_rule request_rules[REQUEST_KIND_COUNT];

/* The rights that an access token has at the least, by which this is asked. */
enum rights request_needs(enum request_kind kind);

/* POST /v1/vms */
struct vm_create {
    char name[limit_name_size];
    char shape[limit_name_size];
    char image[limit_name_size];
    char group[limit_name_size];         /* "": none */
    struct placing placing;
    bool start;
    enum on_drain on_drain;
    enum on_loss_wish on_loss;
    enum restart_from restart_from;
    uint32_t copy_every_s, copy_max_age_s; /* see struct vm */
    char *host_must, *host_prefer; /* labels that owners give their hosts */
    char *networks; /* names by commas; NULL: none */
    char *allow;    /* who may begin to speak to it; NULL: anybody */
    char *metadata, *title, *user_data, *user_data_base64;
    char *ssh_keys, *ssh_public_keys; /* names by commas of kept ones; others, a line each */
};
extern const struct table vm_create_table;

/* PUT /v1/images/{image}: its name, and what is said of it by parameters. */
extern const struct table image_add_table;

/* What comes: whole, or from where an earlier one broke off. */
struct image_sent {
    char digest[limit_digest_size]; /* of the whole file; "": it is not said */
    uint64_t offset;
};
extern const struct table image_sent_table;

/* GET /v1/uploads/{digest}: how far the caller's upload of a file is. */
struct upload {
    char digest[limit_digest_size];
    char stage[32]; /* "broken-off", "receiving", "checking", or what the sandbox is at */
    uint64_t bytes; /* of the file, that are here */
    uint64_t done, all; /* of the stage; all 0: it is not known */
};
extern const struct table upload_table;

/* POST /v1/vms/{vm}/resize, /rebuild, /snapshot, /revert, /snapshot-delete, /interface-add,
 * /interface-remove */
struct vm_reshape {
    char shape[limit_name_size];
    char image[limit_name_size]; /* "": the one that it has */
    char *user_data, *user_data_base64; /* NULL: the first-boot data that it has */
    char *ssh_keys, *ssh_public_keys;   /* NULL: those that it has */
    char snapshot[limit_name_size];
    bool upgrade; /* resize, rebuild */
    char network[limit_name_size];   /* interface-add */
    char interface[limit_name_size]; /* interface-remove: its network, or its MAC address */
};
extern const struct table vm_resize_table, vm_rebuild_table, vm_snapshot_table;
extern const struct table vm_interface_add_table, vm_interface_remove_table;
/* POST /v1/ssh-keys */
extern const struct table ssh_key_add_table;

/* POST /v1/vms/{vm}/rename */
/* Which port of a VM's guest a stream is to. */
struct vm_forward {
    uint32_t port;
};
extern const struct table vm_forward_table;

struct vm_rename {
    char name[limit_name_size];
};
extern const struct table vm_rename_table;

/* PUT /v1/vms/{vm}/metadata */
struct vm_edit {
    char *metadata; /* NULL: none */
};
extern const struct table vm_edit_table;

/* PUT /v1/vms/{vm}/title */
struct vm_title {
    char *title; /* NULL: none */
};
extern const struct table vm_title_table;

/* PUT /v1/vms/{vm}/allow */
struct vm_allow {
    char *allow; /* NULL: anybody */
};
extern const struct table vm_allow_table;

/* POST /v1/tenants; the token is drawn by the adapter and shown once. */
struct tenant_create {
    char name[limit_name_size];
};
extern const struct table tenant_create_table;

/* The order of a list's rows; a list of VMs goes by age where none is named. */
enum sort {
    SORT_OLDEST,
    SORT_NEWEST,
    SORT_NAME,
    SORT_NAME_FALLING,
    SORT_CHANGED,
    SORT_CHANGED_FALLING,
    SORT_COUNT,
};
extern const char *const sort_names[SORT_COUNT];

/* GET lists: query parameters. */
struct list_query {
    uint32_t limit;               /* rows, 0: the default */
    char after[limit_cursor_size]; /* `next` of the page before: the key of its last row */
    char tenant[limit_name_size]; /* operators: only this tenant's */
    char vm[limit_id_size];       /* operations: only of this VM */
    char host[limit_name_size];   /* owners: only VMs on this host */
    char upstream[limit_name_size]; /* owners: only this upstream manager's VMs */
    char place[limit_name_size];    /* leftovers: only this host's or cluster's */
    char state[limit_query_size];   /* only rows in one of these, by commas */
    char name[limit_name_size];     /* only this name; `*` stands for any characters */
    char cluster[limit_name_size];
    char image[limit_name_size];
    char labels[limit_labels + 1];  /* all of these */
    char fields[limit_query_size];  /* these fields of each row, by commas; "": all */
    enum sort sort;
    uint64_t from; /* console log: the first byte that is wanted; 0: the newest part */
    bool watch;                     /* what changes is told from here on; `after` is a revision */
};
extern const struct table list_query_table;

/* PUT /v1/tenants/{tenant}/image-quota */
struct image_quota {
    uint64_t images_gib;
};
extern const struct table image_quota_table;

/* POST /v1/sessions */
enum { limit_ticket_size = 44 };
struct login_create {
    char ticket[limit_ticket_size]; /* "": by the bearer token */
};
extern const struct table login_create_table;

/* POST /v1/streams */
struct stream_join {
    char ticket[limit_digest_size];
};
extern const struct table stream_join_table;

/* Drawn for each request of a stream by who has a source of chance. */
struct stream_secret {
    char secret[limit_digest_size];  /* its tickets and its secret key come of this */
    char key[limit_public_key_size];    /* the public key of that */
};

struct request {
    uint64_t handle;                       /* the adapter's, comes back with the reply */
    enum request_kind kind;
    char token_hash[limit_digest_size];    /* SHA-256 of the bearer token, "" without one */
    char from[audit_from_size];            /* the address that asks; "": by a Unix socket */
    char idempotency_key[limit_key_size];  /* "": none */
    uint64_t body_hash;                    /* of method, path and body, for the key */
    uint64_t wait_ms;                      /* hold the reply until the operation ends */
    uint64_t deadline_ms;                  /* for the operation, from now; 0: the default */
    char key[limit_name_size];             /* the id or name in the path; VMs: either */
    enum verb verb;                        /* REQUEST_VM_ACT */
    bool hard;                             /* VERB_REBOOT */
    uint64_t tag;                          /* of the VM, or rule, as it has to be; 0: any */
    const struct table *body;              /* of the member that the body fills; NULL: none */
    size_t body_offset;                    /* where that member is */
    struct vm_rename vm_rename;            /* VERB_RENAME */
    struct vm_forward vm_forward;          /* REQUEST_VM_FORWARD */
    struct vm_edit vm_edit;                /* VERB_EDIT: of metadata */
    struct vm_title vm_title;              /* VERB_EDIT: of the title */
    struct vm_allow vm_allow;              /* VERB_ALLOW */
    struct vm_create vm_create;
    struct vm_reshape reshape;             /* REQUEST_VM_ACT */
    struct tenant_create tenant_create;
    struct login_create login_create;      /* never reaches a role */
    struct ssh_key ssh_key;                /* REQUEST_SSH_KEY_ADD */
    struct token_create token_create;
    struct access_create access_create;
    struct contact contact;                /* REQUEST_CONTACT_ADD, _PROVE */
    struct delivery_end delivery_end;      /* REQUEST_DELIVERY_END */
    struct rule rule;                      /* REQUEST_RULE_ADD, _SET */
    struct rule_move rule_move;            /* REQUEST_RULE_MOVE */
    char new_token_hash[limit_digest_size];
    struct stream_secret stream;           /* of one that opens a stream */
    struct stream_join stream_join;        /* never reaches a role */
    struct image image;                    /* REQUEST_IMAGE_ADD */
    struct image_quota image_quota;        /* REQUEST_TENANT_IMAGES */
    struct amounts limits;                 /* REQUEST_LIMITS_SET, REQUEST_TENANT_QUOTA */
    struct permissions permissions;        /* REQUEST_PERMISSIONS_SET */
    struct tenant_permissions tenant_permissions; /* REQUEST_TENANT_PERMISSIONS_SET */
    struct share share;                    /* REQUEST_SHARE_SET */
    struct revocation revocation;          /* REQUEST_UPSTREAM_REVOKE */
    struct host_labels host_labels;        /* REQUEST_HOST_LABEL */
    struct overcommit overcommit;          /* REQUEST_HOST_OVERCOMMIT */
    struct leftover_choice leftover;       /* REQUEST_LEFTOVER_… */
    struct list_query list;
};

/* A copy with a body of its own, and its end. */
void request_clone(const struct request *from, struct request *out_to);
void request_clear(struct request *request);

/* Does it ask for a stream to a VM? Then it is answered once that is open. */
bool request_opens_stream(enum request_kind kind);

/* Answer to REQUEST_VM_LOG. */
struct console_log {
    char vm[limit_id_size];
    uint64_t from, next;
    char *base64; /* NULL: there is nothing more yet */
};
extern const struct table console_log_table;

/* Answer to POST /v1/tickets. */
struct ticket {
    char ticket[limit_ticket_size];
    char url[limit_stream_url_size]; /* of the page; "": where the ticket was asked for */
    uint32_t valid_seconds;
};
extern const struct table ticket_table;

/* Answer to a request that opens a stream. */
struct stream_ticket {
    char vm[limit_id_size];
    char url[limit_stream_url_size];
    char pin[limit_digest_size];
    char ticket[limit_digest_size];
    uint64_t expires_ms;
};
extern const struct table stream_ticket_table;

/* Answer to REQUEST_WHOAMI. */
struct whoami {
    char role[limit_name_size]; /* "operator", "tenant" or "owner" */
    char tenant[limit_name_size];
    char token[limit_id_size];  /* the access token; "": the configured one */
    char token_name[limit_name_size];
    enum rights rights;
    uint64_t expires_ms;        /* of the token; 0: never */
};
extern const struct table whoami_table;

/* Answers to REQUEST_TENANT_CREATE and REQUEST_TOKEN_CREATE: the only time that the token is
 * shown. */
struct tenant_created {
    char name[limit_name_size];
    char token[limit_digest_size];
    uint64_t created_ms;
};
extern const struct table tenant_created_table;

struct token_created {
    char id[limit_id_size];
    char peer[limit_name_size];
    char *token;
    uint64_t expires_ms;
};
extern const struct table token_created_table;

enum reply_kind {
    REPLY_RECORD,    /* one record: 200 */
    REPLY_CREATED,   /* a new record: 201 */
    REPLY_OPERATION, /* an operation: 202 while it is under way, 200 once it has ended */
    REPLY_LIST,
    REPLY_GONE,      /* deleted: 204 */
    REPLY_PROBLEM,
};

struct reply {
    uint64_t handle;
    enum reply_kind kind;
    enum code code;              /* REPLY_PROBLEM */
    char field[limit_name_size]; /* the field at fault, if one is */
    char text[limit_text_size];  /* what is wrong and what to do, for this case */
    bool is_tenants;             /* what operators alone are shown is left out */
    struct record record;
    struct record *list;
    uint32_t list_count;
    uint64_t revision;           /* the store's changes that it knows of, by the shell */
    char next[limit_cursor_size]; /* `after` of the next page, "" on the last */
    /* A bit for each of the list, the first for the record: only its key is here, and the row is
     * in the store. */
    uint64_t stored[(limit_page + 63) / 64];
};

/* Only the key of this one is here: of the list, or 0 for the record. */
void reply_mark_stored(struct reply *reply, uint32_t at);

/* Reads what is in the store alone: `fetch` fills the record whose key is set, and returns whether
 * there is one. What is gone meanwhile leaves the list, or makes the reply a problem. */
void reply_fetch(struct reply *reply, bool (*fetch)(void *context, struct record *record),
                 void *context);

void reply_clear(struct reply *reply);
