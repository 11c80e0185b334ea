/* An operator's provisioning rules: which one applies to a VM, what comes of it, and the list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"
#include "cloud.h"
#include "message/codec.h"
#include "message/labels.h"

static struct cloud cloud; /* of this program's only thread; each test begins with a fresh one */

/* Texts of tests stay as they are. */
static char *said(const char *text) { return (char *)(uintptr_t)text; }

static struct request asking(enum request_kind kind, const char *key) {
    struct request request = cloud_request(&cloud, cloud_operator, kind);
    text_set_sized(request.key, sizeof(request.key), key);
    return request;
}

static const struct rule *answered(const struct request *request) {
    const struct reply *reply = bench_ask(&cloud.bench, request);
    assert_non_null(reply);
    if (reply->kind == REPLY_PROBLEM)
        fail_msg("%s", reply->text);
    assert_ptr_equal(reply->record.table, &rule_table);
    return reply->record.data;
}

static void add(const char *name, struct rule rule) {
    struct request request = asking(REQUEST_RULE_ADD, "");
    request.rule = rule;
    text_set_sized(request.rule.name, sizeof(request.rule.name), name);
    assert_string_equal(answered(&request)->name, name);
}

static void set(const char *name, struct rule rule) {
    struct request request = asking(REQUEST_RULE_SET, name);
    request.rule = rule;
    assert_string_equal(answered(&request)->name, name);
}

static void delete(const char *name) {
    struct request request = asking(REQUEST_RULE_DELETE, name);
    (void)answered(&request);
}

/* The names, in the order of the list, each with its position. */
static void assert_list(const char *wanted) {
    struct request request = asking(REQUEST_RULE_LIST, "");
    request.list.limit = limit_page;
    auto_clean(text_deinit) struct text found = {0};
    const struct reply *reply = bench_ask(&cloud.bench, &request);
    for (uint32_t i = 0; i < reply->list_count; i++) {
        const struct rule *rule = reply->list[i].data;
        text_addf(&found, "%s%u %s", i ? " " : "", rule->position, rule->name);
    }
    assert_string_equal(text_data(&found), wanted);
}

static void assert_words(const char *words) {
    const char *told = bench_last(&cloud.bench, EFFECT_REPLY)->reply.text;
    if (!strstr(told, words))
        fail_msg("'%s' instead of '%s'", told, words);
}

/* Where a VM of this name goes that is asked for so; NULL: nowhere. */
static struct far *goes(const struct request *wish, struct id *out_op) {
    struct message instruct;
    *out_op = cloud_begin(&cloud, wish);
    return cloud_instructed(&cloud, &instruct);
}

static void a_pattern_stands_for_names(void **state) {
    (void)state;
    static const struct {
        const char *patterns, *name;
        bool fits;
    } cases[] = {{NULL, "gold", true},          {"", "gold", true},
                 {"*", "gold", true},           {"gold", "gold", true},
                 {"gold", "gold-1", false},     {"gold-*", "gold-1", true},
                 {"gold-*", "gold", false},     {"silver gold", "gold", true},
                 {"*-a *old", "gold", true},    {"g*d", "gold", true},
                 {"g*d", "golden", false},      {"g*l*d", "gold", true},
                 {"silver*", "gold", false},    {"*a*b*", "xaybz", true},
                 {"go", "gold", false},         {"ab*ab", "ab", false}};
    for (size_t i = 0; i < array_size(cases); i++)
        if (patterns_fit(cases[i].patterns, cases[i].name) != cases[i].fits)
            fail_msg("'%s' and '%s'", cases[i].patterns, cases[i].name);
}

static void a_rule_matches_by_all_that_it_names(void **state) {
    (void)state;
    const struct ruled_vm vm = {"alice", "debian", "small", "stage=test,owner=web"};
    assert_true(rule_matches(&(struct rule){0}, &vm));
    assert_true(rule_matches(&(struct rule){.tenants = said("bob al*"), .images = said("deb*"),
                                            .shapes = said("small"),
                                            .labels = said("owner=web")}, &vm));
    assert_false(rule_matches(&(struct rule){.tenants = said("bob")}, &vm));
    assert_false(rule_matches(&(struct rule){.images = said("win-*")}, &vm));
    assert_false(rule_matches(&(struct rule){.shapes = said("large")}, &vm));
    assert_false(rule_matches(&(struct rule){.labels = said("owner=web,stage=live")}, &vm));
    assert_false(rule_matches(&(struct rule){.labels = said("a=b")},
                              &(struct ruled_vm){"alice", "debian", "small", NULL}));
}

