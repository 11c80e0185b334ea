/* What the operator lets a tenant's new VMs use: clusters, shapes, images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cloud.h"
#include "message/codec.h"
#include "message/owner.h"

static struct cloud cloud; /* of this program's only thread; each test begins with a fresh one */

static struct request of_alice(enum cloud_user user, enum request_kind kind) {
    struct request request = cloud_request(&cloud, user, kind);
    text_set(request.key, "alice");
    return request;
}

static struct request setting(char *clusters, char *shapes, char *images) {
    struct request request = of_alice(cloud_operator, REQUEST_TENANT_PERMISSIONS_SET);
    request.tenant_permissions = (struct tenant_permissions){clusters, shapes, images};
    return request;
}

static const struct tenant_permissions *answered(const struct request *request) {
    const struct reply *reply = bench_ask(&cloud.bench, request);
    assert_non_null(reply);
    if (reply->kind != REPLY_RECORD)
        fail_msg("%s", reply->text);
    assert_ptr_equal(reply->record.table, &account_table);
    return &((const struct account *)reply->record.data)->permissions;
}

static void permit(char *clusters, char *shapes, char *images) {
    struct request request = setting(clusters, shapes, images);
    const struct tenant_permissions wanted = request.tenant_permissions;
    assert_true(record_equal(&tenant_permissions_table, answered(&request), &wanted));
}

static void assert_words(const char *words) {
    const char *told = bench_last(&cloud.bench, EFFECT_REPLY)->reply.text;
    if (!strstr(told, words))
        fail_msg("'%s' instead of '%s'", told, words);
}

static struct request wish(const char *shape, const char *image, const char *cluster) {
    struct request request = cloud_wish(&cloud, cloud_alice, "web");
    text_set(request.vm_create.shape, shape);
    text_set(request.vm_create.image, image);
    text_set(request.vm_create.placing.cluster, cluster);
    return request;
}

static void assert_not_allowed(struct request request, const char *field, const char *words) {
    cloud_assert_refused(&cloud, &request, CODE_NOT_ALLOWED, field);
    assert_words(words);
}

static struct request reshape(enum cloud_user user, enum verb verb, const char *key,
                              const char *shape, const char *image) {
    struct request act = cloud_act(&cloud, user, verb, key);
    text_set(act.reshape.shape, shape);
    text_set(act.reshape.image, image);
    return act;
}

static void new_vms_use_what_is_permitted_and_nothing_else(void **state) {
    (void)state;
    permit(NULL, "small", "debian");
    assert_not_allowed(wish("large", "debian", ""), "shape",
                       "VMs of tenant 'alice' may not use shape 'large'; 'isthmus tenant show' "
                       "tells what they may");
    assert_not_allowed(wish("small", "huge", ""), "image", "may not use image 'huge'");
    /* What is not there is not told apart from what is not permitted. */
    assert_not_allowed(wish("none", "debian", ""), "shape", "may not use shape 'none'");
    assert_not_allowed(wish("small", "none", ""), "image", "may not use image 'none'");
    (void)cloud_run_vm(&cloud, cloud_alice, "web");
    struct request bobs = cloud_wish(&cloud, cloud_bob, "web"); /* another's are another's */
    text_set(bobs.vm_create.shape, "large");
    (void)cloud_begin(&cloud, &bobs);
}

