/* The words for each step, decider and wait of an operation, as the tenant's side and as the
 * cluster's owner call them. */
#include "cli/explain.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *asker, *place, *owner;
    const struct table *table;
} levels[] = {
    [EXPLAIN_UPSTREAM] = {"tenant", "cluster", "an operator", &operation_table},
    [EXPLAIN_OWNER] = {"upstream manager", "host", "the cluster's owner", &hosted_operation_table},
};

/* What a place does in a step. */
static const char *const doings[STEP_COUNT] = {
    [STEP_TAKEN] = "has it on disk",
    [STEP_FETCHING] = "fetches the image",
    [STEP_PREPARING] = "makes disk, first-boot data and definition",
    [STEP_STARTING] = "starts it",
    [STEP_STOPPING] = "stops it",
    [STEP_REBOOTING] = "reboots it",
    [STEP_PAUSING] = "pauses it",
    [STEP_RESUMING] = "resumes it",
    [STEP_SUSPENDING] = "saves its memory to disk",
    [STEP_COPYING] = "copies its disk",
    [STEP_CONNECTING] = "adds or removes a network interface",
    [STEP_DELETING] = "deletes it",
    [STEP_UNDOING] = "removes what was half-made",
};

/* Why a place refuses; of others the code's title. */
static const char *const refusals[CODE_COUNT] = {
    [CODE_NO_CAPACITY] = "it has no room",
    [CODE_NOT_ALLOWED] = "its owner does not allow it",
    [CODE_FULL] = "a table of it is full",
    [CODE_UNSUPPORTED] = "it does not know this",
    [CODE_SHUTTING_DOWN] = "it is stopping",
};

/* What of the request stands in the way, after a code's words. */
static const char *const obstacles[OBSTACLE_COUNT] = {
    [OBSTACLE_NONE] = "",
    [OBSTACLE_VERB] = "; because of the verb",
    [OBSTACLE_SHAPE] = "; because of the shape",
    [OBSTACLE_IMAGE] = "; because of the image",
    [OBSTACLE_NETWORKS] = "; because of the networks",
    [OBSTACLE_HOST_MUST] = "; because of the labels that its host must have",
    [OBSTACLE_GROUP_RULE] = "; because of its group's rule",
    [OBSTACLE_ON_LOSS] = "; because it is to be restarted elsewhere when its host is lost",
};

static const char *const hindrances[HINDRANCE_COUNT] = {
    [HINDRANCE_NONE] = "no reason",
    [HINDRANCE_LABELS] = "it has not the labels that it must have",
    [HINDRANCE_NETWORKS] = "a network is missing there",
    [HINDRANCE_OLD] = "its agent is older than what is asked for",
    [HINDRANCE_GROUP] = "another VM of the group is there",
    [HINDRANCE_RETURNING] = "not connected, and may be back soon",
    [HINDRANCE_AWAY] = "not connected",
    [HINDRANCE_CORDON] = "cordoned",
    [HINDRANCE_REFUSED] = "it was asked, and refused",
    [HINDRANCE_SIZE] = "all that it has is not enough",
    [HINDRANCE_ROOM] = "no room",
    [HINDRANCE_KEPT] = "its room is kept for others",
    [HINDRANCE_LIMITS] = "the limits of this upstream manager",
    [HINDRANCE_WARDEN] = "no warden is heard of there, without which nothing runs by a lease",
    [HINDRANCE_LEASE] = "no leases are given here: lease_seconds in the configuration says so",
};

static const char *reason(const struct timeline_entry *entry) {
    if (entry->code == CODE_NO_CAPACITY && entry->obstacle)
        return "it cannot have it";
    return refusals[entry->code] ? refusals[entry->code] : code_title(entry->code);
}

/* One entry of an operation's timeline, with what is said of it. */
struct entry {
    const struct operation *op;
    const struct timeline_entry *at;
    const char *place; /* its own, or the newest before it */
    enum explain_level level;
};

static void add_decider(const struct entry *entry, struct text *out) {
    switch (entry->at->by) {
    case BY_ASKER:
        text_addf(out, "%s %s", levels[entry->level].asker, entry->op->asker);
        return;
    case BY_PLACE:
        text_addf(out, "%s %s", levels[entry->level].place, entry->place);
        return;
    case BY_OPERATOR:
        text_add(out, levels[entry->level].owner);
        return;
    case BY_MANAGER:
    case DECIDER_COUNT:
        text_add(out, "the manager");
    }
}

static void add_waiting(const struct timeline_entry *entry, enum explain_level level,
                        struct text *out) {
    if (entry->code == CODE_UNREACHABLE && entry->place)
        text_addf(out, "%s %s is not connected", levels[level].place, entry->place);
    else if (entry->code == CODE_NO_CAPACITY)
        text_addf(out, "no %s that is heard has room", levels[level].place);
    else if (entry->code == CODE_NO_COPY && entry->copy_ms)
        text_addf(out, "the copy is not whole any more: it is put aside for that of %s",
                  words_date(entry->copy_ms).text);
    else
        text_add(out, code_title(entry->code));
}

