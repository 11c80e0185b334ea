/* isthmus-upstream: reads its configuration, wires the upstream role to its adapters, serves. */
#include <string.h>

#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "io/http/authorities.h"
#include "io/keys/minisign.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"
#include "io/rest/rest.h"
#include "io/rest/routes.h"
#include "io/rest/oidc/provider.h"
#include "main/daemon/check.h"
#include "main/daemon/daemon.h"
#include "main/daemon/deliver.h"
#include "main/daemon/health.h"
#include "main/daemon/invite.h"
#include "main/daemon/link.h"
#include "main/daemon/service.h"
#include "main/daemon/streams.h"
#include "main/daemon/term.h"
#include "main/upstream_init.h"

/* What the daemon has open, in the order of opening; it is closed in the reverse order. */
struct upstream_daemon {
    struct log log;
    struct store *store;
    struct role *role;
    struct shell *shell;
    struct shell_link downlink;
    struct streams *streams;
    struct rest *rest;
    struct inviting inviting;
    struct invitations invitations;
    struct authorities *authorities;
    struct daemon_health health;
    struct minisign_secret image_key;
    struct deliverer *deliverer;
};

static void upstream_close(struct upstream_daemon *upstream) {
    if (upstream->rest)
        rest_stop(upstream->rest);
    deliverer_stop(upstream->deliverer);
    streams_stop(upstream->streams);
    if (upstream->downlink.carrier)
        carrier_free(upstream->downlink.carrier);
    shell_free(upstream->shell);
    role_free(upstream->role);
    store_close(upstream->store);
    seal_free(upstream->downlink.seal);
    daemon_invitations_clean(&upstream->invitations);
    authorities_free(upstream->authorities);
}

static struct shape shape_of(const struct shape_config *config) {
    struct shape shape = {.size = {.cpus = (uint32_t)config->cpus,
                                   .memory_mib = (uint32_t)config->memory_mib,
                                   .disk_gib = (uint32_t)config->disk_gib}};
    text_set(shape.name, config->name);
    return shape;
}

static struct network network_of(const struct network_config *config) {
    struct network network = {0};
    text_set(network.name, config->name);
    text_format(network.about, sizeof(network.about), "%s", config->about ? config->about : "");
    return network;
}

static struct role *upstream_role(const struct upstream_config *config, struct error *err) {
    auto_clean(memory_clean) struct shape *shapes =
        memory_new(config->shapes_count, sizeof(*shapes));
    auto_clean(memory_clean) struct network *networks =
        memory_new(config->networks_count, sizeof(*networks));
    auto_clean(memory_clean) struct peer_setting *clusters =
        memory_new(config->clusters_count, sizeof(*clusters));
    for (size_t i = 0; i < config->shapes_count; i++)
        shapes[i] = shape_of(&config->shapes[i]);
    for (size_t i = 0; i < config->networks_count; i++)
        networks[i] = network_of(&config->networks[i]);
    for (size_t i = 0; i < config->clusters_count; i++) {
        clusters[i] = daemon_peer(config->clusters[i].name, config->clusters[i].address, 0);
        clusters[i].labels = config->clusters[i].labels;
        clusters[i].most = daemon_most(&config->clusters[i]);
    }
    struct role_settings settings = {
        .kind = ROLE_UPSTREAM,
        .seed = daemon_seed(),
        .beat_ms = config->timing.beat_seconds * 1000,
        .hold_down_ms = config->timing.hold_down_seconds * 1000,
        .lease_ms = config->timing.lease_seconds * 1000,
        .prefers_images = true,
        .usage_ms = config->timing.usage_seconds * 1000,
        .operation_ms = config->timing.operation_seconds * 1000,
        .shapes = shapes,
        .shapes_count = config->shapes_count,
        .networks = networks,
        .networks_count = config->networks_count,
        .agents = clusters,
        .agents_count = config->clusters_count,
        .hash = secret_hash_bytes,
        .mails = config->notify.smtp_url,
        .audit_rows = (uint32_t)config->audit.rows,
        .audit_days = (uint32_t)config->audit.days,
    };
    const char *token = config->api.token.text;
    secret_hash_bytes(token, strlen(token), settings.operator_token_hash);
    const char *reader = config->api.metrics_token.text;
    if (reader)
        secret_hash_bytes(reader, strlen(reader), settings.metrics_token_hash);
    const char *teller = config->notify.chat_token.text;
    if (teller)
        secret_hash_bytes(teller, strlen(teller), settings.chat_token_hash);
    text_set(settings.software, daemon_software);
    if (daemon_streams_settings(&config->streams, &settings, err))
        return NULL;
    return role_new(&settings);
}

