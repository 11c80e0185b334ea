/* The order of judgement: is the address linked; has it said too much; is it understood; may it; is
 * it at something still. Only then is the manager asked, which judges the token itself. */
#include "io/chat/face.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "io/chat/ask.h"
#include "io/chat/links.h"
#include "io/chat/write.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"
#include "io/os/pool.h"

enum {
    workers = 8,
    waiting_most = 64,
    lines_most = 30, /* of one address in lines_window_ms */
    lines_window_ms = 60000,
    confirm_ms = 120000,
};

struct chat_face {
    struct chat_face_settings settings;
    atomic_bool is_stopping;
    struct pool *pool;
    pthread_mutex_t lock; /* of all below */
    struct chat_links *links;
    struct strangers strangers;
};

enum errand_kind { ERRAND_ORDER, ERRAND_FORM, ERRAND_LINK };

struct errand {
    struct work work;
    enum errand_kind kind;
    struct chat_heard heard;
    struct chat_order order; /* ERRAND_FORM: its command alone */
    char jid[limit_address_size];
    char token[limit_digest_size];
};

static void send(struct chat_face *face, const struct text *stanza) {
    if (carrier_outbox_add(face->settings.outbox, stanza))
        carrier_outbox_wake(face->settings.outbox);
    else
        log_line(face->settings.log, LOG_DEBUG, "chat-answer-dropped", "bytes=%zu", stanza->length);
}

static void reply(struct chat_face *face, const struct chat_heard *heard, enum chat_note note,
                  const char *line) {
    auto_clean(text_deinit) struct text stanza = {0};
    if (heard->kind == CHAT_LINE)
        chat_write_message(&stanza, heard->from, NULL, line);
    else
        chat_write_done(&stanza, heard, note, line);
    send(face, &stanza);
}

static void refuse(struct chat_face *face, const struct chat_heard *heard,
                   enum chat_refusal refusal) {
    auto_clean(text_deinit) struct text stanza = {0};
    chat_write_refusal(&stanza, heard, refusal);
    send(face, &stanza);
}

/* Whoever has this address sees that we are there, and may have us in its roster. */
static void show_to(struct chat_face *face, const char *jid) {
    auto_clean(text_deinit) struct text stanzas = {0};
    chat_write_subscribed(&stanzas, jid);
    chat_write_presence(&stanzas, jid);
    send(face, &stanzas);
}

static void log_link(const struct chat_face *face, const char *state,
                     const struct chat_link *link) {
    char who[limit_address_size + 8];
    log_line(face->settings.log, LOG_INFO, "chat-link",
             "state=%s jid=%s tenant=%s token=%s rights=%s", state,
             log_quote(link->jid, who, sizeof(who)), link->tenant, link->token_name,
             rights_names[link->rights]);
}

/* ---- on the workers ---- */

static struct chat_asker asker_of(const struct chat_face *face, const struct errand *errand) {
    return (struct chat_asker){face->settings.url, face->settings.ca_file, errand->token,
                               &face->is_stopping};
}

static void end_link(struct chat_face *face, const struct errand *errand) {
    struct error err = {0};
    pthread_mutex_lock(&face->lock);
    const struct linked *linked = chat_links_find(face->links, errand->jid);
    if (linked && text_equal(linked->link.token, errand->token)) {
        log_link(face, "ended", &linked->link);
        if (chat_links_remove(face->links, errand->jid, &err))
            log_line(face->settings.log, LOG_ERROR, "chat-links-unsaved", "why=\"%s\"", err.text);
    }
    pthread_mutex_unlock(&face->lock);
}

/* It is done: before its answer is said, so that who hears that may ask for the next at once. */
static void settle(struct chat_face *face, const struct errand *errand) {
    pthread_mutex_lock(&face->lock);
    struct linked *linked = chat_links_find(face->links, errand->jid);
    if (linked)
        linked->is_busy = false;
    pthread_mutex_unlock(&face->lock);
}

/* Says what became of it; who is not known any more is not linked any more. */
static void tell(struct chat_face *face, const struct errand *errand, enum chat_result result,
                 const struct text *out) {
    settle(face, errand);
    if (result == CHAT_UNKNOWN) {
        end_link(face, errand);
        reply(face, &errand->heard, CHAT_NOTE_ERROR,
              "Your link has ended: its token was revoked, or has expired. To link this address "
              "anew, write: link");
        return;
    }
    reply(face, &errand->heard, result == CHAT_DONE ? CHAT_NOTE_INFO : CHAT_NOTE_ERROR,
          text_data(out));
}

