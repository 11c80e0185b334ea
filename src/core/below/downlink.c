/* What each peer adds to the sum of all, less what is reserved there; and the peers' sessions:
 * which hello opens one, what a welcome says, when silence makes a peer suspect and then away. */
#include "core/below/downlink.h"

#include <assert.h>

#include "base/memory.h"
#include "core/below/belief.h"
#include "core/below/claims.h"
#include "core/below/holds.h"
#include "core/below/leases.h"
#include "core/below/lend.h"
#include "core/below/peer.h"
#include "core/below/turns.h"
#include "core/books/digest.h"
#include "core/books/reshape.h"

void downlink_init(struct downlink *downlink, const struct role_settings *settings,
                   struct book *book, struct prng *prng) {
    *downlink = (struct downlink){.book = book,
                                  .moment = book->moment,
                                  .beat_ms = settings->beat_ms,
                                  .hold_down_ms = settings->hold_down_ms,
                                  .lease_ms = settings->lease_ms,
                                  .prefers_images = settings->prefers_images,
                                  .usage_ms = settings->usage_ms,
                                  .anywhere_until_ms =
                                      settings->kind == ROLE_UPSTREAM ? book_never : 0,
                                  .recover_due_ms = book_never,
                                  .most = settings->most,
                                  .overcommit = settings->overcommit,
                                  .sweep_due_ms = book_never};
    prng_init(&downlink->prng, prng_next(prng));
    map_init(&downlink->by_address, prng_next(prng));
    map_init(&downlink->by_name, prng_next(prng));
    map_init(&downlink->holders, downlink->by_name.seed);
    downlink->count = settings->agents_count;
    downlink->peers = memory_new(downlink->count, sizeof(*downlink->peers));
    for (size_t i = 0; i < downlink->count; i++) {
        struct peer *peer = &downlink->peers[i];
        peer->setting = settings->agents[i];
        if (!peer->setting.at_once)
            peer->setting.at_once = limit_at_once_usual;
        peer->downlink = downlink;
        session_init(&peer->session, &peer->setting, settings->session_messages, book->moment);
        list_init(&peer->vms);
        list_init(&peer->leftovers);
        list_init(&peer->by_turned);
        map_put(&downlink->by_address, peer->setting.address, peer);
        map_put(&downlink->by_name, peer->setting.name, peer);
    }
    list_init(&downlink->turned);
    downlink_share(downlink, &(struct askers){0});
    for (size_t i = 0; i < settings->shapes_count; i++)
        downlink->catalogue[downlink->catalogue_count++] = settings->shapes[i];
    for (size_t i = 0; i < downlink->count; i++)
        downlink->peers[i].fits = memory_new(downlink->catalogue_count, sizeof(uint64_t));
    for (size_t i = 0; i < downlink->catalogue_count; i++)
        tournament_init(&downlink->rooms[i], downlink->count);
}

void downlink_deinit(struct downlink *downlink) {
    for (size_t i = 0; i < downlink->count; i++) {
        session_close(&downlink->peers[i].session);
        memory_free(downlink->peers[i].fits);
        memory_free(downlink->peers[i].reserved);
        memory_free(downlink->peers[i].labels);
        memory_free(downlink->peers[i].next_key);
        memory_free(downlink->peers[i].networks);
        peer_take_holds(&downlink->peers[i], &(struct holds){0});
        list_for(struct left, left, &downlink->peers[i].leftovers, node) {
            memory_free(left->allow);
            memory_free(left);
        }
    }
    for (size_t i = 0; i < downlink->catalogue_count; i++)
        tournament_deinit(&downlink->rooms[i]);
    memory_free(downlink->lanes);
    memory_free(downlink->peers);
    heap_deinit(&downlink->timers);
    map_deinit(&downlink->by_address);
    map_deinit(&downlink->by_name);
    map_deinit(&downlink->holders);
}

void downlink_start(struct downlink *downlink) {
    downlink->started_ms = downlink->moment->wall_ms;
    for (size_t i = 0; i < downlink->count; i++) {
        downlink->peers[i].state = PEER_SUSPECT;
        downlink->peers[i].state_ms = downlink->moment->now_ms;
    }
    downlink->sweep_due_ms = downlink->moment->now_ms + downlink->beat_ms / 2;
    downlink_start_leases(downlink);
    downlink->recover_due_ms = downlink->moment->now_ms;
}

