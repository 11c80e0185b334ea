#!/usr/bin/env python3
"""Carrying by ZeroMQ: what every kind of carrier promises, held against a relay; users that must
not be; one relay in which HTTP meets ZeroMQ; and whole clouds over it."""
import os
import re
import subprocess
import tempfile
import unittest

import test_carrier
import test_failover
from carrier_case import CarrierCase, Probe, probe_path
from carrier_http import Http
from carrier_zeromq import Zeromq
from cloud_case import CloudCase
from cloud_parts import Daemon, read, section, wait_until, write, write_secret
from prosody import free_port
from test_main_job import live_through
from zeromq_client import User
from zeromq_double import account_key


class ZeromqCase(CarrierCase):
    kind = Zeromq

    def user(self, name, token=None, **options):
        secret = account_key(self.server.address(name), token or f"secret of {name}")
        user = User(self.server.port, self.server.server_key, secret, **options)
        self.addCleanup(user.close)
        return user

    def opened(self, name, **options):
        user = self.user(name, **options)
        user.say(b"open")
        self.assertEqual(user.hear(), [b"open"])
        return user

    def frame(self, name, text):
        return f"frame {self.server.address(name)} {len(text)}\n{text}".encode()


class Promises(test_carrier.Carrier):
    """What every kind promises."""
    kind = Zeromq


class Users(ZeromqCase):
    def test_only_who_has_the_token_of_an_address_is_let_in(self):
        self.user("alice").say(b"probe")
        for token in ("secret of bob", "secret of alic", "x"):
            stranger = self.user("alice", token)
            stranger.say(b"probe")
            self.assertIsNone(stranger.hear(1000), token)
        unknown = User(self.server.port, self.server.server_key, os.urandom(32))
        self.addCleanup(unknown.close)
        unknown.say(b"open")
        self.assertIsNone(unknown.hear(1000))
        with open(self.server.log_file) as log:
            self.assertGreaterEqual(log.read().count("event=relay-refused"), 4)

    def test_a_refused_key_is_tried_anew_and_serves_once_it_is_known(self):
        server = self.make_server("later", "later.test", ("alice",))
        server.start()
        self.addCleanup(server.stop)
        bob = self.probe("bob", server=server)
        self.assertIn(self.kind.password, bob.wait("log error disconnected"))
        server.stop()
        server.add_account("bob", "secret of bob")
        server.start()
        bob.wait("link up")

    def test_a_routing_id_that_is_chosen_takes_nobodys_frames(self):
        alice = self.probe("alice", "bob")
        alice.wait("link up")
        bob = self.opened("bob", routing_id=b"the id of bob")
        alice.wait(f"peer {self.server.address('bob')} up")
        thief = self.user("stranger", routing_id=b"the id of bob")
        thief.say(b"open")
        for text in ("one", "two"):
            alice.send(self.server.address("bob"), text)
        heard = b""
        while b"two" not in heard:
            word, news = bob.hear()
            self.assertEqual(word, b"news")
            heard += news
        self.assertIn(self.frame("alice", "one"), heard)
        stolen = thief.hear(1000)
        self.assertTrue(stolen in (None, [b"open"]), stolen)
        self.assertIsNone(thief.hear(1000))

    def test_a_sender_is_whoever_logged_in(self):
        bob = self.probe("bob", "alice")
        bob.wait("link up")
        stranger = self.opened("stranger", routing_id=self.server.address("alice").encode())
        stranger.say(b"news", self.frame("bob", "I am alice"))
        self.assertEqual(bob.wait("frame"),
                         f"frame {self.server.address('stranger')} I am alice")

    def test_an_account_is_there_by_the_newest_connection_alone(self):
        first = self.opened("alice")
        second = self.opened("alice")
        self.assertEqual(first.hear(), [b"replaced"])
        first.say(b"news", self.frame("bob", "too late"))
        first.say(b"ping")
        self.assertEqual([first.hear(), first.hear()], [[b"gone"], [b"gone"]])
        first.say(b"close")  # it ends nobody else's
        self.assertEqual(first.hear(), [b"close"])
        second.say(b"ping")
        self.assertEqual(second.hear(), [b"ping"])

    def test_what_is_no_message_ends_its_sender_alone(self):
        bob = self.opened("bob")
        for parts in ((b"hello",), (b"replaced",), (b"news", b"what?\n"), (b"news", b"up a@b\n"),
                      (b"ping", b"x", b"y"), (b"",), (b"news", b"frame x@y 65537\n")):
            alice = self.opened("alice")
            alice.say(*parts)
            while (heard := alice.hear()) != [b"gone"]:
                self.assertEqual(heard[0], b"news", parts)  # bob is there
        bob.say(b"ping")
        while (heard := bob.hear()) != [b"ping"]:
            self.assertEqual(heard[0], b"news")  # alice came and went

    def test_a_message_over_the_limit_ends_its_connection(self):
        bob = self.probe("bob", "alice")
        bob.wait("link up")
        for length in (65536 + 2048, 900000):
            alice = self.opened("alice")
            bob.wait(f"peer {self.server.address('alice')} up")
            alice.say(b"news", b"x" * length)
            bob.wait(f"peer {self.server.address('alice')} down")
        self.assertNotIn("link down", bob.lines)

    def test_one_who_takes_nothing_holds_up_nobody_and_is_given_up(self):
        slow = self.opened("stranger", kept=1)
        alice, bob = self.pair()
        for _ in range(300):
            alice.send(self.server.address("stranger"), "x" * 60000)
        self.exchange(alice, bob, "past the full one")
        alice.wait(f"peer {self.server.address('stranger')} down", seconds=90)
        self.assertIsNotNone(slow.hear())


