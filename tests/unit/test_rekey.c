/* Changes of keys between two ends: real seals and files, the core's pins, and a wire that loses,
 * doubles and replays, while either end is killed at any moment. What was stored is all that a
 * killed end has left. Whatever happened, both ends understand each other in the end, and by their
 * newest keys. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/prng.h"
#include "base/text.h"
#include "core/link/pins.h"
#include "io/keys/key_file.h"
#include "io/keys/seal.h"
#include "io/os/folder.h"

enum { AGENT, MANAGER, ENDS, recorded_most = 64 };

struct end {
    struct seal *seal;
    char path[96];
    struct peer_setting setting; /* of the other end */
    struct pin pin, next;        /* as stored */
    char configured[limit_public_key_size]; /* the other end's first key */
    char *next_key; /* of the other end, in this one's memory */
    uint64_t opened;
};

static struct room {
    char folder[40];
    struct end ends[ENDS];
    struct text recorded[ENDS][recorded_most]; /* all that an end said, sealed */
    size_t recorded_count[ENDS];
    struct prng prng;
} room;

static struct pinned_peer other_of(int which, struct moment *moment) {
    return (struct pinned_peer){which == AGENT ? PINS_ABOVE : PINS_BELOW,
                                &room.ends[which].setting, &room.ends[which].next_key, moment};
}

static void pin(struct end *end, const struct effect *effect) {
    const struct effect_pin *pin = &effect->pin;
    struct error err = {0};
    if (!pin->key[0])
        seal_unpin(end->seal, pin->address);
    else if (effect->kind == EFFECT_PIN ? seal_pin(end->seal, pin->address, pin->key, &err)
                                        : seal_pin_next(end->seal, pin->address, pin->key, &err))
        fail_msg("%s", err.text);
}

/* As a shell does: what is stored first, then the rest. */
static void perform(struct end *end, struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind == EFFECT_SAVE || effect->kind == EFFECT_FORGET) {
            struct pin *row = effect->record.table == &pin_table ? &end->pin : &end->next;
            *row = effect->kind == EFFECT_SAVE ? *(const struct pin *)effect->record.data
                                               : (struct pin){0};
        }
    }
    for (size_t i = 0; i < effects->count; i++)
        if (effects->items[i].kind == EFFECT_PIN || effects->items[i].kind == EFFECT_PIN_NEXT)
            pin(end, &effects->items[i]);
    effects_clear(effects);
}

static void take_next_key(struct end *end) {
    char line[limit_key_line_size];
    struct error err = {0};
    if (!seal_next_key(end->seal) && key_file_next(end->path, line, &err) > 0)
        assert_int_equal(seal_take_next(end->seal, line, &err), 0);
}

