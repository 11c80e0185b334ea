/* The table of the upstream manager's routes; which of a call's parts each route takes; and
 * which problems it may answer with. */
#include "io/rest/routes.h"

#include <string.h>

#include "base/text.h"
#include "message/health.h"
#include "message/records/usage.h"

#define problem(code) (UINT64_C(1) << (code))

static const struct field timing_fields[] = {
    {field_of(struct rest_timing, wait),
     .about = "Seconds to hold the answer until the operation ends.", .kind = FIELD_U32,
     .most = limit_wait_seconds},
    {field_of(struct rest_timing, deadline), .about = "Seconds in which the operation must end.",
     .kind = FIELD_U32, .least = 1, .most = limit_deadline_ms / 1000},
};
const struct table rest_timing_table = {"timing", "Times of a request.", sizeof(struct rest_timing),
                                        field_rows(timing_fields)};

#define list_problems problem(CODE_INVALID)
#define create_problems (problem(CODE_INVALID) | problem(CODE_CONFLICT))
#define act_problems                                                                     \
    (problem(CODE_NOT_FOUND) | problem(CODE_KEY_REUSED) | problem(CODE_BUSY) |           \
     problem(CODE_BAD_STATE) | problem(CODE_LOCKED) | problem(CODE_STALE) |              \
     problem(CODE_CONFLICT))
#define vm_problems                                                                      \
    (create_problems | problem(CODE_UNKNOWN_SHAPE) | problem(CODE_UNKNOWN_IMAGE) |       \
     problem(CODE_UNKNOWN_NETWORK) | problem(CODE_KEY_REUSED) | problem(CODE_NOT_FOUND) | \
     problem(CODE_NO_CAPACITY) |                                                         \
     problem(CODE_UNMET) | problem(CODE_QUOTA_EXCEEDED) |                                \
     problem(CODE_NOT_ALLOWED) | problem(CODE_UNREACHABLE) | problem(CODE_IMAGE_TOO_LARGE))

#define log_problems                                                                     \
    (problem(CODE_NOT_FOUND) | problem(CODE_BUSY) | problem(CODE_UNSUPPORTED) |          \
     problem(CODE_NOT_ALLOWED) | problem(CODE_UNREACHABLE) | problem(CODE_HOST_FAILED))

#define console_problems (log_problems | problem(CODE_BAD_STATE) | problem(CODE_LOST))
#define forward_problems (console_problems | problem(CODE_GUEST_IGNORED))

/* What all acts on a VM share, its deletion too. */
#define vm_act(verb_)                                                                    \
    .action = REST_ROLE, .kind = REQUEST_VM_ACT, .verb = verb_,                          \
    .parameters = {"wait", "deadline"}, .shape = REST_OPERATION,                         \
    .answer = &operation_table, .problems = act_problems

/* What acts that change what a VM has share; each brings a body. */
#define vm_reshape(verb_)                                                                \
    .action = REST_ROLE, .kind = REQUEST_VM_ACT, .verb = verb_,                          \
    .body_offset = offsetof(struct request, reshape), .parameters = {"wait", "deadline"}, \
    .shape = REST_OPERATION, .answer = &operation_table
#define resize_problems                                                                  \
    (act_problems | problem(CODE_UNKNOWN_SHAPE) | problem(CODE_CONFLICT) |               \
     problem(CODE_QUOTA_EXCEEDED) | problem(CODE_NOT_ALLOWED))
#define rebuild_problems                                                                 \
    (act_problems | problem(CODE_UNKNOWN_IMAGE) | problem(CODE_IMAGE_TOO_LARGE) |        \
     problem(CODE_NOT_ALLOWED))
#define interface_problems (act_problems | problem(CODE_CONFLICT) | problem(CODE_FULL))
#define snapshot_problems (act_problems | problem(CODE_CONFLICT))
/* An act of which the body says more, in this member of the request. */
#define vm_act_by(verb_, table_, member_)                                                \
    vm_act(verb_), .body = &table_, .body_offset = offsetof(struct request, member_)

