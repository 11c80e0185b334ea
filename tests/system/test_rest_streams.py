#!/usr/bin/env python3
"""Streams that are joined by plain HTTP, as the page does and as a thief would: the face alone."""
import http.client
import json
import select
import ssl
import tempfile
import unittest

from cloud_case import SANITIZED
from rest_face import JSON, OPERATOR, START_SECONDS, Case, Probe, make_certificate, wait_until

TENANT = {"Authorization": "Bearer tenant-token"}
PIECE = 16384


class Streams(Case):
    def setUp(self):
        super().setUp()
        self.create()

    def ticket(self, headers=TENANT):
        answer = self.ask("POST", "/v1/vms/web/console", headers=headers)
        self.assertEqual(answer.status, 201, answer.body)
        return {"ticket": answer.json["ticket"]}

    def open(self, ticket, headers=TENANT):
        """The answer, whose body has no end yet."""
        connection = self.connect()
        self.addCleanup(connection.close)
        body = f'{{"ticket": "{ticket["ticket"]}"}}'
        connection.request("POST", "/v1/streams", body, {**headers, **JSON})
        answer = connection.getresponse()
        answer.hangs_up = connection.close
        return answer

    def join(self, headers=TENANT):
        answer = self.open(self.ticket(headers), headers)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        return answer

    def type(self, joined, bytes_, headers=TENANT):
        return self.ask("POST", f"{joined.headers['Location']}/input", bytes_, headers)

    def typed(self, joined, bytes_, headers=TENANT):
        answer = self.type(joined, bytes_, headers)
        self.assertEqual(answer.status, 204, answer.body)

    def test_what_is_typed_is_heard_byte_by_byte(self):
        joined = self.join()
        every = bytes(range(256))
        self.typed(joined, b"")
        for piece in (b"a", every, every * (PIECE // 256)):
            self.typed(joined, piece)
            self.assertEqual(joined.read(len(piece)), piece)
        self.typed(joined, b"end")
        self.assertEqual(joined.read(), b"", "it ends as a whole answer")
        self.refused(self.type(joined, b"a"), 404, "not-found")

    def test_a_ticket_is_good_once_and_for_its_token_alone(self):
        ticket = self.ticket()
        for headers in (OPERATOR, {**TENANT, "Authorization": "Bearer unknown"}):
            self.refused(self.ask("POST", "/v1/streams", ticket, headers), 403, "forbidden")
        self.refused(self.ask("POST", "/v1/streams", ticket, {}), 401, "unauthenticated")
        self.assertEqual(self.open(ticket).status, 200)
        self.refused(self.ask("POST", "/v1/streams", ticket, TENANT), 403, "forbidden")
        self.refused(self.ask("POST", "/v1/streams", {"ticket": "0" * 64}, TENANT), 403,
                     "forbidden")
        for body in ({}, {"ticket": "short"}, {"ticket": "0" * 64, "vm": "web"}):
            self.refused(self.ask("POST", "/v1/streams", body, TENANT), 400, "invalid")

    def test_nobody_else_types_or_learns_that_there_is_a_stream(self):
        joined = self.join()
        answers = [self.type(joined, b"rm -rf /\n", OPERATOR),
                   self.ask("POST", f"/v1/streams/{'A' * 43}/input", b"a", OPERATOR),
                   self.ask("POST", "/v1/streams/x/input", b"a", TENANT)]
        for answer in answers:
            self.refused(answer, 404, "not-found")
        self.assertEqual(len({answer.body for answer in answers}), 1, "they cannot be told apart")
        self.refused(self.type(joined, b"a", {}), 401, "unauthenticated")
        self.typed(joined, b"mine")
        self.assertEqual(joined.read(4), b"mine")

    def test_a_request_types_so_much_and_no_more(self):
        joined = self.join()
        self.refused(self.type(joined, b"a" * (PIECE + 1)), 413, "too-large")
        self.typed(joined, b"b")
        self.assertEqual(joined.read(1), b"b")

    def fill(self, joined):
        """Types until a request is held, which others' answers overtake: its connection."""
        self.typed(joined, b"deaf")
        held = self.connect()
        self.addCleanup(held.close)
        for _ in range(1000):
            held.request("POST", f"{joined.headers['Location']}/input", b"a" * PIECE, TENANT)
            overtaken = []
            while not select.select([held.sock], [], [], 0)[0] and len(overtaken) < 50:
                overtaken.append(self.type(joined, b"").status)
            if overtaken[-20:] == [409] * 20:
                return held
            answer = held.getresponse()
            self.assertEqual((answer.status, answer.read()), (204, b""))
        return self.fail("as much as one likes was taken")

    def test_who_types_faster_than_it_is_read_is_held_and_the_next_one_refused(self):
        joined = self.join()
        held = self.fill(joined)
        self.refused(self.type(joined, b"b"), 409, "busy")
        held.close()
        wait_until(lambda: self.type(joined, b"").status == 204, "the next one has its turn")

    def test_who_is_held_is_told_when_the_stream_ends(self):
        joined = self.join()
        held = self.fill(joined)
        joined.hangs_up()
        answer = held.getresponse()
        self.assertEqual((answer.status, json.loads(answer.read())["code"]), (404, "not-found"))
        self.refused(self.type(joined, b"b"), 404, "not-found")

    def resident(self):
        with open(f"/proc/{self.probe.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def test_a_viewer_that_does_not_read_stops_who_speaks(self):
        joined = self.join()
        self.typed(joined, b"calm")
        self.assertEqual(joined.read(4), b"calm")
        before = self.resident()
        self.typed(joined, b"flood")
        flooded = int(self.probe.wait("^flooded").split()[1])
        if not SANITIZED:  # which keeps what was freed
            self.assertLess(self.resident() - before, 1024, f"KiB, of {flooded} bytes")
        self.assertGreater(flooded, 65536)
        self.assertEqual(len(joined.read(flooded)), flooded, "what was said is heard later")

    def test_a_tenant_joins_so_many_and_frees_them_by_leaving(self):
        joined = [self.join() for _ in range(16)]
        problem = self.refused(self.ask("POST", "/v1/streams", self.ticket(), TENANT), 429, "full")
        self.assertIn("16 streams of yours", problem["detail"])
        watch = self.ask("GET", "/v1/vms?watch=true", headers=TENANT)
        self.assertEqual(watch.status, 429, "watchers have the same share")
        self.assertEqual(self.ask("GET", "/v1/vms", headers=TENANT).status, 200)
        joined[0].hangs_up()
        wait_until(lambda: self.open(self.ticket()).status == 200, "there is room again")

    def log_in(self):
        ticket = self.ask("POST", "/v1/tickets", headers=TENANT).json["ticket"]
        answer = self.ask("POST", "/v1/logins", {"ticket": ticket},
                          {"Sec-Fetch-Site": "same-origin"})
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        return {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}

    def test_a_stream_is_the_logins_that_joined_it_and_ends_with_that(self):
        here, there = self.log_in(), self.log_in()
        joined, other = self.join(here), self.join(there)
        for headers in (there, TENANT):
            self.refused(self.type(joined, b"a", headers), 404, "not-found")
        self.refused(self.type(joined, b"a", {**here, "Sec-Fetch-Site": "cross-site"}), 403,
                     "forbidden")
        self.typed(joined, b"a", here)
        self.assertEqual(joined.read(1), b"a")
        self.assertEqual(self.ask("DELETE", "/v1/logins", headers=here).status, 204)
        self.assertEqual(joined.read(), b"", "it ends")
        self.typed(other, b"b", there)
        self.assertEqual(other.read(1), b"b", "another login's does not")

    def test_the_managers_stop_ends_them(self):
        joined = self.join()
        self.typed(joined, b"a")
        self.assertEqual(joined.read(1), b"a")
        self.assertEqual(self.probe.stop(), 0)
        self.assertEqual(joined.read(), b"")
        self.probe.stop = lambda: 0


class Sealed(Streams):
    """All of that within TLS."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="isthmus-rest-")
        self.addCleanup(folder.cleanup)
        pair = make_certificate(folder.name, "a")
        self.context = ssl.create_default_context(cafile=pair[0])
        self.probe = Probe(*pair)
        self.addCleanup(lambda: self.assertEqual(self.probe.stop(), 0))
        self.create()

    def connect(self, port=None, timeout=START_SECONDS):
        return http.client.HTTPSConnection("127.0.0.1", port or self.probe.port, timeout=timeout,
                                           context=self.context)


if __name__ == "__main__":
    unittest.main(verbosity=2)
