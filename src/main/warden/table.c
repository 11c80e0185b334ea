/* What is done, in which order: what a later warden must know is written before a process is
 * stopped, and after one goes on, so that none that this one stopped is ever forgotten. */
#include "main/warden/table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    sweep_ms = 50,
    look_ms = 500,
    young_ms = 10000, /* a VM that is to be started: its process is waited for */
};

/* What stands there still is told once. */
static void refuse(struct table *table, const char *name, const char *why) {
    if (++table->refused <= table->refused_told)
        return;
    table->refused_told = table->refused;
    log_line(table->log, LOG_ERROR, "warden-refused", "file=%s why=%s", name, why);
}

static void set_state(struct table *table, struct table_vm *vm, enum warden_state state,
                      uint64_t now_ms) {
    if (vm->what.state == state)
        return;
    vm->what = (struct warden_vm){state, now_ms};
    vm->is_told = false;
    table->is_dirty = true;
}

static struct warden_lease lease_of(const struct table *table, const struct table_vm *vm) {
    bool is_other = !text_equal(vm->registration.boot, table->boot);
    return (struct warden_lease){vm->group->until_ms, vm->group->is_over || is_other};
}

/* --- groups --- */

static struct table_group *group_find(struct table *table, const char *name) {
    struct table_group *free = NULL;
    for (size_t i = 0; i < array_size(table->groups); i++) {
        struct table_group *group = &table->groups[i];
        if (text_equal(group->name, name))
            return group;
        if (!*group->name && !free)
            free = group;
    }
    if (free) {
        *free = (struct table_group){.is_over = text_equal(name, warden_group_over)};
        text_set(free->name, name);
    }
    return free;
}

/* A file that cannot be read changes nothing: the lease that was known ends when it ends. */
void table_read_group(struct table *table, const char *name) {
    char bytes[warden_file_most];
    const struct warden_text text = {name, bytes, sizeof(bytes)};
    struct warden_group read = {0};
    struct error err = {0};
    if (!warden_name_is_fit(name) || text_equal(name, warden_group_over))
        return;
    int got = warden_file_read(table->groups_folder, &text, &err);
    struct table_group *group = group_find(table, name);
    if (!group)
        return;
    group->is_seen = got >= 0;
    if (got == -ENOENT) {
        group->until_ms = 0;
    } else if (got < 0 || !warden_parse_group(bytes, &read)) {
        refuse(table, name, got < 0 ? "unreadable" : "malformed");
    } else {
        group->is_over = !text_equal(read.boot, table->boot);
        group->until_ms = group->is_over ? 0 : read.until_ms;
    }
}

/* --- VMs --- */

static struct table_vm *vm_find(struct table *table, const char *name) {
    for (uint32_t i = 0; i < table->used; i++)
        if (text_equal(table->vms[i].name, name))
            return &table->vms[i];
    return NULL;
}

static struct table_vm *vm_add(struct table *table, const char *name, uint64_t now_ms) {
    uint32_t place = 0;
    while (place < table->used && *table->vms[place].name)
        place++;
    if (place == warden_vms_most)
        return NULL;
    table->used += place == table->used;
    struct table_vm *vm = &table->vms[place];
    *vm = (struct table_vm){.what = {WARDEN_OFF, now_ms}, .process.fd = -1,
                            .number = ++table->numbers};
    text_set(vm->name, name);
    table->is_dirty = true;
    return vm;
}

/* It is not guarded any more, by its agent's word: where it stands still it goes on. */
static void vm_drop(struct table *table, struct table_vm *vm) {
    if (vm->what.state == WARDEN_FROZEN) {
        process_signal(&vm->process, SIGCONT);
        log_line(table->log, LOG_INFO, "warden-thawed", "vm=%s why=unregistered", vm->name);
    }
    if (vm->group)
        vm->group->vms--;
    process_close(&vm->process);
    *vm = (struct table_vm){.process.fd = -1};
    table->is_dirty = true;
}

