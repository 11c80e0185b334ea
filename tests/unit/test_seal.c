/* The cryptographic rules of a frame's seal: each thing that a hostile carrier can do to a sealed
 * frame is a test. North and south are two clusters of one cloud; east is its other cloud. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/keys/key_file.h"
#include "io/keys/seal.h"
#include "io/os/folder.h"
#include "message/protocol.h"

/* Of nobody: made for this test, by numbers that others can repeat. */
static const char *const secrets[] = {
    "secret:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA",
    "secret:ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A",
    "secret:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF1eX2A",
    "secret:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4A",
};
static const char cloud_jid[] = "upstream@cloud.test/manager";
static const char north_jid[] = "north@cloud.test/cluster";
static const char south_jid[] = "south@cloud.test/cluster";
static const char words[] = "{\"instruct\":{\"vm\":\"vm-zebra\"}}";

enum { CLOUD, NORTH, SOUTH, EAST, PARTIES };

struct room {
    struct seal *seals[PARTIES];
    struct text frame, sealed, opened;
    struct error err;
};

static struct seal *make(struct room *room, int party, enum seal_end end) {
    struct seal *seal = seal_new(end, secrets[party], &room->err);
    if (!seal)
        fail_msg("%s", room->err.text);
    return seal;
}

static void pin(struct room *room, int party, const char *address, int peer) {
    if (seal_pin(room->seals[party], address, seal_public_key(room->seals[peer]), &room->err))
        fail_msg("%s", room->err.text);
}

static int set_up(void **state) {
    struct room *room = memory_new(1, sizeof(*room));
    for (int party = 0; party < PARTIES; party++)
        room->seals[party] =
            make(room, party, party == CLOUD || party == EAST ? SEAL_MANAGER : SEAL_AGENT);
    pin(room, CLOUD, north_jid, NORTH);
    pin(room, CLOUD, south_jid, SOUTH);
    pin(room, NORTH, cloud_jid, CLOUD);
    pin(room, SOUTH, cloud_jid, CLOUD);
    pin(room, EAST, north_jid, NORTH);
    text_add(&room->frame, words);
    *state = room;
    return 0;
}

static int tear_down(void **state) {
    struct room *room = *state;
    for (int party = 0; party < PARTIES; party++)
        seal_free(room->seals[party]);
    text_deinit(&room->frame);
    text_deinit(&room->sealed);
    text_deinit(&room->opened);
    memory_free(room);
    return 0;
}

static bool as_text; /* all tests are run with both forms */

static void seal_it(struct room *room, int party, const char *to) {
    assert_int_equal(seal_frame(room->seals[party], to, &room->frame, &room->sealed), SEAL_DONE);
    if (as_text)
        seal_to_text(room->seals[party], &room->sealed);
    assert_int_equal(room->sealed.data[0] == frame_bytes_mark, !as_text);
}

static enum seal_result open_it(struct room *room, int party, const char *from) {
    enum seal_result result = seal_open(room->seals[party], from, text_data(&room->sealed),
                                        room->sealed.length, &room->opened);
    assert_string_equal(text_data(&room->opened), result ? "" : words);
    return result;
}

static void what_is_sealed_opens_at_its_peer(void **state) {
    struct room *room = *state;
    seal_it(room, CLOUD, north_jid);
    assert_int_equal(open_it(room, NORTH, cloud_jid), SEAL_DONE);
    seal_it(room, NORTH, cloud_jid);
    assert_int_equal(open_it(room, CLOUD, north_jid), SEAL_DONE);
}

