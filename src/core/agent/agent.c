/* What the agent does on each event: whether its host can take an instruction, and what the scan
 * at its start makes of the books. It says nothing before that scan, because it would not be
 * true. */
#include "core/agent/agent.h"

#include <assert.h>

#include "base/memory.h"
#include "core/above/holds.h"
#include "core/above/instruct.h"
#include "core/above/uplink.h"
#include "core/agent/guard.h"
#include "core/agent/usage.h"
#include "core/agent/vm.h"
#include "core/agent/work.h"
#include "core/books/ips.h"
#include "core/books/lifecycle.h"
#include "core/books/reshape.h"
#include "message/labels.h"
#include "message/landing.h"

void agent_init(struct agent *agent, const struct role_settings *settings) {
    *agent = (struct agent){.networks = settings->host_networks,
                            .filtered = settings->host_filtered};
    prng_init(&agent->prng, settings->seed);
    book_init(&agent->book, &agent_books, prng_next(&agent->prng), &agent->moment);
    list_init(&agent->working);
    assert(settings->managers_count == 1);
    uplink_init(&agent->uplink, &settings->managers[0], settings, &agent->book, &agent->prng);
    incarnation_init(&agent->own, settings->seed);
    agent->uplink.own = &agent->own;
}

void agent_deinit(struct agent *agent) {
    record_clear(&landing_table, &agent->landing);
    uplink_deinit(&agent->uplink);
    book_deinit(&agent->book);
}

/* A downstream manager keeps a group's VMs on different hosts; an upstream manager, to which a lone
 * host is a cluster, leaves it to the cluster. */
static bool is_apart(const struct agent *agent, const struct book_vm *vm,
                     const struct definition *definition) {
    const struct book_group *group = book_group(&agent->book, vm->record.asker, vm->record.group);
    if (!definition->apart || !group)
        return true;
    list_for(const struct book_vm, other, &group->vms, by_group) {
        if (other != vm && lifecycle_occupies(other->record.state))
            return false;
    }
    return true;
}

/* Never silently without one, nor without rules in it: what defines the domain, now or anew, needs
 * them all. */
static bool has_networks(const struct agent *agent, const struct book_vm *vm) {
    const struct operation *op = &vm->active->record;
    bool adds = op->verb == VERB_INTERFACE_ADD, allows = op->verb == VERB_ALLOW;
    bool defines = verb_makes(op->verb) || op->verb == VERB_RESIZE || op->verb == VERB_REBUILD ||
                   op->verb == VERB_REVERT || adds || allows;
    const char *networks = adds ? op->definition.networks : vm->record.networks;
    const char *allow = allows ? op->definition.allow : vm->record.allow;
    size_t length = 0;
    return !defines || (!labels_missing(agent->networks, networks, &length) &&
                        (!allow || !labels_missing(agent->filtered, networks, &length)));
}

/* Is what was made ready elsewhere for what the VM has? Snapshots would be lost. An older manager
 * says neither rules nor networks, and cannot have changed them. */
static bool may_go(const struct vm *vm, const struct definition *ready) {
    return !vm->snapshots_count && text_equal(vm->digest, ready->image) &&
           record_equal(&size_table, &vm->size, &ready->size) &&
           (!vm->reallowed || reshape_same_rules(vm->allow, ready->allow)) &&
           (!ready->networks ||
            text_equal(ready->networks, vm->networks ? vm->networks : slot_free));
}

