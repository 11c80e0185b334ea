/* How the audit's rows are shown, and what is wrong with them. Whoever holds the store could write
 * all rows anew; so --known keeps, away from it, which row each chain ended with when it was looked
 * at last. */
#include "cli/account/audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"
#include "cli/call.h"
#include "io/keys/secret.h"
#include "message/id.h"
#include "message/records/audit.h"

enum { chain_name_size = 112, known_most = 4 << 20 };

static const char *asker(const struct audit *row) {
    return row->who == AUDIT_TENANT ? row->tenant : audit_who_names[row->who];
}

/* Made anew from what? */
static void add_restart(struct sheet *sheet, const struct audit *row) {
    if (row->restored_ms)
        sheet_add(sheet, "%s, its disk as of %s", code_names[row->code],
                  words_date(row->restored_ms).text);
    else
        sheet_add(sheet, "%s, its disk from its image", code_names[row->code]);
}

static void add_row(struct sheet *sheet, const void *record) {
    const struct audit *row = record;
    sheet_add(sheet, "%s", words_date(row->at_ms).text);
    sheet_add(sheet, "%s%s%s", asker(row), *row->token ? "/" : "", row->token);
    sheet_add(sheet, "%s", row->from[0] ? row->from : "-");
    sheet_add(sheet, "%s", row->verb ? verb_names[row->verb] : row->what);
    sheet_add(sheet, "%s", row->key[0] ? row->key : "-");
    if (text_equal(row->what, audit_restart))
        add_restart(sheet, row);
    else if (row->more)
        sheet_add(sheet, "%s, %u more", code_names[row->code], row->more);
    else
        sheet_add(sheet, "%s", code_names[row->code]);
    sheet_add(sheet, "%s", row->op[0] ? row->op : "-");
}

static const struct view view = {"/v1/audit", &audit_table, "WHEN WHO FROM WHAT OF CODE OPERATION",
                                 add_row, NULL};

int audit_show(const struct options *options) { return view_list(&view, options); }

/* What was seen of a chain, from its newest row to its oldest so far. */
struct chain {
    struct list node;
    char name[chain_name_size];
    struct audit newest, oldest;
    char known[limit_id_size], known_digest[limit_digest_size]; /* "": none is known */
    bool is_met; /* the known row is there, as it was */
};

struct verifier {
    struct map by_name;
    struct list chains;
    uint64_t rows, faults;
};

static struct chain *chain_of(struct verifier *verifier, const char *name) {
    struct chain *chain = map_get(&verifier->by_name, name);
    if (chain)
        return chain;
    chain = memory_new(1, sizeof(*chain));
    text_set_sized(chain->name, sizeof(chain->name), name);
    list_add(&verifier->chains, &chain->node);
    map_put(&verifier->by_name, chain->name, chain);
    return chain;
}

static void verifier_deinit(struct verifier *verifier) {
    list_for(struct chain, chain, &verifier->chains, node)
        memory_free(chain);
    map_deinit(&verifier->by_name);
}

/* Rows come newest first: this one is the one before the oldest so far. */
static void take_row(void *context, const void *record) {
    struct verifier *verifier = context;
    const struct audit *row = record;
    char name[chain_name_size], digest[limit_digest_size];
    text_format(name, sizeof(name), "%s/%s/%llu", audit_who_names[row->who], row->tenant,
                (unsigned long long)row->tenant_ms);
    struct chain *chain = chain_of(verifier, name);
    const struct audit *next = &chain->oldest;
    audit_digest(row, secret_hash_bytes, digest);
    verifier->rows++;
    uint64_t faults = verifier->faults;
    if (!text_equal(digest, row->digest) && ++verifier->faults)
        say("row %s of %s was changed: its digest is another's", row->id, asker(row));
    else if (next->number && row->number + 1 != next->number && ++verifier->faults)
        say("between rows %s and %s of %s, %lld are missing", row->id, next->id, asker(row),
            (long long)(next->number - row->number - 1));
    else if (next->number && !text_equal(row->digest, next->previous) && ++verifier->faults)
        say("row %s of %s is not the one that %s follows", row->id, asker(row), next->id);
    if (text_equal(chain->known, row->id)) {
        chain->is_met = true;
        if (!text_equal(chain->known_digest, row->digest) && faults == verifier->faults++)
            say("row %s of %s is another than it was when it was looked at last", row->id,
                asker(row));
    }
    if (!next->number)
        chain->newest = *row;
    chain->oldest = *row;
}

