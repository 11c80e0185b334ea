/* The field tables of all messages, and a frame's bytes around them. A frame is put together by
 * hand, since its messages come one by one, and read by its table like everything else. */
#include "message/protocol.h"

#include "message/codec/pack.h"
#include "message/codec/unpack.h"
#include "message/labels.h"

static const struct field welcome_fields[] = {
    {field_of(struct welcome, version), .number = 1,
     .about = "The protocol version that is spoken from here on.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct welcome, beat_ms), .number = 2, .about = "Send a beat this often.",
     .kind = FIELD_U32, .mask = FIELD_REQUIRED, .least = 100, .most = 3600000},
    {field_of(struct welcome, overcommit), .number = 3,
     .about = "How much of itself a host lends; absent: what it has.", .kind = FIELD_RECORD,
     .table = &overcommit_table},
    {field_list_of(struct welcome, shapes, shapes_count), .number = 4,
     .about = "The shapes to count fits for.", .kind = FIELD_LIST, .most = limit_shapes,
     .table = &shape_table},
    {field_of(struct welcome, incarnation), .number = 5,
     .about = "The manager's; no session is opened with one that is older than was heard.",
     .kind = FIELD_RECORD, .table = &incarnation_table},
    {field_of(struct welcome, asks_why), .number = 6,
     .about = "A host is to say why something failed there.", .kind = FIELD_FLAG},
    {field_of(struct welcome, lease_ms), .number = 7,
     .about = "For how long a lease is given; absent: none is.", .kind = FIELD_U64,
     .most = limit_lease_ms},
    {field_of(struct welcome, asks_images), .number = 8,
     .about = "Which images are there is to be told by `holds`.", .kind = FIELD_FLAG},
    {field_of(struct welcome, usage_ms), .number = 9,
     .about = "What VMs use is to be told this often by `usages`; absent: it is not.",
     .kind = FIELD_U32, .most = limit_usage_ms},
};
static const struct table welcome_table = {"welcome", "The session is open.",
                                           sizeof(struct welcome), field_rows(welcome_fields)};

/* When it was made is for each level to say by its own clock. */
static const struct field told_snapshot_fields[] = {
    {field_of(struct snapshot, name), .number = 1, .about = "Its name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct snapshot, memory), .number = 2,
     .about = "The VM ran, and its memory is in it, too.", .kind = FIELD_FLAG},
    {field_of(struct snapshot, size), .number = 3, .about = "What the VM had then.",
     .kind = FIELD_RECORD, .table = &size_table},
};
static const struct table told_snapshot_table = {"told-snapshot", "A snapshot that is there.",
                                                 sizeof(struct snapshot),
                                                 field_rows(told_snapshot_fields)};

