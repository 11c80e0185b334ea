/* The upstream manager's API: who may ask what, what is refused and why, what is done once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "core/books/lifecycle.h"
#include "core/books/reshape.h"
#include "core/role.h"

static struct cloud cloud; /* of this program's only thread; each test begins with a fresh one */

static void without_a_known_token_nothing_is_answered(void **state) {
    (void)state;
    for (enum request_kind kind = 0; kind < REQUEST_KIND_COUNT; kind++) {
        struct request request = cloud_request(&cloud, cloud_nobody, kind);
        cloud_assert_refused(&cloud, &request, CODE_UNAUTHENTICATED, "Authorization");
        request = cloud_request(&cloud, cloud_stranger, kind);
        cloud_assert_refused(&cloud, &request, CODE_UNAUTHENTICATED, "Authorization");
    }
}

/* What the table of kinds says of who may ask is what the role's handlers do. */
static void each_kind_of_request_is_answered_to_those_who_may_ask(void **state) {
    (void)state;
    for (enum request_kind kind = 0; kind < REQUEST_KIND_COUNT; kind++) {
        unsigned asks = request_rules[kind].asks;
        struct request request = cloud_request(&cloud, cloud_alice, kind);
        text_set(request.key, "none");
        text_set(request.access_create.name, "none");
        assert_non_null(request_rules[kind].name);
        const struct reply *reply = bench_ask(&cloud.bench, &request);
        enum code code = reply->kind == REPLY_PROBLEM ? reply->code : CODE_OK;
        bool is_ours = asks & (ASKS_TENANT | ASKS_OPERATOR | ASKS_CHAT);
        assert_int_equal(code == CODE_UNSUPPORTED, !is_ours);
        assert_int_equal(code == CODE_FORBIDDEN, is_ours && !(asks & ASKS_TENANT));
        if (kind == REQUEST_IMAGE_ADD || kind == REQUEST_TENANT_CREATE ||
            kind == REQUEST_ACCESS_CREATE || kind == REQUEST_RULE_ADD)
            continue; /* what is not there could be made */
        request = cloud_request(&cloud, cloud_operator, kind);
        text_set(request.key, "none");
        reply = bench_ask(&cloud.bench, &request);
        code = reply->kind == REPLY_PROBLEM ? reply->code : CODE_OK;
        assert_int_equal(code == CODE_UNSUPPORTED, !is_ours);
        assert_true(asks != ASKS_CHAT || code == CODE_FORBIDDEN);
    }
}

static void what_is_the_operators_is_forbidden_to_tenants(void **state) {
    (void)state;
    static const enum request_kind kinds[] = {REQUEST_IMAGE_SHARE, REQUEST_TENANT_IMAGES,
                                              REQUEST_TENANT_CREATE, REQUEST_TENANT_LIST,
                                              REQUEST_TENANT_SHOW, REQUEST_TENANT_DELETE};
    for (size_t i = 0; i < array_size(kinds); i++) {
        struct request request = cloud_request(&cloud, cloud_alice, kinds[i]);
        text_set(request.key, "bob");
        cloud_assert_refused(&cloud, &request, CODE_FORBIDDEN, "");
    }
    struct request wish = cloud_wish(&cloud, cloud_operator, "web");
    cloud_assert_refused(&cloud, &wish, CODE_FORBIDDEN, "");
}

static void a_manager_without_an_operators_token_has_no_operator(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, &(struct role_settings){.kind = ROLE_UPSTREAM, .beat_ms = 1000});
    struct request request = {.kind = REQUEST_TENANT_LIST, .handle = 1};
    assert_int_equal(bench_ask(&bench, &request)->code, CODE_UNAUTHENTICATED);
    bench_deinit(&bench);
}

