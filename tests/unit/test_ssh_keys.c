/* SSH public keys: what is one, whose they are, and that they reach the guest they are for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cloud.h"
#include "message/codec/ssh_key.h"

static struct cloud cloud;

#define blob "AAAAC3NzaC1lZDI1NTE5AAAAIB3Me2ykVnqrZPLH970Aujo4LO5TJMVh8RcgqXYQgnkd"
#define desk_key "ssh-ed25519 " blob " anna@desk"
#define phone_key "ssh-rsa AAAAB3NzaC1yc2EA"

static void a_key_is_its_type_and_what_its_base64_says(void **state) {
    (void)state;
    static const char *const right[] = {desk_key, desk_key "\n", "ssh-ed25519 " blob, phone_key,
                                        desk_key "\n" phone_key};
    static const char *const wrong[] = {
        "", "\n", "ssh-ed25519", "ssh-ed25519 ", "ssh-rsa " blob, "ssh-ed25519 " blob "=",
        "ssh-ed25519  " blob, "ssh-dss " blob, "no-pty ssh-ed25519 " blob,
        desk_key "\n\n" phone_key, desk_key "\r", desk_key "\n" phone_key "\n" phone_key,
        "-----BEGIN OPENSSH PRIVATE KEY-----", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"};
    for (size_t i = 0; i < array_size(right); i++)
        if (!ssh_keys_are_valid(right[i], 2))
            fail_msg("refused: %s", right[i]);
    for (size_t i = 0; i < array_size(wrong); i++)
        if (ssh_keys_are_valid(wrong[i], 2))
            fail_msg("taken: %s", wrong[i]);
}

static void keep(enum cloud_user user, const char *name, char *key) {
    struct request add = cloud_request(&cloud, user, REQUEST_SSH_KEY_ADD);
    text_format(add.ssh_key.name, sizeof(add.ssh_key.name), "%s", name);
    add.ssh_key.public_key = key;
    const struct reply *reply = bench_ask(&cloud.bench, &add);
    assert_int_equal(reply->kind, REPLY_CREATED);
    const struct ssh_key *kept = reply->record.data;
    assert_string_equal(kept->name, name);
}

static void assert_kept(enum cloud_user user, const char *first, const char *second) {
    struct request list = cloud_request(&cloud, user, REQUEST_SSH_KEY_LIST);
    const struct reply *reply = bench_ask(&cloud.bench, &list);
    const char *const names[] = {first, second};
    uint32_t count = !first ? 0 : !second ? 1 : 2;
    assert_int_equal(reply->list_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_string_equal(((const struct ssh_key *)reply->list[i].data)->name, names[i]);
}

static struct request removal(enum cloud_user user, const char *name) {
    struct request request = cloud_request(&cloud, user, REQUEST_SSH_KEY_REMOVE);
    text_format(request.key, sizeof(request.key), "%s", name);
    return request;
}

static void keys_are_kept_for_their_tenant_alone(void **state) {
    (void)state;
    static char desk[] = desk_key "\n", phone[] = phone_key;
    keep(cloud_alice, "desk", desk);
    keep(cloud_alice, "phone", phone);
    keep(cloud_bob, "desk", phone);
    struct request again = cloud_request(&cloud, cloud_alice, REQUEST_SSH_KEY_ADD);
    text_format(again.ssh_key.name, sizeof(again.ssh_key.name), "desk");
    again.ssh_key.public_key = phone;
    cloud_assert_refused(&cloud, &again, CODE_CONFLICT, "name");
    for (enum request_kind kind = REQUEST_SSH_KEY_ADD; kind <= REQUEST_SSH_KEY_REMOVE; kind++) {
        struct request request = cloud_request(&cloud, cloud_operator, kind);
        cloud_assert_refused(&cloud, &request, CODE_FORBIDDEN, "");
    }
    bench_restart(&cloud.bench);
    assert_kept(cloud_alice, "desk", "phone");
    assert_kept(cloud_bob, "desk", NULL);
    struct request remove = removal(cloud_alice, "desk");
    assert_int_equal(bench_ask(&cloud.bench, &remove)->kind, REPLY_GONE);
    cloud_assert_refused(&cloud, &remove, CODE_NOT_FOUND, "key");
    bench_restart(&cloud.bench);
    assert_kept(cloud_alice, "phone", NULL);
    assert_kept(cloud_bob, "desk", NULL);
    remove = removal(cloud_bob, "desk");
    assert_int_equal(bench_ask(&cloud.bench, &remove)->kind, REPLY_GONE);
    assert_kept(cloud_bob, NULL, NULL);
}

static void a_tenant_keeps_so_many_and_no_more(void **state) {
    (void)state;
    static char phone[] = phone_key;
    char name[16];
    for (int i = 0; i < limit_ssh_keys; i++) {
        text_format(name, sizeof(name), "key%d", i);
        keep(cloud_alice, name, phone);
    }
    struct request more = cloud_request(&cloud, cloud_alice, REQUEST_SSH_KEY_ADD);
    text_format(more.ssh_key.name, sizeof(more.ssh_key.name), "more");
    more.ssh_key.public_key = phone;
    cloud_assert_refused(&cloud, &more, CODE_FULL, "");
}

static struct far *told(const struct request *wish, struct message *out) {
    (void)cloud_begin(&cloud, wish);
    struct far *cluster = cloud_instructed(&cloud, out);
    assert_non_null(cluster);
    return cluster;
}

static void a_guest_gets_kept_keys_and_others_at_its_making_and_at_a_rebuild(void **state) {
    (void)state;
    static char desk[] = desk_key, phone[] = phone_key, names[] = "desk", unknown[] = "desk,ghost";
    struct message instruct;
    keep(cloud_alice, "desk", desk);
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    wish.vm_create.ssh_keys = unknown;
    cloud_assert_refused(&cloud, &wish, CODE_NOT_FOUND, "ssh_keys");
    wish.vm_create.ssh_keys = names;
    wish.vm_create.ssh_public_keys = phone;
    (void)told(&wish, &instruct);
    assert_string_equal(instruct.instruct.definition.ssh_keys, desk_key "\n" phone_key);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    struct request remove = removal(cloud_alice, "desk");
    assert_int_equal(bench_ask(&cloud.bench, &remove)->kind, REPLY_GONE);
    struct request rebuild = cloud_act(&cloud, cloud_alice, VERB_REBUILD, "web");
    (void)told(&rebuild, &instruct);
    assert_null(instruct.instruct.definition.ssh_keys); /* as it is */
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    rebuild = cloud_act(&cloud, cloud_alice, VERB_REBUILD, "web");
    rebuild.reshape.ssh_public_keys = desk;
    (void)told(&rebuild, &instruct);
    assert_string_equal(instruct.instruct.definition.ssh_keys, desk_key);
}

