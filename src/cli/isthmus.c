/* The command `isthmus`: what tenants and operators ask of the upstream manager, and owners of
 * their downstream manager, by REST. */
#include <stdio.h>
#include <string.h>

#include "cli/call.h"
#include "cli/host.h"
#include "cli/keys.h"
#include "cli/op.h"
#include "cli/other.h"
#include "cli/owner.h"
#include "cli/share.h"
#include "cli/vm.h"

struct command {
    const char *noun, *verb;   /* verb NULL: the noun alone */
    const char *arguments;     /* as in help */
    size_t arguments_count;
    const char *options;       /* names of its own options */
    const char *about;
    int (*run)(const struct options *options);
    enum asked asked;
};

/* Of whatever makes an operation. */
#define following "wait deadline key"

static const struct command commands[] = {
    {"vm", "create", "NAME --shape SHAPE --image IMAGE", 1,
     "shape image cluster network must prefer avoid group group-rule "
     "strategy on-drain host-must host-prefer metadata no-start user-data " following,
     "Creates a VM", vm_create},
    {"vm", "list", "", 0, "limit tenant host upstream", "Lists VMs", vm_list, ASKED_EITHER},
    {"vm", "show", "VM", 1, "", "Shows a VM, by name or id", vm_show, ASKED_EITHER},
    {"vm", "start", "VM", 1, following, "Starts a VM", vm_start},
    {"vm", "shutdown", "VM", 1, following, "Asks the guest to shut down", vm_shutdown},
    {"vm", "stop", "VM", 1, following, "Stops a VM at once, as if its plug was pulled", vm_stop},
    {"vm", "reboot", "VM", 1, following, "Asks the guest to reboot", vm_reboot},
    {"vm", "pause", "VM", 1, following, "Holds a VM in its host's memory", vm_pause},
    {"vm", "resume", "VM", 1, following, "Lets a paused VM run on", vm_resume},
    {"vm", "suspend", "VM", 1, following, "Saves a VM's memory to disk, for the next start",
     vm_suspend},
    {"vm", "resize", "VM SHAPE", 2, following, "Gives a VM another shape", vm_resize},
    {"vm", "rebuild", "VM", 1, "image user-data " following,
     "Makes a VM's disk anew, from its image or another", vm_rebuild},
    {"vm", "snapshot", "VM NAME", 2, following, "Takes a snapshot of a VM", vm_snapshot},
    {"vm", "snapshots", "VM", 1, "", "Lists a VM's snapshots", vm_snapshots},
    {"vm", "revert", "VM NAME", 2, following, "Takes a VM back to a snapshot", vm_revert},
    {"vm", "snapshot-delete", "VM NAME", 2, following, "Deletes a snapshot of a VM",
     vm_snapshot_delete},
    {"vm", "lock", "VM", 1, following, "Locks a VM: every verb but unlock is refused", vm_lock},
    {"vm", "unlock", "VM", 1, following, "Unlocks a VM", vm_unlock},
    {"vm", "rename", "VM NAME", 2, following, "Gives a VM another name", vm_rename},
    {"vm", "edit", "VM --metadata METADATA", 1, "metadata " following, "Sets what is said of a VM",
     vm_edit},
    {"vm", "delete", "VM", 1, following, "Deletes a VM and its disk", vm_delete},
    {"op", "list", "", 0, "limit tenant vm upstream", "Lists operations", op_list, ASKED_EITHER},
    {"op", "show", "OPERATION", 1, "", "Shows what happened to an operation, and why it waits",
     op_show, ASKED_EITHER},
    {"cluster", "list", "", 0, "limit", "Lists clusters, with what is free", cluster_list},
    {"cluster", "show", "CLUSTER", 1, "", "Shows a cluster", cluster_show},
    {"cluster", "forget", "CLUSTER", 1, "",
     "Gives up a cluster that is gone for good, with its VMs (operators)", cluster_forget},
    {"image", "list", "", 0, "limit", "Lists images", image_list},
    {"image", "show", "IMAGE", 1, "", "Shows an image", image_show},
    {"image", "import", "NAME FILE", 2, "", "Imports an archive as an image (operators)",
     image_import},
    {"image", "delete", "IMAGE", 1, "", "Deletes an image (operators)", image_delete},
    {"shape", "list", "", 0, "limit", "Lists shapes: the sizes that VMs can have", shape_list},
    {"network", "list", "", 0, "limit", "Lists networks that VMs can be in", network_list},
    {"tenant", "create", "NAME", 1, "", "Makes a tenant and its token (operators)", tenant_create},
    {"tenant", "list", "", 0, "limit", "Lists tenants (operators)", tenant_list},
    {"tenant", "show", "TENANT", 1, "", "Shows a tenant, what it may have and has", tenant_show},
    {"tenant", "set-quota", "TENANT", 1, "vms cpus memory-mib disk-gib",
     "Changes a tenant's quota (operators)", tenant_set_quota},
    {"tenant", "set-permissions", "TENANT", 1, "clusters shapes images",
     "Changes which clusters, shapes and images its new VMs may use (operators)",
     tenant_set_permissions},
    {"tenant", "reset-permissions", "TENANT", 1, "", "Lets them use all again (operators)",
     tenant_reset_permissions},
    {"tenant", "delete", "TENANT", 1, "", "Deletes a tenant without VMs (operators)",
     tenant_delete},
    {"host", "list", "", 0, "limit", "Lists the cluster's hosts (owners)", host_list, ASKED_OWNER},
    {"host", "show", "HOST", 1, "", "Shows a host (owners)", host_show, ASKED_OWNER},
    {"host", "cordon", "HOST", 1, "", "Gives a host no new VMs (owners)", host_cordon, ASKED_OWNER},
    {"host", "uncordon", "HOST", 1, "", "Gives a host new VMs again (owners)", host_uncordon,
     ASKED_OWNER},
    {"host", "drain", "HOST", 1, "", "Moves the VMs that may be moved to other hosts (owners)",
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
    {"upstream", "list", "", 0, "limit", "Lists the upstream managers (owners)", upstream_list,
     ASKED_OWNER},
    {"upstream", "show", "UPSTREAM", 1, "", "Shows an upstream manager (owners)", upstream_show,
     ASKED_OWNER},
    {"upstream", "revoke", "UPSTREAM --grace TIME", 1, "grace",
     "Gives it no new VMs, and ends those that it has after a grace (owners)", upstream_revoke,
     ASKED_OWNER},
    {"upstream", "restore", "UPSTREAM", 1, "", "Takes a revocation back (owners)", upstream_restore,
     ASKED_OWNER},
    {"permission", "set", "UPSTREAM", 1, "verbs shapes images networks",
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
    {"token", "new", "PEER", 1, "expires", "Makes a token for a peer to join by, once", token_new,
     ASKED_EITHER},
    {"token", "list", "", 0, "limit", "Lists tokens to join by", token_list, ASKED_EITHER},
    {"token", "revoke", "TOKEN", 1, "", "Revokes a token to join by", token_revoke, ASKED_EITHER},
    {"key", "revoke", "PEER", 1, "", "Revokes a peer's key: it is not heard any more", key_revoke,
     ASKED_EITHER},
    {"whoami", NULL, "", 0, "", "Shows whose token is used", whoami_show},
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
         "use,\n3 the server was not reached.");
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
    return command->run(options);
}

int main(int count, char **arguments) {
    struct options options;
    struct error err;
    int result = EXIT_USAGE;
    if (options_read(&options, count, arguments, &err) < 0) {
        say("%s", err.text);
        fprintf(stderr, "  what to do: 'isthmus COMMAND --help' lists the options\n");
    } else {
        result = run(&options);
    }
    options_deinit(&options);
    return result;
}