static void whoami_tells_whose_token_it_is(void **state) {
    (void)state;
    struct request request = cloud_request(&cloud, cloud_bob, REQUEST_WHOAMI);
    const struct whoami *who = bench_ask(&cloud.bench, &request)->record.data;
    assert_string_equal(who->role, "tenant");
    assert_string_equal(who->tenant, "bob");
    request = cloud_request(&cloud, cloud_operator, REQUEST_WHOAMI);
    who = bench_ask(&cloud.bench, &request)->record.data;
    assert_string_equal(who->role, "operator");
    assert_string_equal(who->tenant, "");
}

static void each_wish_that_cannot_be_granted_is_refused_by_its_field(void **state) {
    (void)state;
    static const struct {
        const char *name, *shape, *image, *cluster;
        enum code code;
        const char *field;
    } cases[] = {
        {"web", "small", "debian", "", CODE_CONFLICT, "name"},
        {"new", "tiny", "debian", "", CODE_UNKNOWN_SHAPE, "shape"},
        {"new", "small", "plan9", "", CODE_UNKNOWN_IMAGE, "image"},
        {"new", "small", "huge", "", CODE_IMAGE_TOO_LARGE, "shape"},
        {"new", "small", "debian", "west", CODE_NOT_FOUND, "cluster"},
    };
    (void)cloud_run_vm(&cloud, cloud_alice, "web");
    for (size_t i = 0; i < array_size(cases); i++) {
        struct request wish = cloud_wish(&cloud, cloud_alice, cases[i].name);
        text_set(wish.vm_create.shape, cases[i].shape);
        text_set(wish.vm_create.image, cases[i].image);
        text_set(wish.vm_create.placing.cluster, cases[i].cluster);
        text_set(wish.idempotency_key, "k"); /* not used up */
        cloud_assert_refused(&cloud, &wish, cases[i].code, cases[i].field);
    }
    struct request wish = cloud_wish(&cloud, cloud_alice, "new");
    text_set(wish.idempotency_key, "k");
    (void)cloud_begin(&cloud, &wish);
}

static void assert_said(struct request *wish, const char *words) {
    assert_string_equal(bench_ask(&cloud.bench, wish)->text, words);
}

static void a_full_cloud_says_so_and_counts_what_it_has_just_given_away(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) { /* nobody has told a new capacity meanwhile */
        char name[8];
        text_format(name, sizeof(name), "web-%zu", i);
        struct request wish = cloud_wish(&cloud, cloud_alice, name);
        (void)cloud_begin(&cloud, &wish);
    }
    struct request wish = cloud_wish(&cloud, cloud_alice, "new");
    cloud_assert_refused(&cloud, &wish, CODE_NO_CAPACITY, "shape");
    assert_said(&wish, "no cluster has room for a VM of shape 'small' now");
}

static void the_wanted_cluster_is_taken_or_none(void **state) {
    (void)state;
    struct message instruct;
    struct request wish = cloud_wish(&cloud, cloud_alice, "one");
    text_set(wish.vm_create.placing.cluster, "agent-1");
    (void)cloud_begin(&cloud, &wish);
    assert_ptr_equal(cloud_instructed(&cloud, &instruct), cloud.south);
    wish = cloud_wish(&cloud, cloud_alice, "two");
    text_set(wish.vm_create.placing.cluster, "agent-1");
    cloud_assert_refused(&cloud, &wish, CODE_NO_CAPACITY, "shape");
    assert_said(&wish, "cluster agent-1 has no room for a VM of shape 'small' now");
}

static void with_no_cluster_connected_a_wish_is_refused(void **state) {
    (void)state;
    bench_cut(&cloud.bench, cloud.north);
    bench_pass(&cloud.bench, 36000); /* nobody is expected back any more */
    struct request wish = cloud_wish(&cloud, cloud_alice, "new");
    cloud_assert_refused(&cloud, &wish, CODE_UNREACHABLE, "cluster");
    assert_said(&wish, "no cluster is connected now");
    text_set(wish.vm_create.placing.cluster, "agent-1");
    assert_said(&wish, "cluster agent-1 is not connected now");
}

