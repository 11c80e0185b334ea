/* The command `isthmus`: what tenants and operators ask of the upstream manager, and owners of
 * their downstream manager, by REST. */
#include <stdio.h>
#include <string.h>

#include "base/output.h"
#include "cli/account/access.h"
#include "cli/account/audit.h"
#include "cli/account/chat.h"
#include "cli/account/contacts.h"
#include "cli/account/rules.h"
#include "cli/call.h"
#include "cli/complete.h"
#include "cli/host.h"
#include "cli/images/image.h"
#include "cli/account/keys.h"
#include "cli/op.h"
#include "cli/other.h"
#include "cli/owner.h"
#include "cli/place.h"
#include "cli/reach/console.h"
#include "cli/reach/forward.h"
#include "cli/reach/screen.h"
#include "cli/share.h"
#include "cli/account/ssh_keys.h"
#include "cli/usage.h"
#include "cli/vm.h"
#include "cli/watch.h"
#include "message/codec/decode.h"

/* Does it take several things? Its last argument then ends in "…". */
static bool takes_several(const struct command *command) {
    return strstr(command->arguments, "…");
}

/* Of whatever makes an operation. */
#define following "wait deadline key"

/* Of an image. */
#define said_of_image \
    "digest sums signature keyring architecture firmware disk-bus clock tpm min-cpus " \
    "min-memory-mib min-disk-gib cloud-init guest-agent"

/* Of a provisioning rule: whom it matches, what it says. */
#define said_of_rule \
    "tenants images shapes labels clusters must must-not prefer avoid strategy network on-loss " \
    "refuse"