/* May it be done to this VM, on this host, now? */
static enum code judge(const struct agent *agent, const struct book_vm *vm) {
    const struct operation *op = &vm->active->record;
    struct size growth = reshape_growth(&vm->record, op);
    if ((op->verb == VERB_RECEIVE && !agent->landing.uri) ||
        (op->verb == VERB_COPY && !*op->copy.token)) /* its manager has no block store */
        return CODE_UNSUPPORTED;
    if ((verb_makes(op->verb) || op->verb == VERB_START) && agent_lacks_lease(agent, vm))
        return CODE_NO_LEASE;
    if (verb_makes(op->verb) && agent_is_full(agent))
        return CODE_NO_CAPACITY;
    if (verb_makes(op->verb))
        return (vm->counted || agent_has_room(agent, &vm->record.size)) &&
                       is_apart(agent, vm, &op->definition) &&
                       has_networks(agent, vm)
                   ? CODE_OK
                   : CODE_NO_CAPACITY;
    if (verb_ends(op->verb))
        return CODE_OK;
    if (!lifecycle_permits(op->verb, vm->record.state))
        return vm->record.state == VM_LOST ? CODE_LOST : CODE_BAD_STATE;
    if (op->verb == VERB_MIGRATE && !landing_is_safe(&op->landing))
        return CODE_INVALID;
    if (op->verb == VERB_MIGRATE && !may_go(&vm->record, &op->definition))
        return CODE_BAD_STATE;
    enum code code = reshape_refusal(&vm->record, op);
    bool fits = agent_has_room(agent, &growth) && has_networks(agent, vm);
    return code == CODE_OK && !fits ? CODE_NO_CAPACITY : code;
}

/* What the verb does not change is as it is here, whoever says otherwise. */
static void complete(struct agent *agent, struct book_vm *vm) {
    struct operation *op = &vm->active->record;
    struct definition *definition = &op->definition;
    const struct vm *record = &vm->record;
    if (!reshape_tells(op->verb))
        return;
    reshape_hold(vm, agent_used(agent, vm));
    if (op->verb != VERB_REBUILD || !*definition->name) /* a new guest gets the newest name */
        text_set(definition->name, record->name);
    if (op->verb != VERB_RESIZE)
        definition->size = record->size;
    if (op->verb != VERB_REBUILD)
        text_set(definition->image, record->digest);
    definition->start = op->verb == VERB_REBUILD && record->state == VM_RUNNING;
    if (!verb_connects(op->verb)) {
        memory_free(definition->networks);
        definition->networks = memory_text(record->networks);
    }
    if (op->verb != VERB_ALLOW) {
        memory_free(definition->allow);
        definition->allow = memory_text(record->allow);
    }
    definition->on_loss = record->on_loss;
    book_save_vm(&agent->book, vm);
    book_save_op(&agent->book, vm->active);
}

/* Which word of the instruction it is that there is no capacity for, whatever else is here. */
static enum obstacle obstacle(const struct agent *agent, const struct book_vm *vm) {
    const struct operation *op = &vm->active->record;
    if (!has_networks(agent, vm))
        return OBSTACLE_NETWORKS;
    if (verb_makes(op->verb) && !is_apart(agent, vm, &op->definition))
        return OBSTACLE_GROUP_RULE;
    return agent_could_have(agent, &vm->record.size) ? OBSTACLE_NONE : OBSTACLE_SHAPE;
}

static void begin(struct agent *agent, const struct instruct *instruct) {
    struct book_op *op = uplink_begin(&agent->book, agent->uplink.setting.name, instruct);
    struct book_vm *vm = book_vm(&agent->book, op->record.vm);
    enum code code = judge(agent, vm);
    agent_count(agent, vm);
    if (code != CODE_OK) {
        if (code == CODE_NO_CAPACITY && agent_is_full(agent))
            book_say_why(op, "the disk of this host is full");
        if (verb_makes(instruct->verb))
            agent_set_state(agent, vm, VM_FAILED);
        op->record.obstacle = code == CODE_NO_CAPACITY ? obstacle(agent, vm) : OBSTACLE_NONE;
        agent_end(agent, op, code);
        return;
    }
    complete(agent, vm);
    agent_guard(agent, vm);
    if (instruct->verb == VERB_EVICT) /* whatever is under way on it: a lease may come next */
        agent_guard_end(agent, vm);
    uplink_capacity_changed(&agent->uplink);
    agent_advance(agent, vm);
}

