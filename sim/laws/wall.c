/* Law 1: what an uplink carries names nothing but what came down it. Every id, shape and network in
 * a message to a manager has been named by that manager; host and cluster names, addresses and
 * tenants' words never stand in one. And what has to go up of a VM whose host is away. */
#include "sim/laws/wall.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "core/below/downlink.h"
#include "core/below/peer.h"
#include "core/books/lifecycle.h"
#include "message/labels.h"
#include "sim/actors/owners.h"
#include "sim/laws/law.h"
#include "sim/world/node.h"

enum { id_length = 29 }; /* prefix and 26 characters */

static void name_networks(struct wall *wall, const struct sim_node *manager,
                          const char *networks) {
    char name[limit_name_size];
    for (unsigned i = 0; (networks = slots_next(networks, &i, name)); i++)
        (void)ledger_put(&wall->told, manager, name);
}

void wall_said(struct wall *wall, const struct sim_node *manager, const struct message *message) {
    if (manager->settings.kind == ROLE_AGENT)
        return;
    if (message->kind == MESSAGE_INSTRUCT) {
        (void)ledger_put(&wall->told, manager, message->instruct.op);
        (void)ledger_put(&wall->told, manager, message->instruct.vm);
        if (message->instruct.definition.allow)
            (void)ledger_put(&wall->told, manager, message->instruct.definition.allow);
        name_networks(wall, manager, message->instruct.definition.networks);
    }
    for (uint32_t i = 0; message->kind == MESSAGE_WELCOME && i < message->welcome.shapes_count;
         i++)
        (void)ledger_put(&wall->told, manager, message->welcome.shapes[i].name);
}

static void check_named(const struct wall *wall, struct sim_world *world,
                        const struct sim_node *manager, const char *name, size_t length) {
    char copy[limit_name_size] = "";
    memcpy(copy, name, length < sizeof(copy) ? length : sizeof(copy) - 1);
    if (!ledger_get(&wall->told, manager, copy))
        law_fail(world, "wall", "'%s' goes up to %s, which never named it", copy,
                 manager->name);
}

/* Names of networks stand in the facts of VMs alone. */
static void check_networks(const struct wall *wall, struct sim_world *world,
                           const struct sim_node *manager, const char *bytes) {
    static const char networks[] = "\"networks\":\"", network[] = "lan-";
    for (const char *at = bytes; (at = strstr(at, network)); at += sizeof(network) - 1) {
        const char *begin = at;
        while (begin > bytes && begin[-1] != '"' && begin[-1] != ',')
            begin--;
        const char *list = begin;
        while (list > bytes && list[-1] != '"')
            list--;
        bool is_list = list - bytes >= (ptrdiff_t)(sizeof(networks) - 1) &&
                       text_starts(list - (sizeof(networks) - 1), networks);
        if (!is_list)
            law_fail(world, "wall", "%s is told a network: %s", manager->name, bytes);
        check_named(wall, world, manager, begin, strcspn(begin, ",\""));
    }
}

void wall_check(const struct wall *wall, struct sim_world *world, const struct sim_node *node,
                const struct fact_uplink *uplink) {
    const char *bytes = uplink->json;
    const struct sim_link *to = uplink->to;
    /* each with a letter that no id has; the last are of hosts that send each other VMs */
    static const char *const inside[] = {"inner", "@s", "cloud", "people", "plum", "tiny", "qemu+",
                                         "landing", "\"sends\"", "\"receives\""};
    static const char *const named[] = {"\"shape\":\"", "\"allow\":\""};
    world->stats.signs += strstr(bytes, "\"unheard_ms\"") != NULL;
    for (size_t i = 0; i < array_size(inside); i++)
        if (strstr(bytes, inside[i]))
            law_fail(world, "wall", "%s tells %s: %s", node->name, to->node->name, bytes);
    check_networks(wall, world, to->node, bytes);
    for (const char *at = strchr(bytes, '"'); at; at = strchr(at + 1, '"')) {
        if (text_starts(at, "\"vm-") || text_starts(at, "\"op-"))
            check_named(wall, world, to->node, at + 1, id_length);
        for (size_t i = 0; i < array_size(named); i++) {
            const char *name = at + strlen(named[i]);
            if (text_starts(at, named[i]))
                check_named(wall, world, to->node, name, strcspn(name, "\""));
        }
    }
}

