/* What is told of the host, and when again: not for each byte that moves to and fro. */
#include "io/host/look.h"

#include <errno.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/host/console.h"
#include "io/host/libvirt/find.h"
#include "io/host/state.h"

static void vms_folder(const struct host *host, char out_path[host_path_size]) {
    text_format(out_path, host_path_size, "%s/vms", host->files.folder);
}

static int look(struct host *host, struct event_host *out, struct error *err) {
    char vms[host_path_size];
    vms_folder(host, vms);
    *out = host->told;
    int failed = host_machine_look(vms, host->reserve.disk_gib, &host->machine, err);
    if (failed)
        return failed;
    out->size = host_machine_lend(&host->machine, host->wanted, host->reserve);
    out->is_full = host->machine.is_full;
    return 0;
}

static void tell(struct host *host, const struct event_host *news) {
    host->told = *news;
    shell_post(host->shell, &(struct event){.kind = EVENT_HOST, .host = *news});
}

int host_look_first(struct host *host, const char *accelerator, const char *migration_uri,
                    struct error *err) {
    auto_clean(memory_clean) char *capabilities = NULL;
    struct event_host *told = &host->told;
    int failed = libvirt_facts(host->libvirt, &host->machine.cpus, &capabilities, err);
    if (failed)
        return failed;
    host->accelerator = libvirt_driver(host->libvirt) == LIBVIRT_TEST
                            ? "test"
                            : host_machine_accelerator(accelerator, capabilities, err);
    if (!host->accelerator)
        return -ENOTSUP;
    text_set(told->accelerator, host->accelerator);
    told->sends = libvirt_driver(host->libvirt) == LIBVIRT_QEMU;
    if (told->sends && migration_uri && *migration_uri &&
        (!text_copy(told->uri, sizeof(told->uri), migration_uri) ||
         !text_copy(told->folder, sizeof(told->folder), host->files.folder)))
        return error_set(err, -ENAMETOOLONG, "migration_uri, or the folder, is too long");
    struct event_host news;
    failed = look(host, &news, err);
    if (!failed)
        tell(host, &news);
    return failed;
}

void host_look(struct host *host) {
    struct event_host news;
    struct error err;
    char vms[host_path_size];
    vms_folder(host, vms);
    host_consoles_trim(vms);
    if (look(host, &news, &err)) {
        shell_log(host->shell, LOG_WARNING, "host-look-failed", "%s", err.text);
        return;
    }
    uint32_t now = news.size.disk_gib, told = host->told.size.disk_gib;
    bool moved = now > told ? now - told > 1 : told - now > 1; /* not to and fro at a boundary */
    if (moved || news.is_full != host->told.is_full)
        tell(host, &news);
}
