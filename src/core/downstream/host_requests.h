/* The owner's requests about one host. */
#pragma once

#include "message/owner.h"

struct call;
struct downstream;
struct peer;

/* The owner's requests about one host. */
void downstream_on_host(const struct call *call);

/* A VM that a host has becomes an upstream manager's. */
void downstream_adopt(const struct call *call);
struct owned_host downstream_show_host(const struct peer *peer); /* cleared by the caller */

/* The owner's decisions of before, from the store. */
void downstream_load_host(struct downstream *downstream, const struct host_decision *record);
