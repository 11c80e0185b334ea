/* What counts in an upstream manager's sum, which shapes it may ask for, by which size the hosts
 * count them, and where a VM stands that waits for its image. */
#include "core/downstream/lending.h"

#include <string.h>

#include "base/memory.h"
#include "core/above/instruct.h"
#include "core/below/lend.h"
#include "core/books/amounts.h"
#include "core/books/lifecycle.h"
#include "core/manager/reads.h"
#include "core/manager/streams.h"

void downstream_set_template(struct book_vm *vm, const struct template *template) {
    struct template **kept = &downstream_vm(vm)->template;
    if (*kept) {
        record_clear(&template_table, *kept);
        memory_free(*kept);
    }
    *kept = NULL;
    if (!template)
        return;
    *kept = memory_new(1, sizeof(**kept));
    record_clone(&template_table, template, *kept);
}

void downstream_unhold(struct book_vm *vm) {
    struct downstream_vm *hosted = downstream_vm(vm);
    if (!hosted->held)
        return;
    list_remove(&hosted->by_held);
    record_clear(message_table(MESSAGE_INSTRUCT), hosted->held);
    memory_free(hosted->held);
    hosted->held = NULL;
}

struct lending *downstream_lending(const struct downstream *downstream, const char *name) {
    for (size_t i = 0; i < downstream->lendings_count; i++)
        if (text_equal(downstream->lendings[i].uplink.setting.name, name))
            return &downstream->lendings[i];
    return NULL;
}

void downstream_count(struct downstream *downstream, struct book_vm *vm) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    bool occupies = lifecycle_occupies(vm->record.state);
    if (!lending || vm->counted == occupies)
        return;
    vm->counted = occupies;
    if (occupies)
        amounts_add(&lending->used, &vm->record.size);
    else
        amounts_remove(&lending->used, &vm->record.size);
}

void downstream_await_image(struct downstream *downstream, struct lending *lending,
                            struct book_vm *vm) {
    if (*vm->record.place) {
        list_remove(&vm->active->by_room);
        list_add(&downstream->rebuilds, &vm->active->by_room);
    } else {
        list_remove(&vm->by_place);
        list_add(&downstream->waiting, &vm->by_place);
    }
    struct effect_image *image = &effects_add(downstream->manager.moment.out, EFFECT_IMAGE)->image;
    image->link = lending->uplink.setting.link;
    text_set(image->digest, vm->active->record.definition.image);
}

bool downstream_is_for(const struct downstream *downstream, const struct book_vm *vm,
                       const char *digest, const struct event_image *image) {
    const struct lending *lending = downstream_lending(downstream, vm->record.asker);
    return lending && lending->uplink.setting.link == image->link &&
           text_equal(digest, image->digest);
}

struct amounts *downstream_used(struct downstream *downstream, const struct book_vm *vm) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    return lending && vm->counted ? &lending->used : NULL;
}

void downstream_drain_soon(struct downstream *downstream) {
    uint64_t due = downstream->manager.moment.now_ms;
    for (size_t i = 0; i < downstream->manager.downlink.count; i++)
        if (peer_is_emptied(&downstream->manager.downlink.peers[i]) &&
            due < downstream->drain_due_ms)
            downstream->drain_due_ms = due;
}

/* A shape may not pass by a name that says another size than its own. */
static bool says_size(const char *name) {
    static const char *const parts[] = {"c", "-m", "-d"};
    for (size_t i = 0; i < array_size(parts); i++) {
        size_t digits = 0;
        if (!text_starts(name, parts[i]))
            return false;
        name += strlen(parts[i]);
        digits = strspn(name, "0123456789");
        if (!digits)
            return false;
        name += digits;
    }
    return !*name;
}

void lending_apply_views(struct lending *lending) {
    struct uplink *uplink = &lending->uplink;
    bool hides = !words_allow(lending->permissions.views, view_ips);
    if (hides == uplink->hides_ips)
        return;
    uplink->hides_ips = hides;
    if (uplink_is_open(uplink)) /* otherwise the next session's digests differ */
        uplink_send_table(uplink);
}

