/* Streams in the books of managers: who may have one, who is taken as which end, when it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cloud.h"
#include "core/agent/vm.h"
#include "core/manager/streams.h"
#include "host.h"

static int set_up_host(void **state) {
    (void)state;
    host_open(NULL);
    host_run_vm();
    return 0;
}

static struct message open_of(const char *vm, uint64_t number) {
    struct message message = {.kind = MESSAGE_OPEN, .open = {.number = number, .epoch = 1}};
    text_set(message.open.vm, bench_instruct("9", vm, 1, VERB_START).instruct.vm);
    text_set(message.open.url, "wss://above.example");
    text_format(message.open.pin, sizeof(message.open.pin), "%064u", 1);
    text_format(message.open.ticket, sizeof(message.open.ticket), "%064u", 2);
    text_set(message.open.key, "key");
    return message;
}

static struct message open_port(uint64_t number) {
    struct message message = open_of("1", number);
    message.open.port = 80;
    return message;
}

static struct message open_screen(uint64_t number) {
    struct message message = open_of("1", number);
    message.open.screen = true;
    return message;
}

static void assert_opened(struct far *above, uint64_t number, enum code code) {
    const struct message *told = bench_told(&bench, above, MESSAGE_OPENED);
    assert_non_null(told);
    assert_int_equal(told->opened.number, number);
    assert_int_equal(told->opened.code, code);
}

static void is_open(uint64_t number, enum code code) {
    struct event event = {.kind = EVENT_STREAM,
                          .stream = {.news = STREAM_IS_OPEN, .number = number, .code = code}};
    text_set(event.stream.key, code == CODE_OK ? "its key" : "");
    effects_clear(&bench.effects);
    bench_step(&bench, event);
}

static void an_agent_opens_what_its_manager_asks_for_and_says_so_once(void **state) {
    (void)state;
    bench_say(&bench, manager, open_of("1", 77));
    const struct effect_stream order = bench_last(&bench, EFFECT_STREAM)->stream;
    assert_int_equal(order.order, STREAM_OPEN);
    assert_string_equal(order.to.url, "wss://above.example");
    is_open(order.number, CODE_OK);
    assert_opened(manager, 77, CODE_OK);
    bench_say(&bench, manager, open_of("1", 78));
    uint64_t second = bench_last(&bench, EFFECT_STREAM)->stream.number;
    assert_int_not_equal(second, order.number);
    is_open(second, CODE_BUSY);
    assert_opened(manager, 78, CODE_BUSY);
}

static void an_agent_refuses_what_is_not_here_and_what_is_too_much(void **state) {
    (void)state;
    struct message older = open_of("1", 78);
    bench_say(&bench, manager, open_of("2", 77));
    assert_opened(manager, 77, CODE_LOST);
    older.open.epoch = 2;
    bench_say(&bench, manager, older);
    assert_opened(manager, 78, CODE_LOST);
    for (uint64_t i = 1; i <= agent_streams; i++)
        bench_say(&bench, manager, open_of("1", i));
    uint64_t last = bench_last(&bench, EFFECT_STREAM)->stream.number;
    bench_say(&bench, manager, open_of("1", 79));
    assert_opened(manager, 79, CODE_BUSY);
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_STREAM,
                                      .stream = {.news = STREAM_ENDED, .number = last}});
    bench_say(&bench, manager, open_of("1", 80));
    assert_int_equal(bench_last(&bench, EFFECT_STREAM)->stream.number, last + 1);
}

static int set_up_cluster(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3}, 1, (struct amounts){0});
    cluster_run_vm(cloud, "1", "1");
    return 0;
}

/* What the host was asked. */
static struct open asked(void) {
    const struct message *told = bench_told(&bench, bench_agent(&bench, 0), MESSAGE_OPEN);
    assert_non_null(told);
    return told->open;
}

static void host_has_opened(uint64_t number) {
    struct message message = {.kind = MESSAGE_OPENED, .opened = {.number = number}};
    text_set(message.opened.key, "its key");
    bench_say(&bench, bench_agent(&bench, 0), message);
}

