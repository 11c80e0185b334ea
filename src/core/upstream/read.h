/* Requests that change nothing: lists and single records. */
#pragma once

#include "core/manager/manager.h"

struct call;

/* Lists. */
void upstream_list_vms(const struct call *call);
/* The cloud in numbers. Of hosts there are none: it knows of no host. */
void upstream_tell_metrics(const struct call *call);
void upstream_list_audit(const struct call *call);
void upstream_list_access(const struct call *call);
void upstream_list_ops(const struct call *call);
void upstream_list_shapes(const struct call *call);
void upstream_list_networks(const struct call *call);
void upstream_list_images(const struct call *call);
void upstream_list_tenants(const struct call *call);
void upstream_list_clusters(const struct call *call);

/* Single records. */
void upstream_show_cluster(const struct call *call);
void upstream_whoami(const struct call *call);
void upstream_show_vm(const struct call *call);
void upstream_show_usage(const struct call *call);
void upstream_read_log(const struct call *call);
void upstream_on_reading(struct manager *manager, const struct reader *reader,
                         const struct reading *reading);
void upstream_show_image(const struct call *call);
void upstream_show_tenant(const struct call *call);
