/* Without wishes, the tournament has the answer at hand. With wishes each peer is looked at: it
 * fails at the first thing that it lacks, and where none passes, the one that came furthest says
 * why. */
#include "core/below/placement.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "core/below/holds.h"
#include "core/below/leases.h"
#include "core/below/lend.h"
#include "core/below/peer.h"
#include "message/labels.h"

static struct tournament_excluded tried(const struct book_op *op) {
    _Static_assert(array_size(op->tried) <= tournament_excluded_most, "all that were tried");
    return op ? (struct tournament_excluded){op->tried, op->tried_count}
              : (struct tournament_excluded){0};
}

static bool was_tried(const struct book_op *op, const struct peer *peer) {
    for (uint32_t i = 0; op && i < op->tried_count; i++)
        if (&peer->downlink->peers[op->tried[i]] == peer)
            return true;
    return false;
}

static enum placement choose_any(const struct downlink *downlink, int shape,
                                 const struct book_op *op, struct peer **out_peer) {
    if (!downlink->up_count)
        return PLACEMENT_UNREACHABLE;
    size_t at = shape < 0 ? downlink->count : tournament_best(&downlink->rooms[shape], tried(op));
    if (at == downlink->count)
        return PLACEMENT_NO_ROOM;
    *out_peer = &downlink->peers[at];
    return PLACEMENT_FOUND;
}

/* One byte per peer: is one of the group there? NULL: the group makes no difference. */
static char *mark_group(const struct downlink *downlink, const struct placement_wish *wish) {
    enum group_rule rule = wish->placing->rule;
    char *marks = NULL;
    if (!wish->group || (rule != GROUP_TOGETHER && rule != GROUP_APART_CLUSTERS))
        return NULL;
    list_for(const struct book_vm, vm, &wish->group->vms, by_group) {
        const char *places[] = {vm->record.place, book_destination(vm)};
        for (size_t i = 0; i < array_size(places); i++) {
            const struct peer *peer = downlink_by_name(downlink, places[i]);
            if (!peer)
                continue;
            if (!marks)
                marks = memory_new(downlink->count, sizeof(*marks));
            marks[peer - downlink->peers] = 1;
        }
    }
    return marks;
}

/* Below a manager there may be such a host: it is to be asked. What is not up may have anything. */
static bool lacks_networks(const struct peer *peer, const char *networks) {
    size_t length = 0;
    return peer_is_up(peer) && !peer_is_manager(peer) &&
           labels_missing(peer->networks, networks, &length);
}

/* How far a peer gets as a candidate, and how good it is as one. */
struct candidate {
    enum placement fails_at;
    int64_t liked, room;
};

/* What is looked for, and where. */
struct search {
    const struct downlink *downlink;
    const struct placement_wish *wish;
    int shape;         /* of the wish in the catalogue; -1: not there */
    const char *marks; /* [peers] that have a VM of its group; NULL: no matter */
};

/* For its own hosts a manager below gives them itself. What is not up may have a warden. */
static bool lacks_leases(const struct search *search, const struct peer *peer) {
    return search->wish->leased && peer_is_up(peer) &&
           !(peer_is_manager(peer) && search->wish->leased == ON_LOSS_RESTART) &&
           (!peer->guarded || !search->downlink->lease_ms);
}

static bool lacks_copies(const struct placement_wish *wish, const struct peer *peer) {
    if (!wish->copied || !peer_is_up(peer))
        return false;
    if (peer_is_manager(peer))
        return peer_is_old(peer, protocol_version_intervals);
    return wish->copied == COPIED_BELOW || peer_is_old(peer, protocol_version_copy);
}

