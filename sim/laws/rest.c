/* The laws that hold when the world has healed: wanted is actual everywhere, nothing is open, no
 * orphan is left, disks say what memories say, and the books balance on each level. */
#include "sim/laws/rest.h"

#include <string.h>

#include "base/text.h"
#include "core/books/book.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/role.h"
#include "message/codec/pack.h"
#include "message/owner.h"
#include "sim/laws/answers.h"
#include "sim/laws/hosts.h"
#include "sim/laws/kept/intervals.h"
#include "sim/laws/law.h"
#include "sim/parts/disk.h"
#include "sim/parts/domain.h"
#include "sim/parts/keys.h"
#include "sim/world/node.h"

enum { awake_ms = 60000 }; /* until whoever stood still has found a server */

static bool vm_is_at_rest(const struct vm *vm) {
    return vm->state != VM_DELETING && vm->state != VM_DELETED && vm->state != VM_FAILED &&
           vm->state != VM_PENDING;
}

static bool node_is_at_rest(const struct sim_world *world, const struct sim_node *node,
                            char *what, size_t size) {
    const struct book *book = node->role ? role_book(node->role) : NULL;
    struct list *at = NULL, *next = NULL;
    if (!book) {
        text_format(what, size, "%s is down", node->name);
        return false;
    }
    if (!list_is_empty(&node->jobs)) { /* of nobody's operation: a start after a power loss */
        text_format(what, size, "%s works", node->name);
        return false;
    }
    if (node->stands_until_ms && node->stands_until_ms + awake_ms > world->now_ms) {
        text_format(what, size, "%s stands still, or is not connected again", node->name);
        return false;
    }
    list_for(const struct sim_domain, domain, &node->domains, by_node) {
        if (!domain->is_frozen)
            continue;
        text_format(what, size, "%s: %s stands still", node->name, domain->vm->id);
        return false;
    }
    list_for(const struct book_op, op, &book->ops, by_age) {
        if (book_op_has_ended(op) && node_is_upstream(node))
            continue;
        text_format(what, size, "%s: %s (%s) %s", node->name, op->record.id,
                    verb_names[op->record.verb],
                    book_op_has_ended(op) ? "is not settled" : "has not ended");
        return false;
    }
    list_each(at, next, &book->vms) {
        const struct vm *vm = &container_of(at, struct book_vm, by_age)->record;
        if (vm_is_at_rest(vm))
            continue;
        text_format(what, size, "%s: %s is still %s", node->name, vm->id,
                    vm_state_names[vm->state]);
        return false;
    }
    return true;
}

bool rest_is_reached(const struct sim_world *world, char *what, size_t size) {
    if (!keys_are_at_rest(world, what, size))
        return false;
    for (uint32_t i = 0; i < world->nodes_count; i++)
        if (!node_is_at_rest(world, world->nodes[i], what, size) ||
            !intervals_are_kept(world, world->nodes[i], what, size))
            return false;
    return true;
}

bool rest_is_true(const struct sim_domain *domain, enum vm_state state) {
    if (!domain || domain->forgot)
        return state == (domain ? VM_CRASHED : VM_LOST);
    return state == domain->state || (state == VM_CRASHED && domain->is_cut &&
                                      domain->state == VM_STOPPED);
}

/* What is written on a level is what is true on the hosts. */
static void check_truth(struct sim_world *world, struct sim_node *node) {
    const struct book *book = role_book(node->role);
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &book->vms) {
        const struct vm *vm = &container_of(at, struct book_vm, by_age)->record;
        const struct sim_vm *there = domain_vm(world, vm->id);
        const struct sim_domain *domain =
            there ? container_of(there->domains.next, struct sim_domain, by_vm) : NULL;
        if (node->settings.kind == ROLE_AGENT)
            domain = domain_of(world, node, vm->id);
        if (!rest_is_true(domain, vm->state))
            law_fail(world, "wanted is actual", "%s says %s is %s, it is %s", node->name,
                     vm->id, vm_state_names[vm->state],
                     domain ? vm_state_names[domain->state] : "not there");
        if (domain)
            hosts_check_shape(world, node, vm, domain);
        if (domain)
            hosts_check_ips(world, node, vm, domain);
        if (domain && domain->by_vm.next != domain->by_vm.previous)
            law_fail(world, "not twice", "%s has several domains", vm->id);
    }
    list_for(const struct sim_domain, domain, &node->domains, by_node) {
        bool known = false;
        for (uint32_t i = 0; i < world->settings.upstreams; i++)
            known |= book_vm(role_book(world->nodes[i]->role), domain->vm->id) != NULL;
        if (!known || !book_vm(book, domain->vm->id))
            law_fail(world, "no orphan", "%s has %s, which nobody knows above", node->name,
                     domain->vm->id);
    }
}