static void a_vm_is_given_no_shape_and_no_image_that_is_not_permitted(void **state) {
    (void)state;
    struct message instruct;
    struct id web = cloud_run_vm(&cloud, cloud_alice, "web");
    permit(NULL, "small", "huge");
    assert_not_allowed(reshape(cloud_alice, VERB_RESIZE, "web", "large", ""), "shape", "'large'");
    assert_not_allowed(reshape(cloud_operator, VERB_RESIZE, web.text, "large", ""), "shape",
                       "VMs of tenant 'alice'");
    assert_not_allowed(reshape(cloud_alice, VERB_REBUILD, "web", "", "debian"), "image",
                       "'debian'");
    assert_not_allowed(reshape(cloud_alice, VERB_REBUILD, "web", "", ""), "image", "'debian'");
    permit(NULL, "small large", "debian");
    struct request act = reshape(cloud_alice, VERB_RESIZE, "web", "large", "");
    act.reshape.upgrade = true;
    (void)cloud_begin(&cloud, &act);
    assert_non_null(cloud_instructed(&cloud, &instruct));
    assert_true(instruct.instruct.definition.upgrade);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    act = reshape(cloud_alice, VERB_REBUILD, "web", "", "");
    (void)cloud_begin(&cloud, &act);
    assert_non_null(cloud_instructed(&cloud, &instruct));
}

static void a_cluster_that_is_not_permitted_is_no_candidate(void **state) {
    (void)state;
    static char ssd[] = "disk=ssd";
    struct message instruct;
    permit("agent-1", NULL, NULL);
    struct request request = wish("small", "debian", "");
    (void)cloud_begin(&cloud, &request);
    assert_ptr_equal(cloud_instructed(&cloud, &instruct), cloud.south); /* north has more room */
    request = cloud_wish(&cloud, cloud_alice, "more");
    cloud_assert_refused(&cloud, &request, CODE_NO_CAPACITY, "shape");
    assert_words("no cluster that you may use has room for a VM of shape 'small' now");
    request.vm_create.placing.must = ssd; /* north has it */
    cloud_assert_refused(&cloud, &request, CODE_UNMET, "must");
    assert_words("no cluster that you may use has 'disk=ssd'");
    bench_cut(&cloud.bench, cloud.south);
    bench_pass(&cloud.bench, 100000);
    request = cloud_wish(&cloud, cloud_alice, "more");
    cloud_assert_refused(&cloud, &request, CODE_UNREACHABLE, "cluster");
    assert_words("no cluster that you may use is connected now");
}

static void a_cluster_that_is_named_and_not_permitted_is_refused_whether_it_is_there(void **s) {
    (void)s;
    permit("agent-1", NULL, NULL);
    assert_not_allowed(wish("small", "debian", "agent-0"), "cluster",
                       "may not use cluster 'agent-0'");
    assert_not_allowed(wish("small", "debian", "none"), "cluster", "may not use cluster 'none'");
    struct request request = wish("small", "debian", "agent-1");
    (void)cloud_begin(&cloud, &request);
    permit(NULL, NULL, NULL);
    request = wish("small", "debian", "none");
    text_set(request.vm_create.name, "more");
    cloud_assert_refused(&cloud, &request, CODE_NOT_FOUND, "cluster");
}

static void a_group_is_looked_for_where_its_tenant_may_be(void **state) {
    (void)state;
    struct message instruct;
    struct request request = wish("small", "debian", "");
    text_set(request.vm_create.group, "pair");
    request.vm_create.placing.rule = GROUP_TOGETHER;
    (void)cloud_begin(&cloud, &request);
    assert_ptr_equal(cloud_instructed(&cloud, &instruct), cloud.north);
    permit("agent-1", NULL, NULL);
    text_set(request.vm_create.name, "more");
    cloud_assert_refused(&cloud, &request, CODE_UNMET, "group_rule");
    assert_words("group 'pair' is in no cluster that you ask for and may use");
}

/* North refuses, and south would have room. */
static void assert_ends_with_norths_refusal(const char *op) {
    struct message next;
    cloud_answer(&cloud, CODE_NO_CAPACITY, VM_FAILED);
    assert_null(cloud_instructed(&cloud, &next));
    assert_int_equal(cloud_op(&cloud, op)->code, CODE_NO_CAPACITY);
    assert_int_equal(role_book(cloud.bench.role)->vms_count, 0);
}

