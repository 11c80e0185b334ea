/* The role's reply as an answer. */
#pragma once

#include "io/rest/call.h"

/* Answers with the call's reply, and frees it. */
void rest_answer_reply(struct rest *rest, struct rest_call *call);

/* Answers with one record. */
void rest_answer_record(struct rest_call *call, unsigned status, const struct table *table,
                        const void *data);
