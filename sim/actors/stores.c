/* Whose word a stranger's is like: the hello of another store, of an older state, of a copy; the
 * welcome of a manager that was followed. Who hears it is asked for what it does in that step. */
#include "sim/actors/stores.h"

#include "base/text.h"
#include "core/link/incarnation.h"
#include "message/owner.h"
#include "sim/actors/decision.h"
#include "sim/parts/aside.h"
#include "sim/parts/disk.h"
#include "sim/parts/domain.h"
#include "sim/parts/link.h"
#include "sim/parts/process.h"
#include "sim/parts/step.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

/* What the node's disk has of its own store, or of that of the peer on that side. */
static struct incarnation kept(struct sim_world *world, const struct sim_node *node,
                               const char *peer) {
    const struct table *table = peer ? &known_incarnation_table : &own_incarnation_table;
    const struct sim_row *row = disk_row(node, table, peer ? peer : "own");
    struct incarnation found = {0};
    struct record record;
    if (!row)
        return found;
    disk_read(world, row, &record);
    found = peer ? ((const struct known_incarnation *)record.data)->incarnation
                 : ((const struct own_incarnation *)record.data)->incarnation;
    record_deinit(&record);
    return found;
}

static struct incarnation known(struct sim_world *world, const struct sim_node *node,
                                const char *side, const struct sim_node *peer) {
    char key[limit_pin_size];
    text_format(key, sizeof(key), "%s %s", side, peer->name);
    return kept(world, node, key);
}

/* Files for what is to come from another host go with the store. */
static void lose_shells(struct sim_world *world, struct sim_node *node) {
    list_for(struct sim_domain, domain, &node->domains, by_node) {
        if (domain->is_shell)
            domain_remove(world, domain);
    }
}

void stores_lose(struct sim_world *world, struct sim_node *node) {
    enum { away_most_ms = 30000 };
    if (node->role)
        process_crash(world, node, 1000 + prng_below(&world->fate, away_most_ms));
    disk_lose(node);
    lose_shells(world, node);
    world->stats.stores_lost++;
    world_observe(world, &(struct fact){FACT_STORE_LOST, node});
}

/* The hearer's next step is that of this frame alone. */
static void inject(struct sim_world *world, struct sim_link *to, const struct sim_link *name,
                   const struct frame *frame, enum fact_kind kind) {
    struct sim_node *node = to->node;
    struct event event = {.kind = EVENT_FRAME,
                          .frame = {.link = to->index, .from = name->address, .frame = frame}};
    decision_let_due_pass(world, node);
    size_t before = node->pending.count;
    step_give(world, node, &event);
    const struct effect *effects = node->pending.items;
    world_observe(world, &(struct fact){kind, node,
                                        .stranger = {name, effects ? effects + before : NULL,
                                                     node->pending.count - before}});
}

/* Another store, or the one that is believed in an older state, or a copy of it. */
static struct incarnation stranger(struct sim_world *world, const struct incarnation *believed) {
    struct incarnation other = *believed;
    uint64_t how = believed->term ? prng_below(&world->fate, 3) : 0;
    other.run = 1 + prng_below(&world->fate, incarnation_term_most);
    if (how == 0)
        other.store = other.term = other.run;
    else if (how == 1)
        other.term -= other.term > 1;
    return other;
}

void stores_greet(struct sim_world *world, struct sim_node *node) {
    struct sim_node *manager = node_named(world, node->settings.managers[0].name);
    struct sim_link *name = &node->links[node->links_count - 1];
    struct sim_link *to = map_get(&world->addresses, node->settings.managers[0].address);
    struct incarnation is = kept(world, node, NULL);
    struct incarnation heard = known(world, node, "above", manager);
    struct incarnation believed = known(world, manager, "below", node);
    bool is_known = heard.term && (!believed.term || believed.store == is.store);
    if (!node_serves(manager) || !to->up || !is_known)
        return;
    struct message message = {.kind = MESSAGE_HELLO};
    message.hello = (struct hello){.version = protocol_version,
                                   .version_oldest = protocol_version_oldest,
                                   .incarnation = stranger(world, &believed), .manager = heard};
    struct frame frame = {.header = {.from = 1 + prng_below(&world->fate, session_number_most),
                                     .sequence = 1},
                          .messages = &message, .messages_count = 1};
    node->twin_ms = world->now_ms;
    world->stats.twins++;
    inject(world, to, name, &frame, FACT_TWIN);
}

