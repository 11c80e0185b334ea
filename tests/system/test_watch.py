#!/usr/bin/env python3
"""Lists that are watched: what is told to whom, in which order, and what becomes of it when the
manager dies, a reader is slow, or a token ends."""
import itertools
import os
import pty
import re
import socket
import subprocess
import threading
import time
import unittest

from cloud_case import BUILD, SANITIZED, CloudCase, read, wait_until
from watching import Watch


class Watching(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")
        cls.port = cls.cloud.ports["upstream"]
        cls.other = read(cls.cloud.tenant("other")).strip()

    def setUp(self):
        self.addCleanup(self.delete_all)

    def watch(self, path, token=None, place=None):
        watch = Watch(place or self.port, path, None if place else token or self.token)
        self.addCleanup(watch.close)
        return watch

    def live(self, path="/v1/vms", token=None):
        """The list, and a watch that goes on from there."""
        answer = self.ask("GET", path, token=token or self.token).json()
        join = "&" if "?" in path else "?"
        return answer["items"], self.watch(f"{path}{join}watch=true&after={answer['revision']}",
                                           token)

    def await_same(self, rows, watch, path="/v1/vms", token=None):
        def listed():
            return {row["id"]: row for row in
                    self.ask("GET", path, token=token or self.token).json()["items"]}
        wait_until(lambda: watch.fold(rows) == listed(),
                   f"the same list: {watch.fold(rows)}, not {listed()}")

    def test_a_reader_has_the_true_list_without_asking_again(self):
        rows, watch = self.live()
        ops, of_ops = self.live("/v1/operations")
        self.create("web", wait=60)
        self.create("db", wait=60)
        self.await_same(rows, watch)
        self.act("web", "stop")
        self.act("db", "delete")
        self.await_same(rows, watch)
        self.await_same(ops, of_ops, "/v1/operations")
        self.assertEqual(watch.named("reset") + of_ops.named("reset"), [])
        watch.await_event("removed")
        numbers = [int(revision.split("-")[1]) for _, revision, _ in watch.events]
        self.assertEqual(numbers, sorted(numbers))
        self.assertGreater(numbers[-1], numbers[0])

    def test_a_reader_goes_on_where_it_was(self):
        rows, watch = self.live()
        self.create("web", wait=60)
        self.await_same(rows, watch)
        rows, last = list(watch.fold(rows).values()), watch.events[-1][1]
        watch.close()
        self.act("web", "stop")
        self.create("db", wait=60)
        again = self.watch(f"/v1/vms?watch=true&after={last}")
        self.await_same(rows, again)
        self.assertEqual(again.named("reset"), [])

    def test_nobody_hears_of_another_tenants_things(self):
        _, watch = self.live()
        _, events = self.watch("/v1/events"), self.watch("/v1/events")
        theirs = self.ask("POST", "/v1/vms?wait=60", {"name": "secret", "shape": "nano",
                                                      "image": "empty"}, token=self.other).json()
        mine = self.create("web", wait=60)
        watch.await_event("changed", lambda vm: vm["name"] == "web" and vm["state"] == "running")
        events.await_event("changed", lambda data: data["kind"] == "operation" and
                           data["item"]["state"] == "succeeded")
        self.ask("DELETE", "/v1/vms/secret?wait=60", token=self.other)
        self.act("web", "delete")
        events.await_event("removed", lambda data: data["item"] == {"id": mine["vm"]})
        watch.await_event("removed")
        told = str(watch.events) + str(events.events)
        self.assertNotIn(theirs["vm"], told)
        self.assertNotIn("secret", told)
        self.assertNotIn("'cluster', 'item'", told)
        refused = self.watch("/v1/tenants?watch=true")
        self.assertEqual((refused.answer.status, refused.problem["code"]), (403, "forbidden"))
        self.assertEqual(self.watch("/v1/vms?watch=true", "wrong").answer.status, 401)

    def test_operators_hear_of_all(self):
        events = self.watch("/v1/events", self.operator)
        self.create("web", wait=60)
        for kind in ("vm", "operation", "tenant"):
            events.await_event("changed", lambda data, kind=kind: data["kind"] == kind)
        self.import_image("another")
        events.await_event("changed", lambda data: data["item"].get("name") == "another")
        self.cloud.cli("image", "delete", "another")
        events.await_event("removed", lambda data: data["item"] == {"name": "another"})
        agent = self.cloud.downstreams["north"]
        agent.kill()
        self.addCleanup(self.cloud.await_capacity)
        self.addCleanup(agent.start)
        events.await_event("changed", lambda data: data["kind"] == "cluster" and
                           data["item"]["state"] != "up")

    def test_an_owner_watches_its_vms_by_its_socket(self):
        socket_path = f"{self.cloud.downstreams['north'].state}/owner.sock"
        watch = self.watch("/v1/vms?watch=true", place=socket_path)
        events = self.watch("/v1/events", place=socket_path)
        made = self.create("web", wait=60)
        watch.await_event("changed", lambda vm: vm["id"] == made["vm"] and vm["host"] == "host-1"
                          and vm["state"] == "running")
        self.act("web", "delete")
        watch.await_event("removed", lambda vm: vm["id"] == made["vm"])
        events.await_event("changed", lambda data: data["kind"] == "operation" and
                           data["item"]["verb"] == "delete" and data["item"]["state"] ==
                           "succeeded")

    def test_a_filter_holds_for_what_is_told(self):
        self.create("web", wait=60)
        self.create("db", wait=60)
        _, watch = self.live("/v1/vms?state=running&name=w*&fields=name,state")
        self.act("db", "stop")
        self.act("web", "stop")
        watch.await_event("removed")
        self.act("web", "start")
        watch.await_event("changed")
        self.assertEqual({tuple(sorted(data)) for _, _, data in watch.named("changed")},
                         {("id", "name", "state")})
        self.assertEqual({data["name"] for _, _, data in watch.named("changed")}, {"web"})

    def follow(self, *arguments, out=subprocess.PIPE):
        """The command, and the lines that it prints, as they come."""
        place = {**self.cloud.environment(), "ISTHMUS_TOKEN_FILE": self.token_file}
        process = subprocess.Popen([f"{BUILD}/src/cli/isthmus", *arguments], stdout=out,
                                   env={**os.environ, **place}, text=out == subprocess.PIPE)
        lines = []

        def gather():
            for line in process.stdout:
                lines.append(line.rstrip("\n"))

        def end():
            process.terminate()
            process.wait()
        self.addCleanup(end)
        if out == subprocess.PIPE:
            threading.Thread(target=gather, daemon=True).start()
        return lines

    @staticmethod
    def await_line(lines, pattern):
        wait_until(lambda: any(re.search(pattern, line) for line in list(lines)),
                   f"a line '{pattern}'")

    def stir(self, name, lines):
        """Changes the VM until a stream tells of it, which has begun then."""
        edits = itertools.count()

        def heard():
            self.ask("PUT", f"/v1/vms/{name}/metadata", {"metadata": f"k={next(edits)}"})
            return lines
        wait_until(heard, "a line")

    def test_the_command_goes_on_with_what_changes(self):
        listed = self.follow("vm", "list", "--watch")
        events = self.follow("events")
        raw = self.follow("vm", "list", "--watch", "-o", "json", "--fields", "state")
        self.await_line(listed, "^NAME ")
        self.await_line(raw, "^{")
        self.create("early", wait=60)
        self.stir("early", events)  # it says nothing when it begins
        made = self.create("web", wait=60)
        self.await_line(listed, r"^web  running  north ")
        self.await_line(events, r"  operation  op-\w+  define web  succeeded  ended$")
        self.await_line(events, r"  vm  vm-\w+  web  running  north$")
        self.await_line(raw, r'^{"event":"changed","data":{"id":"vm-\w+","state":"running"}}$')
        self.cloud.upstream.kill()
        self.cloud.upstream.start()
        self.cloud.await_capacity()
        wait_until(lambda: sum(line.startswith("NAME ") for line in list(listed)) > 1,
                   "the list again")
        self.act("web", "delete")
        self.await_line(listed, f"^removed  {made['vm']}$")
        self.await_line(events, "  delete web  succeeded")

    def test_on_a_terminal_the_list_is_drawn_anew(self):
        terminal, other = pty.openpty()
        self.follow("vm", "list", "--watch", out=other)
        os.close(other)
        seen = b""
        for wanted in (b"\033[H\033[2JNAME", b"web", b"stopped"):
            if wanted == b"web":
                self.create("web", wait=60)
            elif wanted == b"stopped":
                self.act("web", "stop")
            until = time.monotonic() + 60
            while wanted not in seen and time.monotonic() < until:
                seen += os.read(terminal, 65536)
            self.assertIn(wanted, seen)
        os.close(terminal)

    def test_what_is_no_revision_of_this_start_means_list_again(self):
        for after in ("x", "00000000-1", "-", "00000000-99999999999999999999"):
            watch = self.watch(f"/v1/vms?watch=true&after={after}")
            watch.await_event("reset")
        epoch = self.get("/v1/vms")["revision"].split("-")[0]
        self.watch(f"/v1/vms?watch=true&after={epoch}-999999999").await_event("reset")
        watch = self.watch("/v1/vms?watch=true")
        watch.await_event("bookmark")
        self.assertEqual(watch.named("reset"), [])

    def test_each_reader_ends_with_the_true_list_when_the_manager_is_killed(self):
        for _ in range(3):
            rows, watch = self.live()
            made = self.create("web")
            self.cloud.upstream.kill()
            wait_until(lambda watch=watch: watch.has_ended, "the stream's end")
            last = watch.events[-1][1] if watch.events else "none"
            self.cloud.upstream.start()
            self.await_end(made)
            heard = {data["id"]: data for _, _, data in watch.named("changed")}
            listed = {vm["id"] for vm in self.vms()}
            self.assertLessEqual(set(heard), listed, "what was told was on disk")
            self.watch(f"/v1/vms?watch=true&after={last}").await_event("reset")
            rows, watch = self.live()
            self.act("web", "delete")
            self.await_same(rows, watch)
            self.cloud.await_capacity()

    def test_a_token_has_its_share_of_streams(self):
        token = read(self.cloud.tenant("crowd")).strip()
        streams = [self.watch("/v1/vms?watch=true", token) for _ in range(16)]
        self.assertEqual({stream.answer.status for stream in streams}, {200})
        refused = self.watch("/v1/vms?watch=true", token)
        self.assertEqual((refused.answer.status, refused.problem["code"]), (429, "full"))
        self.assertEqual(self.ask("GET", "/v1/vms", token=token).status, 200)
        self.assertEqual(self.watch("/v1/vms?watch=true", self.other).answer.status, 200)
        streams[0].close()
        wait_until(lambda: self.watch("/v1/vms?watch=true", token).answer.status == 200,
                   "room again")

    def test_a_tenant_that_is_deleted_hears_the_end(self):
        token = read(self.cloud.tenant("leaving")).strip()
        watch = self.watch("/v1/vms?watch=true", token)
        watch.await_event("bookmark")
        self.cloud.cli("tenant", "delete", "leaving")
        wait_until(lambda: watch.has_ended, "the stream's end")

    def test_a_reader_that_takes_nothing_grows_nobodys_memory(self):
        names = [f"web-{i}" for i in range(4)]
        for name in names:
            self.create(name, wait=60)

        def memory():
            status = read(f"/proc/{self.cloud.upstream.pid()}/status")
            return int(status.split("VmRSS:")[1].split()[0])

        def edit(name, count):
            for n in range(count):
                metadata = ",".join(f"k{i}={n}{'x' * 900}" for i in range(16))
                self.ask("PUT", f"/v1/vms/{name}/metadata", {"metadata": metadata})

        def edit_all(count):
            threads = [threading.Thread(target=edit, args=(name, count)) for name in names]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", self.port))
        self.addCleanup(slow.close)
        slow.sendall(b"GET /v1/vms?watch=true HTTP/1.1\r\nHost: x\r\n"
                     b"Authorization: Bearer %s\r\n\r\n" % self.token.encode())
        _, quick = self.live()
        edit_all(100)  # as many operations as stay in memory
        before = memory()
        edit_all(200)
        for name in names:
            quick.await_event("changed", lambda vm, name=name: vm["name"] == name and
                              vm.get("metadata", "").startswith("k0=199x"))
        if not SANITIZED:  # the sanitizers keep what was freed
            self.assertLess(memory() - before, 8192, "KiB more")
        self.assertEqual(quick.named("reset"), [])
        slow.settimeout(60)
        heard, until = b"", time.monotonic() + 60
        while time.monotonic() < until:  # it hears all, as far as the kernel kept that; or `reset`
            piece = slow.recv(65536)
            heard = heard[-64:] + piece
            if not piece or b"event: reset" in heard or b"k0=199x" in heard:
                return
        self.fail("it heard neither the newest change nor that it is to list again")


if __name__ == "__main__":
    unittest.main()
