/* Domains as text: the room that a running one has for more memory, and what is plugged in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/host/redefine.h"

static void make(const char *type, const char *architecture, struct size size, struct text *out) {
    const struct effect_job job = {.vm = "vm-1", .epoch = 1,
                                   .definition = {.name = "<maxMemory ", .size = size}};
    const struct host_domain_plan plan = {.type = type, .architecture = architecture, .disk = "/d",
                                          .seed = "/s", .console_log = "/c",
                                          .agent_socket = "/a", .nvram = "/n", .job = &job};
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
          "<cpu><topology sockets='1' cores='8' threads='1'/><numa>"
          "<cell id='0' cpus='0-7' memory='700' unit='MiB'/></numa></cpu>");
    check("kvm", "x86_64", (struct size){1, 512, 1},
          "<cpu mode='host-model'><topology sockets='1' cores='4' threads='1'/><numa>"
          "<cell id='0' cpus='0-3' memory='512' unit='MiB'/>");
    check("kvm", "x86_64", (struct size){1, 100000, 1}, "unit='MiB'>262144</maxMemory>");
    check("kvm", "x86_64", (struct size){1, 262016, 1}, "unit='MiB'>262144</maxMemory>");
}

static void a_guest_has_an_agents_channel_chance_and_a_screen_that_listens_nowhere(void **state) {
    (void)state;
    struct size small = {1, 128, 1};
    check("qemu", "x86_64", small,
          "<channel type='unix'><source mode='bind' path='/a'/>"
          "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>");
    check("qemu", "x86_64", small, "<backend model='random'>/dev/urandom</backend></rng>");
    check("qemu", "x86_64", small,
          "<graphics type='vnc'><listen type='none'/></graphics><video><model type='vga'/>");
    check("kvm", "aarch64", small, "<video><model type='virtio'/></video>");
}

static void a_network_says_by_what_filter_a_guest_speaks_there(void **state) {
    (void)state;
    struct host_network all[] = {{.name = "a", .bridge = "br0", .filter = HOST_FILTER_MAC},
                                 {.name = "b", .libvirt = "l", .filter = HOST_FILTER_DHCP},
                                 {.name = "c", .bridge = "br1"}};
    const struct host_networks networks = {all, 3};
    const struct effect_job job = {.vm = "vm-1", .definition = {.networks = "a,b,c"}};
    const struct host_domain_plan plan = {.type = "qemu", .architecture = "x86_64", .disk = "/d",
                                          .seed = "/s", .console_log = "/c", .agent_socket = "/a",
                                          .nvram = "/n", .networks = &networks, .job = &job};
    auto_clean(text_deinit) struct text xml = {0};
    host_domain_xml(&plan, "00000000-0000-8000-a000-000000000000", &xml);
    assert_non_null(strstr(text_data(&xml), "<source bridge='br0'/><filterref "
                                            "filter='isthmus-mac'></filterref><model "));
    assert_non_null(strstr(text_data(&xml),
                           "<source network='l'/><filterref filter='isthmus-dhcp'><parameter "
                           "name='CTRL_IP_LEARNING' value='dhcp'/></filterref><model "));
    assert_non_null(strstr(text_data(&xml), "<source bridge='br1'/><model "));
}

static void a_guest_with_rules_has_the_filter_that_goes_through_them(void **state) {
    (void)state;
    struct host_network lan = {.name = "a", .bridge = "br0", .filter = HOST_FILTER_MAC};
    const struct host_networks networks = {&lan, 1};
    const struct effect_job job = {
        .vm = "vm-1", .definition = {.networks = "a", .allow = "udp:53-54@192.0.2.0/24"}};
    const struct host_domain_plan plan = {.type = "qemu", .architecture = "x86_64", .disk = "/d",
                                          .seed = "/s", .console_log = "/c", .agent_socket = "/a",
                                          .nvram = "/n", .networks = &networks, .job = &job};
    auto_clean(text_deinit) struct text xml = {0};
    struct vm vm = {0};
    host_domain_xml(&plan, "00000000-0000-8000-a000-000000000000", &xml);
    assert_non_null(strstr(text_data(&xml), "<filterref filter='isthmus-mac-allow'>"
                                            "<parameter name='TCP_FROM' value='255.255.255.255'/>"
                                            "<parameter name='TCP_BITS' value='32'/>"));
    assert_non_null(strstr(text_data(&xml), "<parameter name='UDP_FROM' value='192.0.2.0'/>"
                                            "<parameter name='UDP_BITS' value='24'/>"
                                            "<parameter name='UDP_FIRST' value='53'/>"
                                            "<parameter name='UDP_LAST' value='54'/></filterref>"));
    host_domain_read_more(text_data(&xml), &vm);
    assert_string_equal(vm.allow, job.definition.allow);
    record_clear(&vm_table, &vm);
}

static void make_with(const char *type, struct machine machine, struct text *out) {
    const struct effect_job job = {.vm = "vm-1", .definition = {.size = {1, 256, 1},
                                                               .machine = machine}};
    const struct host_domain_plan plan = {.type = type, .architecture = "x86_64", .disk = "/d",
                                          .seed = "/s", .console_log = "/c",
                                          .agent_socket = "/a", .nvram = "/n", .job = &job};
    text_clear(out);
    host_domain_xml(&plan, "00000000-0000-8000-a000-000000000000", out);
}

static void assert_has(const struct text *xml, const char *wanted) {
    if (!strstr(text_data(xml), wanted))
        assert_string_equal(text_data(xml), wanted);
}

static void a_machine_is_as_its_image_needs_it(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text xml = {0};
    make_with("qemu", (struct machine){0}, &xml);
    assert_has(&xml, "<os><type arch='x86_64'>hvm</type><boot dev='hd'/></os>"
                     "<features><acpi/><apic/></features>");
    assert_has(&xml, "<clock offset='utc'/>");
    assert_int_equal(host_redefine_firmware(text_data(&xml)), FIRMWARE_BIOS);
    make_with("qemu", (struct machine){.firmware = FIRMWARE_UEFI, .disk_bus = DISK_BUS_SCSI}, &xml);
    assert_has(&xml, "<os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type><firmware>"
                     "<feature enabled='no' name='secure-boot'/>");
    assert_has(&xml, "<nvram>/n</nvram>");
    assert_has(&xml, "<controller type='scsi' index='0' model='virtio-scsi'/>");
    assert_has(&xml, "<target dev='vda' bus='scsi'/></disk>");
    assert_int_equal(host_redefine_firmware(text_data(&xml)), FIRMWARE_UEFI);
    make_with("kvm", (struct machine){FIRMWARE_SECURE_BOOT, DISK_BUS_SATA, GUEST_CLOCK_LOCAL,
                                       TPM_NONE}, &xml);
    assert_has(&xml, "<feature enabled='yes' name='secure-boot'/>"
                     "<feature enabled='yes' name='enrolled-keys'/>");
    assert_has(&xml, "<smm state='on'/><hyperv mode='custom'>");
    assert_has(&xml, "<clock offset='localtime'><timer name='rtc' tickpolicy='catchup'/>");
    assert_has(&xml, "<disk type='file' device='cdrom'>");
    assert_int_equal(host_redefine_firmware(text_data(&xml)), FIRMWARE_SECURE_BOOT);
    assert_null(strstr(text_data(&xml), "<tpm "));
    assert_int_equal(host_redefine_tpm(text_data(&xml)), TPM_NONE);
    make_with("qemu", (struct machine){.clock = GUEST_CLOCK_LOCAL, .tpm = TPM_2}, &xml);
    assert_has(&xml, "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>");
    assert_int_equal(host_redefine_tpm(text_data(&xml)), TPM_2);
    assert_has(&xml, "<clock offset='localtime'/>");
    assert_null(strstr(text_data(&xml), "<hyperv"));
}

static void a_domain_is_of_another_machine_only_where_its_disk_is_made_anew(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text bios = {0}, uefi = {0};
    struct effect_job job = {.definition = {.machine = {.firmware = FIRMWARE_UEFI}}};
    const struct host_domain_plan plan = {.type = "qemu", .architecture = "x86_64", .job = &job};
    make_with("qemu", (struct machine){0}, &bios);
    make_with("qemu", (struct machine){.firmware = FIRMWARE_UEFI}, &uefi);
    for (enum job_kind kind = JOB_CREATE; kind < JOB_KIND_COUNT; kind++) {
        job.kind = kind;
        job.definition.machine.firmware = FIRMWARE_UEFI;
        assert_int_equal(host_redefine_keeps(text_data(&bios), &plan), kind != JOB_REBUILD);
        assert_true(host_redefine_keeps(text_data(&uefi), &plan));
        job.definition.machine.firmware = FIRMWARE_ANY;
        assert_int_equal(host_redefine_keeps(text_data(&uefi), &plan), kind != JOB_REBUILD);
    }
}

static void a_domain_gets_a_tpm_only_where_its_disk_is_made_anew_and_keeps_it(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text none = {0}, has = {0};
    struct effect_job job = {.vm = "vm-1"};
    const struct host_domain_plan plan = {.type = "qemu", .architecture = "x86_64", .job = &job};
    make_with("qemu", (struct machine){0}, &none);
    make_with("qemu", (struct machine){.tpm = TPM_2}, &has);
    for (enum job_kind kind = JOB_CREATE; kind < JOB_KIND_COUNT; kind++) {
        job.kind = kind;
        job.definition.machine.tpm = TPM_2;
        assert_int_equal(host_redefine_keeps(text_data(&none), &plan), kind != JOB_REBUILD);
        assert_true(host_redefine_keeps(text_data(&has), &plan));
        job.definition.machine.tpm = TPM_NONE;
        assert_true(host_redefine_keeps(text_data(&has), &plan));
    }
}

/* Of attributes and of an element's text; what only begins like one is none. */
static void a_domain_that_moves_has_its_paths_in_the_other_folder(void **state) {
    (void)state;
    const struct host_domain_move move = {.from_folder = "/var/a", .to_folder = "/srv/b",
                                          .epoch = 7};
    auto_clean(text_deinit) struct text xml = {0};
    host_domain_moved("<isthmus:domain xmlns:isthmus='urn:isthmus:domain:1' vm='v' epoch='6'/>"
                      "<nvram>/var/a/n</nvram><source file='/var/a/d'/><x y='/var/ab/d'/>"
                      "<z>see /var/a/n</z>", &move, &xml);
    assert_string_equal(text_data(&xml),
                        "<isthmus:domain xmlns:isthmus='urn:isthmus:domain:1' vm='v' epoch='7'/>"
                        "<nvram>/srv/b/n</nvram><source file='/srv/b/d'/><x y='/var/ab/d'/>"
                        "<z>see /var/a/n</z>");
}

