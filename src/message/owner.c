#include "message/owner.h"

#include <string.h>

const char *const limits_from_names[LIMITS_FROM_COUNT] = {"configuration", "owner"};

const char *const lending_phase_names[LENDING_PHASE_COUNT] = {"lent", "revoked", "ending",
                                                              "ended"};

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

const char *permissions_unknown_verb(const struct permissions *permissions) {
    for (const char *word = permissions->verbs; word && *word;) {
        const char *end = strchr(word, ' ');
        size_t length = end ? (size_t)(end - word) : strlen(word);
        bool known = length == 0;
        for (enum verb verb = VERB_DEFINE; verb < VERB_COUNT; verb++)
            known |= verb_reaches[verb] == VERB_BELOW && strlen(verb_names[verb]) == length &&
                     memcmp(verb_names[verb], word, length) == 0;
        if (!known)
            return word;
        word += length + (end ? 1 : 0);
    }
    return NULL;
}

static const struct field permissions_fields[] = {
    {.name = "verbs", .about = "Verbs, a blank between them; absent: all.", .kind = FIELD_BLOB,
     field_at(struct permissions, verbs), .most = limit_permissions},
    {.name = "shapes", .about = "Shapes by name or size (c2-m4096-d20); absent: all.",
     .kind = FIELD_BLOB, field_at(struct permissions, shapes), .most = limit_permissions},
    {.name = "images", .about = "Images by digest or name; absent: all.", .kind = FIELD_BLOB,
     field_at(struct permissions, images), .most = limit_permissions},
    {.name = "networks", .about = "Networks by name; absent: all.", .kind = FIELD_BLOB,
     field_at(struct permissions, networks), .most = limit_permissions},
};
const struct table permissions_table = {
    "permissions", "What an upstream manager may ask for; a delete always.",
    sizeof(struct permissions), permissions_fields, array_size(permissions_fields)};

static const struct field kept_fields[] = {
    {.name = "cpus", .about = "Virtual processors.", .kind = FIELD_U64, .mask = FIELD_ALWAYS,
     field_at(struct owner_limits, cpus), .most = INT64_MAX},
    {.name = "memory_mib", .about = "Memory in MiB.", .kind = FIELD_U64, .mask = FIELD_ALWAYS,
     field_at(struct owner_limits, memory_mib), .most = INT64_MAX},
    {.name = "disk_gib", .about = "Disk in GiB.", .kind = FIELD_U64, .mask = FIELD_ALWAYS,
     field_at(struct owner_limits, disk_gib), .most = INT64_MAX},
};
static const struct table kept_table = {
    "kept", "Room that is kept for one upstream manager; 0: none.",
    sizeof(struct owner_limits), kept_fields, array_size(kept_fields)};

