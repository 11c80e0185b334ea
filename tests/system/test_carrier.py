#!/usr/bin/env python3
"""What every kind of carrier promises (src/io/carrier/carrier.h), held against a real server:
python3 test_carrier.py [--kind xmpp] [--build BUILD_DIR] [TEST...]

Numbers in comments are those of the promises. ISTHMUS_CARRIER names the kind, too, and
ISTHMUS_BUILD the build folder; default: build. What is XMPP's own: test_xmpp.py."""
import argparse
import os
import signal
import sys
import time
import unittest

from carrier_case import KINDS, WAIT_SECONDS, CarrierCase, Probe, probe_path
from cloud_parts import wait_until
from prosody import free_port

FREED_SECONDS = 12  # two, and the rest for a busy machine: less than any time-out
AWAY_SECONDS = 60  # more than anything may wait for anybody, twice
CROWD = 200
CROWD_SECONDS = 240  # on a machine that does other things, too

HOSTILE = """{"text":"<&>\\"' ]]> <frame/> &amp; ü € 𝄞 \t end"}"""


class Carrier(CarrierCase):
    def failure(self, **options):
        """What the log says of a connection that cannot be made."""
        probe = self.probe("alice", **options)
        line = probe.wait("log error disconnected")
        self.assertNotIn("link up", probe.lines)
        self.assertRegex(line, 'cause="[^"]+".* remedy="[^"]+"')
        return line

    # 1 and 2: frames

    def test_frames_go_both_ways_unchanged(self):
        alice, bob = self.pair()
        self.exchange(alice, bob, "plain")
        self.exchange(alice, bob, HOSTILE)
        self.exchange(alice, bob, "0123456789abcdef" * (60 * 64))  # 60 KiB
        self.exchange(alice, bob, "&" * 40000)  # five times as long when escaped

    def test_any_bytes_travel_unchanged_where_the_kind_is_binary(self):
        if not self.kind.is_binary:
            self.skipTest("frames of this kind are text")
        alice, bob = self.pair()
        for bytes_ in (bytes(range(256)), b"\0", b"\n", b"frame x@y 5\n12345\n", bytes(65536)):
            alice.tell(f"bytes {bob.address} {bytes_.hex()}")
            alice.wait("sent")
            self.assertEqual(bob.wait("bytes"), f"bytes {alice.address} {bytes_.hex()}")

    def test_one_who_does_not_read_holds_up_nobody_else(self):
        alice, bob = self.pair()
        third = self.probe("stranger", "alice")
        third.wait("link up")
        bob.process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(50):
                alice.tell(f"burst {bob.address} 1000")
                alice.wait("burst")
                self.exchange(alice, third, "past the full one")
        finally:
            bob.process.send_signal(signal.SIGCONT)

    def test_a_frame_over_the_limit_is_dropped_and_the_link_stays(self):
        alice, bob = self.pair()
        self.assertEqual(alice.send(bob.address, "x" * 65536), "sent")
        self.assertEqual(alice.send(bob.address, "x" * 65537), "dropped")
        self.assertEqual(len(bob.wait("frame")), len(f"frame {alice.address} ") + 65536)
        self.exchange(alice, bob, "still here")
        self.assertNotIn("link down", alice.lines)

    def test_frames_keep_their_order_and_a_full_queue_drops(self):
        alice, bob = self.pair(ping=600)  # a slow burst, while the server hangs, cuts no link
        self.server.hang()
        try:
            alice.tell(f"burst {bob.address} 200000")
            sent = int(alice.wait("burst").split()[1])
        finally:
            self.server.go_on()
        self.assertGreater(sent, 4000)
        self.assertLess(sent, 200000)
        numbers = [int(bob.wait("frame").split()[-1]) for _ in range(sent)]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.exchange(alice, bob, "after the flood")

    def test_no_frame_waits_for_the_traffic_after_it(self):
        alice, bob = self.pair(ping=600)  # waiting is over before a tick would mend it
        for length in range(100, 60000, 311):  # across libstrophe's reads and TLS records
            alice.send(bob.address, "x" * length)
            bob.wait("frame")

    # 3: nothing is stored

    def test_what_was_sent_to_one_who_is_away_is_not_heard_later(self):
        alice, bob = self.pair()
        bob.quit()
        alice.wait(f"peer {bob.address} down")
        for _ in range(10):
            alice.send(bob.address, "stale")
        bob = self.probe("bob", "alice")
        alice.wait(f"peer {bob.address} up")
        alice.send(bob.address, "fresh")
        self.assertEqual(bob.wait("frame"), f"frame {alice.address} fresh")

    def test_who_was_away_for_a_minute_hears_nothing_of_it(self):
        alice, bob = self.pair()
        bob.quit()
        end = time.monotonic() + AWAY_SECONDS
        while time.monotonic() < end:
            alice.send(bob.address, "stale")
            time.sleep(1)
        bob = self.probe("bob", "alice")
        alice.wait(f"peer {bob.address} up")
        alice.send(bob.address, "fresh")
        self.assertEqual(bob.wait("frame"), f"frame {alice.address} fresh")
        self.assertNotIn(f"frame {alice.address} stale", bob.lines)

    # 7: presence

    def test_a_peer_is_seen_to_come_and_go_whoever_was_first(self):
        alice = self.probe("alice", "bob")
        alice.wait("link up")
        for _ in range(2):
            bob = self.probe("bob", "alice")
            bob.wait(f"peer {alice.address} up")
            alice.wait(f"peer {bob.address} up")
            self.assertLess(bob.quit(), FREED_SECONDS)
            alice.wait(f"peer {bob.address} down")
        bob = self.probe("bob", "alice")
        alice.wait(f"peer {bob.address} up")
        bob.close()  # kill -9
        if not self.kind.tells_of_death:
            gone, before = f"peer {bob.address} down", len(alice.lines)
            wait_until(lambda: alice.send(bob.address, "are you there?") and
                       gone in alice.lines[before:], gone)
            return
        alice.wait(f"peer {bob.address} down")

    def test_a_bounced_frame_says_that_the_peer_is_away(self):
        alice = self.probe("alice")
        alice.wait("link up")
        gone = "peer ghost@nowhere.test/x down"
        wait_until(lambda: alice.send("ghost@nowhere.test/x", "anybody?") and gone in alice.lines,
                   gone)  # a link that is lost meanwhile takes what was sent with it

    # 5, 6 and 9: the server goes

    def test_a_crowd_that_comes_at_once_is_let_in_and_back_in(self):
        users = [f"user-{number}" for number in range(CROWD)]
        server = self.make_server("crowd", "crowd.test", users)
        for user in users:
            if hasattr(server, "reach"):
                server.reach(user, [])
        server.start()
        self.addCleanup(server.stop)
        crowd = [self.probe(user, server=server) for user in users]
        for one in crowd:
            one.wait("link up", CROWD_SECONDS)
        server.kill()
        for one in crowd:
            one.wait("link down", CROWD_SECONDS)
        server.start()
        for one in crowd:
            one.wait("link up", CROWD_SECONDS)

    def test_both_come_back_after_the_server_was_killed(self):
        alice, bob = self.pair()
        self.server.kill()
        try:
            alice.wait("link down")
            bob.wait("link down")
            if not any(self.kind.nobody in line for line in alice.lines):
                alice.wait("log error disconnected")  # refused, at once or when it is tried again
            self.assertEqual(alice.send(bob.address, "into the void"), "dropped")
        finally:
            self.server.start()
        alice.wait(f"peer {bob.address} up")
        bob.wait(f"peer {alice.address} up")
        self.exchange(alice, bob, "again")
        refused = [line for line in alice.lines if self.kind.nobody in line]
        self.assertEqual(len(refused), 1, "a cause is logged once, not at each retry")

    def test_a_server_that_no_longer_answers_pings_is_left(self):
        alice = self.probe("alice", ping=3)
        alice.wait("link up")
        self.server.hang()
        try:
            self.assertIn(self.kind.dead, alice.wait("log error disconnected"))
            alice.wait("link down")
        finally:
            self.server.go_on()
        alice.wait("link up")

    def test_pings_keep_an_idle_link_up(self):
        alice = self.probe("alice", ping=1)
        alice.wait("link up")
        self.server.await_pings("alice", 2)
        self.assertNotIn("link down", alice.lines)

    def test_the_link_is_freed_within_two_seconds_even_if_the_server_hangs(self):
        alice = self.probe("alice")
        alice.wait("link up")
        self.server.hang()
        try:
            self.assertLess(alice.quit(), FREED_SECONDS)
        finally:
            self.server.go_on()

    def test_a_link_is_freed_in_the_middle_of_a_handshake(self):
        silent = self.kind.SilentServer(until_tls=True)
        self.addCleanup(silent.close)
        alice = self.probe("alice", port=silent.port, handshake=600)
        self.assertTrue(silent.in_tls.wait(WAIT_SECONDS))
        self.assertLess(alice.quit(), FREED_SECONDS)

    # 4 and 12: several servers

    def servers(self, *names):
        """Independent servers with the accounts alice and bob, running."""
        for name in names:
            server = self.make_server(name, name, ("alice", "bob"))
            server.start()
            self.addCleanup(server.stop)
            yield server

    def both(self, user, peer, first, second, **options):
        """A probe with `first` and `second` as its servers."""
        return self.probe(user, peer, first, more=[
            (self.kind.name, second.address(user), f"secret of {user}",
             self.kind.where(second.port), second.proof, second.address(peer))], **options)

    def test_a_lost_server_is_replaced_by_the_next_and_used_again_when_it_is_stable(self):
        first, second = self.servers("f.test", "g.test")
        manager = self.both("alice", "bob", first, second, use="each")
        manager.wait(self.kind.connected(second, "alice"))
        agent = self.both("bob", "alice", first, second)
        # Each knows the other by its address at the first server, wherever it is.
        manager.wait(f"peer {agent.address} up")
        agent.wait(f"peer {manager.address} up")
        self.exchange(manager, agent, "at the first")
        begin = time.monotonic()
        first.kill()
        agent.wait("link down")
        manager.wait(f"peer {agent.address} down")
        agent.wait("link up")
        print(f"the next server is in use after {time.monotonic() - begin:.2f} s, hold-down 1 s",
              flush=True)
        agent.wait(f"peer {manager.address} up")
        manager.wait(f"peer {agent.address} up")
        self.exchange(manager, agent, "at the second")
        first.start()
        agent.wait(self.kind.probing(first, "bob"))
        agent.wait("link down")
        agent.wait(self.kind.connected(first, "bob"))
        agent.wait("link up")
        manager.wait(f"peer {agent.address} up")
        self.exchange(manager, agent, "at the first again")
        self.assertEqual([line for line in manager.lines if line.startswith("link")], ["link up"])
        self.assertFalse([line for line in manager.lines if "probe" in line], "of the agent's")
        self.assertLess(agent.quit(), FREED_SECONDS)

    def test_a_peer_is_not_heard_by_its_address_at_another_server(self):
        first, second = self.servers("h.test", "i.test")
        agent = self.both("bob", "alice", first, second)
        agent.wait("link up")
        impostor = self.probe("alice", "bob", server=first)
        impostor.wait(f"peer {agent.address} up")
        agent.wait(f"peer {impostor.address} up")
        impostor.send(agent.address, "hello")
        self.assertEqual(agent.wait("frame"), f"frame {impostor.address} hello")
        second.stop()  # where nobody was: nothing happens
        impostor.send(agent.address, "still there")
        agent.wait(f"frame {impostor.address} still there")
        self.assertNotIn("link down", agent.lines)

    # 8, 10 and 11: connections that must not be, and what is said of them

    def test_a_certificate_of_another_authority_is_refused(self):
        other = self.make_server("authority", "one.test")
        line = self.failure(proof=other.proof)
        self.assertIn(self.kind.authority, line)

    def test_a_certificate_that_the_system_trusts_is_refused_without_our_authority(self):
        other = self.make_server("system", "one.test")
        os.environ["SSL_CERT_FILE"] = self.server.ca_file
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE")
        self.assertIn(self.kind.authority, self.failure(proof=other.proof))

    def test_a_certificate_for_another_name_is_refused(self):
        if not self.kind.has_certificates:
            self.skipTest("a key of this kind's servers has no name")
        other = self.make_server("name", "one.test", ("alice",), certificate_name="two.test")
        other.start()
        self.addCleanup(other.stop)
        self.assertIn(self.kind.certificate_name, self.failure(server=other))

    def test_a_wrong_password_is_named(self):
        self.assertIn(self.kind.password, self.failure(password="wrong"))

    def test_a_port_without_a_listener_is_named(self):
        self.assertIn(self.kind.nobody, self.failure(port=free_port()))

    def test_a_server_that_never_answers_is_cut(self):
        silent = self.kind.SilentServer()
        self.addCleanup(silent.close)
        self.assertIn(self.kind.silent, self.failure(port=silent.port, handshake=1))

    def test_a_server_that_falls_silent_in_the_tls_handshake_is_cut(self):
        silent = self.kind.SilentServer(until_tls=True)
        self.addCleanup(silent.close)
        self.assertIn(self.kind.silent, self.failure(port=silent.port, handshake=1))

    def test_a_second_party_with_the_same_address_is_named_by_one_of_the_two(self):
        first = self.probe("alice")
        first.wait("link up")
        second = self.probe("alice")
        if self.kind.is_first_kept:
            first, second = second, first
        else:
            second.wait("link up")
        self.assertIn(self.kind.conflict, first.wait("log error disconnected"))
        if not self.kind.is_first_kept:
            first.wait("link down")  # told after the cause
        self.assertEqual(first.lines.count("link up"), first.lines.count("link down"))
        self.assertLess(first.quit(), FREED_SECONDS)  # not bound to its half minute of waiting

    def test_bad_settings_are_refused_at_once(self):
        for change, words in (({"proof": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),):
            self.assertIn(words, self.probe("alice", **change).wait("error"))
        probe = Probe(self.kind.name, self.kind.bad_address, "secret",
                      self.kind.where(self.server.port), self.server.proof)
        self.addCleanup(probe.close)
        self.assertIn(self.kind.address, probe.wait("error"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--build")
    parser.add_argument("--kind", choices=KINDS, default=CarrierCase.kind.name)
    options, others = parser.parse_known_args()
    CarrierCase.kind = KINDS[options.kind]
    if options.build:
        os.environ["ISTHMUS_BUILD"] = os.path.abspath(options.build)
    if not os.path.exists(probe_path()):
        sys.exit(f"{probe_path()} is missing: run ninja first, or name the build folder")
    unittest.main(verbosity=2, argv=sys.argv[:1] + others)
