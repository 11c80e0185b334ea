/* Calls the role of the kind that was made: there is one of them in a process. */
#include "core/role.h"

#include "base/memory.h"
#include "core/agent/agent.h"
#include "core/agent/vm.h"
#include "core/downstream/downstream.h"
#include "core/downstream/lending.h"
#include "core/link/joiner.h"
#include "core/upstream/step.h"
#include "core/upstream/upstream.h"

struct role {
    enum role_kind kind;
    union { /* each of its own size: an agent is a tenth of a manager */
        struct upstream *upstream;
        struct downstream *downstream;
        struct agent *agent;
        struct joiner *joiner;
    };
};

struct role *role_new(const struct role_settings *settings) {
    struct role *role = memory_new(1, sizeof(*role));
    role->kind = settings->kind;
    switch (role->kind) {
    case ROLE_UPSTREAM:
        role->upstream = memory_new(1, sizeof(*role->upstream));
        upstream_init(role->upstream, settings);
        break;
    case ROLE_DOWNSTREAM:
        role->downstream = memory_new(1, sizeof(*role->downstream));
        downstream_init(role->downstream, settings);
        break;
    case ROLE_AGENT:
        role->agent = memory_new(1, sizeof(*role->agent));
        agent_init(role->agent, settings);
        break;
    case ROLE_JOINER:
        role->joiner = memory_new(1, sizeof(*role->joiner));
        joiner_init(role->joiner, settings);
        break;
    }
    return role;
}

void role_free(struct role *role) {
    if (!role)
        return;
    switch (role->kind) {
    case ROLE_UPSTREAM:
        upstream_deinit(role->upstream);
        memory_free(role->upstream);
        break;
    case ROLE_DOWNSTREAM:
        downstream_deinit(role->downstream);
        memory_free(role->downstream);
        break;
    case ROLE_AGENT:
        agent_deinit(role->agent);
        memory_free(role->agent);
        break;
    case ROLE_JOINER:
        memory_free(role->joiner);
        break;
    }
    memory_free(role);
}

void role_step(struct role *role, const struct event *event, struct effects *out) {
    switch (role->kind) {
    case ROLE_UPSTREAM:
        upstream_step(role->upstream, event, out);
        return;
    case ROLE_DOWNSTREAM:
        downstream_step(role->downstream, event, out);
        return;
    case ROLE_AGENT:
        agent_step(role->agent, event, out);
        return;
    case ROLE_JOINER:
        joiner_step(role->joiner, event, out);
        return;
    }
}

uint64_t role_deadline_ms(const struct role *role) {
    switch (role->kind) {
    case ROLE_UPSTREAM:
        return upstream_deadline_ms(role->upstream);
    case ROLE_DOWNSTREAM:
        return downstream_deadline_ms(role->downstream);
    case ROLE_AGENT:
        return agent_deadline_ms(role->agent);
    case ROLE_JOINER:
        return joiner_deadline_ms(role->joiner);
    }
    return UINT64_MAX;
}

void role_check(const struct role *role) {
    switch (role->kind) {
    case ROLE_UPSTREAM:
        upstream_check(role->upstream);
        return;
    case ROLE_DOWNSTREAM:
        downstream_check(role->downstream);
        return;
    case ROLE_AGENT:
        agent_check(role->agent);
        return;
    case ROLE_JOINER:
        return;
    }
}

const struct book *role_book(const struct role *role) {
    switch (role->kind) {
    case ROLE_UPSTREAM:
        return &role->upstream->manager.book;
    case ROLE_DOWNSTREAM:
        return &role->downstream->manager.book;
    case ROLE_AGENT:
        return &role->agent->book;
    case ROLE_JOINER:
        return NULL;
    }
    return NULL;
}

const struct downlink *role_downlink(const struct role *role) {
    return role->kind == ROLE_UPSTREAM ? &role->upstream->manager.downlink
                                       : &role->downstream->manager.downlink;
}

enum wait role_waits(const struct role *role, const struct book_op *op) {
    struct waiting waiting;
    explain_wait(role_downlink(role), op, &waiting);
    enum wait wait = waiting.wait;
    record_clear(&waiting_table, &waiting);
    return wait;
}

const struct pace *role_pace(const struct role *role) {
    return &role_downlink(role)->pace;
}

enum join_verdict role_verdict(const struct role *role, bool *out_connected) {
    *out_connected = role->joiner->is_connected;
    return role->joiner->is_answered ? role->joiner->verdict : JOIN_VERDICT_COUNT;
}
