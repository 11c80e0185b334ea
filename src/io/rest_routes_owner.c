#include "io/rest_routes.h"

#include "message/owner.h"

#define problem(code) (UINT64_C(1) << (code))

static const struct rest_route routes[] = {
    {"GET", "/v1/hosts", "Lists hosts", REST_ROLE, REQUEST_HOST_LIST,
     .parameters = {"limit", "after"}, .shape = REST_LIST, .answer = &host_table},
    {"GET", "/v1/hosts/{host}", "Shows a host", REST_ROLE, REQUEST_HOST_SHOW,
     .answer = &host_table, .problems = problem(CODE_NOT_FOUND)},
    {"POST", "/v1/hosts/{host}/cordon", "Gives a host no new VMs", REST_ROLE,
     REQUEST_HOST_CORDON, .answer = &host_table, .problems = problem(CODE_NOT_FOUND)},
    {"POST", "/v1/hosts/{host}/uncordon", "Gives a host new VMs again", REST_ROLE,
     REQUEST_HOST_UNCORDON, .answer = &host_table, .problems = problem(CODE_NOT_FOUND)},
    {"GET", "/v1/upstreams", "Lists upstream managers", REST_ROLE, REQUEST_UPSTREAM_LIST,
     .parameters = {"limit", "after"}, .shape = REST_LIST, .answer = &lending_table},
    {"GET", "/v1/upstreams/{upstream}", "Shows an upstream manager and what it is lent",
     REST_ROLE, REQUEST_UPSTREAM_SHOW, .answer = &lending_table,
     .problems = problem(CODE_NOT_FOUND)},
    {"PUT", "/v1/upstreams/{upstream}/limits", "Sets its limits, in place of the configured ones",
     REST_ROLE, REQUEST_LIMITS_SET, .body = &owner_limits_table,
     .body_offset = offsetof(struct request, limits), .answer = &lending_table,
     .problems = problem(CODE_NOT_FOUND)},
    {"DELETE", "/v1/upstreams/{upstream}/limits", "Puts the configured limits in force again",
     REST_ROLE, REQUEST_LIMITS_RESET, .answer = &lending_table,
     .problems = problem(CODE_NOT_FOUND)},
    {"GET", "/v1/vms", "Lists VMs with their hosts and upstream managers", REST_ROLE,
     REQUEST_VM_LIST, .parameters = {"limit", "after", "host", "upstream"}, .shape = REST_LIST,
     .answer = &hosted_vm_table},
    {"GET", "/v1/vms/{vm}", "Shows a VM, by id", REST_ROLE, REQUEST_VM_SHOW,
     .answer = &hosted_vm_table, .problems = problem(CODE_NOT_FOUND)},
    {"POST", "/v1/tokens", "Makes a one-time token for a peer to join by", REST_ROLE,
     REQUEST_TOKEN_CREATE, .body = &token_create_table,
     .body_offset = offsetof(struct request, token_create), .shape = REST_CREATED,
     .answer = &rest_token_created_table, .problems = problem(CODE_NOT_FOUND)},
    {"GET", "/v1/tokens", "Lists tokens to join by", REST_ROLE, REQUEST_TOKEN_LIST,
     .parameters = {"limit", "after"}, .shape = REST_LIST, .answer = &join_token_table},
    {"DELETE", "/v1/tokens/{token}", "Revokes a token to join by", REST_ROLE,
     REQUEST_TOKEN_REVOKE, .shape = REST_GONE, .problems = problem(CODE_NOT_FOUND)},
    {"DELETE", "/v1/keys/{peer}", "Revokes a peer's key: it is heard no more", REST_ROLE,
     REQUEST_KEY_REVOKE, .shape = REST_GONE, .problems = problem(CODE_NOT_FOUND)},
    {"GET", "/v1/openapi.json", "This face's OpenAPI document", REST_DOCUMENT,
     .shape = REST_BYTES},
    {"GET", "/v1/health", "That the manager serves", REST_HEALTH, .answer = &rest_health_table},
};
const struct rest_face rest_owner_face = {routes, array_size(routes), REST_BY_SOCKET,
                                          "A cluster, for its owner"};
