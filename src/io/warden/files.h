/* The files by which an agent and its warden speak: no socket, no wait, and what was said is still
 * there when either of them is started again.
 *
 *   <folder>/vms/<vm id>     agent: the VM is guarded, in this group; made before it is started
 *   <folder>/groups/<group>  agent: until when the lease of this group lasts
 *   <folder>/state           warden: each VM that it has taken on, and what became of it
 *   <folder>/beat            warden: that it lives
 *
 * Each is lines of text, the first one "isthmus-warden 1 BOOT", with the id of the boot that it is
 * of. It is written whole under another name and renamed. The folder is on a file system that does
 * not outlive the boot. Whoever reads takes nothing that is too long, of another account, or not as
 * written here. All times are of CLOCK_BOOTTIME. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/warden.h"

enum {
    warden_vms_most = 4096, /* that one warden guards */
    warden_groups_most = 64,
    warden_name_size = 64,  /* of a VM, a group, a guest */
    warden_boot_size = 37,
    warden_path_size = 512,
    warden_file_most = 1024,                    /* bytes of any file but the state */
    warden_state_most = warden_vms_most * 128,  /* bytes of the state */
};

extern const char warden_folder_usual[];     /* "/run/isthmus-warden" */
extern const char warden_group_over[5];      /* who is in it is ended: "over" */
extern const char *const warden_state_names[WARDEN_STATE_COUNT];

struct warden_registration {
    char boot[warden_boot_size];
    char group[warden_name_size];
    char guest[warden_name_size];    /* by which QEMU is called: -name guest=… */
    char pid_file[warden_path_size]; /* libvirt's; absolute */
};

struct warden_group {
    char boot[warden_boot_size];
    uint64_t until_ms;
};

struct warden_beat {
    char boot[warden_boot_size];
    uint64_t at_ms;
    uint32_t refused; /* registrations that it cannot take: unreadable, or one too many */
    bool is_realtime; /* it has priority over all that is not */
    bool is_stuck;    /* what it looks for new processes by hangs: it takes none on */
};

struct warden_entry {
    char vm[warden_name_size];
    struct warden_vm what;
    int32_t pid;    /* 0: none */
    uint64_t start; /* when the process began, in ticks: with its pid, it is that one alone */
};

/* Is it fit to be a file's name here: small letters, digits, dashes? */
bool warden_name_is_fit(const char *name);

/* Of this boot. */
int warden_read_boot(char out_boot[warden_boot_size], struct error *err);

/* Opens the folder, or one in it: owned by this account, and writable by nobody else. */
int warden_folder_open(int at, const char *path, struct error *err);

struct warden_text {
    const char *name; /* of the file */
    char *bytes;
    size_t length; /* of what is written; of the room for what is read, with the 0 that ends it */
};

/* A negative errno with `err`; -ENOENT: there is none. */
int warden_file_read(int folder, const struct warden_text *text, struct error *err);
int warden_file_write(int folder, const struct warden_text *text, struct error *err);

/* Parse a file's text, which they take apart. False: it is not as written above. */
bool warden_parse_registration(char *text, struct warden_registration *out);
bool warden_parse_group(char *text, struct warden_group *out);
bool warden_parse_beat(char *text, struct warden_beat *out);

/* Takes the state's first line off, then an entry a call; false: no more, or what is no entry. */
bool warden_parse_state(char **rest, char out_boot[warden_boot_size]);
bool warden_parse_entry(char **rest, struct warden_entry *out);

/* Their texts, into `out`; the length. */
size_t warden_print_registration(const struct warden_registration *it, char *out, size_t size);
size_t warden_print_group(const struct warden_group *it, char *out, size_t size);
size_t warden_print_beat(const struct warden_beat *it, char *out, size_t size);
size_t warden_print_state(const char *boot, char *out, size_t size);
size_t warden_print_entry(const struct warden_entry *it, char *out, size_t size);
