/* The files beside a configuration that `init` and `join` make: /etc/isthmus/agent.conf has them in
 * /etc/isthmus/agent, readable by the daemon's account alone. */
#pragma once

#include "base/text.h"
#include "io/config/write.h"
#include "main/daemon/daemon.h"

/* Adds the values that --set gave, which go before all others. */
int daemon_values_set(struct config_values *values, const struct daemon_options *options,
                      struct error *err);

/* The folder of a configuration's files, made with mode 0700; the caller's to free. */
char *daemon_files(const char *config, struct error *err);

/* A path in it; the caller's to free. */
char *daemon_file_path(const char *folder, const char *name, const char *suffix);

/* Writes a file of mode 0600 as a whole; one that is there is replaced. */
int daemon_file_write(const char *path, const char *bytes, size_t length, struct error *err);

/* A new secret in a file, or that which is in it already, into out_secret. */
int daemon_file_secret(const char *path, char out_secret[limit_text_size], struct error *err);

/* A whole file of at most `most` bytes. */
int daemon_file_read(const char *path, size_t most, struct text *out, struct error *err);

/* The text of an authority's file that a token brings; NULL for none, or with `err`. */
char *daemon_authority(const char *path, struct error *err);