/* Somebody comes with the ticket; what becomes of it. */
static enum stream_order come(struct bench *at, const char *ticket, const char *token_hash) {
    struct event event = {.kind = EVENT_STREAM, .stream = {.news = STREAM_CAME, .number = 5}};
    bench_hash(ticket, strlen(ticket), event.stream.ticket);
    text_format(event.stream.token_hash, sizeof(event.stream.token_hash), "%s", token_hash);
    effects_clear(&at->effects);
    bench_step(at, event);
    for (size_t i = 0; i < at->effects.count; i++)
        if (at->effects.items[i].kind == EFFECT_STREAM)
            return at->effects.items[i].stream.order;
    fail();
    return STREAM_OPEN;
}

static void a_cluster_passes_it_on_with_a_ticket_of_its_own(void **state) {
    (void)state;
    bench_say(&bench, cloud, open_of("1", 77));
    struct open down = asked();
    assert_int_not_equal(down.number, 77);
    assert_string_not_equal(down.ticket, open_of("1", 77).open.ticket);
    assert_string_equal(down.url, "wss://cluster.example");
    assert_string_equal(down.key, "key");
    host_has_opened(down.number);
    assert_opened(cloud, 77, CODE_OK);
    assert_string_equal(bench_told(&bench, cloud, MESSAGE_OPENED)->opened.key, "its key");
    assert_int_equal(come(&bench, open_of("1", 77).open.ticket, ""), STREAM_REFUSE);
    assert_int_equal(come(&bench, down.ticket, ""), STREAM_TAKE);
    const struct effect_stream *dial = &bench_last(&bench, EFFECT_STREAM)->stream;
    assert_int_equal(dial->order, STREAM_DIAL);
    assert_string_equal(dial->to.url, "wss://above.example");
    assert_string_equal(dial->to.ticket, open_of("1", 77).open.ticket);
    assert_int_equal(come(&bench, down.ticket, ""), STREAM_REFUSE);
}

/* Who is below may come before it is said to be open. */
static void who_comes_early_is_taken_once_it_is_open(void **state) {
    (void)state;
    bench_say(&bench, cloud, open_of("1", 77));
    struct open down = asked();
    struct event event = {.kind = EVENT_STREAM, .stream = {.news = STREAM_CAME, .number = 5}};
    bench_hash(down.ticket, strlen(down.ticket), event.stream.ticket);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
    assert_null(bench_last(&bench, EFFECT_STREAM));
    host_has_opened(down.number);
    assert_int_equal(bench_last(&bench, EFFECT_STREAM)->stream.order, STREAM_DIAL);
}

static void permit(char *views) {
    struct request request = {.kind = REQUEST_PERMISSIONS_SET, .permissions.views = views};
    text_set(request.key, "manager-0");
    request.handle = 7;
    assert_int_equal(bench_ask(&bench, &request)->code, CODE_OK);
}

static void what_an_owner_forbids_is_not_opened_and_what_is_open_is_cut(void **state) {
    (void)state;
    bench_say(&bench, other, open_of("1", 76));
    assert_opened(other, 76, CODE_LOST);
    bench_say(&bench, cloud, open_of("1", 77));
    struct open down = asked();
    host_has_opened(down.number);
    assert_int_equal(come(&bench, down.ticket, ""), STREAM_TAKE);
    permit((char *)(uintptr_t)"log");
    effects_clear(&bench.effects);
    bench_pass(&bench, streams_check_ms);
    assert_int_equal(bench_last(&bench, EFFECT_STREAM)->stream.order, STREAM_CUT);
    bench_say(&bench, cloud, open_of("1", 78));
    assert_opened(cloud, 78, CODE_NOT_ALLOWED);
}

static const struct hosted_stream *stream_listed(uint32_t count) {
    struct request request = {.kind = REQUEST_STREAM_LIST, .handle = 7, .list.limit = 9};
    const struct reply *reply = bench_ask(&bench, &request);
    assert_int_equal(reply->kind, REPLY_LIST);
    assert_int_equal(reply->list_count, count);
    return count ? reply->list[0].data : NULL;
}

