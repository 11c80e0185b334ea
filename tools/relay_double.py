#!/usr/bin/env python3
"""A second relay, by docs/protocol.md, on the side of the enemy: relay_double.py CONFIG FOLDER

It reads a relay.conf and writes down in FOLDER/traffic.log what it carries, as
tools/mod_isthmus_trace.lua does for Prosody: a line for each frame, one that is bytes as "~" and
their base64url. While FOLDER/capture is there, it keeps frames back; it delivers what stands in
FOLDER/orders, from whomever, as tools/mod_isthmus_hostile.lua does. It counts no bytes and forgets
nobody who falls silent.
"""
import base64
import configparser
import hmac
import http.server
import os
import re
import signal
import ssl
import sys
import threading
import time
import urllib.parse

WAIT_MOST = 60000
ORDER_SECONDS = 0.005
ORDERS_MOST = 1 << 17  # bytes at a time: others are to be served meanwhile
MESSAGE = re.compile(r"<message [^>]*from='([^']+)' to='([^']+)'>"
                     r"<frame xmlns='urn:isthmus:frame:1'>([^<]*)</frame></message>$")
PRESENCE = re.compile(r"<presence (?=.*from='([^']+)')(?=.*to='([^']+)')")
ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def in_words(body):
    """A frame as it is written down."""
    if body.startswith(b"\1"):
        return "~" + base64.urlsafe_b64encode(body).rstrip(b"=").decode()
    return body.decode(errors="replace")


def from_words(text):
    """What was written down, or somebody made of it: then maybe no frame, but never nothing."""
    for entity, character in ENTITIES:
        text = text.replace(entity, character)
    if not text.startswith("~"):
        return text.encode()
    digits = text[1:] if len(text) % 4 != 2 else text[1:-1]  # one alone says nothing
    return base64.urlsafe_b64decode(digits + "=" * (-len(digits) % 4)) or b"?"


class Account:
    def __init__(self, address, token):
        self.address, self.token = address, token
        self.peers, self.connection, self.news, self.listener = set(), None, b"", None


class Relay:
    def __init__(self, path, folder):
        config = configparser.ConfigParser(interpolation=None)
        config.read(path)
        domain, self.folder = config["relay"]["domain"], folder
        self.settings, self.accounts = config["relay"], {}
        self.changed = threading.Condition()
        names = [title.split(" ", 1)[1] for title in config.sections() if " " in title]
        for name in names:
            with open(config[f"account {name}"]["token_file"]) as token:
                address = f"{name}@{domain}"
                self.accounts[address] = Account(address, token.readline().strip())
        for name in names:
            for other in config[f"account {name}"].get("reaches", "").split():
                one, two = (self.accounts[f"{which}@{domain}"] for which in (name, other))
                one.peers.add(two)
                two.peers.add(one)
        self.trace = open(f"{folder}/traffic.log", "a", buffering=1)

    def tell(self, account, news):
        account.news += news
        self.changed.notify_all()

    def leave(self, account):
        account.connection, account.news = None, b""
        for peer in account.peers:
            if peer.connection:
                self.tell(peer, f"down {account.address}\n".encode())

    def open(self, account, connection):
        if account.connection == connection:
            return
        if account.connection:
            self.leave(account)
        account.connection = connection
        for peer in account.peers:
            if peer.connection:
                self.tell(peer, f"up {account.address}\n".encode())
                self.tell(account, f"up {peer.address}\n".encode())

    def write_down(self, direction, account, sender, to, body):
        head = f"<message type='headline' from='{sender}' to='{to}'>"
        self.trace.write(f"{direction} {account} {head}"
                         f"<frame xmlns='urn:isthmus:frame:1'>{in_words(body)}</frame></message>\n")

    def deliver(self, sender, to, body):
        """False: it reaches nobody."""
        receiver = self.accounts.get(to)
        if not receiver or not receiver.connection:
            return False
        self.tell(receiver, f"frame {sender} {len(body)}\n".encode() + body)
        self.write_down("out", to, sender, to, body)
        return True

    def send(self, account, to, body):
        self.write_down("in", account.address, account.address, to, body)
        if os.path.exists(f"{self.folder}/capture"):
            return True
        return self.accounts.get(to) in account.peers and self.deliver(account.address, to, body)

    def obey(self):
        """The orders, as long as it lives."""
        done = 0
        while True:
            time.sleep(ORDER_SECONDS)
            done = self.look_at_orders(done)

    def look_at_orders(self, done):
        """Carries out each whole line after the first `done` bytes; how many are done now."""
        try:
            with open(f"{self.folder}/orders", "rb") as file:
                file.seek(done)
                text = file.read(ORDERS_MOST)
        except FileNotFoundError:
            return done
        text = text[:text.rfind(b"\n") + 1]  # the rest is still being written
        with self.changed:
            for line in text.decode().splitlines():
                self.carry_out(line)
        return done + len(text)

    def carry_out(self, stanza):
        message, presence = MESSAGE.match(stanza), PRESENCE.match(stanza)
        if message:
            sender, to, text = message.groups()
            self.deliver(sender, to, from_words(text))
        elif presence and presence.group(2) in self.accounts:
            kind = "down" if "type=" in stanza else "up"
            self.tell(self.accounts[presence.group(2)], f"{kind} {presence.group(1)}\n".encode())


class Handler(http.server.BaseHTTPRequestHandler):
    relay = None  # of all of them
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def ask(self):
        """(path, account, connection, query), or None: it was refused."""
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        account = self.relay.accounts.get(query.get("as"))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if account and hmac.compare_digest(token, account.token):
            return url.path, account, query.get("connection"), query
        self.answer(401)
        return None

    def is_over(self, account, connection):
        if account.connection == connection:
            return False
        self.answer(409 if account.connection else 410)
        return True

    def do_GET(self):
        asked = self.ask()
        if not asked:
            return
        path, account, connection, query = asked
        if path == "/v1/account":
            self.answer(204)
            return
        with self.relay.changed:
            account.listener = self
            self.relay.changed.notify_all()
            self.relay.changed.wait_for(
                lambda: account.news or account.connection != connection or
                account.listener is not self,
                min(int(query.get("wait_ms", 20000)), WAIT_MOST) / 1000)
            news = b""
            if account.listener is self and account.connection == connection:
                news, account.news = account.news, b""
        if not self.is_over(account, connection):
            self.answer(200 if news else 204, news)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = self.ask()
        if not asked:
            return
        path, account, connection, _ = asked
        away = b""
        with self.relay.changed:
            if path == "/v1/open":
                self.relay.open(account, connection)
            elif path == "/v1/close" and account.connection == connection:
                self.relay.leave(account)
            elif path == "/v1/frames" and account.connection == connection:
                away = self.take(account, body)
        if path != "/v1/frames" or not self.is_over(account, connection):
            self.answer(200 if away else 204, away)

    def take(self, account, body):
        away = b""
        while body:
            head, _, body = body.partition(b"\n")
            kind, to, length = head.decode().split(" ")
            assert kind == "frame", head
            if not self.relay.send(account, to, body[:int(length)]):
                away += f"down {to}\n".encode()
            body = body[int(length):]
        return away


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that went away is no news."""


def main():
    relay = Relay(sys.argv[1], sys.argv[2])
    host, _, port = relay.settings["listen"].rpartition(":")
    Handler.relay = relay
    server = Server((host, int(port)), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(relay.settings["certificate_file"], relay.settings["key_file"])
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=relay.obey, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
