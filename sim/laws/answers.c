/* What callers were told, by the handle and the key of what they asked. */
#include "sim/laws/answers.h"

#include "base/text.h"
#include "core/books/book.h"
#include "core/role.h"
#include "sim/laws/law.h"

void answers_asked(struct answers *answers, const struct sim_world *world,
                   const struct sim_node *cloud, const struct request *request) {
    char handle[32];
    text_format(handle, sizeof(handle), "%llu", (unsigned long long)request->handle);
    struct asked *asked = ledger_put(&answers->asked, cloud, handle);
    asked->due_ms = world->now_ms + request->wait_ms;
    text_format(asked->key, sizeof(asked->key), "%s", request->idempotency_key);
}

/* Law 4: one key, one operation. Law 8: what was answered stays known. */
static void check_told(struct answers *answers, struct sim_world *world,
                       const struct sim_node *cloud, const char *key,
                       const struct operation *op) {
    (void)ledger_put(&answers->told, cloud, op->id);
    if (!*key)
        return;
    struct used_key *used = ledger_put(&answers->keys, cloud, key);
    if (*used->op && !text_equal(used->op, op->id))
        law_fail(world, "once", "%s made %s and %s", key, used->op, op->id);
    text_format(used->op, sizeof(used->op), "%s", op->id);
}

void answers_check(struct answers *answers, struct sim_world *world, const struct sim_node *cloud,
                   const struct reply *reply) {
    char handle[32];
    text_format(handle, sizeof(handle), "%llu", (unsigned long long)reply->handle);
    struct asked *asked = ledger_get(&answers->asked, cloud, handle);
    if (!asked)
        law_fail(world, "one answer", "request %s is answered twice", handle);
    if (reply->kind == REPLY_OPERATION)
        check_told(answers, world, cloud, asked->key, reply->record.data);
    ledger_drop(&answers->asked, asked);
}

/* Callers hear of it by their connections' end. */
void answers_crashed(struct answers *answers, const struct sim_node *cloud) {
    list_for(struct asked, asked, &answers->asked.entries, entry.in_ledger) {
        if (asked->entry.node == cloud)
            ledger_drop(&answers->asked, asked);
    }
}

void answers_check_minute(const struct answers *answers, struct sim_world *world) {
    list_for(const struct asked, asked, &answers->asked.entries, entry.in_ledger) {
        if (asked->entry.node->role && asked->due_ms + law_slack_ms <= world->now_ms)
            law_fail(world, "never stuck", "%s: request %s should have been answered at %llu ms",
                     asked->entry.node->name, ledger_name(&asked->entry),
                     (unsigned long long)asked->due_ms);
    }
}

void answers_check_end(const struct answers *answers, struct sim_world *world) {
    list_for(const struct entry, told, &answers->told.entries, in_ledger) {
        if (!book_op(role_book(told->node->role), ledger_name(told)))
            law_fail(world, "nothing lost", "%s was answered and is not known",
                     ledger_name(told));
    }
}
