/* The words for each conflict; leftovers as rows, and what is asked to become of them. */
#include "cli/place.h"

#include "message/leftover.h"

static const char *const conflict_words[CONFLICT_COUNT] = {
    [CONFLICT_STORE] = "came with another store: not believed until it is accepted",
    [CONFLICT_OLDER] = "came with an older copy of its store: not believed until it is accepted",
    [CONFLICT_MANAGER] = "has heard of a later manager by our name, and follows that one",
    [CONFLICT_ADDRESS] = "is not alone at its address: give each of the two an account of its own",
};

void sheet_add_peer(struct sheet *sheet, enum peer_state state, enum conflict conflict) {
    if (conflict)
        sheet_add(sheet, "%s (%s)", peer_state_names[state], conflict_names[conflict]);
    else
        sheet_add(sheet, "%s", peer_state_names[state]);
}

void sheet_conflict(struct sheet *sheet, const char *what, enum conflict conflict,
                    uint64_t conflict_ms) {
    if (conflict)
        sheet_pair(sheet, "conflict", "%s: the %s %s", words_date(conflict_ms).text, what,
                   conflict_words[conflict]);
}

static const char *fate(const struct leftover *leftover) {
    return leftover->leaving ? "is being removed" : leftover->known ? "known elsewhere" : "unknown";
}

static void add_leftover(struct sheet *sheet, const void *record) {
    const struct leftover *leftover = record;
    const struct size *size = &leftover->size;
    sheet_add(sheet, "%s", leftover->vm);
    sheet_add(sheet, "%s", leftover->place);
    sheet_add(sheet, "%s", vm_state_names[leftover->state]);
    sheet_add(sheet, "%u", size->cpus);
    sheet_add(sheet, "%s", words_mib(size->memory_mib).text);
    sheet_add(sheet, "%u GiB", size->disk_gib);
    sheet_add(sheet, "%s", fate(leftover));
}

static void show_leftover(const void *record) {
    const struct leftover *leftover = record;
    struct sheet sheet = {0};
    sheet_pair(&sheet, "vm", "%s", leftover->vm);
    sheet_pair(&sheet, "at", "%s", leftover->place);
    sheet_pair(&sheet, "state", "%s", vm_state_names[leftover->state]);
    if (leftover->leaving)
        sheet_pair(&sheet, "", "its removal has been asked for");
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

static const struct view leftovers = {"/v1/leftovers", &leftover_table,
                                      "VM AT STATE CPUS MEMORY DISK HERE", add_leftover,
                                      show_leftover};

static int list_at(const struct options *options) {
    struct options at = *options;
    at.place = options->words_count > 2 ? options->words[2] : NULL;
    return view_list(&leftovers, &at);
}

static int choose(const struct options *options, const char *way, const struct table *table,
                  const struct leftover_choice *choice) {
    struct text body = {0};
    codec_encode(table, choice, FIELD_API, &body);
    int result = view_change(&leftovers, options, way, &body);
    text_deinit(&body);
    return result;
}

/* What is too long for a name is none: the manager says so. */
static void put(char *field, size_t size, const char *given) {
    if (given && !text_copy(field, size, given))
        text_set_sized(field, size, "-");
}

int host_leftovers(const struct options *options) { return list_at(options); }
int cluster_leftovers(const struct options *options) { return list_at(options); }

int host_adopt(const struct options *options) {
    struct leftover_choice choice = {0};
    put(choice.place, sizeof(choice.place), options->host);
    put(choice.asker, sizeof(choice.asker), options->upstream);
    return choose(options, "POST /adopt", &leftover_adopt_host_table, &choice);
}

int host_discard(const struct options *options) {
    struct leftover_choice choice = {0};
    put(choice.place, sizeof(choice.place), options->host);
    return choose(options, "POST /discard", &leftover_discard_table, &choice);
}

int cluster_adopt(const struct options *options) {
    struct leftover_choice choice = {0};
    put(choice.place, sizeof(choice.place), options->cluster);
    put(choice.asker, sizeof(choice.asker), options->tenant);
    put(choice.name, sizeof(choice.name), options->words[3]);
    return choose(options, "POST /adopt", &leftover_adopt_cluster_table, &choice);
}

int cluster_discard(const struct options *options) {
    struct leftover_choice choice = {0};
    put(choice.place, sizeof(choice.place), options->cluster);
    return choose(options, "POST /discard", &leftover_discard_table, &choice);
}

static void add_salvage(struct sheet *sheet, const void *record) {
    const struct eviction *eviction = record;
    sheet_add(sheet, "%s", eviction->id);
    sheet_add(sheet, "%s", eviction->vm);
    sheet_add(sheet, "%s", eviction->place);
    sheet_add(sheet, "%s", words_age(eviction->since_ms).text);
    sheet_add(sheet, "%s", eviction->done_ms ? "put aside" : "host is away");
    sheet_add(sheet, "salvage/%s-%u", eviction->vm, eviction->epoch);
}

static const struct view salvage = {"/v1/salvage", &eviction_table,
                                    "ID VM HOST AGE STATE FOLDER", add_salvage, NULL};

int salvage_list(const struct options *options) { return view_list(&salvage, options); }
int salvage_forget(const struct options *options) {
    return view_delete(&salvage, options, "is listed no more; its files stay on its host");
}
