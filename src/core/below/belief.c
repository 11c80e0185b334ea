/* In which order a hello is held against what is known, what of it is written, and how long a
 * conflict is shown while its place is in a session all the same. */
#include "core/below/belief.h"

#include "core/below/peer.h"

enum {
    shown_ms = 600000,  /* after what was seen last, by a place that is believed */
    noted_ms = 60000,   /* between two lines of the log about one place */
    heard_ms = 600000,  /* whoever was heard in this time follows this manager */
    silent_ms = 60000,  /* after the first hello of all, whoever has said none may follow it */
    under_way_ms = 60000, /* for which an earlier hello may still come, after a later one */
};

static const char *const conflict_words[CONFLICT_COUNT] = {
    [CONFLICT_STORE] = "comes with another store than before",
    [CONFLICT_OLDER] = "comes with its store as it was before: a copy of it, or restored",
    [CONFLICT_MANAGER] = "has heard of a later manager by our name",
    [CONFLICT_ADDRESS] = "says that somebody else takes its address",
};

static void see(struct peer *peer, enum conflict conflict, const struct incarnation *told) {
    const struct moment *moment = peer->downlink->moment;
    bool is_store = conflict == CONFLICT_STORE || conflict == CONFLICT_OLDER;
    peer->conflict = conflict;
    peer->told = *told;
    peer->conflict_ms = moment->wall_ms;
    peer->conflict_now_ms = moment->now_ms;
    if (moment->now_ms < peer->note_ms)
        return;
    peer->note_ms = moment->now_ms + noted_ms;
    effects_note(moment->out, NOTE_WARNING, "", "%s %s%s", peer->setting.name,
                 conflict_words[conflict],
                 is_store ? "; nothing that it says is believed until that is accepted" : "");
}

/* Nobody can say more than a person could still go above. */
static bool has_heard_later(const struct peer *peer, const struct incarnation *manager) {
    return manager->term && manager->term <= incarnation_told_most &&
           !incarnation_follows(manager, &peer->downlink->own->incarnation);
}

/* Is it in a session, or was it lately, or is it still to say whom it follows? */
static bool may_follow(const struct peer *peer) {
    const struct downlink *downlink = peer->downlink;
    uint64_t now_ms = downlink->moment->now_ms;
    if (!peer->has_spoken)
        return peer->known.term && now_ms - downlink->first_hello_ms < silent_ms;
    return peer->tells && !peer->later && now_ms - peer->session.heard_ms < heard_ms;
}

static void judge_manager(struct downlink *downlink) {
    size_t deposing = 0, following = 0;
    uint64_t later = 0;
    for (size_t i = 0; i < downlink->count; i++) {
        const struct peer *peer = &downlink->peers[i];
        deposing += peer->later != 0;
        following += may_follow(peer);
        later = peer->later > later ? peer->later : later;
    }
    if (deposing > following)
        downlink->deposed = later;
}

/* What its hello says of this manager. */
static void hear_of_manager(struct peer *peer, const struct incarnation *manager) {
    struct downlink *downlink = peer->downlink;
    if (!downlink->first_hello_ms)
        downlink->first_hello_ms = downlink->moment->now_ms;
    peer->has_spoken = true;
    peer->later = has_heard_later(peer, manager) ? manager->term : 0;
    if (peer->later)
        judge_manager(downlink);
}

/* Was it said before the one by which the place has told of a later manager? What a place has heard
 * in one run does not go back, unless its owner accepts another manager: the hellos go on then. */
static bool is_earlier(const struct peer *peer, const struct hello *hello) {
    const struct incarnation *told = &hello->incarnation;
    return peer->conflict == CONFLICT_MANAGER && hello->manager.term < peer->later &&
           told->term == peer->told.term && told->run == peer->told.run &&
           peer->downlink->moment->now_ms - peer->conflict_now_ms < under_way_ms;
}

bool belief_on_hello(struct peer *peer, const struct hello *hello) {
    const struct incarnation *told = &hello->incarnation;
    enum conflict conflict = incarnation_conflict(&peer->known, told);
    if (is_earlier(peer, hello))
        return false;
    hear_of_manager(peer, &hello->manager);
    if (peer->later)
        conflict = CONFLICT_MANAGER;
    if (conflict != CONFLICT_NONE) {
        see(peer, conflict, told);
        return false;
    }
    if (peer->conflict == CONFLICT_MANAGER)
        peer->conflict = CONFLICT_NONE;
    if (hello->contested)
        see(peer, CONFLICT_ADDRESS, told);
    peer->tells = told->term;
    if (peer->tells && !record_equal(&incarnation_table, &peer->known, told)) {
        peer->known = *told;
        incarnation_save_known(&peer->known, peer_pinned(peer));
    }
    return true;
}

bool belief_accept(struct peer *peer) {
    if (peer->conflict != CONFLICT_STORE && peer->conflict != CONFLICT_OLDER)
        return false;
    peer->known = peer->told;
    peer->conflict = CONFLICT_NONE;
    incarnation_save_known(&peer->known, peer_pinned(peer));
    return true;
}

void belief_forget(struct peer *peer) {
    peer->conflict = CONFLICT_NONE;
    if (!peer->known.term)
        return;
    peer->known = (struct incarnation){0};
    incarnation_save_known(&peer->known, peer_pinned(peer));
}

enum conflict belief_conflict(const struct peer *peer) {
    bool is_past = peer->downlink->moment->now_ms - peer->conflict_now_ms >= shown_ms;
    return peer_is_up(peer) && is_past ? CONFLICT_NONE : peer->conflict;
}
