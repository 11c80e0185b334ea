"""The kind "zeromq" for the tests of carriers: what carrier_xmpp.py gives for XMPP."""
from carrier_http import Server as HttpServer
from carrier_http import Http
from relay import ZeromqRelay


class Server(HttpServer, ZeromqRelay):
    """A relay that is reached by ZeroMQ, and by HTTP at `http_port`."""

    @property
    def proof(self):
        return self.server_key


class Zeromq(Http):
    name = "zeromq"
    Server = Server
    has_certificates = False

    # words of the log
    authority = "has not the key that is configured"

    @staticmethod
    def where(port):
        return f"tcp://localhost:{port}"
