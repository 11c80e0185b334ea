/* What the downstream manager does on each event and at the end of each step, in which order:
 * rests, drains, revocations, then what goes up, then what goes down. */
#include "core/downstream/downstream.h"

#include <assert.h>

#include "base/memory.h"
#include "core/above/instruct.h"
#include "core/above/uplink.h"
#include "core/below/instruct.h"
#include "core/below/reports.h"
#include "core/books/amounts.h"
#include "core/books/lifecycle.h"
#include "core/books/reshape.h"
#include "core/downstream/copy/copy.h"
#include "core/downstream/copy/restore.h"
#include "core/downstream/copy/schedule.h"
#include "core/downstream/drain.h"
#include "core/downstream/host_requests.h"
#include "core/downstream/hosts.h"
#include "core/downstream/images.h"
#include "core/downstream/instructed.h"
#include "core/downstream/lending.h"
#include "core/downstream/migrate.h"
#include "core/downstream/moves.h"
#include "core/downstream/notify/owner.h"
#include "core/downstream/operations.h"
#include "core/downstream/place.h"
#include "core/downstream/remake.h"
#include "core/downstream/requests.h"
#include "core/downstream/revoke.h"
#include "core/downstream/share.h"
#include "core/downstream/told/usage.h"
#include "core/downstream/unheard.h"
#include "core/manager/operations.h"
#include "core/manager/reads.h"
#include "core/manager/streams.h"
#include "core/manager/recover.h"
#include "core/manager/reports.h"

void downstream_init(struct downstream *downstream, const struct role_settings *settings) {
    *downstream = (struct downstream){.lendings_count = settings->managers_count,
                                      .backlog = settings->backlog,
                                      .hash = settings->hash};
    if (!downstream->backlog)
        downstream->backlog = limit_backlog;
    downstream->vms_most = settings->vms_most ? settings->vms_most : limit_vms;
    manager_init(&downstream->manager, &downstream_kind, settings);
    deliveries_init(&downstream->manager.deliveries, downstream->manager.book.vms_by_id.seed,
                    contact_owners_events);
    downstream->mails = settings->mails;
    downstream->hosts_away = memory_new(settings->agents_count, sizeof(bool));
    downstream->manager.downlink.asks_why = true;
    downstream->manager.downlink.usage_ms /= lending_usage_words;
    downstream->manager.book.kept_most = limit_operations_owner;
    list_init(&downstream->waiting);
    list_init(&downstream->moving);
    list_init(&downstream->rests);
    list_init(&downstream->copies_due);
    list_init(&downstream->copies_under_way);
    list_init(&downstream->held);
    downstream->copies_turn_ms = book_never;
    downstream->drain_due_ms = book_never;
    list_init(&downstream->rebuilds);
    downstream->lendings =
        memory_new(settings->managers_count, sizeof(*downstream->lendings));
    for (size_t i = 0; i < settings->managers_count; i++) {
        struct lending *lending = &downstream->lendings[i];
        uplink_init(&lending->uplink, &settings->managers[i], settings, &downstream->manager.book,
                    &downstream->manager.prng);
        lending->uplink.own = &downstream->manager.own;
        /* One number goes down for whoever is above: with several it would be another's, too. */
        lending->uplink.guarded = lending->uplink.leased =
            settings->lease_ms && settings->managers_count == 1;
        if (settings->limits)
            lending->limits = lending->configured = settings->limits[i];
        lending->phase_due_ms = book_never;
        list_init(&lending->usage.node);
        if (settings->shares)
            lending->share = lending->share_configured = settings->shares[i];
        if (!settings->permissions)
            continue;
        record_clone(&permissions_table, &settings->permissions[i], &lending->permissions);
        record_clone(&permissions_table, &settings->permissions[i],
                     &lending->permissions_configured);
        lending_apply_views(lending);
    }
    downstream->spread = prng_next(&downstream->manager.prng);
    downstream_share_hosts(downstream);
}

void downstream_deinit(struct downstream *downstream) {
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        uplink_deinit(&downstream->lendings[i].uplink);
        record_clear(&permissions_table, &downstream->lendings[i].permissions);
        record_clear(&permissions_table, &downstream->lendings[i].permissions_configured);
    }
    memory_free(downstream->lendings);
    recover_deinit(&downstream->manager);
    reads_deinit(&downstream->manager);
    streams_deinit(&downstream->manager);
    deliveries_deinit(&downstream->manager.deliveries);
    memory_free(downstream->hosts_away);
    manager_deinit(&downstream->manager);
    heap_deinit(&downstream->signs);
    heap_deinit(&downstream->copies);
}