static void a_wish_waits_for_a_cluster_that_may_be_back(void **state) {
    (void)state;
    struct message instruct;
    struct request wish = cloud_wish(&cloud, cloud_alice, "new");
    bench_cut(&cloud.bench, cloud.north);
    struct id op = cloud_begin(&cloud, &wish);
    assert_null(cloud_instructed(&cloud, &instruct));
    assert_int_equal(role_waits(cloud.bench.role, book_op(role_book(cloud.bench.role), op.text)),
                     WAIT_ROOM);
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.north, 2);
    bench_pass(&cloud.bench, 20000);
    assert_ptr_equal(cloud_instructed(&cloud, &instruct), cloud.north);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    assert_int_equal(cloud_op(&cloud, op.text)->state, OP_SUCCEEDED);
}

static void show(struct far *cluster, uint64_t vms) {
    struct message message = {.kind = MESSAGE_CAPACITY, .capacity.cpus_total = 4 * vms};
    message.capacity.fits = memory_new(2, sizeof(*message.capacity.fits));
    message.capacity.fits_count = 2;
    for (size_t i = 0; i < 2; i++) {
        text_set(message.capacity.fits[i].shape, bench_shapes[i].name);
        message.capacity.fits[i].count = vms;
    }
    bench_say(&cloud.bench, cluster, message);
}

static void what_has_waited_for_a_cluster_waits_for_its_hosts(void **state) {
    (void)state;
    struct message instruct;
    struct request wish = cloud_wish(&cloud, cloud_alice, "new");
    bench_cut(&cloud.bench, cloud.north);
    bench_pass(&cloud.bench, 36000); /* the other one is expected back no more */
    bench_hello(&cloud.bench, cloud.north, 2);
    bench_cut(&cloud.bench, cloud.north);
    struct id op = cloud_begin(&cloud, &wish);
    cloud.north->networks = "*";
    bench_hello(&cloud.bench, cloud.north, 0);
    show(cloud.north, 0);
    bench_pass(&cloud.bench, 10000);
    assert_int_equal(cloud_op(&cloud, op.text)->ended_ms, 0);
    assert_null(cloud_instructed(&cloud, &instruct));
    show(cloud.north, 2);
    bench_pass(&cloud.bench, 10000);
    assert_ptr_equal(cloud_instructed(&cloud, &instruct), cloud.north);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    assert_int_equal(cloud_op(&cloud, op.text)->state, OP_SUCCEEDED);
}

static void a_wish_waits_for_a_cluster_no_longer_than_its_hold_down(void **state) {
    (void)state;
    struct request wish = cloud_wish(&cloud, cloud_alice, "new"), gone;
    bench_cut(&cloud.bench, cloud.north);
    struct id op = cloud_begin(&cloud, &wish);
    bench_pass(&cloud.bench, 50000);
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_UNREACHABLE);
    assert_int_equal(role_book(cloud.bench.role)->vms_count, 0); /* nothing is half-made */
    bench_hello(&cloud.bench, cloud.south, 1);
    bench_cut(&cloud.bench, cloud.north);
    op = cloud_begin(&cloud, &wish); /* while it waits it can be deleted */
    gone = cloud_act(&cloud, cloud_alice, VERB_DELETE, "new");
    struct id deleted = cloud_begin(&cloud, &gone);
    assert_int_equal(cloud_op(&cloud, deleted.text)->state, OP_SUCCEEDED);
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_SUPERSEDED);
    assert_int_equal(role_book(cloud.bench.role)->vms_count, 0);
}

static void a_hard_reboot_goes_down_as_one_and_never_to_who_would_ask_the_guest(void **state) {
    (void)state;
    struct message instruct;
    (void)cloud_run_vm(&cloud, cloud_alice, "web");
    struct request reboot = cloud_act(&cloud, cloud_alice, VERB_REBOOT, "web");
    reboot.hard = true;
    (void)cloud_begin(&cloud, &reboot);
    assert_ptr_equal(cloud_instructed(&cloud, &instruct), cloud.north);
    assert_true(instruct.instruct.hard);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    cloud.north->is_old = true;
    bench_hello(&cloud.bench, cloud.north, 2);
    cloud_assert_refused(&cloud, &reboot, CODE_UNSUPPORTED, "");
    reboot.hard = false;
    (void)cloud_begin(&cloud, &reboot);
    assert_ptr_equal(cloud_instructed(&cloud, &instruct), cloud.north);
    assert_false(instruct.instruct.hard);
}

