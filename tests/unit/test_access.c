/* Access tokens: what may be asked by each, whose they are, how long they are worth something, and
 * what of them older versions leave behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cloud.h"
#include "io/rest/routes.h"
#include "message/records/access.h"

static struct cloud cloud;

enum { hour_ms = 3600000 };

/* A digest that is nobody's yet. */
static void set_hash(char hash[limit_digest_size], unsigned number) {
    text_format(hash, limit_digest_size, "cafe%060u", number);
}

static struct request wish_for(enum cloud_user user, const char *name, enum rights rights,
                               unsigned number) {
    struct request request = cloud_request(&cloud, user, REQUEST_ACCESS_CREATE);
    text_set(request.access_create.name, name);
    request.access_create.rights = rights;
    set_hash(request.new_token_hash, number);
    return request;
}

static struct access_token made(const struct request *request) {
    const struct reply *reply = bench_ask(&cloud.bench, request);
    if (reply->kind != REPLY_CREATED)
        fail_msg("not made: %s", reply->text);
    return *(const struct access_token *)reply->record.data;
}

static struct access_token make(enum cloud_user user, const char *name, enum rights rights,
                                unsigned number) {
    struct request request = wish_for(user, name, rights, number);
    return made(&request);
}

/* By the token of that number. */
static struct request by(unsigned number, enum request_kind kind) {
    struct request request = cloud_request(&cloud, cloud_nobody, kind);
    set_hash(request.token_hash, number);
    return request;
}

static enum code asked(const struct request *request) {
    const struct reply *reply = bench_ask(&cloud.bench, request);
    return reply && reply->kind == REPLY_PROBLEM ? reply->code : CODE_OK;
}

static enum code asked_by(unsigned number, enum request_kind kind) {
    struct request request = by(number, kind);
    return asked(&request);
}

static struct request revocation(enum cloud_user user, const char *key) {
    struct request request = cloud_request(&cloud, user, REQUEST_ACCESS_REVOKE);
    text_format(request.key, sizeof(request.key), "%s", key);
    return request;
}

static size_t stored_count(const struct table *table) {
    size_t count = 0;
    for (size_t i = 0; i < cloud.bench.stored_count; i++)
        count += cloud.bench.stored[i].table == table;
    return count;
}

static struct access_token *stored_token(const char *name) {
    for (size_t i = 0; i < cloud.bench.stored_count; i++) {
        struct access_token *token = cloud.bench.stored[i].data;
        if (cloud.bench.stored[i].table == &access_token_table && text_equal(token->name, name))
            return token;
    }
    return NULL;
}

/* What only shows things leaves the books, the links and the store as they are, but for the audit
 * and the time of the token's use. */
static void a_look_token_changes_nothing_whatever_it_asks(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    make(cloud_operator, "auditor", RIGHTS_LOOK, 1);
    make(cloud_alice, "watcher", RIGHTS_LOOK, 2);
    static const char *const keys[] = {"web", "alice", "agent-0", "debian", "first", "none"};
    for (unsigned number = 1; number <= 2; number++) {
        for (enum request_kind kind = 0; kind < REQUEST_KIND_COUNT; kind++) {
            for (size_t i = 0; i <= array_size(keys); i++) {
                struct request request = by(number, kind);
                text_format(request.key, sizeof(request.key), "%s",
                            i < array_size(keys) ? keys[i] : vm.text);
                request.verb = VERB_STOP;
                text_set(request.vm_create.name, "db");
                text_set(request.vm_create.shape, "small");
                text_set(request.vm_create.image, "debian");
                text_set(request.tenant_create.name, "carol");
                text_set(request.access_create.name, "more");
                set_hash(request.new_token_hash, 9);
                enum code code = asked(&request);
                if (request_needs(kind) != RIGHTS_LOOK)
                    assert_int_equal(code, CODE_FORBIDDEN);
                if (bench_done(&cloud.bench) != 1)
                    fail_msg("%s does more than answer", request_rules[kind].name);
            }
        }
    }
}

/* So a route that is added needs nothing more for this to hold. */
static void every_route_that_is_no_get_needs_more_than_a_look(void **state) {
    (void)state;
    for (size_t i = 0; i < rest_upstream_face.routes_count; i++) {
        const struct rest_route *route = &rest_upstream_face.routes[i];
        bool is_get = text_equal(route->method, "GET");
        bool is_upload = route->action == REST_UPLOAD; /* which asks these two */
        bool is_browsers = route->action == REST_TICKET || route->action == REST_LOGIN ||
                           route->action == REST_LOGOUT; /* by which it may look */
        bool is_chats = request_rules[route->kind].asks == ASKS_CHAT; /* its token has no rights */
        bool is_streams = route->action == REST_JOIN || route->action == REST_TYPE;
        if (is_streams) /* by a ticket, which whoever may open the stream alone has */
            assert_int_equal(request_needs(REQUEST_VM_CONSOLE), RIGHTS_ACT);
        if (is_browsers || is_streams || is_chats)
            continue;
        assert_true(is_get || is_upload || route->action == REST_ROLE);
        if (is_upload) {
            assert_int_equal(request_needs(REQUEST_IMAGE_ADMIT), RIGHTS_ACT);
            assert_int_equal(request_needs(REQUEST_IMAGE_ADD), RIGHTS_ACT);
        } else if (!is_get && request_needs(route->kind) == RIGHTS_LOOK) {
            fail_msg("%s %s", route->method, route->path);
        }
    }
}