static_assert(limit_shapes <= 64, "peer.counted has a bit for each");

/* Since the start, and not of an older catalogue. */
static bool has_told_all(const struct peer *peer) {
    size_t shapes = peer->downlink->catalogue_count;
    return peer->has_told && peer->counted == (shapes ? UINT64_MAX >> (64 - shapes) : 0);
}

bool peer_is_awaited(const struct peer *peer) {
    const struct downlink *downlink = peer->downlink;
    bool silent = peer->state == PEER_SUSPECT || (peer->state == PEER_UP && !has_told_all(peer));
    return silent && !peer->cordoned_ms &&
           downlink->moment->now_ms - peer->state_ms < downlink->hold_down_ms;
}

struct peer *downlink_peer(const struct downlink *downlink, uint32_t link, const char *address) {
    struct peer *peer = map_get(&downlink->by_address, address);
    return peer && peer->setting.link == link ? peer : NULL;
}

struct peer *downlink_by_name(const struct downlink *downlink, const char *name) {
    return map_get(&downlink->by_name, name);
}

/* What is in use there, and nothing more: all of it where less than nothing is left. */
static struct capacity without_free(const struct capacity *whole) {
    return (struct capacity){
        .cpus_total = whole->cpus_total - room_left(whole->cpus_free),
        .memory_mib_total = whole->memory_mib_total - room_left(whole->memory_mib_free),
        .disk_gib_total = whole->disk_gib_total - room_left(whole->disk_gib_free),
    };
}

/* Takes out of the sum what the peer added before and adds what it has now: O(shapes), and O(log
 * peers) for each shape of which it has another count. */
static void peer_count(struct peer *peer) {
    struct downlink *downlink = peer->downlink;
    struct capacity *sum = &downlink->sum.total, *added = &peer->added, now = {0};
    if (peer_is_up(peer)) {
        const struct capacity *told = &peer->capacity;
        now = (struct capacity){
            .cpus_total = told->cpus_total,
            .cpus_free = told->cpus_free - peer->unreflected_size.cpus,
            .memory_mib_total = told->memory_mib_total,
            .memory_mib_free = told->memory_mib_free - peer->unreflected_size.memory_mib,
            .disk_gib_total = told->disk_gib_total,
            .disk_gib_free = told->disk_gib_free - peer->unreflected_size.disk_gib,
        };
    }
    if (peer->cordoned_ms)
        now = without_free(&now);
    sum->cpus_total += now.cpus_total - added->cpus_total;
    sum->cpus_free += now.cpus_free - added->cpus_free;
    sum->memory_mib_total += now.memory_mib_total - added->memory_mib_total;
    sum->memory_mib_free += now.memory_mib_free - added->memory_mib_free;
    sum->disk_gib_total += now.disk_gib_total - added->disk_gib_total;
    sum->disk_gib_free += now.disk_gib_free - added->disk_gib_free;
    *added = now;
    bool counts = peer_is_up(peer) && !peer->cordoned_ms;
    for (size_t i = 0; i < downlink->catalogue_count; i++) {
        uint64_t reserved = peer->reserved ? peer->reserved[i] : 0;
        uint64_t told = peer->has_told ? peer->fits[i] : 0;
        uint64_t fits = counts ? told - reserved : 0;
        struct tournament *rooms = &downlink->rooms[i];
        size_t at = (size_t)(peer - downlink->peers);
        downlink->sum.fits[i] += fits - (uint64_t)rooms->scores[at];
        tournament_set(rooms, at, (int64_t)fits);
    }
    downlink->changed = true;
}

static void peer_set_state(struct peer *peer, enum peer_state state) {
    struct downlink *downlink = peer->downlink;
    if (peer->state == state)
        return;
    if (peer_is_up(peer))
        peer->lost_ms = downlink->moment->wall_ms;
    if (peer_is_up(peer) || state == PEER_UP) {
        list_remove(&peer->by_turned);
        list_add(&downlink->turned, &peer->by_turned);
        downlink->recover_due_ms = downlink->moment->now_ms;
    }
    downlink->up_count += state == PEER_UP;
    downlink->up_count -= peer_is_up(peer);
    if (!downlink->up_count || !downlink->heard_ms)
        downlink->heard_ms = downlink->up_count ? downlink->moment->now_ms : 0;
    peer->state = state;
    peer->state_ms = downlink->moment->now_ms;
    peer->seen_ms = downlink->moment->wall_ms;
    peer_count(peer);
}

