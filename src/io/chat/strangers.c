/* Whose turn is over, and which code is good. */
#include "io/chat/strangers.h"

#include "base/memory.h"

struct stranger {
    struct list node;
    char jid[limit_address_size];
    struct chat_budget budget;
    struct link_code code;
    uint64_t code_ends_ms; /* 0: there is none */
    uint32_t tries;
};

bool chat_budget_take(struct chat_budget *budget, uint64_t now_ms, uint32_t most,
                      uint64_t window_ms) {
    if (!budget->used || now_ms - budget->began_ms >= window_ms)
        *budget = (struct chat_budget){.began_ms = now_ms};
    if (budget->used >= most)
        return false;
    budget->used++;
    return true;
}

void strangers_init(struct strangers *strangers, uint64_t seed) {
    *strangers = (struct strangers){0};
    map_init(&strangers->by_jid, seed);
    list_init(&strangers->by_use);
}

static void drop(struct strangers *strangers, struct stranger *stranger) {
    (void)map_remove(&strangers->by_jid, stranger->jid);
    list_remove(&stranger->node);
    link_code_erase(&stranger->code);
    memory_free(stranger);
}

void strangers_deinit(struct strangers *strangers) {
    list_for(struct stranger, stranger, &strangers->by_use, node)
        drop(strangers, stranger);
    map_deinit(&strangers->by_jid);
}

static struct stranger *find(struct strangers *strangers, const char *jid) {
    struct stranger *stranger = map_get(&strangers->by_jid, jid);
    if (stranger) {
        list_remove(&stranger->node);
        list_add(&strangers->by_use, &stranger->node);
        return stranger;
    }
    if (strangers->by_jid.count >= strangers_most)
        drop(strangers, container_of(strangers->by_use.next, struct stranger, node));
    stranger = memory_new(1, sizeof(*stranger));
    text_set_sized(stranger->jid, sizeof(stranger->jid), jid);
    map_put(&strangers->by_jid, stranger->jid, stranger);
    list_add(&strangers->by_use, &stranger->node);
    return stranger;
}

bool strangers_may(struct strangers *strangers, const char *jid, uint64_t now_ms) {
    return chat_budget_take(&find(strangers, jid)->budget, now_ms, strangers_answers,
                            strangers_window_ms) &&
           chat_budget_take(&strangers->all, now_ms, strangers_answers_all, strangers_all_ms);
}

static void end_code(struct stranger *stranger) {
    link_code_erase(&stranger->code);
    stranger->code_ends_ms = 0;
    stranger->tries = 0;
}

void strangers_set_code(struct strangers *strangers, const char *jid,
                        const struct link_code *code, uint64_t now_ms) {
    struct stranger *stranger = find(strangers, jid);
    end_code(stranger);
    stranger->code = *code;
    stranger->code_ends_ms = now_ms + strangers_code_ms;
}

bool strangers_open(struct strangers *strangers, const struct stranger_answer *answer,
                    uint64_t now_ms, char out_token[limit_digest_size]) {
    struct stranger *stranger = map_get(&strangers->by_jid, answer->jid);
    out_token[0] = 0;
    bool is_good = stranger && stranger->code_ends_ms > now_ms;
    bool is_open = is_good && link_code_open(&stranger->code, answer->text, out_token);
    if (stranger && (is_open || !is_good || ++stranger->tries >= strangers_tries))
        end_code(stranger);
    return is_open;
}