/* One of its clusters is about to hear from it again, and hears the predecessor first. */
static void on_welcome(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *cluster = occurrence->node;
    struct sim_link *link = &cluster->links[1];
    const struct sim_node *manager = occurrence->from->node;
    struct incarnation heard = known(world, cluster, "above", manager);
    if (occurrence_is_stale(occurrence) || !link->up || heard.term < 2 || !link->session)
        return;
    struct message message = {.kind = MESSAGE_WELCOME};
    message.welcome = (struct welcome){.version = protocol_version, .beat_ms = 5000,
                                       .incarnation = {heard.store, heard.term - 1, 1}};
    struct frame frame = {.header = {.from = 1 + prng_below(&world->fate, session_number_most),
                                     .to = link->session, .sequence = 1, .received = 1},
                          .messages = &message, .messages_count = 1};
    inject(world, link, occurrence->from, &frame, FACT_PREDECESSOR);
}

static void forge_welcome(struct sim_world *world, struct sim_node *manager) {
    enum { before_the_true_one_ms = 4 };
    size_t which = prng_below(&world->fate, manager->settings.agents_count);
    struct sim_node *cluster = node_named(world, manager->settings.agents[which].name);
    if (!cluster->role || !cluster->links[1].up)
        return;
    link_set(world, cluster, 1, PRESENCE_DOWN);
    link_set(world, cluster, 1, PRESENCE_UP);
    struct occurrence *says = world_later(world, cluster, before_the_true_one_ms, on_welcome);
    says->from = &manager->links[0];
}

/* Has each of its clusters heard the successor? Those that have not may still follow the other. */
static bool is_known(struct sim_world *world, const struct sim_node *node) {
    struct incarnation own = kept(world, node, NULL);
    for (size_t i = 0; i < node->settings.agents_count; i++) {
        const struct sim_node *cluster = node_named(world, node->settings.agents[i].name);
        if (known(world, cluster, "above", node).term != own.term)
            return false;
    }
    return true;
}

static void on_end(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    if (!node->is_followed)
        return;
    world->stats.deposed += node->gave_way;
    aside_end(world, node);
}

static void on_return(struct sim_world *world, struct occurrence *occurrence) {
    enum { stays_ms = 1500, again_ms = 7001 };
    struct sim_node *node = occurrence->node;
    if (!node->aside || node->is_followed)
        return;
    if (!node->role || !node->links[0].up || !is_known(world, node)) {
        world_later(world, node, again_ms, on_return);
        return;
    }
    forge_welcome(world, node);
    aside_return(world, node);
    world_later(world, node, stays_ms, on_end);
}

/* As the guide says, the successor's term is raised; or it is not, and is one more by its start. */
static void raise_term(struct sim_world *world, struct sim_node *node) {
    struct own_incarnation own = {.key = "own", .incarnation = kept(world, node, NULL)};
    struct record record = {&own_incarnation_table, &own};
    incarnation_raise(&own, &world->fate);
    disk_put(world, node, &record);
}

void stores_follow(struct sim_world *world, struct sim_node *node) {
    enum { away_most_ms = 10000, back_least_ms = 15001, back_most_ms = 25000 };
    if (!node->role || node->aside || !kept(world, node, NULL).term)
        return;
    aside_stop(world, node, 100 + prng_below(&world->fate, away_most_ms));
    if (prng_below(&world->fate, 2))
        raise_term(world, node);
    world_later(world, node, back_least_ms + prng_below(&world->fate, back_most_ms), on_return);
}

/* --- a cluster whose store is an older one --- */

static bool is_at_rest(const struct sim_node *node, const char *id) {
    const struct book_vm *vm = node && node->role ? book_vm(role_book(node->role), id) : NULL;
    return vm && !vm->active && !vm->stored.move && !vm->stored.destination &&
           vm->record.state != VM_LOST && vm->record.state != VM_DELETING &&
           vm->record.state != VM_FAILED && vm->record.state != VM_DELETED;
}

static bool lends_all(const struct sim_node *node) {
    const struct amounts none = {0};
    for (size_t i = 0; i < node->settings.managers_count; i++)
        if (!record_equal(&amounts_table, &node->lent[i], &none))
            return false;
    return true;
}

/* As of before the VM was made, or of when it had just been. */
static void make_older(struct sim_world *world, struct sim_node *node, const struct vm *vm) {
    struct record record;
    const struct sim_row *row = disk_row(node, &stored_vm_table, vm->id);
    if (!row)
        return;
    disk_read(world, row, &record);
    struct vm *older = &((struct stored_vm *)record.data)->vm;
    if (prng_below(&world->fate, 2)) {
        struct template template = {0};
        text_set(template.vm, vm->id);
        disk_delete(node, &record);
        disk_delete(node, &(struct record){&template_table, &template});
    } else {
        older->generation = older->place_generation = 1;
        disk_put(world, node, &record);
    }
    record_deinit(&record);
}

