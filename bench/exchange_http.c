/* The floor of all that goes over a relay: libcurl and nothing else. As bench/exchange.c, with one
 * GET that waits and one POST under way for each party; what comes meanwhile goes in the next one:
 *
 *     bench-exchange-http PASSWORD_FILE echo PLACE BRIDGE
 *     bench-exchange-http PASSWORD_FILE bridge PLACE PLACE DRIVER ECHO
 *     bench-exchange-http PASSWORD_FILE drive PLACE BRIDGE COUNT OUTSTANDING BYTES
 *
 * A PLACE is ADDRESS,PORT,CA_FILE. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "drive.h"
#include "message/news.h"

struct party {
    CURLM *multi;
    CURL *getter, *poster;
    bool is_posting;
    char *address;
    const char *place, *ca_file, *to; /* to: where this party sends */
    struct curl_slist *headers;
    struct text waiting, posted;
    struct news_reader reader;
    struct party *other;
    struct drive *drive;
};

static void say(struct party *party, const char *bytes, size_t length) {
    if (!news_add_frame(&party->waiting, party->to, bytes, length))
        measure_fail("say a frame to", party->to);
}

static void handle(struct party *party, const struct news *news) {
    if (news->kind != NEWS_FRAME)
        return;
    if (party->drive)
        drive_receive(party->drive, news->bytes);
    else
        say(party->other ? party->other : party, news->bytes, news->length);
}

static size_t on_news(char *bytes, size_t one, size_t count, void *context) {
    struct party *party = context;
    struct news news;
    news_reader_add(&party->reader, bytes, one * count);
    while (news_reader_next(&party->reader, &news) == NEWS_READ)
        handle(party, &news);
    return one * count;
}

static size_t on_answer(char *bytes, size_t one, size_t count, void *context) {
    (void)bytes, (void)context;
    return one * count;
}

static CURL *make_request(struct party *party, const char *path) {
    CURL *curl = curl_easy_init();
    auto_clean(text_deinit) struct text url = {0};
    text_addf(&url, "https://localhost:%s%s?as=%s&connection=%x&wait_ms=20000", party->place,
              path, party->address, (unsigned)getpid());
    curl_easy_setopt(curl, CURLOPT_URL, url.data);
    curl_easy_setopt(curl, CURLOPT_CAINFO, party->ca_file);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, party->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    return curl;
}

static void party_connect(struct party *party, char *place, const char *password) {
    auto_clean(text_deinit) struct text bearer = {0};
    party->address = strsep(&place, ",");
    party->place = strsep(&place, ",");
    party->ca_file = place;
    if (!party->place || !place)
        measure_fail("read a place, written ADDRESS,PORT,CA_FILE", party->address);
    text_addf(&bearer, "Authorization: Bearer %s", password);
    party->headers = curl_slist_append(NULL, bearer.data);
    party->headers = curl_slist_append(party->headers, "Expect:");
    CURL *opener = make_request(party, "/v1/open");
    curl_easy_setopt(opener, CURLOPT_POSTFIELDS, "");
    long status = 0;
    if (curl_easy_perform(opener) || curl_easy_getinfo(opener, CURLINFO_RESPONSE_CODE, &status) ||
        status != 204)
        measure_fail("open a connection for", party->address);
    curl_easy_cleanup(opener);
    party->getter = make_request(party, "/v1/frames");
    curl_easy_setopt(party->getter, CURLOPT_WRITEFUNCTION, on_news);
    curl_easy_setopt(party->getter, CURLOPT_WRITEDATA, party);
    party->poster = make_request(party, "/v1/frames");
    curl_easy_setopt(party->poster, CURLOPT_POST, 1L);
    curl_multi_add_handle(party->multi, party->getter);
}

/* False: there is nothing to post, or one is under way. */
static bool post(struct party *party) {
    if (party->is_posting || !party->waiting.length)
        return false;
    struct text empty = party->posted;
    party->posted = party->waiting;
    party->waiting = empty;
    text_clear(&party->waiting);
    curl_easy_setopt(party->poster, CURLOPT_POSTFIELDS, party->posted.data);
    curl_easy_setopt(party->poster, CURLOPT_POSTFIELDSIZE, (long)party->posted.length);
    curl_multi_add_handle(party->multi, party->poster);
    return party->is_posting = true;
}

static void on_end(struct party *party, CURL *curl, CURLcode code) {
    long status = 0;
    if (!party || (curl != party->getter && curl != party->poster))
        return;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status >= 300)
        measure_fail("keep a connection", party->address);
    curl_multi_remove_handle(party->multi, curl);
    if (curl == party->poster)
        party->is_posting = false;
    else
        curl_multi_add_handle(party->multi, curl);
}

/* Has something ended or begun? Then there may be more to do before anything is waited for. */
static bool step(struct party *one) {
    int running, left;
    bool has_ended = false;
    const CURLMsg *message;
    curl_multi_perform(one->multi, &running);
    while ((message = curl_multi_info_read(one->multi, &left))) {
        CURL *curl = message->easy_handle;
        CURLcode code = message->data.result;
        on_end(one, curl, code);
        on_end(one->other, curl, code);
        has_ended = true;
    }
    bool has_posted = post(one);
    return (one->other && post(one->other)) || has_posted || has_ended;
}

static void turn(struct party *one) {
    if (!step(one))
        curl_multi_poll(one->multi, NULL, 0, 1000, NULL);
}

int main(int count, char **arguments) {
    const char *role = count > 3 ? arguments[2] : "";
    (void)signal(SIGPIPE, SIG_IGN);
    bool is_bridge = text_equal(role, "bridge") && count == 7;
    if (!is_bridge && !(text_equal(role, "echo") && count == 5) &&
        !(text_equal(role, "drive") && count == 8))
        measure_fail("run", "see the head of bench/exchange_http.c");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    struct party above = {.multi = multi}, below = {.multi = multi};
    const char *password = measure_first_line(arguments[1]);
    party_connect(&above, arguments[3], password);
    above.to = arguments[is_bridge ? 5 : 4];
    if (is_bridge) {
        party_connect(&below, arguments[4], password);
        below.to = arguments[6];
        above.other = &below;
        below.other = &above;
    }
    const struct driver driver = {&above, say, turn};
    struct drive drive;
    if (!text_equal(role, "drive"))
        drive_serve(&driver);
    above.drive = &drive;
    drive_run(&drive, &driver, arguments + 5);
    return 0;
}
