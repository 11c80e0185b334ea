/* Who comes gets a ticket and a stream; what is said when one ends. */
#include "cli/reach/door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/call.h"

enum { backlog = 16 };

int door_listen(uint16_t *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) &&
        !bind(fd, (const void *)&at, size) && !listen(fd, backlog) &&
        !getsockname(fd, (void *)&at, &size)) {
        *port = ntohs(at.sin_port);
        return fd;
    }
    say("listen on 127.0.0.1:%u: %s; choose another port, or 0 for a free one", *port,
        strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* What can be read once a connection that was joined has ended. */
struct serving {
    const char *vm;
    int ended;
};

static void tell(void *context, const struct event_stream *news) {
    const struct serving *serving = context;
    const uint64_t one = 1;
    if (news->news == STREAM_ENDED && news->code != CODE_OK)
        say("a connection to %s could not be joined; check that this machine reaches the "
            "cloud's streams", serving->vm);
    else if (news->news == STREAM_ENDED && write(serving->ended, &one, sizeof(one)) < 0)
        say("tell of a connection's end: %s", strerror(errno));
}

/* Until somebody comes; false: nobody is served any more. */
static bool await(const struct options *options, const struct door *door, int ended) {
    struct pollfd wanted[] = {{door->listener, POLLIN, 0}, {ended, POLLIN, 0},
                              {door->stop, POLLIN, 0}};
    uint64_t count;
    while (poll(wanted, 3, -1) < 0 || !(wanted[0].revents | wanted[2].revents))
        if (wanted[1].revents && read(ended, &count, sizeof(count)) > 0)
            ticket_tell_end(options);
    return !wanted[2].revents;
}

static int serve(const struct options *options, const struct door *door, int ended,
                 struct streams *streams) {
    for (uint64_t number = 1;; number++) {
        struct stream_ticket ticket;
        if (!await(options, door, ended))
            return EXIT_DONE;
        int fd = accept4(door->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            say("take a connection: %s", strerror(errno));
            return EXIT_REFUSED;
        }
        if (ticket_ask(options, door->to, &ticket) != EXIT_DONE) {
            (void)close(fd);
            continue;
        }
        struct stream_dial dial = ticket_dial(options, &ticket);
        dial.number = number;
        dial.fd = fd;
        streams_dial(streams, &dial);
    }
}

int door_serve(const struct options *options, const struct door *door, const char *where) {
    struct error err;
    struct serving serving = {door->to->vm, eventfd(0, EFD_CLOEXEC)};
    struct streams *streams = streams_start(
        &(struct streams_settings){.tell = tell, .context = &serving}, &err);
    int result = EXIT_REFUSED;
    if (streams) {
        printf("%s\n", where);
        fflush(stdout);
        result = serve(options, door, serving.ended, streams);
    } else {
        say("open streams: %s", err.text);
    }
    streams_stop(streams);
    (void)close(serving.ended);
    return result;
}
