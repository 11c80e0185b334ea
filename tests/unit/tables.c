#include "tables.h"

#include <string.h>

#include "base/memory.h"
#include "message/owner.h"
#include "message/protocol.h"
#include "message/request.h"

const struct table *tables_at(size_t i) {
    static const struct table *const tables[] = {
        &size_table, &shape_table, &image_table, &tenant_table, &definition_table, &vm_table,
        &operation_table, &timeline_entry_table, &waiting_table,
        &hosted_operation_table, &fit_table, &capacity_table, &node_table,
        &idempotency_table, &vm_create_table, &vm_rename_table, &vm_edit_table,
        &vm_title_table, &vm_allow_table,
        &tenant_create_table, &list_query_table,
        &whoami_table, &frame_table, &amounts_table, &host_table, &owned_lending_table,
        &account_table, &permissions_table, &tenant_permissions_table, &revocation_table,
        &hosted_vm_table,
        &host_decision_table, &lending_decision_table, &join_link_table,
    };
    if (i < array_size(tables))
        return tables[i];
    i -= array_size(tables);
    return i < MESSAGE_UNREADABLE ? message_table((enum message_kind)i) : NULL;
}

static uint64_t next(void *prng) { return prng_next(prng); }

struct record tables_random(const struct table *table, struct prng *prng) {
    struct record record = {table, memory_new(1, table->size)};
    codec_random(table, next, prng, record.data);
    return record;
}

static void hide_inside(const struct field *field, void *data, enum field_mask face) {
    char *at = (char *)data + field->offset, *items = NULL;
    uint32_t count = 0;
    if (field->kind == FIELD_RECORD)
        tables_hide(field->table, at, face);
    if (field->kind != FIELD_LIST)
        return;
    memcpy(&items, at, sizeof(items));
    memcpy(&count, (char *)data + field->count_offset, sizeof(count));
    for (uint32_t i = 0; i < count; i++) {
        char *entry = items + i * field->size;
        tables_hide(field_entry_table(field, entry), field_entry_body(field, entry), face);
    }
}

void tables_drop(const struct field *field, void *data) {
    const struct table only = {field->name, "", 0, field, 1};
    record_clear(&only, data); /* frees what the field owns */
    memset((char *)data + field->offset, 0,
           field->kind == FIELD_LIST ? sizeof(void *) : field->size);
    if (field->kind == FIELD_LIST)
        memset((char *)data + field->count_offset, 0, sizeof(uint32_t));
}

void tables_hide(const struct table *table, void *data, enum field_mask face) {
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        if (field_is_shown(field, face))
            hide_inside(field, data, face);
        else
            tables_drop(field, data);
    }
}
