/* Which host jobs make a verb, in which order and again after a crash; and what a job's end, the
 * guest or a deadline makes of the operation. */
#include "core/agent/work.h"

#include <assert.h>

#include "core/agent/guard.h"
#include "core/agent/meet.h"
#include "core/agent/vm.h"
#include "core/books/lifecycle.h"
#include "core/books/reshape.h"

enum {
    guest_grace_ms = 60000,  /* to act on a shutdown or reboot once asked, at the most */
    progress_after_ms = 1000, /* only a step that lasts is told; the result tells the rest */
};

struct stage {
    enum step step;
    enum job_kind job;
};

/* How a host does a verb: its stages in order, and what the VM is when all are done. */
struct plan {
    struct stage stages[4];
    enum vm_state after; /* VM_PENDING: as it is */
};

static const struct plan plans[VERB_COUNT] = {
    [VERB_DEFINE] = {{{STEP_FETCHING, JOB_FETCH},
                      {STEP_PREPARING, JOB_CREATE},
                      {STEP_STARTING, JOB_START}}, VM_RUNNING},
    [VERB_START] = {{{STEP_STARTING, JOB_START}}, VM_RUNNING},
    [VERB_SHUTDOWN] = {{{STEP_STOPPING, JOB_SHUTDOWN}}, VM_STOPPED},
    [VERB_STOP] = {{{STEP_STOPPING, JOB_STOP}}, VM_STOPPED},
    [VERB_REBOOT] = {{{STEP_REBOOTING, JOB_REBOOT}}, VM_RUNNING},
    [VERB_PAUSE] = {{{STEP_PAUSING, JOB_PAUSE}}, VM_PAUSED},
    [VERB_RESUME] = {{{STEP_RESUMING, JOB_RESUME}}, VM_RUNNING},
    [VERB_SUSPEND] = {{{STEP_SUSPENDING, JOB_SUSPEND}}, VM_SUSPENDED},
    [VERB_RESIZE] = {{{STEP_RESIZING, JOB_RESIZE}}, VM_PENDING},
    [VERB_SNAPSHOT] = {{{STEP_SNAPSHOTTING, JOB_SNAPSHOT}}, VM_PENDING},
    [VERB_SNAPSHOT_DELETE] = {{{STEP_SNAPSHOTTING, JOB_SNAPSHOT_DELETE}}, VM_PENDING},
    [VERB_REVERT] = {{{STEP_REVERTING, JOB_REVERT}}, VM_PENDING}, /* see state_after */
    [VERB_REBUILD] = {{{STEP_FETCHING, JOB_FETCH},
                       {STEP_PREPARING, JOB_REBUILD},
                       {STEP_STARTING, JOB_START}}, VM_RUNNING},
    [VERB_ALLOW] = {{{STEP_PREPARING, JOB_ALLOW}}, VM_PENDING},
    [VERB_RECEIVE] = {{{STEP_FETCHING, JOB_FETCH}, {STEP_PREPARING, JOB_RECEIVE}}, VM_PENDING},
    [VERB_MIGRATE] = {{{STEP_MIGRATING, JOB_MIGRATE}}, VM_DELETED},
    [VERB_ADOPT] = {{{STEP_STARTING, JOB_ADOPT}}, VM_RUNNING},
    [VERB_DELETE] = {{{STEP_DELETING, JOB_REMOVE}}, VM_DELETED},
    [VERB_EVICT] = {{{STEP_DELETING, JOB_EVICT}}, VM_DELETED},
    [VERB_COPY] = {{{STEP_COPYING, JOB_COPY}}, VM_PENDING},
    [VERB_INTERFACE_ADD] = {{{STEP_CONNECTING, JOB_CONNECT}}, VM_PENDING},
    [VERB_INTERFACE_REMOVE] = {{{STEP_CONNECTING, JOB_CONNECT}}, VM_PENDING},
};
static const struct stage undoing = {STEP_UNDOING, JOB_REMOVE};

/* The stage that the operation is in, or its first; NULL: all are done. */
static const struct stage *stage_at(const struct book_op *op) {
    if (op->record.step == STEP_UNDOING)
        return &undoing;
    const struct stage *stages = plans[op->record.verb].stages;
    for (const struct stage *stage = stages; stage->step; stage++)
        if (stage->step == op->record.step)
            return stage;
    return stages;
}

/* Does it end with a VM that is off? */
static bool leaves_off(const struct operation *op) {
    return (op->verb == VERB_DEFINE || op->verb == VERB_REBUILD) && !op->definition.start;
}

