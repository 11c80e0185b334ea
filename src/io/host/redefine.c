/* Our mark tells the name, the networks and the rules, which each interface's filter keeps. Which
 * elements tell a domain's size, and change where that does: maxMemory, memory, currentMemory,
 * vcpu; in cpu its topology, where it has one, and its NUMA cell. */
#include "io/host/redefine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "message/labels.h"

/* Puts `by` in the place of what stands from `from` to `to`. */
static void splice(struct text *xml, const char *from, const char *to, const char *by) {
    struct text changed = {0};
    text_add_bytes(&changed, text_data(xml), (size_t)(from - text_data(xml)));
    text_add(&changed, by);
    text_add(&changed, to);
    text_deinit(xml);
    *xml = changed;
}

/* The start tag of the first such element behind the metadata, where others may use the name too;
 * NULL: there is none. */
static const char *find(const struct text *xml, const char *element) {
    static const char metadata[] = "</metadata>";
    const char *at = strstr(text_data(xml), metadata);
    size_t length = strlen(element);
    at = at ? at : text_data(xml);
    while ((at = strstr(at, element)) &&
           (at[-1] != '<' || !strchr(" />", at[length]) || !at[length]))
        at += length;
    return at ? at - 1 : NULL;
}

/* Behind the element's end. `start` is its start tag. */
static const char *end_of(const char *start, const char *element) {
    char end[32];
    const char *close = strchr(start, '>');
    if (!close || close[-1] == '/')
        return close ? close + 1 : start;
    text_format(end, sizeof(end), "</%s>", element);
    const char *last = strstr(close, end);
    return last ? last + strlen(end) : close + 1;
}

static void drop(struct text *xml, const char *element) {
    const char *start = find(xml, element);
    if (start)
        splice(xml, start, end_of(start, element), "");
}

/* Where ` name='value'` begins in the start tag, or NULL. */
static const char *find_attribute(const char *start, const char *name) {
    char wanted[32];
    text_format(wanted, sizeof(wanted), " %s='", name);
    const char *found = strstr(start, wanted);
    return found && found < strchr(start, '>') ? found : NULL;
}

/* Sets an attribute of an element that is there, or adds it. */
static void set_attribute(struct text *xml, const char *element, const char *name,
                          const char *value) {
    char made[64];
    const char *start = find(xml, element), *found = find_attribute(start, name);
    const char *from = found ? found : start + 1 + strlen(element);
    text_format(made, sizeof(made), " %s='%s'", name, value);
    splice(xml, from, found ? strchr(strchr(found, '\'') + 1, '\'') + 1 : from, made);
}

static void set_number(struct text *xml, const char *element, uint64_t value) {
    char number[24];
    const char *start = find(xml, element);
    const char *from = strchr(start, '>') + 1;
    text_format(number, sizeof(number), "%" PRIu64, value);
    splice(xml, from, from + strcspn(from, "<"), number);
}

/* Into the domain's cpu, which may have nothing in it, or not be there. */
static void add_to_cpu(struct text *xml, const struct text *piece) {
    static const char close[] = "</cpu>";
    auto_clean(text_deinit) struct text made = {0};
    const char *start = find(xml, "cpu");
    const char *end = start ? end_of(start, "cpu") : find(xml, "devices");
    bool is_empty = start && end[-2] == '/';
    text_addf(&made, "%s%s%s", start ? is_empty ? ">" : "" : "<cpu>", text_data(piece),
              start && !is_empty ? "" : close);
    if (start)
        end -= is_empty ? strlen("/>") : strlen(close);
    splice(xml, end, is_empty ? end + strlen("/>") : end, text_data(&made));
}

static void set_cpus(struct text *xml, const struct host_domain_plan *plan) {
    uint32_t most = host_domain_most_cpus(plan);
    char number[32];
    text_format(number, sizeof(number), "%" PRIu32, plan->job->definition.size.cpus);
    set_attribute(xml, "vcpu", "current", number);
    set_number(xml, "vcpu", most);
    if (find(xml, "topology")) {
        text_format(number, sizeof(number), "%" PRIu32, most);
        set_attribute(xml, "topology", "sockets", "1");
        set_attribute(xml, "topology", "cores", number);
        set_attribute(xml, "topology", "threads", "1");
    }
    if (find(xml, "cell")) {
        text_format(number, sizeof(number), "0-%" PRIu32, most - 1);
        set_attribute(xml, "cell", "cpus", number);
    }
}

