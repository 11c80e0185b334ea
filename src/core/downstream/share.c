/* What of the cluster an upstream manager may have, and what of that it sees: the hosts' sums, less
 * what is kept for others, within its limits, rounded down to its steps. */
#include "core/downstream/share.h"

#include "base/memory.h"
#include "core/above/uplink.h"
#include "core/below/turns.h"
#include "core/books/amounts.h"
#include "core/downstream/lending.h"

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static uint64_t minus(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

static uint64_t lent(uint64_t limit, uint64_t total) { return limit ? least(limit, total) : total; }

/* Of those that wait for an image: they have no host yet, and are taken all the same. But for those
 * of one asker, NULL: of nobody. */
static struct amounts sum_waiting(const struct downstream *downstream, const char *but) {
    struct amounts sum = {0};
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &downstream->waiting) {
        const struct vm *vm = &container_of(node, struct book_vm, by_place)->record;
        if (!but || !text_equal(vm->asker, but))
            amounts_add(&sum, &vm->size);
    }
    list_each(node, next, &downstream->moving) {
        const struct book_vm *vm = &container_of(node, struct downstream_vm, by_move)->base;
        if (downstream_is_homeless(vm) && (!but || !text_equal(vm->record.asker, but)))
            amounts_add(&sum, &vm->record.size);
    }
    return sum;
}

/* What the hosts have free, less what waits. */
static struct amounts sum_free(const struct downstream *downstream,
                               const struct amounts *waiting) {
    const struct capacity *sum = &downstream->manager.downlink.sum.total;
    return (struct amounts){.cpus = room_left(sum->cpus_free - waiting->cpus),
                            .memory_mib = room_left(sum->memory_mib_free -
                                                    waiting->memory_mib),
                            .disk_gib = room_left(sum->disk_gib_free - waiting->disk_gib)};
}

/* Of what is kept for one: as much as it may have and does not use yet. */
static uint64_t still_kept(uint64_t kept, uint64_t limit, uint64_t used) {
    return minus(lent(limit, kept), used);
}

/* What is free and kept for others. What they do with it shows in no sum of this one's: what they
 * take is free no more, and kept no more. */
static struct amounts kept_for_others(const struct downstream *downstream,
                                      const struct lending *lending) {
    struct amounts sum = {0};
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        const struct lending *other = &downstream->lendings[i];
        const struct amounts *kept = &other->share.kept, *used = &other->used;
        if (other == lending || other->phase != LENDING_LENT)
            continue;
        sum.cpus = amounts_plus(sum.cpus,
                                still_kept(kept->cpus, other->limits.cpus, used->cpus));
        sum.memory_mib =
            amounts_plus(sum.memory_mib, still_kept(kept->memory_mib, other->limits.memory_mib,
                                                    used->memory_mib));
        sum.disk_gib = amounts_plus(sum.disk_gib, still_kept(kept->disk_gib, other->limits.disk_gib,
                                                             used->disk_gib));
    }
    return sum;
}

static bool intrudes(uint64_t kept, uint64_t free, uint64_t size) {
    return kept && minus(free, kept) < size;
}

bool downstream_is_kept(const struct downstream *downstream, const struct book_vm *vm,
                        const struct size *size) {
    const struct lending *lending = downstream_lending(downstream, vm->record.asker);
    struct amounts kept = kept_for_others(downstream, lending);
    if (!kept.cpus && !kept.memory_mib && !kept.disk_gib)
        return false;
    struct amounts waiting = sum_waiting(downstream, vm->record.asker);
    struct amounts free = sum_free(downstream, &waiting);
    return intrudes(kept.cpus, free.cpus, size->cpus) ||
           intrudes(kept.memory_mib, free.memory_mib, size->memory_mib) ||
           intrudes(kept.disk_gib, free.disk_gib, size->disk_gib);
}

/* How many more of this size go into what is free, where something is kept. */
static uint64_t beside(uint64_t kept, uint64_t free, uint64_t size) {
    return kept ? minus(free, kept) / size : UINT64_MAX;
}

static uint64_t down(uint64_t count, uint64_t step) { return step ? count - count % step : count; }

static void round_down(struct capacity *shown, const struct amounts *steps) {
    shown->cpus_total = down(shown->cpus_total, steps->cpus);
    shown->cpus_free = down(shown->cpus_free, steps->cpus);
    shown->memory_mib_total = down(shown->memory_mib_total, steps->memory_mib);
    shown->memory_mib_free = down(shown->memory_mib_free, steps->memory_mib);
    shown->disk_gib_total = down(shown->disk_gib_total, steps->disk_gib);
    shown->disk_gib_free = down(shown->disk_gib_free, steps->disk_gib);
    for (uint32_t i = 0; i < shown->fits_count; i++)
        shown->fits[i].count = down(shown->fits[i].count, steps->vms);
}

/* How many more of this size fit on hosts, beside those that wait. */
static uint64_t left_by_waiting(const struct downstream *downstream, const struct size *size) {
    uint64_t waiting = 0;
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &downstream->waiting)
        waiting += downlink_takes(&container_of(node, struct book_vm, by_place)->record.size, size);
    list_each(node, next, &downstream->moving) {
        const struct book_vm *vm = &container_of(node, struct downstream_vm, by_move)->base;
        waiting += downstream_is_homeless(vm) ? downlink_takes(&vm->record.size, size) : 0;
    }
    int shape = downlink_shape(&downstream->manager.downlink, size);
    return shape < 0 ? 0 : room_left(downstream->manager.downlink.sum.fits[shape] - waiting);
}

