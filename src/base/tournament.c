/* A changed score is played up the tree until a round ends as before. The best but for a few is
 * found in the gaps between the excluded ones, each a range of the tree. */
#include "base/tournament.h"

#include <assert.h>

#include "base/memory.h"

void tournament_init(struct tournament *tournament, size_t count) {
    *tournament = (struct tournament){.count = count, .leaves = 2};
    while (tournament->leaves < count)
        tournament->leaves *= 2;
    assert(tournament->leaves <= UINT32_MAX);
    tournament->scores = memory_new(count, sizeof(*tournament->scores));
    tournament->winners = memory_new(tournament->leaves, sizeof(*tournament->winners));
    for (size_t node = tournament->leaves - 1; node; node--) /* all are equal: the first of each */
        tournament->winners[node] = node >= tournament->leaves / 2
                                        ? (uint32_t)(node * 2 - tournament->leaves)
                                        : tournament->winners[node * 2];
}

void tournament_deinit(struct tournament *tournament) {
    memory_free(tournament->scores);
    memory_free(tournament->winners);
    *tournament = (struct tournament){0};
}

/* Who came out of a node: a leaf is its own winner, and one beyond the last entrant nobody. */
static size_t winner_at(const struct tournament *tournament, size_t node) {
    return node >= tournament->leaves ? node - tournament->leaves : tournament->winners[node];
}

/* `left` stands before `right`. */
static size_t better(const struct tournament *tournament, size_t left, size_t right) {
    if (right >= tournament->count)
        return left;
    return left >= tournament->count || tournament->scores[left] < tournament->scores[right]
               ? right
               : left;
}

void tournament_set(struct tournament *tournament, size_t entrant, int64_t score) {
    if (tournament->scores[entrant] == score)
        return;
    tournament->scores[entrant] = score;
    for (size_t node = (entrant + tournament->leaves) / 2; node; node /= 2) {
        size_t before = tournament->winners[node];
        size_t now = better(tournament, winner_at(tournament, node * 2),
                            winner_at(tournament, node * 2 + 1));
        tournament->winners[node] = (uint32_t)now;
        if (before == now && now != entrant)
            return; /* it lost here before, too */
    }
}

/* The best of entrants `from` to `until` - 1 (bottom up, as in any segment tree). */
static size_t best_between(const struct tournament *tournament, size_t from, size_t until) {
    size_t left = tournament->count, right = tournament->count;
    size_t low = from + tournament->leaves, high = until + tournament->leaves;
    for (; low < high; low /= 2, high /= 2) {
        if (low & 1)
            left = better(tournament, left, winner_at(tournament, low++));
        if (high & 1)
            right = better(tournament, winner_at(tournament, --high), right);
    }
    return better(tournament, left, right);
}

/* The lowest excluded entrant from `from` on, or `count`. */
static size_t next_excluded(const struct tournament *tournament,
                            struct tournament_excluded excluded, size_t from) {
    size_t next = tournament->count;
    for (size_t i = 0; i < excluded.count; i++)
        if (excluded.entrants[i] >= from && excluded.entrants[i] < next)
            next = excluded.entrants[i];
    return next;
}

size_t tournament_best(const struct tournament *tournament, struct tournament_excluded excluded) {
    assert(excluded.count <= tournament_excluded_most);
    size_t best = tournament->count;
    if (!excluded.count && tournament->count)
        best = tournament->winners[1];
    for (size_t from = 0; excluded.count && from < tournament->count;) {
        size_t until = next_excluded(tournament, excluded, from);
        best = better(tournament, best, best_between(tournament, from, until));
        from = until + 1;
    }
    return best < tournament->count && tournament->scores[best] > 0 ? best : tournament->count;
}