static void a_refusal_leads_to_no_cluster_that_is_not_permitted(void **state) {
    (void)state;
    struct request request = wish("small", "debian", "");
    permit("agent-0", NULL, NULL);
    struct id op = cloud_begin(&cloud, &request);
    assert_ends_with_norths_refusal(op.text);
    permit(NULL, NULL, NULL); /* nor to one that is not permitted any more */
    op = cloud_begin(&cloud, &request);
    struct message instruct;
    struct far *first = cloud_instructed(&cloud, &instruct);
    permit("agent-0", NULL, NULL);
    bench_say(&cloud.bench, first, bench_result(&instruct, CODE_NO_CAPACITY, VM_FAILED));
    struct message next;
    assert_ptr_equal(first, cloud.north);
    assert_null(cloud_instructed(&cloud, &next));
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_NO_CAPACITY);
}

static void a_refusal_after_a_restart_leads_to_none_either(void **state) {
    (void)state;
    struct request request = wish("small", "debian", "");
    permit("agent-0", NULL, NULL);
    struct id op = cloud_begin(&cloud, &request);
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.south, 1);
    bench_hello(&cloud.bench, cloud.north, 2);
    struct message again = {.kind = MESSAGE_INSTRUCT}, next;
    text_set(again.instruct.op, op.text);
    text_set(again.instruct.vm, cloud_op(&cloud, op.text)->vm);
    again.instruct.generation = cloud_vm(&cloud, again.instruct.vm)->place_generation;
    bench_say(&cloud.bench, cloud.north, bench_result(&again, CODE_NO_CAPACITY, VM_FAILED));
    assert_null(cloud_instructed(&cloud, &next));
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_NO_CAPACITY);
}

static void what_is_no_longer_permitted_touches_no_vm(void **state) {
    (void)state;
    static const enum verb verbs[] = {VERB_STOP, VERB_START, VERB_DELETE};
    static const enum vm_state states[] = {VM_STOPPED, VM_RUNNING, VM_DELETED};
    struct message instruct;
    struct id web = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request request = setting("agent-1", "large", "huge");
    (void)answered(&request);
    assert_null(cloud_instructed(&cloud, &instruct));
    assert_int_equal(cloud_vm(&cloud, web.text)->state, VM_RUNNING);
    for (size_t i = 0; i < array_size(verbs); i++) {
        struct request act = cloud_act(&cloud, cloud_alice, verbs[i], "web");
        (void)cloud_begin(&cloud, &act);
        cloud_answer(&cloud, CODE_OK, states[i]);
    }
    assert_not_allowed(wish("small", "huge", ""), "shape", "'small'");
}

/* The keys of all rows, a blank after each, by pages of one row. */
static const char *listed(enum cloud_user user, enum request_kind kind) {
    static char keys[256];
    struct request list = cloud_request(&cloud, user, kind);
    list.list.limit = 1;
    keys[0] = 0;
    do {
        const struct reply *reply = bench_ask(&cloud.bench, &list);
        assert_int_equal(reply->kind, REPLY_LIST);
        for (uint32_t i = 0; i < reply->list_count; i++)
            text_format(keys + strlen(keys), sizeof(keys) - strlen(keys), "%s ",
                        (const char *)reply->list[i].data); /* the first member */
        text_set(list.list.after, reply->next);
    } while (*list.list.after);
    return keys;
}

static uint32_t fits_shown(enum cloud_user user) {
    struct request request = cloud_request(&cloud, user, REQUEST_CLUSTER_SHOW);
    text_set(request.key, "agent-1");
    const struct reply *reply = bench_ask(&cloud.bench, &request);
    assert_int_equal(reply->kind, REPLY_RECORD);
    return ((const struct node *)reply->record.data)->capacity.fits_count;
}

