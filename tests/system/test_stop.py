#!/usr/bin/env python3
"""SIGTERM: each daemon finishes what is under way and exits with 0; VMs run on and are adopted."""
import os
import signal
import unittest

from cloud_case import CloudCase, read, wait_until


class Stop(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "qemu"}
    images = 0

    def setUp(self):
        Stop.images += 1
        self.image = self.import_image(f"image-{Stop.images}")
        self.addCleanup(self.delete_all)

    def stop_and_start(self, name):
        daemon = self.cloud.daemon(name)
        self.assertEqual(daemon.stop(), 0, f"exit code of {name}")
        self.assertIn("event=stopping", daemon.log())
        self.assertNotIn("event=stop-unfinished", daemon.log())
        daemon.start()

    def test_a_vm_runs_on_and_is_adopted(self):
        self.assertEqual(self.create("web", self.image, wait=60)["code"], "ok")
        guests = self.cloud.guests()
        for name in ("upstream", "north", "host-1"):
            self.stop_and_start(name)
            self.assertEqual(self.cloud.guests(), guests)
        self.cloud.await_capacity()
        self.assertEqual(self.vms()[0]["state"], "running")
        self.assertEqual(self.act("web", "stop")["code"], "ok")
        self.assertEqual(self.cloud.guests(), [])
        self.assertEqual(self.act("web", "start")["code"], "ok")
        self.assertEqual(len(self.cloud.guests()), 1)

    def test_a_vm_that_died_while_its_agent_was_away_is_not_said_to_run(self):
        self.assertEqual(self.create("web", self.image, wait=60)["code"], "ok")
        agent = self.cloud.agents["host-1"]
        self.assertEqual(agent.stop(), 0)
        self.kill_guests()
        agent.start()
        wait_until(lambda: self.vms()[0]["state"] in ("crashed", "stopped"), "the VM's true state")
        self.assertEqual(self.act("web", "start")["code"], "ok")
        self.assertEqual(self.vms()[0]["state"], "running")

    def test_the_end_of_qemu_is_told(self):
        self.assertEqual(self.create("web", self.image, wait=60)["code"], "ok")
        self.kill_guests()
        wait_until(lambda: self.vms()[0]["state"] == "crashed", "the VM's true state")

    def kill_guests(self):
        for pid in self.cloud.guests():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.cloud.guests(), "the end of QEMU")

    def stop_in_a_creation(self, name):
        operation = self.create("web", self.image)
        wait_until(lambda: operation["id"] in read(self.cloud.agents["host-1"].log_file),
                   "the agent takes the instruction")
        self.stop_and_start(name)
        self.await_end(operation)
        self.assertEqual([vm["state"] for vm in self.vms()], ["running"])
        self.assertEqual(len(self.cloud.guests()), 1)

    def test_an_agent_finishes_what_is_under_way(self):
        self.stop_in_a_creation("host-1")

    def test_a_downstream_manager_finishes_what_is_under_way(self):
        self.stop_in_a_creation("north")

    def test_an_upstream_manager_finishes_what_is_under_way(self):
        self.stop_in_a_creation("upstream")


if __name__ == "__main__":
    unittest.main(verbosity=2)
