#!/usr/bin/env python3
"""AMQP against a RabbitMQ of two nodes, which have the same accounts: parties on two nodes meet,
either node may die, and one that takes nothing in holds up nobody's turn.

ISTHMUS_BUILD names the build folder; default: build."""
import tempfile
import time
import unittest

from carrier_amqp import Server
from carrier_case import WAIT_SECONDS, Probe

PATIENCE_SECONDS = 120  # a node may miss what is gone, another node or a client, for a while
PING_SECONDS = 6  # many frames are refused until a node is given up


class Cluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="isthmus-amqp-")
        cls.addClassCleanup(cls.folder.cleanup)
        first = Server(f"{cls.folder.name}/first", "site.test")
        second = Server(f"{cls.folder.name}/second", "site.test", beside=first)
        for user in ("alice", "bob"):
            first.add_account(user, f"secret of {user}")
        cls.nodes = [first, second]
        cls.addClassCleanup(first.stop)
        cls.addClassCleanup(second.stop)
        for node in cls.nodes:
            node.start()

    def setUp(self):
        for node in self.nodes:
            node.start()
            node.control("await_online_nodes", "2")

    def probe(self, user, peer, nodes, **options):
        address, password = nodes[0].address(user), f"secret of {user}"
        peer = nodes[0].address(peer)
        first, *further = [("amqp", address, password, node.url, node.ca_file, peer)
                           for node in nodes]
        probe = Probe(*first, more=further, back=3600, **options)
        self.addCleanup(probe.close)
        return probe

    def pair(self, **options):
        """A manager's side, and an agent's which prefers the other node."""
        first, second = self.nodes
        return (self.probe("alice", "bob", [first, second], use="each", **options),
                self.probe("bob", "alice", [second, first], **options))

    def meet(self, alice, bob):
        """Frames go both ways, sooner or later."""
        for sender, receiver in ((alice, bob), (bob, alice)):
            text, end = f"hello {time.monotonic_ns()}", time.monotonic() + PATIENCE_SECONDS
            while f"frame {sender.address} {text}" not in receiver.lines:
                self.assertLess(time.monotonic(), end, (sender.lines, receiver.lines))
                sender.send(receiver.address, text)
                time.sleep(0.1)

    @staticmethod
    def await_connection(party, node):
        party.wait(f"log info connected link=0 address={party.address} server={node.url}",
                   PATIENCE_SECONDS)

    def test_parties_on_two_nodes_meet_and_outlive_each_of_them(self):
        first, second = self.nodes
        alice, bob = self.pair()
        self.await_connection(alice, first)
        self.await_connection(bob, second)
        self.meet(alice, bob)
        begin = time.monotonic()
        first.kill()
        alice.wait("link down")
        self.await_connection(alice, second)
        print(f"     the other node is in use after {time.monotonic() - begin:.2f} s, hold-down "
              f"1 s", flush=True)
        self.meet(alice, bob)
        self.assertNotIn("link down", bob.lines)
        first.start()
        first.control("await_online_nodes", "2")
        second.kill()
        for party in (alice, bob):
            party.wait("link down")
            self.await_connection(party, first)
        self.meet(alice, bob)

    def test_a_cluster_that_takes_nothing_in_holds_up_nobody(self):
        alice, bob = self.pair(ping=PING_SECONDS)
        self.meet(alice, bob)
        before = len(alice.lines)
        for node in self.nodes:
            node.control("set_vm_memory_high_watermark", "absolute", "1000000")
        try:
            end = time.monotonic() + WAIT_SECONDS
            while "link down" not in alice.lines:
                self.assertLess(time.monotonic(), end, alice.lines[-5:])
                alice.send(bob.address, "x" * 60000)
        finally:
            for node in self.nodes:
                node.control("set_vm_memory_high_watermark", "0.6")
        answers = alice.lines[before:alice.lines.index("link down")]
        refused = [line for line in answers if line.startswith("dropped")]
        self.assertGreater(len(refused), 10)  # of those that are held up, one per node at the most
        self.meet(alice, bob)


if __name__ == "__main__":
    unittest.main(verbosity=2)
