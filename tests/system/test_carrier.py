#!/usr/bin/env python3
"""The XMPP carrier against a real Prosody: python3 test_carrier.py [--build BUILD_DIR] [TEST...]

ISTHMUS_BUILD names the build folder, too; default: build."""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../tools"))
from prosody import Prosody, free_port
from xmpp_client import XmppClient

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WAIT_SECONDS = 30
KIND = "xmpp"
HOSTILE = """{"text":"<&>\\"' ]]> <frame/> &amp; ü € 𝄞 \t end"}"""


def probe_path():
    build = os.path.join(ROOT, os.environ.get("ISTHMUS_BUILD", "build"))
    return os.path.join(build, "tests", "system", "carrier_probe")


class Probe:
    """carrier_probe as a process; its lines are kept and waited for."""

    def __init__(self, jid, password, port, ca_file, peer="", **options):
        """`more`: further servers, as (jid, password, port, ca_file, peer). `use`: one or each."""
        self.jid = jid
        servers = [(KIND, jid, password, port, ca_file, peer,
                    *options.get("certificate", ("", "")))]
        servers += [(KIND, *server, "", "") for server in options.get("more", ())]
        seconds = [options.get("handshake", 15), options.get("ping", 30),
                   options.get("hold_down", 1), options.get("back", 1)]
        self.lines = []
        self.seen = 0  # lines before this one were waited for
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            [probe_path(), *map(str, seconds), options.get("use", "one"),
             *(str(word) for server in servers for word in server)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
            errors="surrogateescape")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append("(end)")
            self.changed.notify_all()

    def wait(self, wanted, seconds=WAIT_SECONDS):
        """Waits for the next line that starts with `wanted`, skipping others; returns it."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                while self.seen < len(self.lines):
                    line = self.lines[self.seen]
                    self.seen += 1
                    if line.startswith(wanted):
                        return line
                if not self.changed.wait(end - time.monotonic()):
                    raise AssertionError(f"{self.jid}: no line {wanted!r} in {seconds} s; got:\n"
                                         + "\n".join(line[:300] for line in self.lines))

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def send(self, address, text):
        self.tell(f"send {address} {text}")
        return self.wait(("sent", "dropped")).split()[0]

    def quit(self):
        """Ends it by xmpp_link_free; returns the seconds that it took."""
        begin = time.monotonic()
        self.tell("quit")
        self.wait("freed")
        taken = time.monotonic() - begin
        if self.process.wait(WAIT_SECONDS) != 0:
            raise AssertionError(f"{self.jid}: the probe ended with {self.process.returncode}")
        return taken

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class SilentServer:
    """Takes connections and says nothing; with `until_tls`, falls silent in the TLS handshake."""

    STREAM = (b"<stream:stream from='one.test' id='1' version='1.0' xmlns='jabber:client' "
              b"xmlns:stream='http://etherx.jabber.org/streams'><stream:features>"
              b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
              b"</stream:features>")

    def __init__(self, until_tls=False):
        self.answers = [self.STREAM, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"]
        self.until_tls = until_tls
        self.in_tls = threading.Event()
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            self.connections.append(connection)
            if self.until_tls:
                for answer in self.answers:
                    connection.recv(4096)
                    connection.sendall(answer)
                connection.recv(4096)  # the client's hello
                self.in_tls.set()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        for connection in [self.listener, *self.connections]:
            connection.close()


class Carrier(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="isthmus-carrier-")
        cls.server = Prosody(f"{cls.folder.name}/one", "one.test", trace=True)
        for user in ("alice", "bob", "stranger"):
            cls.server.add_account(user, f"secret of {user}")
        cls.server.start()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.addClassCleanup(cls.server.stop)

    def probe(self, user, peer="", server=None, password=None, **options):
        server = server or self.server
        settings = {"port": server.port, "ca_file": server.ca_file, **options}
        probe = Probe(server.jid(user, "x"), password or f"secret of {user}",
                      peer=server.jid(peer, "x") if peer else "", **settings)
        self.addCleanup(probe.close)
        return probe

    def pair(self):
        alice, bob = self.probe("alice", "bob"), self.probe("bob", "alice")
        alice.wait(f"peer {bob.jid} up")
        bob.wait(f"peer {alice.jid} up")
        return alice, bob

    def stranger(self):
        client = XmppClient(self.server.port, "one.test", self.server.ca_file, "stranger",
                            "secret of stranger", "x")
        self.addCleanup(client.close)
        return client

    def exchange(self, alice, bob, text):
        for sender, receiver in ((alice, bob), (bob, alice)):
            self.assertEqual(sender.send(receiver.jid, text), "sent")
            self.assertEqual(receiver.wait("frame"), f"frame {sender.jid} {text}")

    def failure(self, **options):
        """What the log says of a connection that cannot be made."""
        probe = self.probe("alice", **options)
        line = probe.wait("log error disconnected")
        self.assertNotIn("link up", probe.lines)
        self.assertRegex(line, 'cause="[^"]+".* remedy="[^"]+"')
        return line

    # frames

    def test_frames_go_both_ways_unchanged(self):
        alice, bob = self.pair()
        self.exchange(alice, bob, "plain")
        self.exchange(alice, bob, HOSTILE)
        self.exchange(alice, bob, "0123456789abcdef" * (60 * 64))  # 60 KiB
        self.exchange(alice, bob, "&" * 40000)  # five times as long when escaped
        with open(self.server.traffic_file) as traffic:
            self.assertIn("urn:isthmus:frame:1", traffic.read())

    def test_a_frame_over_the_limit_or_not_text_is_dropped_and_the_link_stays(self):
        alice, bob = self.pair()
        self.assertEqual(alice.send(bob.jid, "x" * 65536), "sent")
        self.assertEqual(alice.send(bob.jid, "x" * 65537), "dropped")
        self.assertEqual(alice.send(bob.jid, "&" * 65536), "dropped")  # larger than a stanza may be
        for bad in (b"bell \a", b"\r", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xef\xbf\xbe",
                    b"\xf4\x90\x80\x80", b"cut \xe2\x82"):
            text = bad.decode("utf-8", "surrogateescape")
            self.assertEqual(alice.send(bob.jid, text), "dropped", bad)
        self.assertEqual(len(bob.wait("frame")), len(f"frame {alice.jid} ") + 65536)
        self.exchange(alice, bob, "still here")
        self.assertNotIn("link down", alice.lines)

    def test_frames_keep_their_order_and_a_full_queue_drops(self):
        alice, bob = self.pair()
        os.kill(self.server.running_pid(), signal.SIGSTOP)
        try:
            alice.tell(f"burst {bob.jid} 200000")
            sent = int(alice.wait("burst").split()[1])
        finally:
            os.kill(self.server.running_pid(), signal.SIGCONT)
        self.assertGreater(sent, 4000)
        self.assertLess(sent, 200000)
        numbers = [int(bob.wait("frame").split()[-1]) for _ in range(sent)]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.exchange(alice, bob, "after the flood")

    def test_no_frame_waits_for_the_traffic_after_it(self):
        alice, bob = self.pair()
        for length in range(100, 60000, 311):  # across libstrophe's reads and TLS records
            alice.send(bob.jid, "x" * length)
            bob.wait("frame", seconds=5)  # less than until the next tick, which would mend it

    # presence

    def test_a_peer_is_seen_to_come_and_go_whoever_was_first(self):
        alice = self.probe("alice", "bob")
        alice.wait("link up")
        for _ in range(2):
            bob = self.probe("bob", "alice")
            bob.wait(f"peer {alice.jid} up")
            alice.wait(f"peer {bob.jid} up")
            self.assertLess(bob.quit(), 3)
            alice.wait(f"peer {bob.jid} down")
        bob = self.probe("bob", "alice")
        alice.wait(f"peer {bob.jid} up")
        bob.close()  # kill -9
        alice.wait(f"peer {bob.jid} down")

    def test_a_bounced_frame_says_that_the_peer_is_away(self):
        alice = self.probe("alice")
        alice.wait("link up")
        alice.tell("send ghost@nowhere.test/x anybody?")
        alice.wait("peer ghost@nowhere.test/x down")  # it may be back before "sent" is told

    # the server goes

    def test_both_come_back_after_the_server_was_killed(self):
        alice, bob = self.pair()
        self.server.kill()
        try:
            alice.wait("link down")
            bob.wait("link down")
            alice.wait("log error disconnected")  # refused
            self.assertEqual(alice.send(bob.jid, "into the void"), "dropped")
        finally:
            self.server.start()
        alice.wait(f"peer {bob.jid} up")
        bob.wait(f"peer {alice.jid} up")
        self.exchange(alice, bob, "again")
        refused = [line for line in alice.lines if "no program listens" in line]
        self.assertEqual(len(refused), 1, "a cause is logged once, not at each retry")

    def test_a_server_that_no_longer_answers_pings_is_left(self):
        alice = self.probe("alice", ping=3)
        alice.wait("link up")
        os.kill(self.server.running_pid(), signal.SIGSTOP)
        try:
            self.assertIn("no longer answers pings", alice.wait("log error disconnected"))
            alice.wait("link down")
        finally:
            os.kill(self.server.running_pid(), signal.SIGCONT)
        alice.wait("link up")

    def test_pings_keep_an_idle_link_up(self):
        alice = self.probe("alice", ping=1)
        alice.wait("link up")
        with open(self.server.traffic_file) as traffic:
            traffic.seek(0, os.SEEK_END)
            text, end = "", time.monotonic() + WAIT_SECONDS
            while len(re.findall(r"out alice@one.test/x <iq[^>]*type=.result", text)) < 2:
                self.assertLess(time.monotonic(), end, text)
                time.sleep(0.05)
                text += traffic.read()
        self.assertNotIn("link down", alice.lines)

    def test_the_link_is_freed_within_two_seconds_even_if_the_server_hangs(self):
        alice = self.probe("alice")
        alice.wait("link up")
        os.kill(self.server.running_pid(), signal.SIGSTOP)
        try:
            self.assertLess(alice.quit(), 4)  # a second or two for a busy machine
        finally:
            os.kill(self.server.running_pid(), signal.SIGCONT)

    # several servers

    def servers(self, *domains):
        """Independent servers with the accounts alice and bob, running."""
        for domain in domains:
            server = Prosody(f"{self.folder.name}/{domain}", domain)
            for user in ("alice", "bob"):
                server.add_account(user, f"secret of {user}")
            server.start()
            self.addCleanup(server.stop)
            yield server

    def both(self, user, peer, first, second, **options):
        """A probe with `first` and `second` as its servers."""
        return self.probe(user, peer, first, more=[
            (second.jid(user, "x"), f"secret of {user}", second.port, second.ca_file,
             second.jid(peer, "x"))], **options)

    def test_a_lost_server_is_replaced_by_the_next_and_used_again_when_it_is_stable(self):
        first, second = self.servers("f.test", "g.test")
        manager = self.both("alice", "bob", first, second, use="each")
        manager.wait(f"log info connected link=0 jid={second.jid('alice', 'x')}")
        agent = self.both("bob", "alice", first, second)
        # Each knows the other by its address at the first server, wherever it is.
        manager.wait(f"peer {agent.jid} up")
        agent.wait(f"peer {manager.jid} up")
        self.exchange(manager, agent, "at the first")
        begin = time.monotonic()
        first.kill()
        agent.wait("link down")
        manager.wait(f"peer {agent.jid} down")
        agent.wait("link up")
        print(f"the next server is in use after {time.monotonic() - begin:.2f} s, hold-down 1 s",
              flush=True)
        agent.wait(f"peer {manager.jid} up")
        manager.wait(f"peer {agent.jid} up")
        self.exchange(manager, agent, "at the second")
        first.start()
        agent.wait(f"log info probing link=0 jid={agent.jid}-probe")
        agent.wait("link down")
        agent.wait(f"log info connected link=0 jid={agent.jid} server=127.0.0.1:{first.port}")
        agent.wait("link up")
        manager.wait(f"peer {agent.jid} up")
        self.exchange(manager, agent, "at the first again")
        self.assertEqual([line for line in manager.lines if line.startswith("link")], ["link up"])
        self.assertLess(agent.quit(), 3)

    def test_a_peer_is_not_heard_by_its_address_at_another_server(self):
        first, second = self.servers("h.test", "i.test")
        agent = self.both("bob", "alice", first, second)
        agent.wait("link up")
        impostor = self.probe("alice", "bob", server=first)
        impostor.wait(f"peer {agent.jid} up")
        agent.wait(f"peer {impostor.jid} up")
        impostor.send(agent.jid, "hello")
        self.assertEqual(agent.wait("frame"), f"frame {impostor.jid} hello")
        second.stop()  # where nobody was: nothing happens
        impostor.send(agent.jid, "still there")
        agent.wait(f"frame {impostor.jid} still there")
        self.assertNotIn("link down", agent.lines)

    # connections that must not be, and what is said of them

    def test_a_certificate_of_another_authority_is_refused(self):
        other = Prosody(f"{self.folder.name}/authority", "one.test")
        line = self.failure(ca_file=other.ca_file)
        self.assertIn("certificate was refused", line)

    def test_a_certificate_that_the_system_trusts_is_refused_without_our_authority(self):
        other = Prosody(f"{self.folder.name}/system", "one.test")
        os.environ["SSL_CERT_FILE"] = self.server.ca_file
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE")
        self.assertIn("certificate was refused", self.failure(ca_file=other.ca_file))

    def test_a_certificate_for_another_name_is_refused(self):
        other = Prosody(f"{self.folder.name}/name", "one.test", certificate_name="two.test")
        other.add_account("alice", "secret of alice")
        other.start()
        self.addCleanup(other.stop)
        self.assertIn("hostname mismatch", self.failure(server=other))

    def test_a_wrong_password_is_named(self):
        self.assertIn("refused account and password", self.failure(password="wrong"))

    def test_a_domain_that_is_not_served_is_named(self):
        other = Prosody(f"{self.folder.name}/domain", "two.test", port=self.server.port)
        self.assertIn("does not serve the JID's domain", self.failure(server=other))

    def test_a_port_without_a_listener_is_named(self):
        self.assertIn("no program listens", self.failure(port=free_port()))

    def test_a_server_that_never_answers_is_cut(self):
        silent = SilentServer()
        self.addCleanup(silent.close)
        self.assertIn("fell silent", self.failure(port=silent.port, handshake=1))

    def test_a_server_that_falls_silent_in_the_tls_handshake_is_cut(self):
        silent = SilentServer(until_tls=True)
        self.addCleanup(silent.close)
        self.assertIn("fell silent", self.failure(port=silent.port, handshake=1))

    def test_a_link_is_freed_in_the_middle_of_a_handshake(self):
        silent = SilentServer(until_tls=True)
        self.addCleanup(silent.close)
        alice = self.probe("alice", port=silent.port, handshake=600)
        self.assertTrue(silent.in_tls.wait(WAIT_SECONDS))
        self.assertLess(alice.quit(), 3)

    def test_a_second_client_with_the_same_jid_is_named_by_the_first(self):
        first = self.probe("alice")
        first.wait("link up")
        second = self.probe("alice")
        second.wait("link up")
        self.assertIn("same JID", first.wait("log error disconnected"))
        first.wait("link down")
        self.assertLess(first.quit(), 3)  # not bound to its half minute of waiting

    def test_bad_settings_are_refused_at_once(self):
        for change, words in (({"ca_file": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),):
            self.assertIn(words, self.probe("alice", **change).wait("error"))
        probe = Probe("alice@one.test", "secret", self.server.port, self.server.ca_file)
        self.addCleanup(probe.close)
        self.assertIn("account@domain/resource", probe.wait("error"))

    # strangers

    def test_a_stock_client_gets_its_questions_answered(self):
        alice, client = self.probe("alice"), self.stranger()
        alice.wait("link up")

        def ask(query, kind="get"):
            client.send(f"<iq type='{kind}' id='q&lt;1&apos;' to='{alice.jid}'>{query}</iq>")
            return client.wait(r"<iq[^>]*id=.q&lt;1&apos;.[^>]*?(/>|>.*?</iq>)").group(0)

        self.assertIn("result", ask("<ping xmlns='urn:xmpp:ping'/>"))
        features = ask("<query xmlns='http://jabber.org/protocol/disco#info'/>")
        self.assertIn("urn:isthmus:frame:1", features)
        self.assertIn("carrier-probe", ask("<query xmlns='jabber:iq:version'/>"))
        self.assertIn("service-unavailable", ask("<query xmlns='jabber:iq:last'/>"))
        self.assertIn("service-unavailable", ask("<ping xmlns='urn:xmpp:ping'/>", "set"))

    def test_what_is_no_frame_is_ignored_and_a_subscription_denied(self):
        alice, client = self.probe("alice"), self.stranger()
        alice.wait("link up")
        frame = "<frame xmlns='urn:isthmus:frame:1'>{}</frame>"
        for stanza in (f"<message type='chat' to='{alice.jid}'>{frame.format('chat')}</message>",
                       f"<message to='{alice.jid}'>{frame.format('normal')}</message>",
                       f"<message type='headline' to='{alice.jid}'><body>words</body></message>",
                       f"<message type='headline' to='{alice.jid}'>"
                       "<frame xmlns='urn:other'>other</frame></message>",
                       f"<message type='headline' to='{alice.jid}'>"
                       f"{frame.format('x' * 65537)}</message>",
                       f"<message type='headline' from='bob@one.test/x' to='{alice.jid}'>"
                       f"{frame.format('forged')}</message>",
                       f"<message type='headline' to='{alice.jid}'>"
                       f"{frame.format('last')}</message>"):
            client.send(stanza)
        # The server puts the sender's own address in place of a forged one.
        self.assertEqual(alice.wait("frame"), "frame stranger@one.test/x forged")
        self.assertEqual(alice.wait("frame"), "frame stranger@one.test/x last")
        client.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>")
        client.send("<presence type='subscribe' to='alice@one.test'/>")
        client.wait("unsubscribed")


if __name__ == "__main__":
    if "--build" in sys.argv:
        at = sys.argv.index("--build")
        os.environ["ISTHMUS_BUILD"] = os.path.abspath(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    if not os.path.exists(probe_path()):
        sys.exit(f"{probe_path()} is missing: run ninja first, or name the build folder")
    unittest.main(verbosity=2)
