#!/usr/bin/env python3
"""Disks that get full, of each daemon: it lives, says so, takes no new VM, and lets VMs end."""
import os
import random
import shutil
import subprocess
import unittest

from cloud_case import CloudCase, make_archive, wait_until
from test_federation import Customer


@unittest.skipUnless(os.geteuid() == 0, "a file system of its own is mounted by root alone")
class SmallDisks(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "shapes": {"nano": (1, 32, 1)}}

    @classmethod
    def give_disk(cls, daemon, mib):
        """A small one, for its state folder."""
        daemon.stop()
        os.rename(daemon.state, f"{daemon.state}.was")
        os.mkdir(daemon.state, 0o711)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0711", "tmpfs",
                        daemon.state], check=True)
        cls.addClassCleanup(subprocess.run, ["umount", "-l", daemon.state], check=True)
        shutil.copytree(f"{daemon.state}.was", daemon.state, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("*.sock"))
        daemon.start()


class SharedDisk(SmallDisks):
    """Two upstream managers with images on one cluster's disk, of 80 MiB."""
    options = {**SmallDisks.options, "upstreams": ["nimbus", "stratus"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.give_disk(cls.cloud.daemon("north"), 80)
        cls.cloud.await_capacity()

    def run_one(self, tenant, name):
        """A VM that comes and goes: its image is not in use any more."""
        path = make_archive(f"{self.folder.name}/{name}.tar.zst", random.randbytes(8 << 20))
        self.cloud.cli("image", "import", name, path, upstream=tenant.upstream)
        self.assertEqual(tenant.create(name, name, wait=60)["code"], "ok")
        self.assertEqual(tenant.act(name, "delete")["code"], "ok")

    def held(self, tenant, names):
        """Those that its operator sees at the cluster."""
        told = {name: self.cloud.rest("GET", f"/v1/images/{name}", upstream=tenant.upstream)
                for name in names}
        return [name for name in names if told[name].json().get("clusters") == "north"]

    def test_images_of_one_upstream_manager_drive_none_of_another_out(self):
        nimbus, stratus = (Customer(self, upstream, "acme") for upstream in self.cloud.upstreams)
        self.run_one(stratus, "old")
        many = [f"n{number}" for number in range(12)]  # more than the whole disk
        for name in many:
            self.run_one(nimbus, name)
        wait_until(lambda: len(self.held(nimbus, many)) in (3, 4), "it has its own share alone")
        self.assertEqual(self.held(nimbus, many), many[-len(self.held(nimbus, many)):])
        for name in ("new", "newer"):  # as if it were alone
            self.run_one(stratus, name)
        known = ["old", "new", "newer"]
        wait_until(lambda: self.held(stratus, known)[-1:] == ["newer"], "they are told")
        self.assertEqual(self.held(stratus, known), known)


class FullDisk(SmallDisks):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, mib in (("upstream", 120), ("north", 40), ("host-1", 40)):
            cls.give_disk(cls.cloud.daemon(name), mib)
        cls.cloud.await_capacity()
        cls.import_image("empty")

    def setUp(self):
        self.addCleanup(self.delete_all)
        wait_until(lambda: self.ask("POST", "/v1/vms?wait=60", {
            "name": "there", "shape": "nano", "image": "empty", "start": True}).status == 200,
                   "there is room")

    def fill(self, daemon):
        path = f"{self.cloud.daemon(daemon).state}/fill"
        with open(path, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        wait_until(lambda: "disk-full" in self.cloud.daemon(daemon).log(), f"{daemon} sees it")
        return path

    def restart(self, name):
        daemon = self.cloud.daemon(name)
        self.assertEqual(daemon.stop(), 0)
        daemon.start()

    def assert_room_again(self, path):
        os.unlink(path)
        wait_until(lambda: self.ask("POST", "/v1/vms?wait=60", {
            "name": "again", "shape": "nano", "image": "empty"}).json().get("code") == "ok",
                   "a VM can be made again")

    def test_a_host_takes_no_new_vm_and_lets_vms_end(self):
        path = self.fill("host-1")
        wait_until(lambda: self.owner_json("host", "show", "host-1").get("disk_full"),
                   "its owner is told")
        self.assertIn("disk-full", self.owner("host", "list").out)
        wait_until(lambda: self.ask("POST", "/v1/vms", {"name": "new", "shape": "nano",
                                                        "image": "empty"}).status == 409,
                   "no room for a new VM")
        self.assertEqual(self.act("there", "stop")["code"], "ok")
        self.assertEqual(self.act("there", "start")["code"], "ok")
        self.restart("host-1")
        self.assertEqual(self.act("there", "delete")["code"], "ok")
        self.assert_room_again(path)

    def test_a_manager_of_a_cluster_takes_no_new_vm_and_lets_vms_end(self):
        path = self.fill("north")
        wait_until(lambda: self.ask("POST", "/v1/vms", {"name": "new", "shape": "nano",
                                                        "image": "empty"}).status == 409,
                   "no room for a new VM")
        self.restart("north")
        self.assertEqual(self.act("there", "stop")["code"], "ok")
        self.assertEqual(self.act("there", "delete")["code"], "ok")
        self.assert_room_again(path)

    def test_an_upstream_manager_takes_no_new_vm_and_lets_vms_end(self):
        path = self.fill("upstream")
        health = self.get("/v1/health")
        self.assertEqual((health["status"], health["disk_full"]), ("degraded", True), health)
        answer = self.ask("POST", "/v1/vms", {"name": "new", "shape": "nano", "image": "empty"})
        self.assertEqual((answer.status, answer.json()["code"]), (503, "full"), answer.out)
        self.assertIn("disk is full", answer.out)
        self.restart("upstream")
        self.assertEqual(self.act("there", "stop")["code"], "ok")
        self.assertEqual(self.act("there", "delete")["code"], "ok")
        self.assert_room_again(path)

    def test_an_import_without_room_is_refused_before_its_bytes_travel(self):
        path = f"{self.folder.name}/vast"
        with open(path, "wb") as file:
            file.truncate(1 << 30)
        told = self.cloud.cli("image", "import", "vast", path, check=False)
        self.assertEqual(told.code, 1)
        self.assertIn("no room", told.err)
        self.assertNotIn("upload-", "".join(os.listdir(f"{self.cloud.upstream.state}/images")))

    def test_an_image_without_room_ends_the_creation_and_nothing_else(self):
        path = make_archive(f"{self.folder.name}/wide.tar.zst", os.urandom(24 << 20))
        self.import_image("wide", path)
        for daemon in ("north", "host-1"):
            with self.subTest(daemon):
                space = f"{self.cloud.daemon(daemon).state}/space"
                with open(space, "wb") as file:
                    file.write(bytes(12 << 20))
                ended = self.create("wide", "wide", wait=60)
                os.unlink(space)
                self.assertEqual((ended["state"], ended["code"]), ("failed", "no-capacity"), ended)
                self.assertEqual(self.act("there", "stop")["code"], "ok")
                self.assertEqual(self.act("there", "start")["code"], "ok")
                files = [name for _, _, names in os.walk(self.cloud.daemon(daemon).state)
                         for name in names if ".archive" in name or ".part" in name]
                self.assertEqual(files, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