static bool vm_enter(struct table *table, struct table_vm *vm, const char *name) {
    struct table_group *group = group_find(table, name);
    if (!group)
        return false;
    if (vm->group)
        vm->group->vms--;
    group->vms++;
    vm->group = group;
    return true;
}

/* Registered anew, it may be started again, unless what was to end has not ended yet. */
static void vm_register(struct table *table, const char *name,
                        const struct warden_registration *read, uint64_t now_ms) {
    struct table_vm *vm = vm_find(table, name);
    vm = vm ? vm : vm_add(table, name, now_ms);
    if (!vm || !vm_enter(table, vm, read->group)) {
        refuse(table, name, "too-many");
        if (vm && !vm->group)
            vm_drop(table, vm);
        return;
    }
    vm->registration = *read;
    vm->is_seen = true;
    vm->looked_ms = 0;
    if (vm->what.state == WARDEN_ENDED && vm->process.fd < 0)
        set_state(table, vm, WARDEN_OFF, now_ms);
    if (vm->what.state == WARDEN_OFF)
        vm->what.since_ms = now_ms;
}

/* What cannot be read leaves a VM guarded as it was. */
void table_read_vm(struct table *table, const char *name, uint64_t now_ms) {
    char bytes[warden_file_most];
    const struct warden_text text = {name, bytes, sizeof(bytes)};
    struct warden_registration read;
    struct error err = {0};
    if (!warden_name_is_fit(name))
        return;
    int got = warden_file_read(table->vms_folder, &text, &err);
    struct table_vm *vm = vm_find(table, name);
    if (got == -ENOENT) {
        if (vm)
            vm_drop(table, vm);
    } else if (got >= 0 && warden_parse_registration(bytes, &read) &&
               strlen(read.guest) >= strlen(name) &&
               text_equal(read.guest + strlen(read.guest) - strlen(name), name)) {
        vm_register(table, name, &read, now_ms);
    } else {
        refuse(table, name, got < 0 ? "unreadable" : "malformed");
        if (vm)
            vm->is_seen = true;
    }
}

/* --- reading everything --- */

