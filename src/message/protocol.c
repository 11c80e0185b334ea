/* The field tables of all messages, and a frame's text around them. A frame is put together by
 * hand, since it is the hottest text that is written, and read by its table like everything
 * else. */
#include "message/protocol.h"

static const struct field welcome_fields[] = {
    {field_of(struct welcome, version),
     .about = "The protocol version that is spoken from here on.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct welcome, beat_ms), .about = "Send a beat this often.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 100, .most = 3600000},
    {field_of(struct welcome, overcommit),
     .about = "How much of itself a host lends; absent: what it has.", .kind = FIELD_RECORD,
     .table = &overcommit_table},
    {field_list_of(struct welcome, shapes, shapes_count), .about = "The shapes to count fits for.",
     .kind = FIELD_LIST, .most = limit_shapes, .table = &shape_table},
};
static const struct table welcome_table = {"welcome", "The session is open.",
                                           sizeof(struct welcome), field_rows(welcome_fields)};

/* When it was made is for each level to say by its own clock. */
static const struct field told_snapshot_fields[] = {
    {field_of(struct snapshot, name), .about = "Its name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct snapshot, memory), .about = "The VM ran, and its memory is in it, too.",
     .kind = FIELD_FLAG},
    {field_of(struct snapshot, size), .about = "What the VM had then.", .kind = FIELD_RECORD,
     .table = &size_table},
};
static const struct table told_snapshot_table = {"told-snapshot", "A snapshot that is there.",
                                                 sizeof(struct snapshot),
                                                 field_rows(told_snapshot_fields)};

static const struct field facts_fields[] = {
    {field_of(struct facts, size), .about = "What the VM has.", .kind = FIELD_RECORD,
     .table = &size_table},
    {field_of(struct facts, image), .about = "Digest of the image that its disk is made from.",
     .kind = FIELD_TEXT, .check = CHECK_DIGEST},
    {field_list_of(struct facts, snapshots, snapshots_count),
     .about = "Its snapshots, oldest first.", .kind = FIELD_LIST, .most = limit_snapshots,
     .table = &told_snapshot_table},
};
const struct table facts_table = {"facts", "What a VM has there.", sizeof(struct facts),
                                  field_rows(facts_fields)};

static const struct field instruct_fields[] = {
    {field_of(struct instruct, op), .about = "Id of the operation.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct instruct, vm), .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct instruct, epoch), .about = "Of the VM.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct instruct, generation), .about = "Of the VM, made by this instruction.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct instruct, verb), .about = "What to do.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(verb_names)},
    {field_of(struct instruct, within_ms),
     .about = "Time left to the deadline, counted from arrival.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, .most = limit_deadline_ms},
    {field_of(struct instruct, definition),
     .about = "define, resize, rebuild, revert: what the VM is to be.", .kind = FIELD_RECORD,
     .table = &definition_table},
    {field_of(struct instruct, snapshot), .about = "snapshot, revert, snapshot-delete: which.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct instruct, landing),
     .about = "migrate: where to, as that host's owner has configured.", .kind = FIELD_RECORD,
     .table = &landing_table},
};
static const struct table instruct_table = {"instruct", "Do this to a VM.", sizeof(struct instruct),
                                            field_rows(instruct_fields)};

static const struct field settled_fields[] = {
    {field_of(struct settled, op), .about = "The operation whose result is on disk above.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_ID},
};
static const struct table settled_table = {"settled", "A result is on disk above.",
                                           sizeof(struct settled), field_rows(settled_fields)};

const char hello_asked[] = "*";

static const struct field hello_fields[] = {
    {field_of(struct hello, version), .about = "Newest protocol version spoken.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct hello, version_oldest), .about = "Oldest protocol version spoken.",
     .kind = FIELD_U32, .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct hello, software), .about = "Name and version of the agent's software.",
     .kind = FIELD_TEXT},
    {field_of(struct hello, vm_digest), .about = "Digest of the whole VM table.", .kind = FIELD_U64,
     .mask = FIELD_ALWAYS},
    {field_of(struct hello, networks),
     .about = "Of a host: the networks that it has, by commas; a manager always says '*'.",
     .kind = FIELD_BLOB, .most = limit_network_names},
    {field_of(struct hello, sends), .about = "A host can send VMs to others while they run.",
     .kind = FIELD_FLAG},
    {field_of(struct hello, receives), .about = "A host can receive such VMs.", .kind = FIELD_FLAG},
};
static const struct table hello_table = {"hello", "An agent opens a session.", sizeof(struct hello),
                                         field_rows(hello_fields)};

static const struct field vm_report_fields[] = {
    {field_of(struct vm_report, vm), .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct vm_report, epoch), .about = "Of the VM.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct vm_report, generation), .about = "Newest generation known there.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct vm_report, state), .about = "Of the VM.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(vm_state_names)},
    {field_of(struct vm_report, facts), .about = "What it has there, where that is told.",
     .kind = FIELD_RECORD, .table = &facts_table},
};
static const struct table vm_report_table = {"vm", "State of one VM.", sizeof(struct vm_report),
                                             field_rows(vm_report_fields)};

static const struct field vm_table_fields[] = {
    {field_list_of(struct vm_table, vms, vms_count), .about = "A piece of the VM table.",
     .kind = FIELD_LIST, .most = limit_table_chunk, .table = &vm_report_table},
    {field_of(struct vm_table, first), .about = "This is the first piece.", .kind = FIELD_FLAG},
    {field_of(struct vm_table, last), .about = "This is the last piece.", .kind = FIELD_FLAG},
};
static const struct table vm_table_table = {"table", "A piece of the VM table.",
                                            sizeof(struct vm_table), field_rows(vm_table_fields)};

