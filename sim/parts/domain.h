/* What the hosts really have: domains, which nobody sees but by what hosts tell. */
#pragma once

#include "sim/world/world.h"

/* All domains of one VM id, wherever they are: there should be one. */
struct sim_vm {
    char id[limit_id_size];
    struct list domains; /* sim_domain.by_vm */
    uint32_t running;
    uint32_t boots;
    bool was_taken_in; /* by somebody who knew nothing of it but what is told in a session */
};

struct sim_snapshot {
    char name[limit_name_size];
    char op[limit_id_size]; /* which made it */
    bool memory;
    struct size size;
};

struct sim_domain {
    struct list by_node, by_vm;
    struct sim_vm *vm;
    struct sim_node *node;
    struct size size, started; /* started: what it had when it was */
    char image[limit_digest_size];
    char networks[limit_vm_network_names + 1]; /* as it was defined last */
    char allow[64];            /* who may begin to speak to it, as it was defined last */
    char name[limit_name_size]; /* its guest's, as that was made last */
    struct sim_snapshot snapshots[2 * limit_snapshots]; /* with those that were left half-made */
    uint32_t snapshots_count;
    uint32_t epoch;
    enum vm_state state;
    bool is_shell; /* files for one that is to come from another host, and no more */
    uint32_t boot; /* the VM's how many-th this guest has made */
    bool is_cut; /* since it was started, its host lost power */
    enum on_loss on_loss; /* whether it is to be restarted elsewhere when its host is lost */
    bool is_frozen;   /* by the host's warden: it stands still */
    bool told_frozen; /* as its agent knows */
    bool forgot; /* its host lost power while it was known to be held in memory */
};

struct sim_domain *domain_of(const struct sim_world *world, const struct sim_node *node,
                             const char *id);
const struct sim_vm *domain_vm(const struct sim_world *world, const char *vm);
struct sim_domain *domain_add(struct sim_world *world, struct sim_node *node, const char *id,
                              const struct size *size);
void domain_remove(struct sim_world *world, struct sim_domain *domain);
void domain_set_state(struct sim_world *world, struct sim_domain *domain, enum vm_state state);

/* Which IP addresses the guest has now, some more than can be told; they change as it boots, and
 * now and then until the world heals. How many; 0: they cannot be seen. */
enum { sim_ips_most = limit_vm_ips + 8 };
uint32_t domain_ips(const struct sim_world *world, const struct sim_domain *domain,
                    struct vm_ip out_ips[sim_ips_most]);

/* What the host's warden knows of the VM; NULL: nothing. */
const struct sim_guarded *domain_guarded(const struct sim_node *node, const char *vm);
bool domain_goes_on(const struct sim_domain *domain); /* it runs, and does not stand still */
void domain_freeze(struct sim_world *world, struct sim_domain *domain, bool is_frozen);
void domain_suspend_all(struct sim_world *world, struct sim_node *node, bool is_suspended);

/* The generation of the instruction that ends here what the host's manager has made to run
 * elsewhere, so that it is put aside; UINT64_MAX: it is not known yet; 0: nobody has. */
uint64_t domain_evicted(struct sim_world *world, const struct sim_node *host, const char *vm);

/* The host tells its agent of it. */
void domain_tell(struct sim_world *world, struct sim_domain *domain, enum domain_news why);

/* The host has this VM from the beginning, with the epoch that the record tells. */
void domain_take_over(struct sim_world *world, struct sim_node *node, const struct vm *vm);
void domain_forget_all(struct sim_world *world);