class TwoFaces(ZeromqCase):
    """By HTTP and by ZeroMQ at one relay."""

    def by_http(self, user, peer):
        probe = Probe("http", self.server.address(user), f"secret of {user}",
                      f"https://localhost:{self.server.http_port}", self.server.ca_file,
                      self.server.address(peer))
        self.addCleanup(probe.close)
        return probe

    def test_one_by_http_meets_one_by_zeromq(self):
        for _ in range(2):
            manager, agent = self.probe("alice", "bob"), self.by_http("bob", "alice")
            manager.wait(f"peer {agent.address} up")
            agent.wait(f"peer {manager.address} up")
            for text in ("hello", "x" * 60000):
                self.exchange(manager, agent, text)
            agent.quit()
            manager.wait(f"peer {agent.address} down")
            agent = self.by_http("bob", "alice")
            manager.wait(f"peer {agent.address} up")
            agent.wait(f"peer {manager.address} up")
            self.exchange(manager, agent, "again")
            manager.quit()
            agent.wait(f"peer {manager.address} down")
            agent.close()

    def test_the_newest_has_the_account_whichever_way_it_came(self):
        conflict = self.kind.conflict
        first = self.by_http("alice", "bob")
        first.wait("link up")
        second = self.probe("alice", "bob")
        second.wait("link up")
        self.assertIn(conflict, first.wait("log error disconnected"))
        first.close()
        third = self.by_http("alice", "bob")
        third.wait("link up")
        self.assertIn(conflict, second.wait("log error disconnected"))


class Cluster(unittest.TestCase):
    """A cluster over ZeroMQ, made by its owner, whose hosts learn of a second server by token."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="isthmus-zeromq-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.makedirs(f"{self.folder}/log")
        self.build = os.path.dirname(os.path.dirname(os.path.dirname(probe_path())))
        self.relay = Zeromq.Server(f"{self.folder}/relay", "east.test")
        self.second = Http.Server(f"{self.folder}/second", "second.test")
        self.manager = Daemon(self, "downstream", "east")
        self.port = free_port()

    def run_program(self, *words):
        done = subprocess.run(words, text=True, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def init(self):
        relay = self.relay
        key = self.run_program(
            relay.program, "--config", relay.config, "init", "--domain", "east.test", "--listen",
            f"127.0.0.1:{relay.http_port}", "--zeromq-listen", f"127.0.0.1:{relay.port}",
            "--certificate-file", f"{relay.folder}/server.crt", "--key-file",
            f"{relay.folder}/server.key")
        self.assertEqual(key, self.run_program(relay.program, "--config", relay.config,
                                               "--check").partition("\n")[2])
        self.run_program(
            self.manager.program, "--config", self.manager.config, "init", "--domain",
            "east.test", "--hosts", "east-1", "--carrier", "zeromq", "--server-key",
            key.split()[-1], "--url", relay.url, "--register",
            f"{relay.program} --config {relay.config} register", "--set",
            f"daemon.state={self.manager.state}", "--set", f"images.listen=127.0.0.1:{self.port}",
            "--set", f"images.url=http://127.0.0.1:{self.port}/v1/blobs",
            "--set", f"streams.listen=127.0.0.1:{free_port()}")
        relay.start(fresh=False)
        self.addCleanup(relay.stop)

    def add_second(self):
        second, files = self.second, {}
        for name in ("manager", "east-1"):
            files[name] = write_secret(f"{self.folder}/second.{name}")
            second.add_account(name, read(files[name]).strip())
        second.start()
        self.addCleanup(second.stop)
        text = read(self.manager.config).replace("[agent east-1]\n", section("agent east-1", {
            "more_addresses": "east-1@second.test", "more_password_files": files["east-1"]})[:-1])
        write(self.manager.config, text + section("downlink-server second", {
            **second.settings("manager"), "password_file": files["manager"]}))

    def owner(self, *words):
        return self.run_program(f"{self.build}/src/cli/isthmus", *words, "--socket",
                                f"{self.manager.state}/owner.sock")

    def await_host(self):
        wait_until(lambda: " up " in self.owner("host", "list"), "the host is up")

    def test_a_token_brings_all_servers_of_whichever_kind(self):
        self.init()
        self.add_second()
        self.manager.start()
        self.addCleanup(self.manager.stop)
        token = re.search(r"isthmus-join:\S+", self.owner("token", "new", "east-1")).group(0)
        host = Daemon(self, "agent", "east-1")
        self.run_program(host.program, "--config", host.config, "join", token, "--set",
                         "host.uri=test:///default", "--set", f"daemon.state={host.state}",
                         "--set", "uplink cluster.failover_seconds=1")
        config = read(host.config)
        for line in ("carrier = zeromq", "server_key = ",
                     "[uplink-server cluster-2]", "carrier = http", f"url = {self.second.url}",
                     "address = east-1@second.test", "manager = manager@second.test"):
            self.assertIn(f"\n{line}", config)
        host.start()
        self.addCleanup(host.stop)
        self.await_host()
        self.relay.kill()
        wait_until(lambda: f"server={self.second.url}" in host.log(), "the second server is used")
        self.await_host()


class OverZeromq(CloudCase):
    """Relays by ZeroMQ in place of the application servers: configuration alone decides."""
    options = {"driver": "test", "carrier": "zeromq"}

    def test_a_vm_lives_over_zeromq(self):
        live_through(self)


class XmppThenZeromq(test_failover.XmppThenHttp):
    options = {**test_failover.XmppThenHttp.options, "spare_carrier": "zeromq"}


class ZeromqThenXmpp(test_failover.XmppThenHttp):
    options = {**test_failover.XmppThenHttp.options, "carrier": "zeromq", "spare_carrier": "xmpp"}


if __name__ == "__main__":
    unittest.main(verbosity=2)
