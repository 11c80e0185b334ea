/* rest.c against a canned role that answers from memory, so that the face is tested without the
 * core: rest_probe LISTEN IMAGE_FOLDER [CERTIFICATE KEY] [--plain]
 *
 * Prints "port N", then one line per request that reached the role. Ends on SIGTERM.
 * VM names tell the role what to do: code-<name of a code> is refused with that code, slow-…'s
 * operations end after 1.5 s, never-…'s do not end. Tokens: operator-token, tenant-token. A stream
 * repeats what is typed into it, until that is "end"; by "deaf" it reads no more, and by "flood" it
 * says as much as it can, and prints how much that is. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/image/serve.h"
#include "io/keys/secret.h"
#include "io/rest/rest.h"
#include "io/rest/routes.h"
#include "io/stream/streams.h"
#include "message/codec.h"
#include "message/id.h"
#include "message/records/metrics.h"

enum { things = 600, slow_ms = 1500, flood_ms = 1000, echo_bytes = 65536 };

struct pending {
    bool used;
    uint64_t handle, due_ms, ends_ms;
    size_t op;
};

/* The canned role; the face sees it as its shell. */
struct shell {
    int queue[2]; /* pointers to requests */
    struct rest *rest;
    struct vm vms[things];
    struct operation ops[things];
    uint64_t ends_ms[things];
    struct tenant tenants[things];
    struct image images[things];
    size_t vms_count, ops_count, tenants_count, images_count;
    struct pending pending[things];
    char operator_hash[limit_digest_size], tenant_hash[limit_digest_size];
    pthread_mutex_t lock;
    char may_join[limit_digest_size]; /* guarded: the token that asked for the last ticket */
    struct id_maker ids;
};

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void shell_post(struct shell *shell, const struct event *event) {
    struct request *copy = memory_new(1, sizeof(*copy));
    request_clone(event->request, copy);
    if (write(shell->queue[1], &copy, sizeof(copy)) != sizeof(copy))
        perror("write to the queue");
}

void shell_put(struct shell *shell, const struct event *event) { shell_post(shell, event); }
void shell_serve(struct shell *shell) { (void)shell; }

