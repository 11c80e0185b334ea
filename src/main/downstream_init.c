/* The order in which a cluster is made: keys, secrets and the configuration beside its place, then
 * tokens into the store, then accounts at the application server. */
#include "main/downstream_init.h"

#include <stdio.h>

#include "main/daemon/service.h"
#include "main/init/managers.h"
#include "main/init/serving.h"

static int make(struct setup *setup, struct downstream_config *config, struct text *commands,
                struct error *err) {
    static const struct config_value token = {"images", "token_file", "images.token"};
    if (setup_downlink(setup, err) ||
        setup_secret(setup, &token, err) || serving_add(setup, err) ||
        setup_write(setup, &downstream_config_table, err) ||
        downstream_config_load(setup->fresh.data, config, err))
        return err->code;
    const struct inviting inviting = {
        &config->downlink, config->agents, config->agents_count, &config->images,
        config->images.token.text, config->downlink_servers, config->downlink_servers_count};
    const struct tokens tokens = {"downstream", &config->daemon, commands};
    return managers_end(setup, &inviting, &tokens, err);
}

int downstream_init_cluster(const struct daemon_options *options) {
    const struct setup_kind kind = {
        .account = "manager", .resource = "downstream", .peer_section = "agent",
        .peer_resource = "agent", .peer = "host", .peers = options->hosts,
        .join = "isthmus-agent join", .serves = "images", .listen = "127.0.0.1:8090",
        .streams_port = 8448};
    struct error err = {0};
    int code;
    struct daemon_options chosen = *options;
    auto_clean(setup_clean) struct setup setup = {.options = &chosen, .kind = &kind};
    auto_clean(downstream_config_deinit) struct downstream_config config = {0};
    auto_clean(text_deinit) struct text commands = {0};
    if (!managers_begin(&setup, &chosen, &code))
        return code;
    if (make(&setup, &config, &commands, &err))
        return daemon_fail(options, &err, EXIT_FAILED);
    bool is_started = !options->token && service_start(options);
    (void)printf("The configuration is %s. %sOn each host, once and by its own line:\n\n%s\n"
                 "The lines are secrets.%s\n",
                 options->config, is_started || options->token ? "" : "Start isthmus-downstream. ",
                 text_data(&commands),
                 options->token ? "" : " To attach the cluster to a cloud: isthmus-downstream join "
                                       "TOKEN, by a token of its operator.");
    return EXIT_FINE;
}
