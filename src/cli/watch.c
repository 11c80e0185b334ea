/* How events are read from the stream, what is shown of each, and how a stream that ended is taken
 * up again: with the newest revision that was heard. */
#include "cli/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "message/owner.h"
#include "message/query/pick.h"

enum { idle_seconds = 90, again_ms = 1000, line_most = 1 << 20 };

struct stream {
    const struct options *options;
    const struct view *view; /* NULL: events of all kinds */
    struct pick pick;
    struct text line, data;
    char event[16], id[limit_cursor_size];
    bool is_terminal, is_stale; /* stale: what is drawn is not what is there */
    int result;
};

/* One change, in the form that was asked for. */
static void print_data(const struct stream *stream) {
    if (stream->options->output == OUTPUT_JSON)
        printf("{\"event\":\"%s\",\"data\":%s}\n", stream->event, text_data(&stream->data));
}

static bool decode(const struct stream *stream, const struct table *table, void *out) {
    struct codec_fault fault;
    return codec_decode(table,
                        &(struct codec_input){text_data(&stream->data), stream->data.length,
                                              FIELD_API, CODEC_IGNORE_UNKNOWN},
                        out, &fault) == 0;
}

static void print_row(const struct stream *stream) {
    const struct table *table = &stream->pick.table;
    const struct table key_alone = {"key", "", table->size, table->fields, 1};
    bool is_removed = text_equal(stream->event, "removed");
    void *record = memory_new(1, table->size);
    struct sheet sheet = {0};
    if (!decode(stream, is_removed ? &key_alone : table, record)) {
        memory_free(record);
        return;
    }
    const char *key = (const char *)record + table->fields[0].offset;
    if (is_removed) {
        printf("removed  %s\n", key);
    } else if (stream->options->output == OUTPUT_NAME) {
        puts(key);
    } else {
        sheet_heads(&sheet, stream->view->heads); /* for the number of columns */
        size_t heads = sheet.count;
        view_add_row(stream->view, &stream->pick, &sheet, record);
        for (size_t i = heads; i < sheet.count; i++)
            printf("%s%s", sheet.cells[i], i + 1 < sheet.count ? "  " : "\n");
    }
    sheet_deinit(&sheet);
    record_clear(table, record);
    memory_free(record);
}

struct told {
    char kind[16];
    struct vm vm;
    struct operation op;
    struct {
        char id[limit_name_size];
        char name[limit_name_size];
    } other;
};

/* The event's thing as a record of this table, at `offset`. */
static bool decode_item(const struct stream *stream, const struct table *table, size_t offset,
                        struct told *told) {
    const struct field item = {.name = "item", .kind = FIELD_RECORD, .offset = offset,
                               .size = table->size, .table = table};
    const struct table whole = {"told", "", sizeof(*told), &item, 1};
    return decode(stream, &whole, told);
}

static void print_other(const struct stream *stream, const char *kind) {
    static const struct field fields[] = {
        {.name = "id", .kind = FIELD_TEXT, field_at(struct told, other.id)},
        {.name = "name", .kind = FIELD_TEXT, field_at(struct told, other.name)},
    };
    const struct table table = {"other", "", sizeof(struct told), field_rows(fields)};
    struct told told;
    if (decode_item(stream, &table, 0, &told))
        printf("%s  %s  %s  %s\n", words_date(wall_ms()).text, stream->event, kind,
               told.other.name[0] ? told.other.name : told.other.id);
}

static void print_event(const struct stream *stream) {
    static const struct field kind_field = {.name = "kind", .kind = FIELD_TEXT,
                                            field_at(struct told, kind)};
    static const struct table kind_alone = {"kind", "", sizeof(struct told), &kind_field, 1};
    struct told told;
    char kind[sizeof(told.kind)];
    if (!decode(stream, &kind_alone, &told))
        return;
    text_set(kind, told.kind);
    bool is_owner = stream->options->socket;
    bool is_changed = text_equal(stream->event, "changed");
    if (is_changed && text_equal(kind, "operation") &&
        decode_item(stream, is_owner ? &hosted_operation_table : &operation_table,
                    offsetof(struct told, op), &told)) {
        const struct operation *op = &told.op;
        printf("%s  operation  %s  %s %s  %s  %s%s%s\n", words_date(wall_ms()).text, op->id,
               verb_names[op->verb], op->vm_name[0] ? op->vm_name : op->vm,
               op_state_names[op->state], step_names[op->step],
               op->state == OP_FAILED ? "  " : "", op->state == OP_FAILED ? code_names[op->code]
                                                                          : "");
        record_clear(&operation_table, &told.op);
    } else if (is_changed && !is_owner && text_equal(kind, "vm") &&
               decode_item(stream, &vm_table, offsetof(struct told, vm), &told)) {
        printf("%s  vm  %s  %s  %s  %s\n", words_date(wall_ms()).text, told.vm.id, told.vm.name,
               vm_state_names[told.vm.state], told.vm.place[0] ? told.vm.place : "-");
        record_clear(&vm_table, &told.vm);
    } else {
        print_other(stream, kind);
    }
}

