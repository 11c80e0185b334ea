/* What comes in sealed, or wants to be: requests to join and their answers, changes of keys, and
 * the tokens that people carry. The first byte chooses; what an enemy without a key can send goes
 * to the seal as it is, what one with a key can say is sealed first. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fuzz.h"
#include "io/keys/join_token.h"
#include "io/keys/seal.h"
#include "io/shell/queue.h"

static const char agent_jid[] = "host-1@site.test/agent", manager_jid[] = "m@site.test/manager";

/* Of nobody: made for this. */
static struct seal *make_seal(enum seal_end end, const char *secret) {
    struct error err = {0};
    struct seal *seal = seal_new(end, secret, &err);
    if (!seal)
        abort();
    return seal;
}

struct pair_of_ends {
    struct seal *agent, *manager;
    struct text sealed, scratch;
};

static void link_open(struct pair_of_ends *link) {
    struct error err = {0};
    *link = (struct pair_of_ends){
        .agent = make_seal(SEAL_AGENT, "secret:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"),
        .manager = make_seal(SEAL_MANAGER, "secret:ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A"),
    };
    if (seal_pin(link->agent, manager_jid, seal_public_key(link->manager), &err) ||
        seal_pin(link->manager, agent_jid, seal_public_key(link->agent), &err) ||
        seal_take_next(link->agent, "secret:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF1eX2A", &err) ||
        seal_pin_next(link->manager, agent_jid, seal_next_key(link->agent), &err))
        abort();
}

static void link_close(struct pair_of_ends *link) {
    seal_free(link->agent);
    seal_free(link->manager);
    text_deinit(&link->sealed);
    text_deinit(&link->scratch);
}

/* As the shell takes it; what it became of is for a role. */
static void receive(struct pair_of_ends *link, struct seal *seal, const char *from,
                    const char *bytes, size_t size) {
    struct codec_fault fault;
    struct posted *posted =
        posted_from_bytes(&(struct event_frame){.from = from}, bytes, size);
    auto_clean(text_deinit) struct text line = {0};
    if (posted_decode(posted, seal, &link->scratch, &fault) == 0)
        event_print(&posted->event, &line);
    posted_free(posted);
}

static void receive_sealed(struct pair_of_ends *link, struct seal *seal, const char *from) {
    receive(link, seal, from, text_data(&link->sealed), link->sealed.length);
}

static void change_key(struct pair_of_ends *link, const char *key) {
    struct error err = {0};
    (void)seal_pin_next(link->manager, agent_jid, key, &err);
    (void)seal_pin(link->manager, agent_jid, key, &err);
    (void)seal_pin_next(link->manager, "nobody@site.test/x", key, &err);
}

static void read_token(const char *token) {
    struct join_offer offer;
    struct error err = {0};
    auto_clean(text_deinit) struct text again = {0};
    if (join_token_read(token, &offer, &err))
        return;
    join_token_print(&offer, JOIN_TOKEN_WHOLE, &again);
    if (again.length > strlen(token) + 24) /* a number in other words may be longer */
        abort();
}

static void try_all(struct pair_of_ends *link, unsigned choice, const struct text *said) {
    switch (choice) {
    case 0: /* an enemy's bytes, to either end */
        receive(link, link->manager, agent_jid, text_data(said), said->length);
        receive(link, link->manager, "who@site.test/x", text_data(said), said->length);
        receive(link, link->agent, manager_jid, text_data(said), said->length);
        return;
    case 1: /* whoever has a token, or pretends to */
        if (seal_request(link->agent, manager_jid, said, &link->sealed) == SEAL_DONE)
            receive_sealed(link, link->manager, "who@site.test/x");
        return;
    case 2: /* a manager's answer */
        if (seal_answer(link->manager, SEAL_CURRENT, seal_public_key(link->agent), said,
                        &link->sealed) == SEAL_DONE)
            receive_sealed(link, link->agent, manager_jid);
        return;
    case 3: /* a peer's frame, which may hold another key */
        if (seal_frame(link->agent, manager_jid, said, &link->sealed) != SEAL_DONE)
            return;
        receive_sealed(link, link->manager, agent_jid);
        seal_to_text(link->agent, &link->sealed);
        receive_sealed(link, link->manager, agent_jid);
        return;
    case 4:
        change_key(link, text_data(said));
        return;
    default:
        read_token(text_data(said));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    enum { choices = 6, said_most = 4096 };
    if (!size || size > said_most)
        return 0;
    struct pair_of_ends link;
    auto_clean(text_deinit) struct text said = {0};
    text_add_bytes(&said, (const char *)bytes + 1, size - 1);
    link_open(&link);
    try_all(&link, (uint8_t)(bytes[0] - '0') % choices, &said);
    link_close(&link);
    return 0;
}