/* Killed, if it ran, and started from what is on disk. */
static void start(int which) {
    struct end *end = &room.ends[which];
    char line[limit_key_line_size] = "";
    struct effects effects = {0};
    struct moment moment = {.out = &effects};
    struct error err = {0};
    FILE *file = fopen(end->path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    assert_int_equal(fclose(file), 0);
    line[strcspn(line, "\n")] = 0;
    seal_free(end->seal);
    memory_free(end->next_key);
    end->next_key = NULL;
    end->seal = seal_new(which == AGENT ? SEAL_AGENT : SEAL_MANAGER, line, &err);
    assert_non_null(end->seal);
    assert_int_equal(seal_pin(end->seal, end->setting.address, end->configured, &err), 0);
    if (end->pin.peer[0])
        pins_load(other_of(which, &moment), &(struct record){&pin_table, &end->pin});
    if (end->next.peer[0])
        pins_load(other_of(which, &moment), &(struct record){&next_pin_table, &end->next});
    perform(end, &effects);
    effects_deinit(&effects);
    take_next_key(end);
}

/* One frame: the speaker's next key, if it has one, or nothing. */
static struct text *say(int which) {
    struct end *end = &room.ends[which];
    auto_clean(text_deinit) struct text frame = {0};
    size_t at = room.recorded_count[which]++ % recorded_most;
    struct text *sealed = &room.recorded[which][at];
    text_add(&frame, "said:");
    text_add(&frame, seal_next_key(end->seal) ? seal_next_key(end->seal) : "");
    assert_int_equal(seal_frame(end->seal, end->setting.address, &frame, sealed), SEAL_DONE);
    return sealed;
}

/* `fresh`: the session takes it; otherwise it is a repeat, of which the seal alone is opened. */
static bool hear(int which, const struct text *sealed, bool fresh) {
    struct end *end = &room.ends[which];
    auto_clean(text_deinit) struct text frame = {0};
    struct effects effects = {0};
    struct moment moment = {.wall_ms = 1, .out = &effects};
    struct error err = {0};
    if (seal_open(end->seal, end->setting.address, text_data(sealed), sealed->length, &frame))
        return false;
    struct event event = {.kind = EVENT_FRAME,
                          .frame.next_key = seal_opened_by_next(end->seal)};
    if (seal_next_is_known(end->seal)) {
        assert_int_equal(key_file_adopt(end->path, &err), 0);
        seal_adopt_next(end->seal);
    }
    pins_on_frame(other_of(which, &moment), &event);
    struct rekey rekey = {0};
    text_set(rekey.key, text_data(&frame) + 5);
    if (fresh && rekey.key[0])
        pins_on_rekey(other_of(which, &moment), &rekey);
    perform(end, &effects);
    effects_deinit(&effects);
    end->opened += fresh;
    return true;
}

/* The agent speaks first, as it does in a session; the manager answers what it has heard. */
static void talk(unsigned lost) {
    const struct text *hello = say(AGENT);
    if (lost != AGENT && hear(MANAGER, hello, true)) {
        const struct text *answer = say(MANAGER);
        if (lost != MANAGER)
            (void)hear(AGENT, answer, true);
    }
}

static void rotate(int which) {
    char key[limit_public_key_size];
    struct error err = {0};
    int result = key_file_rotate(room.ends[which].path, key, &err);
    assert_true(result == 0 || result == -EALREADY);
    take_next_key(&room.ends[which]);
}

static void replay(void) {
    int speaker = (int)prng_below(&room.prng, ENDS);
    size_t count = room.recorded_count[speaker];
    if (count)
        (void)hear(!speaker, &room.recorded[speaker][prng_below(
                       &room.prng, count < recorded_most ? count : recorded_most)], false);
}

static void live(uint64_t seed) {
    prng_init(&room.prng, seed);
    for (int i = 0; i < 60; i++) {
        uint64_t chance = prng_below(&room.prng, 100);
        if (chance < 6)
            rotate((int)prng_below(&room.prng, ENDS));
        else if (chance < 20)
            start((int)prng_below(&room.prng, ENDS));
        else if (chance < 40)
            replay();
        else
            talk((unsigned)prng_below(&room.prng, 4));
    }
}

static void set_up_pair(void) {
    struct error err = {0};
    char keys[ENDS][limit_public_key_size];
    room = (struct room){.folder = "/dev/shm/isthmus-rekey-XXXXXX"};
    assert_non_null(mkdtemp(room.folder));
    for (int i = 0; i < ENDS; i++) {
        struct end *end = &room.ends[i];
        text_format(end->path, sizeof(end->path), "%s/%d.key", room.folder, i);
        assert_int_equal(key_file_make(end->path, keys[i], &err), 0);
        text_set(end->setting.name, "other");
        end->setting.address = "other@x/y";
    }
    for (int i = 0; i < ENDS; i++)
        text_set(room.ends[i].configured, keys[!i]);
    start(AGENT);
    start(MANAGER);
}

static void tear_down_pair(void) {
    for (int i = 0; i < ENDS; i++) {
        seal_free(room.ends[i].seal);
        memory_free(room.ends[i].next_key);
        for (size_t k = 0; k < recorded_most; k++)
            text_deinit(&room.recorded[i][k]);
    }
    assert_int_equal(folder_remove(room.folder, NULL), 0);
}

static const char *pinned_now(const struct end *end) {
    return end->pin.peer[0] ? end->pin.key : end->configured;
}

static void killed_at_any_moment_both_ends_have_a_pair_that_works(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        set_up_pair();
        live(seed);
        uint64_t opened = room.ends[AGENT].opened;
        for (int i = 0; i < 4; i++)
            talk(ENDS);
        if (room.ends[AGENT].opened != opened + 4)
            fail_msg("seed %llu: they do not understand each other", (unsigned long long)seed);
        for (int i = 0; i < ENDS; i++) {
            struct key_file_state shown;
            assert_int_equal(key_file_show(room.ends[i].path, &shown, NULL), 0);
            assert_string_equal(shown.next_key, ""); /* each change has come to its end */
            assert_string_equal(shown.public_key, pinned_now(&room.ends[!i]));
            assert_string_equal(room.ends[i].next.peer, "");
        }
        tear_down_pair();
    }
}