bool downstream_crowds_out(const struct downstream *downstream, const struct size *growth) {
    bool seen[limit_shapes] = {false};
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &downstream->waiting) {
        const struct size *size = &container_of(node, struct book_vm, by_place)->record.size;
        int shape = downlink_shape(&downstream->manager.downlink, size);
        if (shape < 0 || seen[shape])
            continue;
        seen[shape] = true;
        if (left_by_waiting(downstream, size) < downlink_takes(growth, size))
            return true;
    }
    return false;
}

/* What is free on hosts, and what of it is kept for other upstream managers. */
struct rest {
    struct amounts free, kept;
};

/* How many more VMs of a size the asker may have: what fits on hosts, within what is lent. */
static uint64_t fits(const struct downstream *downstream, const struct lending *lending,
                     const struct size *size, const struct rest *rest) {
    const struct amounts *free = &rest->free, *kept = &rest->kept;
    const struct amounts *limits = &lending->limits, *used = &lending->used;
    uint64_t count = left_by_waiting(downstream, size);
    count = least(count, beside(kept->cpus, free->cpus, size->cpus));
    count = least(count, beside(kept->memory_mib, free->memory_mib, size->memory_mib));
    count = least(count, beside(kept->disk_gib, free->disk_gib, size->disk_gib));
    count = least(count, amounts_left(limits->vms, used->vms));
    count = least(count, amounts_left(limits->cpus, used->cpus) / size->cpus);
    count = least(count, amounts_left(limits->memory_mib, used->memory_mib) / size->memory_mib);
    return least(count, amounts_left(limits->disk_gib, used->disk_gib) / size->disk_gib);
}

/* The aggregate that the asker may see; the caller clears it. */
static struct capacity show(const struct downstream *downstream, const struct lending *lending) {
    const struct capacity *sum = &downstream->manager.downlink.sum.total;
    const struct amounts *limits = &lending->limits, *used = &lending->used;
    const struct uplink *uplink = &lending->uplink;
    struct amounts waiting = sum_waiting(downstream, NULL);
    const struct rest rest = {sum_free(downstream, &waiting), kept_for_others(downstream, lending)};
    struct capacity shown = {
        .cpus_total = lent(limits->cpus, sum->cpus_total),
        .cpus_free = least(minus(rest.free.cpus, rest.kept.cpus),
                           amounts_left(limits->cpus, used->cpus)),
        .memory_mib_total = lent(limits->memory_mib, sum->memory_mib_total),
        .memory_mib_free = least(minus(rest.free.memory_mib, rest.kept.memory_mib),
                                 amounts_left(limits->memory_mib, used->memory_mib)),
        .disk_gib_total = lent(limits->disk_gib, sum->disk_gib_total),
        .disk_gib_free = least(minus(rest.free.disk_gib, rest.kept.disk_gib),
                               amounts_left(limits->disk_gib, used->disk_gib)),
    };
    shown.fits = memory_new(uplink->shapes_count, sizeof(*shown.fits));
    for (size_t i = 0; i < uplink->shapes_count; i++) {
        struct fit *fit = &shown.fits[shown.fits_count++];
        text_set(fit->shape, uplink->shapes[i].name);
        if (downstream_allows_shape(lending, &uplink->shapes[i]) && !downstream->manager.disk_full)
            fit->count = fits(downstream, lending, &uplink->shapes[i].size, &rest);
    }
    if (lending->phase != LENDING_LENT) { /* it keeps what it has, and gets nothing more */
        shown.cpus_total = used->cpus;
        shown.memory_mib_total = used->memory_mib;
        shown.disk_gib_total = used->disk_gib;
    }
    if (lending->phase != LENDING_LENT || downstream->manager.disk_full)
        shown.cpus_free = shown.memory_mib_free = shown.disk_gib_free = 0;
    round_down(&shown, &lending->share.steps);
    uplink_bound_capacity(&shown);
    return shown;
}

void downstream_tell_capacity(struct downstream *downstream, struct lending *lending) {
    struct capacity shown = show(downstream, lending);
    uplink_tell_capacity(&lending->uplink, &shown);
}

bool downstream_shows_another(const struct downstream *downstream, const struct lending *lending) {
    struct capacity shown = show(downstream, lending);
    bool another = !record_equal(&capacity_table, &shown, &lending->uplink.told);
    record_clear(&capacity_table, &shown);
    return another;
}

uint32_t downstream_weight(const struct lending *lending) {
    return lending->share.weight ? lending->share.weight : 1;
}

void downstream_share_hosts(struct downstream *downstream) {
    struct askers askers = {.count = downstream->lendings_count};
    for (size_t i = 0; i < askers.count; i++) {
        askers.names[i] = downstream->lendings[i].uplink.setting.name;
        askers.weights[i] = downstream_weight(&downstream->lendings[i]);
    }
    if (askers.count > 1)
        downlink_share(&downstream->manager.downlink, &askers);
}

void downstream_set_share(struct downstream *downstream, struct lending *lending,
                          enum origin from, const struct share *share) {
    lending->share = *share;
    lending->share_from = from;
    if (downstream->lendings_count > 1)
        downlink_weigh(&downstream->manager.downlink, (size_t)(lending - downstream->lendings),
                       downstream_weight(lending));
}

void downstream_count_op(struct downstream *downstream, struct book_op *op) {
    struct lending *lending = downstream_lending(downstream, op->record.asker);
    bool counts = !book_op_has_ended(op) && !op->record.internal;
    if (!lending || downstream_op(op)->counted == counts)
        return;
    downstream_op(op)->counted = counts;
    if (counts)
        lending->under_way++;
    else
        lending->under_way--;
}
