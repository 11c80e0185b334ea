/* How a daemon is: its links, and the certificates that it uses; GET /v1/health, and in short what
 * systemd shows. No address and no file is named: whoever asks need not say who it is. */
#pragma once

#include "message/field.h"
#include "message/limits.h"

enum health_state { HEALTH_OK, HEALTH_DEGRADED };
extern const char *const health_state_names[2];

enum health_link_state { HEALTH_LINK_DOWN, HEALTH_LINK_UP, HEALTH_LINK_IMPAIRED };
extern const char *const health_link_state_names[3];

struct health_link {
    char name[limit_name_size + 16]; /* "downlink", "uplink north" */
    enum health_link_state state;
    char cause[160], remedy[200];
};

struct health_certificate {
    char name[limit_setting_size]; /* "[api] certificate_file" */
    uint64_t expires_ms; /* 0: it cannot be read */
    bool is_due;
};

struct health {
    enum health_state status;
    char software[limit_software_size];
    bool disk_full; /* that of its books: it takes no new VM */
    struct health_link *links;
    uint32_t links_count;
    struct health_certificate *certificates;
    uint32_t certificates_count;
};
extern const struct table health_table;
