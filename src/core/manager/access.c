/* Which token is known, how many an asker may have, and when what became of one is written. */
#include "core/manager/access.h"

#include "base/memory.h"
#include "core/books/book.h"

enum { used_every_ms = 3600000, look_every_ms = 60000 };

struct asker {
    char tenant[limit_name_size]; /* in access_book.askers */
    struct list tokens;           /* access_entry.by_asker, the oldest first */
    size_t count;
};

struct access_entry {
    struct access_token record;
    struct list by_age, by_asker;
    struct timer ends; /* in access_book.ends, by the wall clock */
    struct asker *asker;
};

void access_init(struct access_book *book, uint64_t seed) {
    *book = (struct access_book){0};
    prng_init(&book->ids.prng, ~seed);
    map_init(&book->by_hash, seed);
    map_init(&book->by_id, seed);
    map_init(&book->askers, seed);
    list_init(&book->by_age);
}

static struct asker *asker_of(struct access_book *book, const char *tenant) {
    struct asker *asker = map_get(&book->askers, tenant);
    if (asker)
        return asker;
    asker = memory_new(1, sizeof(*asker));
    text_set_sized(asker->tenant, sizeof(asker->tenant), tenant);
    list_init(&asker->tokens);
    map_put(&book->askers, asker->tenant, asker);
    return asker;
}

static void add(struct access_book *book, const struct access_token *record) {
    struct access_entry *entry = memory_new(1, sizeof(*entry));
    entry->record = *record;
    entry->asker = asker_of(book, record->tenant);
    entry->asker->count++;
    list_add(&book->by_age, &entry->by_age);
    list_add(&entry->asker->tokens, &entry->by_asker);
    map_put(&book->by_hash, entry->record.token_hash, entry);
    map_put(&book->by_id, entry->record.id, entry);
    if (!record->expires_ms)
        return;
    heap_set(&book->ends, &entry->ends, record->expires_ms);
    book->look_ms = 1; /* soon */
}

static void drop(struct access_book *book, struct access_entry *entry) {
    struct asker *asker = entry->asker;
    (void)map_remove(&book->by_hash, entry->record.token_hash);
    (void)map_remove(&book->by_id, entry->record.id);
    heap_remove(&book->ends, &entry->ends);
    list_remove(&entry->by_age);
    list_remove(&entry->by_asker);
    memory_free(entry);
    if (--asker->count)
        return;
    (void)map_remove(&book->askers, asker->tenant);
    memory_free(asker);
}

void access_deinit(struct access_book *book) {
    list_for(struct access_entry, entry, &book->by_age, by_age)
        drop(book, entry);
    heap_deinit(&book->ends);
    map_deinit(&book->by_hash);
    map_deinit(&book->by_id);
    map_deinit(&book->askers);
}

void access_load(struct access_book *book, const struct record *record) {
    const struct access_token *token = record->data;
    if (record->table != &access_token_table)
        return;
    id_seen(&book->ids, token->id);
    add(book, token);
}

const struct access_token *access_find(const struct access_book *book, const char *hash,
                                       uint64_t wall_ms) {
    const struct access_entry *entry = *hash ? map_get(&book->by_hash, hash) : NULL;
    bool is_over = entry && entry->record.expires_ms && entry->record.expires_ms <= wall_ms;
    return entry && !is_over ? &entry->record : NULL;
}

void access_used(struct access_book *book, const struct moment *moment,
                 const struct access_token *token) {
    struct access_entry *entry = map_get(&book->by_id, token->id);
    uint64_t used_ms = entry->record.used_ms;
    bool is_known = used_ms && used_ms <= moment->wall_ms &&
                    moment->wall_ms - used_ms < used_every_ms;
    if (is_known)
        return;
    entry->record.used_ms = moment->wall_ms;
    effects_save(moment->out, &access_token_table, &entry->record);
}

static void make(struct access_book *book, const struct moment *moment,
                 struct access_token *record) {
    text_set(record->id, id_make(&book->ids, "at", moment->wall_ms).text);
    record->created_ms = moment->wall_ms;
    add(book, record);
    effects_save(moment->out, &access_token_table, record);
}

void access_add_first(struct access_book *book, const struct moment *moment,
                      const struct access_asker *asker, const char *hash) {
    struct access_token first = {.tenant_ms = asker->tenant_ms, .name = "first"};
    if (!*hash || map_get(&book->by_hash, hash))
        return;
    text_set(first.tenant, asker->tenant);
    text_set(first.token_hash, hash);
    make(book, moment, &first);
}

static void forget(struct access_book *book, const struct moment *moment,
                   struct access_entry *entry) {
    effects_forget(moment->out, &access_token_table, entry->record.id);
    drop(book, entry);
}

void access_forget_all(struct access_book *book, const struct moment *moment, const char *tenant) {
    for (const struct asker *asker; (asker = map_get(&book->askers, tenant));)
        forget(book, moment, container_of(asker->tokens.next, struct access_entry, by_asker));
}

