/* isthmus-downstream: reads its configuration, wires the downstream role to its adapters, serves.
 * Link 0 is the downlink; the uplinks follow in the order of the configuration. */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "io/blocks/buckets.h"
#include "io/http/authorities.h"
#include "io/image/serve.h"
#include "io/image/store.h"
#include "io/keys/secret.h"
#include "io/os/disk.h"
#include "io/os/folder.h"
#include "io/rest/rest.h"
#include "io/rest/routes_owner.h"
#include "main/daemon/check.h"
#include "main/daemon/deliver.h"
#include "main/daemon/health.h"
#include "main/daemon/invite.h"
#include "main/daemon/join.h"
#include "main/daemon/service.h"
#include "main/daemon/streams.h"
#include "main/daemon/term.h"
#include "main/downstream_init.h"

enum { limit_links = 1 + limit_uplinks };

/* What the daemon has open, in the order of opening; it is closed in the reverse order. */
struct downstream_daemon {
    struct log log;
    struct store *store;
    struct role *role;
    struct shell *shell;
    struct shell_link links[limit_links];
    char names[limit_links][limit_name_size + 8];
    size_t links_count;
    struct daemon_health health;
    struct blocks *blocks;
    struct buckets *buckets;
    struct image_serve *images;
    struct streams *streams;
    struct rest *owner;
    struct deliverer *deliverer;
    struct inviting inviting;
    struct invitations invitations;
    struct authorities *authorities;
};

static void downstream_close(struct downstream_daemon *downstream) {
    rest_stop(downstream->owner);
    deliverer_stop(downstream->deliverer);
    streams_stop(downstream->streams);
    if (downstream->images)
        image_serve_stop(downstream->images);
    buckets_free(downstream->buckets);
    blocks_close(downstream->blocks);
    for (size_t i = 0; i < downstream->links_count; i++) {
        if (downstream->links[i].carrier)
            carrier_free(downstream->links[i].carrier);
        if (downstream->links[i].fetcher)
            image_fetcher_free(downstream->links[i].fetcher);
    }
    shell_free(downstream->shell);
    role_free(downstream->role);
    store_close(downstream->store);
    for (size_t i = 0; i < downstream->links_count; i++)
        seal_free(downstream->links[i].seal);
    daemon_invitations_clean(&downstream->invitations);
    authorities_free(downstream->authorities);
}

static struct share share_of(const struct link_config *uplink) {
    return (struct share){
        .weight = (uint32_t)uplink->weight,
        .kept = {.cpus = uplink->keep_cpus,
                 .memory_mib = uplink->keep_memory_mib,
                 .disk_gib = uplink->keep_disk_gib},
        .steps = {.vms = uplink->step_vms,
                  .cpus = uplink->step_cpus,
                  .memory_mib = uplink->step_memory_mib,
                  .disk_gib = uplink->step_disk_gib},
    };
}

static struct role *downstream_role(const struct downstream_config *config,
                                    struct error *err) {
    struct peer_setting managers[limit_uplinks] = {0};
    struct amounts limits[limit_uplinks] = {0};
    struct permissions permissions[limit_uplinks] = {0};
    struct share shares[limit_uplinks] = {0};
    auto_clean(memory_clean) struct peer_setting *agents =
        memory_new(config->agents_count, sizeof(*agents));
    for (size_t i = 0; i < config->agents_count; i++) {
        agents[i] = daemon_peer(config->agents[i].name, config->agents[i].address, 0);
        agents[i].at_once = (uint32_t)config->agents[i].at_once;
        agents[i].labels = config->agents[i].labels;
        agents[i].most = daemon_most(&config->agents[i]);
        agents[i].migration_uri = config->agents[i].migration_uri;
        agents[i].migration_folder = config->agents[i].migration_folder;
    }
    for (size_t i = 0; i < config->uplinks_count; i++) {
        const struct link_config *uplink = &config->uplinks[i];
        managers[i] = daemon_peer(uplink->name, uplink->manager, (uint32_t)i + 1);
        limits[i] = (struct amounts){.vms = uplink->max_vms,
                                     .cpus = uplink->max_cpus,
                                     .memory_mib = uplink->max_memory_mib,
                                     .disk_gib = uplink->max_disk_gib};
        permissions[i] = (struct permissions){
            uplink->allow_verbs, uplink->allow_shapes, uplink->allow_images,
            uplink->allow_networks, uplink->allow_placing, (uint32_t)uplink->max_apart,
            uplink->allow_views};
        shares[i] = share_of(uplink);
    }
    struct role_settings settings = {
        .kind = ROLE_DOWNSTREAM,
        .seed = daemon_seed(),
        .beat_ms = config->timing.beat_seconds * 1000,
        .hold_down_ms = config->timing.hold_down_seconds * 1000,
        .lease_ms = config->timing.lease_seconds * 1000,
        .prefers_images = true,
        .usage_ms = config->timing.usage_seconds * 1000,
        .agents = agents,
        .agents_count = config->agents_count,
        .most = {.cpus = config->hosts.max_cpus,
                 .memory_mib = config->hosts.max_memory_mib,
                 .disk_gib = config->hosts.max_disk_gib},
        .overcommit = {(uint32_t)config->hosts.cpus_percent,
                       (uint32_t)config->hosts.memory_percent},
        .managers = managers,
        .managers_count = config->uplinks_count,
        .limits = limits,
        .permissions = permissions,
        .shares = shares,
        .hash = secret_hash_bytes,
        .mails = config->notify.smtp_url,
        .audit_rows = (uint32_t)config->audit.rows,
        .audit_days = (uint32_t)config->audit.days,
    };
    text_set(settings.software, daemon_software);
    if (daemon_streams_settings(&config->streams, &settings, err))
        return NULL;
    return role_new(&settings);
}

