/* One value of a configuration file: from its text into its place in a struct, checked. */
#pragma once

#include "base/error.h"
#include "message/field.h"

/* What stands in a file for its owner's eyes alone; the value is the file's absolute path. A
 * field's `form` is a check of the secret itself. */
struct secret {
    char *file;
    char *text; /* its first line */
};
extern const struct table secret_table;

/* The secret in a file; `out` is the caller's to free. */
int config_secret_read(const char *path, struct secret *out, struct error *err);

/* 0, or negative with `err`: what is wrong with the value and what would be right. */
int config_value_set(const struct field *field, const char *value, void *section,
                     struct error *err);

/* Forms of values, for the tables. */
int value_check_carrier(const char *value, struct error *err); /* a kind that there is */
int value_check_address(const char *value, struct error *err); /* account@domain[/resource] */
int value_check_addresses(const char *value, struct error *err); /* by commas without spaces */
int value_check_server_url(const char *value, struct error *err); /* https, amqps, tcp */
int value_check_domain(const char *value, struct error *err);
int value_check_proxy(const char *value, struct error *err);
int value_check_url(const char *value, struct error *err);    /* without a slash at the end */
int value_check_https(const char *value, struct error *err);
int value_check_networks(const char *value, struct error *err); /* io/os/cidr.h */
int value_check_smtp_url(const char *value, struct error *err); /* smtps, smtp */
int value_check_mail_address(const char *value, struct error *err);
int value_check_stream_url(const char *value, struct error *err); /* wss */
int value_check_listen(const char *value, struct error *err); /* address:port, [address]:port */
int value_check_path(const char *value, struct error *err);   /* absolute */
int value_check_migration_uri(const char *value, struct error *err); /* message/landing.h */
int value_check_migration_folder(const char *value, struct error *err);
int value_check_secrets(const char *value, struct error *err); /* secrets' files, by commas */
int value_check_file(const char *value, struct error *err);   /* of a file that can be read */
