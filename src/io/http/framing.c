/* Which headers have to come once, and in which form. */
#include "io/http/framing.h"

#include <string.h>
#include <strings.h>

void framing_count(struct framing *framing, const char *name, const char *value) {
    if (strcasecmp(name, "Content-Length") == 0) {
        framing->lengths++;
        framing->is_bad = framing->is_bad || !*value || value[strspn(value, "0123456789")];
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        framing->encodings++;
        framing->is_bad = framing->is_bad || strcasecmp(value, "chunked") != 0;
    } else if (strcasecmp(name, "Authorization") == 0) {
        framing->tokens++;
    } else if (strcasecmp(name, "Idempotency-Key") == 0) {
        framing->keys++;
    }
}

bool framing_is_right(const struct framing *framing, struct problem *problem) {
    if (framing->tokens > 1 || framing->keys > 1) {
        problem_set(problem, CODE_INVALID, NULL, "The request has several %s headers",
                    framing->tokens > 1 ? "Authorization" : "Idempotency-Key");
        problem_set_status(problem, 400, "send one of them");
    } else if (framing->is_bad || framing->lengths + framing->encodings > 1) {
        problem_set(problem, CODE_INVALID, NULL, "The request does not say in one way where its "
                    "body ends");
        problem_set_status(problem, 400, "send either one Content-Length, in digits, or "
                           "'Transfer-Encoding: chunked'");
    } else {
        return true;
    }
    return false;
}
