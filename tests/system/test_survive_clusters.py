#!/usr/bin/env python3
"""A cluster is lost: all of it ends at once, or its way to the cloud, while its VMs would run on.
What its tenant, its owner and the operator want is made anew in another cluster, never runs twice,
and what the lost one has of it is put aside when it is back."""
import json
import re
import signal
import unittest

from cloud_case import wait_until
from cloud import end_process
from survive_case import LOST_SECONDS, SurviveCase, Watch
from warden import state_of


class SurviveClusters(SurviveCase):
    clusters = {"north": ["host-1"], "south": ["host-2"]}
    options = {"driver": "qemu", "proxies": True,
               "timing": {"beat_seconds": 1, "hold_down_seconds": 2, "lease_seconds": 20},
               "cloud_timing": {"lease_seconds": 24}}

    def cluster(self, name):
        return self.cloud.rest("GET", f"/v1/clusters/{name}").json()

    def await_clusters(self):
        """Both are there, keep leases, and have nothing to put aside; so are their hosts."""
        for cluster, hosts in self.clusters.items():
            wait_until(lambda cluster=cluster: self.cluster(cluster)["state"] == "up" and
                       self.cluster(cluster).get("guarded") and
                       not self.cluster(cluster).get("evictions"), f"{cluster} is up and clear")
            wait_until(lambda: all(host["state"] == "up" and host.get("guarded")
                                   for host in self.hosts(cluster)), f"{hosts} are up")

    def hosts(self, cluster):
        return json.loads(self.cloud.owner(cluster, "host", "list", "-o", "json").out)["items"]

    def make_in(self, cluster, name, **more):
        self.await_clusters()
        made = self.create(name, "heart", wait=60, cluster=cluster, **more)
        self.await_end(made)
        self.await_beat(self.clusters[cluster][0], made["vm"])
        return made["vm"]

    def await_moved(self, vm, cluster="south"):
        def is_there():
            shown = self.get(f"/v1/vms/{vm}")
            return shown["state"] == "running" and shown.get("cluster") == cluster
        wait_until(is_there, f"{vm} runs in {cluster}", seconds=LOST_SECONDS)
        self.await_beat(self.clusters[cluster][0], vm)

    def assert_told(self, vm):
        """What its tenant sees: that it was made anew, when it was missed, and where it went."""
        shown = self.get(f"/v1/vms/{vm}")
        self.assertEqual((shown["on_loss"], shown["restarts"]), ("anywhere", 1))
        ops = [op for op in self.get(f"/v1/operations?vm={vm}")["items"] if op.get("internal")]
        steps = [(entry["step"], entry.get("cluster")) for entry in ops[-1]["timeline"]]
        self.assertEqual(steps[0], ("lost", "north"))
        self.assertIn(("placed", "south"), steps)
        self.assertEqual((ops[-1]["verb"], ops[-1]["state"]), ("define", "succeeded"))
        self.assertNotIn("host-", str(ops) + str(shown))

    def assert_salvaged(self, vm):
        """Put aside at the host that had it, and its owner is told."""
        def row():
            return [row for row in self.owner_json("salvage", "list")["items"]
                    if row["vm"] == vm and row.get("done_ms")]
        wait_until(row, f"host-1 has put {vm} aside")
        self.assertTrue(self.beats("host-1", f"{vm}-{row()[0]['epoch']}", "salvage"))
        self.assertEqual(self.console("host-1", vm), "")
        wait_until(lambda: not self.cluster("north").get("evictions"), "north has said so")

    def test_vms_of_a_cluster_that_is_gone_run_in_the_other_or_stay(self):
        self.cloud.cli("contact", "add", "log", "journal", "--events", "vm-restarted")
        self.addCleanup(self.cloud.cli, "contact", "remove", "log")
        vm = self.make_in("north", "web", on_loss="anywhere")
        stays = self.make_in("north", "stays", on_loss="restart")
        self.assertEqual(self.cluster("north")["lease"], "runs")
        watch = Watch(lambda: self.guests_of(vm))
        self.cloud.downstreams["north"].kill()
        self.cloud.agents["host-1"].kill()
        for pid in self.guests_of(vm) + self.guests_of(stays):
            end_process(pid, signal.SIGKILL)
        wait_until(lambda: self.cluster("north").get("lease_ends_ms"), "when its lease ends")
        self.assertEqual(self.cluster("north")["owed"], 1)
        self.await_moved(vm)
        self.assertEqual(self.cluster("north")["lease"], "ended")
        self.assertIn("1 VMs that run elsewhere",
                      self.cloud.cli("cluster", "show", "north").out)
        self.assertEqual(watch.end(), 1)
        self.assert_told(vm)
        told = re.findall(r'"event":"vm-restarted"[^}]*', self.cloud.upstream.log())
        self.assertEqual(len(told), 1)
        self.assertIn(f'"vm":"{vm}"', told[0])
        self.assertNotIn("restored_ms", told[0])  # from its image
        self.assertEqual(self.get(f"/v1/vms/{stays}")["cluster"], "north")
        self.cloud.downstreams["north"].start()
        self.cloud.agents["host-1"].start()
        self.assert_salvaged(vm)
        wait_until(lambda: self.get(f"/v1/vms/{stays}")["state"] == "crashed",
                   "what became of the one that stayed is told")
        self.await_beat("host-2", vm, len(self.beats("host-2", vm)))

    def test_what_would_run_on_behind_a_cut_is_frozen_and_put_aside_and_the_rest_runs(self):
        vm = self.make_in("north", "web", on_loss="anywhere")
        inner = self.make_in("north", "inner", on_loss="restart")
        (pid,), (inner_pid,) = self.guests_of(vm), self.guests_of(inner)
        watch = Watch(lambda: self.guests_of(vm))
        self.cloud.proxies["north.uplink"].cut()
        wait_until(lambda: state_of(pid) == "T", f"{pid} is frozen", seconds=LOST_SECONDS)
        self.await_moved(vm)
        self.assertEqual(state_of(pid), "T")
        self.assertNotEqual(state_of(inner_pid), "T")
        self.cloud.proxies["north.uplink"].resume()
        self.assert_salvaged(vm)
        self.assertEqual(state_of(pid), "")
        self.assertEqual(watch.end(), 1)
        self.assertEqual(self.guests_of(inner), [inner_pid])
        self.await_beat("host-1", inner, len(self.beats("host-1", inner)))
        self.assert_told(vm)

    def test_a_short_cut_costs_a_pause_and_no_guest(self):
        vm = self.make_in("north", "web", on_loss="anywhere")
        pid, = self.guests_of(vm)
        other = self.cloud.proxies["south.uplink"]
        other.cut()  # with nobody else heard, the fault may be the cloud's own: nothing is moved
        self.cloud.proxies["north.uplink"].cut()
        wait_until(lambda: state_of(pid) == "T", f"{pid} is frozen", seconds=LOST_SECONDS)
        before = len(self.beats("host-1", vm))
        self.cloud.proxies["north.uplink"].resume()
        self.await_beat("host-1", vm, before)
        other.resume()
        self.assertEqual(self.guests_of(vm), [pid])
        self.assertNotIn("restarts", self.get(f"/v1/vms/{vm}"))

    def test_an_operator_who_knows_better_need_not_wait(self):
        vm = self.make_in("north", "web", on_loss="anywhere")
        say = self.cloud.cli
        refused = say("cluster", "declare-off", "north", "--i-have-checked", check=False)
        self.assertIn("is connected", refused.err)
        self.assertIn("run twice", say("cluster", "declare-off", "north", check=False).err)
        self.cloud.downstreams["north"].kill()
        self.cloud.agents["host-1"].kill()
        for pid in self.guests_of(vm):
            end_process(pid, signal.SIGKILL)
        wait_until(lambda: self.cluster("north")["state"] != "up", "north is missed")
        refused = say("cluster", "recover", "north", check=False)
        self.assertIn("nothing of cluster 'north' is held back", refused.err)
        say("cluster", "declare-off", "north", "--i-have-checked")
        self.await_moved(vm)
        self.cloud.downstreams["north"].start()
        self.cloud.agents["host-1"].start()
        self.assert_salvaged(vm)

    def test_an_owner_may_forbid_it(self):
        self.await_clusters()
        for cluster in self.clusters:
            self.cloud.owner(cluster, "permission", "set", "cloud", "--placing", "restart")
            self.addCleanup(self.cloud.owner, cluster, "permission", "reset", "cloud")
        ended = self.operation(self.create("web", "heart", wait=60, on_loss="anywhere"), 60)
        self.assertEqual((ended["code"], ended["obstacle"]), ("not-allowed", "on-loss"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
