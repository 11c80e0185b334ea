/* Whose ticket is worth something: the token's that asked for it, while that is known. */
#include "core/upstream/guest/console.h"

#include "core/upstream/quota.h"
#include "core/upstream/upstream.h"
#include "message/codec/allow.h"

/* What streams lead to, in words: by what they are asked for, and why there is none. */
static const struct end_words {
    enum request_kind asked;
    const char *name, *busy, *unsupported, *not_allowed;
} ends[STREAM_TO_COUNT] = {
    [STREAM_TO_CONSOLE] = {REQUEST_VM_CONSOLE, "console",
        "somebody has it already, or as many are open as may be",
        "this cloud, the VM's cluster or its host has no streams",
        "its cluster's owner does not let consoles be used"},
    [STREAM_TO_PORT] = {REQUEST_VM_FORWARD, "stream to the port",
        "as many streams are open as may be; end one, or try again",
        "this cloud, the VM's cluster or its host has no streams to ports",
        "its cluster's owner does not let ports be reached"},
    [STREAM_TO_SCREEN] = {REQUEST_VM_SCREEN, "screen",
        "as many streams are open as may be; end one, or try again",
        "this cloud, the VM's cluster or its host has no streams to screens, or the VM was made "
        "without one",
        "its cluster's owner does not let screens be seen"},
};

static enum stream_to asks_for(enum request_kind kind) {
    enum stream_to to = STREAM_TO_CONSOLE;
    while (ends[to].asked != kind)
        to++;
    return to;
}

/* In words for each reason why there is no stream. */
static const char *words_of(enum stream_to to, enum code code) {
    switch ((int)code) {
    case CODE_BUSY: return ends[to].busy;
    case CODE_UNSUPPORTED: return ends[to].unsupported;
    case CODE_NOT_ALLOWED: return ends[to].not_allowed;
    case CODE_BAD_STATE: return "the VM does not run";
    case CODE_HOST_FAILED: return "it could not be opened there";
    case CODE_NOT_FOUND:
        return "its host sees no address of the guest on a network of the VM's (vm show)";
    case CODE_GUEST_IGNORED: return "the guest does not take connections there";
    case CODE_LOST: return "the VM is not there now; look at its state";
    default: return "its cluster, or host, does not answer; try again";
    }
}

static void refuse(const struct call *call, enum code code) {
    enum stream_to to = asks_for(call->request->kind);
    call_problem(call, code == CODE_DEADLINE ? CODE_UNREACHABLE : code, "",
                 "there is no %s of the VM now: %s", ends[to].name, words_of(to, code));
}

/* By the VM's own rules, which its host's kernel does not ask where the host itself dials. */
static bool is_let_in(const struct call *call, const struct book_vm *vm) {
    if (call->request->kind != REQUEST_VM_FORWARD ||
        allow_has_port(vm->record.allow, call->request->vm_forward.port))
        return true;
    call_problem(call, CODE_NOT_ALLOWED, "port",
                 "the VM's own rules let nobody begin to speak to that port: it allows %s",
                 vm->record.allow);
    return false;
}

void upstream_open_stream(const struct call *call) {
    const struct request *request = call->request;
    const struct book_vm *vm = upstream_find_vm(call, request->key);
    if (!vm || !is_let_in(call, vm))
        return;
    struct viewer viewer = {.handle = request->handle,
                            .open.port = request->vm_forward.port,
                            .open.screen = request->kind == REQUEST_VM_SCREEN};
    text_set(viewer.token_hash, request->token_hash);
    text_set(viewer.from, request->from);
    text_set(viewer.secret, request->stream.secret);
    text_set(viewer.open.key, request->stream.key);
    enum code code = streams_ask(&call->upstream->manager, vm, &viewer);
    if (code != CODE_OK)
        refuse(call, code);
}

/* Who has a token, while it may be used for this. */
struct holder_of {
    bool is_known;
    const struct access_token *token;   /* NULL: the configured one */
    const struct tenant_entry *tenant;  /* NULL: an operator, or nobody */
};

