#include "bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "message/stored.h"

const struct shape bench_shapes[2] = {{"small", {1, 512, 5}}, {"large", {4, 4096, 50}}};

static void add_peer(struct peer_setting *setting, struct far *far, const char *kind, size_t i) {
    text_format(setting->name, sizeof(setting->name), "%s-%zu", kind, i);
    *far = (struct far){0};
    text_format(far->address, sizeof(far->address), "secret-%s-%zu@below/x", kind, i);
    setting->address = far->address;
    setting->link = text_equal(kind, "agent") ? 0 : (uint32_t)i + 1;
    far->setting = *setting;
}

static void start(struct bench *bench) {
    bench->settings.agents = bench->agents;
    bench->settings.managers = bench->managers;
    bench->role = role_new(&bench->settings);
}

void bench_init(struct bench *bench, const struct role_settings *settings) {
    *bench = (struct bench){.settings = *settings, .now_ms = 1000};
    assert_true(settings->agents_count <= bench_fars && settings->managers_count <= bench_fars);
    for (size_t i = 0; i < array_size(bench->fars); i++)
        bench->fars[i].setting.address = ""; /* nobody */
    for (size_t i = 0; i < settings->agents_count; i++) {
        add_peer(&bench->agents[i], bench_agent(bench, i), "agent", i);
        bench->agents[i].migration_uri = i ? "qemu+tls://b/system" : "qemu+tls://a/system";
        bench->agents[i].migration_folder = i ? "/b" : "/a";
        bench->agents[i].labels = i ? "region=eu,zone=b" : "region=eu,zone=a,disk=ssd";
    }
    for (size_t i = 0; i < settings->managers_count; i++)
        add_peer(&bench->managers[i], bench_manager(bench, i), "manager", i);
    start(bench);
    bench_step(bench, (struct event){.kind = EVENT_START});
}

void bench_deinit(struct bench *bench) {
    role_free(bench->role);
    effects_deinit(&bench->effects);
    for (size_t i = 0; i < bench->stored_count; i++)
        record_deinit(&bench->stored[i]);
}

struct far *bench_agent(struct bench *bench, size_t i) { return &bench->fars[i]; }

struct far *bench_manager(struct bench *bench, size_t i) { return &bench->fars[bench_fars + i]; }

static struct record *stored_at(struct bench *bench, const struct table *table,
                                const char *key) {
    for (size_t i = 0; i < bench->stored_count; i++)
        if (bench->stored[i].table == table && text_equal(bench->stored[i].data, key))
            return &bench->stored[i]; /* the key is the first member */
    return NULL;
}

static void store(struct bench *bench, const struct effect *effect) {
    const struct record *record = &effect->record;
    struct record *old = stored_at(bench, record->table, record->data);
    struct codec_fault fault;
    if (old) {
        record_deinit(old);
        *old = bench->stored[--bench->stored_count];
    }
    if (effect->kind == EFFECT_FORGET)
        return;
    if (codec_check(record->table, record->data, &fault))
        fail_msg("a bad %s is saved: %s %s", record->table->name, fault.field, fault.text);
    assert_true(bench->stored_count < array_size(bench->stored));
    bench->stored[bench->stored_count++] = record_copy(record->table, record->data);
}

/* Law 1, the wall: nothing that goes up holds the name or the address of anything below. */
static void check_wall(const struct bench *bench, const struct message *message) {
    struct text json = {0};
    message_encode(message, FRAME_JSON, &json);
    for (size_t i = 0; i < bench->settings.agents_count; i++)
        if (strstr(text_data(&json), bench->agents[i].name) ||
            strstr(text_data(&json), bench->agents[i].address))
            fail_msg("the wall is open: %s", text_data(&json));
    text_deinit(&json);
}

