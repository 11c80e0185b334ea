"""The kind "xmpp" for the tests of carriers: what a kind of carrier gives them."""
import os
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../tools"))
from listener import Listener  # noqa: E402 (found by the path above)
from prosody import Prosody  # noqa: E402

WAIT_SECONDS = 60


class SilentServer(Listener):
    """Takes connections and says nothing; with `until_tls`, falls silent in the TLS handshake."""

    STREAM = (b"<stream:stream from='one.test' id='1' version='1.0' xmlns='jabber:client' "
              b"xmlns:stream='http://etherx.jabber.org/streams'><stream:features>"
              b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
              b"</stream:features>")

    def __init__(self, until_tls=False):
        self.answers = [self.STREAM, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"]
        self.until_tls = until_tls
        self.in_tls = threading.Event()
        super().__init__()

    def _talk(self, stream):
        if self.until_tls:
            for answer in self.answers:
                stream.recv(4096)
                stream.sendall(answer)
            stream.recv(4096)  # the client's hello
            self.in_tls.set()


class Server(Prosody):
    @property
    def proof(self):
        return self.ca_file

    def address(self, user):
        return self.jid(user, "x")

    def hang(self):
        os.kill(self.running_pid(), signal.SIGSTOP)

    def go_on(self):
        os.kill(self.running_pid(), signal.SIGCONT)

    def await_pings(self, user, count):
        """Waits until the server was asked so often whether it is there."""
        with open(self.traffic_file) as traffic:
            traffic.seek(0, os.SEEK_END)
            text, end = "", time.monotonic() + WAIT_SECONDS
            while len(re.findall(rf"out {self.address(user)} <iq[^>]*type=.result", text)) < count:
                if time.monotonic() > end:
                    raise AssertionError(text)
                time.sleep(0.05)
                text += traffic.read()


class Xmpp:
    name = "xmpp"
    Server = Server
    SilentServer = SilentServer
    is_binary = False  # frames are text
    has_certificates = True
    tells_of_death = True
    is_first_kept = False  # of two with one account, the second takes its place
    bad_address = "alice@one.test"

    # words of the log
    authority = "certificate was refused"
    certificate_name = "hostname mismatch"
    password = "refused account and password"
    nobody = "no program listens"
    silent = "fell silent"
    dead = "no longer answers pings"
    conflict = "same JID"
    address = "account@domain/resource"

    @staticmethod
    def where(port):
        return str(port)

    @staticmethod
    def connected(server, user):
        return (f"log info connected link=0 jid={server.address(user)} "
                f"server=127.0.0.1:{server.port}")

    @staticmethod
    def probing(server, user):
        return f"log info probing link=0 jid={server.address(user)}-probe"
