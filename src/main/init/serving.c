/* What --set gives goes before what is made, and says whether a certificate is. */
#include "main/init/serving.h"

#include <string.h>

#include "main/daemon/files.h"
#include "main/init/certificate.h"

/* The port of where it listens: "[::]:8443" has ":8443". */
static const char *port_of(const char *listen) {
    const char *port = strrchr(listen, ':');
    return port ? port : "";
}

/* By its name, where it listens on all addresses; otherwise by the address. */
static void add_url(struct setup *setup, const char *listen, bool is_sealed) {
    auto_clean(text_deinit) struct text url = {0};
    bool is_open = text_starts(listen, "[::]:") || text_starts(listen, "0.0.0.0:");
    text_addf(&url, "http%s://%s%s/v1/blobs", is_sealed ? "s" : "",
              is_open ? setup->options->domain : listen, is_open ? port_of(listen) : "");
    config_values_add(&setup->values, setup->kind->serves, "url", url.data);
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
    if (!setup_value(setup, section, "listen", NULL))
        config_values_add(&setup->values, section, "listen", setup->kind->listen);
    const char *listen = setup_value(setup, section, "listen", NULL);
    bool is_local = text_starts(listen, "127.0.0.1:") || text_starts(listen, "[::1]:");
    if (!is_local && !setup_value(setup, section, "certificate_file", NULL) &&
        !setup_value(setup, section, "plain_http_off_loopback", NULL) &&
        certificate_add(setup, section, err))
        return err->code;
    if (!setup_value(setup, section, "url", NULL))
        add_url(setup, listen, setup_value(setup, section, "certificate_file", NULL));
    return 0;
}
