/* Who is an end of which stream, when it is read from and written to, and when it has ended. */
#include "io/stream/streams.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/keys/secret.h"
#include "io/stream/end.h"

enum {
    waiting_most = 64,     /* that came with a ticket and are neither taken nor refused */
    decide_seconds = 10,   /* until they are */
    ping_seconds = 20,
    hang_up_seconds = 30,
    descriptors_most = 2048,
    address_size = 256,
    read_size = 16384,     /* a record of TLS at a time, not a quarter */
};

static const char protocol_name[] = "isthmus-stream";

/* What was shown on coming, kept by the library from the request to the connection. */
struct came {
    char ticket[limit_digest_size], token_hash[limit_digest_size];
};

struct order {
    struct list node;
    struct effect_stream is;
    struct stream_dial dial; /* with fd: from streams_dial() */
    struct event_stream visitor; /* with a ticket: from streams_visit(), by dial.fd */
    char *secret, *token;
};

struct streams {
    struct ends ends;
    struct lws_context *library;
    struct lws_vhost *server, *client;
    SSL_CTX *tls; /* of those that we dial: keys are pinned, and no authority is asked */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    struct list orders;    /* guarded */
    bool stopping;         /* guarded */
    uint64_t last_claim;
};

/* The ticket stands behind the protocol's name, the token in its usual place. */
static int on_filter(const struct streams *streams, struct lws *wsi, struct came *came) {
    char protocols[256], authorization[256];
    static const char bearer[] = "Bearer ";
    *came = (struct came){0};
    if (streams->ends.came_count >= waiting_most ||
        lws_hdr_copy(wsi, protocols, sizeof(protocols), WSI_TOKEN_PROTOCOL) <= 0)
        return -1;
    const char *ticket = strchr(protocols, ',');
    ticket = ticket ? ticket + 1 + strspn(ticket + 1, " ") : "";
    secret_hash_bytes(ticket, strcspn(ticket, ", "), came->ticket);
    if (lws_hdr_copy(wsi, authorization, sizeof(authorization), WSI_TOKEN_HTTP_AUTHORIZATION) > 0 &&
        text_starts(authorization, bearer))
        secret_hash_bytes(authorization + strlen(bearer), strlen(authorization) - strlen(bearer),
                          came->token_hash);
    return 0;
}

/* By a descriptor, or (-1) by the listener: waits to be taken or refused. */
static void await(struct streams *streams, struct lws *wsi, int fd, struct event_stream *who) {
    struct end *end = end_new(&streams->ends, fd);
    who->news = STREAM_CAME;
    who->number = ++streams->last_claim;
    end->wsi = wsi;
    end->claim = who->number;
    list_add(&streams->ends.came, &end->node);
    streams->ends.came_count++;
    lws_set_opaque_user_data(wsi, end);
    (void)lws_rx_flow_control(wsi, 0);
    lws_set_timer_usecs(wsi, decide_seconds * LWS_USEC_PER_SEC);
    streams->ends.tell(streams->ends.context, who);
}

static int on_came(struct streams *streams, struct lws *wsi, const struct came *came) {
    struct event_stream who = {0};
    char from[audit_from_size] = "";
    lws_get_peer_simple(wsi, from, sizeof(from));
    text_set(who.ticket, came->ticket);
    text_set(who.token_hash, came->token_hash);
    text_set(who.from, text_starts(from, "::ffff:") ? from + strlen("::ffff:") : from);
    await(streams, wsi, -1, &who);
    return 0;
}

/* The library's from then on; NULL: it is closed. */
static struct lws *adopt(struct streams *streams, int fd) {
    lws_sock_file_fd_type adopted = {.filefd = fd};
    struct lws *wsi = lws_adopt_descriptor_vhost(streams->client, LWS_ADOPT_RAW_FILE_DESC, adopted,
                                                 protocol_name, NULL);
    if (!wsi)
        (void)close(fd);
    return wsi;
}

static void on_visit(struct streams *streams, const struct order *order) {
    struct event_stream who = order->visitor;
    bool has_room = streams->ends.came_count < waiting_most;
    struct lws *wsi = has_room ? adopt(streams, order->dial.fd) : NULL;
    if (wsi)
        await(streams, wsi, order->dial.fd, &who);
    else if (!has_room)
        (void)close(order->dial.fd);
}

/* Nothing has been shown to who answers yet: is it who is meant? */
static bool is_pinned(struct lws *wsi, const char *pin) {
    union {
        union lws_tls_cert_info_results is;
        char room[4096];
    } found;
    char digest[limit_digest_size];
    size_t most = sizeof(found) - offsetof(union lws_tls_cert_info_results, ns.name);
    if (lws_tls_peer_cert_info(wsi, LWS_TLS_CERT_INFO_OPAQUE_PUBLIC_KEY, &found.is, most))
        return false;
    secret_hash_bytes(found.is.ns.name, (size_t)found.is.ns.len, digest);
    return text_equal(digest, pin);
}

