/* What a tenant may ask for: its VMs and shapes by name, its quota and what of it is used. */
#pragma once

#include "core/below/explain.h"
#include "core/books/amounts.h"

struct call;
struct tenant_entry;
struct upstream;

/* Who is told what of an operation. */
enum explain_reader upstream_reader(const struct call *call);

/* The tenant as an answer, with what it uses. */
void upstream_answer_account(const struct call *call, const struct tenant_entry *tenant);

const struct shape *upstream_find_shape(const struct upstream *upstream, const char *name);

/* False: the tenant's quota has no room for what is wanted, which is answered. */
bool upstream_tell_quota(const struct call *call, const struct tenant_entry *tenant,
                         enum amount exceeded, const struct size *wanted);

/* The caller's VM with this id or name; NULL: the problem is answered already. */
struct book_vm *upstream_find_vm(const struct call *call, const char *key);

/* The tenant with what it uses, as it is shown; owned by the tenant's entry. */
struct account upstream_account(const struct upstream *upstream,
                                const struct tenant_entry *tenant);
