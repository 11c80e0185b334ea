/* Which of the IP addresses that are told of a VM are believed, and how they are shown. */
#include "core/books/ips.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

bool ips_may_be(enum vm_state state) {
    return state == VM_PENDING || state == VM_RUNNING || state == VM_PAUSED;
}

/* Does it say more than those before it, of an interface that has room? */
static bool counts(const struct vm_ip *ips, uint32_t before, const struct vm_ip *one) {
    uint32_t of_interface = 0;
    bool is_new = one->interface < limit_vm_networks;
    for (uint32_t i = 0; i < before; i++) {
        of_interface += ips[i].interface == one->interface;
        is_new &= ips[i].interface != one->interface || !text_equal(ips[i].ip, one->ip);
    }
    return is_new && of_interface < limit_interface_ips;
}

static bool are_equal(const struct vm *vm, const struct vm_ip *ips, uint32_t count) {
    bool equal = vm->ips_count == count;
    for (uint32_t i = 0; equal && i < count; i++)
        equal = record_equal(&vm_ip_table, &vm->ips[i], &ips[i]);
    return equal;
}

bool ips_learn(struct vm *vm, const struct vm_ip *ips, uint32_t count) {
    struct vm_ip believed[limit_vm_ips];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count && kept < limit_vm_ips; i++)
        if (counts(believed, kept, &ips[i]))
            believed[kept++] = ips[i];
    if (!kept || !ips_may_be(vm->state) || are_equal(vm, believed, kept))
        return false;
    memory_free(vm->ips);
    vm->ips = memory_copy(believed, kept * sizeof(*believed));
    vm->ips_count = kept;
    return true;
}

void ips_drop(struct vm *vm) {
    memory_free(vm->ips);
    vm->ips = NULL;
    vm->ips_count = 0;
}

static void show(const struct vm *vm, uint32_t interface, struct interface *out) {
    size_t length = 0;
    out->ips[0] = 0;
    for (uint32_t i = 0; i < vm->ips_count; i++) {
        if (vm->ips[i].interface != interface)
            continue;
        text_format(out->ips + length, sizeof(out->ips) - length, "%s%s", length ? "," : "",
                    vm->ips[i].ip);
        length = strlen(out->ips);
    }
}

void ips_show(const struct vm *vm, struct interface *interfaces, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        show(vm, interfaces[i].number, &interfaces[i]);
}
