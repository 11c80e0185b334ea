/* The HTTP client against image_serve, files and nobody. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "io/http/client.h"
#include "io/image/serve.h"
#include "io/keys/secret.h"

static const char digest[] = "00000000000000000000000000000000000000000000000000000000000000aa";
static const char content[] = "an archive, as far as this goes";

struct fixture {
    char folder[32];
    struct text path;
    struct image_serve *serve;
    struct text url;
};

static int set_up(void **state) {
    struct fixture *fixture = memory_new(1, sizeof(*fixture));
    char hash[limit_digest_size];
    const char *hashes[] = {hash};
    struct error err;
    text_format(fixture->folder, sizeof(fixture->folder), "/tmp/http-client-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    text_addf(&fixture->path, "%s/%s", fixture->folder, digest);
    FILE *file = fopen(fixture->path.data, "w");
    assert_true(file && fputs(content, file) >= 0 && fclose(file) == 0);
    secret_hash_bytes("token", 5, hash);
    struct image_serve_settings settings = {.listen = "127.0.0.1:0", .folder = fixture->folder,
                                            .token_hashes = hashes, .token_hashes_count = 1};
    fixture->serve = image_serve_start(&settings, &err);
    assert_non_null(fixture->serve);
    text_addf(&fixture->url, "http://127.0.0.1:%u/v1/blobs/%s", image_serve_port(fixture->serve),
              digest);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    image_serve_stop(fixture->serve);
    unlink(fixture->path.data);
    rmdir(fixture->folder);
    text_deinit(&fixture->path);
    text_deinit(&fixture->url);
    memory_free(fixture);
    return 0;
}

static void an_answer_comes_into_memory_or_into_a_file(void **state) {
    struct fixture *fixture = *state;
    struct error err;
    struct http_exchange exchange = {.url = fixture->url.data, .token = "token", .upload_fd = -1,
                                     .download_fd = -1};
    assert_int_equal(http_call(&exchange, &err), 0);
    assert_int_equal(exchange.status, 200);
    assert_string_equal(text_data(&exchange.answer), content);
    assert_string_equal(exchange.answer_type, "application/octet-stream");
    FILE *file = tmpfile();
    exchange.download_fd = fileno(file);
    assert_int_equal(http_call(&exchange, &err), 0);
    char bytes[sizeof(content)] = "";
    assert_int_equal(pread(exchange.download_fd, bytes, sizeof(bytes), 0), sizeof(content) - 1);
    assert_string_equal(bytes, content);
    assert_string_equal(text_data(&exchange.answer), "");
    fclose(file);
    text_deinit(&exchange.answer);
}

/* A range of the file, on one connection. */
static struct http_exchange range_of(const struct fixture *fixture, struct http_client *client,
                                     int fd, uint64_t offset) {
    return (struct http_exchange){.client = client, .url = fixture->url.data, .token = "token",
                                  .upload_fd = -1, .download_fd = fd, .download_offset = offset,
                                  .range_bytes = 10};
}

static void a_file_comes_range_by_range_and_no_further(void **state) {
    struct fixture *fixture = *state;
    struct error err;
    FILE *file = tmpfile();
    struct http_client *client = http_client_new();
    uint64_t all = sizeof(content) - 1;
    for (uint64_t at = 0; at < all; at += 10) {
        struct http_exchange exchange = range_of(fixture, client, fileno(file), at);
        assert_int_equal(http_call(&exchange, &err), 0);
        assert_int_equal(exchange.status, 206);
        assert_int_equal(exchange.whole_bytes, all);
        assert_int_equal(lseek(fileno(file), 0, SEEK_END), at + 10 < all ? at + 10 : all);
        text_deinit(&exchange.answer);
    }
    char bytes[sizeof(content)] = "";
    assert_int_equal(pread(fileno(file), bytes, sizeof(bytes), 0), all);
    assert_string_equal(bytes, content);
    struct http_exchange behind = range_of(fixture, client, fileno(file), all);
    assert_int_equal(http_call(&behind, &err), 0);
    assert_int_equal(behind.status, 416);
    assert_int_equal(behind.whole_bytes, all);
    text_deinit(&behind.answer);
    http_client_free(client);
    fclose(file);
}

static void a_refusal_touches_nothing_of_a_file_that_comes(void **state) {
    struct fixture *fixture = *state;
    struct error err;
    FILE *file = tmpfile();
    struct text url = {0};
    text_addf(&url, "http://127.0.0.1:%u/v1/blobs/none", image_serve_port(fixture->serve));
    struct http_exchange exchange = range_of(fixture, NULL, fileno(file), 5);
    exchange.url = url.data;
    assert_true(fputs("12345", file) >= 0 && fflush(file) == 0);
    assert_int_equal(http_call(&exchange, &err), 0);
    assert_int_equal(exchange.status, 404);
    assert_int_equal(lseek(exchange.download_fd, 0, SEEK_END), 5);
    text_deinit(&exchange.answer);
    text_deinit(&url);
    fclose(file);
}

