/* The verbs of the command; each returns an exit code. */
#pragma once

#include "main/isthmus_options.h"

int vm_create(const struct options *options);
int vm_list(const struct options *options);
int vm_show(const struct options *options);
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
int vm_revert(const struct options *options);
int vm_snapshot_delete(const struct options *options);
int vm_delete(const struct options *options);
int op_list(const struct options *options);
int op_show(const struct options *options);
int cluster_list(const struct options *options);
int cluster_show(const struct options *options);
int cluster_forget(const struct options *options);
int image_list(const struct options *options);
int image_show(const struct options *options);
int image_import(const struct options *options);
int image_delete(const struct options *options);
int shape_list(const struct options *options);
int tenant_create(const struct options *options);
int tenant_list(const struct options *options);
int tenant_show(const struct options *options);
int tenant_set_quota(const struct options *options);
int tenant_delete(const struct options *options);
int token_new(const struct options *options);
int token_list(const struct options *options);
int token_revoke(const struct options *options);
int key_revoke(const struct options *options);
int whoami_show(const struct options *options);
int host_list(const struct options *options);
int host_show(const struct options *options);
int host_cordon(const struct options *options);
int host_uncordon(const struct options *options);
int host_forget(const struct options *options);
int host_drain(const struct options *options);
int host_maintenance(const struct options *options);
int host_end_maintenance(const struct options *options);
int host_label(const struct options *options);
int host_overcommit(const struct options *options);
int upstream_list(const struct options *options);
int upstream_show(const struct options *options);
int upstream_revoke(const struct options *options);
int upstream_restore(const struct options *options);
int permission_set(const struct options *options);
int permission_reset(const struct options *options);
int limit_list(const struct options *options);
int limit_set(const struct options *options);
int limit_weigh(const struct options *options);
int limit_keep(const struct options *options);
int limit_round(const struct options *options);
int limit_reset(const struct options *options);
int hosted_vm_list(const struct options *options); /* the owner's view of VMs and operations */
int hosted_vm_show(const struct options *options);
