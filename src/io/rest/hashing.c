/* Where no thread can be had, it is done at once. */
#include "io/rest/hashing.h"

#include "base/text.h"
#include "io/keys/secret.h"

static void *run(void *argument) {
    struct hashing *hashing = argument;
    hashing->fault = secret_hash_file(hashing->path, hashing->digest, &hashing->err);
    return NULL;
}

void hashing_begin(struct hashing *hashing, const char *path) {
    *hashing = (struct hashing){.path = path};
    hashing->is_beside = pthread_create(&hashing->thread, NULL, run, hashing) == 0;
    if (!hashing->is_beside)
        run(hashing);
}

int hashing_end(struct hashing *hashing, char out_digest[limit_digest_size], struct error *err) {
    if (hashing->is_beside)
        (void)pthread_join(hashing->thread, NULL);
    text_set_sized(out_digest, limit_digest_size, hashing->digest);
    if (hashing->fault && err)
        *err = hashing->err;
    return hashing->fault;
}
