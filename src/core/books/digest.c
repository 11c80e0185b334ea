/* What goes into the digest: numbers and state, what the VM has, its image, snapshots, networks, IP
 * addresses and rules, whether it is heard of; no times and no places, which the ends count
 * differently. */
#include "core/books/digest.h"

#include "base/map.h"
#include "base/text.h"
#include "core/books/lifecycle.h"
#include "message/model.h"

uint64_t uplink_vm_digest(const struct vm *vm, uint32_t epoch, uint64_t generation,
                          uint64_t unheard_ms) {
    const uint64_t numbers[] = {(uint64_t)vm->state, vm->size.cpus, vm->size.memory_mib,
                                vm->size.disk_gib};
    struct text text = {0};
    text_add(&text, vm->id);
    text_add(&text, " ");
    text_add_number(&text, epoch);
    text_add(&text, " ");
    text_add_number(&text, generation);
    for (size_t i = 0; i < array_size(numbers); i++) {
        text_add(&text, " ");
        text_add_number(&text, numbers[i]);
    }
    text_add(&text, vm->digest);
    for (uint32_t i = 0; i < vm->snapshots_count; i++) {
        text_add(&text, " ");
        text_add(&text, vm->snapshots[i].name);
    }
    if (vm->networks) {
        text_add(&text, " @");
        text_add(&text, vm->networks);
    }
    for (uint32_t i = 0; i < vm->ips_count; i++) {
        text_add(&text, " ");
        text_add_number(&text, vm->ips[i].interface);
        text_add(&text, vm->ips[i].ip);
    }
    if (vm->allow)
        text_addf(&text, " allow %s", vm->allow);
    if (unheard_ms && lifecycle_is_made(vm->state)) /* whether, not since when */
        text_add(&text, " ?");
    uint64_t hash = map_hash(0, text_data(&text), text.length);
    text_deinit(&text);
    return hash;
}
