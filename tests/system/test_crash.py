#!/usr/bin/env python3
"""kill -9 of each process at each instant of a creation: its true end comes, and comes once."""
import unittest

from cloud_case import CloudCase, command_line, read, wait_until
from seal import traffic


class Crash(CloudCase):
    clusters = {"north": ["host-1"]}
    gates = ("north", "host-1")
    # Who was thrown out again and again comes back after up to 30 s, and is not given up by then.
    options = {"driver": "qemu", "timing": {"beat_seconds": 1, "hold_down_seconds": 60}}
    images = 0

    def setUp(self):
        self.key = self.id().rpartition(".")[2][-64:]
        Crash.images += 1
        self.image = self.import_image(f"image-{Crash.images}")
        self.cloud.await_capacity()
        self.before = self.capacity()
        self.addCleanup(self.recover)

    def recover(self):
        """After a failure the next test begins as if it had not been."""
        for gate in self.gate.values():
            gate.set("pass")
        for daemon in self.cloud.daemons():
            if daemon.pid():
                daemon.thaw()
        self.cloud.start()
        self.delete_all()

    def post(self, status=202):
        answer = self.ask("POST", "/v1/vms", {"name": "web", "shape": "nano", "start": True,
                                              "image": self.image},
                          headers={"Idempotency-Key": self.key})
        self.assertEqual(answer.status, status, answer.out)
        return answer.json()

    def restart(self, victim):
        process = self.cloud.daemon(victim)
        process.kill()
        process.start()

    def when_accepted(self, victim):
        """The cluster does not know of it yet."""
        cluster = self.cloud.downstreams["north"]
        cluster.freeze()
        operation = self.post()
        if victim != "north":
            self.restart(victim)
            cluster.thaw()
        else:
            self.restart(victim)
        return operation

    def while_fetched(self, victim, gate):
        self.gate[gate].set("hold")
        operation = self.post()
        self.gate[gate].await_held()
        self.restart(victim)
        self.gate[gate].set("pass")
        return operation

    def when_instructed(self, victim):
        """The agent has not read its instruction yet."""
        agent = self.cloud.agents["host-1"]
        agent.freeze()
        operation = self.post()
        wait_until(lambda: operation["id"] in traffic(self.cloud, self.cloud.server_2),
                   "the instruction on its way to the host")
        if victim != "host-1":
            self.restart(victim)
            agent.thaw()
        else:
            self.restart(victim)
        return operation

    def when_started(self, victim):
        """The guest may run already, its result may be on its way."""
        operation = self.post()
        wait_until(self.cloud.guests, "a QEMU process")
        self.restart(victim)
        return operation

    def ends_once(self, operation):
        """Success, one VM, one domain; the books balance when it is deleted."""
        ended = self.await_end(operation)
        self.assertEqual(ended["state"], "succeeded")
        self.assertEqual([(vm["id"], vm["state"]) for vm in self.vms()],
                         [(operation["vm"], "running")])
        # who lost the answer asks again with the same key, and gets the same operation
        self.assertEqual(self.post(200)["id"], operation["id"])
        guests = self.cloud.guests()
        self.assertEqual(len(guests), 1, [command_line(pid) for pid in guests])
        self.assertEqual(len(self.host_files()), 2)  # its folder and libvirt's definition
        self.delete_all()
        self.assert_nothing_is_left()
        self.await_capacity(self.before)


INSTANTS = {
    "when_accepted": lambda case, victim: case.when_accepted(victim),
    "while_the_cluster_fetches": lambda case, victim: case.while_fetched(victim, "north"),
    "while_the_host_fetches": lambda case, victim: case.while_fetched(victim, "host-1"),
    "when_instructed": lambda case, victim: case.when_instructed(victim),
    "when_started": lambda case, victim: case.when_started(victim),
}


def add_test(victim, instant, bring_about):
    def test(self):
        self.ends_once(bring_about(self, victim))
    setattr(Crash, f"test_{victim.replace('-', '_')}_is_killed_{instant}", test)


for victim_name in ("upstream", "north", "host-1", "server-1", "server-2"):
    for instant_name, way in INSTANTS.items():
        add_test(victim_name, instant_name, way)


if __name__ == "__main__":
    unittest.main(verbosity=2)
