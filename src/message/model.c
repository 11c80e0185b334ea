/* The field tables of the records that daemons keep: which fields each face shows (store, links,
 * API), their bounds and their words in the reference. */
#include "message/model.h"

#include "base/memory.h"

const char *const vm_state_names[VM_STATE_COUNT] = {
    [VM_PENDING] = "pending", [VM_STOPPED] = "stopped", [VM_RUNNING] = "running",
    [VM_PAUSED] = "paused", [VM_SUSPENDED] = "suspended", [VM_CRASHED] = "crashed",
    [VM_LOST] = "lost", [VM_DELETING] = "deleting", [VM_FAILED] = "failed",
    [VM_DELETED] = "deleted",
};
const char *const op_state_names[OP_STATE_COUNT] = {
    [OP_PENDING] = "pending", [OP_RUNNING] = "running",
    [OP_SUCCEEDED] = "succeeded", [OP_FAILED] = "failed",
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
    [STEP_LOST] = "lost", [STEP_COPYING] = "copying", [STEP_CONNECTING] = "connecting",
};
const char *const decider_names[DECIDER_COUNT] = {
    [BY_MANAGER] = "manager", [BY_ASKER] = "tenant", [BY_PLACE] = "cluster",
    [BY_OPERATOR] = "operator",
};
const char *const wait_names[WAIT_COUNT] = {
    [WAIT_NOTHING] = "nothing", [WAIT_TAKING] = "taking", [WAIT_RESULT] = "result",
    [WAIT_PLACE] = "cluster", [WAIT_LINK] = "link", [WAIT_RETRY] = "retry", [WAIT_IMAGE] = "image",
    [WAIT_TURN] = "turn", [WAIT_ROOM] = "room", [WAIT_BLOCKS] = "block-store", [WAIT_COPY] = "copy",
};
const char *const peer_state_names[PEER_STATE_COUNT] = {
    [PEER_AWAY] = "unreachable", [PEER_SUSPECT] = "suspect", [PEER_UP] = "up",
};
const char *const contained_names[CONTAINED_COUNT] = {
    [CONTAINED_UNKNOWN] = "unknown", [CONTAINED_NO] = "no", [CONTAINED_YES] = "yes"};