/* Law 8: a restart would bring back what is known now. */
static void check_row(struct sim_world *world, const struct sim_node *node,
                      const struct table *table, const void *record) {
    const char *key = (const char *)record + table->fields[0].offset;
    const struct sim_row *row = disk_row(node, table, key);
    struct text packed = {0};
    codec_pack(table, record, FIELD_STORE, &packed);
    if (!row || row->length != packed.length ||
        memcmp(row->bytes, text_data(&packed), packed.length)) {
        struct text held = {0}, kept = {0};
        struct record read = {0};
        codec_encode(table, record, FIELD_STORE, &held);
        if (row) {
            disk_read(world, row, &read);
            codec_encode(table, read.data, FIELD_STORE, &kept);
        }
        law_fail(world, "nothing lost", "%s holds %s, its disk %s", node->name, text_data(&held),
                 row ? text_data(&kept) : "nothing");
    }
    text_deinit(&packed);
}

/* An operation that has ended and is in the store alone; answers_check_history() sees to these. */
static bool is_archived(struct sim_world *world, const struct sim_node *node,
                        const struct sim_row *row) {
    struct record record = {0};
    if (!node_is_upstream(node))
        return false;
    disk_read(world, row, &record);
    const struct operation *op = record.data;
    bool is = op->ended_ms && !book_op(role_book(node->role), op->id);
    record_deinit(&record);
    return is;
}

static void check_disk(struct sim_world *world, const struct sim_node *node) {
    const struct book *book = role_book(node->role);
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &book->vms)
        check_row(world, node, &stored_vm_table, &container_of(at, struct book_vm, by_age)->record);
    list_each(at, next, &book->ops)
        check_row(world, node, &operation_table,
                  &container_of(at, struct book_op, by_age)->record);
    uint64_t rows = 0;
    list_for(const struct sim_row, row, &node->rows, node) {
        rows += row->table == &stored_vm_table ||
                (row->table == &operation_table && !is_archived(world, node, row));
    }
    if (rows != book->vms_count + book->ops_count)
        law_fail(world, "nothing lost", "%s has %llu rows for %llu records", node->name,
                 (unsigned long long)rows,
                 (unsigned long long)(book->vms_count + book->ops_count));
}

/* Numbers of a capacity, counted from the hosts up by other code than the core's. */
struct count {
    uint64_t total[3], free[3], fits[sim_shapes];
};

/* What the numbers are counted by. */
struct counted {
    const struct sim_world *world;
    const struct sovereignty *sovereignty;
};

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t minus(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

/* Of a cordoned host or cluster, what is in use counts and nothing more. */
static void cordon(const struct sim_node *node, struct count *count) {
    if (!node->cordoned)
        return;
    for (int i = 0; i < 3; i++) {
        count->total[i] -= count->free[i];
        count->free[i] = 0;
    }
    memset(count->fits, 0, sizeof(count->fits));
}

static void count_host(const struct sim_world *world, const struct sim_node *node,
                       struct count *out) {
    uint64_t cpus = node->overcommit.cpus_percent, memory = node->overcommit.memory_percent;
    uint64_t total[3] = {node->host.cpus * (cpus ? cpus : 100) / 100,
                         node->host.memory_mib * (memory ? memory : 100) / 100,
                         node->host.disk_gib};
    uint64_t used[3] = {0};
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &node->domains) {
        const struct size *size = &container_of(at, struct sim_domain, by_node)->size;
        used[0] += size->cpus;
        used[1] += size->memory_mib;
        used[2] += size->disk_gib;
    }
    for (int i = 0; i < 3; i++) {
        out->total[i] += total[i];
        out->free[i] += minus(total[i], used[i]);
    }
    for (uint32_t i = 0; i < world->settings.shapes; i++) {
        const struct size *size = &world->shapes[i].size;
        uint64_t fits = minus(total[0], used[0]) / size->cpus;
        fits = least(fits, minus(total[1], used[1]) / size->memory_mib);
        out->fits[i] += least(fits, minus(total[2], used[2]) / size->disk_gib);
    }
}

static uint64_t of_kept(uint64_t kept, uint64_t limit, uint64_t used) {
    return minus(limit ? least(kept, limit) : kept, used);
}