static void ask_to_confirm(struct chat_face *face, struct errand *errand) {
    auto_clean(text_deinit) struct text out = chat_text_empty;
    struct vm vm = {0};
    const struct chat_asker asker = asker_of(face, errand);
    enum chat_result result = chat_ask_vm(&asker, errand->order.vm, &vm, &out);
    if (result == CHAT_DONE) {
        pthread_mutex_lock(&face->lock);
        struct linked *linked = chat_links_find(face->links, errand->jid);
        if (linked) {
            text_set(linked->doomed, vm.id);
            text_set(linked->doomed_name, vm.name);
            linked->doomed_ends_ms = errand->heard.now_ms + confirm_ms;
        }
        pthread_mutex_unlock(&face->lock);
        text_addf(&out, "%s is %s. It and its disk would be gone for good. To delete it, write "
                        "within two minutes: confirm %s", vm.name, vm_state_names[vm.state],
                  vm.name);
        record_clear(&vm_table, &vm);
    }
    tell(face, errand, result, &out);
}

static void run_order(struct chat_face *face, struct errand *errand) {
    auto_clean(text_deinit) struct text out = chat_text_empty;
    if (errand->order.command->act == CHAT_DELETE && errand->heard.kind == CHAT_LINE) {
        ask_to_confirm(face, errand);
        return;
    }
    const struct chat_asker asker = asker_of(face, errand);
    enum chat_result result = chat_ask(&asker, &errand->order, &out);
    tell(face, errand, result, &out);
}

static void run_form(struct chat_face *face, const struct errand *errand) {
    auto_clean(text_deinit) struct text stanza = {0};
    auto_clean(memory_clean) struct chat_choices *choices =
        memory_new(chat_fields, sizeof(*choices));
    const struct chat_asker asker = asker_of(face, errand);
    chat_ask_choices(&asker, errand->order.command, choices);
    chat_write_form(&stanza, &errand->heard, errand->order.command, choices);
    settle(face, errand);
    send(face, &stanza);
}

static const char *refusal_of(const struct whoami *who) {
    if (!text_equal(who->role, "tenant"))
        return "Tokens of operators are not taken here: link a tenant's.";
    if (who->rights == RIGHTS_ALL)
        return "This token may do all, which is too much for a chat: revoke it, and link one with "
               "--rights look or act.";
    return NULL;
}

static void run_link(struct chat_face *face, struct errand *errand) {
    auto_clean(text_deinit) struct text out = chat_text_empty;
    struct whoami who = {0};
    struct error err = {0};
    const struct chat_asker asker = asker_of(face, errand);
    enum chat_result result = chat_ask_whoami(&asker, &who, &out);
    const char *refusal = result == CHAT_DONE      ? refusal_of(&who)
                          : result == CHAT_UNKNOWN ? "The manager does not know this token."
                                                   : text_data(&out);
    struct chat_link link = {.rights = who.rights};
    text_set(link.jid, errand->jid);
    text_set(link.token, errand->token);
    text_set(link.tenant, who.tenant);
    text_set(link.token_name, who.token_name);
    if (!refusal) {
        pthread_mutex_lock(&face->lock);
        if (chat_links_add(face->links, &link, &err)) {
            log_line(face->settings.log, LOG_ERROR, "chat-links-unsaved", "why=\"%s\"", err.text);
            refusal = "The link could not be kept: tell the operator, or try later.";
        } else {
            log_link(face, "made", &link);
        }
        pthread_mutex_unlock(&face->lock);
    }
    if (!refusal) {
        text_addf(&out, "This address is linked to tenant %s, by the token %s, which may %s. To "
                        "end that: isthmus access-token revoke %s. To see what I can do: help",
                  link.tenant, link.token_name, rights_names[link.rights], link.token_name);
        show_to(face, link.jid);
    }
    reply(face, &errand->heard, CHAT_NOTE_INFO, refusal ? refusal : text_data(&out));
    secret_erase(&link, sizeof(link));
}