static void an_act_token_works_with_vms_and_says_nothing_of_who_may_what(void **state) {
    (void)state;
    make(cloud_alice, "deploy", RIGHTS_ACT, 1);
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    set_hash(wish.token_hash, 1);
    assert_int_equal(asked(&wish), CODE_OK);
    assert_int_equal(asked_by(1, REQUEST_ACCESS_LIST), CODE_OK);
    struct request more = wish_for(cloud_alice, "more", RIGHTS_LOOK, 2);
    set_hash(more.token_hash, 1);
    cloud_assert_refused(&cloud, &more, CODE_FORBIDDEN, "");
    struct request revoke = revocation(cloud_alice, "first");
    set_hash(revoke.token_hash, 1);
    cloud_assert_refused(&cloud, &revoke, CODE_FORBIDDEN, "");
    make(cloud_operator, "desk", RIGHTS_ACT, 3);
    struct request tenant = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_CREATE);
    set_hash(tenant.token_hash, 3);
    cloud_assert_refused(&cloud, &tenant, CODE_FORBIDDEN, "");
}

static void a_tenant_makes_and_sees_and_revokes_its_own_alone(void **state) {
    (void)state;
    make(cloud_alice, "ci", RIGHTS_ALL, 1);
    struct access_token bobs = make(cloud_bob, "ci", RIGHTS_ALL, 2);
    struct access_token operators = make(cloud_operator, "ci", RIGHTS_ALL, 3);
    struct request wish = wish_for(cloud_alice, "theirs", RIGHTS_ALL, 4);
    text_set(wish.access_create.tenant, "bob");
    cloud_assert_refused(&cloud, &wish, CODE_FORBIDDEN, "tenant");
    const char *const others[] = {bobs.id, operators.id, "none"};
    for (size_t i = 0; i < array_size(others); i++) {
        struct request revoke = revocation(cloud_alice, others[i]);
        cloud_assert_refused(&cloud, &revoke, CODE_NOT_FOUND, "token");
    }
    struct request list = cloud_request(&cloud, cloud_alice, REQUEST_ACCESS_LIST);
    const struct reply *reply = bench_ask(&cloud.bench, &list);
    assert_int_equal(reply->list_count, 2); /* with the first */
    for (uint32_t i = 0; i < reply->list_count; i++)
        assert_string_equal(((const struct access_token *)reply->list[i].data)->tenant, "alice");
    struct request revoke = revocation(cloud_alice, "ci");
    assert_int_equal(asked(&revoke), CODE_OK);
    assert_int_equal(asked_by(1, REQUEST_WHOAMI), CODE_UNAUTHENTICATED);
    assert_int_equal(asked_by(2, REQUEST_WHOAMI), CODE_OK);
    assert_int_equal(asked_by(3, REQUEST_TENANT_LIST), CODE_OK);
}

static void an_identity_has_one_that_an_operator_made(void **state) {
    (void)state;
    struct request wish = wish_for(cloud_alice, "carol", RIGHTS_LOOK, 1);
    text_set(wish.access_create.identity, "carol@login.example");
    cloud_assert_refused(&cloud, &wish, CODE_FORBIDDEN, "identity");
    wish = wish_for(cloud_operator, "carol", RIGHTS_LOOK, 1);
    text_set(wish.access_create.tenant, "alice");
    text_set(wish.access_create.identity, "carol@login.example");
    assert_string_equal(made(&wish).identity, "carol@login.example");
    assert_int_equal(asked_by(1, REQUEST_VM_LIST), CODE_OK);
    text_set(wish.access_create.name, "carol-2");
    cloud_assert_refused(&cloud, &wish, CODE_CONFLICT, "identity");
    wish.access_create.identity[0] = 0; /* a token that is drawn is nobody's yet */
    cloud_assert_refused(&cloud, &wish, CODE_INTERNAL, "");
}

