/* What both managers are: the books of VMs and operations, the links to the places below (clusters,
 * or hosts) and who may enrol there. Each of the two roles embeds one. */
#pragma once

#include "core/below/peer.h"
#include "core/manager/enrol.h"
#include "message/id.h"

struct manager {
    struct moment moment;
    struct book book;
    struct downlink downlink;
    struct enrol enrol;
    struct id_maker ids;
    struct prng prng; /* for all that is drawn here; seeded at the start */
    bool stopping;
};

void manager_init(struct manager *manager, const struct role_settings *settings);
void manager_deinit(struct manager *manager);

/* When something of the books or of the links is due next. */
uint64_t manager_deadline_ms(const struct manager *manager);
void manager_check(const struct manager *manager);