static const struct field size_fields[] = {
    {field_of(struct size, cpus), .number = 1, .about = "Virtual processors.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1, .most = limit_cpus},
    {field_of(struct size, memory_mib), .number = 2, .about = "Memory in MiB.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1, .most = limit_memory_mib},
    {field_of(struct size, disk_gib), .number = 3, .about = "Disk in GiB.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1, .most = limit_disk_gib},
};
const struct table size_table = {"size", "How large a VM is.", sizeof(struct size),
                                 field_rows(size_fields)};

static const struct field amounts_fields[] = {
    {field_of(struct amounts, vms), .number = 1, .about = "VMs.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
    {field_of(struct amounts, cpus), .number = 2, .about = "Virtual processors of all VMs.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct amounts, memory_mib), .number = 3, .about = "Memory of all VMs in MiB.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct amounts, disk_gib), .number = 4, .about = "Disk of all VMs in GiB.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
};
const struct table amounts_table = {
    "limits", "Amounts: of limits, where 0 stands for none, or of what is used.",
    sizeof(struct amounts), field_rows(amounts_fields)};

static const struct field shape_fields[] = {
    {field_of(struct shape, name), .number = 1, .about = "The shape's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct shape, size), .number = 2, .about = "What a VM of this shape has.",
     .kind = FIELD_RECORD, .mask = FIELD_REQUIRED, .table = &size_table},
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
    {field_of(struct image, name), .number = 1, .about = "The image's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct image, digest), .number = 2, .about = "SHA-256 of the archive, in hex.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_DIGEST},
    {field_of(struct image, architecture), .number = 3,
     .about = "Processor architecture of the guest.", .kind = FIELD_TEXT},
    {field_of(struct image, archive_bytes), .number = 4, .about = "Size of the archive.",
     .kind = FIELD_U64},
    {field_of(struct image, disk_gib), .number = 5, .kind = FIELD_U32, .most = limit_disk_gib,
     .about = "The least disk that a VM of this image needs, in GiB."},
    {field_of(struct image, created_ms), .number = 6, .about = "When it was imported.",
     .kind = FIELD_U64},
    {field_of(struct image, machine), .number = 7, .about = "What its guests need of a machine.",
     .kind = FIELD_RECORD, .table = &machine_table},
    {field_of(struct image, least_cpus), .number = 8, .about = "The least processors of its VMs.",
     .kind = FIELD_U32, .most = limit_cpus},
    {field_of(struct image, least_memory_mib), .number = 9, .kind = FIELD_U32,
     .about = "The least memory of its VMs, in MiB.", .most = limit_memory_mib},
    {field_of(struct image, cloud_init), .number = 10, .about = "Whether cloud-init is in.",
     .kind = FIELD_ENUM, field_names(contained_names)},
    {field_of(struct image, guest_agent), .number = 11, .about = "Whether a guest agent is in.",
     .kind = FIELD_ENUM, field_names(contained_names)},
    {field_of(struct image, source), .number = 12, .about = "SHA-256 of the file that it came as.",
     .kind = FIELD_TEXT, .check = CHECK_DIGEST},
    {field_of(struct image, tenant), .number = 13, .about = "Whose it is; absent: for all.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct image, shared), .number = 14, .about = "A tenant's, and for all.",
     .kind = FIELD_FLAG},
    {field_of(struct image, clusters), .kind = FIELD_BLOB, .mask = FIELD_API,
     .about = "Clusters that have it, by commas (operators, of one).", .most = limit_shown_names},
};
const struct table image_table = {"image", "A template that VMs are made from.",
                                  sizeof(struct image), field_rows(image_fields)};

const char *const on_drain_names[ON_DRAIN_COUNT] = {
    [ON_DRAIN_STAY] = "stay", [ON_DRAIN_RESTART] = "restart", [ON_DRAIN_MIGRATE] = "migrate",
};
const char *const move_names[MOVE_COUNT] = {
    [MOVE_NONE] = "none", [MOVE_LEAVING] = "leaving", [MOVE_ARRIVING] = "arriving",
    [MOVE_RECEIVING] = "receiving", [MOVE_MIGRATING] = "migrating", [MOVE_ADOPTING] = "adopting",
};

static const struct field landing_fields[] = {
    {field_of(struct landing, epoch), .number = 1,
     .about = "Of the VM, on the host that it comes to.", .kind = FIELD_U32},
    {field_of(struct landing, uri), .number = 2,
     .about = "By which other hosts reach that host's libvirt.", .kind = FIELD_BLOB,
     .most = limit_landing},
    {field_of(struct landing, folder), .number = 3, .about = "Of that host's own files.",
     .kind = FIELD_BLOB, .most = limit_landing},
};
const struct table landing_table = {"landing", "Where a VM that migrates lands.",
                                    sizeof(struct landing), field_rows(landing_fields)};

static const struct field definition_fields[] = {
    {field_of(struct definition, name), .number = 1,
     .about = "The tenant's name for the VM, and the guest's host name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct definition, shape), .number = 2, .about = "Name of the shape.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct definition, size), .number = 3, .about = "What the VM has.",
     .kind = FIELD_RECORD, .mask = FIELD_REQUIRED, .table = &size_table},
    {field_of(struct definition, image), .number = 4, .about = "Digest of the image's archive.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_DIGEST},
    {field_of(struct definition, image_name), .number = 5, .kind = FIELD_TEXT, .check = CHECK_NAME,
     .about = "What the upstream manager calls the image."},
    {field_of(struct definition, start), .number = 6, .about = "Start it once it is defined.",
     .kind = FIELD_FLAG},
    {field_of(struct definition, group), .number = 7,
     .about = "Group of VMs that may have to be kept apart.", .kind = FIELD_TEXT,
     .check = CHECK_ID},
    {field_of(struct definition, apart), .number = 8,
     .about = "On no host where another VM of the group is.", .kind = FIELD_FLAG},
    {field_of(struct definition, on_drain), .number = 9, .kind = FIELD_ENUM,
     .about = "What may become of it when its host is to be empty.", field_names(on_drain_names)},
    {field_of(struct definition, host_must), .number = 10, .kind = FIELD_BLOB,
     .about = "Labels that its host must have.", .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct definition, host_prefer), .number = 11, .kind = FIELD_BLOB,
     .about = "Labels that its host should have.", .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct definition, networks), .number = 12, .about = "See the VM's.",
     .kind = FIELD_BLOB, .most = limit_vm_network_names, .check = CHECK_INTERFACES},
    {field_of(struct definition, user_data), .number = 13,
     .about = "First-boot data for the guest (NoCloud user-data).", .kind = FIELD_BLOB,
     .mask = FIELD_WIRE | FIELD_STORE | FIELD_SECRET, .most = limit_user_data,
     .check = CHECK_LINES},
    {field_of(struct definition, upgrade), .number = 14,
     .about = "Resize, rebuild: with the machine that new VMs get, not with the one that it has.",
     .kind = FIELD_FLAG},
    {field_of(struct definition, user_data_base64), .number = 15,
     .about = "First-boot data in base64, in place of user_data: any bytes.", .kind = FIELD_BLOB,
     .mask = FIELD_WIRE | FIELD_STORE | FIELD_SECRET, .most = limit_user_data_base64,
     .check = CHECK_BASE64},
    {field_of(struct definition, on_loss), .number = 16, .kind = FIELD_ENUM,
     .about = "When its host, or its cluster, is lost.", field_names(on_loss_names)},
    {field_of(struct definition, machine), .number = 17, .about = "What its image needs.",
     .kind = FIELD_RECORD, .table = &machine_table},
    {field_of(struct definition, ssh_keys), .number = 18, .kind = FIELD_BLOB,
     .about = "SSH public keys of who may log in, a line each.", .check = CHECK_SSH_KEYS,
     .mask = FIELD_WIRE | FIELD_STORE, .most = limit_vm_ssh_keys_bytes},
    {field_of(struct definition, restart_from), .number = 19, .about = "See the VM's.",
     .kind = FIELD_ENUM, field_names(restart_from_names)},
    {field_of(struct definition, copy_every_s), .number = 20, .about = "See the VM's.",
     .kind = FIELD_U32, .least = limit_copy_least_s, .most = limit_copy_s},
    {field_of(struct definition, copy_max_age_s), .number = 21, .about = "See the VM's.",
     .kind = FIELD_U32, .least = limit_copy_least_s, .most = limit_copy_s},
    {field_of(struct definition, allow), .number = 22, .about = "See the VM's.",
     .kind = FIELD_BLOB, .most = limit_vm_allow, .check = CHECK_ALLOW},
};
const struct table definition_table = {"definition", "What to make.", sizeof(struct definition),
                                       field_rows(definition_fields)};

static const struct field snapshot_fields[] = {
    {field_of(struct snapshot, name), .number = 1, .about = "Its name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct snapshot, created_ms), .number = 2, .about = "When it was made.",
     .kind = FIELD_U64},
    {field_of(struct snapshot, memory), .number = 3,
     .about = "The VM ran, and its memory is in the snapshot, too.", .kind = FIELD_FLAG},
    {field_of(struct snapshot, size), .number = 4, .about = "What the VM had then.",
     .kind = FIELD_RECORD, .table = &size_table},
};
const struct table snapshot_table = {"snapshot", "A state of a VM that it can be taken back to.",
                                     sizeof(struct snapshot), field_rows(snapshot_fields)};

/* Of a VM; then what a store keeps behind it. */
enum { inside_fields = 9 };
static const struct field stored_vm_fields[] = {
    {field_of(struct vm, id), .number = 1, .about = "The VM's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct vm, name), .number = 2, .about = "The tenant's name for it.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {.name = "tenant", .number = 3, .about = "Whose it is.", .kind = FIELD_TEXT,
     field_at(struct vm, asker), .check = CHECK_NAME},
    {.name = "cluster", .number = 4, .about = "Where it is; absent while nowhere.",
     .kind = FIELD_TEXT, field_at(struct vm, place), .check = CHECK_NAME},
    {field_of(struct vm, shape), .number = 5, .about = "Name of its shape.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct vm, size), .number = 6, .about = "What it has.", .kind = FIELD_RECORD,
     .table = &size_table},
    {field_of(struct vm, image), .number = 7, .about = "Name of its image.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct vm, digest), .number = 8, .about = "Digest of its image's archive.",
     .kind = FIELD_TEXT, .check = CHECK_DIGEST},
    {field_of(struct vm, rebuilt), .number = 9,
     .about = "It was made anew, perhaps from another image.", .kind = FIELD_FLAG,
     .mask = FIELD_STORE},
    {field_of(struct vm, group), .number = 10, .about = "Its group; absent: none.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct vm, networks), .number = 11,
     .about = "Networks that it is in, by commas; absent: none.", .kind = FIELD_BLOB,
     .most = limit_vm_network_names, .check = CHECK_INTERFACES},
    {field_of(struct vm, metadata), .number = 12,
     .about = "What its tenant says of it: name=value, by commas.", .kind = FIELD_BLOB,
     .most = limit_metadata, .check = CHECK_METADATA},
    {field_of(struct vm, locked_ms), .number = 13,
     .about = "Since when it is locked; absent: it is not.", .kind = FIELD_U64},
    {field_of(struct vm, state), .number = 14, .about = "What is known of it.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(vm_state_names)},
    {field_of(struct vm, epoch), .number = 15, .about = "Grows each time the VM is placed.",
     .kind = FIELD_U32, .mask = FIELD_STORE},
    {field_of(struct vm, generation), .number = 16,
     .about = "Grows with each accepted instruction.", .kind = FIELD_U64},
    {field_of(struct vm, place_epoch), .number = 17, .about = "As counted for the level below.",
     .kind = FIELD_U32, .mask = FIELD_STORE},
    {field_of(struct vm, place_generation), .number = 18,
     .about = "Newest instruction issued below.", .kind = FIELD_U64, .mask = FIELD_STORE},
    {.name = "operation", .number = 19, .about = "The newest operation on it.", .kind = FIELD_TEXT,
     field_at(struct vm, op), .check = CHECK_ID},
    {field_of(struct vm, last_code), .number = 20,
     .about = "Outcome of that operation, once it has ended.", .kind = FIELD_ENUM,
     .mask = FIELD_STORE, field_names(code_names)},
    {field_of(struct vm, last_step), .number = 21, .about = "The step that failed.",
     .kind = FIELD_ENUM, .mask = FIELD_STORE, field_names(step_names)},
    {field_of(struct vm, created_ms), .number = 22, .about = "When it was asked for.",
     .kind = FIELD_U64},
    {field_of(struct vm, changed_ms), .number = 23, .about = "When its record last changed.",
     .kind = FIELD_U64},
    {field_list_of(struct vm, snapshots, snapshots_count), .number = 24,
     .about = "Its snapshots, oldest first.", .kind = FIELD_LIST, .most = limit_snapshots,
     .table = &snapshot_table},
    {field_of(struct vm, unheard_ms), .number = 25,
     .about = "Since when nothing is heard of it: `state` is as of then; absent: it is heard of.",
     .kind = FIELD_U64},
    {field_of(struct vm, title), .number = 26, .about = "What it is, in its tenant's own words.",
     .kind = FIELD_BLOB, .most = limit_title},
    {field_of(struct vm, on_loss), .number = 27,
     .about = "What becomes of it when its host, or its cluster, is lost.", .kind = FIELD_ENUM,
     field_names(on_loss_names)},
    {field_of(struct vm, restarts), .number = 28, .kind = FIELD_U32,
     .about = "How often it was made anew on another host, as its own was lost."},
    {field_of(struct vm, restarted_ms), .number = 29,
     .about = "When that was last.", .kind = FIELD_U64},
    {field_list_of(struct vm, ips, ips_count), .number = 30, .about = "Its IP addresses.",
     .kind = FIELD_LIST, .mask = FIELD_STORE, .most = limit_vm_ips, .table = &vm_ip_table},
    {field_list_of(struct vm, interfaces, interfaces_count),
     .about = "Its network interfaces, in the order of `networks`.", .kind = FIELD_LIST,
     .mask = FIELD_API, .most = limit_vm_networks, .table = &interface_table},
    {field_list_of(struct vm, copies, copies_count), .number = 31,
     .about = "Copies of its disk, oldest first.", .kind = FIELD_LIST, .most = limit_copies,
     .table = &copy_table},
    {field_of(struct vm, restart_from), .number = 32,
     .about = "What it is made from when it is restarted since its host was lost.",
     .kind = FIELD_ENUM, field_names(restart_from_names)},
    {field_of(struct vm, restored_ms), .number = 33,
     .about = "Its disk was then made from a copy: as it was at this time, or later; absent: from "
              "its image, and what it held before is lost.",
     .kind = FIELD_U64},
    {field_of(struct vm, copy_every_s), .number = 34,
     .about = "So often its cluster copies its disk, in seconds; absent: when it is asked to.",
     .kind = FIELD_U32, .least = limit_copy_least_s, .most = limit_copy_s},
    {field_of(struct vm, copy_max_age_s), .number = 35,
     .about = "The newest copy is late when it is older, in seconds; absent: it never is.",
     .kind = FIELD_U32, .least = limit_copy_least_s, .most = limit_copy_s},
    {field_of(struct vm, copy_late), .number = 36, .kind = FIELD_FLAG,
     .about = "It is late, or there is none after that long."},
    {field_of(struct vm, allow), .number = 37, .kind = FIELD_BLOB, .most = limit_vm_allow,
     .about = "Who may begin to speak to it, by commas; absent: anybody.", .check = CHECK_ALLOW},
    {field_of(struct vm, lacks_copy), .number = 38, .kind = FIELD_FLAG,
     .about = "Its host is lost, it is to be made from a copy, and none is left: it is nowhere."},
    {field_of(struct vm, reallowed), .number = 39, .about = "Its rules have changed, or may have.",
     .kind = FIELD_FLAG, .mask = FIELD_STORE},
    {field_of(struct stored_vm, told_unheard_ms), .number = 61, .kind = FIELD_U64,
     .mask = FIELD_STORE, .about = "Since when nothing is heard of it, as it was told above."},
    {field_of(struct stored_vm, move), .number = 62, .about = "Whether it is between two hosts.",
     .kind = FIELD_ENUM, .mask = FIELD_STORE, field_names(move_names)},
    {field_of(struct stored_vm, destination), .number = 63, .kind = FIELD_BLOB,
     .mask = FIELD_STORE, .most = limit_name_size - 1, .check = CHECK_NAME,
     .about = "The host that it migrates to, or that has a rest of it."},
    {field_of(struct stored_vm, leased), .number = 64, .kind = FIELD_FLAG, .mask = FIELD_STORE,
     .about = "It runs by a lease of this level's."},
    {field_of(struct stored_vm, restarts_told), .number = 65,
     .about = "Of `restarts`, what its place has told.", .kind = FIELD_U32, .mask = FIELD_STORE},
    {field_of(struct stored_vm, has_bucket), .number = 66, .kind = FIELD_FLAG, .mask = FIELD_STORE,
     .about = "The block store may have something of it."},
    {field_of(struct stored_vm, restores), .number = 67, .kind = FIELD_FLAG, .mask = FIELD_STORE,
     .about = "It is to be made from a copy on its next host."},
    {field_of(struct stored_vm, uncopied_ms), .number = 68, .kind = FIELD_U64,
     .mask = FIELD_STORE, .about = "Since when its disk is one of which no copy may be here."},
    {field_of(struct stored_vm, networks_untold), .number = 69, .kind = FIELD_FLAG,
     .mask = FIELD_STORE, .about = "Nobody has said its networks since it was taken in again."},
};
const struct table vm_table = {"vm", "A virtual machine.", sizeof(struct vm),
                               .fields = stored_vm_fields,
                               .fields_count = array_size(stored_vm_fields) - inside_fields};
const struct table stored_vm_table = {"vm", "A virtual machine, as it is kept.",
                                      sizeof(struct stored_vm), field_rows(stored_vm_fields)};

const char *const obstacle_names[OBSTACLE_COUNT] = {
    [OBSTACLE_NONE] = "none",           [OBSTACLE_VERB] = "verb",
    [OBSTACLE_SHAPE] = "shape",         [OBSTACLE_IMAGE] = "image",
    [OBSTACLE_NETWORKS] = "networks",   [OBSTACLE_HOST_MUST] = "host-must",
    [OBSTACLE_GROUP_RULE] = "group-rule", [OBSTACLE_ON_LOSS] = "on-loss",
};
const char *const hindrance_names[HINDRANCE_COUNT] = {
    [HINDRANCE_NONE] = "none",         [HINDRANCE_LABELS] = "labels",
    [HINDRANCE_NETWORKS] = "networks", [HINDRANCE_OLD] = "version",
    [HINDRANCE_GROUP] = "group",       [HINDRANCE_RETURNING] = "returning",
    [HINDRANCE_AWAY] = "away",         [HINDRANCE_CORDON] = "cordoned",
    [HINDRANCE_REFUSED] = "refused",   [HINDRANCE_SIZE] = "size",
    [HINDRANCE_ROOM] = "room",         [HINDRANCE_KEPT] = "kept",
    [HINDRANCE_LIMITS] = "limits",     [HINDRANCE_WARDEN] = "no-warden",
    [HINDRANCE_LEASE] = "no-leases",
};

static const struct field hindered_fields[] = {
    {field_of(struct hindered, why), .number = 1, .about = "What stands in the way.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(hindrance_names)},
    {field_of(struct hindered, hosts), .number = 2, .about = "On how many hosts.",
     .kind = FIELD_U64},
    {field_of(struct hindered, names), .number = 3, .about = "The first of them, by commas.",
     .kind = FIELD_BLOB, .most = limit_labels},
};
const struct table hindered_table = {"hindered", "Why hosts would not have a VM.",
                                     sizeof(struct hindered), field_rows(hindered_fields)};

static const struct field timeline_entry_fields[] = {
    {field_of(struct timeline_entry, at_ms), .number = 1, .about = "When.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS},
    {field_of(struct timeline_entry, step), .number = 2, .about = "What was reached.",
     .kind = FIELD_ENUM, .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(step_names)},
    {field_of(struct timeline_entry, by), .number = 3,
     .about = "Who brought it about; absent: the manager.", .kind = FIELD_ENUM,
     field_names(decider_names)},
    {.name = "cluster", .number = 4, .about = "Where; absent: where the entry before says.",
     .kind = FIELD_BLOB, field_at(struct timeline_entry, place), .most = limit_name_size - 1,
     .check = CHECK_NAME},
    {field_of(struct timeline_entry, code), .number = 5,
     .about = "Why it was refused, waits or ended so; absent: ok.", .kind = FIELD_ENUM,
     field_names(code_names)},
    {field_of(struct timeline_entry, obstacle), .number = 6,
     .about = "What of the request stood in the way.", .kind = FIELD_ENUM,
     field_names(obstacle_names)},
    {field_of(struct timeline_entry, copy_ms), .number = 7,
     .about = "Its disk is made from a copy, which is as it was at this time, or later.",
     .kind = FIELD_U64},
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

static const struct field template_fields[] = {
    {field_of(struct template, vm), .number = 1, .about = "The VM's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct template, definition), .number = 2, .about = "What to make.",
     .kind = FIELD_RECORD, .table = &definition_table},
    {field_of(struct template, placing), .number = 3, .about = "Where it may go.",
     .kind = FIELD_RECORD, .table = &placing_table},
};
const struct table template_table = {"template", "What a VM is made from when it is made anew.",
                                     sizeof(struct template), field_rows(template_fields)};

static const struct field operation_fields[] = {
    {field_of(struct operation, id), .number = 1, .about = "The operation's id.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct operation, vm), .number = 2, .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct operation, vm_name), .number = 3, .about = "Name of the VM.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {.name = "tenant", .number = 4, .about = "Whose it is.", .kind = FIELD_TEXT,
     field_at(struct operation, asker), .check = CHECK_NAME},
    {field_of(struct operation, verb), .number = 5, .about = "What was asked.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(verb_names)},
    {field_of(struct operation, state), .number = 6, .about = "Where it stands.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(op_state_names)},
    {field_of(struct operation, code), .number = 7, .about = "How it ended; ok while it has not.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(code_names)},
    {field_of(struct operation, step), .number = 8,
     .about = "The newest step; of a failed operation the one that failed.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(step_names)},
    {field_of(struct operation, generation), .number = 9,
     .about = "The VM's generation that it makes.", .kind = FIELD_U64},
    {field_of(struct operation, place_generation), .number = 10,
     .about = "The generation issued below.", .kind = FIELD_U64, .mask = FIELD_STORE},
    {field_of(struct operation, internal), .number = 11, .about = "Begun by the manager itself.",
     .kind = FIELD_FLAG},
    {field_of(struct operation, created_ms), .number = 12, .about = "When it was accepted.",
     .kind = FIELD_U64},
    {field_of(struct operation, deadline_ms), .number = 13, .about = "When it ends at the latest.",
     .kind = FIELD_U64},
    {field_of(struct operation, ended_ms), .number = 14,
     .about = "When it ended; absent while it has not.", .kind = FIELD_U64},
    {field_list_of(struct operation, timeline, timeline_count), .number = 15,
     .about = "What happened so far, oldest first.", .kind = FIELD_LIST, .most = limit_timeline,
     .table = &timeline_entry_table},
    {field_of(struct operation, waits),
     .about = "What it waits for; of one that has ended: nothing.", .kind = FIELD_RECORD,
     .mask = FIELD_API, .table = &waiting_table},
    {field_of(struct operation, definition), .number = 16,
     .about = "What to make, while it is being made.", .kind = FIELD_RECORD, .mask = FIELD_STORE,
     .table = &definition_table},
    {field_of(struct operation, was), .number = 17, .about = "resize: what the VM had before.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE, .table = &size_table},
    {field_of(struct operation, snapshot), .number = 18,
     .about = "Name of the snapshot that it is about.", .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct operation, placing), .number = 19, .about = "Where it may go.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE, .table = &placing_table},
    {field_of(struct operation, landing), .number = 20, .about = "Where a VM that migrates lands.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE, .table = &landing_table},
    {field_of(struct operation, why), .number = 21, .about = "What went wrong, for the owner.",
     .kind = FIELD_BLOB, .mask = FIELD_STORE, .most = limit_text_size - 1,
     .check = CHECK_PRINTABLE},
    {field_of(struct operation, obstacle), .number = 22,
     .about = "What of the request stood in the way.", .kind = FIELD_ENUM,
     field_names(obstacle_names)},
    {field_list_of(struct operation, hindered, hindered_count), .number = 23,
     .about = "Why no host has it, when last looked at.", .kind = FIELD_LIST,
     .mask = FIELD_STORE, .most = HINDRANCE_COUNT, .table = &hindered_table},
    {field_of(struct operation, hard), .number = 24, .about = "reboot: its guest is not asked.",
     .kind = FIELD_FLAG},
    {field_of(struct operation, copy), .number = 25, .about = "copy: how it gets to its manager.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE | FIELD_SECRET, .table = &copy_order_table},
    {field_of(struct operation, copied), .number = 26, .about = "copy: what has come of it.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE, .table = &copied_table},
    {field_of(struct operation, ruling), .number = 27, .about = "What the rule says of that.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE, .table = &ruling_table},
    {field_of(struct operation, rule), .number = 28,
     .about = "The provisioning rule that applied; operators only.", .kind = FIELD_BLOB,
     .mask = FIELD_STORE | FIELD_API, .most = limit_name_size - 1, .check = CHECK_NAME},
};
const struct table operation_table = {"operation", "A requested change, with a true end.",
                                      sizeof(struct operation), field_rows(operation_fields)};

void operation_hide(struct operation *op) {
    memory_free(op->rule);
    op->rule = NULL;
}

static const struct field fit_fields[] = {
    {field_of(struct fit, shape), .number = 1, .about = "Name of the shape.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct fit, count), .number = 2, .about = "How many more VMs of it fit now.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
};
const struct table fit_table = {"fit", "How many more VMs of one shape fit.", sizeof(struct fit),
                                field_rows(fit_fields)};

static const struct field capacity_fields[] = {
    {field_of(struct capacity, cpus_total), .number = 1, .about = "Processors lent.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct capacity, cpus_free), .number = 2, .about = "Processors free.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct capacity, memory_mib_total), .number = 3, .about = "Memory lent, in MiB.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct capacity, memory_mib_free), .number = 4, .about = "Memory free, in MiB.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct capacity, disk_gib_total), .number = 5, .about = "Disk lent, in GiB.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct capacity, disk_gib_free), .number = 6, .about = "Disk free, in GiB.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_list_of(struct capacity, fits, fits_count), .number = 7,
     .about = "Per shape, how many more VMs fit.", .kind = FIELD_LIST, .most = limit_shapes,
     .table = &fit_table},
    {field_of(struct capacity, disk_full), .number = 8,
     .about = "Of a host: its disk has less left than is kept free, and takes no new VM.",
     .kind = FIELD_FLAG, .mask = FIELD_WIRE | FIELD_STORE},
};
const struct table capacity_table = {"capacity", "What a place has and how much of it is free.",
                                     sizeof(struct capacity), field_rows(capacity_fields)};

static const struct field overcommit_fields[] = {
    {field_of(struct overcommit, cpus_percent), .number = 1,
     .about = "Processors lent, of each hundred there are.", .kind = FIELD_U32,
     .least = limit_lend_least_percent, .most = limit_lend_cpus_percent},
    {field_of(struct overcommit, memory_percent), .number = 2,
     .about = "Memory lent, of each hundred MiB there are.", .kind = FIELD_U32,
     .least = limit_lend_least_percent, .most = limit_lend_memory_percent},
};
const struct table overcommit_table = {"overcommit", "How much of itself a host lends.",
                                       sizeof(struct overcommit), field_rows(overcommit_fields)};

const char *const lease_state_names[LEASE_STATE_COUNT] = {
    [LEASE_NONE] = "none", [LEASE_RUNS] = "runs", [LEASE_ENDED] = "ended", [LEASE_HELD] = "held",
};

static const struct field node_fields[] = {
    {field_of(struct node, name), .number = 1, .about = "The cluster's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct node, state), .number = 2, .about = "Whether it is connected.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(peer_state_names)},
    {field_of(struct node, seen_ms), .number = 3, .about = "When its connection last changed.",
     .kind = FIELD_U64},
    {field_of(struct node, labels), .number = 4,
     .about = "What its operator says of it, region and zone among it.", .kind = FIELD_TEXT,
     .check = CHECK_LABELS},
    {field_of(struct node, capacity), .number = 5, .about = "Its aggregate, as last told.",
     .kind = FIELD_RECORD, .table = &capacity_table},
    {field_of(struct node, conflict),
     .about = "Why what comes by its name is not believed; absent: it is.", .kind = FIELD_ENUM,
     .mask = FIELD_API, field_names(conflict_names)},
    {field_of(struct node, conflict_ms), .about = "When that was seen last.", .kind = FIELD_U64,
     .mask = FIELD_API},
    {field_of(struct node, overclaims),
     .about = "It told more than is believed of it, which is shown (operators).",
     .kind = FIELD_FLAG, .mask = FIELD_API},
    {field_of(struct node, unreadable),
     .about = "Messages of it that could not be read and were not applied, since the start "
              "(operators).", .kind = FIELD_U64, .mask = FIELD_API},
    {field_of(struct node, guarded), .kind = FIELD_FLAG, .mask = FIELD_API,
     .about = "VMs that may be restarted in another cluster can run there (operators)."},
    {field_of(struct node, lease), .kind = FIELD_ENUM, .mask = FIELD_API,
     .about = "Whether those may run there now (operators).", field_names(lease_state_names)},
    {field_of(struct node, lease_ends_ms), .kind = FIELD_U64, .mask = FIELD_API,
     .about = "When none of them runs there any more, of a silent one (operators)."},
    {field_of(struct node, owed), .kind = FIELD_U64, .mask = FIELD_API,
     .about = "How many are restarted elsewhere then (operators)."},
    {field_of(struct node, evictions), .kind = FIELD_U64, .mask = FIELD_API,
     .about = "VMs that run elsewhere by now, and that it is to put aside (operators)."},
    {field_of(struct node, images), .kind = FIELD_BLOB, .mask = FIELD_API,
     .about = "Images that it has, by commas (operators, of one).", .most = limit_shown_names},
};
const struct table node_table = {"cluster", "A federated cluster, seen as one compute node.",
                                 sizeof(struct node), field_rows(node_fields)};

static const struct field idempotency_fields[] = {
    {field_of(struct idempotency, key), .number = 1, .about = "Tenant and Idempotency-Key.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct idempotency, request_hash), .number = 2,
     .about = "Of the request that used it.", .kind = FIELD_U64},
    {.name = "operation", .number = 3, .about = "What it made.", .kind = FIELD_TEXT,
     field_at(struct idempotency, op), .check = CHECK_ID},
    {field_of(struct idempotency, created_ms), .number = 4, .about = "When.", .kind = FIELD_U64},
};
const struct table idempotency_table = {"idempotency", "A used Idempotency-Key.",
                                        sizeof(struct idempotency), field_rows(idempotency_fields)};
