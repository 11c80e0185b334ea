/* The page's files, for browsers: read once at the start, so that no request opens a file. What
 * stands in the folder itself is asked anew each time, and mostly not sent again (ETag); what is in
 * a folder below it is in one that has a digest for its name, and is kept for a year. */
#pragma once

#include "base/error.h"
#include "io/http/server.h"

struct web_page;

enum web_page_seal { WEB_PAGE_PLAIN, WEB_PAGE_SEALED };

/* NULL with `err`: the folder cannot be read, or holds what no page has. */
struct web_page *web_page_open(const char *folder, enum web_page_seal seal, struct error *err);
void web_page_free(struct web_page *page);

/* Answers a GET or HEAD of one of the files; false: there is none of this path. */
bool web_page_answer(const struct web_page *page, struct http_request *request);