/* Its hosts are away, or cordoned: they come back. A lone host's size is its own. */
static void a_cluster_that_shows_nothing_is_full_and_not_too_small(void **state) {
    (void)state;
    static const char *const networks[] = {"*", NULL};
    struct request wish = cloud_wish(&cloud, cloud_alice, "new");
    for (size_t i = 0; i < array_size(networks); i++) {
        struct far *clusters[] = {cloud.north, cloud.south};
        for (size_t k = 0; k < array_size(clusters); k++) {
            clusters[k]->networks = networks[i];
            bench_hello(&cloud.bench, clusters[k], 0);
            struct message empty = {.kind = MESSAGE_CAPACITY};
            empty.capacity.fits = memory_new(2, sizeof(*empty.capacity.fits));
            empty.capacity.fits_count = 2;
            for (size_t s = 0; s < 2; s++)
                text_set(empty.capacity.fits[s].shape, bench_shapes[s].name);
            bench_say(&cloud.bench, clusters[k], empty);
        }
        cloud_assert_refused(&cloud, &wish, networks[i] ? CODE_NO_CAPACITY : CODE_UNMET, "shape");
    }
}

static void a_granted_wish_is_saved_instructed_and_ends_with_the_clusters_word(void **state) {
    (void)state;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    struct message instruct;
    char data[] = "#cloud-config";
    wish.vm_create.user_data = data;
    struct id op = cloud_begin(&cloud, &wish);
    struct far *cluster = cloud_instructed(&cloud, &instruct);
    assert_ptr_equal(cluster, cloud.north); /* it has more room */
    assert_string_equal(instruct.instruct.op, op.text);
    assert_int_equal(instruct.instruct.verb, VERB_DEFINE);
    assert_string_equal(instruct.instruct.definition.name, "web");
    assert_string_equal(instruct.instruct.definition.user_data, data);
    assert_true(instruct.instruct.definition.start);
    assert_true(instruct.instruct.within_ms == 60000);
    struct id vm;
    text_set(vm.text, instruct.instruct.vm);
    assert_int_equal(cloud_vm(&cloud, vm.text)->state, VM_PENDING);
    struct message progress = {.kind = MESSAGE_PROGRESS, .progress.step = STEP_FETCHING};
    text_set(progress.progress.op, op.text);
    struct message result = bench_result(&instruct, CODE_OK, VM_RUNNING);
    bench_say(&cloud.bench, cluster, progress);
    assert_int_equal(cloud_op(&cloud, op.text)->step, STEP_FETCHING);
    bench_say(&cloud.bench, cluster, result);
    assert_int_equal(cloud_op(&cloud, op.text)->state, OP_SUCCEEDED);
    assert_int_equal(cloud_vm(&cloud, vm.text)->state, VM_RUNNING);
    assert_null(cloud_op(&cloud, op.text)->definition.user_data); /* no longer needed */
}

static void a_creation_that_failed_below_leaves_no_vm_and_its_name_is_free(void **state) {
    (void)state;
    static const enum vm_state gone[] = {VM_FAILED, VM_DELETED, VM_LOST};
    for (size_t i = 0; i < array_size(gone); i++) {
        struct request wish = cloud_wish(&cloud, cloud_alice, "web");
        struct id op = cloud_begin(&cloud, &wish);
        cloud_answer(&cloud, CODE_IMAGE_BROKEN, gone[i]);
        assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_IMAGE_BROKEN);
        assert_int_equal(role_book(cloud.bench.role)->vms_count, 0);
    }
}

