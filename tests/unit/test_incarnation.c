/* Who is missing in a table is lost only where the store is the one that was there before; and a
 * manager whose successor was heard is not obeyed, and gives way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "cloud.h"
#include "core/link/incarnation.h"
#include "host.h"

static struct cloud above; /* of this program's only thread; each test begins with a fresh one */

static const struct incarnation first = {7, 3, 11}, again = {7, 4, 12}, other_store = {8, 1, 13},
                                copied = {7, 4, 14}, older = {7, 2, 15};

static const struct node *shown(enum cloud_user user) {
    struct request request = cloud_request(&above, user, REQUEST_CLUSTER_SHOW);
    text_set(request.key, above.north->setting.name);
    return bench_ask(&above.bench, &request)->record.data;
}

static const struct reply *accept_north(void) {
    struct request request = cloud_request(&above, cloud_operator, REQUEST_CLUSTER_ACCEPT);
    text_set(request.key, above.north->setting.name);
    return bench_ask(&above.bench, &request);
}

/* North is known by its store, has a VM that runs, and is gone. */
static struct id run_and_cut(void) {
    above.north->incarnation = first;
    bench_hello(&above.bench, above.north, 2);
    struct id web = cloud_run_vm(&above, cloud_alice, "web");
    bench_cut(&above.bench, above.north);
    bench_hello(&above.bench, above.south, 1);
    return web;
}

/* North tells of an empty table, if it is asked. */
static void tell_nothing(void) {
    bench_say(&above.bench, above.north,
              (struct message){.kind = MESSAGE_TABLE, .table = {.first = true, .last = true}});
}

static void assert_not_believed(enum conflict conflict) {
    bench_hello_first(&above.bench, above.north);
    assert_null(bench_told(&above.bench, above.north, MESSAGE_WELCOME));
    assert_true(bench_told(&above.bench, above.north, MESSAGE_RESET)->reset.unbelieved);
    assert_int_equal(shown(cloud_operator)->conflict, conflict);
}

static void another_store_is_not_believed_until_it_is_accepted(void **state) {
    (void)state;
    struct message instruct;
    struct id web = run_and_cut();
    above.north->incarnation = other_store;
    assert_not_believed(CONFLICT_STORE);
    assert_true(shown(cloud_operator)->conflict_ms);
    assert_int_equal(shown(cloud_alice)->conflict, CONFLICT_NONE); /* the operator's to see to */
    struct request act = cloud_act(&above, cloud_alice, VERB_DELETE, "web");
    act.deadline_ms = 6000000;
    struct id deletion = cloud_begin(&above, &act);
    assert_null(cloud_instructed(&above, &instruct));
    bench_restart(&above.bench); /* what is known of it is on disk */
    bench_hello(&above.bench, above.south, 1);
    assert_not_believed(CONFLICT_STORE);
    assert_int_equal(cloud_vm(&above, web.text)->state, VM_DELETING);
    assert_int_equal(cloud_op(&above, deletion.text)->state, OP_PENDING);
    assert_int_equal(accept_north()->kind, REPLY_RECORD);
    bench_hello_first(&above.bench, above.north);
    assert_non_null(bench_told(&above.bench, above.north, MESSAGE_WELCOME));
    assert_non_null(bench_told(&above.bench, above.north, MESSAGE_INSTRUCT));
    assert_int_equal(shown(cloud_operator)->conflict, CONFLICT_NONE);
}

static void what_an_accepted_store_does_not_have_is_lost(void **state) {
    (void)state;
    struct id web = run_and_cut();
    above.north->incarnation = other_store;
    assert_not_believed(CONFLICT_STORE);
    assert_int_equal(cloud_vm(&above, web.text)->state, VM_RUNNING);
    (void)accept_north();
    bench_hello_first(&above.bench, above.north);
    assert_non_null(bench_told(&above.bench, above.north, MESSAGE_SYNC));
    tell_nothing();
    assert_int_equal(cloud_vm(&above, web.text)->state, VM_LOST);
}

