/* An answer in the making: status, headers, and a text, a file or a stream as its body. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "io/http/problem.h"

struct http_answer {
    unsigned status;
    const char *content_type; /* NULL: no body */
    struct text body;         /* taken; empty with a file or a stream */
    int file_fd;              /* a file of which a part is the body (taken); -1: none */
    uint64_t file_offset, file_bytes;
    bool is_stream;           /* the body comes by and by, from the face's on_stream */
    struct text goal;         /* where the client is sent (taken) */
    struct {
        const char *name; /* constant */
        char value[256];
    } headers[12];
    size_t headers_count;
};

/* Sets all of it anew. */
void answer_begin(struct http_answer *answer, unsigned status, const char *content_type);
void answer_stream(struct http_answer *answer, const char *content_type); /* of unknown length */
void answer_go_to(struct http_answer *answer, const char *url); /* of any length */
void answer_problem(struct http_answer *answer, const struct problem *problem);
void answer_header(struct http_answer *answer, const char *name, const char *format, ...)
    format_checked(3, 4);

/* The value of one of its headers. */
const char *answer_value(const struct http_answer *answer, size_t header);
void answer_deinit(struct http_answer *answer);
