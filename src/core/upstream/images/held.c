/* Looked up by digest: an image that bears several names is there by all of them. */
#include "core/upstream/images/held.h"

#include <string.h>

#include "core/below/holds.h"
#include "core/upstream/upstream.h"

static void add(struct text *names, const char *name) {
    if (names->length + 1 + strlen(name) <= limit_shown_names)
        text_addf(names, "%s%s", names->length ? "," : "", name);
}

char *held_by(const struct upstream *upstream, const struct image *image) {
    const struct downlink *downlink = &upstream->manager.downlink;
    struct text names = {0};
    for (size_t i = 0; i < downlink->count; i++)
        if (peer_holds(&downlink->peers[i], image->digest))
            add(&names, downlink->peers[i].setting.name);
    return names.data;
}

char *held_at(const struct upstream *upstream, const struct peer *cluster) {
    struct text names = {0};
    list_for(const struct image_entry, image, &upstream->images, by_name) {
        if (peer_holds(cluster, image->record.digest))
            add(&names, image->record.name);
    }
    return names.data;
}
