/* The row of the daemon itself, read before it serves and written when its term is raised. */
#include "main/daemon/term.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/prng.h"
#include "core/link/incarnation.h"

static void close_store(struct store **store) { store_close(*store); }

/* Of a store that has no row yet, the one that its next start would make. */
static int load(struct store *store, struct own_incarnation *own, struct error *err) {
    incarnation_init(own, daemon_seed());
    struct own_incarnation stored = *own;
    struct record record = {&own_incarnation_table, &stored};
    int found = store_get(store, &record, err);
    if (found > 0)
        incarnation_load(own, &record);
    return found < 0 ? found : 0;
}

int daemon_check_term(struct store *store, struct error *err) {
    struct own_incarnation own;
    if (load(store, &own, err))
        return err->code;
    return own.later ? error_set(err, -ESTALE, SHELL_DEPOSED, own.incarnation.term, own.later) : 0;
}

int daemon_raise_term(const struct daemon_options *options, const struct daemon_config *config,
                      const char *daemon) {
    struct error err = {0};
    struct own_incarnation own;
    struct prng prng;
    auto_clean(close_store) struct store *store = daemon_store(config, daemon, 0700, &err);
    if (!store || load(store, &own, &err))
        return daemon_fail(options, &err, EXIT_FAILED);
    prng_init(&prng, daemon_seed());
    incarnation_raise(&own, &prng);
    struct record record = record_copy(&own_incarnation_table, &own);
    store_put(store, &record);
    if (store_commit(store, &err))
        return daemon_fail(options, &err, EXIT_FAILED);
    (void)printf("The term is %" PRIu64 " now. Start %s; no other manager may serve by its name.\n"
                 "Those above it know another store: they have to accept this one.\n",
                 own.incarnation.term, options->program);
    return EXIT_FINE;
}
