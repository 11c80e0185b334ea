/* The configuration that a join token brings. */
#include "main/daemon/making.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/keys/key_file.h"
#include "main/daemon/authorities.h"

void daemon_making_clean(struct daemon_making *making) {
    if (making->fresh)
        (void)unlink(making->fresh); /* it has another name by now, or it is not wanted */
    memory_free(making->fresh);
    join_offer_clear(&making->offer);
    *making = (struct daemon_making){0};
}

static int write_line(const char *path, const char *line, struct error *err) {
    auto_clean(text_deinit) struct text text = {0};
    text_addf(&text, "%s\n", line);
    return daemon_file_write(path, text.data, text.length, err);
}

enum { server_title_size = limit_name_size + 24 };

/* A section of the configuration, in the making; sections of its servers go with it. */
struct section {
    char title[limit_name_size + 8];
    char *stem; /* of its files' names */
    struct config_values values;
};

static void section_clean(struct section *section) {
    memory_free(section->stem);
    config_values_clean(&section->values);
}

static void section_add(struct section *section, const char *key, const char *value) {
    config_values_add(&section->values, section->title, key, value);
}

/* A file of the link with what the token brings, named by its key; absent: neither. */
static int add_file(struct section *section, const struct config_value *file, struct error *err) {
    auto_clean(text_deinit) struct text path = {0};
    if (!file->value)
        return 0;
    text_addf(&path, "%s.%s", section->stem, file->section);
    if (write_line(path.data, file->value, err))
        return err->code;
    section_add(section, file->key, path.data);
    return 0;
}

static int add_key(struct section *section, struct error *err) {
    char public_key[limit_public_key_size];
    auto_clean(text_deinit) struct text path = {0};
    text_addf(&path, "%s.key", section->stem);
    if (key_file_make(path.data, public_key, err))
        return err->code;
    section_add(section, "key_file", path.data);
    return 0;
}

static void title_server(const struct section *uplink, size_t number, char *out_title) {
    text_format(out_title, server_title_size, "uplink-server %s-%zu",
                uplink->title + strlen("uplink "), number);
}

/* The [uplink-server NAME-2] of a further server, and its files. */
static int add_server(struct section *uplink, size_t number, const struct join_server *server,
                      struct error *err) {
    char title[server_title_size], port[16];
    text_format(port, sizeof(port), "%u", server->port);
    title_server(uplink, number, title);
    const struct config_value texts[] = {
        {NULL, "uplink", uplink->title + strlen("uplink ")},
        {NULL, "carrier", server->carrier}, {NULL, "address", server->address},
        {NULL, "url", server->url},         {NULL, "server", server->server},
        {NULL, "port", server->port ? port : NULL},
        {NULL, "server_key", server->server_key}, {NULL, "manager", server->manager},
    };
    const struct config_value files[] = {
        {"password", "password_file", server->password}, {"ca.crt", "ca_file", server->ca},
    };
    for (size_t i = 0; i < array_size(texts); i++)
        if (texts[i].value)
            config_values_add(&uplink->values, title, texts[i].key, texts[i].value);
    for (size_t i = 0; i < array_size(files); i++) {
        auto_clean(text_deinit) struct text path = {0};
        text_addf(&path, "%s-%zu.%s", uplink->stem, number, files[i].section);
        if (!files[i].value)
            continue;
        if (write_line(path.data, files[i].value, err))
            return err->code;
        config_values_add(&uplink->values, title, files[i].key, path.data);
    }
    return 0;
}

/* The [uplink NAME] that the offer makes, its files, and what --set says of it. */
static int add_uplink(const struct daemon_options *options, const struct join_offer *offer,
                      struct section *section, struct error *err) {
    const struct join_link *link = &offer->link;
    const struct config_value files[] = { /* the suffix of each stands for its section */
        {"password", "password_file", link->password},
        {"ca.crt", "ca_file", link->ca},
        {"images.token", "image_token_file", link->image_token},
        {"images-ca.crt", "image_ca_file", link->image_ca},
    };
    char port[16];
    auto_clean(memory_clean) char *folder = daemon_files(options->config, err);
    if (!folder)
        return err->code;
    section->stem = daemon_file_path(folder, section->title, "");
    section->stem[strlen(folder) + 1 + strlen("uplink")] = '-'; /* for the blank */
    text_format(port, sizeof(port), "%u", link->port);
    const struct config_value texts[] = {
        {NULL, "carrier", link->carrier}, {NULL, "address", link->jid},
        {NULL, "url", link->url},         {NULL, "server", link->server},
        {NULL, "server_key", link->server_key},
        {NULL, "port", link->port ? port : NULL},
        {NULL, "manager", offer->address}, {NULL, "image_url", link->image_url},
    };
    for (size_t i = 0; i < array_size(texts); i++)
        if (texts[i].value)
            section_add(section, texts[i].key, texts[i].value);
    for (size_t i = 0; i < array_size(files); i++)
        if (add_file(section, &files[i], err))
            return err->code;
    for (size_t k = 0; k < link->more_count; k++)
        if (add_server(section, k + 2, &link->more[k], err))
            return err->code;
    return add_key(section, err) ? err->code : daemon_values_set(&section->values, options, err);
}

