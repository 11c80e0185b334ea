/* The rule by which a VM's interfaces have their MAC addresses. */
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

uint32_t interfaces_of(interface_hash hash, const char *vm, const char *networks,
                       struct interface out_interfaces[limit_vm_networks]) {
    uint32_t count = 0;
    while (count < limit_vm_networks &&
           (networks = names_next(networks, out_interfaces[count].network))) {
        interface_mac(hash, vm, count, out_interfaces[count].mac);
        count++;
    }
    return count;
}
