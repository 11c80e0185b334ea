/* What is told of the host, and when again: not for each byte that moves to and fro. */
#include "io/host/look.h"

#include <errno.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/host/guests/console.h"
#include "io/host/libvirt/find.h"
#include "io/host/libvirt/try.h"
#include "io/host/state.h"
#include "io/host/tool.h"
#include "io/os/kvm.h"
#include "io/shell/ports.h"

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

static bool is_driver(const char *uri, const char *driver) { return text_starts(uri, driver); }

/* A demand for KVM is tried before libvirt is asked, which may take seconds to find out. */
int host_try(const struct host_trial *trial, struct error *out_note, struct error *err) {
    static const char *const qemu_img[] = {"qemu-img", "--version", NULL};
    auto_clean(memory_clean) char *capabilities = NULL;
    *out_note = (struct error){0};
    if (text_equal(trial->accelerator, "kvm") && kvm_try(err))
        return error_wrap(err, "[host] accelerator = kvm");
    if (!is_driver(trial->uri, "test:") && host_tool_run(qemu_img, NULL, err))
        return error_set(err, -ENOENT, "qemu-img does not run here; install it: apt install "
                         "qemu-utils");
    if (libvirt_try(trial->uri, &trial->networks, &capabilities, err))
        return err->code;
    if (is_driver(trial->uri, "test:") || text_equal(trial->accelerator, "tcg"))
        return 0;
    if (!host_machine_accelerator("kvm", capabilities, out_note))
        return text_equal(trial->accelerator, "auto") ? 0 : error_set(err, -ENODEV, "[host] %s",
                                                                      out_note->text);
    return 0;
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
