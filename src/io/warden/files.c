/* What is taken from a file, and what is not; how a file is put in its place. */
#include "io/warden/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

const char warden_folder_usual[] = "/run/isthmus-warden";
const char warden_group_over[5] = "over";
const char *const warden_state_names[WARDEN_STATE_COUNT] = {
    [WARDEN_OFF] = "off",
    [WARDEN_RUNS] = "runs",
    [WARDEN_FROZEN] = "frozen",
    [WARDEN_ENDED] = "ended",
};

static const char head[] = "isthmus-warden 1";

bool warden_name_is_fit(const char *name) {
    size_t length = strlen(name);
    return length && length < warden_name_size && *name != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

int warden_read_boot(char out_boot[warden_boot_size], struct error *err) {
    static const char path[] = "/proc/sys/kernel/random/boot_id";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out_boot, warden_boot_size - 1);
    int failure = errno;
    if (fd >= 0)
        (void)close(fd);
    if (got != warden_boot_size - 1)
        return error_set(err, got < 0 ? -failure : -EIO, "read %s: %s", path,
                         got < 0 ? strerror(failure) : "it is too short");
    out_boot[got] = 0;
    return 0;
}

int warden_folder_open(int at, const char *path, struct error *err) {
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts)) {
        int failure = errno;
        if (fd >= 0)
            (void)close(fd);
        return error_set(err, -failure, "open the folder %s: %s", path, strerror(failure));
    }
    if (facts.st_uid == geteuid() && !(facts.st_mode & (S_IWGRP | S_IWOTH)))
        return fd;
    (void)close(fd);
    return error_set(err, -EPERM, "the folder %s is not this account's alone to write: give it to "
                     "it, with mode 0700", path);
}

/* Neither a link, nor a pipe that would block, nor what another account could have written. */
static int file_open(int folder, const char *name, struct error *err) {
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts)) {
        int failure = errno;
        if (fd >= 0)
            (void)close(fd);
        return error_set(err, -failure, "open %s: %s", name, strerror(failure));
    }
    if (S_ISREG(facts.st_mode) && facts.st_uid == geteuid() &&
        !(facts.st_mode & (S_IWGRP | S_IWOTH)))
        return fd;
    (void)close(fd);
    return error_set(err, -EPERM, "%s is no file of this account's alone", name);
}

static int read_whole(int fd, const struct warden_text *text, struct error *err) {
    size_t used = 0;
    ssize_t got;
    do {
        got = read(fd, text->bytes + used, text->length - used);
        used += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && used < text->length) || (got < 0 && errno == EINTR));
    if (got < 0)
        return error_set(err, -errno, "read %s: %s", text->name, strerror(errno));
    if (used == text->length)
        return error_set(err, -EFBIG, "%s is longer than %zu bytes", text->name, used - 1);
    text->bytes[used] = 0;
    return strlen(text->bytes) == used ? 0 : error_set(err, -EINVAL, "%s is no text", text->name);
}

int warden_file_read(int folder, const struct warden_text *text, struct error *err) {
    int fd = file_open(folder, text->name, err);
    if (fd < 0)
        return fd;
    int failed = read_whole(fd, text, err);
    (void)close(fd);
    return failed;
}

int warden_file_write(int folder, const struct warden_text *text, struct error *err) {
    char made[warden_name_size + 8];
    text_format(made, sizeof(made), ".new-%s", text->name);
    int fd = openat(folder, made, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, -errno, "make %s: %s", made, strerror(errno));
    ssize_t put = write(fd, text->bytes, text->length); /* to memory: whole, or there is no room */
    int failure = put < 0 ? errno : ENOSPC;
    (void)close(fd);
    if (put == (ssize_t)text->length && renameat(folder, made, folder, text->name) == 0)
        return 0;
    failure = put == (ssize_t)text->length ? errno : failure;
    (void)unlinkat(folder, made, 0);
    return error_set(err, -failure, "write %s: %s", text->name, strerror(failure));
}

/* --- reading --- */

static bool take_boot(char **rest, char out_boot[warden_boot_size]) {
    const char *line = strsep(rest, "\n");
    size_t length = strlen(head);
    if (!line || !text_starts(line, head) || line[length] != ' ')
        return false;
    return text_copy(out_boot, warden_boot_size, line + length + 1) && *out_boot &&
           strspn(out_boot, "0123456789abcdef-") == strlen(out_boot);
}

/* The value of the next line, which begins with this word; NULL: it does not. */
static const char *take_value(char **rest, const char *word) {
    const char *line = strsep(rest, "\n");
    size_t length = strlen(word);
    return line && text_starts(line, word) && line[length] == ' ' ? line + length + 1 : NULL;
}