static const struct command commands[] = {
    {"vm", "create", "NAME --shape SHAPE --image IMAGE", 1,
     "shape image cluster network allow must prefer avoid group group-rule "
     "strategy on-drain on-loss restart-from copy-every copy-max-age host-must host-prefer "
     "title metadata no-start user-data ssh-key " following,
     "Creates a VM", vm_create},
    {"vm", "list", "", 0,
     "limit tenant host upstream state name cluster image labels sort fields watch",
     "Lists VMs",
     vm_list, ASKED_EITHER},
    {"vm", "show", "VM", 1, "", "Shows a VM, by name or id", vm_show, ASKED_EITHER},
    {"vm", "log", "VM", 1, "follow", "Shows what a VM's console has said", vm_log},
    {"vm", "usage", "VM", 1, "", "Shows what a VM has used: CPU, memory, disk, networks", vm_usage},
    {"vm", "console", "VM", 1, "", "Joins a VM's console; ^] leaves it", vm_console},
    {"vm", "forward", "VM [HERE]:THERE", 2, "",
     "Leads a port here, or none for standard input and output, to one of the guest's", vm_forward},
    {"vm", "screen", "VM", 1, "port open", "Leads a VNC viewer of this machine to a VM's screen",
     vm_screen},
    {"vm", "ssh", "[USER@]VM [-- ARGUMENT…]", 1, "", "Runs ssh to a VM's guest", vm_ssh},
    {"vm", "start", "VM…", 1, following, "Starts a VM", vm_start},
    {"vm", "shutdown", "VM…", 1, following, "Asks the guest to shut down", vm_shutdown},
    {"vm", "stop", "VM…", 1, following, "Stops a VM at once, as if its plug was pulled", vm_stop},
    {"vm", "reboot", "VM… [--hard]", 1, "hard " following,
     "Asks the guest to reboot, or reboots it", vm_reboot},
    {"vm", "pause", "VM…", 1, following, "Holds a VM in its host's memory", vm_pause},
    {"vm", "resume", "VM…", 1, following, "Lets a paused VM run on", vm_resume},
    {"vm", "suspend", "VM…", 1, following, "Saves a VM's memory to disk, for the next start",
     vm_suspend},
    {"vm", "resize", "VM SHAPE", 2, "upgrade " following, "Gives a VM another shape", vm_resize},
    {"vm", "rebuild", "VM", 1, "image user-data ssh-key upgrade " following,
     "Makes a VM's disk anew, from its image or another", vm_rebuild},
    {"vm", "snapshot", "VM NAME", 2, following, "Takes a snapshot of a VM", vm_snapshot},
    {"vm", "snapshots", "VM", 1, "", "Lists a VM's snapshots", vm_snapshots},
    {"vm", "revert", "VM NAME", 2, following, "Takes a VM back to a snapshot", vm_revert},
    {"vm", "snapshot-delete", "VM NAME", 2, following, "Deletes a snapshot of a VM",
     vm_snapshot_delete},
    {"vm", "interface-add", "VM NETWORK", 2, following,
     "Gives a VM an interface in a network, also as it runs", vm_interface_add},
    {"vm", "interface-remove", "VM NETWORK|MAC", 2, following,
     "Takes a network interface of a VM away", vm_interface_remove},
    {"vm", "copy", "VM…", 1, following, "Copies a VM's disk out of its host, as far as it changed",
     vm_copy},
    {"vm", "copies", "VM", 1, "", "Lists the copies of a VM's disk", vm_copies},
    {"vm", "lock", "VM…", 1, following, "Locks a VM: every verb but unlock is refused", vm_lock},
    {"vm", "unlock", "VM…", 1, following, "Unlocks a VM", vm_unlock},
    {"vm", "rename", "VM NAME", 2, following, "Gives a VM another name", vm_rename},
    {"vm", "edit", "VM [--title TEXT] [--metadata METADATA] [--allow RULES]", 1,
     "title metadata allow " following,
     "Sets what is said of a VM", vm_edit},
    {"vm", "delete", "VM…", 1, following, "Deletes a VM and its disk", vm_delete},
    {"op", "list", "", 0, "limit tenant vm upstream state name fields watch",
     "Lists operations", op_list, ASKED_EITHER},
    {"op", "show", "OPERATION", 1, "", "Shows what happened to an operation, and why it waits",
     op_show, ASKED_EITHER},
    {"cluster", "list", "", 0, "limit state name labels fields watch",
     "Lists clusters, with what is free", cluster_list},
    {"cluster", "show", "CLUSTER", 1, "", "Shows a cluster", cluster_show},
    {"cluster", "forget", "CLUSTER", 1, "",
     "Gives up a cluster that is gone for good, with its VMs (operators)", cluster_forget},
    {"cluster", "accept", "CLUSTER", 1, "",
     "Believes what came by its name with another store (operators)", cluster_accept},
    {"cluster", "declare-off", "CLUSTER --i-have-checked", 1, "i-have-checked",
     "Says that a cluster is off: its VMs that may be are restarted elsewhere (operators)",
     cluster_declare_off},
    {"cluster", "recover", "CLUSTER", 1, "",
     "Restarts elsewhere what is held as most clusters were lost at once (operators)",
     cluster_recover},
    {"cluster", "leftovers", "[CLUSTER]", 1, "limit",
     "Lists VMs that clusters have of ours and that are not known (operators)", cluster_leftovers},
    {"cluster", "adopt", "VM NAME --tenant TENANT", 2, "tenant cluster",
     "Takes such a VM in, as a tenant's (operators)", cluster_adopt},
    {"cluster", "discard", "VM", 1, "cluster", "Has its cluster remove such a VM (operators)",
     cluster_discard},
    {"image", "list", "", 0, "limit name fields watch", "Lists images", image_list},
    {"image", "show", "IMAGE", 1, "", "Shows an image", image_show},
    {"image", "import", "NAME FILE", 2, said_of_image,
     "Imports a disk, or an archive, by file or address", image_import},
    {"image", "delete", "IMAGE…", 1, "", "Deletes an image", image_delete},
    {"image", "export", "IMAGE FILE", 2, "", "Makes a file of an image's disk", image_export},
    {"image", "share", "IMAGE", 1, "", "Lets all tenants use a tenant's image (operators)",
     image_share},
    {"image", "unshare", "IMAGE", 1, "", "Lets its tenant alone use it again (operators)",
     image_unshare},
    {"shape", "list", "", 0, "limit name fields",
     "Lists shapes: the sizes that VMs can have", shape_list},
    {"network", "list", "", 0, "limit name fields", "Lists networks that VMs can be in",
     network_list},
    {"tenant", "create", "NAME", 1, "", "Makes a tenant and its token (operators)", tenant_create},
    {"tenant", "list", "", 0, "limit name fields watch", "Lists tenants (operators)", tenant_list},
    {"tenant", "show", "TENANT", 1, "", "Shows a tenant, what it may have and has", tenant_show},
    {"tenant", "set-quota", "TENANT", 1, "vms cpus memory-mib disk-gib",
     "Changes a tenant's quota (operators)", tenant_set_quota},
    {"tenant", "set-image-quota", "TENANT --images-gib N", 1, "images-gib",
     "Changes what images of its own may take (operators)", tenant_set_image_quota},
    {"tenant", "set-permissions", "TENANT", 1, "clusters shapes images",
     "Changes which clusters, shapes and images its new VMs may use (operators)",
     tenant_set_permissions},
    {"tenant", "reset-permissions", "TENANT", 1, "", "Lets them use all again (operators)",
     tenant_reset_permissions},
    {"tenant", "delete", "TENANT…", 1, "", "Deletes a tenant without VMs (operators)",
     tenant_delete},
    {"rule", "list", "", 0, "limit name fields watch",
     "Lists the rules by which new VMs are placed; the first that matches applies (operators)",
     rule_list},
    {"rule", "show", "RULE", 1, "", "Shows a rule (operators)", rule_show},
    {"rule", "add", "NAME", 1, "position " said_of_rule,
     "Adds a rule: for which VMs, and where they go, or why there are to be none (operators)",
     rule_add},
    {"rule", "set", "RULE", 1, said_of_rule, "Changes a rule; VMs stay where they are (operators)",
     rule_set},
    {"rule", "move", "RULE POSITION", 2, "", "Gives a rule another place in the list (operators)",
     rule_move},
    {"rule", "delete", "RULE…", 1, "", "Deletes a rule; VMs stay where they are (operators)",
     rule_delete},
    {"host", "list", "", 0, "limit state name labels fields",
     "Lists the cluster's hosts (owners)", host_list, ASKED_OWNER},
    {"host", "show", "HOST", 1, "", "Shows a host (owners)", host_show, ASKED_OWNER},
    {"host", "cordon", "HOST…", 1, "", "Gives a host no new VMs (owners)", host_cordon,
     ASKED_OWNER},
    {"host", "uncordon", "HOST…", 1, "", "Gives a host new VMs again (owners)", host_uncordon,
     ASKED_OWNER},
    {"host", "drain", "HOST…", 1, "", "Moves the VMs that may be moved to other hosts (owners)",
     host_drain, ASKED_OWNER},
    {"host", "maintenance", "HOST", 1, "", "Drains a host and keeps it empty (owners)",
     host_maintenance, ASKED_OWNER},
    {"host", "end-maintenance", "HOST", 1, "", "Gives it VMs again (owners)", host_end_maintenance,
     ASKED_OWNER},
    {"host", "label", "HOST LABELS", 2, "", "Sets a host's labels, 'none' for none (owners)",
     host_label, ASKED_OWNER},
    {"host", "overcommit", "HOST", 1, "cpus-percent memory-percent",
     "Sets how much of itself a host lends (owners)", host_overcommit, ASKED_OWNER},
    {"host", "forget", "HOST", 1, "",
     "Gives up a host that is gone for good, with its VMs (owners)", host_forget, ASKED_OWNER},
    {"host", "accept", "HOST", 1, "", "Believes what came by its name with another store (owners)",
     host_accept, ASKED_OWNER},
    {"host", "declare-off", "HOST --i-have-checked", 1, "i-have-checked",
     "Says that a host is off: its VMs that may be are restarted elsewhere (owners)",
     host_declare_off, ASKED_OWNER},
    {"host", "recover", "HOST", 1, "",
     "Restarts elsewhere what is held as most hosts were lost at once (owners)", host_recover,
     ASKED_OWNER},
    {"salvage", "list", "", 0, "limit",
     "Lists what lost hosts have of VMs that were restarted elsewhere (owners)", salvage_list,
     ASKED_OWNER},
    {"salvage", "forget", "ID", 1, "", "Lists one no more; its files stay on its host (owners)",
     salvage_forget, ASKED_OWNER},
    {"host", "leftovers", "[HOST]", 1, "limit",
     "Lists VMs that hosts have and that are not known to be there (owners)", host_leftovers,
     ASKED_OWNER},
    {"host", "adopt", "VM", 1, "host upstream", "Takes such a VM in (owners)", host_adopt,
     ASKED_OWNER},
    {"host", "discard", "VM", 1, "host", "Has its host remove such a VM (owners)", host_discard,
     ASKED_OWNER},
    {"upstream", "list", "", 0, "limit state name fields",
     "Lists the upstream managers (owners)", upstream_list, ASKED_OWNER},
    {"upstream", "show", "UPSTREAM", 1, "", "Shows an upstream manager (owners)", upstream_show,
     ASKED_OWNER},
    {"upstream", "revoke", "UPSTREAM --grace TIME", 1, "grace",
     "Gives it no new VMs, and ends those that it has after a grace (owners)", upstream_revoke,
     ASKED_OWNER},
    {"upstream", "restore", "UPSTREAM", 1, "", "Takes a revocation back (owners)", upstream_restore,
     ASKED_OWNER},
    {"stream", "list", "", 0, "limit vm upstream fields",
     "Lists open consoles and screens, and connections to guests' ports (owners)", stream_list,
     ASKED_OWNER},
    {"stream", "cut", "STREAM…", 1, "", "Cuts one (owners)", stream_cut, ASKED_OWNER},
    {"permission", "set", "UPSTREAM", 1, "verbs shapes images networks placing apart-most views",
     "Changes what it may ask for (owners)", permission_set, ASKED_OWNER},
    {"permission", "reset", "UPSTREAM", 1, "",
     "Puts the configured permissions in force again (owners)", permission_reset, ASKED_OWNER},
    {"limit", "list", "", 0, "limit", "Lists what upstream managers may use and do use (owners)",
     limit_list, ASKED_OWNER},
    {"limit", "set", "UPSTREAM", 1, "vms cpus memory-mib disk-gib",
     "Changes limits of an upstream manager (owners)", limit_set, ASKED_OWNER},
    {"limit", "weigh", "UPSTREAM --weight N", 1, "weight",
     "Sets its part of the hosts' work, beside others' (owners)", limit_weigh, ASKED_OWNER},
    {"limit", "keep", "UPSTREAM", 1, "cpus memory-mib disk-gib",
     "Keeps room for an upstream manager (owners)", limit_keep, ASKED_OWNER},
    {"limit", "round", "UPSTREAM", 1, "vms cpus memory-mib disk-gib",
     "Shows it what there is in steps of these, 0: exactly (owners)", limit_round, ASKED_OWNER},
    {"limit", "reset", "UPSTREAM", 1, "",
     "Puts its configured limits, weight, room and steps in force again (owners)", limit_reset,
     ASKED_OWNER},
    {"token", "new", "PEER", 1, "expires whole",
     "Makes a token for a peer to join by, once", token_new, ASKED_EITHER},
    {"token", "list", "", 0, "limit", "Lists tokens to join by", token_list, ASKED_EITHER},
    {"token", "revoke", "TOKEN…", 1, "", "Revokes a token to join by", token_revoke, ASKED_EITHER},
    {"access-token", "create", "NAME --rights RIGHTS", 1, "rights expires tenant identity",
     "Makes a token by which you, or your programs, are known", access_token_create},
    {"access-token", "list", "", 0, "limit tenant name fields",
     "Lists these tokens: what may be asked by them, and when one was used", access_token_list},
    {"access-token", "revoke", "ACCESS-TOKEN…", 1, "", "Revokes one, by id or name, at once",
     access_token_revoke},
    {"chat", "link", "NAME CODE --rights RIGHTS", 2, "rights expires",
     "Lets an address in an XMPP chat look or act for you, by the code that it was told there",
     chat_link},
    {"contact", "add", "NAME ADDRESS", 2, "events quiet",
     "Has somebody told what happens: https://… (a webhook), a mail address, xmpp:… or journal",
     contact_add, ASKED_EITHER},
    {"contact", "prove", "CONTACT CODE", 2, "", "Shows that it arrives, by the code that was sent",
     contact_prove, ASKED_EITHER},
    {"contact", "list", "", 0, "limit name fields", "Lists who is told, and whether it arrives",
     contact_list, ASKED_EITHER},
    {"contact", "remove", "CONTACT…", 1, "", "Tells it nothing more", contact_remove,
     ASKED_EITHER},
    {"key", "revoke", "PEER", 1, "", "Revokes a peer's key: it is not heard any more", key_revoke,
     ASKED_EITHER},
    {"ssh-key", "add", "NAME FILE", 2, "", "Keeps an SSH public key, for VMs to be made with",
     ssh_key_add},
    {"ssh-key", "list", "", 0, "limit", "Lists the SSH public keys that you keep", ssh_key_list},
    {"ssh-key", "remove", "SSH-KEY", 1, "", "Removes one; VMs that have it keep it",
     ssh_key_remove},
    {"audit", "verify", "", 0, "known",
     "Checks that the audit's rows are all there, as they were written", audit_verify,
     ASKED_EITHER},
    {"audit", NULL, "", 0, "limit tenant fields",
     "Lists what was asked for, and what came of it", audit_show, ASKED_EITHER},
    {"events", NULL, "", 0, "vm", "Shows what happens to VMs and operations, as it happens",
     watch_events, ASKED_EITHER},
    {"completion", NULL, "SHELL", 1, "", "Prints the completion for bash, zsh or fish",
     complete_print, ASKED_NOBODY},
    {"web", NULL, "", 0, "", "Prints a link by which a browser logs in, once", web_link,
     ASKED_EITHER},
    {"whoami", NULL, "", 0, "", "Shows whose token is used", whoami_show, ASKED_EITHER},
    {"api", NULL, "METHOD PATH", 2, "body key",
     "Asks what /v1/openapi.json describes, and prints the answer as it came", api_ask,
     ASKED_EITHER},
};