static void on_instruct(struct agent *agent, const struct instruct *instruct) {
    struct uplink *uplink = &agent->uplink;
    struct book_vm *vm = book_vm(&agent->book, instruct->vm);
    enum code code = CODE_OK;
    uplink_forget_refusal(uplink, instruct->op);
    switch (uplink_judge(&agent->book, uplink->setting.name, instruct, &code)) {
    case UPLINK_NEW:
        if (agent->stopping)
            return; /* the manager sends it again when the agent is back */
        if (!instruct->within_ms)
            uplink_refuse(uplink, instruct, CODE_DEADLINE, vm);
        else
            begin(agent, instruct);
        return;
    case UPLINK_UNDER_WAY:
        return;
    case UPLINK_ANSWERED: {
        struct book_op *op = book_op(&agent->book, instruct->op);
        if (op)
            uplink_send_result(uplink, op);
        else
            uplink_refuse(uplink, instruct, vm->record.last_code, vm);
        return;
    }
    case UPLINK_REFUSED:
        uplink_refuse(uplink, instruct, code, vm);
        return;
    }
}

/* A lease has come: those that ran when the host lost power may run again, and what waits for one
 * to start a VM goes on. */
static void go_on_waiting(struct agent *agent) {
    list_for(struct book_vm, vm, &agent->book.vms, by_age) {
        if (!agent_is_renewed(agent, vm) || agent_vm(vm)->job)
            continue;
        if (agent_vm(vm)->is_cut)
            agent_restart(agent, vm);
        else
            agent_advance(agent, vm);
    }
}

/* By the place in agent.reads: the manager's number says nothing to the host. */
static void on_read(struct agent *agent, const struct read *read) {
    struct uplink *uplink = &agent->uplink;
    const struct book_vm *vm = book_vm(&agent->book, read->vm);
    size_t at = 0;
    while (at < agent_reads && agent->reads[at].number)
        at++;
    if (!vm || vm->record.epoch != read->epoch) {
        uplink_send_reading(uplink, read->number, &(struct reading){.code = CODE_LOST});
        return;
    }
    if (at == agent_reads) {
        uplink_send_reading(uplink, read->number, &(struct reading){.code = CODE_BUSY});
        return;
    }
    agent->reads[at] = (struct agent_read){read->number, uplink->session.number};
    struct effect_read *effect = &effects_add(agent->moment.out, EFFECT_READ)->read;
    effect->number = at + 1;
    effect->from = read->from;
    text_set(effect->vm, read->vm);
}

static void on_reading(struct agent *agent, const struct event_read *event) {
    if (!event->number || event->number > agent_reads)
        return;
    struct agent_read *read = &agent->reads[event->number - 1];
    const struct reading reading = {.code = event->code, .from = event->from, .next = event->next,
                                    .base64 = (char *)(uintptr_t)event->base64};
    if (read->number && read->session == agent->uplink.session.number)
        uplink_send_reading(&agent->uplink, read->number, &reading);
    *read = (struct agent_read){0};
}

static void send_opened(struct agent *agent, uint64_t number, enum code code, const char *key) {
    struct opened opened = {.number = number, .code = code};
    text_set(opened.key, key);
    uplink_send_opened(&agent->uplink, &opened);
}

static void on_open(struct agent *agent, const struct open *open) {
    const struct book_vm *vm = book_vm(&agent->book, open->vm);
    bool is_right = vm && vm->record.epoch == open->epoch;
    size_t at = 0;
    while (at < agent_streams && agent->streams[at].number)
        at++;
    if (!is_right || vm->record.state != VM_RUNNING || at == agent_streams) {
        send_opened(agent, open->number,
                    !is_right                           ? CODE_LOST
                    : vm->record.state != VM_RUNNING ? CODE_BAD_STATE
                                                        : CODE_BUSY, "");
        return;
    }
    agent->streams[at] = (struct agent_stream){++agent->last_stream, open->number,
                                               agent->uplink.session.number};
    struct effect_stream *effect = &effects_add(agent->moment.out, EFFECT_STREAM)->stream;
    effect->order = STREAM_OPEN;
    effect->number = agent->last_stream;
    effect->to = *open;
    text_set(effect->vm, open->vm);
}

