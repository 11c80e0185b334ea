/* Provisioning rules: an operator's ordered list. The first one that matches a VM says where it
 * goes, what becomes of it when its host is lost, or that there is to be no such VM. */
#pragma once

#include "message/vm/loss.h"
#include "message/vm/placing.h"

struct rule {
    char name[limit_name_size]; /* the key */
    uint32_t position;          /* from 1 on: the rule of 1 is looked at first */
    char *tenants, *images, *shapes; /* it matches VMs of these: patterns; NULL: of all */
    char *labels;                    /* that have all of these in their metadata */
    struct ruling ruling;
    enum on_loss_wish on_loss; /* of a VM whose request does not say it */
    char *networks;            /* by commas: of a VM whose request names none; NULL: none */
    char *refuse;              /* what its tenant is told in place of a VM; NULL: it may be */
};
extern const struct table rule_table;     /* the body of POST /v1/rules, too */
extern const struct table rule_set_table; /* all but name and position */

/* POST /v1/rules/{rule}/move */
struct rule_move {
    uint32_t position;
};
extern const struct table rule_move_table;

/* A VM as rules look at it. */
struct ruled_vm {
    const char *tenant, *image, *shape; /* names */
    const char *metadata;               /* NULL: none */
};

bool rule_matches(const struct rule *rule, const struct ruled_vm *vm);
