#!/usr/bin/env python3
"""A manager and agents of the version before and the one after, which docs/protocol.md alone plays:
each is answered in forms that it knows, and is understood."""
import http.client
import itertools
import json
import ssl
import tempfile
import unittest

from cloud_case import BUILD, Cloud, read
import seal

WAIT_MS = 20000


class Neighbours(unittest.TestCase):
    """A downstream manager, and in place of its host whoever the test plays."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="isthmus-")
        cls.addClassCleanup(folder.cleanup)
        cls.cloud = Cloud(folder.name, BUILD, {"north": ["host-1"]}, driver="test", carrier="http")
        cls.addClassCleanup(cls.cloud.stop)
        manager, agent = cls.cloud.downstreams["north"], cls.cloud.agents["host-1"]
        cls.relay = cls.cloud.server_2
        cls.relay.start()
        manager.start()
        cls.token = read(f"{agent.folder}/uplink.password").strip()
        cls.manager = cls.relay.jid("north-manager")
        cls.end = seal.End(cls.cloud.key_file(agent, "uplink"), "agent",
                           cls.cloud.public_key(manager, "downlink"))
        cls.numbers = itertools.count(1)

    def ask(self, method, path, body=None, more=""):
        where = f"as={self.relay.jid('host-1')}&connection={self.connection}{more}"
        self.http.request(method, f"{path}?{where}", body,
                          {"Authorization": f"Bearer {self.token}"})
        answer = self.http.getresponse()
        self.assertIn(answer.status, (200, 204))
        return answer.read()

    def connect(self):
        self.connection, self.session, self.sequence = next(self.numbers), next(self.numbers), 0
        context = ssl.create_default_context(cafile=self.relay.ca_file)
        self.http = http.client.HTTPSConnection("localhost", self.relay.port, context=context,
                                                timeout=60)
        self.addCleanup(self.http.close)
        self.ask("POST", "/v1/open")

    def say(self, message, to=0, received=0, as_bytes=False):
        self.sequence += 1
        text = self.end.seal(json.dumps({
            "from": self.session, "to": to, "sequence": self.sequence, "received": received,
            "messages": [message]}).encode()).encode()
        if as_bytes:
            text = seal.MARK + seal.decode(text.decode())
        self.ask("POST", "/v1/frames", f"frame {self.manager} {len(text)}\n".encode() + text)

    def hear(self):
        """(was it bytes, what it says) of each frame that comes next."""
        frames = []
        while not frames:
            news = self.ask("GET", "/v1/frames", more=f"&wait_ms={WAIT_MS}")
            while news:
                kind, _, *length = news.partition(b"\n")[0].split(b" ")
                news = news.partition(b"\n")[2]
                if kind == b"frame":
                    frame, news = news[:int(length[0])], news[int(length[0]):]
                    is_bytes = frame.startswith(seal.MARK)
                    opened = self.end.open(frame if is_bytes else frame.decode())
                    frames.append((is_bytes, json.loads(seal.in_words(opened))))
        return frames

    def greet(self, version):
        """The session's number at the manager, and whether it answers by bytes."""
        self.connect()
        self.say({"hello": {"version": version, "version_oldest": 1, "vm_digest": 0,
                            "incarnation": {"store": 1, "term": next(self.numbers), "run": 1}}})
        is_bytes, frame = self.hear()[0]
        self.assertEqual(frame["messages"][0]["welcome"]["version"], version, frame)
        return frame["from"], is_bytes

    def beat(self, to, as_bytes):
        """Is each frame by bytes, until the beat is acknowledged?"""
        self.say({"beat": {}}, to=to, received=1, as_bytes=as_bytes)
        forms = []
        while True:
            for is_bytes, frame in self.hear():
                forms.append(is_bytes)
                if frame["received"] == self.sequence:
                    return forms

    def test_who_is_of_the_version_before_gets_no_bytes(self):
        for version in (1, 2):
            session, is_bytes = self.greet(version)
            self.assertFalse(is_bytes)
            self.assertFalse(any(self.beat(session, False)))

    def test_who_knows_bytes_gets_them_and_may_send_either_form(self):
        for version in (3, 4, 5, 6, 7):
            session, is_bytes = self.greet(version)
            self.assertTrue(is_bytes)
            for as_bytes in (True, False):
                self.assertTrue(all(self.beat(session, as_bytes)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