bool lending_shows_log(const struct lending *lending) {
    return words_allow(lending->permissions.views, view_log);
}

void downstream_on_reading(struct manager *manager, const struct reader *reader,
                           const struct reading *reading) {
    const struct downstream *downstream = container_of(manager, struct downstream, manager);
    const struct lending *lending =
        downstream_lending(downstream, reader->uplink->setting.name);
    const struct reading forbidden = {.code = CODE_NOT_ALLOWED};
    if (reader->uplink->session.number == reader->session)
        uplink_send_reading(reader->uplink, reader->number,
                            lending_shows_log(lending) ? reading : &forbidden);
}

bool lending_lets(const struct lending *lending, const struct open *open) {
    const char *const views[STREAM_TO_COUNT] = {[STREAM_TO_CONSOLE] = view_console,
                                                [STREAM_TO_PORT] = view_ports,
                                                [STREAM_TO_SCREEN] = view_screen};
    return lending->phase == LENDING_LENT &&
           words_allow(lending->permissions.views, views[open_to(open)]);
}

bool downstream_may_stream(const struct manager *manager, const struct stream *stream) {
    const struct downstream *downstream = container_of(manager, struct downstream, manager);
    const struct uplink *uplink = stream->viewer.uplink;
    return uplink_is_open(uplink) &&
           lending_lets(downstream_lending(downstream, uplink->setting.name),
                        &stream->viewer.open);
}

/* What the stream is to, for the owner's log. */
static void name_end(const struct open *open, struct text *out) {
    if (open_to(open) == STREAM_TO_PORT)
        text_addf(out, "port %u", open->port);
    else
        text_add(out, open_to(open) == STREAM_TO_SCREEN ? "the screen" : "the console");
}

void downstream_on_stream(struct manager *manager, struct stream *stream, enum code code) {
    struct uplink *uplink = stream->viewer.uplink;
    struct opened opened = {.number = stream->viewer.open.number, .code = code};
    auto_clean(text_deinit) struct text at = {0};
    name_end(&stream->viewer.open, &at);
    if (stream->state == STREAM_JOINED || (stream->state == STREAM_IS_READY && code != CODE_OK)) {
        effects_note(manager->moment.out, NOTE_INFO, "", "%s of VM %s is closed: %s", at.data,
                     stream->asked.vm, code_names[code]);
        return;
    }
    text_set(opened.key, code == CODE_OK ? stream->key : "");
    if (code == CODE_OK)
        effects_note(manager->moment.out, NOTE_INFO, "", "upstream %s opens %s of VM %s",
                     uplink->setting.name, at.data, stream->asked.vm);
    if (uplink->session.number == stream->viewer.session)
        uplink_send_opened(uplink, &opened);
}

/* For a new VM, or for one that there is. */
bool lending_has_shape(const struct lending *lending, const struct shape *shape) {
    const char *shapes = lending->permissions.shapes;
    struct shape sized;
    text_format(sized.name, sizeof(sized.name), "c%u-m%u-d%u", shape->size.cpus,
                shape->size.memory_mib, shape->size.disk_gib);
    const char *name = says_size(shape->name) ? sized.name : shape->name;
    return lending->phase == LENDING_LENT &&
           (words_allow(shapes, name) || words_have(shapes, sized.name));
}

bool downstream_allows_shape(const struct lending *lending, const struct shape *shape) {
    return words_allow(lending->permissions.verbs, verb_names[VERB_DEFINE]) &&
           lending_has_shape(lending, shape);
}

/* The hosts count fits by size; the same size under two upstreams' names is one entry. */
static void put_size(struct downlink *downlink, size_t at, const struct size *size) {
    struct shape shape = {.size = *size};
    text_format(shape.name, sizeof(shape.name), "c%u-m%u-d%u", size->cpus, size->memory_mib,
                size->disk_gib);
    downlink_set_shape(downlink, at, &shape);
}

