/* Which records a store keeps, and in which order they are loaded. */
#include "message/stored.h"

#include "message/enrol.h"
#include "message/incarnation.h"
#include "message/leftover.h"
#include "message/model.h"
#include "message/owner.h"
#include "message/records/access.h"
#include "message/records/audit.h"
#include "message/records/contact.h"
#include "message/records/retired.h"
#include "message/records/rule.h"
#include "message/records/tenant.h"

const struct table *const stored_tables[] = {
    &image_table,  &tenant_table,        &node_table,
    &stored_vm_table, &operation_table,     &idempotency_table,
    &host_decision_table, &lending_decision_table,
    &pin_table,    &next_pin_table, /* in this order: a pin ends what was before it */
    &join_token_table, &template_table, &own_incarnation_table, &known_incarnation_table,
    &eviction_table, &audit_table, &access_token_table,
    &contact_table, &delivery_table, /* in this order */
    &retired_table, &rule_table,
};
const size_t stored_tables_count = array_size(stored_tables);
