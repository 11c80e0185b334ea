/* When a conversation ends, and what is said of that. */
#include "cli/reach/talk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "cli/call.h"
#include "cli/reach/ticket.h"

enum { leave_key = 0x1d, piece_bytes = 4096, end_ms = 15000 };

struct terminal {
    struct termios before;
    bool is_raw;
};

/* Only where somebody types: what comes by a pipe is passed on as it is. */
static void terminal_begin(struct terminal *terminal) {
    *terminal = (struct terminal){.is_raw = false};
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &terminal->before))
        return;
    struct termios raw = terminal->before;
    cfmakeraw(&raw);
    terminal->is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static void terminal_end(const struct terminal *terminal) {
    if (terminal->is_raw)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
}

/* The code + 1, since an eventfd knows no 0. */
static void tell(void *context, const struct event_stream *news) {
    const uint64_t code = (uint64_t)news->code + 1;
    const int *ended = context;
    if (news->news == STREAM_ENDED && write(*ended, &code, sizeof(code)) < 0)
        say("tell of the stream's end: %s", strerror(errno));
}

struct talk {
    const char *console; /* of what; NULL: of none, no person is meant to read */
    int stream, ended; /* a socket, and what can be read once it has an end */
    bool is_typed;     /* by a person */
    char typed[piece_bytes];
    size_t typed_length;
    bool has_typed_all, has_left;
};

static void read_typed(struct talk *talk) {
    ssize_t length = read(STDIN_FILENO, talk->typed, sizeof(talk->typed));
    talk->has_typed_all = length <= 0;
    talk->typed_length = length > 0 ? (size_t)length : 0;
    const char *leaves =
        talk->is_typed ? memchr(talk->typed, leave_key, talk->typed_length) : NULL;
    if (leaves)
        talk->typed_length = (size_t)(leaves - talk->typed);
    talk->has_left = leaves;
}

static void send_typed(struct talk *talk) {
    ssize_t sent = send(talk->stream, talk->typed, talk->typed_length,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    size_t gone = sent > 0 ? (size_t)sent : 0;
    memmove(talk->typed, talk->typed + gone, talk->typed_length - gone);
    talk->typed_length -= gone;
}

/* False: nothing more comes. */
static bool print_said(const struct talk *talk) {
    char said[piece_bytes];
    ssize_t length = recv(talk->stream, said, sizeof(said), MSG_DONTWAIT);
    if (length > 0)
        fwrite(said, 1, (size_t)length, stdout); /* output_end() tells what could not be written */
    fflush(stdout);
    return length > 0 || (length < 0 && errno == EAGAIN);
}

/* Until either side has had enough; or nobody is there who could hear what comes, as when ssh has
 * ended, whose connection this is: it tells that by a signal, which may be ignored. */
static void converse(struct talk *talk) {
    bool is_open = true;
    while (is_open && !talk->has_left) {
        bool reads = !talk->typed_length && !talk->has_typed_all;
        struct pollfd wanted[] = {
            {reads ? STDIN_FILENO : -1, POLLIN, 0},
            {talk->stream, (short)(POLLIN | (talk->typed_length ? POLLOUT : 0)), 0},
            {STDOUT_FILENO, 0, 0},
        };
        if (poll(wanted, array_size(wanted), -1) < 0 && errno != EINTR)
            return;
        talk->has_left = wanted[2].revents & (POLLERR | POLLHUP);
        if (talk->has_left)
            return;
        if (wanted[1].revents & (POLLIN | POLLHUP | POLLERR))
            is_open = print_said(talk);
        if (wanted[0].revents)
            read_typed(talk);
        if (talk->typed_length)
            send_typed(talk);
    }
}

static int end(const struct options *options, const struct talk *talk,
               const struct stream_ticket *ticket) {
    struct pollfd wanted = {talk->ended, POLLIN, 0};
    uint64_t code = CODE_UNREACHABLE + 1;
    if (talk->has_left)
        return EXIT_DONE;
    if (poll(&wanted, 1, end_ms) == 1 && read(talk->ended, &code, sizeof(code)) < 0)
        code = CODE_UNREACHABLE + 1;
    if (code == CODE_OK + 1) {
        if (talk->console)
            say("the console has ended");
        ticket_tell_end(options);
        return EXIT_DONE;
    }
    say("the stream could not be joined at %s; check that this machine reaches it", ticket->url);
    return EXIT_REFUSED;
}

static int talk_by(const struct options *options, const struct stream_ticket *ticket,
                   struct talk *talk) {
    int sockets[2];
    struct error err;
    struct terminal terminal = {.is_raw = false};
    struct streams *streams = streams_start(
        &(struct streams_settings){.tell = tell, .context = &talk->ended}, &err);
    if (!streams || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets)) {
        say("open a stream: %s", streams ? strerror(errno) : err.text);
        streams_stop(streams);
        return EXIT_REFUSED;
    }
    struct stream_dial dial = ticket_dial(options, ticket);
    dial.number = 1;
    dial.fd = sockets[0];
    talk->stream = sockets[1];
    if (talk->console)
        terminal_begin(&terminal);
    talk->is_typed = terminal.is_raw;
    if (talk->is_typed)
        fprintf(stderr, "The console of %s; ^] leaves it.\r\n", talk->console);
    streams_dial(streams, &dial);
    converse(talk);
    terminal_end(&terminal);
    int result = end(options, talk, ticket);
    (void)close(talk->stream);
    streams_stop(streams);
    return result;
}

int talk(const struct options *options, const struct stream_ticket *ticket, const char *console) {
    struct talk talk = {.console = console, .ended = eventfd(0, EFD_CLOEXEC)};
    if (talk.ended < 0) {
        say("open a stream: %s", strerror(errno));
        return EXIT_REFUSED;
    }
    int result = talk_by(options, ticket, &talk);
    (void)close(talk.ended);
    return result;
}
