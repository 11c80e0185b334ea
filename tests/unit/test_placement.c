/* Counts of what fits and the choice of a place: kept step by step, equal to what is computed from
 * scratch after any history of peers that come, go and are cordoned, capacities, definitions and
 * new shapes. What the owner's policy makes of them: test_share.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/below/claims.h"
#include "core/below/instruct.h"
#include "core/below/peer.h"
#include "core/below/placement.h"
#include "message/id.h"
#include "message/owner.h"

enum { peers = 11, shapes_first = 2, shapes_most = 5, ops_most = 40, steps = 4000, seeds = 20,
       images = 3 };

/* What the downlink was told, remembered by other means. */
struct model {
    struct prng prng;
    struct downlink downlink;
    struct book book;
    struct id_maker ids;
    uint64_t now_ms, fits[peers][shapes_most], cpus[peers];
    struct fit told[peers][shapes_most]; /* newest, or stored before the start */
    uint32_t told_count[peers];
    struct book_op *ops[ops_most]; /* definitions that no capacity counts yet */
    size_t places[ops_most];
    size_t ops_count;
    bool cordoned[peers];
    bool has[peers][images];
    struct moment moment;
    struct effects out;
};

static struct shape shape_of(size_t number) {
    struct shape shape = {.size = {(uint32_t)number + 1, 256, 1}};
    text_format(shape.name, sizeof(shape.name), "shape%zu", number);
    return shape;
}

static struct event event_now(struct model *model, enum event_kind kind) {
    return (struct event){.kind = kind, .now_ms = model->moment.now_ms,
                          .wall_ms = model->moment.wall_ms};
}

static size_t pick(struct model *model, size_t bound) { return prng_below(&model->prng, bound); }

static void says_hello(struct model *model, size_t which) {
    struct message hello = {.kind = MESSAGE_HELLO, .hello = {1, 1, "test", 0}};
    struct frame frame = {{1 + pick(model, 1000000), 0, 1}, &hello, 1};
    struct peer *peer = &model->downlink.peers[which];
    struct event event = event_now(model, EVENT_FRAME);
    event.frame = (struct event_frame){0, peer->setting.address, &frame};
    (void)downlink_on_frame(peer, &event);
    memset(model->has[which], 0, sizeof(model->has[which]));
}

static void image_of(size_t number, char out_digest[limit_digest_size]) {
    text_format(out_digest, limit_digest_size, "%016zx%048d", images - number, 0);
}

static void tells_images(struct model *model, size_t which) {
    struct held_image held[images];
    struct message message = {.kind = MESSAGE_HOLDS, .holds.images = held};
    for (size_t i = 0; i < images; i++) {
        model->has[which][i] = pick(model, 2);
        if (model->has[which][i])
            image_of(i, held[message.holds.images_count++].digest);
    }
    downlink_on_message(&model->downlink.peers[which], &message);
}

/* Of the first of the shapes. */
static struct capacity some_capacity(struct model *model, size_t which) {
    model->told_count[which] = (uint32_t)pick(model, model->downlink.catalogue_count + 1);
    model->cpus[which] = pick(model, 100);
    for (size_t i = 0; i < model->told_count[which]; i++) {
        struct fit *fit = &model->told[which][i];
        text_set(fit->shape, shape_of(i).name);
        fit->count = pick(model, 6);
    }
    return (struct capacity){.cpus_total = model->cpus[which],
                             .cpus_free = model->cpus[which],
                             .fits = model->told[which],
                             .fits_count = model->told_count[which]};
}

static void tells_capacity(struct model *model, size_t which) {
    struct message message = {.kind = MESSAGE_CAPACITY, .capacity = some_capacity(model, which)};
    memset(model->fits[which], 0, sizeof(model->fits[which]));
    for (size_t i = 0; i < message.capacity.fits_count; i++)
        model->fits[which][i] = message.capacity.fits[i].count;
    downlink_on_message(&model->downlink.peers[which], &message);
}

static void goes_away(struct model *model, size_t which) {
    struct event event = event_now(model, EVENT_PEER);
    event.presence = (struct event_presence){
        0, model->downlink.peers[which].setting.address, PRESENCE_DOWN};
    downlink_on_presence(&model->downlink, &event);
}

/* As many of the shape as are needed to be as large, in each respect, as the one that comes. */
static uint64_t reserved(const struct model *model, size_t which, size_t shape) {
    const struct size *size = &model->downlink.catalogue[shape].size;
    uint64_t count = 0;
    for (size_t i = 0; i < model->ops_count; i++) {
        const struct size *put = &book_vm(&model->book, model->ops[i]->record.vm)->record.size;
        uint64_t takes = 0;
        if (model->places[i] != which)
            continue;
        while (takes * size->cpus < put->cpus || takes * size->memory_mib < put->memory_mib ||
               takes * size->disk_gib < put->disk_gib)
            takes++;
        count += takes;
    }
    return count;
}

