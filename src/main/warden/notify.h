/* Tells systemd, if it listens: in sd_notify's own words, but without its library, and without
 * waiting. */
#pragma once

void notify_say(const char *words); /* READY=1, WATCHDOG=1, … */