static bool tells_ips(const struct message *message) {
    bool tells = message->kind == MESSAGE_VM && message->vm.ips_count;
    for (uint32_t i = 0; message->kind == MESSAGE_TABLE && i < message->table.vms_count; i++)
        tells |= message->table.vms[i].ips_count;
    return tells;
}

/* What is said again was said before. */
static bool is_new(struct wall *wall, const struct sim_node *node,
                   const struct effect_send *send) {
    char name[limit_address_size + 16]; /* several managers may share a link */
    text_format(name, sizeof(name), "%u %s", send->link, send->address);
    struct wall_said *said = ledger_put(&wall->said, node, name);
    bool is = said->session != send->header.from || send->header.sequence > said->sequence;
    if (is) {
        said->session = send->header.from;
        said->sequence = send->header.sequence;
    }
    return is;
}

/* Whose it is; none's: their count. */
static size_t manager_of(const struct sim_node *node, const struct effect_send *send) {
    size_t at = 0;
    while (at < node->settings.managers_count && (node->settings.managers[at].link != send->link ||
           !text_equal(node->settings.managers[at].address, send->address)))
        at++;
    return at;
}

void wall_check_views(struct wall *wall, struct sim_world *world, const struct sim_node *node,
                      const struct effects *effects) {
    for (size_t i = 0; node->settings.kind == ROLE_DOWNSTREAM && i < effects->count; i++) {
        const struct effect_send *send = &effects->items[i].send;
        if (effects->items[i].kind != EFFECT_SEND)
            continue;
        size_t manager = manager_of(node, send);
        if (manager == node->settings.managers_count)
            continue;
        bool is_fresh = is_new(wall, node, send);
        if (is_fresh && tells_ips(&send->message) &&
            !words_allow(owners_permit(node, manager)->views, view_ips))
            law_fail(world, "sovereignty", "%s tells %s which IP addresses VMs have, and may not",
                     node->name, node->settings.managers[manager].name);
        if (send->message.kind == MESSAGE_USAGES && is_fresh &&
            !words_allow(owners_permit(node, manager)->views, view_usage))
            law_fail(world, "sovereignty", "%s tells %s what VMs use, and may not", node->name,
                     node->settings.managers[manager].name);
        if (send->message.kind == MESSAGE_READING && send->message.reading.base64 &&
            !words_allow(owners_permit(node, manager)->views, view_log) && is_fresh)
            law_fail(world, "sovereignty", "%s tells %s what a console said, and may not",
                     node->name, node->settings.managers[manager].name);
    }
}

/* As long as it takes to tell of it, and a turn; a beat that nobody has asked for is of 15 s. */
static bool has_been_so(const struct sim_world *world, const struct sim_node *node,
                        const struct peer *peer) {
    enum { beat_ms = 15000, turn_ms = 1000 };
    return peer->state != PEER_SUSPECT &&
           node_now_ms(world, node) > peer->state_ms + beat_ms + turn_ms;
}

static void check_peer(struct sim_world *world, const struct sim_node *node,
                       const struct peer *peer) {
    list_for(const struct book_vm, vm, &peer->vms, by_place) {
        bool told = vm->stored.told_unheard_ms, away = peer->state == PEER_AWAY;
        if (lifecycle_is_made(vm->record.state) && !vm->record.unheard_ms && told != away)
            law_fail(world, "a place that is away does not look alive",
                     "%s: %s is %s and on %s, which is %s, and above is told that it is %s",
                     node->name, vm->record.id, vm_state_names[vm->record.state],
                     peer->setting.name, peer_state_names[peer->state],
                     told ? "not heard of" : "there");
    }
}

void wall_check_signs(struct sim_world *world) {
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        const struct sim_node *node = world->nodes[i];
        if (node->settings.kind != ROLE_DOWNSTREAM || !node->role)
            continue;
        const struct downlink *downlink = role_downlink(node->role);
        for (size_t k = 0; k < downlink->count; k++)
            if (has_been_so(world, node, &downlink->peers[k]))
                check_peer(world, node, &downlink->peers[k]);
    }
}

void wall_check_signs_at_rest(struct sim_world *world, const struct sim_node *node) {
    list_for(const struct book_vm, vm, &role_book(node->role)->vms, by_age)
        if (vm->record.unheard_ms || vm->stored.told_unheard_ms)
            law_fail(world, "a place that is back does not look away",
                     "%s says at rest that nothing is heard of %s", node->name, vm->record.id);
}
