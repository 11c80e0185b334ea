/* Which law hears of which fact. */
#include "sim/laws/laws.h"

#include "core/role.h"
#include "message/codec.h"
#include "sim/laws/check.h"

static void check_readable(struct sim_world *world, const struct fact_unreadable *what) {
    check_fail(world, "what is written can be read", "%s: %s %s", what->bytes, what->fault->field,
               what->fault->text);
}

void laws_observe(struct sim_world *world, const struct fact *fact) {
    struct sim_node *node = fact->node;
    switch (fact->kind) {
    case FACT_STARTS:
        break;
    case FACT_STARTED:
        check_restarted(world, node);
        break;
    case FACT_CRASHES:
        check_crashes(world, node);
        break;
    case FACT_STEP:
        check_role(world, node, fact->effects);
        check_step(world, node, fact->effects);
        break;
    case FACT_COMMIT:
        check_commit(world, node, fact->effects);
        break;
    case FACT_MINUTE:
        check_minute(world);
        break;
    case FACT_ASKED:
        check_asked(world, node, fact->request);
        break;
    case FACT_ANSWERED:
        check_answered(world, node, fact->reply);
        break;
    case FACT_SAID:
        check_wall_told(world, node, fact->message);
        break;
    case FACT_UPLINK:
        check_wall(world, node, fact->uplink.to, fact->uplink.bytes);
        break;
    case FACT_UNREADABLE:
        check_readable(world, &fact->unreadable);
        break;
    case FACT_LINE_LOST:
        check_line_lost(world, &fact->line);
        break;
    case FACT_LINE_UP:
        check_line_up(world, &fact->line);
        break;
    case FACT_JOB_BEGINS:
        check_job_begins(world, node, fact->job);
        break;
    case FACT_JOB_ACTS:
        check_job_acts(world, node, fact->job);
        break;
    case FACT_HOST:
        check_host(world, node);
        break;
    case FACT_MOVED:
        check_moved(world, fact->domain.domain);
        break;
    case FACT_COPIES:
        check_copies(world, &fact->domain);
        break;
    case FACT_DECISION:
        check_decision(world, node, &fact->decision);
        break;
    case FACT_CONSENT:
        check_consent(world, node, &fact->consent);
        break;
    }
}
