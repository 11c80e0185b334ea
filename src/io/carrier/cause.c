/* The words and remedies of all causes. */
#include "io/carrier/cause.h"

#include "base/log.h"

static const struct {
    const char *what, *remedy;
} words[CARRIER_CAUSE_COUNT] = {
    [CARRIER_CAUSE_NONE] = {"none", "none"},
    [CARRIER_CAUSE_LOST] = {"the connection ended",
                            "none yet: it is tried again; if it repeats, see the server's log"},
    [CARRIER_CAUSE_NAME] = {"the server's name has no address",
                            "check the host in url, and this host's DNS"},
    [CARRIER_CAUSE_REFUSED] = {"no program listens on the server's port",
                               "start the server, or check host and port in url"},
    [CARRIER_CAUSE_UNREACHABLE] = {"the server's host does not answer",
                                   "check url, the network, and firewalls on the way: one that "
                                   "lets only a proxy out is passed by a relay with proxy"},
    [CARRIER_CAUSE_PROXY] = {"the proxy does not let us through to the server",
                             "check proxy, and that it allows CONNECT to the server's port"},
    [CARRIER_CAUSE_TLS] = {"the TLS handshake failed",
                           "check that url leads to a server of this kind, and its TLS versions"},
    [CARRIER_CAUSE_AUTHORITY] = {"the certificate authority's file cannot be used",
                                 "give a file with the authority's certificate in PEM"},
    [CARRIER_CAUSE_CERTIFICATE] = {"the server's certificate was refused",
                                   "check that the configured authority signed it, that it names "
                                   "the host in url, and its dates"},
    [CARRIER_CAUSE_KEY] = {"the server broke off the handshake: it has not the key that is "
                           "configured",
                           "check that server_key is what isthmus-relay --check prints there, and "
                           "that url leads to its zeromq_listen"},
    [CARRIER_CAUSE_SILENT] = {"the server took the connection and fell silent",
                              "check that url leads to a server of this kind, and that it is not "
                              "overloaded"},
    [CARRIER_CAUSE_DEAD] = {"the server no longer answers",
                            "check the network to the server, and whether it is overloaded"},
    [CARRIER_CAUSE_STRANGER] = {"what answers is another kind of server",
                                "check url, and what a proxy or a gateway on the way answers"},
    [CARRIER_CAUSE_PASSWORD] = {"the server refused account and password, or token",
                                "check that the account exists there, and what password_file "
                                "holds"},
    [CARRIER_CAUSE_PERMISSION] = {"the server does not let the account do what it has to",
                                  "see the detail, and the account's permissions in the guide"},
    [CARRIER_CAUSE_FULL] = {"the server takes nothing more for now",
                            "none yet: it is tried again; if it repeats, see the server's log, and "
                            "whether its memory or disk is full"},
    [CARRIER_CAUSE_GONE] = {"the server no longer knows our connection",
                            "none yet: it is opened again; if it repeats, check whether this host "
                            "is stopped for a while, and whether a proxy holds answers back"},
    [CARRIER_CAUSE_SHUTDOWN] = {"the server is being shut down",
                                "none yet: it is tried again until it is back"},
    [CARRIER_CAUSE_CONFLICT] = {"another one is connected with the same account",
                                "stop the other one, or give each daemon its own account"},
};

void carrier_cause_set(struct carrier_cause *cause, enum carrier_cause_kind kind,
                       const char *detail) {
    if (cause->kind)
        return;
    cause->kind = kind;
    text_format(cause->detail, sizeof(cause->detail), "%s", detail ? detail : "");
}

bool carrier_cause_is_equal(const struct carrier_cause *left, const struct carrier_cause *right) {
    return left->kind == right->kind && text_equal(left->detail, right->detail);
}

const char *carrier_cause_what(const struct carrier_cause *cause) {
    return words[cause->kind].what;
}

const char *carrier_cause_remedy(const struct carrier_cause *cause) {
    return words[cause->kind].remedy;
}

void carrier_cause_print(const struct carrier_cause *cause, struct text *out) {
    char field[2 * sizeof(cause->detail)];
    text_addf(out, "cause=\"%s\"", words[cause->kind].what);
    if (cause->detail[0])
        text_addf(out, " detail=%s", log_quote(cause->detail, field, sizeof(field)));
    text_addf(out, " remedy=\"%s\"", words[cause->kind].remedy);
}
