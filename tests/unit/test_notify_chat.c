/* What is told by chat: who may fetch it, that it stays until its end was said, who waits for it,
 * and that nobody is told at an address that was not proven. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "core/effect.h"
#include "message/records/contact.h"

static struct cloud cloud;

static struct request contact_of(const char *name, const char *address) {
    struct request request = cloud_request(&cloud, cloud_alice, REQUEST_CONTACT_ADD);
    text_set(request.contact.name, name);
    request.contact.kind = CONTACT_XMPP;
    request.contact.address = (char *)address;
    text_set(request.contact.challenge, "say-this");
    return request;
}

static void add(const char *name) {
    struct request wish = contact_of(name, "anna@chat.example");
    const struct reply *reply = bench_ask(&cloud.bench, &wish);
    if (reply->kind != REPLY_CREATED)
        fail_msg("%s: %s", reply->field, reply->text);
}

static const struct reply *fetch(uint64_t wait_ms) {
    struct request request = cloud_request(&cloud, cloud_chat, REQUEST_DELIVERY_LIST);
    request.wait_ms = wait_ms;
    return bench_ask(&cloud.bench, &request);
}

/* The only one that there is to be fetched; it stays the bench's. */
static const struct chat_delivery *fetched(void) {
    const struct reply *reply = fetch(0);
    assert_int_equal(reply->kind, REPLY_LIST);
    assert_int_equal(reply->list_count, 1);
    return reply->list[0].data;
}

static enum reply_kind end(const char *id, enum delivered outcome, const char *why) {
    struct request request = cloud_request(&cloud, cloud_chat, REQUEST_DELIVERY_END);
    text_format(request.key, sizeof(request.key), "%s", id);
    request.delivery_end.outcome = outcome;
    text_format(request.delivery_end.why, sizeof(request.delivery_end.why), "%s", why);
    return bench_ask(&cloud.bench, &request)->kind;
}

static void end_it(enum delivered outcome, const char *why) {
    char id[limit_id_size];
    text_set(id, fetched()->delivery.id);
    assert_int_equal(end(id, outcome, why), REPLY_GONE);
}

static enum reply_kind prove(const char *code) {
    struct request request = cloud_request(&cloud, cloud_alice, REQUEST_CONTACT_PROVE);
    text_set(request.key, "anna");
    text_format(request.contact.challenge, sizeof(request.contact.challenge), "%s", code);
    return bench_ask(&cloud.bench, &request)->kind;
}

static void add_proven(void) {
    add("anna");
    end_it(DELIVERED_DONE, "");
    assert_int_equal(prove("say-this"), REPLY_RECORD);
}

static const struct contact *stored_contact(void) {
    for (size_t i = 0; i < cloud.bench.stored_count; i++)
        if (cloud.bench.stored[i].table == &contact_table)
            return cloud.bench.stored[i].data;
    return NULL;
}

static void the_code_is_fetched_and_counts_once_it_comes_back(void **state) {
    (void)state;
    add("anna");
    assert_int_equal(bench_count(&cloud.bench, EFFECT_DELIVER), 0);
    const struct chat_delivery *due = fetched();
    assert_string_equal(due->contact.address, "anna@chat.example");
    assert_string_equal(due->contact.name, "anna");
    assert_string_equal(due->contact.tenant, "alice");
    assert_string_equal(due->contact.challenge, "say-this");
    assert_int_equal(due->delivery.notices_count, 0);
    end_it(DELIVERED_DONE, "");
    assert_int_equal(fetch(0)->list_count, 0);
    cloud_run_vm(&cloud, cloud_alice, "early");
    assert_int_equal(fetch(0)->list_count, 0); /* that it arrived proves nothing */
    assert_int_equal(prove("guess"), REPLY_PROBLEM);
    assert_int_equal(prove("say-this"), REPLY_RECORD);
    cloud_run_vm(&cloud, cloud_alice, "web");
    due = fetched();
    assert_string_equal(due->delivery.notices[0].vm_name, "web");
    assert_string_equal(due->contact.challenge, "");
}

static void a_code_that_came_back_is_not_there_to_be_fetched_any_more(void **state) {
    (void)state;
    char id[limit_id_size];
    add("anna");
    text_set(id, fetched()->delivery.id);
    assert_int_equal(prove("say-this"), REPLY_RECORD);
    assert_int_equal(fetch(0)->list_count, 0);
    assert_int_equal(end(id, DELIVERED_FAILED, "late"), REPLY_PROBLEM);
    assert_int_equal(stored_contact()->failed_ms, 0);
    cloud_run_vm(&cloud, cloud_alice, "web");
    assert_int_equal(fetched()->delivery.notices_count, 1);
}

