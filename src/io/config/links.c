/* A further server takes over from its link what it does not say itself; an account is taken over
 * as a whole, and nothing by a server of another kind. Two links of one daemon share neither key
 * nor address. Each kind of carrier has keys of its own, and a form of address. */
#include "io/config/links.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static void replace(char **value, char *by) {
    if (by)
        *value = by;
}

/* What a server of another kind does not take over: all that says where it is and who we are. */
static void forget_server(struct link_config *link) {
    link->address = link->url = link->proxy = link->server = link->manager = NULL;
    link->password = (struct secret){0};
    link->certificate_file = link->certificate_key_file = NULL;
    link->server_key = NULL;
    link->port = 0;
}

static bool is_of(const struct link_config *server, const char *kind) {
    return server->carrier && text_equal(server->carrier, kind);
}


/* The account is one: whoever names another address or password does not mean the link's
 * certificate, and the other way round. */
static struct link_config merged(const struct link_config *link,
                                 const struct server_config *server) {
    struct link_config all = *link;
    if (server->carrier && !text_equal(server->carrier, link->carrier))
        forget_server(&all);
    if (server->address || server->password.text || server->certificate_file) {
        bool is_same = !server->password.text && !server->certificate_file;
        all.password = is_same ? all.password : server->password;
        all.certificate_file = is_same ? all.certificate_file : server->certificate_file;
        all.certificate_key_file =
            is_same ? all.certificate_key_file : server->certificate_key_file;
    }
    replace(&all.carrier, server->carrier);
    replace(&all.address, server->address);
    replace(&all.url, server->url);
    replace(&all.proxy, server->proxy);
    replace(&all.server, server->server);
    if (is_of(&all, "zeromq"))
        all.ca_file = NULL; /* it has no certificate that an authority could have signed */
    replace(&all.ca_file, server->ca_file);
    replace(&all.server_key, server->server_key);
    replace(&all.manager, server->manager);
    if (server->port)
        all.port = server->port;
    return all;
}

static bool is_for(const struct server_config *server, const struct link_config *link) {
    return !server->uplink || text_equal(server->uplink, link->name);
}

size_t config_link_servers(const struct link_config *link, const struct server_config *servers,
                           size_t count, struct link_config out[limit_endpoints]) {
    size_t written = 0;
    out[written++] = *link;
    for (size_t i = 0; i < count; i++)
        if (is_for(&servers[i], link) && written++ < limit_endpoints)
            out[written - 1] = merged(link, &servers[i]);
    return written;
}

static const char *domain_of(const char *address) { return strchr(address, '@') + 1; }

static bool has_domain_of(const char *address, const char *other) {
    size_t length = strcspn(domain_of(other), "/");
    const char *domain = domain_of(address);
    return strcspn(domain, "/") == length && strncmp(domain, domain_of(other), length) == 0;
}

void config_peer_address(const struct peer_config *peer, const char *address,
                         char out[limit_address_size]) {
    text_set_sized(out, limit_address_size, peer->address);
    auto_clean(memory_clean) char *copy = memory_text(peer->more_addresses);
    for (char *rest = copy, *more; !has_domain_of(out, address) && (more = strsep(&rest, ","));)
        if (has_domain_of(more, address))
            text_set_sized(out, limit_address_size, more);
}

static bool is_xmpp(const struct link_config *server) { return is_of(server, "xmpp"); }

static int check_account(const char *path, const char *title, const struct link_config *server,
                         struct error *err) {
    if (!server->certificate_file != !server->certificate_key_file)
        return error_set(err, -EINVAL, "%s: [%s] has %s alone; give certificate_file and "
                         "certificate_key_file, or neither", path, title,
                         server->certificate_file ? "certificate_file" : "certificate_key_file");
    if (!server->password.text && !is_xmpp(server))
        return error_set(err, -EINVAL, "%s: [%s] lacks password_file (file with the account's "
                         "password or token there); add it", path, title);
    if (!server->password.text && !server->certificate_file)
        return error_set(err, -EINVAL, "%s: [%s] lacks password_file (file with the account's "
                         "password); add it, or certificate_file and certificate_key_file", path,
                         title);
    return 0;
}

