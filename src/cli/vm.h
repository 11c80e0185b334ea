/* The verbs on VMs; each returns an exit code. */
#pragma once

#include "cli/options.h"

int vm_create(const struct options *options);
int vm_list(const struct options *options);
int vm_show(const struct options *options);
int vm_log(const struct options *options);
int vm_start(const struct options *options);
int vm_stop(const struct options *options);
int vm_shutdown(const struct options *options);
int vm_reboot(const struct options *options);
int vm_pause(const struct options *options);
int vm_resume(const struct options *options);
int vm_suspend(const struct options *options);
int vm_resize(const struct options *options);
int vm_rebuild(const struct options *options);
int vm_snapshot(const struct options *options);
int vm_snapshots(const struct options *options);
int vm_copy(const struct options *options);
int vm_copies(const struct options *options);
int vm_revert(const struct options *options);
int vm_snapshot_delete(const struct options *options);
int vm_interface_add(const struct options *options);
int vm_interface_remove(const struct options *options);
int vm_lock(const struct options *options);
int vm_unlock(const struct options *options);
int vm_rename(const struct options *options);
int vm_edit(const struct options *options);
int vm_delete(const struct options *options);
