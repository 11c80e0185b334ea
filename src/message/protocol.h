/* The agent protocol: the messages between a manager and an agent, and the frame that carries
 * a batch of them. docs/protocol.md tells the conversation; session.h the numbers' rules. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "message/codec.h"
#include "message/incarnation.h"
#include "message/model.h"
#include "message/records/usage.h"

enum {
    protocol_version = 8,
    protocol_version_oldest = 1,
    protocol_version_user_data = 2, /* from it on user_data_base64 is understood */
    protocol_version_reset = 2, /* from it on a hard reboot is understood */
    protocol_version_ssh_keys = 3, /* from it on ssh_keys are understood */
    protocol_version_machine = 3, /* from it on a VM gets the machine that its image needs */
    protocol_version_tpm = 7, /* from it on also a TPM */
    protocol_version_anywhere = 4, /* from it on VMs may be restarted in another cluster */
    protocol_version_packed = 2, /* from it on frames are understood in the packed form, too */
    protocol_version_read = 4, /* from it on a console's log can be read */
    protocol_version_copy = 4, /* from it on VMs' disks can be copied */
    protocol_version_streams = 4, /* from it on streams are opened */
    protocol_version_ports = 5, /* from it on also to a port of the guest */
    protocol_version_allow = 7, /* from it on a VM has rules of who may speak to it */
    protocol_version_reallow = 8, /* from it on these change while it is there */
    protocol_version_interfaces = 8, /* from it on interfaces come and go */
    protocol_version_screens = 6, /* from it on also to a VM's screen */
    protocol_version_intervals = 6, /* from it on a manager copies disks at intervals */
    protocol_version_bytes = 3, /* from it on sealed frames are understood as bytes, too */
};

/* Session numbers and sequences stay below 2^53, so that any JSON reader keeps them. */
#define session_number_most ((1ULL << 53) - 1)

enum message_kind {
    /* manager to agent */
    MESSAGE_WELCOME,  /* answer to hello: shape catalogue, rhythm */
    MESSAGE_RESET,    /* your session is not known here, or your store not believed: say hello */
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
    MESSAGE_READ,     /* manager to agent: send a part of a console's log */
    MESSAGE_READING,  /* agent to manager: that part */
    MESSAGE_OPEN,     /* manager to agent: open a stream to a VM, and dial up with it */
    MESSAGE_OPENED,   /* agent to manager: it is, or why not */
    MESSAGE_HOLDS,    /* agent to manager: which images it has, if it is asked for them */
    MESSAGE_USAGES,   /* agent to manager: what VMs use, if it is asked for that */
    MESSAGE_UNREADABLE, /* never said: stands for one that could not be read (frame_decode) */
    MESSAGE_KIND_COUNT,
};

struct welcome {
    uint32_t version;  /* the one that is spoken from here on */
    uint32_t beat_ms;  /* send a beat this often; three missed ends the session */
    struct overcommit overcommit; /* for hosts; a manager has ratios of its own */
    bool asks_why; /* it is of the host's owner, who is to know why something failed there */
    bool asks_images; /* which images are there is to be told */
    uint32_t usage_ms; /* what VMs use is to be told this often; 0: it is not */
    struct shape *shapes;
    uint32_t shapes_count;
    struct incarnation incarnation; /* the manager's */
    uint64_t lease_ms; /* that is given to who is guarded and leased; 0: none is */
};

/* A copy of a VM's disk that a place has outside the VM's host. */
struct told_copy {
    uint64_t number, bytes;
    uint64_t ago_ms; /* the disk is as it was then, or later, whenever this is read */
    bool frozen;
};

/* What a place has of a VM besides its state: what resizing, rebuilding, taking snapshots and
 * reverting change, and the loss of its host. A size of 0 cpus: not told. */
struct facts {
    struct size size;
    char image[limit_digest_size];
    struct snapshot *snapshots;
    uint32_t snapshots_count;
    uint32_t restarts;         /* made anew since its host was lost */
    uint64_t restarted_ago_ms; /* the last time */
    uint64_t restored_ago_ms;  /* as old its disk was then, or newer; 0: it was its image's */
    struct told_copy *copies;  /* of a manager's */
    uint32_t copies_count;
    bool copy_late;            /* the newest is older than it may be (struct vm) */
    bool lacks_copy;           /* it is to be made from one, and there is none (struct vm) */
    bool reallowed;            /* it has rules, or they were changed, or may have been */
    char *allow;               /* then these (struct vm) */
    char *networks;            /* of its interfaces; slot_free: it has none; NULL: not told */
};
extern const struct table facts_table;

struct instruct {
    char op[limit_id_size];
    char vm[limit_id_size];
    uint32_t epoch;
    uint64_t generation;
    enum verb verb;
    uint64_t within_ms; /* time left to the deadline, counted from arrival */
    struct definition definition; /* of verbs that change it: what the VM is to be */
    char snapshot[limit_name_size]; /* snapshot, revert, snapshot-delete */
    struct landing landing;         /* migrate: where to */
    bool hard;                      /* reboot: the guest is not asked */
    struct copy_order copy;         /* copy, to a host */
};

struct settled {
    char op[limit_id_size];
};

struct reset {
    bool unbelieved; /* your hello came, but not from the store that is known here */
};

