/* When a list of digests is believed: without a signature, as it is; with one, if gpgv says that a
 * key of the keyring made it, and that nothing else is wrong with it. */
#include "cli/images/sums.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/image/import/child.h"

enum { most_bytes = 4 << 20, path_bytes = 4096 };

bool sums_is_address(const char *text) {
    return text_starts(text, "http://") || text_starts(text, "https://");
}

static bool is_digest(const char *text) {
    size_t length = strspn(text, "0123456789abcdefABCDEF");
    return !text[length] &&
           (length == limit_digest_size - 1 || length == secret_long_digest_size - 1);
}

/* A line of sha256sum or sha512sum: the digest, two characters, the file's name. */
static bool take_line(const char *wanted, char *line, char out_digest[secret_long_digest_size]) {
    size_t length = strcspn(line, " \t");
    char *name = line + length;
    if (!*name)
        return false;
    *name++ = 0;
    name += strspn(name, " \t*");
    const char *base = strrchr(name, '/');
    if (!is_digest(line) || !text_equal(base ? base + 1 : name, wanted))
        return false;
    text_format(out_digest, secret_long_digest_size, "%s", line);
    return true;
}

/* A file, or what is at an address. */
static int read_either(const char *from, struct text *out) {
    struct error err;
    out->limit = most_bytes;
    if (!sums_is_address(from)) {
        if (options_read_bytes(from, most_bytes, out, &err) == 0)
            return EXIT_DONE;
        say("%s", err.text);
        return EXIT_USAGE;
    }
    struct http_exchange exchange = {.method = "GET", .url = from, .follow = true,
                                     .upload_fd = -1, .download_fd = -1};
    int fault = http_call(&exchange, &err);
    if (fault)
        say("%s", err.text);
    else if (exchange.status != 200)
        say("GET %s: the server answered %ld; check the address", from, exchange.status);
    else
        text_add_bytes(out, text_data(&exchange.answer), exchange.answer.length);
    text_deinit(&exchange.answer);
    return fault || exchange.status != 200 ? EXIT_UNREACHABLE : EXIT_DONE;
}

/* --- the signature --- */

/* What gpgv tells a program (GnuPG, doc/DETAILS). */
struct verdict {
    bool is_good, is_bad;
    char signer[64]; /* the key's fingerprint */
};

static void on_status(void *context, const char *line) {
    static const char *const bad[] = {"BADSIG ", "ERRSIG ", "EXPSIG ", "EXPKEYSIG ", "REVKEYSIG "};
    static const char mark[] = "[GNUPG:] ", valid[] = "VALIDSIG ";
    struct verdict *verdict = context;
    if (!text_starts(line, mark))
        return;
    line += sizeof(mark) - 1;
    verdict->is_good = verdict->is_good || text_starts(line, "GOODSIG ");
    for (size_t i = 0; i < array_size(bad); i++)
        verdict->is_bad = verdict->is_bad || text_starts(line, bad[i]);
    if (text_starts(line, valid)) {
        line += sizeof(valid) - 1;
        text_format(verdict->signer, sizeof(verdict->signer), "%.*s", (int)strcspn(line, " "),
                    line);
    }
}

static int write_file(const char *path, const struct text *content) {
    FILE *file = fopen(path, "we");
    bool is_written = file && fwrite(text_data(content), 1, content->length, file) ==
                                  content->length;
    if (file && fclose(file) == 0 && is_written)
        return EXIT_DONE;
    say("write %s: %s; make room", path, strerror(errno));
    return EXIT_USAGE;
}

static int ask_gpgv(const char *folder, const char *keyring, const char *about) {
    char sums[path_bytes], signature[path_bytes];
    struct verdict verdict = {0};
    struct error err = {0};
    text_format(sums, sizeof(sums), "%s/sums", folder);
    text_format(signature, sizeof(signature), "%s/signature", folder);
    const char *const arguments[] = {"gpgv", "--homedir", folder, "--status-fd", "1", "--keyring",
                                     keyring, signature, sums, NULL};
    const struct child child = {.arguments = arguments, .on_line = on_status,
                                .context = &verdict};
    int fault = child_run(&child, &err);
    if (fault < 0) {
        say("%s (Debian: gpgv)", err.text);
        return EXIT_USAGE;
    }
    if (fault == 0 && verdict.is_good && !verdict.is_bad && verdict.signer[0]) {
        fprintf(stderr, "signed by %s: %s\n", verdict.signer, about);
        return EXIT_DONE;
    }
    say("%s is not signed by a key of %s%s%s", about, keyring, err.text[0] ? ": " : "", err.text);
    fprintf(stderr, "  what to do: fetch list and signature again; the keyring is what 'gpg "
                    "--export' writes, without --armor\n");
    return EXIT_REFUSED;
}

/* gpgv reads files: so what was read is put into some, which nobody else can write. */
static int check(const struct options *options, const struct text *sums) {
    auto_clean(text_deinit) struct text signature = {0};
    char folder[] = "/tmp/isthmus-sums-XXXXXX", path[path_bytes], signed_path[path_bytes];
    int result = read_either(options->signature, &signature);
    if (result != EXIT_DONE)
        return result;
    auto_clean(memory_clean) char *keyring = realpath(options->keyring, NULL);
    if (!keyring || !mkdtemp(folder)) {
        say("open %s: %s; check the path", keyring ? folder : options->keyring, strerror(errno));
        return EXIT_USAGE;
    }
    text_format(path, sizeof(path), "%s/sums", folder);
    text_format(signed_path, sizeof(signed_path), "%s/signature", folder);
    result = write_file(path, sums);
    if (result == EXIT_DONE)
        result = write_file(signed_path, &signature);
    if (result == EXIT_DONE)
        result = ask_gpgv(folder, keyring, options->sums);
    (void)unlink(path);
    (void)unlink(signed_path);
    if (rmdir(folder) < 0)
        say("remove %s: %s; remove it by hand", folder, strerror(errno));
    return result;
}

static int check_words(const struct options *options) {
    if (options->digest && !is_digest(options->digest))
        say("--digest %s: give the 64 hex digits of SHA-256, or the 128 of SHA-512",
            options->digest);
    else if (options->signature && !(options->sums && options->keyring))
        say("--signature is of a list, by a key: give --sums and --keyring, too");
    else if (options->keyring && !options->signature)
        say("--keyring is for a signature: give --signature, too");
    else
        return EXIT_DONE;
    return EXIT_USAGE;
}

int sums_find(const struct options *options, const char *name,
              char out_digest[secret_long_digest_size]) {
    out_digest[0] = 0;
    int result = check_words(options);
    if (result != EXIT_DONE)
        return result;
    if (options->digest)
        text_format(out_digest, secret_long_digest_size, "%s", options->digest);
    if (!options->sums)
        return EXIT_DONE;
    auto_clean(text_deinit) struct text sums = {0};
    result = read_either(options->sums, &sums);
    if (result == EXIT_DONE && options->signature)
        result = check(options, &sums);
    if (result != EXIT_DONE || options->digest)
        return result;
    char *rest = sums.data, *line;
    while (rest && (line = strsep(&rest, "\r\n")))
        if (take_line(name, line, out_digest))
            return EXIT_DONE;
    say("%s has no line for %s; check that it is of this file", options->sums, name);
    return EXIT_USAGE;
}
