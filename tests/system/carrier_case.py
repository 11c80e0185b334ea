"""What the tests of carriers share: parties as processes, and a server of the kind at hand."""
import os
import subprocess
import tempfile
import threading
import time
import unittest

from carrier_amqp import Amqp
from carrier_http import Http
from carrier_xmpp import Xmpp
from carrier_zeromq import Zeromq

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WAIT_SECONDS = 60
KINDS = {kind.name: kind for kind in (Xmpp, Http, Amqp, Zeromq)}  # what each gives: carrier_xmpp


def probe_path():
    build = os.path.join(ROOT, os.environ.get("ISTHMUS_BUILD", "build"))
    return os.path.join(build, "tests", "system", "carrier_probe")


class Probe:
    """carrier_probe as a process; its lines are kept and waited for."""

    def __init__(self, kind, address, password, where, proof, peer="", **options):
        """`where`: the server's port, or its URL. `proof`: by which it proves itself, the file of
        an authority or a key. `more`: further servers, as (kind, address, password, where, proof,
        peer). `use`: one or each."""
        self.address = address
        certificate = options.get("certificate", ("", ""))
        servers = [(kind, address, password, where, proof, peer, *certificate,
                    options.get("proxy", ""))]
        servers += [(*server, "", "", "") for server in options.get("more", ())]
        seconds = [options.get("handshake", 15), options.get("ping", 30),
                   options.get("hold_down", 1), options.get("back", 1)]
        self.lines = []
        self.seen = 0  # lines before this one were waited for
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            [*options.get("under", ()), probe_path(), *map(str, seconds), options.get("use", "one"),
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
                    raise AssertionError(
                        f"{self.address}: no line {wanted!r} in {seconds} s; got:\n"
                        + "\n".join(line[:300] for line in self.lines))

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def send(self, address, text):
        self.tell(f"send {address} {text}")
        return self.wait(("sent", "dropped")).split()[0]

    def quit(self):
        """Ends it by carrier_free; returns the seconds that it took."""
        begin = time.monotonic()
        self.tell("quit")
        self.wait("freed")
        taken = time.monotonic() - begin
        if self.process.wait(WAIT_SECONDS) != 0:
            raise AssertionError(f"{self.address}: the probe ended with {self.process.returncode}")
        return taken

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class CarrierCase(unittest.TestCase):
    """One server with the accounts alice, bob and stranger."""
    kind = KINDS[os.environ.get("ISTHMUS_CARRIER", "xmpp")]

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="isthmus-carrier-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.server = cls.make_server("one", "one.test", ("alice", "bob", "stranger"), trace=True)
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)

    @classmethod
    def make_server(cls, folder, name, users=(), **options):
        server = cls.kind.Server(f"{cls.folder.name}/{folder}", name, **options)
        for user in users:
            server.add_account(user, f"secret of {user}")
        return server

    def probe(self, user, peer="", server=None, password=None, **options):
        server = server or self.server
        settings = {"proof": server.proof, "where": self.kind.where(
            options.pop("port", server.port)), **options}
        probe = Probe(self.kind.name, server.address(user), password or f"secret of {user}",
                      peer=server.address(peer) if peer else "", **settings)
        self.addCleanup(probe.close)
        return probe

    def pair(self, **options):
        alice, bob = (self.probe("alice", "bob", **options), self.probe("bob", "alice", **options))
        alice.wait(f"peer {bob.address} up")
        bob.wait(f"peer {alice.address} up")
        return alice, bob

    def exchange(self, alice, bob, text):
        for sender, receiver in ((alice, bob), (bob, alice)):
            self.assertEqual(sender.send(receiver.address, text), "sent")
            self.assertEqual(receiver.wait("frame"), f"frame {sender.address} {text}")
