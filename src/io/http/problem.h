/* Refusals as application/problem+json (RFC 9457): the record, its table, and the one place that
 * says which HTTP status a code has. The servers write it, the command reads it. */
#pragma once

#include "message/field.h"
#include "message/request.h"

struct problem {
    char type[64];  /* urn:isthmus:problem:<code> */
    char title[96];
    uint32_t status;
    char detail[512];
    char code[32];
    char field[96];
    char remedy[256];
};
extern const struct table problem_table;

unsigned problem_status(enum code code);

/* Fills all of it from the code; `field` may be NULL, the detail is made by printf's rules. */
void problem_set(struct problem *problem, enum code code, const char *field, const char *detail,
                 ...) format_checked(4, 5);

/* For what HTTP itself refuses (405, 415): another status, and what to do about it. */
void problem_set_status(struct problem *problem, unsigned status, const char *remedy);