static void free_errand(struct errand *errand) {
    secret_erase(errand, sizeof(*errand)); /* a token is in it */
    memory_free(errand);
}

static void run_errand(struct chat_face *face, struct errand *errand) {
    switch (errand->kind) {
    case ERRAND_ORDER:
        run_order(face, errand);
        break;
    case ERRAND_FORM:
        run_form(face, errand);
        break;
    case ERRAND_LINK:
        run_link(face, errand);
        break;
    }
    free_errand(errand);
}

static void run_batch(void *context, struct list *batch) {
    list_for(struct work, work, batch, node) {
        list_remove(&work->node);
        run_errand(context, container_of(work, struct errand, work));
    }
}

static void rest(void *context) { (void)context; }

static void drop_work(struct work *work) { free_errand(container_of(work, struct errand, work)); }

/* ---- what is heard; the lock is held ---- */

/* False: as much waits as may. */
static bool queue(struct chat_face *face, enum errand_kind kind, const struct chat_heard *heard,
                  const struct errand *more) {
    struct errand *errand = memory_copy(more, sizeof(*more));
    errand->kind = kind;
    errand->heard = *heard;
    chat_bare(heard->from, errand->jid);
    /* A lane for each address: its name is shorter than an address may be. */
    char digest[limit_digest_size];
    secret_hash_bytes(errand->jid, strlen(errand->jid), digest);
    text_set(errand->work.lane, digest);
    if (pool_add(face->pool, &errand->work) == POOL_ADDED)
        return true;
    free_errand(errand);
    return false;
}

static void give_code(struct chat_face *face, const struct chat_heard *heard, const char *jid) {
    auto_clean(text_deinit) struct text out = {0};
    struct link_code code;
    link_code_draw(&code);
    strangers_set_code(&face->strangers, jid, &code, heard->now_ms);
    text_addf(&out, "To link this address to your account, run this within ten minutes where you "
                    "use the command isthmus:\n"
                    "isthmus chat link chat %s --rights %s\n"
                    "and send me the line that it prints. Link only what you asked for yourself.",
              code.code, rights_names[face->settings.rights]);
    link_code_erase(&code);
    reply(face, heard, CHAT_NOTE_INFO, text_data(&out));
}

/* A link is asked for, or an answer to its code comes: by anybody. */
static void hear_link(struct chat_face *face, const struct chat_heard *heard,
                      const struct chat_order *order, const char *jid) {
    struct errand more = {.order = *order};
    const struct stranger_answer answer = {jid, order->answer};
    if (!*order->answer)
        give_code(face, heard, jid);
    else if (!strangers_open(&face->strangers, &answer, heard->now_ms, more.token))
        reply(face, heard, CHAT_NOTE_ERROR,
              "That answers no code that is good: one is used once, within ten minutes, from the "
              "address that asked for it. For another one, write: link");
    else if (!queue(face, ERRAND_LINK, heard, &more))
        reply(face, heard, CHAT_NOTE_ERROR, "I have too much to do now: try again later.");
    secret_erase(&more, sizeof(more));
}

static void hear_stranger(struct chat_face *face, const struct chat_heard *heard,
                          const char *jid) {
    auto_clean(text_deinit) struct text out = {0};
    struct chat_order order;
    if (heard->kind == CHAT_ITEMS) {
        chat_write_items(&out, heard, NULL);
        send(face, &out);
    } else if (heard->kind == CHAT_COMMAND) {
        refuse(face, heard, CHAT_FORBIDDEN);
    } else if (!heard->is_late && chat_is_of_domain(face->settings.domains, jid) &&
               strangers_may(&face->strangers, jid, heard->now_ms)) {
        if (chat_order_from_line(heard->line, &order, &out) && order.command->act == CHAT_LINK)
            hear_link(face, heard, &order, jid);
        else
            reply(face, heard, CHAT_NOTE_INFO,
                  "I do not know this address. To link it to your account, write: link");
    }
}

/* The later, the less: what a link may is what its token and this program let it. */
static enum rights rights_of(const struct chat_face *face, const struct linked *linked) {
    return linked->link.rights > face->settings.rights ? linked->link.rights
                                                       : face->settings.rights;
}

