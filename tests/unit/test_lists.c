/* What the parameters of a list leave out, in which order its rows come, how its pages go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "message/query/filter.h"
#include "message/query/pick.h"

static struct cloud cloud; /* of this program's only thread; each test begins with a fresh one */

static struct vm vm_of(const char *name, enum vm_state state, char *metadata) {
    struct vm vm = {.state = state, .metadata = metadata};
    text_set(vm.name, name);
    text_set(vm.image, "debian");
    return vm;
}

static bool fits(const struct list_query *query, const struct vm *vm) {
    struct filter filter;
    struct codec_fault fault;
    if (!filter_make(&filter, query, &vm_table, &fault))
        fail_msg("%s %s", fault.field, fault.text);
    return filter_fits(&filter, vm);
}

static void a_row_fits_by_state_name_image_and_labels(void **state) {
    (void)state;
    struct vm vm = vm_of("web-12-a", VM_RUNNING, "stage=test,owner=anna");
    static const struct {
        struct list_query query;
        bool fits;
    } cases[] = {
        {{.state = "running"}, true},          {{.state = "stopped,running"}, true},
        {{.state = "stopped"}, false},         {{.name = "web-12-a"}, true},
        {{.name = "web"}, false},              {{.name = "web-*"}, true},
        {{.name = "*-a"}, true},               {{.name = "*"}, true},
        {{.name = "*12*"}, true},              {{.name = "*13*"}, false},
        {{.name = "web-*-b"}, false},          {{.name = "w*1*a"}, true},
        {{.image = "debian"}, true},           {{.image = "deb"}, false},
        {{.cluster = "north"}, false},         {{.labels = "stage=test"}, true},
        {{.labels = "owner=anna,stage=test"}, true},
        {{.labels = "stage=test,owner=bob"}, false},
        {{.state = "running", .name = "db*"}, false},
    };
    for (size_t i = 0; i < array_size(cases); i++)
        if (fits(&cases[i].query, &vm) != cases[i].fits)
            fail_msg("case %zu", i);
}

static void a_state_that_there_is_not_is_refused_with_those_that_there_are(void **state) {
    (void)state;
    struct filter filter;
    struct codec_fault fault;
    struct list_query query = {.state = "running,asleep"};
    assert_false(filter_make(&filter, &query, &vm_table, &fault));
    assert_string_equal(fault.field, "state");
    assert_non_null(strstr(fault.text, "suspended"));
}

static void fields_are_picked_in_the_order_of_their_table(void **state) {
    (void)state;
    struct pick pick;
    struct codec_fault fault;
    assert_true(pick_make(&pick, &vm_table, "state,name", &fault));
    assert_int_equal(pick.table.fields_count, 3);
    assert_string_equal(pick.table.fields[0].name, "id");
    assert_string_equal(pick.table.fields[1].name, "name");
    assert_string_equal(pick.table.fields[2].name, "state");
    assert_true(pick_make(&pick, &vm_table, "", &fault));
    assert_int_equal(pick.table.fields_count, vm_table.fields_count);
    static const char *const wrong[] = {"epoch", "nothing", "name,,state", "na"};
    for (size_t i = 0; i < array_size(wrong); i++)
        assert_false(pick_make(&pick, &vm_table, wrong[i], &fault)); /* epoch is the store's */
}

/* The names of all rows, a blank after each, by pages of `limit` rows. */
static const char *listed(enum cloud_user user, struct list_query query) {
    static char names[512];
    struct request list = cloud_request(&cloud, user, REQUEST_VM_LIST);
    list.list = query;
    names[0] = 0;
    for (unsigned pages = 0; pages < 20; pages++) {
        const struct reply *reply = bench_ask(&cloud.bench, &list);
        if (reply->kind != REPLY_LIST)
            fail_msg("%s", reply->text);
        for (uint32_t i = 0; i < reply->list_count; i++)
            text_format(names + strlen(names), sizeof(names) - strlen(names), "%s ",
                        ((const struct vm *)reply->list[i].data)->name);
        if (!reply->next[0])
            return names;
        text_set(list.list.after, reply->next);
    }
    fail_msg("the pages do not end: %s", names);
    return names;
}

static void make_vms(void) {
    static const char *const names[] = {"m", "a", "k"};
    for (size_t i = 0; i < array_size(names); i++) {
        struct request wish = cloud_wish(&cloud, i == 2 ? cloud_bob : cloud_alice, names[i]);
        cloud.bench.now_ms += 10;
        (void)cloud_begin(&cloud, &wish);
    }
}

static void vms_come_in_each_order_whatever_the_size_of_a_page(void **state) {
    (void)state;
    static const struct {
        enum sort sort;
        const char *alice, *all;
    } cases[] = {
        {SORT_OLDEST, "m a ", "m a k "},  {SORT_NEWEST, "a m ", "k a m "},
        {SORT_NAME, "a m ", "a k m "},    {SORT_NAME_FALLING, "m a ", "m k a "},
        {SORT_CHANGED, "m a ", "m a k "}, {SORT_CHANGED_FALLING, "a m ", "k a m "},
    };
    make_vms();
    for (size_t i = 0; i < array_size(cases); i++)
        for (uint32_t limit = 1; limit <= 5; limit++) {
            struct list_query query = {.limit = limit, .sort = cases[i].sort};
            assert_string_equal(listed(cloud_alice, query), cases[i].alice);
            assert_string_equal(listed(cloud_operator, query), cases[i].all);
        }
}

static void pages_go_on_right_where_rows_are_left_out(void **state) {
    (void)state;
    make_vms();
    for (enum sort sort = SORT_OLDEST; sort < SORT_COUNT; sort++)
        for (uint32_t limit = 1; limit <= 3; limit++) {
            struct list_query query = {.limit = limit, .sort = sort, .name = "a"};
            assert_string_equal(listed(cloud_alice, query), "a ");
            text_set(query.name, "k");
            assert_string_equal(listed(cloud_alice, query), "");
            assert_string_equal(listed(cloud_operator, query), "k ");
        }
    struct list_query query = {.image = "huge"};
    assert_string_equal(listed(cloud_alice, query), "");
}

static void a_cursor_of_another_order_is_refused(void **state) {
    (void)state;
    make_vms();
    struct request list = cloud_request(&cloud, cloud_alice, REQUEST_VM_LIST);
    list.list = (struct list_query){.sort = SORT_NAME, .after = "vm-00000000000000000000000000"};
    cloud_assert_refused(&cloud, &list, CODE_INVALID, "after");
    list.list = (struct list_query){.state = "asleep"};
    cloud_assert_refused(&cloud, &list, CODE_INVALID, "state");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_fits_by_state_name_image_and_labels),
        cmocka_unit_test(a_state_that_there_is_not_is_refused_with_those_that_there_are),
        cmocka_unit_test(fields_are_picked_in_the_order_of_their_table),
        cloud_test(vms_come_in_each_order_whatever_the_size_of_a_page, &cloud),
        cloud_test(pages_go_on_right_where_rows_are_left_out, &cloud),
        cloud_test(a_cursor_of_another_order_is_refused, &cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