static void a_refusal_is_an_answer_and_never_the_file(void **state) {
    struct fixture *fixture = *state;
    struct error err;
    FILE *file = tmpfile();
    struct http_exchange exchange = {.url = fixture->url.data, .token = "wrong", .upload_fd = -1,
                                     .download_fd = fileno(file)};
    assert_int_equal(http_call(&exchange, &err), 0);
    assert_int_equal(exchange.status, 401);
    assert_non_null(strstr(text_data(&exchange.answer), "unauthenticated"));
    assert_int_equal(lseek(exchange.download_fd, 0, SEEK_END), 0);
    fclose(file);
    text_deinit(&exchange.answer);
}

static void a_file_is_read_by_its_own_scheme_alone(void **state) {
    struct fixture *fixture = *state;
    struct error err;
    struct text url = {0};
    text_addf(&url, "file://%s", fixture->path.data);
    struct http_exchange exchange = {.url = url.data, .upload_fd = -1, .download_fd = -1};
    assert_int_equal(http_call(&exchange, &err), 0);
    assert_int_equal(exchange.status, 200);
    assert_string_equal(text_data(&exchange.answer), content);
    text_add(&url, "x");
    exchange.url = url.data;
    assert_int_equal(http_call(&exchange, &err), -ENOENT);
    text_deinit(&url);
    text_deinit(&exchange.answer);
}

static void what_cannot_be_reached_is_said_with_a_remedy(void **state) {
    (void)state;
    static const struct {
        const char *url;
        int code;
        const char *words;
    } cases[] = {
        {"http://127.0.0.1:1/", -ECONNREFUSED, "check the address"},
        {"http://nowhere.invalid/", -ECONNREFUSED, "check the address"},
        {"ftp://127.0.0.1/", -EINVAL, "https://host"},
        {"http://[::", -EINVAL, "https://host"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        struct error err = {0};
        struct http_exchange exchange = {.url = cases[i].url, .upload_fd = -1, .download_fd = -1};
        assert_int_equal(http_call(&exchange, &err), cases[i].code);
        assert_non_null(strstr(err.text, cases[i].words));
        assert_non_null(strstr(err.text, cases[i].url));
        text_deinit(&exchange.answer);
    }
}

static void plain_http_is_no_answer_to_https(void **state) {
    struct fixture *fixture = *state;
    struct error err;
    struct text url = {0};
    text_addf(&url, "https%s", fixture->url.data + strlen("http"));
    struct http_exchange exchange = {.url = url.data, .token = "token", .upload_fd = -1,
                                     .download_fd = -1};
    assert_int_equal(http_call(&exchange, &err), -EPROTO);
    text_deinit(&url);
    text_deinit(&exchange.answer);
}

/* Takes one connection, and answers a byte at a time without end. */
static pid_t answer_slowly(int listener) {
    pid_t child = fork();
    if (child)
        return child;
    static const char begin[] = "HTTP/1.1 200 OK\r\nX-Long: ";
    int client = accept(listener, NULL, NULL);
    bool is_taken = send(client, begin, strlen(begin), MSG_NOSIGNAL) > 0;
    while (is_taken && send(client, "a", 1, MSG_NOSIGNAL) == 1)
        usleep(50000);
    _exit(0);
}

static void who_answers_without_end_is_given_up_when_the_whole_time_is_over(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text url = {0};
    struct error err = {0};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    text_addf(&url, "http://127.0.0.1:%u/", ntohs(at.sin_port));
    pid_t child = answer_slowly(listener);
    assert_true(child > 0);
    struct http_exchange exchange = {.url = url.data, .upload_fd = -1, .download_fd = -1,
                                     .whole_seconds = 1};
    assert_int_equal(http_call(&exchange, &err), -ETIMEDOUT);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(listener);
    text_deinit(&exchange.answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_comes_into_memory_or_into_a_file, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_is_an_answer_and_never_the_file, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_comes_range_by_range_and_no_further, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_touches_nothing_of_a_file_that_comes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_read_by_its_own_scheme_alone, set_up, tear_down),
        cmocka_unit_test(what_cannot_be_reached_is_said_with_a_remedy),
        cmocka_unit_test_setup_teardown(plain_http_is_no_answer_to_https, set_up, tear_down),
        cmocka_unit_test(who_answers_without_end_is_given_up_when_the_whole_time_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
