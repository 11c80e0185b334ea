/* An intrusive doubly linked list with a head, in the order of insertion.
 * A node is in one list at most; an initialised node points to itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

struct list {
    struct list *next, *previous;
};

static inline void list_init(struct list *list) { list->next = list->previous = list; }

static inline bool list_is_empty(const struct list *list) { return list->next == list; }

/* Puts `node` at the end of `head`. */
static inline void list_add(struct list *head, struct list *node) {
    node->previous = head->previous;
    node->next = head;
    head->previous->next = node;
    head->previous = node;
}

static inline void list_remove(struct list *node) {
    node->previous->next = node->next;
    node->next->previous = node->previous;
    list_init(node);
}

/* Walks `head`; `node` may be removed inside, `following` is a second struct list *. */
#define list_each(node, following, head)                                             \
    for ((node) = (head)->next, (following) = (node)->next; (node) != (head); \
         (node) = (following), (following) = (node)->next)

/* Walks the structs of `type` that stand in `head` by their member `node`: `it` is each of them,
 * and may be removed inside. */
#define list_for(type, it, head, node)                                         \
    for (type *it = container_of((head)->next, type, node),                    \
              *it##_next = container_of(it->node.next, type, node);            \
         &it->node != (head);                                                  \
         it = it##_next, it##_next = container_of(it->node.next, type, node))