static struct candidate candidate(const struct search *search, size_t at) {
    const struct downlink *downlink = search->downlink;
    const struct placement_wish *wish = search->wish;
    const struct peer *peer = &downlink->peers[at];
    const struct placing *placing = wish->placing;
    const char *labels = peer_labels(peer);
    struct candidate it = {
        .room = search->shape < 0 ? 0 : downlink->rooms[search->shape].scores[at]};
    size_t length = 0;
    it.liked = (int64_t)labels_matching(labels, placing->prefer) -
               (int64_t)labels_matching(labels, placing->avoid);
    if (wish->ruling)
        it.liked += (int64_t)labels_matching(labels, wish->ruling->prefer) -
                    (int64_t)labels_matching(labels, wish->ruling->avoid);
    if (!words_allow(wish->allowed, peer->setting.name))
        it.fails_at = PLACEMENT_NOT_ALLOWED;
    else if (wish->ruling && !ruling_allows(wish->ruling, peer->setting.name, labels))
        it.fails_at = PLACEMENT_RULED_OUT;
    else if (labels_missing(labels, placing->must, &length))
        it.fails_at = PLACEMENT_NO_LABELS;
    else if (lacks_networks(peer, wish->networks))
        it.fails_at = PLACEMENT_NO_NETWORKS;
    else if (peer_is_old(peer, wish->version) || lacks_leases(search, peer) ||
             lacks_copies(wish, peer) || (wish->hosts && peer_is_manager(peer)))
        it.fails_at = PLACEMENT_TOO_OLD;
    else if (search->marks && (bool)search->marks[at] != (placing->rule == GROUP_TOGETHER))
        it.fails_at = PLACEMENT_NO_GROUP;
    else if (!peer_is_up(peer) || (wish->live && !peer->receives))
        it.fails_at = PLACEMENT_UNREACHABLE;
    else if (it.room <= 0 || was_tried(wish->op, peer) || (wish->leased && peer->evicts))
        it.fails_at = PLACEMENT_NO_ROOM;
    return it;
}

static enum strategy strategy_of(const struct placement_wish *wish) {
    if (wish->ruling && wish->ruling->strategy)
        return wish->ruling->strategy == RULED_PACK ? STRATEGY_PACK : STRATEGY_SPREAD;
    return wish->placing->strategy;
}

static bool is_better(const struct candidate *it, const struct candidate *best,
                      enum strategy strategy) {
    if (it->liked != best->liked)
        return it->liked > best->liked;
    return strategy == STRATEGY_PACK ? it->room < best->room : it->room > best->room;
}

/* From what stops a candidate first to what stops it last. */
static int stage(enum placement fails_at) {
    static const int stages[] = {
        [PLACEMENT_NOT_ALLOWED] = 0, [PLACEMENT_RULED_OUT] = 1,   [PLACEMENT_NO_LABELS] = 2,
        [PLACEMENT_NO_NETWORKS] = 3, [PLACEMENT_TOO_OLD] = 4,     [PLACEMENT_NO_GROUP] = 5,
        [PLACEMENT_UNREACHABLE] = 6, [PLACEMENT_NO_ROOM] = 7,     [PLACEMENT_FOUND] = 8};
    return stages[fails_at];
}

static enum placement choose_among(const struct downlink *downlink, int shape,
                                   const struct placement_wish *wish, struct peer **out_peer) {
    const char *only = wish->placing->cluster;
    struct candidate best = {0};
    auto_clean(memory_clean) char *marks = mark_group(downlink, wish);
    const struct search search = {downlink, wish, shape, marks};
    const struct peer *one = *only ? downlink_by_name(downlink, only) : NULL;
    if (!downlink->count || (*only && !one))
        return PLACEMENT_UNREACHABLE;
    size_t first = one ? (size_t)(one - downlink->peers) : 0;
    size_t end = one ? first + 1 : downlink->count;
    for (size_t at = first; at < end; at++) {
        struct candidate it = candidate(&search, at);
        bool better = at == first || stage(it.fails_at) > stage(best.fails_at) ||
                      (it.fails_at == best.fails_at &&
                       is_better(&it, &best, strategy_of(wish)));
        if (!better)
            continue;
        best = it;
        *out_peer = &downlink->peers[at];
    }
    return best.fails_at;
}

/* So near in all else that to have the image decides. */
static bool is_near(const struct candidate *it, const struct candidate *best,
                    enum strategy strategy) {
    return it->fails_at == PLACEMENT_FOUND && it->liked == best->liked &&
           (strategy == STRATEGY_PACK ? it->room <= 2 * best->room : 2 * it->room >= best->room);
}

