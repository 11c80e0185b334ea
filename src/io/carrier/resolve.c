/* Which records are asked for, in which order their addresses are tried, and which one of them
 * answers first. */
#include "io/carrier/resolve.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { answer_bytes = 8192, stagger_ms = 250, look_ms = 50 };

/* ---- names ---- */

static void swap(struct resolve_target *one, struct resolve_target *other) {
    struct resolve_target kept = *one;
    *one = *other;
    *other = kept;
}

void resolve_sort(struct resolve_target *targets, size_t count, struct prng *prng) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = i; k > 0 && targets[k].priority < targets[k - 1].priority; k--)
            swap(&targets[k], &targets[k - 1]);
    for (size_t i = 0; i < count; i++) { /* one of those of the same priority takes this place */
        uint64_t sum = 0, passed = 0;
        size_t end = i, at = i;
        for (; end < count && targets[end].priority == targets[i].priority; end++)
            sum += targets[end].weight + 1u; /* a weight of 0 is a small chance */
        uint64_t chosen = prng_below(prng, sum);
        while (passed + targets[at].weight + 1u <= chosen)
            passed += targets[at++].weight + 1u;
        swap(&targets[i], &targets[at]);
    }
}

/* False: the record is not whole, or names nobody. */
static bool read_target(const ns_msg *answer, const ns_rr *record, struct resolve_target *out) {
    const unsigned char *bytes = ns_rr_rdata(*record);
    if (ns_rr_type(*record) != ns_t_srv || ns_rr_rdlen(*record) < 7)
        return false;
    *out = (struct resolve_target){.priority = (uint16_t)ns_get16(bytes),
                                   .weight = (uint16_t)ns_get16(bytes + 2),
                                   .port = (uint16_t)ns_get16(bytes + 4)};
    return dn_expand(ns_msg_base(*answer), ns_msg_end(*answer), bytes + 6, out->name,
                     sizeof(out->name)) >= 0 &&
           out->name[0] && !text_equal(out->name, ".");
}

static size_t look_up_targets(const char *service, const char *name,
                              struct resolve_target out[resolve_targets_most]) {
    enum { none = 0 };
    unsigned char bytes[answer_bytes];
    char full[resolve_name_size];
    struct __res_state state = {0};
    ns_msg answer;
    ns_rr record;
    size_t count = 0;
    text_format(full, sizeof(full), "%s.%s", service, name);
    if (strlen(service) + strlen(name) + 2 > sizeof(full) || res_ninit(&state) < 0)
        return none;
    int length = res_nquery(&state, full, ns_c_in, ns_t_srv, bytes, sizeof(bytes));
    res_nclose(&state);
    if (length < 0 || length > answer_bytes || ns_initparse(bytes, length, &answer) < 0)
        return none;
    for (int i = 0; i < ns_msg_count(answer, ns_s_an) && count < resolve_targets_most; i++)
        if (ns_parserr(&answer, ns_s_an, i, &record) == 0 &&
            read_target(&answer, &record, &out[count]))
            count++;
    return count;
}

static bool has(const struct resolve_addresses *addresses, const char *text, uint16_t port) {
    for (size_t i = 0; i < addresses->count; i++)
        if (addresses->all[i].port == port && text_equal(addresses->all[i].text, text))
            return true;
    return false;
}

static void add_address(struct resolve_addresses *addresses, const struct addrinfo *info,
                        uint16_t port) {
    struct resolve_address *address = &addresses->all[addresses->count];
    char text[sizeof(address->text)];
    if (addresses->count == resolve_addresses_most ||
        getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof(text), NULL, 0,
                    NI_NUMERICHOST) != 0 ||
        has(addresses, text, port))
        return;
    *address = (struct resolve_address){.length = info->ai_addrlen, .port = port};
    memcpy(&address->socket, info->ai_addr, info->ai_addrlen);
    text_set(address->text, text);
    addresses->count++;
}

static void add_name(struct resolve_addresses *addresses, const char *name, uint16_t port) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    text_format(service, sizeof(service), "%u", port);
    if (getaddrinfo(name, service, &hints, &found) != 0)
        return;
    for (const struct addrinfo *info = found; info; info = info->ai_next)
        add_address(addresses, info, port);
    freeaddrinfo(found);
}