static void a_domain_that_runs_elsewhere_may_speak_before_dhcp_does(void **state) {
    (void)state;
    char xml[] = "<parameter name='CTRL_IP_LEARNING' value='dhcp'/><x value='dhcp'/>"
                 "<parameter name='CTRL_IP_LEARNING' value='dhcp'/>";
    host_domain_learn_anew(xml);
    assert_string_equal(xml, "<parameter name='CTRL_IP_LEARNING' value='any' /><x value='dhcp'/>"
                             "<parameter name='CTRL_IP_LEARNING' value='any' />");
}

static void where_a_sockets_path_would_be_too_long_there_is_no_channel(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text xml = {0};
    const struct effect_job job = {.vm = "vm-1", .definition = {.size = {1, 128, 1}}};
    char path[109];
    memset(path, 'a', sizeof(path));
    for (size_t length = 107; length < sizeof(path); length++) {
        path[length] = 0;
        const struct host_domain_plan plan = {.type = "qemu", .architecture = "x86_64",
                                              .disk = "/d", .seed = "/s", .console_log = "/c",
                                              .agent_socket = path, .job = &job};
        text_clear(&xml);
        host_domain_xml(&plan, "00000000-0000-8000-a000-000000000000", &xml);
        assert_int_equal(!strstr(text_data(&xml), "<channel"), length == 108);
        path[length] = 'a';
    }
}

