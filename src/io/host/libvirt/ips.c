/* Whom of libvirt's ways to a domain's addresses is asked. */
#include "io/host/libvirt/ips.h"

#include <stdlib.h>
#include <string.h>

#include "io/host/libvirt/look_up.h"

enum { agent_seconds = 2 };

/* Has the guest opened its agent's channel? Nobody has to be waited for to know that. */
static bool has_agent(virDomainPtr domain) {
    char *xml = virDomainGetXMLDesc(domain, 0);
    bool has = xml && strstr(xml, "name='org.qemu.guest_agent.0' state='connected'");
    free(xml);
    return has;
}

/* False: there is no answer. */
static bool ask(virDomainPtr domain, unsigned source, enum sighted_by by, struct sightings *out) {
    virDomainInterfacePtr *interfaces = NULL;
    int count = virDomainInterfaceAddresses(domain, &interfaces, source, 0);
    for (int i = 0; i < count; i++) {
        for (unsigned k = 0; interfaces[i]->hwaddr && k < interfaces[i]->naddrs; k++)
            sightings_add(out, by, interfaces[i]->hwaddr, interfaces[i]->addrs[k].addr);
        virDomainInterfaceFree(interfaces[i]);
    }
    free(interfaces);
    return count >= 0;
}

enum libvirt_ips libvirt_read_ips(struct libvirt *libvirt, const char *vm,
                                  enum libvirt_ips_ask whom, struct sightings *out) {
    static const unsigned sources[] = {VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
                                       VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE};
    auto_clean(ours_clean) struct ours ours = {0};
    struct error err;
    bool answers[] = {true, true};
    if (libvirt_look_up_known(libvirt, vm, &ours, &err) != CODE_OK ||
        virDomainIsActive(ours.domain) != 1 ||
        libvirt_read_mark(ours.domain, &ours.mark, &err) != CODE_OK)
        return LIBVIRT_IPS_OFF;
    bool asks = whom == LIBVIRT_IPS_GUEST_TOO && has_agent(ours.domain) &&
                virDomainAgentSetResponseTimeout(ours.domain, agent_seconds, 0) == 0;
    for (size_t i = !asks; i < array_size(sources); i++)
        answers[i] = ask(ours.domain, sources[i], i ? BY_LEASE : BY_GUEST_AGENT, out);
    return answers[0] ? LIBVIRT_IPS_READ : LIBVIRT_IPS_DEAF;
}
