/* Which headers a problem has, and what an answer that is given up leaves behind. */
#include "io/http/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "message/codec.h"

void answer_deinit(struct http_answer *answer) {
    text_deinit(&answer->body);
    text_deinit(&answer->goal);
    if (answer->file_fd >= 0)
        close(answer->file_fd);
    answer->file_fd = -1;
}

void answer_begin(struct http_answer *answer, unsigned status, const char *content_type) {
    answer_deinit(answer);
    *answer = (struct http_answer){.status = status, .content_type = content_type, .file_fd = -1};
    answer_header(answer, "X-Content-Type-Options", "nosniff"); /* guests and tenants wrote some */
}

void answer_stream(struct http_answer *answer, const char *content_type) {
    answer_begin(answer, 200, content_type);
    answer->is_stream = true;
}

void answer_header(struct http_answer *answer, const char *name, const char *format, ...) {
    if (answer->headers_count == array_size(answer->headers))
        return;
    answer->headers[answer->headers_count].name = name;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(answer->headers[answer->headers_count++].value,
                    sizeof(answer->headers[0].value), format, arguments);
    va_end(arguments);
}

void answer_go_to(struct http_answer *answer, const char *url) {
    answer_begin(answer, 303, NULL);
    answer_header(answer, "Location", "%s", "");
    text_add(&answer->goal, url);
}

const char *answer_value(const struct http_answer *answer, size_t header) {
    bool is_goal = answer->goal.length && text_equal(answer->headers[header].name,
                                                             "Location");
    return is_goal ? answer->goal.data : answer->headers[header].value;
}

void answer_problem(struct http_answer *answer, const struct problem *problem) {
    answer_begin(answer, problem->status, "application/problem+json");
    codec_encode(&problem_table, problem, FIELD_API, &answer->body);
    answer_header(answer, "Cache-Control", "no-store");
    if (problem->status == 401)
        answer_header(answer, "WWW-Authenticate", "Bearer");
    if (problem->status == 503 || problem->status == 429)
        answer_header(answer, "Retry-After", "5");
}
