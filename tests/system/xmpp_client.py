"""A bare XMPP client for the system tests: a stranger's account, writing XML by hand."""
import base64
import hashlib
import hmac
import re
import secrets
import socket
import ssl
import time

WAIT_SECONDS = 20


class XmppClient:
    """Connects (STARTTLS, SCRAM-SHA-256) and binds `resource`."""

    def __init__(self, port, domain, ca_file, user, password, resource):
        self.domain = domain
        self.received = ""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS)
        self._open_stream()
        self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        self.wait("<proceed")
        context = ssl.create_default_context(cafile=ca_file)
        self.socket = context.wrap_socket(self.socket, server_hostname=domain)
        self._open_stream()
        self._authenticate(user, password)
        self._open_stream()
        self.send(f"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                  f"<resource>{resource}</resource></bind></iq>")
        self.wait("<jid>")

    def _open_stream(self):
        self.received = ""
        self.send(f"<?xml version='1.0'?><stream:stream to='{self.domain}' version='1.0' "
                  "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")
        self.wait("</stream:features>")

    def _authenticate(self, user, password):
        first = f"n={user},r={secrets.token_hex(12)}"
        self._sasl("auth mechanism='SCRAM-SHA-256'", "n,," + first)
        challenge = base64.b64decode(self.wait(r"<challenge[^>]*>([^<]*)<").group(1)).decode()
        fields = dict(field.split("=", 1) for field in challenge.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]),
                                     int(fields["i"]))
        final = "c=biws,r=" + fields["r"]
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(),
                                f"{first},{challenge},{final}".encode(), "sha256")
        proof = bytes(left ^ right for left, right in zip(key, signature))
        self._sasl("response", final + ",p=" + base64.b64encode(proof).decode())
        self.wait("<success")

    def _sasl(self, element, text):
        self.send(f"<{element} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                  f"{base64.b64encode(text.encode()).decode()}</{element.split()[0]}>")

    def send(self, xml):
        self.socket.sendall(xml.encode())

    def wait(self, pattern):
        """Reads until `pattern` was received; returns the match and forgets what came before."""
        end = time.monotonic() + WAIT_SECONDS
        while True:
            match = re.search(pattern, self.received, re.DOTALL)
            if match:
                self.received = self.received[match.end():]
                return match
            data = self.socket.recv(65536)
            if not data or time.monotonic() > end:
                raise AssertionError(f"no {pattern} in {self.received!r}")
            self.received += data.decode()

    def close(self):
        self.socket.close()
