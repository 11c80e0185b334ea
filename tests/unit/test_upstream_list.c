/* The upstream manager's lists, page by page, and the records of images, tenants and clusters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cloud.h"

static struct cloud cloud; /* of this program's only thread; each test begins with a fresh one */

enum { rows_most = 20 };

/* What a walk through all pages of a list saw, by key. */
struct walk {
    char keys[rows_most][limit_name_size];
    size_t count, pages;
};

static bool saw(const struct walk *walk, const char *key) {
    for (size_t i = 0; i < walk->count; i++)
        if (text_equal(walk->keys[i], key))
            return true;
    return false;
}

/* Takes one page; false after the last. */
static bool next_page(struct walk *walk, struct request *list) {
    const struct reply *reply = bench_ask(&cloud.bench, list);
    assert_int_equal(reply->kind, REPLY_LIST);
    assert_true(reply->list_count <= list->list.limit);
    for (uint32_t i = 0; i < reply->list_count; i++) {
        const char *key = reply->list[i].data; /* the first member */
        assert_false(saw(walk, key));
        assert_true(walk->count < rows_most);
        text_set(walk->keys[walk->count++], key);
    }
    walk->pages++;
    text_set(list->list.after, reply->next);
    list->handle++;
    return *reply->next;
}

static struct walk walk_all(enum request_kind kind, uint32_t limit) {
    struct walk walk = {.count = 0};
    struct request list = cloud_request(&cloud, cloud_operator, kind);
    list.list.limit = limit;
    while (next_page(&walk, &list))
        assert_true(walk.count == walk.pages * limit);
    return walk;
}

static void run_vms(enum cloud_user user, size_t count) {
    bench_hello(&cloud.bench, cloud.north, 20);
    for (size_t i = 0; i < count; i++) {
        char name[12];
        text_format(name, sizeof(name), "web-%zu", i);
        (void)cloud_run_vm(&cloud, user, name);
    }
}

static void add_image(const char *name, int digest) {
    struct request request = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_ADD);
    text_set(request.image.name, name);
    text_format(request.image.digest, limit_digest_size, "%064d", digest);
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_CREATED);
}

static void add_tenant(const char *name, int token) {
    struct request request = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_CREATE);
    text_set(request.tenant_create.name, name);
    text_format(request.new_token_hash, limit_digest_size, "%064d", token);
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_CREATED);
}

static void drop(enum request_kind kind, const char *name) {
    struct request request = cloud_request(&cloud, cloud_operator, kind);
    text_set(request.key, name);
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_GONE);
}

static void all_pages_together_are_the_whole_list(void **state) {
    (void)state;
    static const struct {
        enum request_kind kind;
        size_t count;
    } lists[] = {{REQUEST_VM_LIST, 7},     {REQUEST_OP_LIST, 7},      {REQUEST_SHAPE_LIST, 2},
                 {REQUEST_IMAGE_LIST, 5},  {REQUEST_TENANT_LIST, 4},  {REQUEST_CLUSTER_LIST, 2}};
    run_vms(cloud_alice, 7);
    add_image("zebra", 10);
    add_image("ant", 11);
    add_image("mole", 12);
    add_tenant("zoe", 21);
    add_tenant("aaron", 22);
    for (size_t i = 0; i < array_size(lists); i++)
        for (uint32_t limit = 1; limit <= 8; limit++) {
            struct walk walk = walk_all(lists[i].kind, limit);
            assert_int_equal(walk.count, lists[i].count);
            assert_int_equal(walk.pages, (lists[i].count + limit - 1) / limit);
        }
}

static void a_list_without_a_limit_gives_a_default_page(void **state) {
    (void)state;
    run_vms(cloud_alice, 3);
    struct request list = cloud_request(&cloud, cloud_alice, REQUEST_VM_LIST);
    const struct reply *reply = bench_ask(&cloud.bench, &list);
    assert_int_equal(reply->list_count, 3);
    assert_string_equal(reply->next, "");
}

