/* The archive comes beside the wanted file, goes on where an earlier try broke off, and is unpacked
 * there; the disk that is in it becomes the file. */
#include "cli/images/export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/image/export.h"

enum { path_bytes = 4096 };

struct export {
    const struct options *options;
    const char *to;
    char part[path_bytes]; /* what comes */
    struct image image;
    uint64_t offset;
};

static void on_bytes(void *context, uint64_t bytes) {
    const struct export *export = context;
    uint64_t all = export->image.archive_bytes, done = export->offset + bytes;
    if (isatty(STDERR_FILENO) && all)
        fprintf(stderr, "\r\033[Kfetching: %u %%", (unsigned)(done * 100 / all));
}

/* What is there already is of this image, or is found out by its digest. */
static int fetch(struct export *export) {
    struct call call;
    struct error err;
    struct stat facts = {0};
    int fd = open(export->part, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &facts) < 0) {
        say("make %s: %s; check the path", export->part, strerror(errno));
        return EXIT_USAGE;
    }
    export->offset = (uint64_t)facts.st_size;
    if (export->offset == export->image.archive_bytes) {
        close(fd);
        return EXIT_DONE;
    }
    call_init(&call, export->options, "GET", "/v1/images");
    call_add_segment(&call, export->options->words[2]);
    text_add(&call.url, "/archive");
    call.http.url = call.url.data;
    call.http.download_fd = fd;
    call.http.download_offset = export->offset;
    call.http.on_bytes = on_bytes;
    call.http.context = export;
    int fault = http_call(&call.http, &err), result = EXIT_DONE;
    close(fd);
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    if (fault) {
        say("%s", err.text);
        fprintf(stderr, "  what to do: run the same command again; it goes on where this one "
                        "ended\n");
        result = EXIT_UNREACHABLE;
    } else if (call.http.status >= 400) {
        call_tell_problem(&call);
        result = EXIT_REFUSED;
    }
    call_deinit(&call);
    return result;
}

static int unpack(struct export *export) {
    struct error err;
    struct image_facts facts;
    const struct image_export made = {export->part, export->image.digest, export->to};
    int fault = image_export_disk(&made, &facts, &err);
    if (fault != -ENOSPC)
        (void)unlink(export->part);
    if (fault) {
        say("%s", err.text);
        return EXIT_REFUSED;
    }
    if (export->options->output == OUTPUT_TABLE)
        printf("image %s: %s, %s\n", export->image.name, export->to, facts.disk_format);
    return EXIT_DONE;
}

int export_run(const struct view *view, const struct options *options) {
    struct export export = {.options = options, .to = options->words[3]};
    if (strlen(export.to) > path_bytes - 32) {
        say("%.100s…: the path is too long", export.to);
        return EXIT_USAGE;
    }
    if (access(export.to, F_OK) == 0) {
        say("%s is there already: give another name", export.to);
        return EXIT_USAGE;
    }
    text_format(export.part, sizeof(export.part), "%s.part", export.to);
    int result = view_read(view, options, &export.image);
    if (result == EXIT_DONE)
        result = fetch(&export);
    return result == EXIT_DONE ? unpack(&export) : result;
}
