/* What a connection needs to be given, and how a URL says where the broker is. */
#include "io/carrier/amqp/account.h"

#include <amqp.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "message/news.h"

/* It cuts the URL apart. */
static bool read_url(char *url, struct amqp_connection_info *out) {
    return url && amqp_parse_url(url, out) == AMQP_STATUS_OK && out->ssl;
}

static int check(const struct carrier_endpoint *endpoint, struct error *err) {
    auto_clean(memory_clean) char *url = memory_text(endpoint->url);
    struct amqp_connection_info broker;
    if (!news_is_address(endpoint->address) || strchr(endpoint->address, '/'))
        return error_set(err, -EINVAL, "address \"%s\": write it as account@domain",
                         endpoint->address ? endpoint->address : "");
    if (!read_url(url, &broker))
        return error_set(err, -EINVAL, "url \"%s\": write it like amqps://broker.example:5671",
                         endpoint->url ? endpoint->url : "");
    if (!endpoint->password || !endpoint->password[0])
        return error_set(err, -EINVAL, "no password for %s: give one", endpoint->address);
    if (access(endpoint->ca_file ? endpoint->ca_file : "", R_OK) < 0)
        return error_set(err, -errno, "read the certificate authority \"%s\": %s: give a PEM file",
                         endpoint->ca_file ? endpoint->ca_file : "", strerror(errno));
    return 0;
}

static void copy_peers(struct amqp_account *account, const char *const *peers, size_t count) {
    map_init(&account->by_address, (uintptr_t)account);
    account->peers = memory_new(count, sizeof(*account->peers));
    for (size_t i = 0; i < count; i++) {
        if (strchr(peers[i], '/') || map_get(&account->by_address, peers[i]))
            continue; /* not of this kind, or there already */
        struct amqp_peer *peer = &account->peers[account->peers_count++];
        peer->address = memory_text(peers[i]);
        map_put(&account->by_address, peer->address, peer);
    }
}

int amqp_account_init(struct amqp_account *account, const struct carrier_line_settings *settings,
                      struct error *err) {
    const struct carrier_endpoint *endpoint = settings->endpoint;
    struct amqp_connection_info broker;
    if (check(endpoint, err))
        return err->code;
    *account = (struct amqp_account){
        .address = memory_text(endpoint->address),
        .user = memory_text(endpoint->address),
        .password = memory_text(endpoint->password),
        .ca_file = memory_text(endpoint->ca_file),
        .place = memory_text(endpoint->url),
    };
    account->user[strcspn(account->user, "@")] = 0;
    account->domain = strchr(account->address, '@') + 1;
    if (read_url(account->place, &broker)) {
        account->host = broker.host;
        account->vhost = broker.vhost;
        account->port = broker.port;
    }
    copy_peers(account, settings->peers, settings->peers_count);
    return 0;
}

void amqp_account_deinit(struct amqp_account *account) {
    explicit_bzero(account->password, strlen(account->password));
    map_deinit(&account->by_address);
    for (size_t i = 0; i < account->peers_count; i++)
        memory_free(account->peers[i].address);
    char *const texts[] = {account->address, account->user, account->password, account->ca_file,
                           account->place};
    for (size_t i = 0; i < array_size(texts); i++)
        memory_free(texts[i]);
    memory_free(account->peers);
}

bool amqp_account_name(const struct amqp_account *account, const char *user, size_t length,
                       char out_address[limit_address_size]) {
    if (!length || length + strlen(account->domain) + 2 > limit_address_size ||
        memchr(user, 0, length))
        return false;
    text_format(out_address, limit_address_size, "%.*s@%s", (int)length, user, account->domain);
    return news_is_address(out_address);
}
