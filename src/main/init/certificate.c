/* The authority stays for further certificates; one that is there is taken. */
#include "main/init/certificate.h"

#include <unistd.h>

#include "base/memory.h"
#include "io/keys/authority.h"
#include "main/daemon/files.h"

enum { pem_most = 65536 };

static int save(const char *key, const char *certificate, const struct credentials *made,
                struct error *err) {
    int result = daemon_file_write(key, made->key.data, made->key.length, err);
    return result ? result : daemon_file_write(certificate, made->certificate.data,
                                               made->certificate.length, err);
}

/* The certificate is written last: where it is there, both are. */
static int authority(const struct setup *setup, struct credentials *out, struct error *err) {
    auto_clean(memory_clean) char *key = daemon_file_path(setup->folder, "authority", ".key");
    auto_clean(memory_clean) char *file = daemon_file_path(setup->folder, "authority", ".crt");
    auto_clean(text_deinit) struct text name = {0};
    if (access(file, F_OK) == 0)
        return daemon_file_read(file, pem_most, &out->certificate, err)
                   ? err->code : daemon_file_read(key, pem_most, &out->key, err);
    text_addf(&name, "Isthmus authority of %s", setup->options->domain);
    if (authority_make(name.data, out, err))
        return err->code;
    return save(key, file, out, err);
}

int certificate_issue(const struct setup *setup, const char *key, const char *certificate,
                      struct error *err) {
    auto_clean(credentials_clean) struct credentials by = {0}, made = {0};
    auto_clean(text_deinit) struct text names = {0};
    text_addf(&names, "%s,localhost,127.0.0.1,::1", setup->options->domain);
    if (authority(setup, &by, err) || authority_issue(&by, names.data, &made, err))
        return err->code;
    return save(key, certificate, &made, err);
}

int certificate_add(struct setup *setup, const char *section, struct error *err) {
    auto_clean(memory_clean) char *key = daemon_file_path(setup->folder, section, ".key");
    auto_clean(memory_clean) char *file = daemon_file_path(setup->folder, section, ".crt");
    if (certificate_issue(setup, key, file, err))
        return err->code;
    config_values_add(&setup->values, section, "certificate_file", file);
    config_values_add(&setup->values, section, "key_file", key);
    return 0;
}
