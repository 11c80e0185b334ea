/* HTTP load on the upstream manager, by libcurl: so many requests outstanding, each answered
 * before the next of its lane is sent; connections are kept.
 *
 *     bench-load SERVER TOKEN_FILE OUTSTANDING create PREFIX COUNT SHAPE IMAGE
 *     bench-load SERVER TOKEN_FILE OUTSTANDING get PATH COUNT
 *
 * create: VMs PREFIX-1 … PREFIX-COUNT, each request held until its operation's true end, which
 * must be a success. Prints the series. */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/text.h"
#include "measure.h"

struct load {
    CURLM *multi;
    struct series series;
    const char *server, *path, *prefix, *shape, *image; /* prefix NULL: get */
    struct curl_slist *headers;
    size_t begun, wanted;
};

struct lane {
    CURL *easy;
    double begun_us;
    struct text request, answer, url;
};

static size_t on_answer(char *bytes, size_t size, size_t count, void *user) {
    struct lane *lane = user;
    text_add_bytes(&lane->answer, bytes, size * count);
    return size * count;
}

static void lane_begin(struct lane *lane, struct load *load) {
    load->begun++;
    text_clear(&lane->answer);
    text_clear(&lane->url);
    text_addf(&lane->url, "%s%s", load->server, load->path);
    if (load->prefix) {
        text_clear(&lane->request);
        text_addf(&lane->request,
                  "{\"name\":\"%s-%zu\",\"shape\":\"%s\",\"image\":\"%s\",\"start\":true}",
                  load->prefix, load->begun, load->shape, load->image);
        curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS, text_data(&lane->request));
        curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDSIZE, (long)lane->request.length);
    }
    curl_easy_setopt(lane->easy, CURLOPT_URL, text_data(&lane->url));
    lane->begun_us = measure_now_us();
    curl_multi_add_handle(load->multi, lane->easy);
}

static void lane_init(struct lane *lane, struct load *load) {
    lane->easy = curl_easy_init();
    curl_easy_setopt(lane->easy, CURLOPT_PRIVATE, lane);
    curl_easy_setopt(lane->easy, CURLOPT_HTTPHEADER, load->headers);
    curl_easy_setopt(lane->easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(lane->easy, CURLOPT_WRITEDATA, lane);
    curl_easy_setopt(lane->easy, CURLOPT_NOSIGNAL, 1L);
}

static void lane_end(struct lane *lane, struct load *load, CURLcode code) {
    long status = 0;
    curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        measure_fail("ask the server", curl_easy_strerror(code));
    if (status != 200 ||
        (load->prefix && !strstr(text_data(&lane->answer), "\"state\":\"succeeded\"")))
        measure_fail("take this answer for a success", text_data(&lane->answer));
    series_add(&load->series, measure_now_us() - lane->begun_us);
    curl_multi_remove_handle(load->multi, lane->easy);
    if (load->begun < load->wanted)
        lane_begin(lane, load);
}

static void run(struct load *load, size_t outstanding) {
    struct lane *lanes = memory_new(outstanding, sizeof(*lanes));
    load->multi = curl_multi_init();
    curl_multi_setopt(load->multi, CURLMOPT_MAXCONNECTS, (long)outstanding);
    series_begin(&load->series);
    for (size_t i = 0; i < outstanding && load->begun < load->wanted; i++) {
        lane_init(&lanes[i], load);
        lane_begin(&lanes[i], load);
    }
    while (load->series.count < load->wanted) {
        int running, left;
        curl_multi_perform(load->multi, &running);
        for (CURLMsg *told; (told = curl_multi_info_read(load->multi, &left));) {
            struct lane *lane = NULL;
            curl_easy_getinfo(told->easy_handle, CURLINFO_PRIVATE, (char **)&lane);
            lane_end(lane, load, told->data.result);
        }
        if (load->series.count < load->wanted)
            curl_multi_poll(load->multi, NULL, 0, 1000, NULL);
    }
    series_end(&load->series);
    for (size_t i = 0; i < outstanding; i++) {
        curl_easy_cleanup(lanes[i].easy);
        text_deinit(&lanes[i].request);
        text_deinit(&lanes[i].answer);
        text_deinit(&lanes[i].url);
    }
    curl_multi_cleanup(load->multi);
    memory_free(lanes);
}

int main(int count, char **arguments) {
    const char *task = count > 4 ? arguments[4] : "";
    struct load load = {.server = count > 1 ? arguments[1] : ""};
    if (text_equal(task, "create") && count == 9) {
        load.path = "/v1/vms?wait=120";
        load.prefix = arguments[5];
        load.shape = arguments[7];
        load.image = arguments[8];
    } else if (text_equal(task, "get") && count == 7) {
        load.path = arguments[5];
    } else {
        measure_fail("run", "see the head of bench/load.c");
    }
    load.wanted = measure_number(arguments[6]);
    auto_clean(text_deinit) struct text token = {0};
    text_addf(&token, "Authorization: Bearer %s", measure_first_line(arguments[2]));
    curl_global_init(CURL_GLOBAL_DEFAULT);
    load.headers = curl_slist_append(load.headers, text_data(&token));
    load.headers = curl_slist_append(load.headers, "Content-Type: application/json");
    load.headers = curl_slist_append(load.headers, "Expect:");
    run(&load, measure_number(arguments[3]));
    series_print(&load.series);
    series_deinit(&load.series);
    curl_slist_free_all(load.headers);
    curl_global_cleanup();
    return 0;
}
