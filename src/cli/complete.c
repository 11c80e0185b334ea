/* Which words fit at the cursor: nouns, verbs, options and their values by the tables, names by one
 * page of a list, for which nobody waits long. */
#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "cli/call.h"

enum { names_seconds = 2, names_most = 200, name_size = 256 };

static const char bash[] =
    "# Completion of isthmus for bash: source <(isthmus completion bash)\n"
    "_isthmus() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} found rest\n"
    "    [[ $word == '=' ]] && word=\n"
    "    COMPREPLY=()\n"
    "    while IFS=$'\\t' read -r found rest; do\n"
    "        if [[ $found == :file ]]; then\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
    "        else\n"
    "            COMPREPLY+=(\"$found\")\n"
    "        fi\n"
    "    done < <(\"$1\" completion words -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _isthmus isthmus\n";

static const char zsh[] =
    "#compdef isthmus\n"
    "# Completion of isthmus for zsh: source <(isthmus completion zsh)\n"
    "_isthmus() {\n"
    "    local line\n"
    "    local -a found\n"
    "    while IFS= read -r line; do\n"
    "        if [[ $line == :file ]]; then\n"
    "            _files\n"
    "            return\n"
    "        fi\n"
    "        found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "    done < <(\"${(Q)words[1]}\" completion words -- \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    _describe isthmus found\n"
    "}\n"
    "if [[ $funcstack[1] == _isthmus ]]; then\n"
    "    _isthmus \"$@\"\n"
    "else\n"
    "    compdef _isthmus isthmus\n"
    "fi\n";

static const char fish[] =
    "# Completion of isthmus for fish: isthmus completion fish | source\n"
    "function __isthmus_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l current (commandline -ct)\n"
    "    for line in ($words[1] completion words -- $words[2..-1] \"$current\" 2>/dev/null)\n"
    "        if test \"$line\" = :file\n"
    "            __fish_complete_path \"$current\"\n"
    "        else\n"
    "            echo $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c isthmus -f -a '(__isthmus_complete)'\n";

static const struct {
    const char *name, *text;
} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

int complete_print(const struct options *options) {
    for (size_t i = 0; i < array_size(shells); i++)
        if (text_equal(options->words[1], shells[i].name)) {
            fputs(shells[i].text, stdout);
            return EXIT_DONE;
        }
    say("there is no completion for '%s': bash, zsh and fish have one", options->words[1]);
    return EXIT_USAGE;
}

/* What words stand for, in arguments and options, and where these are listed. */
static const struct {
    const char *word, *path, *field;
    bool is_searched; /* its list takes `name` */
} things[] = {
    {"VM", "/v1/vms", "name", true},
    {"OPERATION", "/v1/operations", "id", false},
    {"CLUSTER", "/v1/clusters", "name", true},
    {"IMAGE", "/v1/images", "name", true},
    {"SHAPE", "/v1/shapes", "name", true},
    {"NETWORKS", "/v1/networks", "name", true},
    {"TENANT", "/v1/tenants", "name", true},
    {"HOST", "/v1/hosts", "name", true},
    {"UPSTREAM", "/v1/upstreams", "name", true},
    {"STREAM", "/v1/streams", "id", false},
    {"TOKEN", "/v1/tokens", "id", false},
    {"ACCESS-TOKEN", "/v1/access-tokens", "id", false},
    {"CONTACT", "/v1/contacts", "name", true},
    {"RULE", "/v1/rules", "name", true},
    {"SSH-KEY", "/v1/ssh-keys", "name", false},
};

/* Words that are always the same. */
static const struct {
    const char *word, *values[5];
} fixed[] = {{"METHOD", {"GET", "POST", "PUT", "DELETE"}}, {"SHELL", {"bash", "zsh", "fish"}}};

/* The line up to the cursor. */
struct line {
    const struct commands *commands;
    const char *words[options_words]; /* that are no options, nor their values */
    size_t count;
    const char *current;
    const char *option; /* whose value the current word is; NULL: of none */
    char head[64];      /* "--option=", where that stands in the current word */
    char **all;
    size_t all_count;
    int result; /* of what the server was asked */
};

static void offer(const struct line *line, const char *word, const char *about) {
    if (strncmp(word, line->current, strlen(line->current)) == 0)
        printf("%s%s\t%.*s\n", line->head, word, (int)strcspn(about, "\n"), about);
}

static void offer_name(void *context, const void *record) { offer(context, record, ""); }

/* With the options that stand on the line, or those of the environment. */
static void offer_names(struct line *line, size_t thing, enum asked asked) {
    struct options options;
    struct error err;
    struct name {
        char text[name_size];
    };
    char *arguments[options_words + 2] = {(char[]){"isthmus"}}, wanted[name_size];
    size_t count = 1, before = line->all_count;
    while (line->option && !*line->head && before && line->all[--before][0] != '-')
        ; /* the option whose value is still to come */
    for (size_t i = 0; i < before && count <= options_words; i++)
        arguments[count++] = line->all[i];
    line->result = EXIT_USAGE;
    if (options_read(&options, (int)count, arguments, &err) < 0 &&
        options_read(&options, 1, arguments, &err) < 0)
        return;
    bool is_id = false;
    if (options_choose(&options, asked, &err) == 0) {
        is_id = options.socket && text_equal(things[thing].word, "VM"); /* names are tenants' */
        struct field field = {.name = is_id ? "id" : things[thing].field, .kind = FIELD_TEXT,
                              .size = name_size};
        const struct table table = {"name", "", sizeof(struct name), &field, 1};
        const struct view view = {things[thing].path, &table, "", NULL, NULL};
        struct options asked_for = {.server = options.server, .ca_file = options.ca_file,
                                    .socket = options.socket, .token = options.token,
                                    .patience_seconds = names_seconds,
                                    .limit = names_most};
        text_format(wanted, sizeof(wanted), "%.200s*", line->current);
        asked_for.name = things[thing].is_searched && !is_id ? wanted : NULL;
        line->result = view_walk(&view, &asked_for, offer_name, line);
    }
    options_deinit(&options);
}

static bool is_word(const char *word, size_t length, const char *other) {
    return strlen(other) == length && memcmp(word, other, length) == 0;
}

static void offer_argument(struct line *line, const char *word, size_t length,
                           enum asked asked) {
    if (is_word(word, length, "FILE"))
        puts(":file");
    for (size_t i = 0; i < array_size(fixed); i++)
        for (size_t k = 0; is_word(word, length, fixed[i].word) && fixed[i].values[k]; k++)
            offer(line, fixed[i].values[k], "");
    for (size_t i = 0; i < array_size(things); i++)
        if (is_word(word, length, things[i].word))
            offer_names(line, i, asked);
}

static void offer_value(struct line *line, enum asked asked) {
    const char *argument = NULL;
    const struct field *field = options_field(line->option, strlen(line->option), &argument);
    for (unsigned i = 0; field && i < field->names_count; i++)
        offer(line, field->names[i], "");
    if (argument)
        offer_argument(line, argument, strlen(argument), asked);
}

static void offer_options(const struct line *line, const char *names) {
    for (const char *end; *names; names = end + (*end == ' ')) {
        const char *argument = NULL;
        char word[64];
        end = names + strcspn(names, " ");
        const struct field *field = options_field(names, (size_t)(end - names), &argument);
        text_format(word, sizeof(word), "--%s", field->name);
        offer(line, word, field->about);
    }
}

static bool is_first(const struct commands *commands, const struct command *command) {
    const struct command *first = commands->rows;
    while (!text_equal(first->noun, command->noun))
        first++;
    return first == command;
}

/* Nouns, or a noun's verbs, each once. */
static void offer_commands(const struct line *line) {
    for (size_t i = 0; i < line->commands->count; i++) {
        const struct command *command = &line->commands->rows[i];
        bool is_here = line->count && text_equal(command->noun, line->words[0]);
        if (is_here && command->verb)
            offer(line, command->verb, command->about);
        else if (!line->count && is_first(line->commands, command))
            offer(line, command->noun, command->verb ? "" : command->about);
    }
}

static const struct command *command_of(const struct line *line) {
    for (size_t i = 0; i < line->commands->count; i++) {
        const struct command *command = &line->commands->rows[i];
        if (line->count && text_equal(command->noun, line->words[0]) &&
            (!command->verb || (line->count > 1 && text_equal(command->verb, line->words[1]))))
            return command;
    }
    return NULL;
}

/* The i-th of a command's arguments; the last one of several again and again. */
static void offer_arguments(struct line *line, const struct command *command) {
    size_t i = line->count - (command->verb ? 2 : 1);
    const char *word = command->arguments;
    while (*word) {
        size_t length = strcspn(word, " "), name = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
        bool is_several = memcmp(word + name, "…", strlen("…")) == 0;
        if (*word == '[')
            name = strspn(++word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
        if (*word == '-')
            return; /* options follow */
        if (!i || is_several) {
            offer_argument(line, word, name, command->asked);
            return;
        }
        i--;
        word += length + (word[length] == ' ');
    }
}

/* Bash makes words of their own of equals signs. */
static void read_line(struct line *line, char **words, size_t count) {
    const char *option = NULL, *argument = NULL;
    for (size_t i = 0; i + 1 < count; i++) {
        const char *word = words[i];
        if (text_equal(word, "="))
            continue;
        if (option) {
            option = NULL;
        } else if (word[0] != '-') {
            if (line->count < options_words)
                line->words[line->count++] = word;
        } else if (text_equal(word, "-o")) {
            option = "output";
        } else if (text_starts(word, "--") && !strchr(word, '=')) {
            const struct field *field = options_field(word + 2, strlen(word + 2), &argument);
            option = field && argument && *argument != '[' ? field->name : NULL;
        }
    }
    const char *current = count ? words[count - 1] : "", *equals = strchr(current, '=');
    line->option = option;
    line->current = text_equal(current, "=") ? "" : current;
    line->all = words;
    line->all_count = count ? count - 1 : 0;
    if (option || !text_starts(current, "--") || !equals)
        return;
    const struct field *field =
        options_field(current + 2, (size_t)(equals - current - 2), &argument);
    text_format(line->head, sizeof(line->head), "%.*s", (int)(equals + 1 - current), current);
    line->option = field ? field->name : "";
    line->current = equals + 1;
}

int complete_words(const struct commands *commands, char **words, size_t count) {
    struct line line = {.commands = commands};
    read_line(&line, words, count);
    const struct command *command = command_of(&line);
    if (line.option) {
        offer_value(&line, command ? command->asked : ASKED_SERVER);
    } else if (line.current[0] == '-') {
        offer_options(&line, command ? command->options : "");
        offer_options(&line, command ? options_everywhere : "help version");
    } else if (!command || (!command->verb && line.count == 1)) {
        offer_commands(&line);
        if (command)
            offer_arguments(&line, command);
    } else {
        offer_arguments(&line, command);
    }
    return line.result;
}