static struct holder_of find_holder(const struct upstream *upstream, const char *token_hash) {
    uint64_t wall_ms = upstream->manager.moment.wall_ms;
    struct holder_of holder = {
        .is_known = *token_hash && text_equal(token_hash, upstream->settings.operator_token_hash)};
    if (holder.is_known || !*token_hash)
        return holder;
    holder.token = access_find(&upstream->access, token_hash, wall_ms);
    if (holder.token && *holder.token->tenant)
        holder.tenant = map_get(&upstream->tenants_by_name, holder.token->tenant);
    holder.is_known =
        holder.token && holder.token->rights <= request_needs(REQUEST_VM_CONSOLE);
    return holder;
}

/* `before`: effects that were there before it was answered. */
static void write_down(struct upstream *upstream, const struct request *request, size_t before,
                       enum code code) {
    const struct holder_of holder = find_holder(upstream, request->token_hash);
    const struct audit_asked asked = {
        .request = request,
        .who = holder.tenant     ? AUDIT_TENANT
               : holder.is_known ? AUDIT_OPERATOR
                                 : AUDIT_STRANGER,
        .tenant = holder.tenant ? holder.tenant->record.name : NULL,
        .tenant_ms = holder.tenant ? holder.tenant->record.created_ms : 0,
        .token_name = holder.token ? holder.token->name : "",
        .before = before,
        .code = code,
    };
    audit_note(&upstream->manager.audit, &upstream->manager.moment, &asked);
}

/* A ticket, or why there is none. */
static void answer(struct manager *manager, const struct stream *stream,
                   const struct request *request, enum code code) {
    const struct call call = {.moment = &manager->moment, .request = request};
    if (code != CODE_OK) {
        refuse(&call, code);
        return;
    }
    struct stream_ticket ticket = {.expires_ms = manager->moment.wall_ms + streams_join_ms};
    text_set(ticket.vm, stream->asked.vm);
    text_set(ticket.url, manager->streams.url);
    text_set(ticket.pin, manager->streams.pin);
    streams_ticket(manager, stream, ticket.ticket);
    call_answer(&call, REPLY_CREATED, &stream_ticket_table, &ticket);
}

void upstream_on_stream(struct manager *manager, struct stream *stream, enum code code) {
    struct viewer *viewer = &stream->viewer;
    size_t before = manager->moment.out->count;
    enum request_kind asked = ends[open_to(&viewer->open)].asked;
    struct request request = {.kind = viewer->handle ? asked : REQUEST_STREAM_END,
                              .handle = viewer->handle};
    text_set(request.token_hash, viewer->token_hash);
    text_set(request.from, viewer->from);
    text_set(request.key, stream->asked.vm);
    if (viewer->handle)
        answer(manager, stream, &request, code);
    viewer->handle = 0;
    write_down(container_of(manager, struct upstream, manager), &request, before, CODE_OK);
}

bool upstream_may_stream(const struct manager *manager, const struct stream *stream) {
    const struct upstream *upstream = container_of(manager, struct upstream, manager);
    const struct holder_of holder = find_holder(upstream, stream->viewer.token_hash);
    return holder.is_known &&
           (!holder.tenant || text_equal(holder.tenant->record.name, stream->asked.asker));
}

void upstream_on_stream_event(struct upstream *upstream, const struct event_stream *event) {
    struct request request = {.kind = REQUEST_STREAM_JOIN};
    const struct stream *stream = streams_on_event(&upstream->manager, event);
    if (event->news != STREAM_CAME || (stream && !*event->token_hash))
        return; /* who is below is a cluster: nobody's row */
    text_set(request.token_hash, event->token_hash);
    text_set(request.from, event->from);
    text_set(request.key, stream ? stream->asked.vm : "");
    bool is_known = find_holder(upstream, event->token_hash).is_known;
    write_down(upstream, &request, upstream->manager.moment.out->count,
               stream     ? CODE_OK
               : is_known ? CODE_FORBIDDEN
                          : CODE_UNAUTHENTICATED);
}