static void nothing_of_a_frame_can_be_read_and_no_two_look_alike(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text first = {0};
    seal_it(room, CLOUD, north_jid);
    text_add_bytes(&first, text_data(&room->sealed), room->sealed.length);
    seal_it(room, CLOUD, north_jid);
    assert_memory_not_equal(text_data(&first), text_data(&room->sealed), first.length);
    for (size_t at = 0; at + 4 <= strlen(words); at++) {
        char piece[5];
        text_format(piece, sizeof(piece), "%.4s", words + at);
        assert_null(memmem(text_data(&first), first.length, piece, 4));
    }
    if (!as_text)
        return;
    assert_int_equal(strspn(text_data(&first), "abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), first.length);
}

static void a_frame_with_any_bit_flipped_does_not_open(void **state) {
    struct room *room = *state;
    seal_it(room, CLOUD, north_jid);
    for (size_t at = 0; at < room->sealed.length; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            room->sealed.data[at] = (char)(room->sealed.data[at] ^ (1 << bit));
            assert_int_equal(open_it(room, NORTH, cloud_jid), SEAL_BROKEN);
            room->sealed.data[at] = (char)(room->sealed.data[at] ^ (1 << bit));
        }
    }
    assert_int_equal(open_it(room, NORTH, cloud_jid), SEAL_DONE);
}

static void a_truncated_frame_does_not_open(void **state) {
    struct room *room = *state;
    seal_it(room, CLOUD, north_jid);
    while (room->sealed.length > 0) {
        room->sealed.data[--room->sealed.length] = 0;
        assert_int_equal(open_it(room, NORTH, cloud_jid), SEAL_BROKEN);
    }
}

static void a_lengthened_frame_does_not_open(void **state) {
    struct room *room = *state;
    seal_it(room, CLOUD, north_jid);
    for (int i = 0; i < 9; i++) {
        text_add(&room->sealed, "A");
        assert_int_equal(open_it(room, NORTH, cloud_jid), SEAL_BROKEN);
    }
}

static void a_frame_in_the_clear_does_not_open(void **state) {
    struct room *room = *state;
    text_add(&room->sealed, words);
    assert_int_equal(open_it(room, NORTH, cloud_jid), SEAL_BROKEN);
}

static void a_frame_thrown_back_at_its_sender_does_not_open(void **state) {
    struct room *room = *state;
    seal_it(room, CLOUD, north_jid);
    assert_int_equal(open_it(room, CLOUD, north_jid), SEAL_BROKEN);
    seal_it(room, NORTH, cloud_jid);
    assert_int_equal(open_it(room, NORTH, cloud_jid), SEAL_BROKEN);
}

static void a_frame_carried_to_another_cluster_does_not_open(void **state) {
    struct room *room = *state;
    seal_it(room, CLOUD, north_jid);
    assert_int_equal(open_it(room, SOUTH, cloud_jid), SEAL_BROKEN);
}

static void a_frame_of_one_cluster_is_not_taken_for_anothers(void **state) {
    struct room *room = *state;
    seal_it(room, SOUTH, cloud_jid);
    assert_int_equal(open_it(room, CLOUD, north_jid), SEAL_BROKEN);
    assert_int_equal(open_it(room, CLOUD, "stranger@cloud.test/cluster"), SEAL_STRANGER);
    assert_int_equal(open_it(room, CLOUD, south_jid), SEAL_DONE);
}

static void a_frame_of_one_link_does_not_open_on_another_of_the_same_key(void **state) {
    struct room *room = *state;
    seal_it(room, NORTH, cloud_jid);
    assert_int_equal(open_it(room, EAST, north_jid), SEAL_BROKEN);
}

/* An attacker who knows all public keys, and has one of its own. */
static void a_forger_with_a_key_of_its_own_is_not_heard(void **state) {
    struct room *room = *state;
    pin(room, EAST, north_jid, NORTH);
    seal_it(room, EAST, north_jid);
    assert_int_equal(open_it(room, NORTH, cloud_jid), SEAL_BROKEN);
}

static void two_managers_or_two_agents_do_not_understand_each_other(void **state) {
    struct room *room = *state;
    pin(room, CLOUD, "east@cloud.test/x", EAST);
    pin(room, EAST, cloud_jid, CLOUD);
    seal_it(room, CLOUD, "east@cloud.test/x");
    assert_int_equal(open_it(room, EAST, cloud_jid), SEAL_BROKEN);
}

static void a_key_of_low_order_gives_no_seal(void **state) {
    struct room *room = *state;
    static const char zero[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_int_equal(seal_pin(room->seals[CLOUD], "zero@cloud.test/x", zero, &room->err), 0);
    assert_int_equal(seal_frame(room->seals[CLOUD], "zero@cloud.test/x", &room->frame,
                                &room->sealed), SEAL_BROKEN);
    assert_int_equal(room->sealed.length, 0);
    text_add(&room->sealed, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_int_equal(open_it(room, CLOUD, "zero@cloud.test/x"), SEAL_BROKEN);
}

static void a_new_key_takes_the_place_of_the_old_one(void **state) {
    struct room *room = *state;
    seal_it(room, NORTH, cloud_jid);
    assert_int_equal(open_it(room, CLOUD, north_jid), SEAL_DONE);
    pin(room, CLOUD, north_jid, EAST);
    assert_int_equal(open_it(room, CLOUD, north_jid), SEAL_BROKEN);
}

static void ones_own_key_cannot_be_a_peers(void **state) {
    struct room *room = *state;
    const char *own = seal_public_key(room->seals[CLOUD]);
    assert_int_equal(seal_pin(room->seals[CLOUD], north_jid, own, &room->err), -EINVAL);
    assert_non_null(strstr(room->err.text, "our own key"));
}

static void the_longest_frame_fits_and_a_longer_one_is_refused(void **state) {
    struct room *room = *state;
    auto_clean(memory_clean) char *long_one = memory_new(1, limit_frame_bytes + 1);
    memset(long_one, 'x', limit_frame_bytes);
    text_clear(&room->frame);
    text_add(&room->frame, long_one);
    seal_it(room, CLOUD, north_jid);
    assert_true(room->sealed.length <= limit_frame_hard);
    assert_int_equal(seal_open(room->seals[NORTH], cloud_jid, text_data(&room->sealed),
                               room->sealed.length, &room->opened), SEAL_DONE);
    assert_int_equal(room->opened.length, limit_frame_bytes);
    text_add(&room->frame, "x");
    assert_int_equal(seal_frame(room->seals[CLOUD], north_jid, &room->frame, &room->sealed),
                     SEAL_TOO_LONG);
    auto_clean(memory_clean) char *huge = memory_new(1, limit_frame_hard + 1);
    assert_int_equal(seal_open(room->seals[NORTH], cloud_jid, huge, limit_frame_hard + 1,
                               &room->opened), SEAL_TOO_LONG);
    huge[0] = frame_bytes_mark;
    assert_int_equal(seal_open(room->seals[NORTH], cloud_jid, huge, limit_frame_hard,
                               &room->opened), SEAL_TOO_LONG);
}

static void a_request_to_join_is_read_by_its_manager_alone(void **state) {
    struct room *room = *state;
    assert_int_equal(seal_request(room->seals[NORTH], cloud_jid, &room->frame, &room->sealed),
                     SEAL_DONE);
    for (int party = 0; party < PARTIES; party++) {
        enum seal_result result = seal_open_request(room->seals[party], text_data(&room->sealed),
                                                    room->sealed.length, &room->opened);
        assert_int_equal(result, party == CLOUD ? SEAL_DONE : SEAL_BROKEN);
        assert_string_equal(text_data(&room->opened), party == CLOUD ? words : "");
    }
    room->sealed.data[20] ^= 1;
    assert_int_equal(seal_open_request(room->seals[CLOUD], text_data(&room->sealed),
                                       room->sealed.length, &room->opened), SEAL_BROKEN);
    assert_int_equal(seal_open_request(room->seals[CLOUD], text_data(&room->sealed),
                                       limit_join_characters + 1, &room->opened), SEAL_TOO_LONG);
}

static void an_answer_opens_at_whoever_asked_pinned_or_not(void **state) {
    struct room *room = *state;
    seal_unpin(room->seals[CLOUD], north_jid);
    seal_it(room, NORTH, cloud_jid);
    assert_int_equal(open_it(room, CLOUD, north_jid), SEAL_STRANGER);
    assert_int_equal(seal_answer(room->seals[CLOUD], SEAL_CURRENT,
                                 seal_public_key(room->seals[NORTH]),
                                 &room->frame, &room->sealed), SEAL_DONE);
    assert_int_equal(open_it(room, NORTH, cloud_jid), SEAL_DONE);
    assert_int_equal(open_it(room, SOUTH, cloud_jid), SEAL_BROKEN);
    seal_it(room, CLOUD, south_jid); /* others are as they were */
    assert_int_equal(open_it(room, SOUTH, cloud_jid), SEAL_DONE);
}

/* So that another implementation can check itself: docs/protocol.md shows the same. */
static void the_seal_is_that_of_the_document(void **state) {
    struct room *room = *state;
    static const char document[] =
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHENPli4UOnb8ozgh3vDhK-bUMN-v_KC23"
        "33awRwe4JOLCC9QhFJl1BurE5qdhgA";
    assert_string_equal(seal_public_key(room->seals[CLOUD]),
                        "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9_AsrhtHHw");
    assert_string_equal(seal_public_key(room->seals[NORTH]),
                        "WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns");
    unsigned char bytes[sizeof(document)] = {frame_bytes_mark};
    size_t length = 1 + base64_decode(document, strlen(document), bytes + 1, sizeof(bytes) - 1);
    if (as_text)
        text_add(&room->sealed, document);
    else
        text_add_bytes(&room->sealed, (const char *)bytes, length);
    assert_int_equal(open_it(room, NORTH, cloud_jid), SEAL_DONE);
}

static void expect_no_secret(const char *line) {
    struct error err = {0};
    assert_null(seal_new(SEAL_AGENT, line, &err));
    assert_non_null(strstr(err.text, "isthmus-agent key FILE"));
}

static void what_is_no_key_is_refused_with_the_remedy(void **state) {
    struct room *room = *state;
    expect_no_secret(seal_public_key(room->seals[CLOUD]));
    expect_no_secret("secret:");
    expect_no_secret("secret:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHy");
    expect_no_secret("secret:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAA");
    expect_no_secret("secret:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHy/");
    assert_int_equal(seal_check_public("short", &room->err), -EINVAL);
    assert_non_null(strstr(room->err.text, "43 characters"));
    assert_int_equal(seal_check_public(secrets[0], &room->err), -EINVAL);
    assert_non_null(strstr(room->err.text, "nobody else may see"));
    assert_null(strstr(room->err.text, "AQIDBAUG"));
}

static void a_key_file_is_made_once_and_for_its_owner_alone(void **state) {
    struct room *room = *state;
    char folder[] = "/tmp/isthmus-seal-XXXXXX", path[64], first[64], second[64];
    struct stat about;
    assert_non_null(mkdtemp(folder));
    text_format(path, sizeof(path), "%s/agent.key", folder);
    assert_int_equal(key_file_make(path, first, &room->err), 0);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(key_file_make(path, second, &room->err), 0);
    assert_string_equal(first, second);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(key_file_make(path, second, &room->err), -EPERM);
    assert_non_null(strstr(room->err.text, "chmod 600"));
    assert_int_equal(key_file_make("/nowhere/agent.key", second, &room->err), -ENOENT);
    assert_int_equal(folder_remove(folder, NULL), 0);
}

#define in_room(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        in_room(what_is_sealed_opens_at_its_peer),
        in_room(nothing_of_a_frame_can_be_read_and_no_two_look_alike),
        in_room(a_frame_with_any_bit_flipped_does_not_open),
        in_room(a_truncated_frame_does_not_open),
        in_room(a_lengthened_frame_does_not_open),
        in_room(a_frame_in_the_clear_does_not_open),
        in_room(a_frame_thrown_back_at_its_sender_does_not_open),
        in_room(a_frame_carried_to_another_cluster_does_not_open),
        in_room(a_frame_of_one_cluster_is_not_taken_for_anothers),
        in_room(a_frame_of_one_link_does_not_open_on_another_of_the_same_key),
        in_room(a_forger_with_a_key_of_its_own_is_not_heard),
        in_room(two_managers_or_two_agents_do_not_understand_each_other),
        in_room(a_key_of_low_order_gives_no_seal),
        in_room(a_new_key_takes_the_place_of_the_old_one),
        in_room(ones_own_key_cannot_be_a_peers),
        in_room(the_longest_frame_fits_and_a_longer_one_is_refused),
        in_room(a_request_to_join_is_read_by_its_manager_alone),
        in_room(an_answer_opens_at_whoever_asked_pinned_or_not),
        in_room(the_seal_is_that_of_the_document),
        in_room(what_is_no_key_is_refused_with_the_remedy),
        in_room(a_key_file_is_made_once_and_for_its_owner_alone),
    };
    int failed = cmocka_run_group_tests_name("as bytes", tests, NULL, NULL);
    as_text = true;
    return failed + cmocka_run_group_tests_name("as text", tests, NULL, NULL);
}
