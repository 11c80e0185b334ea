/* The rule by which a VM's interfaces have their MAC addresses, and what becomes of their numbers
 * as they come and go. */
#include "message/records/interface.h"

#include <string.h>

#include "base/text.h"
#include "message/labels.h"

/* Locally administered and of one station; never 0xfe in front, which libvirt keeps for itself. */
void interface_mac(interface_hash hash, const char *vm, unsigned interface,
                   char out_mac[limit_mac_size]) {
    char words[limit_id_size + 16], digest[limit_digest_size];
    text_format(words, sizeof(words), "%s/%u", vm, interface);
    hash(words, strlen(words), digest);
    text_format(out_mac, limit_mac_size, "%c2:%.2s:%.2s:%.2s:%.2s:%.2s", "01234567"[digest[0] & 7],
                digest + 2, digest + 4, digest + 6, digest + 8, digest + 10);
}

/* The networks by their numbers; "": no interface has that. */
struct slots {
    char names[limit_vm_networks][limit_name_size];
};

static struct slots slots_of(const char *networks) {
    struct slots slots = {0};
    char name[limit_name_size];
    for (unsigned i = 0; (networks = slots_next(networks, &i, name)) && i < limit_vm_networks; i++)
        text_set(slots.names[i], name);
    return slots;
}

/* What is free at the end has no place. */
static char *join(const struct slots *slots, char out[interfaces_size]) {
    unsigned count = limit_vm_networks;
    while (count && !*slots->names[count - 1])
        count--;
    out[0] = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t length = strlen(out);
        text_format(out + length, interfaces_size - length, "%s%s", i ? "," : "",
                    *slots->names[i] ? slots->names[i] : slot_free);
    }
    return count ? out : NULL;
}

uint32_t interfaces_of(interface_hash hash, const char *vm, const char *networks,
                       struct interface out_interfaces[limit_vm_networks]) {
    const struct slots slots = slots_of(networks);
    uint32_t count = 0;
    for (uint32_t i = 0; i < limit_vm_networks; i++) {
        struct interface *interface = &out_interfaces[count];
        if (!*slots.names[i])
            continue;
        *interface = (struct interface){.number = i};
        text_set(interface->network, slots.names[i]);
        if (hash)
            interface_mac(hash, vm, i, interface->mac);
        count++;
    }
    return count;
}

uint32_t interfaces_count(const char *networks) {
    const struct slots slots = slots_of(networks);
    uint32_t count = 0;
    for (uint32_t i = 0; i < limit_vm_networks; i++)
        count += *slots.names[i] != 0;
    return count;
}

char *interfaces_with(const char *networks, const char *name, char out[interfaces_size]) {
    struct slots slots = slots_of(networks);
    unsigned at = 0;
    while (at + 1 < limit_vm_networks && *slots.names[at])
        at++;
    text_set(slots.names[at], name);
    return join(&slots, out);
}

char *interfaces_without(const char *networks, unsigned number, char out[interfaces_size]) {
    struct slots slots = slots_of(networks);
    if (number < limit_vm_networks)
        slots.names[number][0] = 0;
    return join(&slots, out);
}

char *interfaces_added(const char *was, const char *now, char out[interfaces_size]) {
    const struct slots old = slots_of(was);
    struct slots new = slots_of(now);
    for (uint32_t i = 0; i < limit_vm_networks; i++)
        if (text_equal(new.names[i], old.names[i]))
            new.names[i][0] = 0;
    return join(&new, out);
}

char *interfaces_show(const char *networks, char out[interfaces_size]) {
    char name[limit_name_size];
    size_t length = 0;
    for (unsigned i = 0; (networks = slots_next(networks, &i, name)); i++) {
        text_format(out + length, interfaces_size - length, "%s%s", length ? "," : "", name);
        length = strlen(out);
    }
    return length ? out : NULL;
}