static void what_is_fetched_stays_the_same_until_its_end_is_said(void **state) {
    (void)state;
    char id[limit_id_size];
    add_proven();
    cloud_run_vm(&cloud, cloud_alice, "web");
    text_set(id, fetched()->delivery.id);
    cloud_run_vm(&cloud, cloud_alice, "db");
    bench_restart(&cloud.bench);
    const struct chat_delivery *due = fetched();
    assert_string_equal(due->delivery.id, id);
    assert_int_equal(due->delivery.notices_count, 1);
    assert_string_equal(due->delivery.notices[0].vm_name, "web");
    assert_int_equal(end(id, DELIVERED_DONE, ""), REPLY_GONE);
    assert_int_equal(end(id, DELIVERED_DONE, ""), REPLY_PROBLEM);
    assert_string_equal(fetched()->delivery.notices[0].vm_name, "db");
}

static void one_that_failed_is_there_again_later_and_one_that_is_gone_never(void **state) {
    (void)state;
    char id[limit_id_size];
    add_proven();
    cloud_run_vm(&cloud, cloud_alice, "web");
    text_set(id, fetched()->delivery.id);
    end_it(DELIVERED_FAILED, "the chat's server is away");
    assert_string_equal(stored_contact()->why, "the chat's server is away");
    bench_pass(&cloud.bench, 9000);
    assert_int_equal(fetch(0)->list_count, 0);
    assert_int_equal(end(id, DELIVERED_DONE, ""), REPLY_PROBLEM); /* it is not fetched now */
    bench_pass(&cloud.bench, 4000);
    assert_string_equal(fetched()->delivery.id, id);
    end_it(DELIVERED_GONE, "the chat's server answered gone");
    assert_true(stored_contact()->off_ms);
    cloud_run_vm(&cloud, cloud_alice, "db");
    assert_int_equal(fetch(0)->list_count, 0);
}

/* Nothing is given up for that, and others are told meanwhile. */
static void what_nobody_fetches_waits_and_its_contact_says_so(void **state) {
    (void)state;
    struct request mail = contact_of("mail", "anna@example.org");
    add_proven();
    cloud_run_vm(&cloud, cloud_alice, "web");
    bench_pass(&cloud.bench, 59000);
    assert_int_equal(stored_contact()->failed_ms, 0);
    bench_pass(&cloud.bench, 2000);
    assert_non_null(strstr(stored_contact()->why, "does not fetch it"));
    bench_pass(&cloud.bench, 200000000);
    assert_int_equal(stored_contact()->lost, 0);
    mail.contact.kind = CONTACT_MAIL;
    assert_int_equal(bench_ask(&cloud.bench, &mail)->kind, REPLY_CREATED);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_DELIVER), 1);
    end_it(DELIVERED_DONE, "");
    assert_int_equal(stored_contact()->failed_ms, 0);
}

/* The bench's clock begins five seconds before 00:30. */
static void what_was_not_fetched_before_quiet_hours_is_there_after_them(void **state) {
    (void)state;
    struct request wish = contact_of("anna", "anna@chat.example");
    text_set(wish.contact.quiet, "00:31-00:40");
    assert_int_equal(bench_ask(&cloud.bench, &wish)->kind, REPLY_CREATED);
    end_it(DELIVERED_DONE, "");
    assert_int_equal(prove("say-this"), REPLY_RECORD);
    cloud_run_vm(&cloud, cloud_alice, "web");
    assert_int_equal(fetch(0)->list_count, 1);
    bench_pass(&cloud.bench, 120000);
    assert_int_equal(fetch(0)->list_count, 0);
    assert_null(fetch(10000)); /* and who waits is not answered with nothing, at once */
    bench_pass(&cloud.bench, 600000);
    assert_int_equal(fetch(0)->list_count, 1);
}

static const struct reply *reply_to(uint64_t handle) {
    const struct effect *effect = bench_last(&cloud.bench, EFFECT_REPLY);
    return effect && effect->reply.handle == handle ? &effect->reply : NULL;
}

static void who_waits_is_answered_when_there_is_something_or_its_time_is_over(void **state) {
    (void)state;
    add_proven();
    assert_null(fetch(10000));
    uint64_t handle = cloud.handle;
    bench_pass(&cloud.bench, 9000);
    assert_null(reply_to(handle));
    bench_pass(&cloud.bench, 1000);
    assert_int_equal(reply_to(handle)->list_count, 0);
    assert_null(fetch(10000));
    handle = cloud.handle;
    struct request lock = cloud_act(&cloud, cloud_alice, VERB_STOP, "none");
    bench_ask(&cloud.bench, &lock);
    assert_null(reply_to(handle));
    cloud_run_vm(&cloud, cloud_alice, "web"); /* its end is told, in the step of that */
    assert_int_equal(reply_to(handle)->list_count, 1);
}