/* A sent message can be decoded again, and its numbers are the next of its session. */
static void deliver(struct bench *bench, const struct effect_send *send) {
    struct codec_fault fault;
    if (codec_check(message_table(send->message.kind), &send->message.welcome, &fault))
        fail_msg("a bad %s is sent: %s %s", message_table(send->message.kind)->name, fault.field,
                 fault.text);
    for (size_t i = 0; i < array_size(bench->fars); i++) {
        struct far *far = &bench->fars[i];
        if (!text_equal(far->setting.address, send->address))
            continue;
        assert_int_equal(send->link, far->setting.link);
        if (i >= bench_fars)
            check_wall(bench, &send->message);
        assert_true(send->header.received <= far->sent);
        if (send->message.kind == MESSAGE_RESET)
            return; /* in a session of its own */
        if (far->peer_number == send->header.from && send->header.sequence <= far->received) {
            assert_true(far->silent || send->message.kind == MESSAGE_HELLO);
            return;
        }
        if (far->peer_number == send->header.from)
            assert_int_equal(send->header.sequence, far->received + 1);
        else
            far->told = 0;
        far->peer_number = send->header.from;
        far->received = send->header.sequence;
        if (send->message.kind == MESSAGE_HELLO)
            far->told = far->received; /* by welcome */
        return;
    }
    fail_msg("a message to nobody: %s", send->address);
}

static void clear(struct bench *bench) { effects_clear(&bench->effects); }

/* Law 8: what the role knows it could know again from the store. */
static void check_books(struct bench *bench) {
    const struct book *book = role_book(bench->role);
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &book->vms) {
        const struct vm *vm = &container_of(node, struct book_vm, by_age)->record;
        const struct record *saved = stored_at(bench, &stored_vm_table, vm->id);
        if (!saved || !record_equal(&stored_vm_table, saved->data, vm))
            fail_msg("VM %s is not in the store as it is in the books", vm->id);
    }
    list_each(node, next, &book->ops) {
        const struct operation *op = &container_of(node, struct book_op, by_age)->record;
        const struct record *saved = stored_at(bench, &operation_table, op->id);
        if (!saved || ((const struct operation *)saved->data)->code != op->code ||
            ((const struct operation *)saved->data)->ended_ms != op->ended_ms)
            fail_msg("operation %s is not in the store as it is in the books", op->id);
    }
}

/* All that was delivered is acknowledged, as an asker does that has nothing else to say. */
static void acknowledge(struct bench *bench) {
    for (size_t i = 0; i < array_size(bench->fars); i++) {
        struct far *far = &bench->fars[i];
        if (far->silent || !far->number || far->told >= far->received)
            continue;
        struct frame frame = {.header = {far->number, far->peer_number, far->sent + 1,
                                         far->received, false}};
        far->told = far->received;
        bench_step(bench, (struct event){.kind = EVENT_FRAME,
                                         .frame = {far->setting.link, far->setting.address,
                                                   &frame}});
    }
}

void bench_step(struct bench *bench, struct event event) {
    size_t before = bench->effects.count;
    event.now_ms = bench->now_ms;
    event.wall_ms = bench_wall_ms + bench->now_ms;
    role_step(bench->role, &event, &bench->effects);
    for (size_t i = before; i < bench->effects.count; i++) {
        const struct effect *effect = &bench->effects.items[i];
        if (effect->kind == EFFECT_SAVE || effect->kind == EFFECT_FORGET)
            store(bench, effect);
        else if (effect->kind == EFFECT_SEND)
            deliver(bench, &effect->send);
    }
    role_check(bench->role);
    if (event.kind != EVENT_LOAD)
        check_books(bench);
    acknowledge(bench);
    bool may_tick = event.kind != EVENT_LOAD && event.kind != EVENT_TICK && !bench->is_amid_turn;
    if (may_tick && role_deadline_ms(bench->role) <= bench->now_ms)
        bench_step(bench, (struct event){.kind = EVENT_TICK}); /* as a shell's turn ends */
}

void bench_pass(struct bench *bench, uint64_t ms) {
    uint64_t end = bench->now_ms + ms;
    clear(bench);
    for (size_t ticks = 0;; ticks++) {
        uint64_t due = role_deadline_ms(bench->role);
        if (due > end)
            break;
        assert_true(ticks < 100000); /* else it asks for ticks that change nothing */
        bench->now_ms = due > bench->now_ms ? due : bench->now_ms;
        bench_step(bench, (struct event){.kind = EVENT_TICK});
    }
    bench->now_ms = end;
}

