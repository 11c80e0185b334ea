#!/usr/bin/env python3
"""A host is lost, and what its VM comes back from on another one is the newest copy of its disk, no
older than is told; one that is damaged is put aside for the one before it; where there is no copy,
it waits for its host, and goes on there. Its guest counts its boots on its disk, which tells what
came back."""
import contextlib
import json
import re
import sqlite3
import time
import unittest

from cloud_case import wait_until
from survive_case import LOST_SECONDS, HostsCase, Watch
from warden import state_of


class FromCopies(HostsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud.cli("contact", "add", "log", "journal", "--events", "vm-restarted")

    def boots(self, host, vm):
        """As its guest has counted them on its disk there, oldest first."""
        return [int(count) for count in re.findall(r"boots=(\d+)", self.console(host, vm))]

    def await_boots(self, host, vm, count):
        wait_until(lambda: self.boots(host, vm)[-1:] == [count],
                   f"{vm} has booted for the {count}th time on {host}", seconds=LOST_SECONDS)

    def reboot(self, host, count):
        self.await_end(self.act("web", "stop"))
        self.await_end(self.act("web", "start"))
        self.await_boots(host, self.get("/v1/vms/web")["id"], count)

    def copy(self):
        self.await_end(self.act("web", "copy"))
        return self.owner_json("vm", "show", self.get("/v1/vms/web")["id"])["copies"][-1]

    def recovery(self, vm):
        ops = self.owner_json("op", "list", "--vm", vm)["items"]
        return next(op for op in ops if op.get("internal"))

    def restarts(self, audit, vm):
        """Its rows, the newest first."""
        return [row for row in audit["items"]
                if (row["who"], row["what"], row.get("key")) == ("manager", "vm-restart", vm)]

    def assert_told_how_old(self, vm, copy, asked_ms, restarts):
        hosted = self.owner_json("vm", "show", vm)
        self.assertEqual((hosted["restarts"], hosted["restored_ms"]), (restarts, copy["made_ms"]))
        begun = self.recovery(vm)["timeline"][1]
        self.assertEqual((begun["step"], begun["copy_ms"]), ("accepted", copy["made_ms"]))
        explained = self.owner("op", "show", self.recovery(vm)["id"]).out
        self.assertIn("from a copy of its disk as it was at", explained)
        row = self.restarts(self.owner_json("audit", "--limit", "100"), vm)[0]
        self.assertEqual((row["operation"], row["restored_ms"]),
                         (self.recovery(vm)["id"], copy["made_ms"]))
        shown = self.get(f"/v1/vms/{vm}")
        self.assertEqual((shown["restarts"], shown["restart_from"]), (restarts, "copy"))
        rows = self.restarts(json.loads(self.cloud.cli("audit", "-o", "json", "--limit",
                                                       "100").out), vm)
        self.assertEqual(len(rows), restarts)
        self.assertLessEqual(abs(rows[0]["restored_ms"] - shown["restored_ms"]), 60000)
        self.cloud.cli("audit", "verify")
        self.assertLessEqual(shown["restored_ms"], copy["made_ms"])  # never newer than it is
        self.assertGreater(shown["restored_ms"], asked_ms - 60000)
        self.assertIn("made anew from a copy of its disk", self.vm("show", vm).out)
        self.assertNotIn("host-", self.vm("show", vm).out)
        told = re.findall(rf'"event":"vm-restarted"[^}}]*"vm":"{vm}"[^}}]*"restored_ms":(\d+)',
                          self.cloud.upstream.log())
        self.assertEqual(len(told), restarts)
        self.assertLessEqual(int(told[-1]), copy["made_ms"])
        self.assertGreater(int(told[-1]), asked_ms - 60000)

    def assert_it_waits_and_goes_on(self, vm, pid):
        """On its host, which counts as lost, and then is there again."""
        waits = f"VM {vm} ran on host host-1, which is lost: it is to be made from a copy, and " \
            "there is none, so that it waits"
        wait_until(lambda: waits in self.cloud.downstreams["north"].log(), "it has no copy",
                   seconds=LOST_SECONDS)
        wait_until(lambda: "it waits for its host" in self.vm("show", vm).out, "its tenant is told")
        self.assertEqual(state_of(pid), "T")
        before = len(self.beats("host-1", vm))
        self.cloud.agents["host-1"].start()
        self.await_beat("host-1", vm, before)
        self.assertEqual(self.guests_of(vm), [pid])
        self.assertNotIn("restarts", self.get(f"/v1/vms/{vm}"))
        self.await_hosts()

    def test_what_comes_back_is_the_newest_copy_and_is_copied_again(self):
        vm = self.make_on("host-1", "web", on_loss="restart", restart_from="copy")
        self.await_boots("host-1", vm, 1)
        self.copy()
        self.reboot("host-1", 2)
        asked_ms = time.time() * 1000
        newest = self.copy()
        self.reboot("host-1", 3)
        watch = Watch(lambda: self.guests_of(vm))
        self.lose("host-1", vm)
        other = self.await_moved(vm)
        self.assertEqual(watch.end(), 1)
        self.await_boots(other, vm, 3)  # the copy's 2, and this one
        self.assert_told_how_old(vm, newest, asked_ms, 1)
        self.cloud.agents["host-1"].start()
        self.await_hosts()
        asked_ms = time.time() * 1000
        newest = self.copy()
        self.lose(other, vm)
        third = self.await_moved(vm, other)
        self.await_boots(third, vm, 4)
        self.assert_told_how_old(vm, newest, asked_ms, 2)
        self.cloud.agents[other].start()
        self.await_hosts()

    def test_without_a_copy_it_waits_and_goes_on_where_it_was(self):
        vm = self.make_on("host-1", "web", on_loss="restart", restart_from="copy")
        beside = self.make_on("host-1", "beside", on_loss="restart")
        pid, = self.guests_of(vm)
        self.cloud.agents["host-1"].kill()
        wait_until(lambda: state_of(pid) == "T", f"{pid} is frozen")
        self.await_moved(beside)  # so the host counts as lost
        self.assertEqual(state_of(pid), "T")
        hosted = self.owner_json("vm", "show", vm)
        self.assertEqual((hosted["host"], hosted.get("restarts", 0)), ("host-1", 0))
        self.assert_it_waits_and_goes_on(vm, pid)

    def in_block_store(self, question, lost=()):
        """The answer's first column; its manager holds the file while it runs."""
        north = self.cloud.downstreams["north"]
        north.stop()
        with contextlib.closing(sqlite3.connect(f"{north.state}/copies.sqlite")) as store:
            found = [row[0] for row in store.execute(question)]
            store.commit()
        north.start()
        self.await_hosts(lost)
        return found

    def damage(self, sound=(), lost=()):
        """All blocks but these, while some hosts are lost."""
        sound = ",".join(f"x'{digest.hex()}'" for digest in sound)
        damaged = self.in_block_store("UPDATE block SET bytes = zeroblob(length(bytes)) "
                                      f"WHERE digest NOT IN ({sound}) RETURNING digest", lost)
        self.assertTrue(damaged)

    def test_a_damaged_copy_is_put_aside_for_the_older_one(self):
        vm = self.make_on("host-1", "web", on_loss="restart", restart_from="copy")
        asked_ms = time.time() * 1000
        older = self.copy()
        sound = self.in_block_store("SELECT digest FROM block")
        self.reboot("host-1", 2)
        newer = self.copy()
        self.assertNotEqual(older["number"], newer["number"])
        self.reboot("host-1", 3)
        self.damage(sound)
        self.lose("host-1", vm)
        other = self.await_moved(vm)
        self.await_boots(other, vm, 2)  # the older one's 1, and this one
        self.assert_told_how_old(vm, older, asked_ms, 1)
        self.assertEqual(self.owner_json("vm", "show", vm)["copies"], [older])
        wait_until(lambda: [copy["number"] for copy in self.get(f"/v1/vms/{vm}")["copies"]] ==
                   [older["number"]], "its tenant sees the one that is left")
        self.assertIn("they are put aside", self.cloud.downstreams["north"].log())
        self.cloud.agents["host-1"].start()
        self.await_hosts()

    def test_with_damaged_copies_alone_it_waits_and_goes_on_where_it_was(self):
        vm = self.make_on("host-1", "web", on_loss="restart", restart_from="copy")
        self.copy()
        self.damage()
        pid, = self.guests_of(vm)
        self.cloud.agents["host-1"].kill()
        self.assert_it_waits_and_goes_on(vm, pid)

    def test_whose_copies_are_lost_on_its_way_says_so_and_can_be_deleted(self):
        vm = self.make_on("host-1", "web", on_loss="restart", restart_from="copy")
        self.copy()
        for other in ("host-2", "host-3"):
            self.owner("host", "cordon", other)
        self.lose("host-1", vm)
        wait_until(lambda: self.owner_json("vm", "show", vm).get("restarts") == 1,
                   "its host is given up", seconds=LOST_SECONDS)
        self.assertNotIn("lacks_copy", self.get(f"/v1/vms/{vm}"))
        self.damage(lost=["host-1"])
        for other in ("host-2", "host-3"):
            self.owner("host", "uncordon", other)
        wait_until(lambda: self.get(f"/v1/vms/{vm}").get("lacks_copy"), "its tenant is told",
                   seconds=LOST_SECONDS)
        self.assertIn("none is left, so that it is nowhere", self.vm("show", vm).out)
        self.assertIn("of which none is left", self.vm("show", vm).out)
        self.assertNotIn("from a copy of its disk as it was", self.vm("show", vm).out)
        self.assertIn("(no copy)", self.vm("list").out)
        self.assertTrue(self.owner_json("vm", "show", vm)["lacks_copy"])
        self.assertIn("no-copy", self.owner("op", "list", "--vm", vm, "-o", "json").out)
        self.assertEqual(self.guests_of(vm), [])
        self.await_end(self.act("web", "delete"))
        self.cloud.agents["host-1"].start()
        self.await_hosts()
        self.assertEqual(self.guests_of(vm), [])

    def test_a_rebuild_makes_another_disk_of_which_there_is_no_copy(self):
        vm = self.make_on("host-1", "web", on_loss="restart", restart_from="copy")
        self.copy()
        self.assertEqual(len(self.get(f"/v1/vms/{vm}")["copies"]), 1)
        self.vm("rebuild", "web", "--wait")
        self.assertNotIn("copies", self.get(f"/v1/vms/{vm}"))
        self.copy()
        self.assertEqual(len(self.get(f"/v1/vms/{vm}")["copies"]), 1)

    def test_what_cannot_be_is_refused_with_what_to_do(self):
        wish = {"name": "web", "shape": "nano", "image": "heart", "restart_from": "copy"}
        alone = self.ask("POST", "/v1/vms", wish)
        self.assertEqual((alone.status, alone.json()["field"]), (400, "restart_from"))
        self.assertIn("say on_loss 'restart', too", alone.json()["detail"])
        anywhere = self.ask("POST", "/v1/vms", {**wish, "on_loss": "anywhere"})
        self.assertEqual((anywhere.status, anywhere.json()["field"]), (501, "restart_from"))
        self.assertIn("copies are kept in the VM's cluster", anywhere.json()["detail"])
        told = self.vm("create", "web", "--shape", "nano", "--image", "heart",
                       "--restart-from", "copy", check=False)
        self.assertIn("say on_loss 'restart', too", told.err)
        self.assertEqual(self.get("/v1/vms")["items"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
