/* Which devices, processors and memory a domain gets, and up to what it can grow while it runs;
 * how our mark is read back, and which paths change when a domain goes to another host. */
#include "io/host/domain.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/memory.h"
#include "io/keys/secret.h"
#include "message/codec/allow.h"
#include "message/id.h"
#include "message/labels.h"
#include "message/records/interface.h"

const char host_domain_namespace[] = "urn:isthmus:domain:1";
static const char prefix[] = "isthmus-";

enum { module_slots = 16 }; /* of memory, so many growths between two cold starts */

void host_domain_name(const char *vm, char out_name[host_domain_name_size]) {
    text_format(out_name, host_domain_name_size, "%s%s", prefix, vm);
}

const char *host_domain_vm(const char *name) {
    if (!text_starts(name, prefix) || !id_is_valid(name + strlen(prefix)))
        return NULL;
    return name + strlen(prefix);
}

static void add_escaped(struct text *out, const char *value) {
    for (; *value; value++) {
        switch (*value) {
        case '&': text_add(out, "&amp;"); break;
        case '<': text_add(out, "&lt;"); break;
        case '>': text_add(out, "&gt;"); break;
        case '\'': text_add(out, "&apos;"); break;
        case '"': text_add(out, "&quot;"); break;
        default: text_add_bytes(out, value, 1);
        }
    }
}

static void add_value(struct text *out, const char *before, const char *value, const char *after) {
    text_add(out, before);
    add_escaped(out, value);
    text_add(out, after);
}

const struct host_network *host_network_find(const struct host_networks *networks,
                                             const char *name) {
    for (size_t i = 0; i < networks->count; i++)
        if (text_equal(networks->items[i].name, name))
            return &networks->items[i];
    return NULL;
}

enum code host_network_for(const struct host_networks *networks, const char *name,
                           const char *allow, struct error *err) {
    const struct host_network *network = host_network_find(networks, name);
    if (network && (!allow || network->keeps_rules))
        return CODE_OK;
    error_set(err, -ENOENT, network ? "[network %s] keeps no rules of VMs here"
                                    : "no [network %s] is configured here", name);
    return CODE_NO_CAPACITY;
}

void host_networks_copy(const struct host_networks *from, struct host_networks *out) {
    out->items = memory_new(from->count, sizeof(*out->items));
    for (; out->count < from->count; out->count++)
        out->items[out->count] = (struct host_network){
            .name = memory_text(from->items[out->count].name),
            .bridge = memory_text(from->items[out->count].bridge),
            .libvirt = memory_text(from->items[out->count].libvirt),
            .filter = from->items[out->count].filter,
            .keeps_rules = from->items[out->count].keeps_rules,
        };
}

void host_networks_free(struct host_networks *networks) {
    for (size_t i = 0; i < networks->count; i++) {
        memory_free(networks->items[i].name);
        memory_free(networks->items[i].bridge);
        memory_free(networks->items[i].libvirt);
    }
    memory_free(networks->items);
}

void host_domain_mac(const char *vm, unsigned interface, char out_mac[limit_mac_size]) {
    interface_mac(secret_hash_bytes, vm, interface, out_mac);
}

static void add_parameter(struct text *out, const char *protocol, const char *name,
                          const char *value) {
    text_addf(out, "<parameter name='%s_%s' value='%s'/>", protocol, name, value);
}

static void add_rule(struct text *out, const struct allow_rule *rule) {
    static const char *const names[] = {
        [ALLOW_TCP] = "TCP", [ALLOW_UDP] = "UDP", [ALLOW_ICMP] = "ICMP"};
    const char *name = names[rule->protocol];
    const unsigned char *at = rule->address;
    char value[32];
    text_format(value, sizeof(value), "%u.%u.%u.%u", at[0], at[1], at[2], at[3]);
    add_parameter(out, name, "FROM", value);
    text_format(value, sizeof(value), "%u", rule->bits);
    add_parameter(out, name, "BITS", value);
    if (rule->protocol == ALLOW_ICMP)
        return;
    text_format(value, sizeof(value), "%" PRIu32, rule->first);
    add_parameter(out, name, "FIRST", value);
    text_format(value, sizeof(value), "%" PRIu32, rule->last);
    add_parameter(out, name, "LAST", value);
}

/* The lists that the filter goes through; it cannot go through an empty one, so that each begins
 * with a rule for whom there is not: nobody sends from that address. */
