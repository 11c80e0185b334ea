/* The text of a join token, as an operator hands it to a peer: all that the peer has to know of
 * its manager, readable, with a sum that tells a slip of the pen from a foreign token. It is a
 * secret. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "message/enrol.h"

struct join_offer {
    char id[limit_id_size];
    char peer[limit_name_size]; /* as the manager calls it */
    uint64_t expires_ms;
    char manager_key[limit_public_key_size];
    char secret[limit_join_secret_size];
    char address[limit_address_size]; /* of the manager */
    struct join_link link; /* where the manager's configuration tells how to reach it */
};

void join_offer_clear(struct join_offer *offer);

/* A short one names authorities by their digests, where the joining side can have them from the
 * manager; a whole one brings them. */
enum join_token_form { JOIN_TOKEN_SHORT, JOIN_TOKEN_WHOLE };

/* "isthmus-join:1:ID:PEER:EXPIRES:KEY:SECRET:ADDRESS:SUM"; with a link, as base64url of its JSON,
 * "isthmus-join:2:ID:PEER:EXPIRES:KEY:SECRET:LINK:ADDRESS:SUM"; 3 in place of 2 where the link is
 * not XMPP's, 4 where it has digests in place of authorities. */
void join_token_print(const struct join_offer *offer, enum join_token_form form,
                      struct text *out);

/* 0, or -EINVAL with `err`: cut, altered, or no join token at all. */
int join_token_read(const char *text, struct join_offer *out_offer, struct error *err);
