/* Which marks become one when they are an hour old, and which go when there is no room. */
#include "core/upstream/usage.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

/* Of one VM: so many that are new, and so many that each stand for several. */
enum { new_most = 70, old_most = 144, of_one = 10, room_first = 8 };

struct mark {
    uint32_t at_s;
    struct usage usage;
};

struct usage_history {
    struct usage_book *book;
    struct list in_turn; /* in usage_book.all */
    struct usage_history **of;
    uint32_t old, count, room; /* the first `old` of `count` stand for several */
    struct mark *marks;
};

void usage_book_init(struct usage_book *book, uint64_t every_ms, size_t most) {
    *book = (struct usage_book){.every_ms = every_ms, .most = most ? most : limit_usage_kept};
    list_init(&book->all);
}

static void remove_marks(struct usage_history *history, uint32_t at, uint32_t count) {
    history->count -= count;
    history->book->kept -= count;
    memmove(history->marks + at, history->marks + at + count,
            (history->count - at) * sizeof(*history->marks));
}

static void remove_oldest(struct usage_history *history) {
    history->old -= history->old > 0;
    remove_marks(history, 0, 1);
}

/* On average; the time is that of the last. */
static struct mark mean(const struct mark *marks, uint32_t count) {
    uint64_t sums[6] = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct usage *usage = &marks[i].usage;
        sums[0] += usage->cpu_permille;
        sums[1] += usage->memory_mib;
        sums[2] += usage->disk_read;
        sums[3] += usage->disk_written;
        sums[4] += usage->net_received;
        sums[5] += usage->net_sent;
    }
    for (size_t i = 0; i < array_size(sums); i++)
        sums[i] /= count;
    return (struct mark){marks[count - 1].at_s,
                         {(uint32_t)sums[0], (uint32_t)sums[1], (uint32_t)sums[2],
                          (uint32_t)sums[3], (uint32_t)sums[4], (uint32_t)sums[5]}};
}

/* The oldest of the new ones become one, as far as they lie in one stretch of time. */
static void make_one(struct usage_history *history) {
    uint64_t stretch_s = of_one * history->book->every_ms / 1000;
    const struct mark *first = &history->marks[history->old];
    uint32_t count = 1;
    stretch_s = stretch_s ? stretch_s : 1;
    while (count < of_one && first[count].at_s / stretch_s == first->at_s / stretch_s)
        count++;
    history->marks[history->old] = mean(first, count);
    remove_marks(history, history->old + 1, count - 1);
    if (++history->old > old_most)
        remove_oldest(history);
}

void usage_drop(struct usage_history **of) {
    struct usage_history *history = *of;
    if (!history)
        return;
    list_remove(&history->in_turn);
    history->book->kept -= history->count;
    history->book->count--;
    memory_free(history->marks);
    memory_free(history);
    *of = NULL;
}

/* Who has more than its share gives of it, the one that has just got more before others. There are
 * such, unless there are more VMs than marks for all. */
static void make_room(struct usage_book *book, struct usage_history *history) {
    size_t share = book->most / book->count;
    while (history->count <= share) {
        history = container_of(book->all.next, struct usage_history, in_turn);
        list_remove(&history->in_turn);
        list_add(&book->all, &history->in_turn);
    }
    while (history->count > share)
        remove_oldest(history);
    if (!history->count)
        usage_drop(history->of);
}

static struct usage_history *begin(struct usage_book *book, struct usage_history **of) {
    struct usage_history *history = memory_new(1, sizeof(*history));
    history->book = book;
    history->of = of;
    list_add(&book->all, &history->in_turn);
    book->count++;
    return *of = history;
}

void usage_add(struct usage_book *book, struct usage_history **of, uint64_t wall_ms,
               const struct usage *usage) {
    struct usage_history *history = *of ? *of : begin(book, of);
    uint32_t at_s = (uint32_t)(wall_ms / 1000), count = history->count;
    uint32_t before_s = count ? history->marks[count - 1].at_s : 0;
    if (count && at_s >= before_s && (uint64_t)(at_s - before_s) * 1000 < book->every_ms / 2)
        return;
    if (at_s < before_s) /* a clock that was set: what was before stands in no order with it */
        while (history->count)
            remove_oldest(history);
    if (history->count == history->room) {
        history->room = history->room ? history->room * 2 : room_first;
        history->marks = memory_resize(history->marks, history->room * sizeof(*history->marks));
    }
    history->marks[history->count++] = (struct mark){at_s, *usage};
    book->kept++;
    if (history->count - history->old > new_most)
        make_one(history);
    if (book->kept > book->most)
        make_room(book, history);
}

void usage_check(const struct usage_book *book) {
    size_t count = 0, kept = 0;
    list_for(const struct usage_history, history, &book->all, in_turn) {
        assert(history->old <= old_most && history->count - history->old <= new_most);
        assert(*history->of == history && history->count);
        count++;
        kept += history->count;
    }
    assert(count == book->count && kept == book->kept && kept <= book->most);
}

struct usage_mark *usage_marks(const struct usage_history *history, uint32_t *out_count) {
    *out_count = history ? history->count : 0;
    struct usage_mark *marks = *out_count ? memory_new(*out_count, sizeof(*marks)) : NULL;
    for (uint32_t i = 0; i < *out_count; i++)
        marks[i] = (struct usage_mark){(uint64_t)history->marks[i].at_s * 1000,
                                       history->marks[i].usage};
    return marks;
}
