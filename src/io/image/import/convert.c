/* The order: what is around the disk is taken off, the disk is judged (judge.h), and only then a
 * tool opens it, which is told what it is. Where the guest's files are looked at, that is a tool's
 * work as well, on a disk that is raw by then. */
#include "io/image/import/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "io/image/import/child.h"
#include "io/image/import/judge.h"
#include "io/image/import/look.h"
#include "io/image/import/wrap.h"
#include "io/os/folder.h"
#include "message/codec.h"

enum { path_bytes = 4096 };

struct work {
    const struct convert *convert;
    char unpacked[path_bytes], raw[path_bytes], archive[path_bytes];
    const char *disk; /* the file that holds it by now */
    struct disk_judged judged;
    const char *stage;
    uint64_t all;
    int percent; /* that was told last */
};

static void tell(struct work *work, uint64_t done, uint64_t all) {
    int percent = all ? (int)(done * 100 / all) : 0;
    if (percent == work->percent)
        return;
    work->percent = percent;
    work->convert->on_stage(work->stage, done < all ? done : all, all);
}

static void begin(struct work *work, const char *stage) {
    work->stage = stage;
    work->percent = -1;
    tell(work, 0, 0);
}

static void on_bytes(void *context, uint64_t done, uint64_t all) { tell(context, done, all); }

/* --- what is around it --- */

static int unwrap(struct work *work, struct error *err) {
    enum wrap wrap, within;
    const struct wrap_work opening = {work->disk, work->unpacked, work->convert->most_bytes,
                                      on_bytes, work};
    int fault = wrap_find(work->disk, &wrap, err);
    if (fault || wrap == WRAP_NONE)
        return fault;
    if (wrap == WRAP_ARCHIVE)
        return error_set(err, 1, "it is a tar archive, and neither an OVA nor one with a "
                         "manifest.json");
    begin(work, "unpacking");
    fault = wrap_open(wrap, &opening, err);
    work->disk = work->unpacked;
    if (!fault)
        fault = wrap_find(work->disk, &within, err);
    if (!fault && within != WRAP_NONE)
        fault = error_set(err, 1, "what comes out of it is packed again; unpack it first");
    return fault;
}

static int judge(struct work *work, struct error *err) {
    struct stat facts;
    auto_clean(fd_clean) int fd = open(work->disk, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &facts) < 0)
        return error_set(err, -errno, "open %s: %s", work->disk, strerror(errno));
    const struct bytes_file file = {fd, (uint64_t)facts.st_size};
    return disk_judge(&file, work->convert->most_bytes, &work->judged, err);
}

/* --- tools --- */

/* How much of the disk is there already. */
static int on_tick(void *context, struct error *err) {
    struct work *work = context;
    struct stat facts;
    (void)err;
    if (stat(work->raw, &facts) == 0)
        tell(work, (uint64_t)facts.st_blocks * 512, work->all);
    return 0;
}

/* A tool that refuses a disk says in its own words why. */
static int run_tool(struct work *work, const char *const *arguments, struct error *err) {
    const struct child child = {.arguments = arguments, .on_tick = on_tick, .context = work};
    int fault = child_run(&child, err);
    if (fault > 0) {
        error_wrap(err, "the disk is damaged");
        err->code = 1;
        return 1;
    }
    return fault;
}

static int convert(struct work *work, struct error *err) {
    const char *format = disk_format_names[work->judged.format];
    /* -T none: what is read is read once. -S 4k: zeros stay holes. */
    const char *const check[] = {"qemu-img", "check", "-q", "-f", format, work->disk, NULL};
    const char *const make[] = {"qemu-img", "convert", "-T", "writeback", "-S", "4k", "-f", format,
                                "-O", "raw", work->disk, work->raw, NULL};
    struct stat facts;
    begin(work, "converting");
    if (stat(work->disk, &facts) == 0)
        work->all = (uint64_t)facts.st_blocks * 512;
    int fault = 0;
    if (work->judged.format == DISK_IS_QCOW2) {
        const struct child child = {.arguments = check};
        enum { only_leaks = 3 };
        fault = child_run(&child, err);
        if (fault == only_leaks)
            fault = 0;
        else if (fault > 0)
            fault = error_set(err, 1, "the disk is damaged: its tables contradict each other; "
                              "repair it with qemu-img check -r all");
    }
    if (!fault)
        fault = run_tool(work, make, err);
    if (!fault && work->disk == work->unpacked)
        (void)unlink(work->unpacked);
    if (!fault)
        work->disk = work->raw;
    return fault;
}

