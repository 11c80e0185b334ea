/* HTTP load on the upstream manager: so many connections, each with one request outstanding, which
 * is answered before its next one is sent. It speaks just enough HTTP/1.1 by itself: a library
 * would take as much of the two cores as the managers do.
 *
 *     bench-load SERVER TOKEN_FILE OUTSTANDING create PREFIX COUNT SHAPE IMAGE
 *     bench-load SERVER TOKEN_FILE OUTSTANDING flood PREFIX COUNT SHAPE IMAGE
 *     bench-load SERVER TOKEN_FILE OUTSTANDING get PATH COUNT
 *
 * SERVER: http://127.0.0.1:PORT. create: VMs PREFIX-1 … PREFIX-COUNT, each request held until its
 * operation's true end, which must be a success; flood: it may be a refusal, which does not count.
 * Prints the series. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/text.h"
#include "measure.h"

struct load {
    struct sockaddr_in server;
    struct series series;
    const char *path, *prefix, *shape, *image; /* prefix NULL: get */
    const char *token;
    size_t begun, ended, wanted;
    enum { MUST_SUCCEED, MAY_FAIL } outcome;
    int epoll;
};

struct lane {
    int fd;
    double begun_us;
    struct text request, answer;
};

static void make_request(struct lane *lane, const struct load *load) {
    char body[512] = "";
    int length = 0;
    if (load->prefix)
        length = snprintf(body, sizeof(body),
                          "{\"name\":\"%s-%zu\",\"shape\":\"%s\",\"image\":\"%s\","
                          "\"start\":true}",
                          load->prefix, load->begun, load->shape, load->image);
    text_clear(&lane->request);
    text_addf(&lane->request,
              "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n",
              load->prefix ? "POST" : "GET", load->path, load->token);
    if (load->prefix)
        text_addf(&lane->request, "Content-Type: application/json\r\nContent-Length: %d\r\n",
                  length);
    text_addf(&lane->request, "\r\n%s", body);
}

static void lane_begin(struct lane *lane, struct load *load) {
    load->begun++;
    text_clear(&lane->answer);
    make_request(lane, load);
    lane->begun_us = measure_now_us();
    ssize_t sent = send(lane->fd, text_data(&lane->request), lane->request.length, MSG_NOSIGNAL);
    if (sent != (ssize_t)lane->request.length)
        measure_fail("send a request at once", strerror(errno));
}

static void lane_open(struct lane *lane, const struct load *load) {
    int one = 1;
    lane->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (lane->fd < 0 ||
        connect(lane->fd, (const struct sockaddr *)&load->server, sizeof(load->server)) < 0)
        measure_fail("connect to the server", strerror(errno));
    (void)setsockopt(lane->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = lane};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, lane->fd, &event) < 0)
        measure_fail("watch a connection", strerror(errno));
}

/* The whole answer is here: head, and as much body as the head says. */
static bool is_complete(const struct text *answer) {
    const char *head_end = strstr(text_data(answer), "\r\n\r\n");
    const char *length = head_end ? strcasestr(text_data(answer), "\r\nContent-Length:") : NULL;
    if (!head_end)
        return false;
    if (!length || length > head_end)
        measure_fail("read an answer without a length", text_data(answer));
    size_t body = strtoul(length + sizeof("\r\nContent-Length:") - 1, NULL, 10);
    return answer->length >= (size_t)(head_end - answer->data) + 4 + body;
}

static void lane_end(struct lane *lane, struct load *load) {
    static const char fine[] = "HTTP/1.1 200 ";
    const char *answer = text_data(&lane->answer);
    bool succeeded = strncmp(answer, fine, sizeof(fine) - 1) == 0 &&
                     (!load->prefix || strstr(answer, "\"state\":\"succeeded\""));
    if (!succeeded && load->outcome == MUST_SUCCEED)
        measure_fail("take this answer for a success", answer);
    load->ended++;
    if (succeeded)
        series_add(&load->series, measure_now_us() - lane->begun_us);
    if (load->begun < load->wanted)
        lane_begin(lane, load);
}

static void lane_read(struct lane *lane, struct load *load) {
    static char bytes[1 << 20]; /* a page of 500 in one piece */
    ssize_t length = recv(lane->fd, bytes, sizeof(bytes), 0);
    if (length <= 0)
        measure_fail("keep a connection", length ? strerror(errno) : "the server closed it");
    text_add_bytes(&lane->answer, bytes, (size_t)length);
    if (is_complete(&lane->answer))
        lane_end(lane, load);
}

static void run(struct load *load, size_t outstanding) {
    struct lane *lanes = memory_new(outstanding, sizeof(*lanes));
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < outstanding; i++)
        lane_open(&lanes[i], load);
    series_begin(&load->series);
    for (size_t i = 0; i < outstanding && load->begun < load->wanted; i++)
        lane_begin(&lanes[i], load);
    while (load->ended < load->wanted) {
        struct epoll_event ready[64];
        int count = epoll_wait(load->epoll, ready, array_size(ready), 60000);
        if (count <= 0)
            measure_fail("wait for an answer", count ? strerror(errno) : "none came for 60 s");
        for (int i = 0; i < count; i++)
            lane_read(ready[i].data.ptr, load);
    }
    series_end(&load->series);
    for (size_t i = 0; i < outstanding; i++) {
        (void)close(lanes[i].fd);
        text_deinit(&lanes[i].request);
        text_deinit(&lanes[i].answer);
    }
    (void)close(load->epoll);
    memory_free(lanes);
}

static void read_server(struct load *load, const char *server) {
    static const char scheme[] = "http://127.0.0.1:";
    if (strncmp(server, scheme, sizeof(scheme) - 1) != 0)
        measure_fail("reach the server, which is to be http://127.0.0.1:PORT", server);
    load->server.sin_family = AF_INET;
    load->server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load->server.sin_port = htons((uint16_t)measure_number(server + sizeof(scheme) - 1));
}

int main(int count, char **arguments) {
    const char *task = count > 4 ? arguments[4] : "";
    struct load load = {0};
    const bool flood = text_equal(task, "flood");
    if ((flood || text_equal(task, "create")) && count == 9) {
        load.outcome = flood ? MAY_FAIL : MUST_SUCCEED;
        load.path = "/v1/vms?wait=120";
        load.prefix = arguments[5];
        load.shape = arguments[7];
        load.image = arguments[8];
    } else if (text_equal(task, "get") && count == 7) {
        load.path = arguments[5];
    } else {
        measure_fail("run", "see the head of bench/load.c");
    }
    read_server(&load, arguments[1]);
    load.wanted = measure_number(arguments[6]);
    load.token = measure_first_line(arguments[2]);
    run(&load, measure_number(arguments[3]));
    series_print(&load.series);
    series_deinit(&load.series);
    return 0;
}