static void add_end(const struct operation *op, const struct timeline_entry *entry,
                    struct text *out) {
    if (entry->code == CODE_OK && entry->by == BY_PLACE)
        text_add(out, " has done it");
    else if (entry->code == CODE_OK)
        text_add(out, ": done");
    else
        text_addf(out, ": %s (%s)%s", code_title(op->code), code_names[op->code],
                  obstacles[entry->obstacle]);
}

static void add_begin(const struct entry *entry, struct text *out) {
    const struct operation *op = entry->op;
    const struct timeline_entry *at = entry->at;
    bool is_tenants = op->verb == VERB_DEFINE && !op->internal && entry->level == EXPLAIN_UPSTREAM;
    text_add(out, at->by == BY_MANAGER ? " begins it"
                  : is_tenants         ? " asks for it; it is within the quota"
                                       : " asks for it");
    if (at->copy_ms)
        text_addf(out, ", from a copy of its disk as it was at %s", words_date(at->copy_ms).text);
}

/* The operator's, by which it is placed; NULL: none, or it is not ours to see. */
static const char *op_rule(const struct entry *entry) {
    return entry->level == EXPLAIN_UPSTREAM ? entry->op->rule : NULL;
}

/* What one entry says, by whom. */
static void add_words(const struct entry *entry, struct text *out) {
    const struct timeline_entry *at = entry->at;
    const char *kind = levels[entry->level].place;
    if (at->step == STEP_WAITING) {
        add_waiting(at, entry->level, out);
        return;
    }
    if (at->step == STEP_LOST) {
        text_addf(out, "%s %s was heard last, which is lost: its lease has ended", kind,
                  entry->place);
        return;
    }
    add_decider(entry, out);
    if (at->step == STEP_ACCEPTED)
        add_begin(entry, out);
    else if (at->step == STEP_PLACED)
        text_addf(out, " chooses %s %s%s%s", kind, entry->place, op_rule(entry) ? ", by rule " : "",
                  op_rule(entry) ? op_rule(entry) : "");
    else if (at->step == STEP_INSTRUCTED)
        text_addf(out, " instructs %s %s", kind, entry->place);
    else if (at->step == STEP_REFUSED)
        text_addf(out, " refuses: %s%s", reason(at), obstacles[at->obstacle]);
    else if (at->step == STEP_ENDED)
        add_end(entry->op, at, out);
    else
        text_addf(out, " %s", doings[at->step] ? doings[at->step] : "is at it");
}

void explain_waits(const struct operation *op, enum explain_level level, struct text *out) {
    const char *kind = levels[level].place;
    const char *place = op->waits.place ? op->waits.place : "";
    switch (op->waits.wait) {
    case WAIT_NOTHING:
    case WAIT_COUNT:
        return;
    case WAIT_TAKING:
        text_addf(out, "%s %s to take it", kind, place);
        break;
    case WAIT_RESULT:
        text_addf(out, "%s %s, which is at it", kind, place);
        break;
    case WAIT_PLACE:
        text_addf(out, "%s %s to be connected", kind, place);
        break;
    case WAIT_LINK:
        text_addf(out, "room in the link to %s %s", kind, place);
        break;
    case WAIT_RETRY:
        text_addf(out, "the next try at %s %s", kind, place);
        break;
    case WAIT_IMAGE:
        text_add(out, "the image to come into the cluster's repository");
        break;
    case WAIT_TURN:
        text_addf(out, "its turn at %s %s, which has enough to do for this upstream", kind, place);
        break;
    case WAIT_ROOM:
        text_addf(out, "a %s with room to be heard", kind);
        break;
    case WAIT_BLOCKS:
        text_add(out, "the cluster's block store to answer");
        break;
    case WAIT_COPY:
        text_add(out, "a copy of its disk, which is not in the block store any more");
        break;
    }
    if (op->waits.since_ms)
        text_addf(out, ", since %s", words_date(op->waits.since_ms).text);
    if (op->waits.sent > 1)
        text_addf(out, "; instructed %u times", op->waits.sent);
}

/* "": all of them are named. */
static struct words words_more(const struct hindered *hindered) {
    struct words words = {""};
    uint64_t named = hindered->names ? 1 : 0;
    for (const char *at = hindered->names; at && (at = strchr(at, ',')); at++)
        named++;
    if (hindered->hosts > named)
        text_format(words.text, sizeof(words.text), " and %llu more",
                    (unsigned long long)(hindered->hosts - named));
    return words;
}

