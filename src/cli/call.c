/* How an answer becomes output: problems as words with a remedy, records as a sheet, a name or
 * the server's own JSON, lists page by page. */
#include "cli/call.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "message/query/pick.h"

void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("isthmus: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

void call_init(struct call *call, const struct options *options, const char *method,
               const char *path) {
    *call = (struct call){.http = {.method = method,
                                   .token = options->socket ? NULL : text_data(&options->token),
                                   .ca_file = options->ca_file, .socket = options->socket,
                                   .connect_seconds = options->patience_seconds,
                                   .idle_seconds = options->patience_seconds,
                                   .upload_fd = -1,
                                   .download_fd = -1},
                          .about = options->about};
    size_t length = strlen(options->server);
    while (length && options->server[length - 1] == '/')
        length--;
    text_add_bytes(&call->url, options->server, length);
    text_add(&call->url, path);
}

void call_deinit(struct call *call) {
    text_deinit(&call->url);
    text_deinit(&call->http.answer);
}

static void add_escaped(struct text *url, const char *value) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~";
    for (; *value; value++)
        if (strchr(plain, *value))
            text_add_bytes(url, value, 1);
        else
            text_addf(url, "%%%02X", (unsigned char)*value);
}

void call_add_segment(struct call *call, const char *name) {
    text_add(&call->url, "/");
    add_escaped(&call->url, name);
}

void call_add_parameter(struct call *call, const char *name, const char *value) {
    if (!value)
        return;
    text_addf(&call->url, "%c%s=", strchr(call->url.data, '?') ? '&' : '?', name);
    add_escaped(&call->url, value);
}

void call_add_number(struct call *call, const char *name, uint64_t value) {
    char digits[24];
    text_format(digits, sizeof(digits), "%llu", (unsigned long long)value);
    call_add_parameter(call, name, value ? digits : NULL);
}

void call_tell_problem(const struct call *call) {
    struct problem problem;
    struct codec_fault fault;
    const struct text *answer = &call->http.answer;
    if (codec_decode(&problem_table,
                     &(struct codec_input){text_data(answer), answer->length, FIELD_API,
                                           CODEC_IGNORE_UNKNOWN},
                     &problem, &fault)) {
        say("%s answered status %ld, but not as an Isthmus does", call->url.data,
            call->http.status);
        fprintf(stderr, "  what to do: check the address in --server or ISTHMUS_SERVER\n");
        return;
    }
    say("%s%s%s%s%s", call->about ? call->about : "", call->about ? ": " : "", problem.title,
        problem.detail[0] ? ": " : "", problem.detail);
    fprintf(stderr, "  what to do: %s\n", problem.remedy);
}

int call_run(struct call *call) {
    struct error err;
    call->http.url = call->url.data;
    int result = http_call(&call->http, &err);
    if (result < 0) {
        say("%s", err.text);
        return EXIT_UNREACHABLE;
    }
    if (call->http.status < 400)
        return EXIT_DONE;
    call_tell_problem(call);
    return EXIT_REFUSED;
}

int call_decode(const struct call *call, const struct table *table, void *out) {
    struct codec_fault fault;
    const struct text *answer = &call->http.answer;
    if (codec_decode(table,
                     &(struct codec_input){text_data(answer), answer->length, FIELD_API,
                                           CODEC_IGNORE_UNKNOWN},
                     out, &fault) == 0)
        return EXIT_DONE;
    say("the answer of %s cannot be read: %s %s", call->url.data, fault.field, fault.text);
    fprintf(stderr, "  what to do: check the address; use the command of the server's version\n");
    return EXIT_REFUSED;
}

