/* A further server takes over from its link what it does not say itself; an account is taken
 * over as a whole. Two links of one daemon share neither key nor JID. */
#include "io/config/links.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static void replace(char **value, char *by) {
    if (by)
        *value = by;
}

/* The account is one: whoever names another JID or password does not mean the link's certificate,
 * and the other way round. */
static struct link_config merged(const struct link_config *link,
                                 const struct server_config *server) {
    struct link_config all = *link;
    if (server->jid || server->password.text || server->certificate_file) {
        bool is_same = !server->password.text && !server->certificate_file;
        all.password = is_same ? link->password : server->password;
        all.certificate_file = is_same ? link->certificate_file : server->certificate_file;
        all.certificate_key_file =
            is_same ? link->certificate_key_file : server->certificate_key_file;
    }
    replace(&all.carrier, server->carrier);
    replace(&all.jid, server->jid);
    replace(&all.server, server->server);
    replace(&all.ca_file, server->ca_file);
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

static const char *domain_of(const char *jid) { return strchr(jid, '@') + 1; }

static bool has_domain_of(const char *address, const char *jid) {
    size_t length = strcspn(domain_of(jid), "/");
    const char *domain = domain_of(address);
    return strcspn(domain, "/") == length && strncmp(domain, domain_of(jid), length) == 0;
}

void config_peer_address(const struct peer_config *peer, const char *jid,
                         char out[limit_address_size]) {
    text_set_sized(out, limit_address_size, peer->address);
    auto_clean(memory_clean) char *copy = memory_text(peer->more_addresses);
    for (char *rest = copy, *more; !has_domain_of(out, jid) && (more = strsep(&rest, ","));)
        if (has_domain_of(more, jid))
            text_set_sized(out, limit_address_size, more);
}

static int check_account(const char *path, const char *title, const struct link_config *server,
                         struct error *err) {
    if (!server->certificate_file != !server->certificate_key_file)
        return error_set(err, -EINVAL, "%s: [%s] has %s alone; give certificate_file and "
                         "certificate_key_file, or neither", path, title,
                         server->certificate_file ? "certificate_file" : "certificate_key_file");
    if (!server->password.text && !server->certificate_file)
        return error_set(err, -EINVAL, "%s: [%s] lacks password_file (file with the account's "
                         "password); add it, or certificate_file and certificate_key_file", path,
                         title);
    return 0;
}

/* A link with its title, "uplink north", and its servers. */
struct titled {
    char title[limit_name_size + 16];
    struct link_config servers[limit_endpoints];
    size_t count;
};

static int check_link(const char *path, const struct titled *link, struct error *err) {
    if (link->count > limit_endpoints)
        return error_set(err, -EINVAL, "%s: [%s] has %zu further servers; keep %d", path,
                         link->title, link->count - 1, limit_endpoints - 1);
    for (size_t k = 0; k < link->count; k++)
        if (check_account(path, link->title, &link->servers[k], err))
            return k ? error_wrap(err, "further server %zu", k) : err->code;
    return 0;
}

/* Two connections with one full JID throw each other out for ever. Two managers above that see
 * one key know that it is one cluster. */
static int check_pair(const char *path, const struct titled *one, const struct titled *other,
                      struct error *err) {
    if (text_equal(one->servers[0].key.text, other->servers[0].key.text))
        return error_set(err, -EINVAL, "%s: [%s] and [%s] have the same key; make one for each "
                         "link", path, one->title, other->title);
    for (size_t i = 0; i < one->count; i++)
        for (size_t k = 0; k < other->count; k++)
            if (text_equal(one->servers[i].jid, other->servers[k].jid))
                return error_set(err, -EINVAL, "%s: [%s] and [%s] have the same jid %s; change "
                                 "its resource", path, one->title, other->title,
                                 one->servers[i].jid);
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
        text_format(titled[i].title, sizeof(titled[i].title), "%s%s",
                    is_down ? "downlink" : "uplink ", is_down ? "" : link->name);
        titled[i].count = config_link_servers(
            link, is_down ? links->downlink_servers : links->uplink_servers,
            is_down ? links->downlink_servers_count : links->uplink_servers_count,
            titled[i].servers);
        if (check_link(links->path, &titled[i], err))
            return err->code;
        for (size_t k = 0; k < i; k++)
            if (check_pair(links->path, &titled[k], &titled[i], err))
                return err->code;
    }
    return 0;
}