static struct daemon_link downlink_of(const struct downstream_config *config) {
    return (struct daemon_link){
        .link = &config->downlink,
        .servers = config->downlink_servers,
        .servers_count = config->downlink_servers_count,
        .peers = config->agents,
        .peers_count = config->agents_count,
    };
}

static struct daemon_link uplink_of(const struct downstream_config *config, size_t index) {
    return (struct daemon_link){
        .index = (uint32_t)index + 1,
        .link = &config->uplinks[index],
        .servers = config->uplink_servers,
        .servers_count = config->uplink_servers_count,
    };
}

static int downstream_connect_down(struct downstream_daemon *downstream,
                                   const struct downstream_config *config, struct error *err) {
    const struct daemon_link settings = downlink_of(config);
    struct shell_link *link = &downstream->links[downstream->links_count++];
    link->name = "downlink";
    link->key_file = config->downlink.key.file;
    link->seal = daemon_seal_down(&config->downlink, config->agents, config->agents_count, err);
    if (link->seal)
        link->carrier = daemon_connect_down(&settings, downstream->shell, err);
    return link->carrier ? 0 : err->code;
}

/* What images may take of the disk, in equal parts, so that none takes another's room; with one
 * uplink, any. */
static int image_share(const struct downstream_config *config, const char *images,
                       uint64_t *out_bytes, struct error *err) {
    struct disk disk;
    *out_bytes = 0;
    if (config->uplinks_count < 2)
        return 0;
    int fault = disk_measure(images, &disk, err);
    if (fault)
        return fault;
    uint64_t reserve = config->images.reserve_gib << 30, all = disk.free_bytes;
    if (!reserve)
        reserve = disk_usual_reserve(&disk);
    all += folder_bytes(images);
    *out_bytes = 1 + (all > reserve ? (all - reserve) / config->uplinks_count : 0);
    return 0;
}

static int downstream_connect_up(struct downstream_daemon *downstream,
                                 const struct downstream_config *config, const char *images,
                                 struct error *err) {
    size_t index = downstream->links_count++;
    const struct link_config *uplink = &config->uplinks[index - 1];
    struct shell_link *link = &downstream->links[index];
    text_format(downstream->names[index], sizeof(downstream->names[index]), "uplink %s",
                uplink->name);
    link->name = downstream->names[index];
    link->key_file = uplink->key.file;
    uint64_t share_bytes;
    if (image_share(config, images, &share_bytes, err))
        return err->code;
    if (uplink->image_share_mib)
        share_bytes = uplink->image_share_mib << 20;
    const struct image_fetcher_settings settings = {
        .folder = images,
        .from = {.url = uplink->image_url,
                 .ca_file = uplink->image_ca_file,
                 .token_file = uplink->image_token.file,
                 .most_bytes = config->images.max_image_gib << 30,
                 .reserve_bytes = config->images.reserve_gib << 30},
        .keys = uplink->image_keys,
        .most_bytes = uplink->max_images_mib << 20,
        .share_bytes = share_bytes,
        .uplink = uplink->name,
        .link = (uint32_t)index,
    };
    link->fetcher = image_fetcher_new(&settings, downstream->shell, err);
    if (!link->fetcher)
        return err->code;
    const struct daemon_link servers = uplink_of(config, index - 1);
    link->seal = daemon_seal_up(uplink, err);
    if (link->seal)
        link->carrier = daemon_connect_up(&servers, downstream->shell, err);
    return link->carrier ? 0 : err->code;
}