static void an_operator_makes_them_for_tenants_too_and_sees_all(void **state) {
    (void)state;
    struct request wish = wish_for(cloud_operator, "spare", RIGHTS_ALL, 1);
    text_set(wish.access_create.tenant, "carol");
    cloud_assert_refused(&cloud, &wish, CODE_NOT_FOUND, "tenant");
    text_set(wish.access_create.tenant, "bob");
    struct access_token token = made(&wish);
    struct request who = by(1, REQUEST_WHOAMI);
    const struct reply *reply = bench_ask(&cloud.bench, &who);
    const struct whoami *whoami = reply->record.data;
    assert_string_equal(whoami->tenant, "bob");
    assert_string_equal(whoami->token, token.id);
    assert_string_equal(whoami->token_name, "spare");
    struct request list = cloud_request(&cloud, cloud_operator, REQUEST_ACCESS_LIST);
    list.list.limit = 2;
    reply = bench_ask(&cloud.bench, &list);
    assert_int_equal(reply->list_count, 2);
    text_set(list.list.after, reply->next);
    reply = bench_ask(&cloud.bench, &list);
    assert_int_equal(reply->list_count, 1);
    assert_string_equal(((const struct access_token *)reply->list[0].data)->id, token.id);
    struct request revoke = revocation(cloud_operator, token.id);
    assert_int_equal(asked(&revoke), CODE_OK);
    assert_int_equal(asked_by(1, REQUEST_WHOAMI), CODE_UNAUTHENTICATED);
}

static void names_are_an_askers_own_and_there_is_room_for_so_many(void **state) {
    (void)state;
    for (unsigned i = 1; i < limit_access_tokens; i++) { /* beside the first */
        char name[16];
        text_format(name, sizeof(name), "token-%u", i);
        make(cloud_alice, name, RIGHTS_LOOK, i);
    }
    struct request wish = wish_for(cloud_alice, "token-1", RIGHTS_LOOK, 90);
    cloud_assert_refused(&cloud, &wish, CODE_CONFLICT, "name");
    wish = wish_for(cloud_alice, "one-more", RIGHTS_LOOK, 90);
    cloud_assert_refused(&cloud, &wish, CODE_FULL, "");
    make(cloud_bob, "token-1", RIGHTS_LOOK, 91);
}

static void one_whose_time_is_over_is_worth_nothing_and_is_forgotten(void **state) {
    (void)state;
    struct request wish = wish_for(cloud_alice, "week", RIGHTS_ALL, 1);
    wish.access_create.expires_seconds = 100;
    struct access_token token = made(&wish);
    assert_int_equal(token.expires_ms, token.created_ms + 100000);
    bench_pass(&cloud.bench, 99000);
    assert_int_equal(asked_by(1, REQUEST_WHOAMI), CODE_OK);
    bench_restart(&cloud.bench);
    assert_int_equal(asked_by(1, REQUEST_WHOAMI), CODE_OK);
    cloud.bench.now_ms += 1500; /* before any tick */
    assert_int_equal(asked_by(1, REQUEST_WHOAMI), CODE_UNAUTHENTICATED);
    bench_pass(&cloud.bench, 1000);
    assert_null(stored_token("week"));
}

static void its_use_is_written_once_an_hour(void **state) {
    (void)state;
    make(cloud_alice, "ci", RIGHTS_LOOK, 1);
    assert_int_equal(stored_token("ci")->used_ms, 0);
    asked_by(1, REQUEST_WHOAMI);
    uint64_t used_ms = stored_token("ci")->used_ms;
    assert_true(used_ms);
    bench_pass(&cloud.bench, hour_ms / 2);
    asked_by(1, REQUEST_VM_LIST);
    assert_int_equal(stored_token("ci")->used_ms, used_ms);
    bench_restart(&cloud.bench);
    bench_pass(&cloud.bench, hour_ms / 2 + 1000);
    asked_by(1, REQUEST_VM_LIST);
    assert_true(stored_token("ci")->used_ms >= used_ms + hour_ms);
}

static void a_tenant_takes_its_tokens_with_it(void **state) {
    (void)state;
    make(cloud_alice, "ci", RIGHTS_LOOK, 1);
    struct request delete = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_DELETE);
    text_set(delete.key, "alice");
    assert_int_equal(asked(&delete), CODE_OK);
    assert_int_equal(asked_by(1, REQUEST_WHOAMI), CODE_UNAUTHENTICATED);
    assert_int_equal(stored_count(&access_token_table), 1); /* bob's */
    cloud_add_tenant(&cloud, "alice", cloud_alice);
    assert_int_equal(asked_by(1, REQUEST_WHOAMI), CODE_UNAUTHENTICATED);
}

