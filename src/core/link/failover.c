/* When the next attempt is made and at which endpoint, when what was in use is given up, and
 * when a better one has been up for long enough to take over. */
#include "core/link/failover.h"

#include <assert.h>

enum {
    retry_first_ms = 200,
    retry_last_ms = 30000,
    retry_doublings = 8,
    steady_ms = 10000, /* a use that lasted so long is no sign of a struggling server */
    conflict_ms = 30000,
};

static const uint64_t never = UINT64_MAX;

void failover_init(struct failover *failover, size_t count, uint64_t hold_down_ms,
                   uint64_t return_ms, uint64_t seed) {
    assert(count);
    *failover = (struct failover){.count = count,
                                  .hold_down_ms = hold_down_ms,
                                  .return_ms = return_ms,
                                  .hold_until_ms = never};
    prng_init(&failover->prng, seed);
}

static bool is_probing(const struct failover *failover) {
    return failover->line.state == FAILOVER_USING && failover->line.endpoint > 0;
}

enum failover_want failover_wants(const struct failover *failover, size_t endpoint) {
    const struct failover_line *line = &failover->line, *probe = &failover->probe;
    if (line->endpoint == endpoint && line->state != FAILOVER_PAUSING)
        return FAILOVER_USE;
    if (is_probing(failover) && probe->endpoint == endpoint && probe->state != FAILOVER_PAUSING)
        return FAILOVER_PROBE;
    return FAILOVER_NOTHING;
}

/* Full jitter: a login costs a server 3 to 5 ms, and all its clients lost it at the same time. */
static uint64_t pause_ms(struct failover *failover, unsigned attempts) {
    uint64_t most = (uint64_t)retry_first_ms
                    << (attempts < retry_doublings ? attempts : retry_doublings);
    return prng_below(&failover->prng, most < retry_last_ms ? most : retry_last_ms);
}

static void line_pause(struct failover_line *line, uint64_t due_ms) {
    line->state = FAILOVER_PAUSING;
    line->due_ms = due_ms;
}

/* On to the next of the first `count` endpoints; a pause only after each of them has failed. */
static void line_next(struct failover *failover, struct failover_line *line, size_t count,
                      uint64_t now_ms) {
    line->endpoint = (line->endpoint + 1) % count;
    if (++line->failures < count) {
        line_pause(line, now_ms + pause_ms(failover, 0));
        return;
    }
    line->failures = 0;
    line_pause(line, now_ms + pause_ms(failover, line->attempts++));
}

static void probe_begin(struct failover *failover, uint64_t now_ms) {
    failover->probe = (struct failover_line){.due_ms = now_ms + pause_ms(failover, 0)};
}

void failover_on_up(struct failover *failover, size_t endpoint, uint64_t now_ms) {
    struct failover_line *line = &failover->line, *probe = &failover->probe;
    if (failover_wants(failover, endpoint) == FAILOVER_USE) {
        line->state = FAILOVER_USING;
        line->since_ms = now_ms;
        line->failures = 0;
        if (is_probing(failover))
            probe_begin(failover, now_ms);
    } else if (failover_wants(failover, endpoint) == FAILOVER_PROBE) {
        probe->state = FAILOVER_USING;
        probe->since_ms = now_ms;
        probe->lasts_ms = failover->return_ms + prng_below(&failover->prng,
                                                           failover->return_ms / 2);
    }
}

static void on_use_lost(struct failover *failover, enum failover_loss loss, uint64_t now_ms) {
    struct failover_line *line = &failover->line;
    bool was_steady = line->state == FAILOVER_USING && now_ms - line->since_ms >= steady_ms;
    bool was_used = line->state == FAILOVER_USING;
    if (was_steady) {
        line->attempts = 0;
        failover->hold_until_ms = never;
    }
    if (loss == FAILOVER_CONFLICT) {
        failover->hold_until_ms = never;
        line_pause(line, now_ms + conflict_ms + pause_ms(failover, line->attempts++));
        return;
    }
    if (was_used && failover->count > 1 && failover->hold_until_ms == never)
        failover->hold_until_ms = now_ms + failover->hold_down_ms -
                                  prng_below(&failover->prng, failover->hold_down_ms / 4);
    if (was_used || failover->hold_until_ms != never || failover->count == 1)
        line_pause(line, now_ms + pause_ms(failover, line->attempts++));
    else
        line_next(failover, line, failover->count, now_ms);
}

void failover_on_lost(struct failover *failover, size_t endpoint, enum failover_loss loss,
                      uint64_t now_ms) {
    if (failover_wants(failover, endpoint) == FAILOVER_USE)
        on_use_lost(failover, loss, now_ms);
    else if (failover_wants(failover, endpoint) == FAILOVER_PROBE)
        line_next(failover, &failover->probe, failover->line.endpoint, now_ms);
}

/* The hold-down is over: what was in use is given up, an attempt under way with it. */
static void give_up(struct failover *failover, uint64_t now_ms) {
    struct failover_line *line = &failover->line;
    failover->hold_until_ms = never;
    if (line->state == FAILOVER_USING) { /* again; it has to stay so */
        if (now_ms - line->since_ms < steady_ms)
            failover->hold_until_ms = line->since_ms + steady_ms;
        return;
    }
    line->attempts = 0;
    line->failures = 0;
    line->endpoint = (line->endpoint + 1) % failover->count;
    line_pause(line, now_ms);
}

static bool probe_has_lasted(const struct failover *failover, uint64_t now_ms) {
    const struct failover_line *probe = &failover->probe;
    return is_probing(failover) && probe->state == FAILOVER_USING &&
           now_ms - probe->since_ms >= probe->lasts_ms;
}

void failover_on_tick(struct failover *failover, uint64_t now_ms) {
    struct failover_line *line = &failover->line, *probe = &failover->probe;
    if (now_ms >= failover->hold_until_ms)
        give_up(failover, now_ms);
    if (probe_has_lasted(failover, now_ms)) {
        *line = (struct failover_line){.endpoint = probe->endpoint, .due_ms = now_ms};
        failover->hold_until_ms = never;
    }
    if (line->state == FAILOVER_PAUSING && now_ms >= line->due_ms)
        line->state = FAILOVER_TRYING;
    if (is_probing(failover) && probe->state == FAILOVER_PAUSING && now_ms >= probe->due_ms)
        probe->state = FAILOVER_TRYING;
}

static uint64_t earlier(uint64_t left, uint64_t right) { return left < right ? left : right; }

uint64_t failover_deadline_ms(const struct failover *failover) {
    const struct failover_line *line = &failover->line, *probe = &failover->probe;
    uint64_t due = failover->hold_until_ms;
    if (line->state == FAILOVER_PAUSING)
        due = earlier(due, line->due_ms);
    if (is_probing(failover) && probe->state == FAILOVER_PAUSING)
        due = earlier(due, probe->due_ms);
    if (is_probing(failover) && probe->state == FAILOVER_USING)
        due = earlier(due, probe->since_ms + probe->lasts_ms);
    return due;
}
