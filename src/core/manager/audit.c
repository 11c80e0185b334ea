/* Which requests have a row, how a row continues its chain, and which rows go for want of room. */
#include "core/manager/audit.h"

#include <string.h>

#include "base/holders.h"
#include "base/memory.h"
#include "core/books/book.h"

enum {
    gather_ms = 60000,
    sweep_every_ms = 3600000,
    sweep_most = 64,        /* rows that go at once: a clock that jumped takes its time */
    chain_name_size = 112,
};
static const uint64_t day_ms = 86400000;

struct chain {
    char name[chain_name_size]; /* in audit_book.chains */
    struct list rows;   /* audit_row.by_chain, the oldest first */
    struct holder held;
    uint64_t number;    /* of its newest row */
    char digest[limit_digest_size];
};

struct audit_row {
    struct list by_age, by_chain;
    struct chain *chain;
    uint64_t at_ms;
    char id[limit_id_size];
};

void audit_init(struct audit_book *book, const struct role_settings *settings) {
    *book = (struct audit_book){
        .hash = settings->hash,
        .most = settings->audit_rows ? settings->audit_rows : limit_audit_rows,
        .keep_ms = settings->audit_days * day_ms};
    prng_init(&book->ids.prng, ~settings->seed);
    map_init(&book->chains, settings->seed);
    list_init(&book->rows);
}

static void name_chain(const struct audit *row, char out[chain_name_size]) {
    text_format(out, chain_name_size, "%s/%s/%llu", audit_who_names[row->who], row->tenant,
                (unsigned long long)row->tenant_ms);
}

static struct chain *chain_of(struct audit_book *book, const struct audit *row) {
    char name[chain_name_size];
    name_chain(row, name);
    struct chain *chain = map_get(&book->chains, name);
    if (chain)
        return chain;
    chain = memory_new(1, sizeof(*chain));
    text_set(chain->name, name);
    list_init(&chain->rows);
    map_put(&book->chains, chain->name, chain);
    return chain;
}

/* The newest of all, whatever order they are loaded in. */
static void list_insert(struct list *head, struct list *node, const char *id,
                        const char *(*key)(const struct list *)) {
    struct list *behind = head->previous;
    while (behind != head && strcmp(key(behind), id) > 0)
        behind = behind->previous;
    list_add(behind->next, node);
}

static const char *key_by_age(const struct list *node) {
    return container_of(node, const struct audit_row, by_age)->id;
}

static const char *key_by_chain(const struct list *node) {
    return container_of(node, const struct audit_row, by_chain)->id;
}

static void add_row(struct audit_book *book, const struct audit *record) {
    struct chain *chain = chain_of(book, record);
    struct audit_row *row = memory_new(1, sizeof(*row));
    row->chain = chain;
    row->at_ms = record->at_ms;
    text_set(row->id, record->id);
    list_insert(&book->rows, &row->by_age, row->id, key_by_age);
    list_insert(&chain->rows, &row->by_chain, row->id, key_by_chain);
    holders_gain(&book->holders, &chain->held);
    book->count++;
    if (record->number <= chain->number)
        return;
    chain->number = record->number;
    text_set(chain->digest, record->digest);
}

/* A chain without rows is over; the next row of its asker begins another. */
static void remove_row(struct audit_book *book, struct audit_row *row) {
    struct chain *chain = row->chain;
    list_remove(&row->by_age);
    list_remove(&row->by_chain);
    holders_lose(&book->holders, &chain->held);
    book->count--;
    memory_free(row);
    if (!list_is_empty(&chain->rows))
        return;
    (void)map_remove(&book->chains, chain->name);
    memory_free(chain);
}

void audit_deinit(struct audit_book *book) {
    list_for(struct audit_row, row, &book->rows, by_age)
        remove_row(book, row);
    heap_deinit(&book->holders);
    map_deinit(&book->chains);
}

void audit_load(struct audit_book *book, const struct record *record) {
    const struct audit *row = record->data;
    if (record->table != &audit_table)
        return;
    id_seen(&book->ids, row->id);
    add_row(book, row);
    book->sweep_ms = 1; /* soon */
}

static void forget_row(struct audit_book *book, const struct moment *moment,
                       struct audit_row *row) {
    effects_forget(moment->out, &audit_table, row->id);
    remove_row(book, row);
}

