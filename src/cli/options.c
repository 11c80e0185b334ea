/* Which options there are, their help, and what values they take; which of the two managers is
 * asked, and with which token or socket. */
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message/limits.h"

enum { token_most = 4096 };

static const struct option long_options[] = {
    {"server", required_argument, NULL, 's'},   {"token-file", required_argument, NULL, 't'},
    {"ca-file", required_argument, NULL, 'c'},  {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},           {"version", no_argument, NULL, 'V'},
    {"shape", required_argument, NULL, 'S'},    {"image", required_argument, NULL, 'I'},
    {"cluster", required_argument, NULL, 'C'},  {"no-start", no_argument, NULL, 'N'},
    {"user-data", required_argument, NULL, 'U'}, {"wait", optional_argument, NULL, 'W'},
    {"key", required_argument, NULL, 'K'},      {"limit", required_argument, NULL, 'L'},
    {"vm", required_argument, NULL, 'v'},       {"tenant", required_argument, NULL, 'T'},
    {"expires", required_argument, NULL, 'E'},
    {"deadline", required_argument, NULL, 'D'}, {"socket", required_argument, NULL, 'x'},
    {"host", required_argument, NULL, 'H'},     {"upstream", required_argument, NULL, 'P'},
    {"vms", required_argument, NULL, 'n'},      {"cpus", required_argument, NULL, 'p'},
    {"memory-mib", required_argument, NULL, 'm'}, {"disk-gib", required_argument, NULL, 'd'},
    {"grace", required_argument, NULL, 'G'},    {"verbs", required_argument, NULL, 'b'},
    {"clusters", required_argument, NULL, 'k'}, {"shapes", required_argument, NULL, 'e'},
      {"images", required_argument, NULL, 'i'},
    {"must", required_argument, NULL, 'M'},     {"prefer", required_argument, NULL, 'f'},
    {"avoid", required_argument, NULL, 'A'},    {"group", required_argument, NULL, 'g'},
    {"group-rule", required_argument, NULL, 'R'}, {"strategy", required_argument, NULL, 'Y'},
    {"weight", required_argument, NULL, 'w'},
    {"on-drain", required_argument, NULL, 'r'}, {"host-must", required_argument, NULL, 'u'},
    {"host-prefer", required_argument, NULL, 'q'},
    {"cpus-percent", required_argument, NULL, 'y'},
    {"memory-percent", required_argument, NULL, 'z'},
    {"metadata", required_argument, NULL, 'a'},
    {"network", required_argument, NULL, 'j'}, {"networks", required_argument, NULL, 'l'},
    {NULL, 0, NULL, 0},
};

