/* What is lied of: how much there is, up to what a number on the wire can be; that a host receives
 * VMs which run, and where they come to; and messages that nobody can read. How a VM is stays true:
 * whoever lies of that lies of its own VMs alone, and the laws would have no truth to hold. */
#include "sim/parts/lies.h"

#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"

/* A number of its own for each message, whatever else happens in the world. */
static uint64_t draw(const struct sim_world *world, const struct sim_node *from, uint64_t number,
                     uint64_t bound) {
    return map_hash(world->settings.seed + number, from->name, strlen(from->name)) % bound;
}

static uint64_t claim(uint64_t choice, uint64_t true_amount) {
    const uint64_t claims[] = {INT64_MAX, INT64_MAX, true_amount * 3, 0, true_amount};
    return claims[choice % array_size(claims)];
}

static void lie_of_capacity(struct capacity *capacity, uint64_t choice) {
    uint64_t *const amounts[] = {&capacity->cpus_total,       &capacity->cpus_free,
                                 &capacity->memory_mib_total, &capacity->memory_mib_free,
                                 &capacity->disk_gib_total,   &capacity->disk_gib_free};
    for (size_t i = 0; i < array_size(amounts); i++)
        *amounts[i] = claim(choice / (i + 1), *amounts[i]);
    for (uint32_t i = 0; i < capacity->fits_count; i++)
        capacity->fits[i].count = claim(choice / (i + 2), capacity->fits[i].count);
}

static void lie_of_landing(struct landing *landing) {
    memory_free(landing->uri);
    landing->uri = memory_text("qemu+tls://inner-elsewhere/system");
}

/* One that is nowhere, or nothing. */
static void lie_of_copy(struct copied *copied) {
    char digit = copied->root[0] == '0' ? '1' : '0';
    copied->root[0] = copied->root[1] == '0' ? 0 : digit;
    copied->bytes = INT64_MAX;
}

/* Each of these is told again by a rule of its own. */
static bool may_be_unreadable(enum message_kind kind) {
    return kind == MESSAGE_RESULT || kind == MESSAGE_PROGRESS || kind == MESSAGE_TABLE ||
           kind == MESSAGE_VM || kind == MESSAGE_CAPACITY;
}

static void spoil(struct message *message) {
    message_clear(message);
    message->kind = MESSAGE_UNREADABLE;
    text_set(message->unreadable.text, "is no value of its kind");
}

void lies_tell(const struct sim_world *world, const struct sim_node *from, struct frame *frame) {
    for (uint32_t i = 0; from->lies && !world->healing && i < frame->messages_count; i++) {
        struct message *message = &frame->messages[i];
        uint64_t choice = draw(world, from, frame->header.from + frame->header.sequence + i, 1000);
        if (may_be_unreadable(message->kind) && choice < 100)
            spoil(message);
        else if (message->kind == MESSAGE_CAPACITY)
            lie_of_capacity(&message->capacity, choice);
        else if (message->kind == MESSAGE_HELLO)
            message->hello.receives = true;
        else if (message->kind == MESSAGE_RESULT && *message->result.copied.root && choice < 500)
            lie_of_copy(&message->result.copied);
        else if (message->kind == MESSAGE_RESULT && message->result.landing.uri)
            lie_of_landing(&message->result.landing);
    }
}
