/* An image's file on its way in: into a temporary one, checked on a thread of its own, then
 * recorded by the role. */
#pragma once

#include "io/rest/call.h"

enum http_next rest_upload_begin(struct rest *rest, struct rest_call *call);
enum http_next rest_upload_piece(struct rest_call *call, const char *bytes, size_t length);
enum http_next rest_upload_complete(struct rest_call *call);
enum http_next rest_upload_resumed(struct rest_call *call);

/* How far one is: the role is asked who the caller is, then that is shown. */
enum http_next rest_upload_ask(struct rest *rest, struct rest_call *call);
enum http_next rest_upload_show(struct rest *rest, struct rest_call *call);
void rest_upload_close(struct rest_call *call); /* under rest->lock */
void rest_upload_sweep(const char *folder);     /* removes what a crash left half-made */
