/* The field tables of what an API's bodies and queries may hold, and who owns what in requests
 * and replies. */
#include "message/request.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

const struct request_rule request_rules[REQUEST_KIND_COUNT] = {
    [REQUEST_VM_CREATE] = {"vm-create", ASKS_TENANT | ASKS_OPERATOR, true, true},
    [REQUEST_VM_LIST] = {"vm-list", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_VM_LOG] = {"vm-log", ASKS_TENANT | ASKS_OPERATOR, true, true},
    [REQUEST_VM_USAGE] = {"vm-usage", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_VM_CONSOLE] = {"vm-console", ASKS_TENANT | ASKS_OPERATOR, true, true},
    [REQUEST_VM_FORWARD] = {"vm-forward", ASKS_TENANT | ASKS_OPERATOR, true, true},
    [REQUEST_VM_SCREEN] = {"vm-screen", ASKS_TENANT | ASKS_OPERATOR, true, true},
    [REQUEST_STREAM_JOIN] = {"stream-join", 0, true},
    [REQUEST_STREAM_END] = {"stream-end", 0, true},
    [REQUEST_STREAM_LIST] = {"stream-list", ASKS_OWNER},
    [REQUEST_STREAM_CUT] = {"stream-cut", ASKS_OWNER, true},
    [REQUEST_VM_SHOW] = {"vm-show", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_VM_ACT] = {"vm-act", ASKS_TENANT | ASKS_OPERATOR, true, true},
    [REQUEST_OP_LIST] = {"op-list", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_OP_SHOW] = {"op-show", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_SHAPE_LIST] = {"shape-list", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_NETWORK_LIST] = {"network-list", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_IMAGE_LIST] = {"image-list", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_IMAGE_SHOW] = {"image-show", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_IMAGE_ADD] = {"image-add", ASKS_TENANT | ASKS_OPERATOR, true, true},
    [REQUEST_IMAGE_DELETE] = {"image-delete", ASKS_TENANT | ASKS_OPERATOR, true, true},
    [REQUEST_CLUSTER_LIST] = {"cluster-list", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_CLUSTER_SHOW] = {"cluster-show", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_TENANT_CREATE] = {"tenant-create", ASKS_OPERATOR, true},
    [REQUEST_TENANT_LIST] = {"tenant-list", ASKS_OPERATOR},
    [REQUEST_TENANT_SHOW] = {"tenant-show", ASKS_OPERATOR | ASKS_NAMED},
    [REQUEST_TENANT_DELETE] = {"tenant-delete", ASKS_OPERATOR, true},
    [REQUEST_CLUSTER_FORGET] = {"cluster-forget", ASKS_OPERATOR, true},
    [REQUEST_CLUSTER_ACCEPT] = {"cluster-accept", ASKS_OPERATOR, true},
    [REQUEST_CLUSTER_DECLARE_OFF] = {"cluster-declare-off", ASKS_OPERATOR, true},
    [REQUEST_CLUSTER_RECOVER] = {"cluster-recover", ASKS_OPERATOR, true},
    [REQUEST_TENANT_QUOTA] = {"tenant-quota", ASKS_OPERATOR, true},
    [REQUEST_TENANT_PERMISSIONS_SET] = {"tenant-permissions-set", ASKS_OPERATOR, true},
    [REQUEST_TENANT_PERMISSIONS_RESET] = {"tenant-permissions-reset", ASKS_OPERATOR, true},
    [REQUEST_WHOAMI] = {"whoami", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_HOST_LIST] = {"host-list", ASKS_OWNER},
    [REQUEST_HOST_SHOW] = {"host-show", ASKS_OWNER},
    [REQUEST_HOST_CORDON] = {"host-cordon", ASKS_OWNER, true},
    [REQUEST_HOST_UNCORDON] = {"host-uncordon", ASKS_OWNER, true},
    [REQUEST_HOST_DRAIN] = {"host-drain", ASKS_OWNER, true},
    [REQUEST_HOST_MAINTAIN] = {"host-maintain", ASKS_OWNER, true},
    [REQUEST_HOST_END_MAINTENANCE] = {"host-end-maintenance", ASKS_OWNER, true},
    [REQUEST_HOST_LABEL] = {"host-label", ASKS_OWNER, true},
    [REQUEST_HOST_OVERCOMMIT] = {"host-overcommit", ASKS_OWNER, true},
    [REQUEST_HOST_FORGET] = {"host-forget", ASKS_OWNER, true},
    [REQUEST_HOST_ACCEPT] = {"host-accept", ASKS_OWNER, true},
    [REQUEST_HOST_DECLARE_OFF] = {"host-declare-off", ASKS_OWNER, true},
    [REQUEST_HOST_RECOVER] = {"host-recover", ASKS_OWNER, true},
    [REQUEST_SALVAGE_LIST] = {"salvage-list", ASKS_OWNER},
    [REQUEST_SALVAGE_FORGET] = {"salvage-forget", ASKS_OWNER, true},
    [REQUEST_LEFTOVER_LIST] = {"leftover-list", ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_LEFTOVER_ADOPT] = {"leftover-adopt", ASKS_OPERATOR | ASKS_OWNER, true},
    [REQUEST_LEFTOVER_DISCARD] = {"leftover-discard", ASKS_OPERATOR | ASKS_OWNER, true},
    [REQUEST_UPSTREAM_LIST] = {"upstream-list", ASKS_OWNER},
    [REQUEST_UPSTREAM_SHOW] = {"upstream-show", ASKS_OWNER},
    [REQUEST_LIMITS_SET] = {"limits-set", ASKS_OWNER, true},
    [REQUEST_LIMITS_RESET] = {"limits-reset", ASKS_OWNER, true},
    [REQUEST_SHARE_SET] = {"share-set", ASKS_OWNER, true},
    [REQUEST_SHARE_RESET] = {"share-reset", ASKS_OWNER, true},
    [REQUEST_PERMISSIONS_SET] = {"permissions-set", ASKS_OWNER, true},
    [REQUEST_PERMISSIONS_RESET] = {"permissions-reset", ASKS_OWNER, true},
    [REQUEST_UPSTREAM_REVOKE] = {"upstream-revoke", ASKS_OWNER, true},
    [REQUEST_UPSTREAM_RESTORE] = {"upstream-restore", ASKS_OWNER, true},
    [REQUEST_TOKEN_CREATE] = {"token-create", ASKS_OPERATOR | ASKS_OWNER, true},
    [REQUEST_TOKEN_LIST] = {"token-list", ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_TOKEN_REVOKE] = {"token-revoke", ASKS_OPERATOR | ASKS_OWNER, true},
    [REQUEST_KEY_REVOKE] = {"key-revoke", ASKS_OPERATOR | ASKS_OWNER, true},
    [REQUEST_SSH_KEY_ADD] = {"ssh-key-add", ASKS_TENANT, true, true},
    [REQUEST_SSH_KEY_LIST] = {"ssh-key-list", ASKS_TENANT},
    [REQUEST_SSH_KEY_REMOVE] = {"ssh-key-remove", ASKS_TENANT, true, true},
    [REQUEST_IMAGE_SHARE] = {"image-share", ASKS_OPERATOR, true},
    [REQUEST_IMAGE_UNSHARE] = {"image-unshare", ASKS_OPERATOR, true},
    [REQUEST_TENANT_IMAGES] = {"tenant-images", ASKS_OPERATOR, true},
    [REQUEST_IMAGE_ADMIT] = {"image-admit", ASKS_TENANT | ASKS_OPERATOR, .acts = true},
    [REQUEST_METRICS] = {"metrics", ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_AUDIT_LIST] = {"audit-list", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_ACCESS_CREATE] = {"access-token-create", ASKS_TENANT | ASKS_OPERATOR, true},
    [REQUEST_ACCESS_LIST] = {"access-token-list", ASKS_TENANT | ASKS_OPERATOR},
    [REQUEST_ACCESS_REVOKE] = {"access-token-revoke", ASKS_TENANT | ASKS_OPERATOR, true},
    [REQUEST_CONTACT_ADD] = {"contact-add", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER, true},
    [REQUEST_CONTACT_LIST] = {"contact-list", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER},
    [REQUEST_CONTACT_REMOVE] = {"contact-remove", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER,
                                true},
    [REQUEST_CONTACT_PROVE] = {"contact-prove", ASKS_TENANT | ASKS_OPERATOR | ASKS_OWNER, true},
    [REQUEST_DELIVERY_LIST] = {"delivery-list", ASKS_CHAT},
    [REQUEST_DELIVERY_END] = {"delivery-end", ASKS_CHAT},
    [REQUEST_RULE_ADD] = {"rule-add", ASKS_OPERATOR, true},
    [REQUEST_RULE_LIST] = {"rule-list", ASKS_OPERATOR},
    [REQUEST_RULE_SHOW] = {"rule-show", ASKS_OPERATOR},
    [REQUEST_RULE_SET] = {"rule-set", ASKS_OPERATOR, true},
    [REQUEST_RULE_MOVE] = {"rule-move", ASKS_OPERATOR, true},
    [REQUEST_RULE_DELETE] = {"rule-delete", ASKS_OPERATOR, true},
};

