#!/usr/bin/env python3
"""A cluster whose way up is dead: with application server 1 gone its VMs run, are watched and come
back after a host's loss of power, its owner is served, and what became of the operations is told
once server 1 is there again (law 9)."""
import unittest

from cloud_case import CloudCase, read, wait_until
from cloud import end_process

FORMER_BOOT = "00000000-0000-0000-0000-000000000000\n"


class Autonomy(CloudCase):
    clusters = {"north": ["host-1", "host-2"]}
    options = {"timing": {"beat_seconds": 1, "hold_down_seconds": 5}}
    gates = ("north",)

    def setUp(self):
        self.import_image("empty")
        self.addCleanup(self.delete_all)

    def lose_power(self, agent):
        """Of the agent's host: agent and guests end, and it is another boot of the host then."""
        agent.kill()
        vms = self.cloud.guests(agent.name)
        for pid in vms:
            end_process(pid, 9)
        for path in self.host_files():
            if path.startswith(f"{agent.state}/vms/"):
                self.assertRegex(read(f"{path}/boot"), "^[0-9a-f-]{36}\n$")
                with open(f"{path}/boot", "w") as boot:
                    boot.write(FORMER_BOOT)
        return len(vms)

    def serve_the_owner(self):
        """Who sees the VMs, and lets a host rest and work again."""
        wait_until(lambda: self.cloud.owner("north", "vm", "list").out.count("running") == 2,
                   "the owner sees both VMs running")
        for verb in ("cordon", "uncordon"):
            self.cloud.owner("north", "host", verb, "host-1")

    def test_a_cluster_without_its_upstream_keeps_its_vms_and_tells_all_when_it_is_back(self):
        before = self.create("before")
        self.await_end(self.operation(before, 60))
        self.gate["north"].set("hold")
        self.import_image("another")
        meanwhile = self.create("meanwhile", image="another")
        self.await_step(meanwhile, "taken")
        self.gate["north"].await_held()
        self.cloud.server_1.kill()
        try:
            self.gate["north"].set("pass")
            self.serve_the_owner()
            self.assertEqual(len(self.cloud.guests()), 2)
            for agent in self.cloud.agents.values():
                had = self.lose_power(agent)
                agent.start()
                wait_until(lambda: len(self.cloud.guests(agent.name)) == had,
                           f"the VMs of {agent.name} run again")
            self.assertEqual(len(self.cloud.guests()), 2)
            self.serve_the_owner()
            self.assertEqual(self.operation(meanwhile)["state"], "running")
        finally:
            self.cloud.server_1.start()
        self.await_end(meanwhile)
        wait_until(lambda: {vm["name"]: vm["state"] for vm in self.vms()} ==
                   {"before": "running", "meanwhile": "running"}, "the true states")
        self.assertEqual(len(self.cloud.guests()), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
