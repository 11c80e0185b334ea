/* What the operator lets a tenant's new VMs use: clusters, shapes and images, by name. It is asked
 * when a VM is asked for, and of clusters again each time that one is chosen; VMs that there are
 * stay as and where they are. */
#include "core/upstream/permit.h"

#include <string.h>

#include "core/upstream/quota.h"
#include "core/upstream/upstream.h"

static const struct {
    const char *noun, *field;
    enum code unknown;
    const char *remedy;
} kinds[PERMIT_COUNT] = {
    [PERMIT_CLUSTER] = {"cluster", "clusters", CODE_NOT_FOUND,
                        "'isthmus cluster list' shows those that there are"},
    [PERMIT_SHAPE] = {"shape", "shapes", CODE_UNKNOWN_SHAPE,
                      "'isthmus shape list' shows those that there are"},
    [PERMIT_IMAGE] = {"image", "images", CODE_UNKNOWN_IMAGE, "import it first"},
};

static const char *words_of(const struct tenant_permissions *permissions, enum permit what) {
    const char *const words[PERMIT_COUNT] = {[PERMIT_CLUSTER] = permissions->clusters,
                                             [PERMIT_SHAPE] = permissions->shapes,
                                             [PERMIT_IMAGE] = permissions->images};
    return words[what];
}

/* A tenant's own images are its to use, whatever else it may. */
static bool is_own(const struct upstream *upstream, const struct tenant_entry *tenant,
                   const char *name) {
    const struct image_entry *image = map_get(&upstream->images_by_name, name);
    return image && text_equal(image->record.tenant, tenant->record.name);
}

static bool is_hidden(const struct upstream *upstream, const struct tenant_entry *tenant,
                      const char *name) {
    const struct image_entry *image = map_get(&upstream->images_by_name, name);
    return image && !upstream_image_is_for(&image->record, tenant->record.name);
}

bool upstream_permits(const struct call *call, const struct tenant_entry *tenant,
                      enum permit what, const char *name) {
    if (words_allow(words_of(&tenant->record.permissions, what), name) ||
        (what == PERMIT_IMAGE && is_own(call->upstream, tenant, name)))
        return true;
    call_problem(call, CODE_NOT_ALLOWED, kinds[what].noun,
                 "VMs of tenant '%s' may not use %s '%s'; 'isthmus tenant show' tells what they "
                 "may",
                 tenant->record.name, kinds[what].noun, name);
    return false;
}

bool upstream_permits_vm(const struct call *call) {
    const struct vm_create *wish = &call->request->vm_create;
    const char *cluster = wish->placing.cluster;
    return upstream_permits(call, call->tenant, PERMIT_SHAPE, wish->shape) &&
           upstream_permits(call, call->tenant, PERMIT_IMAGE, wish->image) &&
           (!*cluster || upstream_permits(call, call->tenant, PERMIT_CLUSTER, cluster));
}

bool upstream_shows(const struct call *call, enum permit what, const char *name) {
    const struct tenant_entry *tenant = call->tenant;
    if (!tenant || (what == PERMIT_IMAGE && is_own(call->upstream, tenant, name)))
        return true;
    return words_allow(words_of(&tenant->record.permissions, what), name) &&
           (what != PERMIT_IMAGE || !is_hidden(call->upstream, tenant, name));
}

static bool is_there(const struct upstream *upstream, enum permit what, const char *name) {
    switch (what) {
    case PERMIT_CLUSTER:
        return downlink_by_name(&upstream->manager.downlink, name);
    case PERMIT_SHAPE:
        return upstream_find_shape(upstream, name);
    case PERMIT_IMAGE:
        return map_get(&upstream->images_by_name, name);
    case PERMIT_COUNT:
        break;
    }
    return false;
}

/* What stood there before may be gone: it stays, so that the rest can be changed. Anything else
 * that is not there is a slip of the pen. False: it is answered. */
static bool are_known(const struct call *call, const struct tenant_entry *tenant,
                      enum permit what) {
    const char *old = words_of(&tenant->record.permissions, what);
    const char *word = words_of(&call->request->tenant_permissions, what);
    char name[limit_name_size];
    while (word && *word) {
        const char *end = strchr(word, ' '), *next = end ? end + 1 : NULL;
        size_t length = end ? (size_t)(end - word) : strlen(word);
        if (length == 0 || (next && !*next)) {
            call_problem(call, CODE_INVALID, kinds[what].field,
                         "between names stands one blank, and none before or after %s", "them");
            return false;
        }
        text_format(name, sizeof(name), "%.*s", (int)length, word);
        if (length >= sizeof(name) ||
            (!words_have(old, name) && !is_there(call->upstream, what, name))) {
            call_problem(call, kinds[what].unknown, kinds[what].field,
                         "there is no %s '%s': %s", kinds[what].noun, name, kinds[what].remedy);
            return false;
        }
        word = next;
    }
    return true;
}

void upstream_set_permissions(const struct call *call) {
    static const struct tenant_permissions all = {0};
    bool sets = call->request->kind == REQUEST_TENANT_PERMISSIONS_SET;
    const struct tenant_permissions *wanted = sets ? &call->request->tenant_permissions : &all;
    struct tenant_entry *tenant =
        map_get(&call->upstream->tenants_by_name, call->request->key);
    if (!tenant) {
        call_not_found(call, "tenant");
        return;
    }
    for (enum permit what = PERMIT_CLUSTER; sets && what < PERMIT_COUNT; what++)
        if (!are_known(call, tenant, what))
            return;
    record_clear(&tenant_permissions_table, &tenant->record.permissions);
    record_clone(&tenant_permissions_table, wanted, &tenant->record.permissions);
    effects_save(call->moment->out, &tenant_table, &tenant->record);
    upstream_answer_account(call, tenant);
}
