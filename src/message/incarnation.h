/* Incarnations: which store a daemon serves from, how often that was started, and which of its
 * starts this is. Told in hello and welcome, so that the other end sees when somebody else, or an
 * older copy, speaks by a name that it knows. */
#pragma once

#include "message/enrol.h"

/* Terms stay where raising one (core/link/incarnation.h) can always go above what a place tells. */
#define incarnation_term_most ((1ULL << 53) - 1)
#define incarnation_told_most (1ULL << 52)

struct incarnation {
    uint64_t store; /* random, drawn when the store is made or its term is raised */
    uint64_t term;  /* grows with each start; 0: nothing is told */
    uint64_t run;   /* random, drawn at each start */
};
extern const struct table incarnation_table;

/* The row of the daemon itself. */
struct own_incarnation {
    char key[limit_name_size]; /* "own" */
    struct incarnation incarnation;
    uint64_t later; /* a term above its own that places told of; 0: none */
    uint64_t lease_ms; /* a manager's: the longest lease that it may have given; 0: none */
};
extern const struct table own_incarnation_table;

/* The row of a peer: the newest of its incarnations that was believed. */
struct known_incarnation {
    char peer[limit_pin_size]; /* as in struct pin */
    struct incarnation incarnation;
};
extern const struct table known_incarnation_table;

/* Why a place is not believed, or whom it believes. */
enum conflict {
    CONFLICT_NONE,
    CONFLICT_STORE,   /* it came with another store than before */
    CONFLICT_OLDER,   /* with the known store, as it was before: a copy, or restored */
    CONFLICT_MANAGER, /* it has heard of a later manager by our name */
    CONFLICT_ADDRESS, /* somebody else takes its address */
    CONFLICT_COUNT,
};
extern const char *const conflict_names[CONFLICT_COUNT];
