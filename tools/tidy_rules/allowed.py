"""What is let be although a rule forbids it. What no finding needs any more is a finding."""

# (rule, file, name): reason
EXEMPT = {
    ("parameters", "src/io/http/server.c", "on_access"): "libmicrohttpd's callback",
    ("parameters", "src/io/host/copy/nbd.c", "on_extents"): "libnbd's callback",
    ("glossary", "src/io/stream/end.c", "binary"): "libwebsockets' name",
    ("five parameters", "src/io/stream/streams.c", "callback"): "libwebsockets' callback",
    ("five parameters", "src/io/carrier/xmpp/stream.c", "on_connection"): "libstrophe's callback",
    ("five parameters", "src/io/carrier/http/connection.c", "on_progress"): "libcurl's callback",
    ("five parameters", "src/io/host/libvirt/connection.c", "on_lifecycle"): "libvirt's callback",
    ("five parameters", "src/io/http/client.c", "on_progress"): "libcurl's callback",
    ("ignored result", "sim/parts/host.c", "act"):
        "it is half done, and nobody is left to hear how it ended",
    ("ignored result", "sim/world/topology.c", "add_server"): "the first one's number is known",
    ("ignored result", "src/io/config/config.c", "reader_open"): "the reader keeps the error",
    ("ignored result", "src/io/config/write.c", "config_write_section"):
        "the table has the section: it was found there",
    ("ignored result", "src/io/http/connections.c", "shutdown"):
        "a client that is gone already need not be cut off",
    ("ignored result", "src/io/host/files.c", "file_write"):
        "a VM without the note counts as one of another boot",
    ("ignored result", "src/io/host/libvirt/shape.c", "is_of"):
        "it was made for this operation just now; whether it has memory is what is asked",
    ("ignored result", "src/io/keys/seal.c", "seal_read_public"): "the key was checked before",
    ("ignored result", "src/io/keys/seal.c", "room"): "it is the text's own room",
    ("ignored result", "src/io/keys/seal.c", "seal_read_secret"): "the line was checked before",
    ("ignored result", "src/io/keys/curve_key.c", "seal_read_secret"):
        "the line was checked before",
    ("ignored result", "src/io/shell/outbox.c", "outbox_parcel"):
        "an empty parcel carries the acknowledgement",
    ("ignored result", "src/io/shell/perform.c", "ports->send"):
        "what a line does not take, the session sends again",
    ("ignored result", "src/io/shell/shell.c", "performer_commit"):
        "the failure is kept, and ends the process",
    ("ignored result", "src/io/shell/shell.c", "shell_queue_put"):
        "a frame too many is lost, and the session sends it again",
    ("clock", "src/io/carrier/thread.c", "clock_gettime"):
        "how long a server or a library takes, on threads beside the loop",
    ("clock", "src/io/os/folder.c", "clock_gettime"):
        "how long ago a file broke off, beside the times of files",
    ("clock", "src/io/os/pool.c", "clock_gettime"):
        "whether what a worker did was quick, on its thread beside the loop",
    ("clock", "src/io/relay/server.c", "clock_gettime"):
        "the time that the pure relay is told; it has no other loop",
    ("clock", "src/io/http/server.c", "clock_gettime"):
        "how long a client takes, on the server's threads beside the loop",
    ("clock", "src/io/rest/oidc/provider.c", "clock_gettime"):
        "an ID token says until when it holds, and what is kept grows old",
    ("clock", "src/io/rest/watch/watch.c", "clock_gettime"):
        "when a stream is due a sign of life, on a thread beside the loop",
    ("clock", "src/io/host/guests/usage.c", "clock_gettime"):
        "what passes between two readings of a counter is counted where they are read",
    ("clock", "src/io/host/guard.c", "clock_gettime"):
        "how old a warden's beat is, on threads beside the loop",
    ("clock", "src/io/chat/tell.c", "clock_gettime"):
        "how long its thread waits for the chat's server",
    ("clock", "src/main/warden/serve.c", "clock_gettime"):
        "the time that its pure judgement is told; it has no other loop",
    ("clock", "src/main/init/tokens.c", "timespec_get"):
        "init runs no loop: what it makes expires by the wall clock",
    ("clock", "src/io/keys/authority.c", "time"):
        "init runs no loop: a certificate is valid by the wall clock",
    ("clock", "src/main/relay.c", "timespec_get"):
        "its own loop asks when its certificate runs out",
    ("mutable global", "src/io/carrier/xmpp/stream.c", "this_thread"):
        "libstrophe's socket callback carries no context; thread-local, set when it begins",
}

# (rule, where the paths begin, or a name): as many findings. These only fall.
CEILINGS = {
    ("declaration", "src/"): 12,  # shell/ports.h is a port, codec.h the face of three
    ("five parameters", "src/"): 11,
    ("ignored result", "src/core/"): 11,
}

# Files that lead to each other: a folder, and the names in it.
CIRCLES = set()

# (file or pattern, what stands above it and is known there all the same): until when
UPWARD = {}
