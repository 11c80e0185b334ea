/* What a VM uses of its host, as its tenant sees it: of the VM's own doing alone, and nothing of
 * the host or of who else is on it. */
#pragma once

#include <stdint.h>

#include "message/limits.h"

struct table;

/* On average over a while, and memory as of then. */
struct usage {
    uint32_t cpu_permille; /* of one processor: two that are busy are 2000 */
    uint32_t memory_mib;   /* that its host has given it by now */
    uint32_t disk_read, disk_written, net_received, net_sent; /* bytes a second */
};

/* As it is told by links. */
struct vm_usage {
    char vm[limit_id_size];
    uint32_t epoch; /* of the VM */
    struct usage usage;
};

struct usages {
    struct vm_usage *vms;
    uint32_t vms_count;
};
extern const struct table usages_table;

/* One mark of a graph. */
struct usage_mark {
    uint64_t at_ms; /* when it was heard, by the wall clock */
    struct usage usage;
};

/* Answer to REQUEST_VM_USAGE. */
struct usage_graph {
    char vm[limit_id_size];
    uint32_t every_seconds; /* between two marks, of the newest ones; 0: nothing is asked for */
    struct usage_mark *marks;
    uint32_t marks_count;
};
extern const struct table usage_graph_table;
