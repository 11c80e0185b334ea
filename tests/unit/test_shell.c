/* The shell around a role, a store and adapters of the test's own: what is done in which order,
 * what travels together, and how it ends. The role answers each event with what the test scripts;
 * all that the shell does stands in one journal. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/shell/outbox.h"
#include "io/shell/queue.h"
#include "shell_room.h"

static void save(struct effects *out, const char *name) {
    struct tenant tenant = {0};
    text_set(tenant.name, name);
    effects_save(out, &tenant_table, &tenant);
}

static struct effect_send *send_beat(struct effects *out, uint32_t link, const char *address,
                                     uint64_t sequence) {
    struct effect_send *send = &effects_add(out, EFFECT_SEND)->send;
    send->link = link;
    text_set(send->address, address);
    send->header = (struct frame_header){.from = 11, .to = 12, .sequence = sequence};
    send->message.kind = MESSAGE_BEAT;
    return send;
}

/* Every scan that is posted saves and sends one; stop ends it. */
static void script_orders(struct role *role, const struct event *event, struct effects *out) {
    char name[32];
    text_format(name, sizeof(name), "t-%u", (unsigned)role->counts[0]);
    switch ((int)event->kind) {
    case EVENT_SCANNED:
        (void)send_beat(out, 0, "a@b/c", ++role->counts[0]);
        save(out, name);
        break;
    case EVENT_HOST:
        (void)send_beat(out, 1, "m@b/c", ++role->counts[1]);
        break;
    case EVENT_IMAGE:
        effects_forget(out, &tenant_table, "gone");
        break;
    case EVENT_STOP:
        effects_add(out, EFFECT_DONE);
        break;
    }
}

static void one_turn_is_one_transaction_before_any_send(void **state) {
    struct room *room = *state;
    room->role.script = script_orders;
    post(room, EVENT_SCANNED);
    post(room, EVENT_IMAGE);
    post(room, EVENT_HOST);
    post(room, EVENT_SCANNED);
    post(room, EVENT_STOP);
    run(room);
    assert_string_equal(text_data(&journal), "put t-0;delete gone;put t-1;commit;"
                                             "send a@b/c 2@1;send m@b/c 1@1;");
    assert_true(room->carriers[0].flushes > 0 && room->carriers[1].flushes > 0);
    assert_string_equal(text_data(&room->role.seen), "start;scanned;image;host;scanned;stop;");
}

static void script_until_disk(struct role *role, const struct event *event, struct effects *out) {
    (void)role;
    if (event->kind == EVENT_DISK)
        effects_add(out, event->disk.is_full ? EFFECT_DONE : EFFECT_READY);
}

static void a_full_disk_of_the_books_is_told(void **state) {
    struct room *room = *state;
    room->role.script = script_until_disk;
    room->store.is_full = true;
    run(room);
    assert_string_equal(text_data(&room->role.seen), "start;disk;");
}

static void a_turn_without_a_save_makes_no_transaction(void **state) {
    struct room *room = *state;
    room->role.script = script_orders;
    post(room, EVENT_HOST);
    post(room, EVENT_STOP);
    run(room);
    assert_string_equal(text_data(&journal), "send m@b/c 1@1;");
}

static void a_long_queue_is_cut_into_turns(void **state) {
    struct room *room = *state;
    room->role.script = script_orders;
    for (int i = 0; i < 300; i++)
        post(room, EVENT_SCANNED);
    post(room, EVENT_STOP);
    run(room);
    const char *first = strstr(text_data(&journal), "commit;");
    assert_non_null(first);
    assert_true(strstr(text_data(&journal), "put t-256;") > first);
    assert_null(strstr(strstr(first + 1, "commit;") + 1, "commit;"));
    assert_int_equal(room->role.counts[0], 300);
}

static void a_failed_commit_ends_the_process_before_any_send(void **state) {
    struct room *room = *state;
    room->role.script = script_orders;
    room->store.failing = "commit";
    post(room, EVENT_SCANNED);
    post(room, EVENT_STOP);
    assert_int_equal(shell_run(room->shell, &room->ports, &room->err), -28);
    assert_string_equal(room->err.text, "no room");
    assert_string_equal(text_data(&journal), "put t-0;commit;");
}

