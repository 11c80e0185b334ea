/* Where a request by a cookie may come from; what a ticket is good for. */
#include "io/rest/browser.h"

#include <string.h>

#include "io/rest/answer.h"
#include "io/rest/visits.h"

/* Browsers send a cookie to all ports of a machine: the two faces do not take each other's. */
static const char *cookie_name(const struct rest *rest) {
    return rest->routes->trust == REST_BY_TOKEN ? "__Host-isthmus" : "__Host-isthmus-owner";
}

void browser_cookie(const struct http_request *http, const char *name, char *out_value,
                    size_t size) {
    const char *at = http_header(http, "Cookie");
    size_t length = strlen(name);
    out_value[0] = 0;
    while (at) {
        at += strspn(at, " ;");
        size_t whole = strcspn(at, ";");
        if (strncmp(at, name, length) == 0 && at[length] == '=' && whole - length - 1 < size) {
            memcpy(out_value, at + length + 1, whole - length - 1);
            out_value[whole - length - 1] = 0;
            return;
        }
        at = at[whole] ? at + whole : NULL;
    }
}

/* Browsers say by a header whose page asks; older ones at least by Origin where something may
 * change. A client that says neither is no browser, and has no business with a cookie then. */
static bool is_from_our_page(const struct http_request *http) {
    const char *whose = http_header(http, "Sec-Fetch-Site");
    const char *origin = http_header(http, "Origin"), *host = http_header(http, "Host");
    bool only_reads = text_equal(http->method, "GET") || text_equal(http->method, "HEAD");
    if (whose)
        return text_equal(whose, "same-origin") || (only_reads && text_equal(whose, "none"));
    const char *named = origin ? strstr(origin, "://") : NULL;
    if (origin)
        return named && host && text_equal(named + 3, host);
    return only_reads;
}

static bool refuse_strange(struct problem *problem) {
    problem_set(problem, CODE_FORBIDDEN, NULL, "The request comes from another server's page, or "
                "does not say from where");
    problem_set_status(problem, 403, "use the page of this manager, or a bearer token");
    return false;
}

bool browser_identify(struct rest *rest, struct rest_call *call, struct problem *problem) {
    char secret[secret_token_size];
    bool is_login = call->route->action == REST_LOGIN;
    call->is_owners = rest->routes->trust == REST_BY_SOCKET && call->http.server != rest->browsers;
    if (call->is_owners)
        text_set(call->token_hash, rest->owner_hash);
    else if (rest->routes->trust == REST_BY_TOKEN)
        http_token_hash(&call->http, call->token_hash);
    if (call->token_hash[0])
        return true;
    browser_cookie(&call->http, cookie_name(rest), secret, sizeof(secret));
    if ((is_login || secret[0]) && !is_from_our_page(&call->http))
        return refuse_strange(problem);
    if (is_login || !secret[0])
        return true;
    pthread_mutex_lock(&rest->lock);
    const struct login *login = logins_use(&rest->logins, secret, watch_now_ms());
    if (login) {
        text_set(call->token_hash, login->token_hash);
        text_set(call->login, login->digest);
    }
    pthread_mutex_unlock(&rest->lock);
    secret_erase(secret, sizeof(secret));
    return true;
}

static bool take_ticket(struct rest *rest, struct rest_call *call, const char *ticket) {
    pthread_mutex_lock(&rest->lock);
    const struct login *found = logins_use(&rest->tickets, ticket, watch_now_ms());
    bool is_good = found;
    if (found) {
        char digest[limit_digest_size];
        text_set(digest, found->digest);
        text_set(call->token_hash, found->token_hash);
        logins_end(&rest->tickets, digest);
    }
    pthread_mutex_unlock(&rest->lock);
    return is_good;
}

bool browser_prepare(struct rest *rest, struct rest_call *call, struct request *request,
                     struct problem *problem) {
    const char *ticket = request->login_create.ticket;
    if (call->route->action == REST_TICKET && call->login[0]) {
        problem_set(problem, CODE_FORBIDDEN, NULL, "A browser's login cannot make a ticket");
        problem_set_status(problem, 403, "use the command: isthmus web");
    } else if (call->route->action == REST_LOGIN && ticket[0] && !take_ticket(rest, call, ticket)) {
        problem_set(problem, CODE_UNAUTHENTICATED, "ticket", "The ticket was used already, or is "
                    "older than two minutes");
        problem_set_status(problem, 401, "ask for another one: isthmus web");
    } else if (call->route->action == REST_LOGIN && !call->token_hash[0]) {
        problem_set(problem, CODE_UNAUTHENTICATED, NULL, "There is neither a ticket nor a token");
    } else {
        text_set(request->token_hash, call->token_hash);
        return true;
    }
    return false;
}

void browser_answer(struct rest *rest, struct rest_call *call) {
    char secret[secret_token_size];
    bool is_ticket = call->route->action == REST_TICKET;
    pthread_mutex_lock(&rest->lock);
    bool has_room = logins_open(is_ticket ? &rest->tickets : &rest->logins, call->token_hash,
                                  watch_now_ms(), secret);
    pthread_mutex_unlock(&rest->lock);
    if (!has_room) {
        struct problem problem;
        reply_clear(&call->reply);
        problem_set(&problem, CODE_FULL, NULL, "As many browsers are logged in as may be");
        rest_refuse(call, &problem);
    } else if (is_ticket) {
        struct ticket ticket = {.valid_seconds = ticket_life_ms / 1000};
        text_set(ticket.ticket, secret);
        text_set(ticket.url, rest->page_url);
        reply_clear(&call->reply);
        rest_answer_record(call, 200, &ticket_table, &ticket);
        secret_erase(&ticket, sizeof(ticket));
    } else {
        rest_answer_reply(rest, call);
        answer_header(&call->http.answer, "Set-Cookie",
                      "%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict", cookie_name(rest),
                      secret);
    }
    secret_erase(secret, sizeof(secret));
}

void browser_refused(struct rest *rest, const struct rest_call *call) {
    if (call->reply.code != CODE_UNAUTHENTICATED || !call->login[0])
        return;
    pthread_mutex_lock(&rest->lock);
    logins_end_of(&rest->logins, call->token_hash);
    pthread_mutex_unlock(&rest->lock);
}

enum http_next browser_leave(struct rest *rest, struct rest_call *call) {
    pthread_mutex_lock(&rest->lock);
    logins_end(&rest->logins, call->login);
    for (size_t i = 0; call->login[0] && i < rest_calls_most; i++) {
        struct rest_call *other = rest->slots[i].call;
        if (other && text_equal(other->login, call->login))
            watch_cut(rest->watch, &other->watcher);
    }
    if (call->login[0])
        visits_end_login(rest->visits, call->login);
    pthread_mutex_unlock(&rest->lock);
    answer_begin(&call->http.answer, 204, NULL);
    answer_header(&call->http.answer, "Cache-Control", "no-store");
    answer_header(&call->http.answer, "Set-Cookie",
                  "%s=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0",
                  cookie_name(rest));
    return HTTP_DONE;
}
