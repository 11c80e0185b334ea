#!/usr/bin/env python3
"""What relay_double.py is by HTTP, by ZeroMQ: a second relay by docs/protocol.md, on libzmq itself,
on the side of the enemy: zeromq_double.py CONFIG FOLDER"""
import ctypes
import errno
import hashlib
import os
import signal
import sys

import relay_double
import seal

ZMQ = ctypes.CDLL("libzmq.so.5", use_errno=True)
ZMQ.zmq_ctx_new.restype = ZMQ.zmq_socket.restype = ZMQ.zmq_msg_data.restype = ctypes.c_void_p
ZMQ.zmq_msg_gets.restype = ctypes.c_char_p
ZMQ.zmq_msg_size.restype = ctypes.c_size_t
REP, ROUTER, POLLIN, DONTWAIT, SNDMORE = 4, 6, 1, 1, 2
LINGER, MANDATORY, CURVE_SERVER, CURVE_SECRETKEY, ZAP_DOMAIN = 17, 33, 47, 49, 55
PIECE = 65536
TURN_MS = int(relay_double.ORDER_SECONDS * 1000)


def account_key(address, token):
    """The secret half of an account's key."""
    return hashlib.blake2b(b"isthmus account 1\0" + address.encode() + b"\0" + token.encode(),
                           digest_size=32).digest()


class PollItem(ctypes.Structure):
    _fields_ = [("socket", ctypes.c_void_p), ("fd", ctypes.c_int), ("events", ctypes.c_short),
                ("revents", ctypes.c_short)]


class Router:
    """A socket with keys; `users`: addresses by their public keys."""

    def __init__(self, port, secret, users):
        self.users = users
        self.context = ctypes.c_void_p(ZMQ.zmq_ctx_new())
        self.logins, self.socket = self._make(REP), self._make(ROUTER)
        for option, value in ((LINGER, 0), (MANDATORY, 1), (CURVE_SERVER, 1)):
            self._set(option, ctypes.c_int(value))
        self._set(CURVE_SECRETKEY, ctypes.create_string_buffer(secret, 32))
        self._set(ZAP_DOMAIN, ctypes.create_string_buffer(b"isthmus", 7))
        for socket, place in ((self.logins, b"inproc://zeromq.zap.01"),
                              (self.socket, f"tcp://127.0.0.1:{port}".encode())):
            if ZMQ.zmq_bind(socket, place):
                raise RuntimeError(f"{place}: {os.strerror(ctypes.get_errno())}")

    def _make(self, kind):
        return ctypes.c_void_p(ZMQ.zmq_socket(self.context, kind))

    def _set(self, option, value):
        assert ZMQ.zmq_setsockopt(self.socket, option, ctypes.byref(value),
                                  ctypes.sizeof(value)) == 0, option

    def wait(self):
        items = (PollItem * 2)(PollItem(self.socket, 0, POLLIN, 0),
                               PollItem(self.logins, 0, POLLIN, 0))
        ZMQ.zmq_poll(items, 2, ctypes.c_long(TURN_MS))

    @staticmethod
    def _receive(socket):
        """(parts, the user of the last one) of the next message, or None."""
        parts, user, more = [], None, True
        while more:
            message = (ctypes.c_uint64 * 8)()
            ZMQ.zmq_msg_init(message)
            if ZMQ.zmq_msg_recv(message, socket, DONTWAIT) < 0:
                return None
            parts.append(ctypes.string_at(ZMQ.zmq_msg_data(message), ZMQ.zmq_msg_size(message)))
            user, more = ZMQ.zmq_msg_gets(message, b"User-Id"), ZMQ.zmq_msg_more(message)
            ZMQ.zmq_msg_close(message)
        return parts, user

    @staticmethod
    def _send(socket, parts):
        """0, or why not."""
        for number, part in enumerate(parts):
            more = SNDMORE if number + 1 < len(parts) else 0
            if ZMQ.zmq_send(socket, part, ctypes.c_size_t(len(part)), DONTWAIT | more) < 0:
                return ctypes.get_errno()
        return 0

    def receive(self):
        """(routing id, address of the sender, parts), or None."""
        received = self._receive(self.socket)
        return received and (received[0][0], received[1].decode(), received[0][1:])

    def send(self, peer, *parts):
        return self._send(self.socket, [peer, *parts])

    def let_in(self):
        """Answers who wants to come in (RFC 27)."""
        while received := self._receive(self.logins):
            _, request, _, _, _, mechanism, key = received[0]
            user = self.users.get(key) if mechanism == b"CURVE" else None
            self._send(self.logins, [b"1.0", request, b"200" if user else b"400", b"",
                                     user.encode() if user else b"", b""])


class Relay(relay_double.Relay):
    """A connection is a routing id."""

    def __init__(self, path, folder):
        super().__init__(path, folder)
        users = {seal.public_key(account_key(address, account.token)): address
                 for address, account in self.accounts.items()}
        port = int(self.settings["zeromq_listen"].rpartition(":")[2])
        self.router = Router(port, seal.secret_key(self.settings["zeromq_key_file"]), users)
        self.streams = {}

    def take_news(self, account, connection, piece):
        news = self.streams.pop(connection, b"") + piece
        while (end := news.find(b"\n") + 1) > 0:
            _, to, length = news[:end - 1].decode().split(" ")
            if len(news) < end + int(length):
                break
            if not self.send(account, to, news[end:end + int(length)]):
                self.tell(account, f"down {to}\n".encode())
            news = news[end + int(length):]
        self.streams[connection] = news

    def take(self, connection, account, word, piece=b""):
        is_there = account.connection == connection
        if word == b"open" and not is_there:
            if account.connection:
                self.router.send(account.connection, b"replaced")
            self.open(account, connection)
        elif word in (b"ping", b"news") and not is_there:
            word = b"gone"
        elif word == b"close" and is_there:
            self.leave(account)
        elif word == b"news":
            self.take_news(account, connection, piece)
            return
        self.router.send(connection, word)

    def tell_news(self, account):
        while account.news:
            fault = self.router.send(account.connection, b"news", account.news[:PIECE])
            if fault == errno.EAGAIN:
                return
            if fault:
                self.leave(account)
            account.news = account.news[PIECE:]

    def serve(self):
        done = 0
        while True:
            self.router.wait()
            self.router.let_in()
            with self.changed:
                while message := self.router.receive():
                    self.take(message[0], self.accounts[message[1]], *message[2])
                for account in self.accounts.values():
                    self.tell_news(account)
            done = self.look_at_orders(done)


def main():
    relay = Relay(sys.argv[1], sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    relay.serve()


if __name__ == "__main__":
    main()
