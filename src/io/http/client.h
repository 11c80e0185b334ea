/* The HTTP client (libcurl): one blocking call, for the command and for worker threads. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/* Keeps its connections from call to call, so that many of them shake hands once; of one thread. */
struct http_client;
struct http_client *http_client_new(void);
void http_client_free(struct http_client *client);

struct http_exchange {
    struct http_client *client; /* whose connections are used; NULL: new ones */
    /* in; NULL where not wanted */
    const char *method;
    const char *url;             /* http, https; file where allowed */
    const char *token;           /* bearer token */
    const char *ca_file;         /* PEM; NULL: the system's */
    bool is_unproven;            /* its certificate is not looked at: for what needs no proof of
                                  * where it is from, and is told no token; ends in a minute */
    const char *socket;          /* a Unix socket to connect to, whatever the URL says */
    const char *content_type;
    const char *idempotency_key;
    const char *body;            /* a terminated text; NULL: none */
    int upload_fd;               /* a file to send in place of `body`; -1: none */
    uint64_t upload_offset;      /* what of it is not sent, at its beginning */
    uint64_t download_offset;    /* asks for what is behind so many bytes; 206 says that it comes */
    /* Asks for so many bytes alone, from there on; 0: for all. Nothing else comes into
     * `download_fd`; of a server that knows no ranges the whole, in place of what was in it: then
     * both are 0 after the call. */
    uint64_t range_bytes;
    void (*on_bytes)(void *context, uint64_t bytes); /* so many were sent, or came; about once a
                                                      * second; NULL: nobody is told */
    void *context;
    /* Where an answer's body goes as it comes, in place of all else; a refusal does not. */
    void (*on_data)(void *context, const char *bytes, size_t length);
    bool follow;                 /* redirects, within https or http alone */
    int download_fd;             /* where the answer's body goes, -1: into `answer`;
                                  * a refusal (400 and above) goes into `answer` always */
    uint64_t most_bytes;         /* that may come into `download_fd`, 0: any: -EFBIG */
    uint64_t reserve_bytes;      /* that are left free of its disk; 0: the usual: -ENOSPC */
    uint32_t connect_seconds;    /* 0: 10 */
    uint32_t idle_seconds;       /* cut when nothing moves for so long; 0: 30 */
    uint32_t whole_seconds;      /* cut after so long, whatever moves; 0: never */
    const atomic_bool *cancel;   /* once true, the call ends within two seconds: -ECANCELED */
    /* out */
    long status;
    uint64_t whole_bytes;        /* of what a range is of, as its server says; 0: it did not */
    struct text answer;          /* the caller frees with text_deinit */
    char answer_type[64];
};

/* A text that nobody has used yet, as an idempotency key. */
enum { http_key_size = 33 };
void http_draw_key(char out_key[http_key_size]);

/* 0 when an answer arrived, whatever its status; negative with `err` (what was tried, why it
 * failed, what to do) when none did. */
int http_call(struct http_exchange *exchange, struct error *err);