static enum code cut(const char *id) {
    struct request request = {.kind = REQUEST_STREAM_CUT, .handle = 7};
    text_set_sized(request.key, sizeof(request.key), id);
    return bench_ask(&bench, &request)->code;
}

static void an_owner_sees_what_is_open_and_cuts_it(void **state) {
    (void)state;
    stream_listed(0);
    bench_say(&bench, cloud, open_of("1", 77));
    host_has_opened(asked().number);
    bench_say(&bench, cloud, open_port(78));
    const struct hosted_stream console = *stream_listed(2);
    assert_string_equal(console.vm, open_of("1", 77).open.vm);
    assert_string_equal(console.upstream, "manager-0");
    assert_string_equal(console.host, "agent-0");
    assert_int_equal(console.to, STREAM_TO_CONSOLE);
    assert_int_equal(console.state, STREAM_IS_READY);
    assert_int_equal(console.ends_ms - console.asked_ms, streams_join_ms);
    assert_int_equal(cut("x"), CODE_NOT_FOUND);
    assert_int_equal(cut(console.id), CODE_OK);
    assert_int_equal(bench_last(&bench, EFFECT_STREAM)->stream.order, STREAM_CUT);
    assert_int_equal(cut(console.id), CODE_NOT_FOUND);
    const struct hosted_stream port = *stream_listed(1);
    assert_int_equal(port.to, STREAM_TO_PORT);
    assert_int_equal(port.port, 80);
    assert_int_equal(cut(port.id), CODE_OK); /* nobody has said yet that it is open */
    assert_opened(cloud, 78, CODE_NOT_ALLOWED);
    stream_listed(0);
}

static void what_is_open_is_cut_when_the_vm_has_stopped_and_not_when_it_pauses(void **state) {
    (void)state;
    bench_say(&bench, cloud, open_port(77));
    struct open down = asked();
    host_has_opened(down.number);
    assert_int_equal(come(&bench, down.ticket, ""), STREAM_TAKE);
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_PAUSE));
    cluster_answer(CODE_OK, VM_PAUSED);
    effects_clear(&bench.effects);
    bench_pass(&bench, streams_check_ms);
    assert_null(bench_last(&bench, EFFECT_STREAM));
    bench_say(&bench, cloud, bench_instruct("3", "1", 3, VERB_STOP));
    cluster_answer(CODE_OK, VM_STOPPED);
    effects_clear(&bench.effects);
    bench_pass(&bench, streams_check_ms);
    assert_int_equal(bench_last(&bench, EFFECT_STREAM)->stream.order, STREAM_CUT);
}

static void a_place_that_goes_or_says_nothing_is_not_waited_for(void **state) {
    (void)state;
    bench_say(&bench, cloud, open_of("1", 77));
    bench_pass(&bench, streams_within_ms);
    assert_opened(cloud, 77, CODE_DEADLINE);
    bench_say(&bench, cloud, open_of("1", 78));
    host_has_opened(asked().number);
    effects_clear(&bench.effects);
    bench_pass(&bench, streams_join_ms); /* nobody came */
    assert_int_equal(bench_last(&bench, EFFECT_STREAM)->stream.order, STREAM_CUT);
    bench_say(&bench, cloud, open_of("1", 79));
    effects_clear(&bench.effects);
    bench_cut(&bench, bench_agent(&bench, 0));
    assert_opened(cloud, 79, CODE_UNREACHABLE);
}

static void one_vm_has_so_many_and_one_that_has_ended_leaves_room(void **state) {
    (void)state;
    enum { most = streams_of_vm + streams_for_console };
    for (uint64_t i = 1; i <= most; i++)
        bench_say(&bench, cloud, open_of("1", i));
    struct open last = asked();
    bench_say(&bench, cloud, open_of("1", 90));
    assert_opened(cloud, 90, CODE_BUSY);
    struct message failed = {.kind = MESSAGE_OPENED,
                             .opened = {.number = last.number, .code = CODE_HOST_FAILED}};
    bench_say(&bench, bench_agent(&bench, 0), failed);
    assert_opened(cloud, most, CODE_HOST_FAILED);
    bench_say(&bench, cloud, open_of("1", 91));
    assert_int_not_equal(asked().number, last.number);
}