static void a_creation_that_left_something_below_is_deleted_there(void **state) {
    (void)state;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    struct message instruct;
    struct id op = cloud_begin(&cloud, &wish);
    cloud_answer(&cloud, CODE_HOST_FAILED, VM_STOPPED);
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_HOST_FAILED);
    assert_non_null(cloud_instructed(&cloud, &instruct));
    assert_int_equal(instruct.instruct.verb, VERB_DELETE);
    cloud_answer(&cloud, CODE_OK, VM_DELETED);
    assert_int_equal(role_book(cloud.bench.role)->vms_count, 0);
}

static void an_answer_from_the_wrong_cluster_or_of_another_generation_is_not_believed(void **s) {
    (void)s;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    struct message instruct;
    struct id op = cloud_begin(&cloud, &wish);
    (void)cloud_instructed(&cloud, &instruct);
    struct message foreign = bench_result(&instruct, CODE_OK, VM_RUNNING);
    struct message old = bench_result(&instruct, CODE_OK, VM_RUNNING);
    old.result.generation++;
    bench_say(&cloud.bench, cloud.south, foreign);
    bench_say(&cloud.bench, cloud.north, old);
    assert_int_equal(cloud_op(&cloud, op.text)->state, OP_RUNNING);
}

static void a_key_makes_a_request_happen_once(void **state) {
    (void)state;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    text_set(wish.idempotency_key, "key-1");
    wish.body_hash = UINT64_MAX; /* stored with 63 bits */
    struct id first = cloud_begin(&cloud, &wish);
    assert_string_equal(cloud_begin(&cloud, &wish).text, first.text);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_SEND), 0);
    struct request other = cloud_wish(&cloud, cloud_alice, "other");
    text_set(other.idempotency_key, "key-1");
    other.body_hash = 8;
    cloud_assert_refused(&cloud, &other, CODE_KEY_REUSED, "Idempotency-Key");
    bench_restart(&cloud.bench);
    assert_string_equal(cloud_begin(&cloud, &wish).text, first.text);
    assert_int_equal(role_book(cloud.bench.role)->vms_count, 1);
}

static void the_same_key_of_two_tenants_is_two_keys(void **state) {
    (void)state;
    struct request alices = cloud_wish(&cloud, cloud_alice, "web");
    struct request bobs = cloud_wish(&cloud, cloud_bob, "web");
    text_set(alices.idempotency_key, "key-1");
    text_set(bobs.idempotency_key, "key-1");
    struct id first = cloud_begin(&cloud, &alices);
    assert_string_not_equal(cloud_begin(&cloud, &bobs).text, first.text);
}

static void a_key_holds_for_verbs_too(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request stop = cloud_act(&cloud, cloud_alice, VERB_STOP, vm.text);
    text_set(stop.idempotency_key, "key-2");
    struct id first = cloud_begin(&cloud, &stop);
    cloud_answer(&cloud, CODE_OK, VM_STOPPED);
    assert_string_equal(cloud_begin(&cloud, &stop).text, first.text); /* not BAD_STATE */
}

/* Moves a fresh running VM into `in` by its cluster's reports. */
static void put_into(const struct id *vm, enum vm_state in) {
    struct message report = {.kind = MESSAGE_VM, .vm = {.epoch = 1, .generation = 1,
                                                        .state = in}};
    struct far *cluster = text_equal(cloud_vm(&cloud, vm->text)->place, "agent-0") ? cloud.north
                                                                                  : cloud.south;
    text_set(report.vm.vm, vm->text);
    bench_say(&cloud.bench, cluster, report);
    assert_int_equal(cloud_vm(&cloud, vm->text)->state, in);
}

