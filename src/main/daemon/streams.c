/* What the key in the listener's certificate is pinned by. */
#include "main/daemon/streams.h"

#include "io/keys/certificate.h"
#include "io/shell/ports.h"

int daemon_streams_settings(const struct streams_config *config, struct role_settings *settings,
                            struct error *err) {
    if (!config->listen)
        return 0;
    settings->stream_url = config->url;
    return certificate_pin(config->certificate_file, settings->stream_pin, err)
               ? error_wrap(err, "[streams]")
               : 0;
}

static void tell(void *context, const struct event_stream *news) {
    shell_post(context, &(struct event){.kind = EVENT_STREAM, .stream = *news});
}

int daemon_streams_start(const struct streams_config *config, struct shell *shell,
                         struct streams **out_streams, struct error *err) {
    struct streams_settings settings = {.tell = tell, .context = shell};
    if (config && !config->listen)
        return 0;
    if (config) {
        settings.listen = config->listen;
        settings.certificate_file = config->certificate_file;
        settings.key_file = config->key_file;
    }
    *out_streams = streams_start(&settings, err);
    return *out_streams ? 0 : error_wrap(err, config ? "[streams]" : "streams");
}
