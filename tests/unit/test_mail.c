/* What mails to contacts say: well formed whatever names stand in them, and always the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "io/deliver/mail.h"

static char anna[] = "anna@example.net";
static struct contact contact = {.id = "ct-1", .tenant = "acme", .name = "team",
                                 .kind = CONTACT_MAIL, .address = anna, .challenge = "s3cret",
                                 .created_ms = 1700000000000};

static void print(struct notice *notices, uint32_t count, uint32_t left_out, struct text *out) {
    struct delivery delivery = {.id = "nt-7", .notices = notices, .notices_count = count,
                                .left_out = left_out};
    text_clear(out);
    mail_print(&contact, &delivery, "cloud@example.org", out);
}

static void assert_says(const struct text *mail, const char *words) {
    if (!strstr(text_data(mail), words))
        fail_msg("it lacks '%s':\n%s", words, text_data(mail));
}

/* Of printable ASCII, each line ended by CRLF and short enough, and one empty line first. */
static void assert_well_formed(const struct text *mail) {
    const char *end = text_data(mail) + mail->length;
    size_t heads = 0;
    bool is_head = true;
    assert_int_equal(mail->length, strlen(text_data(mail)));
    for (const char *line = text_data(mail), *next; line < end; line = next + 2) {
        next = strstr(line, "\r\n");
        assert_non_null(next);
        assert_true(next - line <= 998);
        for (const char *at = line; at < next; at++)
            assert_true(*at >= ' ' && *at <= '~');
        is_head = is_head && next > line;
        heads += is_head;
    }
    assert_int_equal(heads, 8);
}

static void a_code_is_asked_for(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text mail = {0};
    print(NULL, 0, 0, &mail);
    assert_well_formed(&mail);
    assert_says(&mail, "To: <anna@example.net>\r\n");
    assert_says(&mail, "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n");
    assert_says(&mail, "Message-ID: <nt-7@example.org>\r\n");
    assert_says(&mail, "contact team of acme.\r\n");
    assert_says(&mail, "\r\n    isthmus contact prove team s3cret\r\n");
}

static void each_event_is_told_in_words(void **state) {
    (void)state;
    static const struct {
        struct notice notice;
        const char *what, *next;
    } rows[] = {
        {{.event = NOTICE_OPERATION_ENDED, .verb = VERB_START, .tenant = "acme", .vm_name = "web",
          .op = "op-1"}, "start of VM web of acme is done", "op show op-1"},
        {{.event = NOTICE_OPERATION_ENDED, .verb = VERB_START, .tenant = "acme", .vm_name = "web",
          .op = "op-1", .code = CODE_BUSY}, "start of VM web of acme has failed: busy",
         "op show op-1"},
        {{.event = NOTICE_VM_DIED, .tenant = "acme", .vm_name = "web", .vm = "vm-1",
          .state = VM_CRASHED}, "VM web of acme is crashed", "vm show vm-1"},
        {{.event = NOTICE_VM_RECOVERED, .tenant = "acme", .vm_name = "web", .vm = "vm-1"},
         "VM web of acme runs again", "vm show vm-1"},
        {{.event = NOTICE_VM_RESTARTED, .tenant = "acme", .vm_name = "web", .vm = "vm-1"},
         "VM web of acme was on a host that is lost, and is made anew elsewhere, its disk from its "
         "image", "vm show vm-1"},
        {{.event = NOTICE_VM_RESTARTED, .tenant = "acme", .vm_name = "web", .vm = "vm-1",
          .restored_ms = 1699000000000},
         "VM web of acme was on a host that is lost, and is made anew elsewhere, its disk as of "
         "2023-11-03 08:26:40 UTC", "vm show vm-1"},
        {{.event = NOTICE_COPY_LATE, .tenant = "acme", .vm_name = "web", .vm = "vm-1"},
         "the newest copy of the disk of VM web of acme is older than it may become",
         "vm show vm-1"},
        {{.event = NOTICE_COPY_IN_TIME, .tenant = "acme", .vm_name = "web", .vm = "vm-1"},
         "the newest copy of the disk of VM web of acme is new enough again", "vm show vm-1"},
        {{.event = NOTICE_CLUSTER_AWAY, .cluster = "north"}, "cluster north is unreachable",
         "cluster show north"},
        {{.event = NOTICE_CLUSTER_BACK, .cluster = "north"}, "cluster north is connected again",
         "cluster show north"},
        {{.event = NOTICE_QUOTA, .tenant = "acme", .quota = "cpus", .percent = 95},
         "acme uses 95 % of its quota of cpus", "tenant show acme"},
        {{.event = NOTICE_CERTIFICATE, .certificate = "[api] ca_file",
          .expires_ms = 1700000000001}, "the certificate of [api] ca_file expires on 2023-11-14",
         "api GET /v1/health"},
        {{.event = NOTICE_CERTIFICATE, .certificate = "[api] ca_file",
          .expires_ms = 1699000000000},
         "the certificate of [api] ca_file has expired on 2023-11-03", "api GET /v1/health"},
    };
    auto_clean(text_deinit) struct text mail = {0}, words = {0};
    for (size_t i = 0; i < array_size(rows); i++) {
        struct notice notice = rows[i].notice;
        notice.at_ms = 1700000000000;
        print(&notice, 1, 0, &mail);
        assert_well_formed(&mail);
        text_clear(&words);
        text_addf(&words, "Subject: Isthmus: %s\r\n", rows[i].what);
        assert_says(&mail, text_data(&words));
        text_clear(&words);
        text_addf(&words, "2023-11-14 22:13:20 UTC  %s\r\n    isthmus %s\r\n", rows[i].what,
                  rows[i].next);
        assert_says(&mail, text_data(&words));
    }
}

