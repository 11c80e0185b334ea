/* isthmus-xmpp's pure half: what a line or a form means, what an answer says, who is answered how
 * often, and which code is good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "io/chat/strangers.h"
#include "io/chat/write.h"

static bool read_line(const char *line, struct chat_order *out, struct text *why) {
    text_clear(why);
    return chat_order_from_line(line, out, why);
}

static void assert_says(const struct text *text, const char *words) {
    if (!strstr(text_data(text), words))
        fail_msg("it lacks '%s':\n%s", words, text_data(text));
}

static void lines_are_orders(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text why = {0};
    struct chat_order order;
    assert_true(read_line("  List ", &order, &why));
    assert_int_equal(order.command->act, CHAT_LIST);
    assert_true(read_line("stop\tweb\n", &order, &why));
    assert_string_equal(order.command->route, "/stop");
    assert_string_equal(order.vm, "web");
    assert_true(read_line("create web small debian key=mine network=a,b ssh-ed25519 AAAAC3NzaC1lZD"
                          "I1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g anna at home",
                          &order, &why));
    assert_string_equal(order.shape, "small");
    assert_string_equal(order.key, "mine");
    assert_string_equal(order.network, "a,b");
    assert_true(text_starts(order.ssh_key, "ssh-ed25519 "));
    assert_non_null(strstr(order.ssh_key, " anna at home"));
    auto_clean(text_deinit) struct text body = {0};
    chat_order_body(&order, &body);
    assert_says(&body, "{\"name\":\"web\",\"shape\":\"small\",\"image\":\"debian\"");
    assert_says(&body, "\"ssh_keys\":\"mine\"");
    text_clear(&body);
    assert_true(read_line("revert web before-update", &order, &why));
    assert_string_equal(order.command->route, "/revert");
    assert_true(chat_order_body(&order, &body));
    assert_string_equal(text_data(&body), "{\"name\":\"before-update\"}");
    text_clear(&body);
    assert_true(read_line("stop web", &order, &why));
    assert_false(chat_order_body(&order, &body));
    assert_true(read_line("link", &order, &why));
    assert_true(read_line("link AbC-_", &order, &why));
    assert_string_equal(order.answer, "AbC-_");
}

static void what_is_no_order_is_said_why(void **state) {
    (void)state;
    static const struct {
        const char *line, *words;
    } wrong[] = {
        {"", "Write: help"},
        {"hello there", "Write: help"},
        {"stop", "Write: stop NAME"},
        {"stop web wet", "Write: stop NAME"},
        {"show ../v1/tenants", "vm "},
        {"show web?wait=600", "vm "},
        {"show web/../../tenants", "vm "},
        {"create web small", "Write: create NAME SHAPE IMAGE"},
        {"create web small debian fast", "Write: create NAME SHAPE IMAGE"},
        {"create web small debian network=A_B", "network "},
        {"create web small debian ssh-ed25519 AAAA", "ssh-key "},
        {"create vm-01m8pxnmsmae1kc9ea1cd72wsn small debian", "new "},
        {"operation web", "operation "},
        {"snapshot web", "Write: snapshot NAME SNAPSHOT"},
        {"snapshot web ../x", "snapshot "},
        {"list all", "Write: list"},
    };
    auto_clean(text_deinit) struct text why = {0};
    struct chat_order order;
    for (size_t i = 0; i < array_size(wrong); i++) {
        assert_false(read_line(wrong[i].line, &order, &why));
        assert_says(&why, wrong[i].words);
    }
}

static void add_field(struct chat_heard *heard, const char *name, const char *value) {
    struct chat_field *field = &heard->fields[heard->fields_count++];
    text_set_sized(field->name, sizeof(field->name), name);
    text_set_sized(field->value, sizeof(field->value), value);
}

static void forms_are_orders(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text why = {0};
    struct chat_heard heard = {.kind = CHAT_COMMAND, .node = "delete", .is_submitted = true};
    struct chat_order order;
    assert_false(chat_order_from_form(&heard, &order, &why));
    assert_says(&why, "vm is missing");
    add_field(&heard, "FORM_TYPE", "anything");
    add_field(&heard, "vm", "web");
    add_field(&heard, "again", "wet");
    text_clear(&why);
    assert_false(chat_order_from_form(&heard, &order, &why));
    assert_says(&why, "not the same");
    text_set(heard.fields[2].value, "web");
    assert_true(chat_order_from_form(&heard, &order, &why));
    text_set(heard.node, "unlink");
    text_clear(&why);
    assert_false(chat_order_from_form(&heard, &order, &why)); /* by lines alone */
}

/* Every input that a command names is there, and every list can be asked for. */
static void the_table_of_commands_is_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < chat_commands_count; i++) {
        const struct chat_command *command = &chat_commands[i];
        size_t count = 0, named = *command->inputs ? 1 : 0;
        bool is_required;
        for (const char *at = command->inputs; *at; at++)
            named += *at == ' ';
        while (chat_command_input(command, count, &is_required))
            count++;
        assert_int_equal(count, named);
        assert_true(count <= chat_fields);
        assert_ptr_equal(chat_command_find(command->word), command);
        assert_int_equal(command->act == CHAT_ACT, command->route != NULL);
    }
}