static void a_tenant_is_shown_what_it_may_use(void **state) {
    (void)state;
    permit("agent-1", "large", "huge");
    assert_string_equal(listed(cloud_alice, REQUEST_CLUSTER_LIST), "agent-1 ");
    assert_string_equal(listed(cloud_alice, REQUEST_SHAPE_LIST), "large ");
    assert_string_equal(listed(cloud_alice, REQUEST_IMAGE_LIST), "huge ");
    assert_int_equal(fits_shown(cloud_alice), 1);
    for (enum cloud_user user = cloud_operator; user <= cloud_bob; user++) {
        if (user == cloud_alice)
            continue;
        assert_string_equal(listed(user, REQUEST_CLUSTER_LIST), "agent-0 agent-1 ");
        assert_string_equal(listed(user, REQUEST_SHAPE_LIST), "small large ");
        assert_string_equal(listed(user, REQUEST_IMAGE_LIST), "debian huge ");
        assert_int_equal(fits_shown(user), 2);
    }
    struct request show = cloud_request(&cloud, cloud_alice, REQUEST_CLUSTER_SHOW);
    text_set(show.key, "agent-0");
    cloud_assert_refused(&cloud, &show, CODE_NOT_FOUND, "cluster");
    show = cloud_request(&cloud, cloud_alice, REQUEST_IMAGE_SHOW);
    text_set(show.key, "debian");
    cloud_assert_refused(&cloud, &show, CODE_NOT_FOUND, "image");
}

static void a_name_that_is_not_there_is_refused(void **state) {
    (void)state;
    struct request request = setting("agent-0 agent-7", NULL, NULL);
    cloud_assert_refused(&cloud, &request, CODE_NOT_FOUND, "clusters");
    assert_words("there is no cluster 'agent-7': 'isthmus cluster list' shows");
    request = setting(NULL, "tiny", NULL);
    cloud_assert_refused(&cloud, &request, CODE_UNKNOWN_SHAPE, "shapes");
    request = setting(NULL, "small", "suse");
    cloud_assert_refused(&cloud, &request, CODE_UNKNOWN_IMAGE, "images");
    assert_words("there is no image 'suse': import it first");
    static char *const odd[] = {" ", "debian  huge", " debian", "debian "};
    for (size_t i = 0; i < array_size(odd); i++) {
        request = setting(NULL, NULL, odd[i]);
        cloud_assert_refused(&cloud, &request, CODE_INVALID, "images");
    }
}

static void delete_image(const char *name) {
    struct request request = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_DELETE);
    text_set(request.key, name);
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_GONE);
}

static void what_is_gone_stays_named_and_lets_nothing_else_in(void **state) {
    (void)state;
    permit(NULL, NULL, "huge");
    delete_image("huge");
    assert_not_allowed(wish("small", "debian", ""), "image", "'debian'");
    struct request request = wish("large", "huge", "");
    cloud_assert_refused(&cloud, &request, CODE_UNKNOWN_IMAGE, "image");
    permit("agent-1", NULL, "huge debian"); /* the rest can be changed beside it */
    permit("agent-1", NULL, "debian");
    request = setting(NULL, NULL, "huge"); /* gone for good */
    cloud_assert_refused(&cloud, &request, CODE_UNKNOWN_IMAGE, "images");
    cloud.bench.settings.agents_count = 1; /* south is not configured any more */
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.north, 2);
    assert_not_allowed(wish("small", "debian", ""), "cluster",
                       "none of the clusters that you may use is there any more: 'agent-1'");
}

static void permissions_outlive_a_restart_until_they_are_reset(void **state) {
    (void)state;
    permit("agent-1", "small", "debian");
    bench_restart(&cloud.bench);
    struct request show = of_alice(cloud_alice, REQUEST_TENANT_SHOW); /* its own account */
    const struct tenant_permissions *shown = answered(&show);
    assert_string_equal(shown->clusters, "agent-1");
    assert_string_equal(shown->shapes, "small");
    assert_string_equal(shown->images, "debian");
    assert_not_allowed(wish("large", "debian", ""), "shape", "'large'");
    struct request reset = of_alice(cloud_operator, REQUEST_TENANT_PERMISSIONS_RESET);
    const struct tenant_permissions all = {0};
    assert_true(record_equal(&tenant_permissions_table, answered(&reset), &all));
    bench_restart(&cloud.bench);
    show = of_alice(cloud_operator, REQUEST_TENANT_SHOW);
    assert_true(record_equal(&tenant_permissions_table, answered(&show), &all));
}

