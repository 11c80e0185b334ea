/* A repository of copies without a manager, for the tests of hosts:
 *
 *   copies_probe FOLDER VM DISK_GIB
 *
 * Serves the images of FOLDER to the token "images", and copies of the VM by a store in it. Prints
 * its port, the token of the copies and the key of their blocks, all in one line, then answers:
 *   admit OP        a later operation: prints its token
 *   keep ROOT…      keeps these; prints "kept", or "lacking"
 *   held            prints how many blocks and bytes are there
 *
 * The end of standard input ends it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/blocks/store.h"
#include "io/image/serve.h"
#include "io/keys/secret.h"

static struct block_digests read_roots(char *words, struct block_digest *out) {
    size_t count = 0;
    for (char *word; count < roots_kept_most && (word = strsep(&words, " "));)
        if (block_digest_read(word, &out[count]) == 0)
            count++;
    return (struct block_digests){out, count};
}

static void answer(const struct blocks_of *of, char *line) {
    struct block_digest roots[roots_kept_most];
    struct blocks_held held = {0};
    char token[blocks_token_size];
    line[strcspn(line, "\n")] = 0;
    char *word = strsep(&line, " ");
    if (text_equal(word, "keep")) {
        struct block_digests kept = read_roots(line, roots);
        puts(blocks_keep(of, &kept, NULL) == 0 ? "kept" : "lacking");
    } else if (text_equal(word, "admit") && line) {
        puts(blocks_admit(of, line, token, NULL) == 0 ? token : "failed");
    } else if (blocks_measure(of, &held, NULL) == 0) {
        printf("%llu %llu\n", (unsigned long long)held.blocks, (unsigned long long)held.bytes);
    }
    fflush(stdout);
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: copies_probe FOLDER VM DISK_GIB\n");
        return 2;
    }
    struct error err = {0};
    auto_clean(text_deinit) struct text path = {0};
    text_addf(&path, "%s/blocks.sqlite", arguments[1]);
    struct blocks *blocks = blocks_open(
        &(struct blocks_settings){.path = text_data(&path), .reserve_bytes = 1}, &err);
    const struct blocks_of of = {blocks, arguments[2]};
    struct block_key key;
    char token[blocks_token_size], said[block_digest_text_size], hash[limit_digest_size];
    char line[1024];
    uint64_t gib = strtoull(arguments[3], NULL, 10);
    if (!blocks || blocks_bucket(&of, &key, &err) || blocks_bound(&of, gib << 30, &err) ||
        blocks_admit(&of, "op-1", token, &err)) {
        fprintf(stderr, "copies_probe: %s\n", err.text);
        return 1;
    }
    secret_hash_bytes("images", strlen("images"), hash);
    const char *const hashes[] = {hash};
    struct image_serve *serve = image_serve_start(
        &(struct image_serve_settings){.listen = "127.0.0.1:0", .folder = arguments[1],
                                       .token_hashes = hashes, .token_hashes_count = 1,
                                       .blocks = blocks}, &err);
    if (!serve) {
        fprintf(stderr, "copies_probe: %s\n", err.text);
        return 1;
    }
    struct block_digest as_digest;
    memcpy(as_digest.bytes, key.bytes, sizeof(key));
    block_digest_say(&as_digest, said);
    printf("%u %s %s\n", (unsigned)image_serve_port(serve), token, said);
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin))
        answer(&of, line);
    image_serve_stop(serve);
    blocks_close(blocks);
    return 0;
}
