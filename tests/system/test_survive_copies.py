#!/usr/bin/env python3
"""A host is lost, and what its VM comes back from on another one is the newest copy of its disk, no
older than is told; where there is no copy, it waits for its host, and goes on there. Its guest
counts its boots on its disk, which tells what came back."""
import re
import time
import unittest

from cloud_case import wait_until
from survive_case import LOST_SECONDS, HostsCase, Watch
from warden import state_of


class FromCopies(HostsCase):
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

    def assert_told_how_old(self, vm, copy, asked_ms, restarts):
        hosted = self.owner_json("vm", "show", vm)
        self.assertEqual((hosted["restarts"], hosted["restored_ms"]), (restarts, copy["made_ms"]))
        begun = self.recovery(vm)["timeline"][1]
        self.assertEqual((begun["step"], begun["copy_ms"]), ("accepted", copy["made_ms"]))
        explained = self.owner("op", "show", self.recovery(vm)["id"]).out
        self.assertIn("from a copy of its disk as it was at", explained)
        shown = self.get(f"/v1/vms/{vm}")
        self.assertEqual((shown["restarts"], shown["restart_from"]), (restarts, "copy"))
        self.assertLessEqual(shown["restored_ms"], copy["made_ms"])  # never newer than it is
        self.assertGreater(shown["restored_ms"], asked_ms - 60000)
        self.assertIn("made anew from a copy of its disk", self.vm("show", vm).out)
        self.assertNotIn("host-", self.vm("show", vm).out)

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
        self.assertIn("and there is none, so that it waits", self.cloud.downstreams["north"].log())
        wait_until(lambda: "it waits for its host" in self.vm("show", vm).out, "its tenant is told")
        before = len(self.beats("host-1", vm))
        self.cloud.agents["host-1"].start()
        self.await_beat("host-1", vm, before)
        self.assertEqual(self.guests_of(vm), [pid])
        self.assertNotIn("restarts", self.get(f"/v1/vms/{vm}"))
        self.await_hosts()

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
        self.assertEqual(self.get("/v1/vms")["items"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
