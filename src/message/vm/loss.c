/* Their names. */
#include "message/vm/loss.h"

const char *const on_loss_names[ON_LOSS_COUNT] = {
    [ON_LOSS_STAY] = "stay",
    [ON_LOSS_RESTART] = "restart",
    [ON_LOSS_ANYWHERE] = "anywhere",
};
const char *const on_loss_wish_names[LOSS_WISH_COUNT] = {
    [LOSS_WISH_NONE] = "usual",
    [LOSS_WISH_STAY] = "stay",
    [LOSS_WISH_RESTART] = "restart",
    [LOSS_WISH_ANYWHERE] = "anywhere",
};
const char *const restart_from_names[RESTART_FROM_COUNT] = {
    [RESTART_FROM_IMAGE] = "image", [RESTART_FROM_COPY] = "copy",
};