void sheet_pair(struct sheet *sheet, const char *name, const char *format, ...) {
    char value[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    sheet->columns = 2;
    sheet_add(sheet, "%s", name);
    sheet_add(sheet, "%s", value);
}

static int finish(const struct view *view, const struct options *options, struct call *call,
                  int result) {
    if (result == EXIT_DONE && options->output == OUTPUT_JSON) {
        puts(text_data(&call->http.answer));
    } else if (result == EXIT_DONE) {
        void *record = memory_new(1, view->table->size);
        result = call_decode(call, view->table, record);
        if (result == EXIT_DONE && options->output == OUTPUT_NAME)
            puts((const char *)record + view->table->fields[0].offset);
        else if (result == EXIT_DONE)
            view->show(record);
        record_clear(view->table, record);
        memory_free(record);
    }
    call_deinit(call);
    return result;
}

int view_finish(const struct view *view, const struct options *options, struct call *call) {
    int result = call_run(call);
    return finish(view, options, call, result);
}

int view_tell(const struct view *view, const struct options *options, struct call *call) {
    int result = call->http.status < 400 ? EXIT_DONE : EXIT_REFUSED;
    if (result != EXIT_DONE)
        call_tell_problem(call);
    return finish(view, options, call, result);
}

int view_show(const struct view *view, const struct options *options, const char *name) {
    struct call call;
    call_init(&call, options, "GET", view->path);
    if (name)
        call_add_segment(&call, name);
    return view_finish(view, options, &call);
}

int view_read(const struct view *view, const struct options *options, void *out) {
    struct call call;
    call_init(&call, options, "GET", view->path);
    call_add_segment(&call, options->words[2]);
    int result = call_run(&call);
    if (result == EXIT_DONE)
        result = call_decode(&call, view->table, out);
    call_deinit(&call);
    return result;
}

int view_change(const struct view *view, const struct options *options, const char *way,
                const struct text *body) {
    struct call call;
    char method[8] = "";
    size_t length = strcspn(way, " ");
    memcpy(method, way, length < sizeof(method) - 1 ? length : sizeof(method) - 1);
    call_init(&call, options, method, view->path);
    call_add_segment(&call, options->words[2]);
    text_add(&call.url, way + length + 1);
    if (body) {
        call.http.content_type = "application/json";
        call.http.body = text_data(body);
    }
    return view_finish(view, options, &call);
}

bool call_set(const struct table *table, void *record, const char *name,
              const char *value) {
    const struct field *field = field_find(table, name);
    struct codec_fault fault;
    if (!value || !field || !codec_field_from_text(field, value, record, &fault))
        return true;
    if (field->mask & FIELD_SECRET)
        say("%s %s", name, fault.text);
    else
        say("%s '%s' %s", name, value, fault.text);
    return false;
}

int view_create(const struct view *view, const struct options *options,
                const struct table *table, void *create) {
    const struct field *name = &table->fields[0];
    struct codec_fault fault;
    struct call call;
    struct text body = {0};
    if (codec_field_from_text(name, options->words[2], create, &fault)) {
        say("%s '%s' %s", name->name, options->words[2], fault.text);
        return EXIT_USAGE;
    }
    codec_encode(table, create, FIELD_API, &body);
    call_init(&call, options, "POST", view->path);
    call.http.content_type = "application/json";
    call.http.body = text_data(&body);
    int result = view_finish(view, options, &call);
    text_deinit(&body);
    return result;
}

int view_delete(const struct view *view, const struct options *options, const char *done) {
    struct call call;
    call_init(&call, options, "DELETE", view->path);
    call_add_segment(&call, options->words[2]);
    int result = call_run(&call);
    if (result == EXIT_DONE && options->output == OUTPUT_TABLE)
        printf("%s %s: %s\n", options->words[0], options->words[2], done);
    call_deinit(&call);
    return result;
}

/* A list on its way, page by page, whatever its rows are. */
struct listing {
    const struct view *view;
    const struct options *options;
    struct pick pick;
    struct sheet sheet;
    void (*each)(void *context, const void *record); /* instead of showing it; NULL: it is shown */
    void *context;
    uint32_t left; /* rows that are still wanted */
    char next[limit_cursor_size];
};

struct page {
    char *items;
    uint32_t items_count;
    char next[limit_cursor_size];
};

static void add_cell(struct sheet *sheet, const struct field *field, const char *record) {
    auto_clean(text_deinit) struct text inside = {0};
    const char *end = strrchr(field->name, '_');
    uint32_t count;
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BLOB:
        sheet_add(sheet, "%s", field_text(field, record));
        break;
    case FIELD_U32:
    case FIELD_U64:
        if (end && text_equal(end, "_ms"))
            sheet_add(sheet, "%s", words_date(field_number(field, record)).text);
        else
            sheet_add(sheet, "%llu", (unsigned long long)field_number(field, record));
        break;
    case FIELD_FLAG:
        sheet_add(sheet, "%s", field_number(field, record) ? "yes" : "no");
        break;
    case FIELD_ENUM:
        sheet_add(sheet, "%s", field->names[field_number(field, record)]);
        break;
    case FIELD_RECORD:
        codec_encode(field->table, record + field->offset, FIELD_API, &inside);
        sheet_add(sheet, "%s", text_data(&inside));
        break;
    case FIELD_LIST:
        memcpy(&count, record + field->count_offset, sizeof(count));
        sheet_add(sheet, "%u", count);
        break;
    }
}

static bool is_picked(const struct listing *listing) {
    return listing->pick.table.fields == listing->pick.fields;
}