static void a_domain_that_cannot_grow_has_no_room(void **state) {
    (void)state;
    check_none("qemu", "x86_64", 511);
    check_none("kvm", "x86_64", 262017); /* not one block more */
    check_none("kvm", "aarch64", 1024);
    check_none("test", "x86_64", 1024);
    check("kvm", "x86_64", (struct size){1, 128, 1},
          "<cpu mode='host-model'><topology sockets='1' cores='4' threads='1'/></cpu>");
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

static void redefine(const char *xml, struct size size, struct text *out) {
    const struct effect_job job = {.vm = "vm-1", .definition = {.size = size}};
    const struct host_domain_plan plan = {.type = "kvm", .architecture = "x86_64", .job = &job};
    struct error err = {0};
    text_clear(out);
    if (host_redefine(xml, &plan, out, &err))
        text_add(out, err.text);
}

#define kept(memory, vcpu, cpu)                                                                  \
    "<domain type='kvm'>\n  <metadata><x:memory unit='KiB'>1</x:memory></metadata>\n" memory     \
    vcpu "  <cputune><shares>2</shares></cputune>\n  <os><type arch='x86_64'>hvm</type></os>\n"  \
    cpu "  <devices><memory model='dimm'/></devices>\n</domain>"

/* As libvirt gives it back, of an earlier version and of this one. */
static void a_resize_changes_the_size_of_a_definition_and_nothing_else(void **state) {
    (void)state;
    static const char earlier[] =
        kept("  <memory unit='KiB'>262144</memory>\n  <currentMemory unit='KiB'>262144"
             "</currentMemory>\n", "  <vcpu placement='static' cpuset='0-3'>1</vcpu>\n",
             "  <cpu mode='host-model' check='partial'/>\n");
    auto_clean(text_deinit) struct text xml = {0};
    redefine(earlier, (struct size){1, 256, 9}, &xml);
    assert_string_equal(text_data(&xml), earlier);
    redefine(earlier, (struct size){2, 256, 9}, &xml);
    assert_string_equal(
        text_data(&xml),
        kept("  <memory unit='KiB'>262144</memory>\n  <currentMemory unit='KiB'>262144"
             "</currentMemory>\n",
             "  <vcpu current='2' placement='static' cpuset='0-3'>8</vcpu>\n",
             "  <cpu mode='host-model' check='partial'/>\n"));
    redefine(earlier, (struct size){1, 640, 9}, &xml);
    assert_string_equal(
        text_data(&xml),
        kept("  <maxMemory slots='16' unit='MiB'>2560</maxMemory><memory unit='MiB'>640</memory>\n"
             "  \n", "  <vcpu placement='static' cpuset='0-3'>1</vcpu>\n",
             "  <cpu mode='host-model' check='partial'><numa><cell id='0' cpus='0-3' memory='640'"
             " unit='MiB'/></numa></cpu>\n"));
    redefine(kept("  <memory unit='KiB'>262144</memory>\n", "  <vcpu>1</vcpu>\n", ""),
             (struct size){1, 512, 9}, &xml);
    assert_non_null(strstr(text_data(&xml), "  <cpu><numa><cell id='0' cpus='0-3' memory='512' "
                                            "unit='MiB'/></numa></cpu><devices>"));
}

static void a_resize_of_what_has_room_gives_it_other_room(void **state) {
    (void)state;
    static const char now[] =
        kept("  <maxMemory slots='16' unit='KiB'>2097152</maxMemory>\n"
             "  <memory unit='KiB'>524288</memory>\n",
             "  <vcpu placement='static' current='1'>4</vcpu>\n",
             "  <cpu mode='custom'>\n    <model>x</model>\n"
             "    <topology sockets='1' dies='1' cores='4' threads='1'/>\n    <numa>\n"
             "      <cell id='0' cpus='0-3' memory='524288' unit='KiB'/>\n    </numa>\n  </cpu>\n");
    auto_clean(text_deinit) struct text xml = {0};
    redefine(now, (struct size){3, 512, 9}, &xml);
    assert_non_null(strstr(text_data(&xml), "current='3'>12</vcpu>"));
    assert_non_null(strstr(text_data(&xml), "sockets='1' dies='1' cores='12' threads='1'"));
    assert_non_null(strstr(text_data(&xml), "cpus='0-11' memory='524288' unit='KiB'"));
    redefine(now, (struct size){1, 128, 9}, &xml);
    assert_null(strstr(text_data(&xml), "maxMemory"));
    assert_null(strstr(text_data(&xml), "numa"));
    assert_non_null(strstr(text_data(&xml), "<model>x</model>"));
    redefine("<domain><devices/></domain>", (struct size){1, 128, 9}, &xml);
    assert_non_null(strstr(text_data(&xml), "no memory or vcpu"));
}

/* Of another element the name is not ours to change. */
static void a_guest_that_is_made_anew_has_its_new_name_in_our_mark(void **state) {
    (void)state;
    static const char old[] =
        "<domain><name>isthmus-vm-1</name><metadata><x:y name='a'/>"
        "<isthmus:domain xmlns:isthmus='urn:isthmus:domain:1' vm='vm-1' epoch='1' name='old' "
        "networks=''/></metadata><memory unit='KiB'>1024</memory><vcpu>1</vcpu></domain>";
    const struct effect_job job = {.vm = "vm-1", .definition = {.name = "new", .size = {1, 1, 1}}};
    const struct host_domain_plan plan = {.type = "qemu", .architecture = "x86_64", .job = &job};
    auto_clean(text_deinit) struct text xml = {0};
    assert_int_equal(host_redefine(old, &plan, &xml, NULL), 0);
    assert_non_null(strstr(text_data(&xml), "epoch='1' name='new' networks=''"));
    assert_non_null(strstr(text_data(&xml), "<x:y name='a'/>"));
    assert_non_null(strstr(text_data(&xml), "<name>isthmus-vm-1</name>"));
}

/* As libvirt gives it back: our mark in double quotes; interfaces stand in no order, and one has
 * gone. Each has its filter in its place. */
static void connected(const char *allow, const char *first_filter, struct text *out) {
    char first[limit_mac_size], third[limit_mac_size];
    host_domain_mac("vm-1", 0, first);
    host_domain_mac("vm-1", 2, third);
    text_addf(out,
              "<domain><metadata><isthmus:domain xmlns:isthmus=\"urn:isthmus:domain:1\" "
              "vm=\"vm-1\" name=\"old\" networks=\"a,-,b\"%s/></metadata><devices>"
              "<interface type='user'><mac address='%s'/><model type='virtio'/></interface>"
              "<interface type='bridge'><mac address='%s'/>%s<model type='virtio'/></interface>"
              "</devices></domain>",
              allow, third, first, first_filter);
}

static struct host_network two_items[] = {
    {.name = "a", .bridge = "br0", .filter = HOST_FILTER_DHCP, .keeps_rules = true},
    {.name = "b", .filter = HOST_FILTER_DHCP}};
static const struct host_networks two_networks = {two_items, array_size(two_items)};
static const char kept[] = "<filterref filter='isthmus-dhcp-allow'><parameter name='TCP_LAST' "
                           "value='1'/></filterref>";

static void other_rules_change_our_mark_and_the_filters_of_a_vms_networks_alone(void **state) {
    (void)state;
    struct effect_job job = {.vm = "vm-1", .definition = {.networks = "a,-,b"}};
    const struct host_domain_plan plan = {.type = "qemu", .networks = &two_networks, .job = &job};
    auto_clean(text_deinit) struct text old = {0}, open = {0};
    auto_clean(text_deinit) struct text anybody = {0}, same = {0}, again = {0};
    connected(" allow=\"none\"", kept, &old);
    connected("", "<filterref filter='isthmus-dhcp'>"
                  "<parameter name='CTRL_IP_LEARNING' value='dhcp'/></filterref>", &open);
    host_redefine_rules(text_data(&old), &plan, &anybody);
    assert_string_equal(text_data(&anybody), text_data(&open));
    job.definition.allow = "none";
    host_redefine_rules(text_data(&old), &plan, &same);
    assert_string_equal(text_data(&same), text_data(&old));
    job.definition.allow = "tcp:22";
    host_redefine_rules(text_data(&anybody), &plan, &again);
    assert_non_null(strstr(text_data(&again), " allow='tcp:22'"));
    assert_non_null(strstr(text_data(&again), "<filterref filter='isthmus-dhcp-allow'>"));
    assert_non_null(strstr(text_data(&again), "<parameter name='TCP_LAST' value='22'/>"));
}

static void an_interface_that_is_added_has_the_rules_of_its_vm(void **state) {
    (void)state;
    struct effect_job job = {.vm = "vm-1", .definition = {.networks = "-,a", .allow = "none"}};
    const struct host_domain_plan plan = {.type = "qemu", .networks = &two_networks, .job = &job};
    auto_clean(text_deinit) struct text old = {0}, now = {0}, wanted = {0};
    struct error err = {0};
    char mac[limit_mac_size];
    host_domain_mac("vm-1", 1, mac);
    connected(" allow=\"none\"", kept, &old);
    text_add(&wanted, "<domain><metadata><isthmus:domain xmlns:isthmus=\"urn:isthmus:domain:1\" "
                      "vm=\"vm-1\" name=\"old\" networks='-,a' allow=\"none\"/></metadata>"
                      "<devices>");
    host_domain_add_interface(&two_items[0], mac, "none", &wanted);
    text_add(&wanted, "</devices></domain>");
    assert_int_equal(host_redefine_networks(text_data(&old), &plan, &now, &err), CODE_OK);
    assert_string_equal(text_data(&now), text_data(&wanted));
    job.definition.networks = "-,a,b"; /* where no rules are kept */
    text_deinit(&now);
    assert_int_equal(host_redefine_networks(text_data(&wanted), &plan, &now, &err),
                     CODE_NO_CAPACITY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_rules_change_our_mark_and_the_filters_of_a_vms_networks_alone),
        cmocka_unit_test(an_interface_that_is_added_has_the_rules_of_its_vm),
        cmocka_unit_test(a_domain_has_room_for_four_times_its_memory),
        cmocka_unit_test(a_guest_has_an_agents_channel_chance_and_a_screen_that_listens_nowhere),
        cmocka_unit_test(a_network_says_by_what_filter_a_guest_speaks_there),
        cmocka_unit_test(a_guest_with_rules_has_the_filter_that_goes_through_them),
        cmocka_unit_test(a_machine_is_as_its_image_needs_it),
        cmocka_unit_test(a_domain_is_of_another_machine_only_where_its_disk_is_made_anew),
        cmocka_unit_test(a_domain_gets_a_tpm_only_where_its_disk_is_made_anew_and_keeps_it),
        cmocka_unit_test(a_domain_that_moves_has_its_paths_in_the_other_folder),
        cmocka_unit_test(a_domain_that_runs_elsewhere_may_speak_before_dhcp_does),
        cmocka_unit_test(where_a_sockets_path_would_be_too_long_there_is_no_channel),
        cmocka_unit_test(a_guest_that_is_made_anew_has_its_new_name_in_our_mark),
        cmocka_unit_test(a_domain_that_cannot_grow_has_no_room),
        cmocka_unit_test(room_ends_with_the_memory_and_with_the_places_for_modules),
        cmocka_unit_test(a_module_is_named_after_the_sum),
        cmocka_unit_test(a_resize_changes_the_size_of_a_definition_and_nothing_else),
        cmocka_unit_test(a_resize_of_what_has_room_gives_it_other_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
