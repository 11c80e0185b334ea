/* Who needs an archive yet: a VM that is made from it, an operation that is to make one of it, and
 * what a VM may be made anew from. */
#include "core/upstream/images/retired.h"

#include "base/memory.h"
#include "core/upstream/upstream.h"
#include "message/records/retired.h"

enum { look_ms = 60000 };

struct retired_entry {
    struct retired record;
    struct list node; /* in upstream.retired */
};

static struct retired_entry *entry_of(const struct upstream *upstream, const char *digest) {
    list_for(struct retired_entry, it, &upstream->retired, node) {
        if (text_equal(it->record.digest, digest))
            return it;
    }
    return NULL;
}

static void drop(struct retired_entry *entry) {
    list_remove(&entry->node);
    memory_free(entry);
}

void retired_deinit(struct upstream *upstream) {
    list_for(struct retired_entry, it, &upstream->retired, node) {
        drop(it);
    }
}

void retired_load(struct upstream *upstream, const struct retired *record) {
    struct retired_entry *entry = memory_new(1, sizeof(*entry));
    entry->record = *record;
    list_add(&upstream->retired, &entry->node);
}

void retired_add(struct upstream *upstream, const struct image *image) {
    struct retired record = {.archive_bytes = image->archive_bytes,
                             .retired_ms = upstream->manager.moment.wall_ms};
    text_set(record.digest, image->digest);
    retired_load(upstream, &record);
    effects_save(upstream->manager.moment.out, &retired_table, &record);
    upstream->retired_due_ms = upstream->manager.moment.now_ms;
}

static void forget(struct upstream *upstream, struct retired_entry *entry) {
    effects_forget(upstream->manager.moment.out, &retired_table, entry->record.digest);
    drop(entry);
}

void retired_take_back(struct upstream *upstream, const char *digest) {
    struct retired_entry *entry = entry_of(upstream, digest);
    if (entry)
        forget(upstream, entry);
}

static bool is_needed(const struct upstream *upstream, const char *digest) {
    list_for(const struct book_vm, vm, &upstream->manager.book.vms, by_age) {
        const struct template *template = upstream_vm(vm)->template;
        if (book_vm_needs_image(vm, digest) ||
            (template && text_equal(template->definition.image, digest)))
            return true;
    }
    return false;
}

static void say(struct upstream *upstream, const char *digest, enum archive_word word) {
    struct effect_archive effect = {.word = word};
    text_set(effect.digest, digest);
    effects_archive(upstream->manager.moment.out, &effect);
}

void retired_look(struct upstream *upstream) {
    if (retired_deadline_ms(upstream) > upstream->manager.moment.now_ms)
        return;
    list_for(const struct retired_entry, it, &upstream->retired, node) {
        if (!is_needed(upstream, it->record.digest))
            say(upstream, it->record.digest, ARCHIVE_ASK);
    }
    upstream->retired_due_ms = upstream->manager.moment.now_ms + look_ms;
}

uint64_t retired_deadline_ms(const struct upstream *upstream) {
    return list_is_empty(&upstream->retired) ? book_never : upstream->retired_due_ms;
}

void retired_on_archive(struct upstream *upstream, const struct event *event) {
    const char *digest = event->archive.digest;
    struct retired_entry *entry = entry_of(upstream, digest);
    if (!event->archive.is_gone)
        say(upstream, digest,
            entry && !is_needed(upstream, digest) ? ARCHIVE_REMOVE : ARCHIVE_KEEP);
    else if (entry)
        forget(upstream, entry);
}

void retired_tell(const struct upstream *upstream, struct metrics *metrics) {
    uint64_t archives = 0, bytes = 0;
    list_for(const struct retired_entry, it, &upstream->retired, node) {
        archives++;
        bytes += it->record.archive_bytes;
    }
    metrics_add(metrics, METRIC_RETIRED, (struct metric_labels){0}, archives);
    metrics_add(metrics, METRIC_RETIRED_BYTES, (struct metric_labels){0}, bytes);
}