static void add_heads(struct listing *listing) {
    const struct table *rows = &listing->pick.table;
    if (!is_picked(listing))
        sheet_heads(&listing->sheet, listing->view->heads);
    for (size_t i = 0; is_picked(listing) && i < rows->fields_count; i++) {
        char head[limit_name_size];
        text_set_sized(head, sizeof(head), rows->fields[i].name);
        for (char *at = head; *at; at++)
            *at = (char)toupper((unsigned char)*at);
        sheet_add(&listing->sheet, "%s", head);
        listing->sheet.columns++;
    }
}

void view_add_row(const struct view *view, const struct pick *pick, struct sheet *sheet,
                  const void *record) {
    if (pick->table.fields != pick->fields)
        view->row(sheet, record);
    else
        for (size_t i = 0; i < pick->table.fields_count; i++)
            add_cell(sheet, &pick->fields[i], record);
}

static void add_row(struct listing *listing, const char *record) {
    if (listing->each)
        listing->each(listing->context, record);
    else if (listing->options->output == OUTPUT_NAME)
        puts(record + listing->pick.table.fields[0].offset);
    else if (listing->options->output == OUTPUT_TABLE)
        view_add_row(listing->view, &listing->pick, &listing->sheet, record);
}

static int take_page(struct listing *listing, const struct call *call) {
    const struct table *rows = &listing->pick.table;
    const struct field fields[] = {
        {.name = "items", .kind = FIELD_LIST, .offset = offsetof(struct page, items),
         .count_offset = offsetof(struct page, items_count), .size = rows->size,
         .most = limit_page, .table = rows},
        {.name = "next", .kind = FIELD_TEXT, field_at(struct page, next)},
    };
    const struct table table = {"page", "", sizeof(struct page), fields, array_size(fields)};
    struct page page;
    int result = call_decode(call, &table, &page);
    if (result != EXIT_DONE)
        return result;
    for (uint32_t i = 0; i < page.items_count; i++)
        add_row(listing, page.items + i * rows->size);
    listing->left -= page.items_count < listing->left ? page.items_count : listing->left;
    text_set(listing->next, page.next);
    record_clear(&table, &page);
    return EXIT_DONE;
}

void sheet_heads(struct sheet *sheet, const char *heads) {
    for (size_t length; *heads; heads += length + (heads[length] == ' ')) {
        length = strcspn(heads, " ");
        sheet_add(sheet, "%.*s", (int)length, heads);
        sheet->columns++;
    }
}

void view_ask(const struct view *view, const struct options *options, struct call *call) {
    const struct {
        const char *name, *value;
    } given[] = {{"tenant", options->tenant},      {"vm", options->vm},
                 {"host", options->host},
                 {"upstream", options->upstream},  {"place", options->place},
                 {"state", options->state},        {"name", options->name},
                 {"cluster", options->cluster},    {"image", options->image},
                 {"labels", options->labels},      {"fields", options->fields},
                 {"sort", options->sort ? sort_names[options->sort] : NULL}};
    call_init(call, options, "GET", view->path);
    for (size_t i = 0; i < array_size(given); i++)
        call_add_parameter(call, given[i].name, given[i].value);
}

static int list_pages(struct listing *listing) {
    int result;
    do {
        struct call call;
        view_ask(listing->view, listing->options, &call);
        call_add_number(&call, "limit", listing->left < limit_page ? listing->left : limit_page);
        call_add_parameter(&call, "after", listing->next[0] ? listing->next : NULL);
        result = call_run(&call);
        if (result == EXIT_DONE && !listing->each && listing->options->output == OUTPUT_JSON)
            puts(text_data(&call.http.answer));
        if (result == EXIT_DONE)
            result = take_page(listing, &call);
        call_deinit(&call);
    } while (result == EXIT_DONE && listing->next[0] && listing->left);
    return result;
}

int view_walk(const struct view *view, const struct options *options,
              void (*each)(void *context, const void *record), void *context) {
    struct listing listing = {.view = view, .options = options, .each = each, .context = context,
                              .left = options->limit ? options->limit : UINT32_MAX};
    listing.pick.table = *view->table;
    return list_pages(&listing);
}

int view_list(const struct view *view, const struct options *options) {
    struct listing listing = {.view = view, .options = options,
                              .left = options->limit ? options->limit : UINT32_MAX};
    struct codec_fault fault;
    const char *fields = options->fields ? options->fields : "";
    if (!pick_make(&listing.pick, view->table, fields, &fault)) {
        say("--fields %s", fault.text);
        return EXIT_USAGE;
    }
    if (options->output == OUTPUT_TABLE)
        add_heads(&listing);
    int result = list_pages(&listing);
    if (result == EXIT_DONE && options->output == OUTPUT_TABLE)
        sheet_print(&listing.sheet);
    sheet_deinit(&listing.sheet);
    return result;
}
