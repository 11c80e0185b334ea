/* The field tables of what an API's bodies and queries may hold, and who owns what in requests
 * and replies. */
#include "message/request.h"

#include "base/memory.h"

const struct request_rule request_rules[REQUEST_KIND_COUNT] = {
    [REQUEST_VM_CREATE] = {"vm-create", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_VM_LIST] = {"vm-list", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_VM_SHOW] = {"vm-show", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_VM_ACT] = {"vm-act", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_OP_LIST] = {"op-list", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_OP_SHOW] = {"op-show", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_SHAPE_LIST] = {"shape-list", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_NETWORK_LIST] = {"network-list", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_IMAGE_LIST] = {"image-list", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_IMAGE_SHOW] = {"image-show", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_IMAGE_ADD] = {"image-add", ASKS_OPERATOR},
    [REQUEST_IMAGE_DELETE] = {"image-delete", ASKS_OPERATOR},
    [REQUEST_CLUSTER_LIST] = {"cluster-list", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_CLUSTER_SHOW] = {"cluster-show", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_TENANT_CREATE] = {"tenant-create", ASKS_OPERATOR},
    [REQUEST_TENANT_LIST] = {"tenant-list", ASKS_OPERATOR},
    [REQUEST_TENANT_SHOW] = {"tenant-show", ASKS_OPERATOR | ASKS_NAMED},
    [REQUEST_TENANT_DELETE] = {"tenant-delete", ASKS_OPERATOR},
    [REQUEST_CLUSTER_FORGET] = {"cluster-forget", ASKS_OPERATOR},
    [REQUEST_TENANT_QUOTA] = {"tenant-quota", ASKS_OPERATOR},
    [REQUEST_TENANT_PERMISSIONS_SET] = {"tenant-permissions-set", ASKS_OPERATOR},
    [REQUEST_TENANT_PERMISSIONS_RESET] = {"tenant-permissions-reset", ASKS_OPERATOR},
    [REQUEST_WHOAMI] = {"whoami", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_HOST_LIST] = {"host-list", ASKS_OWNER},
    [REQUEST_HOST_SHOW] = {"host-show", ASKS_OWNER},
    [REQUEST_HOST_CORDON] = {"host-cordon", ASKS_OWNER},
    [REQUEST_HOST_UNCORDON] = {"host-uncordon", ASKS_OWNER},
    [REQUEST_HOST_DRAIN] = {"host-drain", ASKS_OWNER},
    [REQUEST_HOST_MAINTAIN] = {"host-maintain", ASKS_OWNER},
    [REQUEST_HOST_END_MAINTENANCE] = {"host-end-maintenance", ASKS_OWNER},
    [REQUEST_HOST_LABEL] = {"host-label", ASKS_OWNER},
    [REQUEST_HOST_OVERCOMMIT] = {"host-overcommit", ASKS_OWNER},
    [REQUEST_HOST_FORGET] = {"host-forget", ASKS_OWNER},
    [REQUEST_UPSTREAM_LIST] = {"upstream-list", ASKS_OWNER},
    [REQUEST_UPSTREAM_SHOW] = {"upstream-show", ASKS_OWNER},
    [REQUEST_LIMITS_SET] = {"limits-set", ASKS_OWNER},
    [REQUEST_LIMITS_RESET] = {"limits-reset", ASKS_OWNER},
    [REQUEST_SHARE_SET] = {"share-set", ASKS_OWNER},
    [REQUEST_SHARE_RESET] = {"share-reset", ASKS_OWNER},
    [REQUEST_PERMISSIONS_SET] = {"permissions-set", ASKS_OWNER},
    [REQUEST_PERMISSIONS_RESET] = {"permissions-reset", ASKS_OWNER},
    [REQUEST_UPSTREAM_REVOKE] = {"upstream-revoke", ASKS_OWNER},
    [REQUEST_UPSTREAM_RESTORE] = {"upstream-restore", ASKS_OWNER},
    [REQUEST_TOKEN_CREATE] = {"token-create", ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_TOKEN_LIST] = {"token-list", ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_TOKEN_REVOKE] = {"token-revoke", ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_KEY_REVOKE] = {"key-revoke", ASKS_OPERATOR | ASKS_OWNER},
};

