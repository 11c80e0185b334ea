/* Names and reach of the verbs. */
#include "message/vm/verb.h"

const char *const verb_names[VERB_COUNT] = {
    [VERB_DEFINE] = "define", [VERB_START] = "start", [VERB_SHUTDOWN] = "shutdown",
    [VERB_STOP] = "stop", [VERB_REBOOT] = "reboot", [VERB_PAUSE] = "pause",
    [VERB_RESUME] = "resume", [VERB_SUSPEND] = "suspend", [VERB_RESIZE] = "resize",
    [VERB_RENAME] = "rename", [VERB_EDIT] = "edit", [VERB_LOCK] = "lock", [VERB_UNLOCK] = "unlock",
    [VERB_SNAPSHOT] = "snapshot", [VERB_REVERT] = "revert", [VERB_REBUILD] = "rebuild",
    [VERB_SNAPSHOT_DELETE] = "snapshot-delete", [VERB_RECEIVE] = "receive",
    [VERB_MIGRATE] = "migrate", [VERB_ADOPT] = "adopt", [VERB_DISCARD] = "discard",
    [VERB_DELETE] = "delete", [VERB_EVICT] = "evict", [VERB_COPY] = "copy", [VERB_ALLOW] = "allow",
    [VERB_INTERFACE_ADD] = "interface-add", [VERB_INTERFACE_REMOVE] = "interface-remove",
};
const enum verb_reach verb_reaches[VERB_COUNT] = {
    [VERB_DEFINE] = VERB_BELOW,    [VERB_START] = VERB_BELOW,    [VERB_SHUTDOWN] = VERB_BELOW,
    [VERB_STOP] = VERB_BELOW,      [VERB_REBOOT] = VERB_BELOW,   [VERB_PAUSE] = VERB_BELOW,
    [VERB_RESUME] = VERB_BELOW,    [VERB_SUSPEND] = VERB_BELOW,  [VERB_RESIZE] = VERB_BELOW,
    [VERB_RENAME] = VERB_ABOVE,    [VERB_EDIT] = VERB_ABOVE,     [VERB_LOCK] = VERB_ABOVE,
    [VERB_UNLOCK] = VERB_ABOVE,    [VERB_SNAPSHOT] = VERB_BELOW, [VERB_REVERT] = VERB_BELOW,
    [VERB_REBUILD] = VERB_BELOW,   [VERB_SNAPSHOT_DELETE] = VERB_BELOW, [VERB_ALLOW] = VERB_BELOW,
    [VERB_RECEIVE] = VERB_AMONG_HOSTS, [VERB_MIGRATE] = VERB_AMONG_HOSTS,
    [VERB_ADOPT] = VERB_AMONG_HOSTS, [VERB_DISCARD] = VERB_UNBUILT, /* it travels as a delete */
    [VERB_DELETE] = VERB_BELOW,    [VERB_EVICT] = VERB_AMONG_HOSTS, [VERB_COPY] = VERB_BELOW,
    [VERB_INTERFACE_ADD] = VERB_BELOW, [VERB_INTERFACE_REMOVE] = VERB_BELOW,
};
