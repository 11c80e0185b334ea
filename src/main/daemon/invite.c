/* A peer's join token brings all that it needs if the password of its account stands in our
 * configuration; then the URL of our images has to stand there, too. */
#include "main/daemon/invite.h"

#include <errno.h>

#include "base/memory.h"
#include "main/daemon/files.h"

int daemon_invite(const struct inviting *inviting, struct invitations *out, struct error *err) {
    const struct link_config *downlink = inviting->downlink;
    const struct listen_config *images = inviting->images;
    out->items = memory_new(inviting->peers_count, sizeof(*out->items));
    for (size_t i = 0; i < inviting->peers_count; i++) {
        const struct peer_config *peer = &inviting->peers[i];
        if (!peer->password.text)
            continue;
        if (!images->url)
            return error_set(err, -EINVAL, "%s has a password_file, for its join token, and there "
                             "is no url under which it reaches our images; give that too",
                             peer->name);
        if (!out->ca && !(out->ca = daemon_authority(downlink->ca_file, err)))
            return err->code;
        if (images->ca_file && !out->image_ca &&
            !(out->image_ca = daemon_authority(images->ca_file, err)))
            return err->code;
        out->items[out->count++] = (struct rest_invitation){
            .peer = peer->name,
            .link = {.jid = peer->address,
                     .password = peer->password.text,
                     .server = downlink->server,
                     .port = (uint32_t)downlink->port,
                     .ca = out->ca,
                     .image_url = images->url,
                     .image_token = peer->image_token.text ? peer->image_token.text
                                                           : inviting->image_token,
                     .image_ca = out->image_ca}};
    }
    return 0;
}

void daemon_invitations_clean(struct invitations *invitations) {
    memory_free(invitations->items);
    memory_free(invitations->ca);
    memory_free(invitations->image_ca);
    *invitations = (struct invitations){0};
}
