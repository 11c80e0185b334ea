/* Words have the command's own meaning: what `isthmus vm VERB` does, VERB does here. A line's first
 * word may begin with a capital letter, as telephones write it. */
#include "io/chat/order.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"

const struct chat_command chat_commands[] = {
    {"list", "", "Lists your VMs", CHAT_LIST, RIGHTS_LOOK, .is_node = true, .inputs = ""},
    {"show", "NAME", "Shows a VM", CHAT_SHOW, RIGHTS_LOOK, .is_node = true, .inputs = "vm"},
    {"create", "NAME SHAPE IMAGE [network=NAMES] [key=NAMES] [SSH-PUBLIC-KEY]", "Creates a VM",
     CHAT_CREATE, RIGHTS_ACT, .is_node = true,
     .inputs = "new shape image ?network ?key ?ssh-key"},
    {"start", "NAME", "Starts a VM", CHAT_ACT, RIGHTS_ACT, "/start", true, "vm"},
    {"shutdown", "NAME", "Asks the guest to shut down", CHAT_ACT, RIGHTS_ACT, "/shutdown", true,
     "vm"},
    {"stop", "NAME", "Stops a VM at once, as if its plug was pulled", CHAT_ACT, RIGHTS_ACT,
     "/stop", true, "vm"},
    {"reboot", "NAME", "Asks the guest to reboot", CHAT_ACT, RIGHTS_ACT, "/reboot", true, "vm"},
    {"snapshot", "NAME SNAPSHOT", "Takes a snapshot of a VM, by a new name", CHAT_ACT, RIGHTS_ACT,
     "/snapshot", true, "vm snapshot"},
    {"revert", "NAME SNAPSHOT", "Takes a VM back to a snapshot: what came later is lost", CHAT_ACT,
     RIGHTS_ACT, "/revert", true, "vm snapshot"},
    {"delete", "NAME", "Deletes a VM and its disk", CHAT_DELETE, RIGHTS_ACT, .is_node = true,
     .inputs = "vm again"},
    {"confirm", "NAME", "Confirms a deletion", CHAT_CONFIRM, RIGHTS_ACT, .inputs = "vm"},
    {"operations", "", "Lists the newest operations", CHAT_OPERATIONS, RIGHTS_LOOK,
     .is_node = true, .inputs = ""},
    {"operation", "OPERATION", "Shows how an operation is", CHAT_OPERATION, RIGHTS_LOOK,
     .is_node = true, .inputs = "operation"},
    {"why", "OPERATION", "Says what an operation waits for, or why it failed", CHAT_OPERATION,
     RIGHTS_LOOK, .inputs = "operation"},
    {"quota", "", "Says what your VMs have, and may have", CHAT_QUOTA, RIGHTS_LOOK,
     .is_node = true, .inputs = ""},
    {"images", "", "Lists images", CHAT_IMAGES, RIGHTS_LOOK, .is_node = true, .inputs = ""},
    {"shapes", "", "Lists shapes", CHAT_SHAPES, RIGHTS_LOOK, .is_node = true, .inputs = ""},
    {"whoami", "", "Says whose token this address is linked to", CHAT_WHOAMI, RIGHTS_LOOK,
     .is_node = true, .inputs = ""},
    {"link", "", "Links this address to a tenant's account", CHAT_LINK, RIGHTS_LOOK,
     .inputs = "?answer"},
    {"unlink", "", "Ends the link of this address", CHAT_UNLINK, RIGHTS_LOOK, .inputs = ""},
    {"help", "", "Lists what may be written here", CHAT_HELP, RIGHTS_LOOK, .inputs = ""},
};
const size_t chat_commands_count = array_size(chat_commands);

