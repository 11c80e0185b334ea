/* Where images are already, for operators: as far as clusters say so. */
#pragma once

struct image;
struct peer;
struct upstream;

/* Names by commas, which the caller frees, as many as limit_shown_names has room for; NULL: none.
 * Of the clusters that have an image, and of the images that a cluster has. */
char *held_by(const struct upstream *upstream, const struct image *image);
char *held_at(const struct upstream *upstream, const struct peer *cluster);
