/* What a tenant decides of a VM at the upstream manager alone: lock, name and metadata. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cloud.h"
#include "core/books/lifecycle.h"
#include "core/effect.h"
#include "message/codec.h"

static struct cloud cloud;

/* Asks for a verb that is done at once; nothing goes down. */
static const struct operation *done(const struct request *act) {
    struct id op = cloud_begin(&cloud, act);
    const struct operation *record = cloud_op(&cloud, op.text);
    assert_int_equal(record->state, OP_SUCCEEDED);
    assert_int_equal(record->verb, act->verb);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_SEND), 0);
    return record;
}

static struct request renaming(const char *key, const char *name) {
    struct request act = cloud_act(&cloud, cloud_alice, VERB_RENAME, key);
    text_set(act.vm_rename.name, name);
    return act;
}

static struct request editing(char *metadata) {
    struct request act = cloud_act(&cloud, cloud_alice, VERB_EDIT, "web");
    act.vm_edit.metadata = metadata;
    return act;
}

static uint64_t tag_of(const struct vm *vm) {
    struct text text = {0};
    codec_encode(&vm_table, vm, FIELD_API, &text);
    uint64_t tag = map_hash(0, text_data(&text), text.length);
    text_deinit(&text);
    return tag;
}

static void a_locked_vm_refuses_every_verb_but_unlock(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request lock = cloud_act(&cloud, cloud_alice, VERB_LOCK, "web");
    struct request unlock = cloud_act(&cloud, cloud_alice, VERB_UNLOCK, "web");
    (void)done(&lock);
    bench_restart(&cloud.bench);
    assert_int_not_equal(cloud_vm(&cloud, vm.text)->locked_ms, 0);
    for (enum verb verb = VERB_START; verb < VERB_COUNT; verb++) {
        struct request act = cloud_act(&cloud, cloud_alice, verb, "web");
        struct request as_operator = cloud_act(&cloud, cloud_operator, verb, vm.text);
        if (verb == VERB_UNLOCK ||
            (verb_reaches[verb] != VERB_ABOVE && verb_reaches[verb] != VERB_BELOW))
            continue;
        cloud_assert_refused(&cloud, &act, CODE_LOCKED, "");
        cloud_assert_refused(&cloud, &as_operator, CODE_LOCKED, "");
    }
    (void)done(&unlock);
    (void)done(&unlock); /* it is as wanted */
    assert_int_equal(cloud_vm(&cloud, vm.text)->locked_ms, 0);
    struct request gone = cloud_act(&cloud, cloud_alice, VERB_DELETE, "web");
    (void)cloud_begin(&cloud, &gone);
}

static void while_an_operation_is_under_way_nothing_is_locked_or_renamed(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request stop = cloud_act(&cloud, cloud_alice, VERB_STOP, "web");
    struct request lock = cloud_act(&cloud, cloud_alice, VERB_LOCK, "web");
    struct request rename = renaming("web", "shop");
    (void)cloud_begin(&cloud, &stop);
    cloud_assert_refused(&cloud, &lock, CODE_BUSY, "");
    cloud_assert_refused(&cloud, &rename, CODE_BUSY, "");
    bench_pass(&cloud.bench, 12000); /* instructed again */
    cloud_answer(&cloud, CODE_OK, VM_STOPPED);
    (void)done(&lock);
    assert_int_equal(cloud_vm(&cloud, vm.text)->state, VM_STOPPED);
}

static void what_a_place_says_of_a_locked_vm_is_learnt_all_the_same(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request lock = cloud_act(&cloud, cloud_alice, VERB_LOCK, "web");
    (void)done(&lock);
    struct message report = {.kind = MESSAGE_VM,
                             .vm = {.epoch = 1, .generation = 1, .state = VM_CRASHED}};
    text_set(report.vm.vm, vm.text);
    bench_say(&cloud.bench, cloud.north, report);
    bench_say(&cloud.bench, cloud.south, report);
    assert_int_equal(cloud_vm(&cloud, vm.text)->state, VM_CRASHED);
    struct request start = cloud_act(&cloud, cloud_alice, VERB_START, "web");
    cloud_assert_refused(&cloud, &start, CODE_LOCKED, "");
}

static void a_renamed_vm_is_found_by_its_new_name_and_the_old_one_is_free(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    (void)cloud_run_vm(&cloud, cloud_alice, "db");
    (void)cloud_run_vm(&cloud, cloud_bob, "shop"); /* another's names are no hindrance */
    struct request taken = renaming("web", "db"), rename = renaming("web", "shop");
    struct request old = cloud_request(&cloud, cloud_alice, REQUEST_VM_SHOW), by_id = old;
    text_set(old.key, "web");
    text_set(by_id.key, vm.text);
    cloud_assert_refused(&cloud, &taken, CODE_CONFLICT, "name");
    (void)done(&rename);
    bench_restart(&cloud.bench);
    assert_string_equal(cloud_vm(&cloud, vm.text)->name, "shop");
    cloud_assert_refused(&cloud, &old, CODE_NOT_FOUND, "vm");
    struct request again = renaming("shop", "shop"), back = renaming("shop", "web");
    (void)done(&again);
    (void)done(&back);
    struct request gone = cloud_act(&cloud, cloud_alice, VERB_DELETE, "web");
    (void)cloud_begin(&cloud, &gone);
}