static void forget_too_many(struct audit_book *book, const struct moment *moment) {
    while (book->count > book->most) {
        struct chain *most = container_of(holders_most(&book->holders), struct chain, held);
        forget_row(book, moment, container_of(most->rows.next, struct audit_row, by_chain));
    }
}

static void forget_too_old(struct audit_book *book, const struct moment *moment) {
    for (int i = 0; book->keep_ms && i < sweep_most && !list_is_empty(&book->rows); i++) {
        struct audit_row *row = container_of(book->rows.next, struct audit_row, by_age);
        if (row->at_ms + book->keep_ms > moment->wall_ms)
            return;
        forget_row(book, moment, row);
    }
}

static void append(struct audit_book *book, const struct moment *moment, struct audit *row) {
    const struct chain *chain = chain_of(book, row);
    text_set(row->id, id_make(&book->ids, "audit", moment->wall_ms).text);
    row->number = chain->number + 1;
    text_set(row->previous, chain->digest);
    audit_digest(row, book->hash, row->digest);
    effects_save(moment->out, &audit_table, row);
    add_row(book, row);
    forget_too_many(book, moment);
    if (!book->sweep_ms)
        book->sweep_ms = moment->now_ms + sweep_every_ms;
}

static bool is_alike(const struct audit *left, const struct audit *right) {
    bool is_stranger = left->who == AUDIT_STRANGER; /* whatever it tries */
    return left->who == right->who && left->code == right->code &&
           text_equal(left->tenant, right->tenant) && left->tenant_ms == right->tenant_ms &&
           text_equal(left->token, right->token) &&
           (left->code || text_equal(left->key, right->key)) &&
           (is_stranger || (text_equal(left->what, right->what) && left->verb == right->verb));
}

/* Those that came after the first have a row between them. */
static void close_group(struct audit_book *book, const struct moment *moment,
                        struct audit_group *group) {
    if (group->until_ms && group->row.more) {
        group->row.at_ms = moment->wall_ms;
        append(book, moment, &group->row);
    }
    *group = (struct audit_group){0};
}

static void gather(struct audit_book *book, const struct moment *moment, struct audit *row) {
    struct audit_group *oldest = &book->groups[0];
    for (size_t i = 0; i < audit_groups; i++) {
        struct audit_group *group = &book->groups[i];
        if (group->until_ms > moment->now_ms && is_alike(&group->row, row)) {
            group->row.more += group->row.more < UINT32_MAX;
            return;
        }
        oldest = group->until_ms < oldest->until_ms ? group : oldest;
    }
    close_group(book, moment, oldest);
    append(book, moment, row);
    *oldest = (struct audit_group){*row, moment->now_ms + gather_ms};
}

/* What somebody calls a thing is written as it is only if it can be a name or an id. */
static void set_key(struct audit *row, const struct request *request) {
    static const struct {
        enum request_kind kind;
        size_t offset;
    } names[] = {{REQUEST_VM_CREATE, offsetof(struct request, vm_create.name)},
                 {REQUEST_TENANT_CREATE, offsetof(struct request, tenant_create.name)},
                 {REQUEST_ACCESS_CREATE, offsetof(struct request, access_create.name)},
                 {REQUEST_CONTACT_ADD, offsetof(struct request, contact.name)},
                 {REQUEST_RULE_ADD, offsetof(struct request, rule.name)},
                 {REQUEST_TOKEN_CREATE, offsetof(struct request, token_create.peer)},
                 {REQUEST_SSH_KEY_ADD, offsetof(struct request, ssh_key.name)},
                 {REQUEST_IMAGE_ADD, offsetof(struct request, image.name)}};
    const char *key = request->key;
    for (size_t i = 0; i < array_size(names); i++)
        if (names[i].kind == request->kind)
            key = (const char *)request + names[i].offset;
    static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    if (row->who != AUDIT_STRANGER && !key[strspn(key, known)])
        text_set(row->key, key);
}

/* What came of it stands in the reply; where that waits for the operation's end, the operation is
 * saved by now. False: there is no reply yet. */