static void a_store_that_cannot_be_read_starts_nothing(void **state) {
    struct room *room = *state;
    room->role.script = script_orders;
    room->store.failing = "load";
    assert_int_equal(shell_run(room->shell, &room->ports, &room->err), -5);
    assert_string_equal(text_data(&room->role.seen), "");
}

static void script_load(struct role *role, const struct event *event, struct effects *out) {
    if (event->kind == EVENT_LOAD)
        assert_string_equal(event->load.data, "ada");
    (void)role;
    if (event->kind == EVENT_START)
        effects_add(out, EFFECT_DONE);
}

static void stored_records_come_before_the_start(void **state) {
    struct room *room = *state;
    struct tenant tenant = {.name = "ada"};
    const struct record record = {.table = &tenant_table, .data = &tenant};
    room->store.stored = &record;
    room->role.script = script_load;
    run(room);
    assert_string_equal(text_data(&room->role.seen), "load;start;");
}

/* One send after another with the numbers that the test gives: link, sequence, from. */
static void script_gaps(struct role *role, const struct event *event, struct effects *out) {
    (void)role;
    if (event->kind != EVENT_START)
        return;
    (void)send_beat(out, 0, "a@b/c", 1);
    (void)send_beat(out, 0, "a@b/d", 7);
    (void)send_beat(out, 0, "a@b/c", 2);
    (void)send_beat(out, 1, "a@b/c", 9);
    (void)send_beat(out, 0, "a@b/c", 4); /* a gap */
    send_beat(out, 0, "a@b/c", 5)->header.to = 99;
    send_beat(out, 0, "a@b/c", 6)->header.from = 99;
    effects_add(out, EFFECT_DONE);
}

static void a_frame_holds_one_peers_unbroken_numbers(void **state) {
    struct room *room = *state;
    room->role.script = script_gaps;
    run(room);
    assert_string_equal(text_data(&journal), "send a@b/c 2@1;send a@b/c 1@4;send a@b/c 1@5;"
                                             "send a@b/d 1@7;send a@b/c 1@9;send a@b/c 1@6;");
}

static void script_many(struct role *role, const struct event *event, struct effects *out) {
    (void)role;
    if (event->kind != EVENT_START)
        return;
    for (uint32_t i = 1; i <= 200; i++) {
        struct effect_send *send = send_beat(out, 0, "a@b/c", i);
        send->message.kind = MESSAGE_VM;
        send->message.vm = (struct vm_report){.epoch = 1, .generation = 1};
        text_format(send->message.vm.vm, limit_id_size, "vm-00000000000000000000000%03u", i);
    }
    effects_add(out, EFFECT_DONE);
}

static void frames_are_closed_at_the_soft_limit(void **state) {
    struct room *room = *state;
    room->role.script = script_many;
    run(room);
    uint32_t next = 1, frames = 0, count, sequence;
    for (const char *at = text_data(&journal); *at; at = strchr(at, ';') + 1, frames++) {
        assert_int_equal(sscanf(at, "send a@b/c %u@%u;", &count, &sequence), 2);
        assert_int_equal(sequence, next);
        next += count;
    }
    assert_int_equal(next, 201);
    assert_true(frames > 2 && frames < 10);
    assert_true(room->carriers[0].bytes.length <= limit_frame_soft);
}

static void script_forms(struct role *role, const struct event *event, struct effects *out) {
    static const enum frame_form forms[] = {FRAME_JSON, FRAME_PACKED, FRAME_BYTES};
    (void)role;
    for (size_t i = 0; i < array_size(forms) && event->kind == EVENT_START; i++) {
        struct effect_send *send = &effects_add(out, EFFECT_SEND)->send;
        send->link = 1;
        send->form = forms[i];
        text_set(send->address, "a@b/c");
        send->header = (struct frame_header){.from = 1, .to = 2, .sequence = i + 1};
        send->message.kind = MESSAGE_BEAT;
    }
    if (event->kind == EVENT_STOP)
        effects_add(out, EFFECT_DONE);
}

