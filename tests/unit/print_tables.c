/* Prints what the field tables say, a line each, for test_docs.py: "table NAME", and below it
 * "field NAME required" or "field NAME optional". */
#include <stdio.h>

#include "io/config/config.h"
#include "io/config/daemons.h"
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

int main(void) {
    for (size_t i = 0; tables_at(i); i++)
        print(tables_at(i));
    print_sections(&upstream_config_table);
    print_sections(&downstream_config_table);
    print_sections(&agent_config_table);
    return 0;
}