static void load_template(struct downstream *downstream, const struct template *record) {
    struct book_vm *vm = book_vm(&downstream->manager.book, record->vm);
    if (vm)
        downstream_set_template(vm, record);
}

static void load_ends(struct downstream *downstream, const struct record *record) {
    enrol_load(&downstream->manager.enrol, &downstream->manager.downlink, record);
    manager_load_incarnations(&downstream->manager, record);
    recover_load(&downstream->manager, record);
    audit_load(&downstream->manager.audit, record);
    deliveries_load(&downstream->manager.deliveries, record);
    for (size_t i = 0; i < downstream->lendings_count; i++)
        uplink_load(&downstream->lendings[i].uplink, record);
}

/* Definitions that had no place yet ask for their images again; unsettled results wait for the
 * uplink's session, instructions under way for the hosts'. */
static void on_start(struct downstream *downstream) {
    if (!manager_begin(&downstream->manager))
        return;
    downlink_start(&downstream->manager.downlink);
    deliveries_start(&downstream->manager.deliveries, &downstream->manager.moment);
    list_for(struct book_vm, vm, &downstream->manager.book.vms, by_age) {
        struct lending *lending = downstream_lending(downstream, vm->record.asker);
        downstream_load_move(downstream, vm);
        bool waits = vm->active && !downstream_resume_copy(downstream, vm) &&
                     (!*book_asked_place(vm) || !vm->active->record.place_generation);
        if (!waits || !lending)
            continue;
        /* The hosts may be here before the uplink has brought its shapes. */
        (void)downstream_learn_size(downstream, &vm->record.size);
        if (vm->stored.restores)
            downstream_await_source(downstream, vm);
        else
            downstream_await_image(downstream, lending, vm);
    }
    downstream_drain_soon(downstream);
    downstream_start_unheard(downstream);
    downstream_start_copies(downstream);
    effects_add(downstream->manager.moment.out, EFFECT_READY);
}

static void tell_owed(struct downstream *downstream, struct lending *lending) {
    if (uplink_owes_capacity(&lending->uplink))
        downstream_tell_capacity(downstream, lending);
}

static void on_op_due(struct downstream *downstream, struct book_op *op) {
    struct lending *lending = downstream_lending(downstream, op->record.asker);
    struct book_vm *vm = book_vm(&downstream->manager.book, op->record.vm);
    if (book_op_has_ended(op)) {
        op->resend_ms = book_never;
        if (lending) {
            tell_owed(downstream, lending);
            uplink_send_result(&lending->uplink, op);
        }
        book_schedule(&downstream->manager.book, op);
    } else if (vm->stored.move) {
        downstream_on_move_due(downstream, op);
    } else if (op->deadline_ms <= downstream->manager.moment.now_ms) {
        if (downlink_never_came(&downstream->manager.downlink, vm))
            reshape_settle(vm, CODE_DEADLINE, downstream_used(downstream, vm));
        downstream_end(downstream, op, CODE_DEADLINE);
    } else if (op->progress_ms <= downstream->manager.moment.now_ms) {
        op->progress_ms = book_never;
        if (lending) {
            downstream_tell_capacity(downstream, lending);
            uplink_send_progress(&lending->uplink, op, STEP_TAKEN);
        }
        book_schedule(&downstream->manager.book, op);
    } else if (!*book_asked_place(vm)) {
        downstream_place(downstream, vm);
    } else {
        downlink_instruct(&downstream->manager.downlink, vm);
    }
}

static void on_tick(struct downstream *downstream) {
    struct timer *timer = NULL;
    while ((timer = heap_first(&downstream->manager.book.timers)) &&
           timer->due_ms <= downstream->manager.moment.now_ms)
        on_op_due(downstream, container_of(timer, struct book_op, timer));
    for (size_t i = 0; i < downstream->lendings_count; i++)
        tell_owed(downstream, &downstream->lendings[i]);
    uint64_t swept_ms = downstream->manager.downlink.sweep_due_ms;
    downlink_on_tick(&downstream->manager.downlink);
    if (downstream->manager.downlink.sweep_due_ms != swept_ms)
        owner_on_sweep(downstream);
    audit_on_tick(&downstream->manager.audit, &downstream->manager.moment);
    deliveries_on_tick(&downstream->manager.deliveries, &downstream->manager.moment);
}

static void on_frame(struct downstream *downstream, const struct event *event) {
    struct peer *peer =
        downlink_peer(&downstream->manager.downlink, event->frame.link, event->frame.from);
    if (peer) {
        manager_on_frame(&downstream->manager, peer, event);
        return;
    }
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        const struct peer_setting *setting = &downstream->lendings[i].uplink.setting;
        if (setting->link == event->frame.link && text_equal(setting->address, event->frame.from))
            downstream_on_uplink_frame(downstream, &downstream->lendings[i], event);
    }
}

