#include "message/model.h"

#include "message/enrol.h"
#include "message/owner.h"

const char *const verb_names[VERB_COUNT] = {
    "define", "start",  "shutdown", "stop", "reboot", "pause",    "resume", "suspend", "resize",
    "rename", "edit",   "lock",   "unlock", "snapshot", "revert", "rebuild",
    "snapshot-delete", "receive", "migrate", "adopt", "discard", "delete"};
const enum verb_reach verb_reaches[VERB_COUNT] = {
    [VERB_DEFINE] = VERB_BELOW,    [VERB_START] = VERB_BELOW,    [VERB_SHUTDOWN] = VERB_BELOW,
    [VERB_STOP] = VERB_BELOW,      [VERB_REBOOT] = VERB_BELOW,   [VERB_PAUSE] = VERB_BELOW,
    [VERB_RESUME] = VERB_BELOW,    [VERB_SUSPEND] = VERB_BELOW,  [VERB_RESIZE] = VERB_BELOW,
    [VERB_RENAME] = VERB_ABOVE,    [VERB_EDIT] = VERB_ABOVE,     [VERB_LOCK] = VERB_ABOVE,
    [VERB_UNLOCK] = VERB_ABOVE,    [VERB_SNAPSHOT] = VERB_BELOW, [VERB_REVERT] = VERB_BELOW,
    [VERB_REBUILD] = VERB_BELOW,   [VERB_SNAPSHOT_DELETE] = VERB_BELOW,
    [VERB_RECEIVE] = VERB_AMONG_HOSTS, [VERB_MIGRATE] = VERB_AMONG_HOSTS,
    [VERB_ADOPT] = VERB_AMONG_HOSTS, [VERB_DISCARD] = VERB_UNBUILT, /* it travels as a delete */
    [VERB_DELETE] = VERB_BELOW,
};
const char *const vm_state_names[VM_STATE_COUNT] = {"pending", "stopped",   "running", "paused",
                                                    "suspended", "crashed", "lost",
                                                    "deleting", "failed",   "deleted"};
const char *const op_state_names[OP_STATE_COUNT] = {"pending", "running", "succeeded", "failed"};
const char *const step_names[STEP_COUNT] = {"none",     "accepted",  "placed",   "instructed",
                                            "taken",    "fetching",  "preparing", "starting",
                                            "stopping", "rebooting", "pausing", "resuming",
                                            "suspending", "resizing", "snapshotting", "reverting",
                                            "migrating", "deleting", "undoing", "ended",
                                            "refused",  "waiting"};
const char *const decider_names[DECIDER_COUNT] = {"manager", "tenant", "cluster", "operator"};
const char *const wait_names[WAIT_COUNT] = {"nothing", "taking", "result", "cluster",
                                            "link",    "retry",  "image",  "turn", "room"};
const char *const peer_state_names[PEER_STATE_COUNT] = {"unreachable", "suspect", "up"};

static const struct field size_fields[] = {
    {.name = "cpus", .about = "Virtual processors.", .kind = FIELD_U32, .mask = FIELD_REQUIRED,
     field_at(struct size, cpus), .least = 1, .most = limit_cpus},
    {.name = "memory_mib", .about = "Memory in MiB.", .kind = FIELD_U32, .mask = FIELD_REQUIRED,
     field_at(struct size, memory_mib), .least = 1, .most = limit_memory_mib},
    {.name = "disk_gib", .about = "Disk in GiB.", .kind = FIELD_U32, .mask = FIELD_REQUIRED,
     field_at(struct size, disk_gib), .least = 1, .most = limit_disk_gib},
};
const struct table size_table = {"size", "How large a VM is.", sizeof(struct size), size_fields,
                                 array_size(size_fields)};

