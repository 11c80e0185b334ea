#!/usr/bin/env python3
"""Servers of HTTP, AMQP and ZeroMQ that answer as none may: huge, empty, torn, endless, never.
Nothing is believed, nothing grows, nothing hangs: the link goes down in words, or waits and can be
closed, and works again once the server is good. What they say in others' names:
test_relay_double."""
import os
import socket
import ssl
import struct
import tempfile
import threading
import time
import unittest

from carrier_case import WAIT_SECONDS, Probe
from cloud_case import not_sanitized, read, wait_until
from listener import Listener
import broker_double
from broker_double import (BODY, DELIVER, HEADER, METHOD, OPEN_OK, TUNE, content, delivery, frame,
                           method, short)
from prosody import make_authority, make_certificate
import seal
import zmtp_server

PING_SECONDS = 3
GROWTH_KIB = 64 << 10  # less than a server's words in the time that it has for them
FREED_SECONDS = 3
PAUSE_SECONDS = 0.25  # nothing_ms of the client
ENDLESS = 1 << 16


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="isthmus-hostile-")
        cls.addClassCleanup(cls.folder.cleanup)
        make_authority(cls.folder.name)
        make_certificate(cls.folder.name, "localhost")

    def begin(self, kind, port, proof=None):
        scheme = {"http": "https", "amqp": "amqps", "zeromq": "tcp"}[kind]
        probe = Probe(kind, "alice@one.test", "secret", f"{scheme}://localhost:{port}",
                      proof or f"{self.folder.name}/ca.crt", "bob@one.test", ping=PING_SECONDS,
                      handshake=PING_SECONDS)
        self.addCleanup(probe.close)
        return probe

    def resident(self, probe):
        for line in read(f"/proc/{probe.process.pid}/status").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        raise AssertionError("no VmHWM")

    def live_through(self, probe, server, ends):
        """`ends`: does what is said end the link? Then, and in any case: the memory is bounded, the
        probe ends in time, and nothing was heard."""
        before = self.resident(probe)
        if ends:
            told = probe.wait(("log error disconnected", "log warning disconnected"))
            self.assertRegex(told, 'cause="[^"]+".* remedy=')
        else:
            server.await_more()
        server.is_good.set()
        probe.wait("link up", WAIT_SECONDS + 30)
        self.assertLess(self.resident(probe) - before, GROWTH_KIB)
        self.assertFalse([line for line in probe.lines if line.startswith("frame ")])
        self.assertLess(probe.quit(), FREED_SECONDS)


class HostileHttp(Listener):
    """Answers `path` as `words` says, a function of the stream; other requests as a good one would,
    and all of them while is_good is set."""

    def __init__(self, folder, path, words):
        self.path, self.words = path, words
        self.is_good = threading.Event()
        self.asked, self.said = 0, 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{folder}/server.crt", f"{folder}/server.key")
        super().__init__()

    def await_more(self):
        """Until it has said its words twice, or said much of them."""
        end = time.monotonic() + WAIT_SECONDS
        while self.asked < 2 and self.said < 1000:
            if time.monotonic() > end:
                raise AssertionError("nobody asks")
            time.sleep(0.05)

    def _talk(self, plain):
        with self.context.wrap_socket(plain, server_side=True) as stream:
            words = stream.makefile("rb")
            while self._answer(stream, words):
                pass

    def _answer(self, stream, words):
        asked, length = words.readline().decode(), 0
        while (line := words.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        words.read(length)
        if not asked:
            return False
        if self.path in asked and not self.is_good.is_set():
            self.asked += 1
            for piece in self.words():
                if self.is_good.is_set():
                    return False
                stream.sendall(piece)
                self.said += 1
            return True
        if "GET /v1/frames" in asked:
            time.sleep(0.2)
        stream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        return True


def head(more="", status="200 OK"):
    return f"HTTP/1.1 {status}\r\n{more}\r\n".encode()


def body(data):
    return head(f"Content-Length: {len(data)}\r\n") + data


def slowly(data):
    for byte in data:
        yield bytes([byte])
        time.sleep(0.1)


def endless(first, piece):
    yield first
    while True:
        yield piece


def silence():
    time.sleep(WAIT_SECONDS)
    return iter(())


FROM = "frame bob@one.test"
# What is said in answer to "GET /v1/frames"; each ends the link.
TORN = {
    "no_http": lambda: [b"\0\1\2\3" * 1000],
    "another_type": lambda: [body(b"<html>a captive portal</html>\n" + b"x" * 1000)],
    "a_redirection": lambda: [head("Location: https://localhost:1/\r\nContent-Length: 0\r\n",
                                   "302 Found")],
    "a_length_of_less": lambda: [head("Content-Length: 5\r\n") + f"{FROM} 9\n123456789".encode() +
                                 b"HTTP/1.1"],
    "a_length_that_is_none": lambda: [head("Content-Length: -5\r\n") + b"xxxxx"],
    "two_lengths": lambda: [head("Content-Length: 5\r\nContent-Length: 50\r\n") + b"xxxxx" * 10],
    "chunks_that_are_none": lambda: [head("Transfer-Encoding: chunked\r\n") + b"zz\r\nxxx\r\n"],
    "a_frame_over_the_limit": lambda: [body(f"{FROM} 65537\n".encode() + b"x" * 65537)],
    "a_frame_of_nobody": lambda: [body(b"frame nobody 5\n12345")],
    "news_with_a_zero": lambda: [body(b"up bob\0@one.test\n")],
    "heads_without_end": lambda: endless(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 8000 +
                                         b"\r\n"),
    "a_head_without_end": lambda: endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * ENDLESS),
    "continues_without_end": lambda: endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "a_line_of_news_without_end": lambda: endless(
        head("Transfer-Encoding: chunked\r\n"), b"10000\r\n" + b"x" * ENDLESS + b"\r\n"),
    "a_refusal_without_end": lambda: endless(
        head("Transfer-Encoding: chunked\r\n", "500 No"), b"10000\r\n" + b"x" * ENDLESS + b"\r\n"),
    "nothing": silence,
    "a_head_drop_by_drop": lambda: slowly(b"HTTP/1.1 200 OK\r\n" + b"X-Drop: 1\r\n" * 1000),
}
# What may go on: the link need not end by it.
ODD = {
    "the_end": lambda: [body(b"")],
    "nothing_at_once": lambda: [head(status="204 No Content")],
    "strangers_who_come": lambda: [body(b"up x@one.test\ndown x@one.test\n" * 2000)],
}


