/* What both managers are: the books of VMs and operations, the links to the places below (clusters,
 * or hosts) and who may enrol there. Each of the two roles embeds one, and says in a table of its
 * own what it does where the two differ. */
#pragma once

#include "core/below/peer.h"
#include "core/manager/enrol.h"
#include "message/id.h"

struct manager;

/* What a role does of its own. Each finds its role around the manager. */
struct manager_kind {
    const char *place; /* what a place is called: "cluster", "host" */
    const struct book_kind *books;

    /* The VM's state is another, and saved: counted, told. NULL: nothing to do. */
    void (*on_state)(struct manager *manager, struct book_vm *vm);

    /* The VM's place says that it has this now. */
    void (*on_facts)(struct manager *manager, struct book_vm *vm, const struct facts *facts);

    /* A VM that is to be gone, with nothing under way, is at its place no more. */
    void (*on_gone)(struct manager *manager, struct book_vm *vm);

    /* The VM becomes DELETING, by an operation of this level's own that is not instructed yet. */
    struct book_op *(*begin_deletion)(struct manager *manager, struct book_vm *vm);

    /* An operation is read from the store; if it is under way, it is its VM's active one. */
    void (*on_loaded)(struct manager *manager, struct book_op *op);

    /* Its place tells of the operation's step, which is noted. NULL: nothing to do. */
    void (*on_progress)(struct manager *manager, struct book_op *op, enum step step);

    /* A result ends the VM's active operation. */
    void (*on_result)(struct manager *manager, struct peer *peer, const struct result *result);

    /* The place is connected (again): what was under way there has been instructed again. */
    void (*on_opened)(struct manager *manager, struct peer *peer);

    /* The place has told its capacity. NULL: nothing to do. */
    void (*on_capacity)(struct manager *manager, struct peer *peer);
};

struct manager {
    const struct manager_kind *kind;
    struct moment moment;
    struct book book;
    struct downlink downlink;
    struct enrol enrol;
    struct id_maker ids;
    struct prng prng; /* for all that is drawn here; seeded at the start */
    bool stopping;
};

/* Before what has failed, or found no room, is tried again. */
enum { manager_pause_ms = 30000 };

void manager_init(struct manager *manager, const struct manager_kind *kind,
                  const struct role_settings *settings);
void manager_deinit(struct manager *manager);

/* When something of the books or of the links is due next. */
uint64_t manager_deadline_ms(const struct manager *manager);
void manager_check(const struct manager *manager);