/* The last one is what the carrier has. */
static void a_frame_is_sealed_as_bytes_where_the_peer_knows_them(void **state) {
    struct room *room = *state;
    room->role.script = script_forms;
    post(room, EVENT_STOP);
    run(room);
    assert_non_null(strstr(text_data(&journal), "send a@b/c 1@1;send a@b/c 1@2;send a@b/c 1@3;"));
    assert_int_equal(room->carriers[1].bytes.data[0], frame_bytes_mark);
    assert_int_equal(room->carriers[1].bytes.length, 1 + 24 + 16 + room->carriers[1].opened.length);
}

static void script_huge(struct role *role, const struct event *event, struct effects *out) {
    (void)role;
    if (event->kind != EVENT_START)
        return;
    struct effect_send *send = send_beat(out, 0, "a@b/c", 1);
    send->message.kind = MESSAGE_INSTRUCT;
    send->message.instruct.definition.user_data = memory_new(limit_user_data, 1);
    memset(send->message.instruct.definition.user_data, 1, limit_user_data - 1);
    (void)send_beat(out, 0, "a@b/d", 1);
    effects_add(out, EFFECT_DONE);
}

static void a_message_over_the_hard_limit_is_dropped_alone(void **state) {
    struct room *room = *state;
    room->role.script = script_huge;
    room->log.level = LOG_ERROR;
    run(room);
    assert_string_equal(text_data(&journal), "send a@b/d 1@1;");
}

static void script_all(struct role *role, const struct event *event, struct effects *out) {
    (void)role;
    if (event->kind == EVENT_REQUEST) {
        assert_string_equal(event->request->reshape.user_data, "first boot");
        struct effect *effect = effects_add(out, EFFECT_REPLY);
        struct tenant tenant = {.name = "ada"};
        effect->reply.handle = event->request->handle;
        effect->reply.code = CODE_CONFLICT;
        effect->reply.record = record_copy(&tenant_table, &tenant);
        effects_add(out, EFFECT_JOB)->job.kind = JOB_SCAN;
        struct effect_image *image = &effects_add(out, EFFECT_IMAGE)->image;
        image->link = 1;
        text_set(image->digest, "abc");
        effects_note(out, NOTE_INFO, "", "noted");
        effects_route(out, 1, "a@b/c", 3);
        effects_add(out, EFFECT_DONE);
    }
}

static void every_effect_reaches_its_adapter_in_order(void **state) {
    struct room *room = *state;
    char user_data[] = "first boot";
    struct request request = {.handle = 42, .kind = REQUEST_VM_ACT, .verb = VERB_REBUILD,
                              .reshape.user_data = user_data, .body = &vm_rebuild_table,
                              .body_offset = offsetof(struct request, reshape)};
    room->role.script = script_all;
    shell_post(room->shell, &(struct event){.kind = EVENT_REQUEST, .request = &request});
    memset(user_data, 'x', sizeof(user_data)); /* what was posted is a copy */
    memset(&request, 0xff, sizeof(request));
    run(room);
    assert_string_equal(text_data(&journal), "reply;job scan;fetch;route a@b/c 3;");
    assert_int_equal(room->rest.handle, 42);
    assert_int_equal(room->rest.code, CODE_CONFLICT);
    assert_string_equal(room->rest.row, "ada");
    assert_string_equal(room->fetcher.digest, "abc");
}

static void script_frames(struct role *role, const struct event *event, struct effects *out) {
    if (event->kind == EVENT_FRAME) {
        assert_int_equal(event->frame.link, 1);
        assert_int_equal(event->frame.endpoint, 3);
        assert_string_equal(event->frame.from, "a@b/c");
        role->counts[0] += event->frame.frame->messages_count;
    }
    if (event->kind == EVENT_STOP)
        effects_add(out, EFFECT_DONE);
}

/* By the server 3 of the link. */
static void post_bytes(struct room *room, uint32_t link, const char *from, const char *bytes,
                       size_t length) {
    const struct event_frame about = {.link = link, .from = from, .endpoint = 3};
    shell_post_bytes(room->shell, &about, bytes, length);
}