void downlink_cordon(struct peer *peer, uint64_t wall_ms) {
    peer->cordoned_ms = wall_ms;
    peer_count(peer);
}

/* What keeps the session going, full or not. */
static void peer_send(struct peer *peer, struct message *message) {
    session_send(&peer->session, message);
    peer_arm(peer);
}

bool peer_has_room(const struct peer *peer) {
    return peer->session.state == SESSION_OPEN && !session_is_full(&peer->session);
}

void downlink_send(struct peer *peer, struct message *message) {
    if (peer_has_room(peer))
        peer_send(peer, message);
    else
        message_clear(message); /* asked for or told again: nothing hangs on this one */
}

void downlink_settle(struct peer *peer, const char *op) {
    struct message message = {.kind = MESSAGE_SETTLED};
    text_set(message.settled.op, op);
    downlink_send(peer, &message);
}

static void send_welcome(struct peer *peer) {
    struct downlink *downlink = peer->downlink;
    struct message message = {.kind = MESSAGE_WELCOME};
    message.welcome.version = peer->session.version;
    message.welcome.beat_ms = (uint32_t)downlink->beat_ms;
    message.welcome.overcommit = peer_overcommit(peer);
    message.welcome.asks_why = downlink->asks_why;
    message.welcome.asks_images = downlink->prefers_images;
    message.welcome.usage_ms = (uint32_t)downlink->usage_ms;
    message.welcome.lease_ms = downlink->lease_ms;
    message.welcome.incarnation = downlink->own->incarnation;
    message.welcome.shapes_count = (uint32_t)downlink->catalogue_count;
    message.welcome.shapes = memory_copy(
        downlink->catalogue, downlink->catalogue_count * sizeof(*downlink->catalogue));
    peer_send(peer, &message);
}

static void send_rekey(struct peer *peer) {
    const struct downlink *downlink = peer->downlink;
    struct message message = {.kind = MESSAGE_REKEY};
    text_set(message.rekey.key, downlink->next_key);
    if (downlink->next_key[0] && peer_is_up(peer))
        peer_send(peer, &message);
}

void downlink_on_rekey(struct downlink *downlink, const struct event *event) {
    if (!downlink->count || downlink->peers[0].setting.link != event->rekey.link)
        return;
    text_set(downlink->next_key, event->rekey.key);
    for (size_t i = 0; i < downlink->count; i++)
        send_rekey(&downlink->peers[i]);
}

void peer_set_overcommit(struct peer *peer, const struct overcommit *overcommit) {
    struct overcommit before = peer_overcommit(peer);
    peer->overcommit = *overcommit;
    struct overcommit now = peer_overcommit(peer);
    if (peer_is_up(peer) && !record_equal(&overcommit_table, &before, &now))
        send_welcome(peer);
}

static bool is_size(const struct size *left, const struct size *right) {
    return left->cpus == right->cpus && left->memory_mib == right->memory_mib &&
           left->disk_gib == right->disk_gib;
}

int downlink_shape(const struct downlink *downlink, const struct size *size) {
    for (size_t i = 0; i < downlink->catalogue_count; i++)
        if (is_size(&downlink->catalogue[i].size, size))
            return (int)i;
    return -1;
}

static uint64_t parts(uint64_t of, uint64_t size) {
    return of / size + (of % size != 0);
}

uint64_t downlink_takes(const struct size *put, const struct size *of) {
    uint64_t cpus = parts(put->cpus, of->cpus);
    uint64_t memory = parts(put->memory_mib, of->memory_mib);
    uint64_t disk = parts(put->disk_gib, of->disk_gib);
    uint64_t most = cpus > memory ? cpus : memory;
    return most > disk ? most : disk;
}

