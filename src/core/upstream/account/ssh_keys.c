/* A key is copied into what a VM is made of: one that is added or removed later changes none. */
#include "core/upstream/account/ssh_keys.h"

#include "base/memory.h"
#include "core/upstream/upstream.h"
#include "message/codec/ssh_key.h"
#include "message/labels.h"

static struct ssh_key *find(const struct tenant *tenant, const char *name) {
    for (uint32_t i = 0; i < tenant->ssh_keys_count; i++)
        if (text_equal(tenant->ssh_keys[i].name, name))
            return &tenant->ssh_keys[i];
    return NULL;
}

/* False: it is answered that operators keep none. */
static bool is_tenant(const struct call *call) {
    if (!call->tenant)
        call_problem(call, CODE_FORBIDDEN, "", "%s",
                     "SSH keys belong to tenants: use a tenant's token, not the operator's");
    return call->tenant;
}

static bool admits(const struct call *call, const struct tenant *tenant) {
    const struct ssh_key *wish = &call->request->ssh_key;
    if (find(tenant, wish->name))
        call_problem(call, CODE_CONFLICT, "name", "you keep an SSH key named '%s' already",
                     wish->name);
    else if (!wish->public_key || !ssh_keys_are_valid(wish->public_key, 1))
        call_problem(call, CODE_INVALID, "public_key", "must be one key in one line%s", "");
    else if (tenant->ssh_keys_count >= limit_ssh_keys)
        call_problem(call, CODE_FULL, "", "a tenant keeps at most %d SSH keys: remove one",
                     limit_ssh_keys);
    else
        return true;
    return false;
}

void upstream_add_ssh_key(const struct call *call) {
    char key[limit_ssh_key + 1];
    const struct ssh_key *wish = &call->request->ssh_key;
    struct tenant *tenant = is_tenant(call) ? &call->tenant->record : NULL;
    if (!tenant || !admits(call, tenant))
        return;
    struct ssh_key *keys = memory_new(tenant->ssh_keys_count + 1, sizeof(*keys));
    for (uint32_t i = 0; i < tenant->ssh_keys_count; i++)
        keys[i] = tenant->ssh_keys[i]; /* with what they own */
    memory_free(tenant->ssh_keys);
    tenant->ssh_keys = keys;
    struct ssh_key *added = &keys[tenant->ssh_keys_count++];
    text_set(added->name, wish->name);
    (void)!ssh_keys_next(wish->public_key, key);
    added->public_key = memory_text(key);
    added->created_ms = call->moment->wall_ms;
    effects_save(call->moment->out, &tenant_table, tenant);
    call_answer(call, REPLY_CREATED, &ssh_key_table, added);
}

void upstream_list_ssh_keys(const struct call *call) {
    if (!is_tenant(call))
        return;
    struct page page = page_begin(call, &ssh_key_table);
    const struct tenant *tenant = &call->tenant->record;
    bool passed = false;
    for (uint32_t i = 0; i < tenant->ssh_keys_count; i++)
        if (!page_skips(call, tenant->ssh_keys[i].name, &passed) &&
            !page_add(&page, &tenant->ssh_keys[i]))
            return;
}

void upstream_remove_ssh_key(const struct call *call) {
    struct tenant *tenant = is_tenant(call) ? &call->tenant->record : NULL;
    struct ssh_key *key = tenant ? find(tenant, call->request->key) : NULL;
    if (tenant && !key)
        call_problem(call, CODE_NOT_FOUND, "key", "you keep no SSH key named '%s'",
                     call->request->key);
    if (!key)
        return;
    struct ssh_key gone = *key, *end = &tenant->ssh_keys[--tenant->ssh_keys_count];
    for (; key < end; key++)
        *key = key[1];
    *end = (struct ssh_key){0};
    effects_save(call->moment->out, &tenant_table, tenant);
    call_answer(call, REPLY_GONE, &ssh_key_table, &gone);
    record_clear(&ssh_key_table, &gone);
}

static bool add_kept(const struct call *call, const char *names, struct text *out) {
    char name[limit_name_size];
    while ((names = names_next(names, name))) {
        const struct ssh_key *key = find(&call->tenant->record, name);
        if (!key) {
            call_problem(call, CODE_NOT_FOUND, "ssh_keys",
                         "you keep no SSH key named '%s'; 'isthmus ssh-key list' shows them", name);
            return false;
        }
        text_addf(out, "%s\n", key->public_key);
    }
    return true;
}

bool upstream_admit_ssh_keys(const struct call *call, const char *names, const char *lines,
                             char **out_keys) {
    struct text *keys = &call->upstream->ssh_keys;
    text_clear(keys);
    *out_keys = NULL;
    if ((!names && !lines) || (names && !is_tenant(call)))
        return !names && !lines;
    if (!add_kept(call, names, keys))
        return false;
    text_add(keys, lines ? lines : "");
    if (keys->length > limit_vm_ssh_keys_bytes ||
        !ssh_keys_are_valid(text_data(keys), limit_vm_ssh_keys)) {
        call_problem(call, CODE_INVALID, "ssh_keys",
                     "a VM takes at most %d SSH keys, of %d bytes in all", limit_vm_ssh_keys,
                     limit_vm_ssh_keys_bytes);
        return false;
    }
    *out_keys = keys->data;
    return true;
}
