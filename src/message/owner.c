/* The field tables of what a cluster's owner decides and is shown, and the few questions about
 * lists of words in which an empty list means all. */
#include "message/owner.h"

#include <string.h>

const char *const origin_names[ORIGIN_COUNT] = {
    [ORIGIN_CONFIGURED] = "configuration", [ORIGIN_SET] = "owner",
};

const char *const lending_phase_names[LENDING_PHASE_COUNT] = {
    [LENDING_LENT] = "lent", [LENDING_REVOKED] = "revoked", [LENDING_ENDING] = "ending",
    [LENDING_ENDED] = "ended",
};

bool words_have(const char *words, const char *word) {
    size_t length = strlen(word);
    while (words && *words) {
        const char *end = strchr(words, ' ');
        size_t own = end ? (size_t)(end - words) : strlen(words);
        if (own == length && memcmp(words, word, length) == 0)
            return true;
        words += own + (end ? 1 : 0);
    }
    return false;
}

bool words_allow(const char *words, const char *word) {
    return !words || !*words || words_have(words, word);
}

const char *const placing_apart = "apart", *const placing_host_must = "host-must",
                  *const placing_restart = "restart", *const placing_anywhere = "anywhere",
                  *const placing_none = "none";

static bool is_verb(const char *word, size_t length) {
    bool is = length == 0;
    for (enum verb verb = VERB_DEFINE; verb < VERB_COUNT; verb++)
        is |= verb_reaches[verb] == VERB_BELOW && strlen(verb_names[verb]) == length &&
              memcmp(verb_names[verb], word, length) == 0;
    return is;
}

const char *const view_ips = "ips", *const view_log = "log", *const view_usage = "usage",
                  *const view_console = "console", *const view_ports = "ports",
                  *const view_screen = "screen", *const view_none = "none";

static bool is_of(const char *const *known, size_t count, const char *word, size_t length) {
    bool is = length == 0;
    for (size_t i = 0; i < count; i++)
        is |= strlen(known[i]) == length && memcmp(known[i], word, length) == 0;
    return is;
}

static bool is_placing(const char *word, size_t length) {
    const char *const known[] = {placing_apart, placing_host_must, placing_restart,
                                 placing_anywhere, placing_none};
    return is_of(known, array_size(known), word, length);
}

static bool is_view(const char *word, size_t length) {
    const char *const known[] = {view_ips,   view_log,    view_usage, view_console,
                                 view_ports, view_screen, view_none};
    return is_of(known, array_size(known), word, length);
}

/* The first of the words that is none of those that are asked for, or NULL. */
static const char *find_other(const char *words, bool (*is)(const char *word, size_t length)) {
    for (const char *word = words; word && *word;) {
        const char *end = strchr(word, ' ');
        size_t length = end ? (size_t)(end - word) : strlen(word);
        if (!is(word, length))
            return word;
        word += length + (end ? 1 : 0);
    }
    return NULL;
}

const char *permissions_unknown_verb(const struct permissions *permissions) {
    return find_other(permissions->verbs, is_verb);
}

const char *permissions_unknown_placing(const struct permissions *permissions) {
    return find_other(permissions->placing, is_placing);
}

const char *permissions_unknown_view(const struct permissions *permissions) {
    return find_other(permissions->views, is_view);
}

static const struct field permissions_fields[] = {
    {field_of(struct permissions, verbs), .number = 1,
     .about = "Verbs, a blank between them; absent: all.", .kind = FIELD_BLOB,
     .most = limit_permissions},
    {field_of(struct permissions, shapes), .number = 2,
     .about = "Shapes by name or size (c2-m4096-d20); absent: all.", .kind = FIELD_BLOB,
     .most = limit_permissions},
    {field_of(struct permissions, images), .number = 3,
     .about = "Images by digest or name; absent: all.", .kind = FIELD_BLOB,
     .most = limit_permissions},
    {field_of(struct permissions, networks), .number = 4, .about = "Networks by name; absent: all.",
     .kind = FIELD_BLOB, .most = limit_permissions},
    {field_of(struct permissions, placing), .number = 5,
     .about = "What it may ask of hosts: apart, host-must, restart, anywhere, none; absent: all.",
     .kind = FIELD_BLOB, .most = limit_permissions},
    {field_of(struct permissions, apart_most), .number = 6,
     .about = "VMs of a group beside which one more is kept apart; 0: any number.",
     .kind = FIELD_U32},
    {field_of(struct permissions, views), .number = 7,
     .about = "What it sees of its VMs: ips, log, usage, console, ports, screen, or none; absent: "
              "all.",
     .kind = FIELD_BLOB, .most = limit_permissions},
};
const struct table permissions_table = {"permissions",
                                        "What an upstream manager may ask for; a delete always.",
                                        sizeof(struct permissions), field_rows(permissions_fields)};

