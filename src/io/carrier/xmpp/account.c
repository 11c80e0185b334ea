/* The probe's address, the domain and the port follow from the account's; a password leaves nothing
 * of itself in memory. */
#include "io/carrier/xmpp/account.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { port_default = 5222 };

void xmpp_account_init(struct xmpp_account *account, const struct carrier_endpoint *endpoint) {
    const char *at = strchr(endpoint->address, '@');
    struct text probe = {0};
    assert(at); /* a full JID */
    text_addf(&probe, "%s-probe", endpoint->address);
    *account = (struct xmpp_account){
        .jid = memory_text(endpoint->address),
        .probe_jid = probe.data,
        .domain = memory_text(at + 1),
        .password = memory_text(endpoint->password),
        .certificate_file = memory_text(endpoint->certificate_file),
        .key_file = memory_text(endpoint->key_file),
        .host = memory_text(endpoint->host),
        .ca_file = memory_text(endpoint->ca_file),
        .port = endpoint->port ? endpoint->port : port_default,
    };
    account->domain[strcspn(account->domain, "/")] = 0;
}

void xmpp_account_deinit(struct xmpp_account *account) {
    if (account->password)
        explicit_bzero(account->password, strlen(account->password));
    char *const texts[] = {account->jid,      account->probe_jid,        account->domain,
                           account->password, account->certificate_file, account->key_file,
                           account->host,     account->ca_file};
    for (size_t i = 0; i < array_size(texts); i++)
        memory_free(texts[i]);
}

const char *xmpp_account_host(const struct xmpp_account *account) {
    return account->host ? account->host : account->domain;
}