static const struct field vm_create_fields[] = {
    {field_of(struct vm_create, name), .about = "Your name for the VM, and the guest's host name.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct vm_create, shape), .about = "Name of a shape.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct vm_create, image), .about = "Name of an image.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {.name = "cluster", .about = "Name of the cluster to use; absent: any.", .kind = FIELD_TEXT,
     field_at(struct vm_create, placing.cluster), .check = CHECK_NAME},
    {.name = "must", .about = "Labels that the cluster must have: name=value, by commas.",
     .kind = FIELD_BLOB, field_at(struct vm_create, placing.must), .most = limit_labels,
     .check = CHECK_LABELS},
    {.name = "prefer", .about = "Labels that it should have.", .kind = FIELD_BLOB,
     field_at(struct vm_create, placing.prefer), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "avoid", .about = "Labels that it should not have.", .kind = FIELD_BLOB,
     field_at(struct vm_create, placing.avoid), .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct vm_create, group), .about = "Your name for VMs that belong to each other.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {.name = "group_rule", .about = "Where it goes beside others of its group.", .kind = FIELD_ENUM,
     field_at(struct vm_create, placing.rule), field_names(group_rule_names)},
    {.name = "strategy", .about = "Where most room is (spread), or least that is enough (pack).",
     .kind = FIELD_ENUM, field_at(struct vm_create, placing.strategy), field_names(strategy_names)},
    {field_of(struct vm_create, start), .about = "Start it once it is defined.",
     .kind = FIELD_FLAG},
    {field_of(struct vm_create, on_drain),
     .about = "When its host is to be empty: stay, or restart, made anew from its image.",
     .kind = FIELD_ENUM, field_names(on_drain_names)},
    {field_of(struct vm_create, host_must),
     .about = "Labels that its host must have, as the cluster's owner gave " "them.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct vm_create, host_prefer), .about = "Labels that its host should have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct vm_create, networks),
     .about = "Networks that it is to be in, by commas: an interface for " "each.",
     .kind = FIELD_BLOB, .most = limit_vm_network_names, .check = CHECK_NETWORKS},
    {field_of(struct vm_create, metadata), .about = "What you say of it: name=value, by commas.",
     .kind = FIELD_BLOB, .most = limit_metadata, .check = CHECK_LABELS},
    {field_of(struct vm_create, user_data),
     .about = "First-boot data for the guest (NoCloud user-data).", .kind = FIELD_BLOB,
     .mask = FIELD_API | FIELD_SECRET, .most = limit_user_data, .check = CHECK_LINES},
};
const struct table vm_create_table = {"vm-create", "A VM to make.", sizeof(struct vm_create),
                                      field_rows(vm_create_fields)};