/* The best of those that have the image and are near to who was chosen without it; or that one. */
static struct peer *prefer_image(const struct search *search, const struct holders *holders,
                                 struct peer *chosen) {
    const struct downlink *downlink = search->downlink;
    enum strategy strategy = search->wish->placing->strategy;
    struct candidate usual = candidate(search, (size_t)(chosen - downlink->peers)), best = {0};
    struct peer *preferred = NULL;
    for (uint32_t i = 0; i < holders->count; i++) {
        struct candidate it = candidate(search, holders->peers[i]);
        if (!is_near(&it, &usual, strategy) || (preferred && !is_better(&it, &best, strategy)))
            continue;
        best = it;
        preferred = &downlink->peers[holders->peers[i]];
    }
    return preferred ? preferred : chosen;
}

static bool is_plain(const struct placement_wish *wish) {
    const struct placing *placing = wish->placing;
    bool grouped = wish->group && (placing->rule == GROUP_TOGETHER ||
                                   placing->rule == GROUP_APART_CLUSTERS);
    bool ruled = wish->ruling && ruling_says(wish->ruling);
    return !wish->live && !wish->hosts && !wish->version && !wish->leased && !wish->copied &&
           !*placing->cluster && !placing->must && !placing->prefer && !placing->avoid && !ruled &&
           placing->strategy == STRATEGY_SPREAD && !grouped && !wish->networks &&
           !(wish->allowed && *wish->allowed);
}

enum placement placement_choose(const struct downlink *downlink,
                                const struct placement_wish *wish, struct peer **out_peer) {
    int shape = downlink_shape(downlink, wish->size);
    const struct holders *holders = wish->image && !*wish->placing->cluster
                                        ? downlink_holders(downlink, wish->image)
                                        : NULL;
    enum placement found = PLACEMENT_NO_ROOM;
    *out_peer = NULL;
    if (wish->op && wish->op->tried_count >= limit_refusals)
        return found;
    found = is_plain(wish) ? choose_any(downlink, shape, wish->op, out_peer)
                           : choose_among(downlink, shape, wish, out_peer);
    if (found != PLACEMENT_FOUND) {
        *out_peer = NULL;
    } else if (downlink->prefers_images && holders && !peer_holds(*out_peer, wish->image)) {
        auto_clean(memory_clean) char *marks = mark_group(downlink, wish);
        *out_peer = prefer_image(&(struct search){downlink, wish, shape, marks}, holders,
                                 *out_peer);
    }
    return found;
}

/* If nothing else was there. A manager's sum comes and goes with its hosts, and says nothing. */
static bool is_enough(const struct peer *peer, const struct size *size) {
    const struct capacity *has = &peer->capacity;
    return peer_is_manager(peer) ||
           (has->cpus_total >= size->cpus && has->memory_mib_total >= size->memory_mib &&
            has->disk_gib_total >= size->disk_gib);
}

/* Is it more than anybody has, whatever is free? Who has not told may have it. */
static bool is_above_any(const struct downlink *downlink, const struct size *size) {
    for (size_t i = 0; i < downlink->count; i++)
        if (!downlink->peers[i].has_told || is_enough(&downlink->peers[i], size))
            return false;
    return downlink->count;
}

enum obstacle placement_obstacle(const struct downlink *downlink,
                                 const struct placement_wish *wish, enum placement found) {
    switch (found) {
    case PLACEMENT_NO_LABELS:
        return OBSTACLE_HOST_MUST;
    case PLACEMENT_NO_NETWORKS:
        return OBSTACLE_NETWORKS;
    case PLACEMENT_NO_GROUP:
        return OBSTACLE_GROUP_RULE;
    case PLACEMENT_TOO_OLD:
        return wish->leased ? OBSTACLE_ON_LOSS : OBSTACLE_NONE;
    case PLACEMENT_NO_ROOM:
        return is_above_any(downlink, wish->size) ? OBSTACLE_SHAPE : OBSTACLE_NONE;
    case PLACEMENT_FOUND:
    case PLACEMENT_UNREACHABLE:
    case PLACEMENT_NOT_ALLOWED:
    case PLACEMENT_RULED_OUT:
        break;
    }
    return OBSTACLE_NONE;
}