void bench_restart(struct bench *bench) {
    role_free(bench->role);
    clear(bench);
    bench->settings.seed++; /* as drawn anew by a daemon's start */
    for (size_t i = 0; i < array_size(bench->fars); i++)
        bench->fars[i].peer_number = bench->fars[i].received = bench->fars[i].told = 0;
    start(bench);
    for (size_t t = 0; t < stored_tables_count; t++)
        for (size_t i = 0; i < bench->stored_count; i++)
            if (bench->stored[i].table == stored_tables[t])
                bench_step(bench, (struct event){.kind = EVENT_LOAD, .load = bench->stored[i]});
    bench_step(bench, (struct event){.kind = EVENT_START});
}

void bench_say_all(struct bench *bench, struct far *far, struct message *messages,
                   uint32_t count) {
    struct frame frame = {{far->number, far->peer_number, far->sent + 1, far->received, false,
                           far->lease_ms},
                          messages, count};
    far->told = far->received;
    clear(bench);
    far->sent += count;
    bench_step(bench, (struct event){.kind = EVENT_FRAME,
                                     .frame = {far->setting.link, far->setting.address, &frame}});
    for (uint32_t i = 0; i < count; i++)
        message_clear(&messages[i]);
}

void bench_say(struct bench *bench, struct far *far, struct message message) {
    bench_say_all(bench, far, &message, 1);
}

static void tell_room(struct bench *bench, struct far *agent, const struct welcome *welcome,
                      uint64_t room) {
    struct message message = {.kind = MESSAGE_CAPACITY};
    struct capacity *capacity = &message.capacity;
    *capacity = (struct capacity){room * 4, room * 4, room * 4096, room * 4096, room * 50,
                                  room * 50, NULL, welcome->shapes_count};
    capacity->fits = memory_new(welcome->shapes_count, sizeof(struct fit));
    for (uint32_t i = 0; i < welcome->shapes_count; i++) {
        capacity->fits[i].count = room;
        text_set(capacity->fits[i].shape, welcome->shapes[i].name);
    }
    bench_say(bench, agent, message);
}

static void say_hello(struct bench *bench, struct far *agent, struct hello said) {
    struct message hello = {.kind = MESSAGE_HELLO, .hello = said};
    hello.hello.version = agent->is_old   ? protocol_version_oldest
                          : agent->speaks ? agent->speaks
                                          : protocol_version;
    hello.hello.version_oldest = protocol_version_oldest;
    hello.hello.networks = memory_text(agent->networks);
    hello.hello.incarnation = agent->incarnation;
    hello.hello.manager = agent->manager;
    hello.hello.contested = agent->contested;
    agent->number += 100;
    agent->sent = agent->peer_number = agent->received = agent->told = 0;
    bench_say(bench, agent, hello);
}

static void hear_welcome(struct bench *bench, struct far *agent, uint64_t room) {
    const struct message *told = bench_told(bench, agent, MESSAGE_WELCOME);
    assert_non_null(told);
    struct message welcome;
    message_clone(told, &welcome);
    tell_room(bench, agent, &welcome.welcome, room);
    message_clear(&welcome);
}

void bench_hello(struct bench *bench, struct far *agent, uint64_t room) {
    say_hello(bench, agent, (struct hello){0});
    hear_welcome(bench, agent, room);
}

void bench_hello_first(struct bench *bench, struct far *agent) {
    say_hello(bench, agent, (struct hello){.sends = true, .receives = true});
}

void bench_hello_live(struct bench *bench, struct far *agent, uint64_t room) {
    bench_hello_first(bench, agent);
    hear_welcome(bench, agent, room);
}

void bench_welcome(struct bench *bench, struct far *manager) {
    struct message message = {.kind = MESSAGE_WELCOME};
    struct event_presence up = {manager->setting.link, NULL, PRESENCE_UP};
    if (!manager->peer_number) { /* it has not been greeted with another one of the link */
        clear(bench);
        bench_step(bench, (struct event){.kind = EVENT_LINK, .presence = up});
        assert_non_null(bench_told(bench, manager, MESSAGE_HELLO));
    }
    manager->number += 100;
    manager->sent = 0;
    message.welcome = (struct welcome){.version = protocol_version, .beat_ms = 10000,
                                       .asks_why = bench->asks_why,
                                       .asks_images = bench->asks_images,
                                       .usage_ms = bench->usage_ms,
                                       .shapes_count = array_size(bench_shapes),
                                       .incarnation = manager->incarnation};
    message.welcome.shapes = memory_copy(bench_shapes, sizeof(bench_shapes));
    bench_say(bench, manager, message);
}