static void an_owner_lets_ports_be_reached_apart_from_consoles(void **state) {
    (void)state;
    permit((char[]){"console"});
    bench_say(&bench, cloud, open_port(77));
    assert_opened(cloud, 77, CODE_NOT_ALLOWED);
    permit((char[]){"ports"});
    bench_say(&bench, cloud, open_of("1", 78));
    assert_opened(cloud, 78, CODE_NOT_ALLOWED);
    bench_say(&bench, cloud, open_port(79));
    assert_int_equal(asked().port, 80);
    host_has_opened(asked().number);
    assert_opened(cloud, 79, CODE_OK);
    permit((char[]){"console"});
    effects_clear(&bench.effects);
    bench_pass(&bench, streams_check_ms);
    assert_int_equal(bench_last(&bench, EFFECT_STREAM)->stream.order, STREAM_CUT);
}

static void an_owner_lets_screens_be_seen_apart_from_all_else(void **state) {
    (void)state;
    permit((char[]){"console ports"});
    bench_say(&bench, cloud, open_screen(77));
    assert_opened(cloud, 77, CODE_NOT_ALLOWED);
    permit((char[]){"screen"});
    bench_say(&bench, cloud, open_of("1", 78));
    assert_opened(cloud, 78, CODE_NOT_ALLOWED);
    struct message both = open_screen(79);
    both.open.port = 80;
    bench_say(&bench, cloud, both);
    assert_opened(cloud, 79, CODE_NOT_ALLOWED);
    bench_say(&bench, cloud, open_screen(80));
    assert_true(asked().screen);
    host_has_opened(asked().number);
    assert_opened(cloud, 80, CODE_OK);
    permit((char[]){"console ports"});
    effects_clear(&bench.effects);
    bench_pass(&bench, streams_check_ms);
    assert_int_equal(bench_last(&bench, EFFECT_STREAM)->stream.order, STREAM_CUT);
}

static void ports_and_screens_leave_room_for_a_console(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= streams_of_vm; i++)
        bench_say(&bench, cloud, i % 2 ? open_port(i) : open_screen(i));
    bench_say(&bench, cloud, open_port(90));
    assert_opened(cloud, 90, CODE_BUSY);
    bench_say(&bench, cloud, open_screen(91));
    assert_opened(cloud, 91, CODE_BUSY);
    bench_say(&bench, cloud, open_of("1", 92));
    struct open last = asked();
    assert_int_equal(open_to(&last), STREAM_TO_CONSOLE);
}

static void a_host_that_would_open_the_console_instead_is_not_asked_for_a_port(void **state) {
    (void)state;
    bench_cut(&bench, bench_agent(&bench, 0));
    bench_agent(&bench, 0)->speaks = protocol_version_streams;
    bench_hello(&bench, bench_agent(&bench, 0), 3);
    bench_say(&bench, cloud, open_port(77));
    assert_opened(cloud, 77, CODE_UNSUPPORTED);
    bench_say(&bench, cloud, open_of("1", 78));
    assert_int_equal(asked().port, 0);
}

static void a_host_that_would_open_the_console_instead_is_not_asked_for_a_screen(void **state) {
    (void)state;
    bench_cut(&bench, bench_agent(&bench, 0));
    bench_agent(&bench, 0)->speaks = protocol_version_ports;
    bench_hello(&bench, bench_agent(&bench, 0), 3);
    bench_say(&bench, cloud, open_screen(77));
    assert_opened(cloud, 77, CODE_UNSUPPORTED);
    bench_say(&bench, cloud, open_port(78));
    assert_int_equal(asked().port, 80);
}

static struct cloud tenants; /* of an upstream manager */

