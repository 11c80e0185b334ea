/* The rooms' common ground: containers against naive models over random histories, texts that
 * cannot overrun, errors that keep their context. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/prng.h"
#include "base/text.h"
#include "base/tournament.h"

enum { steps = 20000, keys = 200 };

/* A model of the map: who is in, by the key's number. */
struct shelf {
    char names[keys][12];
    int values[keys];
    bool in[keys];
    size_t count;
};

static void a_map_holds_what_was_put_and_not_removed(void **state) {
    (void)state;
    struct map map;
    struct prng prng;
    auto_clean(memory_clean) struct shelf *shelf = memory_new(1, sizeof(*shelf));
    map_init(&map, 7);
    prng_init(&prng, 1);
    for (size_t i = 0; i < keys; i++)
        text_format(shelf->names[i], sizeof(shelf->names[i]), "key-%zu", i);
    for (size_t step = 0; step < steps; step++) {
        size_t i = prng_below(&prng, step % 4000 < 2000 ? keys : 10); /* grows and shrinks */
        void *wanted = shelf->in[i] ? &shelf->values[i] : NULL;
        char same[12]; /* the key's text counts, not its address */
        text_format(same, sizeof(same), "%s", shelf->names[i]);
        assert_ptr_equal(map_get(&map, same), wanted);
        if (shelf->in[i])
            assert_ptr_equal(map_remove(&map, same), wanted);
        else
            map_put(&map, shelf->names[i], &shelf->values[i]);
        shelf->count += shelf->in[i] ? SIZE_MAX : 1;
        shelf->in[i] = !shelf->in[i];
        assert_int_equal(map.count, shelf->count);
        assert_true(map.used >= map.count && map.used < map.capacity);
    }
    for (size_t i = 0; i < keys; i++)
        assert_ptr_equal(map_get(&map, shelf->names[i]), shelf->in[i] ? &shelf->values[i] : NULL);
    map_deinit(&map);
}

static void a_map_that_only_turns_over_does_not_grow(void **state) {
    (void)state;
    struct map map;
    map_init(&map, 1);
    static const char *const names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < steps; i++) {
        map_put(&map, names[i % 4], &map);
        assert_ptr_equal(map_remove(&map, names[i % 4]), &map);
    }
    assert_true(map.capacity <= 16);
    map_deinit(&map);
}

static void an_empty_map_knows_nothing(void **state) {
    (void)state;
    struct map map;
    map_init(&map, 1);
    assert_null(map_get(&map, ""));
    assert_null(map_remove(&map, "a"));
    map_put(&map, "", &map); /* the empty text is a key like any other */
    assert_ptr_equal(map_get(&map, ""), &map);
    assert_null(map_get(&map, "a"));
    map_deinit(&map);
}

/* Values of an independent implementation that gives the paper's own test vector. */
static void the_hash_is_siphash_2_4(void **state) {
    (void)state;
    assert_true(map_hash(0, "", 0) == 0x4d0617e48cf8737b);
    assert_true(map_hash(1, "a", 1) == 0x2a9203dcbc402923);
    assert_true(map_hash(42, "01234567", 8) == 0x46a016fb4a50616a);
    assert_true(map_hash(0xfeedfacecafebeef, "vm-01jd2q0c5v7k8m9n0p1q2r3s4t", 29) ==
                0x89bbfb996208f5c8);
}

/* The earliest by walking over all; equal times in the order in which they were set. */
static const struct timer *earliest(const struct timer *timers, size_t count) {
    const struct timer *first = NULL;
    for (size_t i = 0; i < count; i++)
        if (timers[i].slot && (!first || timers[i].due_ms < first->due_ms ||
                               (timers[i].due_ms == first->due_ms &&
                                timers[i].order < first->order)))
            first = &timers[i];
    return first;
}

