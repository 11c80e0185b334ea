/* Which files say what the agent wants, and when a warden counts as alive. */
#include "io/warden/client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

static void close_folder(int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
}

int warden_client_open(struct warden_client *client, const char *folder, struct error *err) {
    client->folder = folder;
    return warden_read_boot(client->boot, err);
}

/* The warden's folder, or one in it: "vms", "groups". */
static int open_folder(const struct warden_client *client, const char *which, struct error *err) {
    auto_clean(close_folder) int folder = warden_folder_open(AT_FDCWD, client->folder, err);
    if (folder < 0)
        return error_wrap(err, "is isthmus-warden started?");
    return warden_folder_open(folder, which, err);
}

static int write_in(const struct warden_client *client, const struct warden_text *text,
                    const char *which, struct error *err) {
    if (!warden_name_is_fit(text->name))
        return error_set(err, -EINVAL, "\"%s\" is no name that a warden takes", text->name);
    auto_clean(close_folder) int folder = open_folder(client, which, err);
    if (folder < 0)
        return folder;
    return warden_file_write(folder, text, err);
}

int warden_client_register(const struct warden_client *client, const char *vm,
                           struct warden_registration *what, struct error *err) {
    char bytes[warden_file_most];
    text_set(what->boot, client->boot);
    const struct warden_text text = {vm, bytes,
                                     warden_print_registration(what, bytes, sizeof(bytes))};
    return write_in(client, &text, "vms", err);
}

int warden_client_unregister(const struct warden_client *client, const char *vm,
                             struct error *err) {
    auto_clean(close_folder) int folder = open_folder(client, "vms", err);
    if (folder < 0)
        return folder;
    if (unlinkat(folder, vm, 0) && errno != ENOENT)
        return error_set(err, -errno, "remove %s: %s", vm, strerror(errno));
    return 0;
}

int warden_client_renew(const struct warden_client *client, const char *group, uint64_t until_ms,
                        struct error *err) {
    char bytes[warden_file_most];
    struct warden_group it = {.until_ms = until_ms};
    text_set(it.boot, client->boot);
    const struct warden_text text = {group, bytes, warden_print_group(&it, bytes, sizeof(bytes))};
    return write_in(client, &text, "groups", err);
}

bool warden_client_is_alive(const struct warden_client *client, uint64_t now_ms,
                            struct error *err) {
    char bytes[warden_file_most];
    struct warden_text text = {"beat", bytes, sizeof(bytes)};
    struct warden_beat beat;
    auto_clean(close_folder) int folder = open_folder(client, ".", err);
    if (folder < 0 || warden_file_read(folder, &text, err))
        return false;
    if (!warden_parse_beat(bytes, &beat) || !text_equal(beat.boot, client->boot))
        error_set(err, -EINVAL, "the warden's beat is not of this boot, or not as it should be");
    else if (now_ms >= beat.at_ms + warden_fresh_ms)
        error_set(err, -ETIMEDOUT, "the warden has been silent for %" PRIu64 " ms",
                  now_ms - beat.at_ms);
    else
        return true;
    return false;
}

int warden_client_read(const struct warden_client *client, struct warden_entry **out,
                       size_t *out_count, struct error *err) {
    auto_clean(memory_clean) char *bytes = memory_new(1, warden_state_most);
    struct warden_text text = {"state", bytes, warden_state_most};
    auto_clean(close_folder) int folder = open_folder(client, ".", err);
    if (folder < 0)
        return folder;
    int failed = warden_file_read(folder, &text, err);
    if (failed)
        return failed;
    char boot[warden_boot_size], *rest = bytes;
    if (!warden_parse_state(&rest, boot) || !text_equal(boot, client->boot))
        return error_set(err, -EINVAL, "the warden's state is not of this boot, or not as it "
                         "should be");
    size_t lines = 0, count = 0;
    for (const char *at = rest; at && (at = strchr(at, '\n')); at++)
        lines++;
    auto_clean(memory_clean) struct warden_entry *entries = memory_new(lines + 1,
                                                                       sizeof(*entries));
    while (count < lines && warden_parse_entry(&rest, &entries[count]))
        count++;
    if (count < lines || !rest || *rest)
        return error_set(err, -EINVAL, "the warden's state has a line that is none");
    *out = take(entries);
    *out_count = count;
    return 0;
}

int warden_client_find(const struct warden_client *client, const char *vm,
                       struct warden_entry *out, struct error *err) {
    auto_clean(memory_clean) struct warden_entry *entries = NULL;
    size_t count = 0;
    int failed = warden_client_read(client, &entries, &count, err);
    for (size_t i = 0; !failed && i < count; i++)
        if (text_equal(entries[i].vm, vm)) {
            *out = entries[i];
            return 0;
        }
    return failed ? failed : 1;
}
