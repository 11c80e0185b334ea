/* One request for one order. What was sent and not answered may have been done all the same: it is
 * said so. */
#include "io/chat/ask.h"

#include <assert.h>

#include "base/memory.h"
#include "io/http/client.h"

enum { connect_seconds = 5, idle_seconds = 20, whole_seconds = 30 };
#define wait "?wait=10" /* so long an answer waits for the end of what was begun */

/* One exchange; `exchange` is the caller's to clear. */
static enum chat_result call(const struct chat_asker *asker, struct http_exchange *exchange,
                             const char *path, struct text *why) {
    auto_clean(text_deinit) struct text url = {0};
    char key[http_key_size];
    struct error err = {0};
    http_draw_key(key);
    text_addf(&url, "%s%s", asker->url, path);
    exchange->url = text_data(&url);
    exchange->ca_file = asker->ca_file;
    exchange->token = asker->token;
    exchange->cancel = asker->cancel;
    exchange->upload_fd = exchange->download_fd = -1;
    exchange->connect_seconds = connect_seconds;
    exchange->idle_seconds = idle_seconds;
    exchange->whole_seconds = whole_seconds;
    exchange->content_type = exchange->body ? "application/json" : NULL;
    bool changes = exchange->method && !text_equal(exchange->method, "GET");
    exchange->idempotency_key = changes ? key : NULL;
    int result = http_call(exchange, &err);
    exchange->url = NULL;
    if (result) {
        text_add(why, changes ? "The manager did not answer: look whether it was done before you "
                                "ask again."
                              : "The manager does not answer now: ask again later.");
        return CHAT_REFUSED;
    }
    if (exchange->status < 400)
        return CHAT_DONE;
    if (exchange->status == 401)
        return CHAT_UNKNOWN;
    chat_show_problem(&exchange->answer, exchange->status, why);
    return CHAT_REFUSED;
}

static enum chat_result unread(struct text *why) {
    text_add(why, "The manager's answer cannot be read: its version may be another.");
    return CHAT_REFUSED;
}

/* How an order is asked for; names were checked: none has a letter that a URL takes otherwise. */
static void path_of(const struct chat_order *order, const char **out_method, char *out,
                    size_t size) {
    *out_method = "GET";
    switch (order->command->act) {
    case CHAT_LIST:
        text_format(out, size, "/v1/vms?limit=%d", chat_rows + 1);
        break;
    case CHAT_IMAGES:
        text_format(out, size, "/v1/images?limit=%d", chat_rows + 1);
        break;
    case CHAT_SHAPES:
        text_format(out, size, "/v1/shapes?limit=%d", chat_rows + 1);
        break;
    case CHAT_OPERATIONS: /* the newest are first */
        text_format(out, size, "/v1/operations?limit=%d", chat_rows);
        break;
    case CHAT_SHOW:
        text_format(out, size, "/v1/vms/%s", order->vm);
        break;
    case CHAT_OPERATION:
        text_format(out, size, "/v1/operations/%s", order->operation);
        break;
    case CHAT_QUOTA:
        text_format(out, size, "/v1/tenants/%s", order->tenant);
        break;
    case CHAT_WHOAMI:
        text_format(out, size, "/v1/whoami");
        break;
    case CHAT_CREATE:
        *out_method = "POST";
        text_format(out, size, "/v1/vms" wait);
        break;
    case CHAT_ACT:
        *out_method = "POST";
        text_format(out, size, "/v1/vms/%s%s" wait, order->vm, order->command->route);
        break;
    case CHAT_DELETE:
    case CHAT_CONFIRM:
        *out_method = "DELETE";
        text_format(out, size, "/v1/vms/%s" wait, order->vm);
        break;
    case CHAT_HELP:
    case CHAT_LINK:
    case CHAT_UNLINK:
        assert(false); /* the face's own */
        break;
    }
}

enum chat_result chat_ask(const struct chat_asker *asker, const struct chat_order *order,
                          struct text *out) {
    auto_clean(text_deinit) struct text body = {0};
    struct http_exchange exchange = {0};
    char path[256];
    path_of(order, &exchange.method, path, sizeof(path));
    if (chat_order_body(order, &body))
        exchange.body = text_data(&body);
    enum chat_result result = call(asker, &exchange, path, out);
    if (result == CHAT_DONE && !chat_show(order, &exchange.answer, out))
        result = unread(out);
    text_deinit(&exchange.answer);
    return result;
}

enum chat_result chat_ask_vm(const struct chat_asker *asker, const char *name,
                             struct vm *out_vm, struct text *why) {
    struct http_exchange exchange = {0};
    char path[256];
    text_format(path, sizeof(path), "/v1/vms/%s", name);
    enum chat_result result = call(asker, &exchange, path, why);
    if (result == CHAT_DONE && !chat_read_vm(&exchange.answer, out_vm))
        result = unread(why);
    text_deinit(&exchange.answer);
    return result;
}

enum chat_result chat_ask_whoami(const struct chat_asker *asker, struct whoami *out_who,
                                 struct text *why) {
    struct http_exchange exchange = {0};
    enum chat_result result = call(asker, &exchange, "/v1/whoami", why);
    if (result == CHAT_DONE && !chat_read_whoami(&exchange.answer, out_who))
        result = unread(why);
    text_deinit(&exchange.answer);
    return result;
}

enum chat_result chat_ask_deliveries(const struct chat_asker *asker, struct chat_deliveries *out,
                                     struct text *why) {
    struct http_exchange exchange = {0};
    char path[64];
    text_format(path, sizeof(path), "/v1/deliveries" wait "&limit=%d", chat_deliveries_most);
    enum chat_result result = call(asker, &exchange, path, why);
    if (result == CHAT_DONE && !chat_read_deliveries(&exchange.answer, out))
        result = unread(why);
    text_deinit(&exchange.answer);
    return result;
}

bool chat_ask_end(const struct chat_asker *asker, const char *delivery,
                  const struct delivery_end *end, struct text *why) {
    auto_clean(text_deinit) struct text body = {0};
    struct http_exchange exchange = {.method = "POST"};
    char path[128];
    text_format(path, sizeof(path), "/v1/deliveries/%s/end", delivery);
    codec_encode(&delivery_end_table, end, FIELD_API, &body);
    exchange.body = text_data(&body);
    enum chat_result result = call(asker, &exchange, path, why);
    text_deinit(&exchange.answer);
    return result == CHAT_DONE || exchange.status == 404; /* it is not waited for */
}

void chat_ask_choices(const struct chat_asker *asker, const struct chat_command *command,
                      struct chat_choices *out) {
    const struct chat_input *input;
    bool is_required;
    for (size_t i = 0; (input = chat_command_input(command, i, &is_required)); i++) {
        struct http_exchange exchange = {0};
        auto_clean(text_deinit) struct text why = {0};
        char path[64];
        out[i] = (struct chat_choices){0};
        if (!input->list)
            continue;
        text_format(path, sizeof(path), "%s?limit=%d&fields=name", input->list, chat_names + 1);
        if (call(asker, &exchange, path, &why) == CHAT_DONE &&
            !chat_read_names(&exchange.answer, &out[i]))
            out[i].count = 0;
        text_deinit(&exchange.answer);
    }
}
