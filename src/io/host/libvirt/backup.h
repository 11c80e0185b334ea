/* A running domain's disk as it is at one moment, to be read by NBD (a pull backup), and the
 * checkpoints from which on its bitmaps record what is written.
 *
 * Checkpoints are ours by their names, which are those of their bitmaps too. One job per domain: a
 * backup cannot begin while the domain is saved or migrated, and is ended before. */
#pragma once

#include "io/host/libvirt/connection.h"

enum { host_checkpoint_size = 48 };
extern const char libvirt_checkpoint_prefix[]; /* of their names */

struct libvirt_backup {
    const char *vm;
    const char *since;      /* a checkpoint: its bitmap is shown as `dirty`; "": none is */
    const char *checkpoint; /* a new one, from this moment on */
    const char *socket, *scratch;
};

/* The guest's file systems are frozen for that moment where its agent answers: *out_frozen.
 * CODE_BAD_STATE: it does not run. */
enum code libvirt_backup_begin(struct libvirt *libvirt, const struct libvirt_backup *backup,
                               bool *out_frozen, struct error *err);

/* Ends it, and whatever else of that kind is under way; none: no harm. */
void libvirt_backup_end(struct libvirt *libvirt, const char *vm);

/* Makes a checkpoint of a bitmap that the disk of a domain that is off has already. */
enum code libvirt_checkpoint_adopt(struct libvirt *libvirt, const char *vm, const char *name,
                                   struct error *err);

/* Drops all but this one ("": all); where their bitmaps are broken, what libvirt knows of them. */
enum code libvirt_checkpoints_drop(struct libvirt *libvirt, const char *vm, const char *kept,
                                   struct error *err);

/* How many there are; negative: not known. */
int libvirt_checkpoints_count(struct libvirt *libvirt, const char *vm);
