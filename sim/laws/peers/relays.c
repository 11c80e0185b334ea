/* What a relay may tell whom, and of what age. */
#include "sim/laws/peers/relays.h"

#include <string.h>

#include "sim/laws/law.h"
#include "sim/parts/link.h"
#include "sim/parts/servers/relays.h"

/* What a relay that stood still for a while goes on with is older by that. */
enum { oldest_ms = relay_stale_ms + relay_absent_ms };

static void check_account(struct sim_world *world, const struct sim_server *server,
                          const struct relay_account *account) {
    bool is_absent = account->connection && !account->is_listening &&
                     world->now_ms > account->absent_ms + relay_absent_ms + law_slack_ms;
    if (account->waiting.length > relay_waiting_bytes + relay_told_bytes)
        law_fail(world, "what waits at a relay is bounded", "%zu bytes for %s",
                 account->waiting.length, account->address);
    if (is_absent && server->up && world->now_ms > server->since_ms + law_slack_ms)
        law_fail(world, "who does not listen at a relay is away", "%s is there",
                 account->address);
}

void relays_check(struct sim_world *world, const struct sim_relay *of) {
    const struct relay_account *stranger = of->stranger;
    for (size_t i = 0; i < of->relay.accounts_count; i++)
        check_account(world, &world->servers[of->server], of->relay.accounts[i]);
    if (relay_has_news(stranger))
        law_fail(world, "a relay passes nothing to strangers", "server %u: %.60s", of->server,
                 text_data(&stranger->waiting));
}

static const struct sim_link *link_of(const struct fact_relayed *relayed, const char *address) {
    const struct sim_server *server =
        &relayed->to->world->servers[relayed->relay->server];
    const struct relay_account *account = relay_find(&relayed->relay->relay, address);
    return account && account->number < server->links_count ? server->links[account->number]
                                                            : NULL;
}

static void check_frame(struct sim_world *world, const struct fact_relayed *relayed) {
    const char *from = relayed->news->address, *to = relayed->to->address;
    if (link_of(relayed, from) != relayed->from)
        law_fail(world, "a frame is from whom the relay says", "%s heard %s, it was %s", to, from,
                 relayed->from ? relayed->from->address : "a stranger");
    if (relayed->came_ms < relayed->opened_ms)
        law_fail(world, "nothing is stale", "%s, there since %llu, hears what came at %llu", to,
                 (unsigned long long)relayed->opened_ms, (unsigned long long)relayed->came_ms);
    if (world->now_ms - relayed->came_ms > oldest_ms)
        law_fail(world, "nothing is stale", "%s hears what came %llu ms ago", to,
                 (unsigned long long)(world->now_ms - relayed->came_ms));
}

void relays_check_passed(struct sim_world *world, const struct fact_relayed *relayed) {
    const struct sim_link *of = link_of(relayed, relayed->news->address);
    if (!of || !link_is_joined(relayed->to, of))
        law_fail(world, "who may not reach somebody does not", "%s hears of %s",
                 relayed->to->address, relayed->news->address);
    if (relayed->news->kind == NEWS_FRAME)
        check_frame(world, relayed);
}
