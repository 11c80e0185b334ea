/* What a tenant decides of a VM that no cluster needs to know: its name, its metadata, its lock.
 * The name that it was made with stays below, as the guest's. */
#include "core/upstream/keep.h"

#include <string.h>

#include "base/memory.h"
#include "core/upstream/operations.h"
#include "core/upstream/upstream.h"

static bool is_stale(const struct call *call, const struct book_vm *vm) {
    struct interfaces_shown space;
    struct vm shown = upstream_shown(call->upstream, vm, &space);
    return call_is_stale(call, &vm_table, &shown);
}

bool upstream_may_act(const struct call *call, const struct book_vm *vm) {
    enum verb verb = call->request->verb;
    if (verb_reaches[verb] == VERB_UNBUILT || verb_reaches[verb] == VERB_AMONG_HOSTS)
        call_problem(call, CODE_UNSUPPORTED, "", "this manager cannot %s a VM yet",
                     verb_names[verb]);
    else if (is_stale(call, vm))
        call_problem(call, CODE_STALE, "If-Match", "VM '%s' has changed since it was read",
                     vm->record.name);
    else if (vm->record.locked_ms && verb != VERB_UNLOCK)
        call_problem(call, CODE_LOCKED, "", "VM '%s' is locked, so that nobody can %s it",
                     vm->record.name, verb_names[verb]);
    else
        return true;
    return false;
}

/* The map's keys stand in the records. */
static void rename_vm(const struct call *call, struct book_vm *vm) {
    struct tenant_entry *tenant =
        map_get(&call->upstream->tenants_by_name, vm->record.asker);
    map_remove(&tenant->vm_names, vm->record.name);
    text_set(vm->record.name, call->request->vm_rename.name);
    map_put(&tenant->vm_names, vm->record.name, vm);
}

static bool is_name_free(const struct call *call, const struct book_vm *vm) {
    const char *name = call->request->vm_rename.name;
    const struct tenant_entry *tenant =
        map_get(&call->upstream->tenants_by_name, vm->record.asker);
    const struct book_vm *other = map_get(&tenant->vm_names, name);
    if (!other || other == vm)
        return true;
    call_problem(call, CODE_CONFLICT, "name", "there is a VM named '%s' already", name);
    return false;
}

static uint64_t length(const char *said) { return said ? strlen(said) : 0; }

bool upstream_admit_said(const struct call *call, const struct tenant_entry *tenant,
                         uint64_t bytes, uint64_t instead_of) {
    const uint64_t own = tenant->said_bytes - instead_of + bytes;
    const uint64_t all = call->upstream->said_bytes - instead_of + bytes;
    if (bytes <= instead_of || (own <= limit_said_tenant && all <= limit_said))
        return true;
    call_problem(call, CODE_FULL, "", own > limit_said_tenant
                     ? "metadata and titles of your VMs take %d bytes at most: say less of some"
                     : "this manager keeps at most %d bytes of metadata and titles",
                 own > limit_said_tenant ? limit_said_tenant : limit_said);
    return false;
}

/* The text of the VM's that the request sets, and to what. */
static char **edited(const struct call *call, struct book_vm *vm, const char **out_to) {
    const struct request *request = call->request;
    bool titles = request->body == &vm_title_table;
    *out_to = titles ? request->vm_title.title : request->vm_edit.metadata;
    return titles ? &vm->record.title : &vm->record.metadata;
}

static bool admits_edit(const struct call *call, struct book_vm *vm) {
    const struct tenant_entry *tenant =
        map_get(&call->upstream->tenants_by_name, vm->record.asker);
    const char *to = NULL, *was = *edited(call, vm, &to);
    return upstream_admit_said(call, tenant, length(to), length(was));
}

static void edit_vm(const struct call *call, struct book_vm *vm) {
    struct tenant_entry *tenant =
        map_get(&call->upstream->tenants_by_name, vm->record.asker);
    const char *to = NULL;
    char **text = edited(call, vm, &to);
    upstream_count_said(call->upstream, tenant, *text, UINT64_MAX);
    memory_free(*text);
    *text = memory_text(to);
    upstream_count_said(call->upstream, tenant, *text, 1);
}

struct book_op *upstream_keep(const struct call *call, struct book_vm *vm, uint64_t allowed_ms) {
    const struct operation operation = {.verb = call->request->verb, .deadline_ms = allowed_ms};
    struct vm *record = &vm->record;
    if (operation.verb == VERB_RENAME && !is_name_free(call, vm))
        return NULL;
    if (operation.verb == VERB_EDIT && !admits_edit(call, vm))
        return NULL;
    struct book_op *op = upstream_begin(call->upstream, vm, &operation);
    op->record.timeline->by = call->tenant ? BY_ASKER : BY_OPERATOR;
    if (operation.verb == VERB_RENAME) {
        rename_vm(call, vm);
    } else if (operation.verb == VERB_EDIT) {
        edit_vm(call, vm);
    } else if (operation.verb == VERB_LOCK) {
        record->locked_ms = call->moment->wall_ms;
    } else if (operation.verb == VERB_UNLOCK) {
        record->locked_ms = 0;
    }
    upstream_end(call->upstream, op, CODE_OK);
    return op;
}
