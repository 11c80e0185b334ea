/* How a delivery is written. */
#include "io/deliver/words.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "io/keys/secret.h"
#include "message/codec.h"

static void add_time(uint64_t ms, struct text *out) {
    char line[32];
    struct tm parts;
    time_t seconds = (time_t)(ms / 1000);
    (void)strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    text_add(out, line);
}

void words_print(const struct contact *contact, const struct delivery *delivery,
                 struct text *out) {
    uint32_t count = delivery->notices_count;
    const struct notice *last = count ? &delivery->notices[count - 1] : NULL;
    text_addf(out, "{\"type\":\"%s\",\"timestamp\":\"",
              !count ? "challenge" : count > 1 ? "several" : notice_event_names[last->event]);
    add_time(last ? last->at_ms : contact->created_ms, out);
    text_add(out, "\",\"data\":{");
    if (!count)
        text_addf(out, "\"challenge\":\"%s\"", contact->challenge);
    else
        text_add(out, "\"notices\":[");
    for (uint32_t i = 0; i < count; i++) {
        text_add(out, i ? "," : "");
        codec_encode(&notice_table, &delivery->notices[i], FIELD_API, out);
    }
    text_add(out, count ? "]" : "");
    if (delivery->left_out)
        text_addf(out, ",\"left_out\":%" PRIu32, delivery->left_out);
    text_add(out, "}}");
}

void words_sign(const struct contact *contact, const struct text *id_seconds_body,
                struct text *out) {
    unsigned char key[64], signature[32];
    size_t length = base64_from_standard(contact->secret + strlen("whsec_"), key, sizeof(key));
    secret_sign(key, length, id_seconds_body, signature);
    text_add(out, "v1,");
    base64_to_standard(signature, sizeof(signature), out);
}
