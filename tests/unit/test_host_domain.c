/* Domains as text: the room that a running one has for more memory, and what is plugged in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/host/domain.h"

static void make(const char *type, const char *architecture, struct size size, struct text *out) {
    const struct effect_job job = {.vm = "vm-1", .epoch = 1,
                                   .definition = {.name = "<maxMemory ", .size = size}};
    const struct host_domain_plan plan = {.type = type, .architecture = architecture, .disk = "/d",
                                          .seed = "/s", .console_log = "/c", .job = &job};
    host_domain_xml(&plan, "00000000-0000-8000-a000-000000000000", out);
}

static void check(const char *type, const char *architecture, struct size size,
                  const char *wanted) {
    auto_clean(text_deinit) struct text xml = {0};
    make(type, architecture, size, &xml);
    if (!strstr(text_data(&xml), wanted))
        assert_string_equal(text_data(&xml), wanted);
}

static void check_none(const char *type, const char *architecture, uint32_t memory_mib) {
    auto_clean(text_deinit) struct text xml = {0};
    make(type, architecture, (struct size){1, memory_mib, 1}, &xml);
    assert_null(strstr(text_data(&xml), "<maxMemory "));
    assert_null(strstr(text_data(&xml), "<numa>"));
    assert_false(host_domain_has_room(text_data(&xml), memory_mib, 128));
}

static void a_domain_has_room_for_four_times_its_memory(void **state) {
    (void)state;
    check("qemu", "x86_64", (struct size){1, 512, 1},
          "<maxMemory slots='16' unit='MiB'>2048</maxMemory><memory unit='MiB'>512</memory>");
    check("qemu", "x86_64", (struct size){2, 700, 1},
          "<cpu><numa><cell id='0' cpus='0-7' memory='700' unit='MiB'/></numa></cpu>");
    check("kvm", "x86_64", (struct size){1, 512, 1},
          "<cpu mode='host-model'><numa><cell id='0' cpus='0-3' memory='512' unit='MiB'/>");
    check("kvm", "x86_64", (struct size){1, 100000, 1}, "unit='MiB'>262144</maxMemory>");
    check("kvm", "x86_64", (struct size){1, 262016, 1}, "unit='MiB'>262144</maxMemory>");
}

static void a_domain_that_cannot_grow_has_no_room(void **state) {
    (void)state;
    check_none("qemu", "x86_64", 511);
    check_none("kvm", "x86_64", 262017); /* not one block more */
    check_none("kvm", "aarch64", 1024);
    check_none("test", "x86_64", 1024);
    check("kvm", "x86_64", (struct size){1, 128, 1}, "<cpu mode='host-model'/>");
}

/* As libvirt gives it back. */
static void room_ends_with_the_memory_and_with_the_places_for_modules(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text xml = {0};
    text_add(&xml, "<domain><maxMemory slots='16' unit='KiB'>1048576</maxMemory><devices>");
    assert_true(host_domain_has_room(text_data(&xml), 256, 768));
    assert_false(host_domain_has_room(text_data(&xml), 256, 769));
    for (int i = 0; i < 15; i++)
        text_add(&xml, "<memory model='dimm'><target/></memory>");
    assert_true(host_domain_has_room(text_data(&xml), 256, 128));
    text_add(&xml, "<memory model='dimm'><target/></memory>");
    assert_false(host_domain_has_room(text_data(&xml), 256, 128));
}

static void a_module_is_named_after_the_sum(void **state) {
    (void)state;
    char name[host_domain_module_size];
    auto_clean(text_deinit) struct text xml = {0};
    host_domain_module_name(384, name);
    assert_string_equal(name, "ua-memory-384");
    host_domain_module_xml(384, 128, &xml);
    assert_string_equal(text_data(&xml),
                        "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node>"
                        "</target><alias name='ua-memory-384'/></memory>");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_domain_has_room_for_four_times_its_memory),
        cmocka_unit_test(a_domain_that_cannot_grow_has_no_room),
        cmocka_unit_test(room_ends_with_the_memory_and_with_the_places_for_modules),
        cmocka_unit_test(a_module_is_named_after_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
