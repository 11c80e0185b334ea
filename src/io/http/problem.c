/* Which HTTP status each code has, and a problem's words from its code. */
#include "io/http/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

static const unsigned statuses[CODE_COUNT] = {
    [CODE_OK] = 200,
    [CODE_INVALID] = 400,
    [CODE_UNAUTHENTICATED] = 401,
    [CODE_FORBIDDEN] = 403,
    [CODE_NOT_FOUND] = 404,
    [CODE_UNKNOWN_SHAPE] = 422,
    [CODE_UNKNOWN_IMAGE] = 422,
    [CODE_UNKNOWN_NETWORK] = 422,
    [CODE_CONFLICT] = 409,
    [CODE_KEY_REUSED] = 422,
    [CODE_BUSY] = 409,
    [CODE_BAD_STATE] = 409,
    [CODE_LOCKED] = 423,
    [CODE_TOO_LARGE] = 413,
    [CODE_FULL] = 503,
    [CODE_UNSUPPORTED] = 501,
    [CODE_NO_CAPACITY] = 409,
    [CODE_UNMET] = 409,
    [CODE_QUOTA_EXCEEDED] = 409,
    [CODE_NOT_ALLOWED] = 403,
    [CODE_UNREACHABLE] = 503,
    [CODE_IMAGE_UNAVAILABLE] = 503,
    [CODE_IMAGE_BROKEN] = 422,
    [CODE_IMAGE_TOO_LARGE] = 422,
    [CODE_HOST_FAILED] = 502,
    [CODE_GUEST_IGNORED] = 504,
    [CODE_DEADLINE] = 504,
    [CODE_SUPERSEDED] = 409,
    [CODE_STALE] = 412,
    [CODE_INTERRUPTED] = 500,
    [CODE_LOST] = 409,
    [CODE_SHUTTING_DOWN] = 503,
    [CODE_INTERNAL] = 500,
    [CODE_NO_LEASE] = 503,
    [CODE_NO_COPY] = 409,
};

unsigned problem_status(enum code code) { return statuses[code]; }

static const struct field problem_fields[] = {
    {field_of(struct problem, type), .about = "urn:isthmus:problem: and the code.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct problem, title), .about = "What kind of problem it is.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED},
    {field_of(struct problem, status), .about = "The HTTP status.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 400, .most = 599},
    {field_of(struct problem, detail), .about = "What is wrong in this case.", .kind = FIELD_TEXT},
    {field_of(struct problem, code), .about = "The problem's name, for programs.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct problem, field), .about = "The field or parameter at fault.",
     .kind = FIELD_TEXT},
    {field_of(struct problem, remedy), .about = "What to do about it.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED},
};
const struct table problem_table = {"problem", "A refusal (RFC 9457).", sizeof(struct problem),
                                    field_rows(problem_fields)};

void problem_set(struct problem *problem, enum code code, const char *field, const char *detail,
                 ...) {
    *problem = (struct problem){.status = problem_status(code)};
    text_format(problem->type, sizeof(problem->type), "urn:isthmus:problem:%s", code_names[code]);
    text_set(problem->title, code_title(code));
    text_set(problem->code, code_names[code]);
    text_set(problem->remedy, code_remedy(code));
    text_format(problem->field, sizeof(problem->field), "%s", field ? field : "");
    va_list arguments;
    va_start(arguments, detail);
    (void)vsnprintf(problem->detail, sizeof(problem->detail), detail, arguments);
    va_end(arguments);
}

void problem_set_status(struct problem *problem, unsigned status, const char *remedy) {
    problem->status = status;
    text_format(problem->remedy, sizeof(problem->remedy), "%s", remedy);
}
