/* What has to hold before an image is added or goes: its name is free, and no VM stands on it. What
 * is said of one may be said again with the same archive. */
#include "core/upstream/images/images.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/upstream/permit.h"
#include "core/upstream/quota.h"
#include "core/upstream/images/retired.h"
#include "core/upstream/upstream.h"

struct image_entry *images_find(const struct upstream *upstream,
                                const struct tenant_entry *tenant, const char *name) {
    struct image_entry *image = map_get(&upstream->images_by_name, name);
    return image && upstream_image_is_for(&image->record, tenant->record.name) ? image : NULL;
}

struct image images_shown(const struct call *call, const struct image *image) {
    struct image shown = *image;
    if (call->tenant && !text_equal(image->tenant, call->tenant->record.name))
        shown.tenant[0] = 0;
    return shown;
}

bool images_fit(const struct call *call, const struct image *image, const struct size *size,
                const char *field) {
    if (image->disk_gib > size->disk_gib)
        call_problem(call, CODE_IMAGE_TOO_LARGE, field,
                     "image '%s' needs a disk of %u GiB, there would be %u GiB", image->name,
                     image->disk_gib, size->disk_gib);
    else if (image->least_cpus > size->cpus)
        call_problem(call, CODE_IMAGE_TOO_LARGE, field,
                     "image '%s' needs %u CPUs, there would be %u", image->name,
                     image->least_cpus, size->cpus);
    else if (image->least_memory_mib > size->memory_mib)
        call_problem(call, CODE_IMAGE_TOO_LARGE, field,
                     "image '%s' needs %u MiB of memory, there would be %u MiB", image->name,
                     image->least_memory_mib, size->memory_mib);
    else
        return true;
    return false;
}

/* What was said of an archive before stays where nothing else is said of it now. */
static void keep_words(struct image *image, const struct image *old) {
    if (image->disk_gib < old->disk_gib)
        image->disk_gib = old->disk_gib;
    machine_complete(&image->machine, &old->machine);
    if (!image->least_cpus)
        image->least_cpus = old->least_cpus;
    if (!image->least_memory_mib)
        image->least_memory_mib = old->least_memory_mib;
    if (!image->cloud_init)
        image->cloud_init = old->cloud_init;
    if (!image->guest_agent)
        image->guest_agent = old->guest_agent;
}

/* Records it, with the archive of `archive`, under its own name. */
static void keep(const struct call *call, struct image *image, const struct image *archive) {
    struct upstream *upstream = call->upstream;
    struct image_entry *entry = map_get(&upstream->images_by_name, image->name);
    text_set(image->digest, archive->digest);
    text_set(image->architecture, archive->architecture);
    image->archive_bytes = archive->archive_bytes;
    image->created_ms = call->moment->wall_ms;
    keep_words(image, archive);
    if (entry)
        keep_words(image, &entry->record);
    text_set(image->tenant, entry          ? entry->record.tenant
                            : call->tenant ? call->tenant->record.name
                                           : "");
    image->shared = entry && entry->record.shared;
    if (entry)
        image->created_ms = entry->record.created_ms;
    retired_take_back(call->upstream, image->digest);
    if (!entry || !record_equal(&image_table, image, &entry->record))
        effects_save(call->moment->out, &image_table, image);
    if (entry)
        entry->record = *image; /* it owns nothing */
    else
        entry = upstream_add_image(upstream, image);
    call_answer(call, REPLY_CREATED, &image_table, &entry->record);
}

/* Is it made of that file? */
static bool is_of(const struct image *image, const struct image *said) {
    return text_equal(*image->source ? image->source : image->digest, said->source);
}

/* And for that processor, where one is said? */
static bool is_as(const struct image *image, const struct image *said) {
    return is_of(image, said) &&
           (!*said->architecture || text_equal(said->architecture, image->architecture));
}

static bool is_named_for(const char *name, const char *tenant) {
    return text_starts(name, tenant) && name[strlen(tenant)] == '-';
}

static uint32_t images_of(const struct upstream *upstream, const char *tenant) {
    uint32_t count = 0;
    list_for(const struct image_entry, it, &upstream->images, by_name) {
        count += text_equal(it->record.tenant, tenant);
    }
    return count;
}

/* A tenant's images bear its name, so that nobody learns of another's by a name that is taken. */
static bool admit_tenant(const struct call *call, const struct image_entry *entry) {
    const char *name = call->request->image.name, *tenant = call->tenant->record.name;
    if (!call->tenant->record.images_gib)
        call_problem(call, CODE_QUOTA_EXCEEDED, "name", "%s", "your quota has no room for images "
                     "of your own: ask the operator for some");
    else if (!is_named_for(name, tenant))
        call_problem(call, CODE_INVALID, "name", "of an image of yours begins with your own and a "
                     "hyphen: %s-…", tenant);
    else if (entry && !text_equal(entry->record.tenant, tenant))
        call_problem(call, CODE_CONFLICT, "name", "an image named '%s' is there already", name);
    else if (!entry && images_of(call->upstream, tenant) >= limit_tenant_images)
        call_problem(call, CODE_FULL, "", "a tenant keeps at most %d images",
                     limit_tenant_images);
    else
        return true;
    return false;
}

