/* Seats for sockets of a library that waits by select(), in a process with many files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/select.h>

#include "base/attributes.h"
#include "io/carrier/socket.h"

static int open_file(void) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* The library's part: a socket, which it closes itself; another thread may be quick then. */
static void connect_once(struct carrier_seats *seats, bool is_stolen) {
    int fd = carrier_seats_lower(seats, open_file());
    assert_in_range(fd, 0, FD_SETSIZE - 1);
    close(fd);
    if (is_stolen)
        assert_int_equal(open_file(), fd);
    carrier_seats_take(seats);
}

static void a_seat_that_somebody_takes_in_the_moment_of_its_closing_is_not_the_last(void **state) {
    (void)state;
    const struct rlimit many = {4096, 4096};
    struct carrier_seats seats;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &many), 0);
    carrier_seats_init(&seats);
    assert_true(seats.fds[0] >= 0 && seats.fds[1] >= 0);
    int first = open_file();
    assert_int_equal(carrier_seats_lower(&seats, first), first);
    while (open_file() < FD_SETSIZE)
        ;
    connect_once(&seats, false);
    connect_once(&seats, true);
    for (int i = 0; i < 3; i++)
        connect_once(&seats, false);
    close(first); /* whatever becomes free is a seat again */
    connect_once(&seats, false);
    connect_once(&seats, true);
    connect_once(&seats, false);
    carrier_seats_deinit(&seats);
}

static void without_a_seat_a_high_socket_is_refused(void **state) {
    (void)state;
    struct carrier_seats seats = {{-1, -1}};
    assert_int_equal(carrier_seats_lower(&seats, FD_SETSIZE), -1);
    assert_int_equal(carrier_seats_lower(&seats, FD_SETSIZE - 1), FD_SETSIZE - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_seat_a_high_socket_is_refused),
        cmocka_unit_test(
            a_seat_that_somebody_takes_in_the_moment_of_its_closing_is_not_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
