"""A cloud whose links are harmed amid creations and deletions: what is asked of it, and the claims
that each operation came to its true end, each VM was made once, and the books balance.

ISTHMUS_SEED repeats what was random; the seed is printed first."""
import collections
import os
import random
import re
import time

from cloud_case import WAIT_SECONDS, CloudCase, wait_until

SEED = int(os.environ.get("ISTHMUS_SEED", random.randrange(2 ** 32)))
DEFINED = re.compile(r"event=operation .*vm=(\S+) verb=define state=succeeded")
NOT_BEGUN = ("unreachable", "no-capacity")  # the cluster is away, or its hosts


class LinkCase(CloudCase):
    @classmethod
    def setUpClass(cls):
        print(f"     seed {SEED}", flush=True)
        super().setUpClass()
        cls.import_image("empty")

    def setUp(self):
        self.cloud.await_capacity()
        self.before = self.capacity()
        self.assertEqual(self.before["north"]["cpus_free"], self.before["north"]["cpus_total"])

    def define(self, count, wait=0):
        """Asks for so many VMs more; the operations of those that were not refused."""
        taken = []
        for _ in range(count):
            answer = self.ask("POST", f"/v1/vms?wait={wait}", {
                "name": f"vm-{time.monotonic_ns()}", "shape": "nano", "image": "empty",
                "start": True})
            if answer.status in (409, 503):  # the cluster is away, or its hosts: nothing was begun
                self.assertIn(answer.json()["code"], NOT_BEGUN, answer.out)
            else:
                self.assertIn(answer.status, (200, 202), answer.out)
                taken.append(answer.json())
        return taken

    def delete(self, operations, wait=0):
        """Asks for the end of their VMs; the operations, but of those that never were."""
        taken = []
        for operation in operations:
            answer = self.ask("DELETE", f"/v1/vms/{operation['vm_name']}?wait={wait}")
            if answer.status == 404:
                self.assert_not_begun(self.operation(operation))
            else:
                self.assertIn(answer.status, (200, 202), answer.out)
                taken.append(answer.json())
        return taken

    def assert_not_begun(self, ended):
        """It waited for a cluster that was away, in vain: no host has ever had its VM."""
        self.assertEqual(ended["state"], "failed", ended)
        self.assertIn(ended["code"], NOT_BEGUN, ended)
        self.assertEqual(self.hosts_of()[ended["vm"]], 0, ended)

    def begun(self, operations):
        """After their ends, those that did not wait in vain."""
        ends = [self.operation(operation, WAIT_SECONDS) for operation in operations]
        for ended in ends:
            if ended["code"] in NOT_BEGUN:
                self.assert_not_begun(ended)
        return [operation for operation, ended in zip(operations, ends)
                if ended["code"] not in NOT_BEGUN]

    def hosts_of(self):
        """How often each VM was defined on any host."""
        return collections.Counter(vm for agent in self.cloud.agents.values()
                                   for vm in DEFINED.findall(agent.log()))

    def await_made(self, operations):
        """Each has succeeded, runs, was defined once and is counted."""
        for operation in operations:
            self.await_end(operation)
        wanted = {operation["vm"]: "running" for operation in operations}
        self.assertEqual({vm["id"]: vm["state"] for vm in self.vms()}, wanted)
        wait_until(lambda: not wanted.keys() - self.hosts_of().keys(), "each host's log of it")
        times = self.hosts_of()
        self.assertEqual({vm: times[vm] for vm in wanted}, dict.fromkeys(wanted, 1))
        wait_until(lambda: self.cpus("cpus_free") == self.before["north"]["cpus_free"] -
                   len(wanted), "a capacity that counts each VM once")

    def await_gone(self, operations):
        for operation in operations:
            self.await_end(operation)
        self.assertEqual(self.vms(), [])
        self.await_capacity(self.before)

    def cpus(self, key):
        return self.capacity()["north"][key]
