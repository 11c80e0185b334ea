/* The verbs on clusters, shapes, networks and tenants, whoami, web and api; each returns an exit
 * code. */
#pragma once

#include "cli/options.h"

int cluster_list(const struct options *options);
int cluster_show(const struct options *options);
int cluster_forget(const struct options *options);
int cluster_accept(const struct options *options);
int cluster_declare_off(const struct options *options);
int cluster_recover(const struct options *options);
int shape_list(const struct options *options);
int network_list(const struct options *options);
int tenant_create(const struct options *options);
int tenant_list(const struct options *options);
int tenant_show(const struct options *options);
int tenant_set_quota(const struct options *options);
int tenant_set_image_quota(const struct options *options);
int tenant_set_permissions(const struct options *options);
int tenant_reset_permissions(const struct options *options);
int tenant_delete(const struct options *options);
int whoami_show(const struct options *options);
int web_link(const struct options *options);
int api_ask(const struct options *options);