static void an_older_state_and_a_copy_of_a_store_are_not_believed(void **state) {
    (void)state;
    struct id web = run_and_cut();
    above.north->incarnation = older;
    assert_not_believed(CONFLICT_OLDER);
    above.north->incarnation = again; /* another start is */
    bench_hello(&above.bench, above.north, 2);
    assert_int_equal(shown(cloud_operator)->state, PEER_UP);
    above.north->incarnation = copied; /* of the same number as the one that is there */
    assert_not_believed(CONFLICT_OLDER);
    assert_int_equal(shown(cloud_operator)->state, PEER_UP); /* which is in its session still */
    assert_int_equal(cloud_vm(&above, web.text)->state, VM_RUNNING);
    above.north->incarnation = again;
    bench_hello(&above.bench, above.north, 2);
    assert_int_equal(shown(cloud_operator)->conflict, CONFLICT_OLDER); /* there were two of late */
    bench_pass(&above.bench, 600000);
    bench_hello(&above.bench, above.north, 2);
    assert_int_equal(shown(cloud_operator)->conflict, CONFLICT_NONE);
}

static void there_is_nothing_to_accept_of_whom_is_believed(void **state) {
    (void)state;
    struct request request = cloud_request(&above, cloud_operator, REQUEST_CLUSTER_ACCEPT);
    text_set(request.key, above.north->setting.name);
    cloud_assert_refused(&above, &request, CODE_CONFLICT, "cluster");
    request = cloud_request(&above, cloud_alice, REQUEST_CLUSTER_ACCEPT);
    cloud_assert_refused(&above, &request, CODE_FORBIDDEN, "");
    request = cloud_request(&above, cloud_operator, REQUEST_CLUSTER_ACCEPT);
    text_set(request.key, "nowhere");
    cloud_assert_refused(&above, &request, CODE_NOT_FOUND, "cluster");
}

static void software_that_tells_no_incarnation_is_believed(void **state) {
    (void)state;
    (void)run_and_cut();
    above.north->incarnation = (struct incarnation){0};
    bench_hello(&above.bench, above.north, 2);
    bench_cut(&above.bench, above.north);
    above.north->incarnation = other_store; /* and what is known stays known */
    assert_not_believed(CONFLICT_STORE);
}

static void whoever_was_given_up_comes_back_as_somebody_new(void **state) {
    (void)state;
    (void)run_and_cut();
    bench_pass(&above.bench, 60000);
    struct request request = cloud_request(&above, cloud_operator, REQUEST_CLUSTER_FORGET);
    text_set(request.key, above.north->setting.name);
    assert_int_equal(bench_ask(&above.bench, &request)->kind, REPLY_RECORD);
    bench_restart(&above.bench);
    above.north->incarnation = other_store;
    bench_hello(&above.bench, above.north, 2);
}

static void an_address_that_two_take_is_shown(void **state) {
    (void)state;
    above.north->incarnation = first;
    above.north->contested = true;
    bench_hello(&above.bench, above.north, 2);
    assert_int_equal(shown(cloud_operator)->state, PEER_UP);
    assert_int_equal(shown(cloud_operator)->conflict, CONFLICT_ADDRESS);
    bench_pass(&above.bench, 600000);
    above.north->contested = false;
    bench_hello(&above.bench, above.north, 2);
    assert_int_equal(shown(cloud_operator)->conflict, CONFLICT_NONE);
}

static void a_manager_whose_successor_is_heard_gives_way(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct far *far = i ? above.south : above.north;
        far->incarnation = first;
        bench_hello(&above.bench, far, 1);
    }
    above.north->manager = (struct incarnation){9, 1000, 1};
    bench_hello_first(&above.bench, above.north);
    assert_null(bench_told(&above.bench, above.north, MESSAGE_WELCOME));
    assert_int_equal(bench_count(&above.bench, EFFECT_DEPOSED), 0); /* south follows this one */
    assert_int_equal(shown(cloud_operator)->conflict, CONFLICT_MANAGER);
    above.south->manager = (struct incarnation){9, 1000, 1};
    bench_hello_first(&above.bench, above.south);
    assert_int_equal(bench_last(&above.bench, EFFECT_DEPOSED)->deposed.later, 1000);
    assert_int_equal(bench_count(&above.bench, EFFECT_DONE), 1);
    bench_hello_first(&above.bench, above.north); /* it says nothing any more */
    assert_int_equal(bench_count(&above.bench, EFFECT_SEND), 0);
    bench_restart(&above.bench);
    assert_int_equal(bench_count(&above.bench, EFFECT_READY), 0);
    assert_int_equal(bench_last(&above.bench, EFFECT_DEPOSED)->deposed.later, 1000);
}

