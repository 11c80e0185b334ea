/* The audit: what has a row, what a row holds, how rows continue their chain, who sees them, and
 * which ones go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "message/codec.h"
#include "message/records/audit.h"

static struct cloud cloud;

static const struct audit *stored(size_t at) {
    size_t count = 0;
    for (size_t i = 0; i < cloud.bench.stored_count; i++)
        if (cloud.bench.stored[i].table == &audit_table && count++ == at)
            return cloud.bench.stored[i].data;
    return NULL;
}

static size_t stored_count(void) {
    size_t count = 0;
    while (stored(count))
        count++;
    return count;
}

/* The row that the newest step saved; NULL: it saved none. */
static const struct audit *written(void) {
    const struct audit *row = NULL;
    for (size_t i = 0; i < cloud.bench.effects.count; i++) {
        const struct effect *effect = &cloud.bench.effects.items[i];
        if (effect->kind == EFFECT_SAVE && effect->record.table == &audit_table) {
            assert_null(row); /* one at the most */
            row = effect->record.data;
        }
    }
    return row;
}

static const struct audit *asked(struct request request) {
    text_set(request.from, "2001:db8::7");
    bench_ask(&cloud.bench, &request);
    request_clear(&request);
    return written();
}

static void a_row_says_who_asked_what_of_what_from_where_and_what_came_of_it(void **state) {
    (void)state;
    const struct audit *row = asked(cloud_wish(&cloud, cloud_alice, "web"));
    assert_non_null(row);
    assert_int_equal(row->who, AUDIT_TENANT);
    assert_string_equal(row->tenant, "alice");
    assert_string_equal(row->from, "2001:db8::7");
    assert_string_equal(row->what, "vm-create");
    assert_string_equal(row->key, "web");
    assert_int_equal(row->code, CODE_OK);
    assert_non_null(cloud_op(&cloud, row->op));
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    struct request wait = cloud_act(&cloud, cloud_operator, VERB_STOP, "web");
    wait.wait_ms = 30000; /* there is no answer yet */
    text_set(wait.key, cloud_op(&cloud, stored(stored_count() - 1)->op)->vm);
    row = asked(wait);
    assert_int_equal(row->who, AUDIT_OPERATOR);
    assert_int_equal(row->verb, VERB_STOP);
    assert_int_equal(cloud_op(&cloud, row->op)->verb, VERB_STOP);
}

static void what_only_reads_has_no_row(void **state) {
    (void)state;
    size_t before = stored_count();
    for (enum request_kind kind = 0; kind < REQUEST_KIND_COUNT; kind++)
        if (!request_rules[kind].changes && (request_rules[kind].asks & ASKS_TENANT))
            assert_null(asked(cloud_request(&cloud, cloud_alice, kind)));
    assert_int_equal(stored_count(), before);
}

static void all_that_changes_has_one_by_its_rule(void **state) {
    (void)state;
    static const char *const reads[] = {
        "-list", "-show", "-usage", "whoami", "image-admit", "metrics",
        "delivery-end"}; /* which of other contacts the manager sees by itself */
    for (enum request_kind kind = 0; kind < REQUEST_KIND_COUNT; kind++) {
        bool is_read = false;
        for (size_t i = 0; i < array_size(reads); i++)
            is_read |= strstr(request_rules[kind].name, reads[i]) != NULL;
        if (request_rules[kind].changes == is_read)
            fail_msg("%s", request_rules[kind].name);
    }
}

static void a_body_leaves_no_trace_but_the_name_in_it(void **state) {
    (void)state;
    static char secret[] = "passwd: hunter2";
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    wish.vm_create.user_data = memory_text(secret);
    wish.vm_create.title = memory_text(secret);
    wish.body = &vm_create_table;
    wish.body_offset = offsetof(struct request, vm_create);
    const struct audit *row = asked(wish);
    auto_clean(text_deinit) struct text text = {0};
    codec_encode(&audit_table, row, 0, &text);
    assert_null(strstr(text.data, "hunter2"));
    struct request odd = cloud_act(&cloud, cloud_alice, VERB_STOP, "a b\n\x80");
    assert_string_equal(asked(odd)->key, ""); /* it can be no name */
}

static void assert_chains(void) {
    for (size_t i = 0; i < stored_count(); i++) {
        const struct audit *row = stored(i), *before = NULL;
        char digest[limit_digest_size];
        for (size_t k = 0; k < stored_count(); k++) {
            const struct audit *other = stored(k);
            if (other->who == row->who && other->tenant_ms == row->tenant_ms &&
                text_equal(other->tenant, row->tenant) && other->number == row->number - 1)
                before = other;
        }
        audit_digest(row, bench_hash, digest);
        assert_string_equal(digest, row->digest);
        assert_string_equal(row->previous, before ? before->digest : "");
        assert_int_equal(row->number == 1, !before);
    }
}