static const struct chat_input inputs[] = {
    {{.name = "vm", .about = "VM, by name or id", .kind = FIELD_TEXT,
      field_at(struct chat_order, vm), .check = CHECK_NAME}, "/v1/vms"},
    {{.name = "new", .about = "Name of the new VM", .kind = FIELD_TEXT,
      field_at(struct chat_order, vm), .check = CHECK_NEW_NAME}, NULL},
    {{field_of(struct chat_order, shape), .about = "Shape: its size", .kind = FIELD_TEXT,
      .check = CHECK_NAME}, "/v1/shapes"},
    {{field_of(struct chat_order, image), .about = "Image", .kind = FIELD_TEXT,
      .check = CHECK_NAME}, "/v1/images"},
    {{field_of(struct chat_order, network), .about = "Networks, by commas", .kind = FIELD_TEXT,
      .check = CHECK_NETWORKS}, NULL},
    {{field_of(struct chat_order, key), .about = "SSH keys that you keep, by commas",
      .kind = FIELD_TEXT, .check = CHECK_SSH_NAMES}, NULL},
    {{.name = "ssh-key", .about = "Another SSH public key", .kind = FIELD_TEXT,
      field_at(struct chat_order, ssh_key), .check = CHECK_SSH_KEYS}, NULL},
    {{field_of(struct chat_order, again), .about = "The same name once more, to confirm",
      .kind = FIELD_TEXT, .check = CHECK_NAME}, NULL},
    {{field_of(struct chat_order, operation), .about = "Operation, by its id", .kind = FIELD_TEXT,
      .check = CHECK_ID}, NULL},
    {{field_of(struct chat_order, snapshot), .about = "Name of the snapshot", .kind = FIELD_TEXT,
      .check = CHECK_NAME}, NULL},
    {{field_of(struct chat_order, answer), .about = "What 'isthmus chat link' printed",
      .kind = FIELD_TEXT, .check = CHECK_PRINTABLE}, NULL},
};

void chat_bare(const char *from, char out_jid[limit_address_size]) {
    size_t length = strcspn(from, "/");
    memcpy(out_jid, from, length);
    out_jid[length] = 0;
}

bool chat_is_of_domain(const char *domains, const char *jid) {
    const char *at = strchr(jid, '@');
    if (!domains)
        return true;
    for (size_t length; at && *domains; domains += length + strspn(domains + length, " ")) {
        length = strcspn(domains, " ");
        if (length && strlen(at + 1) == length && strncmp(at + 1, domains, length) == 0)
            return true;
    }
    return false;
}

const struct chat_command *chat_command_find(const char *word) {
    for (size_t i = 0; i < chat_commands_count; i++)
        if (text_equal(chat_commands[i].word, word))
            return &chat_commands[i];
    return NULL;
}

const struct chat_input *chat_command_input(const struct chat_command *command, size_t i,
                                            bool *out_is_required) {
    const char *name = command->inputs;
    for (; i && *name; i--) {
        name += strcspn(name, " ");
        name += *name == ' ';
    }
    *out_is_required = *name != '?';
    name += *name == '?';
    size_t length = strcspn(name, " ");
    for (size_t k = 0; length && k < array_size(inputs); k++)
        if (strlen(inputs[k].field.name) == length &&
            strncmp(inputs[k].field.name, name, length) == 0)
            return &inputs[k];
    return NULL;
}

static bool refuse_use(const struct chat_command *command, struct text *why) {
    text_addf(why, "Write: %s%s%s", command->word, *command->arguments ? " " : "",
              command->arguments);
    return false;
}

static bool set(const struct chat_input *input, const char *value, struct chat_order *out,
                struct text *why) {
    struct codec_fault fault;
    if (codec_field_from_text(&input->field, value, out, &fault) == 0)
        return true;
    text_addf(why, "%s %s", input->field.name, fault.text);
    return false;
}

static bool set_named(struct chat_order *out, const char *name, const char *value,
                      struct text *why) {
    const struct chat_input *input;
    bool is_required;
    for (size_t i = 0; (input = chat_command_input(out->command, i, &is_required)); i++)
        if (text_equal(input->field.name, name))
            return set(input, value, out, why);
    return true; /* a form may say more than is asked */
}

