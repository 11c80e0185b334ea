/* The operators' provisioning rules (message/records/rule.h): which one applies to a VM, and what
 * is asked of the list. Who begins a definition asks for its rule and hands it to the operation,
 * which keeps it: no later change of the list moves a VM, or sends an operation elsewhere. */
#pragma once

#include "core/manager/call.h"
#include "message/records/rule.h"

struct book_vm;

void rules_load(struct upstream *upstream, const struct rule *record);
void rules_deinit(struct upstream *upstream);

/* The first rule that matches; NULL: none does. */
const struct rule *rules_first(const struct upstream *upstream, const struct ruled_vm *vm);

/* For a VM that there is, and that is made anew elsewhere: rules that refuse are for new ones. */
const struct rule *rules_first_of(const struct upstream *upstream, const struct book_vm *vm);

/* Puts what the rule says into an operation that is to begin; borrowed. NULL: nothing. */
void rules_apply(const struct rule *rule, struct operation *op);

/* The networks that a new VM is to be in, by commas; NULL: none. */
const char *rules_networks(const struct rule *rule, const char *wished);

/* False: the rule refuses, and that has been answered. */
bool rules_permit(const struct call *call, const struct rule *rule);

/* May the VM become one of this image and shape, where it is? False: answered. */
bool rules_permit_reshape(const struct call *call, const struct book_vm *vm, const char *image,
                          const char *shape);

/* REQUEST_RULE_… */
void rules_add(const struct call *call);
void rules_list(const struct call *call);
void rules_show(const struct call *call);
void rules_set(const struct call *call);
void rules_move(const struct call *call);
void rules_delete(const struct call *call);