static struct daemon_link downlink_of(const struct upstream_config *config) {
    return (struct daemon_link){
        .link = &config->downlink,
        .servers = config->downlink_servers,
        .servers_count = config->downlink_servers_count,
        .peers = config->clusters,
        .peers_count = config->clusters_count,
    };
}

static int upstream_connect(struct upstream_daemon *upstream, const struct upstream_config *config,
                            struct error *err) {
    const struct daemon_link settings = downlink_of(config);
    struct shell_link *link = &upstream->downlink;
    link->name = "downlink";
    link->key_file = config->downlink.key.file;
    link->seal =
        daemon_seal_down(&config->downlink, config->clusters, config->clusters_count, err);
    if (link->seal)
        link->carrier = daemon_connect_down(&settings, upstream->shell, err);
    return link->carrier ? 0 : error_wrap(err, "[downlink]");
}

static struct rest *upstream_rest(struct upstream_daemon *upstream,
                                  const struct upstream_config *config, struct error *err) {
    auto_clean(memory_clean) char *images = daemon_path(&config->daemon, "images");
    auto_clean(memory_clean) char(*digests)[limit_digest_size] =
        memory_new(config->clusters_count, sizeof(*digests));
    auto_clean(memory_clean) const char **hashes =
        memory_new(config->clusters_count, sizeof(*hashes));
    size_t count = 0;
    for (size_t i = 0; i < config->clusters_count; i++) {
        const char *token = config->clusters[i].image_token.text;
        if (!token)
            continue;
        secret_hash_bytes(token, strlen(token), digests[count]);
        hashes[count] = digests[count];
        count++;
    }
    const struct oidc_config *oidc = &config->oidc;
    const struct provider_settings provider = {
        .issuer = oidc->issuer,
        .client = oidc->client,
        .secret = oidc->client_secret.text,
        .url = oidc->url,
        .ca_file = oidc->ca_file,
        .claim = (enum id_claim)oidc->claim,
    };
    const struct rest_settings settings = {
        .face = &rest_upstream_face,
        .listen = config->api.listen,
        .tls_certificate_file = config->api.certificate_file,
        .tls_key_file = config->api.key_file,
        .plain_allowed = config->api.plain_allowed,
        .connections_of_address = config->api.connections_of_address,
        .requests_of_asker = config->api.requests_of_asker,
        .image_folder = images,
        .image_key = config->api.image_key_file ? &upstream->image_key : NULL,
        .max_image_bytes = config->api.max_image_gib << 30,
        .image_reserve_bytes = config->api.reserve_gib << 30,
        .cluster_token_hashes = hashes,
        .cluster_token_hashes_count = count,
        .authorities = upstream->authorities,
        .manager_address = config->downlink.address,
        .manager_key = seal_public_key(upstream->downlink.seal),
        .invitations = upstream->invitations.items,
        .invitations_count = upstream->invitations.count,
        .web_folder = daemon_page_folder(&config->api),
        .provider = oidc->issuer ? &provider : NULL,
        .provider_name = oidc->name ? oidc->name : oidc->issuer,
        .software = daemon_software,
        .health = {daemon_health_read, &upstream->health},
        .streams = {upstream->streams ? streams_visit : NULL, upstream->streams},
    };
    if (settings.image_key &&
        minisign_read_secret(config->api.image_key_file, &upstream->image_key, err))
        return NULL;
    return folder_make(images, 0700, err) ? NULL : rest_start(&settings, upstream->shell, err);
}

/* What there is to say of the daemon's health. */
static void upstream_watch(struct upstream_daemon *upstream,
                           const struct upstream_config *config) {
    struct daemon_certificates *certificates = &upstream->health.certificates;
    upstream->health.links = &upstream->downlink;
    upstream->health.links_count = 1;
    upstream->health.shell = upstream->shell;
    daemon_certificates_init(certificates, &upstream->log);
    certificates->tell = daemon_tell_of_certificate;
    certificates->context = upstream->shell;
    daemon_certificates_add(certificates, "api", "certificate_file",
                            config->api.certificate_file);
    daemon_certificates_add(certificates, "api", "ca_file", config->api.ca_file);
    daemon_certificates_add_link(certificates, "downlink", &config->downlink);
    daemon_certificates_add_servers(certificates, "downlink-server", config->downlink_servers,
                                    config->downlink_servers_count);
}