/* From scratch: what of the shape fits at the peer. */
static uint64_t room_at(const struct model *model, size_t which, size_t shape) {
    bool up = model->downlink.peers[which].state == PEER_UP && !model->cordoned[which];
    return up ? model->fits[which][shape] - reserved(model, which, shape) : 0;
}

static void assert_counts(const struct model *model) {
    const struct downlink *downlink = &model->downlink;
    uint64_t cpus = 0, up = 0;
    for (size_t shape = 0; shape < downlink->catalogue_count; shape++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < peers; i++)
            sum += room_at(model, i, shape);
        assert_true(downlink->sum.fits[shape] == sum);
    }
    for (size_t i = 0; i < peers; i++) {
        if (downlink->peers[i].state != PEER_UP)
            continue;
        up++;
        if (model->cordoned[i])
            continue;
        cpus += model->cpus[i];
        for (size_t k = 0; k < model->ops_count; k++)
            if (model->places[k] == i)
                cpus -= book_vm(&model->book, model->ops[k]->record.vm)->record.size.cpus;
    }
    assert_true(downlink->sum.total.cpus_free == cpus);
    assert_int_equal(downlink->up_count, up);
}

/* What is shown of a peer is what it told last, shape by shape. */
static void assert_shown(struct model *model) {
    for (size_t i = 0; i < peers; i++) {
        const struct capacity told = {.cpus_total = model->cpus[i], .cpus_free = model->cpus[i],
                                      .fits = model->told[i],
                                      .fits_count = model->told_count[i]};
        struct capacity shown = peer_capacity(&model->downlink.peers[i]);
        assert_true(record_equal(&capacity_table, &shown, &told));
        record_clear(&capacity_table, &shown);
    }
}

/* What is looked for; `only` at one of the peers; peers: at any. */
struct looked_for {
    const struct placement_wish *wish;
    size_t shape, only, image;
};

/* From scratch: the first of those with most room, whether or not they have the image. */
static enum placement naive(const struct model *model, const struct looked_for *what,
                            bool with_image, struct peer **out_peer) {
    const struct placement_wish *wish = what->wish;
    size_t only = what->only;
    const struct book_op *op = wish->op;
    enum placement found = PLACEMENT_NOT_ALLOWED;
    uint64_t most = 0;
    *out_peer = NULL;
    for (size_t i = 0; i < peers; i++) {
        struct peer *peer = &model->downlink.peers[i];
        bool tried = false;
        for (size_t k = 0; k < op->tried_count; k++)
            tried |= op->tried[k] == i;
        if (!words_allow(wish->allowed, peer->setting.name) || (only < peers && only != i))
            continue;
        found = found == PLACEMENT_NOT_ALLOWED ? PLACEMENT_UNREACHABLE : found;
        if (peer->state != PEER_UP)
            continue;
        found = found == PLACEMENT_UNREACHABLE ? PLACEMENT_NO_ROOM : found;
        uint64_t room = room_left(room_at(model, i, what->shape));
        if (tried || room <= most || (with_image && !model->has[i][what->image]))
            continue;
        most = room;
        *out_peer = peer;
        found = PLACEMENT_FOUND;
    }
    return found;
}

/* Then the one with the image, where it has half as much room. */
static enum placement naive_preferring(const struct model *model, const struct looked_for *what,
                                       struct peer **out_peer) {
    const struct peer *all = model->downlink.peers;
    struct peer *other = NULL;
    enum placement found = naive(model, what, false, out_peer);
    if (found != PLACEMENT_FOUND || !model->downlink.prefers_images || what->only < peers ||
        model->has[*out_peer - all][what->image] ||
        naive(model, what, true, &other) != PLACEMENT_FOUND)
        return found;
    if (2 * room_at(model, (size_t)(other - all), what->shape) >=
        room_at(model, (size_t)(*out_peer - all), what->shape))
        *out_peer = other;
    return found;
}

/* The names of some peers, of none of them, or nothing, which is all. */
static void pick_allowed(struct model *model, char *out, size_t size) {
    text_format(out, size, "%s", pick(model, 3) ? "" : "gone");
    for (size_t i = 0; *out && i < peers; i++)
        if (pick(model, 2))
            text_format(out + strlen(out), size - strlen(out), " %s",
                        model->downlink.peers[i].setting.name);
}

static struct peer *assert_choice(struct model *model, size_t number, const struct book_op *op) {
    size_t only = pick(model, 2) ? peers : pick(model, peers);
    struct shape shape = shape_of(number);
    struct peer *wanted = NULL, *chosen = NULL;
    struct placing placing = {.cluster = ""};
    char allowed[limit_permissions], image[limit_digest_size];
    struct placement_wish wish = {.size = &shape.size, .placing = &placing, .op = op,
                                  .allowed = allowed, .image = image};
    const struct looked_for what = {&wish, number, only, pick(model, images)};
    image_of(what.image, image);
    pick_allowed(model, allowed, sizeof(allowed));
    enum placement found = naive_preferring(model, &what, &wanted);
    if (only < peers)
        text_set(placing.cluster, model->downlink.peers[only].setting.name);
    assert_int_equal(placement_choose(&model->downlink, &wish, &chosen), found);
    assert_ptr_equal(chosen, wanted);
    return chosen;
}

