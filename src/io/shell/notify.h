/* Tells systemd how the daemon stands (sd_notify). Where no systemd listens, nothing happens. */
#pragma once

void notify_ready(void);
void notify_stopping(void);
void notify_status(const char *text); /* one line for people */