/* SIGHUP: certificates are read again; those of links are, whenever a link connects. */
static void upstream_renew(void *health) {
    struct upstream_daemon *upstream = container_of(health, struct upstream_daemon, health);
    struct error err = {0};
    struct invitations fresh = {0};
    int result = daemon_invite(&upstream->inviting, &fresh, &err);
    if (result == 0) {
        rest_invite(upstream->rest, fresh.items, fresh.count);
        daemon_invitations_clean(&upstream->invitations);
        upstream->invitations = fresh;
        result = rest_renew(upstream->rest, &err);
    } else {
        daemon_invitations_clean(&fresh);
    }
    daemon_certificates_renewed(&upstream->health.certificates, result, &err);
}

static int upstream_open(struct upstream_daemon *upstream, const struct upstream_config *config,
                         struct error *err) {
    upstream->log = (struct log){.daemon = "isthmus-upstream",
                                 .level = (enum log_level)config->daemon.log_level};
    upstream->store = daemon_store(&config->daemon, "upstream", 0700, err);
    if (!upstream->store || daemon_check_term(upstream->store, err))
        return err->code;
    upstream->role = upstream_role(config, err);
    if (!upstream->role)
        return err->code;
    upstream->shell = shell_new(upstream->role, &upstream->log);
    if (upstream_connect(upstream, config, err))
        return err->code;
    upstream->inviting = (struct inviting){&config->downlink, config->clusters,
                                           config->clusters_count, &config->api, NULL,
                                           config->downlink_servers,
                                           config->downlink_servers_count,
                                           upstream->authorities = authorities_new()};
    if (daemon_invite(&upstream->inviting, &upstream->invitations, err))
        return err->code;
    upstream_watch(upstream, config);
    if (daemon_streams_start(&config->streams, upstream->shell, &upstream->streams, err))
        return err->code;
    upstream->rest = upstream_rest(upstream, config, err);
    if (!upstream->rest)
        return err->code;
    upstream->deliverer = daemon_deliverer(&config->notify, upstream->shell, err);
    if (!upstream->deliverer)
        return err->code;
    log_line(&upstream->log, LOG_INFO, "listening", "api=%s port=%u", config->api.listen,
             rest_port(upstream->rest));
    return 0;
}

static int upstream_check(const struct daemon_options *options,
                          const struct upstream_config *config) {
    struct daemon_trial trial = {.options = options};
    const struct daemon_link link = downlink_of(config);
    daemon_try_state(&trial, &config->daemon, "upstream");
    daemon_try_listen(&trial, "api", &config->api);
    daemon_try_link(&trial, "downlink", &link);
    return daemon_trial_end(&trial);
}

static int run(int count, char **arguments) {
    struct daemon_options options = daemon_begin(count, arguments, "upstream");
    if (options.purpose == DAEMON_LEAVE)
        return options.code;
    struct error err = {0};
    auto_clean(upstream_config_deinit) struct upstream_config config = {0};
    if (options.purpose == DAEMON_INIT)
        return upstream_init_cloud(&options);
    if ((options.purpose == DAEMON_CHECK && service_become(&options, &err)) ||
        upstream_config_load(options.config, &config, &err))
        return daemon_fail(&options, &err, EXIT_MISUSED);
    if (options.purpose == DAEMON_CHECK)
        return upstream_check(&options, &config);
    if (options.purpose == DAEMON_RAISE)
        return daemon_raise_term(&options, &config.daemon, "upstream");
    auto_clean(upstream_close) struct upstream_daemon upstream = {0};
    if (upstream_open(&upstream, &config, &err))
        return daemon_fail(&options, &err, EXIT_FAILED);
    const struct shell_ports ports = {
        .store = upstream.store,
        .links = &upstream.downlink,
        .links_count = 1,
        .status = daemon_health_print,
        .renew = upstream_renew,
        .daemon = &upstream.health,
        .rest = upstream.rest,
        .deliverer = upstream.deliverer,
        .deliver = deliverer_send,
        .route = carrier_route,
        .rekey = rest_rekey,
        .send = carrier_send,
        .flush = carrier_flush,
        .reply = rest_reply,
        .loaded = rest_loaded,
        .streams = upstream.streams,
        .stream = streams_order,
        .stored = rest_stored,
        .archive = rest_archive,
        .committed = rest_committed,
    };
    return daemon_serve(&upstream.log, upstream.shell, &ports, config.daemon.state);
}

int main(int count, char **arguments) {
    output_begin();
    return output_end("isthmus-upstream", run(count, arguments));
}