/* The first key that the server has and its kind does not know; NULL: there is none. */
static const char *foreign_key(const struct link_config *server) {
    const struct {
        const char *key;
        bool is_given, is_known;
    } keys[] = {
        {"url", server->url, !is_xmpp(server)},
        {"proxy", server->proxy, is_of(server, "http")},
        {"server", server->server, is_xmpp(server)},
        {"port", server->port, is_xmpp(server)},
        {"certificate_file", server->certificate_file, is_xmpp(server)},
        {"ca_file", server->ca_file, !is_of(server, "zeromq")},
        {"server_key", server->server_key, is_of(server, "zeromq")},
    };
    for (size_t i = 0; i < array_size(keys); i++)
        if (keys[i].is_given && !keys[i].is_known)
            return keys[i].key;
    return NULL;
}

/* An XMPP server delivers to a resource, the others have none. */
static int check_address(const struct link_config *server, const char *key, const char *address,
                         struct error *err) {
    if (!strchr(address, '/') == !is_xmpp(server))
        return 0;
    return is_xmpp(server) ? error_set(err, -EINVAL, "%s = %s is not a full JID, which xmpp needs; "
                                       "write account@domain/resource", key, address)
                           : error_set(err, -EINVAL, "%s = %s has a resource, which %s knows not; "
                                       "write account@domain", key, address, server->carrier);
}

/* How the url of one of this kind begins; NULL: it has none. */
static const char *scheme_of(const struct link_config *server) {
    static const struct {
        const char *kind, *scheme;
    } all[] = {{"http", "https://"}, {"amqp", "amqps://"}, {"zeromq", "tcp://"}};
    for (size_t i = 0; i < array_size(all); i++)
        if (is_of(server, all[i].kind))
            return all[i].scheme;
    return NULL;
}

/* What one server's kind asks for. */
static int check_kind(const struct link_config *server, struct error *err) {
    const char *foreign = foreign_key(server);
    if (foreign)
        return error_set(err, -EINVAL, "carrier = %s knows no %s; leave it out", server->carrier,
                         foreign);
    if (!server->address)
        return error_set(err, -EINVAL, "our address is missing, and is not that of a server of "
                         "another kind; add address");
    const char *scheme = scheme_of(server);
    if (scheme && (!server->url || !text_starts(server->url, scheme)))
        return error_set(err, -EINVAL, "carrier = %s needs url (where the server is), which begins "
                         "with %s; add it", server->carrier, scheme);
    if (is_of(server, "zeromq") && !server->server_key)
        return error_set(err, -EINVAL, "carrier = zeromq needs server_key (the relay's public key, "
                         "as isthmus-relay --check prints it); add it");
    if (!is_of(server, "zeromq") && !server->ca_file)
        return error_set(err, -EINVAL, "carrier = %s needs ca_file (certificate authority of the "
                         "server, PEM); add it", server->carrier);
    return check_address(server, "address", server->address, err);
}

static int check_manager(const struct link_config *server, struct error *err) {
    return server->manager ? check_address(server, "manager", server->manager, err)
                           : error_set(err, -EINVAL, "the manager's address is missing, and is not "
                                       "that at a server of another kind; add manager");
}

/* A link with its title, "uplink north", and its servers. */
struct titled {
    char title[limit_name_size + 16];
    bool is_down;
    struct link_config servers[limit_endpoints];
    size_t count;
};

static bool is_relay(const struct link_config *server) {
    return is_of(server, "http") || is_of(server, "zeromq");
}

/* Relays do not make one cluster: who is at one of them does not reach who is at another. And a
 * manager, which is present on each server, would throw itself out of one that it has twice. */
static bool may_share_address(const struct titled *link, size_t i, size_t k) {
    const struct link_config *one = &link->servers[i], *other = &link->servers[k];
    return !is_relay(one) || !is_relay(other) ||
           (!link->is_down && !text_equal(one->carrier, other->carrier));
}

static int check_relays(const struct titled *link, struct error *err) {
    for (size_t i = 0; i < link->count; i++)
        for (size_t k = 0; k < i; k++)
            if (!may_share_address(link, i, k) &&
                text_equal(link->servers[i].address, link->servers[k].address))
                return error_set(err, -EINVAL, "two relays have one address for us, %s; give each "
                                 "relay a domain of its own", link->servers[i].address);
    return 0;
}

