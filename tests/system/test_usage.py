#!/usr/bin/env python3
"""What VMs use, as their tenants see it: counted on the hosts, told from level to level."""
import unittest

from cloud_case import CloudCase, guest_image, wait_until

EVERY = {"usage_seconds": 1}


class Usage(CloudCase):
    clusters = {"north": 1}
    options = {"driver": "qemu", "timing": EVERY}

    def marks(self, vm="web"):
        return self.get(f"/v1/vms/{vm}/usage").get("marks", [])

    def await_mark(self, fits, what):
        wait_until(lambda: any(fits(mark.get("usage", {})) for mark in self.marks()), what, 120)

    def test_a_tenant_sees_what_its_vm_uses_and_nobody_else_does(self):
        self.import_image("tiny", guest_image())
        made = self.create(image="tiny", shape="small", wait=60)
        self.assertEqual(made["code"], "ok", made)
        self.await_mark(lambda usage: usage.get("cpu_permille"), "it was busy")
        self.await_mark(lambda usage: usage.get("memory_mib"), "it has memory")
        graph = self.get("/v1/vms/web/usage")
        self.assertEqual((graph["vm"], graph["every_seconds"]), (made["vm"], 1))
        times = [mark["at_ms"] for mark in graph["marks"]]
        self.assertEqual(times, sorted(times))
        lines = self.vm("usage", "web").out.splitlines()
        self.assertRegex(lines[0], r"^TIME +CPU +MEMORY +READS +WRITES +RECEIVES +SENDS$")
        self.assertRegex(lines[1], r"^\d{4}-.* \d+\.\d % +[\d.]+ [KMG]?i?B +[\d.]+ [KM]?i?B/s")
        self.refuse_others()
        self.begin_anew()
        self.assertEqual(self.act("web", "delete")["code"], "ok")
        self.assertEqual(self.ask("GET", "/v1/vms/web/usage").status, 404)
        self.assert_nothing_is_left()

    def refuse_others(self):
        stranger = self.cloud.tenant("stranger")
        self.assertIn("no VM of yours", self.cloud.cli("vm", "usage", "web", token_file=stranger,
                                                       check=False).err)

    def begin_anew(self):
        """What was told is in memory alone; what comes is told again, also by agents anew."""
        before = max(mark["at_ms"] for mark in self.marks())
        for daemon in self.cloud.daemons():
            daemon.kill()
        for daemon in self.cloud.daemons():
            daemon.start()
        wait_until(lambda: self.ask("GET", "/v1/vms/web").status == 200, "it is there again", 60)
        wait_until(self.marks, "it is told again", 120)
        self.assertGreater(min(mark["at_ms"] for mark in self.marks()), before)


class Disk(CloudCase):
    """Its disk, by a guest that reads it: libvirt counts from the VM's start on, and the first mark
    is of what comes after, so the guest is to boot again while it is looked at."""
    clusters = {"north": 1}
    options = {"driver": "qemu", "timing": EVERY}

    def test_what_is_read_from_a_disk_is_seen(self):
        self.import_image("tiny", guest_image())
        self.assertEqual(self.create(image="tiny", shape="small", wait=60)["code"], "ok")

        def has_read():
            marks = self.get("/v1/vms/web/usage").get("marks", [])
            if any(mark.get("usage", {}).get("disk_read") for mark in marks):
                return True
            if marks:  # it is looked at by now
                self.vm("reboot", "web", "--hard", check=False)
            return False
        wait_until(has_read, "its disk was read", 120)


class Views(CloudCase):
    clusters = {"north": 1, "south": 1}
    options = {"driver": "test", "timing": EVERY,
               "labels": {"north": "place=north", "south": "place=south"}}

    def test_an_owner_who_does_not_let_it_be_seen_is_obeyed(self):
        self.import_image("empty")
        self.cloud.owner("south", "permission", "set", "cloud", "--views", "ips log console")
        hidden = self.create("hidden", wait=60, must="place=south")
        shown = self.create("shown", wait=60, must="place=north")
        self.assertEqual((hidden["code"], shown["code"]), ("ok", "ok"))
        wait_until(lambda: len(self.get("/v1/vms/shown/usage").get("marks", [])) > 3,
                   "what one uses is told", 120)
        self.assertEqual(self.get("/v1/vms/hidden/usage").get("marks"), None)
        self.assertIn("nothing has been told of it yet", self.vm("usage", "hidden").err)
        self.cloud.owner("south", "permission", "reset", "cloud")
        wait_until(lambda: self.get("/v1/vms/hidden/usage").get("marks"), "it is told", 120)


class Never(CloudCase):
    clusters = {"north": 1}
    options = {"driver": "test", "timing": {"usage_seconds": 0}}

    def test_who_does_not_ask_says_so(self):
        self.import_image("empty")
        self.assertEqual(self.create(wait=60)["code"], "ok")
        self.assertEqual(list(self.get("/v1/vms/web/usage")), ["vm"])
        self.assertIn("does not ask what VMs use", self.vm("usage", "web").err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