class Http(Case):
    def live_by(self, path, words, ends):
        server = HostileHttp(self.folder.name, path, words)
        self.addCleanup(server.close)
        probe = self.begin("http", server.port)
        self.live_through(probe, server, ends)


    def test_a_relay_that_never_has_anything_is_not_asked_without_a_pause(self):
        server = HostileHttp(self.folder.name, "GET /v1/frames", ODD["nothing_at_once"])
        self.addCleanup(server.close)
        self.begin("http", server.port).wait("link up")

        def await_asked(count):
            wait_until(lambda: server.asked >= count, f"it is asked {count} times")
            return time.monotonic()
        begun = await_asked(1)
        self.assertGreater(await_asked(server.asked + 9) - begun, 8 * PAUSE_SECONDS / 2)


for title, spoken in TORN.items():
    setattr(Http, f"test_an_answer_with_{title}_ends_the_link",
            lambda self, spoken=spoken: self.live_by("GET /v1/frames", spoken, True))
for title, spoken in ODD.items():
    setattr(Http, f"test_an_answer_with_{title}_is_lived_with",
            lambda self, spoken=spoken: self.live_by("GET /v1/frames", spoken, False))


class HostileBroker(broker_double.Broker):
    """Says `words` in place of, or after, one of its own answers, which `which` begins; all is well
    while is_good is set."""

    def __init__(self, folder, which, words):
        super().__init__({"domain": "one.test", "accounts": {"alice": "secret"}, "port": 0,
                          "certificate": f"{folder}/server.crt", "key": f"{folder}/server.key"},
                         folder)
        self.which, self.words = which, words
        self.is_good = threading.Event()
        self.said = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def await_more(self):
        end = time.monotonic() + WAIT_SECONDS
        while not self.said:
            if time.monotonic() > end:
                raise AssertionError("nobody comes")
            time.sleep(0.05)
        time.sleep(1)  # the client reads it

    def spoil(self, client, words):
        if self.is_good.is_set() or words[7:11] != struct.pack(">HH", *self.which):
            return words
        for piece in self.words(words):
            if self.is_good.is_set():
                break
            client.say_or_raise(piece)
            self.said += 1
        return b""


def tune(channels, frame_most, heartbeat):
    return method(0, TUNE, struct.pack(">HIH", channels, frame_most, heartbeat))


def with_beats(*first):
    """These, and then nothing but heartbeats."""
    yield b"".join(first)
    while True:
        time.sleep(0.3)
        yield frame(broker_double.HEARTBEAT, 0, b"")