static void add_help(const struct chat_face *face, const struct linked *linked,
                     struct text *out) {
    text_add(out, "You can write:");
    for (size_t i = 0; i < chat_commands_count; i++) {
        const struct chat_command *command = &chat_commands[i];
        if (rights_of(face, linked) > command->needs)
            continue;
        text_addf(out, "\n%s%s%s - %s", command->word, *command->arguments ? " " : "",
                  command->arguments, command->about);
    }
}

static void unlink_it(struct chat_face *face, const struct chat_heard *heard,
                      const struct linked *linked) {
    auto_clean(text_deinit) struct text out = {0};
    struct error err = {0};
    text_addf(&out, "This address is not linked any more. Its token still exists; to end it, too: "
                    "isthmus access-token revoke %s", linked->link.token_name);
    log_link(face, "ended", &linked->link);
    if (chat_links_remove(face->links, linked->link.jid, &err)) {
        log_line(face->settings.log, LOG_ERROR, "chat-links-unsaved", "why=\"%s\"", err.text);
        text_add(&out, ". Do that: the link could not be taken out of my file");
    }
    reply(face, heard, CHAT_NOTE_INFO, text_data(&out));
}

/* Why this link may not have it; NULL: it may. A confirmation becomes the deletion of the very VM
 * that was shown, whatever has its name by now. */
static const char *judge(const struct chat_face *face, struct linked *linked,
                         const struct chat_heard *heard, struct chat_order *order) {
    enum chat_act act = order->command->act;
    if (rights_of(face, linked) > order->command->needs)
        return "Your link may look only. To act, link this address anew, with --rights act: link";
    if ((act == CHAT_DELETE || act == CHAT_CONFIRM) && !face->settings.deletes)
        return "VMs are not deleted from here: isthmus vm delete does it.";
    if (act != CHAT_CONFIRM)
        return NULL;
    bool is_meant = text_equal(order->vm, linked->doomed_name) &&
                    linked->doomed_ends_ms > heard->now_ms;
    linked->doomed_ends_ms = 0;
    if (!is_meant)
        return "There is nothing to confirm by that name: write delete and its name first.";
    text_set(order->vm, linked->doomed);
    return NULL;
}

/* The manager is to be asked. */
static void pass_on(struct chat_face *face, struct linked *linked,
                    const struct chat_heard *heard, const struct errand *more) {
    bool is_form = heard->kind == CHAT_COMMAND && !heard->is_submitted &&
                   *more->order.command->inputs;
    struct errand errand = *more;
    text_set(errand.token, linked->link.token);
    text_set(errand.order.tenant, linked->link.tenant);
    if (!linked->is_busy &&
        queue(face, is_form ? ERRAND_FORM : ERRAND_ORDER, heard, &errand))
        linked->is_busy = true;
    else if (heard->kind == CHAT_COMMAND)
        refuse(face, heard, CHAT_OVERLOADED);
    else
        reply(face, heard, CHAT_NOTE_ERROR,
              linked->is_busy ? "I am still at what you asked before: wait for its answer."
                              : "I have too much to do now: try again later.");
    secret_erase(&errand, sizeof(errand));
}

static void hear_line(struct chat_face *face, struct linked *linked,
                      const struct chat_heard *heard) {
    auto_clean(text_deinit) struct text out = {0};
    struct errand errand = {0};
    const char *refusal;
    if (!chat_order_from_line(heard->line, &errand.order, &out)) {
        reply(face, heard, CHAT_NOTE_ERROR, text_data(&out));
    } else if (errand.order.command->act == CHAT_HELP) {
        add_help(face, linked, &out);
        reply(face, heard, CHAT_NOTE_INFO, text_data(&out));
    } else if (errand.order.command->act == CHAT_UNLINK) {
        unlink_it(face, heard, linked);
    } else if (errand.order.command->act == CHAT_LINK) {
        if (strangers_may(&face->strangers, linked->link.jid, heard->now_ms))
            hear_link(face, heard, &errand.order, linked->link.jid);
    } else if ((refusal = judge(face, linked, heard, &errand.order))) {
        reply(face, heard, CHAT_NOTE_ERROR, refusal);
    } else {
        pass_on(face, linked, heard, &errand);
    }
}

