/* The room's files: secrets that are good, open or empty, keys and a certificate. */
#include "config_room.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/os/folder.h"

void write_file(const char *path, const char *content, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

int set_up(void **state) {
    struct room *room = memory_new(1, sizeof(*room));
    char path[128];
    text_format(room->folder, sizeof(room->folder), "/tmp/isthmus-config-XXXXXX");
    assert_non_null(mkdtemp(room->folder));
    text_format(room->path, sizeof(room->path), "%s/isthmus.conf", room->folder);
    text_format(path, sizeof(path), "%s/secret", room->folder);
    write_file(path, "open sesame\nsecond line\n", 0600);
    text_format(path, sizeof(path), "%s/open", room->folder);
    write_file(path, "open sesame\n", 0640);
    text_format(path, sizeof(path), "%s/empty", room->folder);
    write_file(path, "\n", 0600);
    text_format(path, sizeof(path), "%s/key", room->folder);
    write_file(path, "secret:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA\n", 0600);
    text_format(path, sizeof(path), "%s/key-2", room->folder);
    write_file(path, "secret:ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A\n", 0600);
    text_format(path, sizeof(path), "%s/key-3", room->folder);
    write_file(path, "secret:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF1eX2A\n", 0600);
    text_format(path, sizeof(path), "%s/secret-2", room->folder);
    write_file(path, "open barley\n", 0600);
    text_format(path, sizeof(path), "%s/ca", room->folder);
    write_file(path, "certificate\n", 0644);
    *state = room;
    return 0;
}

int tear_down(void **state) {
    struct room *room = *state;
    assert_int_equal(folder_remove(room->folder, NULL), 0);
    memory_free(room);
    return 0;
}

void write_config(struct room *room, const char *text) {
    auto_clean(text_deinit) struct text whole = {0};
    for (const char *at = text; *at; at++) {
        if (text_starts(at, "@/"))
            text_add(&whole, room->folder);
        else
            text_add_bytes(&whole, at, 1);
    }
    write_file(room->path, text_data(&whole), 0600);
}