static void a_page_goes_on_where_the_last_vm_of_the_one_before_was_deleted(void **state) {
    (void)state;
    static const enum cloud_user users[] = {cloud_operator, cloud_alice};
    run_vms(cloud_alice, 7);
    for (size_t i = 0; i < array_size(users); i++) {
        struct walk walk = {.count = 0};
        struct request list = cloud_request(&cloud, users[i], REQUEST_VM_LIST);
        list.list.limit = 2;
        assert_true(next_page(&walk, &list));
        struct request act = cloud_act(&cloud, cloud_operator, VERB_DELETE, walk.keys[1]);
        (void)cloud_begin(&cloud, &act);
        cloud_answer(&cloud, CODE_OK, VM_DELETED);
        while (next_page(&walk, &list))
            continue;
        assert_int_equal(walk.count, 7 - i);
    }
}

static void a_page_goes_on_where_the_last_image_or_tenant_was_deleted(void **state) {
    (void)state;
    static const enum request_kind lists[] = {REQUEST_IMAGE_LIST, REQUEST_TENANT_LIST};
    static const enum request_kind drops[] = {REQUEST_IMAGE_DELETE, REQUEST_TENANT_DELETE};
    add_image("zebra", 10);
    add_image("ant", 11);
    add_image("mole", 12);
    add_tenant("zoe", 21);
    add_tenant("aaron", 22);
    add_tenant("mia", 23);
    for (size_t i = 0; i < array_size(lists); i++) {
        struct walk walk = {.count = 0};
        struct request list = cloud_request(&cloud, cloud_operator, lists[i]);
        list.list.limit = 2;
        assert_true(next_page(&walk, &list));
        drop(drops[i], walk.keys[1]);
        while (next_page(&walk, &list))
            continue;
        assert_int_equal(walk.count, 5);
    }
}

static void a_row_that_comes_while_one_pages_moves_no_other(void **state) {
    (void)state;
    struct walk walk = {.count = 0};
    struct request list = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_LIST);
    list.list.limit = 1;
    assert_true(next_page(&walk, &list));
    add_image("aaa", 10); /* before what was seen, and behind all */
    add_image("zzz", 11);
    while (next_page(&walk, &list))
        continue;
    assert_true(saw(&walk, "debian") && saw(&walk, "huge") && saw(&walk, "zzz"));
}

static void operations_are_listed_by_vm_and_by_tenant(void **state) {
    (void)state;
    run_vms(cloud_alice, 2);
    struct id vm = cloud_run_vm(&cloud, cloud_bob, "db");
    struct request list = cloud_request(&cloud, cloud_operator, REQUEST_OP_LIST);
    text_set(list.list.vm, vm.text);
    assert_int_equal(bench_ask(&cloud.bench, &list)->list_count, 1);
    list = cloud_request(&cloud, cloud_operator, REQUEST_OP_LIST);
    text_set(list.list.tenant, "alice");
    assert_int_equal(bench_ask(&cloud.bench, &list)->list_count, 2);
    text_set(list.list.tenant, "carol");
    cloud_assert_refused(&cloud, &list, CODE_NOT_FOUND, "tenant");
}

/* Does the operation belong into the list? By looking at each, other than the core does. */
static bool belongs(const struct operation *op, const char *tenant, const char *vm) {
    return (!*tenant || text_equal(op->asker, tenant)) && (!*vm || text_equal(op->vm, vm));
}

static void assert_listed(enum cloud_user user, const char *tenant, const char *vm) {
    const struct book *book = role_book(cloud.bench.role);
    const char *whose = user == cloud_alice ? "alice" : user == cloud_bob ? "bob" : tenant;
    const struct list *node = NULL;
    for (uint32_t limit = 1; limit <= 4; limit++) {
        struct walk walk = {.count = 0};
        struct request list = cloud_request(&cloud, user, REQUEST_OP_LIST);
        size_t wanted = 0;
        list.list.limit = limit;
        text_set(list.list.tenant, tenant);
        text_set(list.list.vm, vm);
        while (next_page(&walk, &list))
            continue;
        for (node = book->ops.previous; node != &book->ops; node = node->previous) {
            const struct operation *op = &container_of(node, const struct book_op, by_age)->record;
            if (belongs(op, whose, vm))
                assert_string_equal(walk.keys[wanted++], op->id);
        }
        assert_int_equal(walk.count, wanted);
    }
}

static void act(enum verb verb, struct id vm, enum vm_state state) {
    struct request request = cloud_act(&cloud, cloud_operator, verb, vm.text);
    (void)cloud_begin(&cloud, &request);
    cloud_answer(&cloud, CODE_OK, state);
}

