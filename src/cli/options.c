/* Which options there are, their help, and what values they take; which of the two managers is
 * asked, and with which token or socket. */
#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message/codec.h"
#include "message/limits.h"
#include "message/owner.h"

enum { token_most = 4096 };

static const char *const output_names[] = {"table", "json", "name"};

struct option_row {
    const char *argument; /* what stands for its value in help; "[=…]": which may be left out */
    struct field field;   /* a FIELD_BLOB borrows the command line; without `about`: hidden */
    char letter;          /* its short form, or 0 */
    enum { TIME_NONE, TIME_WITH_UNIT, TIME_OR_SECONDS } time; /* given as 90s, 30m, 1h or 7d */
};

/* The field of a member that is a text; the second, of one whose option has another name. */
#define text_of(member) field_of(struct options, member), .kind = FIELD_BLOB
#define text_at(member) field_at(struct options, member), .kind = FIELD_BLOB

static const struct option_row options_table[] = {
    {"SHAPE", {text_of(shape), .about = "size of the VM: a name from 'isthmus shape list'"}},
    {"IMAGE", {text_of(image), .about = "template: a name from 'isthmus image list'"}},
    {"CLUSTER", {text_of(cluster),
     .about = "where to make it (without: any cluster with room); of a list:\n"
              "only what is there"}},
    {"LABELS", {text_of(must), .about = "labels that the cluster must have: region=eu,disk=ssd"}},
    {"LABELS", {.name = "must-not", text_at(must_not),
     .about = "labels of which it must have none"}},
    {"LABELS", {text_of(prefer), .about = "labels that it should have"}},
    {"LABELS", {text_of(avoid), .about = "labels that it should not have"}},
    {"GROUP", {text_of(group), .about = "your name for VMs that belong to each other"}},
    {"RULE", {.name = "group-rule", text_at(group_rule),
     .about = "beside others of the group: together, apart (other hosts),\n"
              "apart-clusters, anyhow"}},
    {"STRATEGY", {text_of(strategy),
     .about = "spread (most room, the default) or pack (least that is enough)"}},
    {"WHAT", {.name = "on-drain", text_at(on_drain),
     .about = "when its host is to be empty: stay (the default), migrate:\n"
              "goes elsewhere while it runs, where that can be, or restart:\n"
              "the same, otherwise made anew, what its disk held is lost"}},
    {"WHAT", {.name = "on-loss", text_at(on_loss),
     .about = "when its host is lost: stay (the default), restart: made anew\n"
              "on another host, or anywhere: in another cluster, too; it\n"
              "stops where its host is not heard for a while"}},
    {"WHAT", {.name = "restart-from", text_at(restart_from),
     .about = "what it is then made from: image (the default; what its disk\n"
              "held is lost) or copy, the newest of 'vm copy'; while there\n"
              "is none, it waits for its host"}},
    {"TIME", {.name = "copy-every", field_at(struct options, copy_every_s), .kind = FIELD_U32,
     .least = limit_copy_least_s, .most = limit_copy_s,
     .about = "copy its disk so often: 30m, 1h, 7d, or seconds"},
     .time = TIME_OR_SECONDS},
    {"TIME", {.name = "copy-max-age", field_at(struct options, copy_max_age_s), .kind = FIELD_U32,
     .least = limit_copy_least_s, .most = limit_copy_s,
     .about = "tell contacts when the newest copy is older (without:\n"
              "three times --copy-every)"}, .time = TIME_OR_SECONDS},
    {NULL, {.name = "i-have-checked", field_at(struct options, i_have_checked),
     .kind = FIELD_FLAG, .about = "you have looked: nothing runs there"}},
    {"LABELS", {.name = "host-must", text_at(host_must),
     .about = "labels that its host must have, by the cluster's owner"}},
    {"LABELS", {.name = "host-prefer", text_at(host_prefer),
     .about = "labels that its host should have"}},
    {"NETWORKS", {text_of(network),
     .about = "networks to be in, by commas, each an interface: names from\n"
              "'isthmus network list'"}},
    {"RULES", {text_of(allow),
     .about = "who may begin to speak to it, by commas: tcp:22,udp:53,icmp,\n"
              "tcp:8000-8100@192.0.2.0/24; none: nobody; without: anybody"}},
    {"N", {.name = "cpus-percent", field_at(struct options, overcommit.cpus_percent),
     .kind = FIELD_U32, .least = 1, .most = limit_lend_cpus_percent,
     .about = "processors lent, of each hundred; without: as configured"}},
    {"N", {.name = "memory-percent", field_at(struct options, overcommit.memory_percent),
     .kind = FIELD_U32, .least = 1, .most = limit_lend_memory_percent,
     .about = "memory lent, of each hundred MiB; without: as configured"}},
    {"TEXT", {text_of(title), .about = "what it is, in your own words; \"\": nothing"}},
    {"METADATA", {text_of(metadata),
     .about = "what you say of it: owner=web,stage=test; \"\": nothing"}},
    {NULL, {.name = "no-start", field_at(struct options, no_start), .kind = FIELD_FLAG,
     .about = "define it only"}},
    {NULL, {field_of(struct options, hard), .kind = FIELD_FLAG,
     .about = "as if its reset button was pushed: its guest is not asked"}},
    {NULL, {field_of(struct options, follow), .kind = FIELD_FLAG,
     .about = "go on with what comes"}, .letter = 'f'},
    {"N", {field_of(struct options, port), .kind = FIELD_U32, .most = limit_port,
     .about = "listen at this port of 127.0.0.1, 0 for a free one, for every user\n"
              "of this machine; without: at a socket for you alone"}},
    {NULL, {field_of(struct options, open), .kind = FIELD_FLAG,
     .about = "run vncviewer, and end with it"}},
    {NULL, {field_of(struct options, upgrade), .kind = FIELD_FLAG,
     .about = "with the machine (devices, machine type) that new VMs get;\n"
              "without, its guest keeps the one that it knows"}},
    {"FILE", {.name = "user-data", text_at(user_data),
     .about = "first-boot data for the guest (NoCloud), at most 16 KiB:\n"
              "a text, or compressed, or any bytes"}},
    {"FILE", {text_of(body), .about = "the request's body, in JSON; -: standard input"}},
    {"SSH-KEY", {.name = "ssh-key", text_at(ssh_key),
     .about = "who may log in: a file of SSH public keys, or names by commas\n"
              "from 'isthmus ssh-key list'"}},
    {"[=SECONDS]", {.name = "wait", field_at(struct options, wait_seconds), .kind = FIELD_U32,
     .least = 1,
     .about = "stay until the operation has ended, and show its steps"}},
    {"KEY", {text_of(key), .about = "Idempotency-Key; without: one is drawn"}},
    {"SECONDS", {.name = "deadline", field_at(struct options, deadline_seconds), .kind = FIELD_U32,
     .least = 1, .most = limit_deadline_ms / 1000,
     .about = "time that the operation may take"}},
    {"TIME", {.name = "expires", field_at(struct options, expires_seconds), .kind = FIELD_U32,
     .least = 1, .most = limit_access_seconds,
     .about = "how long the token may be used: 90s, 30m, 1h, 7d, or seconds;\n"
              "without: an hour to join by, otherwise until it is revoked"},
     .time = TIME_OR_SECONDS},
    {NULL, {field_of(struct options, whole), .kind = FIELD_FLAG,
     .about = "the token brings the authorities of certificates; without, who\n"
              "joins has them from the manager, by their digests"}},
    {"RIGHTS", {field_of(struct options, rights), .kind = FIELD_ENUM, field_names(rights_names),
     .about = "what may be asked by it: look (what changes nothing), act (also\n"
              "what is done with VMs, images and SSH keys), or all"}},
    {"EVENTS", {text_of(events),
     .about = "what it is told, a blank between words: operation-ended, vm-died,\n"
              "vm-recovered, vm-restarted, copy-late, copy-in-time,\n"
              "cluster-away, cluster-back, quota-nearly-full,\n"
              "certificate-expires; of an owner host-away, host-back,\n"
              "upstream-away, upstream-back, certificate-expires"}},
    {"HOURS", {text_of(quiet),
     .about = "22:00-07:00, in UTC: what happens then is told at its end, together"}},
    {"TEXT", {text_of(refuse), .about = "what is said in place of such a VM; \"\": it may be"}},
    {"N", {field_of(struct options, position), .kind = FIELD_U32, .least = 1, .most = limit_rules,
     .about = "its place in the list, from 1 on; without: the last"}},
    {"N", {field_of(struct options, limit), .kind = FIELD_U32, .least = 1,
     .about = "show N rows at most"}},
    {NULL, {field_of(struct options, watch), .kind = FIELD_FLAG,
     .about = "go on with what changes, until it is interrupted"}},
    {"STATES", {text_of(state), .about = "only what is in one of these states, by commas"}},
    {"NAME", {text_of(name), .about = "only what has this name; * stands for any characters"}},
    {"LABELS", {text_of(labels),
     .about = "only what has all of these, by commas: stage=test; of a VM:\n"
              "in its metadata"}},
    {"ORDER", {field_of(struct options, sort), .kind = FIELD_ENUM, field_names(sort_names),
     .about = "created (the default), name or changed; -created: the newest\n"
              "first"}},
    {"FIELDS", {text_of(fields),
     .about = "show these fields alone, by commas, as -o json names them"}},
    {"FILE", {text_of(known),
     .about = "the newest rows that were seen before, to be there again; kept in\n"
              "this file from now on, away from the manager"}},
    {"VM", {text_of(vm), .about = "only what is of this VM"}},
    {"IDENTITY", {text_of(identity),
     .about = "who logs in as it by the OpenID provider, as that knows them (operators)"}},
    {"TENANT", {text_of(tenant), .about = "only what is this tenant's (operators)"}},
    {"HOST", {text_of(host), .about = "only what is on this host (owners)"}},
    {"UPSTREAM", {text_of(upstream), .about = "only what is this upstream manager's (owners)"}},
    {"N", {.name = "vms", field_at(struct options, limits.vms), .kind = FIELD_U64,
     .about = "VMs; 0: no limit"}},
    {"N", {.name = "cpus", field_at(struct options, limits.cpus), .kind = FIELD_U64,
     .about = "virtual CPUs of all VMs; 0: no limit"}},
    {"N", {.name = "memory-mib", field_at(struct options, limits.memory_mib), .kind = FIELD_U64,
     .about = "memory of all VMs, MiB; 0: no limit"}},
    {"N", {.name = "disk-gib", field_at(struct options, limits.disk_gib), .kind = FIELD_U64,
     .about = "disk of all VMs, GiB; 0: no limit"}},
    {"VERBS", {text_of(verbs), .about = "verbs that it may ask, a blank between them; all: each"}},
    {"TENANTS", {text_of(tenants),
     .about = "VMs of these tenants, by name, a blank between them; all: each"}},
    {"CLUSTERS", {text_of(clusters),
     .about = "clusters, by name, a blank between them; all: each"}},
    {"SHAPES", {text_of(shapes),
     .about = "shapes, by name, owners also by size (c2-m4096-d20); all: each"}},
    {"IMAGES", {text_of(images), .about = "images, by name, owners also by digest; all: each"}},
    {"NETWORKS", {text_of(networks), .about = "networks by name; all: each"}},
    {"WORDS", {text_of(placing),
     .about = "what it may ask of hosts: apart, host-must, restart, anywhere, none;\n"
              "all: each"}},
    {"WORDS", {text_of(views),
     .about = "what it sees of its VMs: ips, log, usage, console, ports, screen,\n"
              "none; all: each"}},
    {"N", {.name = "apart-most", field_at(struct options, apart_most), .kind = FIELD_U32,
     .about = "VMs of a group beside which one more is kept apart; 0: any number"}},
    {"TIME", {.name = "grace", field_at(struct options, grace_seconds), .kind = FIELD_U32,
     .most = limit_grace_seconds,
     .about = "how long its VMs run on: 90s, 30m, 1h, 7d"}, .time = TIME_WITH_UNIT},
    {"N", {field_of(struct options, weight), .kind = FIELD_U32, .least = 1, .most = limit_weight,
     .about = "its part of the hosts' work beside others' weights, 1 to 1000"}},
    {"N", {.name = "images-gib", field_at(struct options, images_gib), .kind = FIELD_U64,
     .about = "images of its own, GiB; 0: it may have none"}},
    {"SHA256", {text_of(digest), .about = "that the file has to have"}},
    {"FILE", {text_of(sums),
     .about = "SHA256SUMS, a file or an address, with a line for the file"}},
    {"FILE", {text_of(signature),
     .about = "of that list, by OpenPGP: SHA512SUMS.sign, a file or an address"}},
    {"FILE", {text_of(keyring), .about = "keys that may have made the signature"}},
    {"NAME", {text_of(architecture), .about = "of its guests: x86_64, aarch64"}},
    {"WHAT", {text_of(firmware), .about = "what starts them: bios, uefi, secure-boot, or any"}},
    {"BUS", {.name = "disk-bus", text_at(disk_bus),
     .about = "how their disk is attached: virtio, scsi or sata"}},
    {"CLOCK", {text_of(clock), .about = "what their hardware clock shows: utc or local"}},
    {"TPM", {text_of(tpm), .about = "the security chip that they have: none or 2.0"}},
    {"N", {.name = "min-cpus", field_at(struct options, min_cpus), .kind = FIELD_U32, .least = 1,
     .most = limit_cpus, .about = "processors that a shape for it needs"}},
    {"N", {.name = "min-memory-mib", field_at(struct options, min_memory_mib), .kind = FIELD_U32,
     .least = 1, .most = limit_memory_mib, .about = "memory that a shape for it needs, MiB"}},
    {"N", {.name = "min-disk-gib", field_at(struct options, min_disk_gib), .kind = FIELD_U32,
     .least = 1, .most = limit_disk_gib, .about = "disk that a shape for it needs, GiB"}},
    {"WORD", {.name = "cloud-init", text_at(cloud_init),
     .about = "whether it hears first-boot data: yes or no"}},
    {"WORD", {.name = "guest-agent", text_at(guest_agent),
     .about = "whether QEMU's guest agent is in it: yes or no"}},
    {"URL", {text_of(server), .about = "default: $ISTHMUS_SERVER, or http://127.0.0.1:8080"}},
    {"FILE", {.name = "token-file", text_at(token_file),
     .about = "default: $ISTHMUS_TOKEN_FILE; or the token in $ISTHMUS_TOKEN"}},
    {"FILE", {.name = "ca-file", text_at(ca_file),
     .about = "CA that signed the server; default: $ISTHMUS_CA_FILE"}},
    {"FILE", {text_of(socket),
     .about = "owners: of isthmus-downstream; default: $ISTHMUS_SOCKET, or\n"
              "/var/lib/isthmus-downstream/owner.sock"}},
    {"FORM", {field_of(struct options, output), .kind = FIELD_ENUM, field_names(output_names),
     .about = "table, json (the server's answer, unchanged) or name"}, .letter = 'o'},
    {NULL, {field_of(struct options, help), .kind = FIELD_FLAG,
     .about = "this help"}, .letter = 'h'},
    {NULL, {field_of(struct options, version), .kind = FIELD_FLAG, .about = "its version"}},
};