static void on_stream(struct agent *agent, const struct event_stream *event) {
    for (size_t i = 0; i < agent_streams; i++) {
        struct agent_stream *stream = &agent->streams[i];
        if (stream->number != event->number)
            continue;
        if (event->news == STREAM_IS_OPEN && stream->session == agent->uplink.session.number)
            send_opened(agent, stream->asked, event->code, event->key);
        if (event->news == STREAM_ENDED || event->code != CODE_OK)
            *stream = (struct agent_stream){0};
    }
}

static void on_message(struct agent *agent, const struct message *message) {
    struct uplink *uplink = &agent->uplink;
    switch (uplink_on_message(uplink, message)) {
    case UPLINK_HANDLED:
    case UPLINK_CATALOGUE:
        return;
    case UPLINK_OPENED:
        agent_tell_capacity(agent);
        uplink_send_results(uplink);
        uplink_send_missed(uplink);
        return;
    case UPLINK_MESSAGE:
        if (message->kind == MESSAGE_INSTRUCT)
            on_instruct(agent, &message->instruct);
        else if (message->kind == MESSAGE_SYNC)
            uplink_send_table(uplink);
        else if (message->kind == MESSAGE_READ)
            on_read(agent, &message->read);
        else if (message->kind == MESSAGE_OPEN)
            on_open(agent, &message->open);
        else
            uplink_on_settled(&agent->book, uplink->setting.name, message->settled.op);
        return;
    }
}

static void on_frame(struct agent *agent, const struct event *event) {
    const struct peer_setting *setting = &agent->uplink.setting;
    if (setting->link != event->frame.link || !text_equal(setting->address, event->frame.from))
        return;
    bool accepted = uplink_on_frame(&agent->uplink, event);
    if (agent_renew(agent))
        go_on_waiting(agent);
    if (!accepted)
        return;
    uint32_t fresh = agent->uplink.session.fresh;
    for (uint32_t i = fresh; i < event->frame.frame->messages_count; i++)
        on_message(agent, &event->frame.frame->messages[i]);
}

static void tell_owed(struct agent *agent) {
    if (uplink_owes_capacity(&agent->uplink))
        agent_tell_capacity(agent);
}

static void on_op_due(struct agent *agent, struct book_op *op) {
    if (book_op_has_ended(op)) {
        tell_owed(agent);
        uplink_send_result(&agent->uplink, op);
    } else if (op->deadline_ms <= agent->moment.now_ms) {
        op->deadline_ms = book_never;
        agent_on_deadline(agent, op);
    } else {
        op->progress_ms = book_never;
        agent_tell_capacity(agent);
        enum step step = op->record.step < STEP_TAKEN ? STEP_TAKEN : op->record.step;
        uplink_send_progress(&agent->uplink, op, step);
    }
    if (!book_op_has_ended(op))
        book_schedule(&agent->book, op);
}

static void on_tick(struct agent *agent) {
    struct timer *timer = NULL;
    while ((timer = heap_first(&agent->book.timers)) && timer->due_ms <= agent->moment.now_ms)
        on_op_due(agent, container_of(timer, struct book_op, timer));
    tell_owed(agent);
}

static void on_load(struct agent *agent, const struct event *event) {
    incarnation_load(&agent->own, &event->load);
    uplink_load(&agent->uplink, &event->load);
    if (event->load.table == &stored_vm_table) {
        agent_count(agent, book_add_vm(&agent->book, event->load.data));
    } else if (event->load.table == &operation_table) {
        const struct operation *record = event->load.data;
        struct book_op *op = book_add_op(&agent->book, record);
        struct book_vm *vm = book_vm(&agent->book, record->vm);
        op->loaded = true;
        uplink_mark_untold(&agent->book, op);
        if (book_op_has_ended(op))
            return;
        assert(vm);
        vm->active = op;
        op->deadline_ms = book_deadline_ms(&agent->book, record);
    }
}