static void hear_command(struct chat_face *face, struct linked *linked,
                         const struct chat_heard *heard) {
    auto_clean(text_deinit) struct text out = {0};
    struct errand errand = {.order.command = chat_command_find(heard->node)};
    const char *refusal;
    if (!errand.order.command || !errand.order.command->is_node) {
        refuse(face, heard, CHAT_NOT_FOUND);
    } else if (heard->is_canceled) {
        chat_write_canceled(&out, heard);
        send(face, &out);
    } else if ((refusal = judge(face, linked, heard, &errand.order))) {
        reply(face, heard, CHAT_NOTE_ERROR, refusal);
    } else if ((heard->is_submitted || !*errand.order.command->inputs) &&
               !chat_order_from_form(heard, &errand.order, &out)) {
        reply(face, heard, CHAT_NOTE_ERROR, text_data(&out));
    } else {
        pass_on(face, linked, heard, &errand);
    }
}

static void hear_linked(struct chat_face *face, struct linked *linked,
                        const struct chat_heard *heard) {
    auto_clean(text_deinit) struct text out = {0};
    if (heard->kind == CHAT_ITEMS) {
        enum rights rights = rights_of(face, linked);
        chat_write_items(&out, heard, &rights);
        send(face, &out);
    } else if (!chat_budget_take(&linked->budget, heard->now_ms, lines_most, lines_window_ms)) {
        if (heard->kind == CHAT_COMMAND)
            refuse(face, heard, CHAT_OVERLOADED);
    } else if (heard->kind == CHAT_COMMAND) {
        hear_command(face, linked, heard);
    } else if (heard->is_late) { /* a command that waited is not what is wanted now */
        reply(face, heard, CHAT_NOTE_ERROR, "I was away when you wrote: write it again.");
    } else {
        hear_line(face, linked, heard);
    }
}

void chat_face_hear(struct chat_face *face, const struct chat_heard *heard) {
    char jid[limit_address_size];
    chat_bare(heard->from, jid);
    pthread_mutex_lock(&face->lock);
    struct linked *linked = chat_links_find(face->links, jid);
    if (linked)
        hear_linked(face, linked, heard);
    else
        hear_stranger(face, heard, jid);
    pthread_mutex_unlock(&face->lock);
}

void chat_face_admit(struct chat_face *face, const char *from) {
    char jid[limit_address_size];
    chat_bare(from, jid);
    pthread_mutex_lock(&face->lock);
    bool is_linked = chat_links_find(face->links, jid);
    pthread_mutex_unlock(&face->lock);
    if (is_linked) /* for others our server keeps it, and tells it again at our next login */
        show_to(face, jid);
}

static void greet_one(void *context, const struct chat_link *link) {
    chat_write_presence(context, link->jid);
}

void chat_face_greet(struct chat_face *face) {
    auto_clean(text_deinit) struct text stanzas = {0};
    chat_write_presence(&stanzas, NULL);
    pthread_mutex_lock(&face->lock);
    chat_links_each(face->links, greet_one, &stanzas);
    pthread_mutex_unlock(&face->lock);
    send(face, &stanzas);
}

size_t chat_face_links(struct chat_face *face) {
    pthread_mutex_lock(&face->lock);
    size_t count = chat_links_count(face->links);
    pthread_mutex_unlock(&face->lock);
    return count;
}

/* ---- its life ---- */

struct chat_face *chat_face_new(const struct chat_face_settings *settings, struct error *err) {
    struct chat_face *face = memory_new(1, sizeof(*face));
    const struct pool_calls calls = {.run = run_batch, .rest = rest, .context = face};
    uint64_t seed;
    secret_random(&seed, sizeof(seed));
    face->settings = *settings;
    face->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    strangers_init(&face->strangers, seed);
    if (folder_make(settings->state, 0700, err) == 0)
        face->links = chat_links_open(settings->state, seed, err);
    if (face->links && (face->pool = pool_new(workers, waiting_most, &calls, err)))
        return face;
    chat_face_free(face);
    return NULL;
}

void chat_face_free(struct chat_face *face) {
    if (!face)
        return;
    atomic_store(&face->is_stopping, true);
    if (face->pool)
        pool_free(face->pool, drop_work);
    chat_links_free(face->links);
    strangers_deinit(&face->strangers);
    pthread_mutex_destroy(&face->lock);
    memory_free(face);
}