static const struct rest_route routes[] = {
    {"POST", "/v1/vms", "Creates a VM", REST_ROLE, REQUEST_VM_CREATE, .body = &vm_create_table,
     .body_offset = offsetof(struct request, vm_create), .parameters = {"wait", "deadline"},
     .shape = REST_OPERATION, .answer = &operation_table, .problems = vm_problems},
    {"GET", "/v1/vms", "Lists VMs", REST_ROLE, REQUEST_VM_LIST,
     .parameters = {"limit", "after", "tenant", "state", "name", "cluster", "image", "labels",
                    "sort", "fields", "watch"}, .shape = REST_LIST, .answer = &vm_table,
     .problems = list_problems},
    {"GET", "/v1/vms/{vm}", "Shows a VM, by id or name", REST_ROLE, REQUEST_VM_SHOW,
     .answer = &vm_table, .problems = problem(CODE_NOT_FOUND)},
    {"GET", "/v1/vms/{vm}/log", "Reads a part of a VM's console log", REST_ROLE, REQUEST_VM_LOG,
     .parameters = {"from"}, .answer = &console_log_table, .problems = log_problems},
    {"GET", "/v1/vms/{vm}/usage", "Shows what a VM has used, for a graph", REST_ROLE,
     REQUEST_VM_USAGE, .answer = &usage_graph_table, .problems = problem(CODE_NOT_FOUND)},
    {"POST", "/v1/vms/{vm}/console", "Opens a VM's console, to be joined by the ticket", REST_ROLE,
     REQUEST_VM_CONSOLE, .shape = REST_CREATED, .answer = &stream_ticket_table,
     .problems = console_problems},
    {"POST", "/v1/vms/{vm}/forward", "Opens a stream to a port of a VM's guest, by a ticket, too",
     REST_ROLE, REQUEST_VM_FORWARD, .body = &vm_forward_table, .body_offset =
     offsetof(struct request, vm_forward), .shape = REST_CREATED,
     .answer = &stream_ticket_table, .problems = forward_problems},
    {"POST", "/v1/vms/{vm}/screen", "Opens a VM's screen, to be joined by the ticket, by VNC (RFB)",
     REST_ROLE, REQUEST_VM_SCREEN, .shape = REST_CREATED, .answer = &stream_ticket_table,
     .problems = console_problems},
    {"POST", "/v1/streams", "Joins a stream by its ticket, without WebSockets, and sends its bytes",
     REST_JOIN, REQUEST_STREAM_JOIN, .body = &stream_join_table,
     .body_offset = offsetof(struct request, stream_join), .shape = REST_STREAM,
     .problems = problem(CODE_UNSUPPORTED)},
    {"POST", "/v1/streams/{stream}/input", "Types up to 16 KiB into a stream that was joined so",
     REST_TYPE, .shape = REST_GONE, .problems = problem(CODE_NOT_FOUND) | problem(CODE_BUSY)},
    {"DELETE", "/v1/vms/{vm}", "Deletes a VM", vm_act(VERB_DELETE)},
    {"POST", "/v1/vms/{vm}/start", "Starts a VM", vm_act(VERB_START)},
    {"POST", "/v1/vms/{vm}/shutdown", "Asks the guest to shut down", vm_act(VERB_SHUTDOWN)},
    {"POST", "/v1/vms/{vm}/stop", "Stops a VM at once", vm_act(VERB_STOP)},
    {"POST", "/v1/vms/{vm}/reboot", "Asks the guest to reboot", vm_act(VERB_REBOOT)},
    {"POST", "/v1/vms/{vm}/reset", "Reboots a VM, whatever its guest does", vm_act(VERB_REBOOT),
     .hard = true},
    {"POST", "/v1/vms/{vm}/pause", "Holds a VM in its host's memory", vm_act(VERB_PAUSE)},
    {"POST", "/v1/vms/{vm}/resume", "Lets a paused VM run on", vm_act(VERB_RESUME)},
    {"POST", "/v1/vms/{vm}/suspend", "Saves a VM's memory to disk, for the next start",
     vm_act(VERB_SUSPEND)},
    {"POST", "/v1/vms/{vm}/resize", "Gives a VM another shape", vm_reshape(VERB_RESIZE),
     .body = &vm_resize_table, .problems = resize_problems},
    {"POST", "/v1/vms/{vm}/rebuild", "Makes a VM's disk anew from an image",
     vm_reshape(VERB_REBUILD), .body = &vm_rebuild_table, .problems = rebuild_problems},
    {"POST", "/v1/vms/{vm}/snapshot", "Takes a snapshot of a VM", vm_reshape(VERB_SNAPSHOT),
     .body = &vm_snapshot_table, .problems = snapshot_problems},
    {"POST", "/v1/vms/{vm}/revert", "Takes a VM back to a snapshot", vm_reshape(VERB_REVERT),
     .body = &vm_snapshot_table, .problems = snapshot_problems},
    {"POST", "/v1/vms/{vm}/snapshot-delete", "Deletes a snapshot of a VM",
     vm_reshape(VERB_SNAPSHOT_DELETE), .body = &vm_snapshot_table,
     .problems = snapshot_problems},
    {"POST", "/v1/vms/{vm}/interface-add", "Gives a VM an interface in a network, also as it runs",
     vm_reshape(VERB_INTERFACE_ADD), .body = &vm_interface_add_table,
     .problems = interface_problems | problem(CODE_UNKNOWN_NETWORK)},
    {"POST", "/v1/vms/{vm}/interface-remove", "Takes a network interface of a VM away",
     vm_reshape(VERB_INTERFACE_REMOVE), .body = &vm_interface_remove_table,
     .problems = interface_problems},
    {"POST", "/v1/vms/{vm}/copy", "Copies a VM's disk out of its host", vm_act(VERB_COPY)},
    {"POST", "/v1/vms/{vm}/lock", "Locks a VM: every verb but unlock is refused",
     vm_act(VERB_LOCK)},
    {"POST", "/v1/vms/{vm}/unlock", "Unlocks a VM", vm_act(VERB_UNLOCK)},
    {"POST", "/v1/vms/{vm}/rename", "Gives a VM another name",
     vm_act_by(VERB_RENAME, vm_rename_table, vm_rename)},
    {"PUT", "/v1/vms/{vm}/metadata", "Sets what is said of a VM",
     vm_act_by(VERB_EDIT, vm_edit_table, vm_edit)},
    {"PUT", "/v1/vms/{vm}/title", "Sets a VM's title",
     vm_act_by(VERB_EDIT, vm_title_table, vm_title)},
    {"PUT", "/v1/vms/{vm}/allow", "Sets who may begin to speak to a VM",
     vm_act_by(VERB_ALLOW, vm_allow_table, vm_allow)},
    {"GET", "/v1/operations", "Lists operations", REST_ROLE, REQUEST_OP_LIST,
     .parameters = {"limit", "after", "tenant", "vm", "state", "name", "fields", "watch"},
     .shape = REST_LIST, .answer = &operation_table, .problems = list_problems},
    {"GET", "/v1/operations/{operation}", "Shows an operation, or waits for its end", REST_ROLE,
     REQUEST_OP_SHOW, .parameters = {"wait"}, .answer = &operation_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_INVALID)},
    {"GET", "/v1/shapes", "Lists shapes", REST_ROLE, REQUEST_SHAPE_LIST,
     .parameters = {"limit", "after", "name", "fields"}, .shape = REST_LIST,
     .answer = &shape_table,
     .problems = list_problems},
    {"GET", "/v1/networks", "Lists networks", REST_ROLE, REQUEST_NETWORK_LIST,
     .parameters = {"limit", "after", "name", "fields"}, .shape = REST_LIST,
     .answer = &network_table,
     .problems = list_problems},
    {"POST", "/v1/ssh-keys", "Keeps an SSH public key of the tenant's", REST_ROLE,
     REQUEST_SSH_KEY_ADD, .body = &ssh_key_add_table,
     .body_offset = offsetof(struct request, ssh_key), .shape = REST_CREATED,
     .answer = &ssh_key_table, .problems = create_problems},
    {"GET", "/v1/ssh-keys", "Lists the SSH public keys that the tenant keeps", REST_ROLE,
     REQUEST_SSH_KEY_LIST, .parameters = {"limit", "after"}, .shape = REST_LIST,
     .answer = &ssh_key_table, .problems = list_problems},
    {"DELETE", "/v1/ssh-keys/{key}", "Removes one; VMs that were made with it keep it", REST_ROLE,
     REQUEST_SSH_KEY_REMOVE, .shape = REST_GONE, .problems = problem(CODE_NOT_FOUND)},
    {"GET", "/v1/images", "Lists images", REST_ROLE, REQUEST_IMAGE_LIST,
     .parameters = {"limit", "after", "name", "fields", "watch"}, .shape = REST_LIST,
     .answer = &image_table,
     .problems = list_problems},
    {"GET", "/v1/images/{image}", "Shows an image", REST_ROLE, REQUEST_IMAGE_SHOW,
     .answer = &image_table, .problems = problem(CODE_NOT_FOUND)},
    {"PUT", "/v1/images/{image}", "Imports an image; a tenant its own", REST_UPLOAD,
     .shape = REST_CREATED, .answer = &image_table,
     .problems = create_problems | problem(CODE_IMAGE_BROKEN) | problem(CODE_BUSY) |
                 problem(CODE_QUOTA_EXCEEDED)},
    {"GET", "/v1/uploads/{digest}", "Shows how far your upload of a file is", REST_UPLOADED,
     .answer = &upload_table, .problems = problem(CODE_NOT_FOUND)},
    {"DELETE", "/v1/images/{image}", "Deletes an image; a tenant its own", REST_ROLE,
     REQUEST_IMAGE_DELETE, .shape = REST_GONE,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_CONFLICT)},
    {"GET", "/v1/images/{image}/archive", "Sends an image's archive to whoever may use it",
     REST_EXPORT, .shape = REST_BYTES, .problems = problem(CODE_NOT_FOUND)},
    {"POST", "/v1/images/{image}/share", "Lets all tenants use a tenant's image; operators only",
     REST_ROLE, REQUEST_IMAGE_SHARE, .answer = &image_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_CONFLICT)},
    {"POST", "/v1/images/{image}/unshare", "Lets its tenant alone use it again; operators only",
     REST_ROLE, REQUEST_IMAGE_UNSHARE, .answer = &image_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_CONFLICT)},
    {"GET", "/v1/blobs/{digest}", "Sends an image's archive to a cluster", REST_BLOB,
     .shape = REST_BYTES, .problems = problem(CODE_NOT_FOUND)},
    {"GET", "/v1/blobs/{digest}/signature", "Tells a cluster who signed an image", REST_SIGNATURE,
     .shape = REST_BYTES, .problems = problem(CODE_NOT_FOUND)},
    {"GET", "/v1/clusters", "Lists clusters", REST_ROLE, REQUEST_CLUSTER_LIST,
     .parameters = {"limit", "after", "state", "name", "labels", "fields", "watch"},
     .shape = REST_LIST, .answer = &node_table,
     .problems = list_problems},
    {"GET", "/v1/clusters/{cluster}", "Shows a cluster", REST_ROLE, REQUEST_CLUSTER_SHOW,
     .answer = &node_table, .problems = problem(CODE_NOT_FOUND)},
    {"POST", "/v1/clusters/{cluster}/forget",
     "Gives up a cluster that is gone for good, with its VMs; operators only", REST_ROLE,
     REQUEST_CLUSTER_FORGET, .answer = &node_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_CONFLICT)},
    {"POST", "/v1/clusters/{cluster}/accept",
     "Believes what came by a cluster's name with another store; operators only", REST_ROLE,
     REQUEST_CLUSTER_ACCEPT, .answer = &node_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_CONFLICT)},
    {"POST", "/v1/clusters/{cluster}/declare-off",
     "Says that a cluster is off: its VMs run elsewhere; operators only",
     REST_ROLE, REQUEST_CLUSTER_DECLARE_OFF, .answer = &node_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_CONFLICT)},
    {"POST", "/v1/clusters/{cluster}/recover", "Restarts elsewhere what is held; operators only",
     REST_ROLE, REQUEST_CLUSTER_RECOVER, .answer = &node_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_CONFLICT)},
    {"GET", "/v1/leftovers", "Lists VMs that are not known to be where they are; operators only",
     REST_ROLE, REQUEST_LEFTOVER_LIST, .parameters = {"limit", "after", "place"},
     .shape = REST_LIST, .answer = &leftover_table},
    {"POST", "/v1/leftovers/{vm}/adopt", "Takes such a VM in; operators only", REST_ROLE,
     REQUEST_LEFTOVER_ADOPT, .body = &leftover_adopt_cluster_table,
     .body_offset = offsetof(struct request, leftover), .answer = &leftover_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_CONFLICT) | problem(CODE_BAD_STATE)},
    {"POST", "/v1/leftovers/{vm}/discard", "Has its place remove it; operators only", REST_ROLE,
     REQUEST_LEFTOVER_DISCARD, .body = &leftover_discard_table,
     .body_offset = offsetof(struct request, leftover), .answer = &leftover_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_CONFLICT) | problem(CODE_UNREACHABLE)},
    {"POST", "/v1/tokens", "Makes a one-time token for a peer to join by; operators only",
     REST_ROLE, REQUEST_TOKEN_CREATE, .body = &token_create_table,
     .body_offset = offsetof(struct request, token_create), .shape = REST_CREATED,
     .answer = &token_created_table, .problems = problem(CODE_NOT_FOUND)},
    {"GET", "/v1/tokens", "Lists tokens to join by; operators only", REST_ROLE, REQUEST_TOKEN_LIST,
     .parameters = {"limit", "after", "fields"}, .shape = REST_LIST, .answer = &join_token_table},
    {"DELETE", "/v1/tokens/{token}", "Revokes a token to join by; operators only", REST_ROLE,
     REQUEST_TOKEN_REVOKE, .shape = REST_GONE, .problems = problem(CODE_NOT_FOUND)},
    {"DELETE", "/v1/keys/{peer}", "Revokes a peer's key: it is heard no more; operators only",
     REST_ROLE, REQUEST_KEY_REVOKE, .shape = REST_GONE, .problems = problem(CODE_NOT_FOUND)},
    {"POST", "/v1/tenants", "Makes a tenant and its token; operators only", REST_ROLE,
     REQUEST_TENANT_CREATE, .body = &tenant_create_table,
     .body_offset = offsetof(struct request, tenant_create), .shape = REST_CREATED,
     .answer = &tenant_created_table, .problems = create_problems},
    {"GET", "/v1/tenants", "Lists tenants; operators only", REST_ROLE, REQUEST_TENANT_LIST,
     .parameters = {"limit", "after", "name", "fields", "watch"}, .shape = REST_LIST,
     .answer = &account_table,
     .problems = list_problems},
    {"GET", "/v1/tenants/{tenant}", "Shows a tenant", REST_ROLE, REQUEST_TENANT_SHOW,
     .answer = &account_table, .problems = problem(CODE_NOT_FOUND)},
    {"PUT", "/v1/tenants/{tenant}/quota", "Sets what a tenant's VMs may have; operators only",
     REST_ROLE, REQUEST_TENANT_QUOTA, .body = &amounts_table,
     .body_offset = offsetof(struct request, limits), .answer = &account_table,
     .problems = problem(CODE_NOT_FOUND)},
    {"PUT", "/v1/tenants/{tenant}/image-quota",
     "Sets what a tenant's own images may take; operators only", REST_ROLE, REQUEST_TENANT_IMAGES,
     .body = &image_quota_table, .body_offset = offsetof(struct request, image_quota),
     .answer = &account_table, .problems = problem(CODE_NOT_FOUND)},
    {"PUT", "/v1/tenants/{tenant}/permissions",
     "Sets which clusters, shapes and images its new VMs may use; operators only", REST_ROLE,
     REQUEST_TENANT_PERMISSIONS_SET, .body = &tenant_permissions_table,
     .body_offset = offsetof(struct request, tenant_permissions), .answer = &account_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_UNKNOWN_SHAPE) |
                 problem(CODE_UNKNOWN_IMAGE)},
    {"DELETE", "/v1/tenants/{tenant}/permissions", "Lets them use all again; operators only",
     REST_ROLE, REQUEST_TENANT_PERMISSIONS_RESET, .answer = &account_table,
     .problems = problem(CODE_NOT_FOUND)},
    {"DELETE", "/v1/tenants/{tenant}", "Deletes a tenant without VMs; operators only", REST_ROLE,
     REQUEST_TENANT_DELETE, .shape = REST_GONE,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_CONFLICT)},
    {"POST", "/v1/access-tokens", "Makes a token for its asker, or an operator's or tenant's",
     REST_ROLE, REQUEST_ACCESS_CREATE, .body = &access_create_table,
     .body_offset = offsetof(struct request, access_create), .shape = REST_CREATED,
     .answer = &access_created_table, .problems = create_problems | problem(CODE_NOT_FOUND)},
    {"GET", "/v1/access-tokens", "Lists tokens by which a tenant or operator is known",
     REST_ROLE, REQUEST_ACCESS_LIST, .parameters = {"limit", "after", "tenant", "name", "fields"},
     .shape = REST_LIST, .answer = &access_token_table,
     .problems = list_problems | problem(CODE_NOT_FOUND)},
    {"DELETE", "/v1/access-tokens/{token}", "Revokes one, by id or name, at once", REST_ROLE,
     REQUEST_ACCESS_REVOKE, .shape = REST_GONE, .problems = problem(CODE_NOT_FOUND)},
    {"POST", "/v1/contacts", "Adds a contact, who is told what happens once it is proven",
     REST_ROLE, REQUEST_CONTACT_ADD, .body = &contact_create_table,
     .body_offset = offsetof(struct request, contact), .shape = REST_CREATED,
     .answer = &contact_created_table, .problems = create_problems},
    {"GET", "/v1/contacts", "Lists one's own contacts", REST_ROLE, REQUEST_CONTACT_LIST,
     .parameters = {"limit", "after", "name", "fields"}, .shape = REST_LIST,
     .answer = &contact_table, .problems = list_problems},
    {"POST", "/v1/contacts/{contact}/prove", "Proves one by the code that was sent to it",
     REST_ROLE, REQUEST_CONTACT_PROVE, .body = &contact_prove_table,
     .body_offset = offsetof(struct request, contact), .answer = &contact_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_CONFLICT)},
    {"DELETE", "/v1/contacts/{contact}", "Removes one, by id or name", REST_ROLE,
     REQUEST_CONTACT_REMOVE, .shape = REST_GONE, .problems = problem(CODE_NOT_FOUND)},
    {"GET", "/v1/deliveries", "Lists what isthmus-xmpp is to tell by chat, or waits for it",
     REST_ROLE, REQUEST_DELIVERY_LIST, .parameters = {"wait", "limit"}, .shape = REST_LIST,
     .answer = &chat_delivery_table, .problems = list_problems},
    {"POST", "/v1/deliveries/{delivery}/end", "Says what has become of one", REST_ROLE,
     REQUEST_DELIVERY_END, .body = &delivery_end_table,
     .body_offset = offsetof(struct request, delivery_end), .shape = REST_GONE,
     .problems = problem(CODE_NOT_FOUND)},
    {"POST", "/v1/rules", "Adds a rule by which VMs are placed, or refused; operators only",
     REST_ROLE, REQUEST_RULE_ADD, .body = &rule_table,
     .body_offset = offsetof(struct request, rule), .shape = REST_CREATED, .answer = &rule_table,
     .problems = create_problems | problem(CODE_NOT_FOUND)},
    {"GET", "/v1/rules", "Lists these rules in their order; operators only", REST_ROLE,
     REQUEST_RULE_LIST, .parameters = {"limit", "after", "name", "fields", "watch"},
     .shape = REST_LIST, .answer = &rule_table, .problems = list_problems},
    {"GET", "/v1/rules/{rule}", "Shows a rule; operators only", REST_ROLE, REQUEST_RULE_SHOW,
     .answer = &rule_table, .problems = problem(CODE_NOT_FOUND)},
    {"PUT", "/v1/rules/{rule}", "Sets what a rule matches and says; operators only", REST_ROLE,
     REQUEST_RULE_SET, .body = &rule_set_table, .body_offset = offsetof(struct request, rule),
     .answer = &rule_table, .problems = problem(CODE_NOT_FOUND) | problem(CODE_STALE)},
    {"POST", "/v1/rules/{rule}/move", "Gives a rule another place in the list; operators only",
     REST_ROLE, REQUEST_RULE_MOVE, .body = &rule_move_table,
     .body_offset = offsetof(struct request, rule_move), .answer = &rule_table,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_STALE)},
    {"DELETE", "/v1/rules/{rule}", "Deletes a rule; VMs stay where they are; operators only",
     REST_ROLE, REQUEST_RULE_DELETE, .shape = REST_GONE,
     .problems = problem(CODE_NOT_FOUND) | problem(CODE_STALE)},
    {"GET", "/v1/whoami", "Shows whose token this is", REST_ROLE, REQUEST_WHOAMI,
     .answer = &whoami_table},
    {"POST", "/v1/tickets", "Draws a ticket by which a browser logs in once, within two minutes",
     REST_TICKET, REQUEST_WHOAMI, .answer = &ticket_table},
    {"POST", "/v1/logins", "Lets a browser in, by a ticket or a token: answers with a cookie",
     REST_LOGIN, REQUEST_WHOAMI, .body = &login_create_table,
     .body_offset = offsetof(struct request, login_create), .answer = &whoami_table},
    {"DELETE", "/v1/logins", "Logs the browser that asks out", REST_LOGOUT, .shape = REST_GONE},
    {"GET", "/v1/audit", "Lists what was asked for, and what came of it", REST_ROLE,
     REQUEST_AUDIT_LIST, .parameters = {"limit", "after", "tenant", "fields"}, .shape = REST_LIST,
     .answer = &audit_table, .problems = list_problems | problem(CODE_NOT_FOUND)},
    {"GET", "/v1/metrics", "Shows numbers of the manager, for Prometheus; operators only",
     REST_METRICS, REQUEST_METRICS, .shape = REST_BYTES},
    {"GET", "/v1/events", "Tells what changes: VMs, operations, for operators all that is listed",
     REST_EVENTS, REQUEST_WHOAMI, .parameters = {"after", "vm"}, .shape = REST_STREAM,
     .problems = problem(CODE_INVALID)},
    {"GET", "/v1/openapi.json", "This face's OpenAPI document", REST_DOCUMENT,
     .shape = REST_BYTES},
    {"GET", "/v1/health", "How the manager and its links are", REST_HEALTH,
     .answer = &health_table},
};
const struct rest_face rest_upstream_face = {
    routes, array_size(routes), REST_BY_TOKEN, "Virtual machines on federated clusters"};