/* A definition that some peers have refused goes where there is most room, if there is any. */
static void defines(struct model *model) {
    if (model->ops_count == ops_most)
        return;
    size_t number = pick(model, model->downlink.catalogue_count);
    struct stored_vm vm = {.vm = {.size = shape_of(number).size}};
    struct operation operation = {.verb = VERB_DEFINE, .generation = 1,
                                  .deadline_ms = model->moment.now_ms + 1000000000};
    text_set(vm.vm.id, id_make(&model->ids, "vm", 1).text);
    text_set(operation.id, id_make(&model->ids, "op", 1).text);
    struct book_vm *made = book_add_vm(&model->book, &vm);
    struct book_op *op = book_begin(&model->book, made, &operation);
    for (size_t i = pick(model, 5); i; i--)
        assert_true(placement_leads_on(made, &model->downlink.peers[pick(model, peers)],
                                       CODE_NO_CAPACITY));
    struct peer *peer = assert_choice(model, number, op);
    if (!peer) {
        book_end(&model->book, op, CODE_NO_CAPACITY);
        return;
    }
    placement_put(peer, made, op);
    downlink_instruct(&model->downlink, made);
    model->places[model->ops_count] = (size_t)(peer - model->downlink.peers);
    model->ops[model->ops_count++] = op;
}

/* Its place has told a capacity that counts it. */
static void is_reflected(struct model *model) {
    if (!model->ops_count)
        return;
    size_t which = pick(model, model->ops_count);
    struct book_op *op = model->ops[which];
    downlink_reflect(&model->downlink.peers[model->places[which]], op);
    book_end(&model->book, op, CODE_OK);
    model->ops[which] = model->ops[--model->ops_count];
    model->places[which] = model->places[model->ops_count];
}

static void time_passes(struct model *model) {
    model->moment.now_ms += pick(model, 4000);
    model->moment.wall_ms = model->moment.now_ms;
    downlink_on_tick(&model->downlink);
}

static void learns_a_shape(struct model *model) {
    size_t count = model->downlink.catalogue_count;
    struct shape shape = shape_of(count);
    if (count < shapes_most && !pick(model, 50))
        downlink_set_shape(&model->downlink, count, &shape);
}

static void cordons(struct model *model, size_t which) {
    model->cordoned[which] = !model->cordoned[which];
    downlink_cordon(&model->downlink.peers[which], model->cordoned[which]);
}

static void random_step(struct model *model) {
    switch (pick(model, 11)) {
    case 0:
    case 1:
        says_hello(model, pick(model, peers));
        break;
    case 2:
    case 3:
        tells_capacity(model, pick(model, peers));
        break;
    case 4:
    case 5:
        defines(model);
        break;
    case 6:
        is_reflected(model);
        break;
    case 7:
        time_passes(model);
        learns_a_shape(model);
        break;
    case 8:
        goes_away(model, pick(model, peers));
        break;
    case 9:
        cordons(model, pick(model, peers));
        break;
    case 10:
        tells_images(model, pick(model, peers));
        break;
    }
    effects_clear(&model->out);
}

static void run(uint64_t seed) {
    struct peer_setting agents[peers] = {0};
    char addresses[peers][32];
    struct shape shapes[shapes_first];
    struct model *model = memory_new(1, sizeof(*model));
    for (size_t i = 0; i < peers; i++) {
        text_format(agents[i].name, sizeof(agents[i].name), "host%zu", i);
        text_format(addresses[i], sizeof(addresses[i]), "host%zu@a/b", i);
        agents[i].address = addresses[i];
    }
    for (size_t i = 0; i < shapes_first; i++)
        shapes[i] = shape_of(i);
    struct role_settings settings = {.agents = agents, .agents_count = peers, .shapes = shapes,
                                     .shapes_count = shapes_first, .beat_ms = 5000,
                                     .hold_down_ms = 10000, .prefers_images = seed % 2};
    static const struct own_incarnation own;
    prng_init(&model->prng, seed);
    prng_init(&model->ids.prng, seed);
    model->moment = (struct moment){1, 1, &model->out};
    book_init(&model->book, NULL, seed, &model->moment);
    downlink_init(&model->downlink, &settings, &model->book, &model->prng);
    model->downlink.own = &own;
    for (size_t i = 0; i < peers; i += 2) { /* stored: shown, and nothing is placed by it */
        const struct capacity stored = some_capacity(model, i);
        peer_load_capacity(&model->downlink.peers[i], &stored);
    }
    for (size_t i = 0; i < steps; i++) {
        random_step(model);
        assert_counts(model);
        assert_shown(model);
    }
    effects_deinit(&model->out);
    downlink_deinit(&model->downlink);
    book_deinit(&model->book);
    memory_free(model);
}

static void counts_and_choice_are_those_from_scratch_after_any_history(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        run(seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_choice_are_those_from_scratch_after_any_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
