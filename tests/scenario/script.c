#include "tests/scenario/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/actors/workload.h"
#include "sim/laws/laws.h"
#include "sim/laws/rest.h"
#include "sim/parts/domain.h"
#include "sim/parts/loop.h"
#include "sim/parts/process.h"
#include "sim/runs/run.h"

static const char tenant_token[] =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void ask(struct script *script, struct request *request, const char *token) {
    text_set(request->token_hash, token);
    workload_send(script->world, script->cloud, request);
}

static void prepare(struct script *script) {
    struct request tenant = {.kind = REQUEST_TENANT_CREATE, .tenant_create.name = "tenant"};
    struct request image = {.kind = REQUEST_IMAGE_ADD,
                            .image = {.name = "tiny", .disk_gib = 1}};
    text_set(tenant.new_token_hash, tenant_token);
    text_format(image.image.digest, sizeof(image.image.digest), "%064u", 7);
    ask(script, &tenant, "operator");
    ask(script, &image, "operator");
}

struct script *script_new(void) {
    struct script *script = memory_new(1, sizeof(*script));
    struct sim_settings settings = settings_default();
    settings_calm(&settings);
    settings.clusters = 1;
    settings.agents = 2;
    script->world = run_begin(&settings, NULL);
    script->cloud = script->world->nodes[0];
    script->cluster = script->world->nodes[1];
    script->hosts[0] = script->world->nodes[2];
    script->hosts[1] = script->world->nodes[3];
    script_wait(script, 10);
    prepare(script);
    script->world->story = &script->story;
    return script;
}

void script_free(struct script *script) {
    run_free(script->world);
    text_deinit(&script->story);
    memory_free(script);
}

void script_wait(struct script *script, uint64_t seconds) {
    loop_run(script->world, script->world->now_ms + seconds * 1000);
}

void script_create(struct script *script, const char *name, const char *key) {
    struct request request = {.kind = REQUEST_VM_CREATE, .vm_create = {.start = true}};
    text_set(request.vm_create.name, name);
    text_set(request.idempotency_key, key);
    text_format(request.vm_create.shape, sizeof(request.vm_create.shape), "shape0");
    text_format(request.vm_create.image, sizeof(request.vm_create.image), "tiny");
    ask(script, &request, tenant_token);
}

void script_act(struct script *script, const char *name, enum verb verb, uint64_t deadline_ms) {
    struct request request = {.kind = REQUEST_VM_ACT, .verb = verb, .deadline_ms = deadline_ms};
    text_set(request.key, name);
    ask(script, &request, tenant_token);
}

void script_resize(struct script *script, const char *name, const char *shape,
                   uint64_t deadline_ms) {
    struct request request = {.kind = REQUEST_VM_ACT, .verb = VERB_RESIZE,
                              .deadline_ms = deadline_ms};
    text_set(request.key, name);
    text_set(request.reshape.shape, shape);
    ask(script, &request, tenant_token);
}

void script_rename(struct script *script, const struct sim_node *host, const char *name) {
    struct role_settings *settings = &script->cluster->settings;
    for (size_t i = 0; i < settings->agents_count; i++) {
        struct peer_setting *peer = (struct peer_setting *)(uintptr_t)&settings->agents[i];
        if (text_equal(peer->name, host->name))
            text_set(peer->name, name);
    }
    map_put(&script->world->names, name, (struct sim_node *)(uintptr_t)host);
    process_crash(script->world, script->cluster, 1000);
}

void script_quota(struct script *script, uint64_t vms) {
    struct request request = {.kind = REQUEST_TENANT_QUOTA, .key = "tenant", .limits.vms = vms};
    ask(script, &request, "operator");
    script_wait(script, 1);
    text_clear(&script->story);
}

static const struct vm *find(const struct script *script, const char *name) {
    const struct book *book = role_book(script->cloud->role);
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &book->vms) {
        const struct vm *vm = &container_of(at, struct book_vm, by_age)->record;
        if (text_equal(vm->name, name))
            return vm;
    }
    return NULL;
}

bool script_vm_is(const struct script *script, const char *name, enum vm_state state) {
    const struct vm *vm = find(script, name);
    const struct sim_vm *there = vm ? domain_vm(script->world, vm->id) : NULL;
    return there && vm->state == state &&
           rest_is_true(container_of(there->domains.next, struct sim_domain, by_vm), state);
}

uint32_t script_memory_mib(const struct script *script, const char *name) {
    return find(script, name)->size.memory_mib;
}

uint64_t script_vms(const struct script *script) {
    return role_book(script->cloud->role)->vms_count;
}

void script_tells(struct script *script, const char *expected) {
    assert_string_equal(text_data(&script->story), expected);
    text_clear(&script->story);
}

void script_ends(struct script *script) {
    run_heal(script->world);
    laws_check_end(script->world); /* ends the process where a law is broken */
    script_free(script);
}