/* Is there room for so many bytes more? */
static bool admit_bytes(const struct call *call, uint64_t bytes) {
    static const uint64_t gib = UINT64_C(1) << 30, mib = UINT64_C(1) << 20;
    if (!call->tenant)
        return true;
    uint64_t quota = call->tenant->record.images_gib * gib;
    uint64_t used = upstream_images_bytes(call->upstream, call->tenant);
    if (used <= quota && bytes <= quota - used)
        return true;
    call_problem(call, CODE_QUOTA_EXCEEDED, "name",
                 "your quota for images is %llu GiB, of which %llu MiB are used; this takes %llu "
                 "MiB more",
                 (unsigned long long)(quota / gib), (unsigned long long)(used / mib),
                 (unsigned long long)((bytes + mib - 1) / mib));
    return false;
}

/* The name is free, or stands for the same. */
static bool admit_name(const struct call *call, const struct image_entry *entry, bool is_same) {
    const char *name = call->request->image.name;
    if (call->tenant && !admit_tenant(call, entry))
        return false;
    if (entry && !is_same)
        call_problem(call, CODE_CONFLICT, "name",
                     "an image named '%s' with other contents is there already", name);
    else if (!entry && call->upstream->images_by_name.count >= limit_images)
        call_problem(call, CODE_FULL, "", "this manager keeps at most %d images", limit_images);
    else
        return true;
    return false;
}

void images_admit(const struct call *call) {
    struct upstream *upstream = call->upstream;
    struct image image = call->request->image;
    const struct image_entry *entry = map_get(&upstream->images_by_name, image.name);
    const struct image_entry *there = NULL;
    bool is_said = *image.source;
    list_for(const struct image_entry, it, &upstream->images, by_name) {
        if (is_said && !there && is_as(&it->record, &image) &&
            (!call->tenant || upstream_shows(call, PERMIT_IMAGE, it->record.name)))
            there = it;
    }
    if (!admit_name(call, entry, !is_said || (entry && is_of(&entry->record, &image))))
        return;
    if (!entry && !admit_bytes(call, there ? there->record.archive_bytes : image.archive_bytes))
        return;
    if (there) {
        keep(call, &image, &there->record);
        return;
    }
    struct whoami go_on = {0};
    text_format(go_on.role, sizeof(go_on.role), call->tenant ? "tenant" : "operator");
    if (call->tenant)
        text_set(go_on.tenant, call->tenant->record.name);
    call_answer(call, REPLY_RECORD, &whoami_table, &go_on);
}

void images_add(const struct call *call) {
    struct image image = call->request->image;
    const struct image_entry *entry = map_get(&call->upstream->images_by_name, image.name);
    if (admit_name(call, entry, entry && text_equal(entry->record.digest, image.digest)) &&
        (entry || admit_bytes(call, image.archive_bytes)))
        keep(call, &image, &call->request->image);
}

void images_delete(const struct call *call) {
    struct upstream *upstream = call->upstream;
    struct image_entry *image = map_get(&upstream->images_by_name, call->request->key);
    if (!image) {
        call_problem(call, CODE_NOT_FOUND, "image", "there is no image '%s'", call->request->key);
        return;
    }
    if (call->tenant && !text_equal(image->record.tenant, call->tenant->record.name)) {
        bool is_shown = upstream_shows(call, PERMIT_IMAGE, call->request->key);
        call_problem(call, is_shown ? CODE_FORBIDDEN : CODE_NOT_FOUND, "image",
                     is_shown ? "image '%s' is not yours to delete" : "there is no image '%s'",
                     call->request->key);
        return;
    }
    if (image->vms) {
        call_problem(call, CODE_CONFLICT, "image", "%llu VMs are made from image '%s'",
                     (unsigned long long)image->vms, call->request->key);
        return;
    }
    map_remove(&upstream->images_by_name, image->record.name);
    list_remove(&image->by_name);
    effects_forget(call->moment->out, &image_table, image->record.name);
    bool shared = false;
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &upstream->images)
        shared |= text_equal(container_of(node, struct image_entry, by_name)->record.digest,
                             image->record.digest);
    if (!shared)
        retired_add(upstream, &image->record);
    call_answer(call, REPLY_GONE, &image_table, &image->record);
    memory_free(image);
}

void images_share(const struct call *call) {
    struct image_entry *image = map_get(&call->upstream->images_by_name, call->request->key);
    if (!image) {
        call_problem(call, CODE_NOT_FOUND, "image", "there is no image '%s'", call->request->key);
        return;
    }
    if (!*image->record.tenant) {
        call_problem(call, CODE_CONFLICT, "image", "image '%s' is no tenant's: it is for all",
                     call->request->key);
        return;
    }
    image->record.shared = call->request->kind == REQUEST_IMAGE_SHARE;
    effects_save(call->moment->out, &image_table, &image->record);
    call_answer(call, REPLY_RECORD, &image_table, &image->record);
}

/* A lowered quota deletes no image: it stops new ones. */
void images_set_quota(const struct call *call) {
    struct tenant_entry *tenant =
        map_get(&call->upstream->tenants_by_name, call->request->key);
    if (!tenant) {
        call_not_found(call, "tenant");
        return;
    }
    tenant->record.images_gib = call->request->image_quota.images_gib;
    effects_save(call->moment->out, &tenant_table, &tenant->record);
    upstream_answer_account(call, tenant);
}
