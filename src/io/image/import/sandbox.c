/* What the sandbox has: the system's programs, the file, the folder. There is no network, no other
 * process, no user and no /proc in it; how much it may take, the program within says of itself
 * before it looks at the file, and how full the disk gets is watched from here. */
#include "io/image/import/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/image/import/child.h"
#include "io/os/disk.h"
#include "io/os/folder.h"
#include "message/limits.h"

enum { path_bytes = 4096, most_stage = 32 };

static int find_converter(const char *said, char out[path_bytes], struct error *err) {
    static const char name[] = "/isthmus-image-convert";
    if (said) {
        text_format(out, path_bytes, "%s", said);
        return 0;
    }
    ssize_t length = readlink("/proc/self/exe", out, path_bytes - sizeof(name));
    if (length <= 0)
        return error_set(err, -errno, "read /proc/self/exe: %s", strerror(errno));
    out[length] = 0;
    char *end = strrchr(out, '/');
    memcpy(end, name, sizeof(name));
    return access(out, X_OK) == 0 ? 0 : error_set(err, -errno, "run %s: %s; install it", out,
                                                  strerror(errno));
}

static void on_line(void *context, const char *line) {
    const struct sandbox *sandbox = context;
    char stage[most_stage];
    uint64_t done = 0, all = 0;
    if (sscanf(line, "%31s %" SCNu64 " %" SCNu64, stage, &done, &all) == 3) {
        text_make_plain(stage);
        sandbox->on_stage(sandbox->context, stage, done, all);
    }
}

static int on_tick(void *context, struct error *err) {
    const struct sandbox *sandbox = context;
    if (sandbox->cancel && atomic_load(sandbox->cancel))
        return error_set(err, -ECANCELED, "given up");
    auto_clean(fd_clean) int fd = open(sandbox->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, -errno, "open %s: %s", sandbox->folder, strerror(errno));
    struct disk_guard guard = {.fd = fd, .reserve_bytes = sandbox->reserve_bytes};
    return disk_guard_take(&guard, 1, err);
}

int sandbox_convert(const struct sandbox *sandbox, struct error *err) {
    static const uint64_t gib = UINT64_C(1) << 30;
    char converter[path_bytes], most[24];
    int fault = find_converter(sandbox->converter, converter, err);
    if (fault)
        return fault;
    text_format(most, sizeof(most), "%" PRIu64,
                sandbox->most_bytes ? sandbox->most_bytes : limit_disk_gib * gib);
    const char *const arguments[] = {
        "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
        "--clearenv", "--setenv", "PATH", "/usr/sbin:/usr/bin", "--ro-bind", "/usr", "/usr",
        "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64",
        "/lib64", "--dev", "/dev", "--ro-bind", converter, "/convert", "--ro-bind", sandbox->file,
        "/in", "--bind", sandbox->folder, "/out", "--chdir", "/", "/convert", "/in", "/out", most,
        sandbox->architecture, NULL};
    const struct child child = {.arguments = arguments, .on_line = on_line, .on_tick = on_tick,
                                .context = (void *)sandbox};
    fault = child_run(&child, err);
    if (fault <= 0 || fault == sandbox_refused)
        return fault;
    if (fault != sandbox_failed)
        (void)error_wrap(err, "make the sandbox by bwrap (bubblewrap; it needs user namespaces)");
    if (err)
        err->code = strstr(err->text, strerror(ENOSPC)) ? -ENOSPC : -EIO;
    return err ? err->code : -EIO;
}
