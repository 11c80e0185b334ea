/* A peer's join token brings all that it needs if the password of its account stands in our
 * configuration; then the URL of our images has to stand there, too. Of our further servers it
 * brings nodes of the first one's cluster, and those at which the peer's password stands there. */
#include "main/daemon/invite.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/http/authorities.h"
#include "main/daemon/files.h"

enum { xmpp_port = 5222 }; /* said in each token, for those who read an older form of it */

static bool is_of(const struct link_config *server, const char *kind) {
    return text_equal(server->carrier, kind);
}

/* The file at this place in the peer's list, whose secret is its password there; NULL: none. */
static char *password_at(const struct peer_config *peer, const char *address, struct error *err) {
    auto_clean(memory_clean) char *addresses = memory_text(peer->more_addresses);
    auto_clean(memory_clean) char *files = memory_text(peer->more_password_files);
    char *one, *rest = addresses, *file = NULL, *rest_files = files;
    while ((one = strsep(&rest, ",")) && (file = strsep(&rest_files, ",")))
        if (text_equal(one, address))
            break;
    if (!one || !file)
        return NULL;
    struct secret secret = {0};
    if (config_secret_read(file, &secret, err))
        return NULL;
    memory_free(secret.file);
    return secret.text;
}

/* Where a further server is, as far as that is not as at the first one. */
static int add_place(const struct link_config *first, const struct link_config *server,
                     struct join_server *out, struct error *err) {
    bool is_new_kind = !text_equal(first->carrier, server->carrier);
    out->carrier = is_new_kind ? memory_text(server->carrier) : NULL;
    out->url = memory_text(server->url);
    out->server = memory_text(server->server);
    out->port = (uint32_t)server->port;
    out->server_key = memory_text(server->server_key);
    if (server->ca_file && (!first->ca_file || !text_equal(server->ca_file, first->ca_file)) &&
        !(out->ca = daemon_authority(server->ca_file, err)))
        return err->code;
    return 0;
}

/* Whom a token is for, and a server that it is to bring. */
struct invited {
    const struct peer_config *peer;
    struct join_server *server;
};

/* 1: the peer has no account there that is known here, so its token does not bring the server. */
static int add_server(const struct link_config *servers, const struct link_config *server,
                      struct invited *out, struct error *err) {
    const struct link_config *first = &servers[0];
    bool is_node = text_equal(server->address, first->address) &&
                   text_equal(server->carrier, first->carrier);
    char address[limit_address_size];
    config_peer_address(out->peer, server->address, address);
    if (!is_node) {
        out->server->password = password_at(out->peer, address, err);
        if (!out->server->password)
            return err->code ? err->code : 1;
        out->server->address = memory_text(address);
        out->server->manager = memory_text(server->address);
    }
    return add_place(first, server, out->server, err);
}

static int add_servers(const struct inviting *inviting, const struct peer_config *peer,
                       struct join_link *link, struct error *err) {
    struct link_config servers[limit_endpoints];
    size_t count = config_link_servers(inviting->downlink, inviting->servers,
                                       inviting->servers_count, servers);
    if (count > 1)
        link->more = memory_new(count, sizeof(*link->more));
    for (size_t k = 1; k < count; k++) {
        struct join_server *server = &link->more[link->more_count++];
        struct invited invited = {peer, server};
        int result = add_server(servers, &servers[k], &invited, err);
        if (result < 0)
            return error_wrap(err, "a further server for %s", peer->name);
        if (result) {
            record_clear(&join_server_table, server);
            link->more_count--;
        }
    }
    return 0;
}

static int add_authorities(const struct inviting *inviting, struct invitations *out,
                           struct error *err) {
    const char *ca_file = inviting->downlink->ca_file, *images = inviting->images->ca_file;
    if (ca_file && !out->ca && !(out->ca = daemon_authority(ca_file, err)))
        return err->code;
    if (images && !out->image_ca && !(out->image_ca = daemon_authority(images, err)))
        return err->code;
    return 0;
}

static struct join_link link_of(const struct inviting *inviting, const struct peer_config *peer,
                                const struct invitations *all) {
    const struct link_config *downlink = inviting->downlink;
    bool is_xmpp = is_of(downlink, "xmpp");
    return (struct join_link){
        .jid = peer->address,
        .password = peer->password.text,
        .carrier = is_xmpp ? NULL : downlink->carrier,
        .url = downlink->url,
        .server = downlink->server,
        .port = is_xmpp && !downlink->port ? xmpp_port : (uint32_t)downlink->port,
        .ca = all->ca,
        .server_key = downlink->server_key,
        .image_url = inviting->images->url,
        .image_token = peer->image_token.text ? peer->image_token.text : inviting->image_token,
        .image_ca = all->image_ca,
    };
}

/* What short tokens name by digest. */
static void serve_authorities(const struct inviting *inviting, const struct invitations *all) {
    size_t most = 2, count = 0;
    if (!inviting->authorities)
        return;
    for (size_t i = 0; i < all->count; i++)
        most += all->items[i].link.more_count;
    auto_clean(memory_clean) const char **texts = memory_new(most, sizeof(*texts));
    if (all->ca)
        texts[count++] = all->ca;
    if (all->image_ca)
        texts[count++] = all->image_ca;
    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; k < all->items[i].link.more_count; k++)
            if (all->items[i].link.more[k].ca)
                texts[count++] = all->items[i].link.more[k].ca;
    authorities_set(inviting->authorities, texts, count);
}

int daemon_invite(const struct inviting *inviting, struct invitations *out, struct error *err) {
    out->items = memory_new(inviting->peers_count, sizeof(*out->items));
    err->code = 0;
    for (size_t i = 0; i < inviting->peers_count; i++) {
        const struct peer_config *peer = &inviting->peers[i];
        if (!peer->password.text)
            continue;
        if (!inviting->images->url)
            return error_set(err, -EINVAL, "%s has a password_file, for its join token, and there "
                             "is no url under which it reaches our images; give that too",
                             peer->name);
        if (add_authorities(inviting, out, err))
            return err->code;
        struct rest_invitation *item = &out->items[out->count++];
        *item = (struct rest_invitation){.peer = peer->name,
                                         .link = link_of(inviting, peer, out)};
        if (add_servers(inviting, peer, &item->link, err))
            return err->code;
    }
    serve_authorities(inviting, out);
    return 0;
}

static void free_servers(struct join_link *link) {
    for (size_t k = 0; k < link->more_count; k++)
        record_clear(&join_server_table, &link->more[k]);
    memory_free(link->more);
}

void daemon_invitations_clean(struct invitations *invitations) {
    for (size_t i = 0; i < invitations->count; i++)
        free_servers(&invitations->items[i].link);
    memory_free(invitations->items);
    memory_free(invitations->ca);
    memory_free(invitations->image_ca);
    *invitations = (struct invitations){0};
}
