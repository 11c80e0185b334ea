/* The states that systemd is told. */
#include "io/shell/notify.h"

#include <systemd/sd-daemon.h>

#include "base/text.h"

/* A failure is of no consequence to the service: systemd's own time limits then decide. */
void notify_ready(void) { (void)sd_notify(0, "READY=1"); }
void notify_status(const char *text) {
    auto_clean(text_deinit) struct text line = {0};
    text_addf(&line, "STATUS=%s", text);
    (void)sd_notify(0, text_data(&line));
}
void notify_stopping(void) { (void)sd_notify(0, "STOPPING=1"); }
