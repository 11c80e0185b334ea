/* What each committed row of an audit is held against: the row before it of its chain. */
#include "sim/laws/kept/audited.h"

#include "base/text.h"
#include "message/model.h"
#include "message/records/audit.h"
#include "sim/laws/law.h"
#include "sim/world/node.h"

static void name_chain(const struct audit *row, char out[96]) {
    text_format(out, 96, "%d-%s-%llu", (int)row->who, row->tenant,
                (unsigned long long)row->tenant_ms);
}

static void check_digest(struct sim_world *world, const struct sim_node *node,
                         const struct audit *row) {
    char digest[limit_digest_size];
    audit_digest(row, node->settings.hash, digest);
    if (!text_equal(digest, row->digest))
        law_fail(world, "the audit is a chain", "%s: the digest of %s is not its own", node->name,
                 row->id);
}

static void check_row(struct audited *audited, struct sim_world *world,
                      const struct sim_node *node, const struct audit *row) {
    char chain[96];
    name_chain(row, chain);
    struct audit_end *end = ledger_put(&audited->ends, node, chain);
    bool follows = row->number == end->number + 1 && text_equal(row->previous, end->digest);
    bool begins = row->number == 1 && !*row->previous;
    check_digest(world, node, row);
    if (!(end->first ? follows : begins) && end->number) /* 0: rows before it are not known */
        law_fail(world, "the audit is a chain", "%s: %s is row %llu of %s, behind row %llu",
                 node->name, row->id, (unsigned long long)row->number, chain,
                 (unsigned long long)end->number);
    if (!end->first)
        end->first = row->number;
    end->number = row->number;
    text_set(end->digest, row->digest);
    struct audit_kept *kept = ledger_put(&audited->rows, node, row->id);
    text_set(kept->chain, chain);
    kept->number = row->number;
    if (*row->op)
        (void)ledger_put(&audited->ops, node, row->op);
}

/* The oldest of its chain. */
static void check_gone(struct audited *audited, struct sim_world *world,
                       const struct sim_node *node, const struct audit *row) {
    struct audit_kept *kept = ledger_get(&audited->rows, node, row->id);
    struct audit_end *end = kept ? ledger_get(&audited->ends, node, kept->chain) : NULL;
    if (!end)
        return;
    if (kept->number != end->first)
        law_fail(world, "the audit is a chain", "%s: row %llu goes before row %llu", node->name,
                 (unsigned long long)kept->number, (unsigned long long)end->first);
    end->first = end->first == end->number ? 0 : end->first + 1;
    ledger_drop(&audited->rows, kept);
}

static const struct audit *row_of_restart(const struct effects *effects, const struct vm *vm) {
    for (size_t i = effects->count; i > 0; i--) {
        const struct effect *effect = &effects->items[i - 1];
        const struct audit *row = effect->record.data;
        if (effect->kind == EFFECT_SAVE && effect->record.table == &audit_table &&
            text_equal(row->what, audit_restart) && text_equal(row->key, vm->id))
            return row;
    }
    return NULL;
}

/* A store that was restored counts less far for a while. */
static void check_restarts(struct audited *audited, struct sim_world *world,
                           const struct sim_node *node, const struct effects *effects,
                           const struct vm *vm) {
    struct audit_restarts *known = ledger_put(&audited->restarts, node, vm->id);
    bool is_again = known->is_known && vm->restarts > known->restarts;
    const struct audit *row = is_again ? row_of_restart(effects, vm) : NULL;
    if (is_again && !row)
        law_fail(world, "a restart stands in the audit", "%s: %s, which was lost, does not",
                 node->name, vm->id);
    if (row && row->restored_ms != vm->restored_ms)
        law_fail(world, "a restart stands in the audit", "%s: the disk of %s is of %llu, not %llu",
                 node->name, vm->id, (unsigned long long)vm->restored_ms,
                 (unsigned long long)row->restored_ms);
    known->is_known = true;
    known->restarts = vm->restarts > known->restarts ? vm->restarts : known->restarts;
}

void audited_check(struct audited *audited, struct sim_world *world, const struct sim_node *node,
                   const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind == EFFECT_SAVE && effect->record.table == &stored_vm_table &&
            node->settings.kind != ROLE_AGENT)
            check_restarts(audited, world, node, effects,
                           &((const struct stored_vm *)effect->record.data)->vm);
        if (effect->record.table != &audit_table)
            continue;
        if (effect->kind == EFFECT_FORGET)
            check_gone(audited, world, node, effect->record.data);
        else
            check_row(audited, world, node, effect->record.data);
    }
}

void audited_check_answer(const struct audited *audited, struct sim_world *world,
                          const struct sim_node *node, const struct reply *reply) {
    const struct operation *op = reply->record.data;
    if (reply->kind == REPLY_OPERATION && !ledger_get(&audited->ops, node, op->id))
        law_fail(world, "what is asked for stands in the audit", "%s answers with %s, which does "
                 "not", node->name, op->id);
}