/* "cloud" of "upstream@cloud.example/manager", or what --name says. */
static void name_uplink(const struct daemon_options *options, const struct join_offer *offer,
                        const char *standard, char out_title[limit_name_size + 8]) {
    const char *domain = strchr(offer->address, '@');
    size_t length = domain ? strcspn(++domain, "./") : 0;
    if (options->name)
        text_format(out_title, limit_name_size + 8, "uplink %s", options->name);
    else if (standard || !length)
        text_format(out_title, limit_name_size + 8, "uplink %s", standard ? standard : "cloud");
    else
        text_format(out_title, limit_name_size + 8, "uplink %.*s", (int)length, domain);
}

static int keep(struct daemon_making *making, const char *config, const struct text *text,
                struct error *err) {
    struct text path = {0};
    text_addf(&path, "%s.joining", config);
    making->config = making->fresh = path.data;
    return daemon_file_write(making->fresh, text_data(text), text->length, err);
}

int daemon_making_begin(const struct daemon_options *options, struct daemon_making *making,
                        struct error *err) {
    making->config = options->config;
    if (options->purpose != DAEMON_JOIN)
        return 0;
    if (join_token_read(options->token, &making->offer, err))
        return err->code;
    if (access(options->config, F_OK) == 0 || !making->offer.link.jid)
        return 0;
    if (daemon_authorities_fetch(&making->offer, err))
        return err->code;
    auto_clean(section_clean) struct section uplink = {0};
    auto_clean(text_deinit) struct text text = {0};
    name_uplink(options, &making->offer, "cluster", uplink.title);
    if (add_uplink(options, &making->offer, &uplink, err) ||
        config_write(&agent_config_table, &uplink.values, &text, err))
        return err->code;
    return keep(making, options->config, &text, err);
}

static bool has_line(const struct text *text, const char *begin, const char *end) {
    auto_clean(text_deinit) struct text line = {0};
    text_addf(&line, "\n%s%s\n", begin, end);
    return strstr(text_data(text), line.data) != NULL;
}

int daemon_making_attach(const struct daemon_options *options, struct daemon_making *making,
                         struct error *err) {
    enum { config_most = 16 << 20 };
    char head[limit_name_size + 12];
    making->config = options->config;
    if (options->purpose != DAEMON_JOIN)
        return 0;
    if (join_token_read(options->token, &making->offer, err))
        return err->code;
    auto_clean(section_clean) struct section uplink = {0};
    auto_clean(text_deinit) struct text text = {0};
    if (access(options->config, F_OK) < 0)
        return error_set(err, -ENOENT, "there is no %s; make the cluster first: isthmus-downstream "
                         "init", options->config);
    if (daemon_file_read(options->config, config_most, &text, err))
        return err->code;
    if (has_line(&text, "manager = ", making->offer.address) || !making->offer.link.jid)
        return 0;
    name_uplink(options, &making->offer, NULL, uplink.title);
    text_format(head, sizeof(head), "[%s]", uplink.title);
    if (has_line(&text, head, ""))
        return error_set(err, -EEXIST, "%s has a section %s already; give another --name",
                         options->config, head);
    if (daemon_authorities_fetch(&making->offer, err) ||
        add_uplink(options, &making->offer, &uplink, err) ||
        config_write_section(&downstream_config_table, uplink.title, &uplink.values, &text))
        return err->code;
    for (size_t k = 0; k < making->offer.link.more_count; k++) {
        char title[server_title_size];
        title_server(&uplink, k + 2, title);
        if (config_write_section(&downstream_config_table, title, &uplink.values, &text))
            return err->code;
    }
    return keep(making, options->config, &text, err);
}
