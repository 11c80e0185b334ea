/* The outbox gathers one turn's messages into frames, one open frame per link and address, and
 * seals each for its peer.
 * The order per peer is kept; between peers there is none. */
#pragma once

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "io/shell/adapters.h"

struct outbox {
    const struct shell_ports *ports;
    const struct log *log;
    struct list open; /* of struct parcel, in the order of opening */
    struct map parcels;
    struct parcel *newest; /* most messages of a turn go where the one before went */
    struct text message, frame, sealed; /* scratch */
};

void outbox_init(struct outbox *outbox, const struct shell_ports *ports, const struct log *log);
void outbox_deinit(struct outbox *outbox);

/* Adds a message to its peer's frame; a frame that is full, or that the message does not follow
 * on, is sent first. */
void outbox_add(struct outbox *outbox, const struct effect_send *send);

/* The peer's open frame carries these numbers; without one, a frame without messages does. */
void outbox_acknowledge(struct outbox *outbox, const struct effect_send *send);

/* Sends all that is open. */
void outbox_flush(struct outbox *outbox);
