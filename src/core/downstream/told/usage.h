/* What VMs use, as it is told above: the hosts' words are gathered, each VM's on average, and told
 * on a beat of this manager's own, a few VMs after the other, in the order of their age. So neither
 * what is told together nor what is missing says which VMs are on one host (law 1): a VM is told of
 * once it has run for two turns, and hosts are asked so much more often than is told that neither
 * the moment at which they answer, nor a short while away, nor that a VM goes to another host while
 * it runs makes a gap. What is away for longer is told to be so anyway. Nothing is stored. */
#pragma once

#include <stdint.h>

struct book_vm;
struct downstream;
struct lending;
struct manager;
struct usage;

enum { lending_usage_words = 4 }; /* of each host, for one above */

/* A VM's place has told it. */
void downstream_on_usage(struct manager *manager, struct book_vm *vm, const struct usage *usage);

/* What is due goes up, if there is room; otherwise it is not told. At the end of a step. */
void lending_tell_usage(struct downstream *downstream, struct lending *lending);
uint64_t lending_usage_deadline_ms(const struct lending *lending);
