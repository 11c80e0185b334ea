/* The server from its first moment on: who waits for it to listen finds it whole. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/http/server.h"

struct room {
    struct http_face face; /* first */
    struct http_server *server;
    atomic_size_t served, too_early;
};

static struct http_request *on_new(struct http_face *face) {
    (void)face;
    return memory_new(1, sizeof(struct http_request));
}

static enum http_next on_head(struct http_face *face, struct http_request *request) {
    struct room *room = container_of(face, struct room, face);
    if (!*(struct http_server *volatile *)&room->server)
        room->too_early++;
    room->served++;
    answer_begin(&request->answer, 204, NULL);
    return HTTP_DONE;
}

static enum http_next on_piece(struct http_face *face, struct http_request *request,
                               const char *bytes, size_t length) {
    (void)face, (void)request, (void)bytes, (void)length;
    return HTTP_READ;
}

static void on_closed(struct http_face *face, struct http_request *request) {
    (void)face;
    memory_free(request);
}

/* A port that was free just now. */
static uint16_t free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(close(fd), 0);
    return ntohs(address.sin_port);
}

/* Asks as soon as somebody listens; gives back that there was an answer. */
static void *ask(void *context) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons(*(const uint16_t *)context)};
    char answer[16];
    int fd = -1, result = -1;
    for (int tries = 0; tries < 1000000 && result < 0; tries++) {
        if (fd >= 0)
            (void)close(fd);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        result = connect(fd, (struct sockaddr *)&address, sizeof(address));
    }
    bool is_answered = result == 0 &&
                       send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0 &&
                       recv(fd, answer, sizeof(answer), 0) > 0;
    (void)close(fd);
    return is_answered ? context : NULL;
}

static void the_first_request_finds_a_whole_server(void **state) {
    (void)state;
    enum { rounds = 100 };
    struct room room = {.face = {on_new, on_head, on_piece, on_head, on_head, on_closed}};
    for (size_t i = 0; i < rounds; i++) {
        struct error err = {0};
        char listen_at[32];
        pthread_t asker;
        void *answered = NULL;
        uint16_t port = free_port();
        text_format(listen_at, sizeof(listen_at), "127.0.0.1:%u", port);
        const struct http_server_settings settings = {.listen = listen_at};
        assert_int_equal(pthread_create(&asker, NULL, ask, &port), 0);
        room.server = NULL;
        if (http_server_start(&settings, &room.face, &room.server, &err))
            fail_msg("%s", err.text);
        assert_int_equal(pthread_join(asker, &answered), 0);
        assert_non_null(answered);
        http_server_stop(room.server);
    }
    assert_int_equal(room.served, rounds);
    assert_int_equal(room.too_early, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_request_finds_a_whole_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