static void the_first_that_matches_applies_and_no_other(void **state) {
    (void)state;
    struct id op;
    add("all", (struct rule){.ruling.must = said("zone=a")});
    add("test", (struct rule){.labels = said("stage=test"), .position = 1,
                              .ruling.clusters = said("*-1")});
    add("never", (struct rule){.refuse = said("not reached")});
    struct request wish = cloud_wish(&cloud, cloud_alice, "one");
    wish.vm_create.metadata = said("stage=test");
    assert_ptr_equal(goes(&wish, &op), cloud.south); /* north has more room */
    assert_string_equal(cloud_op(&cloud, op.text)->rule, "test");
    wish = cloud_wish(&cloud, cloud_alice, "two");
    assert_ptr_equal(goes(&wish, &op), cloud.north);
    assert_string_equal(cloud_op(&cloud, op.text)->rule, "all");
    delete("all");
    wish = cloud_wish(&cloud, cloud_alice, "three");
    cloud_assert_refused(&cloud, &wish, CODE_NOT_ALLOWED, "");
    assert_words("the operator refuses this: not reached");
    delete("never");
    (void)goes(&wish, &op);
    assert_null(cloud_op(&cloud, op.text)->rule);
}

static void what_it_says_is_one_wish_with_the_requests(void **state) {
    (void)state;
    struct id op;
    add("all", (struct rule){.ruling = {.must_not = said("disk=ssd"), .prefer = said("zone=a")}});
    struct request wish = cloud_wish(&cloud, cloud_alice, "one");
    assert_ptr_equal(goes(&wish, &op), cloud.south);
    set("all", (struct rule){.ruling = {.prefer = said("zone=b"), .avoid = said("disk=ssd"),
                                        .strategy = RULED_SPREAD}});
    wish = cloud_wish(&cloud, cloud_alice, "two"); /* south has no more room: it is not a must */
    assert_ptr_equal(goes(&wish, &op), cloud.north);
}

static void a_strategy_holds_whatever_the_request_says(void **state) {
    (void)state;
    struct id op;
    add("all", (struct rule){.ruling.strategy = RULED_PACK});
    struct request wish = cloud_wish(&cloud, cloud_alice, "one");
    assert_ptr_equal(goes(&wish, &op), cloud.south); /* which has least */
    set("all", (struct rule){.ruling.strategy = RULED_SPREAD});
    wish = cloud_wish(&cloud, cloud_alice, "two");
    wish.vm_create.placing.strategy = STRATEGY_PACK;
    assert_ptr_equal(goes(&wish, &op), cloud.north);
}

static void a_request_that_contradicts_it_is_told_so(void **state) {
    (void)state;
    struct id op;
    add("all", (struct rule){.ruling.must = said("zone=a")});
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    text_set(wish.vm_create.placing.cluster, "agent-1");
    cloud_assert_refused(&cloud, &wish, CODE_NOT_ALLOWED, "cluster");
    assert_words("by the operator's rules, a VM as this one may not be in cluster 'agent-1'");
    wish = cloud_wish(&cloud, cloud_alice, "web");
    wish.vm_create.placing.must = said("region=eu,zone=b");
    cloud_assert_refused(&cloud, &wish, CODE_UNMET, "must");
    assert_words("no cluster that you may use has 'region=eu,zone=b'; the operator's rules say");
    set("all", (struct rule){.ruling.must = said("zone=c")});
    wish = cloud_wish(&cloud, cloud_alice, "web");
    cloud_assert_refused(&cloud, &wish, CODE_NOT_ALLOWED, "");
    assert_words("may be in none of the clusters: ask the operator");
    set("all", (struct rule){.ruling.must = said("zone=b")});
    text_set(wish.vm_create.placing.cluster, "agent-1");
    assert_ptr_equal(goes(&wish, &op), cloud.south);
}

