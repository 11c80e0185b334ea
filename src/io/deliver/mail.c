/* What stands in a mail's head. */
#include "io/deliver/mail.h"

#include <inttypes.h>
#include <string.h>

#include "io/deliver/sentence.h"

static void end_line(struct text *out) { text_add(out, "\r\n"); }

static void add_subject(const struct delivery *delivery, struct text *out) {
    sentence_add(out, "Subject: Isthmus: ");
    if (!delivery->notices_count)
        sentence_add(out, "is this address right?");
    else if (delivery->notices_count == 1)
        sentence_add_what(&delivery->notices[0], out);
    else
        sentence_add(out, "%" PRIu32 " things happened",
                     delivery->notices_count + delivery->left_out);
    end_line(out);
}

static void add_body(const struct contact *contact, const struct delivery *delivery,
                     struct text *out) {
    auto_clean(text_deinit) struct text lines = {0};
    sentence_print(contact, delivery, &lines);
    for (const char *at = text_data(&lines); *at; at++) {
        if (*at == '\n')
            end_line(out);
        else
            text_add_bytes(out, at, 1);
    }
}

void mail_print(const struct contact *contact, const struct delivery *delivery, const char *from,
                struct text *out) {
    uint32_t count = delivery->notices_count;
    sentence_add(out, "From: Isthmus <%s>", from);
    end_line(out);
    sentence_add(out, "To: <%s>", contact->address);
    end_line(out);
    add_subject(delivery, out);
    sentence_add_date(count ? delivery->notices[count - 1].at_ms : contact->created_ms,
                      "Date: %a, %d %b %Y %H:%M:%S +0000", out);
    end_line(out);
    sentence_add(out, "Message-ID: <%s%s>", delivery->id, strchr(from, '@'));
    end_line(out);
    text_add(out, "Auto-Submitted: auto-generated\r\n"
                  "MIME-Version: 1.0\r\n"
                  "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
    add_body(contact, delivery, out);
}
