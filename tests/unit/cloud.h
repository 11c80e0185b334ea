/* An upstream manager on the workbench, with two tenants, two images and two clusters. */
#pragma once

#include "bench.h"
#include "message/id.h"

enum cloud_user { cloud_nobody, cloud_stranger, cloud_operator, cloud_alice, cloud_bob,
                  cloud_chat }; /* who tells by chat */

struct cloud {
    struct bench bench;
    struct far *north, *south;
    uint64_t handle; /* of the newest request */
};

/* A test of cmocka's that begins with a fresh cloud: north has room for two VMs of each shape,
 * south for one; both are connected. */
#define cloud_test(test, cloud) \
    cmocka_unit_test_prestate_setup_teardown(test, cloud_set_up, cloud_tear_down, cloud)
int cloud_set_up(void **state);
int cloud_tear_down(void **state);

/* A request of that user, to be filled in further. */
struct request cloud_request(struct cloud *cloud, enum cloud_user user, enum request_kind kind);
struct request cloud_wish(struct cloud *cloud, enum cloud_user user, const char *name);
struct request cloud_act(struct cloud *cloud, enum cloud_user user, enum verb verb,
                         const char *key);

/* The operator makes a tenant, who has that user's token. */
void cloud_add_tenant(struct cloud *cloud, const char *name, enum cloud_user user);

/* Asks; the reply is a problem with this code and field, and nothing else happened. */
void cloud_assert_refused(struct cloud *cloud, const struct request *request, enum code code,
                          const char *field);

/* Asks; the operation's id is the answer. */
struct id cloud_begin(struct cloud *cloud, const struct request *request);

/* Makes a VM of alice's run, or of bob's. Its id is the answer. */
struct id cloud_run_vm(struct cloud *cloud, enum cloud_user user, const char *name);

/* The cluster that was instructed by the newest step, NULL: none; and with what. */
struct far *cloud_instructed(struct cloud *cloud, struct message *out_instruct);

/* That cluster answers. */
void cloud_answer(struct cloud *cloud, enum code code, enum vm_state state);

const struct operation *cloud_op(const struct cloud *cloud, const char *id);
const struct vm *cloud_vm(const struct cloud *cloud, const char *id);