static void set_memory(struct text *xml, const struct host_domain_plan *plan) {
    auto_clean(text_deinit) struct text most = {0}, cell = {0};
    drop(xml, "maxMemory");
    drop(xml, "currentMemory"); /* all that it has */
    drop(xml, "numa");
    set_attribute(xml, "memory", "unit", "MiB");
    set_number(xml, "memory", plan->job->definition.size.memory_mib);
    host_domain_add_most_memory(plan, &most);
    splice(xml, find(xml, "memory"), find(xml, "memory"), text_data(&most));
    host_domain_add_cell(plan, &cell);
    if (cell.length && find(xml, "devices"))
        add_to_cpu(xml, &cell);
}

/* Sets an attribute of our mark, whose values need no escapes; NULL: it has it no more. libvirt
 * writes what others put into the metadata in double quotes. */
static void set_mark(struct text *xml, const char *name, const char *value) {
    char wanted[16];
    auto_clean(text_deinit) struct text made = {0};
    const char *mark = strstr(text_data(xml), host_domain_namespace);
    const char *end = mark ? strchr(mark, '>') : NULL;
    if (!end)
        return;
    text_format(wanted, sizeof(wanted), " %s=", name);
    const char *from = strstr(mark, wanted), *to = NULL;
    if (from && from < end) {
        const char *quote = from + strlen(wanted);
        to = strchr(quote + 1, *quote) + 1;
    } else {
        from = to = mark + strlen(host_domain_namespace) + 1;
    }
    if (value)
        text_addf(&made, " %s='%s'", name, value);
    splice(xml, from, to, text_data(&made));
}

const char *host_redefine_interface(const char *xml, const char *mac, size_t *out_length) {
    static const char begin[] = "<interface ", end[] = "</interface>";
    char address[64];
    text_format(address, sizeof(address), "<mac address='%s'/>", mac);
    const char *at = strstr(xml, address), *close = at ? strstr(at, end) : NULL;
    while (close && at > xml && strncmp(at, begin, strlen(begin)) != 0)
        at--;
    if (!close || strncmp(at, begin, strlen(begin)) != 0)
        return NULL;
    *out_length = (size_t)(close - at) + strlen(end);
    return at;
}

/* Takes the interface of that number out, and puts the one that is wanted in its place. */
static enum code set_interface(struct text *xml, const struct host_domain_plan *plan,
                               unsigned number, const char *network) {
    char mac[limit_mac_size];
    size_t length = 0;
    host_domain_mac(plan->job->vm, number, mac);
    const char *there = host_redefine_interface(text_data(xml), mac, &length);
    if (there)
        splice(xml, there, there + length, "");
    const char *end = strstr(text_data(xml), "</devices>");
    if (!*network)
        return CODE_OK;
    auto_clean(text_deinit) struct text piece = {0};
    host_domain_add_interface(host_network_find(plan->networks, network), mac,
                              plan->job->definition.allow, &piece);
    if (end)
        splice(xml, end, end, text_data(&piece));
    return end ? CODE_OK : CODE_HOST_FAILED;
}

/* The networks by their numbers; "": no interface has that. */
static void read_numbers(const char *networks, char out[limit_vm_networks][limit_name_size]) {
    char name[limit_name_size];
    memset(out, 0, limit_vm_networks * limit_name_size);
    for (unsigned i = 0; (networks = slots_next(networks, &i, name)) && i < limit_vm_networks; i++)
        text_set(out[i], name);
}

/* What the mark says of an interface is true of it: both change at once. */
static enum code set_interfaces(struct text *xml, const struct host_domain_plan *plan,
                                struct error *err) {
    struct vm is = {0};
    char was[limit_vm_networks][limit_name_size], now[limit_vm_networks][limit_name_size];
    const char *networks = plan->job->definition.networks;
    enum code code = CODE_OK;
    host_domain_read_more(text_data(xml), &is);
    read_numbers(is.networks, was);
    read_numbers(networks, now);
    record_clear(&vm_table, &is);
    for (unsigned i = 0; i < limit_vm_networks && code == CODE_OK; i++) {
        if (text_equal(was[i], now[i]))
            continue;
        if (*now[i])
            code = host_network_for(plan->networks, now[i], plan->job->definition.allow, err);
        if (code == CODE_OK && !text_equal(plan->type, "test"))
            code = set_interface(xml, plan, i, now[i]);
        if (code == CODE_HOST_FAILED)
            error_set(err, -EINVAL, "the domain's definition has no devices");
    }
    if (code == CODE_OK && memcmp(was, now, sizeof(was)) != 0)
        set_mark(xml, "networks", networks ? networks : "");
    return code;
}

