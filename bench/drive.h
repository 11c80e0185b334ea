/* The driver of a raw exchange, whatever it goes by: so many at a time, each timed from its leaving
 * to its return. A payload begins with its number. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "measure.h"

struct drive {
    struct series series;
    double *begun_us;
    size_t sent, wanted, outstanding;
    char *payload;
};

/* `arguments`: COUNT OUTSTANDING BYTES. */
void drive_begin(struct drive *drive, char **arguments);

/* One more may leave: its number. */
bool drive_next(struct drive *drive, size_t *out_number);
void drive_write(const struct drive *drive, size_t number, struct text *out);

/* What has this number in front is back. */
void drive_receive(struct drive *drive, const char *number);
bool drive_is_over(const struct drive *drive);

/* Prints what was measured. */
void drive_end(struct drive *drive);

/* One end of such an exchange, as each program has it. */
struct party;
struct driver {
    struct party *party;
    void (*say)(struct party *party, const char *payload, size_t length);
    void (*turn)(struct party *party); /* sends what was said, waits, takes what came */
};

/* Drives by `drive` until all are back, and prints. `arguments`: as drive_begin. */
void drive_run(struct drive *drive, const struct driver *driver, char **arguments);

/* Says that it is ready and takes turns for ever. */
_Noreturn void drive_serve(const struct driver *driver);