static const struct {
    char letter;
    const char *help;
} helps[] = {
    {'S', "  --shape SHAPE         size of the VM: a name from 'isthmus shape list'"},
    {'I', "  --image IMAGE         template: a name from 'isthmus image list'"},
    {'C', "  --cluster CLUSTER     where to make it; without: any cluster with room"},
    {'M', "  --must LABELS         labels that the cluster must have: region=eu,disk=ssd"},
    {'f', "  --prefer LABELS       labels that it should have"},
    {'A', "  --avoid LABELS        labels that it should not have"},
    {'g', "  --group GROUP         your name for VMs that belong to each other"},
    {'R', "  --group-rule RULE     beside others of the group: together, apart (other hosts),\n"
          "                        apart-clusters, anyhow"},
    {'Y', "  --strategy STRATEGY   spread (most room, the default) or pack (least that is enough)"},
    {'r', "  --on-drain WHAT       when its host is to be empty: stay (the default), migrate:\n"
          "                        goes elsewhere while it runs, where that can be, or restart:\n"
          "                        the same, otherwise made anew, what its disk held is lost"},
    {'u', "  --host-must LABELS    labels that its host must have, by the cluster's owner"},
    {'q', "  --host-prefer LABELS  labels that its host should have"},
    {'j', "  --network NETWORKS    networks to be in, by commas, each an interface: names from\n"
          "                        'isthmus network list'"},
    {'y', "  --cpus-percent N      processors lent, of each hundred; without: as configured"},
    {'z', "  --memory-percent N    memory lent, of each hundred MiB; without: as configured"},
    {'a', "  --metadata METADATA   what you say of it: owner=web,stage=test; \"\": nothing"},
    {'N', "  --no-start            define it only"},
    {'U', "  --user-data FILE      first-boot data for the guest (NoCloud), at most 16 KiB"},
    {'W', "  --wait[=SECONDS]      stay until the operation has ended, and show its steps"},
    {'K', "  --key KEY             Idempotency-Key; without: one is drawn"},
    {'D', "  --deadline SECONDS    time that the operation may take"},
    {'E', "  --expires SECONDS     how long the token may be used; without: an hour"},
    {'L', "  --limit N             show N rows at most"},
    {'v', "  --vm ID               only operations of this VM"},
    {'T', "  --tenant TENANT       only what is this tenant's (operators)"},
    {'H', "  --host HOST           only what is on this host (owners)"},
    {'P', "  --upstream UPSTREAM   only what is this upstream manager's (owners)"},
    {'n', "  --vms N               VMs; 0: no limit"},
    {'p', "  --cpus N              virtual CPUs of all VMs; 0: no limit"},
    {'m', "  --memory-mib N        memory of all VMs, MiB; 0: no limit"},
    {'d', "  --disk-gib N          disk of all VMs, GiB; 0: no limit"},
    {'b', "  --verbs VERBS         verbs that it may ask, a blank between them; all: each"},
    {'k', "  --clusters CLUSTERS   clusters, by name, a blank between them; all: each"},
    {'e', "  --shapes SHAPES       shapes, by name, owners also by size (c2-m4096-d20); all: each"},
    {'i', "  --images IMAGES       images, by name, owners also by digest; all: each"},
    {'l', "  --networks NETWORKS   networks by name; all: each"},
    {'G', "  --grace TIME          how long its VMs run on: 90s, 30m, 1h, 7d"},
    {'w', "  --weight N            its part of the hosts' work beside others' weights, 1 to 1000"},
    {'x', "  --socket PATH         owners: of isthmus-downstream; default: $ISTHMUS_SOCKET, or\n"
          "                        /var/lib/isthmus-downstream/owner.sock"},
    {'s', "  --server URL          default: $ISTHMUS_SERVER, or http://127.0.0.1:8080"},
    {'t', "  --token-file FILE     default: $ISTHMUS_TOKEN_FILE; or the token in $ISTHMUS_TOKEN"},
    {'c', "  --ca-file FILE        CA that signed the server; default: $ISTHMUS_CA_FILE"},
    {'o', "  -o, --output FORM     table, json (the server's answer, unchanged) or name"},
    {'h', "  -h, --help            this help"},
};

const char options_everywhere[] = "stcxoh";

const char *options_help(char letter) {
    for (size_t i = 0; i < array_size(helps); i++)
        if (helps[i].letter == letter)
            return helps[i].help;
    return NULL;
}

static int read_number(const char *text, uint32_t most, const char *option, uint32_t *out,
                       struct error *err) {
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno || *end || text[0] < '0' || text[0] > '9' || number == 0 || number > most)
        return error_set(err, -EINVAL, "--%s %s: give a whole number from 1 to %u", option, text,
                         most);
    *out = (uint32_t)number;
    return 0;
}

static int read_amount(const char *text, const char *option, uint64_t *out, struct error *err) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno || *end || text[0] < '0' || text[0] > '9' || number > INT64_MAX)
        return error_set(err, -EINVAL, "--%s %s: give a whole number; 0: no limit", option, text);
    *out = number;
    return 0;
}

static int read_duration(const char *text, uint32_t most, uint32_t *out, struct error *err) {
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    for (size_t i = 0; i < array_size(units); i++)
        if (!errno && text[0] >= '0' && text[0] <= '9' && *end == units[i].unit && !end[1] &&
            number <= most / units[i].seconds) {
            *out = (uint32_t)(number * units[i].seconds);
            return 0;
        }
    return error_set(err, -EINVAL, "--grace %s: give a time as 90s, 30m, 1h or 7d, at most %ud",
                     text, most / 86400);
}

static int read_output(const char *text, enum output *out, struct error *err) {
    static const char *const names[] = {"table", "json", "name"};
    for (unsigned i = 0; i < array_size(names); i++)
        if (text_equal(names[i], text)) {
            *out = (enum output)i;
            return 0;
        }
    return error_set(err, -EINVAL, "--output %s: give table, json or name", text);
}