static void rows_of_one_asker_are_a_chain_also_after_a_restart(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        char name[8];
        text_format(name, sizeof(name), "vm%d", i);
        asked(cloud_wish(&cloud, cloud_alice, name));
        asked(cloud_wish(&cloud, cloud_bob, name));
        bench_restart(&cloud.bench);
    }
    assert_chains();
    assert_int_equal(stored(stored_count() - 1)->number, 3);
    struct audit forged = *stored(stored_count() - 1);
    char digest[limit_digest_size];
    forged.code = CODE_FULL;
    audit_digest(&forged, bench_hash, digest);
    assert_string_not_equal(digest, forged.digest);
}

static void what_is_refused_again_and_again_has_one_row_more_a_minute(void **state) {
    (void)state;
    size_t before = stored_count();
    for (int i = 0; i < 50; i++) {
        char key[8];
        text_format(key, sizeof(key), "x%d", i);
        asked(cloud_act(&cloud, cloud_alice, VERB_STOP, key));
        asked(cloud_request(&cloud, cloud_stranger, (enum request_kind)(i % REQUEST_KIND_COUNT)));
        asked(cloud_request(&cloud, cloud_bob, REQUEST_TENANT_LIST)); /* which is not his to read */
    }
    assert_int_equal(stored_count(), before + 3);
    bench_pass(&cloud.bench, 61000);
    assert_int_equal(stored_count(), before + 6);
    unsigned told = 0; /* which of the three have a row of 49 more */
    for (size_t i = 0; i < stored_count(); i++) {
        const struct audit *row = stored(i);
        if (row->more != 49)
            continue;
        told += row->who == AUDIT_STRANGER && !*row->tenant && !*row->key;
        told += row->code == CODE_NOT_FOUND && text_equal(row->tenant, "alice") ? 10 : 0;
        told += row->code == CODE_FORBIDDEN && text_equal(row->tenant, "bob") ? 100 : 0;
    }
    assert_int_equal(told, 111);
    assert_chains();
}

static void read_log(enum cloud_user who, const char *vm) {
    struct request read = cloud_request(&cloud, who, REQUEST_VM_LOG);
    text_set(read.key, vm);
    asked(read);
}

static void who_follows_a_log_has_one_row_more_a_minute_for_each_vm(void **state) {
    (void)state;
    char vms[2][limit_id_size];
    for (int i = 0; i < 2; i++) {
        const struct audit *row = asked(cloud_wish(&cloud, cloud_alice, i ? "db" : "web"));
        text_set(vms[i], cloud_op(&cloud, row->op)->vm);
        cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    }
    size_t before = stored_count();
    read_log(cloud_alice, vms[0]);
    read_log(cloud_alice, vms[1]);
    assert_int_equal(stored_count(), before + 2);
    bench_pass(&cloud.bench, 61000);
    assert_int_equal(stored_count(), before + 2);
    read_log(cloud_alice, vms[0]);
    read_log(cloud_alice, vms[0]);
    assert_int_equal(stored_count(), before + 3);
    bench_pass(&cloud.bench, 61000);
    assert_int_equal(stored_count(), before + 4);
    assert_int_equal(stored(before + 3)->more, 1);
    assert_string_equal(stored(before + 3)->what, "vm-log");
    assert_string_equal(stored(before + 3)->key, vms[0]);
    assert_chains();
}

static void what_was_gathered_is_written_at_the_end(void **state) {
    (void)state;
    size_t before = stored_count();
    for (int i = 0; i < 3; i++)
        asked(cloud_act(&cloud, cloud_alice, VERB_STOP, "none"));
    bench_step(&cloud.bench, (struct event){.kind = EVENT_STOP});
    assert_int_equal(stored_count(), before + 2);
    assert_int_equal(stored(before + 1)->more, 2);
}

/* How many rows that user is shown, the newest first. */
static uint32_t shown(enum cloud_user user, const char *tenant) {
    struct request list = cloud_request(&cloud, user, REQUEST_AUDIT_LIST);
    text_set(list.list.tenant, tenant);
    const struct reply *reply = bench_ask(&cloud.bench, &list);
    assert_int_equal(reply->kind, REPLY_LIST);
    for (uint32_t i = 1; i < reply->list_count; i++)
        assert_true(strcmp(((const struct audit *)reply->list[i].data)->id,
                           ((const struct audit *)reply->list[i - 1].data)->id) < 0);
    assert_int_equal(reply->stored[0], (UINT64_C(1) << reply->list_count) - 1);
    return reply->list_count;
}

