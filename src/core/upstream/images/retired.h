/* Archives that no image has any more. Their files go once no VM is made from them, nor may be
 * made anew. The books are first: that an archive is retired is stored with the image's end, and
 * forgotten when the repository says that the file is gone; whoever dies in between begins again.
 *
 * ARCHIVE_ASK goes out when nobody needs it. The repository lets no import publish an archive, and
 * asks (EVENT_ARCHIVE): so no image can come to have it meanwhile. The answer is ARCHIVE_REMOVE or
 * ARCHIVE_KEEP; to the first another EVENT_ARCHIVE follows, that it is gone. */
#pragma once

#include <stdint.h>

struct event;
struct image;
struct metrics;
struct retired;
struct upstream;

void retired_deinit(struct upstream *upstream);
void retired_load(struct upstream *upstream, const struct retired *record);

/* The last image with this archive is deleted; or an image has one that was retired. */
void retired_add(struct upstream *upstream, const struct image *image);
void retired_take_back(struct upstream *upstream, const char *digest);

/* Asks for those that nobody needs any more, when it is time to look. */
void retired_look(struct upstream *upstream);
uint64_t retired_deadline_ms(const struct upstream *upstream);

void retired_on_archive(struct upstream *upstream, const struct event *event);
void retired_tell(const struct upstream *upstream, struct metrics *metrics);
