#!/usr/bin/env python3
"""A server's name with several addresses: by /etc/hosts and a name server of the test's own, in a
mount namespace; needs root.

ISTHMUS_BUILD names the build folder; default: build."""
import os
import random
import socket
import struct
import subprocess
import threading
import unittest

from carrier_case import CarrierCase
from carrier_xmpp import Xmpp
from prosody import bound, free_port

BAD, REFUSING, GOOD = "127.0.0.1", "127.0.0.2", "127.0.0.8"  # in the resolver's order
NOBODY = "127.0.0.4"
INSIDE = ("mount --bind {0}/hosts /etc/hosts && mount --bind {0}/resolv.conf /etc/resolv.conf && "
          'exec "$@"')


def can_unshare():
    return subprocess.run(["unshare", "-m", "mount", "--bind", "/etc/hosts", "/etc/hosts"],
                          capture_output=True, check=False).returncode == 0


def wire_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


class NameServer:
    """Answers SRV questions of one name (RFC 2782), and says of all else that there is none. Its
    port has to be 53, so its address is what nobody else has."""

    def __init__(self, name, records):
        self.question = wire_name(name) + struct.pack("!HH", 33, 1)
        self.records = records
        self.socket = None
        while not self.socket:
            self.address = f"127.53.{random.randrange(256)}.{random.randrange(1, 255)}"
            self.socket = bound(socket.AF_INET, (self.address, 53), socket.SOCK_DGRAM)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def answer(self, asked):
        question = asked[12:asked.index(b"\0", 12) + 5]
        if question.lower() != self.question:
            return asked[:2] + struct.pack("!HHHHH", 0x8183, 1, 0, 0, 0) + question
        body = b""
        for priority, port, target in self.records:
            data = struct.pack("!HHH", priority, 0, port) + wire_name(target)
            body += b"\xc0\x0c" + struct.pack("!HHIH", 33, 1, 1, len(data)) + data
        return (asked[:2] + struct.pack("!HHHHH", 0x8180, 1, len(self.records), 0, 0) + question +
                body)

    def serve(self):
        while True:
            asked, client = self.socket.recvfrom(4096)
            if not asked:
                return
            self.socket.sendto(self.answer(asked), client)

    def close(self):
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


class Relay:
    """Brings what comes to an address to the server, which listens at another one."""

    def __init__(self, address, server_port):
        self.server_port = server_port
        self.port = free_port()  # at other addresses as well
        self.listener = socket.create_server((address, self.port))
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.server_port))
            self.sockets += [client, server]
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=ends, daemon=True).start()

    @staticmethod
    def copy(source, target):
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        for one in [self.listener, *self.sockets]:
            one.close()


@unittest.skipUnless(can_unshare(), "a mount namespace of its own is not to be had")
class Names(CarrierCase):
    kind = Xmpp

    def setUp(self):
        self.relay = Relay(GOOD, self.server.port)
        self.addCleanup(self.relay.close)

    def silence(self, address, port):
        """Nobody takes connections there, and no packet is answered."""
        listener = socket.create_server((address, port), backlog=0)
        self.addCleanup(listener.close)
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex((address, port))
            self.addCleanup(client.close)

    def start(self, host, addresses, handshake=15, name_server=NOBODY):
        with open(f"{self.folder.name}/hosts", "w", encoding="ascii") as hosts:
            hosts.writelines(f"{address} {name}\n" for name, address in addresses)
        with open(f"{self.folder.name}/resolv.conf", "w", encoding="ascii") as resolver:
            resolver.write(f"nameserver {name_server}\noptions timeout:1 attempts:1\n")
        os.environ["PROBE_HOST"] = host
        self.addCleanup(os.environ.pop, "PROBE_HOST")
        return self.probe("alice", handshake=handshake, port=self.relay.port,
                          under=("unshare", "-m", "sh", "-c", INSIDE.format(self.folder.name),
                                 "sh"))

    def test_a_name_whose_first_addresses_are_dead_and_silent_is_connected(self):
        self.silence(BAD, self.relay.port)
        alice = self.start("two.test", (("two.test", BAD), ("two.test", REFUSING),
                                        ("two.test", GOOD)))
        self.assertIn(f"address={GOOD}", alice.wait("log info connected"))

    def test_an_address_that_takes_connections_and_says_nothing_is_tried_last(self):
        mute = socket.create_server((BAD, self.relay.port), backlog=9)
        self.addCleanup(mute.close)
        alice = self.start("two.test", (("two.test", BAD), ("two.test", GOOD)), handshake=2)
        self.assertIn("fell silent", alice.wait("log error disconnected"))
        self.assertIn(f"address={GOOD}", alice.wait("log info connected"))

    def test_a_name_of_which_no_address_answers_says_so(self):
        alice = self.start("two.test", (("two.test", REFUSING), ("two.test", "127.0.0.3")))
        line = alice.wait("log error disconnected")
        self.assertIn("no program listens on the server's port", line)
        self.assertIn("the last of 2 addresses", line)

    def test_a_domain_is_followed_by_its_srv_records_and_proven_by_its_own_name(self):
        port = self.relay.port
        self.silence(BAD, port)
        server = NameServer("_xmpp-client._tcp.one.test",
                            ((20, port, "second.example"), (10, port, "first.example"),
                             (30, 1, "third.example")))
        self.addCleanup(server.close)
        alice = self.start("", (("first.example", BAD), ("second.example", GOOD),
                                ("third.example", REFUSING)), name_server=server.address)
        self.assertIn(f"address={GOOD}", alice.wait("log info connected"))

    def test_a_domain_without_records_is_connected_by_its_own_addresses(self):
        server = NameServer("_xmpp-client._tcp.other.test", ())
        self.addCleanup(server.close)
        alice = self.start("", (("one.test", REFUSING), ("one.test", GOOD)),
                           name_server=server.address)
        self.assertIn(f"address={GOOD}", alice.wait("log info connected"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
