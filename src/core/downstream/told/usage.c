/* How the hosts' words become one, and whose turn it is to be told. */
#include "core/downstream/told/usage.h"

#include "base/memory.h"
#include "core/downstream/lending.h"

enum { turn_least_ms = 100, words_most = 16, turns_first = 2 };

void downstream_on_usage(struct manager *manager, struct book_vm *vm, const struct usage *usage) {
    struct usage_sum *sum = &downstream_vm(vm)->usage;
    const uint32_t told[USAGE_KINDS] = {usage->cpu_permille, usage->memory_mib,
                                        usage->disk_read,    usage->disk_written,
                                        usage->net_received, usage->net_sent};
    (void)manager;
    if (sum->count == words_most) /* nobody takes it */
        *sum = (struct usage_sum){.turns = sum->turns};
    sum->count++;
    for (size_t i = 0; i < USAGE_KINDS; i++)
        sum->sums[i] += told[i];
}

static struct usage average(struct usage_sum *sum) {
    uint32_t of[USAGE_KINDS];
    for (size_t i = 0; i < USAGE_KINDS; i++)
        of[i] = (uint32_t)(sum->sums[i] / sum->count);
    *sum = (struct usage_sum){.turns = sum->turns};
    return (struct usage){of[0], of[1], of[2], of[3], of[4], of[5]};
}

static bool is_asked(const struct lending *lending) {
    return uplink_is_open(&lending->uplink) && lending->uplink.asked_usage_ms;
}

uint64_t lending_usage_deadline_ms(const struct lending *lending) {
    if (!is_asked(lending))
        return book_never;
    return lending->usage_session == lending->uplink.session.number ? lending->usage_due_ms : 0;
}

/* So that all VMs have had their turn in the time that was asked for. */
static uint64_t turn_ms(const struct downstream *downstream, const struct lending *lending) {
    uint64_t asked_ms = lending->uplink.asked_usage_ms;
    uint64_t own_ms = lending_usage_words * downstream->manager.downlink.usage_ms;
    uint64_t turns = (lending->known + limit_usage_chunk - 1) / limit_usage_chunk;
    uint64_t every_ms = (asked_ms > own_ms ? asked_ms : own_ms) / (turns ? turns : 1);
    return every_ms > turn_least_ms ? every_ms : turn_least_ms;
}

/* One of which nothing is heard, as it was told, is not told of before that it is. */
static bool has_its_turn(const struct book_vm *vm) {
    struct usage_sum *sum = &downstream_vm(vm)->usage;
    if (vm->record.state != VM_RUNNING || vm->stored.told_unheard_ms)
        *sum = (struct usage_sum){0};
    else if (sum->turns <= turns_first)
        sum->turns++;
    return sum->turns > turns_first;
}

/* The next VMs of the lending, as many as one turn has; the cursor goes on behind them, or out. */
static uint32_t gather(struct downstream *downstream, struct lending *lending,
                       struct vm_usage out[limit_usage_chunk]) {
    struct book *book = &downstream->manager.book;
    struct book_cursor *cursor = &lending->usage;
    uint32_t count = 0, looked_at = 0;
    if (list_is_empty(&cursor->node)) {
        list_add(&book->cursors, &cursor->node);
        cursor->next = book->vms.next;
    }
    for (; cursor->next != &book->vms && looked_at < limit_usage_chunk;
         cursor->next = cursor->next->next) {
        const struct book_vm *vm = container_of(cursor->next, struct book_vm, by_age);
        struct usage_sum *sum = &downstream_vm(vm)->usage;
        if (!text_equal(vm->record.asker, lending->uplink.setting.name))
            continue;
        looked_at++;
        if (!has_its_turn(vm) || !sum->count)
            continue;
        out[count] = (struct vm_usage){.epoch = vm->record.epoch, .usage = average(sum)};
        text_set(out[count++].vm, vm->record.id);
    }
    if (cursor->next == &book->vms)
        list_remove(&cursor->node);
    return count;
}

void lending_tell_usage(struct downstream *downstream, struct lending *lending) {
    struct uplink *uplink = &lending->uplink;
    uint64_t now_ms = downstream->manager.moment.now_ms;
    struct vm_usage told[limit_usage_chunk];
    if (now_ms < lending_usage_deadline_ms(lending))
        return;
    if (lending->usage_session != uplink->session.number) { /* a session begins with a wait */
        lending->usage_session = uplink->session.number;
        list_remove(&lending->usage.node);
    } else {
        uint32_t count = gather(downstream, lending, told);
        if (count && words_allow(lending->permissions.views, view_usage))
            uplink_send_usages(uplink, told, count);
    }
    lending->usage_due_ms = now_ms + turn_ms(downstream, lending);
}
