/* Debian's Prosody: /etc/prosody, the account `prosody`. Its configuration was measured: without
 * gc, min_wait and nagle a round trip costs several times as much, and the module "limits" (left
 * out) would throttle a manager to 24 round trips a second. */
#include "main/init/prosody.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/os/folder.h"
#include "main/daemon/files.h"
#include "main/daemon/service.h"
#include "main/init/certificate.h"

enum { config_most = 1 << 20 };

static const char main_file[] = "/etc/prosody/prosody.cfg.lua";
static const char before[] = "/etc/prosody/prosody.cfg.lua.before-isthmus";
static const char mark[] = "-- Made by isthmus init";
static const char text_of_main[] =
    "%s; what was here before is in prosody.cfg.lua.before-isthmus.\n"
    "pidfile = \"/run/prosody/prosody.pid\"\n"
    "log = { { levels = { min = \"info\" }, to = \"file\", filename = "
    "\"/var/log/prosody/prosody.log\" } }\n"
    "certificates = \"certs\"\n"
    "modules_enabled = { \"roster\"; \"saslauth\"; \"tls\"; \"disco\"; \"ping\"; \"posix\" }\n"
    "modules_disabled = { \"s2s\" }\n"
    "authentication = \"internal_hashed\"\n"
    "password_hash = \"SHA-256\"\n"
    "allow_registration = false\n"
    "c2s_require_encryption = true\n"
    "c2s_stanza_size_limit = 262144\n"
    "http_ports = { }\n"
    "https_ports = { }\n"
    "network_backend = \"epoll\"\n"
    "network_settings = { nagle = false; tcp_backlog = 1024; min_wait = 0.00001 }\n"
    "gc = { mode = \"incremental\"; threshold = 300; speed = 400 }\n"
    "Include \"conf.d/*.cfg.lua\"\n";

/* Whether the file is there and begins so. */
static bool begins_with(const char *path, const char *words) {
    struct error none = {0};
    auto_clean(text_deinit) struct text text = {0};
    return !daemon_file_read(path, config_most, &text, &none) &&
           text_starts(text_data(&text), words);
}

/* For Prosody's account, which must read it; nobody else does. */
static int give(const char *path, struct error *err) {
    const struct passwd *account = getpwnam("prosody");
    if (!account)
        return error_set(err, -ENOENT, "there is no account prosody: install Prosody first, as in "
                         "apt install prosody");
    return folder_give(path, account->pw_uid, account->pw_gid, err);
}

static int write_for_prosody(const char *path, const struct text *text, struct error *err) {
    int failed = daemon_file_write(path, text_data(text), text->length, err);
    return failed ? failed : give(path, err);
}

static int make_main(struct error *err) {
    auto_clean(text_deinit) struct text text = {0};
    if (begins_with(main_file, mark))
        return 0;
    if (access(before, F_OK) < 0 && rename(main_file, before) < 0 && errno != ENOENT)
        return error_set(err, -errno, "put %s aside: %s; run init as root, or make the server "
                         "yourself and give --ca-file", main_file, strerror(errno));
    text_addf(&text, text_of_main, mark);
    return write_for_prosody(main_file, &text, err);
}

/* The domain, under a line that says whose it is. */
static int make_domain(const struct daemon_options *options, struct error *err) {
    auto_clean(text_deinit) struct text path = {0}, line = {0}, text = {0};
    text_addf(&path, "/etc/prosody/conf.d/isthmus-%s.cfg.lua", options->domain);
    text_addf(&line, "%s of %s\n", mark, options->config);
    if (access(path.data, F_OK) == 0 && !begins_with(path.data, line.data))
        return error_set(err, -EEXIST, "this Prosody serves %s for another configuration: see %s; "
                         "take another domain, or give its authority as --ca-file",
                         options->domain, path.data);
    text_addf(&text, "%sVirtualHost \"%s\"\n", line.data, options->domain);
    return write_for_prosody(path.data, &text, err);
}

int prosody_make(struct setup *setup, struct daemon_options *options, struct error *err) {
    auto_clean(text_deinit) struct text key = {0}, certificate = {0};
    if (!options->domain || strpbrk(options->domain, "/\"\\\n"))
        return error_set(err, -EINVAL, "--with-prosody needs --domain, a name by which this "
                         "machine is found");
    if (options->url || options->ca_file || options->enter)
        return error_set(err, -EINVAL, "--with-prosody makes the server: leave out --url, "
                         "--ca-file and --register");
    text_addf(&key, "/etc/prosody/certs/%s.key", options->domain);
    text_addf(&certificate, "/etc/prosody/certs/%s.crt", options->domain);
    if (make_main(err) || make_domain(options, err) ||
        certificate_issue(setup, key.data, certificate.data, err) || give(key.data, err) ||
        give(certificate.data, err))
        return err->code;
    setup->authority = daemon_file_path(setup->folder, "authority", ".crt");
    options->ca_file = setup->authority;
    options->enter = "prosodyctl --quiet register";
    return 0;
}

void prosody_restart(const struct daemon_options *options) {
    if (options->with_prosody && !service_restart("prosody.service"))
        (void)printf("Restart Prosody: it has a new configuration.\n\n");
}
