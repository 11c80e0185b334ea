#include "message/request.h"

#include "base/memory.h"

static const struct field vm_create_fields[] = {
    {.name = "name", .about = "Your name for the VM, and the guest's host name.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, field_at(struct vm_create, name),
     .check = CHECK_NAME},
    {.name = "shape", .about = "Name of a shape.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct vm_create, shape), .check = CHECK_NAME},
    {.name = "image", .about = "Name of an image.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct vm_create, image), .check = CHECK_NAME},
    {.name = "cluster", .about = "Name of the cluster to use; absent: any.", .kind = FIELD_TEXT,
     field_at(struct vm_create, placing.cluster), .check = CHECK_NAME},
    {.name = "must", .about = "Labels that the cluster must have: name=value, by commas.",
     .kind = FIELD_BLOB, field_at(struct vm_create, placing.must), .most = limit_labels,
     .check = CHECK_LABELS},
    {.name = "prefer", .about = "Labels that it should have.", .kind = FIELD_BLOB,
     field_at(struct vm_create, placing.prefer), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "avoid", .about = "Labels that it should not have.", .kind = FIELD_BLOB,
     field_at(struct vm_create, placing.avoid), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "group", .about = "Your name for VMs that belong to each other.",
     .kind = FIELD_TEXT, field_at(struct vm_create, group), .check = CHECK_NAME},
    {.name = "group_rule", .about = "Where it goes beside others of its group.",
     .kind = FIELD_ENUM, field_at(struct vm_create, placing.rule), field_names(group_rule_names)},
    {.name = "strategy", .about = "Where most room is (spread), or least that is enough (pack).",
     .kind = FIELD_ENUM, field_at(struct vm_create, placing.strategy),
     field_names(strategy_names)},
    {.name = "start", .about = "Start it once it is defined.", .kind = FIELD_FLAG,
     field_at(struct vm_create, start)},
    {.name = "on_drain",
     .about = "When its host is to be empty: stay, or restart, made anew from its image.",
     .kind = FIELD_ENUM, field_at(struct vm_create, on_drain), field_names(on_drain_names)},
    {.name = "host_must", .about = "Labels that its host must have, as the cluster's owner gave "
     "them.", .kind = FIELD_BLOB, field_at(struct vm_create, host_must), .most = limit_labels,
     .check = CHECK_LABELS},
    {.name = "host_prefer", .about = "Labels that its host should have.", .kind = FIELD_BLOB,
     field_at(struct vm_create, host_prefer), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "networks", .about = "Networks that it is to be in, by commas: an interface for "
     "each.", .kind = FIELD_BLOB, field_at(struct vm_create, networks),
     .most = limit_vm_network_names, .check = CHECK_NETWORKS},
    {.name = "metadata", .about = "What you say of it: name=value, by commas.",
     .kind = FIELD_BLOB, field_at(struct vm_create, metadata), .most = limit_metadata,
     .check = CHECK_LABELS},
    {.name = "user_data", .about = "First-boot data for the guest (NoCloud user-data).",
     .kind = FIELD_BLOB, .mask = FIELD_API | FIELD_SECRET, field_at(struct vm_create, user_data),
     .most = limit_user_data, .check = CHECK_LINES},
};
const struct table vm_create_table = {"vm-create", "A VM to make.", sizeof(struct vm_create),
                                      vm_create_fields, array_size(vm_create_fields)};

static const struct field vm_resize_fields[] = {
    {.name = "shape", .about = "Name of a shape; its disk is not smaller than the VM's.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, field_at(struct vm_reshape, shape),
     .check = CHECK_NAME},
};
const struct table vm_resize_table = {"vm-resize", "What the VM is to have.",
                                      sizeof(struct vm_reshape), vm_resize_fields,
                                      array_size(vm_resize_fields)};

static const struct field vm_rebuild_fields[] = {
    {.name = "image", .about = "Name of an image; absent: the VM's own.", .kind = FIELD_TEXT,
     field_at(struct vm_reshape, image), .check = CHECK_NAME},
    {.name = "user_data", .about = "Other first-boot data; absent: those that it was made with.",
     .kind = FIELD_BLOB, .mask = FIELD_API | FIELD_SECRET, field_at(struct vm_reshape, user_data),
     .most = limit_user_data, .check = CHECK_LINES},
};
const struct table vm_rebuild_table = {"vm-rebuild", "What the VM is to be made from anew.",
                                       sizeof(struct vm_reshape), vm_rebuild_fields,
                                       array_size(vm_rebuild_fields)};

static const struct field vm_snapshot_fields[] = {
    {.name = "name", .about = "Name of the snapshot.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, field_at(struct vm_reshape, snapshot), .check = CHECK_NAME},
};
const struct table vm_snapshot_table = {"vm-snapshot", "Which snapshot of the VM.",
                                        sizeof(struct vm_reshape), vm_snapshot_fields,
                                        array_size(vm_snapshot_fields)};
static const struct field vm_rename_fields[] = {
    {.name = "name", .about = "Your new name for the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, field_at(struct vm_rename, name), .check = CHECK_NAME},
};
const struct table vm_rename_table = {"vm-rename", "Another name for a VM.",
                                      sizeof(struct vm_rename), vm_rename_fields,
                                      array_size(vm_rename_fields)};

static const struct field vm_edit_fields[] = {
    {.name = "metadata", .about = "All that you say of it: name=value, by commas; absent: none.",
     .kind = FIELD_BLOB, field_at(struct vm_edit, metadata), .most = limit_metadata,
     .check = CHECK_LABELS},
};
const struct table vm_edit_table = {"vm-edit", "What you say of a VM.", sizeof(struct vm_edit),
                                    vm_edit_fields, array_size(vm_edit_fields)};

static const struct field tenant_create_fields[] = {
    {.name = "name", .about = "The tenant's name.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct tenant_create, name), .check = CHECK_NAME},
};
const struct table tenant_create_table = {"tenant-create", "A tenant to make.",
                                          sizeof(struct tenant_create), tenant_create_fields,
                                          array_size(tenant_create_fields)};

static const struct field list_query_fields[] = {
    {.name = "limit", .about = "Most rows in this page.", .kind = FIELD_U32,
     field_at(struct list_query, limit), .least = 1, .most = limit_page},
    {.name = "after", .about = "Go on after this key, from `next` of the page before.",
     .kind = FIELD_TEXT, field_at(struct list_query, after)},
    {.name = "tenant", .about = "Operators: only this tenant's.", .kind = FIELD_TEXT,
     field_at(struct list_query, tenant), .check = CHECK_NAME},
    {.name = "vm", .about = "Operations: only those of the VM with this id.",
     .kind = FIELD_TEXT, field_at(struct list_query, vm), .check = CHECK_ID},
    {.name = "host", .about = "VMs: only those on this host.", .kind = FIELD_TEXT,
     field_at(struct list_query, host), .check = CHECK_NAME},
    {.name = "upstream", .about = "VMs: only those of this upstream manager.",
     .kind = FIELD_TEXT, field_at(struct list_query, upstream), .check = CHECK_NAME},
};
const struct table list_query_table = {"list-query", "Which rows of a list.",
                                       sizeof(struct list_query), list_query_fields,
                                       array_size(list_query_fields)};

static const struct field whoami_fields[] = {
    {.name = "role", .about = "operator or tenant.", .kind = FIELD_TEXT,
     field_at(struct whoami, role), .check = CHECK_NAME},
    {.name = "tenant", .about = "The tenant's name.", .kind = FIELD_TEXT,
     field_at(struct whoami, tenant), .check = CHECK_NAME},
};
const struct table whoami_table = {"whoami", "Whose token this is.", sizeof(struct whoami),
                                   whoami_fields, array_size(whoami_fields)};

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