/* NAME=… where it may be left out; without a name the rest of the line, an SSH key. */
static bool take_options(char *rest, struct chat_order *out, struct text *why) {
    static const char *const names[] = {"network", "key"};
    while (*(rest += strspn(rest, " "))) {
        size_t i = 0, length = 0;
        for (; i < array_size(names); i++) {
            length = strlen(names[i]);
            if (text_starts(rest, names[i]) && rest[length] == '=')
                break;
        }
        if (i == array_size(names))
            return text_starts(rest, "ssh-") || text_starts(rest, "ecdsa-") ||
                           text_starts(rest, "sk-")
                       ? set_named(out, "ssh-key", rest, why)
                       : refuse_use(out->command, why);
        char *value = rest + length + 1;
        rest = value + strcspn(value, " ");
        if (*rest)
            *rest++ = 0;
        if (!set_named(out, names[i], value, why))
            return false;
    }
    return true;
}

static void lower(char *word) {
    for (; *word; word++)
        *word = (char)tolower((unsigned char)*word);
}

static char *next_word(char **rest) {
    *rest += strspn(*rest, " ");
    char *word = *rest;
    *rest += strcspn(word, " ");
    if (**rest)
        *(*rest)++ = 0;
    return word;
}

bool chat_order_from_line(const char *line, struct chat_order *out, struct text *why) {
    char copy[chat_line_size];
    *out = (struct chat_order){0};
    text_set_sized(copy, sizeof(copy), line);
    for (char *at = copy; *at; at++)
        if (strchr("\t\r\n", *at))
            *at = ' ';
    char *rest = copy, *word = next_word(&rest);
    lower(word);
    out->command = chat_command_find(word);
    if (!out->command) {
        text_add(why, "I do not know that. Write: help");
        return false;
    }
    bool is_required;
    const struct chat_input *input;
    for (size_t i = 0; (input = chat_command_input(out->command, i, &is_required)); i++) {
        if (out->command->act == CHAT_CREATE && !is_required)
            return take_options(rest, out, why);
        if (out->command->act == CHAT_DELETE && i)
            break; /* by a line it is confirmed by another line */
        word = next_word(&rest);
        if (!*word && is_required)
            return refuse_use(out->command, why);
        if (*word && !set(input, word, out, why))
            return false;
    }
    return !rest[strspn(rest, " ")] || refuse_use(out->command, why);
}

bool chat_order_from_form(const struct chat_heard *heard, struct chat_order *out,
                          struct text *why) {
    *out = (struct chat_order){.command = chat_command_find(heard->node)};
    const struct chat_input *input;
    bool is_required;
    if (!out->command || !out->command->is_node) {
        text_add(why, "There is no such command");
        return false;
    }
    for (size_t i = 0; i < heard->fields_count; i++)
        if (*heard->fields[i].value && !set_named(out, heard->fields[i].name,
                                                  heard->fields[i].value, why))
            return false;
    for (size_t i = 0; (input = chat_command_input(out->command, i, &is_required)); i++)
        if (is_required && !*field_text(&input->field, out)) {
            text_addf(why, "%s is missing: %s", input->field.name, input->field.about);
            return false;
        }
    if (out->command->act == CHAT_DELETE && !text_equal(out->vm, out->again)) {
        text_add(why, "The names are not the same: nothing is deleted");
        return false;
    }
    return true;
}

/* A member that a request has on the heap; it borrows the order's. */
static char *borrowed(const char *text) { return *text ? (char *)(uintptr_t)text : NULL; }

bool chat_order_body(const struct chat_order *order, struct text *out) {
    struct vm_reshape reshape = {0};
    text_set(reshape.snapshot, order->snapshot);
    if (*order->snapshot)
        codec_encode(&vm_snapshot_table, &reshape, FIELD_API, out);
    if (order->command->act != CHAT_CREATE)
        return *order->snapshot;
    struct vm_create create = {.start = true, .networks = borrowed(order->network),
                               .ssh_keys = borrowed(order->key),
                               .ssh_public_keys = borrowed(order->ssh_key)};
    text_set(create.name, order->vm);
    text_set(create.shape, order->shape);
    text_set(create.image, order->image);
    codec_encode(&vm_create_table, &create, FIELD_API, out);
    return true;
}