/* A store of an older version has tenants with one token each, and no rows of tokens. */
static void a_tenant_of_an_older_version_goes_on_with_its_token(void **state) {
    (void)state;
    make(cloud_alice, "ci", RIGHTS_LOOK, 1);
    for (size_t i = cloud.bench.stored_count; i-- > 0;) {
        struct record *record = &cloud.bench.stored[i];
        if (record->table != &access_token_table)
            continue;
        record_deinit(record);
        *record = cloud.bench.stored[--cloud.bench.stored_count];
    }
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.north, 2);
    cloud_run_vm(&cloud, cloud_alice, "web");
    assert_int_equal(stored_count(&access_token_table), 2);
    struct request revoke = revocation(cloud_alice, "first");
    assert_int_equal(asked(&revoke), CODE_OK);
    struct request who = cloud_request(&cloud, cloud_alice, REQUEST_WHOAMI);
    cloud_assert_refused(&cloud, &who, CODE_UNAUTHENTICATED, "Authorization");
    bench_restart(&cloud.bench);
    cloud_assert_refused(&cloud, &who, CODE_UNAUTHENTICATED, "Authorization");
    assert_int_equal(stored_count(&access_token_table), 1);
}

/* It may have made the tenant anew, which knows nothing of tokens of the one before. */
static void a_token_of_a_tenant_that_is_another_now_is_forgotten(void **state) {
    (void)state;
    make(cloud_alice, "ci", RIGHTS_LOOK, 1);
    for (size_t i = 0; i < cloud.bench.stored_count; i++) {
        struct tenant *tenant = cloud.bench.stored[i].data;
        if (cloud.bench.stored[i].table == &tenant_table && text_equal(tenant->name, "alice"))
            tenant->created_ms += 5;
    }
    bench_restart(&cloud.bench);
    assert_int_equal(asked_by(1, REQUEST_WHOAMI), CODE_UNAUTHENTICATED);
    assert_null(stored_token("ci"));
}

/* What a cluster hears of a group stays the same: VMs of it are kept apart from new ones. */
static const char *group_of(const char *name) {
    static char group[limit_id_size];
    struct message instruct;
    struct request wish = cloud_wish(&cloud, cloud_alice, name);
    set_hash(wish.token_hash, 1);
    text_set(wish.vm_create.group, "db");
    wish.vm_create.placing.rule = GROUP_APART;
    (void)cloud_begin(&cloud, &wish);
    assert_non_null(cloud_instructed(&cloud, &instruct));
    text_set(group, instruct.instruct.definition.group);
    return group;
}

static void groups_keep_their_names_when_the_first_token_is_revoked(void **state) {
    (void)state;
    char before[limit_id_size];
    make(cloud_alice, "spare", RIGHTS_ALL, 1);
    text_set(before, group_of("a"));
    assert_true(*before);
    struct request revoke = revocation(cloud_alice, "first");
    assert_int_equal(asked(&revoke), CODE_OK);
    assert_string_equal(group_of("b"), before);
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.north, 2);
    bench_hello(&cloud.bench, cloud.south, 1);
    assert_string_equal(group_of("c"), before);
}

static void the_audit_says_by_which_token(void **state) {
    (void)state;
    make(cloud_alice, "ci", RIGHTS_ALL, 1);
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    set_hash(wish.token_hash, 1);
    (void)cloud_begin(&cloud, &wish);
    const struct audit *row = NULL;
    for (size_t i = 0; i < cloud.bench.effects.count; i++)
        if (cloud.bench.effects.items[i].record.table == &audit_table)
            row = cloud.bench.effects.items[i].record.data;
    assert_non_null(row);
    assert_string_equal(row->token, "ci");
    struct audit forged = *row;
    char digest[limit_digest_size];
    text_set(forged.token, "first");
    audit_digest(&forged, bench_hash, digest);
    assert_string_not_equal(digest, row->digest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cloud_test(a_look_token_changes_nothing_whatever_it_asks, &cloud),
        cmocka_unit_test(every_route_that_is_no_get_needs_more_than_a_look),
        cloud_test(an_act_token_works_with_vms_and_says_nothing_of_who_may_what, &cloud),
        cloud_test(a_tenant_makes_and_sees_and_revokes_its_own_alone, &cloud),
        cloud_test(an_identity_has_one_that_an_operator_made, &cloud),
        cloud_test(an_operator_makes_them_for_tenants_too_and_sees_all, &cloud),
        cloud_test(names_are_an_askers_own_and_there_is_room_for_so_many, &cloud),
        cloud_test(one_whose_time_is_over_is_worth_nothing_and_is_forgotten, &cloud),
        cloud_test(its_use_is_written_once_an_hour, &cloud),
        cloud_test(a_tenant_takes_its_tokens_with_it, &cloud),
        cloud_test(a_tenant_of_an_older_version_goes_on_with_its_token, &cloud),
        cloud_test(a_token_of_a_tenant_that_is_another_now_is_forgotten, &cloud),
        cloud_test(groups_keep_their_names_when_the_first_token_is_revoked, &cloud),
        cloud_test(the_audit_says_by_which_token, &cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
