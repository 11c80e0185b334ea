/* What is asked for, and by whose token it is joined. */
#include "cli/reach/ticket.h"

#include <poll.h>

#include "cli/call.h"

int ticket_ask(const struct options *options, const struct ticket_for *to,
               struct stream_ticket *out) {
    static const char *const acts[STREAM_TO_COUNT] = {[STREAM_TO_CONSOLE] = "console",
                                                      [STREAM_TO_PORT] = "forward",
                                                      [STREAM_TO_SCREEN] = "screen"};
    const struct vm_forward forward = {.port = to->port};
    struct text body = {0};
    struct call call;
    call_init(&call, options, "POST", "/v1/vms");
    call_add_segment(&call, to->vm);
    call_add_segment(&call, acts[to->to]);
    if (to->to == STREAM_TO_PORT) {
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

/* The stream may end before its cloud has heard why. */
void ticket_tell_end(const struct options *options) {
    static const struct view vms = {"/v1/vms", &vm_table, "", NULL, NULL};
    enum { looks = 4, pause_ms = 250 };
    bool runs = true;
    for (int i = 0; i < looks && runs; i++) {
        struct vm vm = {0};
        if ((i && poll(NULL, 0, pause_ms) < 0) || view_read(&vms, options, &vm) != EXIT_DONE)
            return;
        runs = vm.state == VM_RUNNING || vm.state == VM_PAUSED;
        if (!runs)
            say("%s does not run any more, it is %s; what was connected to it has ended", vm.name,
                vm_state_names[vm.state]);
        record_clear(&vm_table, &vm);
    }
}

struct stream_dial ticket_dial(const struct options *options, const struct stream_ticket *ticket) {
    struct stream_dial dial = {.fd = -1, .token = text_data(&options->token)};
    text_set(dial.to.url, ticket->url);
    text_set(dial.to.pin, ticket->pin);
    text_set(dial.to.ticket, ticket->ticket);
    return dial;
}