static const struct field owner_limits_fields[] = {
    {.name = "vms", .about = "VMs.", .kind = FIELD_U64, .mask = FIELD_ALWAYS,
     field_at(struct owner_limits, vms), .most = INT64_MAX},
    {.name = "cpus", .about = "Virtual processors of all VMs.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS, field_at(struct owner_limits, cpus), .most = INT64_MAX},
    {.name = "memory_mib", .about = "Memory of all VMs in MiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS, field_at(struct owner_limits, memory_mib), .most = INT64_MAX},
    {.name = "disk_gib", .about = "Disk of all VMs in GiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS, field_at(struct owner_limits, disk_gib), .most = INT64_MAX},
};
const struct table owner_limits_table = {
    "limits", "Amounts: of limits, where 0 stands for none, or of what is used.",
    sizeof(struct owner_limits), owner_limits_fields, array_size(owner_limits_fields)};

static const struct field shape_fields[] = {
    {.name = "name", .about = "The shape's name.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct shape, name), .check = CHECK_NAME},
    {.name = "size", .about = "What a VM of this shape has.", .kind = FIELD_RECORD,
     .mask = FIELD_REQUIRED, field_at(struct shape, size), .table = &size_table},
};
const struct table shape_table = {"shape", "A named size of VMs.", sizeof(struct shape),
                                  shape_fields, array_size(shape_fields)};

static const struct field network_fields[] = {
    {.name = "name", .about = "The network's name.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct network, name), .check = CHECK_NAME},
    {.name = "about", .about = "What its operator says of it.", .kind = FIELD_TEXT,
     field_at(struct network, about)},
};
const struct table network_table = {"network", "A network that VMs can be in.",
                                    sizeof(struct network), network_fields,
                                    array_size(network_fields)};

static const struct field image_fields[] = {
    {.name = "name", .about = "The image's name.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct image, name), .check = CHECK_NAME},
    {.name = "digest", .about = "SHA-256 of the archive, in hex.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, field_at(struct image, digest), .check = CHECK_DIGEST},
    {.name = "architecture", .about = "Processor architecture of the guest.", .kind = FIELD_TEXT,
     field_at(struct image, architecture)},
    {.name = "archive_bytes", .about = "Size of the archive.", .kind = FIELD_U64,
     field_at(struct image, archive_bytes), .most = INT64_MAX},
    {.name = "disk_gib", .about = "The least disk that a VM of this image needs, in GiB.",
     .kind = FIELD_U32, field_at(struct image, disk_gib), .most = limit_disk_gib},
    {.name = "created_ms", .about = "When it was imported.", .kind = FIELD_U64,
     field_at(struct image, created_ms), .most = INT64_MAX},
};
const struct table image_table = {"image", "A template that VMs are made from.",
                                  sizeof(struct image), image_fields, array_size(image_fields)};

static const struct field tenant_permissions_fields[] = {
    {.name = "clusters", .about = "Clusters by name, a blank between them; absent: all.",
     .kind = FIELD_BLOB, field_at(struct tenant_permissions, clusters),
     .most = limit_permissions},
    {.name = "shapes", .about = "Shapes by name; absent: all.", .kind = FIELD_BLOB,
     field_at(struct tenant_permissions, shapes), .most = limit_permissions},
    {.name = "images", .about = "Images by name; absent: all.", .kind = FIELD_BLOB,
     field_at(struct tenant_permissions, images), .most = limit_permissions},
};
const struct table tenant_permissions_table = {
    "tenant-permissions", "Which clusters, shapes and images a tenant's new VMs may use.",
    sizeof(struct tenant_permissions), tenant_permissions_fields,
    array_size(tenant_permissions_fields)};

static const struct field tenant_fields[] = {
    {.name = "name", .about = "The tenant's name.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct tenant, name), .check = CHECK_NAME},
    {.name = "token_hash", .about = "SHA-256 of its token.", .kind = FIELD_TEXT,
     .mask = FIELD_STORE | FIELD_SECRET, field_at(struct tenant, token_hash),
     .check = CHECK_DIGEST},
    {.name = "quota", .about = "What its VMs may have; 0: as much as there is.",
     .kind = FIELD_RECORD, field_at(struct tenant, quota), .table = &owner_limits_table},
    {.name = "permissions", .about = "What its new VMs may use.", .kind = FIELD_RECORD,
     field_at(struct tenant, permissions), .table = &tenant_permissions_table},
    {.name = "created_ms", .about = "When it was made.", .kind = FIELD_U64,
     field_at(struct tenant, created_ms), .most = INT64_MAX},
};
const struct table tenant_table = {"tenant", "A customer, with a token of its own.",
                                   sizeof(struct tenant), tenant_fields,
                                   array_size(tenant_fields)};

static const struct field account_fields[] = {
    {.name = "name", .about = "The tenant's name.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct account, name), .check = CHECK_NAME},
    {.name = "quota", .about = "What its VMs may have; 0: as much as there is.",
     .kind = FIELD_RECORD, field_at(struct account, quota), .table = &owner_limits_table},
    {.name = "used", .about = "What they have, from their creation to their true end.",
     .kind = FIELD_RECORD, field_at(struct account, used), .table = &owner_limits_table},
    {.name = "permissions", .about = "What its new VMs may use.", .kind = FIELD_RECORD,
     field_at(struct account, permissions), .table = &tenant_permissions_table},
    {.name = "created_ms", .about = "When it was made.", .kind = FIELD_U64,
     field_at(struct account, created_ms), .most = INT64_MAX},
};
const struct table account_table = {"account", "A tenant, with what it may have and has.",
                                    sizeof(struct account), account_fields,
                                    array_size(account_fields)};

const char *const on_drain_names[ON_DRAIN_COUNT] = {"stay", "restart", "migrate"};
const char *const move_names[MOVE_COUNT] = {"none",      "leaving",   "arriving",
                                            "receiving", "migrating", "adopting"};

static const struct field landing_fields[] = {
    {.name = "epoch", .about = "Of the VM, on the host that it comes to.", .kind = FIELD_U32,
     field_at(struct landing, epoch), .most = UINT32_MAX},
    {.name = "uri", .about = "By which other hosts reach that host's libvirt.",
     .kind = FIELD_BLOB, field_at(struct landing, uri), .most = limit_landing},
    {.name = "folder", .about = "Of that host's own files.", .kind = FIELD_BLOB,
     field_at(struct landing, folder), .most = limit_landing},
};
const struct table landing_table = {"landing", "Where a VM that migrates lands.",
                                    sizeof(struct landing), landing_fields,
                                    array_size(landing_fields)};

static const struct field definition_fields[] = {
    {.name = "name", .about = "The tenant's name for the VM, and the guest's host name.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, field_at(struct definition, name),
     .check = CHECK_NAME},
    {.name = "shape", .about = "Name of the shape.", .kind = FIELD_TEXT,
     field_at(struct definition, shape), .check = CHECK_NAME},
    {.name = "size", .about = "What the VM has.", .kind = FIELD_RECORD, .mask = FIELD_REQUIRED,
     field_at(struct definition, size), .table = &size_table},
    {.name = "image", .about = "Digest of the image's archive.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, field_at(struct definition, image), .check = CHECK_DIGEST},
    {.name = "image_name", .about = "What the upstream manager calls the image.",
     .kind = FIELD_TEXT, field_at(struct definition, image_name), .check = CHECK_NAME},
    {.name = "start", .about = "Start it once it is defined.", .kind = FIELD_FLAG,
     field_at(struct definition, start)},
    {.name = "group", .about = "Group of VMs that may have to be kept apart.",
     .kind = FIELD_TEXT, field_at(struct definition, group), .check = CHECK_ID},
    {.name = "apart", .about = "On no host where another VM of the group is.",
     .kind = FIELD_FLAG, field_at(struct definition, apart)},
    {.name = "on_drain", .about = "What may become of it when its host is to be empty.",
     .kind = FIELD_ENUM, field_at(struct definition, on_drain), field_names(on_drain_names)},
    {.name = "host_must", .about = "Labels that its host must have.", .kind = FIELD_BLOB,
     field_at(struct definition, host_must), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "host_prefer", .about = "Labels that its host should have.", .kind = FIELD_BLOB,
     field_at(struct definition, host_prefer), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "networks", .about = "Networks that it is in, by commas: an interface for each.",
     .kind = FIELD_BLOB, field_at(struct definition, networks), .most = limit_vm_network_names,
     .check = CHECK_NETWORKS},
    {.name = "user_data", .about = "First-boot data for the guest (NoCloud user-data).",
     .kind = FIELD_BLOB, .mask = FIELD_WIRE | FIELD_STORE | FIELD_SECRET,
     field_at(struct definition, user_data), .most = limit_user_data, .check = CHECK_LINES},
};
const struct table definition_table = {"definition", "What to make.", sizeof(struct definition),
                                       definition_fields, array_size(definition_fields)};

static const struct field template_fields[] = {
    {.name = "vm", .about = "The VM's id.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct template, vm), .check = CHECK_ID},
    {.name = "definition", .about = "What to make.", .kind = FIELD_RECORD,
     field_at(struct template, definition), .table = &definition_table},
};
const struct table template_table = {"template", "What a VM is made from when it is made anew.",
                                     sizeof(struct template), template_fields,
                                     array_size(template_fields)};

static const struct field snapshot_fields[] = {
    {.name = "name", .about = "Its name.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct snapshot, name), .check = CHECK_NAME},
    {.name = "created_ms", .about = "When it was made.", .kind = FIELD_U64,
     field_at(struct snapshot, created_ms), .most = INT64_MAX},
    {.name = "memory", .about = "The VM ran, and its memory is in the snapshot, too.",
     .kind = FIELD_FLAG, field_at(struct snapshot, memory)},
    {.name = "size", .about = "What the VM had then.", .kind = FIELD_RECORD,
     field_at(struct snapshot, size), .table = &size_table},
};
const struct table snapshot_table = {"snapshot", "A state of a VM that it can be taken back to.",
                                     sizeof(struct snapshot), snapshot_fields,
                                     array_size(snapshot_fields)};

static const struct field vm_fields[] = {
    {.name = "id", .about = "The VM's id.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct vm, id), .check = CHECK_ID},
    {.name = "name", .about = "The tenant's name for it.", .kind = FIELD_TEXT,
     field_at(struct vm, name), .check = CHECK_NAME},
    {.name = "tenant", .about = "Whose it is.", .kind = FIELD_TEXT, field_at(struct vm, owner),
     .check = CHECK_NAME},
    {.name = "cluster", .about = "Where it is; absent while nowhere.", .kind = FIELD_TEXT,
     field_at(struct vm, place), .check = CHECK_NAME},
    {.name = "shape", .about = "Name of its shape.", .kind = FIELD_TEXT,
     field_at(struct vm, shape), .check = CHECK_NAME},
    {.name = "size", .about = "What it has.", .kind = FIELD_RECORD, field_at(struct vm, size),
     .table = &size_table},
    {.name = "image", .about = "Name of its image.", .kind = FIELD_TEXT,
     field_at(struct vm, image), .check = CHECK_NAME},
    {.name = "digest", .about = "Digest of its image's archive.", .kind = FIELD_TEXT,
     field_at(struct vm, digest), .check = CHECK_DIGEST},
    {.name = "rebuilt", .about = "It was made anew, perhaps from another image.",
     .kind = FIELD_FLAG, .mask = FIELD_STORE, field_at(struct vm, rebuilt)},
    {.name = "group", .about = "Its group; absent: none.", .kind = FIELD_TEXT,
     field_at(struct vm, group), .check = CHECK_NAME},
    {.name = "networks", .about = "Networks that it is in, by commas; absent: none.",
     .kind = FIELD_BLOB, field_at(struct vm, networks), .most = limit_vm_network_names,
     .check = CHECK_NETWORKS},
    {.name = "metadata", .about = "What its tenant says of it: name=value, by commas.",
     .kind = FIELD_BLOB, field_at(struct vm, metadata), .most = limit_metadata,
     .check = CHECK_LABELS},
    {.name = "locked_ms", .about = "Since when it is locked; absent: it is not.",
     .kind = FIELD_U64, field_at(struct vm, locked_ms), .most = INT64_MAX},
    {.name = "state", .about = "What is known of it.", .kind = FIELD_ENUM, .mask = FIELD_ALWAYS,
     field_at(struct vm, state), field_names(vm_state_names)},
    {.name = "epoch", .about = "Grows each time the VM is placed.", .kind = FIELD_U32,
     .mask = FIELD_STORE, field_at(struct vm, epoch), .most = UINT32_MAX},
    {.name = "generation", .about = "Grows with each accepted instruction.", .kind = FIELD_U64,
     field_at(struct vm, generation), .most = INT64_MAX},
    {.name = "place_epoch", .about = "As counted for the level below.", .kind = FIELD_U32,
     .mask = FIELD_STORE, field_at(struct vm, place_epoch), .most = UINT32_MAX},
    {.name = "place_generation", .about = "Newest instruction issued below.", .kind = FIELD_U64,
     .mask = FIELD_STORE, field_at(struct vm, place_generation), .most = INT64_MAX},
    {.name = "move", .about = "Whether it is between two hosts.", .kind = FIELD_ENUM,
     .mask = FIELD_STORE, field_at(struct vm, move), field_names(move_names)},
    {.name = "destination", .about = "The host that it migrates to, or that has a rest of it.",
     .kind = FIELD_BLOB, .mask = FIELD_STORE, field_at(struct vm, destination),
     .most = limit_name_size - 1, .check = CHECK_NAME},
    {.name = "operation", .about = "The newest operation on it.", .kind = FIELD_TEXT,
     field_at(struct vm, op), .check = CHECK_ID},
    {.name = "last_code", .about = "Outcome of that operation, once it has ended.",
     .kind = FIELD_ENUM, .mask = FIELD_STORE, field_at(struct vm, last_code),
     field_names(code_names)},
    {.name = "last_step", .about = "The step that failed.", .kind = FIELD_ENUM,
     .mask = FIELD_STORE, field_at(struct vm, last_step), field_names(step_names)},
    {.name = "created_ms", .about = "When it was asked for.", .kind = FIELD_U64,
     field_at(struct vm, created_ms), .most = INT64_MAX},
    {.name = "changed_ms", .about = "When its record last changed.", .kind = FIELD_U64,
     field_at(struct vm, changed_ms), .most = INT64_MAX},
    {.name = "snapshots", .about = "Its snapshots, oldest first.", .kind = FIELD_LIST,
     field_list_at(struct vm, snapshots, snapshots_count), .most = limit_snapshots,
     .table = &snapshot_table},
};
const struct table vm_table = {"vm", "A virtual machine.", sizeof(struct vm), vm_fields,
                               array_size(vm_fields)};

static const struct field timeline_entry_fields[] = {
    {.name = "at_ms", .about = "When.", .kind = FIELD_U64, .mask = FIELD_REQUIRED | FIELD_ALWAYS,
     field_at(struct timeline_entry, at_ms), .most = INT64_MAX},
    {.name = "step", .about = "What was reached.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_at(struct timeline_entry, step),
     field_names(step_names)},
    {.name = "by", .about = "Who brought it about; absent: the manager.", .kind = FIELD_ENUM,
     field_at(struct timeline_entry, by), field_names(decider_names)},
    {.name = "cluster", .about = "Where; absent: where the entry before says.",
     .kind = FIELD_BLOB, field_at(struct timeline_entry, place), .most = limit_name_size - 1,
     .check = CHECK_NAME},
    {.name = "code", .about = "Why it was refused, waits or ended so; absent: ok.",
     .kind = FIELD_ENUM, field_at(struct timeline_entry, code), field_names(code_names)},
};
const struct table timeline_entry_table = {"timeline-entry", "What happened to an operation.",
                                           sizeof(struct timeline_entry), timeline_entry_fields,
                                           array_size(timeline_entry_fields)};

static const struct field waiting_fields[] = {
    {.name = "for", .about = "What it waits for.", .kind = FIELD_ENUM,
     field_at(struct waiting, wait), field_names(wait_names)},
    {.name = "cluster", .about = "Of which cluster.", .kind = FIELD_BLOB,
     field_at(struct waiting, place), .most = limit_name_size - 1, .check = CHECK_NAME},
    {.name = "since_ms", .about = "Since when.", .kind = FIELD_U64,
     field_at(struct waiting, since_ms), .most = INT64_MAX},
    {.name = "sent", .about = "How often the cluster was instructed; operators only.",
     .kind = FIELD_U32, field_at(struct waiting, sent), .most = UINT32_MAX},
};
const struct table waiting_table = {"waiting", "What an operation under way waits for.",
                                    sizeof(struct waiting), waiting_fields,
                                    array_size(waiting_fields)};

const char *const group_rule_names[GROUP_RULE_COUNT] = {"anyhow", "together", "apart",
                                                        "apart-clusters"};
const char *const strategy_names[STRATEGY_COUNT] = {"spread", "pack"};

static const struct field placing_fields[] = {
    {.name = "cluster", .about = "Name of the cluster to use; absent: any.", .kind = FIELD_TEXT,
     field_at(struct placing, cluster), .check = CHECK_NAME},
    {.name = "must", .about = "Labels that the cluster must have.", .kind = FIELD_BLOB,
     field_at(struct placing, must), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "prefer", .about = "Labels that it should have.", .kind = FIELD_BLOB,
     field_at(struct placing, prefer), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "avoid", .about = "Labels that it should not have.", .kind = FIELD_BLOB,
     field_at(struct placing, avoid), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "group_rule", .about = "Beside others of its group.", .kind = FIELD_ENUM,
     field_at(struct placing, rule), field_names(group_rule_names)},
    {.name = "strategy", .about = "Where most room is, or least.", .kind = FIELD_ENUM,
     field_at(struct placing, strategy), field_names(strategy_names)},
};
const struct table placing_table = {"placing", "Where a VM may go.", sizeof(struct placing),
                                    placing_fields, array_size(placing_fields)};

static const struct field operation_fields[] = {
    {.name = "id", .about = "The operation's id.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct operation, id), .check = CHECK_ID},
    {.name = "vm", .about = "Id of the VM.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct operation, vm), .check = CHECK_ID},
    {.name = "vm_name", .about = "Name of the VM.", .kind = FIELD_TEXT,
     field_at(struct operation, vm_name), .check = CHECK_NAME},
    {.name = "tenant", .about = "Whose it is.", .kind = FIELD_TEXT,
     field_at(struct operation, owner), .check = CHECK_NAME},
    {.name = "verb", .about = "What was asked.", .kind = FIELD_ENUM, .mask = FIELD_ALWAYS,
     field_at(struct operation, verb), field_names(verb_names)},
    {.name = "state", .about = "Where it stands.", .kind = FIELD_ENUM, .mask = FIELD_ALWAYS,
     field_at(struct operation, state), field_names(op_state_names)},
    {.name = "code", .about = "How it ended; ok while it has not.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_at(struct operation, code), field_names(code_names)},
    {.name = "step", .about = "The newest step; of a failed operation the one that failed.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_at(struct operation, step),
     field_names(step_names)},
    {.name = "generation", .about = "The VM's generation that it makes.", .kind = FIELD_U64,
     field_at(struct operation, generation), .most = INT64_MAX},
    {.name = "place_generation", .about = "The generation issued below.", .kind = FIELD_U64,
     .mask = FIELD_STORE, field_at(struct operation, place_generation), .most = INT64_MAX},
    {.name = "internal", .about = "Begun by the manager itself.", .kind = FIELD_FLAG,
     field_at(struct operation, internal)},
    {.name = "created_ms", .about = "When it was accepted.", .kind = FIELD_U64,
     field_at(struct operation, created_ms), .most = INT64_MAX},
    {.name = "deadline_ms", .about = "When it ends at the latest.", .kind = FIELD_U64,
     field_at(struct operation, deadline_ms), .most = INT64_MAX},
    {.name = "ended_ms", .about = "When it ended; absent while it has not.", .kind = FIELD_U64,
     field_at(struct operation, ended_ms), .most = INT64_MAX},
    {.name = "timeline", .about = "What happened so far, oldest first.", .kind = FIELD_LIST,
     field_list_at(struct operation, timeline, timeline_count), .most = limit_timeline,
     .table = &timeline_entry_table},
    {.name = "waits", .about = "What it waits for; of one that has ended: nothing.",
     .kind = FIELD_RECORD, .mask = FIELD_API, field_at(struct operation, waits),
     .table = &waiting_table},
    {.name = "definition", .about = "What to make, while it is being made.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE, field_at(struct operation, definition),
     .table = &definition_table},
    {.name = "was", .about = "resize: what the VM had before.", .kind = FIELD_RECORD,
     .mask = FIELD_STORE, field_at(struct operation, was), .table = &size_table},
    {.name = "snapshot", .about = "Name of the snapshot that it is about.", .kind = FIELD_TEXT,
     field_at(struct operation, snapshot), .check = CHECK_NAME},
    {.name = "placing", .about = "Where it may go.", .kind = FIELD_RECORD, .mask = FIELD_STORE,
     field_at(struct operation, placing), .table = &placing_table},
    {.name = "landing", .about = "Where a VM that migrates lands.", .kind = FIELD_RECORD,
     .mask = FIELD_STORE, field_at(struct operation, landing), .table = &landing_table},
};
const struct table operation_table = {"operation", "A requested change, with a true end.",
                                      sizeof(struct operation), operation_fields,
                                      array_size(operation_fields)};

static const struct field fit_fields[] = {
    {.name = "shape", .about = "Name of the shape.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct fit, shape), .check = CHECK_NAME},
    {.name = "count", .about = "How many more VMs of it fit now.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS, field_at(struct fit, count), .most = INT64_MAX},
};
const struct table fit_table = {"fit", "How many more VMs of one shape fit.", sizeof(struct fit),
                                fit_fields, array_size(fit_fields)};

static const struct field capacity_fields[] = {
    {.name = "cpus_total", .about = "Processors lent.", .kind = FIELD_U64, .mask = FIELD_ALWAYS,
     field_at(struct capacity, cpus_total), .most = INT64_MAX},
    {.name = "cpus_free", .about = "Processors free.", .kind = FIELD_U64, .mask = FIELD_ALWAYS,
     field_at(struct capacity, cpus_free), .most = INT64_MAX},
    {.name = "memory_mib_total", .about = "Memory lent, in MiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS, field_at(struct capacity, memory_mib_total), .most = INT64_MAX},
    {.name = "memory_mib_free", .about = "Memory free, in MiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS, field_at(struct capacity, memory_mib_free), .most = INT64_MAX},
    {.name = "disk_gib_total", .about = "Disk lent, in GiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS, field_at(struct capacity, disk_gib_total), .most = INT64_MAX},
    {.name = "disk_gib_free", .about = "Disk free, in GiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS, field_at(struct capacity, disk_gib_free), .most = INT64_MAX},
    {.name = "fits", .about = "Per shape, how many more VMs fit.", .kind = FIELD_LIST,
     field_list_at(struct capacity, fits, fits_count), .most = limit_shapes,
     .table = &fit_table},
};
const struct table capacity_table = {"capacity", "What a place has and how much of it is free.",
                                     sizeof(struct capacity), capacity_fields,
                                     array_size(capacity_fields)};

static const struct field overcommit_fields[] = {
    {.name = "cpus_percent", .about = "Processors lent, of each hundred there are.",
     .kind = FIELD_U32, field_at(struct overcommit, cpus_percent),
     .least = limit_lend_least_percent, .most = limit_lend_cpus_percent},
    {.name = "memory_percent", .about = "Memory lent, of each hundred MiB there are.",
     .kind = FIELD_U32, field_at(struct overcommit, memory_percent),
     .least = limit_lend_least_percent, .most = limit_lend_memory_percent},
};
const struct table overcommit_table = {"overcommit", "How much of itself a host lends.",
                                       sizeof(struct overcommit), overcommit_fields,
                                       array_size(overcommit_fields)};

static const struct field node_fields[] = {
    {.name = "name", .about = "The cluster's name.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct node, name), .check = CHECK_NAME},
    {.name = "state", .about = "Whether it is connected.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_at(struct node, state), field_names(peer_state_names)},
    {.name = "seen_ms", .about = "When its connection last changed.", .kind = FIELD_U64,
     field_at(struct node, seen_ms), .most = INT64_MAX},
    {.name = "labels", .about = "What its operator says of it, region and zone among it.",
     .kind = FIELD_TEXT, field_at(struct node, labels), .check = CHECK_LABELS},
    {.name = "capacity", .about = "Its aggregate, as last told.", .kind = FIELD_RECORD,
     field_at(struct node, capacity), .table = &capacity_table},
};
const struct table node_table = {"cluster", "A federated cluster, seen as one compute node.",
                                 sizeof(struct node), node_fields, array_size(node_fields)};

static const struct field idempotency_fields[] = {
    {.name = "key", .about = "Tenant and Idempotency-Key.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, field_at(struct idempotency, key)},
    {.name = "request_hash", .about = "Of the request that used it.", .kind = FIELD_U64,
     field_at(struct idempotency, request_hash), .most = INT64_MAX},
    {.name = "operation", .about = "What it made.", .kind = FIELD_TEXT,
     field_at(struct idempotency, op), .check = CHECK_ID},
    {.name = "created_ms", .about = "When.", .kind = FIELD_U64,
     field_at(struct idempotency, created_ms), .most = INT64_MAX},
};
const struct table idempotency_table = {"idempotency", "A used Idempotency-Key.",
                                        sizeof(struct idempotency), idempotency_fields,
                                        array_size(idempotency_fields)};

const struct table *const stored_tables[] = {
    &image_table,  &tenant_table,        &node_table,
    &vm_table,     &operation_table,     &idempotency_table,
    &host_decision_table, &lending_decision_table,
    &pin_table,    &next_pin_table, /* in this order: a pin ends what was before it */
    &join_token_table, &template_table,
};
const size_t stored_tables_count = array_size(stored_tables);