bool rest_route_is_open(const struct rest_face *face, const struct rest_route *route) {
    bool tells_strangers = route->action == REST_DOCUMENT || route->action == REST_HEALTH;
    return route->action == REST_LOGIN || route->action == REST_LOGOUT ||
           (tells_strangers && face->trust == REST_BY_TOKEN);
}

bool rest_route_takes_key(const struct rest_route *route) {
    return route->shape == REST_OPERATION;
}

bool rest_route_takes_tag(const struct rest_route *route) {
    return route->action == REST_ROLE &&
           (route->kind == REQUEST_VM_ACT || route->kind == REQUEST_RULE_SET ||
            route->kind == REQUEST_RULE_MOVE || route->kind == REQUEST_RULE_DELETE);
}

uint64_t rest_route_problems(const struct rest_face *face, const struct rest_route *route) {
    uint64_t problems = route->problems | problem(CODE_INVALID) | problem(CODE_SHUTTING_DOWN);
    if (route->action == REST_DOCUMENT || route->action == REST_HEALTH)
        return problems;
    bool is_login = route->action == REST_LOGIN || route->action == REST_TICKET;
    if (face->trust == REST_BY_TOKEN || is_login)
        problems |= problem(CODE_UNAUTHENTICATED) | problem(CODE_FORBIDDEN);
    return problems | problem(CODE_TOO_LARGE) | problem(CODE_FULL) | problem(CODE_INTERNAL);
}

