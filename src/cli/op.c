/* Operations as rows and sheets. To follow one is to ask for it again and again until it has
 * ended, each time waiting up to a second for its end, and to bear with a server that is away
 * for less than a minute. */
#include "cli/op.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/explain.h"
#include "cli/watch.h"

enum { poll_seconds = 1, lost_most_seconds = 60 };

void op_print_name(const struct operation *op, char *out, size_t size) {
    text_format(out, size, "%s %s", verb_names[op->verb],
                op->vm_name[0] ? op->vm_name : op->vm);
}

static bool has_ended(const struct operation *op) {
    return op->state == OP_SUCCEEDED || op->state == OP_FAILED;
}

static uint64_t seconds_since(uint64_t from_ms) {
    uint64_t now = wall_ms();
    return now > from_ms ? (now - from_ms) / 1000 : 0;
}

static void add_row(struct sheet *sheet, const void *record) {
    const struct operation *op = record;
    bool failed = op->state == OP_FAILED;
    sheet_add(sheet, "%s", op->id);
    sheet_add(sheet, "%s", verb_names[op->verb]);
    sheet_add(sheet, "%s", op->vm_name[0] ? op->vm_name : op->vm);
    sheet_add(sheet, "%s", op_state_names[op->state]);
    sheet_add(sheet, "%s", has_ended(op) && !failed ? "-" : step_names[op->step]);
    sheet_add(sheet, "%s", failed ? code_names[op->code] : "-");
    sheet_add(sheet, "%s", words_age(op->created_ms).text);
}

static void show(const struct operation *op, enum explain_level level) {
    struct sheet sheet = {0};
    auto_clean(text_deinit) struct text waits = {0};
    explain_waits(op, level, &waits);
    sheet_pair(&sheet, "operation", "%s", op->id);
    sheet_pair(&sheet, "what", "%s", verb_names[op->verb]);
    sheet_pair(&sheet, "vm", "%s %s", op->vm_name, op->vm);
    if (op->asker[0])
        sheet_pair(&sheet, level == EXPLAIN_OWNER ? "upstream" : "tenant", "%s", op->asker);
    sheet_pair(&sheet, "state", "%s", op_state_names[op->state]);
    sheet_pair(&sheet, "asked", "%s", words_date(op->created_ms).text);
    sheet_pair(&sheet, "deadline", "%s", words_date(op->deadline_ms).text);
    if (waits.length)
        sheet_pair(&sheet, "waits for", "%s", waits.data);
    if (op->state == OP_FAILED) {
        sheet_pair(&sheet, "failed at", "%s", step_names[op->step]);
        sheet_pair(&sheet, "why", "%s", code_title(op->code));
        sheet_pair(&sheet, "what to do", "%s", code_remedy(op->code));
        if (op->why)
            sheet_pair(&sheet, "it says", "%s", op->why);
    }
    sheet_print(&sheet);
    sheet_deinit(&sheet);
    puts("");
    explain_print(op, level);
}

static void show_above(const void *record) { show(record, EXPLAIN_UPSTREAM); }
static void show_owned(const void *record) { show(record, EXPLAIN_OWNER); }

static const char heads[] = "OPERATION WHAT VM STATE STEP CODE AGE";
static const struct view view = {"/v1/operations", &operation_table, heads, add_row, show_above};
static const struct view owned = {"/v1/operations", &hosted_operation_table, heads, add_row,
                                  show_owned};

static const struct view *view_of(const struct options *options) {
    return options->socket ? &owned : &view;
}

int op_list(const struct options *options) { return watch_or_list(view_of(options), options); }

int op_show(const struct options *options) {
    return view_show(view_of(options), options, options->words[2]);
}

/* What a person sees while it goes on. */
struct progress_line {
    bool is_live;
    uint32_t told; /* timeline entries that were printed */
    uint64_t began_ms;
};

static void progress_show(struct progress_line *line, const struct operation *op) {
    char name[128];
    op_print_name(op, name, sizeof(name));
    if (line->is_live) {
        auto_clean(text_deinit) struct text waits = {0};
        explain_waits(op, EXPLAIN_UPSTREAM, &waits);
        fprintf(stderr, "\r\033[K%s: %s, %llu s%s%s", name, step_names[op->step],
                (unsigned long long)seconds_since(line->began_ms),
                waits.length ? ", waits for " : "", text_data(&waits));
        return;
    }
    for (; line->told < op->timeline_count; line->told++) {
        const struct timeline_entry *entry = &op->timeline[line->told];
        fprintf(stderr, "%s: %s%s%s\n", name, step_names[entry->step], entry->place ? " " : "",
                entry->place ? entry->place : "");
    }
}

static void progress_end(const struct progress_line *line) {
    if (line->is_live)
        fputs("\r\033[K", stderr);
}

/* One look at the operation. A server that is away for a moment (a restart) is asked again. */
static int look(const struct options *options, struct operation *op, struct text *answer) {
    char id[limit_id_size];
    struct operation newer;
    struct error err = {0};
    uint64_t began_ms = wall_ms();
    int result = EXIT_UNREACHABLE;
    memcpy(id, op->id, sizeof(id));
    while (result == EXIT_UNREACHABLE) {
        struct call call;
        call_init(&call, options, "GET", view.path);
        call_add_segment(&call, id);
        call_add_number(&call, "wait", poll_seconds);
        call.http.url = call.url.data;
        bool is_lost = http_call(&call.http, &err) < 0 || call.http.status == 503;
        if (is_lost && seconds_since(began_ms) < lost_most_seconds) {
            (void)poll(NULL, 0, poll_seconds * 1000);
        } else if (call.http.status == 0) {
            say("%s", err.text);
            call_deinit(&call);
            return EXIT_UNREACHABLE;
        } else if (call.http.status >= 400) {
            call_tell_problem(&call);
            result = EXIT_REFUSED;
        } else if ((result = call_decode(&call, &operation_table, &newer)) == EXIT_DONE) {
            record_clear(&operation_table, op);
            *op = newer;
            text_clear(answer);
            text_add(answer, text_data(&call.http.answer));
        }
        call_deinit(&call);
    }
    return result;
}

static int tell_end(const struct operation *op) {
    char name[128];
    if (op->state == OP_SUCCEEDED)
        return EXIT_DONE;
    op_print_name(op, name, sizeof(name));
    if (op->state != OP_FAILED) {
        say("%s is still under way", name);
        fprintf(stderr, "  what to do: isthmus op show %s\n", op->id);
        return EXIT_REFUSED;
    }
    say("%s failed at '%s': %s", name, step_names[op->step], code_title(op->code));
    fprintf(stderr, "  what to do: %s\n", code_remedy(op->code));
    return EXIT_REFUSED;
}

int op_follow(const struct options *options, struct operation *op, struct text *answer) {
    struct progress_line line = {
        .is_live = isatty(STDERR_FILENO),
        .began_ms = wall_ms(),
    };
    int result = EXIT_DONE;
    progress_show(&line, op);
    while (result == EXIT_DONE && !has_ended(op)) {
        if (options->wait_seconds && seconds_since(line.began_ms) >= options->wait_seconds)
            break;
        result = look(options, op, answer);
        if (result == EXIT_DONE)
            progress_show(&line, op);
    }
    progress_end(&line);
    return result == EXIT_DONE ? tell_end(op) : result;
}
