/* Which devices, processors and memory a domain gets, and up to what it can grow while it runs;
 * how our mark is read back, and which paths change when a domain goes to another host. */
#include "io/host/domain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/keys/secret.h"
#include "message/id.h"
#include "message/labels.h"

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

/* Locally administered and of one station; never 0xfe in front, which libvirt keeps for itself. */
void host_domain_mac(const char *vm, unsigned interface, char out_mac[host_mac_size]) {
    char words[limit_id_size + 16], digest[limit_digest_size];
    text_format(words, sizeof(words), "%s/%u", vm, interface);
    secret_hash_bytes(words, strlen(words), digest);
    text_format(out_mac, host_mac_size, "%c2:%.2s:%.2s:%.2s:%.2s:%.2s", "01234567"[digest[0] & 7],
                digest + 2, digest + 4, digest + 6, digest + 8, digest + 10);
}

static void add_interface(const struct host_network *network, const char *mac, struct text *out) {
    const char *type = network->bridge ? "bridge" : network->libvirt ? "network" : "user";
    text_addf(out, "<interface type='%s'><mac address='%s'/>", type, mac);
    if (network->bridge)
        add_value(out, "<source bridge='", network->bridge, "'/>");
    else if (network->libvirt)
        add_value(out, "<source network='", network->libvirt, "'/>");
    text_add(out, "<model type='virtio'/><rom enabled='no'/></interface>"); /* no PXE */
}

static void add_interfaces(const struct host_domain_plan *plan, struct text *out) {
    char name[limit_name_size], mac[host_mac_size];
    const char *rest = plan->job->definition.networks;
    for (unsigned i = 0; (rest = names_next(rest, name)); i++) {
        const struct host_network *network = host_network_find(plan->networks, name);
        assert(network); /* whoever plans has looked for them */
        host_domain_mac(plan->job->vm, i, mac);
        add_interface(network, mac, out);
    }
}

static void add_devices(const struct host_domain_plan *plan, struct text *out) {
    text_add(out, "<devices>");
    add_value(out,
             "<disk type='file' device='disk'>"
             "<driver name='qemu' type='qcow2' discard='unmap'/><source file='",
             plan->disk, "'/><target dev='vda' bus='virtio'/></disk>");
    add_value(out,
             "<disk type='file' device='disk'>"
             "<driver name='qemu' type='raw'/><source file='",
             plan->seed, "'/><target dev='vdb' bus='virtio'/><readonly/></disk>");
    add_interfaces(plan, out);
    add_value(out, "<serial type='pty'><log file='", plan->console_log,
             "' append='on'/><target port='0'/></serial>");
    text_add(out, "<console type='pty'><target type='serial' port='0'/></console>"
                  "<controller type='usb' model='none'/>"
                  "<memballoon model='virtio'/>");
    if (text_equal(plan->architecture, "x86_64"))
        text_add(out, "<panic model='isa'/>");
    text_add(out, "</devices>");
}

/* Processors that it can be given while it runs. */
static uint32_t most_cpus(const struct host_domain_plan *plan) {
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

/* libvirt wants a NUMA cell, with all that there is at the start, to plug more into. */
static void add_cpu(const struct host_domain_plan *plan, struct text *out) {
    const char *mode = text_equal(plan->type, "kvm") ? " mode='host-model'" : "";
    if (most_memory_mib(plan))
        text_addf(out,
                  "<cpu%s><numa><cell id='0' cpus='0-%" PRIu32 "' memory='%" PRIu32
                  "' unit='MiB'/></numa></cpu>",
                  mode, most_cpus(plan) - 1, plan->job->definition.size.memory_mib);
    else if (*mode)
        text_addf(out, "<cpu%s/>", mode);
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
    text_add(out, "'/></metadata>");
    if (most_memory_mib(plan))
        text_addf(out, "<maxMemory slots='%d' unit='MiB'>%" PRIu32 "</maxMemory>", module_slots,
                  most_memory_mib(plan));
    text_addf(out,
              "<memory unit='MiB'>%" PRIu32 "</memory><vcpu current='%" PRIu32 "'>%" PRIu32
              "</vcpu>",
              job->definition.size.memory_mib, job->definition.size.cpus, most_cpus(plan));
    if (is_test) {
        text_add(out, "<os><type>hvm</type></os></domain>");
        return;
    }
    add_value(out, "<os><type arch='", plan->architecture, "'>hvm</type><boot dev='hd'/></os>");
    text_add(out, "<features><acpi/><apic/></features>");
    add_cpu(plan, out);
    text_add(out, "<clock offset='utc'/><on_poweroff>destroy</on_poweroff>"
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
        bool is_value = at && (xml[at - 1] == '\'' || xml[at - 1] == '"');
        if (is_value && text_starts(xml + at, text_data(&folder)) &&
            xml[at + folder.length] == '/') {
            add_escaped(out, move->to_folder);
            at += folder.length;
        }
        text_add_bytes(out, xml + at, 1);
    }
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
