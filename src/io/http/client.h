/* The HTTP client (libcurl): one blocking call, for the command and for worker threads. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct http_exchange {
    /* in; NULL where not wanted */
    const char *method;
    const char *url;             /* http, https; file where allowed */
    const char *token;           /* bearer token */
    const char *ca_file;         /* PEM; NULL: the system's */
    const char *socket;          /* a Unix socket to connect to, whatever the URL says */
    const char *content_type;
    const char *idempotency_key;
    const char *body;            /* a terminated text; NULL: none */
    int upload_fd;               /* a file to send in place of `body`; -1: none */
    int download_fd;             /* where the answer's body goes, -1: into `answer`;
                                  * a refusal (400 and above) goes into `answer` always */
    uint32_t connect_seconds;    /* 0: 10 */
    uint32_t idle_seconds;       /* cut when nothing moves for so long; 0: 30 */
    const atomic_bool *cancel;   /* once true, the call ends within two seconds: -ECANCELED */
    /* out */
    long status;
    struct text answer;          /* the caller frees with text_deinit */
    char answer_type[64];
};

/* A text that nobody has used yet, as an idempotency key. */
enum { http_key_size = 33 };
void http_draw_key(char out_key[http_key_size]);

/* 0 when an answer arrived, whatever its status; negative with `err` (what was tried, why it
 * failed, what to do) when none did. Redirects are not followed. */
int http_call(struct http_exchange *exchange, struct error *err);
