/* Where a VM that runs may be sent: the few forms of a URI that start no program, and a folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "message/landing.h"

static void what_reaches_a_libvirt_and_no_more_is_taken(void **state) {
    (void)state;
    static const char *const good[] = {
        "qemu+tls://host-1.site.example/system", "qemu+tcp://10.0.0.7:16509/system",
        "qemu+tls://[fd00::7]:16514/session", "qemu+tls://b/system",
        "qemu+unix:///system?socket=/run/libvirt/libvirt-sock",
        "qemu+unix:///session?socket=/tmp/isthmus-virt-a_b/inner-1/libvirt-sock"};
    for (size_t i = 0; i < array_size(good); i++)
        if (!landing_uri_is_safe(good[i]))
            fail_msg("refused: %s", good[i]);
}

static void what_could_start_a_program_or_lead_elsewhere_is_refused(void **state) {
    (void)state;
    static const char *const hostile[] = {
        "", "/", "qemu:///system", "test:///default", "qemu+ext:///system?command=/bin/sh",
        "qemu+ssh://b/system", "qemu+libssh://b/system", "qemu+libssh2://b/system",
        "QEMU+TLS://b/system", "xen+tls://b/system", "ch+tls://b/system",
        "qemu+tls://root@b/system", "qemu+tls://b/system?command=/bin/sh",
        "qemu+tls://b/system?no_verify=1", "qemu+tls://b/system#x", "qemu+tls:///system",
        "qemu+tls://b", "qemu+tls://b/", "qemu+tls://b/system/", "qemu+tls://b/embed?root=/",
        "qemu+tls://b:/system", "qemu+tls://b:123456/system", "qemu+tls://b:1a/system",
        "qemu+tls://-oProxyCommand=x/system", "qemu+tls://.b/system", "qemu+tls://[b]/system",
        "qemu+tls://[::1/system", "qemu+tls://b%20/system", "qemu+tls://b\n/system",
        "qemu+tls://b/system\n", "qemu+tls://b/system ", " qemu+tls://b/system",
        "qemu+unix:///system", "qemu+unix:///system?socket=", "qemu+unix:///system?socket=s",
        "qemu+unix:///system?socket=/s&command=/bin/sh", "qemu+unix:///system?socket=/a/../s",
        "qemu+unix:///system?socket=/s;command=/x", "qemu+unix:///system?socket=/%2e",
        "qemu+unix:///system?command=/bin/sh", "qemu+unix://b/system?socket=/s",
        "qemu+unix:///embed?socket=/s"};
    for (size_t i = 0; i < array_size(hostile); i++)
        if (landing_uri_is_safe(hostile[i]))
            fail_msg("taken: %s", hostile[i]);
    char uri[limit_landing + 64] = "qemu+unix:///system?socket=/";
    memset(uri + strlen(uri), 'a', limit_landing);
    assert_false(landing_uri_is_safe(uri));
}

static void a_folder_is_an_absolute_path_that_only_goes_down(void **state) {
    (void)state;
    static const char *const good[] = {"/", "/var/lib/isthmus-agent", "/a..b/..c/d.."};
    static const char *const hostile[] = {"", "a", "./a", "/..", "/a/../b", "/a/..", "/a\n",
                                          "/\x7f"};
    for (size_t i = 0; i < array_size(good); i++)
        assert_true(landing_folder_is_safe(good[i]));
    for (size_t i = 0; i < array_size(hostile); i++)
        assert_false(landing_folder_is_safe(hostile[i]));
    char folder[limit_landing + 2] = "/";
    memset(folder + 1, 'a', limit_landing);
    assert_false(landing_folder_is_safe(folder));
    folder[limit_landing - 1] = 0;
    assert_true(landing_folder_is_safe(folder));
}

static void a_landing_has_both(void **state) {
    (void)state;
    assert_true(landing_is_safe(&(struct landing){1, "qemu+tls://b/system", "/b"}));
    assert_false(landing_is_safe(&(struct landing){1, NULL, "/b"}));
    assert_false(landing_is_safe(&(struct landing){1, "qemu+tls://b/system", NULL}));
    assert_false(landing_is_safe(&(struct landing){1, "qemu+ssh://b/system", "/b"}));
    assert_false(landing_is_safe(&(struct landing){1, "qemu+tls://b/system", "b"}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_reaches_a_libvirt_and_no_more_is_taken),
        cmocka_unit_test(what_could_start_a_program_or_lead_elsewhere_is_refused),
        cmocka_unit_test(a_folder_is_an_absolute_path_that_only_goes_down),
        cmocka_unit_test(a_landing_has_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
