/* Copies of VMs' disks: how a host is told to make one, what it says of it, and what is kept of one
 * that is whole. */
#pragma once

#include "message/field.h"
#include "message/limits.h"

/* How a copy of a VM's disk gets to its manager's block store, or from there. */
struct copy_order {
    char token[limit_digest_size]; /* that the block store knows the copy by */
    char key[limit_digest_size];   /* by which blocks are named, in hex digits */
    char root[limit_digest_size];  /* of the copy that a disk is to be made of; "": of none */
};
extern const struct table copy_order_table;

/* What has come of a copy, as its host says. */
struct copied {
    char root[limit_digest_size]; /* its name; "": there is none */
    uint64_t bytes;               /* that went to the block store for it */
    bool frozen;                  /* the guest's file systems stood still for it */
};
extern const struct table copied_table;

/* A copy that is whole. */
struct copy {
    uint64_t number;  /* of its VM; a later one has a higher one */
    uint64_t made_ms; /* the disk is as it was then, or later */
    uint64_t bytes;
    bool frozen;
    char root[limit_digest_size];  /* where the block store is */
    char image[limit_digest_size]; /* there, too: what of the disk is as in this one is not in it */
};
extern const struct table copy_table;
