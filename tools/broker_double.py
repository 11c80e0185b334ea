#!/usr/bin/env python3
"""A second broker, which speaks as much AMQP 0-9-1 as Isthmus needs (docs/protocol.md), on the side
of the enemy: broker_double.py CONFIG FOLDER

CONFIG is JSON: domain, port, certificate, key, accounts (passwords by user). It writes down in
FOLDER/traffic.log what it carries, as tools/mod_isthmus_trace.lua does for Prosody: a line for each
frame. While FOLDER/capture is there, it keeps frames back; it delivers what stands in
FOLDER/orders, from whomever. `Broker.spoil` turns its own words before they leave: what a test does
with it is in tests/system/test_hostile_servers.py.
"""
import json
import os
import signal
import socket
import ssl
import struct
import sys
import threading
import time

from relay_double import MESSAGE, ORDER_SECONDS, PRESENCE, from_words, in_words

METHOD, HEADER, BODY, HEARTBEAT, END = 1, 2, 3, 8, 0xCE
START, START_OK, TUNE, TUNE_OK, OPEN, OPEN_OK, CLOSE, CLOSE_OK = (
    (10, number) for number in (10, 11, 30, 31, 40, 41, 50, 51))
CHANNEL_OPEN, CHANNEL_OPEN_OK, CHANNEL_CLOSE = (20, 10), (20, 11), (20, 40)
DECLARE, DECLARE_OK = (50, 10), (50, 11)
CONSUME, CONSUME_OK, PUBLISH, RETURN, DELIVER = (
    (60, number) for number in (20, 21, 40, 50, 60))
TYPE_AND_USER = 1 << 5 | 1 << 4
FRAME_MOST = 16384
NOT_ALLOWED, LOCKED = 403, 405


def short(text):
    data = text if isinstance(text, bytes) else text.encode()
    return bytes([len(data)]) + data


def long(data):
    return struct.pack(">I", len(data)) + data


def frame(kind, channel, payload):
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + bytes([END])


def method(channel, which, arguments=b""):
    return frame(METHOD, channel, struct.pack(">HH", *which) + arguments)


def content(kind, user, body, size=None):
    """Header and bodies of a message; `size`: what the header says."""
    header = struct.pack(">HHQHB", 60, 0, len(body) if size is None else size,
                         TYPE_AND_USER | 1 << 12, 1) + short(kind) + short(user)
    pieces = [body[at:at + FRAME_MOST - 8] for at in range(0, len(body), FRAME_MOST - 8)]
    return frame(HEADER, 1, header) + b"".join(frame(BODY, 1, piece) for piece in pieces)


def delivery(to, kind, user, body, size=None):
    return method(1, DELIVER, short("c") + struct.pack(">QB", 1, 0) + short("") + short(to)) + \
        content(kind, user, body, size)