static void what_becomes_of_it_at_a_loss_is_the_requests_or_else_the_rules(void **state) {
    (void)state;
    struct message instruct;
    static const struct {
        enum on_loss_wish rule, request;
        enum on_loss then;
    } cases[] = {{LOSS_WISH_RESTART, LOSS_WISH_NONE, ON_LOSS_RESTART},
                 {LOSS_WISH_RESTART, LOSS_WISH_STAY, ON_LOSS_STAY},
                 {LOSS_WISH_NONE, LOSS_WISH_RESTART, ON_LOSS_RESTART},
                 {LOSS_WISH_NONE, LOSS_WISH_NONE, ON_LOSS_STAY}};
    add("all", (struct rule){0});
    for (size_t i = 0; i < array_size(cases); i++) {
        set("all", (struct rule){.on_loss = cases[i].rule});
        struct request wish = cloud_wish(&cloud, cloud_alice, "web");
        wish.vm_create.on_loss = cases[i].request;
        struct id op = cloud_begin(&cloud, &wish);
        assert_non_null(cloud_instructed(&cloud, &instruct));
        assert_int_equal(instruct.instruct.definition.on_loss, cases[i].then);
        assert_int_equal(cloud_vm(&cloud, cloud_op(&cloud, op.text)->vm)->on_loss, cases[i].then);
        cloud_answer(&cloud, CODE_HOST_FAILED, VM_DELETED);
        struct request gone = cloud_act(&cloud, cloud_alice, VERB_DELETE, "web");
        (void)bench_ask(&cloud.bench, &gone);
    }
    set("all", (struct rule){.on_loss = LOSS_WISH_RESTART});
    struct request wish = cloud_wish(&cloud, cloud_alice, "copied");
    wish.vm_create.restart_from = RESTART_FROM_COPY; /* which needs on_loss restart */
    (void)cloud_begin(&cloud, &wish);
}

/* The networks that a VM is in which is asked for so; "": in none. */
static const char *in(const char *name, const char *networks) {
    struct id op;
    struct message instruct;
    struct request wish = cloud_wish(&cloud, cloud_alice, name);
    wish.vm_create.networks = said(networks);
    op = cloud_begin(&cloud, &wish);
    assert_non_null(cloud_instructed(&cloud, &instruct));
    const char *told = instruct.instruct.definition.networks;
    const char *kept = cloud_vm(&cloud, cloud_op(&cloud, op.text)->vm)->networks;
    assert_string_equal(told ? told : "", kept ? kept : "");
    return kept ? kept : "";
}

static void a_vm_is_in_its_requests_networks_or_else_in_the_rules(void **state) {
    (void)state;
    cloud.north->networks = cloud.south->networks = "lan,wan";
    bench_hello(&cloud.bench, cloud.north, 2);
    bench_hello(&cloud.bench, cloud.south, 1);
    add("all", (struct rule){.networks = said("lan,wan")});
    assert_string_equal(in("one", NULL), "lan,wan");
    assert_string_equal(in("two", "wan"), "wan");
    set("all", (struct rule){.ruling.prefer = said("zone=a")});
    assert_string_equal(in("three", NULL), "");
}

static void what_a_rule_says_of_networks_can_be(void **state) {
    (void)state;
    struct request request = asking(REQUEST_RULE_ADD, "");
    request.rule = (struct rule){.name = "b", .networks = said("lan,moon")};
    cloud_assert_refused(&cloud, &request, CODE_UNKNOWN_NETWORK, "networks");
    assert_words("there is no network 'moon'");
    request.rule = (struct rule){.name = "b", .networks = said("lan"), .refuse = said("no")};
    cloud_assert_refused(&cloud, &request, CODE_INVALID, "refuse");
    add("all", (struct rule){.networks = said("wan")});
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    cloud_assert_refused(&cloud, &wish, CODE_UNMET, "networks"); /* no cluster has it */
    cloud.bench.settings.networks_count = 1; /* wan is no more */
    bench_restart(&cloud.bench);
    cloud_assert_refused(&cloud, &wish, CODE_UNKNOWN_NETWORK, "networks");
    assert_words("'wan', in which the operator's rules put a VM as this one");
    set("all", (struct rule){.networks = said("wan"), .ruling.must = said("zone=a")});
    request = asking(REQUEST_RULE_SET, "all");
    request.rule.networks = said("wan,lan");
    cloud_assert_refused(&cloud, &request, CODE_UNKNOWN_NETWORK, "networks");
}