static void a_tenant_sees_its_own_and_an_operator_all(void **state) {
    (void)state;
    size_t before = stored_count();
    asked(cloud_wish(&cloud, cloud_alice, "web"));
    asked(cloud_wish(&cloud, cloud_alice, "db"));
    asked(cloud_wish(&cloud, cloud_bob, "web"));
    assert_int_equal(shown(cloud_alice, ""), 2);
    assert_int_equal(shown(cloud_alice, "bob"), 2); /* its own word is not heard */
    assert_int_equal(shown(cloud_bob, ""), 1);
    assert_int_equal(shown(cloud_operator, "bob"), 1);
    assert_int_equal(shown(cloud_operator, ""), before + 3);
}

static void who_has_the_name_next_sees_nothing_of_the_one_before(void **state) {
    (void)state;
    cloud_add_tenant(&cloud, "carol", cloud_stranger);
    asked(cloud_act(&cloud, cloud_stranger, VERB_STOP, "none"));
    assert_int_equal(shown(cloud_stranger, ""), 1);
    struct request delete = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_DELETE);
    text_set(delete.key, "carol");
    assert_int_equal(asked(delete)->code, CODE_OK);
    bench_pass(&cloud.bench, 5);
    cloud_add_tenant(&cloud, "carol", cloud_stranger);
    assert_int_equal(shown(cloud_stranger, ""), 0);
}

/* Its cluster says that it was made anew, its disk as it was so long ago. */
static const struct audit *told_of_restart(const char *vm, uint64_t restored_ago_ms) {
    struct facts facts = {.size = {1, 128, 1}, .restarts = 1, .restarted_ago_ms = 1000,
                          .restored_ago_ms = restored_ago_ms};
    struct message message = {.kind = MESSAGE_VM,
                              .vm = {.epoch = 1, .generation = 1, .state = VM_RUNNING,
                                     .facts = facts}};
    text_format(message.vm.vm, sizeof(message.vm.vm), "%s", vm);
    bench_say(&cloud.bench, cloud.north, message);
    return written();
}

static void a_vm_that_is_made_anew_has_a_row_of_how_old_its_disk_is(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    const struct audit *row = told_of_restart(vm.text, 600000);
    assert_non_null(row);
    assert_int_equal(row->who, AUDIT_MANAGER);
    assert_string_equal(row->what, "vm-restart");
    assert_string_equal(row->key, vm.text);
    assert_int_equal(row->code, CODE_OK);
    assert_int_equal(row->restored_ms, cloud_vm(&cloud, vm.text)->restored_ms);
    assert_int_not_equal(row->restored_ms, 0);
    assert_null(told_of_restart(vm.text, 600000)); /* once */
    row = told_of_restart(vm.text, 900000); /* an older copy was taken */
    assert_int_equal(row->restored_ms, cloud_vm(&cloud, vm.text)->restored_ms);
    assert_int_equal(row->number, 2);
    struct audit forged = *row; /* the row ends with the next request */
    assert_int_equal(shown(cloud_operator, ""), stored_count());
    assert_chains();
    char digest[limit_digest_size];
    forged.restored_ms = 0;
    audit_digest(&forged, bench_hash, digest);
    assert_string_not_equal(digest, forged.digest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cloud_test(a_row_says_who_asked_what_of_what_from_where_and_what_came_of_it, &cloud),
        cloud_test(what_only_reads_has_no_row, &cloud),
        cmocka_unit_test(all_that_changes_has_one_by_its_rule),
        cloud_test(a_body_leaves_no_trace_but_the_name_in_it, &cloud),
        cloud_test(rows_of_one_asker_are_a_chain_also_after_a_restart, &cloud),
        cloud_test(what_is_refused_again_and_again_has_one_row_more_a_minute, &cloud),
        cloud_test(who_follows_a_log_has_one_row_more_a_minute_for_each_vm, &cloud),
        cloud_test(what_was_gathered_is_written_at_the_end, &cloud),
        cloud_test(a_tenant_sees_its_own_and_an_operator_all, &cloud),
        cloud_test(who_has_the_name_next_sees_nothing_of_the_one_before, &cloud),
        cloud_test(a_vm_that_is_made_anew_has_a_row_of_how_old_its_disk_is, &cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