static const struct field kept_fields[] = {
    {field_of(struct amounts, cpus), .number = 1, .about = "Virtual processors.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
    {field_of(struct amounts, memory_mib), .number = 2, .about = "Memory in MiB.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct amounts, disk_gib), .number = 3, .about = "Disk in GiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
};
static const struct table kept_table = {"kept",
                                        "Room that is kept for one upstream manager; 0: none.",
                                        sizeof(struct amounts), field_rows(kept_fields)};

static const struct field steps_fields[] = {
    {field_of(struct amounts, vms), .number = 1,
     .about = "Of how many more VMs fit, of each shape.", .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct amounts, cpus), .number = 2, .about = "Of virtual processors.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct amounts, memory_mib), .number = 3, .about = "Of memory in MiB.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct amounts, disk_gib), .number = 4, .about = "Of disk in GiB.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
};
static const struct table steps_table = {
    "steps", "Steps to which it is rounded down what is shown; 0: exact.",
    sizeof(struct amounts), field_rows(steps_fields)};

static const struct field share_fields[] = {
    {field_of(struct share, weight), .number = 1, .about = "Beside other upstream managers; 0: 1.",
     .kind = FIELD_U32, .mask = FIELD_ALWAYS, .most = limit_weight},
    {field_of(struct share, kept), .number = 2, .about = "Room that is kept for it.",
     .kind = FIELD_RECORD, .table = &kept_table},
    {field_of(struct share, steps), .number = 3, .about = "How coarsely it sees what there is.",
     .kind = FIELD_RECORD, .table = &steps_table},
};
const struct table share_table = {"share", "How an upstream manager stands beside others.",
                                  sizeof(struct share), field_rows(share_fields)};

static const struct field revocation_fields[] = {
    {field_of(struct revocation, grace_seconds), .number = 1, .about = "How long its VMs run on.",
     .kind = FIELD_U32, .most = limit_grace_seconds},
};
const struct table revocation_table = {"revocation", "An upstream manager is lent no more.",
                                       sizeof(struct revocation), field_rows(revocation_fields)};

static const struct field host_decision_fields[] = {
    {field_of(struct host_decision, name), .number = 1, .about = "The host's name.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct host_decision, cordoned_ms), .number = 2,
     .about = "Since when it gets no new VMs.", .kind = FIELD_U64},
    {field_of(struct host_decision, duty), .number = 3, .about = "What for.", .kind = FIELD_ENUM,
     field_names(host_duty_names)},
    {field_of(struct host_decision, labels_from), .number = 4, .about = "Who set its labels.",
     .kind = FIELD_ENUM, field_names(origin_names)},
    {field_of(struct host_decision, labels), .number = 5,
     .about = "Its labels, where the owner set them.", .kind = FIELD_BLOB, .most = limit_labels,
     .check = CHECK_LABELS},
    {field_of(struct host_decision, overcommit), .number = 6,
     .about = "How much it lends, where the owner set it.", .kind = FIELD_RECORD,
     .table = &overcommit_table},
};
const struct table host_decision_table = {"host-decision", "What the owner decided of a host.",
                                          sizeof(struct host_decision),
                                          field_rows(host_decision_fields)};

static const struct field host_labels_fields[] = {
    {field_of(struct host_labels, labels), .number = 1,
     .about = "name=value, by commas; absent: none.", .kind = FIELD_BLOB, .most = limit_labels,
     .check = CHECK_LABELS},
};
const struct table host_labels_table = {"host-labels", "What a host is.",
                                        sizeof(struct host_labels), field_rows(host_labels_fields)};

static const struct field lending_decision_fields[] = {
    {field_of(struct lending_decision, name), .number = 1,
     .about = "The upstream manager's name here.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     .check = CHECK_NAME},
    {.name = "limits_from", .number = 2, .about = "Who set the limits that are in force.",
     .kind = FIELD_ENUM, field_at(struct lending_decision, from), field_names(origin_names)},
    {field_of(struct lending_decision, limits), .number = 3,
     .about = "What it may use, where the owner set it.", .kind = FIELD_RECORD,
     .table = &amounts_table},
    {field_of(struct lending_decision, permissions_from), .number = 4,
     .about = "Who set the permissions that are in force.", .kind = FIELD_ENUM,
     field_names(origin_names)},
    {field_of(struct lending_decision, permissions), .number = 5,
     .about = "What it may ask, where the owner set it.", .kind = FIELD_RECORD,
     .table = &permissions_table},
    {field_of(struct lending_decision, share_from), .number = 6,
     .about = "Who set the share that is in force.", .kind = FIELD_ENUM, field_names(origin_names)},
    {field_of(struct lending_decision, share), .number = 7,
     .about = "How it stands beside others, where the owner set it.", .kind = FIELD_RECORD,
     .table = &share_table},
    {field_of(struct lending_decision, revoked_ms), .number = 8, .about = "When it was revoked.",
     .kind = FIELD_U64},
    {field_of(struct lending_decision, ends_ms), .number = 9, .about = "When its VMs end.",
     .kind = FIELD_U64},
};
const struct table lending_decision_table = {
    "upstream-decision", "What the owner decided of an upstream manager.",
    sizeof(struct lending_decision), field_rows(lending_decision_fields)};

const char *const host_duty_names[DUTY_COUNT] = {
    [DUTY_CORDON] = "cordon", [DUTY_DRAIN] = "drain", [DUTY_MAINTENANCE] = "maintenance",
};
const char *const stay_names[STAY_COUNT] = {
    [STAY_UNDECIDED] = "undecided", [STAY_POLICY] = "policy", [STAY_STATE] = "state",
    [STAY_ROOM] = "no-room", [STAY_IMAGE] = "no-image", [STAY_AWAY] = "host-away",
    [STAY_BUSY] = "busy", [STAY_TURN] = "its-turn", [STAY_FETCHING] = "fetching",
    [STAY_LEAVING] = "leaving", [STAY_LIVE] = "not-live", [STAY_FAILED] = "failed",
};
_Static_assert((int)STAY_COUNT <= (int)limit_reasons, "each reason once");


static const struct field remainder_fields[] = {
    {field_of(struct remainder, why), .about = "Why they are still there.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(stay_names)},
    {field_of(struct remainder, vms), .about = "How many.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
};
static const struct table remainder_table = {"remainder", "VMs that are still on a host.",
                                             sizeof(struct remainder),
                                             field_rows(remainder_fields)};

static const struct field host_fields[] = {
    {field_of(struct owned_host, name), .about = "The host's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct owned_host, state), .about = "Whether its agent is connected.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(peer_state_names)},
    {field_of(struct owned_host, seen_ms), .about = "When its connection last changed.",
     .kind = FIELD_U64},
    {field_of(struct owned_host, software), .about = "What its agent says that it is.",
     .kind = FIELD_TEXT},
    {field_of(struct owned_host, cordoned_ms),
     .about = "Since when it gets no new VMs; absent: it gets them.", .kind = FIELD_U64},
    {field_of(struct owned_host, duty), .about = "What it gets none for.", .kind = FIELD_ENUM,
     field_names(host_duty_names)},
    {field_of(struct owned_host, labels), .about = "What it is; no upstream manager is told.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct owned_host, labels_from), .about = "Who set them.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(origin_names)},
    {field_of(struct owned_host, overcommit), .about = "How much of itself it lends.",
     .kind = FIELD_RECORD, .table = &overcommit_table},
    {field_of(struct owned_host, networks),
     .about = "Networks that it has, as its agent last told.", .kind = FIELD_BLOB,
     .most = limit_network_names},
    {field_of(struct owned_host, vms), .about = "How many VMs stand there.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
    {field_list_of(struct owned_host, remaining, remaining_count),
     .about = "Of a host that is to be empty: how many are there, and why.", .kind = FIELD_LIST,
     .most = limit_reasons, .table = &remainder_table},
    {field_of(struct owned_host, disk_full),
     .about = "Its disk has less left than is kept free: it gets no new VMs.", .kind = FIELD_FLAG},
    {field_of(struct owned_host, capacity), .about = "What it has, as its agent last told.",
     .kind = FIELD_RECORD, .table = &capacity_table},
    {field_of(struct owned_host, conflict),
     .about = "Why what comes by its name is not believed; absent: it is.", .kind = FIELD_ENUM,
     field_names(conflict_names)},
    {field_of(struct owned_host, conflict_ms), .about = "When that was seen last.",
     .kind = FIELD_U64},
    {field_of(struct owned_host, overclaims),
     .about = "It told more than is believed of it, which is shown.", .kind = FIELD_FLAG},
    {field_of(struct owned_host, unreadable),
     .about = "Messages of it that could not be read and were not applied, since the start.",
     .kind = FIELD_U64},
    {field_of(struct owned_host, guarded),
     .about = "A warden keeps leases there: VMs that may be restarted elsewhere can run.",
     .kind = FIELD_FLAG},
    {field_of(struct owned_host, lease),
     .about = "Whether such VMs may run there: none was given, runs, ended, or ended and held.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(lease_state_names)},
    {field_of(struct owned_host, lease_ends_ms),
     .about = "Of a host that is not heard: when none of them runs there any more.",
     .kind = FIELD_U64},
    {field_of(struct owned_host, owed),
     .about = "VMs that are restarted on other hosts once it is lost.", .kind = FIELD_U64},
    {field_of(struct owned_host, evictions),
     .about = "VMs that were, and whose files it is to put aside when it is back.",
     .kind = FIELD_U64},
};
const struct table host_table = {"host", "A host of the cluster.", sizeof(struct owned_host),
                                 field_rows(host_fields)};

static const struct field owned_lending_fields[] = {
    {field_of(struct owned_lending, name), .about = "The upstream manager's name here.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct owned_lending, state), .about = "Whether it is connected.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(peer_state_names)},
    {field_of(struct owned_lending, seen_ms), .about = "When its connection last changed.",
     .kind = FIELD_U64},
    {.name = "limits_from",
     .about = "Who set the limits that are in force.",
     .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS,
     field_at(struct owned_lending, from),
     field_names(origin_names)},
    {field_of(struct owned_lending, limits), .about = "What it may use; 0: no limit.",
     .kind = FIELD_RECORD, .table = &amounts_table},
    {field_of(struct owned_lending, configured), .about = "The limits in the configuration file.",
     .kind = FIELD_RECORD, .table = &amounts_table},
    {field_of(struct owned_lending, used), .about = "What its VMs use.", .kind = FIELD_RECORD,
     .table = &amounts_table},
    {field_of(struct owned_lending, told),
     .about = "What it was told last, as one node: all that it sees of the hosts.",
     .kind = FIELD_RECORD, .table = &capacity_table},
    {field_of(struct owned_lending, permissions_from),
     .about = "Who set the permissions that are in force.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(origin_names)},
    {field_of(struct owned_lending, permissions), .about = "What it may ask for.",
     .kind = FIELD_RECORD, .table = &permissions_table},
    {field_of(struct owned_lending, share_from), .about = "Who set the share that is in force.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(origin_names)},
    {field_of(struct owned_lending, share),
     .about = "How it stands beside other upstream managers.", .kind = FIELD_RECORD,
     .table = &share_table},
    {field_of(struct owned_lending, phase), .about = "lent, or how far its revocation is.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(lending_phase_names)},
    {field_of(struct owned_lending, revoked_ms), .about = "When it was revoked; absent: it is not.",
     .kind = FIELD_U64},
    {field_of(struct owned_lending, ends_ms), .about = "When its VMs end.", .kind = FIELD_U64},
    {field_of(struct owned_lending, unreadable),
     .about = "Messages of it that could not be read and were not applied, since the start.",
     .kind = FIELD_U64},
    {field_of(struct owned_lending, over), .about = "What of that is above the limits.",
     .kind = FIELD_RECORD, .table = &amounts_table},
};
const struct table owned_lending_table = {"upstream", "An upstream manager, and what it is lent.",
                                          sizeof(struct owned_lending),
                                          field_rows(owned_lending_fields)};

static const struct field hosted_vm_fields[] = {
    {field_of(struct hosted_vm, id), .about = "The VM's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct hosted_vm, name), .about = "The name that it was made with.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct hosted_vm, upstream), .about = "The upstream manager that it belongs to.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct hosted_vm, host), .about = "Where it is; absent while nowhere.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct hosted_vm, shape), .about = "Its shape, as the upstream manager calls it.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct hosted_vm, size), .about = "What it has.", .kind = FIELD_RECORD,
     .table = &size_table},
    {field_of(struct hosted_vm, digest), .about = "Digest of its image's archive.",
     .kind = FIELD_TEXT, .check = CHECK_DIGEST},
    {field_of(struct hosted_vm, networks),
     .about = "Networks that it is in, by commas; absent: none.", .kind = FIELD_BLOB,
     .most = limit_vm_network_names, .check = CHECK_INTERFACES},
    {field_of(struct hosted_vm, allow),
     .about = "Who may begin to speak to it, by commas, as its tenant wants; absent: anybody.",
     .kind = FIELD_BLOB, .most = limit_vm_allow, .check = CHECK_ALLOW},
    {field_list_of(struct hosted_vm, interfaces, interfaces_count),
     .about = "Its network interfaces, in the order of `networks`.", .kind = FIELD_LIST,
     .most = limit_vm_networks, .table = &interface_table},
    {field_of(struct hosted_vm, state), .about = "What is known of it.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(vm_state_names)},
    {field_of(struct hosted_vm, unheard_ms),
     .about = "Since when nothing is heard of it: `state` is as of then; absent: it is heard of.",
     .kind = FIELD_U64},
    {field_of(struct hosted_vm, on_drain),
     .about = "What may become of it when its host is to be empty.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(on_drain_names)},
    {field_of(struct hosted_vm, on_loss), .about = "What becomes of it when its host is lost.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(on_loss_names)},
    {field_of(struct hosted_vm, restart_from),
     .about = "What it is made from when it is restarted since its host was lost.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(restart_from_names)},
    {field_of(struct hosted_vm, restarts),
     .about = "How often it was made anew on another host, as its own was lost.",
     .kind = FIELD_U32},
    {field_of(struct hosted_vm, restarted_ms),
     .about = "When that was last.", .kind = FIELD_U64},
    {field_of(struct hosted_vm, restored_ms),
     .about = "Its disk was then made from a copy: as it was at this time, or later; absent: from "
              "its image, and what it held before is lost.",
     .kind = FIELD_U64},
    {field_list_of(struct hosted_vm, copies, copies_count),
     .about = "Copies of its disk, oldest first.", .kind = FIELD_LIST, .most = limit_copies,
     .table = &copy_table},
    {field_of(struct hosted_vm, copy_every_s),
     .about = "So often its disk is copied, in seconds; absent: when somebody asks for it.",
     .kind = FIELD_U32},
    {field_of(struct hosted_vm, copy_max_age_s),
     .about = "As old the newest copy may become until it counts as late, in seconds; absent: "
              "none does.",
     .kind = FIELD_U32},
    {field_of(struct hosted_vm, copy_late), .about = "The newest copy is older than that.",
     .kind = FIELD_FLAG},
    {field_of(struct hosted_vm, lacks_copy),
     .about = "It is to be made from a copy, and none is left: it is nowhere.",
     .kind = FIELD_FLAG},
    {field_of(struct hosted_vm, move), .about = "Whether it is between two hosts.",
     .kind = FIELD_ENUM, field_names(move_names)},
    {field_of(struct hosted_vm, stays),
     .about = "On a host that is to be empty: why it is still there.", .kind = FIELD_ENUM,
     field_names(stay_names)},
    {.name = "operation", .about = "The newest operation on it.", .kind = FIELD_TEXT,
     field_at(struct hosted_vm, op), .check = CHECK_ID},
    {field_of(struct hosted_vm, created_ms), .about = "When it was asked for.", .kind = FIELD_U64},
    {field_of(struct hosted_vm, changed_ms), .about = "When its record last changed.",
     .kind = FIELD_U64},
};
const struct table hosted_vm_table = {"hosted-vm", "A virtual machine on a host of the cluster.",
                                      sizeof(struct hosted_vm), field_rows(hosted_vm_fields)};

const char *const stream_state_names[STREAM_STATE_COUNT] = {
    [STREAM_ASKED] = "asked", [STREAM_IS_READY] = "ready", [STREAM_JOINED] = "joined",
};

const char *const stream_to_names[STREAM_TO_COUNT] = {
    [STREAM_TO_CONSOLE] = "console", [STREAM_TO_PORT] = "port", [STREAM_TO_SCREEN] = "screen",
};

static const struct field hosted_stream_fields[] = {
    {field_of(struct hosted_stream, id), .about = "Its id, until the manager's next start.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct hosted_stream, vm), .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct hosted_stream, upstream), .about = "The upstream manager that it goes to.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct hosted_stream, host), .about = "The VM's host.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct hosted_stream, to), .about = "What it leads to.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(stream_to_names)},
    {field_of(struct hosted_stream, port), .about = "port: which of the guest's, by TCP.",
     .kind = FIELD_U32},
    {field_of(struct hosted_stream, state),
     .about = "asked: the host is to open it; ready: one of its ends has still to come.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(stream_state_names)},
    {field_of(struct hosted_stream, asked_ms), .about = "When it was asked for.",
     .kind = FIELD_U64},
    {field_of(struct hosted_stream, ends_ms), .about = "When it ends at the latest.",
     .kind = FIELD_U64},
};
const struct table hosted_stream_table = {
    "hosted-stream", "A stream to a VM of the cluster.", sizeof(struct hosted_stream),
    field_rows(hosted_stream_fields)};

const char *const hosted_decider_names[DECIDER_COUNT] = {
    [BY_MANAGER] = "manager", [BY_ASKER] = "upstream", [BY_PLACE] = "host", [BY_OPERATOR] = "owner",
};
const char *const hosted_wait_names[WAIT_COUNT] = {
    [WAIT_NOTHING] = "nothing", [WAIT_TAKING] = "taking", [WAIT_RESULT] = "result",
    [WAIT_PLACE] = "host", [WAIT_LINK] = "link", [WAIT_RETRY] = "retry", [WAIT_IMAGE] = "image",
    [WAIT_TURN] = "turn", [WAIT_ROOM] = "room", [WAIT_BLOCKS] = "block-store",
    [WAIT_COPY] = "copy",
};

static const struct field hosted_entry_fields[] = {
    {field_of(struct timeline_entry, at_ms), .about = "When.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS},
    {field_of(struct timeline_entry, step), .about = "What was reached.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(step_names)},
    {field_of(struct timeline_entry, by), .about = "Who brought it about; absent: this manager.",
     .kind = FIELD_ENUM, field_names(hosted_decider_names)},
    {.name = "host", .about = "Where; absent: where the entry before says.", .kind = FIELD_BLOB,
     field_at(struct timeline_entry, place), .most = limit_name_size - 1, .check = CHECK_NAME},
    {field_of(struct timeline_entry, code),
     .about = "Why it was refused, waits or ended so; absent: ok.", .kind = FIELD_ENUM,
     field_names(code_names)},
    {field_of(struct timeline_entry, obstacle), .about = "What of the request stood in the way.",
     .kind = FIELD_ENUM, field_names(obstacle_names)},
    {field_of(struct timeline_entry, copy_ms),
     .about = "Its disk is made from a copy, which is as it was at this time, or later.",
     .kind = FIELD_U64},
};
static const struct table hosted_entry_table = {
    "hosted-timeline-entry", "What happened to an operation in the cluster.",
    sizeof(struct timeline_entry), field_rows(hosted_entry_fields)};

static const struct field hosted_waiting_fields[] = {
    {.name = "for", .about = "What it waits for.", .kind = FIELD_ENUM,
     field_at(struct waiting, wait), field_names(hosted_wait_names)},
    {.name = "host", .about = "Of which host.", .kind = FIELD_BLOB, field_at(struct waiting, place),
     .most = limit_name_size - 1, .check = CHECK_NAME},
    {field_of(struct waiting, since_ms), .about = "Since when.", .kind = FIELD_U64},
    {field_of(struct waiting, sent), .about = "How often the host was instructed.",
     .kind = FIELD_U32},
};
static const struct table hosted_waiting_table = {
    "hosted-waiting", "What an operation under way waits for in the cluster.",
    sizeof(struct waiting), field_rows(hosted_waiting_fields)};

static const struct field hosted_operation_fields[] = {
    {field_of(struct operation, id), .about = "The operation's id, the same on every level.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct operation, vm), .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct operation, vm_name), .about = "Its tenant's name for it.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {.name = "upstream", .about = "The upstream manager whose VM it is.", .kind = FIELD_TEXT,
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
    {field_of(struct operation, generation), .about = "As the upstream manager counts.",
     .kind = FIELD_U64, .mask = FIELD_STORE},
    {field_of(struct operation, place_generation), .about = "As counted for the host.",
     .kind = FIELD_U64, .mask = FIELD_STORE},
    {field_of(struct operation, definition), .about = "What to make.", .kind = FIELD_RECORD,
     .mask = FIELD_STORE, .table = &definition_table},
    {field_of(struct operation, was), .about = "resize: what the VM had before.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE, .table = &size_table},
    {field_of(struct operation, snapshot), .about = "Name of the snapshot that it is about.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct operation, placing), .about = "Where it may go.", .kind = FIELD_RECORD,
     .mask = FIELD_STORE, .table = &placing_table},
    {field_of(struct operation, ruling), .about = "Nothing: rules are an upstream manager's.",
     .kind = FIELD_RECORD, .mask = FIELD_STORE, .table = &ruling_table},
    {field_of(struct operation, rule), .about = "Nothing, for the same reason.", .kind = FIELD_BLOB,
     .mask = FIELD_STORE, .most = limit_name_size - 1, .check = CHECK_NAME},
    {field_of(struct operation, landing), .about = "Where it lands.", .kind = FIELD_RECORD,
     .mask = FIELD_STORE, .table = &landing_table},
    {field_of(struct operation, copy), .about = "How it gets to the manager.", .kind = FIELD_RECORD,
     .mask = FIELD_STORE | FIELD_SECRET, .table = &copy_order_table},
    {field_of(struct operation, copied), .about = "What has come of it.", .kind = FIELD_RECORD,
     .mask = FIELD_STORE, .table = &copied_table},
    {field_of(struct operation, internal), .about = "Begun by the cluster's manager itself.",
     .kind = FIELD_FLAG},
    {field_of(struct operation, created_ms), .about = "When it was accepted here.",
     .kind = FIELD_U64},
    {field_of(struct operation, deadline_ms), .about = "When it ends at the latest.",
     .kind = FIELD_U64},
    {field_of(struct operation, ended_ms), .about = "When it ended; absent while it has not.",
     .kind = FIELD_U64},
    {field_list_of(struct operation, timeline, timeline_count),
     .about = "What happened here so far, oldest first.", .kind = FIELD_LIST,
     .most = limit_timeline, .table = &hosted_entry_table},
    {field_of(struct operation, waits),
     .about = "What it waits for; of one that has ended: nothing.", .kind = FIELD_RECORD,
     .table = &hosted_waiting_table},
    {field_of(struct operation, why),
     .about = "What went wrong there last, in the words of a host or of the manager itself.",
     .kind = FIELD_BLOB, .most = limit_text_size - 1, .check = CHECK_PRINTABLE},
    {field_of(struct operation, hard), .about = "reboot: its guest is not asked.",
     .kind = FIELD_FLAG},
    {field_of(struct operation, obstacle), .about = "What of the request stood in the way.",
     .kind = FIELD_ENUM, field_names(obstacle_names)},
    {field_list_of(struct operation, hindered, hindered_count),
     .about = "Why no host has it, when last looked at.", .kind = FIELD_LIST,
     .most = HINDRANCE_COUNT, .table = &hindered_table},
};
const struct table hosted_operation_table = {
    "hosted-operation", "A requested change, as the cluster's owner sees it.",
    sizeof(struct operation), field_rows(hosted_operation_fields)};