static void on_presence(struct downstream *downstream, const struct event *event) {
    downlink_on_presence(&downstream->manager.downlink, event);
    for (size_t i = 0; i < downstream->lendings_count; i++)
        uplink_on_presence(&downstream->lendings[i].uplink, event);
}

/* What one has is not kept for it any more: the others are shown more of the rest, or less. And
 * what waits for its image is told of from then on, not with what a host says next (law 1). */
static void share_anew(struct downstream *downstream) {
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        struct lending *lending = &downstream->lendings[i];
        downstream->manager.downlink.changed |= !amounts_equal(&lending->used, &lending->shown);
        lending->shown = lending->used;
    }
}

/* After every step: what changed of the aggregate is told soon, hellos and beats are said. */
static void on_end_of_step(struct downstream *downstream) {
    reads_go_on(&downstream->manager);
    streams_go_on(&downstream->manager);
    downstream_discard_rests(downstream);
    downstream_go_on_draining(downstream);
    recover_go_on(&downstream->manager);
    downstream_go_on_instructed(downstream);
    downstream_go_on_copying(downstream);
    downstream_tell_unheard(downstream);
    share_anew(downstream);
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        struct lending *lending = &downstream->lendings[i];
        struct uplink *uplink = &lending->uplink;
        if (lending->phase_due_ms <= downstream->manager.moment.now_ms)
            downstream_go_on_revoking(downstream, lending);
        if (uplink_resumes(uplink)) {
            uplink_resume_refusals(uplink);
            downstream_tell_capacity(downstream, lending);
            uplink_resume(uplink);
        }
        if (downstream->manager.downlink.changed && uplink->capacity_due_ms == book_never &&
            downstream_shows_another(downstream, lending))
            uplink_capacity_changed(uplink);
        lending_tell_usage(downstream, lending);
        if (uplink_deadline_ms(uplink) <= downstream->manager.moment.now_ms)
            uplink_tick(uplink);
        owner_look_up(downstream, lending);
        if (uplink_is_open(uplink) != lending->was_open)
            lending->seen_ms = downstream->manager.moment.wall_ms;
        lending->was_open = uplink_is_open(uplink);
    }
    downstream->manager.downlink.changed = false;
    manager_on_end_of_step(&downstream->manager);
}

static void on_rekey(struct downstream *downstream, const struct event *event) {
    downlink_on_rekey(&downstream->manager.downlink, event);
    for (size_t i = 0; i < downstream->lendings_count; i++)
        uplink_on_rekey(&downstream->lendings[i].uplink, event);
}

static void on_load(struct downstream *downstream, const struct event *event) {
    if (event->load.table == &stored_vm_table)
        downstream_count(downstream,
                         manager_load_vm(&downstream->manager, event->load.data));
    else if (event->load.table == &operation_table)
        manager_load_op(&downstream->manager, event->load.data);
    else if (event->load.table == &host_decision_table)
        downstream_load_host(downstream, event->load.data);
    else if (event->load.table == &template_table)
        load_template(downstream, event->load.data);
    else if (event->load.table == &lending_decision_table)
        downstream_load_lending(downstream, event->load.data);
    load_ends(downstream, &event->load);
}

static void on_event(struct downstream *downstream, const struct event *event) {
    switch (event->kind) {
    case EVENT_LOAD:
        on_load(downstream, event);
        return;
    case EVENT_START:
        on_start(downstream);
        break;
    case EVENT_TICK:
        on_tick(downstream);
        break;
    case EVENT_LINK:
    case EVENT_PEER:
        on_presence(downstream, event);
        break;
    case EVENT_FRAME:
        on_frame(downstream, event);
        break;
    case EVENT_IMAGE:
        downstream_on_image(downstream, event);
        break;
    case EVENT_ARCHIVE:
        downstream_on_archive(downstream, event);
        break;
    case EVENT_BUCKET:
        downstream_on_bucket(downstream, &event->bucket);
        break;
    case EVENT_REQUEST:
        downstream_on_request(downstream, event);
        break;
    case EVENT_JOIN:
        enrol_on_join(&downstream->manager.enrol, &downstream->manager.downlink, event);
        break;
    case EVENT_REKEY:
        on_rekey(downstream, event);
        break;
    case EVENT_DISK:
        manager_on_disk(&downstream->manager, event);
        break;
    case EVENT_DELIVERED:
        deliveries_on_delivered(&downstream->manager.deliveries, &downstream->manager.moment,
                                &event->delivered);
        break;
    case EVENT_CERTIFICATE:
        owner_on_certificate(downstream, &event->certificate);
        break;
    case EVENT_STREAM:
        streams_on_event(&downstream->manager, &event->stream);
        break;
    case EVENT_STOP:
        downstream->manager.stopping = true;
        audit_on_stop(&downstream->manager.audit, &downstream->manager.moment);
        effects_add(downstream->manager.moment.out, EFFECT_DONE); /* all that matters is on disk */
        break;
    case EVENT_JOB:
    case EVENT_DOMAIN:
    case EVENT_SCANNED:
    case EVENT_GUARD:
    case EVENT_IPS:
    case EVENT_USAGE:
    case EVENT_READ:
    case EVENT_HOST:
    case EVENT_JOINED:
    case EVENT_KIND_COUNT:
        break; /* of other roles */
    }
    on_end_of_step(downstream);
}