/* The list changes while a VM is on its way, and the manager restarts: it goes on as it began. */
static void an_operation_keeps_what_the_rule_said(void **state) {
    (void)state;
    struct message instruct;
    struct id op;
    add("all", (struct rule){.ruling.clusters = said("agent-0")});
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    assert_ptr_equal(goes(&wish, &op), cloud.north);
    delete("all");
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.north, 2);
    bench_hello(&cloud.bench, cloud.south, 1);
    bench_pass(&cloud.bench, 1);
    instruct = (struct message){.kind = MESSAGE_INSTRUCT};
    text_set(instruct.instruct.op, op.text);
    text_set(instruct.instruct.vm, cloud_op(&cloud, op.text)->vm);
    instruct.instruct.generation = cloud_vm(&cloud, instruct.instruct.vm)->place_generation;
    bench_say(&cloud.bench, cloud.north, bench_result(&instruct, CODE_NO_CAPACITY, VM_FAILED));
    assert_null(cloud_instructed(&cloud, &instruct)); /* south would have room */
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_NO_CAPACITY);
    assert_string_equal(cloud_op(&cloud, op.text)->rule, "all");
    assert_null(cloud_op(&cloud, op.text)->ruling.clusters); /* what it said is not kept for ever */
}

static const struct operation *shown(enum cloud_user user, const char *op) {
    struct request request = cloud_request(&cloud, user, REQUEST_OP_SHOW);
    text_set_sized(request.key, sizeof(request.key), op);
    return bench_ask(&cloud.bench, &request)->record.data;
}

static void operators_alone_see_which_it_was(void **state) {
    (void)state;
    struct id op;
    add("all", (struct rule){.ruling.must = said("zone=a")});
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    (void)goes(&wish, &op);
    assert_null(((const struct operation *)
                     bench_last(&cloud.bench, EFFECT_REPLY)->reply.record.data)->rule);
    assert_string_equal(shown(cloud_operator, op.text)->rule, "all");
    assert_null(shown(cloud_alice, op.text)->rule);
}

static bool fetch(void *context, struct record *record) {
    record_deinit(record);
    *record = record_copy(&operation_table, context);
    return true;
}

static void of_one_that_is_in_the_store_alone_too(void **state) {
    (void)state;
    const struct operation kept = {.rule = said("all")};
    for (int is_tenants = 0; is_tenants < 2; is_tenants++) {
        struct reply reply = {.kind = REPLY_OPERATION, .is_tenants = is_tenants,
                              .record = record_copy(&operation_table, &kept)};
        reply_mark_stored(&reply, 0);
        reply_fetch(&reply, fetch, said((const char *)&kept));
        const struct operation *op = reply.record.data;
        assert_int_equal(op->rule == NULL, is_tenants);
        reply_clear(&reply);
    }
}

static void a_change_of_rules_leaves_a_vm_as_it_is(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    assert_string_equal(cloud_vm(&cloud, vm.text)->place, "agent-0");
    add("all", (struct rule){.refuse = said("no more of these")});
    struct request stop = cloud_act(&cloud, cloud_alice, VERB_STOP, "web");
    (void)cloud_begin(&cloud, &stop);
    cloud_answer(&cloud, CODE_OK, VM_STOPPED);
    struct request rebuild = cloud_act(&cloud, cloud_alice, VERB_REBUILD, "web");
    (void)cloud_begin(&cloud, &rebuild); /* the same rule matches it as before */
    cloud_answer(&cloud, CODE_OK, VM_STOPPED);
}

static void nothing_becomes_what_a_rule_does_not_let_it_be_where_it_is(void **state) {
    (void)state;
    (void)cloud_run_vm(&cloud, cloud_alice, "web"); /* in north */
    struct request stop = cloud_act(&cloud, cloud_alice, VERB_STOP, "web");
    (void)cloud_begin(&cloud, &stop);
    cloud_answer(&cloud, CODE_OK, VM_STOPPED);
    struct request resize = cloud_act(&cloud, cloud_alice, VERB_RESIZE, "web");
    text_set(resize.reshape.shape, "large");
    add("large", (struct rule){.shapes = said("large"), .refuse = said("ask for it")});
    cloud_assert_refused(&cloud, &resize, CODE_NOT_ALLOWED, "");
    assert_words("the operator refuses this: ask for it");
    set("large", (struct rule){.shapes = said("large"), .ruling.clusters = said("agent-1")});
    cloud_assert_refused(&cloud, &resize, CODE_NOT_ALLOWED, "");
    assert_words("may not be in cluster 'agent-0', where this one is");
    set("large", (struct rule){.shapes = said("large"), .ruling.clusters = said("agent-0")});
    (void)cloud_begin(&cloud, &resize);
}

