#include "shell_room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"

struct text journal;

void role_step(struct role *role, const struct event *event, struct effects *out) {
    if (event->kind == EVENT_START)
        role->started_ms = event->now_ms;
    text_addf(&role->seen, "%s;", event_names[event->kind]);
    role->script(role, event, out);
}

uint64_t role_deadline_ms(const struct role *role) { return role->deadline_ms; }

static void store_do(const char *what, struct record *record) {
    text_addf(&journal, "%s %s;", what, (const char *)record->data);
    record_deinit(record);
}

void store_put(struct store *store, struct record *record) {
    (void)store;
    store_do("put", record);
}

void store_delete(struct store *store, struct record *record) {
    (void)store;
    store_do("delete", record);
}

int store_commit(struct store *store, struct error *err) {
    text_add(&journal, "commit;");
    return store->failing && text_equal(store->failing, "commit") ? error_set(err, -28, "no room")
                                                                  : 0;
}

bool store_has_room(struct store *store) { return !store->is_full; }

int store_get(struct store *store, struct record *record, struct error *err) {
    (void)store, (void)record, (void)err;
    return 0;
}

int store_load(struct store *store, void (*each)(void *context, const struct record *record),
               void *context, struct error *err) {
    if (store->failing && text_equal(store->failing, "load"))
        return error_set(err, -5, "damaged");
    if (store->stored)
        each(context, store->stored);
    return 0;
}

static enum carrier_sent on_send(struct carrier *carrier, const char *address, const char *bytes,
                                 size_t length) {
    struct codec_fault fault;
    frame_clear(&carrier->last);
    text_clear(&carrier->bytes);
    text_add_bytes(&carrier->bytes, bytes, length);
    assert_int_equal(seal_open(carrier->peer, "us@b/c", bytes, length, &carrier->opened),
                     SEAL_DONE);
    if (frame_decode(text_data(&carrier->opened), carrier->opened.length, &carrier->last, &fault))
        fail_msg("%s: %s", fault.field, fault.text);
    text_addf(&journal, "send %s %u@%u;", address, carrier->last.messages_count,
              (unsigned)carrier->last.header.sequence);
    return CARRIER_SENT;
}

static void on_route(struct carrier *carrier, const char *address, size_t endpoint) {
    (void)carrier;
    text_addf(&journal, "route %s %zu;", address, endpoint);
}

/* One per turn and link: what waits for it is in the journal already. */
static void on_flush(struct carrier *carrier) { carrier->flushes++; }

static void on_job(struct host *host, const struct effect_job *job) {
    host->jobs++;
    text_addf(&journal, "job %s;", job_names[job->kind]);
}

static void on_reply(struct rest *rest, struct reply *reply) {
    rest->handle = reply->handle;
    rest->code = reply->code;
    rest->row = memory_text(reply->record.data);
    text_addf(&journal, "reply;");
    reply_clear(reply);
}

static void on_fetch(struct image_fetcher *fetcher, const char *digest) {
    text_set(fetcher->digest, digest);
    text_addf(&journal, "fetch;");
}

static const char own_key[] = "secret:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";
static const char peer_key[] = "secret:ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A";

/* All peers of a link have one key here: the shell tells them apart by address alone. */
static void make_seals(struct room *room) {
    static const char *const peers[] = {"a@b/c", "a@b/d", "m@b/c"};
    for (size_t i = 0; i < array_size(room->links); i++) {
        room->links[i].seal = seal_new(i ? SEAL_AGENT : SEAL_MANAGER, own_key, &room->err);
        room->carriers[i].peer = seal_new(i ? SEAL_MANAGER : SEAL_AGENT, peer_key, &room->err);
        for (size_t n = 0; n < array_size(peers); n++)
            assert_int_equal(seal_pin(room->links[i].seal, peers[n],
                                      seal_public_key(room->carriers[i].peer), &room->err), 0);
        assert_int_equal(seal_pin(room->carriers[i].peer, "us@b/c",
                                  seal_public_key(room->links[i].seal), &room->err), 0);
    }
}

int set_up(void **state) {
    struct room *room = memory_new(1, sizeof(*room));
    room->role.deadline_ms = UINT64_MAX;
    room->log = (struct log){.daemon = "test", .level = LOG_ERROR};
    room->shell = shell_new(&room->role, &room->log);
    room->links[0] = (struct shell_link){.name = "downlink", .carrier = &room->carriers[0]};
    room->links[1] = (struct shell_link){
        .name = "uplink", .carrier = &room->carriers[1], .fetcher = &room->fetcher};
    make_seals(room);
    room->ports = (struct shell_ports){.store = &room->store,
                                       .links = room->links,
                                       .links_count = 2,
                                       .host = &room->host,
                                       .rest = &room->rest,
                                       .route = on_route,
                                       .send = on_send,
                                       .flush = on_flush,
                                       .fetch = on_fetch,
                                       .submit = on_job,
                                       .reply = on_reply};
    text_clear(&journal);
    *state = room;
    return 0;
}

int tear_down(void **state) {
    struct room *room = *state;
    shell_free(room->shell);
    for (size_t i = 0; i < array_size(room->carriers); i++) {
        frame_clear(&room->carriers[i].last);
        text_deinit(&room->carriers[i].bytes);
        text_deinit(&room->carriers[i].opened);
        seal_free(room->carriers[i].peer);
        seal_free(room->links[i].seal);
    }
    text_deinit(&room->role.seen);
    memory_free(room->rest.row);
    memory_free(room);
    text_deinit(&journal);
    return 0;
}

void run(struct room *room) {
    if (shell_run(room->shell, &room->ports, &room->err))
        fail_msg("%s", room->err.text);
}

void post(struct room *room, enum event_kind kind) {
    shell_post(room->shell, &(struct event){.kind = kind});
}
