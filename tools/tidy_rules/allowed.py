"""What is let be although a rule forbids it. What no finding needs any more is a finding."""

# (rule, file, name): reason
EXEMPT = {
    ("parameters", "src/io/http/server.c", "on_access"): "libmicrohttpd's callback",
    ("five parameters", "src/io/carrier/xmpp/connection.c", "on_connection"):
        "libstrophe's callback",
    ("five parameters", "src/io/host/libvirt/connection.c", "on_lifecycle"): "libvirt's callback",
    ("five parameters", "src/io/http/client.c", "on_progress"): "libcurl's callback",
    ("clock", "src/io/carrier/carrier.c", "clock_gettime"):
        "the time that the pure choice of a server is told, on a thread beside the loop",
    ("clock", "src/main/downstream_init.c", "timespec_get"):
        "init runs no loop: what it makes expires by the wall clock",
    ("mutable global", "src/io/carrier/xmpp/connection.c", "this_thread"):
        "libstrophe's socket callback carries no context; thread-local, set once per thread",
}

# (rule, where the paths begin, or a name): as many findings at most. These only fall.
CEILINGS = {
    ("case", "src/core/upstream/"): 10,
    ("declaration", "src/"): 19,  # store.h and shell/ports.h are ports, codec.h the face of three
    ("five parameters", "src/"): 12,
    ("ignored result", "sim/"): 2,
    ("ignored result", "src/"): 25,
    ("prefix", "src/message/codec_"): 1,
    ("switch", "src/core/upstream/"): 1,
}

# Files that lead to each other: a folder, and the names in it.
CIRCLES = set()

# (file or pattern, what stands above it and is known there all the same): until when
UPWARD = {}
