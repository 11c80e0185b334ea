/* The VMs that a warden guards, their groups, and what is done with them now. Its owner is the loop
 * (serve.h), which says what the time is and where something has changed. */
#pragma once

#include "base/log.h"
#include "main/warden/look.h"

struct table_vm {
    char name[warden_name_size]; /* "": a free place */
    bool is_seen;                /* in the reading under way */
    struct warden_registration registration;
    struct table_group *group;
    struct warden_vm what;
    struct process process;
    uint64_t looked_ms; /* when its process was last looked for */
    uint64_t number;    /* of this taking on, among all */
    bool is_told;       /* to the log: that it was frozen, or ended */
};

struct table_group {
    char name[warden_name_size]; /* "": a free place */
    bool is_seen, is_over;
    bool has_ended; /* the lease, when it was looked at last */
    uint64_t until_ms;
    uint32_t vms;
};

struct table {
    const struct log *log;
    uint64_t freeze_most_ms;
    char boot[warden_boot_size];
    int folder, vms_folder, groups_folder;
    struct table_vm *vms; /* warden_vms_most */
    uint32_t used;        /* places that were ever taken */
    struct table_group groups[warden_groups_most];
    uint32_t refused, refused_told; /* files that it cannot take */
    uint64_t numbers;
    uint32_t next_look; /* whose turn it is */
    bool is_dirty;      /* the state has changed, and is not written */
    char *text;         /* warden_state_most */
    void (*watch)(void *context, uint32_t index, int fd); /* tell of the end of this process */
    void *context;
};

/* The folders are open, the log and the freeze's limit set. Takes on what an earlier warden had. */
int table_open(struct table *table, uint64_t now_ms, struct error *err);

/* Reads everything anew. */
void table_read(struct table *table, uint64_t now_ms);

/* A file has come, changed or gone. */
void table_read_vm(struct table *table, const char *name, uint64_t now_ms);
void table_read_group(struct table *table, const char *name);

/* Freezes, thaws and ends; writes the state down before what a later warden must know of. */
void table_judge(struct table *table, uint64_t now_ms);

/* When it is to be judged again: at the end of a lease, and each 50 ms while one has ended. */
uint64_t table_next_ms(const struct table *table, uint64_t now_ms);

/* Whose process is to be looked for, now? False: nobody's. */
bool table_next_look(struct table *table, uint64_t now_ms, struct look *out);
void table_found(struct table *table, const struct look *answer, uint64_t now_ms);

/* The process of the VM in this place has ended, perhaps. */
void table_on_end(struct table *table, uint32_t index, uint64_t now_ms);

/* The warden is told to stop: nobody guards from here on, so that nothing goes on. */
void table_freeze(struct table *table, uint64_t now_ms);
