#!/usr/bin/env python3
"""Clients that hold connections of the REST face: python3 test_rest_crowds.py [TEST...]

ISTHMUS_BUILD names the build folder; default: build."""
import http.client
import resource
import socket
import ssl
import sys
import tempfile
import unittest

from rest_face import CLUSTER, START_SECONDS, Case, Probe, make_certificate, wait_until


class Crowds(Case):
    """What one client does with connections must not keep the others out."""

    def setUp(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (2600, 2600))  # room for 975 at the probe
        super().setUp()
        self.sockets = []
        self.addCleanup(lambda: [held.close() for held in self.sockets])

    def hold(self, data, token="operator-token", port=None):
        held = socket.create_connection(("127.0.0.1", port or self.probe.port), START_SECONDS)
        self.sockets.append(held)
        held.sendall(data % token.encode() if b"%s" in data else data)
        return held

    def told(self, held):
        """The whole answer, to the connection's end."""
        parts = []
        held.settimeout(START_SECONDS)
        try:
            while part := held.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            pass
        return b"".join(parts)

    def test_more_idle_connections_than_there_is_room_for_keep_nobody_out(self):
        for _ in range(1100):
            self.hold(b"")
            if len(self.sockets) % 200 == 0:
                self.assertEqual(self.ask("GET", "/v1/health").status, 200)
        self.assertEqual(self.ask("GET", "/v1/shapes").status, 200)

    def test_the_image_repository_is_kept_open_too(self):
        port = self.probe.serve_port
        for _ in range(1100):
            self.hold(b"GET /v1/blobs/0", port=port)
        answer = self.ask("GET", "/v1/blobs/" + "0" * 64, headers=CLUSTER, port=port)
        self.assertEqual(answer.status, 404)

    def test_handshakes_that_do_not_end_keep_nobody_out(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = make_certificate(folder, "a")
            probe = Probe(certificate, key)
            self.addCleanup(probe.stop)
            for data in (b"", b"\x16\x03\x01"):
                for _ in range(600):
                    self.hold(data, port=probe.port)
            connection = http.client.HTTPSConnection(
                "127.0.0.1", probe.port, timeout=START_SECONDS,
                context=ssl.create_default_context(cafile=certificate))
            self.addCleanup(connection.close)
            connection.request("GET", "/v1/health")
            self.assertEqual(connection.getresponse().status, 200)

    def test_heads_and_bodies_that_do_not_end_keep_nobody_out(self):
        first = self.hold(b"GET /v1/shapes HTT")
        for _ in range(300):
            self.hold(b"GET /v1/shapes HTT")
            self.hold(b"POST /v1/vms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n"
                      b"Content-Length: 60\r\n\r\n{")
        self.assertEqual(self.ask("GET", "/v1/shapes").status, 200)
        answer = self.told(first)
        self.assertTrue(answer.startswith(b"HTTP/1.1 503 "), answer)
        self.assertIn(b"others needed its connection", answer)

    def test_one_tokens_waits_leave_room_for_anothers(self):
        op = self.create("never").json["id"]
        wait = (b"GET /v1/operations/" + op.encode() + b"?wait=600 HTTP/1.1\r\nHost: x\r\n"
                b"Authorization: Bearer %s\r\nConnection: close\r\n\r\n")
        for _ in range(192):
            self.hold(wait)
        self.wait_for(192)
        refused = self.told(self.hold(wait))
        self.assertTrue(refused.startswith(b"HTTP/1.1 429 "), refused)
        self.assertIn(b"ask without wait", refused)
        self.assertEqual(self.ask("GET", f"/v1/operations/{op}").status, 200)
        other = {"Authorization": "Bearer tenant-token"}
        answer = self.ask("GET", f"/v1/operations/{op}?wait=1", headers=other)
        self.assertEqual((answer.status, answer.json["state"]), (200, "running"))

    def wait_for(self, count):
        """So many waits reached the role."""
        wait_until(lambda: sum("wait=600000" in line for line in self.probe.lines) >= count,
                   f"{count} waits")

    def test_an_address_that_has_all_its_requests_held_is_told_so(self):
        op = self.create("never").json["id"]
        for i in range(256):
            self.hold(b"GET /v1/operations/" + op.encode() + b"?wait=600 HTTP/1.1\r\nHost: x\r\n"
                      b"Authorization: Bearer %s\r\n\r\n",
                      "operator-token" if i % 2 else "tenant-token")
        self.wait_for(256)
        refused = self.told(self.hold(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"))
        self.assertTrue(refused.startswith(b"HTTP/1.1 429 "), refused)
        self.assertIn(b"Retry-After: ", refused)
        self.assertIn(b"Your address has 256 connections open", refused)

    def test_a_body_whose_end_can_be_read_in_two_ways_is_refused_and_nothing_follows(self):
        head = (b"POST /v1/vms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n")
        after = b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\n\r\n"
        for lines in (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                      b"Content-Length: 5\r\nContent-Length: 50\r\n\r\n{}   ",
                      b"Content-Length: 2, 2\r\n\r\n{}", b"Content-Length: +2\r\n\r\n{}",
                      b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                      b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                      b"Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 2\r\n\r\n{}",
                      b"Authorization: Bearer other\r\nContent-Length: 2\r\n\r\n{}"):
            answer = self.told(self.hold(head + lines + after))
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), (lines, answer))
            self.assertNotIn(b"HTTP/1.1 2", answer, lines)
        self.assertEqual(self.probe.lines, [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