static void texts_are_plain(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text out = chat_text_empty;
    chat_add_plain(&out, "a\x01" "b\nc\x7f \xc2\x85" "d \xe2\x80\xae" "e \xff" "f \xc3\xa9 "
                         "\xed\xa0\x80g \xf0\x9f\x98\x80 \xef\xbb\xbfh");
    assert_string_equal(text_data(&out), "a b c   d e f \xc3\xa9 g \xf0\x9f\x98\x80 h");
    text_clear(&out);
    for (int i = 0; i < 1000; i++)
        chat_add_plain(&out, "0123456789");
    assert_true(out.length <= chat_text_most);
}

static void answers_are_told_in_words(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text out = {0};
    struct text answer = {0};
    struct chat_order order = {.command = chat_command_find("operation")};
    text_add(&answer, "{\"id\":\"op-01m8pxnmsmae1kc9ea1cd72wsp\",\"vm\":\"vm-01m8pxnmsmae1kc9ea1cd7"
                      "2wsn\",\"vm_name\":\"web\",\"verb\":\"start\",\"state\":\"failed\",\"code\":"
                      "\"no-capacity\",\"created_ms\":1,\"deadline_ms\":2}");
    assert_true(chat_show(&order, &answer, &out));
    assert_says(&out, "start web: failed. ");
    assert_says(&out, ". What to do: ");
    text_clear(&out);
    text_clear(&answer);
    text_add(&answer, "{\"id\":\"op-01m8pxnmsmae1kc9ea1cd72wsp\",\"vm\":\"vm-01m8pxnmsmae1kc9ea1cd7"
                      "2wsn\",\"verb\":\"start\",\"state\":\"running\",\"code\":\"ok\","
                      "\"created_ms\":1,\"deadline_ms\":2,\"timeline\":[{\"at_ms\":1,\"step\":"
                      "\"waiting\",\"code\":\"no-capacity\"}]}");
    order.command = chat_command_find("why");
    assert_true(chat_show(&order, &answer, &out));
    assert_says(&out, ": it waits. ");
    assert_says(&out, ". Ask again: operation op-01m8pxnmsmae1kc9ea1cd72wsp");
    text_clear(&out);
    text_clear(&answer);
    text_add(&answer, "{\"name\":\"acme\",\"quota\":{\"vms\":10},\"used\":{\"vms\":2,\"cpus\":3}}");
    order.command = chat_command_find("quota");
    assert_true(chat_show(&order, &answer, &out));
    assert_says(&out, "VMs: 2 of 10\nCPUs: 3\n");
    order.command = chat_command_find("operation");
    text_clear(&out);
    text_clear(&answer);
    text_add(&answer, "<html>Bad gateway</html>");
    assert_false(chat_show(&order, &answer, &out));
    chat_show_problem(&answer, 502, &out);
    assert_string_equal(text_data(&out), "The manager answered 502, but not as an Isthmus does.");
    text_clear(&out);
    text_clear(&answer);
    text_add(&answer, "{\"items\":[],\"next\":\"\"}");
    order.command = chat_command_find("list");
    assert_true(chat_show(&order, &answer, &out));
    assert_string_equal(text_data(&out), "You have no VMs.");
    text_deinit(&answer);
}

static void what_is_said_is_no_markup(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text out = {0};
    const struct chat_heard heard = {.kind = CHAT_COMMAND, .from = "a@b/<'>&", .id = "'/>",
                                     .session = "<x/>", .node = "list"};
    chat_write_done(&out, &heard, CHAT_NOTE_ERROR, "</note><b>&");
    assert_string_equal(
        text_data(&out),
        "<iq type='result' id='&apos;/&gt;' to='a@b/&lt;&apos;&gt;&amp;'><command "
        "xmlns='http://jabber.org/protocol/commands' node='list' sessionid='&lt;x/&gt;' "
        "status='completed'><note type='error'>&lt;/note&gt;&lt;b&gt;&amp;</note></command></iq>");
    text_clear(&out);
    chat_write_message(&out, "a@b", NULL, "1 < 2");
    assert_string_equal(text_data(&out),
                        "<message type='chat' to='a@b'><body>1 &lt; 2</body></message>");
}

static void rights_show_what_may_be_asked(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text out = {0};
    struct chat_heard heard = {.kind = CHAT_ITEMS, .node = chat_commands_namespace};
    enum rights look = RIGHTS_LOOK, act = RIGHTS_ACT;
    chat_write_items(&out, &heard, NULL);
    assert_null(strstr(text_data(&out), "<item"));
    chat_write_items(&out, &heard, &look);
    assert_says(&out, "node='list'");
    assert_null(strstr(text_data(&out), "node='stop'"));
    chat_write_items(&out, &heard, &act);
    assert_says(&out, "node='stop'");
    text_clear(&out);
    text_set(heard.node, "another");
    chat_write_items(&out, &heard, &act);
    assert_null(strstr(text_data(&out), "<item"));
}