static_assert(array_size(options_table) <= options_most, "given[] holds each option");

const char options_everywhere[] = "server token-file ca-file socket output help";

static const struct option_row *find_row(const char *name, size_t length) {
    for (size_t i = 0; i < array_size(options_table); i++) {
        const char *own = options_table[i].field.name;
        if (strlen(own) == length && strncmp(own, name, length) == 0)
            return &options_table[i];
    }
    return NULL;
}

static void print_row(const struct option_row *row) {
    const char *argument = row->argument ? row->argument : "", *about = row->field.about;
    char use[32];
    text_format(use, sizeof(use), "%s--%s%s%s",
                row->letter ? (char[]){'-', row->letter, ',', ' ', 0} : "", row->field.name,
                *argument && *argument != '[' ? " " : "", argument);
    for (const char *left = use; *about; left = "") {
        size_t length = strcspn(about, "\n");
        printf("  %-21s %.*s\n", left, (int)length, about);
        about += length + (about[length] == '\n');
    }
}

void options_print(const char *names) {
    for (const char *end; *names; names = end + (*end == ' ')) {
        end = names + strcspn(names, " ");
        print_row(find_row(names, (size_t)(end - names)));
    }
}

const struct field *options_field(const char *name, size_t length, const char **out_argument) {
    const struct option_row *row = find_row(name, length);
    *out_argument = row ? row->argument : NULL;
    return row ? &row->field : NULL;
}