enum rights request_needs(enum request_kind kind) {
    const struct request_rule *rule = &request_rules[kind];
    return rule->acts ? RIGHTS_ACT : rule->changes ? RIGHTS_ALL : RIGHTS_LOOK;
}

static const struct field vm_create_fields[] = {
    {field_of(struct vm_create, name), .about = "Your name for the VM, and the guest's host name.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_NEW_NAME},
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
     .kind = FIELD_TEXT, .check = CHECK_NEW_NAME},
    {.name = "group_rule", .about = "Where it goes beside others of its group.", .kind = FIELD_ENUM,
     field_at(struct vm_create, placing.rule), field_names(group_rule_names)},
    {.name = "strategy", .about = "Where most room is (spread), or least that is enough (pack).",
     .kind = FIELD_ENUM, field_at(struct vm_create, placing.strategy), field_names(strategy_names)},
    {field_of(struct vm_create, start), .about = "Start it once it is defined.",
     .kind = FIELD_FLAG, .mask = FIELD_API | FIELD_TRUE},
    {field_of(struct vm_create, on_drain),
     .about = "When its host is to be empty: stay, or restart, made anew from its image.",
     .kind = FIELD_ENUM, field_names(on_drain_names)},
    {field_of(struct vm_create, on_loss),
     .about = "When its host is lost: stay; restart, made anew on another host; or anywhere, in "
              "another cluster, too; usual: as the operator's rule says, otherwise stay.",
     .kind = FIELD_ENUM, field_names(on_loss_wish_names)},
    {field_of(struct vm_create, restart_from),
     .about = "What it is then made from: image, or copy, its newest one in the cluster; while "
              "there is none, it waits for its host. With on_loss restart alone.",
     .kind = FIELD_ENUM, field_names(restart_from_names)},
    {field_of(struct vm_create, copy_every_s),
     .about = "So often its cluster copies its disk, in seconds; absent: when it is asked to.",
     .kind = FIELD_U32, .least = limit_copy_least_s, .most = limit_copy_s},
    {field_of(struct vm_create, copy_max_age_s),
     .about = "As old the newest copy may become until you are told that it is late, in seconds; "
              "absent: three times copy_every_s.",
     .kind = FIELD_U32, .least = limit_copy_least_s, .most = limit_copy_s},
    {field_of(struct vm_create, host_must),
     .about = "Labels that its host must have, as the cluster's owner gave " "them.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct vm_create, host_prefer), .about = "Labels that its host should have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct vm_create, networks),
     .about = "Networks that it is to be in, by commas: an interface for " "each.",
     .kind = FIELD_BLOB, .most = limit_vm_network_names, .check = CHECK_NETWORKS},
    {field_of(struct vm_create, allow),
     .about = "Who may begin to speak to it, by commas: tcp:PORT, udp:PORT or icmp, where PORT "
              "may be a range and @NETWORK (of IPv4) may follow; none: nobody; absent: anybody.",
     .kind = FIELD_BLOB, .most = limit_vm_allow, .check = CHECK_ALLOW},
    {field_of(struct vm_create, metadata), .about = "What you say of it: name=value, by commas.",
     .kind = FIELD_BLOB, .most = limit_metadata, .check = CHECK_METADATA},
    {field_of(struct vm_create, title), .about = "What it is, in your own words.",
     .kind = FIELD_BLOB, .most = limit_title},
    {field_of(struct vm_create, user_data_base64),
     .about = "First-boot data in base64, in place of user_data: compressed, or of any bytes.",
     .kind = FIELD_BLOB, .mask = FIELD_API | FIELD_SECRET, .most = limit_user_data_base64,
     .check = CHECK_BASE64},
    {field_of(struct vm_create, user_data),
     .about = "First-boot data for the guest (NoCloud user-data).", .kind = FIELD_BLOB,
     .mask = FIELD_API | FIELD_SECRET, .most = limit_user_data, .check = CHECK_LINES},
    {field_of(struct vm_create, ssh_keys),
     .about = "SSH keys that you keep, by name and commas: who may log in.",
     .kind = FIELD_BLOB, .most = limit_vm_ssh_names, .check = CHECK_SSH_NAMES},
    {field_of(struct vm_create, ssh_public_keys),
     .about = "SSH public keys beside those, a line each.", .kind = FIELD_BLOB,
     .most = limit_vm_ssh_keys_bytes, .check = CHECK_SSH_KEYS},
};
const struct table vm_create_table = {"vm-create", "A VM to make.", sizeof(struct vm_create),
                                      field_rows(vm_create_fields)};