static enum hindrance hindrance_at(const struct search *search, size_t at) {
    static const enum hindrance hindrances[] = {[PLACEMENT_NO_LABELS] = HINDRANCE_LABELS,
                                                [PLACEMENT_NO_NETWORKS] = HINDRANCE_NETWORKS,
                                                [PLACEMENT_TOO_OLD] = HINDRANCE_OLD,
                                                [PLACEMENT_NO_GROUP] = HINDRANCE_GROUP,
                                                [PLACEMENT_NO_ROOM] = HINDRANCE_ROOM,
                                                [PLACEMENT_FOUND] = HINDRANCE_KEPT,
                                                [PLACEMENT_NOT_ALLOWED] = HINDRANCE_NONE,
                                                [PLACEMENT_RULED_OUT] = HINDRANCE_NONE};
    const struct peer *peer = &search->downlink->peers[at];
    enum placement fails_at = candidate(search, at).fails_at;
    if (fails_at == PLACEMENT_TOO_OLD && lacks_leases(search, peer))
        return search->downlink->lease_ms ? HINDRANCE_WARDEN : HINDRANCE_LEASE;
    if (fails_at == PLACEMENT_UNREACHABLE || (fails_at == PLACEMENT_NO_ROOM && !peer->has_told))
        return peer_is_awaited(peer) ? HINDRANCE_RETURNING : HINDRANCE_AWAY;
    if (fails_at != PLACEMENT_NO_ROOM)
        return hindrances[fails_at];
    return was_tried(search->wish->op, peer)      ? HINDRANCE_REFUSED
           : peer->cordoned_ms                    ? HINDRANCE_CORDON
           : !is_enough(peer, search->wish->size) ? HINDRANCE_SIZE
                                                  : HINDRANCE_ROOM;
}

void placement_hinder(struct operation *op, enum hindrance why, const char *host) {
    struct hindered *found = NULL;
    for (uint32_t i = 0; i < op->hindered_count; i++)
        if (op->hindered[i].why == why)
            found = &op->hindered[i];
    if (!found) {
        op->hindered = memory_resize(op->hindered,
                                     (op->hindered_count + 1) * sizeof(*op->hindered));
        found = &op->hindered[op->hindered_count++];
        *found = (struct hindered){.why = why};
    }
    size_t length = found->names ? strlen(found->names) : 0;
    if (!host)
        return;
    found->hosts++;
    if (length + 1 + strlen(host) > limit_labels)
        return;
    struct text names = {0};
    text_addf(&names, "%s%s%s", length ? found->names : "", length ? "," : "", host);
    memory_free(found->names);
    found->names = memory_text(text_data(&names));
    text_deinit(&names);
}

void placement_unhinder(struct operation *op) {
    for (uint32_t i = 0; i < op->hindered_count; i++)
        memory_free(op->hindered[i].names);
    memory_free(op->hindered);
    op->hindered = NULL;
    op->hindered_count = 0;
}

void placement_explain(const struct downlink *downlink, const struct placement_wish *wish,
                       struct operation *op) {
    auto_clean(memory_clean) char *marks = mark_group(downlink, wish);
    const struct search search = {downlink, wish, downlink_shape(downlink, wish->size), marks};
    placement_unhinder(op);
    for (size_t at = 0; at < downlink->count; at++)
        placement_hinder(op, hindrance_at(&search, at), downlink->peers[at].setting.name);
}

/* A manager that is back before its hosts are shows nothing at all: what has waited for it waits
 * for them, too. */
static bool awaits_hosts(const struct placement_wish *wish, const struct peer *peer) {
    const struct downlink *downlink = peer->downlink;
    return wish->op && wish->op->attempts && peer_is_up(peer) && peer_is_manager(peer) &&
           !peer->cordoned_ms && !peer->capacity.cpus_total &&
           downlink->moment->now_ms - peer->state_ms < downlink->hold_down_ms;
}