static void the_list_has_an_order_without_gaps_which_lasts(void **state) {
    (void)state;
    add("a", (struct rule){0});
    add("b", (struct rule){0});
    add("c", (struct rule){.position = 1});
    add("d", (struct rule){.position = 200});
    assert_list("1 c 2 a 3 b 4 d");
    struct request move = asking(REQUEST_RULE_MOVE, "d");
    move.rule_move.position = 2;
    assert_int_equal(answered(&move)->position, 2);
    assert_list("1 c 2 d 3 a 4 b");
    move = asking(REQUEST_RULE_MOVE, "c");
    move.rule_move.position = limit_rules;
    assert_int_equal(answered(&move)->position, 4);
    bench_restart(&cloud.bench);
    assert_list("1 d 2 a 3 b 4 c");
    delete("a");
    bench_restart(&cloud.bench);
    assert_list("1 d 2 b 3 c");
}

static void what_cannot_be_a_rule_is_refused(void **state) {
    (void)state;
    add("a", (struct rule){.ruling.clusters = said("agent-1")});
    struct request request = asking(REQUEST_RULE_ADD, "");
    text_set(request.rule.name, "a");
    cloud_assert_refused(&cloud, &request, CODE_CONFLICT, "name");
    text_set(request.rule.name, "b");
    request.rule.ruling.clusters = said("agent-* nowhere");
    cloud_assert_refused(&cloud, &request, CODE_NOT_FOUND, "clusters");
    assert_words("there is no cluster 'nowhere'");
    request.rule = (struct rule){.name = "b", .refuse = said("no"), .on_loss = LOSS_WISH_STAY};
    cloud_assert_refused(&cloud, &request, CODE_INVALID, "refuse");
    request = asking(REQUEST_RULE_SET, "none");
    cloud_assert_refused(&cloud, &request, CODE_NOT_FOUND, "rule");
    request = asking(REQUEST_RULE_SHOW, "a");
    const struct rule *rule = answered(&request);
    auto_clean(text_deinit) struct text text = {0};
    codec_encode(&rule_table, rule, FIELD_API, &text);
    request = asking(REQUEST_RULE_DELETE, "a");
    request.tag = map_hash(0, text_data(&text), text.length) + 1;
    cloud_assert_refused(&cloud, &request, CODE_STALE, "If-Match");
    request.tag--;
    (void)answered(&request);
    request = cloud_request(&cloud, cloud_alice, REQUEST_RULE_LIST);
    cloud_assert_refused(&cloud, &request, CODE_FORBIDDEN, "");
}

static void there_are_only_so_many(void **state) {
    (void)state;
    for (int i = 0; i < limit_rules; i++) {
        char name[limit_name_size];
        text_format(name, sizeof(name), "rule-%d", i);
        add(name, (struct rule){0});
    }
    struct request request = asking(REQUEST_RULE_ADD, "");
    text_set(request.rule.name, "more");
    cloud_assert_refused(&cloud, &request, CODE_FULL, "");
    bench_restart(&cloud.bench);
    request = asking(REQUEST_RULE_SHOW, "rule-255");
    assert_int_equal(answered(&request)->position, limit_rules);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_stands_for_names),
        cmocka_unit_test(a_rule_matches_by_all_that_it_names),
        cloud_test(the_first_that_matches_applies_and_no_other, &cloud),
        cloud_test(what_it_says_is_one_wish_with_the_requests, &cloud),
        cloud_test(a_strategy_holds_whatever_the_request_says, &cloud),
        cloud_test(a_request_that_contradicts_it_is_told_so, &cloud),
        cloud_test(what_becomes_of_it_at_a_loss_is_the_requests_or_else_the_rules, &cloud),
        cloud_test(a_vm_is_in_its_requests_networks_or_else_in_the_rules, &cloud),
        cloud_test(what_a_rule_says_of_networks_can_be, &cloud),
        cloud_test(an_operation_keeps_what_the_rule_said, &cloud),
        cloud_test(operators_alone_see_which_it_was, &cloud),
        cmocka_unit_test(of_one_that_is_in_the_store_alone_too),
        cloud_test(a_change_of_rules_leaves_a_vm_as_it_is, &cloud),
        cloud_test(nothing_becomes_what_a_rule_does_not_let_it_be_where_it_is, &cloud),
        cloud_test(the_list_has_an_order_without_gaps_which_lasts, &cloud),
        cloud_test(what_cannot_be_a_rule_is_refused, &cloud),
        cloud_test(there_are_only_so_many, &cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