class Words:
    """Reads what a method's arguments are made of."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        data, self.data = self.data[:count], self.data[count:]
        return data

    def short(self):
        return self.take(self.take(1)[0]).decode()

    def long(self):
        return self.take(struct.unpack(">I", self.take(4))[0])


class Client:
    """One connection of a client, on a thread of its own."""

    def __init__(self, broker, stream):
        self.broker, self.stream = broker, stream
        self.input = stream.makefile("rb")
        self.lock = threading.Lock()
        self.user = self.queue = None
        self.publishing = None  # to, kind, size, body so far

    def say_or_raise(self, data):
        with self.lock:
            self.stream.sendall(data)

    def say(self, data):
        try:
            self.say_or_raise(data)
        except OSError:
            pass  # it is gone, and its own thread finds out

    def read_frame(self):
        head = self.input.read(7)
        if len(head) < 7:
            return None
        kind, _, size = struct.unpack(">BHI", head)
        return kind, self.input.read(size + 1)[:-1]

    def answer(self, which, arguments):
        words = Words(arguments)
        if which == START_OK:
            words.long()
            words.short()
            _, user, password = words.long().decode().split("\0")
            if self.broker.accounts.get(user) != password:
                return self.close(NOT_ALLOWED, "ACCESS_REFUSED")
            self.user = user
            return method(0, TUNE, struct.pack(">HIH", 2047, self.broker.frame_most, 60))
        if which == OPEN:
            return method(0, OPEN_OK, short(""))
        if which == CHANNEL_OPEN:
            return method(1, CHANNEL_OPEN_OK, long(b""))
        if which == DECLARE:
            words.take(2)
            return self.declare(words.short())
        if which == CONSUME:
            self.broker.listen(self)
            return method(1, CONSUME_OK, short("c"))
        if which == PUBLISH:
            words.take(2)
            words.short()
            self.publishing = [words.short(), None, 0, b""]
        if which == CLOSE:
            self.say(method(0, CLOSE_OK))
            raise EOFError
        return b""

    @staticmethod
    def close(code, words):
        return method(0, CLOSE, struct.pack(">H", code) + short(words) + bytes(4))

    def declare(self, name):
        if name != f"{self.user}@{self.broker.domain}":
            return self.close(NOT_ALLOWED, "ACCESS_REFUSED")
        if name in self.broker.queues:
            return method(1, CHANNEL_CLOSE, struct.pack(">H", LOCKED) + short("RESOURCE_LOCKED") +
                          bytes(4))
        self.queue = name
        return method(1, DECLARE_OK, short(name) + bytes(8))

    def take_header(self, payload):
        words = Words(payload)
        _, _, size, flags = struct.unpack(">HHQH", words.take(14))
        if flags & 1 << 12:
            words.take(1)
        self.publishing[1] = words.short()
        self.publishing[2] = size

    def published(self):
        to, kind, _, body = self.publishing
        self.publishing = None
        if self.broker.send(self.user, to, kind, body):
            return
        self.say(method(1, RETURN, struct.pack(">H", 312) + short("NO_ROUTE") + short("") +
                        short(to)) + content(kind, self.user, body))

    def obey(self, kind, payload):
        if kind == METHOD:
            self.say(self.broker.spoil(self, self.answer(struct.unpack(">HH", payload[:4]),
                                                         payload[4:])))
        elif kind == HEADER:
            self.take_header(payload)
        elif kind == BODY:
            self.publishing[3] += payload
        if kind in (HEADER, BODY) and len(self.publishing[3]) == self.publishing[2]:
            self.published()

    def serve(self):
        try:
            self.stream.do_handshake()
            if self.input.read(8) != b"AMQP\0\0\x09\x01":
                return
            self.say(self.broker.spoil(self, method(
                0, START, b"\0\x09" + long(b"") + long(b"PLAIN") + long(b"en_US"))))
            while (read := self.read_frame()) is not None:
                self.obey(*read)
        except (OSError, EOFError, ValueError, struct.error):
            pass  # the client went away
        finally:
            self.broker.forget(self)
            self.stream.close()


class Broker:
    def __init__(self, settings, folder):
        self.domain, self.accounts = settings["domain"], settings["accounts"]
        self.folder, self.queues = folder, {}
        self.frame_most = FRAME_MOST
        self.lock = threading.Lock()
        self.trace = open(f"{folder}/traffic.log", "a", buffering=1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings["certificate"], settings["key"])
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", settings["port"]), backlog=128)
        self.port = self.listener.getsockname()[1]

    @staticmethod
    def spoil(_client, words):
        """What it says in place of its own answer."""
        return words

    def listen(self, client):
        with self.lock:
            self.queues[client.queue] = client

    def forget(self, client):
        with self.lock:
            if self.queues.get(client.queue) is client:
                del self.queues[client.queue]

    def write_down(self, direction, account, sender, to, body):
        self.trace.write(f"{direction} {account} <message type='headline' from='{sender}' "
                         f"to='{to}'><frame xmlns='urn:isthmus:frame:1'>{in_words(body)}</frame>"
                         "</message>\n")

    def deliver(self, user, to, kind, body):
        """False: it reaches nobody."""
        with self.lock:
            client = self.queues.get(to)
        if not client:
            return False
        client.say(delivery(to, kind, user, body))
        if kind == "frame":
            self.write_down("out", to, f"{user}@{self.domain}", to, body)
        return True

    def send(self, user, to, kind, body):
        address = f"{user}@{self.domain}"
        if kind == "frame":
            self.write_down("in", address, address, to, body)
            if os.path.exists(f"{self.folder}/capture"):
                return True
        return self.deliver(user, to, kind, body)

    def obey(self):
        """The orders, as long as it lives."""
        done = 0
        while True:
            time.sleep(ORDER_SECONDS)
            try:
                with open(f"{self.folder}/orders", "rb") as file:
                    file.seek(done)
                    text = file.read()
            except FileNotFoundError:
                continue
            text = text[:text.rfind(b"\n") + 1]  # the rest is still being written
            for line in text.decode().splitlines():
                self.carry_out(line)
            done += len(text)

    def carry_out(self, stanza):
        message, presence = MESSAGE.match(stanza), PRESENCE.match(stanza)
        if message:
            sender, to, text = message.groups()
            self.deliver(sender.partition("@")[0], to, "frame", from_words(text))
        elif presence:
            sender, to = presence.groups()
            self.deliver(sender.partition("@")[0], to, "down" if "type=" in stanza else "up", b"")

    def serve(self):
        while True:
            try:
                stream = self.context.wrap_socket(self.listener.accept()[0], server_side=True,
                                                  do_handshake_on_connect=False)
            except OSError:
                return
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Client(self, stream).serve, daemon=True).start()


def main():
    with open(sys.argv[1]) as file:
        broker = Broker(json.load(file), sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=broker.obey, daemon=True).start()
    broker.serve()


if __name__ == "__main__":
    main()