static int downstream_serve_images(struct downstream_daemon *downstream,
                                   const struct listen_config *config, const char *images,
                                   struct error *err) {
    char digest[limit_digest_size];
    const char *const digests = digest;
    secret_hash_bytes(config->token.text, strlen(config->token.text), digest);
    const struct image_serve_settings settings = {
        .listen = config->listen,
        .tls_certificate_file = config->certificate_file,
        .tls_key_file = config->key_file,
        .plain_allowed = config->plain_allowed,
        .connections_of_address = config->connections_of_address,
        .folder = images,
        .authorities = downstream->authorities,
        .blocks = downstream->blocks,
        .token_hashes = &digests,
        .token_hashes_count = 1,
    };
    downstream->images = image_serve_start(&settings, err);
    if (!downstream->images)
        return err->code;
    log_line(&downstream->log, LOG_INFO, "listening", "images=%s port=%u", config->listen,
             image_serve_port(downstream->images));
    return 0;
}

/* What cannot be read is known, too. */
static bool knows_vm(void *context, const char *vm) {
    const struct downstream_daemon *downstream = context;
    struct stored_vm key = {0};
    text_set_sized(key.vm.id, sizeof(key.vm.id), vm);
    struct record record = record_copy(&stored_vm_table, &key);
    bool is_known = store_get(downstream->store, &record, NULL) != 0;
    record_deinit(&record);
    return is_known;
}

/* Where copies of VMs' disks are. */
static int downstream_open_blocks(struct downstream_daemon *downstream,
                                  const struct downstream_config *config, struct error *err) {
    auto_clean(memory_clean) char *path = daemon_path(&config->daemon, "copies.sqlite");
    const struct blocks_settings settings = {
        .path = path, .reserve_bytes = config->images.reserve_gib << 30};
    downstream->blocks = blocks_open(&settings, err);
    if (downstream->blocks &&
        blocks_drop_unknown(downstream->blocks, knows_vm, downstream, err) == 0)
        downstream->buckets = buckets_new(downstream->blocks, downstream->shell, err);
    return downstream->buckets ? 0 : err->code;
}

/* The owner's API is a socket in the state folder: who may open that may do all. */
static int downstream_serve_owner(struct downstream_daemon *downstream,
                                  const struct downstream_config *config, struct error *err) {
    auto_clean(memory_clean) char *listen_at = daemon_path(&config->daemon, "owner.sock");
    const struct listen_config *page = &config->owner;
    struct text address = {0};
    text_addf(&address, "unix:%s", listen_at);
    const struct rest_settings settings = {
        .face = &rest_owner_face,
        .listen = text_data(&address),
        .manager_address = config->downlink.address,
        .manager_key = seal_public_key(downstream->links[0].seal),
        .invitations = downstream->invitations.items,
        .invitations_count = downstream->invitations.count,
        .web_folder = page->listen ? daemon_page_folder(page) : NULL,
        .browsers = {.listen = page->listen,
                     .tls_certificate_file = page->certificate_file,
                     .tls_key_file = page->key_file,
                     .plain_allowed = page->plain_allowed},
        .page_url = page->url,
        .software = daemon_software,
        .health = {daemon_health_read, &downstream->health},
    };
    downstream->owner = rest_start(&settings, downstream->shell, err);
    if (downstream->owner)
        log_line(&downstream->log, LOG_INFO, "listening", "owner=%s page=%s", listen_at,
                 page->listen ? page->listen : "none");
    text_deinit(&address);
    return downstream->owner ? 0 : err->code;
}

