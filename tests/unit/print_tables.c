/* Prints what the field tables say, a line each, for test_docs.py: "table NAME", and below it
 * "field NAME required" or "field NAME optional"; or, with --numbers, the packed form's numbers as
 * docs/protocol-numbers.txt has them. */
#include <stdio.h>
#include <string.h>

#include "io/config/chat.h"
#include "io/config/config.h"
#include "io/config/daemons.h"
#include "message/protocol.h"
#include "message/stored.h"
#include "tables.h"

static void print_field(const char *word, const struct field *field) {
    printf("%s %s%s%s%s\n", word, field->name, field->mask & FIELD_REQUIRED ? " required" : "",
           field->standard ? " = " : "", field->standard ? field->standard : "");
}

static void print(const struct table *table) {
    printf("table %s\n", table->name);
    for (size_t i = 0; i < table->fields_count; i++)
        print_field("field", &table->fields[i]);
    for (size_t i = 0; i < table->fields_count; i++)
        if (table->fields[i].table)
            print(table->fields[i].table);
}

static void print_sections(const struct table *daemon) {
    for (size_t i = 0; i < daemon->fields_count; i++) {
        const struct field *section = &daemon->fields[i];
        printf("section %s [%s%s]\n", daemon->name, section->name,
               section->kind == FIELD_LIST ? " NAME" : "");
        for (size_t k = 0; k < section->table->fields_count; k++)
            if (config_is_key(section, &section->table->fields[k]))
                print_field("key", &section->table->fields[k]);
    }
}

/* What stands in the bytes of a field's value, and what it takes to read them. */
static void print_packed(const struct field *field) {
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BLOB:
        printf(" %s", field->check == CHECK_ID ? "id" : field->check == CHECK_DIGEST ? "digest"
                                                                                      : "text");
        break;
    case FIELD_U32:
    case FIELD_U64:
        printf(" number");
        break;
    case FIELD_FLAG:
        printf(" flag");
        break;
    case FIELD_ENUM:
        printf(" enum");
        for (unsigned i = 0; i < field->names_count; i++)
            printf(" %s", field->names[i]);
        break;
    case FIELD_RECORD:
        printf(" record %s", field->table->name);
        break;
    case FIELD_LIST:
        printf(" %s", field->choices ? "choices" : "list");
        for (unsigned i = 0; i < field->choices_count; i++)
            printf(" %s", field->choices[i]->name);
        if (field->table)
            printf(" %s", field->table->name);
        break;
    }
}

static void print_numbers(const struct table *table, const char *where, unsigned face) {
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        if (!field_is_shown(field, face) || field->mask == FIELD_API)
            continue;
        printf("%s %s %u %s", where, table->name, field->number, field->name);
        print_packed(field);
        printf("\n");
        if (field->table)
            print_numbers(field->table, where, face);
        for (unsigned k = 0; k < field->choices_count; k++)
            print_numbers(field->choices[k], where, face);
    }
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--numbers") == 0) {
        print_numbers(&frame_table, "link", FIELD_WIRE);
        for (size_t i = 0; i < stored_tables_count; i++)
            print_numbers(stored_tables[i], "store", FIELD_STORE);
        return 0;
    }
    for (size_t i = 0; tables_at(i); i++)
        print(tables_at(i));
    print_sections(&upstream_config_table);
    print_sections(&downstream_config_table);
    print_sections(&agent_config_table);
    print_sections(&relay_config_table);
    print_sections(&chat_config_table);
    return 0;
}
