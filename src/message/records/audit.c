/* What a row of the audit holds, and what of it its digest is made of. */
#include "message/records/audit.h"

#include "base/text.h"

const char *const audit_who_names[AUDIT_WHO_COUNT] = {
    [AUDIT_OPERATOR] = "operator", [AUDIT_TENANT] = "tenant", [AUDIT_OWNER] = "owner",
    [AUDIT_STRANGER] = "stranger", [AUDIT_MANAGER] = "manager",
};
const char *const audit_restart = "vm-restart";

static const struct field audit_fields[] = {
    {field_of(struct audit, id), .number = 1, .about = "The row's id; ids grow with time.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct audit, at_ms), .number = 2, .about = "When.", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS},
    {field_of(struct audit, who), .number = 3, .about = "Who asked.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(audit_who_names)},
    {field_of(struct audit, tenant), .number = 4, .about = "Which tenant.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct audit, tenant_ms), .number = 5, .about = "When that tenant was made.",
     .kind = FIELD_U64},
    {field_of(struct audit, from), .number = 6, .about = "The address that asked.",
     .kind = FIELD_TEXT},
    {field_of(struct audit, what), .number = 7, .about = "What was asked.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct audit, verb), .number = 8, .about = "vm-act: which verb.", .kind = FIELD_ENUM,
     field_names(verb_names)},
    {field_of(struct audit, key), .number = 9,
     .about = "Of what, by the name or id that was given.", .kind = FIELD_TEXT},
    {field_of(struct audit, code), .number = 10, .about = "ok, or why it was refused.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(code_names)},
    {.name = "operation", .number = 11, .about = "The operation that it made.", .kind = FIELD_TEXT,
     field_at(struct audit, op), .check = CHECK_ID},
    {field_of(struct audit, more), .number = 12,
     .about = "So many like the one before were refused after it.", .kind = FIELD_U32},
    {field_of(struct audit, number), .number = 13, .about = "Its number in the asker's chain.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct audit, previous), .number = 14,
     .about = "Digest of the chain's row before it; absent: it is the first.", .kind = FIELD_TEXT,
     .check = CHECK_DIGEST},
    {field_of(struct audit, digest), .number = 15, .about = "SHA-256 of all else in the row.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_DIGEST},
    {field_of(struct audit, token), .number = 16,
     .about = "Name of the access token that it came with; absent: the configured one.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct audit, restored_ms), .number = 17,
     .about = "vm-restart: its disk came from a copy: as it was at this time, or later; absent: "
              "from its image.",
     .kind = FIELD_U64},
};
const struct table audit_table = {
    "audit", "What somebody asked for, or the manager did by itself, and what came of it.",
    sizeof(struct audit), field_rows(audit_fields)};

/* Which the first version did not know. */
static bool is_later(const struct field *field) {
    return field->offset >= offsetof(struct audit, token);
}

/* Its values as the API names them, a line each, also those that are absent; but of what came later
 * what is there alone. */
void audit_digest(const struct audit *row, interface_hash hash,
                  char out_digest[limit_digest_size]) {
    auto_clean(text_deinit) struct text lines = {0};
    for (size_t i = 0; i < array_size(audit_fields); i++) {
        const struct field *field = &audit_fields[i];
        uint64_t number = field->kind == FIELD_TEXT ? 0 : field_number(field, row);
        bool is_absent = field->kind == FIELD_TEXT ? !*field_text(field, row) : !number;
        if (field->offset == offsetof(struct audit, digest) || (is_later(field) && is_absent))
            continue;
        if (field->kind == FIELD_TEXT)
            text_addf(&lines, "%s\n", field_text(field, row));
        else if (field->kind == FIELD_ENUM)
            text_addf(&lines, "%s\n", field->names[number]);
        else
            text_addf(&lines, "%llu\n", (unsigned long long)number);
    }
    hash(text_data(&lines), lines.length, out_digest);
}
