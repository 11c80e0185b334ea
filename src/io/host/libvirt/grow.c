/* How long a guest has to take memory up, and how much of it counts as taken. */
#include "io/host/libvirt/grow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "io/host/domain.h"

enum {
    mib_kib = 1024,
    look_ms = 200,
    first_word_ms = 5000, /* for the guest to say what it has */
    guest_ms = 10000,     /* to take memory, or to give it back */
    stats_period_s = 1,
};

/* What a guest has said of its memory; told 0: nothing yet. */
struct word {
    uint64_t has_kib, told;
};

static struct word listen(virDomainPtr domain) {
    struct word word = {0};
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    int count = virDomainMemoryStats(domain, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
    for (int i = 0; i < count; i++) {
        if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_AVAILABLE)
            word.has_kib = stats[i].val;
        if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE)
            word.told = stats[i].val;
    }
    return word;
}

/* What it says now, not what it said once; has_kib 0: it says nothing. */
static struct word first_word(const struct libvirt *libvirt, virDomainPtr domain) {
    struct word old = listen(domain), word = {0};
    if (virDomainSetMemoryStatsPeriod(domain, stats_period_s, VIR_DOMAIN_AFFECT_LIVE) < 0)
        return word;
    for (int waited = 0; waited < first_word_ms; waited += look_ms) {
        word = listen(domain);
        if (word.has_kib && word.told > old.told)
            return word;
        if (libvirt_cancelled_within(libvirt, look_ms))
            break;
    }
    return (struct word){0};
}

/* Has the guest taken what was added? It may use a little of that to keep its books of it. */
static bool guest_has_taken(const struct libvirt *libvirt, virDomainPtr domain,
                            const struct word *before, uint64_t grown_mib) {
    uint64_t least_kib = before->has_kib + grown_mib * mib_kib / 8 * 7;
    for (int waited = 0; before->has_kib && waited < guest_ms; waited += look_ms) {
        if (listen(domain).has_kib >= least_kib)
            return true;
        if (libvirt_cancelled_within(libvirt, look_ms))
            return true; /* nobody has seen that it did not */
    }
    return !before->has_kib;
}

static uint64_t memory_mib(virDomainPtr domain) {
    virDomainInfo info;
    return virDomainGetInfo(domain, &info) == 0 ? info.maxMem / mib_kib : 0;
}

void libvirt_ungrow(const struct libvirt *libvirt, virDomainPtr domain, uint64_t from_mib,
                    uint64_t to_mib) {
    char name[host_domain_module_size];
    host_domain_module_name(from_mib, name);
    if (virDomainDetachDeviceAlias(domain, name, VIR_DOMAIN_AFFECT_LIVE) < 0)
        return;
    for (int waited = 0; waited < guest_ms && memory_mib(domain) > to_mib; waited += look_ms)
        if (libvirt_cancelled_within(libvirt, look_ms))
            return;
}

static enum code plug(virDomainPtr domain, uint64_t to_mib, uint64_t grown_mib,
                      struct error *err) {
    auto_clean(text_deinit) struct text xml = {0};
    host_domain_module_xml(to_mib, grown_mib, &xml);
    if (virDomainAttachDeviceFlags(domain, text_data(&xml), VIR_DOMAIN_AFFECT_LIVE) < 0)
        return libvirt_failed(err, "add memory");
    if (memory_mib(domain) == to_mib)
        return CODE_OK;
    error_set(err, -EIO, "libvirt took %" PRIu64 " MiB more, and counts another sum", grown_mib);
    return CODE_HOST_FAILED;
}

static enum code check_room(virDomainPtr domain, uint64_t has_mib, uint64_t grown_mib,
                            struct error *err) {
    if (grown_mib % host_domain_block_mib)
        return libvirt_cannot(err, "more memory by other than whole blocks of 128 MiB");
    char *xml = virDomainGetXMLDesc(domain, 0);
    if (!xml)
        return libvirt_failed(err, "read the domain's XML");
    bool room = host_domain_has_room(xml, has_mib, grown_mib);
    free(xml);
    return room ? CODE_OK : libvirt_cannot(err, "more memory than it was started for");
}

enum code libvirt_grow(const struct libvirt *libvirt, virDomainPtr domain, uint64_t to_mib,
                       struct error *err) {
    uint64_t has_mib = memory_mib(domain), grown_mib = to_mib - has_mib;
    if (!has_mib)
        return libvirt_failed(err, "read what the domain has");
    enum code code = check_room(domain, has_mib, grown_mib, err);
    if (code != CODE_OK)
        return code;
    struct word before = first_word(libvirt, domain);
    code = plug(domain, to_mib, grown_mib, err);
    if (code == CODE_OK && !guest_has_taken(libvirt, domain, &before, grown_mib)) {
        error_set(err, -EAGAIN, "the guest has not taken the memory that was added");
        code = CODE_GUEST_IGNORED;
    }
    (void)virDomainSetMemoryStatsPeriod(domain, 0, VIR_DOMAIN_AFFECT_LIVE);
    return code;
}
