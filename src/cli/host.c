/* What a cluster's owner asks of the downstream manager about hosts. */
#include "cli/host.h"

#include "base/memory.h"
#include "cli/amounts.h"
#include "cli/place.h"
#include "message/owner.h"

static void add_host(struct sheet *sheet, const void *record) {
    const struct owned_host *host = record;
    sheet_add(sheet, "%s", host->name);
    if (host->disk_full)
        sheet_add(sheet, "%s (disk-full)", peer_state_names[host->state]);
    else
        sheet_add_peer(sheet, host->state, host->conflict);
    sheet_add(sheet, "%s", words_age(host->seen_ms).text);
    sheet_add(sheet, "%s%s%s",
              host->cordoned_ms && host->duty ? host_duty_names[host->duty] : "",
              host->cordoned_ms && host->duty ? " " : "",
              host->cordoned_ms ? words_age(host->cordoned_ms).text : "no");
    sheet_add(sheet, "%s", host->lease == LEASE_NONE ? "-" : lease_state_names[host->lease]);
    sheet_add(sheet, "%llu", (unsigned long long)host->vms);
    sheet_add_capacity(sheet, &host->capacity);
}

static uint32_t or_hundred(uint32_t percent) { return percent ? percent : 100; }

static const char *const remaining_words[STAY_COUNT] = {
    [STAY_UNDECIDED] = "not looked at yet",
    [STAY_POLICY] = "may not go elsewhere, or have snapshots; ask their tenants, or wait for them",
    [STAY_STATE] = "lost, as far as is known: the host does not have them",
    [STAY_ROOM] = "no other host has room and is as they have to have it",
    [STAY_IMAGE] = "their image cannot be had",
    [STAY_AWAY] = "the host is not connected: whether they run is not known",
    [STAY_BUSY] = "an operation on them is under way",
    [STAY_TURN] = "others go before them",
    [STAY_FETCHING] = "their image is fetched",
    [STAY_LEAVING] = "on their way out",
    [STAY_LIVE] = "may only go while they run, and are off or held, or this host cannot do that",
    [STAY_FAILED] = "going while they run was tried, and failed: see the manager's log",
};

static const char *const lease_words[LEASE_STATE_COUNT] = {
    [LEASE_NONE] = "none: no VM that may be restarted elsewhere runs there",
    [LEASE_RUNS] = "runs: VMs that may be restarted elsewhere run there",
    [LEASE_ENDED] = "ended: VMs that may be restarted elsewhere run there no more",
    [LEASE_HELD] = "ended, like most hosts': nothing is restarted until you say host recover",
};

static void show_lease(struct sheet *sheet, const struct owned_host *host) {
    sheet_pair(sheet, "warden", "%s", host->guarded ? "keeps leases" : "none is heard of");
    if (host->lease_ends_ms)
        sheet_pair(sheet, "lease", "runs until %s, then VMs that may be are restarted elsewhere",
                   words_date(host->lease_ends_ms).text);
    else
        sheet_pair(sheet, "lease", "%s", lease_words[host->lease]);
    if (host->owed)
        sheet_pair(sheet, "may restart", "%llu VMs, elsewhere, once this host is lost",
                   (unsigned long long)host->owed);
    if (host->evictions)
        sheet_pair(sheet, "to put aside", "%llu VMs that run elsewhere by now",
                   (unsigned long long)host->evictions);
}

static void show_host(const void *record) {
    const struct owned_host *host = record;
    struct sheet sheet = {0};
    sheet_pair(&sheet, "host", "%s", host->name);
    sheet_pair(&sheet, "state", "%s, since %s", peer_state_names[host->state],
               words_date(host->seen_ms).text);
    sheet_pair(&sheet, "software", "%s", *host->software ? host->software : "-");
    sheet_conflict(&sheet, "host", host->conflict, host->conflict_ms);
    if (host->disk_full)
        sheet_pair(&sheet, "disk-full", "it gets no new VMs until there is room: delete VMs or "
                   "images there, or other files");
    if (host->cordoned_ms)
        sheet_pair(&sheet, "cordoned", "since %s, for %s", words_date(host->cordoned_ms).text,
                   host_duty_names[host->duty]);
    else
        sheet_pair(&sheet, "cordoned", "no");
    sheet_pair(&sheet, "labels", "%s", host->labels ? host->labels : "-");
    sheet_pair(&sheet, "lends", "%u %% of its processors, %u %% of its memory",
               or_hundred(host->overcommit.cpus_percent),
               or_hundred(host->overcommit.memory_percent));
    sheet_pair(&sheet, "networks", "%s", host->networks ? host->networks : "-");
    show_lease(&sheet, host);
    sheet_pair(&sheet, "vms", "%llu", (unsigned long long)host->vms);
    for (uint32_t i = 0; i < host->remaining_count; i++)
        sheet_pair(&sheet, i ? "" : "still there", "%llu: %s",
                   (unsigned long long)host->remaining[i].vms,
                   remaining_words[host->remaining[i].why]);
    sheet_capacity(&sheet, &host->capacity);
    sheet_doubts(&sheet, host->overclaims, host->unreadable);
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

static const struct view hosts = {"/v1/hosts", &host_table,
                                  "NAME STATE SINCE CORDONED LEASE VMS CPUS MEMORY DISK", add_host,
                                  show_host};

int host_list(const struct options *options) { return view_list(&hosts, options); }
int host_show(const struct options *options) {
    return view_show(&hosts, options, options->words[2]);
}
int host_cordon(const struct options *options) {
    return view_change(&hosts, options, "POST /cordon", NULL);
}
int host_forget(const struct options *options) {
    return view_change(&hosts, options, "POST /forget", NULL);
}
int host_accept(const struct options *options) {
    return view_change(&hosts, options, "POST /accept", NULL);
}
int host_declare_off(const struct options *options) {
    if (!options->i_have_checked) {
        say("a host that is off runs nothing, and its VMs are restarted elsewhere at once: if it "
            "does run, they run twice. Look at it, then say --i-have-checked");
        return EXIT_USAGE;
    }
    return view_change(&hosts, options, "POST /declare-off", NULL);
}
int host_recover(const struct options *options) {
    return view_change(&hosts, options, "POST /recover", NULL);
}
int host_uncordon(const struct options *options) {
    return view_change(&hosts, options, "POST /uncordon", NULL);
}

int host_drain(const struct options *options) {
    return view_change(&hosts, options, "POST /drain", NULL);
}
int host_maintenance(const struct options *options) {
    return view_change(&hosts, options, "POST /maintenance", NULL);
}
int host_end_maintenance(const struct options *options) {
    return view_change(&hosts, options, "DELETE /maintenance", NULL);
}

static int put(const struct options *options, const char *way, const struct table *table,
               const void *record) {
    struct text body = {0};
    codec_encode(table, record, FIELD_API, &body);
    int result = view_change(&hosts, options, way, &body);
    text_deinit(&body);
    return result;
}

int host_label(const struct options *options) {
    struct host_labels labels = {0};
    if (!text_equal(options->words[3], "none"))
        labels.labels = memory_text(options->words[3]);
    int result = put(options, "PUT /labels", &host_labels_table, &labels);
    record_clear(&host_labels_table, &labels);
    return result;
}

int host_overcommit(const struct options *options) {
    return put(options, "PUT /overcommit", &overcommit_table, &options->overcommit);
}