static void every_filter_of_operations_lists_what_it_names_the_newest_first(void **state) {
    (void)state;
    struct id vms[4];
    bench_hello(&cloud.bench, cloud.north, 20);
    for (size_t i = 0; i < array_size(vms); i++) {
        char name[12];
        text_format(name, sizeof(name), "web-%zu", i);
        vms[i] = cloud_run_vm(&cloud, i % 2 ? cloud_bob : cloud_alice, name);
    }
    act(VERB_STOP, vms[0], VM_STOPPED);
    act(VERB_STOP, vms[1], VM_STOPPED);
    act(VERB_START, vms[0], VM_RUNNING);
    act(VERB_DELETE, vms[2], VM_DELETED); /* gone, but not what was done to it */
    static const enum cloud_user users[] = {cloud_operator, cloud_alice, cloud_bob};
    static const char *const tenants[] = {"", "alice", "bob"};
    for (size_t i = 0; i < array_size(users); i++)
        for (size_t k = 0; k < array_size(tenants); k++) {
            assert_listed(users[i], tenants[k], "");
            assert_listed(users[i], tenants[k], "vm-00000000000000000000000000");
            for (size_t v = 0; v < array_size(vms); v++)
                assert_listed(users[i], tenants[k], vms[v].text);
        }
}

static void a_page_of_operations_goes_on_after_a_row_of_another_list(void **state) {
    (void)state;
    bench_hello(&cloud.bench, cloud.north, 20);
    struct id vm = cloud_run_vm(&cloud, cloud_bob, "db");
    run_vms(cloud_alice, 2);
    act(VERB_STOP, vm, VM_STOPPED);
    struct request all = cloud_request(&cloud, cloud_operator, REQUEST_OP_LIST);
    struct walk walk = {.count = 0};
    all.list.limit = rows_most;
    assert_false(next_page(&walk, &all));
    for (size_t i = 0; i < walk.count; i++) {
        struct request list = cloud_request(&cloud, cloud_bob, REQUEST_OP_LIST);
        text_set(list.list.after, walk.keys[i]);
        assert_int_equal(bench_ask(&cloud.bench, &list)->list_count, i < 3 ? 1 : 0);
    }
}

static void what_is_not_there_is_not_found(void **state) {
    (void)state;
    static const struct {
        enum request_kind kind;
        const char *field;
    } cases[] = {{REQUEST_VM_SHOW, "vm"},           {REQUEST_VM_ACT, "vm"},
                 {REQUEST_OP_SHOW, "operation"},    {REQUEST_IMAGE_SHOW, "image"},
                 {REQUEST_IMAGE_DELETE, "image"},   {REQUEST_CLUSTER_SHOW, "cluster"},
                 {REQUEST_TENANT_SHOW, "tenant"},   {REQUEST_TENANT_DELETE, "tenant"}};
    for (size_t i = 0; i < array_size(cases); i++) {
        struct request request = cloud_request(&cloud, cloud_operator, cases[i].kind);
        text_set(request.key, "nothing");
        cloud_assert_refused(&cloud, &request, CODE_NOT_FOUND, cases[i].field);
    }
}

static void an_image_is_recorded_once_and_only_with_its_own_contents(void **state) {
    (void)state;
    add_image("debian", 1); /* again: no harm */
    assert_int_equal(bench_count(&cloud.bench, EFFECT_SAVE), 0);
    struct request other = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_ADD);
    text_set(other.image.name, "debian");
    text_format(other.image.digest, limit_digest_size, "%064d", 9);
    cloud_assert_refused(&cloud, &other, CODE_CONFLICT, "name");
}