struct hello {
    uint32_t version, version_oldest;
    char software[limit_software_size];
    uint64_t vm_digest; /* of the whole VM table, see uplink_digest(); equal: no sync needed */
    char *networks;     /* a host's, by commas, NULL: none; of a manager always hello_asked */
    bool sends, receives; /* a host: VMs that run, to other hosts, from them; a cluster: neither */
    struct incarnation incarnation; /* the agent's */
    struct incarnation manager; /* the newest of the manager's that the agent has heard */
    bool contested; /* somebody else has taken the agent's address since its last session */
    bool guarded, leased; /* as in a beat */
};

/* What the agent's end needs leases for, as of now. */
struct beat {
    bool guarded; /* what keeps leases there is alive: none is given without */
    bool leased;  /* VMs run there by a lease, or are to */
};

/* What a manager says in place of its networks, which are an inside matter: it has to be asked. */
extern const char hello_asked[];

struct vm_report {
    char vm[limit_id_size];
    uint32_t epoch;
    uint64_t generation;
    enum vm_state state;
    uint64_t unheard_ms; /* for how long nothing has been heard of it; 0: it is heard of */
    struct facts facts; /* in a table, and where they changed without an instruction's end */
    struct vm_ip *ips;  /* that are known; none: as before, while it runs */
    uint32_t ips_count;
    bool no_ips;        /* it runs, and none is known or to be known: forget those told before */
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
    char *why; /* of a host whose manager asks for it: for its owner, never on upward; or NULL */
    enum obstacle obstacle; /* of the asker's words, that which stood in the way */
    struct copied copied;   /* copy: of a host */
};

struct rekey {
    char key[limit_public_key_size];
};

struct read {
    uint64_t number; /* the manager's own, for the answer */
    char vm[limit_id_size];
    uint32_t epoch;
    uint64_t from; /* the first byte that is wanted; 0: the newest part */
};

struct reading {
    uint64_t number;
    enum code code;
    uint64_t from, next; /* of its first byte; of the one behind it, where it goes on */
    char *base64;        /* at most limit_log_piece bytes; NULL: there is nothing more */
};

struct open {
    uint64_t number; /* the manager's own, for the answer */
    char vm[limit_id_size];
    uint32_t epoch;
    char url[limit_stream_url_size]; /* of the manager's listener */
    char pin[limit_digest_size];     /* SHA-256 of that one's public key */
    char ticket[limit_digest_size];  /* to show there, once */
    char key[limit_public_key_size]; /* of who unseals the stream, above all managers */
    uint32_t port;   /* of the guest, by TCP; 0: its console, or its screen */
    bool screen;     /* its screen, where there is no port */
};

enum stream_to open_to(const struct open *open);

struct opened {
    uint64_t number;
    enum code code;
    char key[limit_public_key_size]; /* of who seals it, at the VM */
};

/* All images that VMs can be made from there without a download; of more than limit_holds the
 * newest. */
struct holds {
    struct held_image {
        char digest[limit_digest_size];
    } *images;
    uint32_t images_count;
};

/* The version that an agent has to speak to give such a machine; 0: any. */
uint32_t machine_version(const struct machine *machine);

/* The version that an agent has to speak to see all that is asked for, 0: any; and the field of a
 * tenant's request that needs it. */
uint32_t instruct_version(const struct definition *definition);
const char *instruct_newest(const struct definition *definition);

struct message {
    enum message_kind kind;
    union {
        struct welcome welcome;
        struct reset reset;
        struct instruct instruct;
        struct settled settled;
        struct hello hello;
        struct capacity capacity;
        struct vm_report vm;
        struct vm_table table;
        struct progress progress;
        struct result result;
        struct rekey rekey;
        struct beat beat;
        struct read read;
        struct reading reading;
        struct open open;
        struct opened opened;
        struct holds holds;
        struct usages usages;
        struct codec_fault unreadable; /* what is wrong with it */
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
    uint64_t lease_ms; /* of a manager's: from when `received` was first sent (core/link/lease.h);
                        * 0: none */
    uint64_t anywhere_ms; /* as lease_ms, for VMs that may be restarted in another cluster */
};

struct frame {
    struct frame_header header;
    struct message *messages;
    uint32_t messages_count;
};

extern const struct table frame_table;

/* All are understood; what is sent before the peer's version is known is JSON. */
enum frame_form {
    FRAME_JSON,
    FRAME_PACKED,
    FRAME_BYTES, /* packed, and no text when it is sealed */
};

enum { frame_bytes_mark = 1 }; /* the first of the bytes of such a one; no text has it */

/* Appends one message, in JSON as `{"kind":{…}}`. */
void message_encode(const struct message *message, enum frame_form form, struct text *out);

/* Wraps messages of that form, in JSON joined by commas, into a frame's bytes. */
void frame_encode(const struct frame_header *header, enum frame_form form,
                  const struct text *messages, struct text *out);

/* Does `message` pass what its decoder asks of it? 0, or -EINVAL with `fault`. */
int message_check(const struct message *message, struct codec_fault *fault);

/* Fills *out_frame, which the caller frees with frame_clear. 0, or -EINVAL with `fault`: the
 * frame is then dropped whole. A single message that cannot be read, or is of a kind that is not
 * known, takes no other along: it is there as MESSAGE_UNREADABLE, and has its number. */
int frame_decode(const char *bytes, size_t length, struct frame *out_frame,
                 struct codec_fault *fault);
void frame_clear(struct frame *frame);