bool downstream_learn_size(struct downstream *downstream, const struct size *size) {
    struct downlink *downlink = &downstream->manager.downlink;
    bool known = downlink_shape(downlink, size) >= 0;
    if (!known && downlink->catalogue_count == limit_shapes)
        return false;
    if (!known)
        put_size(downlink, downlink->catalogue_count, size);
    return true;
}

/* What of the catalogue each lending holds, a bit for each entry: by its shapes, and by its VMs,
 * which may have to go to other hosts. */
struct holdings {
    uint64_t held[limit_uplinks];
};

static void hold(const struct downstream *downstream, struct holdings *holdings, const char *name,
                 const struct size *size) {
    const struct lending *lending = downstream_lending(downstream, name);
    int at = lending ? downlink_shape(&downstream->manager.downlink, size) : -1;
    if (at >= 0)
        holdings->held[lending - downstream->lendings] |= UINT64_C(1) << at;
}

static struct holdings count_holdings(const struct downstream *downstream) {
    struct holdings holdings = {0};
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        const struct uplink *uplink = &downstream->lendings[i].uplink;
        for (size_t k = 0; k < uplink->shapes_count; k++)
            hold(downstream, &holdings, uplink->setting.name, &uplink->shapes[k].size);
    }
    list_for(const struct book_vm, vm, &downstream->manager.book.vms, by_age)
        hold(downstream, &holdings, vm->record.asker, &vm->record.size);
    return holdings;
}

static size_t count_bits(uint64_t bits) {
    size_t count = 0;
    for (; bits; bits &= bits - 1)
        count++;
    return count;
}

/* Of the full catalogue the last entry that nobody holds; or, for a lending with less than its
 * share, that nobody holds who has no more than that. There is such a one then: all shares together
 * are no more than the catalogue. limit_shapes: none. */
static size_t find_entry(const struct downstream *downstream, const struct holdings *holdings,
                         const struct lending *lending) {
    size_t share = limit_shapes / downstream->lendings_count, at = limit_shapes;
    uint64_t held = 0, kept = 0;
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        held |= holdings->held[i];
        kept |= count_bits(holdings->held[i]) <= share ? holdings->held[i] : 0;
    }
    if (held == UINT64_MAX && count_bits(holdings->held[lending - downstream->lendings]) < share)
        held = kept;
    while (at > 0 && (held >> (at - 1) & 1))
        at--;
    return at ? at - 1 : limit_shapes;
}

static bool take_entry(struct downstream *downstream, struct holdings *holdings,
                       const struct lending *lending, const struct size *size) {
    size_t at = find_entry(downstream, holdings, lending);
    if (at == limit_shapes)
        return false;
    for (size_t i = 0; i < downstream->lendings_count; i++)
        holdings->held[i] &= ~(UINT64_C(1) << at);
    put_size(&downstream->manager.downlink, at, size);
    hold(downstream, holdings, lending->uplink.setting.name, size);
    return true;
}

const struct shape *downstream_learn_shapes(struct downstream *downstream,
                                            const struct lending *lending) {
    const struct uplink *uplink = &lending->uplink;
    const struct shape *lacks = NULL;
    size_t first = 0;
    while (first < uplink->shapes_count &&
           downstream_learn_size(downstream, &uplink->shapes[first].size))
        first++;
    if (first == uplink->shapes_count)
        return NULL;
    struct holdings holdings = count_holdings(downstream);
    for (size_t i = first; i < uplink->shapes_count && !lacks; i++) {
        const struct size *size = &uplink->shapes[i].size;
        if (downlink_shape(&downstream->manager.downlink, size) < 0 &&
            !take_entry(downstream, &holdings, lending, size))
            lacks = &uplink->shapes[i];
    }
    return lacks;
}

bool downstream_is_homeless(const struct book_vm *vm) {
    return vm->stored.move == MOVE_LEAVING ||
           (!*vm->record.place && list_is_empty(&vm->by_place));
}
