/* The keys of xmpp.conf, and that tokens go by TLS alone. */
#include "io/config/chat.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "io/config/config.h"

static const char *const rights_here[] = {"act", "look"};

/* Tenants' tokens travel to it: in the clear on this machine alone. */
static int check_manager(const char *value, struct error *err) {
    bool is_here = text_starts(value, "http://127.0.0.1:") || text_starts(value, "http://[::1]:");
    if (!text_starts(value, "https://") && !is_here)
        return error_set(err, -EINVAL, "\"%s\" is not where the manager's REST interface is; write "
                         "it like https://cloud.example:8443", value);
    return value_check_url(value, err);
}

static int check_full(const char *value, struct error *err) {
    if (!strchr(value, '/'))
        return error_set(err, -EINVAL, "\"%s\" has no resource, by which people give commands; "
                         "write it like isthmus@chat.example/bot", value);
    return value_check_address(value, err);
}

static const struct field manager_fields[] = {
    {field_of(struct chat_manager_section, url),
     .about = "the upstream manager's REST interface: https://cloud.example:8443",
     .kind = FIELD_BLOB, .form = check_manager, .mask = FIELD_REQUIRED},
    {field_of(struct chat_manager_section, ca_file),
     .about = "authority of its certificate, PEM; the system's without it", .kind = FIELD_BLOB,
     .form = value_check_file},
    {.name = "token_file", field_at(struct chat_manager_section, token),
     .about = "file with the token of its [notify] chat_token_file; without: nobody is told",
     .kind = FIELD_RECORD, .table = &secret_table},
};

static const struct field account_fields[] = {
    {field_of(struct chat_account_section, address),
     .about = "our account: account@domain/resource", .kind = FIELD_BLOB, .form = check_full,
     .mask = FIELD_REQUIRED},
    {.name = "password_file", field_at(struct chat_account_section, password),
     .about = "file with its password", .kind = FIELD_RECORD, .table = &secret_table,
     .mask = FIELD_REQUIRED},
    {field_of(struct chat_account_section, server),
     .about = "host to connect to; the address's domain without it", .kind = FIELD_BLOB},
    {field_of(struct chat_account_section, port), .about = "its port; 5222 without it",
     .kind = FIELD_U64, .least = 1, .most = 65535},
    {field_of(struct chat_account_section, ca_file),
     .about = "certificate authority of the server, PEM", .kind = FIELD_BLOB,
     .form = value_check_file, .mask = FIELD_REQUIRED},
};

static const struct field chat_fields[] = {
    {field_of(struct chat_section, state), .about = "folder of the links", .kind = FIELD_BLOB,
     .form = value_check_path, .standard = "/var/lib/isthmus-xmpp"},
    {field_of(struct chat_section, domains),
     .about = "domains whose addresses may be linked or told, by blanks; all without it",
     .kind = FIELD_BLOB},
    {field_of(struct chat_section, rights), .about = "the most that a link may have: act or look",
     .kind = FIELD_ENUM, field_names(rights_here), .standard = "act"},
    {field_of(struct chat_section, deletes), .about = "no: VMs are not deleted from here",
     .kind = FIELD_FLAG, .standard = "yes"},
    {field_of(struct chat_section, log_level), .about = "error, warning, info or debug",
     .kind = FIELD_ENUM, field_names(log_level_names), .standard = "info"},
};

#define keys(type, rows) &(const struct table){"", "", sizeof(type), rows, array_size(rows)}

static const struct field sections[] = {
    {field_of(struct chat_config, manager), .about = "whom it asks", .kind = FIELD_RECORD,
     .mask = FIELD_REQUIRED, .table = keys(struct chat_manager_section, manager_fields)},
    {field_of(struct chat_config, xmpp), .about = "who it is in the chat", .kind = FIELD_RECORD,
     .mask = FIELD_REQUIRED, .table = keys(struct chat_account_section, account_fields)},
    {field_of(struct chat_config, chat), .about = "what it lets people do",
     .kind = FIELD_RECORD, .table = keys(struct chat_section, chat_fields)},
};
const struct table chat_config_table = {"xmpp", "", sizeof(struct chat_config),
                                        field_rows(sections)};

int chat_config_load(const char *path, struct chat_config *config, struct error *err) {
    return config_load(&chat_config_table, path, config, err);
}

void chat_config_deinit(struct chat_config *config) { record_clear(&chat_config_table, config); }
