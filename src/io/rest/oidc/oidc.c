/* What is derived of a cookie, and the thread that asks the provider. */
#include "io/rest/oidc/oidc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/rest/answer.h"
#include "io/rest/browser.h"
#include "message/codec.h"

enum { visits_most = 64, seed_most_ms = 600000, cookie_size = 80, code_room = 2048 };
static const char cookie_name[] = "__Host-isthmus-login";

/* What a held call waits for; what came of it is in `url` or in `problem`. */
struct oidc_visit {
    struct list node; /* oidc.waiting; of the thread while it is asked */
    struct rest_call *call; /* NULL: its client went away */
    bool is_callback;
    bool is_asked, is_done; /* guarded by the rest's lock, like `call` */
    char seed[cookie_size]; /* the cookie's value */
    struct text code, url;
    char identity[limit_identity_size]; /* nobody has it here; or "" */
    struct problem problem;
};

struct oidc {
    struct rest *rest;
    struct provider *provider;
    char *issuer, *name;
    unsigned char key[32]; /* of this process: what one of before began is begun anew */
    pthread_t thread;
    pthread_cond_t changed; /* with rest->lock */
    struct list waiting;
    size_t visits;
    bool is_ending;
    atomic_bool cancel;
};

static void visit_free(struct oidc *oidc, struct oidc_visit *visit) {
    secret_erase(visit->code.data, visit->code.length);
    text_deinit(&visit->code);
    text_deinit(&visit->url);
    memory_free(visit);
    oidc->visits--;
}

/* What is told apart by `label`, of this cookie; base64url. */
static void derive(const struct oidc *oidc, const char *label, const char *seed,
                   char out_word[provider_word_size]) {
    unsigned char digest[32];
    auto_clean(text_deinit) struct text text = {0}, word = {0};
    text_addf(&text, "%s %s", label, seed);
    secret_keyed_hash(oidc->key, text.data, text.length, digest);
    secret_encode(digest, sizeof(digest), &word);
    text_set_sized(out_word, provider_word_size, text_data(&word));
    secret_erase(text.data, text.length);
    secret_erase(word.data, word.length);
}

static struct provider_attempt attempt_of(const struct oidc *oidc, const char *seed) {
    struct provider_attempt attempt = {0};
    derive(oidc, "state", seed, attempt.state);
    derive(oidc, "nonce", seed, attempt.nonce);
    derive(oidc, "verifier", seed, attempt.verifier);
    return attempt;
}

