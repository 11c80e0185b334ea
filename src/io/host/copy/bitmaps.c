/* qemu-img's words: our bitmaps are found by the beginning of their names, which nothing else in
 * its account of a disk has. */
#include "io/host/copy/bitmaps.h"

#include <string.h>

#include "io/host/libvirt/backup.h"
#include "io/host/tool.h"

static int bitmap(const char *disk, const char *act, const char *name, struct error *err) {
    const char *const arguments[] = {"qemu-img", "bitmap", act, "-f", "qcow2", disk, name, NULL};
    return host_tool_run(arguments, NULL, err);
}

int disk_bitmaps_remove(const char *disk, struct error *err) {
    auto_clean(text_deinit) struct text about = {0};
    const char *const arguments[] = {"qemu-img", "info", "--output=json", "-f", "qcow2", disk,
                                     NULL};
    int failed = host_tool_run(arguments, &about, err);
    const char *at = text_data(&about);
    while (!failed && (at = strstr(at, libvirt_checkpoint_prefix))) {
        char name[host_checkpoint_size];
        size_t length = strcspn(at, "\"");
        text_format(name, sizeof(name), "%.*s", (int)length, at);
        failed = bitmap(disk, "--remove", name, err);
        at += length;
    }
    return failed;
}

int disk_bitmap_add(const char *disk, const char *name, struct error *err) {
    return bitmap(disk, "--add", name, err);
}
