"""The kind "amqp" for the tests of carriers: what carrier_xmpp.py gives for XMPP."""
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../tools"))
from carrier_http import Http  # noqa: E402 (found by the path above)
from rabbitmq import Rabbitmq  # noqa: E402

WAIT_SECONDS = 300  # each look takes seconds


class Server(Rabbitmq):
    @property
    def proof(self):
        return self.ca_file

    def address(self, user):
        return self.jid(user)

    def hang(self):
        os.killpg(self.running_pid(), signal.SIGSTOP)

    def go_on(self):
        os.killpg(self.running_pid(), signal.SIGCONT)

    def _received(self, user):
        """Octets that the broker has had of the user's connection."""
        told = self.control("list_connections", "user", "recv_oct")
        return int(re.search(rf"^{user}\s+(\d+)$", told, re.MULTILINE).group(1))

    def await_pings(self, user, count):
        """Waits until so many heartbeats have come, of 8 octets each."""
        begun, end = self._received(user), time.monotonic() + WAIT_SECONDS
        while self._received(user) < begun + 8 * count:
            if time.monotonic() > end:
                raise AssertionError(f"no heartbeat of {user} came")


class Amqp(Http):
    name = "amqp"
    Server = Server
    tells_of_death = False  # a peer that was killed shows by the next frame, which comes back
    is_first_kept = True  # of two with one account, the second hears of the conflict

    @staticmethod
    def where(port):
        return f"amqps://localhost:{port}"
