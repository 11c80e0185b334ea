/* What the verbs of the command share: asking the server, and showing what it answers.
 * All return an exit code; what went wrong has been said on standard error by then. */
#pragma once

#include "cli/options.h"
#include "cli/table.h"
#include "io/http/client.h"
#include "io/http/problem.h"
#include "message/codec.h"

/* One exchange, to be filled in by the caller beyond method, path and answer. */
struct call {
    struct http_exchange http;
    struct text url;
    const char *about; /* whom a problem is about, where that is not plain; or NULL */
};

void call_init(struct call *call, const struct options *options, const char *method,
               const char *path);
void call_deinit(struct call *call);
void call_add_segment(struct call *call, const char *name);              /* "/name", escaped */
void call_add_parameter(struct call *call, const char *name, const char *value);
void call_add_number(struct call *call, const char *name, uint64_t value); /* unless 0 */

/* EXIT_DONE on a status below 400; a problem is told. */
int call_run(struct call *call);
void call_tell_problem(const struct call *call);

/* Fills *out (freed with record_clear) from the answer. */
int call_decode(const struct call *call, const struct table *table, void *out);

/* Sets one field of a request's body from a text, NULL: not at all, checked here as the server
 * would. False: it cannot be that; said. */
bool call_set(const struct table *table, void *record, const char *name, const char *value);

/* GET of one record, shown by `show`; or of a whole list, page by page, a `row` each. */
struct view {
    const char *path;
    const struct table *table;
    const char *heads; /* column heads, joined by spaces */
    void (*row)(struct sheet *sheet, const void *record);
    void (*show)(const void *record);
};

struct pick;

/* A row of the fields that are picked, or as the view has it. */
void view_add_row(const struct view *view, const struct pick *pick, struct sheet *sheet,
                  const void *record);

/* A GET of the list with the filters that were given, to be added to. */
void view_ask(const struct view *view, const struct options *options, struct call *call);

int view_show(const struct view *view, const struct options *options, const char *name);
/* All rows of the list, page by page, without a word. */
int view_walk(const struct view *view, const struct options *options,
              void (*each)(void *context, const void *record), void *context);
int view_list(const struct view *view, const struct options *options);

/* Runs the call and frees it; prints the answer as asked for, or hands its record to `show`. */
int view_finish(const struct view *view, const struct options *options, struct call *call);

/* Shows the answer that has come, or the problem; ends the call. */
int view_tell(const struct view *view, const struct options *options, struct call *call);

/* GET of the record that the third word names, into *out (freed with record_clear). */
int view_read(const struct view *view, const struct options *options, void *out);

/* A change of that record: "POST /cordon" at its path; `body` may be NULL. Shows the answer. */
int view_change(const struct view *view, const struct options *options, const char *way,
                const struct text *body);

/* POST of what is to be made, which the third word names; the rest of `create` is filled in. */
int view_create(const struct view *view, const struct options *options,
                const struct table *table, void *create);

/* DELETE of the record that the third word names; `done`: what to say of it then. */
int view_delete(const struct view *view, const struct options *options, const char *done);

/* The heads of a sheet's columns, a blank between them. */
void sheet_heads(struct sheet *sheet, const char *heads);

/* Adds "name  value" to a sheet of two columns. */
void sheet_pair(struct sheet *sheet, const char *name, const char *format, ...)
    format_checked(3, 4);

void say(const char *format, ...) format_checked(1, 2); /* "isthmus: …" on standard error */