static const struct field vm_resize_fields[] = {
    {field_of(struct vm_reshape, shape),
     .about = "Name of a shape; its disk is not smaller than the VM's.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
};
const struct table vm_resize_table = {"vm-resize", "What the VM is to have.",
                                      sizeof(struct vm_reshape), field_rows(vm_resize_fields)};

static const struct field vm_rebuild_fields[] = {
    {field_of(struct vm_reshape, image), .about = "Name of an image; absent: the VM's own.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct vm_reshape, user_data),
     .about = "Other first-boot data; absent: those that it was made with.", .kind = FIELD_BLOB,
     .mask = FIELD_API | FIELD_SECRET, .most = limit_user_data, .check = CHECK_LINES},
};
const struct table vm_rebuild_table = {"vm-rebuild", "What the VM is to be made from anew.",
                                       sizeof(struct vm_reshape), field_rows(vm_rebuild_fields)};

static const struct field vm_snapshot_fields[] = {
    {.name = "name", .about = "Name of the snapshot.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct vm_reshape, snapshot), .check = CHECK_NAME},
};
const struct table vm_snapshot_table = {"vm-snapshot", "Which snapshot of the VM.",
                                        sizeof(struct vm_reshape), field_rows(vm_snapshot_fields)};
static const struct field vm_rename_fields[] = {
    {field_of(struct vm_rename, name), .about = "Your new name for the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
};
const struct table vm_rename_table = {"vm-rename", "Another name for a VM.",
                                      sizeof(struct vm_rename), field_rows(vm_rename_fields)};

static const struct field vm_edit_fields[] = {
    {field_of(struct vm_edit, metadata),
     .about = "All that you say of it: name=value, by commas; absent: none.", .kind = FIELD_BLOB,
     .most = limit_metadata, .check = CHECK_LABELS},
};
const struct table vm_edit_table = {"vm-edit", "What you say of a VM.", sizeof(struct vm_edit),
                                    field_rows(vm_edit_fields)};

static const struct field tenant_create_fields[] = {
    {field_of(struct tenant_create, name), .about = "The tenant's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
};
const struct table tenant_create_table = {"tenant-create", "A tenant to make.",
                                          sizeof(struct tenant_create),
                                          field_rows(tenant_create_fields)};

static const struct field tenant_created_fields[] = {
    {field_of(struct tenant_created, name), .about = "The tenant's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct tenant_created, token),
     .about = "Its token. It is shown this once and kept nowhere.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED | FIELD_API | FIELD_SECRET},
    {field_of(struct tenant_created, created_ms), .about = "When it was made.",
     .kind = FIELD_U64},
};
const struct table tenant_created_table = {"tenant-created", "A new tenant with its token.",
                                                sizeof(struct tenant_created),
                                                field_rows(tenant_created_fields)};

static const struct field token_created_fields[] = {
    {field_of(struct token_created, id), .about = "The token's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct token_created, peer), .about = "Who may join by it.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct token_created, token),
     .about = "The token, shown this once and kept nowhere.", .kind = FIELD_BLOB,
     .mask = FIELD_REQUIRED | FIELD_API | FIELD_SECRET, .most = limit_join_token},
    {field_of(struct token_created, expires_ms), .about = "From when on it is worth nothing.",
     .kind = FIELD_U64},
};
const struct table token_created_table = {"token-created", "A new token to join by.",
                                               sizeof(struct token_created),
                                               field_rows(token_created_fields)};

static const struct field list_query_fields[] = {
    {field_of(struct list_query, limit), .about = "Most rows in this page.", .kind = FIELD_U32,
     .least = 1, .most = limit_page},
    {field_of(struct list_query, after),
     .about = "Go on after this key, from `next` of the page before.", .kind = FIELD_TEXT},
    {field_of(struct list_query, tenant), .about = "Operators: only this tenant's.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct list_query, vm), .about = "Operations: only those of the VM with this id.",
     .kind = FIELD_TEXT, .check = CHECK_ID},
    {field_of(struct list_query, host), .about = "VMs: only those on this host.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct list_query, upstream), .about = "VMs: only those of this upstream manager.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
};
const struct table list_query_table = {"list-query", "Which rows of a list.",
                                       sizeof(struct list_query), field_rows(list_query_fields)};

static const struct field whoami_fields[] = {
    {field_of(struct whoami, role), .about = "operator or tenant.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct whoami, tenant), .about = "The tenant's name.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
};
const struct table whoami_table = {"whoami", "Whose token this is.", sizeof(struct whoami),
                                   field_rows(whoami_fields)};

static void *body_of(const struct request *request) {
    return (char *)request + request->body_offset;
}

void request_clone(const struct request *from, struct request *out_to) {
    *out_to = *from;
    if (from->body)
        record_clone(from->body, body_of(from), body_of(out_to));
}

void request_clear(struct request *request) {
    if (request->body)
        record_clear(request->body, body_of(request));
}

void reply_clear(struct reply *reply) {
    record_deinit(&reply->record);
    for (uint32_t i = 0; i < reply->list_count; i++)
        record_deinit(&reply->list[i]);
    memory_free(reply->list);
    *reply = (struct reply){0};
}
