/* The order in which a cloud is made: as a cluster is, with the operator's token, and a certificate
 * for the API by an authority of its own. */
#include "main/upstream_init.h"

#include <stdio.h>
#include <string.h>

#include "main/daemon/service.h"
#include "main/init/managers.h"
#include "main/init/serving.h"

/* Sizes of VMs to begin with, where --set gives none. */
static void add_shapes(struct setup *setup) {
    static const struct config_value usual[] = {
        {"shape small", "cpus", "1"},   {"shape small", "memory_mib", "1024"},
        {"shape small", "disk_gib", "10"}, {"shape medium", "cpus", "2"},
        {"shape medium", "memory_mib", "4096"}, {"shape medium", "disk_gib", "20"},
        {"shape large", "cpus", "4"},   {"shape large", "memory_mib", "8192"},
        {"shape large", "disk_gib", "40"},
    };
    for (size_t i = 0; i < setup->values.count; i++)
        if (text_starts(setup->values.items[i].section, "shape "))
            return;
    for (size_t i = 0; i < array_size(usual); i++)
        config_values_add(&setup->values, usual[i].section, usual[i].key, usual[i].value);
}

static int make(struct setup *setup, struct upstream_config *config, struct text *commands,
                struct error *err) {
    static const struct config_value token = {"api", "operator_token_file", "operator.token"};
    if (setup_downlink(setup, err) ||
        setup_secret(setup, &token, err) || serving_add(setup, err))
        return err->code;
    add_shapes(setup);
    if (setup_write(setup, &upstream_config_table, err) ||
        upstream_config_load(setup->fresh.data, config, err))
        return err->code;
    const struct inviting inviting = {
        &config->downlink, config->clusters, config->clusters_count, &config->api, NULL,
        config->downlink_servers, config->downlink_servers_count};
    const struct tokens tokens = {"upstream", &config->daemon, commands};
    return managers_end(setup, &inviting, &tokens, err);
}

/* The API's place, without that of the images. */
static int length_of_api(const char *url) {
    const char *images = strstr(url, "/v1/");
    return images ? (int)(images - url) : (int)strlen(url);
}

static void tell(const struct daemon_options *options, const struct upstream_config *config,
                 const char *commands) {
    (void)printf("The configuration is %s. %sOn the manager's machine of each cluster, once and by "
                 "its own line:\n\n%s\nThe lines are secrets. For the operator's command:\n\n"
                 "export ISTHMUS_SERVER=%.*s\n", options->config,
                 service_start(options) ? "" : "Start isthmus-upstream. ", commands,
                 length_of_api(config->api.url), config->api.url);
    if (config->api.ca_file)
        (void)printf("export ISTHMUS_CA_FILE=%s\n", config->api.ca_file);
    (void)printf("export ISTHMUS_TOKEN_FILE=%s\n", config->api.token.file);
}

int upstream_init_cloud(const struct daemon_options *options) {
    const struct setup_kind kind = {
        .account = "upstream", .resource = "manager", .peer_section = "cluster",
        .peer_resource = "cluster", .peer = "cluster", .peers = options->clusters,
        .join = "isthmus-downstream join", .serves = "api", .listen = "[::]:8443",
        .streams_port = 8447, .image_tokens = true};
    struct error err = {0};
    int code;
    struct daemon_options chosen = *options;
    auto_clean(setup_clean) struct setup setup = {.options = &chosen, .kind = &kind};
    auto_clean(upstream_config_deinit) struct upstream_config config = {0};
    auto_clean(text_deinit) struct text commands = {0};
    if (!managers_begin(&setup, &chosen, &code))
        return code;
    if (make(&setup, &config, &commands, &err))
        return daemon_fail(options, &err, EXIT_FAILED);
    tell(options, &config, text_data(&commands));
    return EXIT_FINE;
}
