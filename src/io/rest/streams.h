/* Where streams to VMs are, so that they can be joined by the face, too. */
#pragma once

struct stream_visit;
struct streams;

struct rest_streams {
    void (*visit)(struct streams *streams, const struct stream_visit *visit); /* streams_visit;
                                                                               * NULL: none */
    struct streams *streams;
};