/* On the way for longer; or else its owner has accepted this manager again. */
static void an_earlier_hello_does_not_undo_a_later_one(void **state) {
    (void)state;
    above.north->incarnation = above.south->incarnation = first;
    bench_hello(&above.bench, above.north, 1);
    bench_hello(&above.bench, above.south, 1);
    struct incarnation before = above.north->manager;
    above.north->manager = (struct incarnation){9, 1000, 1};
    bench_hello_first(&above.bench, above.north);
    above.north->manager = before;
    bench_hello_first(&above.bench, above.north);
    assert_null(bench_told(&above.bench, above.north, MESSAGE_WELCOME));
    assert_int_equal(shown(cloud_operator)->conflict, CONFLICT_MANAGER);
    bench_pass(&above.bench, 60000);
    bench_hello_first(&above.bench, above.north);
    assert_non_null(bench_told(&above.bench, above.north, MESSAGE_WELCOME));
}

static void one_place_alone_does_not_end_a_manager_that_has_just_begun(void **state) {
    (void)state;
    above.south->incarnation = first;
    bench_hello(&above.bench, above.south, 1);
    bench_restart(&above.bench);
    above.north->manager = (struct incarnation){9, 1000, 1};
    bench_hello_first(&above.bench, above.north); /* before south has said whom it follows */
    assert_int_equal(bench_count(&above.bench, EFFECT_DEPOSED), 0);
    bench_pass(&above.bench, 60000);
    bench_hello_first(&above.bench, above.north); /* south is silent */
    assert_int_equal(bench_count(&above.bench, EFFECT_DEPOSED), 1);
}

static void a_raised_term_is_above_all_that_was_heard(void **state) {
    (void)state;
    struct prng prng;
    struct own_incarnation own = {.incarnation = {7, 3, 11}, .later = 5000};
    prng_init(&prng, 1);
    incarnation_raise(&own, &prng);
    assert_true(own.incarnation.term > 5000 && !own.later);
    assert_true(own.incarnation.store != 7);
    struct own_incarnation copy = {.incarnation = {7, 3, 11}};
    copy.incarnation.term += 1000; /* starts, in vain */
    assert_true(incarnation_follows(&copy.incarnation, &own.incarnation));
    assert_false(incarnation_follows(&own.incarnation, &copy.incarnation));
}

static const struct hello *said(void) {
    bench_cut(&bench, manager);
    struct event_presence up = {manager->setting.link, NULL, PRESENCE_UP};
    bench_step(&bench, (struct event){.kind = EVENT_LINK, .presence = up});
    return &bench_told(&bench, manager, MESSAGE_HELLO)->hello;
}

static void an_agent_follows_the_latest_manager_alone(void **state) {
    (void)state;
    host_begin(NULL);
    manager->incarnation = again;
    host_tell(NULL);
    host_connect();
    assert_true(record_equal(&incarnation_table, &said()->manager, &again));
    bench_restart(&bench);
    host_tell(NULL);
    bench_step(&bench, (struct event){.kind = EVENT_SCANNED});
    assert_true(record_equal(&incarnation_table, &said()->manager, &again)); /* it is on disk */
    assert_int_equal(said()->incarnation.term, 2); /* its own second start */
    manager->incarnation = first; /* the older one comes back */
    bench_welcome(&bench, manager);
    assert_null(bench_told(&bench, manager, MESSAGE_CAPACITY));
    manager->incarnation = copied; /* as many starts, of a copy */
    bench_welcome(&bench, manager);
    assert_null(bench_told(&bench, manager, MESSAGE_CAPACITY));
    manager->incarnation = (struct incarnation){8, 100, 1};
    bench_welcome(&bench, manager);
    assert_non_null(bench_told(&bench, manager, MESSAGE_CAPACITY));
}