static void print_use(const struct command *command, FILE *out) {
    fprintf(out, "usage: isthmus %s%s%s%s%s [OPTION…]\n", command->noun,
            command->verb ? " " : "", command->verb ? command->verb : "",
            command->arguments[0] ? " " : "", command->arguments);
}

/* Help of one command, of one noun's commands, or of all (noun NULL). */
static void print_help(const char *noun) {
    puts("Runs virtual machines on federated clusters.\n");
    for (size_t i = 0; i < array_size(commands); i++) {
        if (noun && !text_equal(noun, commands[i].noun))
            continue;
        const struct command *command = &commands[i];
        char use[80];
        text_format(use, sizeof(use), "%s%s%s", command->noun, command->verb ? " " : "",
                    command->verb ? command->verb : "");
        printf("  isthmus %-16s %s\n", use, command->about);
    }
    puts("\nOptions of every command:");
    options_print(options_everywhere);
    puts("\n'isthmus COMMAND --help' tells more. Exit codes: 0 done, 1 refused or failed, 2 wrong "
         "use,\n3 the server was not reached, or standard output could not be written.");
}

static void print_command_help(const struct command *command) {
    printf("%s.\n\n", command->about);
    print_use(command, stdout);
    puts("");
    options_print(command->options);
    options_print(options_everywhere);
}

