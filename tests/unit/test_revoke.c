/* What the owner lets an upstream manager ask for, and what becomes of one that is revoked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cluster.h"
#include "message/owner.h"

static int set_up(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3, 2}, 2, (struct amounts){0});
    return 0;
}

static const struct reply *ask(struct request request) {
    static uint64_t handle;
    request.handle = ++handle;
    text_set(request.key, "manager-0");
    return bench_ask(&bench, &request);
}

static const struct owned_lending *lending(struct request request) {
    const struct reply *reply = ask(request);
    assert_non_null(reply);
    assert_ptr_equal(reply->record.table, &owned_lending_table);
    return reply->record.data;
}

static enum lending_phase phase(void) {
    return lending((struct request){.kind = REQUEST_UPSTREAM_SHOW})->phase;
}

static const struct owned_lending *permit(char *verbs, char *shapes, char *images) {
    return lending((struct request){.kind = REQUEST_PERMISSIONS_SET,
                                    .permissions = {verbs, shapes, images}});
}

static const struct owned_lending *revoke(uint32_t grace_seconds) {
    return lending((struct request){.kind = REQUEST_UPSTREAM_REVOKE,
                                    .revocation = {grace_seconds}});
}

static void assert_not_allowed(const char *op, const char *vm, const struct shape *shape) {
    bench_say(&bench, cloud, bench_define(op, vm, 1, shape));
    cluster_assert_result(cloud, CODE_NOT_ALLOWED, VM_FAILED);
    assert_int_equal(bench_count(&bench, EFFECT_IMAGE), 0);
    assert_int_equal(bench_count(&bench, EFFECT_SAVE), 0); /* it leaves no trace */
}

static void a_verb_that_is_not_allowed_is_refused_but_a_delete_never(void **state) {
    (void)state;
    struct message instruct;
    cluster_run_vm(cloud, "1", "1");
    (void)permit("define start", NULL, NULL);
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_STOP));
    cluster_assert_result(cloud, CODE_NOT_ALLOWED, VM_RUNNING);
    assert_null(cluster_instructed(&instruct));
    bench_say(&bench, cloud, bench_instruct("3", "1", 3, VERB_DELETE));
    assert_non_null(cluster_instructed(&instruct));
    const struct reply *reply = ask((struct request){.kind = REQUEST_PERMISSIONS_SET,
                                                     .permissions = {.verbs = "start fly"}});
    assert_int_equal(reply->code, CODE_INVALID);
}

static void what_is_being_deleted_takes_nothing_else(void **state) {
    (void)state;
    struct message instruct;
    cluster_run_vm(cloud, "1", "1");
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_DELETE));
    assert_non_null(cluster_instructed(&instruct));
    cluster_answer(CODE_HOST_FAILED, VM_DELETING);
    bench_say(&bench, cloud, bench_instruct("3", "1", 3, VERB_START));
    cluster_assert_result(cloud, CODE_BAD_STATE, VM_DELETING);
    assert_null(cluster_instructed(&instruct));
    bench_say(&bench, cloud, bench_instruct("4", "1", 4, VERB_DELETE));
    assert_non_null(cluster_instructed(&instruct));
    assert_int_equal(instruct.instruct.verb, VERB_DELETE);
}

static void a_shape_is_allowed_by_name_or_by_size(void **state) {
    (void)state;
    (void)permit(NULL, "small tiny", NULL);
    bench_pass(&bench, 200);
    assert_int_equal(cluster_shown(cloud)->fits[0].count, 5);
    assert_int_equal(cluster_shown(cloud)->fits[1].count, 0); /* what is not allowed, is not */
    cluster_run_vm(cloud, "1", "1");
    assert_not_allowed("2", "2", &bench_shapes[1]);
    (void)permit(NULL, "c4-m4096-d50", NULL);
    assert_not_allowed("3", "3", &bench_shapes[0]);
    bench_say(&bench, cloud, bench_define("4", "4", 1, &bench_shapes[1]));
    assert_int_equal(bench_count(&bench, EFFECT_IMAGE), 1);
    bench_say(&bench, other, bench_define("5", "5", 1, &bench_shapes[0])); /* is not meant */
    assert_int_equal(bench_count(&bench, EFFECT_IMAGE), 1);
}

static void a_shape_is_not_allowed_by_a_name_that_says_another_size(void **state) {
    (void)state;
    struct shape disguised = bench_shapes[1];
    (void)permit(NULL, "c1-m512-d5", NULL);
    text_format(disguised.name, sizeof(disguised.name), "c1-m512-d5");
    assert_not_allowed("1", "1", &disguised);
    bench_say(&bench, cloud, bench_define("2", "2", 1, &bench_shapes[0]));
    assert_int_equal(bench_count(&bench, EFFECT_IMAGE), 1);
}

