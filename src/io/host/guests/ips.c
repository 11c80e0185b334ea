/* When a guest is looked at: soon and often as long as nothing is known of it, then now and then;
 * one whose agent does not answer, more and more seldom by that. */
#include "io/host/guests/ips.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/host/guests/neighbours.h"
#include "io/host/known.h"
#include "io/host/libvirt/ips.h"
#include "io/host/state.h"
#include "io/shell/ports.h"

/* In rounds of look_ms. Nothing is known of a new one for `hasty` of them. */
enum { look_ms = 2000, rested = 5, hasty = 150, deaf_most = 64 };

struct guest {
    struct list node;
    struct host_domain_mark mark;
    uint32_t looks;       /* since it began to run */
    uint32_t rest;        /* rounds until the next look */
    uint32_t deaf, await; /* rounds between questions to its agent, and until the next */
    uint64_t round;       /* in which it was there */
};

struct guest_ips {
    struct host *host;
    pthread_t thread;
    struct map by_vm;
    struct list all;
    uint64_t round;
    struct sightings seen, own; /* in this round; own: the machine's */
    bool has_failed;            /* to look around, the last time */
};

static struct guest *guest_of(struct guest_ips *ips, const struct host_domain_mark *mark) {
    struct guest *guest = map_get(&ips->by_vm, mark->vm);
    if (!guest) {
        guest = memory_new(1, sizeof(*guest));
        text_set(guest->mark.vm, mark->vm);
        list_add(&ips->all, &guest->node);
        map_put(&ips->by_vm, guest->mark.vm, guest);
    }
    guest->mark.epoch = mark->epoch;
    guest->round = ips->round;
    return guest;
}

static void drop(struct guest_ips *ips, struct guest *guest) {
    map_remove(&ips->by_vm, guest->mark.vm);
    list_remove(&guest->node);
    memory_free(guest);
}

/* Addresses that were told before are told again: what the agent could not take then, it takes. */
static bool tell(struct guest_ips *ips, const struct guest *guest) {
    struct vm_ip found[limit_vm_ips];
    struct event event = {.kind = EVENT_IPS, .ips = {.epoch = guest->mark.epoch, .ips = found}};
    text_set(event.ips.vm, guest->mark.vm);
    event.ips.count = sightings_pick(&ips->seen, &ips->own, guest->mark.vm, found);
    if (event.ips.count)
        shell_post(ips->host->shell, &event);
    return event.ips.count;
}

static void learn_deafness(struct guest *guest, enum libvirt_ips_ask ask, bool is_deaf) {
    if (ask == LIBVIRT_IPS_HOST)
        return;
    uint32_t longer = guest->deaf ? guest->deaf * 2 : 1;
    guest->deaf = !is_deaf ? 0 : longer < deaf_most ? longer : deaf_most;
    guest->await = guest->deaf;
}

static void look(struct guest_ips *ips, struct guest *guest) {
    enum libvirt_ips_ask ask = guest->await ? LIBVIRT_IPS_HOST : LIBVIRT_IPS_GUEST_TOO;
    size_t neighbours = ips->seen.count;
    enum libvirt_ips read =
        libvirt_read_ips(ips->host->libvirt, guest->mark.vm, ask, &ips->seen);
    if (read != LIBVIRT_IPS_OFF) {
        guest->looks++;
        learn_deafness(guest, ask, read == LIBVIRT_IPS_DEAF);
        guest->rest = tell(ips, guest) || guest->looks > hasty ? rested : 0;
    } else { /* begins anew when it runs again */
        guest->looks = guest->deaf = guest->await = 0;
        guest->rest = 1;
    }
    ips->seen.count = neighbours;
}

/* What the machine sees without asking anybody. False: its own addresses are not known, and so
 * nothing is told. */
static bool look_around(struct guest_ips *ips) {
    struct error err;
    sightings_clear(&ips->seen);
    sightings_clear(&ips->own);
    bool failed =
        neighbours_read_own(&ips->own, &err) || neighbours_read(&ips->seen, &err);
    if (failed && !ips->has_failed)
        shell_log(ips->host->shell, LOG_WARNING, "ips-unseen", "next=again why=%s", err.text);
    ips->has_failed = failed;
    return !failed;
}

static void look_at_all(struct guest_ips *ips) {
    size_t count;
    auto_clean(memory_clean) struct host_domain_mark *all =
        host_known_all(ips->host->known, &count);
    ips->round++;
    bool sees = count && look_around(ips);
    for (size_t i = 0; i < count; i++) {
        struct guest *guest = guest_of(ips, &all[i]);
        bool is_due = !guest->rest;
        guest->rest -= !is_due;
        guest->await -= guest->await > 0;
        if (is_due && sees && !libvirt_is_frozen(ips->host->libvirt, all[i].vm) &&
            !libvirt_cancelled_within(ips->host->libvirt, 0))
            look(ips, guest);
    }
    list_for(struct guest, guest, &ips->all, node) {
        if (guest->round != ips->round)
            drop(ips, guest);
    }
}

static void *watch(void *context) {
    struct guest_ips *ips = context;
    while (!libvirt_cancelled_within(ips->host->libvirt, look_ms))
        look_at_all(ips);
    return NULL;
}

static void guest_ips_free(struct guest_ips *ips) {
    list_for(struct guest, guest, &ips->all, node)
        drop(ips, guest);
    map_deinit(&ips->by_vm);
    sightings_deinit(&ips->seen);
    sightings_deinit(&ips->own);
    memory_free(ips);
}

struct guest_ips *guest_ips_begin(struct host *host, struct error *err) {
    struct guest_ips *ips = memory_new(1, sizeof(*ips));
    ips->host = host;
    map_init(&ips->by_vm, (uint64_t)(uintptr_t)ips);
    list_init(&ips->all);
    int failed = pthread_create(&ips->thread, NULL, watch, ips);
    if (!failed)
        return ips;
    error_set(err, -failed, "begin a thread: %s", strerror(failed));
    guest_ips_free(ips);
    return NULL;
}

void guest_ips_end(struct guest_ips *ips) {
    if (!ips)
        return;
    (void)pthread_join(ips->thread, NULL);
    guest_ips_free(ips);
}