static void what_is_said_of_an_image_is_kept_until_something_else_is_said(void **state) {
    (void)state;
    struct request said = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_ADD);
    text_set(said.image.name, "debian");
    text_format(said.image.digest, limit_digest_size, "%064d", 1);
    said.image.machine = (struct machine){FIRMWARE_UEFI, DISK_BUS_SCSI, GUEST_CLOCK_LOCAL,
                                          TPM_2};
    said.image.least_cpus = 2;
    said.image.cloud_init = CONTAINED_YES;
    assert_int_equal(bench_ask(&cloud.bench, &said)->kind, REPLY_CREATED);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_SAVE), 1);

    said.image = (struct image){.machine.firmware = FIRMWARE_BIOS};
    text_set(said.image.name, "debian");
    text_format(said.image.digest, limit_digest_size, "%064d", 1);
    const struct image *is = bench_ask(&cloud.bench, &said)->record.data;
    assert_int_equal(is->machine.firmware, FIRMWARE_BIOS);
    assert_int_equal(is->machine.disk_bus, DISK_BUS_SCSI);
    assert_int_equal(is->machine.clock, GUEST_CLOCK_LOCAL);
    assert_int_equal(is->machine.tpm, TPM_2);
    assert_int_equal(is->least_cpus, 2);
    assert_int_equal(is->cloud_init, CONTAINED_YES);
    assert_int_equal(is->disk_gib, 5);
}

static void a_vm_gets_the_machine_of_its_image_and_no_shape_below_its_need(void **state) {
    (void)state;
    struct request said = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_ADD);
    text_set(said.image.name, "windows");
    text_format(said.image.digest, limit_digest_size, "%064d", 7);
    said.image.machine = (struct machine){FIRMWARE_SECURE_BOOT, DISK_BUS_SATA, GUEST_CLOCK_LOCAL,
                                          TPM_2};
    said.image.least_cpus = 2;
    said.image.least_memory_mib = 4096;
    assert_int_equal(bench_ask(&cloud.bench, &said)->kind, REPLY_CREATED);

    struct request wish = cloud_wish(&cloud, cloud_alice, "desk");
    text_set(wish.vm_create.image, "windows");
    cloud_assert_refused(&cloud, &wish, CODE_IMAGE_TOO_LARGE, "shape");
    assert_string_equal(bench_ask(&cloud.bench, &wish)->text,
                        "image 'windows' needs 2 CPUs, there would be 1");
    text_set(wish.vm_create.shape, "large");
    (void)cloud_begin(&cloud, &wish);
    struct message instruct;
    assert_non_null(cloud_instructed(&cloud, &instruct));
    const struct machine *machine = &instruct.instruct.definition.machine;
    assert_int_equal(machine->firmware, FIRMWARE_SECURE_BOOT);
    assert_int_equal(machine->disk_bus, DISK_BUS_SATA);
    assert_int_equal(machine->clock, GUEST_CLOCK_LOCAL);
    assert_int_equal(machine->tpm, TPM_2);
}

static struct request admit(const char *name, int source) {
    struct request request = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_ADMIT);
    text_set(request.image.name, name);
    text_format(request.image.source, limit_digest_size, "%064d", source);
    return request;
}

static void a_file_that_is_an_image_already_is_one_at_once_by_any_name(void **state) {
    (void)state;
    struct request request = admit("bullseye", 99);
    assert_ptr_equal(bench_ask(&cloud.bench, &request)->record.table, &whoami_table); /* go on */
    request = admit("debian", 99);
    cloud_assert_refused(&cloud, &request, CODE_CONFLICT, "name");
    request = admit("bookworm", 1); /* an archive is its own source */
    const struct image *is = bench_ask(&cloud.bench, &request)->record.data;
    assert_string_equal(is->name, "bookworm");
    assert_int_equal(is->disk_gib, 5);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_SAVE), 1);
    request = admit("arm", 1);
    text_set(request.image.architecture, "aarch64"); /* would be another archive */
    assert_ptr_equal(bench_ask(&cloud.bench, &request)->record.table, &whoami_table);
}

enum { small = 1, large = 3 }; /* archives, in GiB */

static struct request own_image(const char *name, int digest, uint64_t gib) {
    struct request request = cloud_request(&cloud, cloud_alice, REQUEST_IMAGE_ADD);
    text_set(request.image.name, name);
    text_format(request.image.digest, limit_digest_size, "%064d", digest);
    text_set(request.image.source, request.image.digest);
    request.image.archive_bytes = gib << 30;
    return request;
}

static void give_room(uint64_t gib) {
    struct request request = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_IMAGES);
    text_set(request.key, "alice");
    request.image_quota.images_gib = gib;
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_RECORD);
}