/* The agent starts, and its host has a domain that its books, if it has any, do not know. */
static void meet_one(void) {
    host_begin(NULL);
    host_tell(NULL);
    host_domain_is("7", 3, VM_RUNNING, DOMAIN_FOUND);
    host_assert_job(JOB_LOOK);
    uint64_t job = host_job()->job;
    bench_step(&bench, (struct event){.kind = EVENT_SCANNED});
    assert_int_equal(bench_count(&bench, EFFECT_READY), 0); /* what it would say is not true yet */
    assert_int_equal(host_job()->job, job);
}

static void a_domain_that_is_not_in_the_books_is_in_them_again_before_anything_is_said(
    void **state) {
    (void)state;
    struct snapshot snapshot = {.name = "before", .size = bench_shapes[0].size};
    struct vm found = {.name = "web", .size = bench_shapes[0].size, .networks = (char[]){"lan"},
                       .snapshots = &snapshot, .snapshots_count = 1};
    meet_one();
    text_format(found.digest, sizeof(found.digest), "%064d", 7);
    host_domain_is("7", 3, VM_PAUSED, DOMAIN_CHANGED);
    bench_restart(&bench); /* killed before it knew: it asks again */
    host_tell(NULL);
    host_domain_is("7", 3, VM_PAUSED, DOMAIN_FOUND);
    host_assert_job(JOB_LOOK);
    const struct effect_job *look = host_job();
    struct event event = {.kind = EVENT_JOB, .job = {.job = look->job, .found = &found}};
    bench_step(&bench, (struct event){.kind = EVENT_SCANNED});
    bench_step(&bench, event);
    assert_int_equal(bench_count(&bench, EFFECT_READY), 1);
    bench_welcome(&bench, manager);
    assert_int_equal(bench_told(&bench, manager, MESSAGE_CAPACITY)->capacity.cpus_free, 3);
    bench_say(&bench, manager, (struct message){.kind = MESSAGE_SYNC});
    const struct vm_report *row = bench_told(&bench, manager, MESSAGE_TABLE)->table.vms;
    assert_int_equal(row->epoch, 3);
    assert_int_equal(row->state, VM_PAUSED);
    assert_string_equal(row->facts.image, found.digest);
    assert_string_equal(row->facts.snapshots[0].name, "before");
    struct message gone = bench_instruct("1", "7", 9, VERB_DELETE);
    gone.instruct.epoch = 3;
    bench_say(&bench, manager, gone);
    host_assert_job(JOB_REMOVE); /* and what is said to be gone is */
}

static void a_domain_that_cannot_be_read_is_left_alone(void **state) {
    (void)state;
    meet_one();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(bench_count(&bench, EFFECT_READY), 0);
        host_assert_job(JOB_LOOK);
        host_end_job(CODE_HOST_FAILED);
    }
    assert_int_equal(bench_count(&bench, EFFECT_READY), 1);
    assert_int_equal(role_book(bench.role)->vms_count, 0);
    host_domain_is("7", 3, VM_STOPPED, DOMAIN_CHANGED);
    assert_int_equal(bench.effects.count, 0);
}

#define with_cloud(test) cloud_test(test, &above)
#define with_host(test) cmocka_unit_test_teardown(test, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(another_store_is_not_believed_until_it_is_accepted),
        with_cloud(what_an_accepted_store_does_not_have_is_lost),
        with_cloud(an_older_state_and_a_copy_of_a_store_are_not_believed),
        with_cloud(there_is_nothing_to_accept_of_whom_is_believed),
        with_cloud(software_that_tells_no_incarnation_is_believed),
        with_cloud(whoever_was_given_up_comes_back_as_somebody_new),
        with_cloud(an_address_that_two_take_is_shown),
        with_cloud(a_manager_whose_successor_is_heard_gives_way),
        with_cloud(an_earlier_hello_does_not_undo_a_later_one),
        with_cloud(one_place_alone_does_not_end_a_manager_that_has_just_begun),
        cmocka_unit_test(a_raised_term_is_above_all_that_was_heard),
        with_host(an_agent_follows_the_latest_manager_alone),
        with_host(a_domain_that_is_not_in_the_books_is_in_them_again_before_anything_is_said),
        with_host(a_domain_that_cannot_be_read_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