/* --- what is in it --- */

struct found {
    bool any;
};

static void on_found(void *context, const char *line) {
    struct found *found = context;
    if (text_starts(line, "Inode: "))
        found->any = true;
}

/* Is the file in the file system that begins there (ext2 to ext4)? */
static bool has_file(const struct work *work, uint64_t at, const char *path) {
    char device[path_bytes + 32], ask[128];
    struct found found = {false};
    struct error err;
    text_format(device, sizeof(device), "%s?offset=%" PRIu64, work->disk, at);
    text_format(ask, sizeof(ask), "stat %s", path);
    const char *const arguments[] = {"debugfs", "-R", ask, device, NULL};
    const struct child child = {.arguments = arguments, .on_line = on_found, .context = &found};
    return child_run(&child, &err) == 0 && found.any;
}

static enum contained contains(const struct work *work, uint64_t at, const char *const *paths) {
    for (; *paths; paths++)
        if (has_file(work, at, *paths))
            return CONTAINED_YES;
    return CONTAINED_NO;
}

/* Only where there is a system's root is something not in it. */
static void look_inside(const struct work *work, const struct look *look,
                        enum contained *out_cloud_init, enum contained *out_agent) {
    static const char *const cloud_init[] = {"/usr/bin/cloud-init", NULL};
    static const char *const agent[] = {"/usr/sbin/qemu-ga", "/usr/bin/qemu-ga", NULL};
    *out_cloud_init = *out_agent = CONTAINED_UNKNOWN;
    size_t count = look->partitions_count ? look->partitions_count : 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t at = look->partitions_count ? look->partitions[i] : 0;
        if (!has_file(work, at, "/etc/passwd"))
            continue;
        *out_cloud_init = contains(work, at, cloud_init);
        *out_agent = contains(work, at, agent);
        return;
    }
}

static int make_manifest(struct work *work, struct text *out, struct error *err) {
    struct stat facts;
    struct look look;
    enum contained cloud_init, agent;
    auto_clean(fd_clean) int fd = open(work->disk, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &facts) < 0)
        return error_set(err, -errno, "open %s: %s", work->disk, strerror(errno));
    if (facts.st_size <= 0 || (uint64_t)facts.st_size > work->convert->most_bytes)
        return error_set(err, 1, "the disk came out with %lld bytes, which may not be",
                         (long long)facts.st_size);
    begin(work, "looking");
    look_at(&(struct bytes_file){fd, (uint64_t)facts.st_size}, &look);
    look_inside(work, &look, &cloud_init, &agent);
    const char *said = work->convert->architecture;
    text_addf(out, "{\"format\":1,\"architecture\":");
    codec_add_string(*said ? said : *look.architecture ? look.architecture : "x86_64", out);
    text_addf(out, ",\"disk\":\"disk\",\"disk_format\":\"raw\",\"machine\":{\"firmware\":\"%s\"},"
              "\"cloud_init\":\"%s\",\"guest_agent\":\"%s\"}", firmware_names[look.firmware],
              contained_names[cloud_init], contained_names[agent]);
    return 0;
}

int convert_run(const struct convert *wish, struct error *err) {
    auto_clean(text_deinit) struct text manifest = {0};
    struct work work = {.convert = wish, .disk = wish->file};
    text_format(work.unpacked, path_bytes, "%s/unpacked", wish->folder);
    text_format(work.raw, path_bytes, "%s/raw", wish->folder);
    text_format(work.archive, path_bytes, "%s/archive", wish->folder);
    int fault = unwrap(&work, err);
    if (!fault)
        fault = judge(&work, err);
    if (!fault && work.judged.format != DISK_IS_RAW)
        fault = convert(&work, err);
    if (!fault)
        fault = make_manifest(&work, &manifest, err);
    if (fault)
        return fault;
    begin(&work, "packing");
    const struct wrap_work making = {work.disk, work.archive, wish->most_bytes, on_bytes, &work};
    fault = wrap_make(&making, text_data(&manifest), err);
    if (!fault && work.disk != wish->file)
        (void)unlink(work.disk);
    return fault;
}
