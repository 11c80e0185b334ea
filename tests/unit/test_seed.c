/* What a guest is told at its first boot. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "io/host/domain.h"
#include "io/host/seed.h"
#include "io/image/archive.h"

static void each_interface_is_found_by_its_address_and_the_first_waited_for(void **state) {
    (void)state;
    char networks[] = "lan,wan", mac[2][limit_mac_size], wanted[512];
    auto_clean(text_deinit) struct text seed = {0};
    struct effect_job job = {.vm = "vm-1"};
    host_seed_networks(&job, &seed);
    assert_int_equal(seed.length, 0);
    job.definition.networks = networks;
    host_seed_networks(&job, &seed);
    for (unsigned i = 0; i < 2; i++)
        host_domain_mac("vm-1", i, mac[i]);
    text_format(wanted, sizeof(wanted),
                "version: 2\nethernets:\n"
                "  eth0:\n    match: {macaddress: \"%s\"}\n    set-name: eth0\n    dhcp4: true\n"
                "  eth1:\n    match: {macaddress: \"%s\"}\n    set-name: eth1\n    dhcp4: true\n"
                "    optional: true\n", mac[0], mac[1]);
    assert_string_equal(text_data(&seed), wanted);
}

static void a_guest_is_told_its_name_and_who_may_log_in(void **state) {
    (void)state;
    char keys[] = "ssh-rsa AAAA an\"na\nssh-rsa BBBB back\\slash\n";
    auto_clean(text_deinit) struct text was = {0}, now = {0};
    struct effect_job job = {.vm = "vm-1", .definition = {.name = "web", .ssh_keys = keys}};
    host_seed_meta_data(&job, NULL, &was);
    assert_string_equal(text_data(&was),
                        "instance-id: \"vm-1\"\nlocal-hostname: \"web\"\npublic-keys:\n"
                        "  - \"ssh-rsa AAAA an\\\"na\"\n  - \"ssh-rsa BBBB back\\\\slash\"\n");
    job.definition.ssh_keys = NULL;
    text_set(job.definition.name, "new");
    host_seed_meta_data(&job, text_data(&was), &now);
    assert_non_null(strstr(text_data(&now), "local-hostname: \"new\"\npublic-keys:\n"));
    assert_string_equal(strstr(text_data(&now), "public-"), strstr(text_data(&was), "public-"));
    text_clear(&now);
    host_seed_meta_data(&job, NULL, &now);
    assert_string_equal(text_data(&now), "instance-id: \"vm-1\"\nlocal-hostname: \"new\"\n");
}

static void a_seed_carries_the_label_and_the_data(void **state) {
    char folder[] = "/tmp/isthmus-seed-XXXXXX";
    struct error err = {0};
    char path[128], label[7] = "";
    const struct image_seed seed = {"instance-id: i\n", "\x1f\x8b\0 any bytes", 13,
                                    "version: 2\n"};
    auto_clean(text_deinit) struct text read = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    text_format(path, sizeof(path), "%s/seed.iso", folder);
    assert_int_equal(image_seed_write(path, &seed, &err), 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    /* the primary volume descriptor is in sector 16, the volume id at its byte 40 (ECMA-119) */
    assert_int_equal(pread(fd, label, 6, 16 * 2048 + 40), 6);
    assert_string_equal(label, "CIDATA");
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    auto_clean(memory_clean) char *all = memory_new((size_t)status.st_size, 1);
    assert_int_equal(pread(fd, all, (size_t)status.st_size, 0), status.st_size);
    assert_non_null(memmem(all, (size_t)status.st_size, seed.user_data, seed.user_data_length));
    close(fd);
    assert_int_equal(image_seed_read(path, "user-data", &read, &err), 0);
    assert_int_equal(read.length, seed.user_data_length);
    assert_memory_equal(read.data, seed.user_data, read.length);
    text_clear(&read);
    assert_int_equal(image_seed_read(path, "network-config", &read, &err), 0);
    assert_string_equal(text_data(&read), seed.network_config);
    assert_true(image_seed_read(path, "vendor-data", &read, &err) < 0);
    assert_non_null(strstr(err.text, "it has none"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing else is left in it */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_interface_is_found_by_its_address_and_the_first_waited_for),
        cmocka_unit_test(a_guest_is_told_its_name_and_who_may_log_in),
        cmocka_unit_test(a_seed_carries_the_label_and_the_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
