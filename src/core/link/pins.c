/* In which order a peer's keys are stored and made known to the seal: the next one beside the
 * current one, then in its place. */
#include "core/link/pins.h"

#include <string.h>

#include "base/memory.h"

static const char *const sides[] = {[PINS_BELOW] = "below ", [PINS_ABOVE] = "above "};

static void tell(enum effect_kind kind, struct pinned_peer peer, const char *key) {
    struct effect_pin *effect = &effects_add(peer.moment->out, kind)->pin;
    effect->link = peer.setting->link;
    text_set(effect->address, peer.setting->address);
    text_set(effect->key, key);
}

void pins_key(struct pinned_peer peer, char out_key[limit_pin_size]) {
    text_format(out_key, limit_pin_size, "%s%s", sides[peer.side], peer.setting->name);
}

static struct pin record_of(struct pinned_peer peer, const char *key) {
    struct pin record = {.changed_ms = peer.moment->wall_ms};
    pins_key(peer, record.peer);
    text_set(record.key, key);
    return record;
}

static void await(struct pinned_peer peer, const char *next_key) {
    memory_free(*peer.next_key);
    *peer.next_key = next_key ? memory_copy(next_key, strlen(next_key) + 1) : NULL;
}

void pins_set(struct pinned_peer peer, const char *key) {
    const struct pin record = record_of(peer, key);
    effects_save(peer.moment->out, &pin_table, &record);
    effects_forget(peer.moment->out, &next_pin_table, record.peer);
    await(peer, NULL);
    tell(EFFECT_PIN, peer, key);
}

const char *pins_name(const struct record *record, enum pins_side side) {
    if (record->table != &pin_table && record->table != &next_pin_table)
        return NULL;
    const struct pin *stored = record->data;
    return text_starts(stored->peer, sides[side]) ? stored->peer + 6 : NULL;
}

void pins_load(struct pinned_peer peer, const struct record *record) {
    const char *name = pins_name(record, peer.side);
    const struct pin *stored = record->data;
    if (!name || !text_equal(name, peer.setting->name))
        return;
    if (record->table == &next_pin_table)
        await(peer, stored->key);
    tell(record->table == &pin_table ? EFFECT_PIN : EFFECT_PIN_NEXT, peer, stored->key);
}

void pins_on_rekey(struct pinned_peer peer, const struct rekey *rekey) {
    const struct pin record = record_of(peer, rekey->key);
    effects_save(peer.moment->out, &next_pin_table, &record);
    await(peer, rekey->key);
    tell(EFFECT_PIN_NEXT, peer, rekey->key);
    effects_note(peer.moment->out, NOTE_INFO, "", "%s changes its key to %s", peer.setting->name,
                 rekey->key);
}

void pins_on_frame(struct pinned_peer peer, const struct event *event) {
    const char *by = event->frame.next_key;
    if (!by || !*peer.next_key || !text_equal(by, *peer.next_key))
        return;
    pins_set(peer, by);
    effects_note(peer.moment->out, NOTE_INFO, "", "%s has changed its key; the old one is erased",
                 peer.setting->name);
}