static void what_was_said_under_an_old_key_is_not_heard_any_more(void **state) {
    (void)state;
    set_up_pair();
    struct text old = {0};
    const struct text *said = say(AGENT);
    text_add_bytes(&old, text_data(said), said->length);
    assert_true(hear(MANAGER, &old, true));
    rotate(AGENT);
    for (int i = 0; i < 3; i++)
        talk(ENDS);
    assert_false(hear(MANAGER, &old, true));
    text_deinit(&old);
    tear_down_pair();
}

static void a_change_is_begun_once_and_shown(void **state) {
    (void)state;
    set_up_pair();
    const char *path = room.ends[AGENT].path;
    char first[limit_public_key_size], line[limit_key_line_size];
    struct key_file_state shown;
    struct stat about;
    struct error err = {0};
    assert_int_equal(key_file_next(path, line, &err), 0);
    assert_int_equal(key_file_rotate(path, first, &err), 0);
    assert_int_equal(key_file_rotate(path, line, &err), -EALREADY);
    assert_non_null(strstr(err.text, "key show"));
    assert_int_equal(key_file_show(path, &shown, &err), 0);
    assert_string_equal(shown.next_key, first);
    assert_string_not_equal(shown.public_key, first);
    assert_int_equal(key_file_next(path, line, &err), 1);
    assert_int_equal(key_file_adopt(path, &err), 0);
    assert_int_equal(key_file_show(path, &shown, &err), 0);
    assert_string_equal(shown.public_key, first);
    assert_string_equal(shown.next_key, "");
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(key_file_rotate("/nowhere/agent.key", first, &err), -ENOENT);
    tear_down_pair();
}

static void many_peers_take_a_key_one_by_one_and_the_old_one_serves_the_others(void **state) {
    (void)state;
    set_up_pair();
    struct end *manager = &room.ends[MANAGER];
    char other[limit_public_key_size], path[96];
    struct error err = {0};
    struct key_file_state shown;
    text_format(path, sizeof(path), "%s/late.key", room.folder);
    assert_int_equal(key_file_make(path, other, &err), 0);
    assert_int_equal(seal_pin(manager->seal, "late@x/y", other, &err), 0);
    rotate(MANAGER);
    for (int i = 0; i < 3; i++)
        talk(ENDS);
    assert_non_null(seal_next_key(manager->seal)); /* one of two has it */
    seal_unpin(manager->seal, "late@x/y");         /* and the other is revoked */
    talk(ENDS);
    assert_null(seal_next_key(manager->seal));
    assert_int_equal(key_file_show(manager->path, &shown, NULL), 0);
    assert_string_equal(shown.public_key, pinned_now(&room.ends[AGENT]));
    tear_down_pair();
}

/* What a frame ended takes effect when its turn does; the frames that come in the same turn are
 * opened before that. */
static void a_second_change_within_a_turn_outlives_frames_by_the_first_key(void **state) {
    (void)state;
    struct peer_setting setting = {.name = "other", .address = "other@x/y"};
    struct effects effects = {0};
    char *next_key = NULL;
    struct moment moment = {.wall_ms = 1, .out = &effects};
    const struct pinned_peer peer = {PINS_BELOW, &setting, &next_key, &moment};
    const struct rekey second = {"second"}, third = {"third"};
    struct event event = {.kind = EVENT_FRAME};
    pins_on_rekey(peer, &second);
    event.frame.next_key = "second";
    pins_on_frame(peer, &event);
    pins_on_rekey(peer, &third);
    effects_clear(&effects);
    pins_on_frame(peer, &event);
    assert_int_equal(effects.count, 0);
    event.frame.next_key = "third";
    pins_on_frame(peer, &event);
    assert_int_equal(effects.items[2].kind, EFFECT_PIN);
    assert_string_equal(effects.items[2].pin.key, "third");
    assert_null(next_key);
    effects_deinit(&effects);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_any_moment_both_ends_have_a_pair_that_works),
        cmocka_unit_test(what_was_said_under_an_old_key_is_not_heard_any_more),
        cmocka_unit_test(a_change_is_begun_once_and_shown),
        cmocka_unit_test(a_second_change_within_a_turn_outlives_frames_by_the_first_key),
        cmocka_unit_test(many_peers_take_a_key_one_by_one_and_the_old_one_serves_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