/* What the reservations at a peer take of the shape. */
static void reserve_shape(struct peer *peer, size_t at) {
    const struct downlink *downlink = peer->downlink;
    if (!peer->reserved)
        return;
    peer->reserved = memory_resize(peer->reserved, downlink->catalogue_count * sizeof(uint64_t));
    peer->reserved[at] = 0;
    list_for(const struct book_vm, vm, &peer->vms, by_place) {
        if (vm->active)
            peer->reserved[at] +=
                downlink_takes(&vm->active->reserved, &downlink->catalogue[at].size);
    }
}

void downlink_set_shape(struct downlink *downlink, size_t at, const struct shape *shape) {
    assert(at <= downlink->catalogue_count && at < limit_shapes);
    if (at == downlink->catalogue_count) {
        tournament_init(&downlink->rooms[at], downlink->count);
        downlink->catalogue_count++;
    }
    downlink->catalogue[at] = *shape;
    size_t bytes = downlink->catalogue_count * sizeof(uint64_t);
    for (size_t i = 0; i < downlink->count; i++) {
        struct peer *peer = &downlink->peers[i];
        peer->fits = memory_resize(peer->fits, bytes);
        peer->fits[at] = 0;
        peer->counted &= ~(UINT64_C(1) << at);
        reserve_shape(peer, at);
        peer_count(peer);
        if (peer_is_up(peer))
            send_welcome(peer);
    }
}

/* What waits is instructed with all that is under way when a session opens. */
static void peer_forget(struct peer *peer) {
    session_close(&peer->session);
    for (size_t i = 0; i < lanes_count(&peer->downlink->askers); i++) {
        while (!list_is_empty(&peer->lanes[i].waiting))
            list_remove(peer->lanes[i].waiting.next);
        while (!list_is_empty(&peer->lanes[i].under_way))
            list_remove(peer->lanes[i].under_way.next);
    }
    peer_arm(peer);
}

void peer_close(struct peer *peer) {
    peer_forget(peer);
    if (peer_is_up(peer))
        peer_set_state(peer, PEER_SUSPECT);
}

bool downlink_accept(struct peer *peer) {
    bool accepted = belief_accept(peer);
    if (accepted) /* whoever was known is known no more, and may be in a session */
        peer_close(peer);
    return accepted;
}

/* Answers leave by the server that brought what is new. A repeat may be one that another server
 * recorded, to draw them to itself. */
static void peer_route(struct peer *peer, const struct event *event) {
    peer->endpoint = event->frame.endpoint;
    effects_route(peer->downlink->moment->out, peer->setting.link, peer->setting.address,
                  peer->endpoint);
}

/* Answered in the sender's own session, so that it knows it is meant. */
enum reset_why { RESET_UNKNOWN, RESET_UNBELIEVED };

static void send_reset(const struct peer *peer, const struct frame *frame, enum reset_why why) {
    struct downlink *downlink = peer->downlink;
    struct session session = {.peer = &peer->setting,
                              .moment = downlink->moment,
                              .number = 1 + prng_below(&downlink->prng, session_number_most),
                              .peer_number = frame->header.from};
    struct message reset = {.kind = MESSAGE_RESET, .reset.unbelieved = why == RESET_UNBELIEVED};
    session_say(&session, &reset);
}

