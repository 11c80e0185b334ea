/* The verbs of a cluster's owner on upstream managers, limits, permissions and VMs: their paths,
 * rows and sheets. */
#include "cli/owner.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/amounts.h"
#include "cli/explain.h"
#include "cli/watch.h"
#include "message/owner.h"

static bool is_over(const struct amounts *over) {
    return over->vms || over->cpus || over->memory_mib || over->disk_gib;
}

static void add_limits(struct sheet *sheet, const void *record) {
    const struct owned_lending *lending = record;
    struct words words[amounts_count];
    words_amounts(&lending->used, &lending->limits, words);
    sheet_add(sheet, "%s", lending->name);
    for (size_t i = 0; i < amounts_count; i++)
        sheet_add(sheet, "%s", words[i].text);
    sheet_add(sheet, "%s", origin_names[lending->from]);
    sheet_add(sheet, "%s", is_over(&lending->over) ? "yes" : "no");
}

static void add_upstream(struct sheet *sheet, const void *record) {
    const struct owned_lending *lending = record;
    sheet_add(sheet, "%s", lending->name);
    sheet_add(sheet, "%s", peer_state_names[lending->state]);
    sheet_add(sheet, "%s", words_age(lending->seen_ms).text);
    sheet_add(sheet, "%s", lending_phase_names[lending->phase]);
    sheet_add(sheet, "%llu", (unsigned long long)lending->used.vms);
    sheet_add(sheet, "%llu", (unsigned long long)lending->used.cpus);
    sheet_add(sheet, "%s", words_mib(lending->used.memory_mib).text);
    sheet_add(sheet, "%llu GiB", (unsigned long long)lending->used.disk_gib);
}

static void show_over(struct sheet *sheet, const struct amounts *over) {
    if (is_over(over))
        sheet_pair(sheet, "over the limits", "%llu VMs, %llu cpus, %s memory, %llu GiB disk",
                   (unsigned long long)over->vms, (unsigned long long)over->cpus,
                   words_mib(over->memory_mib).text,
                   (unsigned long long)over->disk_gib);
}

/* "16 cpus, 32 GiB memory", or what stands for nothing. */
static void show_amounts(struct sheet *sheet, const char *name, const struct amounts *of,
                         const char *none) {
    struct text words = {0};
    if (of->vms)
        text_addf(&words, ", %llu VMs", (unsigned long long)of->vms);
    if (of->cpus)
        text_addf(&words, ", %llu cpus", (unsigned long long)of->cpus);
    if (of->memory_mib)
        text_addf(&words, ", %s memory", words_mib(of->memory_mib).text);
    if (of->disk_gib)
        text_addf(&words, ", %llu GiB disk", (unsigned long long)of->disk_gib);
    sheet_pair(sheet, name, "%s", words.length ? text_data(&words) + 2 : none);
    text_deinit(&words);
}

static void show_share(struct sheet *sheet, const struct owned_lending *lending) {
    const struct share *share = &lending->share;
    sheet_pair(sheet, "weight", "%u", share->weight ? share->weight : 1);
    show_amounts(sheet, "kept", &share->kept, "nothing");
    show_amounts(sheet, "shown in steps of", &share->steps, "one: exactly");
    sheet_pair(sheet, "share by", "%s", origin_names[lending->share_from]);
}