void shell_log(struct shell *shell, int level, const char *event, const char *format, ...) {
    (void)shell;
    va_list arguments;
    va_start(arguments, format);
    printf("log %d %s ", level, event);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

static void problem(struct reply *reply, enum code code, const char *field, const char *text) {
    reply->kind = REPLY_PROBLEM;
    reply->code = code;
    text_format(reply->field, sizeof(reply->field), "%s", field);
    text_format(reply->text, sizeof(reply->text), "%s", text);
}

static void record(struct reply *reply, enum reply_kind kind, const struct table *table,
                   const void *data) {
    reply->kind = kind;
    reply->record = record_copy(table, data);
}

/* Rows of an array, paged by the first field as the role would. */
static void list(struct reply *reply, const struct request *request, const struct table *table,
                 const char *rows, size_t count) {
    uint32_t limit = request->list.limit ? request->list.limit : limit_page_default;
    reply->kind = REPLY_LIST;
    reply->list = memory_new(limit, sizeof(*reply->list));
    size_t at = 0;
    if (request->list.after[0])
        while (at < count && !text_equal(rows + at++ * table->size, request->list.after))
            ;
    for (; at < count && reply->list_count < limit; at++)
        reply->list[reply->list_count++] = record_copy(table, rows + at * table->size);
    if (at < count)
        text_format(reply->next, sizeof(reply->next), "%s", rows + (at - 1) * table->size);
}

static const void *find(const char *rows, size_t size, size_t count, const char *key) {
    for (size_t i = 0; i < count; i++)
        if (text_equal(rows + i * size, key))
            return rows + i * size;
    return NULL;
}

static struct vm *find_vm(struct shell *role, const char *key) {
    for (size_t i = 0; i < role->vms_count; i++)
        if (text_equal(role->vms[i].id, key) || text_equal(role->vms[i].name, key))
            return &role->vms[i];
    return NULL;
}

static void answer_op(struct shell *role, const struct request *request, size_t at,
                      struct reply *reply) {
    uint64_t now = now_ms();
    struct operation *op = &role->ops[at];
    if (now < role->ends_ms[at] && request->wait_ms) {
        for (size_t i = 0; i < things; i++)
            if (!role->pending[i].used) {
                role->pending[i] = (struct pending){true, request->handle,
                                                    now + request->wait_ms, role->ends_ms[at], at};
                reply->handle = 0; /* later */
                return;
            }
    }
    op->state = now < role->ends_ms[at] ? OP_RUNNING : OP_SUCCEEDED;
    record(reply, REPLY_OPERATION, &operation_table, op);
}

static void act(struct shell *role, const struct request *request, struct vm *vm,
                struct reply *reply) {
    size_t at = role->ops_count++ % things;
    struct operation *op = &role->ops[at];
    *op = (struct operation){.state = OP_RUNNING, .step = STEP_PREPARING, .created_ms = 1};
    op->verb = request->kind == REQUEST_VM_CREATE ? VERB_DEFINE : request->verb;
    text_format(op->id, sizeof(op->id), "%s", id_make(&role->ids, "op", 1).text);
    text_format(op->vm, sizeof(op->vm), "%s", vm->id);
    text_format(op->vm_name, sizeof(op->vm_name), "%s", vm->name);
    uint64_t ms = text_starts(vm->name, "slow") ? slow_ms : 0;
    role->ends_ms[at] = text_starts(vm->name, "never") ? UINT64_MAX : now_ms() + ms;
    answer_op(role, request, at, reply);
}

static void create(struct shell *role, const struct request *request, struct reply *reply) {
    const struct vm_create *wanted = &request->vm_create;
    for (enum code code = CODE_INVALID; code < CODE_COUNT; code++)
        if (text_starts(wanted->name, "code-") && text_equal(wanted->name + 5, code_names[code])) {
            problem(reply, code, "name", "as you asked");
            return;
        }
    struct vm *vm = &role->vms[role->vms_count++ % things];
    *vm = (struct vm){.state = VM_RUNNING, .size = {1, 512, 10}, .created_ms = 1};
    text_format(vm->id, sizeof(vm->id), "%s", id_make(&role->ids, "vm", 1).text);
    text_format(vm->name, sizeof(vm->name), "%s", wanted->name);
    text_format(vm->shape, sizeof(vm->shape), "%s", wanted->shape);
    text_format(vm->image, sizeof(vm->image), "%s", wanted->image);
    act(role, request, vm, reply);
}

static void show(struct reply *reply, const struct table *table, const void *data) {
    if (data)
        record(reply, REPLY_RECORD, table, data);
    else
        problem(reply, CODE_NOT_FOUND, "", "");
}

static void answer_operator(struct shell *role, const struct request *request,
                            struct reply *reply) {
    if (!text_equal(request->token_hash, role->operator_hash)) {
        problem(reply, CODE_FORBIDDEN, "", "");
    } else if (request->kind == REQUEST_IMAGE_ADMIT) {
        const struct whoami go_on = {.role = "operator"};
        record(reply, REPLY_RECORD, &whoami_table, &go_on);
    } else if (request->kind == REQUEST_TENANT_CREATE) {
        struct tenant *tenant = &role->tenants[role->tenants_count++ % things];
        *tenant = (struct tenant){.created_ms = 1};
        text_format(tenant->name, sizeof(tenant->name), "%s", request->tenant_create.name);
        text_format(tenant->token_hash, limit_digest_size, "%s", request->new_token_hash);
        record(reply, REPLY_CREATED, &tenant_table, tenant);
    } else if (request->kind == REQUEST_TOKEN_CREATE) {
        struct join_token token = {.created_ms = 1, .expires_ms = 2};
        text_format(token.id, sizeof(token.id), "%s", id_make(&role->ids, "jt", 1).text);
        text_format(token.peer, sizeof(token.peer), "%s", request->token_create.peer);
        record(reply, REPLY_CREATED, &join_token_table, &token);
    } else if (request->kind == REQUEST_IMAGE_SHARE || request->kind == REQUEST_IMAGE_UNSHARE) {
        show(reply, &image_table,
             find((char *)role->images, sizeof(*role->images), role->images_count, request->key));
    } else if (request->kind == REQUEST_TENANT_IMAGES) {
        struct account account = {.images_gib = request->image_quota.images_gib, .created_ms = 1};
        text_format(account.name, sizeof(account.name), "%s", request->key);
        record(reply, REPLY_RECORD, &account_table, &account);
    } else if (request->kind == REQUEST_TENANT_QUOTA) {
        struct account account = {.quota = request->limits, .created_ms = 1};
        text_format(account.name, sizeof(account.name), "%s", request->key);
        record(reply, REPLY_RECORD, &account_table, &account);
    } else if (request->kind == REQUEST_TENANT_PERMISSIONS_SET ||
               request->kind == REQUEST_TENANT_PERMISSIONS_RESET) {
        struct account account = {.permissions = request->tenant_permissions, .created_ms = 1};
        text_format(account.name, sizeof(account.name), "%s", request->key);
        record(reply, REPLY_RECORD, &account_table, &account);
    } else if (text_starts(request->image.name, "taken")) {
        problem(reply, CODE_CONFLICT, "name", "another image has this name");
    } else if (request->kind == REQUEST_IMAGE_ADD) {
        struct image *image = &role->images[role->images_count++ % things];
        *image = request->image;
        record(reply, REPLY_CREATED, &image_table, image);
    } else {
        reply->kind = REPLY_GONE;
    }
}

static const char stream_ticket_shown[] =
    "0000000000000000000000000000000000000000000000000000000000000002";
static const struct network networks[] = {{"lan", "of people"}, {"wan", ""}};
static const struct shape shapes[] = {{"small", {1, 512, 10}}, {"large", {4, 4096, 40}}};

static bool token_is_known(const struct shell *role, const char *hash) {
    bool is_known = text_equal(hash, role->operator_hash) || text_equal(hash, role->tenant_hash);
    for (size_t i = 0; i < role->tenants_count; i++)
        is_known = is_known || text_equal(hash, role->tenants[i].token_hash);
    return is_known;
}

static void answer_leftover(const struct request *request, struct reply *reply) {
    static const struct leftover leftover = {.vm = "vm-00000000000000000000000000",
                                             .place = "north", .state = VM_RUNNING};
    bool is_known = text_equal(request->key, "web"); /* as a VM of the tests is called */
    if (request->kind == REQUEST_LEFTOVER_LIST)
        list(reply, request, &leftover_table, (const char *)&leftover, 1);
    else if (request->kind == REQUEST_LEFTOVER_ADOPT || request->kind == REQUEST_LEFTOVER_DISCARD)
        show(reply, &leftover_table, is_known ? &leftover : NULL);
    else
        problem(reply, CODE_UNSUPPORTED, "", "An owner's");
}

/* Of things that are kept: how each kind of request is answered; others by the record. */
static const enum reply_kind kept[REQUEST_KIND_COUNT] = {
    [REQUEST_SSH_KEY_ADD] = REPLY_CREATED,   [REQUEST_SSH_KEY_LIST] = REPLY_LIST,
    [REQUEST_SSH_KEY_REMOVE] = REPLY_GONE,   [REQUEST_CONTACT_ADD] = REPLY_CREATED,
    [REQUEST_CONTACT_LIST] = REPLY_LIST,     [REQUEST_CONTACT_REMOVE] = REPLY_GONE,
    [REQUEST_RULE_ADD] = REPLY_CREATED,      [REQUEST_RULE_LIST] = REPLY_LIST,
    [REQUEST_RULE_DELETE] = REPLY_GONE,      [REQUEST_DELIVERY_LIST] = REPLY_LIST,
    [REQUEST_DELIVERY_END] = REPLY_GONE,     [REQUEST_ACCESS_LIST] = REPLY_LIST,
    [REQUEST_ACCESS_REVOKE] = REPLY_GONE,    [REQUEST_ACCESS_CREATE] = REPLY_CREATED};

static void answer_kept(const struct request *request, struct reply *reply,
                        const struct table *table, const void *thing) {
    enum reply_kind kind = kept[request->kind];
    if (kind == REPLY_LIST)
        list(reply, request, table, NULL, 0);
    else if (kind != REPLY_CREATED && text_equal(request->key, "none"))
        problem(reply, CODE_NOT_FOUND, "", "");
    else
        record(reply, kind, table, thing);
}

static void answer_ssh_key(const struct request *request, struct reply *reply) {
    static const struct ssh_key none = {.name = "none"};
    answer_kept(request, reply, &ssh_key_table,
                request->kind == REQUEST_SSH_KEY_ADD ? &request->ssh_key : &none);
}

static void answer_contact(const struct request *request, struct reply *reply) {
    struct contact contact = request->contact;
    text_format(contact.id, sizeof(contact.id), "ct-%026d", 0);
    if (!*contact.name)
        text_set(contact.name, "team");
    answer_kept(request, reply, &contact_table, &contact);
}

static void answer_more(const struct request *request, struct reply *reply) {
    struct access_token token = {.id = "at-00000000000000000000000000", .name = "none"};
    if (text_starts(request_rules[request->kind].name, "delivery")) {
        answer_kept(request, reply, &chat_delivery_table, &(struct chat_delivery){0});
    } else if (text_starts(request_rules[request->kind].name, "contact")) {
        answer_contact(request, reply);
    } else if (text_starts(request_rules[request->kind].name, "rule")) {
        answer_kept(request, reply, &rule_table, &(struct rule){.name = "gold"});
    } else if (!text_starts(request_rules[request->kind].name, "access-token")) {
        answer_leftover(request, reply);
    } else {
        if (request->kind == REQUEST_ACCESS_CREATE)
            text_set(token.name, request->access_create.name);
        token.rights = request->access_create.rights;
        answer_kept(request, reply, &access_token_table, &token);
    }
}

static void answer_whoami(const struct shell *role, const struct request *request,
                          struct reply *reply) {
    struct whoami whoami = {.role = "operator"};
    if (text_equal(request->token_hash, role->tenant_hash))
        whoami = (struct whoami){.role = "tenant", .tenant = "acme"};
    record(reply, REPLY_RECORD, &whoami_table, &whoami);
}

static bool is_for_operators(enum request_kind kind) {
    static const enum request_kind kinds[] = {
        REQUEST_IMAGE_SHARE, REQUEST_IMAGE_ADMIT, REQUEST_IMAGE_ADD, REQUEST_IMAGE_DELETE,
        REQUEST_TENANT_CREATE, REQUEST_TENANT_QUOTA, REQUEST_TENANT_PERMISSIONS_SET,
        REQUEST_TENANT_PERMISSIONS_RESET, REQUEST_TOKEN_CREATE, REQUEST_TOKEN_REVOKE,
        REQUEST_KEY_REVOKE, REQUEST_TENANT_DELETE, REQUEST_IMAGE_UNSHARE, REQUEST_TENANT_IMAGES,
    };
    for (size_t i = 0; i < array_size(kinds); i++)
        if (kinds[i] == kind)
            return true;
    return false;
}

static void answer_log(struct shell *role, const struct request *request, struct reply *reply) {
    const struct vm *vm = find_vm(role, request->key);
    struct console_log log = {.next = 6, .base64 = "aGVsbG8K"};
    struct usage_graph graph = {0};
    text_set(log.vm, vm ? vm->id : "");
    memcpy(graph.vm, log.vm, sizeof(log.vm));
    const void *shown = request->kind == REQUEST_VM_LOG ? (const void *)&log : &graph;
    show(reply, shown == &log ? &console_log_table : &usage_graph_table, vm ? shown : NULL);
}

static void answer_console(struct shell *role, const struct request *request,
                           struct reply *reply) {
    const struct vm *vm = find_vm(role, request->key);
    struct stream_ticket ticket = {.url = "wss://cloud.example:8447", .expires_ms = 1};
    text_set(ticket.vm, vm ? vm->id : "");
    text_format(ticket.pin, sizeof(ticket.pin), "%064u", 1);
    text_set(ticket.ticket, stream_ticket_shown);
    show(reply, &stream_ticket_table, vm ? &ticket : NULL);
    reply->kind = vm ? REPLY_CREATED : reply->kind;
    pthread_mutex_lock(&role->lock);
    text_set(role->may_join, vm ? request->token_hash : "");
    pthread_mutex_unlock(&role->lock);
}

static bool is_ready(int fd, short what, int ms) {
    struct pollfd wanted = {fd, what, 0};
    return poll(&wanted, 1, ms) == 1 && !(wanted.revents & POLLERR);
}

static void flood(int fd, const char *bytes) {
    size_t total = 0;
    while (is_ready(fd, POLLOUT, flood_ms)) {
        ssize_t sent = send(fd, bytes, echo_bytes, MSG_NOSIGNAL);
        total += sent > 0 ? (size_t)sent : 0;
    }
    printf("flooded %zu\n", total);
    fflush(stdout);
}

static void *echo(void *context) {
    int fd = *(int *)context;
    char *bytes = memory_new(1, echo_bytes);
    memory_free(context);
    for (ssize_t length = 1; length > 0;) {
        length = is_ready(fd, POLLIN, -1) ? recv(fd, bytes, echo_bytes, 0) : 0;
        if (length > 0 && text_starts(bytes, "deaf"))
            length = is_ready(fd, POLLRDHUP, -1) ? 0 : -1;
        else if (length > 0 && text_starts(bytes, "flood"))
            flood(fd, bytes);
        else if (length > 0 && !text_starts(bytes, "end"))
            for (ssize_t at = 0; at < length && is_ready(fd, POLLOUT, -1);) {
                ssize_t sent = send(fd, bytes + at, (size_t)(length - at), MSG_NOSIGNAL);
                at = sent < 0 ? length : at + sent;
            }
        else
            length = 0;
        memset(bytes, 0, echo_bytes);
    }
    close(fd);
    memory_free(bytes);
    return NULL;
}

/* As streams_visit() of streams that know no more than one ticket. */
static void visit(struct streams *streams, const struct stream_visit *visit) {
    struct shell *role = (struct shell *)streams;
    static const char taken = stream_taken;
    pthread_t thread;
    int *fd = memory_new(1, sizeof(*fd));
    *fd = visit->fd;
    pthread_mutex_lock(&role->lock);
    bool is_right = text_equal(visit->ticket, stream_ticket_shown) && role->may_join[0] &&
                    text_equal(visit->token_hash, role->may_join);
    if (is_right)
        role->may_join[0] = 0;
    pthread_mutex_unlock(&role->lock);
    if (is_right && send(*fd, &taken, 1, MSG_NOSIGNAL) == 1 &&
        pthread_create(&thread, NULL, echo, fd) == 0) {
        pthread_detach(thread);
        return;
    }
    close(*fd);
    memory_free(fd);
}

static void answer_guest(struct shell *role, const struct request *request,
                         struct reply *reply) {
    struct vm *vm = find_vm(role, request->key);
    if (request->kind == REQUEST_VM_ACT && vm)
        act(role, request, vm, reply);
    else if (request->kind == REQUEST_VM_ACT)
        problem(reply, CODE_NOT_FOUND, "", "");
    else if (request->kind == REQUEST_VM_LOG || request->kind == REQUEST_VM_USAGE)
        answer_log(role, request, reply);
    else
        answer_console(role, request, reply);
}

static void answer(struct shell *role, const struct request *request, struct reply *reply) {
    static const struct node cluster = {.name = "north", .state = PEER_UP, .seen_ms = 1};
    const struct operation *op;
    if (!token_is_known(role, request->token_hash)) {
        problem(reply, CODE_UNAUTHENTICATED, "", "The token is not known");
        return;
    }
    if (is_for_operators(request->kind)) {
        answer_operator(role, request, reply);
        return;
    }
    switch ((int)request->kind) {
    case REQUEST_VM_CREATE: create(role, request, reply); break;
    case REQUEST_VM_LIST:
        list(reply, request, &vm_table, (char *)role->vms, role->vms_count);
        break;
    case REQUEST_VM_SHOW: show(reply, &vm_table, find_vm(role, request->key)); break;
    case REQUEST_VM_LOG:
    case REQUEST_VM_USAGE:
    case REQUEST_VM_CONSOLE:
    case REQUEST_VM_FORWARD:
    case REQUEST_VM_SCREEN:
    case REQUEST_VM_ACT: answer_guest(role, request, reply); break;
    case REQUEST_SSH_KEY_ADD:
    case REQUEST_SSH_KEY_LIST:
    case REQUEST_SSH_KEY_REMOVE: answer_ssh_key(request, reply); break;
    case REQUEST_OP_LIST:
        list(reply, request, &operation_table, (char *)role->ops, role->ops_count);
        break;
    case REQUEST_OP_SHOW:
        op = find((char *)role->ops, sizeof(*role->ops), role->ops_count, request->key);
        if (op)
            answer_op(role, request, (size_t)(op - role->ops), reply);
        else
            problem(reply, CODE_NOT_FOUND, "", "");
        break;
    case REQUEST_SHAPE_LIST: list(reply, request, &shape_table, (char *)shapes, 2); break;
    case REQUEST_NETWORK_LIST: list(reply, request, &network_table, (char *)networks, 2); break;
    case REQUEST_IMAGE_LIST:
        list(reply, request, &image_table, (char *)role->images, role->images_count);
        break;
    case REQUEST_IMAGE_SHOW:
        show(reply, &image_table,
             find((char *)role->images, sizeof(*role->images), role->images_count, request->key));
        break;
    case REQUEST_CLUSTER_LIST: list(reply, request, &node_table, (char *)&cluster, 1); break;
    case REQUEST_CLUSTER_SHOW:
    case REQUEST_CLUSTER_FORGET:
    case REQUEST_CLUSTER_ACCEPT:
    case REQUEST_CLUSTER_DECLARE_OFF:
    case REQUEST_CLUSTER_RECOVER:
        show(reply, &node_table, text_equal(request->key, "north") ? &cluster : NULL);
        break;
    case REQUEST_TENANT_LIST:
        list(reply, request, &tenant_table, (char *)role->tenants, role->tenants_count);
        break;
    case REQUEST_TENANT_SHOW:
        show(reply, &tenant_table,
             find((char *)role->tenants, sizeof(*role->tenants), role->tenants_count,
                  request->key));
        break;
    case REQUEST_TOKEN_LIST: list(reply, request, &join_token_table, NULL, 0); break;
    case REQUEST_METRICS: show(reply, &metrics_table, &(struct metrics){0}); break;
    case REQUEST_AUDIT_LIST: list(reply, request, &audit_table, NULL, 0); break;
    case REQUEST_WHOAMI: answer_whoami(role, request, reply); break;
    default: answer_more(request, reply); break;
    }
}

static void take_request(struct shell *role) {
    struct request *request;
    if (read(role->queue[0], &request, sizeof(request)) != sizeof(request))
        return;
    printf("request kind=%d key=%s idempotency=%s hash=%llu wait=%llu deadline=%llu verb=%s "
           "name=%s start=%d data=%zu limit=%u after=%s tenant=%s vm=%s\n",
           request->kind, request->key, request->idempotency_key,
           (unsigned long long)request->body_hash, (unsigned long long)request->wait_ms,
           (unsigned long long)request->deadline_ms, verb_names[request->verb],
           request->vm_create.name, request->vm_create.start,
           request->vm_create.user_data ? strlen(request->vm_create.user_data) : 0,
           request->list.limit, request->list.after, request->list.tenant, request->list.vm);
    fflush(stdout);
    struct reply reply = {.handle = request->handle};
    answer(role, request, &reply);
    if (reply.handle)
        rest_reply(role->rest, &reply);
    reply_clear(&reply);
    request_clear(request);
    memory_free(request);
}

static void take_time(struct shell *role) {
    uint64_t now = now_ms();
    for (size_t i = 0; i < things; i++) {
        struct pending *pending = &role->pending[i];
        if (!pending->used || (now < pending->due_ms && now < pending->ends_ms))
            continue;
        struct operation *op = &role->ops[pending->op];
        struct reply reply = {.handle = pending->handle};
        op->state = now < pending->ends_ms ? OP_RUNNING : OP_SUCCEEDED;
        record(&reply, REPLY_OPERATION, &operation_table, op);
        pending->used = false;
        printf("late reply\n");
        fflush(stdout);
        rest_reply(role->rest, &reply);
    }
}

static int open_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

/* True: the end. */
static bool take_signal(struct shell *role, int fd) {
    struct signalfd_siginfo signal = {0};
    struct error err = {0};
    if (read(fd, &signal, sizeof(signal)) < 0 || signal.ssi_signo != SIGHUP)
        return true;
    int result = rest_renew(role->rest, &err);
    printf("renewed %d %s\n", result < 0 ? -1 : result, err.text);
    fflush(stdout);
    return false;
}

int main(int count, char **arguments) {
    static struct shell role;
    struct error err = {0};
    char cluster_hash[limit_digest_size];
    if (count < 3)
        return 2;
    bool plain = text_equal(arguments[count - 1], "--plain");
    bool tls = count - plain >= 5;
    const char *hashes[] = {cluster_hash};
    secret_hash_bytes("cluster-token", 13, cluster_hash);
    secret_hash_bytes("operator-token", 14, role.operator_hash);
    secret_hash_bytes("tenant-token", 12, role.tenant_hash);
    struct rest_settings settings = {
        .face = &rest_upstream_face,
        .listen = arguments[1], .image_folder = arguments[2],
        .image_converter = IMAGE_CONVERTER, .plain_allowed = plain,
        .tls_certificate_file = tls ? arguments[3] : NULL, .software = "isthmus probe",
        .tls_key_file = tls ? arguments[4] : NULL,
        .cluster_token_hashes = hashes, .cluster_token_hashes_count = 1,
        .manager_address = "upstream@cloud.test/manager",
        .manager_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        .streams = {visit, (struct streams *)&role},
    };
    struct image_serve_settings serving = {
        .listen = "127.0.0.1:0", .folder = arguments[2], .token_hashes = hashes,
        .token_hashes_count = 1,
    };
    prng_init(&role.ids.prng, 1);
    pthread_mutex_init(&role.lock, NULL);
    if (pipe(role.queue) < 0)
        return 1;
    struct pollfd fds[] = {{.fd = role.queue[0], .events = POLLIN},
                           {.fd = open_signals(), .events = POLLIN}};
    role.rest = rest_start(&settings, &role, &err);
    struct image_serve *serve = role.rest ? image_serve_start(&serving, &err) : NULL;
    if (!serve) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("port %u %u\n", rest_port(role.rest), image_serve_port(serve));
    fflush(stdout);
    while (!fds[1].revents || !take_signal(&role, fds[1].fd)) {
        (void)poll(fds, 2, 20);
        if (fds[0].revents)
            take_request(&role);
        take_time(&role);
    }
    image_serve_stop(serve);
    rest_stop(role.rest);
    printf("stopped\n");
    return 0;
}