/* Asks for the console; the ticket, once its cluster has said that it is open. */
static struct stream_ticket ticket_for(enum cloud_user user, const struct id *vm) {
    struct request request = cloud_request(&tenants, user, REQUEST_VM_CONSOLE);
    struct message opened = {.kind = MESSAGE_OPENED};
    text_set(request.key, vm->text);
    text_set(request.stream.secret, "a secret");
    text_set(request.stream.key, "key");
    assert_null(bench_ask(&tenants.bench, &request));
    const struct message *told = bench_told(&tenants.bench, tenants.north, MESSAGE_OPEN);
    assert_non_null(told);
    opened.opened.number = told->open.number;
    text_set(opened.opened.key, "its key");
    bench_say(&tenants.bench, tenants.north, opened);
    const struct reply *reply = &bench_last(&tenants.bench, EFFECT_REPLY)->reply;
    assert_int_equal(reply->kind, REPLY_CREATED);
    return *(const struct stream_ticket *)reply->record.data;
}

static const char *hash_of(enum cloud_user user) {
    static char hash[limit_digest_size];
    text_set(hash, cloud_request(&tenants, user, REQUEST_WHOAMI).token_hash);
    return hash;
}

/* The row that the newest step saved. */
static void assert_written(const char *what, const char *tenant, enum code code) {
    for (size_t i = tenants.bench.effects.count; i-- > 0;) {
        const struct effect *effect = &tenants.bench.effects.items[i];
        const struct audit *row = effect->record.data;
        if (effect->kind != EFFECT_SAVE || effect->record.table != &audit_table)
            continue;
        assert_string_equal(row->what, what);
        assert_string_equal(row->tenant, tenant);
        assert_int_equal(row->code, code);
        return;
    }
    fail_msg("no row of %s", what);
}

static void a_ticket_is_worth_something_once_and_with_its_token_alone(void **state) {
    (void)state;
    struct id web = cloud_run_vm(&tenants, cloud_alice, "web");
    struct stream_ticket ticket = ticket_for(cloud_alice, &web);
    assert_written("vm-console", "alice", CODE_OK);
    assert_int_equal(come(&tenants.bench, ticket.ticket, hash_of(cloud_bob)), STREAM_REFUSE);
    assert_written("stream-join", "bob", CODE_FORBIDDEN);
    assert_int_equal(come(&tenants.bench, ticket.ticket, ""), STREAM_REFUSE);
    assert_int_equal(come(&tenants.bench, ticket.ticket, hash_of(cloud_alice)), STREAM_TAKE);
    assert_written("stream-join", "alice", CODE_OK);
    assert_int_equal(come(&tenants.bench, ticket.ticket, hash_of(cloud_alice)), STREAM_REFUSE);
    assert_written("stream-join", "alice", CODE_FORBIDDEN);
}

static void what_is_not_opened_is_told_in_words(void **state) {
    (void)state;
    struct id web = cloud_run_vm(&tenants, cloud_alice, "web");
    static const struct {
        enum request_kind kind;
        enum code code;
        uint32_t port;
        const char *written, *words;
    } rows[] = {
        {REQUEST_VM_FORWARD, CODE_NOT_FOUND, 443, "vm-forward", "no stream to the port of"},
        {REQUEST_VM_FORWARD, CODE_GUEST_IGNORED, 443, "vm-forward", "does not take connections"},
        {REQUEST_VM_FORWARD, CODE_NOT_ALLOWED, 443, "vm-forward", "not let ports be reached"},
        {REQUEST_VM_SCREEN, CODE_NOT_ALLOWED, 0, "vm-screen", "not let screens be seen"},
        {REQUEST_VM_SCREEN, CODE_UNSUPPORTED, 0, "vm-screen", "the VM was made without one"},
        {REQUEST_VM_CONSOLE, CODE_NOT_ALLOWED, 0, "vm-console", "not let consoles be used"},
    };
    for (size_t i = 0; i < array_size(rows); i++) {
        struct request request = cloud_request(&tenants, cloud_alice, rows[i].kind);
        struct message opened = {.kind = MESSAGE_OPENED, .opened.code = rows[i].code};
        text_set(request.key, web.text);
        text_set(request.stream.secret, "a secret");
        text_set(request.stream.key, "key");
        request.vm_forward.port = rows[i].port;
        assert_null(bench_ask(&tenants.bench, &request));
        const struct message *told = bench_told(&tenants.bench, tenants.north, MESSAGE_OPEN);
        assert_non_null(told);
        assert_int_equal(told->open.port, rows[i].port);
        assert_int_equal(told->open.screen, rows[i].kind == REQUEST_VM_SCREEN);
        opened.opened.number = told->open.number;
        bench_say(&tenants.bench, tenants.north, opened);
        const struct reply *reply = &bench_last(&tenants.bench, EFFECT_REPLY)->reply;
        assert_int_equal(reply->code, rows[i].code);
        assert_non_null(strstr(reply->text, rows[i].words));
        assert_written(rows[i].written, "alice", rows[i].code);
    }
}

