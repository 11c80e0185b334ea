/* The order in which a cluster is made: keys, secrets and the configuration beside its place,
 * then tokens into the store, then accounts at the XMPP server. The configuration takes its
 * place last, so that after a failure the same command can be given again. */
#include "main/downstream_init.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/keys/join_token.h"
#include "io/keys/key_file.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"
#include "main/daemon/files.h"
#include "main/daemon/invite.h"
#include "message/id.h"

struct making {
    const struct daemon_options *options;
    char *folder; /* of the files beside the configuration */
    struct config_values values;
    struct text fresh; /* path of the configuration until it is whole */
    struct downstream_config config;
    struct invitations invitations;
    struct store *store;
    struct seal *seal;
    struct id_maker ids;
};

static void making_clean(struct making *making) {
    store_close(making->store);
    seal_free(making->seal);
    daemon_invitations_clean(&making->invitations);
    downstream_config_deinit(&making->config);
    config_values_clean(&making->values);
    if (making->fresh.data)
        (void)unlink(making->fresh.data);
    text_deinit(&making->fresh);
    memory_free(making->folder);
}

static int check_options(const struct daemon_options *options, struct error *err) {
    if (!options->domain || !options->hosts || !options->ca_file)
        return error_set(err, -EINVAL, "init needs --domain, --hosts and --ca-file; --help tells "
                         "what they are");
    return 0;
}

/* A new secret in the file that the value names, and that file's path as the value. */
static int add_secret(struct making *making, const struct config_value *file,
                      struct error *err) {
    char secret[limit_text_size];
    auto_clean(memory_clean) char *path = daemon_file_path(making->folder, file->value, "");
    int result = daemon_file_secret(path, secret, err);
    explicit_bzero(secret, sizeof(secret));
    if (!result)
        config_values_add(&making->values, file->section, file->key, path);
    return result;
}

static int add_host(struct making *making, const char *name, struct error *err) {
    char title[limit_address_size], file[limit_address_size], jid[limit_address_size];
    text_format(title, sizeof(title), "agent %s", name);
    text_format(file, sizeof(file), "%s.password", name);
    text_format(jid, sizeof(jid), "%s@%s/agent", name, making->options->domain);
    config_values_add(&making->values, title, "address", jid);
    return add_secret(making, &(struct config_value){title, "password_file", file}, err);
}

static int add_hosts(struct making *making, struct error *err) {
    auto_clean(memory_clean) char *names = memory_text(making->options->hosts);
    char *rest = names;
    for (char *name; (name = strsep(&rest, ","));)
        if (add_host(making, name, err))
            return err->code;
    return 0;
}

static const char *set_value(const struct making *making, const char *section, const char *key,
                             const char *standard) {
    for (size_t i = 0; i < making->values.count; i++) {
        const struct config_value *value = &making->values.items[i];
        if (text_equal(value->section, section) && text_equal(value->key, key))
            return value->value;
    }
    return standard;
}

/* Adds the URL under which the hosts reach our images, where --set does not say. */
static void add_url(struct making *making) {
    auto_clean(text_deinit) struct text url = {0};
    bool sealed = set_value(making, "images", "certificate_file", NULL);
    text_addf(&url, "http%s://%s/v1/blobs", sealed ? "s" : "",
              set_value(making, "images", "listen", "127.0.0.1:8090"));
    if (!set_value(making, "images", "url", NULL))
        config_values_add(&making->values, "images", "url", url.data);
}

static int add_values(struct making *making, struct error *err) {
    static const struct config_value password = {"downlink", "password_file", "downlink.password"},
                                     token = {"images", "token_file", "images.token"};
    char jid[limit_address_size], public_key[limit_public_key_size];
    auto_clean(memory_clean) char *ca = realpath(making->options->ca_file, NULL);
    auto_clean(memory_clean) char *key = daemon_file_path(making->folder, "downlink", ".key");
    if (!ca)
        return error_set(err, -errno, "%s: %s; give the authority that signed the XMPP server's "
                         "certificate", making->options->ca_file, strerror(errno));
    text_format(jid, sizeof(jid), "manager@%s/downstream", making->options->domain);
    config_values_add(&making->values, "downlink", "jid", jid);
    config_values_add(&making->values, "downlink", "ca_file", ca);
    config_values_add(&making->values, "downlink", "key_file", key);
    if (key_file_make(key, public_key, err) ||
        add_secret(making, &password, err) || add_secret(making, &token, err) ||
        add_hosts(making, err) || daemon_values_set(&making->values, making->options, err))
        return err->code;
    add_url(making);
    return 0;
}

/* Written beside its place, and read as the daemon will. */
static int make_config(struct making *making, struct error *err) {
    auto_clean(text_deinit) struct text text = {0};
    making->folder = daemon_files(making->options->config, err);
    if (!making->folder || add_values(making, err) ||
        config_write(&downstream_config_table, &making->values, &text, err))
        return err->code;
    text_addf(&making->fresh, "%s.making", making->options->config);
    if (daemon_file_write(making->fresh.data, text.data, text.length, err) ||
        downstream_config_load(making->fresh.data, &making->config, err))
        return err->code;
    const struct downstream_config *config = &making->config;
    const struct inviting inviting = {&config->downlink, config->agents, config->agents_count,
                                      &config->images, config->images.token.text};
    return daemon_invite(&inviting, &making->invitations, err);
}

