/* Each order names the copies that are listed, so that what is listed is kept. */
#include "core/downstream/copy/bucket.h"

struct effect_bucket bucket_order(enum bucket_order what, const struct book_vm *vm) {
    struct effect_bucket bucket = {.order = what, .disk_gib = vm->record.size.disk_gib};
    text_set(bucket.vm, vm->record.id);
    for (uint32_t i = 0; i < vm->record.copies_count; i++)
        text_set(bucket.roots[bucket.roots_count++], vm->record.copies[i].root);
    return bucket;
}

void bucket_ask(struct book *book, const struct effect_bucket *order) {
    effects_add(book->moment->out, EFFECT_BUCKET)->bucket = *order;
}

void bucket_open(struct book *book, const struct book_vm *vm) {
    struct effect_bucket bucket = bucket_order(BUCKET_OPEN, vm);
    text_set(bucket.op, vm->active->record.id);
    bucket_ask(book, &bucket);
}

void bucket_drop(struct book *book, const struct book_vm *vm) {
    const struct effect_bucket all = bucket_order(BUCKET_DROP, vm);
    if (vm->stored.has_bucket)
        bucket_ask(book, &all);
}
