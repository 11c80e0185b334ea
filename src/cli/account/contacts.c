/* Of which kind a contact is, by its address; and how it is. */
#include "cli/account/contacts.h"

#include <stdio.h>
#include <string.h>

#include "cli/call.h"

static const char xmpp_scheme[] = "xmpp:"; /* RFC 5122; a mail address looks as a JID does */

static const char *state_of(const struct contact *contact) {
    return contact->off_ms      ? "off"
           : contact->failed_ms ? "failing"
           : contact->proven_ms ? "proven"
                                : "asked";
}

static void add_contact(struct sheet *sheet, const void *record) {
    const struct contact *contact = record;
    sheet_add(sheet, "%s", contact->name);
    sheet_add(sheet, "%s%s", contact->kind == CONTACT_XMPP ? xmpp_scheme : "",
              contact->address ? contact->address : "journal");
    sheet_add(sheet, "%s", contact->events ? contact->events : "usual");
    sheet_add(sheet, "%s", *contact->quiet ? contact->quiet : "-");
    sheet_add(sheet, "%s", state_of(contact));
    sheet_add(sheet, "%u", contact->waiting);
    sheet_add(sheet, "%u", contact->lost);
    sheet_add(sheet, "%s", contact->why);
}

static const struct view contacts = {"/v1/contacts", &contact_table,
                                     "NAME ADDRESS EVENTS QUIET STATE WAITING LOST WHY",
                                     add_contact, NULL};

int contact_list(const struct options *options) { return view_list(&contacts, options); }

int contact_remove(const struct options *options) {
    return view_delete(&contacts, options, "removed");
}

static void show_proven(const void *record) {
    printf("%s is proven: it is told from now on.\n", ((const struct contact *)record)->name);
}

int contact_prove(const struct options *options) {
    static const struct view proven = {"/v1/contacts", &contact_table, "", NULL, show_proven};
    auto_clean(text_deinit) struct text body = {0};
    struct contact said = {0};
    if (!text_copy(said.challenge, sizeof(said.challenge), options->words[3])) {
        say("'%s' is longer than any code", options->words[3]);
        return EXIT_USAGE;
    }
    codec_encode(&contact_prove_table, &said, FIELD_API, &body);
    return view_change(&proven, options, "POST /prove", &body);
}

static void show_created(const void *record) {
    const struct contact *contact = record;
    if (contact->kind == CONTACT_WEBHOOK) {
        printf("%s\n", contact->secret);
        fprintf(stderr, "Its messages are signed by this secret, which is shown this once. It is "
                        "sent a challenge now: isthmus contact list shows whether it is proven.\n");
    } else if (contact->kind != CONTACT_JOURNAL) {
        fprintf(stderr, "It is sent a code now, and told nothing until the code comes back by "
                        "isthmus contact prove %s CODE.\n", contact->name);
    } else {
        fprintf(stderr, "It is told from now on.\n");
    }
}

/* By the form of its address. */
static enum contact_kind kind_of(const char *address) {
    return text_equal(address, "journal")                    ? CONTACT_JOURNAL
           : text_starts(address, xmpp_scheme)               ? CONTACT_XMPP
           : strchr(address, '@') && !strstr(address, "://") ? CONTACT_MAIL
                                                             : CONTACT_WEBHOOK;
}

int contact_add(const struct options *options) {
    static const struct view created = {"/v1/contacts", &contact_created_table, "", NULL,
                                        show_created};
    const char *address = options->words[3];
    enum contact_kind kind = kind_of(address);
    if (kind == CONTACT_JOURNAL)
        address = NULL;
    else if (kind == CONTACT_XMPP)
        address += strlen(xmpp_scheme);
    struct contact contact = {.kind = kind, .address = (char *)address,
                              .events = (char *)options->events};
    if (options->quiet && !text_copy(contact.quiet, sizeof(contact.quiet), options->quiet)) {
        say("'%s' is too long: quiet hours are written like 22:00-07:00, in UTC", options->quiet);
        return EXIT_USAGE;
    }
    return view_create(&created, options, &contact_create_table, &contact);
}