static void add_rules(struct text *out, const char *allow) {
    struct allow_rule rule = {.first = 1, .last = 1, .address = {255, 255, 255, 255}, .bits = 32};
    for (; rule.protocol < ALLOW_PROTOCOLS; rule.protocol++)
        add_rule(out, &rule);
    while ((allow = allow_next(allow, &rule)))
        add_rule(out, &rule);
}

void host_domain_add_filter(const struct host_network *network, const char *allow,
                            struct text *out) {
    enum host_filter filter = network->bridge || network->libvirt ? network->filter
                                                                  : HOST_FILTER_NONE;
    if (filter == HOST_FILTER_NONE)
        return;
    text_addf(out, "<filterref filter='isthmus-%s%s'>", filter == HOST_FILTER_DHCP ? "dhcp" : "mac",
              allow ? "-allow" : "");
    if (filter == HOST_FILTER_DHCP)
        text_add(out, "<parameter name='CTRL_IP_LEARNING' value='dhcp'/>");
    if (allow)
        add_rules(out, allow);
    text_add(out, "</filterref>");
}

void host_domain_add_interface(const struct host_network *network, const char *mac,
                               const char *allow, struct text *out) {
    const char *type = network->bridge ? "bridge" : network->libvirt ? "network" : "user";
    text_addf(out, "<interface type='%s'><mac address='%s'/>", type, mac);
    if (network->bridge)
        add_value(out, "<source bridge='", network->bridge, "'/>");
    else if (network->libvirt)
        add_value(out, "<source network='", network->libvirt, "'/>");
    host_domain_add_filter(network, allow, out);
    text_add(out, "<model type='virtio'/><rom enabled='no'/></interface>"); /* no PXE */
}

static void add_interfaces(const struct host_domain_plan *plan, struct text *out) {
    char name[limit_name_size], mac[limit_mac_size];
    const char *rest = plan->job->definition.networks;
    for (unsigned i = 0; (rest = slots_next(rest, &i, name)); i++) {
        const struct host_network *network = host_network_find(plan->networks, name);
        assert(network); /* whoever plans has looked for them */
        host_domain_mac(plan->job->vm, i, mac);
        host_domain_add_interface(network, mac, plan->job->definition.allow, out);
    }
}

