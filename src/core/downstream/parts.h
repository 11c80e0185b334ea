/* Between the pieces of the downstream manager only. */
#pragma once

#include "core/manager/call.h"
#include "core/downstream/downstream.h"
#include "core/below/placement.h"

void downstream_on_uplink_frame(struct downstream *downstream, struct patron *patron,
                                const struct event *event, struct effects *out);
void downstream_on_downlink_frame(struct downstream *downstream, struct peer *peer,
                                  const struct event *event, struct effects *out);
void downstream_on_request(struct downstream *downstream, const struct event *event,
                           struct effects *out);
void downstream_on_image(struct downstream *downstream, const struct event *event,
                         struct effects *out);

/* The owner's requests about one host. */
void downstream_on_host(const struct call *call);
struct owned_host downstream_show_host(const struct peer *peer); /* cleared by the caller */

/* Looks again soon at the hosts that are to be empty, if there are any. */
void downstream_drain_soon(struct downstream *downstream, const struct event *event);
void downstream_go_on_draining(struct downstream *downstream, const struct event *event,
                               struct effects *out);

/* An image that VMs on such hosts wait for before they leave is here, or not to be had. */
void downstream_drain_image(struct downstream *downstream, const struct event *event,
                            struct effects *out);

/* What the VM is made of is kept if it may be made anew elsewhere. */
void downstream_keep_template(struct book_vm *vm, const struct definition *definition,
                              struct effects *out);

/* It was rebuilt: the first-boot data that this brought is what it is made from, too. */
void downstream_renew_template(struct book_vm *vm, const struct definition *rebuilt,
                               struct effects *out);

/* Does the size fit beside all VMs that have left a host, or are about to? */
bool downstream_has_room(const struct downstream *downstream, const struct book_vm *vm);
/* The VM is between two hosts, and no host's capacity counts it: what it will take. */
bool downstream_is_homeless(const struct book_vm *vm);

/* The VM leaves its host; its operation from now on is always one of ours, until it has arrived
 * elsewhere. See downstream_move.c. */
void downstream_leave(struct downstream *downstream, struct book_vm *vm,
                      const struct event *event, struct effects *out);
void downstream_load_move(struct downstream *downstream, struct book_vm *vm);
void downstream_on_move_result(struct downstream *downstream, struct peer *peer,
                               const struct result *result, const struct event *event,
                               struct effects *out);
void downstream_on_move_due(struct downstream *downstream, struct book_op *op,
                            const struct event *event, struct effects *out);

/* No place at present: it waits, with its room reserved, and looks again. */
void downstream_await_room(struct downstream *downstream, struct book_vm *vm,
                           const struct event *event, struct effects *out);

/* The VM is no more between two hosts; what is under way on it is the caller's to end. */
void downstream_end_move(struct downstream *downstream, struct book_vm *vm);
void downstream_set_move(struct downstream *downstream, struct book_vm *vm, enum move move);

/* What the VM is made of, as it is now; the caller clears it. It has a template. */
void downstream_describe(const struct book_vm *vm, struct definition *out);

/* The VM goes to another host while it runs. See downstream_live.c. */
enum placement downstream_choose_live(const struct downstream *downstream,
                                      const struct book_vm *vm, struct peer **out_peer);
void downstream_migrate(struct downstream *downstream, struct book_vm *vm, const struct peer *to,
                        const struct event *event, struct effects *out);
void downstream_on_live_result(struct downstream *downstream, const struct result *result,
                               const struct event *event, struct effects *out);
void downstream_on_live_due(struct downstream *downstream, struct book_op *op,
                            const struct event *event, struct effects *out);

/* What may be left of it on its destination counts as all that there is of it from now on. */
void downstream_follow(struct downstream *downstream, struct book_vm *vm);

/* What VMs have left on other hosts is deleted there, once nothing else is under way on them. */
void downstream_discard_rests(struct downstream *downstream, const struct event *event,
                              struct effects *out);
void downstream_on_discarded(struct downstream *downstream, const struct result *result,
                             const struct event *event, struct effects *out);
void downstream_on_destination_opened(struct downstream *downstream, const struct peer *peer,
                                      const struct event *event, struct effects *out);
void downstream_write_off_destination(struct downstream *downstream, const struct peer *peer,
                                      const struct event *event, struct effects *out);

/* The same as book_take_reserved(), of a VM whose operation is about to be superseded (or NULL).
 * A reservation at its destination ends: what follows goes to where it is. */