static void a_verb_is_refused_in_every_state_that_does_not_permit_it(void **state) {
    (void)state;
    static const enum vm_state states[] = {VM_STOPPED,   VM_RUNNING, VM_PAUSED,
                                           VM_SUSPENDED, VM_CRASHED, VM_LOST};
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    for (size_t i = 0; i < array_size(states); i++)
        for (enum verb verb = 0; verb < VERB_DELETE; verb++) {
            put_into(&vm, states[i]);
            struct request act = cloud_act(&cloud, cloud_alice, verb, "web");
            if (verb_reaches[verb] != VERB_BELOW)
                continue;
            if (!lifecycle_permits(verb, states[i])) {
                cloud_assert_refused(&cloud, &act, CODE_BAD_STATE, "");
                continue;
            }
            if (reshape_tells(verb)) /* with arguments: test_reshape.c */
                continue;
            (void)cloud_begin(&cloud, &act);
            cloud_answer(&cloud, CODE_HOST_FAILED, states[i]);
        }
    struct request act = cloud_act(&cloud, cloud_alice, VERB_DELETE, "web");
    (void)cloud_begin(&cloud, &act); /* lost: deletion leads on */
}

static void while_an_operation_is_under_way_only_a_deletion_is_taken(void **state) {
    (void)state;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    struct id creation = cloud_begin(&cloud, &wish);
    for (enum verb verb = VERB_START; verb < VERB_DELETE; verb++) {
        struct request act = cloud_act(&cloud, cloud_alice, verb, "web");
        bool built =
            verb_reaches[verb] == VERB_ABOVE || verb_reaches[verb] == VERB_BELOW;
        cloud_assert_refused(&cloud, &act, built ? CODE_BUSY : CODE_UNSUPPORTED, "");
    }
    struct request act = cloud_act(&cloud, cloud_alice, VERB_DELETE, "web");
    struct id deletion = cloud_begin(&cloud, &act);
    assert_int_equal(cloud_op(&cloud, creation.text)->code, CODE_SUPERSEDED);
    act.handle++;
    assert_string_equal(cloud_begin(&cloud, &act).text, deletion.text); /* it is on its way */
    assert_int_equal(bench_count(&cloud.bench, EFFECT_SEND), 0);
}

static void after_a_deletion_the_vm_is_gone_and_its_operation_is_kept(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request act = cloud_act(&cloud, cloud_alice, VERB_DELETE, vm.text);
    struct id deletion = cloud_begin(&cloud, &act);
    assert_int_equal(cloud_vm(&cloud, vm.text)->state, VM_DELETING);
    cloud_answer(&cloud, CODE_OK, VM_DELETED);
    assert_null(cloud_vm(&cloud, vm.text));
    assert_int_equal(cloud_op(&cloud, deletion.text)->state, OP_SUCCEEDED);
    cloud_assert_refused(&cloud, &act, CODE_NOT_FOUND, "vm");
}

static void tenants_neither_see_nor_touch_what_is_anothers(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct id op;
    text_set(op.text, cloud_vm(&cloud, vm.text)->op);
    const char *const keys[] = {vm.text, "web"};
    for (size_t i = 0; i < array_size(keys); i++) {
        struct request show = cloud_request(&cloud, cloud_bob, REQUEST_VM_SHOW);
        text_set(show.key, keys[i]);
        cloud_assert_refused(&cloud, &show, CODE_NOT_FOUND, "vm");
        for (enum verb verb = 0; verb < VERB_COUNT; verb++) {
            struct request act = cloud_act(&cloud, cloud_bob, verb, keys[i]);
            cloud_assert_refused(&cloud, &act, CODE_NOT_FOUND, "vm");
        }
    }
    struct request show = cloud_request(&cloud, cloud_bob, REQUEST_OP_SHOW);
    text_set(show.key, op.text);
    cloud_assert_refused(&cloud, &show, CODE_NOT_FOUND, "operation");
    static const enum request_kind lists[] = {REQUEST_VM_LIST, REQUEST_OP_LIST};
    for (size_t i = 0; i < array_size(lists); i++) {
        struct request list = cloud_request(&cloud, cloud_bob, lists[i]);
        assert_int_equal(bench_ask(&cloud.bench, &list)->list_count, 0);
        text_set(list.list.tenant, "alice"); /* asking for it is no way */
        assert_int_equal(bench_ask(&cloud.bench, &list)->list_count, 0);
        text_set(list.list.vm, vm.text);
        text_set(list.list.after, i ? op.text : vm.text);
        assert_int_equal(bench_ask(&cloud.bench, &list)->list_count, 0);
        list = cloud_request(&cloud, cloud_operator, lists[i]);
        assert_int_equal(bench_ask(&cloud.bench, &list)->list_count, 1);
    }
    (void)cloud_run_vm(&cloud, cloud_bob, "web"); /* nor does another's name stand in the way */
}

