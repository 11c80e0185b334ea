/* The field tables of copies. What lets a host put one into a block store is a secret. */
#include "message/vm/copy.h"

static const struct field copy_order_fields[] = {
    {field_of(struct copy_order, token), .number = 1, .about = "That lets its blocks in.",
     .kind = FIELD_TEXT, .mask = FIELD_WIRE | FIELD_STORE | FIELD_SECRET, .check = CHECK_DIGEST},
    {field_of(struct copy_order, key), .number = 2, .about = "By which blocks are named.",
     .kind = FIELD_TEXT, .mask = FIELD_WIRE | FIELD_STORE | FIELD_SECRET, .check = CHECK_DIGEST},
    {field_of(struct copy_order, root), .number = 3, .about = "Of the copy to make a disk of.",
     .kind = FIELD_TEXT, .check = CHECK_DIGEST},
};
const struct table copy_order_table = {"copy-order", "How a copy gets to its manager.",
                                       sizeof(struct copy_order), field_rows(copy_order_fields)};

static const struct field copied_fields[] = {
    {field_of(struct copied, root), .number = 1, .about = "Its name in the block store.",
     .kind = FIELD_TEXT, .check = CHECK_DIGEST},
    {field_of(struct copied, bytes), .number = 2, .about = "Bytes that went there for it.",
     .kind = FIELD_U64},
    {field_of(struct copied, frozen), .number = 3,
     .about = "The guest's file systems stood still for it.", .kind = FIELD_FLAG},
};
const struct table copied_table = {"copied", "What has come of a copy.", sizeof(struct copied),
                                   field_rows(copied_fields)};

static const struct field copy_fields[] = {
    {field_of(struct copy, number), .number = 1, .about = "A later one has a higher one.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED},
    {field_of(struct copy, made_ms), .number = 2,
     .about = "The disk is in it as it was then, or later.", .kind = FIELD_U64},
    {field_of(struct copy, bytes), .number = 3, .about = "Bytes that were sent for it.",
     .kind = FIELD_U64},
    {field_of(struct copy, frozen), .number = 4,
     .about = "The guest's file systems stood still for it; absent: it is as after a power cut.",
     .kind = FIELD_FLAG},
    {field_of(struct copy, root), .number = 5, .about = "Its name in the block store.",
     .kind = FIELD_TEXT, .mask = FIELD_STORE, .check = CHECK_DIGEST},
    {field_of(struct copy, image), .number = 6, .about = "Digest of the image that it is beside.",
     .kind = FIELD_TEXT, .mask = FIELD_STORE, .check = CHECK_DIGEST},
};
const struct table copy_table = {"copy", "A copy of a VM's disk, outside its host.",
                                 sizeof(struct copy), field_rows(copy_fields)};
