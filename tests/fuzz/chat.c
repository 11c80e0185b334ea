/* What people say to isthmus-xmpp, and what a manager answers it: a line is an order of words that
 * a URL and JSON can carry, or is refused with words; what is told is plain and bounded; what no
 * code sealed does not open. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fuzz.h"
#include "io/chat/strangers.h"
#include "io/chat/write.h"

static void require(bool holds) {
    if (!holds)
        abort();
}

/* What stands in a path. */
static bool is_word(const char *word) {
    return strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(word);
}

static bool is_plain(const char *text) {
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\n') || *text == 0x7f)
            return false;
    return true;
}

static void check_order(const struct chat_order *order) {
    struct vm_create create;
    struct codec_fault fault;
    auto_clean(text_deinit) struct text body = {0};
    require(is_word(order->vm) && is_word(order->operation));
    if (order->command->act != CHAT_CREATE)
        return;
    chat_order_body(order, &body);
    const struct codec_input input = {text_data(&body), body.length, FIELD_API,
                                      CODEC_REFUSE_UNKNOWN};
    require(codec_decode(&vm_create_table, &input, &create, &fault) == 0);
    record_clear(&vm_create_table, &create);
}

/* The bytes as a line; and as a form, a field for each of its lines. */
static void hear(const char *said) {
    static struct chat_heard heard;
    auto_clean(text_deinit) struct text why = {0}, out = {0};
    struct chat_order order;
    size_t length;
    heard = (struct chat_heard){.kind = CHAT_COMMAND, .node = "create"};
    if (!text_copy(heard.line, sizeof(heard.line), said))
        heard.line[0] = 0;
    if (chat_order_from_line(heard.line, &order, &why))
        check_order(&order);
    else
        require(why.length);
    for (const char *at = said; *at && heard.fields_count < chat_fields;
         at += length + (at[length] != 0)) {
        static const char *const names[] = {"new", "shape", "image", "network", "key", "ssh-key"};
        struct chat_field *field = &heard.fields[heard.fields_count];
        length = strcspn(at, "\n");
        if (length >= sizeof(field->value))
            continue;
        text_set_sized(field->name, sizeof(field->name),
                       names[heard.fields_count++ % array_size(names)]);
        memcpy(field->value, at, length);
        field->value[length] = 0;
    }
    text_clear(&why);
    if (chat_order_from_form(&heard, &order, &why))
        check_order(&order);
    else
        require(why.length);
    chat_write_done(&out, &heard, CHAT_NOTE_INFO, heard.line);
    require(strchr(text_data(&out) + 1, '>') && !strstr(text_data(&out), "<b>"));
}

static void show(const struct text *answer) {
    for (size_t i = 0; i < chat_commands_count; i++) {
        auto_clean(text_deinit) struct text out = chat_text_empty;
        const struct chat_order order = {.command = &chat_commands[i]};
        if (!chat_show(&order, answer, &out))
            chat_show_problem(answer, 500, &out);
        require(is_plain(text_data(&out)) && out.length <= chat_text_most);
    }
    auto_clean(text_deinit) struct text plain = chat_text_empty;
    chat_add_plain(&plain, text_data(answer));
    require(is_plain(text_data(&plain)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    auto_clean(text_deinit) struct text said = {0};
    struct link_code code = {.code = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    char token[limit_digest_size];
    text_add_bytes(&said, (const char *)bytes, size);
    hear(text_data(&said));
    show(&said);
    require(!link_code_open(&code, text_data(&said), token) && !*token);
    return 0;
}