/* Where the guest's own agent is spoken to; a socket's path has an end (unix(7)). */
static void add_agent_channel(const struct host_domain_plan *plan, struct text *out) {
    if (strlen(plan->agent_socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return;
    add_value(out, "<channel type='unix'><source mode='bind' path='", plan->agent_socket,
              "'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>");
}

/* A screen that nobody can reach by a socket or a port: libvirt alone hands out ways to it. */
static void add_screen(const struct host_domain_plan *plan, struct text *out) {
    bool is_pc = text_equal(plan->architecture, "x86_64");
    text_addf(out, "<graphics type='vnc'><listen type='none'/></graphics>"
              "<video><model type='%s'/></video>", is_pc ? "vga" : "virtio");
}

/* Chance for a guest that has none of its own yet, no more of it than it can use. */
static void add_random(struct text *out) {
    text_add(out, "<rng model='virtio'><rate bytes='65536' period='1000'/>"
                  "<backend model='random'>/dev/urandom</backend></rng>");
}

/* Its state is libvirt's to keep and to send along, by the domain's UUID; it goes with that. */
static void add_tpm(const struct host_domain_plan *plan, struct text *out) {
    if (plan->job->definition.machine.tpm == TPM_2)
        text_addf(out, "<tpm model='%s'><backend type='emulator' version='2.0'/></tpm>",
                  text_equal(plan->architecture, "x86_64") ? "tpm-crb" : "tpm-tis");
}

/* The disk and the seed, on the bus that the image's system has a driver for; libvirt's names for
 * them stay. */
static void add_disks(const struct host_domain_plan *plan, struct text *out) {
    static const char *const buses[DISK_BUS_COUNT] = {
        [DISK_BUS_VIRTIO] = "virtio", [DISK_BUS_SCSI] = "scsi", [DISK_BUS_SATA] = "sata"};
    enum disk_bus bus = plan->job->definition.machine.disk_bus;
    if (bus == DISK_BUS_SCSI)
        text_add(out, "<controller type='scsi' index='0' model='virtio-scsi'/>");
    add_value(out,
             "<disk type='file' device='disk'>"
             "<driver name='qemu' type='qcow2' discard='unmap'/><source file='",
             plan->disk, "'/>");
    text_addf(out, "<target dev='vda' bus='%s'/></disk>", buses[bus]);
    /* a SATA disk cannot be read alone */
    text_addf(out, "<disk type='file' device='%s'>", bus == DISK_BUS_SATA ? "cdrom" : "disk");
    add_value(out, "<driver name='qemu' type='raw'/><source file='", plan->seed, "'/>");
    text_addf(out, "<target dev='vdb' bus='%s'/><readonly/></disk>", buses[bus]);
}

static void add_devices(const struct host_domain_plan *plan, struct text *out) {
    text_add(out, "<devices>");
    add_disks(plan, out);
    add_interfaces(plan, out);
    add_value(out, "<serial type='pty'><log file='", plan->console_log,
             "' append='on'/><target port='0'/></serial>");
    text_add(out, "<console type='pty'><target type='serial' port='0'/></console>"
                  "<controller type='usb' model='none'/>"
                  "<controller type='virtio-serial' index='0'/>"
                  "<memballoon model='virtio'/>");
    add_agent_channel(plan, out);
    add_random(out);
    add_tpm(plan, out);
    add_screen(plan, out);
    if (text_equal(plan->architecture, "x86_64"))
        text_add(out, "<panic model='isa'/>");
    text_add(out, "</devices>");
}

uint32_t host_domain_most_cpus(const struct host_domain_plan *plan) {
    enum { times = 4, pc_most = 240 };
    uint32_t cpus = plan->job->definition.size.cpus;
    bool is_pc = text_equal(plan->architecture, "x86_64");
    uint32_t most = !is_pc ? cpus : cpus * times < pc_most ? cpus * times : pc_most;
    return most > cpus ? most : cpus;
}

/* Memory that it can be given while it runs, in all; 0: none. The room begins above 4 GiB, for
 * which a Linux guest of less than that sets 64 MiB aside (its bounce buffers): too much for a
 * small one. The most, with the alignment of all modules, is what each processor can address. */
static uint32_t most_memory_mib(const struct host_domain_plan *plan) {
    enum { times = 4, least = 512, most = 256 * 1024 };
    uint32_t memory = plan->job->definition.size.memory_mib;
    bool is_pc = text_equal(plan->architecture, "x86_64") && !text_equal(plan->type, "test");
    if (!is_pc || memory < least || memory > most - host_domain_block_mib)
        return 0;
    return memory < most / times ? memory * times : most;
}

void host_domain_add_most_memory(const struct host_domain_plan *plan, struct text *out) {
    if (most_memory_mib(plan))
        text_addf(out, "<maxMemory slots='%d' unit='MiB'>%" PRIu32 "</maxMemory>", module_slots,
                  most_memory_mib(plan));
}

void host_domain_add_cell(const struct host_domain_plan *plan, struct text *out) {
    if (most_memory_mib(plan))
        text_addf(out, "<numa><cell id='0' cpus='0-%" PRIu32 "' memory='%" PRIu32
                  "' unit='MiB'/></numa>",
                  host_domain_most_cpus(plan) - 1, plan->job->definition.size.memory_mib);
}

/* Processors are cores of one socket: some systems use few sockets, or are paid by them. */
static void add_cpu(const struct host_domain_plan *plan, struct text *out) {
    text_addf(out, "<cpu%s><topology sockets='1' cores='%" PRIu32 "' threads='1'/>",
              text_equal(plan->type, "kvm") ? " mode='host-model'" : "",
              host_domain_most_cpus(plan));
    host_domain_add_cell(plan, out);
    text_add(out, "</cpu>");
}

static bool is_windows(const struct host_domain_plan *plan) {
    return plan->job->definition.machine.clock == GUEST_CLOCK_LOCAL;
}

/* What starts the guest. The variables of UEFI are the VM's own, in its folder; libvirt makes them
 * from the firmware's template. Secure boot needs a q35, and its code in system management mode. */
static void add_os(const struct host_domain_plan *plan, struct text *out) {
    enum firmware firmware = plan->job->definition.machine.firmware;
    bool is_pc = text_equal(plan->architecture, "x86_64");
    const char *secure = firmware == FIRMWARE_SECURE_BOOT ? "yes" : "no";
    if (firmware < FIRMWARE_UEFI) {
        add_value(out, "<os><type arch='", plan->architecture,
                  "'>hvm</type><boot dev='hd'/></os><features><acpi/><apic/>");
        return;
    }
    add_value(out, "<os firmware='efi'><type arch='", plan->architecture, "'");
    text_addf(out, "%s>hvm</type><firmware><feature enabled='%s' name='secure-boot'/>"
              "<feature enabled='%s' name='enrolled-keys'/></firmware>",
              is_pc ? " machine='q35'" : "", secure, secure);
    add_value(out, "<nvram>", plan->nvram, "</nvram><boot dev='hd'/></os><features><acpi/><apic/>");
    text_add(out, firmware == FIRMWARE_SECURE_BOOT && is_pc ? "<smm state='on'/>" : "");
}

/* Windows without them is slow, and loses time; QEMU has them by KVM alone. */
static void add_enlightenments(const struct host_domain_plan *plan, struct text *out) {
    if (is_windows(plan) && text_equal(plan->type, "kvm"))
        text_add(out, "<hyperv mode='custom'><relaxed state='on'/><vapic state='on'/>"
                      "<spinlocks state='on' retries='8191'/></hyperv>");
}

static void add_clock(const struct host_domain_plan *plan, struct text *out) {
    bool has_enlightenments = is_windows(plan) && text_equal(plan->type, "kvm");
    text_addf(out, "<clock offset='%s'%s>", is_windows(plan) ? "localtime" : "utc",
              has_enlightenments ? "" : "/");
    if (has_enlightenments)
        text_add(out, "<timer name='rtc' tickpolicy='catchup'/>"
                      "<timer name='pit' tickpolicy='delay'/><timer name='hpet' present='no'/>"
                      "<timer name='hypervclock' present='yes'/></clock>");
}

void host_domain_xml(const struct host_domain_plan *plan, const char *uuid, struct text *out) {
    const struct effect_job *job = plan->job;
    bool is_test = text_equal(plan->type, "test");
    char name[host_domain_name_size];
    host_domain_name(job->vm, name);
    text_addf(out, "<domain type='%s'><name>%s</name><uuid>%s</uuid>", plan->type, name, uuid);
    text_addf(out,
              "<metadata><isthmus:domain xmlns:isthmus='%s' vm='%s' epoch='%" PRIu32 "' name='",
              host_domain_namespace, job->vm, job->epoch);
    add_escaped(out, job->definition.name);
    add_value(out, "' networks='", job->definition.networks ? job->definition.networks : "", "'");
    if (job->definition.allow)
        add_value(out, " allow='", job->definition.allow, "'");
    if (job->definition.on_loss != ON_LOSS_STAY)
        text_addf(out, " on-loss='%s'", on_loss_names[job->definition.on_loss]);
    text_add(out, "/></metadata>");
    host_domain_add_most_memory(plan, out);
    text_addf(out,
              "<memory unit='MiB'>%" PRIu32 "</memory><vcpu current='%" PRIu32 "'>%" PRIu32
              "</vcpu>",
              job->definition.size.memory_mib, job->definition.size.cpus,
              host_domain_most_cpus(plan));
    if (is_test) {
        text_add(out, "<os><type>hvm</type></os></domain>");
        return;
    }
    add_os(plan, out);
    add_enlightenments(plan, out);
    text_add(out, "</features>");
    add_cpu(plan, out);
    add_clock(plan, out);
    text_add(out, "<on_poweroff>destroy</on_poweroff>"
                  "<on_reboot>restart</on_reboot><on_crash>destroy</on_crash>");
    add_devices(plan, out);
    text_add(out, "</domain>");
}

void host_domain_module_name(uint64_t memory_mib, char out_name[host_domain_module_size]) {
    /* libvirt keeps a name that begins with "ua-" as it is */
    text_format(out_name, host_domain_module_size, "ua-memory-%" PRIu64, memory_mib);
}

void host_domain_module_xml(uint64_t memory_mib, uint64_t grown_mib, struct text *out) {
    char name[host_domain_module_size];
    host_domain_module_name(memory_mib, name);
    text_addf(out,
              "<memory model='dimm'><target><size unit='MiB'>%" PRIu64
              "</size><node>0</node></target><alias name='%s'/></memory>",
              grown_mib, name);
}

bool host_domain_has_room(const char *xml, uint64_t memory_mib, uint64_t grown_mib) {
    enum { kib = 1024 };
    static const char module[] = "<memory model=";
    const char *most = strstr(xml, "<maxMemory "); /* a name has no bare "<" */
    most = most ? strchr(most, '>') : NULL;
    unsigned modules = 0;
    for (const char *at = xml; (at = strstr(at, module)); at += sizeof(module) - 1)
        modules++;
    return most && modules < module_slots &&
           (memory_mib + grown_mib) * kib <= strtoull(most + 1, NULL, 10);
}

/* Appends `xml` with all paths that begin with the one folder in the other. */
static void add_with_paths(const char *xml, size_t length, const struct host_domain_move *move,
                           struct text *out) {
    auto_clean(text_deinit) struct text folder = {0};
    add_escaped(&folder, move->from_folder);
    for (size_t at = 0; at < length; at++) {
        bool is_value = at && strchr("'\">", xml[at - 1]); /* or an element's text */
        if (is_value && text_starts(xml + at, text_data(&folder)) &&
            xml[at + folder.length] == '/') {
            add_escaped(out, move->to_folder);
            at += folder.length;
        }
        text_add_bytes(out, xml + at, 1);
    }
}

void host_domain_learn_anew(char *xml) {
    static const char by_dhcp[] = "'CTRL_IP_LEARNING' value='dhcp'";
    for (char *at = xml; (at = strstr(at, by_dhcp)); at++)
        memcpy(at + sizeof(by_dhcp) - sizeof("dhcp'"), "any' ", sizeof("any' ") - 1);
}

void host_domain_moved(const char *xml, const struct host_domain_move *move, struct text *out) {
    static const char name[] = " epoch=";
    const char *mark = strstr(xml, host_domain_namespace);
    const char *epoch = mark ? strstr(mark, name) : NULL;
    size_t before = epoch ? (size_t)(epoch - xml) + strlen(name) + 1 : strlen(xml);
    add_with_paths(xml, before, move, out);
    if (!epoch)
        return;
    const char *after = xml + before;
    text_add_number(out, move->epoch);
    after += strspn(after, "0123456789");
    add_with_paths(after, strlen(after), move, out);
}

/* Copies the value of ` name="…"`; libvirt writes either quote. */
static bool read_attribute(const char *xml, const char *name, char *field, size_t size) {
    char wanted[16];
    text_format(wanted, sizeof(wanted), " %s=", name);
    const char *found = strstr(xml, wanted);
    if (!found)
        return false;
    found += strlen(wanted);
    const char *end = *found == '"' || *found == '\'' ? strchr(found + 1, *found) : NULL;
    if (!end || (size_t)(end - found) > size)
        return false;
    memcpy(field, found + 1, (size_t)(end - found - 1));
    field[end - found - 1] = 0;
    return true;
}

bool host_domain_read(const char *xml, struct host_domain_mark *out_mark) {
    char epoch[16], *end;
    if (!read_attribute(xml, "vm", out_mark->vm, sizeof(out_mark->vm)) ||
        !id_is_valid(out_mark->vm) || !read_attribute(xml, "epoch", epoch, sizeof(epoch)))
        return false;
    unsigned long value = strtoul(epoch, &end, 10);
    out_mark->epoch = (uint32_t)value;
    return epoch[0] >= '0' && epoch[0] <= '9' && !*end && value <= UINT32_MAX;
}

void host_domain_read_more(const char *xml, struct vm *vm) {
    const char *mark = strstr(xml, host_domain_namespace);
    char name[limit_name_size], networks[limit_vm_network_names + 1], on_loss[16];
    char allow[limit_vm_allow + 1];
    if (mark && read_attribute(mark, "name", name, sizeof(name)))
        text_set(vm->name, name);
    if (mark && read_attribute(mark, "networks", networks, sizeof(networks)) && *networks)
        vm->networks = memory_text(networks);
    if (mark && read_attribute(mark, "allow", allow, sizeof(allow)))
        vm->allow = memory_text(allow);
    bool is_said = mark && read_attribute(mark, "on-loss", on_loss, sizeof(on_loss));
    for (int i = 0; is_said && i < ON_LOSS_COUNT; i++)
        if (text_equal(on_loss, on_loss_names[i]))
            vm->on_loss = (enum on_loss)i;
}

bool host_domain_size(const char *xml, struct size *size) {
    static const char memory[] = "<memory unit='KiB'>", cpus[] = "<vcpu", current[] = " current='";
    const char *kib = strstr(xml, memory), *vcpu = strstr(xml, cpus);
    const char *end = vcpu ? strchr(vcpu, '>') : NULL;
    const char *now = vcpu ? strstr(vcpu, current) : NULL;
    if (!kib || !end)
        return false;
    const char *number = now && now < end ? now + strlen(current) : end + 1;
    size->cpus = (uint32_t)strtoul(number, NULL, 10);
    size->memory_mib = (uint32_t)(strtoull(kib + strlen(memory), NULL, 10) / 1024);
    return size->cpus && size->memory_mib;
}
