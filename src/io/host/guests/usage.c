/* What two readings of a guest's counters make. */
#include "io/host/guests/usage.h"

#include <string.h>
#include <time.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/host/known.h"
#include "io/host/libvirt/usage.h"
#include "io/host/state.h"
#include "io/shell/ports.h"

struct guest {
    struct list node;
    char vm[limit_id_size];
    struct libvirt_counters read;
    uint64_t read_ms; /* when */
    uint64_t look;    /* in which it was seen */
};

struct guest_usage {
    struct host *host;
    struct pool *pool;
    struct map by_vm;
    struct list all;
    uint64_t looks;
};

static uint64_t now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t narrow(uint64_t number) {
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

static uint32_t rate(uint64_t before, uint64_t now, uint64_t passed_ms) {
    return narrow((now - before) * 1000 / passed_ms);
}

/* Were all of them counted on from those before? */
static bool goes_on(const struct libvirt_counters *before, const struct libvirt_counters *now) {
    return before->run == now->run && before->cpu_ns <= now->cpu_ns &&
           before->disk_read <= now->disk_read && before->disk_written <= now->disk_written &&
           before->net_received <= now->net_received && before->net_sent <= now->net_sent;
}

static struct guest *guest_of(struct guest_usage *usage, const char *vm) {
    struct guest *guest = map_get(&usage->by_vm, vm);
    if (guest)
        return guest;
    guest = memory_new(1, sizeof(*guest));
    text_set(guest->vm, vm);
    list_add(&usage->all, &guest->node);
    map_put(&usage->by_vm, guest->vm, guest);
    return guest;
}

static void drop(struct guest_usage *usage, struct guest *guest) {
    map_remove(&usage->by_vm, guest->vm);
    list_remove(&guest->node);
    memory_free(guest);
}

/* False: nothing can be said of it yet. */
static bool look_at(struct guest_usage *usage, const struct host_domain_mark *mark,
                    struct vm_usage *out) {
    struct libvirt_counters read;
    if (!libvirt_read_counters(usage->host->libvirt, mark->vm, &read))
        return false;
    struct guest *guest = guest_of(usage, mark->vm);
    const struct libvirt_counters before = guest->read;
    uint64_t at_ms = now_ms(), passed_ms = at_ms - guest->read_ms;
    bool is_known = guest->look && passed_ms && goes_on(&before, &read);
    guest->read = read;
    guest->read_ms = at_ms;
    guest->look = usage->looks;
    if (!is_known)
        return false;
    *out = (struct vm_usage){
        .epoch = mark->epoch,
        .usage = {.cpu_permille = narrow((read.cpu_ns - before.cpu_ns) / 1000 / passed_ms),
                  .memory_mib = narrow(read.memory_kib / 1024),
                  .disk_read = rate(before.disk_read, read.disk_read, passed_ms),
                  .disk_written = rate(before.disk_written, read.disk_written, passed_ms),
                  .net_received = rate(before.net_received, read.net_received, passed_ms),
                  .net_sent = rate(before.net_sent, read.net_sent, passed_ms)}};
    text_set(out->vm, mark->vm);
    return true;
}

static void look(struct guest_usage *usage) {
    size_t count;
    uint32_t told = 0;
    auto_clean(memory_clean) struct host_domain_mark *all =
        host_known_all(usage->host->known, &count);
    auto_clean(memory_clean) struct vm_usage *found = memory_new(count, sizeof(*found));
    usage->looks++;
    for (size_t i = 0; i < count && !libvirt_cancelled_within(usage->host->libvirt, 0); i++)
        told += look_at(usage, &all[i], &found[told]);
    list_for(struct guest, guest, &usage->all, node) {
        if (guest->look != usage->looks)
            drop(usage, guest);
    }
    if (told)
        shell_put(usage->host->shell,
                  &(struct event){.kind = EVENT_USAGE, .usage = {told, found}});
}

static void on_looks(void *context, struct list *batch) {
    list_for(struct work, work, batch, node)
        memory_free(work);
    look(context);
}

static void on_rest(void *context) {
    const struct guest_usage *usage = context;
    shell_serve(usage->host->shell);
}

static void work_free(struct work *work) { memory_free(work); }

struct guest_usage *guest_usage_begin(struct host *host, struct error *err) {
    struct guest_usage *usage = memory_new(1, sizeof(*usage));
    const struct pool_calls calls = {on_looks, on_rest, usage};
    usage->host = host;
    map_init(&usage->by_vm, (uint64_t)(uintptr_t)usage);
    list_init(&usage->all);
    usage->pool = pool_new(1, 1, &calls, err);
    if (usage->pool)
        return usage;
    guest_usage_end(usage);
    return NULL;
}

void guest_usage_look(struct guest_usage *usage) {
    struct work *work = memory_new(1, sizeof(*work));
    text_set(work->lane, "usage");
    if (pool_has(usage->pool, work->lane) || pool_add(usage->pool, work) != POOL_ADDED)
        memory_free(work);
}

void guest_usage_end(struct guest_usage *usage) {
    if (!usage)
        return;
    pool_free(usage->pool, work_free);
    list_for(struct guest, guest, &usage->all, node)
        drop(usage, guest);
    map_deinit(&usage->by_vm);
    memory_free(usage);
}