/* Levenshtein's distance, of words up to 31 letters. */
static size_t distance(const char *left, const char *right) {
    size_t row[32], length = strlen(right);
    if (length > 31 || strlen(left) > 31)
        return 32;
    for (size_t i = 0; i <= length; i++)
        row[i] = i;
    for (; *left; left++) {
        size_t diagonal = row[0]++;
        for (size_t i = 1; i <= length; i++) {
            size_t above = row[i], best = diagonal + (*left != right[i - 1]);
            best = above + 1 < best ? above + 1 : best;
            best = row[i - 1] + 1 < best ? row[i - 1] + 1 : best;
            row[i] = best;
            diagonal = above;
        }
    }
    return row[length];
}

static int tell_unknown(const struct options *options) {
    const char *noun = options->words[0];
    const char *verb = options->words_count > 1 ? options->words[1] : "";
    const struct command *nearest = NULL;
    size_t least = 4; /* farther is no likeness */
    for (size_t i = 0; i < array_size(commands); i++) {
        const struct command *command = &commands[i];
        size_t far = 2 * distance(noun, command->noun) +
                     distance(verb, command->verb ? command->verb : "");
        if (far < least) {
            least = far;
            nearest = command;
        }
    }
    say("there is no command '%s%s%s'", noun, verb[0] ? " " : "", verb);
    if (nearest)
        fprintf(stderr, "  did you mean: isthmus %s%s%s\n", nearest->noun,
                nearest->verb ? " " : "", nearest->verb ? nearest->verb : "");
    else
        fprintf(stderr, "  what to do: 'isthmus --help' lists all commands\n");
    return EXIT_USAGE;
}

