/* What callers were told, by the handle and the key of what they asked. */
#include "sim/laws/answers.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "core/books/book.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/manager/reads.h"
#include "core/manager/streams.h"
#include "core/role.h"
#include "sim/laws/law.h"
#include "sim/parts/disk.h"
#include "sim/parts/host.h"
#include "sim/world/node.h"

void answers_asked(struct answers *answers, const struct sim_world *world,
                   const struct sim_node *cloud, const struct request *request) {
    char handle[32];
    text_format(handle, sizeof(handle), "%llu", (unsigned long long)request->handle);
    struct asked *asked = ledger_put(&answers->asked, cloud, handle);
    bool reads = request->kind == REQUEST_VM_LOG || request_opens_stream(request->kind);
    static_assert((int)streams_within_ms == (int)reads_within_ms, "one time for both");
    asked->due_ms = world->now_ms + request->wait_ms + (reads ? reads_within_ms : 0);
    asked->tenant[0] = 0;
    if (strspn(request->token_hash, "0123456789") == limit_digest_size - 1)
        text_format(asked->tenant, sizeof(asked->tenant), "people%c",
                    request->token_hash[limit_digest_size - 2]);
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

/* Law 2: what is read of a VM's console is that VM's, and for who may ask for it. */
static void check_log(struct sim_world *world, const struct sim_node *cloud,
                      const struct asked *asked, const struct console_log *log) {
    struct text is = {0};
    const struct book_vm *vm = book_vm(role_book(cloud->role), log->vm);
    host_log(log->vm, &is);
    if (!log->base64 || !text_equal(log->base64, text_data(&is)))
        law_fail(world, "each its own", "what is read of %s is another's", log->vm);
    if (vm && *asked->tenant && !text_equal(asked->tenant, vm->record.asker))
        law_fail(world, "each its own", "%s reads what the console of %s said", asked->tenant,
                 log->vm);
    world->stats.logs++;
    text_deinit(&is);
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
    if (reply->kind == REPLY_RECORD && reply->record.table == &console_log_table)
        check_log(world, cloud, asked, reply->record.data);
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
        if (!book_op(role_book(told->node->role), ledger_name(told)) &&
            !disk_row(told->node, &operation_table, ledger_name(told))) /* it may be archived */
            law_fail(world, "nothing lost", "%s was answered and is not known",
                     ledger_name(told));
    }
}

/* What has ended can be read: an operator reads all pages, each row is held against the disk. */
struct history_walk {
    struct sim_world *world;
    struct sim_node *node;
    uint64_t rows;
    char last[limit_id_size];
};

static bool fetch(void *context, struct record *record) {
    const struct history_walk *reading = context;
    if (!disk_fetch(reading->world, reading->node, record))
        law_fail(reading->world, "what has ended can be read", "%s lists %s, which is not kept",
                 reading->node->name, ((const struct operation *)record->data)->id);
    const struct operation *op = record->data;
    if (op->state < OP_SUCCEEDED)
        law_fail(reading->world, "what has ended can be read", "%s reads %s from its disk, %s",
                 reading->node->name, op->id, op_state_names[op->state]);
    return true;
}

static void read_rows(struct history_walk *reading, const struct reply *reply) {
    for (uint32_t i = 0; i < reply->list_count; i++) {
        const struct operation *op = reply->list[i].data;
        if (*reading->last && strcmp(op->id, reading->last) >= 0)
            law_fail(reading->world, "what has ended can be read", "%s lists %s behind %s",
                     reading->node->name, op->id, reading->last);
        text_set(reading->last, op->id);
        reading->rows++;
    }
}

/* False: that was the last page. */
static bool read_page(struct history_walk *reading, struct request *request) {
    struct sim_world *world = reading->world;
    struct sim_node *node = reading->node;
    struct event event = {.kind = EVENT_REQUEST, .now_ms = node_now_ms(world, node),
                          .wall_ms = node_wall_ms(world, node), .request = request};
    struct effects effects = {0};
    request->list.after[0] = 0;
    text_set(request->list.after, reading->last);
    role_step(node->role, &event, &effects);
    bool more = false;
    for (size_t i = 0; i < effects.count; i++) {
        struct reply *reply = &effects.items[i].reply;
        if (effects.items[i].kind != EFFECT_REPLY)
            continue;
        reply_fetch(reply, fetch, reading);
        read_rows(reading, reply);
        more = reply->next[0];
    }
    effects_deinit(&effects);
    return more;
}

void answers_check_history(struct sim_world *world, struct sim_node *node) {
    struct history_walk reading = {.world = world, .node = node};
    struct request request = {.kind = REQUEST_OP_LIST, .list = {.limit = 50}};
    uint64_t kept = 0;
    text_set(request.token_hash, "operator");
    while (read_page(&reading, &request))
        ;
    list_for(const struct sim_row, row, &node->rows, node)
        kept += row->table == &operation_table;
    if (kept != reading.rows)
        law_fail(world, "what has ended can be read", "%s keeps %llu operations and lists %llu",
                 node->name, (unsigned long long)kept, (unsigned long long)reading.rows);
}
