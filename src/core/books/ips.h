/* The IP addresses of a VM's interfaces, as its books have them: from when its place tells of some,
 * or of others, until it runs no more. None told is no news: so nobody above sees from them that a
 * VM goes to another host while it runs. */
#pragma once

#include "message/model.h"

/* Of a VM that runs, or is being made. */
bool ips_may_be(enum vm_state state);

/* No more of an interface than is kept of one; all or nothing of them are another than before.
 * True: they are, and the record is to be saved. A VM that does not run, nor is being made, has
 * none. */
bool ips_learn(struct vm *vm, const struct vm_ip *ips, uint32_t count);

void ips_drop(struct vm *vm);

/* Fills in those of each interface. */
void ips_show(const struct vm *vm, struct interface *interfaces, uint32_t count);
