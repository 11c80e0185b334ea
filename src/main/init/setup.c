/* The values of a manager's configuration, in the order in which later ones may build on them. */
#include "main/init/setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/keys/key_file.h"
#include "io/os/folder.h"
#include "main/daemon/files.h"
#include "main/daemon/service.h"

void setup_clean(struct setup *setup) {
    config_values_clean(&setup->values);
    if (setup->fresh.data)
        (void)unlink(setup->fresh.data);
    text_deinit(&setup->fresh);
    memory_free(setup->folder);
    memory_free(setup->authority);
}

int setup_begin(struct setup *setup, struct error *err) {
    setup->folder = daemon_files(setup->options->config, err);
    return setup->folder ? 0 : err->code;
}

static bool is_of(const struct setup *setup, const char *carrier) {
    return text_equal(setup->options->carrier, carrier);
}

int setup_check(const struct setup *setup, struct error *err) {
    const struct daemon_options *options = setup->options;
    bool is_zeromq = is_of(setup, "zeromq");
    const char *proof = is_zeromq ? "--server-key" : "--ca-file";
    bool is_proven = options->with_prosody ||
                     (is_zeromq ? options->server_key : options->ca_file);
    if (!options->domain || !setup->kind->peers || !is_proven)
        return error_set(err, -EINVAL, "init needs --domain, --%ss and %s; --help tells what "
                         "they are", text_equal(setup->kind->peer_section, "agent")
                                         ? "host" : "cluster", proof);
    if (is_of(setup, "xmpp") != !options->url)
        return error_set(err, -EINVAL, "--carrier %s and --url do not go together: %s",
                         options->carrier, options->url ? "xmpp is found by its domain; leave one "
                         "out" : "say where the server is");
    return 0;
}

int setup_secret(struct setup *setup, const struct config_value *file, struct error *err) {
    char secret[limit_text_size];
    auto_clean(memory_clean) char *path = daemon_file_path(setup->folder, file->value, "");
    int result = daemon_file_secret(path, secret, err);
    explicit_bzero(secret, sizeof(secret));
    if (!result)
        config_values_add(&setup->values, file->section, file->key, path);
    return result;
}

/* At an XMPP server it has a resource, at the others none. */
static void add_address(struct setup *setup, const char *section, const char *account,
                        const char *resource) {
    char address[limit_address_size];
    bool is_xmpp = is_of(setup, "xmpp");
    text_format(address, sizeof(address), "%s@%s%s%s", account, setup->options->domain,
                is_xmpp ? "/" : "", is_xmpp ? resource : "");
    config_values_add(&setup->values, section, "address", address);
}

static int add_peer(struct setup *setup, const char *name, struct error *err) {
    char title[limit_address_size], file[limit_address_size];
    text_format(title, sizeof(title), "%s %s", setup->kind->peer_section, name);
    text_format(file, sizeof(file), "%s.password", name);
    add_address(setup, title, name, setup->kind->peer_resource);
    const struct config_value password = {title, "password_file", file};
    const struct config_value token = {title, "image_token_file", file};
    if (setup_secret(setup, &password, err) || !setup->kind->image_tokens)
        return err->code;
    text_format(file, sizeof(file), "%s-images.token", name);
    return setup_secret(setup, &token, err);
}

static int add_peers(struct setup *setup, struct error *err) {
    auto_clean(memory_clean) char *names = memory_text(setup->kind->peers);
    char *rest = names;
    for (char *name; (name = strsep(&rest, ","));)
        if (add_peer(setup, name, err))
            return err->code;
    return 0;
}

const char *setup_value(const struct setup *setup, const char *section, const char *key,
                        const char *standard) {
    const char *found = standard;
    for (size_t i = 0; i < setup->values.count; i++) {
        const struct config_value *value = &setup->values.items[i];
        if (text_equal(value->section, section) && text_equal(value->key, key))
            found = value->value;
    }
    return found;
}

/* Where the application server is, and how it proves itself. */
static int add_server(struct setup *setup, struct error *err) {
    const struct daemon_options *options = setup->options;
    struct config_values *values = &setup->values;
    if (!is_of(setup, "xmpp"))
        config_values_add(values, "downlink", "carrier", options->carrier);
    if (options->url)
        config_values_add(values, "downlink", "url", options->url);
    if (options->server_key)
        config_values_add(values, "downlink", "server_key", options->server_key);
    if (!options->ca_file)
        return 0;
    auto_clean(memory_clean) char *ca = realpath(options->ca_file, NULL);
    if (!ca)
        return error_set(err, -errno, "%s: %s; give the authority that signed the "
                         "application server's certificate", options->ca_file, strerror(errno));
    config_values_add(values, "downlink", "ca_file", ca);
    return 0;
}

int setup_downlink(struct setup *setup, struct error *err) {
    static const struct config_value password = {"downlink", "password_file", "downlink.password"};
    char public_key[limit_public_key_size];
    auto_clean(memory_clean) char *key = daemon_file_path(setup->folder, "downlink", ".key");
    add_address(setup, "downlink", setup->kind->account, setup->kind->resource);
    config_values_add(&setup->values, "downlink", "key_file", key);
    if (add_server(setup, err) || key_file_make(key, public_key, err) ||
        setup_secret(setup, &password, err))
        return err->code;
    return add_peers(setup, err);
}

int setup_write(struct setup *setup, const struct table *table, struct error *err) {
    auto_clean(text_deinit) struct text text = {0};
    if (config_write(table, &setup->values, &text, err))
        return err->code;
    text_addf(&setup->fresh, "%s.making", setup->options->config);
    return daemon_file_write(setup->fresh.data, text.data, text.length, err);
}

int setup_commit(const struct setup *setup, const char *state, struct error *err) {
    if (folder_commit(setup->fresh.data, setup->options->config, err))
        return err->code;
    return service_own(setup->options, state, err);
}
