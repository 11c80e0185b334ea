/* Runs the joiner's role on the link to the token's manager until there is a verdict, and says
 * what that means. A configuration that the token brought takes its place only after success. */
#include "main/daemon/join.h"

#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "io/os/folder.h"
#include "main/daemon/service.h"

struct joining {
    struct log log;
    struct store *store;
    struct role *role;
    struct shell *shell;
    struct shell_link link;
};

static void joining_close(struct joining *joining) {
    carrier_free(joining->link.carrier);
    shell_free(joining->shell);
    role_free(joining->role);
    store_close(joining->store);
    seal_free(joining->link.seal);
}

static const struct link_config *find_uplink(const struct daemon_joining *daemon,
                                             const struct join_offer *offer, struct error *err) {
    for (size_t i = 0; i < daemon->uplinks_count; i++)
        if (text_equal(daemon->uplinks[i].manager, offer->address))
            return &daemon->uplinks[i];
    (void)error_set(err, -EINVAL, "the join token is of the manager %s, and no [uplink] of this "
                    "configuration has that as its manager; ask your own manager for a token",
                    offer->address);
    return NULL;
}

static struct role *joiner(const struct link_config *uplink, const struct join_offer *offer) {
    const struct peer_setting manager = daemon_peer(uplink->name, uplink->manager, 0);
    struct join_setting join = {0};
    text_set(join.token, offer->id);
    text_set(join.secret, offer->secret);
    text_set(join.manager_key, offer->manager_key);
    const struct role_settings settings = {
        .kind = ROLE_JOINER, .managers = &manager, .managers_count = 1, .join = &join};
    return role_new(&settings);
}

static int joining_open(struct joining *joining, const struct daemon_joining *daemon,
                        const struct link_config *uplink, const struct join_offer *offer,
                        struct error *err) {
    const struct daemon_link link = {
        .link = uplink, .servers = daemon->servers, .servers_count = daemon->servers_count};
    joining->log = (struct log){.daemon = "join", .level = LOG_ERROR};
    joining->store = daemon_store(daemon->config, daemon->daemon, daemon->mode, err);
    if (!joining->store)
        return err->code;
    joining->role = joiner(uplink, offer);
    joining->shell = shell_new(joining->role, &joining->log);
    joining->link.name = "uplink";
    joining->link.seal = seal_new(SEAL_AGENT, uplink->key.text, err);
    if (!joining->link.seal ||
        seal_pin(joining->link.seal, uplink->manager, offer->manager_key, err))
        return err->code;
    joining->link.carrier = daemon_connect_up(&link, joining->shell, err);
    return joining->link.carrier ? 0 : err->code;
}

/* What became of it, for a person: 0, or negative with `err`. */
static int explain(const struct joining *joining, const struct join_offer *offer,
                   struct error *err) {
    bool is_connected = false;
    switch (role_verdict(joining->role, &is_connected)) {
    case JOIN_DONE:
        return 0;
    case JOIN_UNKNOWN:
        return error_set(err, -EPERM, "the manager does not know this join token: it was revoked, "
                         "or is of another manager; ask for a new one");
    case JOIN_USED:
        return error_set(err, -EPERM, "this join token has been used already; ask for a new one, "
                         "and if you have not used it, tell the manager: somebody else has");
    case JOIN_EXPIRED:
        return error_set(err, -EPERM, "this join token has expired; ask for a new one");
    case JOIN_ELSEWHERE:
        return error_set(err, -EPERM, "this join token is for '%s', and the manager has another "
                         "address for that than our jid; ask for a token of our own", offer->peer);
    case JOIN_VERDICT_COUNT:
        break;
    }
    if (!is_connected)
        return error_set(err, -ETIMEDOUT, "the application server was not reached; the lines above "
                         "say why");
    return error_set(err, -ETIMEDOUT, "the manager %s did not answer: it does not run, or it is "
                     "not the one that made this token, whose key it would need to read it",
                     offer->address);
}

/* Until the verdict; the store is free again afterwards. */
static int join(const struct daemon_options *options, const struct daemon_joining *daemon) {
    struct error err = {0};
    struct daemon_making *making = daemon->making;
    const struct join_offer *offer = &making->offer;
    auto_clean(joining_close) struct joining joining = {0};
    const struct link_config *uplink = find_uplink(daemon, offer, &err);
    if (!uplink)
        return daemon_fail(options, &err, EXIT_MISUSED);
    if (joining_open(&joining, daemon, uplink, offer, &err))
        return daemon_fail(options, &err, EXIT_FAILED);
    const struct shell_ports ports = {
        .store = joining.store, .links = &joining.link, .links_count = 1, .send = carrier_send,
        .flush = carrier_flush};
    if (shell_run(joining.shell, &ports, &err) || explain(&joining, offer, &err) ||
        (making->fresh && folder_commit(making->fresh, options->config, &err)) ||
        service_own(options, daemon->config->state, &err))
        return daemon_fail(options, &err, EXIT_FAILED);
    (void)printf("%s: joined %s as %s; both keys are pinned\n", options->program, offer->address,
                 offer->peer);
    return EXIT_FINE;
}

int daemon_join(const struct daemon_options *options, const struct daemon_joining *daemon) {
    int code = join(options, daemon);
    if (code == EXIT_FINE && daemon->making->fresh && !service_start(options))
        (void)printf("%s: the configuration is %s; start the daemon\n", options->program,
                     options->config);
    return code;
}
