/* What `init` and `register` write. The configuration is written beside its place and checked as
 * the relay will read it, so that a failure leaves the one that was there. */
#include "main/relay_setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/keys/key_file.h"
#include "io/os/folder.h"
#include "main/daemon/files.h"

enum { config_most = 16 << 20 };

static int commit(const struct relay_setup *setup, const struct text *text, struct error *err) {
    auto_clean(relay_config_deinit) struct relay_config config = {0};
    auto_clean(text_deinit) struct text fresh = {0};
    text_addf(&fresh, "%s.making", setup->config);
    if (daemon_file_write(fresh.data, text_data(text), text->length, err))
        return err->code;
    if (relay_config_load(fresh.data, &config, err) == 0)
        return folder_commit(fresh.data, setup->config, err);
    (void)unlink(fresh.data);
    return err->code;
}

static int add_path(struct config_values *values, const char *key, const char *path,
                    struct error *err) {
    auto_clean(memory_clean) char *whole = path ? realpath(path, NULL) : NULL;
    if (!whole)
        return error_set(err, path ? -errno : -EINVAL, "%s: %s; give the relay's certificate chain "
                         "and its key, both PEM", path ? path : "--certificate-file, --key-file",
                         path ? strerror(errno) : "missing");
    config_values_add(values, "relay", key, whole);
    return 0;
}

/* Where it listens for ZeroMQ, and the key that it is known by there. */
static int add_zeromq(const struct relay_setup *setup, struct config_values *values,
                      struct error *err) {
    char public_key[limit_public_key_size];
    auto_clean(memory_clean) char *folder = daemon_files(setup->config, err);
    if (!folder)
        return err->code;
    auto_clean(memory_clean) char *path = daemon_file_path(folder, "zeromq", ".key");
    if (key_file_make(path, public_key, err))
        return err->code;
    config_values_add(values, "relay", "zeromq_listen", setup->zeromq_listen);
    config_values_add(values, "relay", "zeromq_key_file", path);
    (void)printf("server_key = %s\n", public_key);
    return 0;
}

int relay_setup_init(const struct relay_setup *setup, struct error *err) {
    auto_clean(config_values_clean) struct config_values values = {0};
    auto_clean(text_deinit) struct text text = {0};
    if (access(setup->config, F_OK) == 0)
        return 0;
    if (!setup->domain)
        return error_set(err, -EINVAL, "init needs --domain, --certificate-file and --key-file; "
                         "--help tells what they are");
    config_values_add(&values, "relay", "domain", setup->domain);
    if (setup->listen)
        config_values_add(&values, "relay", "listen", setup->listen);
    if (add_path(&values, "certificate_file", setup->certificate_file, err) ||
        add_path(&values, "key_file", setup->key_file, err) ||
        (setup->zeromq_listen && add_zeromq(setup, &values, err)) ||
        config_write(&relay_config_table, &values, &text, err))
        return err->code;
    return commit(setup, &text, err);
}

/* The token in its file; *out_path is the caller's to free. */
static int write_token(const struct relay_setup *setup, char **out_path, struct error *err) {
    char secret[limit_text_size];
    auto_clean(text_deinit) struct text line = {0};
    auto_clean(memory_clean) char *folder = daemon_files(setup->config, err);
    if (!folder)
        return err->code;
    *out_path = daemon_file_path(folder, setup->name, ".token");
    if (setup->token) {
        text_addf(&line, "%s\n", setup->token);
        return daemon_file_write(*out_path, line.data, line.length, err);
    }
    int result = daemon_file_secret(*out_path, secret, err);
    explicit_bzero(secret, sizeof(secret));
    return result;
}

static int add_account(const struct relay_setup *setup, const char *token_file,
                       struct error *err) {
    char title[limit_name_size + 16];
    auto_clean(config_values_clean) struct config_values values = {0};
    auto_clean(text_deinit) struct text text = {0};
    auto_clean(memory_clean) char *reaches = memory_text(setup->reaches);
    for (char *comma = reaches; comma && (comma = strchr(comma, ','));)
        *comma = ' ';
    text_format(title, sizeof(title), "account %s", setup->name);
    config_values_add(&values, title, "token_file", token_file);
    if (reaches)
        config_values_add(&values, title, "reaches", reaches);
    if (daemon_file_read(setup->config, config_most, &text, err) ||
        config_write_section(&relay_config_table, title, &values, &text))
        return err->code;
    return commit(setup, &text, err);
}

int relay_setup_register(const struct relay_setup *setup, struct error *err) {
    auto_clean(relay_config_deinit) struct relay_config config = {0};
    auto_clean(memory_clean) char *token_file = NULL;
    if (relay_config_load(setup->config, &config, err))
        return err->code;
    if (!text_equal(setup->domain, config.relay.domain))
        return error_set(err, -EINVAL, "this relay's domain is %s, not %s; register the account "
                         "at the other's", config.relay.domain, setup->domain);
    bool is_there = relay_config_find(&config, setup->name) < config.accounts_count;
    if (write_token(setup, &token_file, err))
        return err->code;
    return is_there ? 0 : add_account(setup, token_file, err);
}
