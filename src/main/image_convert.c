/* isthmus-image-convert: what makes an archive of a disk's file, within a sandbox that it does not
 * leave. It limits itself first, since the file may be anybody's: memory, time by the file's size,
 * and how long any file may get. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/text.h"
#include "io/image/import/convert.h"
#include "io/image/import/sandbox.h"
#include "message/codec.h"
#include "message/codec/decode.h"

enum { least_cpu_seconds = 300, cpu_seconds_per_gib = 60, usage = 2 };
static const uint64_t gib = UINT64_C(1) << 30;

static const char help[] =
    "usage: isthmus-image-convert FILE FOLDER BYTES [ARCHITECTURE]\n\n"
    "Makes FOLDER/archive, an image of Isthmus, of a disk's file: raw, qcow2, vmdk, vhd, vhdx,\n"
    "OVA, or one of the first compressed. The disk may have BYTES at the most. isthmus-upstream\n"
    "runs it in a sandbox; it says on standard output how far it is: STAGE DONE ALL.\n\n"
    "  -h, --help            this help\n"
    "      --version         version\n\n"
    "Exit codes: 0 done, 2 wrong use, 10 the file is refused, 11 it could not be done here.\n";

static void on_stage(const char *stage, uint64_t done, uint64_t all) {
    printf("%s %" PRIu64 " %" PRIu64 "\n", stage, done, all);
    if (fflush(stdout) != 0) /* nobody listens any more */
        exit(sandbox_failed);
}

static void limit(int what, uint64_t most) {
    const struct rlimit bounds = {most, most};
    (void)setrlimit((__rlimit_resource_t)what, &bounds);
}

static void limit_all(const char *file, uint64_t most_bytes) {
    struct stat facts;
    uint64_t bytes = stat(file, &facts) == 0 ? (uint64_t)facts.st_size : 0;
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_AS, 2 * gib);
    limit(RLIMIT_FSIZE, most_bytes + most_bytes / 16 + gib / 16);
    limit(RLIMIT_CPU, least_cpu_seconds + bytes / gib * cpu_seconds_per_gib);
}

int main(int count, char **arguments) {
    struct error err = {0};
    const char *first = count > 1 ? arguments[1] : "";
    char *end = NULL;
    if (text_equal(first, "--help") || text_equal(first, "-h")) {
        fputs(help, stdout);
        return 0;
    }
    if (text_equal(first, "--version")) {
        puts("isthmus-image-convert " ISTHMUS_VERSION);
        return 0;
    }
    uint64_t most_bytes = count > 3 ? strtoull(arguments[3], &end, 10) : 0;
    if (count < 4 || count > 5 || !most_bytes || *end) {
        fputs(help, stderr);
        return usage;
    }
    limit_all(first, most_bytes);
    codec_prepare();
    const struct convert convert = {.file = first,
                                    .folder = arguments[2],
                                    .architecture = count > 4 ? arguments[4] : "",
                                    .most_bytes = most_bytes,
                                    .on_stage = on_stage};
    int fault = convert_run(&convert, &err);
    if (!fault)
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return fault > 0 ? sandbox_refused : sandbox_failed;
}
