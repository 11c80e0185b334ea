/* Which reads are under way at a manager, and when one has an end. */
#include "core/manager/reads.h"

#include "base/memory.h"
#include "core/below/downlink.h"

enum code reads_ask(struct manager *manager, const struct book_vm *vm, const struct read *what,
                    const struct reader *reader) {
    const struct question_kind kind = {
        .version = protocol_version_read,
        .within_ms = reads_within_ms,
        .all = &manager->reads,
        .of_asker = reader->uplink ? reads_of_manager : reads_of_tenant,
        .of_asker_at_peer = reader->uplink ? reads_of_manager_at_host : 0,
        .of_peer = reads_of_peer,
    };
    enum code code = question_refusal(manager, vm, &kind);
    if (code != CODE_OK)
        return code;
    struct read_op *op = memory_new(1, sizeof(*op));
    op->reader = *reader;
    text_set(op->reader.vm, what->vm);
    question_begin(manager, vm, &kind, &op->asked);
    struct message message = {.kind = MESSAGE_READ, .read = *what};
    message.read.number = op->asked.number;
    message.read.epoch = op->asked.epoch;
    downlink_send(op->asked.peer, &message);
    return CODE_OK;
}

static void end(struct manager *manager, struct read_op *op, const struct reading *reading) {
    list_remove(&op->asked.node);
    manager->kind->on_reading(manager, &op->reader, reading);
    memory_free(op);
}

void reads_on_answer(struct manager *manager, const struct peer *peer,
                     const struct reading *reading) {
    list_for(struct read_op, op, &manager->reads, asked.node) {
        if (op->asked.number != reading->number || op->asked.peer != peer)
            continue;
        end(manager, op, reading);
        return;
    }
}

void reads_go_on(struct manager *manager) {
    list_for(struct read_op, op, &manager->reads, asked.node) {
        bool is_over = op->asked.due_ms <= manager->moment.now_ms || manager->stopping;
        if (is_over || !question_is_heard(&op->asked))
            end(manager, op, &(struct reading){.code = CODE_UNREACHABLE});
    }
}

uint64_t reads_deadline_ms(const struct manager *manager) {
    return question_deadline_ms(&manager->reads);
}

void reads_deinit(struct manager *manager) {
    list_for(struct read_op, op, &manager->reads, asked.node) {
        list_remove(&op->asked.node);
        memory_free(op);
    }
}