void stores_restore(struct sim_world *world, struct sim_node *node) {
    enum { vms_most = 4, away_most_ms = 20000 };
    struct vm chosen[vms_most];
    size_t count = 0;
    if (!node->role || !kept(world, node, NULL).term || !lends_all(node))
        return;
    list_for(const struct book_vm, vm, &role_book(node->role)->vms, by_age) {
        const struct vm *record = &vm->record;
        bool is_open = !record->networks || world->settings.interfaces;
        if (count < vms_most && is_open && is_at_rest(node, record->id) &&
            is_at_rest(node_named(world, record->asker), record->id) &&
            is_at_rest(node_named(world, record->place), record->id) &&
            prng_below(&world->fate, 2))
            chosen[count++] = *record;
    }
    if (!count)
        return;
    process_crash(world, node, 1000 + prng_below(&world->fate, away_most_ms));
    for (size_t i = 0; i < count; i++)
        make_older(world, node, &chosen[i]);
    raise_term(world, node);
    world->stats.restored++;
    world_observe(world, &(struct fact){FACT_STORE_LOST, node});
}

/* Whose the VM is above: NULL, nobody's; or one who is down, who has to be asked first. */
static const struct sim_node *asker_of(const struct sim_world *world, const struct sim_node *node,
                                       const char *vm) {
    for (size_t i = 0; i < node->settings.managers_count; i++) {
        const struct sim_node *above = node_named(world, node->settings.managers[i].name);
        if (!node_serves(above) || book_vm(role_book(above->role), vm))
            return above;
    }
    return NULL;
}

static void decide(struct sim_world *world, struct sim_node *node,
                   const struct sim_domain *domain) {
    const struct sim_node *above = asker_of(world, node, domain->vm->id);
    struct request request = {
        .kind = above ? REQUEST_LEFTOVER_ADOPT : REQUEST_LEFTOVER_DISCARD};
    text_set(request.key, domain->vm->id);
    text_set(request.leftover.place, domain->node->name);
    if (above && !node_serves(above))
        return;
    if (above)
        text_set(request.leftover.asker, above->name);
    bool done = decision_ask(world, node, &request);
    domain->vm->was_taken_in |= done && above;
    world->stats.adopted += done && above;
    world->stats.discarded += done && !above;
}

static bool is_unknown(const struct sim_node *node, const struct sim_domain *domain) {
    return !domain->is_shell && !disk_row(node, &stored_vm_table, domain->vm->id);
}

/* Of what the cluster's hosts have. */
static bool knows_all(const struct sim_world *world, const struct sim_node *node) {
    for (size_t i = 0; node->settings.kind == ROLE_DOWNSTREAM && i < node->settings.agents_count;
         i++) {
        const struct sim_node *host = node_named(world, node->settings.agents[i].name);
        list_for(const struct sim_domain, domain, &host->domains, by_node) {
            if (is_unknown(node, domain))
                return false;
        }
    }
    return true;
}

static void decide_all(struct sim_world *world, struct sim_node *node) {
    for (size_t i = 0; node->settings.kind == ROLE_DOWNSTREAM && i < node->settings.agents_count;
         i++) {
        struct sim_node *host = node_named(world, node->settings.agents[i].name);
        list_for(const struct sim_domain, domain, &host->domains, by_node) {
            if (node->role && is_unknown(node, domain))
                decide(world, node, domain);
        }
    }
}

static bool is_accepted(struct sim_world *world, const struct sim_node *manager,
                        const struct sim_node *place) {
    struct incarnation own = kept(world, place, NULL);
    struct incarnation believed = known(world, manager, "below", place);
    return !own.term || !believed.term || own.store == believed.store;
}

void stores_accept(struct sim_world *world, struct sim_node *node) {
    enum { apart_ms = 60000 }; /* from a twin: who came last would be believed */
    bool is_upstream = node_is_upstream(node);
    decide_all(world, node);
    for (size_t i = 0; node_serves(node) && i < node->settings.agents_count; i++) {
        const struct sim_node *place = node_named(world, node->settings.agents[i].name);
        bool is_alone = !place->twin_ms || world->now_ms - place->twin_ms >= apart_ms;
        struct request request = {
            .kind = is_upstream ? REQUEST_CLUSTER_ACCEPT : REQUEST_HOST_ACCEPT};
        if (!place->role || !is_alone || is_accepted(world, node, place) ||
            !knows_all(world, place))
            continue;
        text_set(request.key, place->name);
        if (is_upstream)
            text_format(request.token_hash, sizeof(request.token_hash), "operator");
        world->stats.accepted += decision_ask(world, node, &request);
    }
}

bool stores_are_accepted(struct sim_world *world) {
    bool all = true;
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        const struct sim_node *node = world->nodes[i];
        all &= knows_all(world, node);
        for (size_t k = 0; k < node->settings.agents_count; k++)
            all &= is_accepted(world, node, node_named(world, node->settings.agents[k].name));
    }
    return all;
}

void stores_end(struct sim_world *world) {
    for (uint32_t i = 0; i < world->nodes_count; i++)
        if (world->nodes[i]->aside)
            aside_end(world, world->nodes[i]);
}
