/* What a VM's record can be made of again: what its cluster tells, what the operator says, and what
 * catalogue and images say of its size and digest. */
#include "core/upstream/adopt.h"

#include "core/below/peer.h"
#include "core/books/reshape.h"
#include "core/manager/leftovers.h"
#include "core/manager/operations.h"
#include "core/upstream/upstream.h"

static const char *image_named(const struct upstream *upstream, const char *digest,
                               const char *tenant) {
    list_for(const struct image_entry, image, &upstream->images, by_name) {
        if (*digest && text_equal(image->record.digest, digest) &&
            upstream_image_is_for(&image->record, tenant))
            return image->record.name;
    }
    return "";
}

/* False, and that is answered. */
static bool may_be_had(const struct call *call) {
    const struct leftover_choice *choice = &call->request->leftover;
    const struct tenant_entry *tenant =
        map_get(&call->upstream->tenants_by_name, choice->asker);
    if (!tenant)
        call_problem(call, *choice->asker ? CODE_NOT_FOUND : CODE_INVALID, "tenant",
                     *choice->asker ? "there is no tenant '%s'" : "say whose it becomes%s",
                     choice->asker);
    else if (!*choice->name)
        call_problem(call, CODE_INVALID, "name", "say what '%s' is to call it", choice->asker);
    else if (map_get(&tenant->vm_names, choice->name))
        call_problem(call, CODE_CONFLICT, "name", "there is a VM named '%s' already",
                     choice->name);
    else
        return true;
    return false;
}

static struct book_vm *add(const struct call *call, const struct left *left) {
    struct upstream *upstream = call->upstream;
    const struct downlink *downlink = &upstream->manager.downlink;
    uint64_t now = call->moment->wall_ms;
    struct stored_vm record = {.vm = {.size = left->is.size, .state = left->is.state,
                                      .generation = 1, .created_ms = now, .changed_ms = now}};
    int shape = downlink_shape(downlink, &left->is.size);
    text_set(record.vm.id, left->is.vm);
    text_set(record.vm.name, call->request->leftover.name);
    text_set(record.vm.asker, call->request->leftover.asker);
    text_set(record.vm.digest, left->is.image);
    text_set(record.vm.image, image_named(upstream, left->is.image, record.vm.asker));
    bool is_believed = upstream_believes_networks(upstream, NULL, left->is.networks);
    reshape_take_in(&record, is_believed ? left->is.networks : "");
    if (shape >= 0)
        text_set(record.vm.shape, downlink->catalogue[shape].name);
    struct book_vm *vm = book_add_vm(&upstream->manager.book, &record);
    upstream_link_vm(upstream, vm);
    return vm;
}

void upstream_adopt(const struct call *call) {
    struct manager *manager = &call->upstream->manager;
    struct peer *peer = NULL;
    struct left *left = leftovers_find(call, manager, &peer);
    struct book_vm *vm = left ? book_vm(&manager->book, left->is.vm) : NULL;
    if (!left || !leftovers_may_be_taken(call, left, vm) || (!vm && !may_be_had(call)))
        return;
    call_answer(call, REPLY_RECORD, &leftover_table, &left->is);
    if (!vm)
        vm = add(call, left);
    enum vm_state state = left->is.state;
    leftovers_take_in(peer, left, vm);
    manager_set_state(manager, vm, state);
    book_save_vm(&manager->book, vm);
}
