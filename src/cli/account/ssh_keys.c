/* What --ssh-key names: where it is as names are, it is one; a path has a slash or a dot. Of a file
 * only public keys are sent, whatever else it has. */
#include "cli/account/ssh_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/call.h"
#include "message/codec/ssh_key.h"
#include "message/labels.h"

enum { file_most = 65536 };

/* Appends the keys of a file, without its comments. */
static bool read_keys(const char *path, struct text *out) {
    auto_clean(text_deinit) struct text file = {0};
    struct error err;
    if (options_read_file(path, file_most, &file, &err) < 0) {
        say("%s", err.text);
        return false;
    }
    for (const char *line = text_data(&file); *line;) {
        size_t length = strcspn(line, "\r\n"), kept = length;
        while (kept && strchr(" \t", line[kept - 1]))
            kept--;
        if (kept && *line != '#') {
            text_add_bytes(out, line, kept);
            text_add(out, "\n");
        }
        line += length + strspn(line + length, "\r\n");
    }
    if (ssh_keys_are_valid(text_data(out), limit_vm_ssh_keys))
        return true;
    say("%s holds no SSH public keys: lines like ssh-ed25519 AAAA…, at most %d; give the file that "
        "ends in .pub", path, limit_vm_ssh_keys);
    return false;
}

bool ssh_keys_given(const struct options *options, const char **out_names,
                    struct text *out_lines) {
    const char *given = options->ssh_key;
    *out_names = given && names_are_valid(given, limit_vm_ssh_keys) ? given : NULL;
    return !given || *out_names || read_keys(given, out_lines);
}

static void add_key(struct sheet *sheet, const void *record) {
    const struct ssh_key *key = record;
    sheet_add(sheet, "%s", key->name);
    const char *blob = key->public_key + strcspn(key->public_key, " ");
    const char *comment = blob + 1 + strcspn(*blob ? blob + 1 : blob, " ");
    sheet_add(sheet, "%.*s", (int)(blob - key->public_key), key->public_key);
    sheet_add(sheet, "%s", *blob && *comment ? comment + 1 : "");
    sheet_add(sheet, "%s", words_age(key->created_ms).text);
}

static void show_added(const void *record) {
    const struct ssh_key *key = record;
    printf("ssh key %s: added\n", key->name);
}

static const struct view keys = {"/v1/ssh-keys", &ssh_key_table, "NAME TYPE COMMENT AGE",
                                 add_key, show_added};

int ssh_key_list(const struct options *options) { return view_list(&keys, options); }

int ssh_key_add(const struct options *options) {
    auto_clean(text_deinit) struct text lines = {0};
    struct ssh_key key = {0};
    if (!read_keys(options->words[3], &lines))
        return EXIT_USAGE;
    lines.data[strcspn(lines.data, "\n")] = 0; /* the first of them */
    key.public_key = lines.data;
    return view_create(&keys, options, &ssh_key_add_table, &key);
}

int ssh_key_remove(const struct options *options) {
    return view_delete(&keys, options, "removed");
}