static const struct field told_copy_fields[] = {
    {field_of(struct told_copy, number), .number = 1, .about = "A later one has a higher one.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED},
    {field_of(struct told_copy, ago_ms), .number = 2,
     .about = "The disk is in it as it was so long ago, or later.", .kind = FIELD_U64},
    {field_of(struct told_copy, bytes), .number = 3, .about = "Bytes that were sent for it.",
     .kind = FIELD_U64},
    {field_of(struct told_copy, frozen), .number = 4,
     .about = "The guest's file systems stood still for it.", .kind = FIELD_FLAG},
};
static const struct table told_copy_table = {"told-copy", "A copy that is there, and whole.",
                                             sizeof(struct told_copy),
                                             field_rows(told_copy_fields)};

static const struct field facts_fields[] = {
    {field_of(struct facts, size), .number = 1, .about = "What the VM has.", .kind = FIELD_RECORD,
     .table = &size_table},
    {field_of(struct facts, image), .number = 2,
     .about = "Digest of the image that its disk is made from.", .kind = FIELD_TEXT,
     .check = CHECK_DIGEST},
    {field_list_of(struct facts, snapshots, snapshots_count), .number = 3,
     .about = "Its snapshots, oldest first.", .kind = FIELD_LIST, .most = limit_snapshots,
     .table = &told_snapshot_table},
    {field_of(struct facts, restarts), .number = 4,
     .about = "How often it was made anew since its host was lost.",
     .kind = FIELD_U32},
    {field_of(struct facts, restarted_ago_ms), .number = 5,
     .about = "How long ago that was last.", .kind = FIELD_U64},
    {field_list_of(struct facts, copies, copies_count), .number = 6,
     .about = "Of a manager: copies of its disk, oldest first.", .kind = FIELD_LIST,
     .most = limit_copies, .table = &told_copy_table},
    {field_of(struct facts, restored_ago_ms), .number = 7,
     .about = "Its disk was then made from a copy: as it was so long ago, or later; absent: from "
              "its image, and what it held before is lost.",
     .kind = FIELD_U64},
    {field_of(struct facts, copy_late), .number = 8,
     .about = "Of a manager: the newest copy of its disk is older than its tenant wants.",
     .kind = FIELD_FLAG},
    {field_of(struct facts, lacks_copy), .number = 9,
     .about = "Of a manager: its host is lost, it is to be made from a copy, and none is left.",
     .kind = FIELD_FLAG},
    {field_of(struct facts, reallowed), .number = 10,
     .about = "It has rules, or they were changed, or may have been: the next tells them.",
     .kind = FIELD_FLAG},
    {field_of(struct facts, allow), .number = 11, .kind = FIELD_BLOB, .most = limit_vm_allow,
     .about = "Then who may begin to speak to it; absent: anybody.", .check = CHECK_ALLOW},
    {field_of(struct facts, networks), .number = 12,
     .about = "Networks of its interfaces, by their numbers; '-': it has none; absent: not told.",
     .kind = FIELD_BLOB, .most = limit_vm_network_names, .check = CHECK_INTERFACES},
};
const struct table facts_table = {"facts", "What a VM has there.", sizeof(struct facts),
                                  field_rows(facts_fields)};

static const struct field instruct_fields[] = {
    {field_of(struct instruct, op), .number = 1, .about = "Id of the operation.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct instruct, vm), .number = 2, .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct instruct, epoch), .number = 3, .about = "Of the VM.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct instruct, generation), .number = 4,
     .about = "Of the VM, made by this instruction.", .kind = FIELD_U64, .mask = FIELD_REQUIRED,
     .least = 1},
    {field_of(struct instruct, verb), .number = 5, .about = "What to do.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(verb_names)},
    {field_of(struct instruct, within_ms), .number = 6,
     .about = "Time left to the deadline, counted from arrival.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, .most = limit_deadline_ms},
    {field_of(struct instruct, definition), .number = 7,
     .about = "define, resize, rebuild, revert, allow, interface-…: what the VM is to be.",
     .kind = FIELD_RECORD,
     .table = &definition_table},
    {field_of(struct instruct, snapshot), .number = 8,
     .about = "snapshot, revert, snapshot-delete: which.", .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct instruct, landing), .number = 9,
     .about = "migrate: where to, as that host's owner has configured.", .kind = FIELD_RECORD,
     .table = &landing_table},
    {field_of(struct instruct, hard), .number = 10, .about = "reboot: the guest is not asked.",
     .kind = FIELD_FLAG},
    {field_of(struct instruct, copy), .number = 11,
     .about = "copy, to a host: how its blocks get to the manager.", .kind = FIELD_RECORD,
     .mask = FIELD_WIRE | FIELD_SECRET, .table = &copy_order_table},
};
static const struct table instruct_table = {"instruct", "Do this to a VM.", sizeof(struct instruct),
                                            field_rows(instruct_fields)};

static const struct field settled_fields[] = {
    {field_of(struct settled, op), .number = 1,
     .about = "The operation whose result is on disk above.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
};
static const struct table settled_table = {"settled", "A result is on disk above.",
                                           sizeof(struct settled), field_rows(settled_fields)};

const char hello_asked[] = "*";

static const struct field hello_fields[] = {
    {field_of(struct hello, version), .number = 1, .about = "Newest protocol version spoken.",
     .kind = FIELD_U32, .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct hello, version_oldest), .number = 2,
     .about = "Oldest protocol version spoken.", .kind = FIELD_U32, .mask = FIELD_REQUIRED,
     .least = 1},
    {field_of(struct hello, software), .number = 3,
     .about = "Name and version of the agent's software.", .kind = FIELD_TEXT},
    {field_of(struct hello, vm_digest), .number = 4, .about = "Digest of the whole VM table.",
     .kind = FIELD_U64, .mask = FIELD_ALWAYS},
    {field_of(struct hello, networks), .number = 5,
     .about = "Of a host: the networks that it has, by commas; a manager always says '*'.",
     .kind = FIELD_BLOB, .most = limit_network_names},
    {field_of(struct hello, sends), .number = 6,
     .about = "A host can send VMs to others while they run.", .kind = FIELD_FLAG},
    {field_of(struct hello, receives), .number = 7, .about = "A host can receive such VMs.",
     .kind = FIELD_FLAG},
    {field_of(struct hello, incarnation), .number = 8,
     .about = "The agent's; a manager believes no other store, and none that is older.",
     .kind = FIELD_RECORD, .table = &incarnation_table},
    {field_of(struct hello, manager), .number = 9,
     .about = "The newest of the manager's that the agent has heard.", .kind = FIELD_RECORD,
     .table = &incarnation_table},
    {field_of(struct hello, contested), .number = 10,
     .about = "Somebody else has taken the agent's address since its last session.",
     .kind = FIELD_FLAG},
    {field_of(struct hello, guarded), .number = 11,
     .about = "What keeps leases there is alive.", .kind = FIELD_FLAG},
    {field_of(struct hello, leased), .number = 12, .about = "VMs run there by a lease.",
     .kind = FIELD_FLAG},
};
static const struct table hello_table = {"hello", "An agent opens a session.", sizeof(struct hello),
                                         field_rows(hello_fields)};

static const struct field vm_report_fields[] = {
    {field_of(struct vm_report, vm), .number = 1, .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct vm_report, epoch), .number = 2, .about = "Of the VM.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct vm_report, generation), .number = 3, .about = "Newest generation known there.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct vm_report, state), .number = 4, .about = "Of the VM.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(vm_state_names)},
    {field_of(struct vm_report, facts), .number = 5,
     .about = "What it has there, where that is told.", .kind = FIELD_RECORD,
     .table = &facts_table},
    {field_of(struct vm_report, unheard_ms), .number = 6,
     .about = "For how long nothing has been heard of it; absent: it is heard of.",
     .kind = FIELD_U64},
    {field_list_of(struct vm_report, ips, ips_count), .number = 7,
     .about = "Its IP addresses; absent: as told before, while it runs.", .kind = FIELD_LIST,
     .most = limit_vm_ips, .table = &vm_ip_table},
    {field_of(struct vm_report, no_ips), .number = 8,
     .about = "It runs and has none, as far as is told: those told before are forgotten.",
     .kind = FIELD_FLAG},
};
static const struct table vm_report_table = {"vm", "State of one VM.", sizeof(struct vm_report),
                                             field_rows(vm_report_fields)};

