/* Resizing, rebuilding and snapshots at the upstream manager: admission, and what becomes of the
 * tenant's quota and of images while such an operation is under way. */
#pragma once

#include "core/books/book.h"

struct call;
struct upstream;

/* Resizing, rebuilding, snapshots: an operation is loaded, begins on its VM, ends, or is concluded
 * by the cluster's result before it ends. */
void upstream_reshape_loaded(struct upstream *upstream, const struct book_op *op);
void upstream_reshape_begins(struct upstream *upstream, struct book_vm *vm);
void upstream_reshape_ends(struct upstream *upstream, const struct book_op *op);

/* Its time is over, and nobody has said what came of it. */
void upstream_reshape_expires(struct upstream *upstream, struct book_vm *vm);
void upstream_reshape_concludes(struct upstream *upstream, struct book_vm *vm,
                                const struct result *result);

/* What the VM's cluster says that it has becomes true here. */
void upstream_learn(struct upstream *upstream, struct book_vm *vm, const struct facts *facts);

/* First-boot data come once. False: both are given; told. */
bool upstream_admit_data(const struct call *call, const char *text, const char *base64);

/* How often its disk is copied, and how old a copy may become, goes into the definition. False: it
 * makes no sense, which is answered. */
bool upstream_admit_intervals(const struct call *call, uint32_t every_s, uint32_t max_age_s,
                              struct definition *out);

/* Fills in what a resize, a rebuild or an act on a snapshot is to do. False: it is not possible,
 * which is answered. Other verbs: nothing to do. */
bool upstream_admit_reshape(const struct call *call, const struct book_vm *vm,
                            struct operation *operation);