static void a_heap_gives_the_earliest_timer_after_any_history(void **state) {
    (void)state;
    struct timer timers[100] = {0};
    struct heap heap = {0};
    struct prng prng;
    prng_init(&prng, 2);
    size_t in = 0;
    assert_null(heap_first(&heap));
    for (size_t step = 0; step < steps; step++) {
        struct timer *timer = &timers[prng_below(&prng, array_size(timers))];
        in -= timer->slot != 0;
        if (prng_below(&prng, 3)) {
            heap_set(&heap, timer, prng_below(&prng, 50));
            in++;
        } else {
            heap_remove(&heap, timer);
            assert_int_equal(timer->slot, 0);
        }
        assert_int_equal(heap.count, in);
        assert_ptr_equal(heap_first(&heap), earliest(timers, array_size(timers)));
    }
    heap_deinit(&heap);
}

static void equal_times_come_out_in_the_order_of_setting(void **state) {
    (void)state;
    struct timer timers[50] = {0};
    struct heap heap = {0};
    for (size_t i = 0; i < array_size(timers); i++)
        heap_set(&heap, &timers[(i * 7) % array_size(timers)], 5);
    for (size_t i = 0; i < array_size(timers); i++) {
        assert_ptr_equal(heap_first(&heap), &timers[(i * 7) % array_size(timers)]);
        heap_remove(&heap, heap_first(&heap));
    }
    heap_deinit(&heap);
}

/* The best by walking over all. */
static size_t naive_best(const int64_t *scores, size_t count, struct tournament_excluded excluded) {
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        bool takes_part = scores[i] > 0;
        for (size_t k = 0; k < excluded.count; k++)
            takes_part &= excluded.entrants[k] != i;
        if (takes_part && (best == count || scores[i] > scores[best]))
            best = i;
    }
    return best;
}

static void a_tournament_knows_the_best_after_any_history(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 100};
    struct prng prng;
    prng_init(&prng, 3);
    for (size_t size = 0; size < array_size(sizes); size++) {
        size_t count = sizes[size];
        int64_t scores[100] = {0};
        struct tournament tournament;
        tournament_init(&tournament, count);
        for (size_t step = 0; step < steps / 4; step++) {
            uint16_t out[tournament_excluded_most];
            struct tournament_excluded excluded = {out, 0};
            size_t entrant = prng_below(&prng, count);
            if (count)
                scores[entrant] = (int64_t)prng_below(&prng, step % 100 < 50 ? 3 : 30) - 1;
            if (count)
                tournament_set(&tournament, entrant, scores[entrant]);
            assert_int_equal(tournament_best(&tournament, excluded),
                             naive_best(scores, count, excluded));
            excluded.count = prng_below(&prng, array_size(out) + 1);
            for (size_t i = 0; i < excluded.count; i++)
                out[i] = (uint16_t)prng_below(&prng, count + 1);
            assert_int_equal(tournament_best(&tournament, excluded),
                             naive_best(scores, count, excluded));
        }
        tournament_deinit(&tournament);
    }
}

struct bead {
    size_t number;
    struct list on;
};

static void assert_strung(struct list *head, const size_t *wanted, size_t count) {
    struct list *node = NULL, *next = NULL;
    size_t i = 0;
    list_each(node, next, head) {
        assert_true(i < count);
        assert_ptr_equal(node->next->previous, node);
        assert_int_equal(container_of(node, struct bead, on)->number, wanted[i++]);
    }
    assert_int_equal(i, count);
    assert_true(list_is_empty(head) == (count == 0));
}