/* By BLAKE2b and a key that is no secret: what a bearer token stands for is a SHA-256. */
static void digest_of(const struct oidc *oidc, const char *identity,
                      char out_digest[limit_digest_size]) {
    static const unsigned char key[32] = "isthmus identity of a provider";
    unsigned char digest[32];
    auto_clean(text_deinit) struct text text = {0};
    text_addf(&text, "%s\n%s", oidc->issuer, identity);
    secret_keyed_hash(key, text.data, text.length, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        text_format(&out_digest[2 * i], limit_digest_size - 2 * i, "%02x", digest[i]);
}

static int begin(struct oidc *oidc, struct oidc_visit *visit, struct error *err) {
    const struct provider_attempt attempt = attempt_of(oidc, visit->seed);
    return provider_address(oidc->provider, &attempt, &visit->url, err);
}

bool oidc_prepare(const struct oidc *oidc, struct rest_call *call, struct request *request,
                  struct problem *problem) {
    const char *identity = request->access_create.identity;
    if (request->kind != REQUEST_ACCESS_CREATE || !*identity)
        return true;
    if (!oidc) {
        problem_set(problem, CODE_INVALID, "identity", "This manager knows no OpenID provider");
        problem_set_status(problem, problem->status, "leave it out, or have the operator name a "
                           "provider in [oidc]");
        return false;
    }
    digest_of(oidc, identity, request->new_token_hash);
    secret_erase(call->token, sizeof(call->token));
    return true;
}

/* An identity that has an access token here gets a ticket, by which the page logs in. */
static void let_in(struct oidc *oidc, struct oidc_visit *visit, const char *identity) {
    char digest[limit_digest_size], ticket[secret_token_size];
    struct rest *rest = oidc->rest;
    digest_of(oidc, identity, digest);
    pthread_mutex_lock(&rest->lock);
    bool is_known = rest_owners_know(&rest->owners, digest);
    bool has_room = is_known && logins_open(&rest->tickets, digest, watch_now_ms(), ticket);
    pthread_mutex_unlock(&rest->lock);
    if (has_room)
        text_addf(&visit->url, "/#ticket=%s", ticket);
    else if (is_known)
        problem_set(&visit->problem, CODE_FULL, NULL, "As many browsers log in as may");
    else
        text_set(visit->identity, identity);
    secret_erase(ticket, sizeof(ticket));
}

static int finish(struct oidc *oidc, struct oidc_visit *visit, struct error *err) {
    char identity[limit_identity_size];
    struct provider_attempt attempt = attempt_of(oidc, visit->seed);
    attempt.code = text_data(&visit->code);
    int result = provider_identify(oidc->provider, &attempt, identity, err);
    if (result == 0)
        let_in(oidc, visit, identity);
    return result;
}

static void ask(struct oidc *oidc, struct oidc_visit *visit) {
    struct error err = {0};
    if (!(visit->is_callback ? finish(oidc, visit, &err) : begin(oidc, visit, &err)))
        return;
    problem_set(&visit->problem, CODE_FORBIDDEN, NULL, "Nobody was let in: %s", err.text);
    problem_set_status(&visit->problem, 502, "try again; if it stays so, tell whoever runs this "
                       "manager");
}

static void *run(void *context) {
    struct oidc *oidc = context;
    pthread_mutex_t *lock = &oidc->rest->lock;
    pthread_mutex_lock(lock);
    while (!oidc->is_ending) {
        if (list_is_empty(&oidc->waiting)) {
            pthread_cond_wait(&oidc->changed, lock);
            continue;
        }
        struct oidc_visit *visit =
            container_of(oidc->waiting.next, struct oidc_visit, node);
        list_remove(&visit->node);
        visit->is_asked = true;
        pthread_mutex_unlock(lock);
        ask(oidc, visit);
        pthread_mutex_lock(lock);
        visit->is_asked = false;
        visit->is_done = true;
        if (visit->call)
            http_resume(&visit->call->http);
        else
            visit_free(oidc, visit);
    }
    pthread_mutex_unlock(lock);
    return NULL;
}

struct oidc *oidc_start(struct rest *rest, const struct provider_settings *settings,
                        const char *name, struct error *err) {
    struct oidc *oidc = memory_new(1, sizeof(*oidc));
    oidc->rest = rest;
    struct provider_settings own = *settings;
    own.cancel = &oidc->cancel;
    oidc->provider = provider_new(&own);
    oidc->issuer = memory_text(settings->issuer);
    oidc->name = memory_text(name);
    secret_random(oidc->key, sizeof(oidc->key));
    list_init(&oidc->waiting);
    pthread_cond_init(&oidc->changed, NULL);
    int code = pthread_create(&oidc->thread, NULL, run, oidc);
    if (code == 0)
        return oidc;
    (void)error_set(err, -code, "start a thread for logins: %s", strerror(code));
    oidc_free(oidc);
    return NULL;
}

void oidc_end(struct oidc *oidc) {
    if (!oidc)
        return;
    pthread_mutex_lock(&oidc->rest->lock);
    oidc->is_ending = true;
    atomic_store(&oidc->cancel, true);
    list_for(struct oidc_visit, visit, &oidc->waiting, node) {
        list_remove(&visit->node);
        visit->is_done = true;
        problem_set(&visit->problem, CODE_SHUTTING_DOWN, NULL, "This manager ends");
        http_resume(&visit->call->http);
    }
    pthread_cond_signal(&oidc->changed);
    pthread_mutex_unlock(&oidc->rest->lock);
    pthread_join(oidc->thread, NULL);
}

void oidc_free(struct oidc *oidc) {
    if (!oidc)
        return;
    pthread_cond_destroy(&oidc->changed);
    provider_free(oidc->provider);
    secret_erase(oidc->key, sizeof(oidc->key));
    memory_free(oidc->issuer);
    memory_free(oidc->name);
    memory_free(oidc);
}

static enum http_next refuse(struct rest_call *call, const char *what, const char *remedy) {
    struct problem problem;
    problem_set(&problem, CODE_FORBIDDEN, NULL, "%s", what);
    problem_set_status(&problem, 403, remedy);
    return rest_refuse(call, &problem);
}

/* No address takes more than a quarter of the places. Under the lock. */
static bool has_room(const struct oidc *oidc, const char *from) {
    size_t count = 0;
    for (size_t i = 0; i < http_requests; i++) {
        const struct rest_call *call = oidc->rest->slots[i].call;
        count += call && call->oidc && text_equal(call->http.from, from);
    }
    return oidc->visits < visits_most && count < visits_most / 4 && !oidc->is_ending;
}

/* Holds the call until the thread has asked. */
static enum http_next wait_for(struct oidc *oidc, struct rest_call *call,
                               const struct oidc_visit *wish, const char *code) {
    struct rest *rest = oidc->rest;
    struct problem problem;
    pthread_mutex_lock(&rest->lock);
    bool is_taken = has_room(oidc, call->http.from);
    if (is_taken) {
        struct oidc_visit *visit = memory_new(1, sizeof(*visit));
        *visit = *wish;
        visit->call = call;
        text_add(&visit->code, code);
        oidc->visits++;
        call->oidc = visit;
        http_hold(&call->http);
        list_add(&oidc->waiting, &visit->node);
        pthread_cond_signal(&oidc->changed);
    }
    pthread_mutex_unlock(&rest->lock);
    if (is_taken)
        return HTTP_HOLD;
    problem_set(&problem, CODE_FULL, NULL, "Too many log in at once");
    problem_set_status(&problem, 503, "try again in a moment");
    return rest_refuse(call, &problem);
}

static enum http_next send_there(struct oidc *oidc, struct rest_call *call) {
    char secret[secret_token_size];
    struct oidc_visit visit = {0};
    secret_token(secret);
    text_format(visit.seed, sizeof(visit.seed), "%s.%" PRIu64, secret, watch_now_ms());
    return wait_for(oidc, call, &visit, "");
}

static const char *parameter(const struct rest_call *call, const char *name) {
    for (size_t i = 0; i < call->http.parameters_count; i++)
        if (text_equal(call->http.parameters[i].name, name))
            return call->http.parameters[i].value;
    return NULL;
}

/* The cookie is of this login's begin in this browser, and that is not long ago. */
static bool is_begun_here(const struct oidc *oidc, const char *seed, const char *state) {
    const char *began = strchr(seed, '.');
    char expected[provider_word_size];
    derive(oidc, "state", seed, expected);
    uint64_t began_ms = began ? strtoull(began + 1, NULL, 10) : 0;
    return began && state && text_equal(state, expected) &&
           watch_now_ms() - began_ms < seed_most_ms;
}

static enum http_next take_back(struct oidc *oidc, struct rest_call *call) {
    const char *code = parameter(call, "code");
    struct oidc_visit visit = {.is_callback = true};
    browser_cookie(&call->http, cookie_name, visit.seed, sizeof(visit.seed));
    if (!is_begun_here(oidc, visit.seed, parameter(call, "state")))
        return refuse(call, "This login was not begun in this browser, or longer than ten minutes "
                      "ago", "begin at /login");
    if (!code || !*code || strlen(code) > code_room)
        return refuse(call, "The provider has let nobody in",
                      "begin at /login, or ask whoever runs the provider");
    return wait_for(oidc, call, &visit, code);
}

/* So that the page can call it by its name. */
static enum http_next tell_name(const struct oidc *oidc, struct rest_call *call) {
    answer_begin(&call->http.answer, 200, "application/json");
    answer_header(&call->http.answer, "Cache-Control", "no-store");
    text_add(&call->http.answer.body, oidc ? "{\"name\":" : "{");
    if (oidc)
        codec_add_string(oidc->name, &call->http.answer.body);
    text_add(&call->http.answer.body, "}");
    return HTTP_DONE;
}

bool oidc_take(struct oidc *oidc, struct rest_call *call, enum http_next *out_next) {
    const char *path = call->http.path;
    if (!text_equal(call->http.method, "GET"))
        return false;
    if (text_equal(path, "/login/provider"))
        *out_next = tell_name(oidc, call);
    else if (!oidc)
        return false;
    else if (text_equal(path, "/login"))
        *out_next = send_there(oidc, call);
    else if (text_equal(path, "/login/callback"))
        *out_next = take_back(oidc, call);
    else
        return false;
    return true;
}

/* The browser shows it as it is: so that who came can tell an operator who they are. */
static void tell_stranger(struct rest_call *call, const char *identity) {
    struct http_answer *answer = &call->http.answer;
    answer_begin(answer, 403, "text/plain; charset=utf-8");
    text_addf(&answer->body, "The provider says that you are\n\n    %s\n\nand no access token here "
              "is for this identity. To be let in, ask an operator of this manager for one:\n\n"
              "    isthmus access-token create NAME --tenant TENANT --rights RIGHTS "
              "--identity IDENTITY\n", identity);
}

enum http_next oidc_answer(struct oidc *oidc, struct rest_call *call) {
    struct oidc_visit *visit = call->oidc;
    struct http_answer *answer = &call->http.answer;
    if (visit->url.length)
        answer_go_to(answer, text_data(&visit->url));
    else if (visit->identity[0])
        tell_stranger(call, visit->identity);
    else
        answer_problem(answer, &visit->problem);
    answer_header(answer, "Cache-Control", "no-store");
    answer_header(answer, "Referrer-Policy", "no-referrer");
    bool is_begun = visit->url.length && !visit->is_callback;
    answer_header(answer, "Set-Cookie",
                  "%s=%s; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=%d", cookie_name,
                  is_begun ? visit->seed : "", is_begun ? seed_most_ms / 1000 : 0);
    pthread_mutex_lock(&oidc->rest->lock);
    call->oidc = NULL;
    visit_free(oidc, visit);
    pthread_mutex_unlock(&oidc->rest->lock);
    return HTTP_DONE;
}

void oidc_leave(struct oidc *oidc, struct rest_call *call) {
    struct oidc_visit *visit = call->oidc;
    call->oidc = NULL;
    if (!visit)
        return;
    visit->call = NULL;
    if (visit->is_asked) /* the thread frees it */
        return;
    if (!visit->is_done)
        list_remove(&visit->node);
    visit_free(oidc, visit);
}
