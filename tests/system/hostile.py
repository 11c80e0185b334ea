"""The side of an application server that went over to the enemy: it sees every frame, keeps back
what it likes, and delivers what it likes from whom it likes. It has no key but those it makes."""
import collections
import os
import re
import threading
import time
from xml.sax.saxutils import escape

Frame = collections.namedtuple("Frame", "sender, receiver, text")
STANZA = re.compile(r"^in (\S+) <message (?=[^>]*type='headline')[^>]*\bto='([^']+)'[^>]*>"
                    r"<frame xmlns='urn:isthmus:frame:1'>([^<]*)</frame></message>$")


class Hostile:
    """`server`: a Prosody with mod_isthmus_hostile and mod_isthmus_trace."""

    def __init__(self, server):
        self.server = server
        self.folder = server.folder

    def mark(self):
        return os.path.getsize(self.server.traffic_file)

    def frames(self, since=0):
        """All that clients have sent since the mark, and the mark of their end."""
        with open(self.server.traffic_file, "rb") as file:
            file.seek(since)
            text = file.read()
        text = text[:text.rfind(b"\n") + 1]
        lines = text.decode(errors="replace").splitlines()
        found = [Frame(*match.groups()) for match in map(STANZA.match, lines) if match]
        return found, since + len(text)

    def order(self, stanzas):
        text = "".join(f"{stanza}\n" for stanza in stanzas).encode()
        file = os.open(f"{self.folder}/orders", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(file, text)
        finally:
            os.close(file)

    def deliver(self, *frames):
        self.order(f"<message type='headline' from='{frame.sender}' to='{frame.receiver}'>"
                   f"<frame xmlns='urn:isthmus:frame:1'>{escape(frame.text)}</frame></message>"
                   for frame in frames)

    def attack(self, twist):
        """with hostile.attack(twist): each frame that a client sends is kept back, and the frames
        that twist(frame) gives are delivered in its place."""
        return Attack(self, twist)


class Attack:
    def __init__(self, hostile, twist):
        self.hostile, self.twist = hostile, twist
        self.is_over = threading.Event()
        self.taken = 0
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.is_over.is_set():
            frames, self.at = self.hostile.frames(self.at)
            for frame in frames:
                self.taken += 1
                self.hostile.deliver(*self.twist(frame))
            time.sleep(0.005)

    def __enter__(self):
        self.at = self.hostile.mark()
        with open(f"{self.hostile.folder}/capture", "w"):
            pass
        self.thread.start()
        return self

    def __exit__(self, *_):
        os.unlink(f"{self.hostile.folder}/capture")
        self.is_over.set()
        self.thread.join()
