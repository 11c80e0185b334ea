/* What a contact is sent: a body in JSON, and its signature by Standard Webhooks. */
#pragma once

#include "base/text.h"
#include "message/records/contact.h"

/* {"type":…,"timestamp":…,"data":{…}}: of one notice its event's name, of several "several", of
 * none "challenge". */
void words_print(const struct contact *contact, const struct delivery *delivery, struct text *out);

/* "v1," and the signature of "ID.SECONDS.BODY" by the contact's secret. */
void words_sign(const struct contact *contact, const struct text *id_seconds_body,
                struct text *out);