static int on_handshake(const struct end *end, struct lws *wsi, char **at, size_t room) {
    if (!is_pinned(wsi, end->to.pin))
        return -1;
    if (!end->token)
        return 0;
    int length = snprintf(*at, room, "Authorization: Bearer %s\r\n", end->token);
    if (length < 0 || (size_t)length >= room)
        return -1;
    *at += length;
    return 0;
}

/* "wss://host:port/path" */
static bool read_url(const char *url, char host[address_size], uint16_t *out_port) {
    static const char scheme[] = "wss://";
    if (!text_starts(url, scheme))
        return false;
    const char *name = url + strlen(scheme);
    bool is_v6 = *name == '[';
    size_t length = is_v6 ? strcspn(++name, "]") : strcspn(name, ":/");
    const char *behind = name + length + is_v6;
    unsigned long port = *behind == ':' ? strtoul(behind + 1, NULL, 10) : 443;
    if (!length || length >= address_size || !port || port > UINT16_MAX)
        return false;
    memcpy(host, name, length);
    host[length] = 0;
    *out_port = (uint16_t)port;
    return true;
}

static void dial(struct streams *streams, struct pipe *pipe, struct end *end) {
    char host[address_size], protocols[limit_digest_size + sizeof(protocol_name) + 2];
    uint16_t port = 0;
    bool is_url = read_url(end->to.url, host, &port);
    text_format(protocols, sizeof(protocols), "%s, %s", protocol_name, end->to.ticket);
    const struct lws_client_connect_info info = {
        .context = streams->library,
        .vhost = streams->client,
        .address = host,
        .port = port,
        .path = "/",
        .host = host,
        .origin = host,
        .protocol = protocols,
        .local_protocol_name = protocol_name,
        .ssl_connection = LCCSCF_USE_SSL | LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_EXPIRED |
                          LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK | LCCSCF_ALLOW_INSECURE,
        .opaque_user_data = end,
    };
    pipe_join(pipe, &end->is, STREAM_ABOVE);
    end->is_connecting = true;
    struct lws *wsi = is_url ? lws_client_connect_via_info(&info) : NULL;
    end->is_connecting = false;
    if (wsi && !end->is.is_gone)
        end->wsi = wsi;
    else
        end_gone(end);
}

static void begin_dial(struct streams *streams, const struct order *order) {
    struct pipe *pipe = ends_pipe(&streams->ends, order->is.number);
    struct end *above = end_new(&streams->ends, -1);
    above->to = order->is.to;
    above->token = memory_text(order->token);
    if (order->secret)
        above->is.seal = stream_seal_new(STREAM_AT_VM, order->secret, order->is.to.key);
    if (order->dial.fd >= 0) {
        struct end *below = end_new(&streams->ends, order->dial.fd);
        pipe_join(pipe, &below->is, STREAM_BELOW);
        below->reads = true;
        below->wsi = adopt(streams, order->dial.fd);
        if (below->wsi) {
            lws_set_opaque_user_data(below->wsi, below);
            end_ready(below);
        } else {
            below->is.is_gone = true;
        }
    }
    if ((order->secret && !above->is.seal) || (pipe->ends[STREAM_BELOW] &&
                                               pipe->ends[STREAM_BELOW]->is_gone)) {
        pipe_join(pipe, &above->is, STREAM_ABOVE);
        end_gone(above);
    } else {
        dial(streams, pipe, above);
    }
}