/* ---- strangers ---- */

static const char token[] = "jWJ2Jg3pFvV2mFQxJ0yZ3o8mZQX9eZz0pQe1xY7nB4c";

static bool open_at(struct strangers *strangers, const char *jid, const char *answer,
                    uint64_t now_ms) {
    const struct stranger_answer given = {jid, answer};
    char out[limit_digest_size];
    bool is_open = strangers_open(strangers, &given, now_ms, out);
    if (is_open)
        assert_string_equal(out, token);
    else
        assert_string_equal(out, "");
    return is_open;
}

static void give_code(struct strangers *strangers, const char *jid, uint64_t now_ms,
                      struct text *out_answer) {
    struct link_code code;
    struct error err;
    link_code_draw(&code);
    strangers_set_code(strangers, jid, &code, now_ms);
    assert_int_equal(link_code_check(code.code, &err), 0);
    text_clear(out_answer);
    link_code_answer(code.code, token, out_answer);
    assert_null(strstr(text_data(out_answer), token));
}

static void a_code_is_good_once_in_time_and_for_one(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text answer = {0}, older = {0};
    auto_clean(strangers_deinit) struct strangers strangers;
    strangers_init(&strangers, 1);
    give_code(&strangers, "anna@a", 1000, &answer);
    assert_false(open_at(&strangers, "bert@a", text_data(&answer), 1000));
    assert_true(open_at(&strangers, "anna@a", text_data(&answer), 1000 + strangers_code_ms - 1));
    assert_false(open_at(&strangers, "anna@a", text_data(&answer), 1000));
    give_code(&strangers, "anna@a", 1000, &answer);
    assert_false(open_at(&strangers, "anna@a", text_data(&answer), 1000 + strangers_code_ms));
    assert_false(open_at(&strangers, "anna@a", text_data(&answer), 1000)); /* it has ended */
    give_code(&strangers, "anna@a", 1000, &older);
    give_code(&strangers, "anna@a", 1000, &answer);
    assert_false(open_at(&strangers, "anna@a", text_data(&older), 1000));
    assert_true(open_at(&strangers, "anna@a", text_data(&answer), 1000));
}

static void a_code_bears_few_tries(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text answer = {0};
    auto_clean(strangers_deinit) struct strangers strangers;
    strangers_init(&strangers, 1);
    give_code(&strangers, "anna@a", 1000, &answer);
    for (int i = 0; i < strangers_tries; i++)
        assert_false(open_at(&strangers, "anna@a", i ? "AAAA" : "", 1000));
    assert_false(open_at(&strangers, "anna@a", text_data(&answer), 1000));
}

static void what_no_token_can_be_does_not_open(void **state) {
    (void)state;
    struct link_code code;
    char out[limit_digest_size];
    link_code_draw(&code);
    static const char *const wrong[] = {"two words", "line\nend", "", "quo\"te"};
    for (size_t i = 0; i < array_size(wrong); i++) {
        auto_clean(text_deinit) struct text answer = {0};
        link_code_answer(code.code, wrong[i], &answer);
        assert_false(link_code_open(&code, text_data(&answer), out));
        assert_string_equal(out, "");
    }
    struct error err;
    assert_true(link_code_check("AAAA", &err) < 0);
}

static void strangers_are_answered_so_often_one_and_all(void **state) {
    (void)state;
    auto_clean(strangers_deinit) struct strangers strangers;
    char jid[limit_address_size];
    int answered = 0;
    strangers_init(&strangers, 1);
    for (int i = 0; i < 100; i++)
        answered += strangers_may(&strangers, "mallory@a", 1000);
    assert_int_equal(answered, strangers_answers);
    assert_true(strangers_may(&strangers, "mallory@a", 1000 + strangers_window_ms));
    answered = 0;
    for (int i = 0; i < 3 * strangers_most; i++) {
        text_format(jid, sizeof(jid), "mallory-%d@a", i);
        answered += strangers_may(&strangers, jid, 5000000);
        assert_true(strangers.by_jid.count <= strangers_most);
    }
    assert_int_equal(answered, strangers_answers_all);
    assert_true(strangers_may(&strangers, "anna@a", 5000000 + strangers_all_ms));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_orders),
        cmocka_unit_test(what_is_no_order_is_said_why),
        cmocka_unit_test(forms_are_orders),
        cmocka_unit_test(the_table_of_commands_is_whole),
        cmocka_unit_test(texts_are_plain),
        cmocka_unit_test(answers_are_told_in_words),
        cmocka_unit_test(what_is_said_is_no_markup),
        cmocka_unit_test(rights_show_what_may_be_asked),
        cmocka_unit_test(a_code_is_good_once_in_time_and_for_one),
        cmocka_unit_test(a_code_bears_few_tries),
        cmocka_unit_test(what_no_token_can_be_does_not_open),
        cmocka_unit_test(strangers_are_answered_so_often_one_and_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
