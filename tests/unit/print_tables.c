/* Prints what the field tables say, a line each, for test_docs.py: "table NAME", and below it
 * "field NAME required" or "field NAME optional". */
#include <stdio.h>

#include "tables.h"

static void print(const struct table *table) {
    printf("table %s\n", table->name);
    for (size_t i = 0; i < table->fields_count; i++)
        printf("field %s %s\n", table->fields[i].name,
               table->fields[i].mask & FIELD_REQUIRED ? "required" : "optional");
    for (size_t i = 0; i < table->fields_count; i++)
        if (table->fields[i].table)
            print(table->fields[i].table);
}

int main(void) {
    for (size_t i = 0; tables_at(i); i++)
        print(tables_at(i));
    return 0;
}