static void take_claim(struct streams *streams, const struct effect_stream *order) {
    static const char taken = stream_taken;
    struct pipe *pipe = ends_pipe(&streams->ends, order->number);
    struct end *end = NULL;
    list_for(struct end, came, &streams->ends.came, node) {
        if (came->claim == order->claim)
            end = came;
    }
    if (!end || pipe->ends[order->side]) { /* it went away meanwhile */
        struct end *other = end_of(pipe->ends[STREAM_BELOW + STREAM_ABOVE - order->side]);
        if (other && !other->is.is_gone)
            end_kill(other);
        else
            ends_finish(&streams->ends, pipe);
        return;
    }
    list_remove(&end->node);
    list_init(&end->node);
    streams->ends.came_count--;
    if (*order->opens.secret)
        end->is.seal = stream_seal_new(STREAM_AT_TOP, order->opens.secret, order->opens.key);
    pipe_join(pipe, &end->is, order->side);
    bool is_right = !*order->opens.secret || (end->is.seal && pipe_unseal(&end->is));
    pipe->moved_us = (uint64_t)lws_now_usecs();
    if (is_right && end->fd >= 0)
        is_right = send(end->fd, &taken, sizeof(taken), MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
    if (is_right)
        end_ready(end);
    else
        end_kill(end);
}

static void refuse(struct streams *streams, uint64_t claim) {
    list_for(struct end, came, &streams->ends.came, node) {
        if (came->claim != claim)
            continue;
        came->is_refused = true;
        lws_callback_on_writable(came->wsi);
    }
}

static void cut(struct streams *streams, uint64_t number) {
    list_for(struct pipe, pipe, &streams->ends.pipes, node) {
        if (pipe->number != number)
            continue;
        bool has_any = false;
        pipe->is_cut = true;
        for (enum stream_side side = STREAM_BELOW; side <= STREAM_ABOVE; side++) {
            struct end *end = end_of(pipe->ends[side]);
            has_any |= end && !end->is.is_gone;
            end_kill(end);
        }
        if (!has_any)
            ends_finish(&streams->ends, pipe);
        return;
    }
}

static void order_free(struct order *order) {
    if (order->secret)
        secret_erase(order->secret, strlen(order->secret));
    if (order->token)
        secret_erase(order->token, strlen(order->token));
    memory_free(order->secret);
    memory_free(order->token);
    secret_erase(order, sizeof(*order));
    memory_free(order);
}

static void obey(struct streams *streams, const struct order *order) {
    if (*order->visitor.ticket) {
        on_visit(streams, order);
        return;
    }
    switch (order->is.order) {
    case STREAM_TAKE: take_claim(streams, &order->is); return;
    case STREAM_REFUSE: refuse(streams, order->is.claim); return;
    case STREAM_DIAL: begin_dial(streams, order); return;
    case STREAM_CUT: cut(streams, order->is.number); return;
    case STREAM_OPEN: return; /* the host's */
    }
}

static void obey_all(struct streams *streams) {
    struct list orders;
    list_init(&orders);
    pthread_mutex_lock(&streams->lock);
    list_for(struct order, waits, &streams->orders, node) {
        list_remove(&waits->node);
        list_add(&orders, &waits->node);
    }
    pthread_mutex_unlock(&streams->lock);
    list_for(struct order, order, &orders, node) {
        list_remove(&order->node);
        obey(streams, order);
        order_free(order);
    }
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length) {
    struct streams *streams = lws_context_user(lws_get_context(wsi));
    struct end *end = lws_get_opaque_user_data(wsi);
    switch ((int)reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        obey_all(streams);
        return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return on_filter(streams, wsi, user);
    case LWS_CALLBACK_ESTABLISHED:
        return on_came(streams, wsi, user);
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return on_handshake(end, wsi, in, length);
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        end->wsi = wsi;
        end->reads = true;
        end_ready(end);
        return 0;
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return end_on_bytes(end, in, length);
    case LWS_CALLBACK_RAW_RX_FILE:
        return end_on_file(end);
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
    case LWS_CALLBACK_RAW_WRITEABLE_FILE:
        return end_on_room(end);
    case LWS_CALLBACK_TIMER:
        return end ? end_on_timer(end) : 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_RAW_CLOSE_FILE:
    case LWS_CALLBACK_WSI_DESTROY: /* where on_handshake() failed, the others do not come */
        lws_set_opaque_user_data(wsi, NULL);
        if (end)
            end_gone(end);
        return 0;
    case LWS_CALLBACK_HTTP:
        return -1; /* nothing is served by plain requests */
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {protocol_name, callback, sizeof(struct came), stream_piece, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

static const lws_retry_bo_t pings = {
    .secs_since_valid_ping = ping_seconds, .secs_since_valid_hangup = hang_up_seconds,
};

static void *run(void *context) {
    struct streams *streams = context;
    bool stopping = false;
    while (!stopping && lws_service(streams->library, 0) >= 0) {
        pthread_mutex_lock(&streams->lock);
        stopping = streams->stopping;
        pthread_mutex_unlock(&streams->lock);
    }
    return NULL;
}

static int listen_at(struct streams *streams, const struct streams_settings *settings,
                     struct error *err) {
    char host[address_size] = "";
    const char *colon = strrchr(settings->listen, ':');
    bool is_v6 = settings->listen[0] == '[';
    size_t length = colon ? (size_t)(colon - settings->listen) : 0;
    if (length < 2 || length >= sizeof(host))
        return error_set(err, -EINVAL, "listen on %s: say ADDRESS:PORT", settings->listen);
    text_format(host, sizeof(host), "%.*s", (int)(length - 2 * is_v6), settings->listen + is_v6);
    const struct lws_context_creation_info info = {
        .port = (int)strtol(colon + 1, NULL, 10),
        .iface = text_equal(host, "::") ? NULL : host,
        .protocols = protocols,
        .vhost_name = "listener",
        .options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   (is_v6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6),
        .ssl_cert_filepath = settings->certificate_file,
        .ssl_private_key_filepath = settings->key_file,
        .provided_client_ssl_ctx = streams->tls,
        .retry_and_idle_policy = &pings,
    };
    streams->server = lws_create_vhost(streams->library, &info);
    return streams->server ? 0
                           : error_set(err, -EADDRINUSE, "listen on %s by the certificate %s: the "
                                       "address is in use or not ours, or the certificate or its "
                                       "key cannot be used", settings->listen,
                                       settings->certificate_file);
}

static int begin(struct streams *streams, const struct streams_settings *settings,
                 struct error *err) {
    lws_set_log_level(0, NULL);
    const struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .port = CONTEXT_PORT_NO_LISTEN,
        .fd_limit_per_thread = descriptors_most,
        .pt_serv_buf_size = read_size,
        .timeout_secs = decide_seconds,
        .user = streams,
    };
    streams->library = lws_create_context(&info);
    streams->tls = SSL_CTX_new(TLS_client_method());
    const struct lws_context_creation_info client = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .vhost_name = "client",
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .provided_client_ssl_ctx = streams->tls,
        .timeout_secs = decide_seconds,
        .connect_timeout_secs = decide_seconds,
        .retry_and_idle_policy = &pings,
    };
    streams->client = streams->library ? lws_create_vhost(streams->library, &client) : NULL;
    if (!streams->client || !streams->tls ||
        !SSL_CTX_set_min_proto_version(streams->tls, TLS1_2_VERSION))
        return error_set(err, -ENOMEM, "begin libwebsockets: it gives no context");
    if (settings->listen && listen_at(streams, settings, err))
        return err->code;
    int failed = pthread_create(&streams->thread, NULL, run, streams);
    if (failed)
        return error_set(err, -failed, "begin a thread: %s", strerror(failed));
    streams->has_thread = true;
    return 0;
}

struct streams *streams_start(const struct streams_settings *settings, struct error *err) {
    struct streams *streams = memory_new(1, sizeof(*streams));
    streams->ends.tell = settings->tell;
    streams->ends.context = settings->context;
    pthread_mutex_init(&streams->lock, NULL);
    list_init(&streams->orders);
    list_init(&streams->ends.came);
    list_init(&streams->ends.pipes);
    if (begin(streams, settings, err) == 0)
        return streams;
    streams_stop(streams);
    return NULL;
}

static void tell_nobody(void *context, const struct event_stream *news) {
    (void)context;
    (void)news;
}

void streams_stop(struct streams *streams) {
    if (!streams)
        return;
    pthread_mutex_lock(&streams->lock);
    streams->stopping = true;
    pthread_mutex_unlock(&streams->lock);
    if (streams->has_thread) {
        lws_cancel_service(streams->library);
        (void)pthread_join(streams->thread, NULL);
    }
    streams->ends.tell = tell_nobody;
    if (streams->library)
        lws_context_destroy(streams->library); /* closes all: end_gone() */
    SSL_CTX_free(streams->tls);
    list_for(struct order, order, &streams->orders, node) {
        list_remove(&order->node);
        if (order->dial.fd >= 0)
            (void)close(order->dial.fd);
        order_free(order);
    }
    pthread_mutex_destroy(&streams->lock);
    text_deinit(&streams->ends.scratch);
    memory_free(streams);
}

uint16_t streams_port(const struct streams *streams) {
    return (uint16_t)lws_get_vhost_listen_port(streams->server);
}

static void add(struct streams *streams, struct order *order) {
    pthread_mutex_lock(&streams->lock);
    list_add(&streams->orders, &order->node);
    pthread_mutex_unlock(&streams->lock);
    lws_cancel_service(streams->library);
}

void streams_order(struct streams *streams, const struct effect_stream *effect) {
    struct order *order = memory_new(1, sizeof(*order));
    order->is = *effect;
    order->dial.fd = -1;
    add(streams, order);
}

void streams_dial(struct streams *streams, const struct stream_dial *dialled) {
    struct order *order = memory_new(1, sizeof(*order));
    order->is = (struct effect_stream){.order = STREAM_DIAL, .number = dialled->number,
                                       .to = dialled->to};
    order->dial.fd = dialled->fd;
    order->secret = memory_text(dialled->secret);
    order->token = memory_text(dialled->token);
    add(streams, order);
}

void streams_visit(struct streams *streams, const struct stream_visit *visit) {
    struct order *order = memory_new(1, sizeof(*order));
    order->dial.fd = visit->fd;
    secret_hash_bytes(visit->ticket, strlen(visit->ticket), order->visitor.ticket);
    text_set(order->visitor.token_hash, visit->token_hash);
    text_set(order->visitor.from, visit->from);
    add(streams, order);
}
