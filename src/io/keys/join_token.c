/* A token is its fields joined by colons with a checksum at the end: version 1 names the manager,
 * version 2 brings how to reach it, too, version 3 by another carrier than XMPP, version 4 with
 * authorities by their digests. */
#include "io/keys/join_token.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/keys/secret.h"
#include "message/codec.h"

enum { sum_characters = 8 };
static const char prefix[] = "isthmus-join:"; /* then the version */

/* A link with digests in place of authorities; all else is borrowed. */
struct brief {
    struct join_link link;
    struct join_server more[limit_endpoints];
    char digests[limit_endpoints + 1][limit_digest_size];
    size_t digests_count;
};

static void shorten(struct brief *brief, char **ca, char **digest) {
    if (!*ca)
        return;
    char *made = brief->digests[brief->digests_count++];
    secret_hash_bytes(*ca, strlen(*ca), made);
    *ca = NULL;
    *digest = made;
}

static void make_brief(const struct join_link *link, enum join_token_form form,
                       struct brief *out) {
    const char *url = link->image_url ? link->image_url : "";
    out->link = *link;
    if (form == JOIN_TOKEN_WHOLE || (!text_starts(url, "http:") && !text_starts(url, "https:")))
        return;
    shorten(out, &out->link.ca, &out->link.ca_digest);
    shorten(out, &out->link.image_ca, &out->link.image_ca_digest);
    assert(link->more_count < limit_endpoints);
    for (size_t i = 0; i < link->more_count; i++) {
        out->more[i] = link->more[i];
        shorten(out, &out->more[i].ca, &out->more[i].ca_digest);
    }
    out->link.more = out->more;
}

static int version_of(const struct brief *brief) {
    return !brief->link.jid ? 1 : brief->digests_count ? 4 : !brief->link.carrier ? 2 : 3;
}

static void add_sum(struct text *out) {
    char digest[limit_digest_size];
    secret_hash_bytes(text_data(out), out->length, digest);
    text_addf(out, ":%.*s", (int)sum_characters, digest);
}

void join_offer_clear(struct join_offer *offer) { record_clear(&join_link_table, &offer->link); }

void join_token_print(const struct join_offer *offer, enum join_token_form form,
                      struct text *out) {
    auto_clean(text_deinit) struct text link = {0};
    struct brief brief = {0};
    make_brief(&offer->link, form, &brief);
    text_addf(out, "%s%d:%s:%s:%llu:%s:%s:", prefix, version_of(&brief), offer->id,
              offer->peer, (unsigned long long)offer->expires_ms, offer->manager_key,
              offer->secret);
    if (offer->link.jid) {
        codec_encode(&join_link_table, &brief.link, FIELD_WIRE, &link);
        secret_encode(text_data(&link), link.length, out);
        text_add(out, ":");
    }
    text_add(out, offer->address);
    add_sum(out);
}

/* The text up to the next colon into a field of `size` bytes. */
static bool take_field(const char **at, char *field, size_t size) {
    size_t length = strcspn(*at, ":");
    if (!length || length >= size || (*at)[length] != ':')
        return false;
    memcpy(field, *at, length);
    field[length] = 0;
    *at += length + 1;
    return true;
}

static bool take_link(const char **at, struct join_link *out) {
    auto_clean(text_deinit) struct text json = {0};
    struct codec_fault fault;
    size_t length = strcspn(*at, ":");
    if ((*at)[length] != ':' || secret_decode(*at, length, &json) ||
        codec_decode(&join_link_table,
                     &(struct codec_input){text_data(&json), json.length, FIELD_WIRE,
                                           CODEC_IGNORE_UNKNOWN},
                     out, &fault))
        return false;
    *at += length + 1;
    return true;
}

static bool read_fields(const char *at, struct join_offer *out) {
    char version[4], expires[24];
    bool all = take_field(&at, version, sizeof(version)) &&
               version[0] >= '1' && version[0] <= '4' && !version[1] &&
               take_field(&at, out->id, sizeof(out->id)) &&
               take_field(&at, out->peer, sizeof(out->peer)) &&
               take_field(&at, expires, sizeof(expires)) &&
               take_field(&at, out->manager_key, sizeof(out->manager_key)) &&
               take_field(&at, out->secret, sizeof(out->secret)) &&
               (text_equal(version, "1") || take_link(&at, &out->link));
    out->expires_ms = all ? strtoull(expires, NULL, 10) : 0;
    return all && text_copy(out->address, sizeof(out->address), at);
}

int join_token_read(const char *text, struct join_offer *out_offer, struct error *err) {
    auto_clean(text_deinit) struct text body = {0};
    const char *sum = strrchr(text, ':');
    *out_offer = (struct join_offer){0};
    bool plain = true;
    for (const char *at = text; *at; at++)
        plain &= *at > ' ' && *at < 127; /* nothing of it ends a line of a configuration */
    if (!plain || !text_starts(text, prefix) || !sum || strlen(text) >= limit_join_token)
        return error_set(err, -EINVAL, "this is no join token; it begins with \"%s\" and is what "
                         "'isthmus token new' printed at the manager", prefix);
    text_add_bytes(&body, text, (size_t)(sum - text));
    add_sum(&body);
    if (!text_equal(text_data(&body), text))
        return error_set(err, -EINVAL, "the join token was altered or cut on its way; copy it "
                         "again, whole");
    body.data[sum - text] = 0;
    if (read_fields(body.data + sizeof(prefix) - 1, out_offer))
        return 0;
    join_offer_clear(out_offer);
    return error_set(err, -EINVAL, "the join token is of another version; make one with the "
                         "manager's own 'isthmus token new'");
}
