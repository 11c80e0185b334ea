/* Which client is late, who makes room for another, and the words that one gets on its way out. */
#include "io/http/connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "base/text.h"
#include "message/codec.h"

enum { address_size = 16, prefix_size = 8 };

/* Everybody behind one address. */
struct connection_source {
    struct list node;
    unsigned char address[address_size]; /* IPv4 as IPv6 has it (RFC 4291, 2.5.5.2) */
    bool is_local;                       /* a Unix socket: whoever may open it is one client */
    size_t count, with_leaving;
};

void connections_init(struct connections *connections, size_t most, size_t most_of_address) {
    struct rlimit descriptors;
    bool is_known = getrlimit(RLIMIT_NOFILE, &descriptors) == 0;
    size_t part = is_known ? descriptors.rlim_cur / 8 * 3 : most;
    *connections = (struct connections){.most = part < most ? part : most,
                                        .most_of_address = most_of_address};
    list_init(&connections->all);
    list_init(&connections->sources);
}

void connections_deinit(struct connections *connections) {
    list_for(struct connection_source, source, &connections->sources, node) {
        list_remove(&source->node);
        memory_free(source);
    }
}

static bool is_ip4(const unsigned char address[address_size]) {
    static const unsigned char mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(address, mapped, sizeof(mapped)) == 0;
}

static void address_read(const struct sockaddr *from, struct connection_source *out) {
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const void *)from;
        out->address[10] = out->address[11] = 0xff;
        memcpy(out->address + 12, &four->sin_addr, sizeof(four->sin_addr));
    } else if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const void *)from;
        const unsigned char *bytes = six->sin6_addr.s6_addr;
        memcpy(out->address, bytes, is_ip4(bytes) ? address_size : prefix_size);
    } else {
        out->is_local = true;
    }
}

static struct connection_source *source_of(struct connections *connections,
                                           const struct sockaddr *from) {
    struct connection_source wanted = {0};
    address_read(from, &wanted);
    list_for(struct connection_source, source, &connections->sources, node)
        if (source->is_local == wanted.is_local &&
            memcmp(source->address, wanted.address, address_size) == 0)
            return source;
    struct connection_source *source = memory_copy(&wanted, sizeof(wanted));
    list_add(&connections->sources, &source->node);
    return source;
}

static void cut(const struct connection *connection) {
    (void)shutdown(connection->fd, SHUT_RDWR); /* the library sees it and closes */
}

