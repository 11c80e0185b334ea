/* The certificates that a daemon uses, and when they run out: told to the log two weeks before, and
 * to whoever asks how the daemon is. Thread-safe. */
#pragma once

#include <pthread.h>

#include "base/log.h"
#include "base/text.h"
#include "io/config/daemons.h"
#include "message/health.h"

enum { daemon_certificates_most = 128 };

struct daemon_certificate {
    char name[sizeof(((struct health_certificate *)NULL)->name)];
    const char *path; /* the configuration's */
    uint64_t expires_ms; /* 0: it cannot be read */
};

struct daemon_certificates {
    pthread_mutex_t lock;
    const struct log *log;
    struct daemon_certificate all[daemon_certificates_most];
    size_t count;
    void (*tell)(void *context, const char *name, uint64_t expires_ms); /* as the log is; or NULL */
    void *context;
    uint64_t wall_ms, looked_ms, told_ms; /* now; when the files were read; when the log was told */
};

void daemon_certificates_init(struct daemon_certificates *certificates, const struct log *log);

/* Adds a file. NULL: there is none. */
void daemon_certificates_add(struct daemon_certificates *certificates, const char *section,
                             const char *key, const char *path);
void daemon_certificates_add_link(struct daemon_certificates *certificates, const char *section,
                                  const struct link_config *link);
void daemon_certificates_add_servers(struct daemon_certificates *certificates,
                                     const char *section, const struct server_config *servers,
                                     size_t count);

enum certificates_look { CERTIFICATES_HOURLY, CERTIFICATES_NOW };

/* Reads the files again, each hour or now. */
void daemon_certificates_look(struct daemon_certificates *certificates, uint64_t wall_ms,
                              enum certificates_look when);

/* SIGHUP came: looks now, and logs it; `result` and `err` are what became of what the daemon itself
 * serves by (http_server_renew). */
void daemon_certificates_renewed(struct daemon_certificates *certificates, int result,
                                 const struct error *err);

/* Which of them run out soon, for systemd's line; nothing where none does. */
void daemon_certificates_print(struct daemon_certificates *certificates, struct text *out);

/* True: it runs out soon, or has. */
bool daemon_certificate_is_due(const struct daemon_certificates *certificates,
                               const struct daemon_certificate *certificate);
