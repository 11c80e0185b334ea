/* The few elements of an OVF that matter here, found without a library for XML: it has no entities
 * of its own, names files and no addresses, and has one disk, which has no parent. */
#include "io/image/import/ovf.h"

#include <string.h>

#include "base/text.h"

enum { most_files = 16 };

struct file {
    char id[ovf_name_size], name[ovf_name_size];
};

struct ovf {
    struct file files[most_files];
    size_t files_count, disks_count;
    char disk[ovf_name_size]; /* id of its file */
};

/* What an element begins with, up to its end. */
struct tag {
    const char *begin;
    size_t length;
};

static bool is_name_end(char c) { return c == 0 || strchr(" \t\r\n/>=", c) != NULL; }

/* "<ovf:File " and "<File " are the same element. */
static bool is_element(const struct tag *tag, const char *name) {
    const char *at = tag->begin + 1, *end = tag->begin + tag->length;
    for (const char *c = at; c < end && !is_name_end(*c); c++)
        if (*c == ':')
            at = c + 1;
    size_t length = strlen(name);
    return (size_t)(end - at) > length && strncmp(at, name, length) == 0 &&
           is_name_end(at[length]);
}

/* The value of an attribute, by its name without a prefix. 0; 1: it has none; 2: it is too long. */
static int attribute(const struct tag *tag, const char *name, char out[ovf_name_size]) {
    const char *at = tag->begin, *end = tag->begin + tag->length;
    out[0] = 0;
    while (at < end) {
        while (at < end && !strchr(" \t\r\n", *at))
            at++;
        while (at < end && strchr(" \t\r\n", *at))
            at++;
        const char *word = at;
        for (; at < end && !is_name_end(*at); at++)
            if (*at == ':')
                word = at + 1;
        size_t length = (size_t)(at - word);
        while (at < end && strchr(" \t\r\n=", *at))
            at++;
        if (at >= end || (*at != '"' && *at != '\''))
            continue;
        const char *close = memchr(at + 1, *at, (size_t)(end - at - 1));
        if (!close)
            return 2;
        if (length == strlen(name) && strncmp(word, name, length) == 0) {
            if (close - at - 1 >= ovf_name_size)
                return 2;
            text_format(out, ovf_name_size, "%.*s", (int)(close - at - 1), at + 1);
            return 0;
        }
        at = close + 1;
    }
    return 1;
}

int ovf_name_judge(const char *name, struct error *err) {
    if (!*name || *name == '.' || name[strcspn(name, "/\\:&%")])
        return error_set(err, 1, "the OVF names the file %.60s: only a plain name of a file that "
                         "is in the OVA may be", *name ? name : "(none)");
    return 0;
}

static int take_file(struct ovf *ovf, const struct tag *tag, struct error *err) {
    char word[ovf_name_size];
    if (ovf->files_count == most_files)
        return error_set(err, 1, "the OVF names more than %d files", most_files);
    struct file *file = &ovf->files[ovf->files_count++];
    if (attribute(tag, "id", file->id) || attribute(tag, "href", file->name))
        return error_set(err, 1, "the OVF has a file without a name");
    if (attribute(tag, "chunkSize", word) != 1 ||
        (attribute(tag, "compression", word) != 1 && !text_equal(word, "identity")))
        return error_set(err, 1, "the OVF's files are cut or compressed; export it with whole "
                         "disks");
    return ovf_name_judge(file->name, err);
}

static int take_disk(struct ovf *ovf, const struct tag *tag, struct error *err) {
    char word[ovf_name_size], file[ovf_name_size];
    if (attribute(tag, "parentRef", word) != 1)
        return error_set(err, 1, "the OVF's disk is the difference to a parent; export a whole "
                         "one");
    if (attribute(tag, "fileRef", file) != 0)
        return 0; /* an empty one, made when it is first used */
    if (ovf->disks_count++)
        return error_set(err, 1, "the OVF has more than one disk; export one with a single disk");
    text_set(ovf->disk, file);
    return 0;
}

/* The next tag behind `at`; false: none is left, or `err`. */
static int next_tag(const char **at, const char *end, struct tag *out, struct error *err) {
    for (;;) {
        const char *begin = memchr(*at, '<', (size_t)(end - *at));
        *out = (struct tag){0};
        if (!begin)
            return 0;
        if (end - begin >= 4 && strncmp(begin, "<!--", 4) == 0) {
            const char *close = memmem(begin, (size_t)(end - begin), "-->", 3);
            if (!close)
                return error_set(err, 1, "the OVF ends within a comment");
            *at = close + 3;
            continue;
        }
        if (end - begin >= 2 && begin[1] == '!')
            return error_set(err, 1, "the OVF has declarations of its own (<!…), which are not "
                             "taken");
        const char *close = memchr(begin, '>', (size_t)(end - begin));
        if (!close)
            return error_set(err, 1, "the OVF ends within an element");
        *out = (struct tag){begin, (size_t)(close - begin)};
        *at = close + 1;
        return 0;
    }
}

int ovf_read(const char *xml, size_t length, char out_name[ovf_name_size], struct error *err) {
    struct ovf ovf = {0};
    const char *at = xml, *end = xml + length;
    struct tag tag;
    out_name[0] = 0;
    for (;;) {
        int fault = next_tag(&at, end, &tag, err);
        if (!fault && tag.begin && is_element(&tag, "File"))
            fault = take_file(&ovf, &tag, err);
        else if (!fault && tag.begin && is_element(&tag, "Disk"))
            fault = take_disk(&ovf, &tag, err);
        if (fault)
            return fault;
        if (!tag.begin)
            break;
    }
    for (size_t i = 0; i < ovf.files_count && ovf.disks_count; i++)
        if (text_equal(ovf.files[i].id, ovf.disk)) {
            text_format(out_name, ovf_name_size, "%s", ovf.files[i].name);
            return 0;
        }
    return error_set(err, 1, "the OVF names no disk that is in the OVA");
}