bool options_given(const struct options *options, const char *name) {
    for (size_t i = 0; i < options->given_count; i++)
        if (text_equal(options->given[i], name))
            return true;
    return false;
}

const char *options_own(const struct options *options, size_t i) {
    for (size_t k = 0; k < options->given_count; k++)
        if (!words_have(options_everywhere, options->given[k]) && i-- == 0)
            return options->given[k];
    return NULL;
}

static int read_duration(const struct option_row *row, const char *text, uint32_t *out,
                         struct error *err) {
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10), most = row->field.most;
    const char *unit = *end || row->time == TIME_WITH_UNIT ? end : "s";
    for (size_t i = 0; i < array_size(units); i++)
        if (!errno && text[0] >= '0' && text[0] <= '9' && *unit == units[i].unit && !unit[1] &&
            number <= most / units[i].seconds &&
            number * units[i].seconds >= row->field.least) {
            *out = (uint32_t)(number * units[i].seconds);
            return 0;
        }
    return error_set(err, -EINVAL, "--%s %s: give a time as 90s, 30m, 1h or 7d, at most %llud",
                     row->field.name, text, most / 86400);
}

static int take_option(struct options *options, const struct option_row *row, char *value,
                       struct error *err) {
    struct codec_fault fault;
    const struct field *field = &row->field;
    void *place = (char *)options + field->offset;
    if (!options_given(options, field->name))
        options->given[options->given_count++] = field->name;
    if (row->time)
        return read_duration(row, value, place, err);
    if (field->kind == FIELD_FLAG)
        *(bool *)place = true;
    else if (field->kind == FIELD_BLOB)
        *(const char **)place = value;
    else if (value && codec_field_from_text(field, value, options, &fault))
        return error_set(err, -EINVAL, "--%s %s: %s", field->name, value, fault.text);
    return 0;
}