static uint64_t wall_ms(void) {
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A token for each host into the store, as the owner's API would make it. */
static int make_token(struct making *making, const struct rest_invitation *invitation,
                      struct text *out, struct error *err) {
    uint64_t now = wall_ms();
    char secret[secret_token_size];
    auto_clean(text_deinit) struct text token = {0};
    struct join_token record = {
        .created_ms = now, .expires_ms = now + making->options->expires_seconds * 1000};
    struct join_offer offer = {.expires_ms = record.expires_ms, .link = invitation->link};
    secret_token(secret);
    text_set(record.id, id_make(&making->ids, "jt", now).text);
    text_set(record.peer, invitation->peer);
    secret_hash_bytes(secret, strlen(secret), record.secret_hash);
    text_set(offer.id, record.id);
    text_set(offer.peer, record.peer);
    text_set(offer.secret, secret);
    text_set(offer.manager_key, seal_public_key(making->seal));
    text_set(offer.address, making->config.downlink.jid);
    join_token_print(&offer, &token);
    text_addf(out, "# %s\nisthmus-agent join %s\n", record.peer, text_data(&token));
    return store_put(making->store, &(struct record){&join_token_table, &record}, err);
}

static int make_tokens(struct making *making, struct text *out, struct error *err) {
    prng_init(&making->ids.prng, daemon_seed());
    making->seal = seal_new(SEAL_MANAGER, making->config.downlink.key.text, err);
    making->store =
        making->seal ? daemon_store(&making->config.daemon, "downstream", 0700, err) : NULL;
    if (!making->store || store_begin(making->store, err))
        return err->code;
    for (size_t i = 0; i < making->invitations.count; i++)
        if (make_token(making, &making->invitations.items[i], out, err))
            return err->code;
    return store_commit(making->store, err);
}

/* COMMAND NAME DOMAIN PASSWORD; its words are split at blanks, ours are not. */
static int enter(const struct daemon_options *options, const char *account, const char *password,
                 struct error *err) {
    char *const words[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"exec $0 \"$@\""},
                           (char *)(uintptr_t)options->enter, (char *)(uintptr_t)account,
                           (char *)(uintptr_t)options->domain, (char *)(uintptr_t)password, NULL};
    extern char **environ;
    pid_t pid = 0;
    int status = 0, code = posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environ);
    if (code)
        return error_set(err, -code, "run %s: %s", options->enter, strerror(code));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return error_set(err, -errno, "wait for %s: %s", options->enter, strerror(errno));
    return status ? error_set(err, -EIO, "'%s %s %s PASSWORD' failed; see what it says above",
                              options->enter, account, options->domain)
                  : 0;
}

static int make_accounts(const struct making *making, struct error *err) {
    const struct daemon_options *options = making->options;
    const struct link_config *downlink = &making->config.downlink;
    if (!options->enter) {
        (void)printf("The XMPP server needs these accounts; there, as its administrator "
                     "(ejabberdctl for prosodyctl: the same words):\n\n"
                     "prosodyctl register manager %s \"$(cat %s)\"\n", options->domain,
                     downlink->password.file);
        for (size_t i = 0; i < making->config.agents_count; i++)
            (void)printf("prosodyctl register %s %s \"$(cat %s)\"\n",
                         making->config.agents[i].name, options->domain,
                         making->config.agents[i].password.file);
        (void)printf("\n");
        return 0;
    }
    if (enter(options, "manager", downlink->password.text, err))
        return err->code;
    for (size_t i = 0; i < making->config.agents_count; i++)
        if (enter(options, making->config.agents[i].name, making->config.agents[i].password.text,
                  err))
            return err->code;
    return 0;
}

int downstream_init_cluster(const struct daemon_options *options) {
    struct error err = {0};
    auto_clean(making_clean) struct making making = {.options = options};
    auto_clean(text_deinit) struct text commands = {0};
    if (access(options->config, F_OK) == 0) {
        (void)printf("%s: %s is there and stays as it is; a further token for a host: "
                     "isthmus token new HOST\n", options->program, options->config);
        return EXIT_FINE;
    }
    if (check_options(options, &err))
        return daemon_fail(options, &err, EXIT_MISUSED);
    if (make_config(&making, &err) || make_tokens(&making, &commands, &err) ||
        make_accounts(&making, &err) ||
        folder_commit(making.fresh.data, options->config, &err))
        return daemon_fail(options, &err, EXIT_FAILED);
    (void)printf("The configuration is %s. Start isthmus-downstream, and on each host, once and by "
                 "its own line:\n\n%s\nThe lines are secrets. To attach the cluster to a cloud: "
                 "isthmus-downstream join TOKEN, by a token of its operator.\n",
                 options->config, text_data(&commands));
    return EXIT_FINE;
}
