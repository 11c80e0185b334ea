/* How wide columns are, and how dates, ages and bytes are put. */
#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/text.h"

void sheet_add(struct sheet *sheet, const char *format, ...) {
    char cell[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(cell, sizeof(cell), format, arguments);
    va_end(arguments);
    if (sheet->count == sheet->capacity) {
        sheet->capacity = sheet->capacity ? sheet->capacity * 2 : 64;
        sheet->cells = memory_resize(sheet->cells, sheet->capacity * sizeof(*sheet->cells));
    }
    sheet->cells[sheet->count++] = memory_text(cell[0] ? cell : "-");
}

void sheet_print(const struct sheet *sheet) {
    int widths[sheet_columns] = {0};
    for (size_t i = 0; i < sheet->count; i++) {
        int length = (int)strlen(sheet->cells[i]);
        int *width = &widths[i % sheet->columns];
        *width = length > *width ? length : *width;
    }
    for (size_t i = 0; i < sheet->count; i++) {
        size_t column = i % sheet->columns;
        if (column + 1 == sheet->columns)
            printf("%s\n", sheet->cells[i]);
        else
            printf("%-*s  ", widths[column], sheet->cells[i]);
    }
}

void sheet_deinit(struct sheet *sheet) {
    for (size_t i = 0; i < sheet->count; i++)
        memory_free(sheet->cells[i]);
    memory_free(sheet->cells);
    *sheet = (struct sheet){0};
}

uint64_t wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct words words_bytes(uint64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double number = (double)bytes;
    size_t unit = 0;
    for (; number >= 1024 && unit + 1 < array_size(units); unit++)
        number /= 1024;
    struct words words;
    bool is_whole = number - (double)(uint64_t)number < 0.05;
    text_format(words.text, sizeof(words.text), is_whole ? "%.0f %s" : "%.1f %s", number,
                units[unit]);
    return words;
}

struct words words_mib(uint64_t mib) { return words_bytes(mib << 20); }

struct words words_age(uint64_t at_ms) {
    static const struct {
        uint64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    struct words words = {"-"};
    if (at_ms == 0)
        return words;
    uint64_t now = wall_ms(), seconds = now > at_ms ? (now - at_ms) / 1000 : 0;
    size_t i = 0;
    while (i + 1 < array_size(units) && seconds < units[i].seconds * 2)
        i++; /* up to "119s" and "47h" in the finer unit */
    text_format(words.text, sizeof(words.text), "%llu%c",
                (unsigned long long)(seconds / units[i].seconds), units[i].unit);
    return words;
}

struct words words_unheard(uint64_t since_ms) {
    struct words words = {""};
    if (since_ms)
        text_format(words.text, sizeof(words.text), ", not heard of since %s",
                    words_age(since_ms).text);
    return words;
}

/* `fraction` stands behind the seconds. */
static struct words date(uint64_t at_ms, const char *fraction) {
    struct words words = {"-"};
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts;
    char day[24], offset[8];
    if (at_ms && localtime_r(&seconds, &parts) &&
        strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &parts) &&
        strftime(offset, sizeof(offset), "%z", &parts)) /* +0100 */
        text_format(words.text, sizeof(words.text), "%s%s%.3s:%s", day, fraction, offset,
                    offset + 3);
    return words;
}

struct words words_date(uint64_t at_ms) { return date(at_ms, ""); }

struct words words_moment(uint64_t at_ms) {
    char fraction[8];
    text_format(fraction, sizeof(fraction), ".%03u", (unsigned)(at_ms % 1000));
    return date(at_ms, fraction);
}