/* What getopt_long() finds: a letter, or an index into the table behind all letters. */
enum { first_option = 256 };

static const struct option_row *row_of(int found) {
    if (found >= first_option)
        return &options_table[found - first_option];
    size_t i = 0;
    while (options_table[i].letter != found)
        i++;
    return &options_table[i];
}

static const char *from_environment(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

int options_read(struct options *options, int count, char **arguments, struct error *err) {
    const char *server = from_environment("ISTHMUS_SERVER");
    *options = (struct options){
        .server = server,
        .socket = from_environment("ISTHMUS_SOCKET"),
        .token_file = from_environment("ISTHMUS_TOKEN_FILE"),
        .ca_file = from_environment("ISTHMUS_CA_FILE"),
    };
    struct option long_options[array_size(options_table) + 1] = {0};
    for (size_t i = 0; i < array_size(options_table); i++) {
        const char *argument = options_table[i].argument;
        long_options[i] = (struct option){
            .name = options_table[i].field.name,
            .has_arg = !argument          ? no_argument
                       : *argument == '[' ? optional_argument
                                          : required_argument,
            .val = first_option + (int)i,
        };
    }
    int found;
    opterr = 0;
    optind = 0; /* from the first one, whatever was read before */
    while ((found = getopt_long(count, arguments, ":hfo:", long_options, NULL)) != -1) {
        const char *given = arguments[optind - 1];
        if (found == '?')
            return error_set(err, -EINVAL, "there is no option %s", given);
        if (found == ':')
            return error_set(err, -EINVAL, "the option %s needs a value", given);
        if (take_option(options, row_of(found), optarg, err))
            return err->code;
    }
    for (; optind < count; optind++) {
        if (options->words_count == options_words)
            return error_set(err, -EINVAL, "there are too many arguments");
        options->words[options->words_count++] = arguments[optind];
    }
    return 0;
}

int options_read_bytes(const char *path, size_t most, struct text *out, struct error *err) {
    char bytes[4096];
    ssize_t length;
    int fd = text_equal(path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                   : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, -errno, "open %s: %s; check the path", path, strerror(errno));
    out->limit = most;
    while ((length = read(fd, bytes, sizeof(bytes))) > 0)
        text_add_bytes(out, bytes, (size_t)length);
    int code = -errno;
    close(fd);
    if (length < 0)
        return error_set(err, code, "read %s: %s", path, strerror(-code));
    if (out->full)
        return error_set(err, -EFBIG, "%s is larger than %zu bytes", path, most);
    return 0;
}

int options_read_file(const char *path, size_t most, struct text *out, struct error *err) {
    int result = options_read_bytes(path, most, out, err);
    if (!result && out->length && memchr(out->data, 0, out->length))
        return error_set(err, -EINVAL, "%s is not a text", path);
    return result;
}

static int options_read_token(struct options *options, struct error *err) {
    const char *token = from_environment("ISTHMUS_TOKEN");
    if (options->token_file) {
        int result = options_read_file(options->token_file, token_most, &options->token, err);
        if (result < 0)
            return error_wrap(err, "read the token");
    } else if (token) {
        text_add(&options->token, token);
    } else {
        return error_set(err, -EINVAL, "there is no token: give --token-file FILE, or set "
                         "ISTHMUS_TOKEN_FILE or ISTHMUS_TOKEN");
    }
    struct text *text = &options->token;
    text->length = strcspn(text_data(text), " \t\r\n");
    if (text->length == 0)
        return error_set(err, -EINVAL, "the token is empty: put it on the file's first line");
    text->data[text->length] = 0;
    return 0;
}

int options_choose(struct options *options, enum asked asked, struct error *err) {
    bool server_given = options_given(options, "server");
    if (asked == ASKED_NOBODY)
        return 0;
    bool socket_given = options_given(options, "socket");
    bool owner = asked == ASKED_OWNER ||
                 (asked == ASKED_EITHER && !server_given &&
                  (socket_given || (options->socket && !options->server)));
    if (owner && server_given)
        return error_set(err, -EINVAL, "--server is not for this: the owner's manager is asked, by "
                         "its --socket");
    if (!owner && socket_given)
        return error_set(err, -EINVAL, "--socket is not for this: the upstream manager is asked, "
                         "by its --server");
    if (!owner)
        options->socket = NULL;
    else if (!options->socket)
        options->socket = "/var/lib/isthmus-downstream/owner.sock";
    if (owner)
        options->server = "http://owner";
    else if (!options->server)
        options->server = "http://127.0.0.1:8080";
    return owner ? 0 : options_read_token(options, err);
}

void options_deinit(struct options *options) { text_deinit(&options->token); }