/* What is kept for others and not used is not there. */
static void keep(const struct counted *counted, const struct sim_node *node, size_t manager,
                 struct count *count) {
    const struct sim_world *world = counted->world;
    uint64_t kept[3] = {0};
    for (size_t i = 0; i < node->settings.managers_count; i++) {
        const struct amounts *its = &node->shared[i].kept, *lent = &node->lent[i];
        const struct amounts *used = sovereignty_used(counted->sovereignty, node) + i;
        if (i == manager)
            continue;
        kept[0] += of_kept(its->cpus, lent->cpus, used->cpus);
        kept[1] += of_kept(its->memory_mib, lent->memory_mib, used->memory_mib);
        kept[2] += of_kept(its->disk_gib, lent->disk_gib, used->disk_gib);
    }
    for (int i = 0; i < 3; i++)
        count->free[i] = minus(count->free[i], kept[i]);
    for (uint32_t i = 0; i < world->settings.shapes; i++) {
        const struct size *size = &world->shapes[i].size;
        uint64_t sizes[3] = {size->cpus, size->memory_mib, size->disk_gib};
        for (int k = 0; k < 3; k++)
            if (kept[k])
                count->fits[i] = least(count->fits[i], count->free[k] / sizes[k]);
    }
}

static uint64_t down(uint64_t count, uint64_t step) { return step ? count / step * step : count; }

static void round_down(const struct sim_world *world, const struct amounts *steps,
                       struct count *count) {
    uint64_t step[3] = {steps->cpus, steps->memory_mib, steps->disk_gib};
    for (int i = 0; i < 3; i++) {
        count->total[i] = down(count->total[i], step[i]);
        count->free[i] = down(count->free[i], step[i]);
    }
    for (uint32_t i = 0; i < world->settings.shapes; i++)
        count->fits[i] = down(count->fits[i], steps->vms);
}

/* What the manager's owner lends bounds what is shown of it. */
static void bound(const struct counted *counted, const struct sim_node *node, size_t manager,
                  struct count *count) {
    const struct sim_world *world = counted->world;
    keep(counted, node, manager, count);
    const struct amounts *limits = &node->lent[manager];
    const struct amounts *used = sovereignty_used(counted->sovereignty, node) + manager;
    uint64_t limit[3] = {limits->cpus, limits->memory_mib, limits->disk_gib};
    uint64_t taken[3] = {used->cpus, used->memory_mib, used->disk_gib};
    for (int i = 0; i < 3; i++)
        if (limit[i]) {
            count->total[i] = least(count->total[i], limit[i]);
            count->free[i] = least(count->free[i], minus(limit[i], taken[i]));
        }
    for (uint32_t i = 0; i < world->settings.shapes; i++) {
        const struct size *size = &world->shapes[i].size;
        uint64_t sizes[3] = {size->cpus, size->memory_mib, size->disk_gib};
        for (int k = 0; k < 3; k++)
            if (limit[k])
                count->fits[i] =
                    least(count->fits[i], minus(limit[k], taken[k]) / sizes[k]);
        if (limits->vms)
            count->fits[i] = least(count->fits[i], minus(limits->vms, used->vms));
    }
    round_down(world, &node->shared[manager].steps, count);
}

/* The sum of all under `node`, bounded at each level on the way. */
static void count_node(const struct counted *counted, const struct sim_node *node,
                       const char *manager, struct count *out) {
    const struct sim_world *world = counted->world;
    struct count own = {0};
    if (node->settings.kind == ROLE_AGENT)
        count_host(world, node, &own);
    for (size_t i = 0; i < node->settings.agents_count; i++)
        count_node(counted, node_named(world, node->settings.agents[i].name), node->name, &own);
    for (size_t i = 0; node->lent && i < node->settings.managers_count; i++)
        if (text_equal(node->settings.managers[i].name, manager))
            bound(counted, node, i, &own);
    cordon(node, &own);
    for (int i = 0; i < 3; i++) {
        out->total[i] += own.total[i];
        out->free[i] += own.free[i];
    }
    for (uint32_t i = 0; i < world->settings.shapes; i++)
        out->fits[i] += own.fits[i];
}