/* As the peer of link 1 says it. */
static void post_sealed(struct room *room, enum frame_form form, const struct text *frame) {
    auto_clean(text_deinit) struct text sealed = {0};
    assert_int_equal(seal_frame(room->carriers[1].peer, "us@b/c", frame, &sealed), SEAL_DONE);
    if (form != FRAME_BYTES)
        seal_to_text(room->carriers[1].peer, &sealed);
    post_bytes(room, 1, "a@b/c", text_data(&sealed), sealed.length);
}

static void frames_are_decoded_and_bad_ones_dropped(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text message = {0}, frame = {0}, nonsense = {0}, empty = {0};
    message_encode(&(struct message){.kind = MESSAGE_BEAT}, FRAME_JSON, &message);
    frame_encode(&(struct frame_header){.from = 1, .sequence = 1}, FRAME_JSON, &message, &frame);
    text_add(&nonsense, "{\"nonsense\":");
    room->role.script = script_frames;
    for (enum frame_form form = FRAME_PACKED; form <= FRAME_BYTES; form++) {
        post_sealed(room, form, &nonsense);
        post_sealed(room, form, &frame);
        post_sealed(room, form, &empty);
    }
    post(room, EVENT_STOP);
    run(room);
    assert_string_equal(text_data(&room->role.seen), "start;frame;frame;stop;");
    assert_int_equal(room->role.counts[0], 2);
}

static void what_is_not_sealed_by_its_peer_is_dropped(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text message = {0}, frame = {0}, sealed = {0};
    message_encode(&(struct message){.kind = MESSAGE_BEAT}, FRAME_JSON, &message);
    frame_encode(&(struct frame_header){.from = 1, .sequence = 1}, FRAME_JSON, &message, &frame);
    room->role.script = script_frames;
    post_bytes(room, 1, "a@b/c", text_data(&frame), frame.length);
    post_bytes(room, 1, "a@b/c", "", 0);
    assert_int_equal(seal_frame(room->carriers[1].peer, "us@b/c", &frame, &sealed), SEAL_DONE);
    post_bytes(room, 0, "a@b/c", text_data(&sealed), sealed.length);
    post_bytes(room, 1, "x@b/c", text_data(&sealed), sealed.length);
    post_bytes(room, 1, "a@b/c", text_data(&sealed), sealed.length - 1);
    post(room, EVENT_STOP);
    run(room);
    assert_string_equal(text_data(&room->role.seen), "start;stop;");
}

static bool queue_frame(struct shell_queue *queue, const char *from) {
    static const char bytes[60000];
    const struct event_frame about = {.link = 1, .from = from};
    return shell_queue_put(queue, posted_from_bytes(&about, bytes, sizeof(bytes)));
}

/* Few addresses share a part by chance: a sixteenth of these twenty is more than ever do. */
static void a_flood_of_one_sender_leaves_room_for_the_frames_of_others(void **state) {
    (void)state;
    struct shell_queue queue;
    size_t taken = 0;
    shell_queue_init(&queue);
    for (size_t i = 0; i < 400; i++)
        taken += queue_frame(&queue, "flood@b/c");
    assert_in_range(taken, 1, limit_queued_of_one / 60000);
    taken = 0;
    for (size_t i = 0; i < 20; i++) {
        char from[16];
        text_format(from, sizeof(from), "a%zu@b/c", i);
        taken += queue_frame(&queue, from);
    }
    assert_in_range(taken, 15, 20);
    shell_queue_deinit(&queue);
}

static void script_ticks(struct role *role, const struct event *event, struct effects *out) {
    if (event->kind == EVENT_START)
        role->deadline_ms = event->now_ms + 30;
    if (event->kind == EVENT_TICK && role->counts[0]++ == 0) {
        assert_true(event->now_ms >= role->started_ms + 30);
        assert_true(event->wall_ms > 1700000000000); /* some time after 2023 */
        role->deadline_ms = event->now_ms + 20;
    } else if (event->kind == EVENT_TICK) {
        assert_true(event->now_ms >= role->started_ms + 50);
        effects_add(out, EFFECT_DONE);
    }
}