static const struct stage *stage_after(const struct book_op *op, const struct stage *stage) {
    bool start = !leaves_off(&op->record);
    const struct stage *next = stage + 1;
    if (stage == &undoing || !next->step || (next->step == STEP_STARTING && !start))
        return NULL;
    return next;
}

/* Is the verb about the guest's memory? Once that is gone, nothing can be done any more. */
static bool is_of_memory(enum verb verb) {
    return verb == VERB_PAUSE || verb == VERB_RESUME || verb == VERB_SUSPEND;
}

void agent_restart(struct agent *agent, struct book_vm *vm) {
    (void)agent_add_job(agent, vm, JOB_START);
    effects_note(agent->moment.out, NOTE_INFO, "",
                 "VM %s ran when this host lost power; it is started again", vm->record.id);
}

/* No news of the domain itself came first. Operations that came meanwhile have waited. */
static void on_restarted(struct agent *agent, struct book_vm *vm, enum code code) {
    agent_vm(vm)->is_cut = false;
    if (code != CODE_OK)
        agent_set_state(agent, vm, code == CODE_LOST ? VM_LOST : VM_STOPPED);
    agent_advance(agent, vm);
}

static void begin_step(struct agent *agent, struct book_op *op, enum step step) {
    book_step(op, step, agent->moment.wall_ms);
    op->progress_ms = agent->moment.now_ms + progress_after_ms;
    book_schedule(&agent->book, op);
}

static void run(struct agent *agent, struct book_vm *vm, const struct stage *stage) {
    struct book_op *op = vm->active;
    const struct stage *next = stage_after(op, stage);
    begin_step(agent, op, stage->step);
    op->record.state = OP_RUNNING;
    /* What is not harmless twice is on disk before it is begun; so is that a disk may be another
     * already, whatever an earlier stage would say if it were asked again. */
    if (stage->step == STEP_REBOOTING || stage->step == STEP_UNDOING ||
        stage->job == JOB_REBUILD)
        book_save_op(&agent->book, op);
    if (stage->job == JOB_REMOVE || stage->job == JOB_EVICT) {
        agent_vm(vm)->is_cut = false;
        agent_guard_end(agent, vm);
    }
    struct effect_job *job = agent_add_job(agent, vm, stage->job);
    text_set(agent_vm(vm)->job_image, op->record.definition.image);
    job->starts = next && next->job == JOB_START;
    text_set(job->op, op->record.id);
    text_set(job->snapshot, op->record.snapshot);
    job->hard = op->record.hard;
    job->copy = op->record.copy;
    record_clone(&definition_table, &op->record.definition, &job->definition);
    record_clone(&landing_table, &op->record.landing, &job->landing);
}

/* Does it come to run by this stage, or right after it? */
static bool starts(const struct book_op *op, const struct stage *stage) {
    const struct stage *next = stage_after(op, stage);
    return stage->job == JOB_START || (next && next->job == JOB_START);
}

/* It stands still, or is to run (again) once a lease comes; what is to be gone need not wait. */
static bool awaits_lease(const struct agent *agent, const struct book_vm *vm,
                         const struct stage *stage) {
    const struct agent_vm *here = agent_vm(vm);
    const struct book_op *op = vm->active;
    bool waits = here->is_frozen || (here->is_cut && agent_is_leased(vm)) ||
                 (starts(op, stage) && agent_lacks_lease(agent, vm));
    return waits && !verb_ends(op->record.verb);
}

/* The stage is next: now, or once a lease comes. */
static void go_on(struct agent *agent, struct book_vm *vm, const struct stage *stage) {
    if (awaits_lease(agent, vm, stage))
        begin_step(agent, vm->active, stage->step);
    else
        run(agent, vm, stage);
}

void agent_advance(struct agent *agent, struct book_vm *vm) {
    struct book_op *op = vm->active;
    if (!op || agent_vm(vm)->job || agent->stopping ||
        awaits_lease(agent, vm, stage_at(op)))
        return;
    bool off = vm->record.state == VM_STOPPED || vm->record.state == VM_CRASHED;
    bool forgotten = is_of_memory(op->record.verb) && off;
    /* Found after a crash: done or not, who knows; or it cannot be done any more. */
    if (op->record.step == STEP_REBOOTING || forgotten) {
        agent_end(agent, op, CODE_INTERRUPTED);
        return;
    }
    if (op->record.verb == VERB_SHUTDOWN && vm->record.state == VM_STOPPED) {
        agent_end(agent, op, CODE_OK); /* found so after a crash */
        return;
    }
    run(agent, vm, stage_at(op));
}