static void an_image_is_allowed_by_digest_or_by_name(void **state) {
    (void)state;
    char digest[limit_digest_size];
    text_format(digest, sizeof(digest), "%064d", 7);
    (void)permit(NULL, NULL, "debian");
    assert_not_allowed("1", "1", &bench_shapes[0]);
    struct message named = bench_define("2", "2", 1, &bench_shapes[0]);
    text_format(named.instruct.definition.image_name, limit_name_size, "debian");
    bench_say(&bench, cloud, named);
    assert_int_equal(bench_count(&bench, EFFECT_IMAGE), 1);
    (void)permit(NULL, NULL, digest);
    cluster_run_vm(cloud, "3", "3");
}

/* A VM of a group that runs, or that is to be apart from it, or where a label is. */
static struct message wish(const char *number, bool apart, const char *host_must) {
    struct message define = bench_define(number, number, 1, &bench_shapes[0]);
    text_format(define.instruct.definition.group, limit_id_size, "gr-%026d", 7);
    define.instruct.definition.apart = apart;
    define.instruct.definition.host_must = memory_text(host_must);
    return define;
}

static void run(struct message define) {
    bench_say(&bench, cloud, define);
    cluster_image(CODE_OK);
    cluster_answer(CODE_OK, VM_RUNNING);
}

static void assert_refused(struct message define) {
    bench_say(&bench, cloud, define);
    cluster_assert_result(cloud, CODE_NOT_ALLOWED, VM_FAILED);
}

/* Whoever asks for one more, until it is refused, counts the hosts. */
static void of_hosts_no_more_is_told_than_the_owner_permits(void **state) {
    (void)state;
    struct request set = {.kind = REQUEST_PERMISSIONS_SET};
    set.permissions.placing = (char *)(uintptr_t)"apart";
    set.permissions.apart_most = 1;
    assert_int_equal(lending(set)->permissions.apart_most, 1);
    run(wish("1", true, NULL));
    run(wish("2", true, NULL));
    assert_refused(wish("3", true, NULL)); /* and not for want of a third host */
    run(wish("4", false, NULL));
    assert_refused(wish("5", false, "disk=ssd")); /* whatever labels there are */
    set.permissions.placing = (char *)(uintptr_t)"host-must";
    (void)lending(set);
    assert_refused(wish("6", true, NULL));
    set.permissions.placing = (char *)(uintptr_t)"none";
    (void)lending(set);
    assert_refused(wish("7", true, NULL));
    assert_refused(wish("8", false, "disk=ssd"));
    set.permissions.placing = (char *)(uintptr_t)"apart rack";
    const struct reply *reply = ask(set);
    assert_int_equal(reply->code, CODE_INVALID);
    assert_string_equal(reply->field, "placing");
}

static void permissions_outlive_a_restart_until_they_are_reset(void **state) {
    (void)state;
    (void)permit("define", NULL, NULL);
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    const struct owned_lending *shown = lending((struct request){.kind = REQUEST_UPSTREAM_SHOW});
    assert_string_equal(shown->permissions.verbs, "define");
    assert_int_equal(shown->permissions_from, ORIGIN_SET);
    assert_int_equal(shown->from, ORIGIN_CONFIGURED);
    shown = lending((struct request){.kind = REQUEST_PERMISSIONS_RESET});
    assert_null(shown->permissions.verbs);
    bench_restart(&bench);
    assert_null(lending((struct request){.kind = REQUEST_UPSTREAM_SHOW})->permissions.verbs);
}

static void within_the_grace_there_are_no_new_vms_and_the_others_live(void **state) {
    (void)state;
    struct message instruct;
    cluster_run_vm(cloud, "1", "1");
    assert_int_equal(revoke(3600)->phase, LENDING_REVOKED);
    bench_pass(&bench, 200);
    assert_int_equal(cluster_shown(cloud)->cpus_free, 0);
    assert_int_equal(cluster_shown(cloud)->cpus_total, 1); /* what it has */
    assert_not_allowed("2", "2", &bench_shapes[0]);
    bench_say(&bench, cloud, bench_instruct("3", "1", 2, VERB_STOP));
    assert_non_null(cluster_instructed(&instruct));
    cluster_answer(CODE_OK, VM_STOPPED);
    assert_int_equal(lending((struct request){.kind = REQUEST_UPSTREAM_RESTORE})->phase,
                     LENDING_LENT);
    bench_pass(&bench, 200);
    cluster_run_vm(cloud, "4", "4");
}

/* The host does what it was told by the newest step that told it anything. */
static void obey(enum verb verb, enum code code, enum vm_state vm) {
    struct message instruct;
    assert_non_null(cluster_instructed(&instruct));
    assert_int_equal(instruct.instruct.verb, verb);
    cluster_answer(code, vm);
}

