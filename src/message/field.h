/* Field tables: one per message or record, and everything that handles it works from the table:
 * encode, decode, check, copy, free, print, random values for tests, the store's rows, the
 * API's field checks and its OpenAPI document.
 *
 * A table describes a plain struct by offsets. A field that may be left out is one without
 * FIELD_REQUIRED; it is then zero, and a zero field is not written. Which fields a face shows is
 * a mask: the same struct serves the wire, the store and the API.
 *
 * A row is an initialiser whose first word, field_of(struct size, cpus), stands for the member's
 * name, offset and size, so that these are said once; all else of the row is plain members. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum field_kind {
    FIELD_TEXT,    /* char[size] */
    FIELD_BLOB,    /* char * on the heap, NULL when absent; most: bytes */
    FIELD_U32,     /* uint32_t, least..most */
    FIELD_U64,     /* uint64_t, least..most */
    FIELD_FLAG,    /* bool */
    FIELD_ENUM,    /* an enum of int size, by its names; names[0] is the zero value */
    FIELD_RECORD,  /* a struct inside this one */
    FIELD_LIST,    /* pointer to an array on the heap, with its uint32_t count; most: entries */
};

enum field_check {
    CHECK_PRINTABLE, /* UTF-8 without control characters */
    CHECK_NAME,      /* a DNS label: a-z, 0-9 and inner hyphens, 1 to 63 */
    CHECK_NEW_NAME,  /* a name that somebody gives: none that looks like an id */
    CHECK_ID,        /* prefix-26 characters of Crockford's base 32, lower case */
    CHECK_DIGEST,    /* 64 hex digits, lower case */
    CHECK_LABELS,    /* name=value, joined by commas (labels.h) */
    CHECK_PATTERNS,  /* patterns of names, a blank between (labels.h) */
    CHECK_METADATA,  /* name=value, joined by commas, of any printable characters (labels.h) */
    CHECK_NETWORKS,  /* names of networks for one VM, joined by commas */
    CHECK_INTERFACES, /* as these, by the numbers of interfaces (labels.h) */
    CHECK_ALLOW,     /* rules of who may begin to speak to a VM (codec/allow.h) */
    CHECK_BASE64,    /* of at most limit_user_data bytes, with padding (RFC 4648, section 4) */
    CHECK_SSH_KEYS,  /* SSH public keys, a line each (codec/ssh_key.h) */
    CHECK_SSH_NAMES, /* names of SSH keys for one VM, joined by commas */
    CHECK_IP,        /* an address that a guest can have (codec/ip.h) */
    CHECK_LINES,     /* UTF-8 with tabs and line ends, no other controls: first-boot data */
};

enum field_mask {
    FIELD_REQUIRED = 1, /* decode refuses a record without it */
    FIELD_WIRE = 2,
    FIELD_STORE = 4,
    FIELD_API = 8,      /* shown by the API */
    FIELD_SECRET = 16,  /* never printed to a log */
    FIELD_ALWAYS = 32,  /* written even when zero */
    FIELD_TRUE = 64,    /* of a flag in JSON: true where it is left out */
};

struct error;
struct table;

struct field {
    const char *name;
    const char *about; /* one sentence, for the generated reference and OpenAPI */
    enum field_kind kind;
    /* In the packed form (codec.h), rising within a table and never used again for another field:
     * tests/unit/numbers.txt keeps them. 0: the field is on no link and in no store. */
    uint32_t number;
    unsigned mask; /* of enum field_mask; no face at all means every face */
    size_t offset;
    size_t size;         /* FIELD_TEXT: of the array. FIELD_LIST: of one entry */
    size_t count_offset; /* FIELD_LIST */
    uint64_t least, most; /* most: 0 for what the kind holds, as field_most() tells */
    enum field_check check;
    const char *const *names;  /* FIELD_ENUM */
    unsigned names_count;      /* FIELD_ENUM */
    const struct table *table; /* FIELD_RECORD, FIELD_LIST */
    /* FIELD_LIST of entries of several kinds, instead of `table`: each entry is an int, the index
     * into `choices`, with a union at choice_offset. Written as {"name of the table": {…}}. */
    const struct table *const *choices;
    unsigned choices_count;
    size_t choice_offset;
    /* Of those: an entry that cannot be read does not fail the whole. It becomes one of index
     * choices_count, whose union holds what is wrong with it (struct codec_fault). */
    bool lenient;
    /* A text that a person writes (io/config) has what stands for an absent one, and what it has to
     * be beyond `check`, as 0 or negative with what would be right in `err`. */
    const char *standard;
    const char *also; /* another word for its name that a person may write */
    int (*form)(const char *text, struct error *err);
};

struct table {
    const char *name;  /* as it stands in messages and documents */
    const char *about;
    size_t size;       /* of the struct */
    const struct field *fields;
    size_t fields_count;
};

/* The field of this name, or NULL. */
const struct field *field_find(const struct table *table, const char *name);

/* The table of an entry of a FIELD_LIST, and where the entry's struct begins. */
const struct table *field_entry_table(const struct field *field, const void *entry);
void *field_entry_body(const struct field *field, void *entry);

/* The largest number, length or count. Without `most`: UINT32_MAX for a FIELD_U32, otherwise
 * 2^63 - 1, since JSON's integers are signed. */
uint64_t field_most(const struct field *field);

/* Is the field zero (and so left out by an encoder)? */
bool field_is_zero(const struct field *field, const void *data);

/* A number, flag or enum as a number; a text or blob, "" where there is none. */
uint64_t field_number(const struct field *field, const void *data);
const char *field_text(const struct field *field, const void *data);

/* Is the field required and zero, where zero is no value of it? */
bool field_is_missing(const struct field *field, const void *data);

/* A record with its table, the form in which effects and replies carry records.
 * data is owned by whoever holds the struct record. */
struct record {
    const struct table *table;
    void *data;
};

/* A deep copy on the heap. */
struct record record_copy(const struct table *table, const void *data);
void record_deinit(struct record *record);

/* Frees what the struct owns (blobs, lists), secrets overwritten, and zeroes it; the struct itself
 * stays. */
void record_clear(const struct table *table, void *data);

/* A deep copy into an uninitialised struct of the caller. */
void record_clone(const struct table *table, const void *from, void *out_to);

/* Bytes on the heap that the struct owns (blobs, lists), without the struct itself. */
size_t record_owned_bytes(const struct table *table, const void *data);

/* Do both hold the same values in all fields? */
bool record_equal(const struct table *table, const void *left, const void *right);

/* For the tables: a member's name, where it stands and how large it is. */
#define field_of(type, member) .name = #member, field_at(type, member)
#define field_list_of(type, member, count) .name = #member, field_list_at(type, member, count)

/* A member whose field has another name. */
#define field_at(type, member) \
    .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)

/* A list: the pointer, its count and one entry. */
#define field_list_at(type, member, count)                                   \
    .offset = offsetof(type, member), .count_offset = offsetof(type, count), \
    .size = sizeof(*((type *)NULL)->member)

/* For a table: its rows and how many. */
#define field_rows(array) .fields = (array), .fields_count = array_size(array)

/* For enum fields: the names and how many. */
#define field_names(array) .names = (array), .names_count = array_size(array)

enum { FIELD_FACES = FIELD_WIRE | FIELD_STORE | FIELD_API };

/* Does `face` show the field? */
static inline bool field_is_shown(const struct field *field, unsigned face) {
    unsigned faces = field->mask & FIELD_FACES;
    return !faces || !face || (faces & face);
}
