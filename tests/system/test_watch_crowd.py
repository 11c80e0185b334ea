#!/usr/bin/env python3
"""1,008 who watch, while 100 things a second change: each hears all of its own, in order, and has
the true list however often the manager is killed."""
import http.client
import itertools
import json
import threading
import time
import unittest

from cloud_case import CloudCase, not_sanitized, read, wait_until
from crowd import Watchers

TENANTS = 63
OF_TENANT = 16  # limit_watchers_of_asker
RATE = 100      # changes a second, at the most
CHANGES = 2000
KILLS = 20


@not_sanitized("so many want a manager that nothing slows down; test_watch has fewer")
class Crowd(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "trace": False,
               "host": {"cpus": 1000, "memory_mib": 1000000, "disk_gib": 10000},
               "api": {"connections_per_address": 2400}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")
        cls.port = cls.cloud.ports["upstream"]
        cls.tokens = [read(cls.cloud.tenant(f"w{number}")).strip() for number in range(TENANTS)]
        cls.count = itertools.count(1)  # of changes; a VM's title is the number of its newest
        cls.vms = {}
        for token in cls.tokens:
            made = cls.cloud.rest("POST", "/v1/vms?wait=60", {
                "name": "web", "shape": "nano", "image": "empty"}, token=token)
            assert made.status == 200 and made.json()["code"] == "ok", made.out
            cls.vms[token] = made.json()["vm"]

    def setUp(self):
        self.addCleanup(self.cloud.upstream.start)  # nobody's streams are open then
        self.addCleanup(self.cloud.upstream.stop)

    def change_one(self, connection):
        """The next VM's title: (token, operation)."""
        number = next(self.count)
        token = self.tokens[number % TENANTS]
        connection.request("PUT", "/v1/vms/web/title", json.dumps({"title": f"t{number}"}),
                           {"Authorization": f"Bearer {token}",
                            "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        self.assertEqual(answer.status, 200, text)
        return token, json.loads(text)["id"]

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def watchers(self):
        watchers = Watchers(self.port)
        self.addCleanup(watchers.close)
        return watchers

    def test_each_hears_all_of_its_own_in_order_and_of_nobody_elses(self):
        watchers = self.watchers()
        for number in range(TENANTS * OF_TENANT):
            watchers.open("/v1/events", self.tokens[number % TENANTS])
        watchers.start()
        connection = self.connect()
        made = {token: [] for token in self.tokens}
        begin = time.monotonic()
        for done in range(CHANGES):
            time.sleep(max(0, begin + done / RATE - time.monotonic()))
            token, operation = self.change_one(connection)
            made[token].append(operation)
        connection.close()
        ends = {token: operations[-1].encode() for token, operations in made.items()}
        wait_until(lambda: all(ends[stream.token] in stream.heard for stream in watchers.streams),
                   "each has heard the newest of its own")
        self.assertEqual(watchers.ended(), 0, "streams have ended")
        for stream in watchers.streams:
            self.check(stream, made[stream.token])

    def check(self, stream, made):
        events = stream.events()
        self.assertEqual({name for name, _, _ in events} - {"bookmark"}, {"changed"})
        revisions = [int(revision.split("-")[1]) for _, revision, _ in events]
        self.assertEqual(revisions, sorted(revisions), "in the order of the commits")
        heard = [data for name, _, data in events if name == "changed"]
        operations = [data["item"] for data in heard if data["kind"] == "operation"]
        succeeded = [operation["id"] for operation in operations
                     if operation["state"] == "succeeded"]
        self.assertEqual(succeeded, made, "each of its own, once, and no other")
        titles = [int(data["item"]["title"][1:]) for data in heard
                  if data["kind"] == "vm" and data["item"].get("title")]
        self.assertEqual(titles, sorted(titles))
        self.assertEqual({data["item"]["id"] for data in heard if data["kind"] == "vm"},
                         {self.vms[stream.token]})

    def listed(self, token, connection):
        connection.request("GET", "/v1/vms", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        return json.loads(answer.read())

    def begin(self):
        """All list, and watch from there: the watchers; each one's list."""
        watchers, connection, lists = self.watchers(), self.connect(), []
        for number in range(TENANTS * OF_TENANT):
            token = self.tokens[number % TENANTS]
            answer = self.listed(token, connection)
            lists.append(answer["items"])
            watchers.open(f"/v1/vms?watch=true&after={answer['revision']}", token)
        connection.close()
        watchers.start()
        return watchers, lists

    @staticmethod
    def fold(rows, stream):
        """The rows after all that was heard; None: to be listed again."""
        rows = {row["id"]: row for row in rows}
        for name, _, data in stream.events():
            if name == "reset":
                return None
            if name == "changed":
                rows[data["id"]] = data
            elif name == "removed":
                rows.pop(data["id"], None)  # it came and went in one batch
        return rows

    def change_until(self, is_over):
        """Titles change, whether there is a manager or not: what becomes of them is not known."""
        connection = self.connect()
        while not is_over.wait(1 / RATE):
            try:
                self.change_one(connection)
            except (OSError, http.client.HTTPException, AssertionError):
                connection.close()
        connection.close()

    def make_and_delete(self, turn):
        """One tenant's list grows, another's shrinks."""
        self.cloud.rest("POST", "/v1/vms", {"name": "more", "shape": "nano", "image": "empty"},
                        token=self.tokens[turn])
        if turn >= 2:
            self.cloud.rest("DELETE", "/v1/vms/more", token=self.tokens[turn - 2])

    @staticmethod
    def title_of(vm):
        return int(vm.get("title", "t0")[1:])

    def await_true(self, watchers, lists):
        """Each one's list comes to be its tenant's."""
        connection = self.connect()
        open_ones = list(zip(lists, watchers.streams))

        def are_true():
            true = {token: {row["id"]: row for row in self.listed(token, connection)["items"]}
                    for token in {stream.token for _, stream in open_ones}}
            open_ones[:] = [(rows, stream) for rows, stream in open_ones
                            if self.fold(rows, stream) != true[stream.token]]
            return not open_ones
        wait_until(are_true, "each has the true list")
        connection.close()

    def test_each_has_the_true_list_however_often_the_manager_is_killed(self):
        is_over = threading.Event()
        changer = threading.Thread(target=self.change_until, args=(is_over,))
        changer.start()
        try:
            for turn in range(KILLS):
                watchers, lists = self.begin()
                first = next(self.count)
                self.make_and_delete(turn)
                wait_until(lambda first=first, watchers=watchers: any(
                    b'"title":"t%d"' % number in stream.heard for stream in watchers.streams
                    for number in range(first, first + 100)), "a change is heard")
                self.cloud.upstream.kill()
                wait_until(lambda watchers=watchers: watchers.ended() == len(watchers.streams),
                           "the end of all streams")
                self.cloud.upstream.start()
                self.check_on_disk(watchers, lists)
                watchers.close()
        finally:
            watchers, lists = self.begin()
            is_over.set()
            changer.join()
        self.await_true(watchers, lists)
        self.assertEqual(watchers.ended(), 0)

    def check_on_disk(self, watchers, lists):
        """Nothing was told that the killed manager had not written."""
        connection = self.connect()
        now = {}
        for rows, stream in zip(lists, watchers.streams):
            if stream.token not in now:
                now[stream.token] = {row["id"]: self.title_of(row) for row in
                                     self.listed(stream.token, connection)["items"]}
            heard = self.fold(rows, stream)
            self.assertIsNotNone(heard, "a reset without a reason")
            web = self.vms[stream.token]
            self.assertLessEqual(self.title_of(heard[web]), now[stream.token][web])
        connection.close()


if __name__ == "__main__":
    unittest.main()