static const struct field progress_fields[] = {
    {field_of(struct progress, op), .about = "Id of the operation.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct progress, step), .about = "What was reached.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED, field_names(step_names)},
};
static const struct table progress_table = {"progress", "An operation reached a step.",
                                            sizeof(struct progress), field_rows(progress_fields)};

static const struct field result_fields[] = {
    {field_of(struct result, op), .about = "Id of the operation.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct result, vm), .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct result, generation), .about = "Of the instruction.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct result, code), .about = "How it ended.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(code_names)},
    {field_of(struct result, step), .about = "The step that failed.", .kind = FIELD_ENUM,
     field_names(step_names)},
    {field_of(struct result, state), .about = "Of the VM, now.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(vm_state_names)},
    {field_of(struct result, facts),
     .about = "What it has there now, where the verb may have changed it.", .kind = FIELD_RECORD,
     .table = &facts_table},
    {field_of(struct result, landing), .about = "receive: where the VM is to come to.",
     .kind = FIELD_RECORD, .table = &landing_table},
};
static const struct table result_table = {"result", "The true end of an operation.",
                                          sizeof(struct result), field_rows(result_fields)};

static const struct field rekey_fields[] = {
    {field_of(struct rekey, key), .about = "The sender's next public key.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED},
};
static const struct table rekey_table = {"rekey", "Seal to this key of mine from now on.",
                                         sizeof(struct rekey), field_rows(rekey_fields)};

static const struct table reset_table = {"reset", "Your session is not known here.", 0, NULL, 0};
static const struct table sync_table = {"sync", "Tell the whole VM table.", 0, NULL, 0};
static const struct table beat_table = {"beat", "The agent is there.", 0, NULL, 0};

static const struct table *const tables[MESSAGE_KIND_COUNT] = {
    [MESSAGE_WELCOME] = &welcome_table,   [MESSAGE_RESET] = &reset_table,
    [MESSAGE_INSTRUCT] = &instruct_table, [MESSAGE_SYNC] = &sync_table,
    [MESSAGE_SETTLED] = &settled_table,   [MESSAGE_HELLO] = &hello_table,
    [MESSAGE_CAPACITY] = &capacity_table, [MESSAGE_VM] = &vm_report_table,
    [MESSAGE_TABLE] = &vm_table_table,    [MESSAGE_PROGRESS] = &progress_table,
    [MESSAGE_RESULT] = &result_table,     [MESSAGE_BEAT] = &beat_table,
    [MESSAGE_REKEY] = &rekey_table,
};

const struct table *message_table(enum message_kind kind) { return tables[kind]; }

void message_clear(struct message *message) {
    record_clear(tables[message->kind], &message->welcome);
}

void message_clone(const struct message *from, struct message *out_to) {
    *out_to = (struct message){.kind = from->kind};
    record_clone(tables[from->kind], &from->welcome, &out_to->welcome);
}

void message_encode(const struct message *message, struct text *out) {
    text_add(out, "{\"");
    text_add(out, tables[message->kind]->name);
    text_add(out, "\":");
    codec_encode(tables[message->kind], &message->welcome, FIELD_WIRE, out);
    text_add(out, "}");
}

void frame_encode(const struct frame_header *header, const char *messages, struct text *out) {
    const struct {
        const char *before;
        uint64_t number;
    } numbers[] = {{"{\"from\":", header->from},
                   {",\"to\":", header->to},
                   {",\"sequence\":", header->sequence},
                   {",\"received\":", header->received}};
    for (size_t i = 0; i < array_size(numbers); i++) { /* no printf: as in codec_encode.c */
        text_add(out, numbers[i].before);
        text_add_number(out, numbers[i].number);
    }
    text_add(out, header->gap ? ",\"gap\":true" : "");
    if (*messages) {
        text_add(out, ",\"messages\":[");
        text_add(out, messages);
        text_add(out, "]");
    }
    text_add(out, "}");
}

static const struct field frame_fields[] = {
    {.name = "from", .about = "The sender's session number.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED, field_at(struct frame, header.from), .least = 1,
     .most = session_number_most},
    {.name = "to", .about = "The receiver's session number; 0: not known yet.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_at(struct frame, header.to),
     .most = session_number_most},
    {.name = "sequence", .about = "Number of the first message.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED, field_at(struct frame, header.sequence), .least = 1,
     .most = session_number_most},
    {.name = "received",
     .about = "Number of the newest message that the sender has received, with all before it.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED | FIELD_ALWAYS,
     field_at(struct frame, header.received), .most = session_number_most},
    {.name = "gap", .about = "What follows `received` is missing, while more has come: send again.",
     .kind = FIELD_FLAG, field_at(struct frame, header.gap)},
    {field_list_of(struct frame, messages, messages_count),
     .about = "The messages, in order; none: the numbers are what is said.", .kind = FIELD_LIST,
     .most = limit_frame_messages, .choices = tables, .choices_count = MESSAGE_KIND_COUNT,
     .choice_offset = offsetof(struct message, welcome)},
};
const struct table frame_table = {"frame", "A batch of messages to one party.",
                                  sizeof(struct frame), field_rows(frame_fields)};

int frame_decode(const char *json, size_t length, struct frame *out_frame,
                 struct codec_fault *fault) {
    return codec_decode(&frame_table,
                        &(struct codec_input){json, length, FIELD_WIRE,
                                              CODEC_IGNORE_UNKNOWN},
                        out_frame, fault);
}

void frame_clear(struct frame *frame) { record_clear(&frame_table, frame); }