static void each_name(int folder, void (*read)(struct table *, const char *, uint64_t),
                      struct table *table, uint64_t now_ms) {
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (!names) {
        log_line(table->log, LOG_ERROR, "warden-file-unread", "why=%s", strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    for (const struct dirent *one; (one = readdir(names));)
        if (*one->d_name != '.')
            read(table, one->d_name, now_ms);
    (void)closedir(names);
}

static void read_group(struct table *table, const char *name, uint64_t now_ms) {
    (void)now_ms;
    table_read_group(table, name);
}

static void read_groups(struct table *table, uint64_t now_ms) {
    for (size_t i = 0; i < array_size(table->groups); i++)
        table->groups[i].is_seen = false;
    each_name(table->groups_folder, read_group, table, now_ms);
    for (size_t i = 0; i < array_size(table->groups); i++) {
        struct table_group *group = &table->groups[i];
        if (!group->is_seen)
            group->until_ms = 0;
        if (!group->is_seen && !group->vms)
            *group->name = 0;
    }
}

void table_read(struct table *table, uint64_t now_ms) {
    table->refused = 0;
    read_groups(table, now_ms);
    for (uint32_t i = 0; i < table->used; i++)
        table->vms[i].is_seen = false;
    each_name(table->vms_folder, table_read_vm, table, now_ms);
    for (uint32_t i = 0; i < table->used; i++)
        if (*table->vms[i].name && !table->vms[i].is_seen)
            vm_drop(table, &table->vms[i]);
    table->refused_told = table->refused;
}

/* --- the state, for the agent and for the next warden --- */

static void write_state(struct table *table) {
    struct error err = {0};
    size_t used = warden_print_state(table->boot, table->text, warden_state_most);
    for (uint32_t i = 0; i < table->used; i++) {
        const struct table_vm *vm = &table->vms[i];
        if (!*vm->name)
            continue;
        struct warden_entry entry = {.what = vm->what};
        text_set(entry.vm, vm->name);
        if (vm->process.fd >= 0) {
            entry.pid = vm->process.pid;
            entry.start = vm->process.start;
        }
        used += warden_print_entry(&entry, table->text + used, warden_state_most - used);
    }
    const struct warden_text text = {"state", table->text, used};
    if (warden_file_write(table->folder, &text, &err))
        log_line(table->log, LOG_ERROR, "warden-state-unwritten", "why=\"%s\"", err.text);
    else
        table->is_dirty = false;
}

static void resume(struct table *table, const struct warden_entry *entry) {
    struct process process;
    struct table_vm *vm = vm_find(table, entry->vm);
    bool lives = process_adopt(entry->pid, entry->start, &process);
    if (vm && lives) {
        vm->what = entry->what;
        vm->process = process;
        vm->is_told = true;
        table->watch(table->context, (uint32_t)(vm - table->vms), process.fd);
    } else if (lives) { /* unregistered since: as vm_drop() does it */
        if (entry->what.state == WARDEN_FROZEN)
            process_signal(&process, SIGCONT);
        process_close(&process);
    }
}

/* What is not as a warden writes it is not believed: then each process is looked for anew. */
static void resume_all(struct table *table) {
    char boot[warden_boot_size];
    struct warden_entry entry;
    struct error err = {0};
    char *rest = table->text;
    const struct warden_text text = {"state", table->text, warden_state_most};
    int failed = warden_file_read(table->folder, &text, &err);
    if (failed == -ENOENT)
        return;
    if (failed || !warden_parse_state(&rest, boot)) {
        log_line(table->log, LOG_WARNING, "warden-file-unread", "why=state");
        return;
    }
    while (text_equal(boot, table->boot) && rest && *rest && warden_parse_entry(&rest, &entry))
        resume(table, &entry);
}

int table_open(struct table *table, uint64_t now_ms, struct error *err) {
    table->vms = memory_new(warden_vms_most, sizeof(*table->vms));
    table->text = memory_new(1, warden_state_most);
    if (warden_read_boot(table->boot, err))
        return err->code;
    table_read(table, now_ms);
    resume_all(table);
    table->is_dirty = true; /* that it knows nobody is to be said, too */
    return 0;
}

/* --- the judgement --- */

static void tell(struct table *table, struct table_vm *vm, uint64_t now_ms) {
    const uint64_t late_ms = now_ms > vm->group->until_ms ? now_ms - vm->group->until_ms : 0;
    vm->is_told = true;
    if (vm->what.state == WARDEN_FROZEN)
        log_line(table->log, LOG_WARNING, "warden-froze", "vm=%s group=%s late_ms=%" PRIu64,
                 vm->name, vm->group->name, late_ms);
    else if (vm->what.state == WARDEN_ENDED)
        log_line(table->log, LOG_WARNING, "warden-ended", "vm=%s group=%s", vm->name,
                 vm->group->name);
}

static void decide(struct table *table, struct table_vm *vm, uint64_t now_ms) {
    const struct warden_lease lease = lease_of(table, vm);
    switch (warden_judge(&vm->what, &lease, table->freeze_most_ms, now_ms)) {
    case WARDEN_LEAVE:
        return;
    case WARDEN_FREEZE:
        set_state(table, vm, WARDEN_FROZEN, now_ms);
        return;
    case WARDEN_THAW:
        process_signal(&vm->process, SIGCONT);
        log_line(table->log, LOG_INFO, "warden-thawed", "vm=%s group=%s", vm->name,
                 vm->group->name);
        set_state(table, vm, WARDEN_RUNS, now_ms);
        return;
    case WARDEN_END:
        set_state(table, vm, WARDEN_ENDED, now_ms);
        return;
    }
}

static void act(struct table *table, uint64_t now_ms) {
    if (table->is_dirty)
        write_state(table);
    for (uint32_t i = 0; i < table->used; i++) {
        const struct table_vm *vm = &table->vms[i];
        if (vm->process.fd >= 0 && vm->what.state >= WARDEN_FROZEN)
            process_signal(&vm->process, vm->what.state == WARDEN_FROZEN ? SIGSTOP : SIGKILL);
    }
    for (uint32_t i = 0; i < table->used; i++)
        if (table->vms[i].process.fd >= 0 && !table->vms[i].is_told)
            tell(table, &table->vms[i], now_ms);
}

/* That a lease was renewed may not have been told yet. */
static void read_ended_groups(struct table *table, uint64_t now_ms) {
    for (size_t i = 0; i < array_size(table->groups); i++) {
        struct table_group *group = &table->groups[i];
        bool has_ended = *group->name && group->vms && group->until_ms <= now_ms;
        if (has_ended && !group->has_ended)
            table_read_group(table, group->name);
        group->has_ended = has_ended && group->until_ms <= now_ms;
    }
}

void table_judge(struct table *table, uint64_t now_ms) {
    read_ended_groups(table, now_ms);
    for (uint32_t i = 0; i < table->used; i++)
        if (table->vms[i].process.fd >= 0)
            decide(table, &table->vms[i], now_ms);
    act(table, now_ms);
}

void table_freeze(struct table *table, uint64_t now_ms) {
    for (uint32_t i = 0; i < table->used; i++)
        if (table->vms[i].process.fd >= 0 && table->vms[i].what.state == WARDEN_RUNS)
            set_state(table, &table->vms[i], WARDEN_FROZEN, now_ms);
    act(table, now_ms);
}

static uint64_t look_at_ms(const struct table_vm *vm, uint64_t now_ms) {
    bool soon = vm->group->until_ms <= now_ms || now_ms < vm->what.since_ms + young_ms;
    return vm->looked_ms ? vm->looked_ms + (soon ? sweep_ms : look_ms) : now_ms;
}

uint64_t table_next_ms(const struct table *table, uint64_t now_ms) {
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0; i < table->used; i++) {
        const struct table_vm *vm = &table->vms[i];
        if (!*vm->name || vm->process.fd >= 0)
            continue;
        uint64_t at = look_at_ms(vm, now_ms);
        next = at < next ? at : next;
    }
    for (size_t i = 0; i < array_size(table->groups); i++) {
        const struct table_group *group = &table->groups[i];
        if (!*group->name || !group->vms)
            continue;
        uint64_t at = group->until_ms > now_ms ? group->until_ms : now_ms + sweep_ms;
        next = at < next ? at : next;
    }
    return next;
}

/* --- processes --- */

bool table_next_look(struct table *table, uint64_t now_ms, struct look *out) {
    for (uint32_t i = 0; i < table->used; i++) {
        uint32_t place = (table->next_look + i) % table->used;
        struct table_vm *vm = &table->vms[place];
        if (!*vm->name || vm->process.fd >= 0)
            continue;
        if (now_ms < look_at_ms(vm, now_ms))
            continue;
        *out = (struct look){.index = place, .number = vm->number, .found.fd = -1};
        text_set(out->guest, vm->registration.guest);
        text_set(out->pid_file, vm->registration.pid_file);
        vm->looked_ms = now_ms;
        table->next_look = place + 1;
        return true;
    }
    return false;
}

void table_found(struct table *table, const struct look *answer, uint64_t now_ms) {
    struct table_vm *vm = &table->vms[answer->index];
    struct process found = answer->found;
    if (found.fd < 0)
        return;
    if (vm->number != answer->number || vm->process.fd >= 0) { /* another has its place since */
        process_close(&found);
        return;
    }
    vm->process = found;
    vm->is_told = false;
    if (vm->what.state != WARDEN_ENDED)
        set_state(table, vm, WARDEN_RUNS, now_ms);
    table->is_dirty = true;
    table->watch(table->context, answer->index, found.fd);
}

void table_on_end(struct table *table, uint32_t index, uint64_t now_ms) {
    struct table_vm *vm = &table->vms[index];
    if (vm->process.fd < 0 || !process_is_over(&vm->process))
        return;
    process_close(&vm->process);
    vm->looked_ms = 0;
    table->is_dirty = true;
    if (vm->what.state != WARDEN_ENDED)
        set_state(table, vm, WARDEN_OFF, now_ms);
}