void access_sweep(struct access_book *book, const struct moment *moment,
                  bool (*is_known)(const void *context, const struct access_asker *asker),
                  const void *context) {
    list_for(struct access_entry, entry, &book->by_age, by_age) {
        const struct access_asker asker = {entry->record.tenant, entry->record.tenant_ms};
        if (*asker.tenant && !is_known(context, &asker))
            forget(book, moment, entry);
    }
}

void access_on_tick(struct access_book *book, const struct moment *moment) {
    struct timer *timer;
    if (!book->look_ms || book->look_ms > moment->now_ms)
        return;
    while ((timer = heap_first(&book->ends)) && timer->due_ms <= moment->wall_ms)
        forget(book, moment, container_of(timer, struct access_entry, ends));
    uint64_t left = timer ? timer->due_ms - moment->wall_ms : 0;
    left = left < look_every_ms ? left : look_every_ms; /* the wall clock may be set */
    book->look_ms = timer ? moment->now_ms + left : 0;
}

uint64_t access_deadline_ms(const struct access_book *book) {
    return book->look_ms ? book->look_ms : book_never;
}

static struct access_entry *by_name(struct access_book *book, const char *tenant,
                                    const char *name) {
    struct asker *asker = map_get(&book->askers, tenant);
    if (!asker)
        return NULL;
    list_for(struct access_entry, entry, &asker->tokens, by_asker) {
        if (text_equal(entry->record.name, name))
            return entry;
    }
    return NULL;
}

static void add_wish(const struct call *call, struct access_book *book,
                     struct access_token *token) {
    make(book, call->moment, token);
    call_answer(call, REPLY_CREATED, &access_token_table, token);
}

void access_create(const struct call *call, struct access_book *book,
                   const struct access_asker *asker) {
    const struct access_create *wish = &call->request->access_create;
    const struct asker *known = map_get(&book->askers, asker->tenant);
    struct access_token token = {.tenant_ms = asker->tenant_ms, .rights = wish->rights};
    text_set(token.tenant, asker->tenant);
    text_set(token.name, wish->name);
    text_set(token.token_hash, call->request->new_token_hash);
    text_set(token.identity, wish->identity);
    if (wish->expires_seconds)
        token.expires_ms = call->moment->wall_ms + wish->expires_seconds * 1000;
    if (by_name(book, asker->tenant, wish->name))
        call_problem(call, CODE_CONFLICT, "name", "there is an access token '%s' already",
                     wish->name);
    else if (known && known->count >= limit_access_tokens)
        call_problem(call, CODE_FULL, "", "there are %d access tokens, the most that may be: "
                     "revoke one", limit_access_tokens);
    else if (*wish->identity && map_get(&book->by_hash, token.token_hash))
        call_problem(call, CODE_CONFLICT, "identity", "there is an access token for '%s' already: "
                     "revoke that one first", wish->identity);
    else if (map_get(&book->by_hash, token.token_hash))
        call_problem(call, CODE_INTERNAL, "", "the token that was drawn for '%s' is another's",
                     wish->name);
    else
        add_wish(call, book, &token);
}

static const char *key_by_age(const struct list *node) {
    return container_of(node, const struct access_entry, by_age)->record.id;
}

static const char *key_by_asker(const struct list *node) {
    return container_of(node, const struct access_entry, by_asker)->record.id;
}

void access_list(const struct call *call, struct access_book *book, const char *tenant) {
    struct page page = page_begin(call, &access_token_table);
    struct asker *asker = tenant ? map_get(&book->askers, tenant) : NULL;
    struct list *head = asker ? &asker->tokens : &book->by_age;
    const struct access_entry *last = map_get(&book->by_id, call->request->list.after);
    if (tenant && !asker)
        return;
    const struct list *known = !last || (asker && last->asker != asker) ? NULL
                               : asker ? &last->by_asker : &last->by_age;
    struct list *node = page_start(call, head, known, asker ? key_by_asker : key_by_age);
    for (; node != head; node = node->next) {
        const struct access_entry *entry =
            asker ? container_of(node, struct access_entry, by_asker)
                  : container_of(node, struct access_entry, by_age);
        if (!page_add(&page, &entry->record))
            return;
    }
}

bool access_revoke(const struct call *call, struct access_book *book, const char *tenant,
                   struct access_token *out_gone) {
    struct access_entry *entry = map_get(&book->by_id, call->request->key);
    if (entry && *tenant && !text_equal(entry->record.tenant, tenant))
        entry = NULL;
    if (!entry)
        entry = by_name(book, tenant, call->request->key);
    if (!entry) {
        call_not_found(call, "token");
        return false;
    }
    *out_gone = entry->record;
    forget(book, call->moment, entry);
    call_answer(call, REPLY_GONE, &access_token_table, out_gone);
    return true;
}
