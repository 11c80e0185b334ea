/* What is asked of the block store about a VM's bucket (EFFECT_BUCKET). */
#pragma once

#include "core/books/book.h"

/* With the copies that are listed. */
struct effect_bucket bucket_order(enum bucket_order what, const struct book_vm *vm);
void bucket_ask(struct book *book, const struct effect_bucket *order);

/* So that the host of the VM's active operation can put a copy there, or fetch one. */
void bucket_open(struct book *book, const struct book_vm *vm);

/* The VM is no more: nor are its copies. */
void bucket_drop(struct book *book, const struct book_vm *vm);
