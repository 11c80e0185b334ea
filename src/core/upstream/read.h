/* Requests that change nothing: lists and single records. */
#pragma once

struct call;

/* Lists and single records: whatever changes nothing. */
void upstream_read(const struct call *call);