/* Opens the session that a hello asks for: welcome goes out. False: it opens none. */
static bool on_hello(struct peer *peer, const struct event *event) {
    struct downlink *downlink = peer->downlink;
    const struct frame *frame = event->frame.frame;
    const struct hello *hello = &frame->messages[0].hello;
    if (hello->version < protocol_version_oldest || hello->version_oldest > protocol_version) {
        if (!effects_worth_noting(++peer->mismatched))
            return false;
        effects_note(downlink->moment->out, NOTE_WARNING, "",
                     "%s speaks protocol versions %u to %u, this manager %d to %d: upgrade the "
                     "older side",
                     peer->setting.name, hello->version_oldest, hello->version,
                     protocol_version_oldest, protocol_version);
        return false;
    }
    struct session *session = &peer->session;
    if (session->state == SESSION_OPEN && session->peer_number == frame->header.from)
        return false; /* a repeat; welcome, which it waits for, is repeated until it comes */
    if (!belief_on_hello(peer, hello)) {
        send_reset(peer, frame, peer->later ? RESET_UNKNOWN : RESET_UNBELIEVED);
        return false;
    }
    peer_forget(peer);
    session_open(session, SESSION_OPEN, 1 + prng_below(&downlink->prng, session_number_most),
                 frame->header.from);
    session->received = 1;
    session->heard_ms = downlink->moment->now_ms;
    memory_free(peer->networks);
    peer->networks = memory_text(hello->networks);
    peer_take_holds(peer, &(struct holds){0}); /* it tells of those that are there */
    peer->sends = hello->sends;
    peer->guarded = hello->guarded;
    text_set(peer->software, hello->software);
    peer->leased = hello->leased;
    peer->owes_evictions = true; /* until its manager has looked */
    peer->evict_number = 0;
    peer_review_lease(peer);
    peer->receives = hello->receives && peer->setting.migration_uri;
    session->version = hello->version < protocol_version ? hello->version : protocol_version;
    peer_route(peer, event);
    peer_set_state(peer, PEER_UP);
    send_welcome(peer);
    send_rekey(peer);
    if (hello->vm_digest != downlink_digest(peer)) {
        struct message sync = {.kind = MESSAGE_SYNC};
        peer_send(peer, &sync);
    }
    if (downlink->sweep_due_ms == book_never)
        downlink->sweep_due_ms = downlink->moment->now_ms + downlink->beat_ms;
    return true;
}

enum downlink_news downlink_on_frame(struct peer *peer, const struct event *event) {
    const struct frame *frame = event->frame.frame;
    pins_on_frame(peer_pinned(peer), event);
    if (frame->messages_count && frame->messages[0].kind == MESSAGE_HELLO)
        return on_hello(peer, event) ? DOWNLINK_OPENED : DOWNLINK_NOTHING;
    enum session_verdict verdict = session_receive(&peer->session, frame);
    peer_review_lease(peer);
    peer_arm(peer);
    switch (verdict) {
    case SESSION_ACCEPT:
        if (peer->endpoint != event->frame.endpoint)
            peer_route(peer, event);
        return DOWNLINK_MESSAGES;
    case SESSION_DROP:
        return DOWNLINK_NOTHING;
    case SESSION_STRANGER:
        send_reset(peer, frame, RESET_UNKNOWN);
        return DOWNLINK_NOTHING;
    }
    return DOWNLINK_NOTHING;
}

void peer_forget_capacity(struct peer *peer) {
    peer_load_capacity(peer, &(struct capacity){0});
    peer->has_told = false;
    peer_count(peer);
}

static void on_capacity(struct peer *peer, const struct capacity *capacity) {
    peer_load_capacity(peer, capacity);
    peer_note_claim(peer, capacity);
    peer->has_told = true;
    peer_count(peer);
}

void downlink_on_message(struct peer *peer, const struct message *message) {
    switch (message->kind) {
    case MESSAGE_REKEY:
        pins_on_rekey(peer_pinned(peer), &message->rekey);
        return;
    case MESSAGE_CAPACITY:
        on_capacity(peer, &message->capacity);
        return;
    case MESSAGE_HOLDS:
        peer_take_holds(peer, &message->holds);
        return;
    case MESSAGE_BEAT: /* its acknowledgement is the answer */
        peer->guarded = message->beat.guarded;
        peer->leased = message->beat.leased;
        peer_review_lease(peer);
        return;
    case MESSAGE_VM:
    case MESSAGE_TABLE:
    case MESSAGE_PROGRESS:
    case MESSAGE_RESULT:
    case MESSAGE_READING:
    case MESSAGE_OPENED:
    case MESSAGE_USAGES:
    case MESSAGE_UNREADABLE:
        return; /* the role's */
    case MESSAGE_HELLO:
    case MESSAGE_WELCOME:
    case MESSAGE_RESET:
    case MESSAGE_INSTRUCT:
    case MESSAGE_SYNC:
    case MESSAGE_SETTLED:
    case MESSAGE_READ:
    case MESSAGE_OPEN:
    case MESSAGE_KIND_COUNT:
        return; /* a manager's words out of an agent's mouth: not applied */
    }
}

static void note_own_link(struct downlink *downlink, const struct event *event) {
    if (event->kind != EVENT_LINK || !downlink->count ||
        downlink->peers[0].setting.link != event->presence.link)
        return;
    bool up = event->presence.presence == PRESENCE_UP;
    downlink->link_up_ms = up ? downlink->moment->now_ms : 0;
    downlink->recover_due_ms = downlink->moment->now_ms;
}

