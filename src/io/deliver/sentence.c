/* In which words a person is told what happened, and what to do next. */
#include "io/deliver/sentence.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void sentence_add(struct text *out, const char *format, ...) {
    char line[700]; /* RFC 5322, 2.1.1: at most 998 */
    va_list values;
    va_start(values, format);
    (void)vsnprintf(line, sizeof(line), format, values);
    va_end(values);
    for (char *at = line; *at; at++)
        *at = *at >= ' ' && *at <= '~' ? *at : '?';
    text_add(out, line);
}

void sentence_add_date(uint64_t ms, const char *format, struct text *out) {
    char line[48];
    struct tm parts;
    time_t seconds = (time_t)(ms / 1000);
    (void)strftime(line, sizeof(line), format, gmtime_r(&seconds, &parts));
    sentence_add(out, "%s", line);
}

/* In a sentence, without a stop. */
void sentence_add_what(const struct notice *notice, struct text *out) {
    const char *of = *notice->tenant ? " of " : "";
    switch (notice->event) {
    case NOTICE_OPERATION_ENDED:
        sentence_add(out, "%s of VM %s%s%s %s%s", verb_names[notice->verb], notice->vm_name, of,
                     notice->tenant, notice->code == CODE_OK ? "is done" : "has failed: ",
                     notice->code == CODE_OK ? "" : code_names[notice->code]);
        return;
    case NOTICE_VM_DIED:
        sentence_add(out, "VM %s%s%s is %s", notice->vm_name, of, notice->tenant,
                     vm_state_names[notice->state]);
        return;
    case NOTICE_VM_RECOVERED:
        sentence_add(out, "VM %s%s%s runs again", notice->vm_name, of, notice->tenant);
        return;
    case NOTICE_VM_RESTARTED:
        sentence_add(out, "VM %s%s%s was on a host that is lost, and is made anew elsewhere, %s",
                     notice->vm_name, of, notice->tenant,
            notice->restored_ms ? "its disk as of " : "its disk from its image");
        if (notice->restored_ms)
            sentence_add_date(notice->restored_ms, "%Y-%m-%d %H:%M:%S UTC", out);
        return;
    case NOTICE_COPY_LATE:
    case NOTICE_COPY_IN_TIME:
        sentence_add(out, "the newest copy of the disk of VM %s%s%s is %s", notice->vm_name, of,
                     notice->tenant,
                     notice->event == NOTICE_COPY_LATE ? "older than it may become"
                                                       : "new enough again");
        return;
    case NOTICE_CLUSTER_AWAY:
        sentence_add(out, "cluster %s is unreachable", notice->cluster);
        return;
    case NOTICE_CLUSTER_BACK:
        sentence_add(out, "cluster %s is connected again", notice->cluster);
        return;
    case NOTICE_HOST_AWAY:
        sentence_add(out, "host %s is unreachable", notice->host);
        return;
    case NOTICE_HOST_BACK:
        sentence_add(out, "host %s is connected again", notice->host);
        return;
    case NOTICE_UPSTREAM_AWAY:
        sentence_add(out, "upstream manager %s is unreachable", notice->upstream);
        return;
    case NOTICE_UPSTREAM_BACK:
        sentence_add(out, "upstream manager %s is connected again", notice->upstream);
        return;
    case NOTICE_QUOTA:
        sentence_add(out, "%s uses %" PRIu32 " %% of its quota of %s", notice->tenant,
                     notice->percent, notice->quota);
        return;
    case NOTICE_CERTIFICATE:
        sentence_add(out, "the certificate of %s %s ", notice->certificate,
                     notice->expires_ms > notice->at_ms ? "expires on" : "has expired on");
        sentence_add_date(notice->expires_ms, "%Y-%m-%d", out);
        return;
    case NOTICE_EVENT_COUNT:
        return;
    }
}

/* By which command more is seen. */
static void add_next(const struct notice *notice, struct text *out) {
    switch (notice->event) {
    case NOTICE_OPERATION_ENDED:
        sentence_add(out, "isthmus op show %s", notice->op);
        return;
    case NOTICE_VM_DIED:
    case NOTICE_VM_RECOVERED:
    case NOTICE_VM_RESTARTED:
    case NOTICE_COPY_LATE:
    case NOTICE_COPY_IN_TIME:
        sentence_add(out, "isthmus vm show %s", notice->vm);
        return;
    case NOTICE_CLUSTER_AWAY:
    case NOTICE_CLUSTER_BACK:
        sentence_add(out, "isthmus cluster show %s", notice->cluster);
        return;
    case NOTICE_HOST_AWAY:
    case NOTICE_HOST_BACK:
        sentence_add(out, "isthmus host show %s", notice->host);
        return;
    case NOTICE_UPSTREAM_AWAY:
    case NOTICE_UPSTREAM_BACK:
        sentence_add(out, "isthmus upstream show %s", notice->upstream);
        return;
    case NOTICE_QUOTA:
        sentence_add(out, "isthmus tenant show %s", notice->tenant);
        return;
    case NOTICE_CERTIFICATE:
        sentence_add(out, "%s", "isthmus api GET /v1/health");
        return;
    case NOTICE_EVENT_COUNT:
        return;
    }
}

static void add_notices(const struct contact *contact, const struct delivery *delivery,
                        struct text *out) {
    for (uint32_t i = 0; i < delivery->notices_count; i++) {
        const struct notice *notice = &delivery->notices[i];
        sentence_add_date(notice->at_ms, "%Y-%m-%d %H:%M:%S UTC  ", out);
        sentence_add_what(notice, out);
        text_add(out, "\n");
        sentence_add(out, "    ");
        add_next(notice, out);
        text_add(out, "\n");
    }
    if (delivery->left_out) {
        sentence_add(out, "And %" PRIu32 " more things, for which there was no room.",
                     delivery->left_out);
        text_add(out, "\n");
    }
    text_add(out, "\n");
    sentence_add(out, "To end this: isthmus contact remove %s", contact->name);
    text_add(out, "\n");
}

static void add_code(const struct contact *contact, struct text *out) {
    sentence_add(out,
                 "Somebody wants what happens in a cloud to be told to this address: contact "
                 "%s%s%s.", contact->name, *contact->tenant ? " of " : "", contact->tenant);
    text_add(out, "\n");
    sentence_add(out, "If that is right, prove it:");
    text_add(out, "\n\n");
    sentence_add(out, "    isthmus contact prove %s %s", contact->name, contact->challenge);
    text_add(out, "\n\n");
    sentence_add(out, "If it is not, do nothing: this address is told nothing then.");
    text_add(out, "\n");
}

void sentence_print(const struct contact *contact, const struct delivery *delivery,
                    struct text *out) {
    if (delivery->notices_count)
        add_notices(contact, delivery, out);
    else
        add_code(contact, out);
}