static enum vm_state state_after(const struct book_vm *vm) {
    const struct operation *op = &vm->active->record;
    const struct snapshot *snapshot = reshape_snapshot(&vm->record, op->snapshot);
    if (leaves_off(op))
        return VM_STOPPED;
    if (op->verb == VERB_REVERT && snapshot)
        return snapshot->memory ? VM_RUNNING : VM_STOPPED;
    enum vm_state after = plans[op->verb].after;
    /* It came to run, and the guest has ended since. */
    if (after == VM_RUNNING && agent_vm(vm)->fell)
        return (enum vm_state)agent_vm(vm)->fell;
    return after == VM_PENDING ? vm->record.state : after;
}

static void undo(struct agent *agent, struct book_vm *vm, enum code code) {
    vm->record.last_code = code; /* the cause, through the undoing and a crash in it */
    vm->record.last_step = vm->active->record.step;
    book_save_vm(&agent->book, vm);
    run(agent, vm, &undoing);
}

static void on_undone(struct agent *agent, struct book_vm *vm, enum code code) {
    struct book_op *op = vm->active;
    enum code cause = vm->record.last_code;
    op->record.step = vm->record.last_step;
    if (code == CODE_OK)
        agent_set_state(agent, vm, VM_FAILED);
    else /* something is left: the manager deletes it, and sees when that fails */
        agent_set_state(agent, vm, VM_STOPPED);
    agent_end(agent, op, cause == CODE_OK ? CODE_HOST_FAILED : cause);
}

static void on_failed(struct agent *agent, struct book_vm *vm, enum code code) {
    struct book_op *op = vm->active;
    if (verb_makes(op->record.verb)) {
        undo(agent, vm, code);
        return;
    }
    if (code == CODE_LOST)
        agent_set_state(agent, vm, VM_LOST);
    agent_end(agent, op, code);
}

/* The guest was asked; from here its own doing (EVENT_DOMAIN) or the grace ends it. */
static void await_guest(struct agent *agent, struct book_op *op) {
    uint64_t grace = agent->moment.now_ms + guest_grace_ms;
    op->deadline_ms = grace < op->deadline_ms ? grace : op->deadline_ms;
    book_schedule(&agent->book, op);
}

/* Where the VM is to come to is the operation's to tell the manager. */
static void land(const struct agent *agent, struct book_op *op) {
    record_clear(&landing_table, &op->record.landing);
    record_clone(&landing_table, &agent->landing, &op->record.landing);
    op->record.landing.epoch = book_vm(&agent->book, op->record.vm)->record.epoch;
}

static void on_done(struct agent *agent, struct book_vm *vm, const struct event_job *job) {
    struct book_op *op = vm->active;
    const struct stage *stage = stage_at(op), *next = stage_after(op, stage);
    if (stage == &undoing) {
        on_undone(agent, vm, CODE_OK);
    } else if (next) {
        go_on(agent, vm, next);
    } else if (stage->job == JOB_SHUTDOWN && vm->record.state != VM_STOPPED) {
        await_guest(agent, op);
    } else if (stage->job == JOB_REBOOT && !op->record.hard && !agent_op(op)->guest_acted) {
        await_guest(agent, op);
    } else {
        if (stage->job == JOB_RECEIVE)
            land(agent, op);
        op->record.copied = job->copied;
        agent_set_state(agent, vm, state_after(vm));
        agent_end(agent, op, CODE_OK);
    }
}

/* What nobody can say counts as the larger of both sizes. */
static void learn_size(struct agent *agent, struct book_vm *vm, const struct event *event) {
    struct facts facts = reshape_facts(vm);
    const struct operation *op = &vm->active->record;
    facts.size = event->job.code == CODE_OK ? op->definition.size : event->job.size;
    if (size_is_zero(&facts.size))
        facts.size = vm->record.size;
    else if (!facts.size.disk_gib) /* what is not there has not grown */
        facts.size.disk_gib = op->verb == VERB_RESIZE ? op->was.disk_gib : vm->record.size.disk_gib;
    (void)reshape_learn(vm, &facts, agent_used(agent, vm), agent->moment.wall_ms);
    record_clear(&facts_table, &facts);
}