static int take_option(struct options *options, int letter, struct error *err) {
    size_t used = strlen(options->used);
    if (!strchr(options_everywhere, letter) && !strchr(options->used, letter) &&
        used + 1 < sizeof(options->used))
        options->used[used] = (char)letter;
    switch (letter) {
    case 's': options->server = optarg; options->server_given = true; return 0;
    case 'x': options->socket = optarg; options->socket_given = true; return 0;
    case 'b': options->verbs = optarg; return 0;
    case 'k': options->clusters = optarg; return 0;
    case 'e': options->shapes = optarg; return 0;
    case 'i': options->images = optarg; return 0;
    case 'j': options->network = optarg; return 0;
    case 'l': options->networks = optarg; return 0;
    case 'G':
        return read_duration(optarg, limit_grace_seconds, &options->grace_seconds, err);
    case 'r': options->on_drain = optarg; return 0;
    case 'u': options->host_must = optarg; return 0;
    case 'q': options->host_prefer = optarg; return 0;
    case 'y':
        return read_number(optarg, limit_lend_cpus_percent, "cpus-percent",
                           &options->overcommit.cpus_percent, err);
    case 'z':
        return read_number(optarg, limit_lend_memory_percent, "memory-percent",
                           &options->overcommit.memory_percent, err);
    case 'H': options->host = optarg; return 0;
    case 'P': options->upstream = optarg; return 0;
    case 'M': options->must = optarg; return 0;
    case 'f': options->prefer = optarg; return 0;
    case 'A': options->avoid = optarg; return 0;
    case 'g': options->group = optarg; return 0;
    case 'R': options->group_rule = optarg; return 0;
    case 'Y': options->strategy = optarg; return 0;
    case 'n': return read_amount(optarg, "vms", &options->limits.vms, err);
    case 'p': return read_amount(optarg, "cpus", &options->limits.cpus, err);
    case 'm': return read_amount(optarg, "memory-mib", &options->limits.memory_mib, err);
    case 'd': return read_amount(optarg, "disk-gib", &options->limits.disk_gib, err);
    case 't': options->token_file = optarg; return 0;
    case 'c': options->ca_file = optarg; return 0;
    case 'o': return read_output(optarg, &options->output, err);
    case 'h': options->help = true; return 0;
    case 'V': options->version = true; return 0;
    case 'S': options->shape = optarg; return 0;
    case 'I': options->image = optarg; return 0;
    case 'C': options->cluster = optarg; return 0;
    case 'N': options->no_start = true; return 0;
    case 'a': options->metadata = optarg; return 0;
    case 'U': options->user_data = optarg; return 0;
    case 'K': options->key = optarg; return 0;
    case 'v': options->vm = optarg; return 0;
    case 'w': return read_number(optarg, limit_weight, "weight", &options->weight, err);
    case 'T': options->tenant = optarg; return 0;
    case 'L': return read_number(optarg, UINT32_MAX, "limit", &options->limit, err);
    case 'E':
        return read_number(optarg, limit_join_seconds, "expires", &options->expires_seconds, err);
    case 'D':
        return read_number(optarg, limit_deadline_ms / 1000, "deadline",
                           &options->deadline_seconds, err);
    case 'W':
        options->wait = true;
        return optarg ? read_number(optarg, UINT32_MAX, "wait", &options->wait_seconds, err) : 0;
    default: return -EINVAL;
    }
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
    int letter;
    opterr = 0;
    while ((letter = getopt_long(count, arguments, ":ho:", long_options, NULL)) != -1) {
        const char *given = arguments[optind - 1];
        if (letter == '?')
            return error_set(err, -EINVAL, "there is no option %s", given);
        if (letter == ':')
            return error_set(err, -EINVAL, "the option %s needs a value", given);
        int result = take_option(options, letter, err);
        if (result < 0)
            return result;
    }
    for (; optind < count; optind++) {
        if (options->words_count == options_words)
            return error_set(err, -EINVAL, "there are too many arguments");
        options->words[options->words_count++] = arguments[optind];
    }
    return 0;
}

int options_read_file(const char *path, size_t most, struct text *out, struct error *err) {
    char bytes[4096];
    ssize_t length;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
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
    if (out->length && memchr(out->data, 0, out->length))
        return error_set(err, -EINVAL, "%s is not a text", path);
    return 0;
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
    bool owner = asked == ASKED_OWNER || (asked == ASKED_EITHER && !options->server_given &&
                                          (options->socket_given ||
                                           (options->socket && !options->server)));
    if (owner && options->server_given)
        return error_set(err, -EINVAL, "--server is not for this: the owner's manager is asked, by "
                         "its --socket");
    if (!owner && options->socket_given)
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
