#!/usr/bin/env python3
"""Where the REST face listens, and with which certificate: python3 test_rest_start.py [TEST...]

ISTHMUS_BUILD names the build folder; default: build."""
import http.client
import os
import signal
import socket
import ssl
import sys
import tempfile
import unittest

from rest_face import Probe, command, make_certificate, wait_until


class Start(unittest.TestCase):
    def fails(self, *options, listen="127.0.0.1:0"):
        with self.assertRaises(RuntimeError) as caught:
            Probe(*options, listen=listen).stop()
        return str(caught.exception)

    def test_what_cannot_be_listened_on_is_said(self):
        for listen in ("", "x", "127.0.0.1", "localhost:80", "127.0.0.1:99999", "[::1:80",
                       "127.0.0.1:", "127.0.0.1:8o", "300.0.0.1:80"):
            self.assertIn("like 127.0.0.1:8080", self.fails(listen=listen))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.assertIn("set another port",
                          self.fails(listen=f"127.0.0.1:{taken.getsockname()[1]}"))

    def test_plain_http_stays_on_loopback_unless_allowed(self):
        for listen in ("0.0.0.0:0", "[::]:0"):
            self.assertIn("plain_http_off_loopback", self.fails(listen=listen))
            self.assertEqual(Probe("--plain", listen=listen).stop(), 0)
        self.assertEqual(Probe(listen="[::1]:0").stop(), 0)

    def test_tls_is_served_and_bad_files_are_said(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = make_certificate(folder, "a")
            _, other_key = make_certificate(folder, "b")
            self.assertIn("none.pem", self.fails("none.pem", key))
            self.assertIn("belong together", self.fails(certificate, certificate))
            self.assertIn("belong together", self.fails(certificate, other_key))
            probe = Probe(certificate, key, listen="0.0.0.0:0")
            context = ssl.create_default_context(cafile=certificate)
            connection = http.client.HTTPSConnection("127.0.0.1", probe.port, context=context)
            connection.request("GET", "/v1/health")
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
            server = f"https://127.0.0.1:{probe.port}"
            done = command(server, "whoami", "--ca-file", certificate)
            self.assertEqual((done.returncode, done.stdout), (0, "operator\n"), done.stderr)
            refused = command(server, "whoami")
            self.assertEqual(refused.returncode, 3)
            self.assertIn("CA file", refused.stderr)
            self.assertEqual(probe.stop(), 0)


    def test_a_renewed_certificate_is_served_and_open_connections_go_on(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = make_certificate(folder, "a")
            probe = Probe(certificate, key)
            kept = self.connect(probe, certificate)
            first = kept.sock.getpeercert(binary_form=True)
            probe.process.send_signal(signal.SIGHUP)
            self.assertEqual(probe.wait("^renewed"), "renewed 0 ")  # nothing has changed
            for path, other in zip((certificate, key), make_certificate(folder, "b")):
                os.replace(other, path)
            probe.process.send_signal(signal.SIGHUP)
            probe.wait("^renewed 1")
            new = self.connect(probe, certificate)
            self.assertNotEqual(new.sock.getpeercert(binary_form=True), first)
            self.healthy(new)
            self.healthy(kept)
            with open(key, "w", encoding="ascii") as broken:
                broken.write("no key\n")
            probe.process.send_signal(signal.SIGHUP)
            self.assertIn("belong together", probe.wait("^renewed -1"))
            self.healthy(self.connect(probe, certificate))
            threads = f"/proc/{probe.process.pid}/task"
            many = len(os.listdir(threads))
            kept.close()
            wait_until(lambda: len(os.listdir(threads)) < many, "the older server's end")
            new.close()
            self.assertEqual(probe.stop(), 0)

    def connect(self, probe, certificate):
        connection = http.client.HTTPSConnection(
            "127.0.0.1", probe.port, context=ssl.create_default_context(cafile=certificate))
        self.addCleanup(connection.close)
        connection.connect()
        return connection

    def healthy(self, connection):
        connection.request("GET", "/v1/health")
        answer = connection.getresponse()
        answer.read()
        self.assertEqual(answer.status, 200)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