TO = "alice@one.test"
CONSUMED = broker_double.CONSUME_OK
# (the answer that it spoils, what it says then); each ends the link.
TORN_AMQP = {
    "no_amqp_at_the_start": (broker_double.START, lambda _: [b"HTTP/1.1 400 Bad Request\r\n\r\n"]),
    "garbage_at_the_start": (broker_double.START, lambda _: [os.urandom(4096)]),
    "another_method_at_the_start": (broker_double.START,
                                    lambda _: [method(0, OPEN_OK, short(""))]),
    "nothing_at_the_start": (broker_double.START, lambda _: silence()),
    "a_start_drop_by_drop": (broker_double.START, slowly),
    "small_frames_asked_for": (TUNE, lambda _: [tune(2047, 8, 60)]),
    "garbage_in_place_of_a_queue": (broker_double.DECLARE_OK, lambda _: [os.urandom(4096)]),
    "nothing_in_place_of_a_queue": (broker_double.DECLARE_OK, lambda _: with_beats()),
    "garbage": (CONSUMED, lambda own: [own, os.urandom(1 << 20)]),
    "a_frame_without_its_end": (CONSUMED, lambda own: [
        own, frame(METHOD, 1, b"\0" * 16)[:-1] + b"\0"]),
    "a_frame_of_4_GB": (CONSUMED, lambda own: [own, b"\x01\0\x01\xff\xff\xff\xff" + b"x" * 9999]),
    "a_method_that_is_none": (CONSUMED, lambda own: [own, method(1, (99, 99))]),
    "a_delivery_without_its_message": (CONSUMED, lambda own: with_beats(own, method(
        1, DELIVER, short("c") + bytes(9) + short("") + short(TO)))),
    "a_message_without_its_end": (CONSUMED, lambda own: with_beats(own, delivery(
        TO, "frame", "bob", b"x" * 100, 200))),
    "a_message_of_all_memory": (CONSUMED, lambda own: with_beats(own, delivery(
        TO, "frame", "bob", b"x" * 100, 1 << 62))),
    "a_body_without_a_delivery": (CONSUMED, lambda own: [own, frame(BODY, 1, b"x" * 100)]),
    "a_header_without_a_delivery": (CONSUMED, lambda own: [own, frame(HEADER, 1, bytes(14))]),
    "an_end_of_the_channel": (CONSUMED, lambda own: [own, method(
        1, broker_double.CHANNEL_CLOSE, b"\2\0" + short("no") + bytes(4))]),
    "a_beat_and_no_more": (CONSUMED, lambda own: [own, frame(broker_double.HEARTBEAT, 0, b"")]),
}
ODD_AMQP = {
    "a_message_of_no_type": (CONSUMED, lambda own: [own, delivery(TO, "", "bob", b"x")]),
    "a_message_of_nobody": (CONSUMED, lambda own: [own, delivery(TO, "frame", "", b"x")]),
    "a_message_of_a_strange_name": (CONSUMED, lambda own: [own, delivery(
        TO, "frame", "bob\0@x y/" + "z" * 200, b"x")]),
    "an_empty_message": (CONSUMED, lambda own: [own, delivery(TO, "frame", "bob", b"")]),
    "a_message_over_the_limit": (CONSUMED, lambda own: [own, delivery(
        TO, "frame", "bob", b"x" * 65537)]),
    "large_frames_asked_for": (TUNE, lambda _: [tune(65535, (1 << 32) - 1, 60)]),
    "a_return_of_what_was_not_sent": (CONSUMED, lambda own: [own, method(
        1, broker_double.RETURN, b"\1\x38" + short("NO_ROUTE") + short("") + short("x y")) +
        content("frame", "alice", b"x")]),
    "strangers_who_come": (CONSUMED, lambda own: [own + delivery(TO, "up", "x", b"") * 5000]),
}


class Amqp(Case):
    def live_by(self, which, words, ends):
        server = HostileBroker(self.folder.name, which, words)
        self.addCleanup(server.close)
        probe = self.begin("amqp", server.port)
        self.live_through(probe, server, ends)


for title, how in TORN_AMQP.items():
    setattr(Amqp, f"test_{title}_ends_the_link",
            lambda self, how=how: self.live_by(*how, True))
# It asks for more than there is, and forgets the 4 KiB before that.
Amqp.test_a_message_of_all_memory_ends_the_link = not_sanitized(
    "librabbitmq leaks where memory is refused")(Amqp.test_a_message_of_all_memory_ends_the_link)
for title, how in ODD_AMQP.items():
    setattr(Amqp, f"test_{title}_is_lived_with",
            lambda self, how=how: self.live_by(*how, False))


