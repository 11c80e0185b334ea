/* What is a mistake and what may be only for now: a server that is not reached may come up yet.
 * Where the daemon runs already, its port is taken by itself, and its store is in use. */
#include "main/daemon/check.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/carrier/resolve.h"
#include "io/http/listen.h"
#include "io/keys/certificate.h"
#include "io/os/disk.h"
#include "io/store/store.h"

enum { reach_ms = 5000, least_mib = 64 };

static void say(const struct daemon_trial *trial, const char *text) {
    (void)fprintf(stderr, "%s: %s\n", trial->options->program, text);
}

void daemon_tried(struct daemon_trial *trial, int result, const struct error *err) {
    if (result >= 0)
        return;
    trial->mistakes++;
    say(trial, err->text);
}

/* --- the state folder --- */

static int try_folder(const char *state, struct error *err) {
    struct disk disk;
    if (access(state, W_OK | X_OK))
        return error_set(err, -errno, "[daemon] state = %s: it cannot be written: %s; give the "
                         "folder to the daemon's account (chown -R), and let it pass to there",
                         state, strerror(errno));
    if (disk_measure(state, &disk, err))
        return err->code;
    if (disk.free_bytes >> 20 >= least_mib)
        return 0;
    return error_set(err, -ENOSPC, "[daemon] state = %s: its disk has less than %d MiB left; free "
                     "some, or take a folder on another disk", state, least_mib);
}

void daemon_try_state(struct daemon_trial *trial, const struct daemon_config *config,
                      const char *daemon) {
    struct error err = {0};
    auto_clean(memory_clean) char *path = daemon_path(config, "store.sqlite");
    if (access(config->state, F_OK) && errno == ENOENT)
        return; /* the daemon makes it at its first start, or systemd does */
    daemon_tried(trial, try_folder(config->state, &err), &err);
    if (access(path, F_OK))
        return;
    struct store *store = store_open_to_read(path, daemon, &err);
    trial->runs = !store && err.code == -EBUSY;
    if (!store && !trial->runs)
        daemon_tried(trial, err.code, &err);
    store_close(store);
}

/* --- servers --- */

struct target {
    char host[resolve_name_size];
    uint16_t port;
    const char *service; /* of SRV records, or NULL */
};

static uint16_t usual_port(const char *url) {
    return text_starts(url, "https:") ? 443 : text_starts(url, "amqps:") ? 5671 : 80;
}

/* Of scheme://[user@]host[:port][/...]; false: it names no host. */
static bool target_of_url(const char *url, struct target *out) {
    char authority[resolve_name_size];
    const char *begin = strstr(url, "://");
    if (!begin)
        return false;
    begin += strlen("://");
    text_format(authority, sizeof(authority), "%.*s", (int)strcspn(begin, "/?#"), begin);
    char *host = strrchr(authority, '@');
    host = host ? host + 1 : authority;
    bool is_six = *host == '[';
    host += is_six;
    char *end = host + strcspn(host, is_six ? "]" : ":"), *port = strrchr(end, ':');
    unsigned long number = port ? strtoul(port + 1, NULL, 10) : usual_port(url);
    *end = 0;
    *out = (struct target){.port = (uint16_t)number};
    text_set(out->host, host);
    return *host && number <= UINT16_MAX;
}

static void reach(struct daemon_trial *trial, const char *about, const struct target *target) {
    struct error err = {0};
    atomic_bool never = false;
    int code = 0;
    auto_clean(memory_clean) struct resolve_addresses *found = memory_new(1, sizeof(*found));
    if (!resolve_server(found, target->service, target->host, target->port)) {
        daemon_tried(trial, -ENOENT, (error_set(&err, -ENOENT, "%s: the name %s has no address; "
                     "check its spelling, and this machine's DNS or /etc/hosts", about,
                     target->host), &err));
        return;
    }
    if (resolve_reach(found, reach_ms, &never, &code))
        return;
    trial->unreached++;
    error_set(&err, -code, "%s: %s port %u: %s; %s", about, target->host, found->all[0].port,
              code ? strerror(code) : "no answer",
              code == ECONNREFUSED ? "start the server there, or check host and port"
                                   : "check host and port, the network, and firewalls on the way");
    say(trial, err.text);
}

static void reach_url(struct daemon_trial *trial, const char *section, const char *key,
                      const char *url) {
    struct target target;
    char about[limit_text_size];
    if (!url || text_starts(url, "file:") || !target_of_url(url, &target))
        return;
    text_format(about, sizeof(about), "[%s] %s", section, key);
    reach(trial, about, &target);
}

static void reach_server(struct daemon_trial *trial, const char *section,
                         const struct link_config *server) {
    const char *domain = strchr(server->address, '@') + 1;
    struct target target = {.port = server->port ? (uint16_t)server->port : 5222,
                            .service = server->server ? NULL : "_xmpp-client._tcp"};
    char about[limit_text_size];
    if (server->url) {
        reach_url(trial, section, server->proxy ? "proxy" : "url",
                  server->proxy ? server->proxy : server->url);
        return;
    }
    if (server->server)
        text_set(target.host, server->server);
    else
        text_format(target.host, sizeof(target.host), "%.*s", (int)strcspn(domain, "/"), domain);
    text_format(about, sizeof(about), "[%s] server", section);
    reach(trial, about, &target);
}

/* --- certificates --- */

static uint64_t wall_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000;
}

static void try_certificate(struct daemon_trial *trial, const char *section, const char *path,
                            const char *host) {
    struct error err = {0};
    if (path && certificate_check(path, host, wall_ms(), &err))
        daemon_tried(trial, error_wrap(&err, "[%s]", section), &err);
}

void daemon_try_link(struct daemon_trial *trial, const char *section,
                     const struct daemon_link *link) {
    struct link_config servers[limit_endpoints];
    size_t count = config_link_servers(link->link, link->servers, link->servers_count, servers);
    for (size_t i = 0; i < count; i++) {
        try_certificate(trial, section, servers[i].ca_file, NULL);
        try_certificate(trial, section, servers[i].certificate_file, NULL);
        reach_server(trial, section, &servers[i]);
    }
    try_certificate(trial, section, link->link->image_ca_file, NULL);
    reach_url(trial, section, "image_url", link->link->image_url);
}

void daemon_try_listen(struct daemon_trial *trial, const char *section,
                       const struct listen_config *listen) {
    struct error err = {0};
    struct http_socket opened = {0};
    struct target known;
    bool has_host = listen->url && target_of_url(listen->url, &known);
    try_certificate(trial, section, listen->certificate_file, has_host ? known.host : NULL);
    if (trial->runs)
        return;
    if (http_listen(listen->listen, &opened, &err))
        daemon_tried(trial, error_wrap(&err, "[%s]", section), &err);
    else
        (void)close(opened.fd);
}

int daemon_trial_end(const struct daemon_trial *trial) {
    if (trial->mistakes)
        return EXIT_MISUSED;
    if (trial->unreached)
        return EXIT_FAILED;
    return daemon_checked(trial->options);
}
