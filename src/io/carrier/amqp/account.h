/* Who we are at a broker, where that is, and the peers that we have there. */
#pragma once

#include "base/map.h"
#include "io/carrier/kind.h"

struct amqp_peer {
    char *address;
    bool is_answered; /* has heard that we are there since it last came */
};

struct amqp_account {
    char *address, *user, *password, *ca_file;
    const char *domain; /* in the address */
    char *place; /* cut into what the next two point to */
    const char *host, *vhost;
    int port;
    struct amqp_peer *peers;
    size_t peers_count;
    struct map by_address;
};

/* 0, or negative with `err`: bad settings. All strings are copied. */
int amqp_account_init(struct amqp_account *account, const struct carrier_line_settings *settings,
                      struct error *err);
void amqp_account_deinit(struct amqp_account *account);

/* The address of a user of the same domain, whose name has so many bytes. False: it can be none. */
bool amqp_account_name(const struct amqp_account *account, const char *user, size_t length,
                       char out_address[limit_address_size]);
