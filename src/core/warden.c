/* When a VM is frozen, goes on or is ended. */
#include "core/warden.h"

enum warden_act warden_judge(const struct warden_vm *vm, const struct warden_lease *lease,
                             uint64_t freeze_most_ms, uint64_t now_ms) {
    if (lease->is_over || vm->state == WARDEN_ENDED)
        return WARDEN_END;
    if (now_ms < lease->until_ms)
        return vm->state == WARDEN_FROZEN ? WARDEN_THAW : WARDEN_LEAVE;
    if (vm->state == WARDEN_FROZEN && now_ms >= vm->since_ms + freeze_most_ms)
        return WARDEN_END;
    return WARDEN_FREEZE;
}
