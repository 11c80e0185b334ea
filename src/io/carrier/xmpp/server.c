/* Which records lead to a server, and what it means that none of its addresses answers. libstrophe
 * would go on to the next address only where the one before refuses at once. */
#include "io/carrier/xmpp/server.h"

#include <errno.h>
#include <string.h>

void xmpp_server_find(struct xmpp_server *server, struct xmpp_cause *cause) {
    const struct xmpp_account *account = server->account;
    struct resolve_addresses *all = &server->addresses;
    char detail[96];
    int error = 0;
    server->address = NULL;
    if (!resolve_server(all, account->host ? NULL : "_xmpp-client._tcp",
                        xmpp_account_host(account), account->port)) {
        xmpp_cause_set(cause, XMPP_CAUSE_NAME, NULL);
        return;
    }
    server->address =
        all->count == 1 ? &all->all[0]
                        : resolve_reach(all, server->time_ms, server->cancel, &error);
    if (server->address) {
        server->address->has_failed = true; /* until it is up */
        return;
    }
    text_format(detail, sizeof(detail), "%s, the last of %zu addresses", strerror(error),
                all->count);
    xmpp_cause_set(cause, error == ECONNREFUSED ? XMPP_CAUSE_REFUSED : XMPP_CAUSE_UNREACHABLE,
                   detail);
}
