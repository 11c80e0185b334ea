/* The line that each event prints. */
#include "core/event.h"

const char *const event_names[EVENT_KIND_COUNT] = {
    "load", "start", "tick", "link", "peer", "frame", "request",
    "image", "job", "domain", "scanned", "host", "disk", "stop", "join", "joined",
    "rekey", "guard", "read", "ips", "usage", "archive", "bucket", "delivered", "stream",
    "certificate",
};

static void print_presence(const struct event_presence *presence, struct text *out) {
    text_addf(out, " link=%u", presence->link);
    if (presence->address) /* of a peer */
        text_addf(out, " address=%s", presence->address);
    text_add(out, presence->presence == PRESENCE_UP ? " up" : " down");
}

static void print_frame(const struct event_frame *frame, struct text *out) {
    const struct frame_header *header = &frame->frame->header;
    text_addf(out, " from=%s session=%llu sequence=%llu received=%llu%s", frame->from,
              (unsigned long long)header->from, (unsigned long long)header->sequence,
              (unsigned long long)header->received, header->gap ? " gap" : "");
    for (uint32_t i = 0; i < frame->frame->messages_count; i++) {
        const struct message *message = &frame->frame->messages[i];
        text_addf(out, " [%s ", message_table(message->kind)->name);
        codec_print(message_table(message->kind), &message->welcome, out);
        text_add(out, "]");
    }
}

static void print_request(const struct request *request, struct text *out) {
    text_addf(out, " %s handle=%llu key=%s", request_rules[request->kind].name,
              (unsigned long long)request->handle, request->key);
    if (request->kind == REQUEST_VM_ACT)
        text_addf(out, " verb=%s", verb_names[request->verb]);
    if (request->kind == REQUEST_VM_CREATE) {
        text_add(out, " ");
        codec_print(&vm_create_table, &request->vm_create, out);
    }
}

static void print_ips(const struct event_ips *ips, struct text *out) {
    text_addf(out, " vm=%s epoch=%u", ips->vm, ips->epoch);
    for (uint32_t i = 0; i < ips->count; i++)
        text_addf(out, " %u=%s", ips->ips[i].interface, ips->ips[i].ip);
}

static void print_host(const struct event_host *host, struct text *out) {
    text_addf(out, " cpus=%u memory_mib=%u disk_gib=%u%s accelerator=%s", host->size.cpus,
              host->size.memory_mib, host->size.disk_gib, host->is_full ? " full" : "",
              host->accelerator);
}

static void print_bucket(const struct event_bucket *bucket, struct text *out) {
    text_addf(out, " %s op=%s code=%s%s", bucket_order_names[bucket->order], bucket->op,
              code_names[bucket->code], bucket->lacking_count ? " lacks" : "");
}

/* What is a word or two. */
static void print_short(const struct event *event, struct text *out) {
    const struct event_delivered *delivered = &event->delivered;
    if (event->kind == EVENT_READ)
        text_addf(out, " code=%s", code_names[event->read.code]);
    else if (event->kind == EVENT_USAGE)
        text_addf(out, " vms=%u", event->usage.count);
    else if (event->kind == EVENT_GUARD)
        text_addf(out, " news=%d vm=%s", event->guard.news, event->guard.vm);
    else if (event->kind == EVENT_ARCHIVE)
        text_addf(out, " %s%s", event->archive.digest, event->archive.is_gone ? " gone" : "");
    else if (event->kind == EVENT_CERTIFICATE)
        text_addf(out, " %s", event->certificate.name);
    else
        text_addf(out, " %s %d %s", delivered->delivery, delivered->outcome, delivered->why);
}

static void print_stream(const struct event_stream *stream, struct text *out) {
    text_addf(out, " %d %llu code=%s", stream->news, (unsigned long long)stream->number,
              code_names[stream->code]);
}

static void print_join(const struct event_join *join, struct text *out) {
    text_addf(out, " from=%s token=%s key=%s", join->from, join->token, join->key);
}

static void print_joined(const struct event_joined *joined, struct text *out) {
    text_addf(out, " from=%s %s", joined->from, join_verdict_names[joined->verdict]);
}

void event_print(const struct event *event, struct text *out) {
    text_addf(out, "%s now=%llu", event_names[event->kind], (unsigned long long)event->now_ms);
    switch (event->kind) {
    case EVENT_LOAD:
        text_addf(out, " %s ", event->load.table->name);
        codec_print(event->load.table, event->load.data, out);
        return;
    case EVENT_LINK:
    case EVENT_PEER:
        print_presence(&event->presence, out);
        return;
    case EVENT_FRAME:
        print_frame(&event->frame, out);
        return;
    case EVENT_REQUEST:
        print_request(event->request, out);
        return;
    case EVENT_IMAGE:
        text_addf(out, " link=%u %s code=%s", event->image.link, event->image.digest,
                  code_names[event->image.code]);
        return;
    case EVENT_JOB:
        text_addf(out, " %llu code=%s%s", (unsigned long long)event->job.job,
                  code_names[event->job.code], event->job.starts ? " starts" : "");
        return;
    case EVENT_DOMAIN:
        text_addf(out, " vm=%s epoch=%u state=%s why=%d", event->domain.vm, event->domain.epoch,
                  vm_state_names[event->domain.state], event->domain.why);
        return;
    case EVENT_HOST:
        print_host(&event->host, out);
        return;
    case EVENT_DISK:
        text_addf(out, " %s", event->disk.is_full ? "full" : "has-room");
        return;
    case EVENT_JOIN:
        print_join(&event->join, out);
        return;
    case EVENT_JOINED:
        print_joined(&event->joined, out);
        return;
    case EVENT_REKEY:
        text_addf(out, " link=%u key=%s", event->rekey.link, event->rekey.key);
        return;
    case EVENT_IPS:
        print_ips(&event->ips, out);
        return;
    case EVENT_GUARD:
    case EVENT_READ:
    case EVENT_USAGE:
    case EVENT_ARCHIVE:
    case EVENT_DELIVERED:
    case EVENT_CERTIFICATE:
        print_short(event, out);
        return;
    case EVENT_BUCKET:
        print_bucket(&event->bucket, out);
        return;
    case EVENT_STREAM:
        print_stream(&event->stream, out);
        return;
    case EVENT_START:
    case EVENT_TICK:
    case EVENT_SCANNED:
    case EVENT_STOP:
    case EVENT_KIND_COUNT:
        return;
    }
}