static void keys_go_to_who_understands_them(void **state) {
    (void)state;
    static char desk[] = desk_key;
    struct message instruct;
    cloud.north->is_old = true;
    bench_cut(&cloud.bench, cloud.north);
    bench_hello(&cloud.bench, cloud.north, 2); /* it has more room */
    bench_hello(&cloud.bench, cloud.south, 1);
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    wish.vm_create.ssh_public_keys = desk;
    assert_ptr_equal(told(&wish, &instruct), cloud.south);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    wish = cloud_wish(&cloud, cloud_alice, "two");
    wish.vm_create.ssh_public_keys = desk;
    text_set(wish.vm_create.placing.cluster, cloud.north->setting.name);
    cloud_assert_refused(&cloud, &wish, CODE_UNSUPPORTED, "ssh_keys");
    cloud.south->is_old = true;
    bench_cut(&cloud.bench, cloud.south);
    bench_hello(&cloud.bench, cloud.south, 1);
    struct request rebuild = cloud_act(&cloud, cloud_alice, VERB_REBUILD, "web");
    rebuild.reshape.ssh_public_keys = desk;
    cloud_assert_refused(&cloud, &rebuild, CODE_UNSUPPORTED, "ssh_keys");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_its_type_and_what_its_base64_says),
        cloud_test(keys_are_kept_for_their_tenant_alone, &cloud),
        cloud_test(a_tenant_keeps_so_many_and_no_more, &cloud),
        cloud_test(a_guest_gets_kept_keys_and_others_at_its_making_and_at_a_rebuild, &cloud),
        cloud_test(keys_go_to_who_understands_them, &cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
