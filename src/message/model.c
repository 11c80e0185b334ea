/* The field tables of the records that daemons keep: which fields each face shows (store, links,
 * API), their bounds and their words in the reference. */
#include "message/model.h"

const char *const verb_names[VERB_COUNT] = {
    [VERB_DEFINE] = "define", [VERB_START] = "start", [VERB_SHUTDOWN] = "shutdown",
    [VERB_STOP] = "stop", [VERB_REBOOT] = "reboot", [VERB_PAUSE] = "pause",
    [VERB_RESUME] = "resume", [VERB_SUSPEND] = "suspend", [VERB_RESIZE] = "resize",
    [VERB_RENAME] = "rename", [VERB_EDIT] = "edit", [VERB_LOCK] = "lock", [VERB_UNLOCK] = "unlock",
    [VERB_SNAPSHOT] = "snapshot", [VERB_REVERT] = "revert", [VERB_REBUILD] = "rebuild",
    [VERB_SNAPSHOT_DELETE] = "snapshot-delete", [VERB_RECEIVE] = "receive",
    [VERB_MIGRATE] = "migrate", [VERB_ADOPT] = "adopt", [VERB_DISCARD] = "discard",
    [VERB_DELETE] = "delete",
};
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
const char *const vm_state_names[VM_STATE_COUNT] = {
    [VM_PENDING] = "pending", [VM_STOPPED] = "stopped", [VM_RUNNING] = "running",
    [VM_PAUSED] = "paused", [VM_SUSPENDED] = "suspended", [VM_CRASHED] = "crashed",
    [VM_LOST] = "lost", [VM_DELETING] = "deleting", [VM_FAILED] = "failed",
    [VM_DELETED] = "deleted",
};
const char *const op_state_names[OP_STATE_COUNT] = {
    [OP_PENDING] = "pending", [OP_RUNNING] = "running", [OP_SUCCEEDED] = "succeeded",
    [OP_FAILED] = "failed",
};
const char *const step_names[STEP_COUNT] = {
    [STEP_NONE] = "none", [STEP_ACCEPTED] = "accepted", [STEP_PLACED] = "placed",
    [STEP_INSTRUCTED] = "instructed", [STEP_TAKEN] = "taken", [STEP_FETCHING] = "fetching",
    [STEP_PREPARING] = "preparing", [STEP_STARTING] = "starting", [STEP_STOPPING] = "stopping",
    [STEP_REBOOTING] = "rebooting", [STEP_PAUSING] = "pausing", [STEP_RESUMING] = "resuming",
    [STEP_SUSPENDING] = "suspending", [STEP_RESIZING] = "resizing",
    [STEP_SNAPSHOTTING] = "snapshotting", [STEP_REVERTING] = "reverting",
    [STEP_MIGRATING] = "migrating", [STEP_DELETING] = "deleting", [STEP_UNDOING] = "undoing",
    [STEP_ENDED] = "ended", [STEP_REFUSED] = "refused", [STEP_WAITING] = "waiting",
};
const char *const decider_names[DECIDER_COUNT] = {
    [BY_MANAGER] = "manager", [BY_ASKER] = "tenant", [BY_PLACE] = "cluster",
    [BY_OPERATOR] = "operator",
};
const char *const wait_names[WAIT_COUNT] = {
    [WAIT_NOTHING] = "nothing", [WAIT_TAKING] = "taking", [WAIT_RESULT] = "result",
    [WAIT_PLACE] = "cluster", [WAIT_LINK] = "link", [WAIT_RETRY] = "retry", [WAIT_IMAGE] = "image",
    [WAIT_TURN] = "turn", [WAIT_ROOM] = "room",
};
const char *const peer_state_names[PEER_STATE_COUNT] = {
    [PEER_AWAY] = "unreachable", [PEER_SUSPECT] = "suspect", [PEER_UP] = "up",
};

