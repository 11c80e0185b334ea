/* What hosts and clusters have in common: their connection, and whether what comes by their name is
 * believed. */
#pragma once

#include "cli/call.h"

/* A column: "up", "unreachable", with the conflict behind it where there is one. */
void sheet_add_peer(struct sheet *sheet, enum peer_state state, enum conflict conflict);

/* Leftovers: VMs that hosts or clusters have, and that are not known to be there. */
int host_leftovers(const struct options *options);
int host_adopt(const struct options *options);
int host_discard(const struct options *options);
/* What lost hosts have, or have put aside, of VMs that run elsewhere by now. */
int salvage_list(const struct options *options);
int salvage_forget(const struct options *options);

int cluster_leftovers(const struct options *options);
int cluster_adopt(const struct options *options);
int cluster_discard(const struct options *options);

/* A line with what it is and what to do; `what`: "host", "cluster". None without a conflict. */
void sheet_conflict(struct sheet *sheet, const char *what, enum conflict conflict,
                    uint64_t conflict_ms);
