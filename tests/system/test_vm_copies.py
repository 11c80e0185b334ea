#!/usr/bin/env python3
"""Copies of a VM's disk, from its tenant's word down to its host and into the cluster's block
store: what counts, what is told of it, and what stays whatever dies."""
import contextlib
import os
import sqlite3
import unittest

from cloud_case import CloudCase, command_line, guest_image, not_sanitized, wait_until
from copies_case import write_disk

MIB = 1 << 20


@not_sanitized("with the sanitizers' build guests do not come up in it; why is not known yet")
class CopiesOfVms(CloudCase):
    clusters = {"north": 1}
    options = {"driver": "qemu"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.downstream = cls.cloud.downstreams["north"]
        [cls.agent] = cls.cloud.agents.values()

    def copies(self):
        return self.get("/v1/vms/web").get("copies", [])

    def copy(self):
        """The newest, once there is one more."""
        done = self.act("web", "copy")
        self.assertEqual(done["code"], "ok", done)
        return self.copies()[-1]

    def rows(self, table):
        """In the block store, which the manager holds locked while it runs."""
        self.downstream.stop()
        path = f"{self.downstream.state}/copies.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as store:
            count = store.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        self.downstream.start()
        self.cloud.await_capacity()
        return count

    def column(self, name):
        heads, row = self.vm("list").out.splitlines()
        at = heads.index(name)
        return row[at:].split()[0]

    def write(self, vm, pattern, offset):
        write_disk(f"{self.agent.state}/vms/{vm}/disk.qcow2", pattern, offset, 8 * MIB)

    def test_a_tenant_copies_a_disk_and_is_told_how_old_the_copies_are(self):
        self.import_image("tiny", guest_image())
        made = self.create(image="tiny", shape="small", wait=60)
        self.assertEqual(made["code"], "ok", made)
        self.assertEqual((self.copies(), self.column("COPY")), ([], "-"))
        first = self.copy()  # while it runs
        self.assertGreaterEqual(first["made_ms"], made["created_ms"] - 60000)
        self.assertRegex(self.column("COPY"), r"^\d+[sm]$")
        self.assertEqual(self.act("web", "stop")["code"], "ok")
        self.write(made["vm"], 0x5a, 300 * MIB)
        second = self.copy()
        self.assertGreater(second["number"], first["number"])
        self.assertLess(second["bytes"], 2 * MIB)  # of one pattern: it compresses to nothing
        self.write(made["vm"], 0xa5, 300 * MIB)
        third = self.copy()
        self.assertEqual([copy["number"] for copy in self.copies()],
                         [second["number"], third["number"]])
        self.assertEqual(self.rows("root"), 2)  # the first one has gone
        self.tell_owner(third)
        self.lose_the_managers_and_the_host([second, third])
        self.lose_the_block_store(third)
        self.assertEqual(self.act("web", "delete")["code"], "ok")
        wait_until(lambda: self.rows("bucket") == 0, "copies go with their VM", 60)
        self.assert_nothing_is_left()

    def servers(self):
        """Processes that serve a disk of ours to an agent."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            words = " ".join(command_line(int(pid)))
            found += [pid] if "qemu-nbd -f" in words and self.agent.state in words else []
        return found

    def tell_owner(self, newest):
        [shown] = self.owner_json("vm", "list")["items"]
        self.assertEqual(shown["copies"][-1]["bytes"], newest["bytes"])
        self.assertNotIn("root", shown["copies"][-1])  # its name is nobody's business
        listed = self.vm("copies", "web").out.splitlines()
        self.assertEqual([row.split()[0] for row in listed[1:]],
                         [str(copy["number"]) for copy in self.copies()])

    def lose_the_managers_and_the_host(self, known):
        """In the midst of a copy, which ends all the same, and counts or does not."""
        asked = self.ask("POST", "/v1/vms/web/copy").json()
        for daemon in self.cloud.daemons():
            daemon.kill()
        wait_until(lambda: not self.servers(), "nothing of the agent's keeps the disk", 20)
        for daemon in self.cloud.daemons():
            daemon.start()
        ended = self.operation(asked, wait=90)
        self.assertIn(ended["code"], ("ok", "host-failed"))  # its manager may go while it sends
        numbers = [copy["number"] for copy in self.copies()]
        before = [copy["number"] for copy in known]
        self.assertEqual(numbers[:-1] if ended["code"] == "ok" else numbers,
                         before[1:] if ended["code"] == "ok" else before)

    def lose_the_block_store(self, known):
        self.downstream.stop()
        for name in os.listdir(self.downstream.state):
            if name.startswith("copies.sqlite"):
                os.remove(f"{self.downstream.state}/{name}")
        self.downstream.start()
        self.cloud.await_capacity()
        self.copy()
        [only] = self.copies()
        self.assertGreater(only["number"], known["number"])
        self.assertIn("copies of VM", self.downstream.log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