static void a_tick_comes_at_the_deadline_and_not_before(void **state) {
    struct room *room = *state;
    room->role.script = script_ticks;
    run(room);
    assert_string_equal(text_data(&room->role.seen), "start;tick;tick;");
}

enum { posters = 4, posts = 500 };

static void *poster(void *context) {
    struct room *room = context;
    for (uint64_t i = 1; i <= posts; i++)
        shell_post(room->shell, &(struct event){.kind = EVENT_JOB, .job.job = i});
    return NULL;
}

static void script_posters(struct role *role, const struct event *event, struct effects *out) {
    if (event->kind == EVENT_JOB) {
        role->counts[0]++;
        role->counts[1] += event->job.job;
    }
    if (role->counts[0] == posters * posts)
        effects_add(out, EFFECT_DONE);
}

static void threads_may_post_at_the_same_time(void **state) {
    struct room *room = *state;
    pthread_t threads[posters];
    room->role.script = script_posters;
    for (size_t i = 0; i < posters; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, poster, room), 0);
    run(room);
    for (size_t i = 0; i < posters; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(room->role.counts[1], posters * (posts * (posts + 1) / 2));
}

static void *server(void *context) {
    struct room *room = context;
    for (uint64_t i = 1; i <= posts; i++) {
        shell_put(room->shell, &(struct event){.kind = EVENT_JOB, .job.job = i});
        shell_serve(room->shell);
    }
    return NULL;
}

static void threads_may_serve_at_the_same_time_and_nothing_stays_in_the_queue(void **state) {
    struct room *room = *state;
    pthread_t threads[posters];
    room->role.script = script_posters;
    for (size_t i = 0; i < posters; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, server, room), 0);
    run(room);
    for (size_t i = 0; i < posters; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(room->role.counts[1], posters * (posts * (posts + 1) / 2));
}

/* counts[2]: how often the thread that serves, counts[3], saw to what its own event led to */
static void script_own_thread(struct role *role, const struct event *event, struct effects *out) {
    bool own = pthread_equal((pthread_t)role->counts[3], pthread_self());
    if (event->kind == EVENT_JOB && own)
        effects_add(out, EFFECT_IMAGE); /* answered at once, and seen to before serve returns */
    if (event->kind == EVENT_IMAGE && own)
        __atomic_add_fetch(&role->counts[2], 1, __ATOMIC_RELEASE);
    if (event->kind == EVENT_STOP)
        effects_add(out, EFFECT_DONE);
}

/* The loop's thread may be faster with one or the other; but it is not always. */
static void *own_server(void *context) {
    struct room *room = context;
    room->role.counts[3] = (uint64_t)pthread_self();
    while (!__atomic_load_n(&room->role.counts[2], __ATOMIC_ACQUIRE)) {
        shell_put(room->shell, &(struct event){.kind = EVENT_JOB});
        shell_serve(room->shell);
    }
    post(room, EVENT_STOP);
    return NULL;
}

static struct shell *fetching;

static void on_fetch_here(struct image_fetcher *fetcher, const char *digest) {
    (void)fetcher, (void)digest;
    shell_put(fetching, &(struct event){.kind = EVENT_IMAGE});
}

static void who_serves_takes_the_turn_and_what_it_brings_on_its_own_thread(void **state) {
    struct room *room = *state;
    pthread_t thread;
    room->role.script = script_own_thread;
    room->links[0].fetcher = &room->fetcher;
    room->ports.fetch = on_fetch_here;
    fetching = room->shell;
    assert_int_equal(pthread_create(&thread, NULL, own_server, room), 0);
    run(room);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(room->role.counts[2] > 0);
}

/* Ready, then a signal; done once stop has come. */
static void script_stop(struct role *role, const struct event *event, struct effects *out) {
    (void)role;
    if (event->kind == EVENT_START) {
        effects_add(out, EFFECT_READY);
        assert_int_equal(kill(getpid(), SIGTERM), 0);
    }
    if (event->kind == EVENT_STOP) {
        save(out, "last");
        effects_add(out, EFFECT_DONE);
    }
}

