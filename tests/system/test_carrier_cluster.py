#!/usr/bin/env python3
"""The XMPP carrier against ejabberd: a cluster of two nodes; certificates in place of passwords.

ISTHMUS_BUILD names the build folder; default: build."""
import tempfile
import time
import unittest

from carrier_case import WAIT_SECONDS, Probe
from ejabberd import Ejabberd
from prosody import Prosody, make_client_certificate


def open_text(path):
    with open(path) as file:
        return file.read()


class EjabberdCase(unittest.TestCase):
    certificates = False
    nodes = 1

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="isthmus-ejabberd-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.cluster = Ejabberd(f"{cls.folder.name}/site", "site.test", nodes=cls.nodes,
                               certificates=cls.certificates, level="info")
        for user in ("alice", "bob"):
            cls.cluster.add_account(user, f"secret of {user}")
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()

    def probe(self, user, peer, nodes=None, password=None, **options):
        nodes = nodes or self.cluster.nodes
        jid, peer = self.cluster.jid(user, "x"), self.cluster.jid(peer, "x")
        password = f"secret of {user}" if password is None else password
        probe = Probe("xmpp", jid, password, nodes[0].port, self.cluster.ca_file, peer, more=[
            ("xmpp", jid, password, node.port, node.ca_file, peer) for node in nodes[1:]],
            **options)
        self.addCleanup(probe.close)
        return probe

    def await_log(self, words):
        end = time.monotonic() + WAIT_SECONDS  # the log is written a little later
        while words not in open_text(self.cluster.nodes[0].log_file):
            self.assertLess(time.monotonic(), end, words)
            time.sleep(0.1)

    def meet(self, alice, bob):
        """Frames go both ways, sooner or later: a cluster's nodes need a moment to find each
        other, and no server promises to deliver."""
        for sender, receiver in ((alice, bob), (bob, alice)):
            text, end = f"hello {time.monotonic_ns()}", time.monotonic() + WAIT_SECONDS
            while f"frame {sender.address} {text}" not in receiver.lines:
                self.assertLess(time.monotonic(), end, (sender.lines, receiver.lines))
                sender.send(receiver.address, text)
                time.sleep(0.1)


class Cluster(EjabberdCase):
    nodes = 2

    def await_connection(self, party, node):
        party.wait(f"log info connected link=0 jid={party.address} server=127.0.0.1:{node.port}")

    def test_parties_on_two_nodes_meet_and_outlive_each_of_them(self):
        first, second = self.cluster.nodes
        alice = self.probe("alice", "bob", use="each", back=3600)
        bob = self.probe("bob", "alice", [second, first], back=3600)
        self.meet(alice, bob)
        begin = time.monotonic()
        first.kill()
        alice.wait("link down")
        self.await_connection(alice, second)
        print(f"the other node is in use after {time.monotonic() - begin:.2f} s, hold-down 1 s",
              flush=True)
        self.meet(alice, bob)
        first.start()
        second.kill()
        for party in (alice, bob):
            party.wait("link down")
            self.await_connection(party, first)
        self.meet(alice, bob)
        second.start()

    def test_the_first_node_is_used_again_when_it_is_stable(self):
        first, second = self.cluster.nodes
        first.kill()
        alice = self.probe("alice", "bob", back=1)
        alice.wait(f"log info connected link=0 jid={alice.address} server=127.0.0.1:{second.port}")
        first.start()
        alice.wait(f"log info probing link=0 jid={alice.address}-probe "
                   f"server=127.0.0.1:{first.port}")
        self.await_connection(alice, first)
        bob = self.probe("bob", "alice", [second, first])
        self.meet(alice, bob)
        self.assertFalse([line for line in alice.lines if "same JID" in line], alice.lines)


class Certificates(EjabberdCase):
    certificates = True

    def certificate(self, user, folder=None):
        return make_client_certificate(folder or self.cluster.folder, self.cluster.jid(user))

    def test_a_certificate_lets_an_account_in_without_a_password(self):
        alice = self.probe("alice", "bob", password="", certificate=self.certificate("alice"))
        bob = self.probe("bob", "alice")
        self.meet(alice, bob)
        self.await_log("Accepted c2s EXTERNAL authentication for alice@site.test")

    def test_a_certificate_of_another_account_or_authority_is_refused(self):
        other = Prosody(f"{self.folder.name}/other", "other.test")
        for certificate in (self.certificate("bob"), self.certificate("alice", other.folder)):
            alice = self.probe("alice", "bob", password="", certificate=certificate)
            self.assertRegex(alice.wait("log error disconnected"), 'cause="[^"]+" .*remedy=')
            alice.close()
            self.assertNotIn("link up", alice.lines)


class Passwords(EjabberdCase):
    def test_scram_sha_256_is_used(self):
        alice = self.probe("alice", "bob")
        alice.wait("link up")
        self.await_log("Accepted c2s SCRAM-SHA-256 authentication for alice@site.test")


if __name__ == "__main__":
    unittest.main(verbosity=2)
