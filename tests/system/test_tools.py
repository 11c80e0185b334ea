#!/usr/bin/env python3
"""What the tests themselves stand on: ports that are free, and a proxy that ends without noise."""
import contextlib
import socket
import subprocess
import sys
import unittest

from cloud_case import ROOT
from fault_proxy import FaultProxy

OFFERED = """
import itertools, sys
sys.path.insert(0, sys.argv[1])
import prosody
prosody.offers = itertools.count()  # all programs begin with the same
print(*(prosody.free_port() for _ in range(40)), flush=True)
sys.stdin.read()
"""


class Ports(unittest.TestCase):
    def test_no_port_is_offered_to_two_programs_though_nobody_listens_there(self):
        programs = [subprocess.Popen([sys.executable, "-c", OFFERED, f"{ROOT}/tools"], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                    for _ in range(3)]
        offered = [port for program in programs for port in program.stdout.readline().split()]
        for program in programs:
            program.communicate("")
        self.assertEqual((len(offered), len(set(offered))), (120, 120))


class Proxy(unittest.TestCase):
    def test_a_proxy_that_is_closed_ends_its_connections_without_a_word(self):
        with socket.create_server(("127.0.0.1", 0)) as server, \
                self.assertNoLogs("asyncio", "WARNING"):
            proxy = FaultProxy(server.getsockname()[1])
            with socket.create_connection(("127.0.0.1", proxy.port)) as client:
                with server.accept()[0]:
                    client.sendall(b"there")
                    proxy.close()
                    with contextlib.suppress(ConnectionResetError):  # bytes were on their way
                        self.assertEqual(client.recv(9), b"")


if __name__ == "__main__":
    unittest.main(verbosity=2)
