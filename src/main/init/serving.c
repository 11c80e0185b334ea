/* What --set gives goes before what is made, and says whether a certificate is. */
#include "main/init/serving.h"

#include <string.h>

#include "base/memory.h"
#include "main/daemon/files.h"
#include "main/init/certificate.h"

/* Where something is served, and how it is written there. */
struct served {
    const char *section, *listen;
    const char *scheme, *path;
};

/* The port of where it listens: "[::]:8443" has ":8443". */
static const char *port_of(const char *listen) {
    const char *port = strrchr(listen, ':');
    return port ? port : "";
}

/* By its name, where it listens on all addresses; otherwise by the address. */
static void add_url(struct setup *setup, const struct served *served) {
    auto_clean(text_deinit) struct text url = {0};
    const char *listen = served->listen;
    bool is_open = text_starts(listen, "[::]:") || text_starts(listen, "0.0.0.0:");
    if (setup_value(setup, served->section, "url", NULL))
        return;
    text_addf(&url, "%s://%s%s%s", served->scheme, is_open ? setup->options->domain : listen,
              is_open ? port_of(listen) : "", served->path);
    config_values_add(&setup->values, served->section, "url", url.data);
}

static bool has_certificate(const struct setup *setup, const char *section) {
    return setup_value(setup, section, "certificate_file", NULL);
}

static int add_images(struct setup *setup, const char *listen, struct error *err) {
    const char *section = setup->kind->serves;
    bool is_local = text_starts(listen, "127.0.0.1:") || text_starts(listen, "[::1]:");
    if (!is_local && !has_certificate(setup, section) &&
        !setup_value(setup, section, "plain_http_off_loopback", NULL)) {
        auto_clean(memory_clean) char *ca = daemon_file_path(setup->folder, "authority", ".crt");
        if (certificate_add(setup, section, err))
            return err->code;
        if (!setup_value(setup, section, "ca_file", NULL))
            config_values_add(&setup->values, section, "ca_file", ca);
    }
    add_url(setup, &(struct served){section, listen,
                                    has_certificate(setup, section) ? "https" : "http",
                                    "/v1/blobs"});
    return 0;
}

/* At the address of the images, by a port of their own. */
static int add_streams(struct setup *setup, const char *images, struct error *err) {
    static const char section[] = "streams";
    auto_clean(text_deinit) struct text beside = {0};
    text_addf(&beside, "%.*s:%u", (int)(port_of(images) - images), images,
              setup->kind->streams_port);
    if (!setup_value(setup, section, "listen", NULL))
        config_values_add(&setup->values, section, "listen", beside.data);
    if (!has_certificate(setup, section) && certificate_add(setup, section, err))
        return err->code;
    add_url(setup, &(struct served){section, setup_value(setup, section, "listen", NULL), "wss",
                                    ""});
    return 0;
}

int serving_add(struct setup *setup, struct error *err) {
    const char *section = setup->kind->serves;
    struct config_values given = {0};
    int result = daemon_values_set(&given, setup->options, err);
    for (size_t i = 0; i < given.count; i++)
        config_values_add(&setup->values, given.items[i].section, given.items[i].key,
                          given.items[i].value);
    config_values_clean(&given);
    if (result)
        return result;
    auto_clean(memory_clean) char *listen =
        memory_text(setup_value(setup, section, "listen", setup->kind->listen));
    config_values_add(&setup->values, section, "listen", listen);
    return add_images(setup, listen, err) ? err->code : add_streams(setup, listen, err);
}