/* Some may have been killed, which a manager does not see. */
static void the_oldest_of_too_many_who_wait_gives_way(void **state) {
    (void)state;
    add_proven();
    assert_null(fetch(10000));
    uint64_t first = cloud.handle;
    assert_null(fetch(10000));
    assert_null(reply_to(first));
    (void)fetch(10000);
    assert_int_equal(reply_to(first)->list_count, 0);
}

static void a_removed_contact_is_fetched_no_more(void **state) {
    (void)state;
    char id[limit_id_size];
    add_proven();
    cloud_run_vm(&cloud, cloud_alice, "web");
    text_set(id, fetched()->delivery.id);
    struct request remove = cloud_request(&cloud, cloud_alice, REQUEST_CONTACT_REMOVE);
    text_set(remove.key, "anna");
    assert_int_equal(bench_ask(&cloud.bench, &remove)->kind, REPLY_GONE);
    assert_int_equal(fetch(0)->list_count, 0);
    assert_int_equal(end(id, DELIVERED_DONE, ""), REPLY_PROBLEM);
    bench_pass(&cloud.bench, 100000);
}

static void nobody_else_may_fetch_and_its_token_is_good_for_nothing_else(void **state) {
    (void)state;
    static const enum cloud_user others[] = {cloud_operator, cloud_alice};
    add("anna");
    for (size_t i = 0; i < array_size(others); i++) {
        struct request list = cloud_request(&cloud, others[i], REQUEST_DELIVERY_LIST);
        struct request said = cloud_request(&cloud, others[i], REQUEST_DELIVERY_END);
        cloud_assert_refused(&cloud, &list, CODE_FORBIDDEN, "");
        cloud_assert_refused(&cloud, &said, CODE_FORBIDDEN, "");
    }
    for (enum request_kind kind = 0; kind < REQUEST_KIND_COUNT; kind++) {
        struct request other = cloud_request(&cloud, cloud_chat, kind);
        if (kind != REQUEST_DELIVERY_LIST && kind != REQUEST_DELIVERY_END)
            cloud_assert_refused(&cloud, &other, CODE_UNAUTHENTICATED, "Authorization");
    }
    struct request list = cloud_request(&cloud, cloud_stranger, REQUEST_DELIVERY_LIST);
    cloud_assert_refused(&cloud, &list, CODE_UNAUTHENTICATED, "Authorization");
}

static void addresses_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "", "anna", "@chat.example", "anna@", "Anna@chat.example", "anna@chat.example/phone",
        "an na@chat.example", "anna@chat..example", "a'b@chat.example", "a&b@chat.example",
        "anna@chat.example@evil.example", "\xc3\xa4@chat.example"};
    for (size_t i = 0; i < array_size(wrong); i++) {
        struct request wish = contact_of("anna", wrong[i]);
        cloud_assert_refused(&cloud, &wish, CODE_INVALID, "address");
    }
    char long_one[limit_address_size + 16];
    text_format(long_one, sizeof(long_one), "%0*d@chat.example", limit_address_size - 13, 1);
    struct request wish = contact_of("anna", long_one);
    cloud_assert_refused(&cloud, &wish, CODE_INVALID, "address");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cloud_test(the_code_is_fetched_and_counts_once_it_comes_back, &cloud),
        cloud_test(a_code_that_came_back_is_not_there_to_be_fetched_any_more, &cloud),
        cloud_test(what_is_fetched_stays_the_same_until_its_end_is_said, &cloud),
        cloud_test(one_that_failed_is_there_again_later_and_one_that_is_gone_never, &cloud),
        cloud_test(what_nobody_fetches_waits_and_its_contact_says_so, &cloud),
        cloud_test(what_was_not_fetched_before_quiet_hours_is_there_after_them, &cloud),
        cloud_test(who_waits_is_answered_when_there_is_something_or_its_time_is_over, &cloud),
        cloud_test(the_oldest_of_too_many_who_wait_gives_way, &cloud),
        cloud_test(a_removed_contact_is_fetched_no_more, &cloud),
        cloud_test(nobody_else_may_fetch_and_its_token_is_good_for_nothing_else, &cloud),
        cloud_test(addresses_that_are_none_are_refused, &cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