/* Lines of "CHAIN ID DIGEST". 0, or negative with `err`. */
static int read_known(const char *path, struct verifier *verifier, struct error *err) {
    auto_clean(text_deinit) struct text text = {0};
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return 0; /* nothing is known yet */
    int result = options_read_bytes(path, known_most, &text, err);
    char *rest = NULL;
    for (char *line = result < 0 ? NULL : strtok_r(text.data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        char name[chain_name_size], id[limit_id_size], digest[limit_digest_size];
        if (sscanf(line, "%111s %35s %64s", name, id, digest) != 3 || !id_is_valid(id))
            return error_set(err, -EINVAL, "read %s: \"%.40s\" is no line of it; name the file "
                             "that audit verify --known wrote", path, line);
        struct chain *chain = chain_of(verifier, name);
        text_set(chain->known, id);
        text_set(chain->known_digest, digest);
    }
    return result;
}

static int write_known(const char *path, const struct verifier *verifier, struct error *err) {
    auto_clean(text_deinit) struct text fresh = {0};
    text_addf(&fresh, "%s.new", path);
    FILE *file = fopen(fresh.data, "we");
    if (!file)
        return error_set(err, -errno, "write %s; name a file in a folder of yours", fresh.data);
    list_for(const struct chain, chain, &verifier->chains, node) {
        if (chain->newest.number)
            fprintf(file, "%s %s %s\n", chain->name, chain->newest.id, chain->newest.digest);
    }
    bool is_whole = fflush(file) == 0 && fsync(fileno(file)) == 0;
    is_whole = fclose(file) == 0 && is_whole && rename(fresh.data, path) == 0;
    return is_whole ? 0 : error_set(err, -errno, "write %s; see that its disk has room", path);
}

/* What was there once is there, unless older rows than it are all that went. */
static void check_known(struct verifier *verifier) {
    list_for(const struct chain, chain, &verifier->chains, node) {
        bool is_kept = chain->oldest.number && strcmp(chain->known, chain->oldest.id) >= 0;
        if (!*chain->known || chain->is_met || (chain->oldest.number && !is_kept))
            continue;
        verifier->faults++;
        say("%s: row %s was there and is not%s", chain->name, chain->known,
            is_kept ? "" : ", nor any other; that is right only if all of them were too old");
    }
}

static void print_chains(const struct verifier *verifier) {
    struct sheet sheet = {0};
    sheet_heads(&sheet, "CHAIN ROWS FIRST LAST DIGEST");
    list_for(const struct chain, chain, &verifier->chains, node) {
        const struct audit *newest = &chain->newest, *oldest = &chain->oldest;
        if (!newest->number)
            continue;
        sheet_add(&sheet, "%s", asker(newest));
        sheet_add(&sheet, "%llu", (unsigned long long)(newest->number - oldest->number + 1));
        sheet_add(&sheet, "%llu", (unsigned long long)oldest->number);
        sheet_add(&sheet, "%llu", (unsigned long long)newest->number);
        sheet_add(&sheet, "%s", newest->digest);
    }
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

int audit_verify(const struct options *options) {
    auto_clean(verifier_deinit) struct verifier verifier = {0};
    struct error err;
    map_init(&verifier.by_name, wall_ms());
    list_init(&verifier.chains);
    if (options->known && read_known(options->known, &verifier, &err) < 0) {
        say("%s", err.text);
        return EXIT_USAGE;
    }
    int result = view_walk(&view, options, take_row, &verifier);
    if (result != EXIT_DONE)
        return result;
    check_known(&verifier);
    print_chains(&verifier);
    if (verifier.faults) {
        fprintf(stderr, "  what to do: find out who could write the manager's store; its backups "
                        "have the rows as they were\n");
        return EXIT_REFUSED;
    }
    if (options->known && write_known(options->known, &verifier, &err) < 0) {
        say("%s", err.text);
        return EXIT_REFUSED;
    }
    return EXIT_DONE;
}