void bench_hash(const void *bytes, size_t length, char out_digest[limit_digest_size]) {
    text_format(out_digest, limit_digest_size, "%016llx%048d",
                (unsigned long long)map_hash(0, bytes, length), 0);
}

void bench_cut(struct bench *bench, struct far *manager) {
    struct event_presence down = {manager->setting.link, NULL, PRESENCE_DOWN};
    clear(bench);
    bench_step(bench, (struct event){.kind = EVENT_LINK, .presence = down});
    for (size_t i = 0; i < array_size(bench->fars); i++)
        if (bench->fars[i].setting.link == manager->setting.link)
            bench->fars[i].peer_number = bench->fars[i].received = bench->fars[i].told = 0;
}

const struct message *bench_told(const struct bench *bench, const struct far *far,
                                 enum message_kind kind) {
    for (size_t i = bench->effects.count; i-- > 0;) {
        const struct effect *effect = &bench->effects.items[i];
        if (effect->kind == EFFECT_SEND && effect->send.message.kind == kind &&
            text_equal(effect->send.address, far->setting.address))
            return &effect->send.message;
    }
    return NULL;
}

/* Each request may have one, or write down the use of a token; what tests count and look at is what
 * it changes. */
static bool is_of_audit(const struct effect *effect) {
    return (effect->kind == EFFECT_SAVE || effect->kind == EFFECT_FORGET) &&
           (effect->record.table == &audit_table || effect->record.table == &access_token_table);
}

size_t bench_count(const struct bench *bench, enum effect_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < bench->effects.count; i++)
        count += bench->effects.items[i].kind == kind && !is_of_audit(&bench->effects.items[i]);
    return count;
}

size_t bench_done(const struct bench *bench) {
    size_t count = 0;
    for (size_t i = 0; i < bench->effects.count; i++)
        count += !is_of_audit(&bench->effects.items[i]);
    return count;
}

const struct effect *bench_last(const struct bench *bench, enum effect_kind kind) {
    for (size_t i = bench->effects.count; i-- > 0;)
        if (bench->effects.items[i].kind == kind && !is_of_audit(&bench->effects.items[i]))
            return &bench->effects.items[i];
    return NULL;
}

const struct reply *bench_ask(struct bench *bench, const struct request *request) {
    clear(bench);
    bench_step(bench, (struct event){.kind = EVENT_REQUEST, .request = request});
    const struct effect *effect = bench_last(bench, EFFECT_REPLY);
    assert_true(bench_count(bench, EFFECT_REPLY) <= 1);
    return effect && effect->reply.handle == request->handle ? &effect->reply : NULL;
}

struct message bench_instruct(const char *op, const char *vm, uint64_t generation,
                              enum verb verb) {
    struct message message = {.kind = MESSAGE_INSTRUCT};
    struct instruct *instruct = &message.instruct;
    text_format(instruct->op, sizeof(instruct->op), "op-%026d", 0);
    memcpy(instruct->op + 29 - strlen(op), op, strlen(op));
    text_format(instruct->vm, sizeof(instruct->vm), "vm-%026d", 0);
    memcpy(instruct->vm + 29 - strlen(vm), vm, strlen(vm));
    instruct->epoch = 1;
    instruct->generation = generation;
    instruct->verb = verb;
    instruct->within_ms = 120000;
    return message;
}

struct message bench_define(const char *op, const char *vm, uint64_t generation,
                            const struct shape *shape) {
    struct message message = bench_instruct(op, vm, generation, VERB_DEFINE);
    struct definition *definition = &message.instruct.definition;
    text_format(definition->name, sizeof(definition->name), "web-%s", vm);
    text_format(definition->shape, sizeof(definition->shape), "%s", shape->name);
    text_format(definition->image, sizeof(definition->image), "%064d", 7);
    definition->size = shape->size;
    definition->start = true;
    return message;
}

struct message bench_result(const struct message *instruct, enum code code,
                            enum vm_state state) {
    struct message message = {.kind = MESSAGE_RESULT};
    struct result *result = &message.result;
    text_set(result->op, instruct->instruct.op);
    text_set(result->vm, instruct->instruct.vm);
    result->generation = instruct->instruct.generation;
    result->code = code;
    result->step = code == CODE_OK ? STEP_NONE : STEP_PREPARING;
    result->state = state;
    return message;
}
