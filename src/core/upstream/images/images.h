/* The cloud's images, as requests add and delete them, and what a VM has to have for one. */
#pragma once

#include <stdbool.h>

#include "message/model.h"

struct call;
struct image_entry;
struct tenant_entry;
struct upstream;

/* An image that VMs of this tenant may be made from; NULL: there is none of this name, or it is
 * another tenant's alone. */
struct image_entry *images_find(const struct upstream *upstream,
                                const struct tenant_entry *tenant, const char *name);

/* As the caller may see it: whose it is, is for its owner and operators to know. */
struct image images_shown(const struct call *call, const struct image *image);

/* False: a VM of this size is too small for the image, which is answered; `field` is what the
 * caller asked it by. */
bool images_fit(const struct call *call, const struct image *image, const struct size *size,
                const char *field);

/* Whether an image may come; one of the same source is there at once, under this name, too. */
void images_admit(const struct call *call);
void images_add(const struct call *call);
void images_delete(const struct call *call);
void images_share(const struct call *call);
void images_set_quota(const struct call *call);