static const struct command *find_command(const struct options *options) {
    for (size_t i = 0; i < array_size(commands); i++) {
        const struct command *command = &commands[i];
        if (text_equal(command->noun, options->words[0]) &&
            (!command->verb ||
             (options->words_count > 1 && text_equal(command->verb, options->words[1]))))
            return command;
    }
    return NULL;
}

static bool is_noun(const char *word) {
    for (size_t i = 0; i < array_size(commands); i++)
        if (text_equal(commands[i].noun, word))
            return true;
    return false;
}

static int check_use(const struct command *command, const struct options *options) {
    size_t wanted = command->arguments_count + (command->verb ? 2U : 1U);
    if (command->arguments[0] == '[' && options->words_count == wanted - 1)
        wanted--;
    if (takes_several(command) && options->words_count > wanted)
        wanted = options->words_count;
    if (options->words_count != wanted)
        say("there are too %s arguments", options->words_count < wanted ? "few" : "many");
    const char *given;
    for (size_t i = 0; (given = options_own(options, i)); i++)
        if (!words_have(command->options, given)) {
            say("--%s is not an option of this command", given);
            wanted = 0;
        }
    if (options->words_count == wanted)
        return EXIT_DONE;
    fputs("  ", stderr);
    print_use(command, stderr);
    return EXIT_USAGE;
}