class HostileZeromq(Listener):
    """Says `words` at one step of a connection, or once it is open; all is well while is_good is
    set."""

    def __init__(self, step, words):
        self.step, self.words = step, words
        self.public, self.secret = zmtp_server.key_pair()
        self.is_good = threading.Event()
        self.said = 0
        super().__init__()

    def await_more(self):
        wait_until(lambda: self.said, "it has said something")
        time.sleep(1)  # the client reads it

    def _count(self, pieces):
        for piece in pieces:
            if self.is_good.is_set():
                return
            yield piece
            self.said += 1

    def _spoil(self, step, own):
        return [own] if step != self.step or self.is_good.is_set() else self._count(self.words(own))

    def _talk(self, stream):
        connection = zmtp_server.Connection(stream, self.secret, self._spoil)
        try:
            with stream:
                connection.shake_hands()
                while True:
                    word = connection.hear()[0]
                    if word != b"news":
                        connection.say(word)
                    if word == b"open" and self.step == "open" and not self.is_good.is_set():
                        for piece in self._count(self.words(connection)):
                            stream.sendall(piece)
        except zmtp_server.Closed:
            pass  # the client has had enough


def endless_message(connection):
    """16 MiB a second."""
    yield connection.part(b"news", zmtp_server.MORE)
    while True:
        yield connection.part(b"x" * 65536, zmtp_server.MORE)
        time.sleep(0.004)


def whole(*parts):
    """What an open connection is told, in one message."""
    return lambda connection: [
        b"".join(connection.part(part, zmtp_server.MORE if number + 1 < len(parts) else 0)
                 for number, part in enumerate(parts))]


# (the step that it spoils, what it says then); each ends the link.
TORN_ZEROMQ = {
    "no_zmtp": ("greeting", lambda _: [b"HTTP/1.1 400 Bad Request\r\n\r\n"]),
    "garbage_in_place_of_a_greeting": ("greeting", lambda _: [os.urandom(4096)]),
    "nothing_in_place_of_a_greeting": ("greeting", lambda _: silence()),
    "a_greeting_drop_by_drop": ("greeting", slowly),
    "no_keys_asked_for": ("greeting", lambda _: [zmtp_server.greeting(b"NULL")]),
    "garbage_in_place_of_a_welcome": ("welcome", lambda own: [own[:30] + os.urandom(140)]),
    "a_welcome_of_4_GB": ("welcome", lambda own: [b"\6" + struct.pack(">Q", 1 << 32) + own]),
    "nothing_in_place_of_a_welcome": ("welcome", lambda _: silence()),
    "garbage_in_place_of_the_proof": ("ready", lambda own: [own[:-20] + os.urandom(20)]),
    "nothing_in_place_of_the_proof": ("ready", lambda _: silence()),
    "a_message_that_is_not_sealed": ("open", lambda _: [zmtp_server.frame(b"news")]),
    "a_message_over_the_limit": ("open", whole(b"news", b"x" * 80000)),
    "a_word_that_is_none": ("open", whole(b"what?")),
    "more_parts_than_there_are": ("open", whole(b"news", b"", b"x")),
    "a_frame_over_the_limit": ("open", whole(b"news", f"{FROM} 65537\n".encode())),
    "news_that_are_none": ("open", whole(b"news", b"<html>\n")),
    "an_end": ("open", whole(b"gone")),
}
ODD_ZEROMQ = {
    "an_answer_that_nobody_asked_for": ("open", whole(b"ping")),
    "another_opening": ("open", whole(b"open")),
    "no_news": ("open", whole(b"news", b"")),
    "strangers_who_come": ("open", whole(b"news", b"up x@one.test\ndown x@one.test\n" * 2000)),
    "a_piece_of_a_frame": ("open", whole(b"news", f"{FROM} 500\nxx".encode())),
}


class Zeromq(Case):
    def live_by(self, step, words, ends):
        server = HostileZeromq(step, words)
        self.addCleanup(server.close)
        probe = self.begin("zeromq", server.port, seal.encode(server.public))
        self.live_through(probe, server, ends)
        self.said = [line for line in probe.lines if " disconnected " in line]

    def test_a_message_without_end_ends_the_link_before_it_is_large(self):
        self.live_by("open", endless_message, True)
        self.assertIn("a message without an end", self.said[0])


for title, how in TORN_ZEROMQ.items():
    setattr(Zeromq, f"test_{title}_ends_the_link",
            lambda self, how=how: self.live_by(*how, True))
for title, how in ODD_ZEROMQ.items():
    setattr(Zeromq, f"test_{title}_is_lived_with",
            lambda self, how=how: self.live_by(*how, False))


if __name__ == "__main__":
    unittest.main(verbosity=2)