static void several_come_together_and_what_had_no_room_is_counted(void **state) {
    (void)state;
    struct notice notices[limit_delivery_notices] = {0};
    auto_clean(text_deinit) struct text mail = {0}, again = {0};
    for (size_t i = 0; i < array_size(notices); i++)
        text_format(notices[i].op, sizeof(notices[i].op), "op-%zu", i);
    print(notices, array_size(notices), 9, &mail);
    assert_well_formed(&mail);
    assert_says(&mail, "Subject: Isthmus: 59 things happened\r\n");
    assert_says(&mail, "isthmus op show op-0\r\n");
    assert_says(&mail, "isthmus op show op-49\r\n");
    assert_says(&mail, "And 9 more things, for which there was no room.\r\n");
    print(notices, array_size(notices), 9, &again);
    assert_string_equal(text_data(&mail), text_data(&again));
}

static void names_end_no_line_and_begin_no_head(void **state) {
    (void)state;
    static const char evil[] = "x\r\nBcc: eve@example.com\r\n\r\n.\r\n\x80\xff\t";
    struct contact as_it_is = contact;
    struct notice notice = {.event = NOTICE_OPERATION_ENDED};
    auto_clean(text_deinit) struct text mail = {0};
    char *fields[] = {notice.tenant, notice.vm_name, notice.cluster, notice.quota, contact.name,
                      contact.tenant};
    for (size_t i = 0; i < array_size(fields); i++)
        text_format(fields[i], limit_name_size, "%s", evil);
    text_format(notice.op, sizeof(notice.op), "%s", evil);
    text_format(notice.vm, sizeof(notice.vm), "%s", evil);
    for (int event = 0; event < NOTICE_EVENT_COUNT; event++) {
        notice.event = (enum notice_event)event;
        print(&notice, 1, 0, &mail);
        assert_well_formed(&mail);
        assert_null(strstr(text_data(&mail), "\nBcc"));
        assert_null(strstr(text_data(&mail), "\r\n.\r\n"));
    }
    print(NULL, 0, 0, &mail);
    assert_well_formed(&mail);
    contact = as_it_is;
}

static void only_what_needs_no_quotes_is_an_address(void **state) {
    (void)state;
    static const char *const good[] = {"a@b", "anna+x@example.org", "o'neil_1@a-b.example",
                                       "{a}~b=c@1.example"};
    static const char *const bad[] = {
        "", "@", "a", "a@", "@b", "a@b@c", "a..b@c", ".a@b", "a.@b", "a@.b", "a@b.", "a@b..c",
        "a b@c", "a@b c", "a@b\r\n", "\"a\"@b", "<a@b>", "a@b>", "a,b@c", "a@b,c@d", "a:b@c",
        "a@[127.0.0.1]", "a@b;c", "a\\b@c", "a@-b", "\xc3\xa4@b", "a(b)@c",
        "1234567890123456789012345678901234567890123456789012345678901234x@b"};
    char longest[300] = "a@";
    for (size_t i = 0; i < array_size(good); i++)
        if (!contact_is_mail_address(good[i]))
            fail_msg("%s is one", good[i]);
    for (size_t i = 0; i < array_size(bad); i++)
        if (contact_is_mail_address(bad[i]))
            fail_msg("%s is none", bad[i]);
    memset(longest + 2, 'b', 252);
    assert_true(contact_is_mail_address(longest));
    longest[254] = 'b';
    assert_false(contact_is_mail_address(longest));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_is_asked_for),
        cmocka_unit_test(each_event_is_told_in_words),
        cmocka_unit_test(several_come_together_and_what_had_no_room_is_counted),
        cmocka_unit_test(names_end_no_line_and_begin_no_head),
        cmocka_unit_test(only_what_needs_no_quotes_is_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
