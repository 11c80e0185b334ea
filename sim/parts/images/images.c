/* What is fetched stays until its role lets it go. */
#include "sim/parts/images/images.h"

#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/step.h"
#include "sim/world/fact.h"

static struct sim_image *image_of(const struct sim_node *node, uint32_t link,
                                  const char *digest) {
    list_for(struct sim_image, image, &node->images, node) {
        if (image->link == link && text_equal(image->digest, digest))
            return image;
    }
    return NULL;
}

static void drop(struct sim_image *image) {
    list_remove(&image->node);
    memory_free(image);
}

void images_put(struct sim_node *node, uint32_t link, const char *digest) {
    if (image_of(node, link, digest))
        return;
    struct sim_image *image = memory_new(1, sizeof(*image));
    image->link = link;
    text_set_sized(image->digest, sizeof(image->digest), digest);
    list_add(&node->images, &image->node);
}

static void tell(struct sim_world *world, struct sim_node *node, const struct sim_image *image) {
    struct event event = {.kind = EVENT_IMAGE, .image.link = image->link};
    text_set(event.image.digest, image->digest);
    step_give(world, node, &event);
}

void images_tell(struct sim_world *world, struct sim_node *node) {
    list_for(const struct sim_image, image, &node->images, node)
        if (world->settings.holds)
            tell(world, node, image);
}

bool images_has(const struct sim_node *node, const char *digest) {
    list_for(const struct sim_image, image, &node->images, node) {
        if (text_equal(image->digest, digest))
            return true;
    }
    return false;
}

void images_obey(struct sim_world *world, struct sim_node *node,
                 const struct effect_archive *archive) {
    struct sim_image *image = image_of(node, archive->link, archive->digest);
    if (!image || archive->word != ARCHIVE_REMOVE)
        return;
    drop(image);
    world->stats.evicted++;
    world_observe(world, &(struct fact){FACT_EVICTED, node, .archive = archive});
}

void images_forget_all(struct sim_world *world) {
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        list_for(struct sim_image, image, &world->nodes[i]->images, node) {
            drop(image);
        }
    }
}
