/* The table of a daemon's health. */
#include "message/health.h"

const char *const health_state_names[] = {"ok", "degraded"};
const char *const health_link_state_names[] = {"down", "up", "impaired"};

static const struct field link_fields[] = {
    {field_of(struct health_link, name), .about = "The link, as the configuration calls it.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct health_link, state),
     .about = "up; impaired: up, but not by all of its servers; or down.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(health_link_state_names)},
    {field_of(struct health_link, cause), .about = "Why a server of it is not connected.",
     .kind = FIELD_TEXT},
    {field_of(struct health_link, remedy), .about = "What to do about that.", .kind = FIELD_TEXT},
};
static const struct table link_table = {"health-link", "A link to an application server.",
                                        sizeof(struct health_link), field_rows(link_fields)};

static const struct field certificate_fields[] = {
    {field_of(struct health_certificate, name), .about = "The setting that names its file.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct health_certificate, expires_ms),
     .about = "When its first certificate runs out, ms since 1970; absent: it cannot be read.",
     .kind = FIELD_U64},
    {.name = "due", field_at(struct health_certificate, is_due),
     .about = "It runs out within two weeks, or has.", .kind = FIELD_FLAG},
};
static const struct table certificate_table = {
    "health-certificate", "A certificate in use.", sizeof(struct health_certificate),
    field_rows(certificate_fields)};

enum { links_most = limit_uplinks + 1, certificates_most = 256 };

static const struct field health_fields[] = {
    {field_of(struct health, status),
     .about = "ok; or degraded: a link is not up, the disk is full, or a certificate runs out "
              "within two weeks.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(health_state_names)},
    {field_of(struct health, software), .about = "Its name and version.", .kind = FIELD_TEXT},
    {field_of(struct health, disk_full),
     .about = "The disk of its store is full: it takes no new VM.", .kind = FIELD_FLAG},
    {field_list_of(struct health, links, links_count), .about = "Its links.",
     .kind = FIELD_LIST, .most = links_most, .table = &link_table},
    {field_list_of(struct health, certificates, certificates_count),
     .about = "The certificates that it uses.", .kind = FIELD_LIST, .most = certificates_most,
     .table = &certificate_table},
};
const struct table health_table = {"health", "How the manager is.", sizeof(struct health),
                                   field_rows(health_fields)};
