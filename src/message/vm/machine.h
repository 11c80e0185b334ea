/* What the machine of a VM is, as its guest sees it. */
#pragma once

#include "message/field.h"

/* What a guest's system needs of its machine, as is said of its image. The zero of each is what a
 * host gives where nothing is said. */
enum firmware {
    FIRMWARE_ANY, /* the host's own choice */
    FIRMWARE_BIOS,
    FIRMWARE_UEFI,
    FIRMWARE_SECURE_BOOT, /* UEFI that starts only what is signed */
    FIRMWARE_COUNT,
};
extern const char *const firmware_names[FIRMWARE_COUNT];

enum disk_bus {
    DISK_BUS_VIRTIO,
    DISK_BUS_SCSI, /* by a virtio controller */
    DISK_BUS_SATA,
    DISK_BUS_COUNT,
};
extern const char *const disk_bus_names[DISK_BUS_COUNT];

enum guest_clock {
    GUEST_CLOCK_UTC,
    GUEST_CLOCK_LOCAL, /* the host's local time, as Windows expects it */
    GUEST_CLOCK_COUNT,
};
extern const char *const guest_clock_names[GUEST_CLOCK_COUNT];

enum tpm {
    TPM_NONE,
    TPM_2, /* an emulated one, of version 2.0 */
    TPM_COUNT,
};
extern const char *const tpm_names[TPM_COUNT];

struct machine {
    enum firmware firmware;
    enum disk_bus disk_bus;
    enum guest_clock clock;
    enum tpm tpm;
};
extern const struct table machine_table;

/* Of what is not said (the zero of each), what `from` says. */
void machine_complete(struct machine *machine, const struct machine *from);