static void on_start(struct agent *agent) {
    incarnation_begin(&agent->own, &agent->moment);
    struct effect_job *job = &effects_add(agent->moment.out, EFFECT_JOB)->job;
    job->kind = JOB_SCAN; /* not among agent->jobs: a stop does not wait for it */
    job->job = ++agent->last_job;
}

/* What the scan did not find is not there; then everything under way goes on. */
static void begin_working(struct agent *agent) {
    if (agent->scanned || !agent->scan_ended || agent->met)
        return;
    list_for(struct book_vm, vm, &agent->book.vms, by_age) {
        if (!agent_vm(vm)->is_found && lifecycle_is_made(vm->record.state))
            agent_set_state(agent, vm, VM_LOST);
    }
    agent->scanned = true;
    agent_guard_all(agent);
    list_for(struct book_vm, vm, &agent->book.vms, by_age) {
        if (agent_vm(vm)->is_cut && !agent_is_leased(vm)) /* it may run elsewhere otherwise */
            agent_restart(agent, vm);
        if (!vm->active)
            continue;
        book_schedule(&agent->book, vm->active);
        agent_advance(agent, vm);
    }
    effects_add(agent->moment.out, EFFECT_READY);
}

static void on_stop(struct agent *agent) {
    agent->stopping = true;
    if (!agent->jobs)
        effects_add(agent->moment.out, EFFECT_DONE);
}

static void on_host(struct agent *agent, const struct event *event) {
    if (event->host.is_full != agent->host_is_full)
        effects_note_disk(agent->moment.out, event->host.is_full, "of the VMs");
    agent->host = event->host.size;
    agent->host_is_full = event->host.is_full;
    agent->uplink.sends = event->host.sends;
    agent->uplink.receives = *event->host.uri;
    record_clear(&landing_table, &agent->landing);
    if (*event->host.uri)
        agent->landing = (struct landing){.uri = memory_text(event->host.uri),
                                          .folder = memory_text(event->host.folder)};
    uplink_capacity_changed(&agent->uplink);
    effects_note(agent->moment.out, NOTE_INFO, "",
                 "host offers %u cpus, %u MiB, %u GiB, accelerator %s", event->host.size.cpus,
                 event->host.size.memory_mib, event->host.size.disk_gib, event->host.accelerator);
}

/* What has waited for a VM that stands still no more goes on. */
static void on_guard(struct agent *agent, const struct event *event) {
    struct book_vm *vm = book_vm(&agent->book, event->guard.vm);
    agent_on_guard(agent, event);
    if (vm && event->guard.news == GUARD_THAWED && agent->scanned)
        agent_advance(agent, vm);
    if (event->guard.news == GUARD_THERE && agent->scanned && agent_renew(agent))
        go_on_waiting(agent);
}

static void on_ips(struct agent *agent, const struct event_ips *event) {
    struct book_vm *vm = book_vm(&agent->book, event->vm);
    if (!vm || agent_vm(vm)->is_met || event->epoch != vm->record.epoch ||
        !ips_learn(&vm->record, event->ips, event->count))
        return;
    book_save_vm(&agent->book, vm);
    if (agent->scanned) /* what it says before would not be true */
        uplink_send_vm(&agent->uplink, vm);
}

static void on_disk(struct agent *agent, const struct event *event) {
    agent->books_are_full = event->disk.is_full;
    effects_note_disk(agent->moment.out, agent->books_are_full, "of the books");
    uplink_capacity_changed(&agent->uplink);
}

/* A job may be under way for an operation that was superseded since. */
static bool needs_image(struct book_vm *vm, const char *digest) {
    const struct agent_vm *here = agent_vm(vm);
    return book_vm_needs_image(vm, digest) ||
           (here->job && text_equal(here->job_image, digest));
}

