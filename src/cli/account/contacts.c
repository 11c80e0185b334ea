/* Of which kind a contact is, by its address; and how it is. */
#include "cli/account/contacts.h"

#include <stdio.h>

#include "cli/call.h"

static const char *state_of(const struct contact *contact) {
    return contact->off_ms      ? "off"
           : contact->failed_ms ? "failing"
           : contact->proven_ms ? "proven"
                                : "asked";
}

static void add_contact(struct sheet *sheet, const void *record) {
    const struct contact *contact = record;
    sheet_add(sheet, "%s", contact->name);
    sheet_add(sheet, "%s", contact->address ? contact->address : "journal");
    sheet_add(sheet, "%s", contact->events ? contact->events : "usual");
    sheet_add(sheet, "%s", state_of(contact));
    sheet_add(sheet, "%u", contact->waiting);
    sheet_add(sheet, "%u", contact->lost);
    sheet_add(sheet, "%s", contact->why);
}

static const struct view contacts = {"/v1/contacts", &contact_table,
                                     "NAME ADDRESS EVENTS STATE WAITING LOST WHY", add_contact,
                                     NULL};

int contact_list(const struct options *options) { return view_list(&contacts, options); }

int contact_remove(const struct options *options) {
    return view_delete(&contacts, options, "removed");
}

static void show_created(const void *record) {
    const struct contact *contact = record;
    if (*contact->secret)
        printf("%s\n", contact->secret);
    fprintf(stderr, *contact->secret
                        ? "Its messages are signed by this secret, which is shown this once. It is "
                          "sent a challenge now: isthmus contact list shows whether it is proven.\n"
                        : "It is told from now on.\n");
}

int contact_add(const struct options *options) {
    static const struct view created = {"/v1/contacts", &contact_created_table, "", NULL,
                                        show_created};
    bool is_journal = text_equal(options->words[3], "journal");
    struct contact contact = {.kind = is_journal ? CONTACT_JOURNAL : CONTACT_WEBHOOK,
                              .address = is_journal ? NULL : (char *)options->words[3],
                              .events = (char *)options->events};
    return view_create(&created, options, &contact_create_table, &contact);
}
