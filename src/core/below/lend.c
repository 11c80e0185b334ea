/* What the owner of a cluster says of a host. */
#include "core/below/lend.h"

#include "base/memory.h"
#include "core/below/peer.h"

bool peer_is_emptied(const struct peer *peer) {
    return peer->cordoned_ms && peer->duty != DUTY_CORDON;
}

void peer_set_labels(struct peer *peer, enum origin from, const char *labels) {
    char *copy = from == ORIGIN_SET && labels ? memory_text(labels) : NULL;
    memory_free(peer->labels);
    peer->labels = copy;
    peer->labels_from = from;
}

const char *peer_labels(const struct peer *peer) {
    return peer->labels_from == ORIGIN_SET ? peer->labels : peer->setting.labels;
}

struct overcommit peer_overcommit(const struct peer *peer) {
    struct overcommit own = peer->overcommit;
    const struct overcommit *all = &peer->downlink->overcommit;
    own.cpus_percent = own.cpus_percent ? own.cpus_percent : all->cpus_percent;
    own.memory_percent = own.memory_percent ? own.memory_percent : all->memory_percent;
    return own;
}
