/* What a domain has: its size, interfaces and rules while it runs, and its snapshots. */
#pragma once

#include "core/effect.h"
#include "core/event.h"
#include "io/host/domain.h"
#include "io/host/libvirt/connection.h"

/* Gives a running domain another size, as far as the driver and the guest do that; CODE_BAD_STATE
 * where it has to be off for it, CODE_GUEST_IGNORED. What has failed half-way is taken back as far
 * as it can be. */
enum code libvirt_resize(struct libvirt *libvirt, const char *vm, const struct size *to,
                         struct error *err);

/* Gives a running domain the rules of the plan's job: in its filters, and in our mark. What has
 * failed half-way is taken back as far as it can be. */
enum code libvirt_allow(struct libvirt *libvirt, const struct host_domain_plan *plan,
                        struct error *err);

/* Plugs into a running domain what interfaces the definition has that it lacks, and out those that
 * the definition lacks; CODE_GUEST_IGNORED: the guest keeps one. */
enum code libvirt_connect(struct libvirt *libvirt, const char *vm, const char *definition,
                          struct error *err);

/* Processors and memory that the domain has, at the most; the disk is not looked at. */
enum code libvirt_size(struct libvirt *libvirt, const char *vm, struct size *out_size,
                       struct error *err);

/* The job's snapshot: taken (of a running domain with its memory), deleted, reverted to, which
 * leaves the domain as it was then, its definition, too. CODE_NOT_FOUND: nothing to revert to. */
enum code libvirt_snapshot(struct libvirt *libvirt, const struct effect_job *job,
                           bool *out_memory, struct error *err);
enum code libvirt_snapshot_delete(struct libvirt *libvirt, const struct effect_job *job,
                                  struct error *err);
enum code libvirt_revert(struct libvirt *libvirt, const struct effect_job *job,
                         struct error *err);

/* All snapshots, whose disk is about to go. */
enum code libvirt_forget_snapshots(struct libvirt *libvirt, const char *vm, struct error *err);

/* name "": any. */
enum snapshots_left libvirt_snapshots_left(struct libvirt *libvirt, const char *vm,
                                           const char *name);