static void who_gets_a_deleted_tenants_name_finds_no_history(void **state) {
    (void)state;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    text_set(wish.idempotency_key, "key-1");
    struct id create = cloud_begin(&cloud, &wish);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    struct request gone = cloud_act(&cloud, cloud_alice, VERB_DELETE, "web");
    struct id delete = cloud_begin(&cloud, &gone);
    cloud_answer(&cloud, CODE_OK, VM_DELETED);
    struct request tenant = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_DELETE);
    text_set(tenant.key, "alice");
    assert_int_equal(bench_ask(&cloud.bench, &tenant)->kind, REPLY_GONE);
    cloud_add_tenant(&cloud, "alice", cloud_alice);
    assert_string_not_equal(cloud_begin(&cloud, &wish).text, create.text);
    bench_restart(&cloud.bench); /* the store has forgotten it as well */
    assert_null(book_op(role_book(cloud.bench.role), create.text));
    assert_null(book_op(role_book(cloud.bench.role), delete.text));
}

static void the_operator_acts_on_every_vm_by_its_id(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request act = cloud_act(&cloud, cloud_operator, VERB_STOP, "web");
    cloud_assert_refused(&cloud, &act, CODE_NOT_FOUND, "vm");
    act = cloud_act(&cloud, cloud_operator, VERB_STOP, vm.text);
    (void)cloud_begin(&cloud, &act);
}

#define with_cloud(test) cloud_test(test, &cloud)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(without_a_known_token_nothing_is_answered),
        with_cloud(each_kind_of_request_is_answered_to_those_who_may_ask),
        with_cloud(what_is_the_operators_is_forbidden_to_tenants),
        with_cloud(a_manager_without_an_operators_token_has_no_operator),
        with_cloud(whoami_tells_whose_token_it_is),
        with_cloud(each_wish_that_cannot_be_granted_is_refused_by_its_field),
        with_cloud(a_full_cloud_says_so_and_counts_what_it_has_just_given_away),
        with_cloud(the_wanted_cluster_is_taken_or_none),
        with_cloud(with_no_cluster_connected_a_wish_is_refused),
        with_cloud(a_wish_waits_for_a_cluster_that_may_be_back),
        with_cloud(what_has_waited_for_a_cluster_waits_for_its_hosts),
        with_cloud(a_wish_waits_for_a_cluster_no_longer_than_its_hold_down),
        with_cloud(a_hard_reboot_goes_down_as_one_and_never_to_who_would_ask_the_guest),
        with_cloud(a_cluster_that_shows_nothing_is_full_and_not_too_small),
        with_cloud(a_granted_wish_is_saved_instructed_and_ends_with_the_clusters_word),
        with_cloud(a_creation_that_failed_below_leaves_no_vm_and_its_name_is_free),
        with_cloud(a_creation_that_left_something_below_is_deleted_there),
        with_cloud(an_answer_from_the_wrong_cluster_or_of_another_generation_is_not_believed),
        with_cloud(a_key_makes_a_request_happen_once),
        with_cloud(the_same_key_of_two_tenants_is_two_keys),
        with_cloud(a_key_holds_for_verbs_too),
        with_cloud(a_verb_is_refused_in_every_state_that_does_not_permit_it),
        with_cloud(while_an_operation_is_under_way_only_a_deletion_is_taken),
        with_cloud(after_a_deletion_the_vm_is_gone_and_its_operation_is_kept),
        with_cloud(tenants_neither_see_nor_touch_what_is_anothers),
        with_cloud(who_gets_a_deleted_tenants_name_finds_no_history),
        with_cloud(the_operator_acts_on_every_vm_by_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
