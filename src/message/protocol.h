/* The agent protocol: the messages between a manager and an agent, and the frame that carries
 * a batch of them. docs/protocol.md tells the conversation; session.h the numbers' rules. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "message/codec.h"
#include "message/model.h"

enum { protocol_version = 1, protocol_version_oldest = 1 };

/* Session numbers and sequences stay below 2^53, so that any JSON reader keeps them. */
#define session_number_most ((1ULL << 53) - 1)

enum message_kind {
    /* manager to agent */
    MESSAGE_WELCOME,  /* answer to hello: shape catalogue, rhythm */
    MESSAGE_RESET,    /* your session is not known here: say hello */
    MESSAGE_INSTRUCT,
    MESSAGE_SYNC,     /* tell me everything */
    MESSAGE_SETTLED,  /* a result that I hold on disk */
    /* agent to manager */
    MESSAGE_HELLO,
    MESSAGE_CAPACITY,
    MESSAGE_VM,       /* state of one VM, on change */
    MESSAGE_TABLE,    /* a piece of the whole VM table, answer to sync */
    MESSAGE_PROGRESS,
    MESSAGE_RESULT,
    MESSAGE_BEAT,
    /* either to the other */
    MESSAGE_REKEY,    /* my next public key: seal to it from now on, and hear it too */
    MESSAGE_KIND_COUNT,
};

struct welcome {
    uint32_t version;  /* the one that is spoken from here on */
    uint32_t beat_ms;  /* send a beat this often; three missed ends the session */
    struct overcommit overcommit; /* for hosts; a manager has ratios of its own */
    struct shape *shapes;
    uint32_t shapes_count;
};

/* What a place has of a VM besides its state: what resizing, rebuilding, taking snapshots and
 * reverting change. A size of 0 cpus: not told. */
struct facts {
    struct size size;
    char image[limit_digest_size];
    struct snapshot *snapshots;
    uint32_t snapshots_count;
};
extern const struct table facts_table;

struct instruct {
    char op[limit_id_size];
    char vm[limit_id_size];
    uint32_t epoch;
    uint64_t generation;
    enum verb verb;
    uint64_t within_ms; /* time left to the deadline, counted from arrival */
    struct definition definition; /* define, resize, rebuild, revert: what the VM is to be */
    char snapshot[limit_name_size]; /* snapshot, revert, snapshot-delete */
    struct landing landing;         /* migrate: where to */
};

struct settled {
    char op[limit_id_size];
};

struct hello {
    uint32_t version, version_oldest;
    char software[limit_software_size];
    uint64_t vm_digest; /* of the whole VM table, see uplink_digest(); equal: no sync needed */
    char *networks;     /* a host's, by commas, NULL: none; of a manager always hello_asked */
    bool sends, receives; /* a host: VMs that run, to other hosts, from them; a cluster: neither */
};

/* What a manager says in place of its networks, which are an inside matter: it has to be asked. */
extern const char hello_asked[];

struct vm_report {
    char vm[limit_id_size];
    uint32_t epoch;
    uint64_t generation;
    enum vm_state state;
    struct facts facts; /* in a table, and where they changed without an instruction's end */
};

struct vm_table {
    struct vm_report *vms;
    uint32_t vms_count;
    bool first, last; /* first piece, last piece */
};

struct progress {
    char op[limit_id_size];
    enum step step;
};

struct result {
    char op[limit_id_size];
    char vm[limit_id_size];
    uint64_t generation;
    enum code code;
    enum step step;      /* the step that failed */
    enum vm_state state; /* of the VM, now */
    struct facts facts;  /* of the VM, where the verb may have changed them */
    struct landing landing; /* receive: where it is to come to */
};

struct rekey {
    char key[limit_public_key_size];
};

struct message {
    enum message_kind kind;
    union {
        struct welcome welcome;
        struct instruct instruct;
        struct settled settled;
        struct hello hello;
        struct capacity capacity;
        struct vm_report vm;
        struct vm_table table;
        struct progress progress;
        struct result result;
        struct rekey rekey;
    };
};

/* The table of a kind's struct; kinds without fields have an empty table. */
const struct table *message_table(enum message_kind kind);

/* message_table(kind)->name is the member's name on the wire. */
void message_clear(struct message *message);
void message_clone(const struct message *from, struct message *out_to);

/* The session's numbers, see core/link/session.h. */
struct frame_header {
    uint64_t from;     /* the sender's session number */
    uint64_t to;       /* the receiver's, as the sender knows it; 0: not yet */
    uint64_t sequence; /* of the first message; the others follow by one each */
    uint64_t received; /* newest message that the sender has, with all before it */
    bool gap;          /* the sender also got what comes after the next one, and did not take it */
};

struct frame {
    struct frame_header header;
    struct message *messages;
    uint32_t messages_count;
};

extern const struct table frame_table;

/* Appends one message as `{"kind":{…}}`. */
void message_encode(const struct message *message, struct text *out);

/* Wraps encoded messages (joined by commas) into a frame's text. */
void frame_encode(const struct frame_header *header, const char *messages, struct text *out);

/* Fills *out_frame, which the caller frees with frame_clear. 0, or -EINVAL with `fault`: the
 * frame is then dropped whole. A message of an unknown kind makes -EINVAL too (section 5). */
int frame_decode(const char *json, size_t length, struct frame *out_frame,
                 struct codec_fault *fault);
void frame_clear(struct frame *frame);