static void draw(struct stream *stream) {
    struct options once = *stream->options;
    if (stream->is_terminal)
        fputs("\033[H\033[2J", stdout);
    once.watch = false;
    stream->result = view_list(stream->view, &once);
    stream->is_stale = false;
}

static void take_event(struct stream *stream) {
    bool is_change = text_equal(stream->event, "changed") || text_equal(stream->event, "removed");
    bool is_first = text_equal(stream->event, "reset") ||
                    (text_equal(stream->event, "bookmark") && !stream->is_stale &&
                     stream->result < 0);
    if (stream->view && (is_first || (is_change && stream->is_terminal)))
        stream->is_stale = true;
    else if (is_change && stream->options->output == OUTPUT_JSON)
        print_data(stream);
    else if (is_change && stream->view)
        print_row(stream);
    else if (is_change)
        print_event(stream);
}

static void take_line(struct stream *stream) {
    const char *line = text_data(&stream->line);
    if (!*line) {
        if (stream->event[0])
            take_event(stream);
        stream->event[0] = 0;
        text_clear(&stream->data);
    } else if (text_starts(line, "event: ")) {
        text_format(stream->event, sizeof(stream->event), "%s", line + strlen("event: "));
    } else if (text_starts(line, "id: ")) {
        text_format(stream->id, sizeof(stream->id), "%s", line + strlen("id: "));
    } else if (text_starts(line, "data: ")) {
        text_add(&stream->data, line + strlen("data: "));
    }
    text_clear(&stream->line);
}

static void take_bytes(void *context, const char *bytes, size_t length) {
    struct stream *stream = context;
    for (size_t i = 0; i < length; i++)
        if (bytes[i] == '\n')
            take_line(stream);
        else
            text_add_bytes(&stream->line, bytes + i, 1);
    if (stream->is_stale)
        draw(stream);
    fflush(stdout);
}

/* One connection; EXIT_DONE: it ended, and may be taken up again. */
static int listen_once(struct stream *stream, struct call *call, struct error *err) {
    call->http.on_data = take_bytes;
    call->http.context = stream;
    call->http.idle_seconds = idle_seconds;
    call_add_parameter(call, "after", stream->id[0] ? stream->id : NULL);
    call->http.url = call->url.data;
    text_clear(&stream->line);
    text_clear(&stream->data);
    int result = http_call(&call->http, err);
    if (result == 0 && call->http.status >= 400) {
        call_tell_problem(call);
        return EXIT_REFUSED;
    }
    return result == -ECONNREFUSED && !stream->id[0] ? EXIT_UNREACHABLE : EXIT_DONE;
}

static int listen_on(struct stream *stream, void (*ask)(const struct stream *, struct call *)) {
    struct error err = {0};
    int result;
    stream->is_terminal = isatty(STDOUT_FILENO) && stream->options->output == OUTPUT_TABLE;
    stream->line.limit = stream->data.limit = line_most;
    stream->result = -1; /* nothing is drawn yet */
    do {
        struct call call;
        ask(stream, &call);
        result = listen_once(stream, &call, &err);
        call_deinit(&call);
        if (result == EXIT_DONE && !ferror(stdout))
            (void)poll(NULL, 0, again_ms);
    } while (result == EXIT_DONE && !ferror(stdout));
    if (result == EXIT_UNREACHABLE)
        say("%s", err.text);
    text_deinit(&stream->line);
    text_deinit(&stream->data);
    return result;
}

static void ask_list(const struct stream *stream, struct call *call) {
    view_ask(stream->view, stream->options, call);
    call_add_parameter(call, "watch", "true");
}

static void ask_events(const struct stream *stream, struct call *call) {
    call_init(call, stream->options, "GET", "/v1/events");
    call_add_parameter(call, "vm", stream->options->vm);
}

int watch_list(const struct view *view, const struct options *options) {
    struct stream stream = {.options = options, .view = view};
    struct codec_fault fault;
    if (!pick_make(&stream.pick, view->table, options->fields ? options->fields : "", &fault)) {
        say("--fields %s", fault.text);
        return EXIT_USAGE;
    }
    return listen_on(&stream, ask_list);
}

int watch_events(const struct options *options) {
    struct stream stream = {.options = options};
    return listen_on(&stream, ask_events);
}
