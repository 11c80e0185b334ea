/* The file is the records' JSON. A new one is written beside it and renamed, so that a crash leaves
 * the old or the new. */
#include "io/chat/links.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/os/folder.h"
#include "message/codec.h"

struct chat_links {
    struct map by_jid; /* struct linked */
    struct linked *all[links_most];
    size_t count;
    struct text path, draft;
};

/* As the file has them. */
struct kept {
    struct chat_link *links;
    uint32_t links_count;
};

static const struct field link_fields[] = {
    {field_of(struct chat_link, jid), .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct chat_link, token), .kind = FIELD_TEXT, .mask = FIELD_REQUIRED | FIELD_SECRET},
    {field_of(struct chat_link, tenant), .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct chat_link, token_name), .kind = FIELD_TEXT},
    {field_of(struct chat_link, rights), .kind = FIELD_ENUM, .mask = FIELD_ALWAYS,
     field_names(rights_names)},
};
static const struct table link_table = {"link", "", sizeof(struct chat_link),
                                        field_rows(link_fields)};
static const struct field kept_fields[] = {
    {field_list_of(struct kept, links, links_count), .kind = FIELD_LIST, .mask = FIELD_ALWAYS,
     .most = links_most, .table = &link_table},
};
static const struct table kept_table = {"links", "", sizeof(struct kept),
                                        field_rows(kept_fields)};

/* A file of so many links is far smaller. */
enum { file_most = links_most * 2048 };

static int read_file(const char *path, struct text *out, struct error *err) {
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : error_set(err, -errno, "read %s: %s", path, strerror(errno));
    char bytes[4096];
    out->limit = file_most;
    for (ssize_t length; (length = read(fd, bytes, sizeof(bytes)));) {
        if (length < 0)
            return error_set(err, -errno, "read %s: %s", path, strerror(errno));
        text_add_bytes(out, bytes, (size_t)length);
    }
    explicit_bzero(bytes, sizeof(bytes));
    return 0;
}

static void put(struct chat_links *links, const struct chat_link *link) {
    struct linked *linked = memory_new(1, sizeof(*linked));
    linked->link = *link;
    links->all[links->count++] = linked;
    map_put(&links->by_jid, linked->link.jid, linked);
}

static void erase_text(struct text *text) {
    if (text->data)
        explicit_bzero(text->data, text->capacity);
    text_deinit(text);
}

static int load(struct chat_links *links, struct error *err) {
    auto_clean(erase_text) struct text json = {0};
    struct codec_fault fault;
    struct kept kept;
    if (read_file(text_data(&links->path), &json, err))
        return err->code;
    if (!json.length)
        return 0;
    if (codec_decode(&kept_table,
                     &(struct codec_input){json.data, json.length, FIELD_STORE,
                                           CODEC_IGNORE_UNKNOWN},
                     &kept, &fault))
        return error_set(err, -EINVAL, "read %s: %s %s; move it away, and all link anew",
                         links->path.data, fault.field, fault.text);
    for (uint32_t i = 0; i < kept.links_count; i++)
        if (!map_get(&links->by_jid, kept.links[i].jid))
            put(links, &kept.links[i]);
    record_clear(&kept_table, &kept);
    return 0;
}

struct chat_links *chat_links_open(const char *folder, uint64_t seed, struct error *err) {
    struct chat_links *links = memory_new(1, sizeof(*links));
    map_init(&links->by_jid, seed);
    text_addf(&links->path, "%s/links.json", folder);
    text_addf(&links->draft, "%s/links.json.new", folder);
    if (load(links, err) == 0)
        return links;
    chat_links_free(links);
    return NULL;
}

static void drop(struct linked *linked) {
    explicit_bzero(linked, sizeof(*linked));
    memory_free(linked);
}

void chat_links_free(struct chat_links *links) {
    if (!links)
        return;
    for (size_t i = 0; i < links->count; i++)
        drop(links->all[i]);
    map_deinit(&links->by_jid);
    text_deinit(&links->path);
    text_deinit(&links->draft);
    memory_free(links);
}

struct linked *chat_links_find(const struct chat_links *links, const char *jid) {
    return map_get(&links->by_jid, jid);
}

size_t chat_links_count(const struct chat_links *links) { return links->count; }

static int write_draft(const char *path, const struct text *json, struct error *err) {
    auto_clean(fd_clean) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, -errno, "write %s: %s", path, strerror(errno));
    return file_write(fd, json->data, json->length, path, err);
}

/* Writes all but `left_out`, and `added`; either may be NULL. */
static int save(const struct chat_links *links, const struct linked *left_out,
                const struct chat_link *added, struct error *err) {
    auto_clean(erase_text) struct text json = {0};
    struct kept kept = {.links = memory_new(links->count + 1, sizeof(*kept.links))};
    for (size_t i = 0; i < links->count; i++)
        if (links->all[i] != left_out)
            kept.links[kept.links_count++] = links->all[i]->link;
    if (added)
        kept.links[kept.links_count++] = *added;
    codec_encode(&kept_table, &kept, FIELD_STORE, &json);
    record_clear(&kept_table, &kept);
    if (write_draft(text_data(&links->draft), &json, err))
        return err->code;
    return folder_commit(text_data(&links->draft), text_data(&links->path), err);
}

static void forget(struct chat_links *links, struct linked *linked) {
    size_t at = 0;
    while (links->all[at] != linked)
        at++;
    links->all[at] = links->all[--links->count];
    (void)map_remove(&links->by_jid, linked->link.jid);
    drop(linked);
}

int chat_links_add(struct chat_links *links, const struct chat_link *link, struct error *err) {
    struct linked *old = chat_links_find(links, link->jid);
    if (!old && links->count >= links_most)
        return error_set(err, -ENOSPC, "link another address: there are %d, the most that may be",
                         links_most);
    if (save(links, old, link, err))
        return err->code;
    if (old)
        old->link = *link;
    else
        put(links, link);
    return 0;
}

int chat_links_remove(struct chat_links *links, const char *jid, struct error *err) {
    struct linked *linked = chat_links_find(links, jid);
    if (!linked)
        return 0;
    int result = save(links, linked, NULL, err);
    forget(links, linked);
    return result;
}

void chat_links_each(const struct chat_links *links,
                     void (*each)(void *context, const struct chat_link *link), void *context) {
    for (size_t i = 0; i < links->count; i++)
        each(context, &links->all[i]->link);
}
