/* Which chat addresses are linked, and by which token each asks: in a file of the state folder that
 * nobody else may read, written whole and durably before a link counts. Not thread-safe: the caller
 * holds a lock. */
#pragma once

#include "io/chat/strangers.h"
#include "message/records/access.h"

enum { links_most = 1000 };

struct chat_link {
    char jid[limit_address_size]; /* bare */
    char token[limit_digest_size];
    char tenant[limit_name_size], token_name[limit_name_size];
    enum rights rights;
};

/* A link, and what goes on with it. */
struct linked {
    struct chat_link link;
    bool is_busy;              /* something that it asked for is under way */
    struct chat_budget budget; /* of lines */
    char doomed[limit_id_size], doomed_name[limit_name_size]; /* a VM whose deletion is to be */
    uint64_t doomed_ends_ms;                                  /* confirmed until then */
};

struct chat_links;

/* What stands in `folder`/links.json; none: no links. NULL with `err`. */
struct chat_links *chat_links_open(const char *folder, uint64_t seed, struct error *err);
void chat_links_free(struct chat_links *links);

struct linked *chat_links_find(const struct chat_links *links, const char *jid);
size_t chat_links_count(const struct chat_links *links);

/* In place of one of the same address. 0, or negative with `err`: nothing has changed. */
int chat_links_add(struct chat_links *links, const struct chat_link *link, struct error *err);

/* There is none: no harm. Negative with `err`: it is gone here, but still in the file. */
int chat_links_remove(struct chat_links *links, const char *jid, struct error *err);

/* Calls it for each. */
void chat_links_each(const struct chat_links *links,
                     void (*each)(void *context, const struct chat_link *link), void *context);