/* What there is to say of the daemon's health. */
static void downstream_watch(struct downstream_daemon *downstream,
                             const struct downstream_config *config) {
    struct daemon_certificates *certificates = &downstream->health.certificates;
    downstream->health.links = downstream->links;
    downstream->health.links_count = downstream->links_count;
    downstream->health.shell = downstream->shell;
    daemon_certificates_init(certificates, &downstream->log);
    certificates->tell = daemon_tell_of_certificate;
    certificates->context = downstream->shell;
    daemon_certificates_add(certificates, "images", "certificate_file",
                            config->images.certificate_file);
    daemon_certificates_add(certificates, "images", "ca_file", config->images.ca_file);
    daemon_certificates_add(certificates, "owner", "certificate_file",
                            config->owner.certificate_file);
    daemon_certificates_add_link(certificates, "downlink", &config->downlink);
    daemon_certificates_add_servers(certificates, "downlink-server", config->downlink_servers,
                                    config->downlink_servers_count);
    for (size_t i = 0; i < config->uplinks_count; i++)
        daemon_certificates_add_link(certificates, downstream->names[i + 1], &config->uplinks[i]);
    daemon_certificates_add_servers(certificates, "uplink-server", config->uplink_servers,
                                    config->uplink_servers_count);
}

/* SIGHUP: certificates are read again; those of links are, whenever a link connects. */
static void downstream_renew(void *health) {
    struct downstream_daemon *downstream =
        container_of(health, struct downstream_daemon, health);
    struct error err = {0};
    struct invitations fresh = {0};
    int result = daemon_invite(&downstream->inviting, &fresh, &err);
    if (result == 0) {
        rest_invite(downstream->owner, fresh.items, fresh.count);
        daemon_invitations_clean(&downstream->invitations);
        downstream->invitations = fresh;
        result = image_serve_renew(downstream->images, &err);
        int page = result < 0 ? result : rest_renew(downstream->owner, &err);
        result = page ? page : result;
    } else {
        daemon_invitations_clean(&fresh);
    }
    daemon_certificates_renewed(&downstream->health.certificates, result, &err);
}

static int downstream_open(struct downstream_daemon *downstream,
                           const struct downstream_config *config, struct error *err) {
    auto_clean(memory_clean) char *images = daemon_path(&config->daemon, "images");
    downstream->log = (struct log){.daemon = "isthmus-downstream",
                                   .level = (enum log_level)config->daemon.log_level};
    downstream->store = daemon_store(&config->daemon, "downstream", 0700, err);
    if (!downstream->store || daemon_check_term(downstream->store, err) ||
        folder_make(images, 0700, err) || folder_sweep(images, NULL, err))
        return err->code;
    downstream->role = downstream_role(config, err);
    if (!downstream->role)
        return err->code;
    downstream->shell = shell_new(downstream->role, &downstream->log);
    if (downstream_connect_down(downstream, config, err))
        return error_wrap(err, "[downlink]");
    for (size_t i = 0; i < config->uplinks_count; i++)
        if (downstream_connect_up(downstream, config, images, err))
            return error_wrap(err, "[uplink %s]", config->uplinks[i].name);
    downstream->inviting =
        (struct inviting){&config->downlink, config->agents, config->agents_count,
                          &config->images, config->images.token.text,
                          config->downlink_servers, config->downlink_servers_count,
                          downstream->authorities = authorities_new()};
    downstream_watch(downstream, config);
    if (downstream_open_blocks(downstream, config, err) ||
        downstream_serve_images(downstream, &config->images, images, err) ||
        daemon_streams_start(&config->streams, downstream->shell, &downstream->streams, err) ||
        daemon_invite(&downstream->inviting, &downstream->invitations, err))
        return err->code;
    downstream->deliverer = daemon_deliverer(&config->notify, downstream->shell, err);
    if (!downstream->deliverer)
        return err->code;
    return downstream_serve_owner(downstream, config, err);
}

/* What the table of settings cannot see: it knows no verbs, nor what is asked of hosts. */
static int check_permissions(const char *path, const struct downstream_config *config,
                             struct error *err) {
    for (size_t i = 0; i < config->uplinks_count; i++) {
        const struct permissions permissions = {.verbs = config->uplinks[i].allow_verbs,
                                                .placing = config->uplinks[i].allow_placing,
                                                .views = config->uplinks[i].allow_views};
        const char *unknown = permissions_unknown_verb(&permissions);
        const char *placing = permissions_unknown_placing(&permissions);
        if (placing)
            return error_set(err, -EINVAL,
                             "%s: [uplink %s] allow_placing: '%.20s' is nothing that is asked of "
                             "hosts; say apart, host-must, restart, anywhere, or none",
                             path, config->uplinks[i].name, placing);
        const char *view = permissions_unknown_view(&permissions);
        if (view)
            return error_set(err, -EINVAL,
                             "%s: [uplink %s] allow_views: '%.20s' is nothing that is told of "
                             "VMs; say ips, log, usage, console, ports, screen, or none", path,
                             config->uplinks[i].name, view);
        if (unknown)
            return error_set(err, -EINVAL,
                             "%s: [uplink %s] allow_verbs: there is no verb '%.20s' that goes "
                             "down; the guide lists the verbs",
                             path, config->uplinks[i].name, unknown);
    }
    return 0;
}

