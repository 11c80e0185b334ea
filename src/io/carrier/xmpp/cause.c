/* The words and remedies of all causes, and which line of libstrophe's log or which stream error
 * means which cause. */
#include "io/carrier/xmpp/cause.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"

static const struct {
    const char *what, *remedy;
} words[XMPP_CAUSE_COUNT] = {
    [XMPP_CAUSE_NONE] = {"none", "none"},
    [XMPP_CAUSE_LOST] = {"the connection ended", "none yet: it is tried again; "
                                                 "if it repeats, see the server's log"},
    [XMPP_CAUSE_NAME] = {"the server's name has no address, or no network leads there",
                         "check the server's host name, this host's DNS and its network"},
    [XMPP_CAUSE_REFUSED] = {"no program listens on the server's port",
                            "start the XMPP server, or check host and port in the configuration"},
    [XMPP_CAUSE_UNREACHABLE] = {"the server's host does not answer",
                                "check host and port, the network, and firewalls on the way"},
    [XMPP_CAUSE_NO_TLS] = {"the server offers no encryption, which is required",
                           "give the server a certificate and let it offer STARTTLS"},
    [XMPP_CAUSE_TLS] = {"the TLS handshake failed",
                        "check the server's TLS versions and certificate in its log"},
    [XMPP_CAUSE_SILENT] = {"the server took the connection and fell silent",
                           "check that it is an XMPP server and not overloaded"},
    [XMPP_CAUSE_DEAD] = {"the server no longer answers pings",
                         "check the network to the server, and whether it is overloaded"},
    [XMPP_CAUSE_DESCRIPTORS] = {"this process has more than 1,024 files and connections open",
                                "none yet: it is tried again; lower connections_per_address if "
                                "it repeats"},
    [XMPP_CAUSE_AUTHORITY] = {"the certificate authority's file cannot be used",
                              "give a file with the authority's certificate in PEM"},
    [XMPP_CAUSE_CERTIFICATE] = {"the server's certificate was refused",
                                "check that the configured authority signed it, that it names "
                                "the JID's domain, and its dates"},
    [XMPP_CAUSE_MECHANISM] = {"no way to authenticate that both sides know",
                              "let the server offer SCRAM-SHA-256 or SCRAM-SHA-1 to clients"},
    [XMPP_CAUSE_PASSWORD] = {"the server refused account and password",
                             "check that the account exists there, and the password or the "
                             "client certificate in our configuration"},
    [XMPP_CAUSE_ACCOUNT] = {"the server has closed the account to us",
                            "ask the server's operator to enable the account"},
    [XMPP_CAUSE_BUSY] = {"the server cannot check accounts at the moment",
                         "none yet: it is tried again; if it repeats, see the server's log"},
    [XMPP_CAUSE_SERVER] = {"the server ended the stream with an error",
                           "see the detail and the server's log"},
    [XMPP_CAUSE_TIMEOUT] = {"the server took us for dead",
                            "check the network to the server, and whether this host is stopped "
                            "for minutes"},
    [XMPP_CAUSE_UNAUTHORIZED] = {"the server no longer lets this account in",
                                 "check the account at the server, and its access rules"},
    [XMPP_CAUSE_POLICY] = {"we broke a rule of the server, such as a rate or a size",
                           "lift its limits for this account: stanzas up to 256 KiB, no shaper"},
    [XMPP_CAUSE_FULL] = {"the server is out of memory, connections or another resource",
                         "free some at the server, or spread the accounts over more servers"},
    [XMPP_CAUSE_OTHER_HOST] = {"the server sends us to another host, where we do not go by "
                               "ourselves", "if that host is right, put it into our configuration"},
    [XMPP_CAUSE_SHUTDOWN] = {"the server is being shut down",
                             "none yet: it is tried again until it is back"},
    [XMPP_CAUSE_DOMAIN] = {"the server does not serve the JID's domain",
                           "check the JID's domain, or the server's list of hosts"},
    [XMPP_CAUSE_CONFLICT] = {"another client connected with the same JID",
                             "stop the other one, or give each daemon its own account or "
                             "resource"},
};

void xmpp_cause_set(struct xmpp_cause *cause, enum xmpp_cause_kind kind, const char *detail) {
    if (kind < cause->kind)
        return;
    if (kind > cause->kind)
        cause->detail[0] = 0;
    cause->kind = kind;
    if (detail)
        text_format(cause->detail, sizeof(cause->detail), "%s", detail);
}

static void read_connect_error(struct xmpp_cause *cause, const char *number) {
    int code = (int)strtol(number, NULL, 10);
    xmpp_cause_set(cause, code == ECONNREFUSED ? XMPP_CAUSE_REFUSED : XMPP_CAUSE_UNREACHABLE,
                   strerror(code));
}