static const struct field steps_fields[] = {
    {.name = "vms", .about = "Of how many more VMs fit, of each shape.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS, field_at(struct owner_limits, vms), .most = INT64_MAX},
    {.name = "cpus", .about = "Of virtual processors.", .kind = FIELD_U64, .mask = FIELD_ALWAYS,
     field_at(struct owner_limits, cpus), .most = INT64_MAX},
    {.name = "memory_mib", .about = "Of memory in MiB.", .kind = FIELD_U64, .mask = FIELD_ALWAYS,
     field_at(struct owner_limits, memory_mib), .most = INT64_MAX},
    {.name = "disk_gib", .about = "Of disk in GiB.", .kind = FIELD_U64, .mask = FIELD_ALWAYS,
     field_at(struct owner_limits, disk_gib), .most = INT64_MAX},
};
static const struct table steps_table = {
    "steps", "Steps to which it is rounded down what is shown; 0: exact.",
    sizeof(struct owner_limits), steps_fields, array_size(steps_fields)};

static const struct field share_fields[] = {
    {.name = "weight", .about = "Beside other upstream managers; 0: 1.", .kind = FIELD_U32,
     .mask = FIELD_ALWAYS, field_at(struct share, weight), .most = limit_weight},
    {.name = "kept", .about = "Room that is kept for it.", .kind = FIELD_RECORD,
     field_at(struct share, kept), .table = &kept_table},
    {.name = "steps", .about = "How coarsely it sees what there is.", .kind = FIELD_RECORD,
     field_at(struct share, steps), .table = &steps_table},
};
const struct table share_table = {"share", "How an upstream manager stands beside others.",
                                  sizeof(struct share), share_fields, array_size(share_fields)};

static const struct field revocation_fields[] = {
    {.name = "grace_seconds", .about = "How long its VMs run on.", .kind = FIELD_U32,
     field_at(struct revocation, grace_seconds), .most = limit_grace_seconds},
};
const struct table revocation_table = {"revocation", "An upstream manager is lent no more.",
                                       sizeof(struct revocation), revocation_fields,
                                       array_size(revocation_fields)};

static const struct field host_decision_fields[] = {
    {.name = "name", .about = "The host's name.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct host_decision, name), .check = CHECK_NAME},
    {.name = "cordoned_ms", .about = "Since when it gets no new VMs.", .kind = FIELD_U64,
     field_at(struct host_decision, cordoned_ms), .most = INT64_MAX},
    {.name = "duty", .about = "What for.", .kind = FIELD_ENUM,
     field_at(struct host_decision, duty), field_names(host_duty_names)},
    {.name = "labels_from", .about = "Who set its labels.", .kind = FIELD_ENUM,
     field_at(struct host_decision, labels_from), field_names(limits_from_names)},
    {.name = "labels", .about = "Its labels, where the owner set them.", .kind = FIELD_BLOB,
     field_at(struct host_decision, labels), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "overcommit", .about = "How much it lends, where the owner set it.",
     .kind = FIELD_RECORD, field_at(struct host_decision, overcommit),
     .table = &overcommit_table},
};
const struct table host_decision_table = {
    "host-decision", "What the owner decided of a host.", sizeof(struct host_decision),
    host_decision_fields, array_size(host_decision_fields)};

static const struct field host_labels_fields[] = {
    {.name = "labels", .about = "name=value, by commas; absent: none.", .kind = FIELD_BLOB,
     field_at(struct host_labels, labels), .most = limit_labels, .check = CHECK_LABELS},
};
const struct table host_labels_table = {"host-labels", "What a host is.",
                                        sizeof(struct host_labels), host_labels_fields,
                                        array_size(host_labels_fields)};

static const struct field lending_decision_fields[] = {
    {.name = "name", .about = "The upstream manager's name here.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, field_at(struct lending_decision, name), .check = CHECK_NAME},
    {.name = "limits_from", .about = "Who set the limits that are in force.", .kind = FIELD_ENUM,
     field_at(struct lending_decision, from), field_names(limits_from_names)},
    {.name = "limits", .about = "What it may use, where the owner set it.", .kind = FIELD_RECORD,
     field_at(struct lending_decision, limits), .table = &owner_limits_table},
    {.name = "permissions_from", .about = "Who set the permissions that are in force.",
     .kind = FIELD_ENUM, field_at(struct lending_decision, permissions_from),
     field_names(limits_from_names)},
    {.name = "permissions", .about = "What it may ask, where the owner set it.",
     .kind = FIELD_RECORD, field_at(struct lending_decision, permissions),
     .table = &permissions_table},
    {.name = "share_from", .about = "Who set the share that is in force.", .kind = FIELD_ENUM,
     field_at(struct lending_decision, share_from), field_names(limits_from_names)},
    {.name = "share", .about = "How it stands beside others, where the owner set it.",
     .kind = FIELD_RECORD, field_at(struct lending_decision, share), .table = &share_table},
    {.name = "revoked_ms", .about = "When it was revoked.", .kind = FIELD_U64,
     field_at(struct lending_decision, revoked_ms), .most = INT64_MAX},
    {.name = "ends_ms", .about = "When its VMs end.", .kind = FIELD_U64,
     field_at(struct lending_decision, ends_ms), .most = INT64_MAX},
};
const struct table lending_decision_table = {
    "upstream-decision", "What the owner decided of an upstream manager.",
    sizeof(struct lending_decision), lending_decision_fields,
    array_size(lending_decision_fields)};

const char *const host_duty_names[DUTY_COUNT] = {"cordon", "drain", "maintenance"};
const char *const stay_names[STAY_COUNT] = {"undecided", "policy", "state", "no-room", "no-image",
                                            "host-away", "busy", "its-turn", "fetching",
                                            "leaving", "not-live", "failed"};
_Static_assert((int)STAY_COUNT <= (int)limit_reasons, "each reason once");

static const struct field remainder_fields[] = {
    {.name = "why", .about = "Why they are still there.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_at(struct remainder, why), field_names(stay_names)},
    {.name = "vms", .about = "How many.", .kind = FIELD_U64, .mask = FIELD_ALWAYS,
     field_at(struct remainder, vms), .most = INT64_MAX},
};
static const struct table remainder_table = {"remainder", "VMs that are still on a host.",
                                             sizeof(struct remainder), remainder_fields,
                                             array_size(remainder_fields)};

static const struct field host_fields[] = {
    {.name = "name", .about = "The host's name.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct owned_host, name), .check = CHECK_NAME},
    {.name = "state", .about = "Whether its agent is connected.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_at(struct owned_host, state),
     field_names(peer_state_names)},
    {.name = "seen_ms", .about = "When its connection last changed.", .kind = FIELD_U64,
     field_at(struct owned_host, seen_ms), .most = INT64_MAX},
    {.name = "cordoned_ms", .about = "Since when it gets no new VMs; absent: it gets them.",
     .kind = FIELD_U64, field_at(struct owned_host, cordoned_ms), .most = INT64_MAX},
    {.name = "duty", .about = "What it gets none for.", .kind = FIELD_ENUM,
     field_at(struct owned_host, duty), field_names(host_duty_names)},
    {.name = "labels", .about = "What it is; no upstream manager is told.", .kind = FIELD_BLOB,
     field_at(struct owned_host, labels), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "labels_from", .about = "Who set them.", .kind = FIELD_ENUM, .mask = FIELD_ALWAYS,
     field_at(struct owned_host, labels_from), field_names(limits_from_names)},
    {.name = "overcommit", .about = "How much of itself it lends.", .kind = FIELD_RECORD,
     field_at(struct owned_host, overcommit), .table = &overcommit_table},
    {.name = "networks", .about = "Networks that it has, as its agent last told.",
     .kind = FIELD_BLOB, field_at(struct owned_host, networks), .most = limit_network_names},
    {.name = "vms", .about = "How many VMs stand there.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS, field_at(struct owned_host, vms), .most = INT64_MAX},
    {.name = "remaining", .about = "Of a host that is to be empty: how many are there, and why.",
     .kind = FIELD_LIST, field_list_at(struct owned_host, remaining, remaining_count),
     .most = limit_reasons, .table = &remainder_table},
    {.name = "capacity", .about = "What it has, as its agent last told.", .kind = FIELD_RECORD,
     field_at(struct owned_host, capacity), .table = &capacity_table},
};
const struct table host_table = {"host", "A host of the cluster.", sizeof(struct owned_host),
                                 host_fields, array_size(host_fields)};

static const struct field lending_fields[] = {
    {.name = "name", .about = "The upstream manager's name here.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, field_at(struct lending, name), .check = CHECK_NAME},
    {.name = "state", .about = "Whether it is connected.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_at(struct lending, state),
     field_names(peer_state_names)},
    {.name = "seen_ms", .about = "When its connection last changed.", .kind = FIELD_U64,
     field_at(struct lending, seen_ms), .most = INT64_MAX},
    {.name = "limits_from", .about = "Who set the limits that are in force.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_at(struct lending, from), field_names(limits_from_names)},
    {.name = "limits", .about = "What it may use; 0: no limit.", .kind = FIELD_RECORD,
     field_at(struct lending, limits), .table = &owner_limits_table},
    {.name = "configured", .about = "The limits in the configuration file.",
     .kind = FIELD_RECORD, field_at(struct lending, configured),
     .table = &owner_limits_table},
    {.name = "used", .about = "What its VMs use.", .kind = FIELD_RECORD,
     field_at(struct lending, used), .table = &owner_limits_table},
    {.name = "permissions_from", .about = "Who set the permissions that are in force.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_at(struct lending, permissions_from),
     field_names(limits_from_names)},
    {.name = "permissions", .about = "What it may ask for.", .kind = FIELD_RECORD,
     field_at(struct lending, permissions), .table = &permissions_table},
    {.name = "share_from", .about = "Who set the share that is in force.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_at(struct lending, share_from), field_names(limits_from_names)},
    {.name = "share", .about = "How it stands beside other upstream managers.",
     .kind = FIELD_RECORD, field_at(struct lending, share), .table = &share_table},
    {.name = "phase", .about = "lent, or how far its revocation is.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_at(struct lending, phase), field_names(lending_phase_names)},
    {.name = "revoked_ms", .about = "When it was revoked; absent: it is not.",
     .kind = FIELD_U64, field_at(struct lending, revoked_ms), .most = INT64_MAX},
    {.name = "ends_ms", .about = "When its VMs end.", .kind = FIELD_U64,
     field_at(struct lending, ends_ms), .most = INT64_MAX},
    {.name = "over", .about = "What of that is above the limits.", .kind = FIELD_RECORD,
     field_at(struct lending, over), .table = &owner_limits_table},
};
const struct table lending_table = {"upstream", "An upstream manager, and what it is lent.",
                                    sizeof(struct lending), lending_fields,
                                    array_size(lending_fields)};

static const struct field hosted_vm_fields[] = {
    {.name = "id", .about = "The VM's id.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct hosted_vm, id), .check = CHECK_ID},
    {.name = "name", .about = "The name that it was made with.", .kind = FIELD_TEXT,
     field_at(struct hosted_vm, name), .check = CHECK_NAME},
    {.name = "upstream", .about = "The upstream manager that it belongs to.", .kind = FIELD_TEXT,
     field_at(struct hosted_vm, upstream), .check = CHECK_NAME},
    {.name = "host", .about = "Where it is; absent while nowhere.", .kind = FIELD_TEXT,
     field_at(struct hosted_vm, host), .check = CHECK_NAME},
    {.name = "shape", .about = "Its shape, as the upstream manager calls it.",
     .kind = FIELD_TEXT, field_at(struct hosted_vm, shape), .check = CHECK_NAME},
    {.name = "size", .about = "What it has.", .kind = FIELD_RECORD,
     field_at(struct hosted_vm, size), .table = &size_table},
    {.name = "digest", .about = "Digest of its image's archive.", .kind = FIELD_TEXT,
     field_at(struct hosted_vm, digest), .check = CHECK_DIGEST},
    {.name = "networks", .about = "Networks that it is in, by commas; absent: none.",
     .kind = FIELD_BLOB, field_at(struct hosted_vm, networks), .most = limit_vm_network_names,
     .check = CHECK_NETWORKS},
    {.name = "state", .about = "What is known of it.", .kind = FIELD_ENUM, .mask = FIELD_ALWAYS,
     field_at(struct hosted_vm, state), field_names(vm_state_names)},
    {.name = "on_drain", .about = "What may become of it when its host is to be empty.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_at(struct hosted_vm, on_drain),
     field_names(on_drain_names)},
    {.name = "move", .about = "Whether it is between two hosts.", .kind = FIELD_ENUM,
     field_at(struct hosted_vm, move), field_names(move_names)},
    {.name = "stays", .about = "On a host that is to be empty: why it is still there.",
     .kind = FIELD_ENUM, field_at(struct hosted_vm, stays), field_names(stay_names)},
    {.name = "operation", .about = "The newest operation on it.", .kind = FIELD_TEXT,
     field_at(struct hosted_vm, op), .check = CHECK_ID},
    {.name = "created_ms", .about = "When it was asked for.", .kind = FIELD_U64,
     field_at(struct hosted_vm, created_ms), .most = INT64_MAX},
    {.name = "changed_ms", .about = "When its record last changed.", .kind = FIELD_U64,
     field_at(struct hosted_vm, changed_ms), .most = INT64_MAX},
};
const struct table hosted_vm_table = {"hosted-vm", "A virtual machine on a host of the cluster.",
                                      sizeof(struct hosted_vm), hosted_vm_fields,
                                      array_size(hosted_vm_fields)};

const char *const hosted_decider_names[DECIDER_COUNT] = {"manager", "upstream", "host", "owner"};
const char *const hosted_wait_names[WAIT_COUNT] = {"nothing", "taking", "result", "host",
                                                   "link",    "retry",  "image",  "turn", "room"};

static const struct field hosted_entry_fields[] = {
    {.name = "at_ms", .about = "When.", .kind = FIELD_U64, .mask = FIELD_REQUIRED | FIELD_ALWAYS,
     field_at(struct timeline_entry, at_ms), .most = INT64_MAX},
    {.name = "step", .about = "What was reached.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_at(struct timeline_entry, step),
     field_names(step_names)},
    {.name = "by", .about = "Who brought it about; absent: this manager.", .kind = FIELD_ENUM,
     field_at(struct timeline_entry, by), field_names(hosted_decider_names)},
    {.name = "host", .about = "Where; absent: where the entry before says.", .kind = FIELD_BLOB,
     field_at(struct timeline_entry, place), .most = limit_name_size - 1, .check = CHECK_NAME},
    {.name = "code", .about = "Why it was refused, waits or ended so; absent: ok.",
     .kind = FIELD_ENUM, field_at(struct timeline_entry, code), field_names(code_names)},
};
static const struct table hosted_entry_table = {
    "hosted-timeline-entry", "What happened to an operation in the cluster.",
    sizeof(struct timeline_entry), hosted_entry_fields, array_size(hosted_entry_fields)};

static const struct field hosted_waiting_fields[] = {
    {.name = "for", .about = "What it waits for.", .kind = FIELD_ENUM,
     field_at(struct waiting, wait), field_names(hosted_wait_names)},
    {.name = "host", .about = "Of which host.", .kind = FIELD_BLOB,
     field_at(struct waiting, place), .most = limit_name_size - 1, .check = CHECK_NAME},
    {.name = "since_ms", .about = "Since when.", .kind = FIELD_U64,
     field_at(struct waiting, since_ms), .most = INT64_MAX},
    {.name = "sent", .about = "How often the host was instructed.", .kind = FIELD_U32,
     field_at(struct waiting, sent), .most = UINT32_MAX},
};
static const struct table hosted_waiting_table = {
    "hosted-waiting", "What an operation under way waits for in the cluster.",
    sizeof(struct waiting), hosted_waiting_fields, array_size(hosted_waiting_fields)};

static const struct field hosted_operation_fields[] = {
    {.name = "id", .about = "The operation's id, the same on every level.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, field_at(struct operation, id), .check = CHECK_ID},
    {.name = "vm", .about = "Id of the VM.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct operation, vm), .check = CHECK_ID},
    {.name = "vm_name", .about = "Its tenant's name for it.", .kind = FIELD_TEXT,
     field_at(struct operation, vm_name), .check = CHECK_NAME},
    {.name = "upstream", .about = "The upstream manager whose VM it is.", .kind = FIELD_TEXT,
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
    {.name = "generation", .about = "As the upstream manager counts.", .kind = FIELD_U64,
     .mask = FIELD_STORE, field_at(struct operation, generation), .most = INT64_MAX},
    {.name = "place_generation", .about = "As counted for the host.", .kind = FIELD_U64,
     .mask = FIELD_STORE, field_at(struct operation, place_generation), .most = INT64_MAX},
    {.name = "definition", .about = "What to make.", .kind = FIELD_RECORD, .mask = FIELD_STORE,
     field_at(struct operation, definition), .table = &definition_table},
    {.name = "was", .about = "resize: what the VM had before.", .kind = FIELD_RECORD,
     .mask = FIELD_STORE, field_at(struct operation, was), .table = &size_table},
    {.name = "snapshot", .about = "Name of the snapshot that it is about.", .kind = FIELD_TEXT,
     field_at(struct operation, snapshot), .check = CHECK_NAME},
    {.name = "placing", .about = "Where it may go.", .kind = FIELD_RECORD, .mask = FIELD_STORE,
     field_at(struct operation, placing), .table = &placing_table},
    {.name = "landing", .about = "Where it lands.", .kind = FIELD_RECORD, .mask = FIELD_STORE,
     field_at(struct operation, landing), .table = &landing_table},
    {.name = "internal", .about = "Begun by the cluster's manager itself.", .kind = FIELD_FLAG,
     field_at(struct operation, internal)},
    {.name = "created_ms", .about = "When it was accepted here.", .kind = FIELD_U64,
     field_at(struct operation, created_ms), .most = INT64_MAX},
    {.name = "deadline_ms", .about = "When it ends at the latest.", .kind = FIELD_U64,
     field_at(struct operation, deadline_ms), .most = INT64_MAX},
    {.name = "ended_ms", .about = "When it ended; absent while it has not.", .kind = FIELD_U64,
     field_at(struct operation, ended_ms), .most = INT64_MAX},
    {.name = "timeline", .about = "What happened here so far, oldest first.", .kind = FIELD_LIST,
     field_list_at(struct operation, timeline, timeline_count), .most = limit_timeline,
     .table = &hosted_entry_table},
    {.name = "waits", .about = "What it waits for; of one that has ended: nothing.",
     .kind = FIELD_RECORD, field_at(struct operation, waits), .table = &hosted_waiting_table},
};
const struct table hosted_operation_table = {
    "hosted-operation", "A requested change, as the cluster's owner sees it.",
    sizeof(struct operation), hosted_operation_fields, array_size(hosted_operation_fields)};