static void a_list_keeps_the_order_of_insertion(void **state) {
    (void)state;
    struct list head;
    struct bead beads[12];
    size_t wanted[array_size(beads)], count = 0;
    struct prng prng;
    prng_init(&prng, 3);
    list_init(&head);
    for (size_t i = 0; i < array_size(beads); i++) {
        beads[i].number = i;
        list_init(&beads[i].on);
    }
    for (size_t step = 0; step < 2000; step++) {
        struct bead *bead = &beads[prng_below(&prng, array_size(beads))];
        size_t at = 0;
        while (at < count && wanted[at] != bead->number)
            at++;
        if (at < count) {
            list_remove(&bead->on);
            memmove(&wanted[at], &wanted[at + 1], (--count - at) * sizeof(*wanted));
            list_remove(&bead->on); /* in no list: no harm */
        } else {
            list_add(&head, &bead->on);
            wanted[count++] = bead->number;
        }
        assert_strung(&head, wanted, count);
    }
}

static void a_walk_survives_the_removal_of_where_it_stands(void **state) {
    (void)state;
    struct list head, *node = NULL, *next = NULL;
    struct bead beads[5];
    list_init(&head);
    for (size_t i = 0; i < array_size(beads); i++) {
        beads[i].number = i;
        list_add(&head, &beads[i].on);
    }
    list_each(node, next, &head)
        if (container_of(node, struct bead, on)->number % 2)
            list_remove(node);
    assert_strung(&head, (size_t[]){0, 2, 4}, 3);
}

static void a_text_holds_all_pieces_up_to_its_limit_and_then_says_so(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 4);
    for (size_t round = 0; round < 300; round++) {
        char model[400] = "";
        struct text text = {.limit = 1 + prng_below(&prng, 300)};
        size_t length = 0;
        bool full = false;
        assert_string_equal(text_data(&text), "");
        for (size_t i = 0; i < 20; i++) {
            char piece[41] = "";
            memset(piece, 'a' + (int)i, prng_below(&prng, 40));
            full |= length + strlen(piece) > text.limit;
            if (!full) {
                memcpy(model + length, piece, strlen(piece) + 1);
                length += strlen(piece);
            }
            if (i % 2)
                text_add(&text, piece);
            else
                text_addf(&text, "%s", piece);
            assert_string_equal(text_data(&text), model);
            assert_int_equal(text.length, length);
            assert_true(text.full == full);
        }
        text_clear(&text);
        assert_string_equal(text_data(&text), "");
        assert_false(text.full);
        text_deinit(&text);
    }
}

static void a_field_takes_a_text_that_fits_and_is_empty_after_one_that_does_not(void **state) {
    (void)state;
    char field[5] = "old";
    assert_true(text_copy(field, sizeof(field), "four"));
    assert_string_equal(field, "four");
    assert_false(text_copy(field, sizeof(field), "fives"));
    assert_string_equal(field, "");
    text_format(field, sizeof(field), "%d", 123456);
    assert_string_equal(field, "1234");
    assert_true(text_starts("vm-01", "vm-"));
    assert_false(text_starts("vm", "vm-"));
    assert_true(text_equal("", ""));
    assert_false(text_equal("a", "ab"));
}