/* Those that had failed come behind those that had not; where all had, all begin anew. */
static void put_failed_last(struct resolve_addresses *addresses,
                            const struct resolve_addresses *before) {
    struct resolve_addresses sorted = {.count = 0};
    for (size_t i = 0; i < before->count; i++)
        for (size_t k = 0; before->all[i].has_failed && k < addresses->count; k++)
            if (addresses->all[k].port == before->all[i].port &&
                text_equal(addresses->all[k].text, before->all[i].text))
                addresses->all[k].has_failed = true;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < addresses->count; i++)
            if (addresses->all[i].has_failed == (pass == 1))
                sorted.all[sorted.count++] = addresses->all[i];
    for (size_t i = 0; sorted.count && sorted.all[0].has_failed && i < sorted.count; i++)
        addresses->all[i].has_failed = false;
    if (sorted.count && !sorted.all[0].has_failed)
        *addresses = sorted;
}

bool resolve_server(struct resolve_addresses *addresses, const char *service, const char *name,
                    uint16_t port) {
    struct resolve_addresses found = {.count = 0};
    struct resolve_target targets[resolve_targets_most];
    size_t count = service ? look_up_targets(service, name, targets) : 0;
    struct prng prng;
    uint64_t seed = 0;
    (void)!getrandom(&seed, sizeof(seed), 0);
    prng_init(&prng, seed);
    resolve_sort(targets, count, &prng);
    for (size_t i = 0; i < count; i++)
        add_name(&found, targets[i].name, targets[i].port);
    if (!found.count)
        add_name(&found, name, port);
    put_failed_last(&found, addresses);
    *addresses = found;
    return found.count > 0;
}

/* ---- the first that answers ---- */

struct attempts {
    struct pollfd fds[resolve_addresses_most];
    size_t begun;
    int error;
};

/* True: it is connected. */
static bool begin(struct attempts *attempts, const struct resolve_address *address) {
    int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    attempts->fds[attempts->begun++] = (struct pollfd){.fd = fd, .events = POLLOUT};
    if (fd >= 0 &&
        connect(fd, (const struct sockaddr *)&address->socket, address->length) == 0)
        return true;
    if (fd < 0 || errno != EINPROGRESS) {
        attempts->error = errno;
        attempts->fds[attempts->begun - 1].events = 0;
    }
    return false;
}

/* The number of one that is connected, or -1. */
static int look(struct attempts *attempts, int time_ms) {
    if (poll(attempts->fds, attempts->begun, time_ms) <= 0)
        return -1;
    for (size_t i = 0; i < attempts->begun; i++) {
        struct pollfd *attempt = &attempts->fds[i];
        int error = 0;
        socklen_t size = sizeof(error);
        if (!attempt->events || !attempt->revents)
            continue;
        if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && !error)
            return (int)i;
        attempts->error = error ? error : errno;
        close(attempt->fd);
        *attempt = (struct pollfd){.fd = -1};
    }
    return -1;
}

static bool is_waiting(const struct attempts *attempts) {
    for (size_t i = 0; i < attempts->begun; i++)
        if (attempts->fds[i].events)
            return true;
    return false;
}

struct resolve_address *resolve_reach(struct resolve_addresses *addresses, int time_ms,
                                      const atomic_bool *cancel, int *out_error) {
    struct attempts attempts = {.error = ETIMEDOUT};
    int found = -1, next_ms = 0;
    for (int passed_ms = 0; found < 0 && passed_ms < time_ms && !atomic_load(cancel);) {
        bool more = attempts.begun < addresses->count;
        if (more && (passed_ms >= next_ms || !is_waiting(&attempts))) {
            next_ms = passed_ms + stagger_ms;
            if (begin(&attempts, &addresses->all[attempts.begun]))
                found = (int)attempts.begun - 1;
            continue;
        }
        if (!is_waiting(&attempts))
            break;
        found = look(&attempts, look_ms);
        passed_ms += look_ms; /* at the most: what is refused comes at once */
    }
    for (size_t i = 0; i < attempts.begun; i++)
        if (attempts.fds[i].fd >= 0)
            close(attempts.fds[i].fd);
    *out_error = attempts.error;
    return found < 0 ? NULL : &addresses->all[found];
}
