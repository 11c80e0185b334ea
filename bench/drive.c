/* When the next one leaves, and how long each took. */
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void drive_begin(struct drive *drive, char **arguments) {
    size_t bytes = measure_number(arguments[2]);
    *drive = (struct drive){.wanted = measure_number(arguments[0]),
                            .outstanding = measure_number(arguments[1])};
    drive->begun_us = memory_new(drive->wanted, sizeof(*drive->begun_us));
    drive->payload = memory_new(bytes + 1, 1);
    memset(drive->payload, 'x', bytes);
    series_begin(&drive->series);
}

bool drive_next(struct drive *drive, size_t *out_number) {
    if (drive->sent >= drive->wanted || drive->sent - drive->series.count >= drive->outstanding)
        return false;
    *out_number = drive->sent;
    drive->begun_us[drive->sent++] = measure_now_us();
    return true;
}

void drive_write(const struct drive *drive, size_t number, struct text *out) {
    text_addf(out, "%zu %s", number, drive->payload);
}

void drive_receive(struct drive *drive, const char *number) {
    size_t which = strtoul(number, NULL, 10);
    if (which >= drive->sent)
        measure_fail("know an answer", number);
    series_add(&drive->series, measure_now_us() - drive->begun_us[which]);
}

bool drive_is_over(const struct drive *drive) { return drive->series.count >= drive->wanted; }

void drive_end(struct drive *drive) {
    series_end(&drive->series);
    series_print(&drive->series);
    series_deinit(&drive->series);
    memory_free(drive->begun_us);
    memory_free(drive->payload);
}

void drive_run(struct drive *drive, const struct driver *driver, char **arguments) {
    size_t number;
    drive_begin(drive, arguments);
    while (!drive_is_over(drive)) {
        while (drive_next(drive, &number)) {
            auto_clean(text_deinit) struct text payload = {0};
            drive_write(drive, number, &payload);
            driver->say(driver->party, payload.data, payload.length);
        }
        driver->turn(driver->party);
    }
    drive_end(drive);
}

void drive_serve(const struct driver *driver) {
    (void)puts("ready");
    (void)fflush(stdout);
    for (;;)
        driver->turn(driver->party);
}
