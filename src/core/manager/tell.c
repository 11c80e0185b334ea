/* How what a manager has in its books becomes numbers. */
#include "core/manager/tell.h"

void tell_books(const struct manager *manager, struct metrics *metrics) {
    const struct book *book = &manager->book;
    uint64_t states[VM_STATE_COUNT] = {0}, under_way = 0;
    list_for(const struct book_vm, vm, &book->vms, by_age)
        states[vm->record.state]++;
    list_for(const struct book_op, op, &book->ops, by_age)
        under_way += !book_op_has_ended(op);
    for (int state = 0; state < VM_STATE_COUNT; state++)
        metrics_add(metrics, METRIC_VMS, (struct metric_labels){vm_state_names[state]},
                    states[state]);
    metrics_add(metrics, METRIC_UNDER_WAY, (struct metric_labels){0}, under_way);
    for (int verb = 0; verb < VERB_COUNT; verb++) {
        if (book->ended.done[verb] || book->ended.failed[verb]) {
            metrics_add(metrics, METRIC_ENDED,
                        (struct metric_labels){verb_names[verb], "succeeded"},
                        book->ended.done[verb]);
            metrics_add(metrics, METRIC_ENDED, (struct metric_labels){verb_names[verb], "failed"},
                        book->ended.failed[verb]);
        }
    }
    metrics_add_histogram(metrics, METRIC_LASTED, &book->ended.lasted);
    metrics_add(metrics, METRIC_AUDIT_ROWS, (struct metric_labels){0}, manager->audit.count);
}

void tell_capacity(struct metrics *metrics, enum metric cpus, const char *name,
                   const struct capacity *capacity) {
    metrics_add(metrics, cpus, (struct metric_labels){name, "all"}, capacity->cpus_total);
    metrics_add(metrics, cpus, (struct metric_labels){name, "free"}, capacity->cpus_free);
    metrics_add(metrics, cpus + 1, (struct metric_labels){name, "all"}, capacity->memory_mib_total);
    metrics_add(metrics, cpus + 1, (struct metric_labels){name, "free"}, capacity->memory_mib_free);
    metrics_add(metrics, cpus + 2, (struct metric_labels){name, "all"}, capacity->disk_gib_total);
    metrics_add(metrics, cpus + 2, (struct metric_labels){name, "free"}, capacity->disk_gib_free);
}

void tell_used(struct metrics *metrics, enum metric metric, const char *name,
               struct tell_amounts amounts) {
    const struct {
        const char *kind;
        uint64_t used, most;
    } each[] = {{"vms", amounts.used->vms, amounts.most->vms},
                   {"cpus", amounts.used->cpus, amounts.most->cpus},
                   {"memory", amounts.used->memory_mib, amounts.most->memory_mib},
                   {"disk", amounts.used->disk_gib, amounts.most->disk_gib}};
    for (size_t i = 0; i < array_size(each); i++)
        if (each[i].most)
            metrics_add(metrics, metric, (struct metric_labels){name, each[i].kind},
                        each[i].used * 1000 / each[i].most);
}
