/* In which words a mail says what happened, and what to do next. */
#include "io/deliver/mail.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What is printed into it is names: shorter than a line may be. */
static void add(struct text *out, const char *format, ...) format_checked(2, 3);
static void add(struct text *out, const char *format, ...) {
    char line[700]; /* RFC 5322, 2.1.1: at most 998 */
    va_list values;
    va_start(values, format);
    (void)vsnprintf(line, sizeof(line), format, values);
    va_end(values);
    for (char *at = line; *at; at++)
        *at = *at >= ' ' && *at <= '~' ? *at : '?';
    text_add(out, line);
}

static void end_line(struct text *out) { text_add(out, "\r\n"); }

static void add_date(uint64_t ms, const char *format, struct text *out) {
    char line[48];
    struct tm parts;
    time_t seconds = (time_t)(ms / 1000);
    (void)strftime(line, sizeof(line), format, gmtime_r(&seconds, &parts));
    add(out, "%s", line);
}

/* In a sentence, without a stop. */
static void add_what(const struct notice *notice, struct text *out) {
    const char *of = *notice->tenant ? " of " : "";
    switch (notice->event) {
    case NOTICE_OPERATION_ENDED:
        add(out, "%s of VM %s%s%s %s%s", verb_names[notice->verb], notice->vm_name, of,
            notice->tenant, notice->code == CODE_OK ? "is done" : "has failed: ",
            notice->code == CODE_OK ? "" : code_names[notice->code]);
        return;
    case NOTICE_VM_DIED:
        add(out, "VM %s%s%s is %s", notice->vm_name, of, notice->tenant,
            vm_state_names[notice->state]);
        return;
    case NOTICE_VM_RECOVERED:
        add(out, "VM %s%s%s runs again", notice->vm_name, of, notice->tenant);
        return;
    case NOTICE_CLUSTER_AWAY:
        add(out, "cluster %s is unreachable", notice->cluster);
        return;
    case NOTICE_CLUSTER_BACK:
        add(out, "cluster %s is connected again", notice->cluster);
        return;
    case NOTICE_QUOTA:
        add(out, "%s uses %" PRIu32 " %% of its quota of %s", notice->tenant, notice->percent,
            notice->quota);
        return;
    case NOTICE_EVENT_COUNT:
        return;
    }
}

/* By which command more is seen. */
static void add_next(const struct notice *notice, struct text *out) {
    switch (notice->event) {
    case NOTICE_OPERATION_ENDED:
        add(out, "isthmus op show %s", notice->op);
        return;
    case NOTICE_VM_DIED:
    case NOTICE_VM_RECOVERED:
        add(out, "isthmus vm show %s", notice->vm);
        return;
    case NOTICE_CLUSTER_AWAY:
    case NOTICE_CLUSTER_BACK:
        add(out, "isthmus cluster show %s", notice->cluster);
        return;
    case NOTICE_QUOTA:
        add(out, "isthmus tenant show %s", notice->tenant);
        return;
    case NOTICE_EVENT_COUNT:
        return;
    }
}

static void add_notices(const struct contact *contact, const struct delivery *delivery,
                        struct text *out) {
    for (uint32_t i = 0; i < delivery->notices_count; i++) {
        const struct notice *notice = &delivery->notices[i];
        add_date(notice->at_ms, "%Y-%m-%d %H:%M:%S UTC  ", out);
        add_what(notice, out);
        end_line(out);
        add(out, "    ");
        add_next(notice, out);
        end_line(out);
    }
    if (delivery->left_out) {
        add(out, "And %" PRIu32 " more things, for which there was no room.", delivery->left_out);
        end_line(out);
    }
    end_line(out);
    add(out, "To end this: isthmus contact remove %s", contact->name);
    end_line(out);
}

static void add_code(const struct contact *contact, struct text *out) {
    add(out, "Somebody wants what happens in a cloud to be told to this address: contact %s%s%s.",
        contact->name, *contact->tenant ? " of " : "", contact->tenant);
    end_line(out);
    add(out, "If that is right, prove it:");
    text_add(out, "\r\n\r\n");
    add(out, "    isthmus contact prove %s %s", contact->name, contact->challenge);
    text_add(out, "\r\n\r\n");
    add(out, "If it is not, do nothing: this address is told nothing then.");
    end_line(out);
}

static void add_subject(const struct delivery *delivery, struct text *out) {
    add(out, "Subject: Isthmus: ");
    if (!delivery->notices_count)
        add(out, "is this address right?");
    else if (delivery->notices_count == 1)
        add_what(&delivery->notices[0], out);
    else
        add(out, "%" PRIu32 " things happened", delivery->notices_count + delivery->left_out);
    end_line(out);
}

void mail_print(const struct contact *contact, const struct delivery *delivery, const char *from,
                struct text *out) {
    uint32_t count = delivery->notices_count;
    add(out, "From: Isthmus <%s>", from);
    end_line(out);
    add(out, "To: <%s>", contact->address);
    end_line(out);
    add_subject(delivery, out);
    add_date(count ? delivery->notices[count - 1].at_ms : contact->created_ms,
             "Date: %a, %d %b %Y %H:%M:%S +0000", out);
    end_line(out);
    add(out, "Message-ID: <%s%s>", delivery->id, strchr(from, '@'));
    end_line(out);
    text_add(out, "Auto-Submitted: auto-generated\r\n"
                  "MIME-Version: 1.0\r\n"
                  "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
    if (count)
        add_notices(contact, delivery, out);
    else
        add_code(contact, out);
}