static bool set_outcome(struct audit *row, const struct effects *out,
                        const struct audit_asked *asked) {
    for (size_t i = asked->before; i < out->count; i++) {
        const struct effect *effect = &out->items[i];
        const struct reply *reply = &effect->reply;
        bool is_reply =
            effect->kind == EFFECT_REPLY && reply->handle == asked->request->handle;
        const struct record *record = is_reply ? &reply->record : &effect->record;
        if (is_reply && reply->kind == REPLY_PROBLEM)
            row->code = reply->code;
        if ((is_reply || effect->kind == EFFECT_SAVE) && record->table == &operation_table)
            text_set(row->op, ((const struct operation *)record->data)->id);
        if (is_reply)
            return true;
    }
    return false;
}

void audit_note(struct audit_book *book, const struct moment *moment,
                const struct audit_asked *asked) {
    const struct request *request = asked->request;
    const struct request_rule *rule = &request_rules[request->kind];
    struct audit row = {.at_ms = moment->wall_ms, .who = asked->who,
                        .tenant_ms = asked->tenant_ms, .code = asked->code};
    if (!book->hash)
        return;
    bool is_answered = set_outcome(&row, moment->out, asked);
    if (request_opens_stream(request->kind) && !is_answered)
        return; /* its row comes with the answer */
    if (!rule->changes && row.code != CODE_UNAUTHENTICATED && row.code != CODE_FORBIDDEN)
        return;
    if (row.code == CODE_UNAUTHENTICATED)
        row.who = AUDIT_STRANGER;
    text_set(row.tenant, asked->tenant ? asked->tenant : "");
    text_set(row.token, asked->token_name ? asked->token_name : "");
    text_set(row.from, request->from);
    text_set(row.what, rule->name);
    row.verb = request->kind == REQUEST_VM_ACT ? request->verb : 0;
    set_key(&row, request);
    if (row.code || request->kind == REQUEST_VM_LOG) /* who follows a log asks again and again */
        gather(book, moment, &row);
    else
        append(book, moment, &row);
}

void audit_note_restart(struct audit_book *book, const struct moment *moment, const struct vm *vm,
                        const char *op) {
    struct audit row = {.at_ms = moment->wall_ms, .who = AUDIT_MANAGER,
                        .restored_ms = vm->restored_ms};
    if (!book->hash)
        return;
    text_set(row.what, audit_restart);
    text_set(row.key, vm->id);
    text_set(row.op, op);
    append(book, moment, &row);
}

void audit_on_tick(struct audit_book *book, const struct moment *moment) {
    for (size_t i = 0; i < audit_groups; i++)
        if (book->groups[i].until_ms <= moment->now_ms)
            close_group(book, moment, &book->groups[i]);
    if (!book->sweep_ms || book->sweep_ms > moment->now_ms)
        return;
    forget_too_old(book, moment);
    book->sweep_ms = moment->now_ms + sweep_every_ms;
}

void audit_on_stop(struct audit_book *book, const struct moment *moment) {
    for (size_t i = 0; i < audit_groups; i++)
        close_group(book, moment, &book->groups[i]);
}

uint64_t audit_deadline_ms(const struct audit_book *book) {
    uint64_t due = book->sweep_ms && book->keep_ms ? book->sweep_ms : book_never;
    for (size_t i = 0; i < audit_groups; i++)
        if (book->groups[i].until_ms && book->groups[i].until_ms < due)
            due = book->groups[i].until_ms;
    return due;
}

void audit_list(const struct call *call, struct audit_book *book, const char *tenant,
                uint64_t tenant_ms) {
    struct page page = page_begin(call, &audit_table);
    struct audit wanted = {.who = AUDIT_TENANT, .tenant_ms = tenant_ms};
    char name[chain_name_size];
    text_set(wanted.tenant, tenant ? tenant : "");
    name_chain(&wanted, name);
    struct chain *chain = tenant ? map_get(&book->chains, name) : NULL;
    if (tenant && !chain)
        return;
    struct list *head = chain ? &chain->rows : &book->rows;
    struct list *node =
        page_start_newest(call, head, NULL, chain ? key_by_chain : key_by_age);
    for (bool more = true; more && node != head; node = node->previous) {
        const struct audit_row *row = chain ? container_of(node, struct audit_row, by_chain)
                                            : container_of(node, struct audit_row, by_age);
        struct audit key = {0};
        text_set(key.id, row->id);
        more = page_add_stored(&page, &key);
    }
}
