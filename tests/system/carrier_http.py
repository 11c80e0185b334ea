"""The kind "http" for the tests of carriers: what carrier_xmpp.py gives for XMPP."""
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../tools"))
from listener import Listener  # noqa: E402 (found by the path above)
from relay import Relay  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WAIT_SECONDS = 60


class SilentServer(Listener):
    """Takes connections and says nothing; `in_tls` when a client has begun its handshake."""

    def __init__(self, until_tls=False):
        self.in_tls = threading.Event()
        self.until_tls = until_tls
        super().__init__()

    def _talk(self, stream):
        if self.until_tls and stream.recv(4096):  # the client's hello
            self.in_tls.set()


class Server(Relay):
    def __init__(self, folder, name, **options):
        super().__init__(folder, name, os.path.join(ROOT, os.environ.get("ISTHMUS_BUILD", "build")),
                         **options)

    @property
    def proof(self):
        return self.ca_file

    def address(self, user):
        return self.jid(user)

    def hang(self):
        os.kill(self.running_pid(), signal.SIGSTOP)

    def go_on(self):
        os.kill(self.running_pid(), signal.SIGCONT)

    def await_pings(self, user, count):
        """Waits until so many requests for news were answered with none."""
        with open(self.log_file) as log:
            log.seek(0, os.SEEK_END)
            text, end = "", time.monotonic() + WAIT_SECONDS
            while text.count(f"event=relay-quiet account={self.address(user)}") < count:
                if time.monotonic() > end:
                    raise AssertionError(text)
                time.sleep(0.05)
                text += log.read()


class Http:
    name = "http"
    Server = Server
    SilentServer = SilentServer
    is_binary = True
    has_certificates = True
    tells_of_death = True
    is_first_kept = False  # of two with one account, the second takes its place
    bad_address = "alice"

    # words of the log
    authority = "certificate was refused"
    certificate_name = "certificate was refused"
    password = "refused account and password"
    nobody = "no program listens"
    silent = "fell silent"
    dead = "no longer answers"
    conflict = "same account"
    address = "account@domain"

    @staticmethod
    def where(port):
        return f"https://localhost:{port}"

    @staticmethod
    def connected(server, user):
        return f"log info connected link=0 address={server.address(user)} server={server.url}"

    @staticmethod
    def probing(server, user):
        return f"log info probing link=0 address={server.address(user)}"