static void an_error_keeps_what_was_said_below(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(error_set(&err, -ENOENT, "open %s", "a.ini"), -ENOENT);
    assert_int_equal(error_wrap(&err, "while reading %d", 7), -ENOENT);
    assert_string_equal(err.text, "while reading 7: open a.ini");
    assert_int_equal(error_set(NULL, -EIO, "nobody listens"), -EIO);
    assert_true(error_wrap(NULL, "nobody listens") < 0);
    for (size_t i = 0; i < 100; i++) /* the oldest words are cut, nothing overruns */
        error_wrap(&err, "around %zu", i);
    assert_true(text_starts(err.text, "around 99: around 98: "));
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void the_same_seed_gives_the_same_numbers_within_their_bound(void **state) {
    (void)state;
    struct prng left, right, other;
    prng_init(&left, 9);
    prng_init(&right, 9);
    prng_init(&other, 10);
    bool seen[7] = {false};
    size_t equal = 0;
    for (size_t i = 0; i < 1000; i++) {
        uint64_t number = prng_below(&left, 7);
        assert_true(number < 7);
        assert_true(number == prng_below(&right, 7));
        equal += prng_next(&other) == prng_next(&left);
        (void)prng_next(&right);
        seen[number] = true;
    }
    assert_int_equal(equal, 0);
    for (size_t i = 0; i < 7; i++)
        assert_true(seen[i]);
    assert_int_equal(prng_below(&left, 0), 0);
}

static void a_quoted_log_value_is_one_field_of_its_line(void **state) {
    (void)state;
    char field[16];
    assert_string_equal(log_quote("a b", field, sizeof(field)), "\"a b\"");
    assert_string_equal(log_quote("a\"b\\", field, sizeof(field)), "\"a\\\"b\\\\\"");
    const char *cut = log_quote("\"\"\"\"\"\"\"\"\"\"\"\"\"\"", field, sizeof(field));
    assert_int_equal(strlen(cut), 14); /* cut between characters, and closed */
    assert_int_equal(cut[13], '"');
    assert_int_equal(strspn(cut + 1, "\\\""), 13);
    assert_string_equal(log_quote("a", field, 2), "");
}

static void gathered_log_lines_wait_until_they_are_written(void **state) {
    (void)state;
    const struct log log = {.daemon = "test", .level = LOG_INFO};
    struct text lines = {0};
    log_gather(&log, &lines, LOG_DEBUG, "unheard", "a=%d", 1);
    assert_int_equal(lines.length, 0);
    log_gather(&log, &lines, LOG_INFO, "first", "a=%d", 1);
    log_gather(&log, &lines, LOG_INFO, "second", "b=\n");
    log_gather(&log, &lines, LOG_INFO, "third", "c=\xc2\x9b\xc3\xa9"); /* a terminal's command, é */
    const char *first = strstr(text_data(&lines), " daemon=test event=first a=1\n");
    assert_non_null(first);
    assert_non_null(strstr(first, " daemon=test event=second b=?\n"));
    assert_non_null(strstr(first, " daemon=test event=third c=??\xc3\xa9\n"));
    text_clear(&lines);
    log_write(&lines);
    text_deinit(&lines);
}

static void memory_comes_zeroed_and_copies_are_equal(void **state) {
    (void)state;
    unsigned char *bytes = memory_new(3, 100);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(bytes[i], 0);
    memset(bytes, 7, 300);
    bytes = memory_resize(bytes, 600);
    auto_clean(memory_clean) unsigned char *copy = memory_copy(bytes, 300);
    assert_memory_equal(copy, bytes, 300);
    assert_null(memory_copy(NULL, 3));
    assert_null(memory_text(NULL));
    unsigned char *taken = take(bytes);
    assert_null(bytes);
    memory_free(taken);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_holds_what_was_put_and_not_removed),
        cmocka_unit_test(a_map_that_only_turns_over_does_not_grow),
        cmocka_unit_test(an_empty_map_knows_nothing),
        cmocka_unit_test(the_hash_is_siphash_2_4),
        cmocka_unit_test(a_heap_gives_the_earliest_timer_after_any_history),
        cmocka_unit_test(equal_times_come_out_in_the_order_of_setting),
        cmocka_unit_test(a_tournament_knows_the_best_after_any_history),
        cmocka_unit_test(a_list_keeps_the_order_of_insertion),
        cmocka_unit_test(a_walk_survives_the_removal_of_where_it_stands),
        cmocka_unit_test(a_text_holds_all_pieces_up_to_its_limit_and_then_says_so),
        cmocka_unit_test(a_field_takes_a_text_that_fits_and_is_empty_after_one_that_does_not),
        cmocka_unit_test(an_error_keeps_what_was_said_below),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers_within_their_bound),
        cmocka_unit_test(a_quoted_log_value_is_one_field_of_its_line),
        cmocka_unit_test(gathered_log_lines_wait_until_they_are_written),
        cmocka_unit_test(memory_comes_zeroed_and_copies_are_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