static void after_the_grace_vms_are_shut_down_and_deleted_and_the_link_is_closed(void **state) {
    (void)state;
    struct message instruct;
    cluster_run_vm(cloud, "1", "1");
    cluster_run_vm(other, "2", "2");
    (void)revoke(0);
    assert_non_null(cluster_instructed(&instruct)); /* at once, without a grace */
    assert_int_equal(phase(), LENDING_ENDING);
    const struct reply *late = ask((struct request){.kind = REQUEST_UPSTREAM_RESTORE});
    assert_int_equal(late->code, CODE_CONFLICT);
    bench_pass(&bench, 20000); /* the guest takes its time: it is asked again */
    obey(VERB_SHUTDOWN, CODE_OK, VM_STOPPED);
    assert_int_equal(bench_told(&bench, cloud, MESSAGE_VM)->vm.state, VM_STOPPED);
    bench_pass(&bench, 1000);
    obey(VERB_DELETE, CODE_OK, VM_DELETED);
    assert_int_equal(bench_told(&bench, cloud, MESSAGE_VM)->vm.state, VM_DELETED);
    bench_pass(&bench, 1000);
    assert_int_equal(phase(), LENDING_ENDED);
    const struct book *book = role_book(bench.role);
    assert_int_equal(book->vms_count, 1);
    assert_string_equal(container_of(book->vms.next, struct book_vm, by_age)->record.asker,
                        "manager-1");
    bench_cut(&bench, cloud);
    struct event_presence up = {cloud->setting.link, NULL, PRESENCE_UP};
    bench_step(&bench, (struct event){.kind = EVENT_LINK, .presence = up});
    bench_pass(&bench, 60000);
    assert_null(bench_told(&bench, cloud, MESSAGE_HELLO));
    (void)lending((struct request){.kind = REQUEST_UPSTREAM_RESTORE});
    bench_step(&bench, (struct event){.kind = EVENT_TICK});
    assert_non_null(bench_told(&bench, cloud, MESSAGE_HELLO));
}

static void what_is_under_way_when_the_grace_is_over_ends_as_not_allowed(void **state) {
    (void)state;
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0])); /* awaits its image */
    bench_say(&bench, cloud, bench_define("2", "2", 1, &bench_shapes[0]));
    cluster_image(CODE_OK); /* both are placed */
    bench_say(&bench, cloud, bench_define("3", "3", 1, &bench_shapes[0]));
    (void)revoke(0);
    cluster_assert_result(cloud, CODE_NOT_ALLOWED, VM_FAILED); /* the newest: nothing is made */
    for (int i = 0; i < 2; i++) {
        bench_pass(&bench, 15000);
        struct message instruct;
        struct far *host = cluster_instructed(&instruct);
        assert_non_null(host);
        assert_int_equal(instruct.instruct.verb, VERB_DELETE);
        bench_say(&bench, host, bench_result(&instruct, CODE_OK, VM_DELETED));
    }
    bench_pass(&bench, 1000);
    assert_int_equal(phase(), LENDING_ENDED);
    assert_int_equal(role_book(bench.role)->ops_count, 0);
}

static void a_revocation_outlives_a_restart_and_goes_on(void **state) {
    (void)state;
    cluster_run_vm(cloud, "1", "1");
    (void)revoke(60);
    bench_restart(&bench);
    assert_int_equal(phase(), LENDING_REVOKED);
    bench_hello(&bench, bench_agent(&bench, 0), 2);
    bench_pass(&bench, 61000); /* without its upstream manager, too */
    assert_int_equal(phase(), LENDING_ENDING);
    bench_restart(&bench);
    bench_hello(&bench, bench_agent(&bench, 0), 2);
    bench_pass(&bench, 15000);
    obey(VERB_SHUTDOWN, CODE_GUEST_IGNORED, VM_RUNNING);
    bench_pass(&bench, 1000);
    obey(VERB_DELETE, CODE_OK, VM_DELETED);
    bench_pass(&bench, 1000);
    assert_int_equal(phase(), LENDING_ENDED);
    bench_restart(&bench);
    bench_pass(&bench, 1000);
    assert_int_equal(phase(), LENDING_ENDED);
}

#define with_cluster(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cluster(a_verb_that_is_not_allowed_is_refused_but_a_delete_never),
        with_cluster(what_is_being_deleted_takes_nothing_else),
        with_cluster(a_shape_is_allowed_by_name_or_by_size),
        with_cluster(a_shape_is_not_allowed_by_a_name_that_says_another_size),
        with_cluster(an_image_is_allowed_by_digest_or_by_name),
        with_cluster(of_hosts_no_more_is_told_than_the_owner_permits),
        with_cluster(permissions_outlive_a_restart_until_they_are_reset),
        with_cluster(within_the_grace_there_are_no_new_vms_and_the_others_live),
        with_cluster(after_the_grace_vms_are_shut_down_and_deleted_and_the_link_is_closed),
        with_cluster(what_is_under_way_when_the_grace_is_over_ends_as_not_allowed),
        with_cluster(a_revocation_outlives_a_restart_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
