/* When a next key is taken, told and adopted. The file is renamed before the seal forgets the
 * old key, since the first frame by the next one ends the old one at the peer. */
#include "io/shell/keys.h"

#include "base/text.h"
#include "io/keys/key_file.h"

enum { complaint_ms = 60000 };

static struct event rekey(uint32_t link, const char *key) {
    struct event event = {.kind = EVENT_REKEY, .rekey.link = link};
    text_set(event.rekey.key, key);
    return event;
}

static void complain(const struct shell_keys *keys, uint32_t link, const struct error *err) {
    char text[sizeof(err->text) + 8];
    log_line(keys->log, LOG_ERROR, "key-not-changed", "link=\"%s\" text=%s",
             keys->ports->links[link].name, log_quote(err->text, text, sizeof(text)));
}

/* On disk first: what is sealed by the next key ends the old one at the other end. */
static bool adopt(struct shell_keys *keys, uint32_t link, struct event *out_event) {
    const struct shell_link *about = &keys->ports->links[link];
    struct error err = {0};
    if (key_file_adopt(about->key_file, &err)) {
        complain(keys, link, &err);
        return false;
    }
    seal_adopt_next(about->seal);
    log_line(keys->log, LOG_INFO, "key-changed", "link=\"%s\" key=%s", about->name,
             seal_public_key(about->seal));
    *out_event = rekey(link, "");
    return true;
}

static bool is_over(struct shell_keys *keys, uint32_t link, uint64_t wall_ms) {
    const struct shell_link *about = &keys->ports->links[link];
    struct key_file_state state;
    if (key_file_show(about->key_file, &state, NULL) || !state.next_key[0] ||
        wall_ms < state.next_since_ms + 1000ull * limit_rekey_seconds)
        return false;
    log_line(keys->log, LOG_WARNING, "key-change-ends",
             "link=\"%s\" text=\"not all peers took the new key within its time; those that did "
             "not have to join by a token\"", about->name);
    return true;
}

bool shell_keys_look(struct shell_keys *keys, uint32_t link, uint64_t wall_ms,
                     struct event *out_event) {
    const struct shell_link *about = &keys->ports->links[link];
    char line[limit_key_line_size];
    struct error err = {0};
    if (!about->key_file)
        return false;
    if (seal_next_key(about->seal))
        return is_over(keys, link, wall_ms) && adopt(keys, link, out_event);
    int found = key_file_next(about->key_file, line, &err);
    if (found > 0 && seal_take_next(about->seal, line, &err) == 0) {
        log_line(keys->log, LOG_INFO, "key-changes", "link=\"%s\" key=%s", about->name,
                 seal_next_key(about->seal));
        if (link == 0 && keys->ports->rekey) /* a token outlives the change */
            keys->ports->rekey(keys->ports->rest, seal_next_key(about->seal));
        *out_event = rekey(link, seal_next_key(about->seal));
    } else if (found && wall_ms - keys->complained_ms >= complaint_ms) {
        keys->complained_ms = wall_ms;
        complain(keys, link, &err);
    }
    key_file_forget(line);
    return found > 0 && !err.code;
}

bool shell_keys_opened(struct shell_keys *keys, uint32_t link, struct event *out_event) {
    return seal_next_is_known(keys->ports->links[link].seal) && adopt(keys, link, out_event);
}