/* What is said of a page is said of one that is served. */
static int check_page(const char *path, const struct listen_config *owner, struct error *err) {
    bool says_more = owner->certificate_file || owner->url || owner->web_folder;
    if (says_more && !owner->listen)
        return error_set(err, -EINVAL, "%s: [owner] lacks listen (where the page is); add it",
                         path);
    if (owner->listen && !daemon_page_folder(owner))
        return error_set(err, -ENOENT, "%s: [owner] listen: there is no page on this machine; "
                         "install it, or say by web_folder where it is", path);
    return 0;
}

static int downstream_check(const struct daemon_options *options,
                            const struct downstream_config *config) {
    struct daemon_trial trial = {.options = options};
    const struct daemon_link downlink = downlink_of(config);
    daemon_try_state(&trial, &config->daemon, "downstream");
    daemon_try_listen(&trial, "images", &config->images);
    if (config->owner.listen)
        daemon_try_listen(&trial, "owner", &config->owner);
    daemon_try_link(&trial, "downlink", &downlink);
    for (size_t i = 0; i < config->uplinks_count; i++) {
        const struct daemon_link uplink = uplink_of(config, i);
        char title[limit_name_size + 8];
        text_format(title, sizeof(title), "uplink %s", config->uplinks[i].name);
        daemon_try_link(&trial, title, &uplink);
    }
    return daemon_trial_end(&trial);
}

static int run(int count, char **arguments) {
    struct daemon_options options = daemon_begin(count, arguments, "downstream");
    if (options.purpose == DAEMON_LEAVE)
        return options.code;
    struct error err = {0};
    auto_clean(daemon_making_clean) struct daemon_making making = {0};
    auto_clean(downstream_config_deinit) struct downstream_config config = {0};
    if (options.purpose == DAEMON_INIT) {
        int code = downstream_init_cluster(&options);
        if (code != EXIT_FINE || !options.token)
            return code;
        options.purpose = DAEMON_JOIN;
    }
    if ((options.purpose == DAEMON_CHECK && service_become(&options, &err)) ||
        daemon_making_attach(&options, &making, &err) ||
        downstream_config_load(making.config, &config, &err) ||
        check_page(making.config, &config.owner, &err) ||
        check_permissions(making.config, &config, &err))
        return daemon_fail(&options, &err, EXIT_MISUSED);
    if (options.purpose == DAEMON_CHECK)
        return downstream_check(&options, &config);
    if (options.purpose == DAEMON_RAISE)
        return daemon_raise_term(&options, &config.daemon, "downstream");
    if (options.purpose == DAEMON_JOIN)
        return daemon_join(&options, &(struct daemon_joining){
            "downstream", &config.daemon, config.uplinks, config.uplinks_count,
            config.uplink_servers, config.uplink_servers_count, 0700, &making});
    auto_clean(downstream_close) struct downstream_daemon downstream = {0};
    if (downstream_open(&downstream, &config, &err))
        return daemon_fail(&options, &err, EXIT_FAILED);
    const struct shell_ports ports = {
        .store = downstream.store,
        .links = downstream.links,
        .links_count = downstream.links_count,
        .status = daemon_health_print,
        .renew = downstream_renew,
        .daemon = &downstream.health,
        .rest = downstream.owner,
        .deliverer = downstream.deliverer,
        .deliver = deliverer_send,
        .buckets = downstream.buckets,
        .keep = buckets_order,
        .route = carrier_route,
        .rekey = rest_rekey,
        .send = carrier_send,
        .flush = carrier_flush,
        .fetch = image_fetcher_get,
        .fetched = image_fetcher_answer,
        .reply = rest_reply,
        .streams = downstream.streams,
        .stream = streams_order,
        .stored = rest_stored,
        .committed = rest_committed,
    };
    return daemon_serve(&downstream.log, downstream.shell, &ports, config.daemon.state);
}

int main(int count, char **arguments) {
    output_begin();
    return output_end("isthmus-downstream", run(count, arguments));
}