/* <failure xmlns="…"><not-authorized/>…: RFC 6120, 6.5 names the conditions. */
static void read_sasl_failure(struct xmpp_cause *cause, const char *xml) {
    const char *condition = strstr(xml, "><");
    char name[64] = "";
    if (condition)
        text_format(name, sizeof(name), "%.*s", (int)strcspn(condition + 2, "/> "), condition + 2);
    bool is_closed =
        text_equal(name, "account-disabled") || text_equal(name, "credentials-expired");
    xmpp_cause_set(cause,
                   is_closed                                    ? XMPP_CAUSE_ACCOUNT
                   : text_equal(name, "temporary-auth-failure") ? XMPP_CAUSE_BUSY
                                                                : XMPP_CAUSE_PASSWORD,
                   name);
}

static const char *after(const char *line, const char *prefix) {
    return text_starts(line, prefix) ? line + strlen(prefix) : NULL;
}

void xmpp_cause_read(struct xmpp_cause *cause, const char *line) {
    const char *rest;
    if ((rest = after(line, "connection failed, error ")))
        read_connect_error(cause, rest);
    else if ((rest = after(line, "RECV: <failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"")))
        read_sasl_failure(cause, rest);
    else if (after(line, "sock_connect() to ") && strstr(line, " returned -1"))
        xmpp_cause_set(cause, XMPP_CAUSE_NAME, NULL);
    else if (after(line, "Connection attempt timed out"))
        xmpp_cause_set(cause, XMPP_CAUSE_UNREACHABLE, NULL);
    else if (after(line, "TLS is not supported, but set as mandatory"))
        xmpp_cause_set(cause, XMPP_CAUSE_NO_TLS, NULL);
    else if (after(line, "SSL_CTX_load_verify_locations() failed"))
        xmpp_cause_set(cause, XMPP_CAUSE_AUTHORITY, NULL);
    else if (after(line, "Couldn't start TLS!"))
        xmpp_cause_set(cause, XMPP_CAUSE_TLS, NULL);
    else if (after(line, "error:")) /* OpenSSL's own words, before libstrophe's */
        xmpp_cause_set(cause, XMPP_CAUSE_TLS, line);
    else if (after(line, "Cannot authenticate with known methods"))
        xmpp_cause_set(cause, XMPP_CAUSE_MECHANISM, NULL);
}

void xmpp_cause_read_stream_error(struct xmpp_cause *cause, const char *condition,
                                  const char *detail) {
    static const struct {
        const char *condition;
        enum xmpp_cause_kind kind;
    } kinds[] = {
        {"conflict", XMPP_CAUSE_CONFLICT},
        {"connection-timeout", XMPP_CAUSE_TIMEOUT},
        {"host-gone", XMPP_CAUSE_DOMAIN},
        {"host-unknown", XMPP_CAUSE_DOMAIN},
        {"not-authorized", XMPP_CAUSE_UNAUTHORIZED},
        {"policy-violation", XMPP_CAUSE_POLICY},
        {"resource-constraint", XMPP_CAUSE_FULL},
        {"see-other-host", XMPP_CAUSE_OTHER_HOST},
        {"system-shutdown", XMPP_CAUSE_SHUTDOWN},
    };
    enum xmpp_cause_kind kind = XMPP_CAUSE_SERVER;
    for (size_t i = 0; i < array_size(kinds); i++)
        if (text_equal(kinds[i].condition, condition))
            kind = kinds[i].kind;
    char words_of_it[sizeof(cause->detail)];
    text_format(words_of_it, sizeof(words_of_it), "%s%s%s", condition, detail ? ": " : "",
                detail ? detail : "");
    xmpp_cause_set(cause, kind, words_of_it);
}

bool xmpp_cause_is_equal(const struct xmpp_cause *left, const struct xmpp_cause *right) {
    return left->kind == right->kind && text_equal(left->detail, right->detail);
}

const char *xmpp_cause_what(const struct xmpp_cause *cause) { return words[cause->kind].what; }

const char *xmpp_cause_remedy(const struct xmpp_cause *cause) { return words[cause->kind].remedy; }

void xmpp_cause_print(const struct xmpp_cause *cause, struct text *out) {
    char field[2 * sizeof(cause->detail)];
    text_addf(out, "cause=\"%s\"", words[cause->kind].what);
    if (cause->detail[0])
        text_addf(out, " detail=%s", log_quote(cause->detail, field, sizeof(field)));
    text_addf(out, " remedy=\"%s\"", words[cause->kind].remedy);
}