const struct field *rest_route_parameter(const struct rest_route *route, const char *name,
                                         enum rest_holder *out_holder) {
    size_t at = 0;
    while (at < array_size(route->parameters) && route->parameters[at] &&
           !text_equal(route->parameters[at], name))
        at++;
    if (at == array_size(route->parameters) || !route->parameters[at])
        return NULL;
    const struct field *field = field_find(&rest_timing_table, name);
    *out_holder = field ? REST_TIMING : REST_QUERY;
    return field ? field : field_find(&list_query_table, name);
}

bool rest_route_is_watched(const struct rest_route *route) {
    enum rest_holder holder;
    return rest_route_parameter(route, "watch", &holder);
}

/* Does `path` fit `pattern`, with what stands for its variable in out_key? */
static bool path_fits(const char *pattern, const char *path, char *out_key) {
    const char *variable = strchr(pattern, '{');
    out_key[0] = 0;
    if (!variable)
        return text_equal(pattern, path);
    size_t head = (size_t)(variable - pattern);
    if (strncmp(pattern, path, head) != 0)
        return false;
    const char *value = path + head, *rest = strchr(variable, '}') + 1;
    size_t length = strcspn(value, "/");
    if (length == 0 || length >= limit_digest_size || !text_equal(value + length, rest))
        return false;
    memcpy(out_key, value, length);
    out_key[length] = 0;
    return true;
}

const struct rest_route *rest_route_find(const struct rest_face *face, const char *method,
                                         const char *path, char *out_key, char out_allow[64]) {
    struct text allow = {.limit = 63};
    const struct rest_route *found = NULL;
    for (size_t i = 0; i < face->routes_count && !found; i++) {
        const struct rest_route *route = &face->routes[i];
        if (!path_fits(route->path, path, out_key))
            continue;
        bool is_get = text_equal(route->method, "GET");
        if (text_equal(route->method, method) || (is_get && text_equal(method, "HEAD")))
            found = route;
        text_addf(&allow, "%s%s", allow.length ? ", " : "", is_get ? "GET, HEAD" : route->method);
    }
    text_set_sized(out_allow, 64, text_data(&allow));
    text_deinit(&allow);
    return found;
}
