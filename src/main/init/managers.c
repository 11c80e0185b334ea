/* Tokens go into the store, then accounts to the server, then the configuration into its place. */
#include "main/init/managers.h"

#include <stdio.h>
#include <unistd.h>

#include "main/init/accounts.h"
#include "main/init/prosody.h"

bool managers_begin(struct setup *setup, struct daemon_options *options, int *out_exit) {
    struct error err = {0};
    if (access(options->config, F_OK) == 0) {
        (void)printf("%s: %s is there and stays as it is; a further token for a %s: "
                     "isthmus token new NAME\n", options->program, options->config,
                     setup->kind->peer);
        *out_exit = EXIT_FINE;
        return false;
    }
    if (setup_check(setup, &err)) {
        *out_exit = daemon_fail(options, &err, EXIT_MISUSED);
        return false;
    }
    if (setup_begin(setup, &err) ||
        (options->with_prosody && prosody_make(setup, options, &err))) {
        *out_exit = daemon_fail(options, &err, EXIT_FAILED);
        return false;
    }
    return true;
}

int managers_end(const struct setup *setup, const struct inviting *inviting,
                const struct tokens *tokens, struct error *err) {
    if (tokens_make(setup, inviting, tokens, err) || accounts_make(setup, inviting, err))
        return err->code;
    prosody_restart(setup->options);
    return setup_commit(setup, tokens->config->state, err);
}
