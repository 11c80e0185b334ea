/* What stands in a seed. Interfaces get the names eth0, eth1, … by their numbers, whatever the
 * guest would have called them. Only the first one is waited for at a boot: a network without DHCP
 * holds up no other. */
#include "io/host/seed.h"

#include <string.h>

#include "base/base64.h"
#include "io/host/domain.h"
#include "io/image/archive.h"
#include "message/codec/ssh_key.h"
#include "message/labels.h"

void host_seed_networks(const struct effect_job *job, struct text *out) {
    char name[limit_name_size], mac[limit_mac_size];
    const char *rest = job->definition.networks;
    bool is_first = true;
    for (unsigned i = 0; (rest = slots_next(rest, &i, name)); i++, is_first = false) {
        host_domain_mac(job->vm, i, mac);
        text_addf(out, "%s  eth%u:\n    match: {macaddress: \"%s\"}\n    set-name: eth%u\n"
                  "    dhcp4: true\n%s", is_first ? "version: 2\nethernets:\n" : "", i, mac, i,
                  is_first ? "" : "    optional: true\n");
    }
}

/* A text in double quotes, as YAML reads it. */
static void add_quoted(struct text *out, const char *value) {
    text_add(out, "\"");
    for (; *value; value++) {
        text_add(out, *value == '"' || *value == '\\' ? "\\" : "");
        text_add_bytes(out, value, 1);
    }
    text_add(out, "\"");
}

static const char keys_begin[] = "public-keys:\n"; /* what is last of the meta-data */

static void add_keys(const char *keys, struct text *out) {
    char key[limit_ssh_key + 1];
    for (const char *rest = keys; (rest = ssh_keys_next(rest, key));) {
        text_add(out, "  - ");
        add_quoted(out, key);
        text_add(out, "\n");
    }
}

void host_seed_meta_data(const struct effect_job *job, const char *was, struct text *out) {
    const struct definition *definition = &job->definition;
    const char *kept = was ? strstr(was, keys_begin) : NULL;
    /* quoted: YAML takes a bare 123 or no for something else than a name */
    text_addf(out, "instance-id: \"%s\"\nlocal-hostname: \"%s\"\n", job->vm, definition->name);
    if (definition->ssh_keys) {
        text_add(out, keys_begin);
        add_keys(definition->ssh_keys, out);
    } else if (kept) {
        text_add(out, kept);
    }
}

/* What is the same for each seed of a VM. */
static int write_seed(const struct effect_job *job, const char *path, struct image_seed *seed,
                      struct error *err) {
    auto_clean(text_deinit) struct text networks = {0};
    host_seed_networks(job, &networks);
    seed->network_config = networks.length ? text_data(&networks) : NULL;
    return image_seed_write(path, seed, err);
}

/* With the first-boot data of the definition. */
static int write_new(const struct effect_job *job, const char *path, const char *meta_data,
                     struct error *err) {
    const struct definition *definition = &job->definition;
    unsigned char bytes[limit_user_data];
    struct image_seed seed = {.meta_data = meta_data};
    if (definition->user_data_base64) {
        seed.user_data = (const char *)bytes;
        seed.user_data_length =
            base64_from_standard(definition->user_data_base64, bytes, sizeof(bytes));
    } else {
        seed.user_data = definition->user_data ? definition->user_data : "#cloud-config\n";
        seed.user_data_length = strlen(seed.user_data);
    }
    int result = write_seed(job, path, &seed, err);
    explicit_bzero(bytes, sizeof(bytes));
    return result;
}

int host_seed_make(const struct effect_job *job, const char *path, struct error *err) {
    auto_clean(text_deinit) struct text meta_data = {0};
    host_seed_meta_data(job, NULL, &meta_data);
    return write_new(job, path, text_data(&meta_data), err);
}

int host_seed_renew(const struct effect_job *job, const char *path, struct error *err) {
    const struct definition *definition = &job->definition;
    auto_clean(text_deinit) struct text was = {0}, meta_data = {0}, kept = {0};
    int failed = image_seed_read(path, "meta-data", &was, err);
    if (failed)
        return failed;
    host_seed_meta_data(job, text_data(&was), &meta_data);
    if (definition->user_data || definition->user_data_base64)
        return write_new(job, path, text_data(&meta_data), err);
    failed = image_seed_read(path, "user-data", &kept, err);
    struct image_seed seed = {.meta_data = text_data(&meta_data), .user_data = text_data(&kept),
                              .user_data_length = kept.length};
    if (!failed)
        failed = write_seed(job, path, &seed, err);
    if (kept.length)
        explicit_bzero(kept.data, kept.length);
    return failed;
}