static const struct field vm_table_fields[] = {
    {field_list_of(struct vm_table, vms, vms_count), .number = 1,
     .about = "A piece of the VM table.", .kind = FIELD_LIST, .most = limit_table_chunk,
     .table = &vm_report_table},
    {field_of(struct vm_table, first), .number = 2, .about = "This is the first piece.",
     .kind = FIELD_FLAG},
    {field_of(struct vm_table, last), .number = 3, .about = "This is the last piece.",
     .kind = FIELD_FLAG},
};
static const struct table vm_table_table = {"table", "A piece of the VM table.",
                                            sizeof(struct vm_table), field_rows(vm_table_fields)};

static const struct field progress_fields[] = {
    {field_of(struct progress, op), .number = 1, .about = "Id of the operation.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct progress, step), .number = 2, .about = "What was reached.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED, field_names(step_names)},
};
static const struct table progress_table = {"progress", "An operation reached a step.",
                                            sizeof(struct progress), field_rows(progress_fields)};

static const struct field result_fields[] = {
    {field_of(struct result, op), .number = 1, .about = "Id of the operation.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct result, vm), .number = 2, .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct result, generation), .number = 3, .about = "Of the instruction.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct result, code), .number = 4, .about = "How it ended.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(code_names)},
    {field_of(struct result, step), .number = 5, .about = "The step that failed.",
     .kind = FIELD_ENUM, field_names(step_names)},
    {field_of(struct result, state), .number = 6, .about = "Of the VM, now.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(vm_state_names)},
    {field_of(struct result, facts), .number = 7,
     .about = "What it has there now, where the verb may have changed it.", .kind = FIELD_RECORD,
     .table = &facts_table},
    {field_of(struct result, landing), .number = 8, .about = "receive: where the VM is to come to.",
     .kind = FIELD_RECORD, .table = &landing_table},
    {field_of(struct result, why), .number = 9,
     .about = "Why it failed, of a host that was asked to say so; for its owner.",
     .kind = FIELD_BLOB, .most = limit_text_size - 1, .check = CHECK_PRINTABLE},
    {field_of(struct result, obstacle), .number = 10,
     .about = "What of the instruction stood in the way.", .kind = FIELD_ENUM,
     field_names(obstacle_names)},
    {field_of(struct result, copied), .number = 11,
     .about = "copy, of a host: what has come of it.", .kind = FIELD_RECORD,
     .table = &copied_table},
};
static const struct table result_table = {"result", "The true end of an operation.",
                                          sizeof(struct result), field_rows(result_fields)};

static const struct field rekey_fields[] = {
    {field_of(struct rekey, key), .number = 1, .about = "The sender's next public key.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
};
static const struct table rekey_table = {"rekey", "Seal to this key of mine from now on.",
                                         sizeof(struct rekey), field_rows(rekey_fields)};

static const struct field reset_fields[] = {
    {field_of(struct reset, unbelieved), .number = 1,
     .about = "The hello came, but not from the store that is known here.", .kind = FIELD_FLAG},
};
static const struct table reset_table = {"reset", "Your session is not known here.",
                                         sizeof(struct reset), field_rows(reset_fields)};
static const struct table sync_table = {"sync", "Tell the whole VM table.", 0, NULL, 0};

static const struct field beat_fields[] = {
    {field_of(struct beat, guarded), .number = 1,
     .about = "What keeps leases there is alive; absent: no lease is given.", .kind = FIELD_FLAG},
    {field_of(struct beat, leased), .number = 2,
     .about = "VMs run there by a lease; absent: none is needed.", .kind = FIELD_FLAG},
};
static const struct table beat_table = {"beat", "The agent is there.", sizeof(struct beat),
                                        field_rows(beat_fields)};

static const struct field read_fields[] = {
    {field_of(struct read, number), .number = 1, .about = "The manager's own, for the answer.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED, .least = 1, .most = session_number_most},
    {field_of(struct read, vm), .number = 2, .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct read, epoch), .number = 3, .about = "Of the VM.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct read, from), .number = 4,
     .about = "The first byte that is wanted; absent: the newest part.", .kind = FIELD_U64,
     .most = INT64_MAX},
};
static const struct table read_table = {"read", "Send a part of a VM's console log.",
                                        sizeof(struct read), field_rows(read_fields)};

static const struct field reading_fields[] = {
    {field_of(struct reading, number), .number = 1, .about = "As in `read`.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED, .least = 1, .most = session_number_most},
    {field_of(struct reading, code), .number = 2, .about = "Why there is none; or ok.",
     .kind = FIELD_ENUM, .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(code_names)},
    {field_of(struct reading, from), .number = 3, .about = "Its first byte in the log.",
     .kind = FIELD_U64, .most = INT64_MAX},
    {field_of(struct reading, next), .number = 4, .about = "Where it goes on.", .kind = FIELD_U64,
     .most = INT64_MAX},
    {field_of(struct reading, base64), .number = 5,
     .about = "The part; absent: there is nothing more yet.", .kind = FIELD_BLOB,
     .mask = FIELD_WIRE | FIELD_SECRET, .most = (limit_log_piece + 2) / 3 * 4,
     .check = CHECK_BASE64},
};
static const struct table reading_table = {"reading", "A part of a VM's console log.",
                                           sizeof(struct reading), field_rows(reading_fields)};

static const struct field open_fields[] = {
    {field_of(struct open, number), .number = 1, .about = "The manager's own, for the answer.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED, .least = 1, .most = session_number_most},
    {field_of(struct open, vm), .number = 2, .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct open, epoch), .number = 3, .about = "Of the VM.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct open, url), .number = 4, .about = "Where the manager is dialled.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct open, pin), .number = 5, .about = "SHA-256 of the public key there.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_DIGEST},
    {field_of(struct open, ticket), .number = 6, .about = "To show there, once.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED | FIELD_WIRE | FIELD_SECRET,
     .check = CHECK_DIGEST},
    {field_of(struct open, key), .number = 7, .about = "Public key of who unseals it.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct open, port), .number = 8,
     .about = "TCP port of the guest; absent: its console.", .kind = FIELD_U32,
     .most = limit_port},
    {field_of(struct open, screen), .number = 9,
     .about = "The VM's screen, where there is no port.", .kind = FIELD_FLAG},
};
static const struct table open_table = {"open", "Open a stream to a VM, and dial.",
                                        sizeof(struct open), field_rows(open_fields)};

static const struct field opened_fields[] = {
    {field_of(struct opened, number), .number = 1, .about = "As in `open`.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED, .least = 1, .most = session_number_most},
    {field_of(struct opened, code), .number = 2, .about = "Why it is not; or ok.",
     .kind = FIELD_ENUM, .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(code_names)},
    {field_of(struct opened, key), .number = 3, .about = "Public key of who seals it.",
     .kind = FIELD_TEXT},
};
static const struct table opened_table = {"opened", "A stream is open, or why not.",
                                          sizeof(struct opened), field_rows(opened_fields)};

static const struct field held_image_fields[] = {
    {field_of(struct held_image, digest), .number = 1, .about = "Digest of the image's archive.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_DIGEST},
};
static const struct table held_image_table = {"held-image", "An image that is there.",
                                              sizeof(struct held_image),
                                              field_rows(held_image_fields)};

static const struct field holds_fields[] = {
    {field_list_of(struct holds, images, images_count), .number = 1,
     .about = "All that are there, or the newest of them; absent: none is.", .kind = FIELD_LIST,
     .most = limit_holds, .table = &held_image_table},
};
static const struct table holds_table = {"holds", "Which images are there, for who has asked.",
                                         sizeof(struct holds), field_rows(holds_fields)};

static const struct field unreadable_fields[] = {
    {field_of(struct codec_fault, field), .about = "Which field.", .kind = FIELD_TEXT},
    {field_of(struct codec_fault, text), .about = "What would be right.", .kind = FIELD_TEXT},
};
static const struct table unreadable_table = {"unreadable", "In place of what could not be read.",
                                              sizeof(struct codec_fault),
                                              field_rows(unreadable_fields)};

static const struct table *const tables[MESSAGE_KIND_COUNT] = {
    [MESSAGE_WELCOME] = &welcome_table,   [MESSAGE_RESET] = &reset_table,
    [MESSAGE_INSTRUCT] = &instruct_table, [MESSAGE_SYNC] = &sync_table,
    [MESSAGE_SETTLED] = &settled_table,   [MESSAGE_HELLO] = &hello_table,
    [MESSAGE_CAPACITY] = &capacity_table, [MESSAGE_VM] = &vm_report_table,
    [MESSAGE_TABLE] = &vm_table_table,    [MESSAGE_PROGRESS] = &progress_table,
    [MESSAGE_RESULT] = &result_table,     [MESSAGE_BEAT] = &beat_table,
    [MESSAGE_REKEY] = &rekey_table,       [MESSAGE_READ] = &read_table,
    [MESSAGE_READING] = &reading_table,   [MESSAGE_OPEN] = &open_table,
    [MESSAGE_OPENED] = &opened_table,     [MESSAGE_HOLDS] = &holds_table,
    [MESSAGE_USAGES] = &usages_table,
    [MESSAGE_UNREADABLE] = &unreadable_table,
};

const struct table *message_table(enum message_kind kind) { return tables[kind]; }

uint32_t machine_version(const struct machine *machine) {
    bool is_usual = machine->firmware <= FIRMWARE_BIOS && machine->disk_bus == DISK_BUS_VIRTIO &&
                    machine->clock == GUEST_CLOCK_UTC; /* as an older agent makes each VM */
    return machine->tpm ? protocol_version_tpm : is_usual ? 0 : protocol_version_machine;
}

enum stream_to open_to(const struct open *open) {
    return open->port ? STREAM_TO_PORT : open->screen ? STREAM_TO_SCREEN : STREAM_TO_CONSOLE;
}

uint32_t instruct_version(const struct definition *definition) {
    uint32_t machine = machine_version(&definition->machine);
    if (slots_are_free(definition->networks)) /* the others' MAC addresses follow from that */
        return protocol_version_interfaces;
    if (definition->allow)
        return protocol_version_allow;
    if (definition->on_loss == ON_LOSS_ANYWHERE)
        return protocol_version_anywhere;
    if (definition->restart_from == RESTART_FROM_COPY)
        return protocol_version_copy;
    return machine                        ? machine
           : definition->ssh_keys         ? protocol_version_ssh_keys
           : definition->user_data_base64 ? protocol_version_user_data
                                          : 0;
}

const char *instruct_newest(const struct definition *definition) {
    return slots_are_free(definition->networks) ? "networks"
           : definition->allow ? "allow"
           : definition->on_loss == ON_LOSS_ANYWHERE ? "on_loss"
           : definition->restart_from ? "restart_from"
           : machine_version(&definition->machine) ? "image"
           : definition->ssh_keys                ? "ssh_keys"
                                                 : "user_data_base64";
}

void message_clear(struct message *message) {
    record_clear(tables[message->kind], &message->welcome);
}

void message_clone(const struct message *from, struct message *out_to) {
    *out_to = (struct message){.kind = from->kind};
    record_clone(tables[from->kind], &from->welcome, &out_to->welcome);
}

int message_check(const struct message *message, struct codec_fault *fault) {
    return codec_check(tables[message->kind], &message->welcome, fault);
}

static const struct field frame_fields[] = {
    {.name = "from", .number = 1, .about = "The sender's session number.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED, field_at(struct frame, header.from), .least = 1,
     .most = session_number_most},
    {.name = "to", .number = 2, .about = "The receiver's session number; 0: not known yet.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_at(struct frame, header.to),
     .most = session_number_most},
    {.name = "sequence", .number = 3, .about = "Number of the first message.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED, field_at(struct frame, header.sequence), .least = 1,
     .most = session_number_most},
    {.name = "received", .number = 4,
     .about = "Number of the newest message that the sender has received, with all before it.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED | FIELD_ALWAYS,
     field_at(struct frame, header.received), .most = session_number_most},
    {.name = "gap", .number = 5,
     .about = "What follows `received` is missing, while more has come: send again.",
     .kind = FIELD_FLAG, field_at(struct frame, header.gap)},
    {field_list_of(struct frame, messages, messages_count), .number = 6,
     .about = "The messages, in order; none: the numbers are what is said.", .kind = FIELD_LIST,
     .most = limit_frame_messages, .choices = tables, .choices_count = MESSAGE_UNREADABLE,
     .choice_offset = offsetof(struct message, welcome), .lenient = true},
    {.name = "lease_ms", .number = 7,
     .about = "From a manager: for so long after `received` was first sent what is there may run.",
     .kind = FIELD_U64, field_at(struct frame, header.lease_ms), .most = limit_lease_ms},
    {.name = "anywhere_ms", .number = 8,
     .about = "As `lease_ms`, for VMs that may be restarted in another cluster.",
     .kind = FIELD_U64, field_at(struct frame, header.anywhere_ms), .most = limit_lease_ms},
};
const struct table frame_table = {"frame", "A batch of messages to one party.",
                                  sizeof(struct frame), field_rows(frame_fields)};

/* What stands behind the messages of a frame in the packed form, whose numbers rise. */
enum { frame_fields_behind = 2 };
static const struct field *const messages_field =
    &frame_fields[array_size(frame_fields) - 1 - frame_fields_behind];

void message_encode(const struct message *message, enum frame_form form, struct text *out) {
    if (form != FRAME_JSON) {
        codec_pack_entry(messages_field, message, FIELD_WIRE, out);
        return;
    }
    text_add(out, "{\"");
    text_add(out, tables[message->kind]->name);
    text_add(out, "\":");
    codec_encode(tables[message->kind], &message->welcome, FIELD_WIRE, out);
    text_add(out, "}");
}

void frame_encode(const struct frame_header *header, enum frame_form form,
                  const struct text *messages, struct text *out) {
    struct frame frame = {.header = *header};
    if (form != FRAME_JSON) {
        const struct frame behind = {.header.lease_ms = header->lease_ms,
                                     .header.anywhere_ms = header->anywhere_ms};
        frame.header.lease_ms = frame.header.anywhere_ms = 0;
        codec_pack(&frame_table, &frame, FIELD_WIRE, out);
        if (messages->length)
            codec_pack_list(messages_field, messages, out);
        codec_pack(&frame_table, &behind, FIELD_WIRE, out);
        return;
    }
    codec_encode(&frame_table, &frame, FIELD_WIRE, out);
    if (!messages->length)
        return;
    out->length--; /* the brace */
    text_add(out, ",\"messages\":[");
    text_add(out, text_data(messages));
    text_add(out, "]}");
}

int frame_decode(const char *bytes, size_t length, struct frame *out_frame,
                 struct codec_fault *fault) {
    return codec_read(&frame_table,
                      &(struct codec_input){bytes, length, FIELD_WIRE,
                                            CODEC_IGNORE_UNKNOWN},
                      out_frame, fault);
}

void frame_clear(struct frame *frame) { record_clear(&frame_table, frame); }