static void a_tenants_images_bear_its_name_and_fit_into_its_quota(void **state) {
    (void)state;
    struct request request = own_image("alice-web", 20, small);
    cloud_assert_refused(&cloud, &request, CODE_QUOTA_EXCEEDED, "name");
    give_room(3);
    request = own_image("web", 20, small);
    cloud_assert_refused(&cloud, &request, CODE_INVALID, "name");
    request = own_image("alice-web", 20, small);
    const struct image *is = bench_ask(&cloud.bench, &request)->record.data;
    assert_string_equal(is->tenant, "alice");
    request = own_image("alice-db", 21, large);
    cloud_assert_refused(&cloud, &request, CODE_QUOTA_EXCEEDED, "name");
    request.kind = REQUEST_IMAGE_ADMIT; /* before its bytes travel */
    cloud_assert_refused(&cloud, &request, CODE_QUOTA_EXCEEDED, "name");
    request = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_SHOW);
    text_set(request.key, "alice");
    const struct account *account = bench_ask(&cloud.bench, &request)->record.data;
    assert_int_equal(account->images_gib, 3);
    assert_int_equal(account->images_bytes, UINT64_C(1) << 30);
    request = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_DELETE);
    text_set(request.key, "alice");
    cloud_assert_refused(&cloud, &request, CODE_CONFLICT, "tenant");
    request = cloud_request(&cloud, cloud_alice, REQUEST_IMAGE_DELETE);
    text_set(request.key, "debian");
    cloud_assert_refused(&cloud, &request, CODE_FORBIDDEN, "image");
    text_set(request.key, "alice-web");
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_GONE);
}

static struct request as_bob(enum request_kind kind, const char *image) {
    struct request request = cloud_request(&cloud, cloud_bob, kind);
    text_set(request.key, image);
    return request;
}

static void a_tenants_image_is_nobody_elses_until_it_is_shared(void **state) {
    (void)state;
    give_room(3);
    struct request request = own_image("alice-web", 20, small);
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_CREATED);
    request = as_bob(REQUEST_IMAGE_SHOW, "alice-web");
    cloud_assert_refused(&cloud, &request, CODE_NOT_FOUND, "image");
    request = as_bob(REQUEST_IMAGE_DELETE, "alice-web");
    cloud_assert_refused(&cloud, &request, CODE_NOT_FOUND, "image");
    struct request wish = cloud_wish(&cloud, cloud_bob, "spy");
    text_set(wish.vm_create.image, "alice-web");
    cloud_assert_refused(&cloud, &wish, CODE_UNKNOWN_IMAGE, "image");
    struct request list = cloud_request(&cloud, cloud_bob, REQUEST_IMAGE_LIST);
    const struct reply *reply = bench_ask(&cloud.bench, &list);
    for (uint32_t i = 0; i < reply->list_count; i++)
        assert_string_not_equal(((const struct image *)reply->list[i].data)->name, "alice-web");

    request = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_SHARE);
    text_set(request.key, "alice-web");
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_RECORD);
    request = as_bob(REQUEST_IMAGE_SHOW, "alice-web");
    const struct image *is = bench_ask(&cloud.bench, &request)->record.data;
    assert_string_equal(is->tenant, ""); /* whose it is, is not told */
    (void)cloud_begin(&cloud, &wish);
    request = as_bob(REQUEST_IMAGE_DELETE, "alice-web");
    cloud_assert_refused(&cloud, &request, CODE_FORBIDDEN, "image");
    request = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_SHARE);
    text_set(request.key, "debian");
    cloud_assert_refused(&cloud, &request, CODE_CONFLICT, "image");
}

static void what_another_has_is_not_told_by_its_digest(void **state) {
    (void)state;
    give_room(3);
    struct request request = own_image("alice-web", 20, small);
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_CREATED);
    request = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_IMAGES);
    text_set(request.key, "bob");
    request.image_quota.images_gib = 3;
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_RECORD);
    request = own_image("bob-web", 20, small);
    request.kind = REQUEST_IMAGE_ADMIT;
    text_set(request.token_hash, as_bob(REQUEST_WHOAMI, "").token_hash);
    assert_ptr_equal(bench_ask(&cloud.bench, &request)->record.table, &whoami_table);
    request = own_image("alice-again", 20, small);
    request.kind = REQUEST_IMAGE_ADMIT;
    assert_ptr_equal(bench_ask(&cloud.bench, &request)->record.table, &image_table);
}