static bool read_number(const char *value, uint64_t most, uint64_t *out) {
    char *end = NULL;
    if (!value || *value < '0' || *value > '9')
        return false;
    errno = 0;
    *out = strtoull(value, &end, 10);
    return !*end && !errno && *out <= most;
}

static bool take_number(char **rest, const char *word, uint64_t most, uint64_t *out) {
    return read_number(take_value(rest, word), most, out);
}

static bool take_yes(char **rest, const char *word, bool *out) {
    const char *value = take_value(rest, word);
    *out = value && text_equal(value, "yes");
    return value && (*out || text_equal(value, "no"));
}

static bool take_text(char **rest, const char *word, char *field, size_t size) {
    const char *value = take_value(rest, word);
    return value && *value && text_copy(field, size, value);
}

/* Nothing follows the last line's end. */
static bool is_at_end(const char *rest) { return rest && !*rest; }

bool warden_parse_registration(char *text, struct warden_registration *out) {
    return take_boot(&text, out->boot) &&
           take_text(&text, "group", out->group, sizeof(out->group)) &&
           take_text(&text, "guest", out->guest, sizeof(out->guest)) &&
           take_text(&text, "pid_file", out->pid_file, sizeof(out->pid_file)) &&
           is_at_end(text) && warden_name_is_fit(out->group) && warden_name_is_fit(out->guest) &&
           *out->pid_file == '/';
}

bool warden_parse_group(char *text, struct warden_group *out) {
    return take_boot(&text, out->boot) &&
           take_number(&text, "until_ms", INT64_MAX, &out->until_ms) && is_at_end(text);
}

bool warden_parse_beat(char *text, struct warden_beat *out) {
    uint64_t refused = 0;
    bool is_good = take_boot(&text, out->boot) &&
                   take_number(&text, "at_ms", INT64_MAX, &out->at_ms) &&
                   take_number(&text, "refused", UINT32_MAX, &refused) &&
                   take_yes(&text, "realtime", &out->is_realtime) &&
                   take_yes(&text, "stuck", &out->is_stuck) && is_at_end(text);
    out->refused = (uint32_t)refused;
    return is_good;
}

bool warden_parse_state(char **rest, char out_boot[warden_boot_size]) {
    return take_boot(rest, out_boot);
}

static bool read_state(const char *word, enum warden_state *out) {
    for (int i = 0; word && i < WARDEN_STATE_COUNT; i++)
        if (text_equal(word, warden_state_names[i])) {
            *out = (enum warden_state)i;
            return true;
        }
    return false;
}

bool warden_parse_entry(char **rest, struct warden_entry *out) {
    char *line = strsep(rest, "\n");
    const char *name = line ? strsep(&line, " ") : NULL;
    uint64_t pid = 0;
    if (!name || !warden_name_is_fit(name))
        return false;
    text_set(out->vm, name);
    bool is_good = read_state(strsep(&line, " "), &out->what.state) &&
                   read_number(strsep(&line, " "), INT64_MAX, &out->what.since_ms) &&
                   read_number(strsep(&line, " "), INT32_MAX, &pid) &&
                   read_number(line, UINT64_MAX, &out->start);
    out->pid = (int32_t)pid;
    return is_good;
}

/* --- writing --- */

static const char *yes(bool is) { return is ? "yes" : "no"; }

size_t warden_print_registration(const struct warden_registration *it, char *out, size_t size) {
    text_format(out, size, "%s %s\ngroup %s\nguest %s\npid_file %s\n", head, it->boot, it->group,
                it->guest, it->pid_file);
    return strlen(out);
}

size_t warden_print_group(const struct warden_group *it, char *out, size_t size) {
    text_format(out, size, "%s %s\nuntil_ms %" PRIu64 "\n", head, it->boot, it->until_ms);
    return strlen(out);
}

size_t warden_print_beat(const struct warden_beat *it, char *out, size_t size) {
    text_format(out, size, "%s %s\nat_ms %" PRIu64 "\nrefused %" PRIu32 "\nrealtime %s\nstuck %s\n",
                head, it->boot, it->at_ms, it->refused, yes(it->is_realtime), yes(it->is_stuck));
    return strlen(out);
}

size_t warden_print_state(const char *boot, char *out, size_t size) {
    text_format(out, size, "%s %s\n", head, boot);
    return strlen(out);
}

size_t warden_print_entry(const struct warden_entry *it, char *out, size_t size) {
    text_format(out, size, "%s %s %" PRIu64 " %" PRId32 " %" PRIu64 "\n", it->vm,
                warden_state_names[it->what.state], it->what.since_ms, it->pid, it->start);
    return strlen(out);
}
