/* Tables for people: cells in aligned columns, and numbers as one says them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum { sheet_columns = 64 }; /* at most */

struct sheet {
    size_t columns;
    char **cells;
    size_t count, capacity;
};

void sheet_add(struct sheet *sheet, const char *format, ...) format_checked(2, 3);
void sheet_print(const struct sheet *sheet); /* to standard output */
void sheet_deinit(struct sheet *sheet);

struct words {
    char text[64];
};

uint64_t wall_ms(void); /* of this machine's clock */
struct words words_mib(uint64_t mib);     /* "512 MiB", "2 GiB", "1.5 TiB" */
struct words words_bytes(uint64_t bytes);
struct words words_age(uint64_t at_ms);   /* "12s", "5m", "3h", "7d"; "-" for 0 */
struct words words_unheard(uint64_t since_ms); /* ", not heard of since 5m"; "" for 0 */
struct words words_date(uint64_t at_ms);  /* "2026-11-22 15:04:05+01:00" (RFC 3339), local time */
struct words words_moment(uint64_t at_ms); /* with three digits of a second */