static void an_image_in_use_stays_and_its_archive_as_long_as_it_has_a_name(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request gone = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_DELETE);
    text_set(gone.key, "debian");
    cloud_assert_refused(&cloud, &gone, CODE_CONFLICT, "image");
    bench_restart(&cloud.bench);
    cloud_assert_refused(&cloud, &gone, CODE_CONFLICT, "image");
    bench_hello(&cloud.bench, cloud.north, 2);
    struct request act = cloud_act(&cloud, cloud_alice, VERB_DELETE, vm.text);
    (void)cloud_begin(&cloud, &act);
    cloud_answer(&cloud, CODE_OK, VM_DELETED);
    add_image("also-debian", 1);
    const struct reply *reply = bench_ask(&cloud.bench, &gone);
    assert_int_equal(reply->kind, REPLY_GONE);
    assert_null(bench_last(&cloud.bench, EFFECT_ARCHIVE)); /* another image has it */
    text_set(gone.key, "also-debian");
    assert_int_equal(bench_ask(&cloud.bench, &gone)->kind, REPLY_GONE);
    assert_int_equal(bench_last(&cloud.bench, EFFECT_ARCHIVE)->archive.word, ARCHIVE_ASK);
}

static void a_tenant_goes_when_it_has_no_vms_and_its_token_with_it(void **state) {
    (void)state;
    (void)cloud_run_vm(&cloud, cloud_alice, "web");
    struct request gone = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_DELETE);
    text_set(gone.key, "alice");
    cloud_assert_refused(&cloud, &gone, CODE_CONFLICT, "tenant");
    drop(REQUEST_TENANT_DELETE, "bob");
    struct request list = cloud_request(&cloud, cloud_bob, REQUEST_VM_LIST);
    cloud_assert_refused(&cloud, &list, CODE_UNAUTHENTICATED, "Authorization");
    struct request again = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_CREATE);
    text_set(again.tenant_create.name, "alice");
    cloud_assert_refused(&cloud, &again, CODE_CONFLICT, "name");
}

static void a_cluster_is_shown_as_it_told_of_itself(void **state) {
    (void)state;
    struct request show = cloud_request(&cloud, cloud_alice, REQUEST_CLUSTER_SHOW);
    text_set(show.key, "agent-0");
    const struct node *node = bench_ask(&cloud.bench, &show)->record.data;
    assert_int_equal(node->state, PEER_UP);
    assert_int_equal(node->capacity.cpus_total, 8);
    assert_int_equal(node->capacity.fits_count, 2);
    bench_restart(&cloud.bench); /* what was told last is kept, that it is up is not */
    node = bench_ask(&cloud.bench, &show)->record.data;
    assert_int_not_equal(node->state, PEER_UP);
    assert_int_equal(node->capacity.cpus_total, 8);
}

#define with_cloud(test) cloud_test(test, &cloud)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(all_pages_together_are_the_whole_list),
        with_cloud(a_list_without_a_limit_gives_a_default_page),
        with_cloud(a_page_goes_on_where_the_last_vm_of_the_one_before_was_deleted),
        with_cloud(a_page_goes_on_where_the_last_image_or_tenant_was_deleted),
        with_cloud(a_row_that_comes_while_one_pages_moves_no_other),
        with_cloud(operations_are_listed_by_vm_and_by_tenant),
        with_cloud(every_filter_of_operations_lists_what_it_names_the_newest_first),
        with_cloud(a_page_of_operations_goes_on_after_a_row_of_another_list),
        with_cloud(what_is_not_there_is_not_found),
        with_cloud(an_image_is_recorded_once_and_only_with_its_own_contents),
        with_cloud(what_is_said_of_an_image_is_kept_until_something_else_is_said),
        with_cloud(a_vm_gets_the_machine_of_its_image_and_no_shape_below_its_need),
        with_cloud(a_file_that_is_an_image_already_is_one_at_once_by_any_name),
        with_cloud(a_tenants_images_bear_its_name_and_fit_into_its_quota),
        with_cloud(a_tenants_image_is_nobody_elses_until_it_is_shared),
        with_cloud(what_another_has_is_not_told_by_its_digest),
        with_cloud(an_image_in_use_stays_and_its_archive_as_long_as_it_has_a_name),
        with_cloud(a_tenant_goes_when_it_has_no_vms_and_its_token_with_it),
        with_cloud(a_cluster_is_shown_as_it_told_of_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