static void systemd_is_told_and_a_signal_becomes_one_stop(void **state) {
    struct room *room = *state;
    char got[64];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    text_format(address.sun_path, sizeof(address.sun_path), "/tmp/isthmus-notify-%d", getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
    room->role.script = script_stop;
    run(room);
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    assert_string_equal(text_data(&room->role.seen), "start;stop;");
    assert_string_equal(text_data(&journal), "put last;commit;");
    assert_int_equal(recv(fd, got, sizeof(got), 0), 7);
    assert_memory_equal(got, "READY=1", 7);
    assert_int_equal(recv(fd, got, sizeof(got), 0), 10);
    assert_memory_equal(got, "STOPPING=1", 10);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(address.sun_path), 0);
}

/* Never done: a second signal, once the first was taken. */
static void script_stubborn(struct role *role, const struct event *event, struct effects *out) {
    (void)role;
    (void)out;
    if (event->kind == EVENT_START || event->kind == EVENT_STOP)
        assert_int_equal(kill(getpid(), SIGINT), 0);
}

static void a_second_signal_ends_it_at_once(void **state) {
    struct room *room = *state;
    room->role.script = script_stubborn;
    run(room);
    assert_string_equal(text_data(&room->role.seen), "start;stop;");
}

static void script_operation(struct role *role, const struct event *event, struct effects *out) {
    (void)role;
    if (event->kind != EVENT_START)
        return;
    struct operation op = {.id = "op-1", .vm = "vm-1", .verb = VERB_STOP, .state = OP_FAILED,
                           .step = STEP_STOPPING, .code = CODE_DEADLINE};
    effects_save(out, &operation_table, &op);
    effects_note(out, NOTE_WARNING, "op-1", "two words");
    effects_add(out, EFFECT_DONE);
}

static void an_operations_timeline_is_in_the_log(void **state) {
    struct room *room = *state;
    char name[] = "/tmp/isthmus-log-XXXXXX", log[4096] = "";
    int file = mkstemp(name), kept = dup(STDERR_FILENO);
    assert_true(file >= 0 && kept >= 0 && dup2(file, STDERR_FILENO) >= 0);
    room->role.script = script_operation;
    room->log.level = LOG_INFO;
    int result = shell_run(room->shell, &room->ports, &room->err);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    assert_int_equal(result, 0);
    assert_true(pread(file, log, sizeof(log) - 1, 0) > 0);
    assert_int_equal(close(file) + close(kept) + unlink(name), 0);
    assert_non_null(strstr(log, "level=info daemon=test event=operation op=op-1 vm=vm-1 verb=stop "
                                "state=failed step=stopping code=deadline\n"));
    assert_non_null(strstr(log, "level=warning daemon=test event=note op=op-1 "
                                "text=\"two words\"\n"));
}

#define in_room(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        in_room(one_turn_is_one_transaction_before_any_send),
        in_room(a_full_disk_of_the_books_is_told),
        in_room(a_turn_without_a_save_makes_no_transaction),
        in_room(a_long_queue_is_cut_into_turns),
        in_room(a_failed_commit_ends_the_process_before_any_send),
        in_room(a_store_that_cannot_be_read_starts_nothing),
        in_room(stored_records_come_before_the_start),
        in_room(a_frame_holds_one_peers_unbroken_numbers),
        in_room(frames_are_closed_at_the_soft_limit),
        in_room(a_frame_is_sealed_as_bytes_where_the_peer_knows_them),
        in_room(a_message_over_the_hard_limit_is_dropped_alone),
        in_room(every_effect_reaches_its_adapter_in_order),
        in_room(frames_are_decoded_and_bad_ones_dropped),
        cmocka_unit_test(a_flood_of_one_sender_leaves_room_for_the_frames_of_others),
        in_room(what_is_not_sealed_by_its_peer_is_dropped),
        in_room(a_tick_comes_at_the_deadline_and_not_before),
        in_room(threads_may_post_at_the_same_time),
        in_room(threads_may_serve_at_the_same_time_and_nothing_stays_in_the_queue),
        in_room(who_serves_takes_the_turn_and_what_it_brings_on_its_own_thread),
        in_room(systemd_is_told_and_a_signal_becomes_one_stop),
        in_room(a_second_signal_ends_it_at_once),
        in_room(an_operations_timeline_is_in_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
