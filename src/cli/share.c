/* The change of a share: what the owner gives by options replaces what is there, and the rest
 * stays. */
#include "cli/share.h"

#include "cli/amounts.h"
#include "cli/owner.h"
#include "message/owner.h"

enum part { PART_WEIGHT, PART_KEPT, PART_STEPS };

static int put_share(const struct options *options, enum part part, const char *needs) {
    struct owned_lending lending;
    struct text body = {0};
    if (!options_own(options, 0)) {
        say("limit %s needs %s", options->words[1], needs);
        return EXIT_USAGE;
    }
    int result = view_read(&upstreams, options, &lending);
    if (result != EXIT_DONE)
        return result;
    struct share *share = &lending.share;
    if (part == PART_WEIGHT)
        share->weight = options->weight;
    else if (part == PART_KEPT)
        share->kept = amounts_given(options, &share->kept);
    else
        share->steps = amounts_given(options, &share->steps);
    codec_encode(&share_table, share, FIELD_API, &body);
    result = view_change(&upstreams, options, "PUT /share", &body);
    text_deinit(&body);
    record_clear(&owned_lending_table, &lending);
    return result;
}

int limit_weigh(const struct options *options) {
    return put_share(options, PART_WEIGHT, "--weight");
}

int limit_keep(const struct options *options) {
    return put_share(options, PART_KEPT, "at least one of --cpus, --memory-mib and --disk-gib");
}

int limit_round(const struct options *options) {
    return put_share(options, PART_STEPS,
                     "at least one of --vms, --cpus, --memory-mib and --disk-gib");
}

int limit_reset(const struct options *options) {
    struct call call;
    call_init(&call, options, "DELETE", upstreams.path);
    call_add_segment(&call, options->words[2]);
    text_add(&call.url, "/share");
    int result = call_run(&call);
    call_deinit(&call);
    return result == EXIT_DONE ? view_change(&upstreams, options, "DELETE /limits", NULL)
                               : result;
}