static int check_servers(const struct titled *link, struct error *err) {
    for (size_t k = 0; k < link->count; k++) {
        const struct link_config *server = &link->servers[k];
        if (check_kind(server, err) || (!link->is_down && check_manager(server, err)))
            return k ? error_wrap(err, "further server %zu", k) : err->code;
    }
    return check_relays(link, err);
}

static int check_link(const char *path, const struct titled *link, struct error *err) {
    if (link->count > limit_endpoints)
        return error_set(err, -EINVAL, "%s: [%s] has %zu further servers; keep %d", path,
                         link->title, link->count - 1, limit_endpoints - 1);
    for (size_t k = 0; k < link->count; k++)
        if (check_account(path, link->title, &link->servers[k], err))
            return k ? error_wrap(err, "further server %zu", k) : err->code;
    return check_servers(link, err) ? error_wrap(err, "%s: [%s]", path, link->title) : 0;
}

/* On each of our servers that is XMPP, a peer has to have an address that XMPP can reach. */
static int check_peers(const struct links_config *links, const struct titled *link,
                       struct error *err) {
    char address[limit_address_size];
    for (size_t i = 0; i < links->peers_count * link->count; i++) {
        const struct peer_config *peer = &links->peers[i / link->count];
        const struct link_config *server = &link->servers[i % link->count];
        config_peer_address(peer, server->address, address);
        if (is_xmpp(server) && check_address(server, "address", address, err))
            return error_wrap(err, "%s: [%s %s] at %s; among more_addresses, too", links->path,
                              links->section, peer->name, domain_of(server->address));
    }
    return 0;
}

/* Two connections with one address throw each other out for ever. Two managers above that see
 * one key know that it is one cluster. */
static int check_pair(const char *path, const struct titled *one, const struct titled *other,
                      struct error *err) {
    if (text_equal(one->servers[0].key.text, other->servers[0].key.text))
        return error_set(err, -EINVAL, "%s: [%s] and [%s] have the same key; make one for each "
                         "link", path, one->title, other->title);
    for (size_t i = 0; i < one->count; i++)
        for (size_t k = 0; k < other->count; k++)
            if (text_equal(one->servers[i].address, other->servers[k].address))
                return error_set(err, -EINVAL, "%s: [%s] and [%s] have the same address %s; give "
                                 "each link its own account or resource", path, one->title,
                                 other->title, one->servers[i].address);
    return 0;
}

static int check_names(const struct links_config *links, struct error *err) {
    for (size_t i = 0; i < links->uplink_servers_count; i++) {
        const struct server_config *server = &links->uplink_servers[i];
        bool is_known = false;
        for (size_t k = 0; k < links->uplinks_count; k++)
            is_known |= is_for(server, &links->uplinks[k]);
        if (!is_known)
            return error_set(err, -EINVAL, "%s: [uplink-server %s] is for uplink = %s, but there "
                             "is no [uplink %s]; name one that is there", links->path,
                             server->name, server->uplink, server->uplink);
    }
    return 0;
}

int config_links_check(const struct links_config *links, struct error *err) {
    size_t count = links->uplinks_count + (links->downlink != NULL);
    auto_clean(memory_clean) struct titled *titled = memory_new(count, sizeof(*titled));
    if (check_names(links, err))
        return err->code;
    for (size_t i = 0; i < count; i++) {
        bool is_down = i == links->uplinks_count;
        const struct link_config *link = is_down ? links->downlink : &links->uplinks[i];
        titled[i].is_down = is_down;
        text_format(titled[i].title, sizeof(titled[i].title), "%s%s",
                    is_down ? "downlink" : "uplink ", is_down ? "" : link->name);
        titled[i].count = config_link_servers(
            link, is_down ? links->downlink_servers : links->uplink_servers,
            is_down ? links->downlink_servers_count : links->uplink_servers_count,
            titled[i].servers);
        if (check_link(links->path, &titled[i], err) ||
            (is_down && check_peers(links, &titled[i], err)))
            return err->code;
        for (size_t k = 0; k < i; k++)
            if (check_pair(links->path, &titled[k], &titled[i], err))
                return err->code;
    }
    return 0;
}
