/* How much is kept in a folder of images: what was used longest ago goes first, and never what the
 * role needs, which is asked about each (EVENT_ARCHIVE). For worker threads: they wait for its
 * answer, which comes by a turn and puts the image out of the way in that. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/effect.h"
#include "io/shell/ports.h"

/* What whoever keeps a shelf tells of its images, which stand in the folder by their digests. */
struct shelf_calls {
    uint64_t (*bytes)(void *context, const char *digest); /* that it takes */
    bool (*stands)(void *context, const char *digest); /* something here needs it for certain */
    /* In a turn, and quick: it is not found by its digest any more. Then, by the worker: its bytes
     * go. What is left by a process that ends in between is removed when the folder is swept. */
    bool (*hide)(void *context, const char *digest);
    void (*remove)(void *context, const char *digest);
    void *context;
};

enum shelf_word { SHELF_ASKED, SHELF_KEPT, SHELF_HIDDEN };

struct shelf {
    struct shelf_calls calls;
    struct shell *shell;
    const char *folder;
    const atomic_bool *closing;
    uint32_t link;
    uint64_t most_bytes; /* 0: any number */
    pthread_mutex_t one; /* held by the worker that looks */
    pthread_mutex_t lock;
    char digest[limit_digest_size]; /* that is asked about; guarded, like what follows */
    enum shelf_word answer;
};

/* The caller has filled in what stands above the locks. */
void shelf_init(struct shelf *shelf);
void shelf_deinit(struct shelf *shelf);

/* The image of this digest is used now. */
void shelf_use(const struct shelf *shelf, const char *digest);

/* The role is told of each that is there (EVENT_IMAGE), before any is asked about. */
void shelf_tell(struct shelf *shelf);

/* So much is on it. */
uint64_t shelf_bytes(const struct shelf *shelf);

/* What is more than most_bytes goes, as far as that may be. */
void shelf_trim(struct shelf *shelf);

/* One goes, because the disk is full. False: none may. */
bool shelf_drop(struct shelf *shelf);

/* The role's answer, within its turn. */
void shelf_answer(struct shelf *shelf, const struct effect_archive *effect);
