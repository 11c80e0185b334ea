/* JSON Schemas (draft 2020-12, of OpenAPI 3.1) from field tables, each with an example. */
#pragma once

#include "base/text.h"
#include "message/field.h"

/* ,"name":"value" */
void schema_add_member(struct text *out, const char *name, const char *value);

/* "$ref":… to the table's schema among the document's components. */
void schema_add_reference(struct text *out, const struct table *table);

/* What may stand in the field: members of a schema, without its braces. */
void schema_add_type(struct text *out, const struct field *field);

/* An answer may get more fields in a later version; a body has no others. */
enum schema_use { SCHEMA_ANSWER, SCHEMA_BODY };

/* "name":{…} */
void schema_add(struct text *out, const struct table *table, enum schema_use use);

/* A record as it may be: what is always there, and some more. */
void schema_add_example(struct text *out, const struct table *table);