/* Not until all is known that is here. */
static void on_archive(struct agent *agent, const struct event *event) {
    struct effect_archive effect = {.word = agent->scanned ? ARCHIVE_REMOVE : ARCHIVE_KEEP};
    text_set(effect.digest, event->archive.digest);
    list_for(struct book_vm, vm, &agent->book.vms, by_age) {
        if (needs_image(vm, effect.digest))
            effect.word = ARCHIVE_KEEP;
    }
    if (effect.word == ARCHIVE_REMOVE)
        holds_note(&agent->uplink, effect.digest, false);
    effects_archive(agent->moment.out, &effect);
}

static void on_image(struct agent *agent, const struct event *event) {
    if (event->kind == EVENT_IMAGE)
        holds_note(&agent->uplink, event->image.digest, true);
    else
        on_archive(agent, event);
}

static void on_scanned(struct agent *agent) {
    agent->scan_ended = true;
    begin_working(agent);
}

static void on_end_of_step(struct agent *agent) {
    if (uplink_resumes(&agent->uplink)) {
        uplink_resume_refusals(&agent->uplink);
        agent_tell_capacity(agent);
        uplink_resume(&agent->uplink);
    }
    agent_ask_usage(agent);
    if (agent->scanned) /* what it says before would not be true */
        uplink_tick(&agent->uplink);
}

static void on_event(struct agent *agent, const struct event *event) {
    switch (event->kind) {
    case EVENT_LOAD:
        on_load(agent, event);
        return;
    case EVENT_START:
        on_start(agent);
        break;
    case EVENT_TICK:
        on_tick(agent);
        break;
    case EVENT_LINK:
    case EVENT_PEER:
        uplink_on_presence(&agent->uplink, event);
        break;
    case EVENT_FRAME:
        on_frame(agent, event);
        break;
    case EVENT_JOB:
        agent_on_job(agent, event);
        begin_working(agent);
        break;
    case EVENT_DOMAIN:
        agent_on_domain(agent, event);
        break;
    case EVENT_SCANNED:
        on_scanned(agent);
        break;
    case EVENT_HOST:
        on_host(agent, event);
        break;
    case EVENT_DISK:
        on_disk(agent, event);
        break;
    case EVENT_REKEY:
        uplink_on_rekey(&agent->uplink, event);
        break;
    case EVENT_GUARD:
        on_guard(agent, event);
        break;
    case EVENT_READ:
        on_reading(agent, &event->read);
        break;
    case EVENT_STREAM:
        on_stream(agent, &event->stream);
        break;
    case EVENT_IPS:
        on_ips(agent, &event->ips);
        break;
    case EVENT_USAGE:
        agent_on_usage(agent, &event->usage);
        break;
    case EVENT_IMAGE:
    case EVENT_ARCHIVE:
        on_image(agent, event);
        break;
    case EVENT_STOP:
        on_stop(agent);
        break;
    case EVENT_REQUEST:
    case EVENT_BUCKET:
    case EVENT_JOIN:
    case EVENT_JOINED:
    case EVENT_DELIVERED:
    case EVENT_CERTIFICATE:
    case EVENT_KIND_COUNT:
        break; /* of managers */
    }
    on_end_of_step(agent);
}

void agent_step(struct agent *agent, const struct event *event, struct effects *out) {
    moment_begin(&agent->moment, event, out);
    on_event(agent, event);
    moment_end(&agent->moment);
}

uint64_t agent_deadline_ms(const struct agent *agent) {
    if (!agent->scanned)
        return book_never;
    uint64_t due = uplink_deadline_ms(&agent->uplink);
    uint64_t usage = agent_usage_deadline_ms(agent);
    due = usage < due ? usage : due;
    const struct timer *op = heap_first(&agent->book.timers);
    return op && op->due_ms < due ? op->due_ms : due;
}

void agent_check(const struct agent *agent) {
    book_check(&agent->book);
    uplink_check(&agent->uplink);
    uint64_t vms = 0, guarded = 0;
    list_for(const struct book_vm, vm, &agent->book.vms, by_age) {
        vms += lifecycle_occupies(vm->record.state);
        guarded += agent_vm(vm)->is_guarded;
    }
    assert(vms == agent->used.vms && guarded == agent->guarded);
}
