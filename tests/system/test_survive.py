#!/usr/bin/env python3
"""A host is lost: its agent and its QEMU are killed, or the agent alone, or stands still, while its
VM would run on. What its tenant and its owner want is made anew on another host, never runs twice,
and what was there before is put aside."""
import os
import signal
import subprocess
import unittest

from cloud_case import BUILD, read, wait_until
from survive_case import LOST_SECONDS, HostsCase, Watch
from test_migration import write
from warden import state_of


class Survive(HostsCase):
    def assert_told(self, vm, lost, found):
        """What the tenant, the owner, and the timeline say."""
        shown = self.get(f"/v1/vms/{vm}")
        self.assertEqual((shown["state"], shown["on_loss"], shown["restarts"]),
                         ("running", "restart", 1))
        self.assertNotIn("host-", self.vm("show", vm).out)
        self.assertIn("as its host or cluster was lost", self.vm("show", vm).out)
        ops = [op for op in self.owner_json("op", "list", "--vm", vm)["items"]
               if op.get("internal")]
        steps = [(entry["step"], entry.get("host")) for entry in ops[0]["timeline"]]
        self.assertEqual(steps[0], ("lost", lost))
        self.assertIn(("placed", found), steps)
        self.assertEqual((ops[0]["verb"], ops[0]["state"]), ("define", "succeeded"))

    def assert_salvaged(self, vm, host):
        wait_until(lambda: self.salvage(vm) and self.salvage(vm)[0].get("done_ms"),
                   f"{host} has put {vm} aside")
        row = self.salvage(vm)[0]
        self.assertEqual(row["place"], host)
        self.assertTrue(self.beats(host, f"{vm}-{row['epoch']}", "salvage"))
        self.assertEqual(self.console(host, vm), "")
        self.owner("salvage", "forget", row["id"])
        self.assertEqual(self.salvage(vm), [])
        self.assertTrue(self.beats(host, f"{vm}-{row['epoch']}", "salvage"))

    def test_vms_of_a_host_that_died_are_restarted_on_the_other_or_stay(self):
        vm = self.make_on("host-1", "web", on_loss="restart")
        stays = self.make_on("host-1", "stays")
        self.assertEqual(self.host("host-1")["lease"], "runs")
        watch = Watch(lambda: self.guests_of(vm))
        self.lose("host-1", vm)
        wait_until(lambda: self.host("host-1").get("lease_ends_ms"), "when its lease ends")
        self.assertEqual((self.host("host-1")["lease"], self.host("host-1")["owed"]), ("runs", 1))
        other = self.await_moved(vm)
        self.assertEqual(watch.end(), 1)
        self.assertEqual(self.host("host-1")["lease"], "ended")
        self.assertIn("host is away", self.owner("salvage", "list").out)
        self.assert_told(vm, "host-1", other)
        self.assertEqual(self.owner_json("vm", "show", stays)["host"], "host-1")
        self.cloud.agents["host-1"].start()
        self.assert_salvaged(vm, "host-1")
        wait_until(lambda: self.get(f"/v1/vms/{stays}").get("unheard_ms") is None,
                   "the one that stayed is heard of")
        self.await_beat(other, vm, len(self.beats(other, vm)))

    def test_what_would_run_on_is_frozen_in_time_and_ended_when_its_host_is_back(self):
        vm = self.make_on("host-1", "web", on_loss="restart")
        pid, = self.guests_of(vm)
        watch = Watch(lambda: self.guests_of(vm))
        self.cloud.agents["host-1"].kill()
        wait_until(lambda: state_of(pid) == "T", f"{pid} is frozen")
        before = len(self.beats("host-1", vm))
        other = self.await_moved(vm)
        self.assertEqual(state_of(pid), "T")
        self.assertEqual(len(self.beats("host-1", vm)), before)
        self.cloud.agents["host-1"].start()
        self.assert_salvaged(vm, "host-1")
        self.assertEqual(state_of(pid), "")
        self.assertEqual(watch.end(), 1)
        self.assert_told(vm, "host-1", other)

    def test_an_agent_that_stood_still_hears_first_what_runs_elsewhere(self):
        vm = self.make_on("host-1", "web", on_loss="restart")
        pid, = self.guests_of(vm)
        watch = Watch(lambda: self.guests_of(vm))
        self.cloud.agents["host-1"].freeze()
        try:
            wait_until(lambda: state_of(pid) == "T", f"{pid} is frozen")
            self.await_moved(vm)
            self.assertEqual(state_of(pid), "T")
        finally:
            self.cloud.agents["host-1"].thaw()
        self.assert_salvaged(vm, "host-1")
        self.assertEqual(state_of(pid), "")
        self.assertEqual(watch.end(), 1)

    def test_when_most_hosts_are_lost_a_person_decides(self):
        vms = {host: self.make_on(host, f"web-{host}", on_loss="restart")
               for host in ("host-1", "host-2")}
        for host, vm in vms.items():
            self.lose(host, vm)
        for host in vms:
            wait_until(lambda host=host: self.host(host)["lease"] == "held", f"{host} is held",
                       seconds=LOST_SECONDS)
        self.assertEqual(self.cloud.guests(), [])
        self.owner("host", "recover", "host-1")
        self.assertEqual(self.await_moved(vms["host-1"]), "host-3")
        self.assertEqual(self.host("host-2")["lease"], "held")
        refused = self.owner("host", "recover", "host-1", check=False)
        self.assertIn("nothing of host 'host-1' is held back", refused.err)
        self.assertEqual(self.guests_of(vms["host-2"]), [])
        for host in vms:
            self.cloud.agents[host].start()
        self.assert_salvaged(vms["host-1"], "host-1")

    def test_while_the_manager_stands_still_guests_do_and_go_on_after_that(self):
        vm = self.make_on("host-1", "web", on_loss="restart")
        pid, = self.guests_of(vm)
        manager = self.cloud.downstreams["north"]
        os.kill(manager.pid(), signal.SIGSTOP)
        try:
            wait_until(lambda: state_of(pid) == "T", f"{pid} is frozen")
            before = len(self.beats("host-1", vm))
        finally:
            os.kill(manager.pid(), signal.SIGCONT)
        self.await_beat("host-1", vm, before)
        self.assertEqual(self.guests_of(vm), [pid])
        self.assertNotIn("restarts", self.get(f"/v1/vms/{vm}"))

    def test_an_owner_who_knows_better_need_not_wait(self):
        vm = self.make_on("host-1", "web", on_loss="restart")
        refused = self.owner("host", "declare-off", "host-1", "--i-have-checked", check=False)
        self.assertIn("is connected", refused.err)
        self.assertIn("run twice", self.owner("host", "declare-off", "host-1", check=False).err)
        self.lose("host-1", vm)
        wait_until(lambda: self.host("host-1")["state"] != "up", "host-1 is missed")
        self.owner("host", "declare-off", "host-1", "--i-have-checked")
        self.await_moved(vm)
        ops = [op for op in self.owner_json("op", "list", "--vm", vm)["items"]
               if op.get("internal")]
        self.assertEqual(ops[0]["timeline"][1]["by"], "owner")
        self.cloud.agents["host-1"].start()
        self.assert_salvaged(vm, "host-1")

    def test_a_lease_that_is_too_short_to_start_by_is_refused(self):
        manager = self.cloud.downstreams["north"]
        path = f"{self.cloud.folder}/short.conf"
        write(path, read(manager.config).replace("lease_seconds = 15", "lease_seconds = 11"))
        done = subprocess.run([f"{BUILD}/src/main/isthmus-downstream", "--config", path, "--check"],
                              capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("say at least 12", done.stderr)

    def test_who_may_not_have_it_is_told(self):
        self.await_hosts()
        self.owner("permission", "set", "cloud", "--placing", "apart host-must")
        self.addCleanup(self.owner, "permission", "reset", "cloud")
        ended = self.operation(self.create("web", "heart", wait=60, on_loss="restart"), 60)
        self.assertEqual((ended["code"], ended["obstacle"]), ("not-allowed", "on-loss"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
