/* An authority is proven by its digest, so it may come over a connection that nothing proves. */
#include "main/daemon/authorities.h"

#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/http/client.h"
#include "io/keys/secret.h"

/* Negative with `err`: it came, and is not what the token names. */
static int judge(const struct http_exchange *exchange, const char *wanted, struct error *err) {
    char digest[limit_digest_size];
    if (exchange->status == 404 || exchange->status == 401) /* archives are for few */
        return error_set(err, -ENOENT, "%s: there is no such authority: the manager has another "
                         "one by now, or another server answers there", exchange->url);
    if (exchange->status != 200)
        return error_set(err, -EPROTO, "%s: answered with %ld", exchange->url, exchange->status);
    secret_hash_bytes(text_data(&exchange->answer), exchange->answer.length, digest);
    if (!text_equal(digest, wanted) || exchange->answer.length > limit_authority)
        return error_set(err, -EPROTO, "%s: what came is not the authority that the token names: "
                         "somebody else answers there, between us and the manager",
                         exchange->url);
    return 0;
}

static int fetch(const struct join_offer *offer, char **digest, char **out_ca,
                 struct error *err) {
    auto_clean(text_deinit) struct text url = {0};
    if (!*digest)
        return 0;
    text_addf(&url, "%s/%s", offer->link.image_url, *digest);
    struct http_exchange exchange = {.url = url.data, .upload_fd = -1, .download_fd = -1,
                                     .is_unproven = true};
    int result = http_call(&exchange, err);
    if (!result)
        result = judge(&exchange, *digest, err);
    if (!result) {
        *out_ca = memory_text(text_data(&exchange.answer));
        memory_free(*digest);
        *digest = NULL;
    }
    text_deinit(&exchange.answer);
    return result;
}

int daemon_authorities_fetch(struct join_offer *offer, struct error *err) {
    struct join_link *link = &offer->link;
    int result = fetch(offer, &link->ca_digest, &link->ca, err);
    if (!result)
        result = fetch(offer, &link->image_ca_digest, &link->image_ca, err);
    for (size_t k = 0; k < link->more_count && !result; k++)
        result = fetch(offer, &link->more[k].ca_digest, &link->more[k].ca, err);
    if (!result)
        return 0;
    struct error why = *err;
    return error_set(err, why.code, "no authority from the manager: %s; or have a token that "
                     "brings it: isthmus token new %s --whole", why.text, offer->peer);
}
