"""ZMTP 3.1 with CURVE (RFC 26, CURVEZMQ) from the ground up, a server's side of it: for tests that
say what libzmq would not."""
import ctypes
import os
import struct

SODIUM = ctypes.CDLL("libsodium.so.23")
SODIUM.sodium_init()
MORE, LONG, COMMAND = 1, 2, 4
MAC = 16


class Closed(Exception):
    """The client has gone."""


def key_pair():
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    SODIUM.crypto_box_keypair(public, secret)
    return public.raw, secret.raw


def box(text, nonce, public, secret):
    out = ctypes.create_string_buffer(len(text) + MAC)
    SODIUM.crypto_box_easy(out, text, ctypes.c_ulonglong(len(text)), nonce, public, secret)
    return out.raw


def open_box(sealed, nonce, public, secret):
    out = ctypes.create_string_buffer(max(len(sealed) - MAC, 0) + 1)
    if SODIUM.crypto_box_open_easy(out, sealed, ctypes.c_ulonglong(len(sealed)), nonce, public,
                                   secret):
        raise Closed("a box that does not open")
    return out.raw[:len(sealed) - MAC]


def greeting(mechanism=b"CURVE"):
    return b"\xff" + bytes(7) + b"\1\x7f\3\1" + mechanism.ljust(20, b"\0") + b"\1" + bytes(31)


def frame(body, flags=0):
    if len(body) > 255:
        return struct.pack(">BQ", flags | LONG, len(body)) + body
    return bytes([flags, len(body)]) + body


class Connection:
    """One client, over a plain socket. `spoil(step, words)`: what is said in place of its own words
    at the steps greeting, welcome and ready."""

    def __init__(self, stream, secret, spoil=lambda _, words: [words]):
        self.stream, self.secret, self.spoil = stream, secret, spoil
        self.input = stream.makefile("rb")
        self.number = 0

    def read(self, count):
        data = self.input.read(count)
        if len(data) < count:
            raise Closed
        return data

    def read_frame(self):
        flags = self.read(1)[0]
        return self.read(struct.unpack(">Q", self.read(8))[0] if flags & LONG else self.read(1)[0])

    def _say(self, step, words):
        for piece in self.spoil(step, words):
            self.stream.sendall(piece)

    def _nonce(self):
        self.number += 1
        return struct.pack(">Q", self.number)

    def shake_hands(self):
        self._say("greeting", greeting())
        self.read(64)
        self.client = self.read_frame()[80:112]
        public, self.short = key_pair()
        nonce = os.urandom(16)
        self._say("welcome", frame(b"\7WELCOME" + nonce + box(
            public + os.urandom(96), b"WELCOME-" + nonce, self.client, self.secret), COMMAND))
        self.read_frame()  # INITIATE: whoever it is, is let in
        nonce = self._nonce()
        about = b"\x0bSocket-Type" + struct.pack(">I", 6) + b"ROUTER"
        self._say("ready", frame(b"\5READY" + nonce + box(
            about, b"CurveZMQREADY---" + nonce, self.client, self.short), COMMAND))

    def hear(self):
        """The parts of the next message."""
        parts, flags = [], MORE
        while flags & MORE:
            sealed = self.read_frame()
            opened = open_box(sealed[16:], b"CurveZMQMESSAGEC" + sealed[8:16], self.client,
                              self.short)
            if opened[0] & 2:  # a heartbeat
                continue
            flags = opened[0]
            parts.append(opened[1:])
        return parts

    def part(self, text, flags=0):
        nonce = self._nonce()
        return frame(b"\7MESSAGE" + nonce + box(
            bytes([flags]) + text, b"CurveZMQMESSAGES" + nonce, self.client, self.short))

    def say(self, *parts):
        for number, text in enumerate(parts):
            self.stream.sendall(self.part(text, MORE if number + 1 < len(parts) else 0))