static void show_upstream(const void *record) {
    const struct owned_lending *lending = record;
    struct sheet sheet = {0};
    sheet_pair(&sheet, "upstream", "%s", lending->name);
    sheet_pair(&sheet, "state", "%s, since %s", peer_state_names[lending->state],
               words_date(lending->seen_ms).text);
    sheet_amounts(&sheet, &lending->used, &lending->limits);
    sheet_pair(&sheet, "limits by", "%s", origin_names[lending->from]);
    show_over(&sheet, &lending->over);
    sheet_pair(&sheet, "verbs", "%s", words_or_all(lending->permissions.verbs));
    sheet_pair(&sheet, "shapes", "%s", words_or_all(lending->permissions.shapes));
    sheet_pair(&sheet, "images", "%s", words_or_all(lending->permissions.images));
    sheet_pair(&sheet, "networks", "%s", words_or_all(lending->permissions.networks));
    sheet_pair(&sheet, "of hosts", "%s", words_or_all(lending->permissions.placing));
    sheet_pair(&sheet, "views", "%s", words_or_all(lending->permissions.views));
    if (lending->permissions.apart_most)
        sheet_pair(&sheet, "kept apart", "from up to %u others of the group",
                   lending->permissions.apart_most);
    sheet_pair(&sheet, "allowed by", "%s", origin_names[lending->permissions_from]);
    show_share(&sheet, lending);
    sheet_doubts(&sheet, false, lending->unreadable);
    sheet_pair(&sheet, "phase", "%s", lending_phase_names[lending->phase]);
    if (lending->revoked_ms)
        sheet_pair(&sheet, "revoked", "%s; its VMs end from %s on",
                   words_date(lending->revoked_ms).text, words_date(lending->ends_ms).text);
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

const struct view upstreams = {"/v1/upstreams", &owned_lending_table,
                               "NAME STATE SINCE PHASE VMS CPUS MEMORY DISK", add_upstream,
                               show_upstream};

int upstream_list(const struct options *options) { return view_list(&upstreams, options); }
int upstream_show(const struct options *options) {
    return view_show(&upstreams, options, options->words[2]);
}

static void add_stream(struct sheet *sheet, const void *record) {
    const struct hosted_stream *stream = record;
    sheet_add(sheet, "%s", stream->id);
    if (stream->port)
        sheet_add(sheet, "port %u", stream->port);
    else
        sheet_add(sheet, "%s", stream_to_names[stream->to]);
    sheet_add(sheet, "%s", stream->vm);
    sheet_add(sheet, "%s", stream->upstream);
    sheet_add(sheet, "%s", stream->host);
    sheet_add(sheet, "%s", stream_state_names[stream->state]);
    sheet_add(sheet, "%s", words_age(stream->asked_ms).text);
}

static const struct view streams = {"/v1/streams", &hosted_stream_table,
                                    "ID TO VM UPSTREAM HOST STATE AGE", add_stream, NULL};

int stream_list(const struct options *options) { return view_list(&streams, options); }
int stream_cut(const struct options *options) { return view_delete(&streams, options, "is cut"); }

int limit_list(const struct options *options) {
    static const struct view limits = {"/v1/upstreams", &owned_lending_table,
                                       "NAME VMS CPUS MEMORY DISK BY OVER", add_limits, NULL};
    return view_list(&limits, options);
}

int limit_set(const struct options *options) {
    struct owned_lending lending;
    int result = view_read(&upstreams, options, &lending);
    if (result != EXIT_DONE)
        return result;
    result = view_put_limits(&upstreams, options, "/limits", &lending.limits);
    record_clear(&owned_lending_table, &lending);
    return result;
}

int upstream_revoke(const struct options *options) {
    struct revocation revocation = {.grace_seconds = options->grace_seconds};
    struct text body = {0};
    if (!options_own(options, 0)) {
        say("upstream revoke needs --grace: how long its VMs run on, 0s for not at all");
        return EXIT_USAGE;
    }
    codec_encode(&revocation_table, &revocation, FIELD_API, &body);
    int result = view_change(&upstreams, options, "POST /revoke", &body);
    text_deinit(&body);
    return result;
}

int upstream_restore(const struct options *options) {
    return view_change(&upstreams, options, "POST /restore", NULL);
}

int permission_set(const struct options *options) {
    struct owned_lending lending;
    struct text body = {0};
    if (!options_own(options, 0)) {
        say("permission set needs at least one of --verbs, --shapes, --images and --networks");
        return EXIT_USAGE;
    }
    int result = view_read(&upstreams, options, &lending);
    if (result != EXIT_DONE)
        return result;
    words_replace(&lending.permissions.verbs, options->verbs);
    words_replace(&lending.permissions.shapes, options->shapes);
    words_replace(&lending.permissions.images, options->images);
    words_replace(&lending.permissions.networks, options->networks);
    words_replace(&lending.permissions.placing, options->placing);
    words_replace(&lending.permissions.views, options->views);
    if (options_given(options, "apart-most"))
        lending.permissions.apart_most = options->apart_most;
    codec_encode(&permissions_table, &lending.permissions, FIELD_API, &body);
    result = view_change(&upstreams, options, "PUT /permissions", &body);
    text_deinit(&body);
    record_clear(&owned_lending_table, &lending);
    return result;
}

int permission_reset(const struct options *options) {
    return view_change(&upstreams, options, "DELETE /permissions", NULL);
}

static void add_vm(struct sheet *sheet, const void *record) {
    const struct hosted_vm *vm = record;
    sheet_add(sheet, "%s", vm->id);
    sheet_add(sheet, "%s", vm->upstream);
    sheet_add(sheet, "%s", vm->host[0] ? vm->host : "-");
    sheet_add(sheet, "%s%s%s", vm_state_names[vm->state], words_unheard(vm->unheard_ms).text,
              vm->lacks_copy ? " (no copy)" : "");
    sheet_add(sheet, "%u", vm->size.cpus);
    sheet_add(sheet, "%s", words_mib(vm->size.memory_mib).text);
    sheet_add(sheet, "%u GiB", vm->size.disk_gib);
    sheet_add(sheet, "%s", words_age(vm->created_ms).text);
    sheet_add(sheet, "%s", vm->move ? move_names[vm->move]
                           : vm->stays ? stay_names[vm->stays] : "-");
    sheet_add(sheet, "%s", on_loss_names[vm->on_loss]);
    sheet_add(sheet, "%s", vm->name);
}

static void show_vm(const struct hosted_vm *vm) {
    struct sheet sheet = {0};
    sheet_pair(&sheet, "vm", "%s", vm->id);
    sheet_pair(&sheet, "name", "%s", vm->name);
    sheet_pair(&sheet, "upstream", "%s", vm->upstream);
    sheet_pair(&sheet, "host", "%s", vm->host[0] ? vm->host : "-");
    sheet_pair(&sheet, "state", "%s%s", vm_state_names[vm->state],
               words_unheard(vm->unheard_ms).text);
    sheet_pair(&sheet, "on drain", "%s", on_drain_names[vm->on_drain]);
    sheet_loss(&sheet, &(struct told_loss){vm->on_loss, vm->restart_from, vm->restarts,
                                           vm->restarted_ms, vm->restored_ms,
                                           vm->unheard_ms && !vm->copies_count,
                                           vm->lacks_copy});
    sheet_copies(&sheet, &(struct told_copies){vm->copies, vm->copies_count, vm->copy_every_s,
                                               vm->copy_max_age_s, vm->copy_late});
    if (vm->move)
        sheet_pair(&sheet, "moves", "%s", move_names[vm->move]);
    if (vm->stays)
        sheet_pair(&sheet, "is there for", "%s", stay_names[vm->stays]);
    sheet_pair(&sheet, "shape", "%s", vm->shape);
    sheet_pair(&sheet, "size", "%u cpus, %s memory, %u GiB disk", vm->size.cpus,
               words_mib(vm->size.memory_mib).text, vm->size.disk_gib);
    sheet_pair(&sheet, "image", "%s", vm->digest);
    if (vm->networks)
        sheet_pair(&sheet, "networks", "%s", vm->networks);
    if (vm->allow)
        sheet_pair(&sheet, "allow", "%s", vm->allow);
    sheet_interfaces(&sheet, vm->interfaces, vm->interfaces_count);
    sheet_pair(&sheet, "operation", "%s", vm->op);
    sheet_pair(&sheet, "created", "%s", words_date(vm->created_ms).text);
    sheet_pair(&sheet, "changed", "%s", words_date(vm->changed_ms).text);
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

static const struct view vms = {"/v1/vms", &hosted_vm_table,
                                "ID UPSTREAM HOST STATE CPUS MEMORY DISK AGE DRAIN LOSS NAME",
                                add_vm, NULL};

int hosted_vm_list(const struct options *options) { return watch_or_list(&vms, options); }
int hosted_vm_show(const struct options *options) {
    struct hosted_vm vm;
    if (options->output != OUTPUT_TABLE)
        return view_show(&vms, options, options->words[2]);
    int result = view_read(&vms, options, &vm);
    if (result != EXIT_DONE)
        return result;
    show_vm(&vm);
    result = explain_newest(options, vm.op, EXPLAIN_OWNER);
    record_clear(&hosted_vm_table, &vm);
    return result;
}