enum code host_redefine_networks(const char *xml, const struct host_domain_plan *plan,
                                 struct text *out, struct error *err) {
    auto_clean(text_deinit) struct text changed = {0};
    text_add(&changed, xml);
    enum code code = set_interfaces(&changed, plan, err);
    text_add(out, text_data(&changed));
    return code;
}

/* The filter of one interface is as the network's is here by now, with these rules. */
static void set_filter(struct text *xml, const char *mac, const struct host_network *network,
                       const char *allow) {
    static const char element[] = "<filterref ", close[] = "</interface>";
    auto_clean(text_deinit) struct text filter = {0};
    size_t length = 0;
    const char *interface = host_redefine_interface(text_data(xml), mac, &length);
    const char *found = interface ? strstr(interface, element) : NULL;
    if (!interface)
        return;
    const char *end = interface + length - strlen(close);
    found = found && found < end ? found : NULL;
    host_domain_add_filter(network, allow, &filter);
    splice(xml, found ? found : end, found ? end_of(found, "filterref") : end,
           text_data(&filter));
}

static bool has_rules(const char *xml, const char *allow) {
    struct vm is = {0};
    host_domain_read_more(xml, &is);
    bool same = text_equal(is.allow ? is.allow : "", allow ? allow : "");
    record_clear(&vm_table, &is);
    return same;
}

static void set_rules(struct text *xml, const struct host_domain_plan *plan) {
    const char *allow = plan->job->definition.allow, *rest = plan->job->definition.networks;
    char name[limit_name_size], mac[limit_mac_size];
    if (has_rules(text_data(xml), allow))
        return;
    set_mark(xml, "allow", allow);
    for (unsigned i = 0; (rest = slots_next(rest, &i, name)); i++) {
        const struct host_network *network = host_network_find(plan->networks, name);
        host_domain_mac(plan->job->vm, i, mac);
        if (network)
            set_filter(xml, mac, network, allow);
    }
}

void host_redefine_rules(const char *xml, const struct host_domain_plan *plan, struct text *out) {
    auto_clean(text_deinit) struct text changed = {0};
    text_add(&changed, xml);
    set_rules(&changed, plan);
    text_add(out, text_data(&changed));
}

enum firmware host_redefine_firmware(const char *xml) {
    if (!strstr(xml, "<os firmware='efi'>"))
        return FIRMWARE_BIOS;
    return strstr(xml, "<feature enabled='yes' name='secure-boot'/>") ? FIRMWARE_SECURE_BOOT
                                                                      : FIRMWARE_UEFI;
}

enum tpm host_redefine_tpm(const char *xml) {
    return strstr(xml, "<tpm ") ? TPM_2 : TPM_NONE; /* a name has no bare "<" */
}

bool host_redefine_keeps(const char *xml, const struct host_domain_plan *plan) {
    char architecture[limit_name_size + 16];
    enum firmware wanted = plan->job->definition.machine.firmware;
    wanted = wanted == FIRMWARE_ANY ? FIRMWARE_BIOS : wanted;
    bool is_other = plan->job->kind == JOB_REBUILD &&
                    (wanted != host_redefine_firmware(xml) ||
                     (plan->job->definition.machine.tpm && !host_redefine_tpm(xml)));
    text_format(architecture, sizeof(architecture), " arch='%s'", plan->architecture);
    return text_equal(plan->type, "test") || (strstr(xml, architecture) && !is_other);
}

/* An element's number, or that of its attribute where it has that. */
static uint64_t number_of(const struct text *xml, const char *element, const char *name) {
    const char *start = find(xml, element), *found = find_attribute(start, name);
    return strtoull(found ? strchr(found, '\'') + 1 : strchr(start, '>') + 1, NULL, 10);
}

int host_redefine(const char *xml, const struct host_domain_plan *plan, struct text *out,
                  struct error *err) {
    enum { kib = 1024 };
    const struct size *size = &plan->job->definition.size;
    struct text changed = {0};
    text_add(&changed, xml);
    if (*plan->job->definition.name)
        set_mark(&changed, "name", plan->job->definition.name);
    bool is_whole = find(&changed, "memory") && find(&changed, "vcpu");
    if (is_whole && number_of(&changed, "vcpu", "current") != size->cpus)
        set_cpus(&changed, plan);
    if (is_whole && number_of(&changed, "memory", "") != (uint64_t)size->memory_mib * kib)
        set_memory(&changed, plan);
    bool is_connected = set_interfaces(&changed, plan, err) == CODE_OK;
    set_rules(&changed, plan);
    text_add(out, text_data(&changed));
    text_deinit(&changed);
    if (!is_connected)
        return -EINVAL;
    return is_whole ? 0 : error_set(err, -EINVAL, "the domain's definition says no memory or vcpu");
}