void downlink_on_presence(struct downlink *downlink, const struct event *event) {
    note_own_link(downlink, event);
    if (event->presence.presence == PRESENCE_UP)
        return; /* the agent says hello */
    if (event->kind == EVENT_PEER) {
        struct peer *only =
            downlink_peer(downlink, event->presence.link, event->presence.address);
        if (only)
            peer_close(only);
        return;
    }
    for (size_t i = 0; i < downlink->count; i++)
        if (downlink->peers[i].setting.link == event->presence.link)
            peer_close(&downlink->peers[i]);
}

void downlink_on_tick(struct downlink *downlink) {
    if (downlink->moment->now_ms < downlink->sweep_due_ms)
        return;
    uint64_t next = book_never;
    for (size_t i = 0; i < downlink->count; i++) {
        struct peer *peer = &downlink->peers[i];
        if (peer_is_up(peer) &&
            downlink->moment->now_ms >= session_silence_ms(&peer->session, downlink->beat_ms))
            peer_close(peer);
        if (peer->state == PEER_SUSPECT &&
            downlink->moment->now_ms - peer->state_ms >= downlink->hold_down_ms)
            peer_set_state(peer, PEER_AWAY);
        if (peer->state != PEER_AWAY)
            next = downlink->moment->now_ms + downlink->beat_ms / 2;
    }
    downlink->sweep_due_ms = next;
}

uint64_t downlink_deadline_ms(const struct downlink *downlink) {
    const struct timer *first = heap_first(&downlink->timers);
    uint64_t due = downlink->sweep_due_ms;
    due = downlink->recover_due_ms < due ? downlink->recover_due_ms : due;
    return first && first->due_ms < due ? first->due_ms : due;
}

void downlink_check(const struct downlink *downlink) {
    for (size_t i = 0; i < downlink->count; i++) {
        const struct peer *peer = &downlink->peers[i];
        session_check(&peer->session);
        assert(peer_is_up(peer) == (peer->session.state == SESSION_OPEN));
        assert(!peer_is_up(peer) || !peer_next(peer) || peer->session.first);
    }
}

/* One reservation more, or (modulo 2^64) less. */
static void count_reserved(struct peer *peer, uint64_t sign, const struct size *size) {
    struct downlink *downlink = peer->downlink;
    if (!peer->reserved)
        peer->reserved = memory_new(downlink->catalogue_count, sizeof(uint64_t));
    for (size_t i = 0; i < downlink->catalogue_count; i++)
        peer->reserved[i] += sign * downlink_takes(size, &downlink->catalogue[i].size);
    peer->unreflected += sign;
    if (!peer->unreflected) {
        memory_free(peer->reserved);
        peer->reserved = NULL;
    }
    peer->unreflected_size.cpus += sign * size->cpus;
    peer->unreflected_size.memory_mib += sign * size->memory_mib;
    peer->unreflected_size.disk_gib += sign * size->disk_gib;
    peer_count(peer);
}

void downlink_reflect(struct peer *peer, struct book_op *op) {
    struct size reserved = op->reserved;
    if (size_is_zero(&reserved))
        return;
    op->reserved = (struct size){0};
    count_reserved(peer, UINT64_MAX, &reserved);
}

void peer_reserve(struct peer *peer, const struct book_vm *vm) {
    struct book_op *op = vm->active;
    const struct operation *record = &op->record;
    struct size size = {0};
    if (verb_makes(record->verb))
        size = vm->record.size;
    else if (record->verb == VERB_RESIZE)
        size = size_growth(&record->was, &record->definition.size);
    if (size_is_zero(&size) || !size_is_zero(&op->reserved))
        return;
    op->reserved = size;
    count_reserved(peer, 1, &size);
}

uint64_t downlink_digest(const struct peer *peer) {
    uint64_t digest = 0;
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms) {
        const struct vm *vm = &container_of(node, struct book_vm, by_place)->record;
        digest ^=
            uplink_vm_digest(vm, vm->place_epoch, vm->place_generation, vm->unheard_ms);
    }
    return digest & INT64_MAX;
}
