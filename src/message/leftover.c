/* The field tables of leftovers, as APIs show them and are asked about them. */
#include "message/leftover.h"

static const struct field leftover_fields[] = {
    {field_of(struct leftover, vm), .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct leftover, place), .about = "The host or cluster that has it.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct leftover, state), .about = "Its state there.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(vm_state_names)},
    {field_of(struct leftover, epoch), .about = "As its place counts it.", .kind = FIELD_U32},
    {field_of(struct leftover, generation), .about = "As its place counts it.", .kind = FIELD_U64},
    {field_of(struct leftover, size), .about = "What it has; absent: not told.",
     .kind = FIELD_RECORD, .table = &size_table},
    {field_of(struct leftover, image), .about = "Digest of its image; absent: not told.",
     .kind = FIELD_TEXT, .check = CHECK_DIGEST},
    {field_of(struct leftover, networks), .kind = FIELD_TEXT,
     .about = "Networks of its interfaces, by their numbers; '-': it has none; absent: not told.",
     .check = CHECK_INTERFACES},
    {field_of(struct leftover, known), .about = "The VM is known here, elsewhere or as lost.",
     .kind = FIELD_FLAG},
    {field_of(struct leftover, leaving), .about = "Its place is asked to remove it.",
     .kind = FIELD_FLAG},
};
const struct table leftover_table = {"leftover", "A VM that is not known to be where it is.",
                                     sizeof(struct leftover), field_rows(leftover_fields)};

#define place_field                                                                          \
    {field_of(struct leftover_choice, place),                                                \
     .about = "The host or cluster that has it; absent: wherever it is.", .kind = FIELD_TEXT, \
     .check = CHECK_NAME}

static const struct field adopt_host_fields[] = {
    place_field,
    {.name = "upstream", .about = "Whose it is; absent: of the only upstream manager.",
     .kind = FIELD_TEXT, field_at(struct leftover_choice, asker), .check = CHECK_NAME},
};
const struct table leftover_adopt_host_table = {"leftover-adopt-host", "Whose a leftover is.",
                                                sizeof(struct leftover_choice),
                                                field_rows(adopt_host_fields)};

static const struct field adopt_cluster_fields[] = {
    {field_of(struct leftover_choice, name), .about = "What its tenant is to call it.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    place_field,
    {.name = "tenant", .about = "Whose it becomes.", .kind = FIELD_TEXT,
     field_at(struct leftover_choice, asker), .check = CHECK_NAME},
};
const struct table leftover_adopt_cluster_table = {
    "leftover-adopt-cluster", "Whose a leftover becomes.", sizeof(struct leftover_choice),
    field_rows(adopt_cluster_fields)};

static const struct field discard_fields[] = {place_field};
const struct table leftover_discard_table = {"leftover-discard", "Which leftover is to be gone.",
                                             sizeof(struct leftover_choice),
                                             field_rows(discard_fields)};

static const struct field eviction_fields[] = {
    {field_of(struct eviction, id), .number = 1, .about = "The operation that ends it there.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct eviction, vm), .number = 2, .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct eviction, place), .number = 3, .about = "The place that may still have it.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct eviction, epoch), .number = 4, .about = "Of the VM there.",
     .kind = FIELD_U32},
    {field_of(struct eviction, generation), .number = 5, .about = "Of the instruction.",
     .kind = FIELD_U64},
    {field_of(struct eviction, since_ms), .number = 6,
     .about = "When the VM was taken from there.", .kind = FIELD_U64},
    {field_of(struct eviction, done_ms), .number = 7,
     .about = "When its files there had been put aside; absent: the place is to do so.",
     .kind = FIELD_U64},
};
const struct table eviction_table = {"eviction", "What a place may still have of a VM.",
                                     sizeof(struct eviction), field_rows(eviction_fields)};
