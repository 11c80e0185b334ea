/* Which event a domain's change becomes. */
#include "io/host/state.h"

#include "base/text.h"
#include "io/shell/ports.h"

void host_post_domain(struct host *host, const struct host_domain_mark *mark,
                      enum vm_state state, enum domain_news why) {
    struct event event = {.kind = EVENT_DOMAIN, .domain = {.epoch = mark->epoch, .state = state}};
    text_set(event.domain.vm, mark->vm);
    event.domain.why = why;
    shell_put(host->shell, &event);
}