bool placement_awaits(const struct downlink *downlink, const struct placement_wish *wish) {
    auto_clean(memory_clean) char *marks = mark_group(downlink, wish);
    const struct search search = {downlink, wish, downlink_shape(downlink, wish->size), marks};
    const char *only = wish->placing->cluster;
    for (size_t at = 0; at < downlink->count; at++) {
        const struct peer *peer = &downlink->peers[at];
        if ((peer_is_awaited(peer) || awaits_hosts(wish, peer)) && !was_tried(wish->op, peer) &&
            (!*only || text_equal(only, peer->setting.name)) &&
            stage(candidate(&search, at).fails_at) >= stage(PLACEMENT_UNREACHABLE))
            return true;
    }
    return false;
}

/* Said before anything was done, of this place alone: another may take it. */
static bool is_refusal(enum code code) {
    return code == CODE_NO_CAPACITY || code == CODE_NOT_ALLOWED || code == CODE_FULL ||
           code == CODE_BUSY || code == CODE_UNSUPPORTED || code == CODE_SHUTTING_DOWN ||
           code == CODE_NO_LEASE;
}

bool placement_leads_on(struct book_vm *vm, const struct peer *peer, enum code code) {
    const struct downlink *downlink = peer->downlink;
    struct book_op *op = vm->active;
    if (!is_refusal(code))
        return false;
    assert(op->tried_count < limit_refusals); /* or it would not have been placed */
    op->tried[op->tried_count++] = (uint16_t)(peer - downlink->peers);
    (void)book_tell(op, &(struct timeline_entry){.at_ms = downlink->moment->wall_ms,
                                                 .step = STEP_REFUSED,
                                                 .code = code,
                                                 .obstacle = op->record.obstacle,
                                                 .by = BY_PLACE,
                                                 .place = vm->record.place});
    op->record.obstacle = OBSTACLE_NONE;
    op->decider = BY_MANAGER; /* the next, or that there is none, is our own decision */
    list_remove(&op->by_room); /* it is not under way there any more, wherever it goes */
    placement_take(vm);
    return true;
}

void placement_remember(const struct downlink *downlink, struct book_op *op) {
    for (uint32_t i = 0; i < op->record.timeline_count; i++) {
        const struct timeline_entry *entry = &op->record.timeline[i];
        bool refused = entry->step == STEP_REFUSED && entry->place;
        const struct peer *peer = refused ? downlink_by_name(downlink, entry->place) : NULL;
        if (peer && op->tried_count < limit_refusals)
            op->tried[op->tried_count++] = (uint16_t)(peer - downlink->peers);
    }
}

enum code placement_verdict(const struct book_op *op) {
    const struct operation *record = &op->record;
    enum code common = CODE_OK;
    for (uint32_t i = 0; i < record->timeline_count; i++) {
        enum code code = record->timeline[i].code;
        if (record->timeline[i].step != STEP_REFUSED)
            continue;
        if (common != CODE_OK && code != common)
            return CODE_NO_CAPACITY;
        common = code;
    }
    return common == CODE_OK ? CODE_NO_CAPACITY : common;
}

enum obstacle placement_common_obstacle(const struct book_op *op) {
    const struct timeline_entry *first = NULL, *entry = op->record.timeline;
    for (uint32_t i = 0; i < op->record.timeline_count; i++, entry++) {
        if (entry->step != STEP_REFUSED)
            continue;
        if (first && first->obstacle != entry->obstacle)
            return OBSTACLE_NONE;
        first = entry;
    }
    return first ? first->obstacle : OBSTACLE_NONE;
}

void placement_put(struct peer *peer, struct book_vm *vm, struct book_op *op) {
    placement_take(vm);
    text_set(vm->record.place, peer->setting.name);
    list_add(&peer->vms, &vm->by_place);
    vm->record.place_epoch++;
    bool is_top = peer->downlink->anywhere_until_ms == book_never;
    vm->stored.leased =
        downlink_leases(peer->downlink, vm->record.on_loss) && (is_top || !peer_is_manager(peer));
    op->record.place_generation = ++vm->record.place_generation;
    op->attempts = 0;
    (void)book_tell(op, &(struct timeline_entry){.at_ms = peer->downlink->moment->wall_ms,
                                                 .step = STEP_PLACED,
                                                 .place = vm->record.place});
}

void placement_take(struct book_vm *vm) {
    list_remove(&vm->by_place);
    vm->record.place[0] = 0;
    vm->record.unheard_ms = 0;
}