struct size downstream_take_reserved(struct downstream *downstream, struct book_vm *vm);

/* The owner's decisions of before, from the store. */
void downstream_load_host(struct downstream *downstream, const struct host_decision *record);
void downstream_load_lending(struct downstream *downstream, const struct lending_decision *record,
                             const struct event *event);

/* May the upstream manager ask this, by the owner's permissions and while it is revoked? */
bool downstream_allows(const struct patron *patron, const struct instruct *instruct);
bool downstream_allows_shape(const struct patron *patron, const struct shape *shape);

/* The end of a lending, see enum lending_phase. False: it cannot be restored now. */
void downstream_revoke(struct patron *patron, uint64_t grace_ms, const struct event *event);
bool downstream_restore(struct patron *patron, const struct event *event);

/* Takes a revocation on when its time has come. */
void downstream_go_on_revoking(struct downstream *downstream, struct patron *patron,
                               const struct event *event, struct effects *out);

/* Begins an operation of our own on a VM: nothing that is known of it above changes. */
struct book_op *downstream_begin_internal(struct downstream *downstream, struct book_vm *vm,
                                          enum verb verb, const struct event *event,
                                          struct effects *out);

struct patron *downstream_patron(const struct downstream *downstream, const char *name);

/* Instructs the VM's place with its active operation, which is new to it. */
void downstream_instruct(struct downstream *downstream, struct book_vm *vm,
                         const struct event *event, struct effects *out);

/* Chooses a host for a definition and instructs it, or ends the operation. */
void downstream_place(struct downstream *downstream, struct book_vm *vm,
                      const struct event *event, struct effects *out);

/* The host for a VM that is defined so; who refused its operation is not asked. */
enum placement downstream_choose(const struct downstream *downstream, const struct book_vm *vm,
                                 const struct definition *definition, struct peer **out_peer);

/* Ends an operation and sends its result up, capacity before it. */
void downstream_end(struct downstream *downstream, struct book_op *op, enum code code,
                    const struct event *event, struct effects *out);

/* A VM's state is another: written, counted, told. */
void downstream_move(struct downstream *downstream, struct book_vm *vm, enum vm_state state,
                     const struct event *event, struct effects *out);

/* Begins an internal deletion below, of a VM that is to be gone: at once, or after a pause where
 * one has just failed. */
enum undo { UNDO_NOW, UNDO_LATER };
void downstream_undo(struct downstream *downstream, struct book_vm *vm, enum undo when,
                     const struct event *event, struct effects *out);

/* The host is gone for good: its VMs are lost, what was under way there ends, so does the wait for
 * what was to be deleted. */
void downstream_write_off(struct downstream *downstream, struct peer *peer,
                          const struct event *event, struct effects *out);

/* After a change of state: the VM's size is in what its patron uses, or no longer. */
void downstream_count(struct downstream *downstream, struct book_vm *vm);

/* What the VM counts in; NULL: it does not. */
struct owner_limits *downstream_used(struct downstream *downstream, const struct book_vm *vm);

/* Asks for the image of the VM's operation; it goes on when that is here. */
void downstream_await_image(struct downstream *downstream, struct patron *patron,
                            struct book_vm *vm, struct effects *out);

/* Has the hosts count fits for this size, too. False: the catalogue is full. */
bool downstream_learn_size(struct downstream *downstream, const struct size *size,
                           struct effects *out);

/* Would this VM, which has no host, or is to grow by this size, take room that is kept for another
 * upstream manager? */
bool downstream_is_kept(const struct downstream *downstream, const struct book_vm *vm,
                        const struct size *size);

/* Would a VM that grows by this leave too little for those that came before it and wait for their
 * image? */
bool downstream_crowds_out(const struct downstream *downstream, const struct size *growth);

/* Several upstream managers share the hosts by weight. */
void downstream_share_hosts(struct downstream *downstream);
void downstream_set_share(struct downstream *downstream, struct patron *patron,
                          enum limits_from from, const struct share *share);

/* After a begin or an end: the operation is in what its patron has under way, or no longer. */
void downstream_count_op(struct downstream *downstream, struct book_op *op);

/* Is the aggregate that the patron may see another than it was told? A change among hosts that
 * cancels out is none, not even in when the next capacity goes up. */
bool downstream_shows_another(const struct downstream *downstream, const struct patron *patron);

/* Tells the aggregate that the patron may see, if it is another than what was told. */
void downstream_tell_capacity(struct downstream *downstream, struct patron *patron,
                              struct effects *out);