static const struct field size_fields[] = {
    {field_of(struct size, cpus), .about = "Virtual processors.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1, .most = limit_cpus},
    {field_of(struct size, memory_mib), .about = "Memory in MiB.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1, .most = limit_memory_mib},
    {field_of(struct size, disk_gib), .about = "Disk in GiB.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1, .most = limit_disk_gib},
};
const struct table size_table = {"size", "How large a VM is.", sizeof(struct size),
                                 field_rows(size_fields)};

static const struct field amounts_fields[] = {
    {field_of(struct amounts, vms), .about = "VMs.", .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct amounts, cpus), .about = "Virtual processors of all VMs.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct amounts, memory_mib), .about = "Memory of all VMs in MiB.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct amounts, disk_gib), .about = "Disk of all VMs in GiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
};
const struct table amounts_table = {
    "limits", "Amounts: of limits, where 0 stands for none, or of what is used.",
    sizeof(struct amounts), field_rows(amounts_fields)};

static const struct field shape_fields[] = {
    {field_of(struct shape, name), .about = "The shape's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct shape, size), .about = "What a VM of this shape has.", .kind = FIELD_RECORD,
     .mask = FIELD_REQUIRED, .table = &size_table},
};
const struct table shape_table = {"shape", "A named size of VMs.", sizeof(struct shape),
                                  field_rows(shape_fields)};

static const struct field network_fields[] = {
    {field_of(struct network, name), .about = "The network's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct network, about), .about = "What its operator says of it.", .kind = FIELD_TEXT},
};
const struct table network_table = {"network", "A network that VMs can be in.",
                                    sizeof(struct network), field_rows(network_fields)};

static const struct field image_fields[] = {
    {field_of(struct image, name), .about = "The image's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct image, digest), .about = "SHA-256 of the archive, in hex.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_DIGEST},
    {field_of(struct image, architecture), .about = "Processor architecture of the guest.",
     .kind = FIELD_TEXT},
    {field_of(struct image, archive_bytes), .about = "Size of the archive.", .kind = FIELD_U64},
    {field_of(struct image, disk_gib),
     .about = "The least disk that a VM of this image needs, in GiB.", .kind = FIELD_U32,
     .most = limit_disk_gib},
    {field_of(struct image, created_ms), .about = "When it was imported.", .kind = FIELD_U64},
};
const struct table image_table = {"image", "A template that VMs are made from.",
                                  sizeof(struct image), field_rows(image_fields)};

static const struct field tenant_permissions_fields[] = {
    {field_of(struct tenant_permissions, clusters),
     .about = "Clusters by name, a blank between them; absent: all.", .kind = FIELD_BLOB,
     .most = limit_permissions},
    {field_of(struct tenant_permissions, shapes), .about = "Shapes by name; absent: all.",
     .kind = FIELD_BLOB, .most = limit_permissions},
    {field_of(struct tenant_permissions, images), .about = "Images by name; absent: all.",
     .kind = FIELD_BLOB, .most = limit_permissions},
};
const struct table tenant_permissions_table = {
    "tenant-permissions", "Which clusters, shapes and images a tenant's new VMs may use.",
    sizeof(struct tenant_permissions), field_rows(tenant_permissions_fields)};

static const struct field tenant_fields[] = {
    {field_of(struct tenant, name), .about = "The tenant's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct tenant, token_hash), .about = "SHA-256 of its token.", .kind = FIELD_TEXT,
     .mask = FIELD_STORE | FIELD_SECRET, .check = CHECK_DIGEST},
    {field_of(struct tenant, quota), .about = "What its VMs may have; 0: as much as there is.",
     .kind = FIELD_RECORD, .table = &amounts_table},
    {field_of(struct tenant, permissions), .about = "What its new VMs may use.",
     .kind = FIELD_RECORD, .table = &tenant_permissions_table},
    {field_of(struct tenant, created_ms), .about = "When it was made.", .kind = FIELD_U64},
};
const struct table tenant_table = {"tenant", "A customer, with a token of its own.",
                                   sizeof(struct tenant), field_rows(tenant_fields)};

static const struct field account_fields[] = {
    {field_of(struct account, name), .about = "The tenant's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct account, quota), .about = "What its VMs may have; 0: as much as there is.",
     .kind = FIELD_RECORD, .table = &amounts_table},
    {field_of(struct account, used),
     .about = "What they have, from their creation to their true end.", .kind = FIELD_RECORD,
     .table = &amounts_table},
    {field_of(struct account, permissions), .about = "What its new VMs may use.",
     .kind = FIELD_RECORD, .table = &tenant_permissions_table},
    {field_of(struct account, created_ms), .about = "When it was made.", .kind = FIELD_U64},
};
const struct table account_table = {"account", "A tenant, with what it may have and has.",
                                    sizeof(struct account), field_rows(account_fields)};

const char *const on_drain_names[ON_DRAIN_COUNT] = {
    [ON_DRAIN_STAY] = "stay", [ON_DRAIN_RESTART] = "restart", [ON_DRAIN_MIGRATE] = "migrate",
};
const char *const move_names[MOVE_COUNT] = {
    [MOVE_NONE] = "none", [MOVE_LEAVING] = "leaving", [MOVE_ARRIVING] = "arriving",
    [MOVE_RECEIVING] = "receiving", [MOVE_MIGRATING] = "migrating", [MOVE_ADOPTING] = "adopting",
};

static const struct field landing_fields[] = {
    {field_of(struct landing, epoch), .about = "Of the VM, on the host that it comes to.",
     .kind = FIELD_U32},
    {field_of(struct landing, uri), .about = "By which other hosts reach that host's libvirt.",
     .kind = FIELD_BLOB, .most = limit_landing},
    {field_of(struct landing, folder), .about = "Of that host's own files.", .kind = FIELD_BLOB,
     .most = limit_landing},
};
const struct table landing_table = {"landing", "Where a VM that migrates lands.",
                                    sizeof(struct landing), field_rows(landing_fields)};

static const struct field definition_fields[] = {
    {field_of(struct definition, name),
     .about = "The tenant's name for the VM, and the guest's host name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct definition, shape), .about = "Name of the shape.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct definition, size), .about = "What the VM has.", .kind = FIELD_RECORD,
     .mask = FIELD_REQUIRED, .table = &size_table},
    {field_of(struct definition, image), .about = "Digest of the image's archive.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_DIGEST},
    {field_of(struct definition, image_name), .about = "What the upstream manager calls the image.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct definition, start), .about = "Start it once it is defined.",
     .kind = FIELD_FLAG},
    {field_of(struct definition, group), .about = "Group of VMs that may have to be kept apart.",
     .kind = FIELD_TEXT, .check = CHECK_ID},
    {field_of(struct definition, apart), .about = "On no host where another VM of the group is.",
     .kind = FIELD_FLAG},
    {field_of(struct definition, on_drain),
     .about = "What may become of it when its host is to be empty.", .kind = FIELD_ENUM,
     field_names(on_drain_names)},
    {field_of(struct definition, host_must), .about = "Labels that its host must have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct definition, host_prefer), .about = "Labels that its host should have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct definition, networks),
     .about = "Networks that it is in, by commas: an interface for each.", .kind = FIELD_BLOB,
     .most = limit_vm_network_names, .check = CHECK_NETWORKS},
    {field_of(struct definition, user_data),
     .about = "First-boot data for the guest (NoCloud user-data).", .kind = FIELD_BLOB,
     .mask = FIELD_WIRE | FIELD_STORE | FIELD_SECRET, .most = limit_user_data,
     .check = CHECK_LINES},
};
const struct table definition_table = {"definition", "What to make.", sizeof(struct definition),
                                       field_rows(definition_fields)};

static const struct field template_fields[] = {
    {field_of(struct template, vm), .about = "The VM's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct template, definition), .about = "What to make.", .kind = FIELD_RECORD,
     .table = &definition_table},
};
const struct table template_table = {"template", "What a VM is made from when it is made anew.",
                                     sizeof(struct template), field_rows(template_fields)};

static const struct field snapshot_fields[] = {
    {field_of(struct snapshot, name), .about = "Its name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct snapshot, created_ms), .about = "When it was made.", .kind = FIELD_U64},
    {field_of(struct snapshot, memory),
     .about = "The VM ran, and its memory is in the snapshot, too.", .kind = FIELD_FLAG},
    {field_of(struct snapshot, size), .about = "What the VM had then.", .kind = FIELD_RECORD,
     .table = &size_table},
};
const struct table snapshot_table = {"snapshot", "A state of a VM that it can be taken back to.",
                                     sizeof(struct snapshot), field_rows(snapshot_fields)};

/* Of a VM; then what a store keeps behind it. */
enum { inside_fields = 2 };
static const struct field stored_vm_fields[] = {
    {field_of(struct vm, id), .about = "The VM's id.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     .check = CHECK_ID},
    {field_of(struct vm, name), .about = "The tenant's name for it.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {.name = "tenant", .about = "Whose it is.", .kind = FIELD_TEXT, field_at(struct vm, asker),
     .check = CHECK_NAME},
    {.name = "cluster", .about = "Where it is; absent while nowhere.", .kind = FIELD_TEXT,
     field_at(struct vm, place), .check = CHECK_NAME},
    {field_of(struct vm, shape), .about = "Name of its shape.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct vm, size), .about = "What it has.", .kind = FIELD_RECORD,
     .table = &size_table},
    {field_of(struct vm, image), .about = "Name of its image.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct vm, digest), .about = "Digest of its image's archive.", .kind = FIELD_TEXT,
     .check = CHECK_DIGEST},
    {field_of(struct vm, rebuilt), .about = "It was made anew, perhaps from another image.",
     .kind = FIELD_FLAG, .mask = FIELD_STORE},
    {field_of(struct vm, group), .about = "Its group; absent: none.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct vm, networks), .about = "Networks that it is in, by commas; absent: none.",
     .kind = FIELD_BLOB, .most = limit_vm_network_names, .check = CHECK_NETWORKS},
    {field_of(struct vm, metadata), .about = "What its tenant says of it: name=value, by commas.",
     .kind = FIELD_BLOB, .most = limit_metadata, .check = CHECK_LABELS},
    {field_of(struct vm, locked_ms), .about = "Since when it is locked; absent: it is not.",
     .kind = FIELD_U64},
    {field_of(struct vm, state), .about = "What is known of it.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(vm_state_names)},
    {field_of(struct vm, epoch), .about = "Grows each time the VM is placed.", .kind = FIELD_U32,
     .mask = FIELD_STORE},
    {field_of(struct vm, generation), .about = "Grows with each accepted instruction.",
     .kind = FIELD_U64},
    {field_of(struct vm, place_epoch), .about = "As counted for the level below.",
     .kind = FIELD_U32, .mask = FIELD_STORE},
    {field_of(struct vm, place_generation), .about = "Newest instruction issued below.",
     .kind = FIELD_U64, .mask = FIELD_STORE},
    {.name = "operation", .about = "The newest operation on it.", .kind = FIELD_TEXT,
     field_at(struct vm, op), .check = CHECK_ID},
    {field_of(struct vm, last_code), .about = "Outcome of that operation, once it has ended.",
     .kind = FIELD_ENUM, .mask = FIELD_STORE, field_names(code_names)},
    {field_of(struct vm, last_step), .about = "The step that failed.", .kind = FIELD_ENUM,
     .mask = FIELD_STORE, field_names(step_names)},
    {field_of(struct vm, created_ms), .about = "When it was asked for.", .kind = FIELD_U64},
    {field_of(struct vm, changed_ms), .about = "When its record last changed.", .kind = FIELD_U64},
    {field_list_of(struct vm, snapshots, snapshots_count), .about = "Its snapshots, oldest first.",
     .kind = FIELD_LIST, .most = limit_snapshots, .table = &snapshot_table},
    {field_of(struct stored_vm, move), .about = "Whether it is between two hosts.",
     .kind = FIELD_ENUM, .mask = FIELD_STORE, field_names(move_names)},
    {field_of(struct stored_vm, destination),
     .about = "The host that it migrates to, or that has a rest of it.", .kind = FIELD_BLOB,
     .mask = FIELD_STORE, .most = limit_name_size - 1, .check = CHECK_NAME},
};
const struct table vm_table = {"vm", "A virtual machine.", sizeof(struct vm),
                               .fields = stored_vm_fields,
                               .fields_count = array_size(stored_vm_fields) - inside_fields};
const struct table stored_vm_table = {"vm", "A virtual machine, as it is kept.",
                                      sizeof(struct stored_vm), field_rows(stored_vm_fields)};

static const struct field timeline_entry_fields[] = {
    {field_of(struct timeline_entry, at_ms), .about = "When.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS},
    {field_of(struct timeline_entry, step), .about = "What was reached.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(step_names)},
    {field_of(struct timeline_entry, by), .about = "Who brought it about; absent: the manager.",
     .kind = FIELD_ENUM, field_names(decider_names)},
    {.name = "cluster", .about = "Where; absent: where the entry before says.", .kind = FIELD_BLOB,
     field_at(struct timeline_entry, place), .most = limit_name_size - 1, .check = CHECK_NAME},
    {field_of(struct timeline_entry, code),
     .about = "Why it was refused, waits or ended so; absent: ok.", .kind = FIELD_ENUM,
     field_names(code_names)},
};
const struct table timeline_entry_table = {"timeline-entry", "What happened to an operation.",
                                           sizeof(struct timeline_entry),
                                           field_rows(timeline_entry_fields)};

static const struct field waiting_fields[] = {
    {.name = "for", .about = "What it waits for.", .kind = FIELD_ENUM,
     field_at(struct waiting, wait), field_names(wait_names)},
    {.name = "cluster", .about = "Of which cluster.", .kind = FIELD_BLOB,
     field_at(struct waiting, place), .most = limit_name_size - 1, .check = CHECK_NAME},
    {field_of(struct waiting, since_ms), .about = "Since when.", .kind = FIELD_U64},
    {field_of(struct waiting, sent),
     .about = "How often the cluster was instructed; operators only.", .kind = FIELD_U32},
};
const struct table waiting_table = {"waiting", "What an operation under way waits for.",
                                    sizeof(struct waiting), field_rows(waiting_fields)};

const char *const group_rule_names[GROUP_RULE_COUNT] = {
    [GROUP_ANYHOW] = "anyhow", [GROUP_TOGETHER] = "together", [GROUP_APART] = "apart",
    [GROUP_APART_CLUSTERS] = "apart-clusters",
};
const char *const strategy_names[STRATEGY_COUNT] = {
    [STRATEGY_SPREAD] = "spread", [STRATEGY_PACK] = "pack",
};

static const struct field placing_fields[] = {
    {field_of(struct placing, cluster), .about = "Name of the cluster to use; absent: any.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct placing, must), .about = "Labels that the cluster must have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct placing, prefer), .about = "Labels that it should have.", .kind = FIELD_BLOB,
     .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct placing, avoid), .about = "Labels that it should not have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {.name = "group_rule", .about = "Beside others of its group.", .kind = FIELD_ENUM,
     field_at(struct placing, rule), field_names(group_rule_names)},
    {field_of(struct placing, strategy), .about = "Where most room is, or least.",
     .kind = FIELD_ENUM, field_names(strategy_names)},
};
const struct table placing_table = {"placing", "Where a VM may go.", sizeof(struct placing),
                                    field_rows(placing_fields)};

static const struct field operation_fields[] = {
    {field_of(struct operation, id), .about = "The operation's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct operation, vm), .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct operation, vm_name), .about = "Name of the VM.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {.name = "tenant", .about = "Whose it is.", .kind = FIELD_TEXT,
     field_at(struct operation, asker), .check = CHECK_NAME},
    {field_of(struct operation, verb), .about = "What was asked.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(verb_names)},
    {field_of(struct operation, state), .about = "Where it stands.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(op_state_names)},
    {field_of(struct operation, code), .about = "How it ended; ok while it has not.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(code_names)},
    {field_of(struct operation, step),
     .about = "The newest step; of a failed operation the one that failed.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(step_names)},
    {field_of(struct operation, generation), .about = "The VM's generation that it makes.",
     .kind = FIELD_U64},
    {field_of(struct operation, place_generation), .about = "The generation issued below.",
     .kind = FIELD_U64, .mask = FIELD_STORE},
    {field_of(struct operation, internal), .about = "Begun by the manager itself.",
     .kind = FIELD_FLAG},
    {field_of(struct operation, created_ms), .about = "When it was accepted.", .kind = FIELD_U64},
    {field_of(struct operation, deadline_ms), .about = "When it ends at the latest.",
     .kind = FIELD_U64},
    {field_of(struct operation, ended_ms), .about = "When it ended; absent while it has not.",
     .kind = FIELD_U64},
    {field_list_of(struct operation, timeline, timeline_count),
     .about = "What happened so far, oldest first.", .kind = FIELD_LIST, .most = limit_timeline,
     .table = &timeline_entry_table},
    {field_of(struct operation, waits),
     .about = "What it waits for; of one that has ended: nothing.", .kind = FIELD_RECORD,
     .mask = FIELD_API, .table = &waiting_table},
    {field_of(struct operation, definition), .about = "What to make, while it is being made.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE, .table = &definition_table},
    {field_of(struct operation, was), .about = "resize: what the VM had before.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE, .table = &size_table},
    {field_of(struct operation, snapshot), .about = "Name of the snapshot that it is about.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct operation, placing), .about = "Where it may go.", .kind = FIELD_RECORD,
     .mask = FIELD_STORE, .table = &placing_table},
    {field_of(struct operation, landing), .about = "Where a VM that migrates lands.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE, .table = &landing_table},
};
const struct table operation_table = {"operation", "A requested change, with a true end.",
                                      sizeof(struct operation), field_rows(operation_fields)};

static const struct field fit_fields[] = {
    {field_of(struct fit, shape), .about = "Name of the shape.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct fit, count), .about = "How many more VMs of it fit now.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
};
const struct table fit_table = {"fit", "How many more VMs of one shape fit.", sizeof(struct fit),
                                field_rows(fit_fields)};

static const struct field capacity_fields[] = {
    {field_of(struct capacity, cpus_total), .about = "Processors lent.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
    {field_of(struct capacity, cpus_free), .about = "Processors free.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
    {field_of(struct capacity, memory_mib_total), .about = "Memory lent, in MiB.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct capacity, memory_mib_free), .about = "Memory free, in MiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
    {field_of(struct capacity, disk_gib_total), .about = "Disk lent, in GiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
    {field_of(struct capacity, disk_gib_free), .about = "Disk free, in GiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
    {field_list_of(struct capacity, fits, fits_count), .about = "Per shape, how many more VMs fit.",
     .kind = FIELD_LIST, .most = limit_shapes, .table = &fit_table},
};
const struct table capacity_table = {"capacity", "What a place has and how much of it is free.",
                                     sizeof(struct capacity), field_rows(capacity_fields)};

static const struct field overcommit_fields[] = {
    {field_of(struct overcommit, cpus_percent),
     .about = "Processors lent, of each hundred there are.", .kind = FIELD_U32,
     .least = limit_lend_least_percent, .most = limit_lend_cpus_percent},
    {field_of(struct overcommit, memory_percent),
     .about = "Memory lent, of each hundred MiB there are.", .kind = FIELD_U32,
     .least = limit_lend_least_percent, .most = limit_lend_memory_percent},
};
const struct table overcommit_table = {"overcommit", "How much of itself a host lends.",
                                       sizeof(struct overcommit), field_rows(overcommit_fields)};

static const struct field node_fields[] = {
    {field_of(struct node, name), .about = "The cluster's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct node, state), .about = "Whether it is connected.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(peer_state_names)},
    {field_of(struct node, seen_ms), .about = "When its connection last changed.",
     .kind = FIELD_U64},
    {field_of(struct node, labels),
     .about = "What its operator says of it, region and zone among it.", .kind = FIELD_TEXT,
     .check = CHECK_LABELS},
    {field_of(struct node, capacity), .about = "Its aggregate, as last told.", .kind = FIELD_RECORD,
     .table = &capacity_table},
};
const struct table node_table = {"cluster", "A federated cluster, seen as one compute node.",
                                 sizeof(struct node), field_rows(node_fields)};

static const struct field idempotency_fields[] = {
    {field_of(struct idempotency, key), .about = "Tenant and Idempotency-Key.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED},
    {field_of(struct idempotency, request_hash), .about = "Of the request that used it.",
     .kind = FIELD_U64},
    {.name = "operation", .about = "What it made.", .kind = FIELD_TEXT,
     field_at(struct idempotency, op), .check = CHECK_ID},
    {field_of(struct idempotency, created_ms), .about = "When.", .kind = FIELD_U64},
};
const struct table idempotency_table = {"idempotency", "A used Idempotency-Key.",
                                        sizeof(struct idempotency), field_rows(idempotency_fields)};