static void learn_rebuild(struct book_vm *vm, const struct event_job *job) {
    const char *image = vm->active->record.definition.image;
    if (vm->active->record.step != STEP_PREPARING)
        return;
    if (job->code == CODE_OK || (*job->image && job->left == SNAPSHOTS_GONE))
        reshape_rebuilt(&vm->record, job->code == CODE_OK ? image : job->image);
    if (job->code == CODE_OK)
        reshape_rename(&vm->record, &vm->active->record.definition);
}

/* Of one that failed the host says what there is, if it can; else it is as it was. */
static void learn_allow(struct book_vm *vm, const struct event_job *job) {
    if (job->code == CODE_OK)
        reshape_allow(&vm->record, vm->active->record.definition.allow);
    else if (job->found)
        reshape_allow(&vm->record, job->found->allow);
}

static void learn_networks(struct book_vm *vm, const struct event_job *job) {
    if (job->code == CODE_OK)
        reshape_connect(&vm->record, vm->active->record.definition.networks);
    else if (job->found)
        reshape_connect(&vm->record, job->found->networks);
}

/* What the VM has now, as far as the host says. */
static void learn(struct agent *agent, struct book_vm *vm, const struct event *event) {
    const struct operation *op = &vm->active->record;
    bool done = event->job.code == CODE_OK;
    bool missing = event->job.code == CODE_NOT_FOUND || event->job.left == SNAPSHOTS_GONE;
    if (!reshape_tells(op->verb))
        return;
    if (op->verb == VERB_RESIZE || (op->verb == VERB_REVERT && !done))
        learn_size(agent, vm, event); /* a revert that failed may have brought what it had then */
    if (op->verb == VERB_ALLOW) {
        learn_allow(vm, &event->job);
    } else if (op->verb == VERB_REBUILD) {
        learn_rebuild(vm, &event->job);
    } else if (op->verb == VERB_SNAPSHOT && done) {
        struct snapshot snapshot = {.created_ms = agent->moment.wall_ms,
                                    .memory = event->job.memory,
                                    .size = vm->record.size};
        text_set(snapshot.name, op->snapshot);
        reshape_add_snapshot(&vm->record, &snapshot);
    } else if (verb_connects(op->verb)) {
        learn_networks(vm, &event->job);
    } else if (op->verb == VERB_SNAPSHOT_DELETE ? done || missing : missing) {
        reshape_drop_snapshot(&vm->record, op->snapshot);
    }
    book_save_vm(&agent->book, vm);
}

static struct book_vm *vm_of_job(const struct agent *agent, uint64_t job) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &agent->working) {
        struct book_vm *vm = &container_of(node, struct agent_vm, by_work)->base;
        if (agent_vm(vm)->job == job)
            return vm;
    }
    return NULL;
}

/* The host goes on by itself. */
static void on_starts(struct agent *agent, struct book_vm *vm, const struct event *event) {
    learn(agent, vm, event);
    begin_step(agent, vm->active, STEP_STARTING);
}

static void on_own_job(struct agent *agent, struct book_vm *vm, const struct event *event) {
    struct book_op *op = vm->active;
    if (op->record.step != STEP_UNDOING) /* the cause stays */
        book_say_why(op, event->job.why);
    learn(agent, vm, event);
    if (agent->stopping && stage_after(op, stage_at(op)))
        book_save_op(&agent->book, op); /* the rest after the restart */
    else if (event->job.code == CODE_OK)
        on_done(agent, vm, &event->job);
    else if (op->record.step == STEP_UNDOING)
        on_undone(agent, vm, event->job.code);
    else
        on_failed(agent, vm, event->job.code);
}

/* False: the job's operation was superseded while it ran. */
static bool is_own_job(const struct book_vm *vm) {
    const struct book_op *op = vm->active;
    return op && op->record.timeline_count && op->record.state == OP_RUNNING;
}

void agent_on_job(struct agent *agent, const struct event *event) {
    struct book_vm *vm = vm_of_job(agent, event->job.job);
    if (event->job.starts) {
        if (vm && is_own_job(vm))
            on_starts(agent, vm, event);
        return;
    }
    agent->jobs--;
    if (vm) {
        struct agent_vm *here = agent_vm(vm);
        here->job = 0;
        list_remove(&here->by_work);
        if (here->is_met)
            agent_on_met(agent, vm, &event->job);
        else if (here->is_cut)
            on_restarted(agent, vm, event->job.code);
        else if (!is_own_job(vm))
            agent_advance(agent, vm);
        else
            on_own_job(agent, vm, event);
    }
    if (agent->stopping && !agent->jobs)
        effects_add(agent->moment.out, EFFECT_DONE);
}