static const struct field image_add_fields[] = {
    {field_of(struct image, name), .about = "The image's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NEW_NAME},
    {field_of(struct image, architecture), .about = "Processor architecture of the guest.",
     .kind = FIELD_TEXT},
    {.name = "firmware", .about = "What starts the guest.", .kind = FIELD_ENUM,
     field_at(struct image, machine.firmware), field_names(firmware_names)},
    {.name = "disk_bus", .about = "How its disk is attached.", .kind = FIELD_ENUM,
     field_at(struct image, machine.disk_bus), field_names(disk_bus_names)},
    {.name = "clock", .about = "What its hardware clock shows.", .kind = FIELD_ENUM,
     field_at(struct image, machine.clock), field_names(guest_clock_names)},
    {.name = "tpm", .about = "The security chip that it has.", .kind = FIELD_ENUM,
     field_at(struct image, machine.tpm), field_names(tpm_names)},
    {field_of(struct image, least_cpus), .about = "The least processors that a VM of it needs.",
     .kind = FIELD_U32, .most = limit_cpus},
    {field_of(struct image, least_memory_mib), .about = "The least memory, in MiB.",
     .kind = FIELD_U32, .most = limit_memory_mib},
    {field_of(struct image, disk_gib), .about = "The least disk, in GiB; its own at the least.",
     .kind = FIELD_U32, .most = limit_disk_gib},
    {field_of(struct image, cloud_init), .about = "Whether cloud-init is in it.",
     .kind = FIELD_ENUM, field_names(contained_names)},
    {field_of(struct image, guest_agent), .about = "Whether QEMU's guest agent is in it.",
     .kind = FIELD_ENUM, field_names(contained_names)},
};
const struct table image_add_table = {"image-add", "An image to keep.", sizeof(struct image),
                                      field_rows(image_add_fields)};

static const struct field image_quota_fields[] = {
    {field_of(struct image_quota, images_gib), .about = "GiB that its images may take; 0: none.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED | FIELD_ALWAYS,
     .most = limit_upload_gib * (uint64_t)limit_images},
};
const struct table image_quota_table = {"image-quota", "What a tenant's own images may take.",
                                        sizeof(struct image_quota), field_rows(image_quota_fields)};

static const struct field image_sent_fields[] = {
    {field_of(struct image_sent, digest), .about = "SHA-256 of the whole file: it can then go on.",
     .kind = FIELD_TEXT, .check = CHECK_DIGEST},
    {field_of(struct image_sent, offset), .about = "Bytes of it that are here already.",
     .kind = FIELD_U64},
};
const struct table image_sent_table = {"image-sent", "Which part of a file comes.",
                                       sizeof(struct image_sent), field_rows(image_sent_fields)};

static const struct field upload_fields[] = {
    {field_of(struct upload, digest), .about = "SHA-256 of the file.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_DIGEST},
    {field_of(struct upload, stage), .about = "What becomes of it now.", .kind = FIELD_TEXT},
    {field_of(struct upload, bytes), .about = "Bytes of it that are here.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
    {field_of(struct upload, done), .about = "What of the stage is done.", .kind = FIELD_U64},
    {field_of(struct upload, all), .about = "Of so much; absent: nobody knows.",
     .kind = FIELD_U64},
};
const struct table upload_table = {"upload", "How far an upload is.", sizeof(struct upload),
                                   field_rows(upload_fields)};

static const struct field vm_resize_fields[] = {
    {field_of(struct vm_reshape, shape),
     .about = "Name of a shape; its disk is not smaller than the VM's.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct vm_reshape, upgrade),
     .about = "Give it the machine that new VMs get now, from its next start on; absent: the guest "
              "keeps the machine that it knows.",
     .kind = FIELD_FLAG},
};
const struct table vm_resize_table = {"vm-resize", "What the VM is to have.",
                                      sizeof(struct vm_reshape), field_rows(vm_resize_fields)};

static const struct field vm_rebuild_fields[] = {
    {field_of(struct vm_reshape, image), .about = "Name of an image; absent: the VM's own.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct vm_reshape, user_data_base64),
     .about = "First-boot data in base64, in place of user_data: compressed, or of any bytes.",
     .kind = FIELD_BLOB, .mask = FIELD_API | FIELD_SECRET, .most = limit_user_data_base64,
     .check = CHECK_BASE64},
    {field_of(struct vm_reshape, user_data),
     .about = "Other first-boot data; absent: those that it was made with.", .kind = FIELD_BLOB,
     .mask = FIELD_API | FIELD_SECRET, .most = limit_user_data, .check = CHECK_LINES},
    {field_of(struct vm_reshape, ssh_keys),
     .about = "SSH keys that you keep, by name and commas; absent, like the next: as it is.",
     .kind = FIELD_BLOB, .most = limit_vm_ssh_names, .check = CHECK_SSH_NAMES},
    {field_of(struct vm_reshape, ssh_public_keys),
     .about = "SSH public keys beside those, a line each.", .kind = FIELD_BLOB,
     .most = limit_vm_ssh_keys_bytes, .check = CHECK_SSH_KEYS},
    {field_of(struct vm_reshape, upgrade),
     .about = "Give it the machine that new VMs get now, from its next start on; absent: the guest "
              "keeps the machine that it knows.",
     .kind = FIELD_FLAG},
};
const struct table vm_rebuild_table = {"vm-rebuild", "What the VM is to be made from anew.",
                                       sizeof(struct vm_reshape), field_rows(vm_rebuild_fields)};

static const struct field vm_snapshot_fields[] = {
    {.name = "name", .about = "Name of the snapshot.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct vm_reshape, snapshot), .check = CHECK_NAME},
};
const struct table vm_snapshot_table = {"vm-snapshot", "Which snapshot of the VM.",
                                        sizeof(struct vm_reshape), field_rows(vm_snapshot_fields)};

static const struct field vm_interface_add_fields[] = {
    {field_of(struct vm_reshape, network), .about = "Name of the network that it is to be in.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_NAME},
};
const struct table vm_interface_add_table = {"vm-interface-add", "A network interface more.",
                                             sizeof(struct vm_reshape),
                                             field_rows(vm_interface_add_fields)};

static const struct field vm_interface_remove_fields[] = {
    {field_of(struct vm_reshape, interface),
     .about = "Name of its network, or its MAC address.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED},
};
const struct table vm_interface_remove_table = {"vm-interface-remove",
                                                "Which network interface it is.",
                                                sizeof(struct vm_reshape),
                                                field_rows(vm_interface_remove_fields)};

static const struct field ssh_key_add_fields[] = {
    {field_of(struct ssh_key, name), .about = "Your name for the key.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NEW_NAME},
    {field_of(struct ssh_key, public_key),
     .about = "The key: type, base64 and a comment, in one line.", .kind = FIELD_BLOB,
     .mask = FIELD_REQUIRED, .most = limit_ssh_key, .check = CHECK_SSH_KEYS},
};
const struct table ssh_key_add_table = {"ssh-key-add", "An SSH public key to keep.",
                                        sizeof(struct ssh_key), field_rows(ssh_key_add_fields)};

static const struct field vm_forward_fields[] = {
    {field_of(struct vm_forward, port), .about = "TCP port that the guest listens on.",
     .kind = FIELD_U32, .mask = FIELD_REQUIRED, .least = 1, .most = limit_port},
};
const struct table vm_forward_table = {"vm-forward", "Where a stream to a VM leads.",
                                       sizeof(struct vm_forward), field_rows(vm_forward_fields)};

static const struct field vm_rename_fields[] = {
    {field_of(struct vm_rename, name), .about = "Your new name for the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NEW_NAME},
};
const struct table vm_rename_table = {"vm-rename", "Another name for a VM.",
                                      sizeof(struct vm_rename), field_rows(vm_rename_fields)};

static const struct field vm_edit_fields[] = {
    {field_of(struct vm_edit, metadata),
     .about = "All that you say of it: name=value, by commas; absent: none.", .kind = FIELD_BLOB,
     .most = limit_metadata, .check = CHECK_METADATA},
};
const struct table vm_edit_table = {"vm-edit", "What you say of a VM.", sizeof(struct vm_edit),
                                    field_rows(vm_edit_fields)};

static const struct field vm_title_fields[] = {
    {field_of(struct vm_title, title), .about = "What it is, in your own words; absent: nothing.",
     .kind = FIELD_BLOB, .most = limit_title},
};
const struct table vm_title_table = {"vm-title", "What a VM is.", sizeof(struct vm_title),
                                     field_rows(vm_title_fields)};

static const struct field vm_allow_fields[] = {
    {field_of(struct vm_allow, allow),
     .about = "All of its rules, as when it is created; none: nobody; absent: anybody.",
     .kind = FIELD_BLOB, .most = limit_vm_allow, .check = CHECK_ALLOW},
};
const struct table vm_allow_table = {"vm-allow", "Who may begin to speak to a VM.",
                                     sizeof(struct vm_allow), field_rows(vm_allow_fields)};

static const struct field tenant_create_fields[] = {
    {field_of(struct tenant_create, name), .about = "The tenant's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NEW_NAME},
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

const char *const sort_names[SORT_COUNT] = {
    [SORT_OLDEST] = "created",  [SORT_NEWEST] = "-created",
    [SORT_NAME] = "name",       [SORT_NAME_FALLING] = "-name",
    [SORT_CHANGED] = "changed", [SORT_CHANGED_FALLING] = "-changed",
};

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
    {field_of(struct list_query, place), .about = "Leftovers: only those at this host or cluster.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct list_query, state), .about = "Only those in one of these states, by commas.",
     .kind = FIELD_TEXT},
    {field_of(struct list_query, name),
     .about = "Only those of this name; `*` stands for any characters: web-*.", .kind = FIELD_TEXT},
    {field_of(struct list_query, cluster), .about = "Only those in this cluster.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct list_query, image), .about = "Only those of this image.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct list_query, labels),
     .about = "Only those with all of these: name=value, by commas. Of a VM: in its metadata.",
     .kind = FIELD_TEXT, .check = CHECK_METADATA},
    {field_of(struct list_query, fields),
     .about = "These fields of each row alone, by commas, and its key.", .kind = FIELD_TEXT},
    {field_of(struct list_query, sort),
     .about = "The order: by age (created), name, or last change; with - before it, the other way "
              "round.", .kind = FIELD_ENUM, field_names(sort_names)},
    {field_of(struct list_query, from),
     .about = "The first byte that is wanted, from `next` of the part before; absent: the newest "
              "part.", .kind = FIELD_U64, .most = INT64_MAX},
    {field_of(struct list_query, watch),
     .about = "Tell what changes, as server-sent events; `after` is then a revision.",
     .kind = FIELD_FLAG},
};
const struct table list_query_table = {"list-query", "Which rows of a list.",
                                       sizeof(struct list_query), field_rows(list_query_fields)};

static const struct field console_log_fields[] = {
    {field_of(struct console_log, vm), .about = "The VM's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct console_log, from),
     .about = "The first byte of this part, counted from the log's beginning.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
    {field_of(struct console_log, next), .about = "Where it goes on: `from` of the next one.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct console_log, base64),
     .about = "What the guest has said, in base64; absent: nothing more yet.", .kind = FIELD_BLOB,
     .mask = FIELD_API | FIELD_SECRET, .most = (limit_log_piece + 2) / 3 * 4,
     .check = CHECK_BASE64},
};
const struct table console_log_table = {"console-log", "A part of a VM's console log.",
                                        sizeof(struct console_log),
                                        field_rows(console_log_fields)};

static const struct field login_create_fields[] = {
    {field_of(struct login_create, ticket), .about = "A ticket; absent: by the bearer token.",
     .kind = FIELD_TEXT, .mask = FIELD_API | FIELD_SECRET},
};
const struct table login_create_table = {"login-create", "How a browser is let in.",
                                         sizeof(struct login_create),
                                         field_rows(login_create_fields)};

static const struct field ticket_fields[] = {
    {field_of(struct ticket, ticket),
     .about = "What the page logs in by, once: behind #ticket= in its address.",
     .kind = FIELD_TEXT, .mask = FIELD_API | FIELD_SECRET},
    {field_of(struct ticket, valid_seconds), .about = "For how long it is good, once.",
     .kind = FIELD_U32, .mask = FIELD_REQUIRED},
    {field_of(struct ticket, url), .about = "Where the page is; absent: where this was asked for.",
     .kind = FIELD_TEXT},
};
const struct table ticket_table = {"ticket", "A browser's way in.", sizeof(struct ticket),
                                   field_rows(ticket_fields)};

static const struct field stream_ticket_fields[] = {
    {field_of(struct stream_ticket, vm), .about = "The VM's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct stream_ticket, url), .about = "Where the stream is, by WebSocket.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct stream_ticket, pin),
     .about = "SHA-256 of the public key of who answers there.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_DIGEST},
    {field_of(struct stream_ticket, ticket),
     .about = "To show there, once, with the token that asked for it.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED | FIELD_API | FIELD_SECRET, .check = CHECK_DIGEST},
    {field_of(struct stream_ticket, expires_ms), .about = "From when on it is worth nothing.",
     .kind = FIELD_U64},
};
const struct table stream_ticket_table = {"stream-ticket", "What a stream to a VM is joined by.",
                                          sizeof(struct stream_ticket),
                                          field_rows(stream_ticket_fields)};

static const struct field stream_join_fields[] = {
    {field_of(struct stream_join, ticket), .about = "The stream's ticket.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED | FIELD_API | FIELD_SECRET, .check = CHECK_DIGEST},
};
const struct table stream_join_table = {"stream-join", "Who joins a stream.",
                                        sizeof(struct stream_join),
                                        field_rows(stream_join_fields)};

static const struct field whoami_fields[] = {
    {field_of(struct whoami, role), .about = "operator, tenant, or owner of a cluster.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct whoami, tenant), .about = "The tenant's name.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct whoami, token), .about = "The access token; absent: the configured one.",
     .kind = FIELD_TEXT, .check = CHECK_ID},
    {field_of(struct whoami, token_name), .about = "The token's name.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct whoami, rights), .about = "What may be asked by it.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(rights_names)},
    {field_of(struct whoami, expires_ms), .about = "When it expires; absent: never.",
     .kind = FIELD_U64},
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

bool request_opens_stream(enum request_kind kind) {
    return kind == REQUEST_VM_CONSOLE || kind == REQUEST_VM_FORWARD || kind == REQUEST_VM_SCREEN;
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

void reply_mark_stored(struct reply *reply, uint32_t at) {
    reply->stored[at / 64] |= UINT64_C(1) << at % 64;
}

static bool is_stored(const struct reply *reply, uint32_t at) {
    return at < limit_page && reply->stored[at / 64] >> at % 64 & 1;
}

static bool fetch_shown(const struct reply *reply, struct record *record,
                        bool (*fetch)(void *context, struct record *record), void *context) {
    bool is_there = fetch(context, record);
    if (is_there && reply->is_tenants && record->table == &operation_table)
        operation_hide(record->data);
    return is_there;
}

void reply_fetch(struct reply *reply, bool (*fetch)(void *context, struct record *record),
                 void *context) {
    uint32_t kept = 0;
    if (reply->record.data && is_stored(reply, 0) &&
        !fetch_shown(reply, &reply->record, fetch, context)) {
        record_deinit(&reply->record);
        reply->kind = REPLY_PROBLEM;
        reply->code = CODE_NOT_FOUND;
        text_set(reply->field, "operation");
        text_set(reply->text, "it is no longer kept");
    }
    for (uint32_t i = 0; i < reply->list_count; i++) {
        if (is_stored(reply, i) && !fetch_shown(reply, &reply->list[i], fetch, context))
            record_deinit(&reply->list[i]);
        else
            reply->list[kept++] = reply->list[i];
    }
    reply->list_count = kept;
    memset(reply->stored, 0, sizeof(reply->stored));
}