void downstream_step(struct downstream *downstream, const struct event *event,
                     struct effects *out) {
    moment_begin(&downstream->manager.moment, event, out);
    if (!downstream->manager.deposed)
        on_event(downstream, event);
    moment_end(&downstream->manager.moment);
}

uint64_t downstream_deadline_ms(const struct downstream *downstream) {
    uint64_t due = manager_deadline_ms(&downstream->manager);
    if (downstream->manager.deposed)
        return book_never;
    uint64_t sign = downstream_unheard_deadline_ms(downstream);
    uint64_t read = reads_deadline_ms(&downstream->manager);
    due = read < due ? read : due;
    uint64_t stream = streams_deadline_ms(&downstream->manager);
    due = stream < due ? stream : due;
    uint64_t told = owner_deadline_ms(downstream);
    due = told < due ? told : due;
    due = downstream->drain_due_ms < due ? downstream->drain_due_ms : due;
    due = sign < due ? sign : due;
    uint64_t copy = downstream_copies_deadline_ms(downstream);
    due = copy < due ? copy : due;
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        uint64_t uplink = uplink_deadline_ms(&downstream->lendings[i].uplink);
        uint64_t usage = lending_usage_deadline_ms(&downstream->lendings[i]);
        due = uplink < due ? uplink : due;
        due = usage < due ? usage : due;
        if (downstream->lendings[i].phase_due_ms < due)
            due = downstream->lendings[i].phase_due_ms;
    }
    return due;
}

/* Law 5: while a VM is between two hosts, an operation of ours on it is under way, and only one
 * that makes it is where nothing is left of it. */
static void check_moves(const struct downstream *downstream) {
    list_for(const struct book_vm, vm, &downstream->manager.book.vms, by_age) {
        const struct book_op *op = vm->active;
        if (list_is_empty(&downstream_vm(vm)->by_move)) /* or all of it is not loaded yet */
            continue;
        if (!vm->stored.move) {
            assert(*book_destination(vm));
            continue;
        }
        assert(op && op->record.internal && downstream_vm(vm)->template);
        assert((op->record.verb == VERB_DEFINE) == (vm->stored.move == MOVE_ARRIVING));
        assert((op->record.verb == VERB_RECEIVE) == (vm->stored.move == MOVE_RECEIVING));
        assert((op->record.verb == VERB_MIGRATE) == (vm->stored.move == MOVE_MIGRATING));
        assert((op->record.verb == VERB_ADOPT) == (vm->stored.move == MOVE_ADOPTING));
        assert(vm->stored.move == MOVE_ARRIVING || *vm->record.place);
    }
}

void downstream_check(const struct downstream *downstream) {
    manager_check(&downstream->manager);
    check_moves(downstream);
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        uplink_check(&downstream->lendings[i].uplink);
        struct amounts used = {0};
        uint32_t under_way = 0;
        uint64_t known = 0;
        struct list *node = NULL, *next = NULL;
        list_each(node, next, &downstream->manager.book.ops)
            under_way += downstream_op(container_of(node, struct book_op, by_age))->counted &&
                         text_equal(container_of(node, struct book_op, by_age)->record.asker,
                                    downstream->lendings[i].uplink.setting.name);
        assert(under_way == downstream->lendings[i].under_way);
        list_each(node, next, &downstream->manager.book.vms) {
            const struct vm *vm = &container_of(node, struct book_vm, by_age)->record;
            bool own = text_equal(vm->asker, downstream->lendings[i].uplink.setting.name);
            known += own;
            if (own && lifecycle_occupies(vm->state))
                amounts_add(&used, &vm->size);
        }
        assert(known == downstream->lendings[i].known);
        assert(amounts_equal(&used, &downstream->lendings[i].used));
    }
}
