/* Numbers in Prometheus's text format (exposition formats, 0.0.4): what the role told, and what is
 * counted here of requests. */
#pragma once

#include "io/rest/call.h"
#include "message/records/metrics.h"

/* The call is answered. Under the lock. */
void rest_metrics_count(struct rest *rest, const struct rest_call *call);

/* Answers with the numbers that the role has told in call->reply. */
void rest_metrics_answer(struct rest *rest, struct rest_call *call);