/* Verbs on VMs see to several themselves: what is waited for is asked for first. */
static int run_each(const struct command *command, const struct options *options) {
    if (!takes_several(command) || text_equal(command->noun, "vm") || options->words_count == 3)
        return command->run(options);
    int result = EXIT_DONE;
    struct options one = *options;
    one.words_count = 3;
    for (size_t i = 2; i < options->words_count; i++) {
        one.about = one.words[2] = options->words[i];
        int own = command->run(&one);
        result = own > result ? own : result;
    }
    return result;
}

static int run(struct options *options) {
    struct error err;
    if (options->version) {
        puts("isthmus " ISTHMUS_VERSION);
        return EXIT_DONE;
    }
    if (options->words_count == 0 || (options->words_count == 1 && is_noun(options->words[0]) &&
                                      !find_command(options))) {
        print_help(options->words_count ? options->words[0] : NULL);
        return options->help ? EXIT_DONE : EXIT_USAGE;
    }
    const struct command *command = find_command(options);
    if (!command)
        return tell_unknown(options);
    if (options->help) {
        print_command_help(command);
        return EXIT_DONE;
    }
    int result = check_use(command, options);
    if (result != EXIT_DONE)
        return result;
    if (options_choose(options, command->asked, &err) < 0) {
        say("%s", err.text);
        return EXIT_USAGE;
    }
    return run_each(command, options);
}

int main(int count, char **arguments) {
    struct options options;
    struct error err;
    int result = EXIT_USAGE;
    output_begin();
    codec_prepare();
    if (count > 3 && text_equal(arguments[1], "completion") && text_equal(arguments[2], "words")) {
        static const struct commands table = {commands, array_size(commands)};
        return output_end("isthmus", complete_words(&table, arguments + 4, (size_t)count - 4));
    }
    if (options_read(&options, count, arguments, &err) < 0) {
        say("%s", err.text);
        fprintf(stderr, "  what to do: 'isthmus COMMAND --help' lists the options\n");
    } else {
        result = run(&options);
    }
    options_deinit(&options);
    return output_end("isthmus", result);
}