void explain_print(const struct operation *op, enum explain_level level) {
    const char *place = "";
    for (uint32_t i = 0; i < op->timeline_count; i++) {
        const struct timeline_entry *entry = &op->timeline[i];
        auto_clean(text_deinit) struct text words = {0};
        uint64_t before = i ? op->timeline[i - 1].at_ms : op->created_ms;
        uint64_t delta = entry->at_ms > before ? entry->at_ms - before : 0;
        place = entry->place ? entry->place : place;
        add_words(&(struct entry){op, entry, place, level}, &words);
        printf("%s  +%llu.%03llus  %-10s  %s\n", words_moment(entry->at_ms).text,
               (unsigned long long)(delta / 1000), (unsigned long long)(delta % 1000),
               step_names[entry->step], text_data(&words));
    }
    for (uint32_t i = 0; i < op->hindered_count; i++) {
        const struct hindered *hindered = &op->hindered[i];
        printf("not on %s%s: %s\n", hindered->names ? hindered->names : "any host",
               words_more(hindered).text, hindrances[hindered->why]);
    }
}

int explain_newest(const struct options *options, const char *id, enum explain_level level) {
    struct call call;
    struct error err;
    struct operation op;
    if (!*id)
        return EXIT_DONE;
    call_init(&call, options, "GET", "/v1/operations");
    call_add_segment(&call, id);
    call.http.url = call.url.data;
    int result = EXIT_DONE;
    if (http_call(&call.http, &err) < 0) {
        say("%s", err.text);
        result = EXIT_UNREACHABLE;
    } else if (call.http.status < 400) { /* otherwise it is no longer kept */
        result = call_decode(&call, levels[level].table, &op);
        if (result == EXIT_DONE) {
            auto_clean(text_deinit) struct text waits = {0};
            explain_waits(&op, level, &waits);
            printf("\n%s %s%s%s\n", verb_names[op.verb], op_state_names[op.state],
                   waits.length ? "; waits for " : "", text_data(&waits));
            explain_print(&op, level);
            record_clear(levels[level].table, &op);
        }
    }
    call_deinit(&call);
    return result;
}

void sheet_interfaces(struct sheet *sheet, const struct interface *interfaces, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        sheet_pair(sheet, "interface", "%s, MAC %s%s%s", interfaces[i].network, interfaces[i].mac,
                   *interfaces[i].ips ? ", IP " : "", interfaces[i].ips);
}

static void add_restarts(struct sheet *sheet, const struct told_loss *loss) {
    const char *again = loss->restarts > 1 ? "; not for the first time" : "";
    struct words at = words_date(loss->restarted_ms);
    if (loss->lacks_copy)
        sheet_pair(sheet, "lost",
                   "%s, with its host or cluster: to be made anew from a copy of its disk, of "
                   "which none is left%s",
                   at.text, again);
    else if (loss->restored_ms)
        sheet_pair(sheet, "restarted",
                   "%s, as its host or cluster was lost: made anew from a copy of its disk as it "
                   "was at %s, what it held after that is lost%s",
                   at.text, words_date(loss->restored_ms).text, again);
    else
        sheet_pair(sheet, "restarted",
                   "%s, as its host or cluster was lost: made anew from its image, what its disk "
                   "held before is lost%s",
                   at.text, again);
}

struct words words_copy(const struct copy *copies, uint32_t count) {
    return words_age(count ? copies[count - 1].made_ms : 0);
}

/* In the largest unit of which it is a whole number. */
static struct words words_every(uint32_t seconds) {
    struct words words;
    if (seconds % 3600 == 0)
        text_format(words.text, sizeof(words.text), "%uh", seconds / 3600);
    else if (seconds % 60 == 0)
        text_format(words.text, sizeof(words.text), "%um", seconds / 60);
    else
        text_format(words.text, sizeof(words.text), "%us", seconds);
    return words;
}

void sheet_copies(struct sheet *sheet, const struct told_copies *told) {
    if (told->count)
        sheet_pair(sheet, "copies", "%u, the newest %s old", told->count,
                   words_copy(told->copies, told->count).text);
    if (told->max_age_s)
        sheet_pair(sheet, "copied", "%s%s, late when older than %s%s",
                   told->every_s ? "every " : "when asked to",
                   told->every_s ? words_every(told->every_s).text : "",
                   words_every(told->max_age_s).text, told->is_late ? ": it is late" : "");
}

void sheet_loss(struct sheet *sheet, const struct told_loss *loss) {
    bool from_copy = loss->restart_from == RESTART_FROM_COPY;
    const char *waits = loss->lacks_copy ? ": none is left, so that it is nowhere; what its host "
                                           "had is put aside there"
                        : loss->is_bare  ? ": there is none, so that it waits for its host"
                                         : "";
    sheet_pair(sheet, "on loss", "%s%s%s", on_loss_names[loss->on_loss],
               from_copy ? ", from a copy" : "", from_copy ? waits : "");
    if (loss->restarts)
        add_restarts(sheet, loss);
}