/* Does what the guest did end the operation that waits for it? */
static bool ends_wait(const struct agent *agent, const struct book_vm *vm,
                      const struct event_domain *domain) {
    const struct book_op *op = vm->active;
    if (!agent->scanned || !op || agent_vm(vm)->job || op->record.state != OP_RUNNING)
        return false;
    if (op->record.verb == VERB_SHUTDOWN)
        return domain->state == VM_STOPPED || domain->state == VM_CRASHED;
    return op->record.verb == VERB_REBOOT && domain->why == DOMAIN_REBOOTED;
}

/* The host lost power while the VM was held in memory, or was about to be: it is gone, which nobody
 * has asked for. That stays so until it is started, however often the host is scanned. */
static bool crashed_by_cut(const struct book_vm *vm, const struct event_domain *domain) {
    const struct book_op *op = vm->active;
    bool held = vm->record.state == VM_PAUSED || vm->record.state == VM_CRASHED;
    return domain->why == DOMAIN_CUT && domain->state == VM_STOPPED &&
           (held || (op && is_of_memory(op->record.verb)));
}

/* A guest may end before the end of the job that starts it has been told. */
static void learn_fall(struct book_vm *vm, enum vm_state state) {
    struct agent_vm *here = agent_vm(vm);
    bool off = state == VM_STOPPED || state == VM_CRASHED;
    here->fell = here->ran && off ? (uint8_t)state : 0;
    here->ran |= here->job && state == VM_RUNNING;
}

void agent_on_domain(struct agent *agent, const struct event *event) {
    const struct event_domain *domain = &event->domain;
    struct book_vm *vm = book_vm(&agent->book, domain->vm);
    bool is_found = domain->why == DOMAIN_FOUND || domain->why == DOMAIN_CUT;
    if (agent_is_to_meet(vm) && (!vm || !agent_vm(vm)->is_met)) {
        if (is_found)
            agent_meet(agent, vm, domain);
        return;
    }
    if (agent_vm(vm)->is_met) {
        agent_on_met_domain(agent, vm, domain);
        return;
    }
    if (domain->epoch != vm->record.epoch && domain->state != VM_LOST)
        return;
    struct agent_vm *here = agent_vm(vm);
    if (is_found)
        here->is_found = true;
    learn_fall(vm, domain->state);
    const struct book_op *op = vm->active;
    bool making = op && (verb_makes(op->record.verb) || verb_ends(op->record.verb));
    if (making || vm->record.state == VM_DELETING || vm->record.state == VM_DELETED ||
        vm->record.state == VM_FAILED)
        return; /* its job's end says what became of it */
    bool stays = !op || op->record.verb == VERB_REBOOT ||
                 op->record.verb == VERB_MIGRATE || /* which has not ended: it is here */
                 plans[op->record.verb].after == VM_PENDING;
    bool wanted = vm->record.state == VM_RUNNING && stays;
    here->is_cut = domain->why == DOMAIN_CUT && wanted;
    if (here->is_cut)
        return; /* started when the scan is complete */
    enum vm_state state = crashed_by_cut(vm, domain) ? VM_CRASHED : domain->state;
    bool ends = ends_wait(agent, vm, domain);
    if (op && op->record.verb == VERB_REBOOT && domain->why == DOMAIN_REBOOTED)
        agent_op(vm->active)->guest_acted = true;
    if (domain->why != DOMAIN_REBOOTED)
        agent_set_state(agent, vm, state);
    if (ends)
        agent_end(agent, vm->active, CODE_OK);
}

void agent_on_deadline(struct agent *agent, struct book_op *op) {
    struct book_vm *vm = book_vm(&agent->book, op->record.vm);
    if (agent_vm(vm)->job)
        return; /* begun: its true end comes from the host, late as it may be */
    if (reshape_tells(op->record.verb) && op->loaded && awaits_lease(agent, vm, stage_at(op)))
        return; /* begun by a former process; what came of it is known once it goes on */
    if (verb_makes(op->record.verb)) { /* no lease came in time to start it */
        undo(agent, vm, CODE_DEADLINE);
        return;
    }
    bool asks = op->record.verb == VERB_SHUTDOWN ||
                (op->record.verb == VERB_REBOOT && !op->record.hard);
    agent_end(agent, op, asks ? CODE_GUEST_IGNORED : CODE_DEADLINE);
}
