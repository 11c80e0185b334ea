/* By which token who is known, and what may be asked by it. A tenant's first token stands in its
 * record, too, which is where an older version looks for it. */
#include "core/upstream/account/asker.h"

/* May the tenant that asks not have this? */
static bool is_for_operators(const struct call *call) {
    unsigned asks = request_rules[call->request->kind].asks;
    bool own = (asks & ASKS_NAMED) && text_equal(call->request->key, call->tenant->record.name);
    return (asks & ASKS_OPERATOR) && !(asks & ASKS_TENANT) && !own;
}

/* Whose the token is; false: nobody's. */
static bool identify(struct call *call) {
    struct upstream *upstream = call->upstream;
    const char *hash = call->request->token_hash;
    if (*hash && text_equal(hash, upstream->settings.operator_token_hash))
        return true;
    call->token = access_find(&upstream->access, hash, call->moment->wall_ms);
    if (!call->token)
        return false;
    access_used(&upstream->access, call->moment, call->token);
    if (*call->token->tenant)
        call->tenant = map_get(&upstream->tenants_by_name, call->token->tenant);
    return true;
}

/* Is it asked by the token that is good for this alone? */
static bool is_of_purpose(const struct call *call) {
    const struct role_settings *settings = &call->upstream->settings;
    const char *hash = call->request->token_hash;
    bool is_chats = request_rules[call->request->kind].asks & ASKS_CHAT;
    return *hash && ((is_chats && text_equal(hash, settings->chat_token_hash)) ||
                     (call->request->kind == REQUEST_METRICS &&
                      text_equal(hash, settings->metrics_token_hash)));
}

static bool authenticate(struct call *call) {
    const char *hash = call->request->token_hash;
    bool is_known = identify(call);
    if (is_of_purpose(call))
        return true;
    if (!is_known)
        call_problem(call, CODE_UNAUTHENTICATED, "Authorization",
                     "%s", *hash ? "this token is not known: it may have expired, or be revoked"
                                 : "a bearer token is needed");
    else if (request_rules[call->request->kind].asks == ASKS_CHAT)
        call_problem(call, CODE_FORBIDDEN, "", "%s",
                     "only isthmus-xmpp may do this, by the token of [notify] chat_token_file");
    else if (call->tenant && is_for_operators(call))
        call_problem(call, CODE_FORBIDDEN, "", "only the operator may do this, not tenant '%s'",
                     call->tenant->record.name);
    else if (call->token && call->token->rights > request_needs(call->request->kind))
        call_problem(call, CODE_FORBIDDEN, "", "the token '%s' has the rights '%s': this needs one "
                     "with '%s'", call->token->name, rights_names[call->token->rights],
                     rights_names[request_needs(call->request->kind)]);
    else
        return true;
    return false;
}

bool upstream_admits(struct call *call) {
    if (call->upstream->manager.stopping)
        call_problem(call, CODE_SHUTTING_DOWN, "", "%s", "the manager is stopping");
    return !call->upstream->manager.stopping && authenticate(call);
}

/* Tenants make tokens for themselves, operators for whomever they name. */
void upstream_create_access(const struct call *call) {
    struct upstream *upstream = call->upstream;
    const char *wanted = call->request->access_create.tenant;
    const struct tenant_entry *tenant = call->tenant;
    if (!tenant && *wanted)
        tenant = map_get(&upstream->tenants_by_name, wanted);
    if (*wanted && !(tenant && text_equal(tenant->record.name, wanted))) {
        call_problem(call, call->tenant ? CODE_FORBIDDEN : CODE_NOT_FOUND, "tenant",
                     call->tenant ? "a token for tenant '%s' is the operator's to make"
                                  : "there is no tenant '%s'", wanted);
        return;
    }
    if (call->tenant && *call->request->access_create.identity) {
        call_problem(call, CODE_FORBIDDEN, "identity", "%s",
                     "whom the OpenID provider lets in, and as whom, the operator says");
        return;
    }
    const struct access_asker asker = {tenant ? tenant->record.name : "",
                                       tenant ? tenant->record.created_ms : 0};
    access_create(call, &upstream->access, &asker);
}

/* A tenant's first token stands in its record, too, where an older version would find it. */
static void forget_first(const struct call *call, struct tenant *tenant) {
    struct prng *prng = &call->upstream->manager.prng;
    if (!*tenant->salt)
        text_set(tenant->salt, tenant->token_hash);
    for (size_t at = 0; at + 1 < limit_digest_size; at += 16)
        text_format(tenant->token_hash + at, limit_digest_size - at, "%016llx",
                    (unsigned long long)prng_next(prng));
    effects_save(call->moment->out, &tenant_table, tenant);
}

void upstream_revoke_access(const struct call *call) {
    struct upstream *upstream = call->upstream;
    struct access_token gone;
    if (!access_revoke(call, &upstream->access, call->tenant ? call->tenant->record.name : "",
                       &gone))
        return;
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, gone.tenant);
    if (tenant && text_equal(tenant->record.token_hash, gone.token_hash))
        forget_first(call, &tenant->record);
}

static bool is_tenant(const void *context, const struct access_asker *asker) {
    const struct upstream *upstream = context;
    const struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, asker->tenant);
    return tenant && tenant->record.created_ms == asker->tenant_ms;
}

/* An older version may have been here since: it knows of a tenant's first token alone. */
void upstream_begin_access(struct upstream *upstream) {
    const struct moment *moment = &upstream->manager.moment;
    access_sweep(&upstream->access, moment, is_tenant, upstream);
    list_for(const struct tenant_entry, tenant, &upstream->tenants, by_name) {
        const struct access_asker asker = {tenant->record.name, tenant->record.created_ms};
        if (!*tenant->record.salt)
            access_add_first(&upstream->access, moment, &asker, tenant->record.token_hash);
    }
}