/* What can't be sent at once is not waited for: it is a few hundred bytes into an empty buffer. */
static void tell(const struct connection *connection, const struct problem *problem) {
    auto_clean(text_deinit) struct text body = {0}, whole = {0};
    codec_encode(&problem_table, problem, FIELD_API, &body);
    text_addf(&whole,
              "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\nContent-Length: %zu\r\n"
              "Cache-Control: no-store\r\nConnection: close\r\n%s\r\n%s",
              problem->status, problem->status == 408 ? "Request Timeout" : "Service Unavailable",
              body.length, problem->status == 408 ? "" : "Retry-After: 5\r\n", body.data);
    (void)!send(connection->fd, whole.data, whole.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(connection->fd, SHUT_WR);
}

/* From here on it takes none of its address's room. */
static void count_as_leaving(struct connections *connections, struct connection *connection) {
    if (connection->stage == CONNECTION_LEAVING || connection->refused)
        return;
    connection->source->count--;
    connections->leaving++;
}

/* Its words are heard while there is room for some more that leave; then nobody waits for it. */
static void leave(struct connections *connections, struct connection *connection,
                  const struct problem *problem, uint64_t now_ms) {
    bool is_told = problem && connections->seal == CONNECTIONS_PLAIN &&
                   connections->leaving < connections_spare / 2;
    count_as_leaving(connections, connection);
    connections_set_stage(connections, connection, CONNECTION_LEAVING, now_ms);
    if (is_told)
        tell(connection, problem);
    else
        cut(connection);
}

static void explain_room(struct problem *problem) {
    problem_set(problem, CODE_FULL, NULL, "The request was not whole yet when others needed its "
                "connection");
    problem_set_status(problem, 503, "send the request again, at once and whole");
}

static void explain_time(struct problem *problem, enum connection_stage stage) {
    bool is_head = stage == CONNECTION_HEAD;
    problem_set(problem, CODE_INVALID, NULL, "The request's %s did not come whole within %d s%s",
                is_head ? "head" : "body",
                (is_head ? connections_head_ms : connections_body_ms) / 1000,
                is_head ? "" : " and a second more for each 16 KiB of it");
    problem_set_status(problem, 408, "send the request again, at once and whole");
}

void connections_explain(const struct connections *connections,
                         const struct connection *connection, struct problem *problem) {
    if (connection->refused == 503) {
        problem_set(problem, CODE_FULL, NULL, "%zu connections are open", connections->most);
        problem_set_status(problem, 503, "try again in a moment");
        return;
    }
    problem_set(problem, CODE_FULL, NULL, "Your address has %zu connections open, with requests "
                "under way", connections->most_of_address);
    problem_set_status(problem, 429, "wait for answers, or wait with fewer requests at a time");
}

static bool may_give_way(const struct connection *connection) {
    return !connection->refused &&
           (connection->stage == CONNECTION_HEAD ||
            (connection->stage == CONNECTION_BODY && !connection->is_admitted));
}

/* Of one source, or of the one that has most connections: whose request has been incomplete for
 * longest. */
static struct connection *find_late(const struct connections *connections,
                                    const struct connection *for_whom,
                                    const struct connection_source *source) {
    struct connection *found = NULL;
    list_for(struct connection, connection, &connections->all, node) {
        if (connection == for_whom || !may_give_way(connection))
            continue;
        if (source ? connection->source == source && !found
                   : !found || connection->source->count > found->source->count)
            found = connection;
    }
    return found;
}

static void make_room(struct connections *connections, struct connection *connection,
                      const struct connection_source *source, uint64_t now_ms) {
    struct problem problem;
    struct connection *late = find_late(connections, connection, source);
    if (late) {
        explain_room(&problem);
        leave(connections, late, &problem, now_ms);
        return;
    }
    count_as_leaving(connections, connection);
    connection->refused = source ? 429 : 503;
    if (connections->leaving > connections_spare / 2)
        leave(connections, connection, NULL, now_ms);
}

static void print_address(const struct sockaddr *address, char out[connection_from_size]) {
    const void *bytes = address->sa_family == AF_INET
                            ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                            : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    bool is_ip = address->sa_family == AF_INET || address->sa_family == AF_INET6;
    if (!is_ip || !inet_ntop(address->sa_family, bytes, out, connection_from_size))
        out[0] = 0;
}

void connections_open(struct connections *connections, struct connection *connection,
                      const struct sockaddr *address, uint64_t now_ms) {
    struct connection_source *source = source_of(connections, address);
    connection->source = source;
    print_address(address, connection->from);
    connection->stage = CONNECTION_HEAD;
    connection->since_ms = connection->moved_ms = now_ms;
    list_add(&connections->all, &connection->node);
    connections->count++;
    source->with_leaving++;
    if (++source->count > connections->most_of_address && !source->is_local)
        make_room(connections, connection, source, now_ms);
    else if (connections->count - connections->leaving > connections->most)
        make_room(connections, connection, NULL, now_ms);
}

void connections_close(struct connections *connections, struct connection *connection) {
    struct connection_source *source = connection->source;
    bool is_leaving = connection->stage == CONNECTION_LEAVING || connection->refused;
    connections->leaving -= is_leaving ? 1 : 0;
    source->count -= is_leaving ? 0 : 1;
    connections->count--;
    list_remove(&connection->node);
    if (--source->with_leaving)
        return;
    list_remove(&source->node);
    memory_free(source);
}

void connections_set_stage(struct connections *connections, struct connection *connection,
                           enum connection_stage stage, uint64_t now_ms) {
    connection->has_asked = connection->has_asked || stage == CONNECTION_ANSWER;
    connection->is_admitted = connection->stage == CONNECTION_HELD && stage == CONNECTION_BODY;
    connection->stage = stage;
    connection->since_ms = connection->moved_ms = now_ms;
    connection->bytes = 0;
    list_remove(&connection->node);
    list_add(&connections->all, &connection->node);
}

void connections_moved(struct connection *connection, size_t bytes, uint64_t now_ms) {
    connection->bytes += bytes;
    connection->moved_ms = now_ms;
}

static bool is_late(const struct connection *connection, uint64_t now_ms) {
    uint64_t lasted_ms = now_ms - connection->since_ms;
    uint64_t more_ms = connection->bytes / connections_least_rate * 1000;
    switch (connection->stage) {
    case CONNECTION_HEAD:
        return lasted_ms >= (connection->refused ? connections_refuse_ms : connections_head_ms);
    case CONNECTION_BODY:
        return lasted_ms >= connections_body_ms + more_ms ||
               now_ms - connection->moved_ms >= connections_body_ms;
    case CONNECTION_HELD:
        return false;
    case CONNECTION_ANSWER:
        return lasted_ms >= connections_answer_ms + more_ms;
    case CONNECTION_LEAVING:
        return lasted_ms >= connections_leave_ms;
    }
    return false;
}

/* A client that keeps its connection for a next request is owed no words: it would take them for
 * the answer to that. */
static void end(struct connections *connections, struct connection *connection, uint64_t now_ms) {
    struct problem problem;
    bool hears = (connection->stage == CONNECTION_HEAD && !connection->has_asked) ||
                 connection->stage == CONNECTION_BODY;
    if (connection->stage == CONNECTION_LEAVING) {
        cut(connection);
        return;
    }
    explain_time(&problem, connection->stage);
    leave(connections, connection, hears ? &problem : NULL, now_ms);
}

void connections_sweep(struct connections *connections, uint64_t now_ms) {
    list_for(struct connection, connection, &connections->all, node)
        if (is_late(connection, now_ms))
            end(connections, connection, now_ms);
}