static void a_ticket_that_is_late_or_of_a_vm_that_went_is_worth_nothing(void **state) {
    (void)state;
    struct id web = cloud_run_vm(&tenants, cloud_alice, "web");
    struct stream_ticket ticket = ticket_for(cloud_alice, &web);
    bench_pass(&tenants.bench, streams_join_ms);
    assert_written("stream-end", "alice", CODE_OK);
    assert_int_equal(come(&tenants.bench, ticket.ticket, hash_of(cloud_alice)), STREAM_REFUSE);
    ticket = ticket_for(cloud_alice, &web);
    bench_cut(&tenants.bench, tenants.north);
    assert_int_equal(come(&tenants.bench, ticket.ticket, hash_of(cloud_alice)), STREAM_REFUSE);
}

static void a_stranger_and_a_vm_that_is_off_have_no_console(void **state) {
    (void)state;
    struct id web = cloud_run_vm(&tenants, cloud_alice, "web");
    struct request request = cloud_request(&tenants, cloud_bob, REQUEST_VM_CONSOLE);
    text_set(request.key, web.text);
    assert_int_equal(bench_ask(&tenants.bench, &request)->code, CODE_NOT_FOUND);
    struct request stop = cloud_act(&tenants, cloud_alice, VERB_STOP, web.text);
    cloud_begin(&tenants, &stop);
    cloud_answer(&tenants, CODE_OK, VM_STOPPED);
    request = cloud_request(&tenants, cloud_alice, REQUEST_VM_CONSOLE);
    text_set(request.key, web.text);
    assert_int_equal(bench_ask(&tenants.bench, &request)->code, CODE_BAD_STATE);
}

#define in_cluster(test) cmocka_unit_test_setup_teardown(test, set_up_cluster, cluster_tear_down)
#define on_host(test) cmocka_unit_test_setup_teardown(test, set_up_host, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        on_host(an_agent_opens_what_its_manager_asks_for_and_says_so_once),
        on_host(an_agent_refuses_what_is_not_here_and_what_is_too_much),
        in_cluster(a_cluster_passes_it_on_with_a_ticket_of_its_own),
        in_cluster(who_comes_early_is_taken_once_it_is_open),
        in_cluster(what_an_owner_forbids_is_not_opened_and_what_is_open_is_cut),
        in_cluster(an_owner_sees_what_is_open_and_cuts_it),
        in_cluster(what_is_open_is_cut_when_the_vm_has_stopped_and_not_when_it_pauses),
        in_cluster(a_place_that_goes_or_says_nothing_is_not_waited_for),
        in_cluster(one_vm_has_so_many_and_one_that_has_ended_leaves_room),
        in_cluster(an_owner_lets_ports_be_reached_apart_from_consoles),
        in_cluster(an_owner_lets_screens_be_seen_apart_from_all_else),
        in_cluster(ports_and_screens_leave_room_for_a_console),
        in_cluster(a_host_that_would_open_the_console_instead_is_not_asked_for_a_port),
        in_cluster(a_host_that_would_open_the_console_instead_is_not_asked_for_a_screen),
        cloud_test(a_ticket_is_worth_something_once_and_with_its_token_alone, &tenants),
        cloud_test(what_is_not_opened_is_told_in_words, &tenants),
        cloud_test(a_ticket_that_is_late_or_of_a_vm_that_went_is_worth_nothing, &tenants),
        cloud_test(a_stranger_and_a_vm_that_is_off_have_no_console, &tenants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
