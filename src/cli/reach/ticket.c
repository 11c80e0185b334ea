/* What is asked for, and by whose token it is joined. */
#include "cli/reach/ticket.h"

#include "cli/call.h"

int ticket_ask(const struct options *options, const char *vm, uint32_t port,
               struct stream_ticket *out) {
    const struct vm_forward forward = {.port = port};
    struct text body = {0};
    struct call call;
    call_init(&call, options, "POST", "/v1/vms");
    call_add_segment(&call, vm);
    call_add_segment(&call, port ? "forward" : "console");
    if (port) {
        codec_encode(&vm_forward_table, &forward, FIELD_API, &body);
        call.http.content_type = "application/json";
        call.http.body = text_data(&body);
    }
    int result = call_run(&call);
    if (result == EXIT_DONE)
        result = call_decode(&call, &stream_ticket_table, out);
    call_deinit(&call);
    text_deinit(&body);
    return result;
}

struct stream_dial ticket_dial(const struct options *options, const struct stream_ticket *ticket) {
    struct stream_dial dial = {.fd = -1, .token = text_data(&options->token)};
    text_set(dial.to.url, ticket->url);
    text_set(dial.to.pin, ticket->pin);
    text_set(dial.to.ticket, ticket->ticket);
    return dial;
}
