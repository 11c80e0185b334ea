/* What an operation tells of itself, in words: what happened, who decided, why it waits. The words
 * are made here, from closed codes and names alone. */
#pragma once

#include "cli/call.h"

/* From where an operation is looked at: what lies above and below is called otherwise. */
enum explain_level { EXPLAIN_UPSTREAM, EXPLAIN_OWNER };

/* "cluster north to take it, since 2026-11-22 21:50:00"; nothing where it has ended. */
void explain_waits(const struct operation *op, enum explain_level level, struct text *out);

/* The timeline, a line each, on standard output. */
void explain_print(const struct operation *op, enum explain_level level);

/* The newest operation on a VM, under what was shown of the VM; none is no error. */
int explain_newest(const struct options *options, const char *op, enum explain_level level);

/* Of a VM: what becomes of it when its host is lost; how often that was, when last, and how old is
 * what came back. */
struct told_loss {
    enum on_loss on_loss;
    enum restart_from restart_from;
    uint32_t restarts;
    uint64_t restarted_ms, restored_ms;
    bool is_bare;    /* it is not heard of, and there is no copy */
    bool lacks_copy; /* it was given up there, and none is left */
};
void sheet_loss(struct sheet *sheet, const struct told_loss *loss);

/* How old what is left of a VM's disk would be, were its host lost now. */
struct words words_copy(const struct copy *copies, uint32_t count);

/* Of a VM: the copies of its disk, how often they are made, and whether they are. */
struct told_copies {
    const struct copy *copies;
    uint32_t count, every_s, max_age_s;
    bool is_late;
};
void sheet_copies(struct sheet *sheet, const struct told_copies *told);

/* A line for each network interface of a VM. */
void sheet_interfaces(struct sheet *sheet, const struct interface *interfaces, uint32_t count);
