#!/usr/bin/env python3
"""Seals and opens frames, by docs/protocol.md alone: a second implementation, for the tests.

    end = End("agent.key", "agent", peer_key)     # or "manager"
    end.seal(b"...")                              # the text of a frame that it says
    end.open(text), end.open_own(text)            # what the peer said; what it said itself
    seal.py open KEY_FILE agent|manager PEER_KEY < traffic.log    # shows frames in the clear
It reads secret keys: it is for those who own them."""
import base64
import ctypes
import hashlib
import re
import sys

SODIUM = ctypes.CDLL("libsodium.so.23")
SODIUM.sodium_init()
PURPOSE = b"isthmus frame 1"
SIDES = {"agent": b"a", "manager": b"m"}
FRAME = re.compile(r"<frame xmlns=['\"]urn:isthmus:frame:1['\"]>([^<]*)</frame>")
NONCE, MAC = 24, 16


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
        try:
            sealed = decode(text)
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


def opened(line, ends):
    """The line with each frame that one of the ends can open in the clear."""
    def show(match):
        for end in ends:
            frame = end.open_any(match.group(1))
            if frame is not None:
                return frame.decode(errors="replace")
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