static void a_quota_and_permissions_leave_each_other_alone(void **state) {
    (void)state;
    permit(NULL, "small", NULL);
    struct request quota = of_alice(cloud_operator, REQUEST_TENANT_QUOTA);
    quota.limits.vms = 7;
    assert_string_equal(answered(&quota)->shapes, "small");
    permit(NULL, NULL, "debian");
    struct request show = of_alice(cloud_operator, REQUEST_TENANT_SHOW);
    const struct reply *reply = bench_ask(&cloud.bench, &show);
    assert_int_equal(((const struct account *)reply->record.data)->quota.vms, 7);
}

static void operators_alone_set_permissions_of_tenants_that_there_are(void **state) {
    (void)state;
    static const enum request_kind kinds[] = {REQUEST_TENANT_PERMISSIONS_SET,
                                              REQUEST_TENANT_PERMISSIONS_RESET};
    for (size_t i = 0; i < array_size(kinds); i++) {
        struct request request = of_alice(cloud_alice, kinds[i]);
        cloud_assert_refused(&cloud, &request, CODE_FORBIDDEN, "");
        request = cloud_request(&cloud, cloud_operator, kinds[i]);
        text_set(request.key, "nobody");
        cloud_assert_refused(&cloud, &request, CODE_NOT_FOUND, "tenant");
    }
}

static void a_tenant_of_an_older_store_may_use_all(void **state) {
    (void)state;
    static const char row[] = "{\"name\":\"ada\",\"token_hash\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"quota\":{\"vms\":3},"
                              "\"created_ms\":7}";
    const struct codec_input input = {row, sizeof(row) - 1, FIELD_STORE, CODEC_REFUSE_UNKNOWN};
    struct tenant tenant;
    struct codec_fault fault;
    assert_int_equal(codec_decode(&tenant_table, &input, &tenant, &fault), 0);
    assert_true(words_allow(tenant.permissions.clusters, "agent-0"));
    assert_true(words_allow(tenant.permissions.shapes, "small"));
    assert_true(words_allow(tenant.permissions.images, "debian"));
    assert_int_equal(tenant.quota.vms, 3);
}

static void a_repeat_of_what_was_accepted_gets_its_operation(void **state) {
    (void)state;
    struct request request = wish("small", "debian", "");
    text_set(request.idempotency_key, "one");
    struct id op = cloud_begin(&cloud, &request);
    permit(NULL, "large", NULL);
    assert_string_equal(cloud_begin(&cloud, &request).text, op.text);
}

#define with_cloud(test) cloud_test(test, &cloud)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(new_vms_use_what_is_permitted_and_nothing_else),
        with_cloud(a_vm_is_given_no_shape_and_no_image_that_is_not_permitted),
        with_cloud(a_cluster_that_is_not_permitted_is_no_candidate),
        with_cloud(a_cluster_that_is_named_and_not_permitted_is_refused_whether_it_is_there),
        with_cloud(a_group_is_looked_for_where_its_tenant_may_be),
        with_cloud(a_refusal_leads_to_no_cluster_that_is_not_permitted),
        with_cloud(a_refusal_after_a_restart_leads_to_none_either),
        with_cloud(what_is_no_longer_permitted_touches_no_vm),
        with_cloud(a_tenant_is_shown_what_it_may_use),
        with_cloud(a_name_that_is_not_there_is_refused),
        with_cloud(what_is_gone_stays_named_and_lets_nothing_else_in),
        with_cloud(permissions_outlive_a_restart_until_they_are_reset),
        with_cloud(a_quota_and_permissions_leave_each_other_alone),
        with_cloud(operators_alone_set_permissions_of_tenants_that_there_are),
        with_cloud(a_tenant_of_an_older_store_may_use_all),
        with_cloud(a_repeat_of_what_was_accepted_gets_its_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