static void compare(struct sim_world *world, const char *name, const struct node *shown,
                    const struct count *real) {
    const struct capacity *capacity = &shown->capacity;
    uint64_t total[3] = {capacity->cpus_total, capacity->memory_mib_total,
                         capacity->disk_gib_total};
    uint64_t free[3] = {capacity->cpus_free, capacity->memory_mib_free, capacity->disk_gib_free};
    for (int i = 0; i < 3; i++)
        if (total[i] != real->total[i] || free[i] != real->free[i])
            law_fail(world, "books balance",
                     "%s shows %llu of %llu free (cpus, memory, disk: %d), it has %llu of %llu",
                     name, (unsigned long long)free[i], (unsigned long long)total[i], i,
                     (unsigned long long)real->free[i], (unsigned long long)real->total[i]);
    for (uint32_t i = 0; i < capacity->fits_count; i++)
        for (uint32_t k = 0; k < world->settings.shapes; k++)
            if (text_equal(capacity->fits[i].shape, world->shapes[k].name) &&
                capacity->fits[i].count != real->fits[k])
                law_fail(world, "books balance", "%s shows room for %llu %s, it has %llu",
                         name, (unsigned long long)capacity->fits[i].count,
                         world->shapes[k].name, (unsigned long long)real->fits[k]);
}

/* Laws 1 and 3: a cluster is shown to be what it is, within what its owner lends. */
void rest_check_balance(const struct sovereignty *sovereignty, struct sim_world *world,
                        const struct sim_node *cloud) {
    const struct counted counted = {world, sovereignty};
    for (size_t i = 0; i < cloud->settings.agents_count; i++) {
        const char *name = cloud->settings.agents[i].name;
        struct count count = {0};
        struct record record;
        const struct sim_row *row = disk_row(cloud, &node_table, name);
        if (!row)
            law_fail(world, "books balance", "%s does not know %s", cloud->name, name);
        disk_read(world, row, &record);
        count_node(&counted, node_named(world, name), cloud->name, &count);
        compare(world, name, record.data, &count);
        record_deinit(&record);
    }
}

/* What the owner is shown of a host that is to be empty: every VM that is still there, with a
 * reason that is true at rest. */
static void check_remaining(struct sim_world *world, struct sim_node *node,
                            const struct owned_host *host) {
    uint64_t told = 0;
    for (uint32_t i = 0; i < host->remaining_count; i++) {
        enum stay why = host->remaining[i].why;
        told += host->remaining[i].vms;
        if (why != STAY_POLICY && why != STAY_ROOM && why != STAY_IMAGE && why != STAY_STATE &&
            why != STAY_LIVE && why != STAY_FAILED)
            law_fail(world, "a drain ends", "%s: VMs are still on %s: %s", node->name,
                     host->name, stay_names[why]);
    }
    if (told != host->vms)
        law_fail(world, "a drain ends", "%s: of %llu VMs on %s the owner is told of %llu",
                 node->name, (unsigned long long)host->vms, host->name,
                 (unsigned long long)told);
}

static void check_emptied(struct sim_world *world, struct sim_node *node) {
    if (node_is_upstream(node) || node->settings.kind == ROLE_AGENT)
        return;
    for (size_t i = 0; i < node->settings.agents_count; i++) {
        const struct sim_node *host = node_named(world, node->settings.agents[i].name);
        struct request request = {.kind = REQUEST_HOST_SHOW};
        struct event event = {.kind = EVENT_REQUEST, .now_ms = node_now_ms(world, node),
                              .wall_ms = node_wall_ms(world, node), .request = &request};
        struct effects effects = {0};
        if (!host->cordoned || host->duty == DUTY_CORDON)
            continue;
        text_set(request.key, host->name);
        role_step(node->role, &event, &effects);
        for (size_t k = 0; k < effects.count; k++)
            if (effects.items[k].kind == EFFECT_REPLY)
                check_remaining(world, node, effects.items[k].reply.record.data);
        effects_deinit(&effects);
    }
}

/* Where frames alone get lost, repeated or late, and few of them, that is mended inside the
 * session: none ends. */
void rest_check_sessions(struct sim_world *world) {
    enum { lost_most = 20 };
    struct sim_settings settings = world->settings;
    uint64_t uplinks = 0;
    if (settings.lose > lost_most || world->stats.crashes || world->stats.server_deaths)
        return; /* a script harms by itself */
    settings.lose = settings.repeat = settings.reorder = 0;
    if (!settings_are_calm(&settings))
        return;
    for (uint32_t i = 0; i < world->nodes_count; i++)
        uplinks += world->nodes[i]->settings.managers_count;
    if (world->stats.sessions != uplinks)
        law_fail(world, "losses are mended", "%llu sessions were opened on %llu uplinks",
                 (unsigned long long)world->stats.sessions, (unsigned long long)uplinks);
}

void rest_check(struct sim_world *world, struct sim_node *node) {
    role_check(node->role);
    check_truth(world, node);
    check_disk(world, node);
    check_emptied(world, node);
    if (node_is_upstream(node))
        answers_check_history(world, node);
}
