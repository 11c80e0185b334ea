/* The words for each outcome: its name on the wire, and the title and the remedy that a person
 * reads. */
#include "message/code.h"

struct code_words {
    const char *title, *remedy;
};

static const struct code_words words[CODE_COUNT] = {
    [CODE_OK] = {"Done", "nothing to do"},
    [CODE_INVALID] = {"The request is not valid", "correct the field that is named"},
    [CODE_UNAUTHENTICATED] = {"No valid token",
                              "send the header 'Authorization: Bearer TOKEN' with a token that "
                              "the operator gave you"},
    [CODE_FORBIDDEN] = {"The token does not permit this",
                        "ask the operator, whose token is needed for it"},
    [CODE_NOT_FOUND] = {"There is no such thing", "list what there is"},
    [CODE_UNKNOWN_SHAPE] = {"There is no such shape",
                            "choose one that 'isthmus shape list' shows"},
    [CODE_UNKNOWN_IMAGE] = {"There is no such image",
                            "choose one that 'isthmus image list' shows"},
    [CODE_UNKNOWN_NETWORK] = {"There is no such network",
                              "choose one that 'isthmus network list' shows"},
    [CODE_CONFLICT] = {"It is there already, or in use",
                       "choose another name, or remove what uses it first"},
    [CODE_KEY_REUSED] = {"The Idempotency-Key was used for another request",
                         "draw a new key for each new request"},
    [CODE_BUSY] = {"Another operation on this VM is under way",
                   "wait for its end, or delete the VM"},
    [CODE_BAD_STATE] = {"The VM's state does not permit this",
                        "look at the VM's state; the guide lists which verb is legal in which"},
    [CODE_LOCKED] = {"The VM is locked", "unlock it first: 'isthmus vm unlock'"},
    [CODE_TOO_LARGE] = {"The body is too large", "send less"},
    [CODE_FULL] = {"A table of the manager is full",
                   "delete what is no longer needed, or ask the operator"},
    [CODE_UNSUPPORTED] = {"The other side does not know this",
                          "upgrade the older side"},
    [CODE_NO_CAPACITY] = {"No cluster has room for the shape",
                          "choose a smaller shape, delete a VM, or try again later"},
    [CODE_UNMET] = {"No cluster is as you ask for",
                    "ask for other labels or networks, or another group rule; 'isthmus cluster "
                    "show' tells a cluster's labels"},
    [CODE_QUOTA_EXCEEDED] = {"Your quota has no room for it",
                             "delete a VM, choose a smaller shape, or ask the operator for more"},
    [CODE_NOT_ALLOWED] = {"The operator or the cluster's owner does not allow it",
                          "choose what 'isthmus cluster list', 'shape list' and 'image list' "
                          "show, or ask whoever does not allow it for more"},
    [CODE_UNREACHABLE] = {"No cluster that could take it is connected",
                          "try again later; 'isthmus cluster list' shows the connections"},
    [CODE_IMAGE_UNAVAILABLE] = {"The image could not be fetched",
                                "ask the operator to look at the image repository"},
    [CODE_IMAGE_BROKEN] = {"The image's archive is broken",
                           "import the image again"},
    [CODE_IMAGE_TOO_LARGE] = {"The image's disk does not fit into the shape",
                              "choose a shape with a larger disk"},
    [CODE_HOST_FAILED] = {"The host could not do it",
                          "try again; if it fails again, ask the operator to look at the "
                          "cluster's logs by the operation's id"},
    [CODE_GUEST_IGNORED] = {"The guest did not act in time",
                            "stop the VM instead, which does not ask the guest"},
    [CODE_DEADLINE] = {"No confirmation came before the deadline",
                       "look at the VM's state, which tells what became of it; a creation is "
                       "undone and a deletion goes on by itself"},
    [CODE_SUPERSEDED] = {"A later delete took its place", "nothing to do"},
    [CODE_STALE] = {"A newer instruction was there already", "look at the VM's state"},
    [CODE_INTERRUPTED] = {"A crash interrupted it and it was not repeated",
                          "look at the VM's state, and ask again if it is not as you want it"},
    [CODE_LOST] = {"The VM is no longer where it was",
                   "delete the VM and create it again"},
    [CODE_SHUTTING_DOWN] = {"The manager is stopping", "ask again in a moment"},
    [CODE_INTERNAL] = {"The manager failed", "ask the operator to look at its log"},
    [CODE_NO_LEASE] = {"The host has no lease to run it by",
                       "try again in a moment; if it stays so, ask the operator whether the "
                       "cluster's hosts have a warden"},
    [CODE_NO_COPY] = {"There is no copy of the VM's disk to restart it from",
                      "wait for its host to come back; or delete the VM and create it again"},
};

const char *const code_names[CODE_COUNT] = {
    "ok",           "invalid",      "unauthenticated", "forbidden",         "not-found",
    "unknown-shape", "unknown-image", "unknown-network", "conflict", "key-reused",  "busy",
    "bad-state",    "locked",       "too-large",       "full",              "unsupported",
    "no-capacity",  "unmet",        "quota-exceeded",
    "not-allowed", "unreachable",  "image-unavailable", "image-broken",    "image-too-large",
    "host-failed",  "guest-ignored", "deadline",       "superseded",        "stale",
    "interrupted",  "lost",         "shutting-down",   "internal",
    "no-lease",     "no-copy",
};

const char *code_title(enum code code) { return words[code].title; }

const char *code_remedy(enum code code) { return words[code].remedy; }
