#!/usr/bin/env python3
"""Seals and opens frames, by docs/protocol.md alone: a second implementation, for the tests.

    end = End("agent.key", "agent", peer_key)     # or "manager"
    end.seal(b"...")                              # the text of a frame that it says
    end.open(sealed), end.open_own(sealed)        # what the peer said; what it said itself
    seal.py open KEY_FILE agent|manager PEER_KEY < traffic.log    # shows frames in the clear
It reads secret keys: it is for those who own them."""
import base64
import ctypes
import hashlib
import json
import os
import re
import sys

SODIUM = ctypes.CDLL("libsodium.so.23")
SODIUM.sodium_init()
PURPOSE = b"isthmus frame 1"
SIDES = {"agent": b"a", "manager": b"m"}
FRAME = re.compile(r"<frame xmlns=['\"]urn:isthmus:frame:1['\"]>([^<]*)</frame>")
NONCE, MAC = 24, 16
MARK = b"\1"  # of a sealed frame that is bytes, and no text
NUMBERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../docs/protocol-numbers.txt")


class NotSealed(Exception):
    """The frame does not open."""


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def secret_key(path):
    with open(path) as file:
        line = file.readline().strip()
    if not line.startswith("secret:"):
        raise ValueError(f"{path} holds no secret key")
    return decode(line[len("secret:"):])


def public_key(secret):
    out = ctypes.create_string_buffer(32)
    SODIUM.crypto_scalarmult_base(out, secret)
    return out.raw


class End:
    """One end of a link: `side` is the one whose key file it is."""

    def __init__(self, secret, side, peer_key):
        self.secret = secret if isinstance(secret, bytes) else secret_key(secret)
        self.public, peer = public_key(self.secret), decode(peer_key)
        shared = ctypes.create_string_buffer(32)
        if SODIUM.crypto_box_beforenm(shared, peer, self.secret):
            raise ValueError("the peer's key is of low order")
        keys = (self.public, peer) if side == "agent" else (peer, self.public)
        agent, manager = (hashlib.blake2b(PURPOSE + SIDES[each] + keys[0] + keys[1],
                                          key=shared.raw, digest_size=32).digest()
                          for each in ("agent", "manager"))
        self.own, self.other = (agent, manager) if side == "agent" else (manager, agent)

    def seal(self, frame, nonce=None):
        if nonce is None:
            nonce = ctypes.create_string_buffer(NONCE)
            SODIUM.randombytes_buf(nonce, ctypes.c_size_t(NONCE))
            nonce = nonce.raw
        out = ctypes.create_string_buffer(len(frame) + MAC)
        SODIUM.crypto_box_easy_afternm(out, frame, ctypes.c_ulonglong(len(frame)), nonce, self.own)
        return encode(nonce + out.raw)

    @staticmethod
    def _open(text, key):
        """`text`: a str, or the bytes of a frame that has no text."""
        try:
            sealed = text.removeprefix(MARK) if isinstance(text, bytes) else decode(text)
        except ValueError as fault:
            raise NotSealed(str(fault)) from fault
        nonce, box = sealed[:NONCE], sealed[NONCE:]
        out = ctypes.create_string_buffer(max(len(box) - MAC, 0) + 1)
        if len(box) < MAC or SODIUM.crypto_box_open_easy_afternm(
                out, box, ctypes.c_ulonglong(len(box)), nonce, key):
            raise NotSealed("it is not sealed by this key")
        return out.raw[:len(box) - MAC]

    def open(self, text):
        return self._open(text, self.other)

    def open_own(self, text):
        return self._open(text, self.own)

    def open_any(self, text):
        """What went over the link in either direction, or None."""
        for key in (self.own, self.other):
            try:
                return self._open(text, key)
            except NotSealed:
                continue
        return None


def read_numbers():
    """(record, number): field, kind, names; of what goes over links"""
    found = {}
    with open(NUMBERS) as file:
        for line in (line for line in file if not line.startswith("#")):
            where, record, number, *rest = line.split()
            if where == "link" and rest[1] != "gone":
                found[record, int(number)] = rest[0], rest[1], rest[2:]
    return found


class Packed:
    """The packed form of a record, from its bytes."""
    numbers = {}

    def __init__(self, data):
        self.data, self.at = data, 0
        if not Packed.numbers:
            Packed.numbers.update(read_numbers())

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def bytes(self):
        length = self.number()
        self.at += length
        return self.data[self.at - length:self.at]

    def record(self, name):
        fields = {}
        while self.at < len(self.data):
            tag = self.number()
            value = self.bytes() if tag & 1 else self.number()
            if (name, tag >> 1) in self.numbers:
                field, kind, names = self.numbers[name, tag >> 1]
                fields[field] = self.value(value, kind, names)
        for (record, _), (field, kind, names) in self.numbers.items():
            if record == name and kind == "enum":
                fields.setdefault(field, names[0])
        return fields

    def entries(self, kind, names):
        while self.at < len(self.data):
            name = names[self.number() if kind == "choices" else 0]
            entry = Packed(self.bytes()).record(name)
            yield {name: entry} if kind == "choices" else entry

    @staticmethod
    def value(value, kind, names):
        if kind == "flag":
            return bool(value)
        if kind == "enum":
            return names[value]
        if kind == "record":
            return Packed(value).record(names[0])
        if kind in ("list", "choices"):
            return list(Packed(value).entries(kind, names))
        if kind == "digest" and len(value) == 32:
            return value.hex()
        if kind == "id" and len(value) <= 24:
            number = int.from_bytes(value[-16:], "big")
            return value[:-16].decode() + "-" + "".join(
                "0123456789abcdefghjkmnpqrstvwxyz"[number >> 5 * digit & 31]
                for digit in reversed(range(26)))
        return value if kind == "number" else value.decode(errors="replace")


def in_words(frame):
    """A frame's JSON, whichever form it has."""
    if frame.startswith(b"{"):
        return frame.decode(errors="replace")
    return json.dumps(Packed(frame).record("frame"), ensure_ascii=False, separators=(",", ":"))


def sealed_in(words):
    """What End opens, of what stands in the traffic of a double (tools/relay_double.py), too."""
    return decode(words[1:]) if words.startswith("~") else words


def opened(line, ends):
    """The line with each frame that one of the ends can open in the clear."""
    def show(match):
        for end in ends:
            frame = end.open_any(sealed_in(match.group(1)))
            if frame is not None:
                return in_words(frame)
        return match.group(0)
    return FRAME.sub(show, line)


def ends_of(cloud):
    """An end of each link of tools/cloud.py's Cloud: both directions open with it."""
    for manager in [*cloud.upstreams, *cloud.clusters]:
        for member in cloud.below(manager):
            yield End(cloud.key_file(cloud.daemon(member), cloud.use(manager, member)), "agent",
                      cloud.public_key(cloud.daemon(manager), "downlink"))


def traffic(cloud, server):
    """What the server carried, with each frame opened by the keys of its ends."""
    ends = list(ends_of(cloud))
    with open(server.traffic_file, errors="replace") as file:
        return "".join(opened(line, ends) for line in file)


def main():
    if len(sys.argv) != 5 or sys.argv[1] != "open" or sys.argv[3] not in SIDES:
        print(__doc__, file=sys.stderr)
        return 2
    ends = [End(*sys.argv[2:])]
    for line in sys.stdin:
        sys.stdout.write(opened(line, ends))
    return 0


if __name__ == "__main__":
    sys.exit(main())
