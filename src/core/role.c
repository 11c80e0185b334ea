#include "core/role.h"

#include "base/memory.h"
#include "core/agent.h"
#include "core/downstream.h"
#include "core/upstream.h"

struct role {
    enum role_kind kind;
    union { /* each of its own size: an agent is a tenth of a manager */
        struct upstream *upstream;
        struct downstream *downstream;
        struct agent *agent;
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
    }
}

const struct book *role_book(const struct role *role) {
    switch (role->kind) {
    case ROLE_UPSTREAM:
        return &role->upstream->book;
    case ROLE_DOWNSTREAM:
        return &role->downstream->book;
    case ROLE_AGENT:
        return &role->agent->book;
    }
    return NULL;
}
