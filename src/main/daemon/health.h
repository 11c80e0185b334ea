/* How a daemon is, put together when somebody asks: the face that answers GET /v1/health, and the
 * loop that tells systemd. Thread-safe. */
#pragma once

#include "base/text.h"
#include "io/shell/shell.h"
#include "main/daemon/certificates.h"
#include "message/health.h"

struct daemon_health {
    const struct shell_link *links;
    size_t links_count;
    const struct shell *shell;
    struct daemon_certificates certificates;
};

/* Fills a record of health_table, which the caller clears. */
void daemon_health_read(void *health, struct health *out);

/* One line for systemd: what is wrong, and what to do. Called again and again; looks at the
 * certificates each hour. */
void daemon_health_print(void *health, uint64_t wall_ms, struct text *out);
