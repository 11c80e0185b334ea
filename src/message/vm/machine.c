/* The field table of machines, and the names of what they can have. */
#include "message/vm/machine.h"

const char *const firmware_names[FIRMWARE_COUNT] = {
    [FIRMWARE_ANY] = "any", [FIRMWARE_BIOS] = "bios", [FIRMWARE_UEFI] = "uefi",
    [FIRMWARE_SECURE_BOOT] = "secure-boot"};
const char *const disk_bus_names[DISK_BUS_COUNT] = {
    [DISK_BUS_VIRTIO] = "virtio", [DISK_BUS_SCSI] = "scsi", [DISK_BUS_SATA] = "sata"};
const char *const guest_clock_names[GUEST_CLOCK_COUNT] = {
    [GUEST_CLOCK_UTC] = "utc", [GUEST_CLOCK_LOCAL] = "local"};
const char *const tpm_names[TPM_COUNT] = {[TPM_NONE] = "none", [TPM_2] = "2.0"};

static const struct field machine_fields[] = {
    {field_of(struct machine, firmware), .number = 1, .about = "What starts the guest.",
     .kind = FIELD_ENUM, field_names(firmware_names)},
    {field_of(struct machine, disk_bus), .number = 2, .about = "How its disk is attached.",
     .kind = FIELD_ENUM, field_names(disk_bus_names)},
    {field_of(struct machine, clock), .number = 3, .about = "What its hardware clock shows.",
     .kind = FIELD_ENUM, field_names(guest_clock_names)},
    {field_of(struct machine, tpm), .number = 4, .about = "The security chip that it has.",
     .kind = FIELD_ENUM, field_names(tpm_names)},
};
const struct table machine_table = {"machine", "What a guest needs of its machine.",
                                    sizeof(struct machine), field_rows(machine_fields)};

void machine_complete(struct machine *machine, const struct machine *from) {
    if (!machine->firmware)
        machine->firmware = from->firmware;
    if (!machine->disk_bus)
        machine->disk_bus = from->disk_bus;
    if (!machine->clock)
        machine->clock = from->clock;
    if (!machine->tpm)
        machine->tpm = from->tpm;
}