/* Older versions took such names. */
static void an_id_finds_its_vm_whatever_the_others_are_named(void **state) {
    (void)state;
    struct id web = cloud_run_vm(&cloud, cloud_alice, "web");
    struct id db = cloud_run_vm(&cloud, cloud_alice, "db");
    struct id others = cloud_run_vm(&cloud, cloud_bob, "shop");
    struct request like = renaming("db", web.text), mine = renaming(db.text, others.text);
    struct request show = cloud_request(&cloud, cloud_alice, REQUEST_VM_SHOW);
    (void)done(&like);
    text_set(show.key, web.text);
    const struct vm *found = bench_ask(&cloud.bench, &show)->record.data;
    assert_string_equal(found->id, web.text);
    (void)done(&mine);
    text_set(show.key, others.text); /* bob's is not alice's to find */
    found = bench_ask(&cloud.bench, &show)->record.data;
    assert_string_equal(found->id, db.text);
}

static void metadata_are_set_as_a_whole_and_kept(void **state) {
    (void)state;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    char first[] = "stage=test", second[] = "owner=web,stage=live";
    wish.vm_create.metadata = first;
    struct id op = cloud_begin(&cloud, &wish);
    struct id vm;
    text_set(vm.text, cloud_op(&cloud, op.text)->vm);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    assert_string_equal(cloud_vm(&cloud, vm.text)->metadata, first);
    struct request edit = editing(second), clear = editing(NULL);
    (void)done(&edit);
    bench_restart(&cloud.bench);
    assert_string_equal(cloud_vm(&cloud, vm.text)->metadata, second);
    (void)done(&clear);
    assert_null(cloud_vm(&cloud, vm.text)->metadata);
}

static void a_title_stands_beside_name_and_metadata(void **state) {
    (void)state;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web"), entitle = editing(NULL);
    static char first[] = "The shop's front, \u00e4lter", second[] = "Gone soon";
    static char said[] = "a b=c d";
    wish.vm_create.title = first;
    wish.vm_create.metadata = said;
    struct id op = cloud_begin(&cloud, &wish), vm;
    text_set(vm.text, cloud_op(&cloud, op.text)->vm);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    entitle.body = &vm_title_table;
    entitle.body_offset = offsetof(struct request, vm_title);
    entitle.vm_title.title = second;
    (void)done(&entitle);
    bench_restart(&cloud.bench);
    assert_string_equal(cloud_vm(&cloud, vm.text)->title, second);
    assert_string_equal(cloud_vm(&cloud, vm.text)->metadata, said);
    entitle.vm_title.title = NULL;
    (void)done(&entitle);
    assert_null(cloud_vm(&cloud, vm.text)->title);
    assert_string_equal(cloud_vm(&cloud, vm.text)->metadata, said);
}

static void a_verb_on_what_was_read_is_refused_when_that_has_changed(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    char words[] = "stage=test";
    struct request edit = editing(words), stop = cloud_act(&cloud, cloud_alice, VERB_STOP, "web");
    edit.tag = stop.tag = tag_of(cloud_vm(&cloud, vm.text));
    (void)done(&edit);
    cloud_assert_refused(&cloud, &edit, CODE_STALE, "If-Match");
    cloud_assert_refused(&cloud, &stop, CODE_STALE, "If-Match");
    stop.tag = tag_of(cloud_vm(&cloud, vm.text));
    (void)cloud_begin(&cloud, &stop);
}

static void an_act_of_the_managers_own_is_repeated_by_its_key(void **state) {
    (void)state;
    (void)cloud_run_vm(&cloud, cloud_alice, "web");
    struct request rename = renaming("web", "shop");
    text_set(rename.idempotency_key, "once");
    struct id first = cloud_begin(&cloud, &rename);
    assert_string_equal(cloud_begin(&cloud, &rename).text, first.text); /* not NOT_FOUND */
}

#define with_cloud(test) cloud_test(test, &cloud)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(a_locked_vm_refuses_every_verb_but_unlock),
        with_cloud(while_an_operation_is_under_way_nothing_is_locked_or_renamed),
        with_cloud(what_a_place_says_of_a_locked_vm_is_learnt_all_the_same),
        with_cloud(a_renamed_vm_is_found_by_its_new_name_and_the_old_one_is_free),
        with_cloud(an_id_finds_its_vm_whatever_the_others_are_named),
        with_cloud(metadata_are_set_as_a_whole_and_kept),
        with_cloud(a_title_stands_beside_name_and_metadata),
        with_cloud(a_verb_on_what_was_read_is_refused_when_that_has_changed),
        with_cloud(an_act_of_the_managers_own_is_repeated_by_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
