#!/usr/bin/env python3
"""Archives that take long, or much: an import and an unpacking are given up with their daemon, and
what comes out of an archive is bounded by the host's owner."""
import json
import os
import tarfile
import threading
import unittest

from cloud_case import CloudCase, make_archive, wait_until
from test_federation import Customer

GIB = 2 ** 30
BLOCK = 2 ** 17


def zstd(content, length=0):
    """A frame (RFC 8878) of the bytes as they are, or of so many zeros."""
    frame = bytearray(b"\x28\xb5\x2f\xfd\x00\x38")
    length = length or len(content)
    for at in range(0, length, BLOCK):
        piece = min(BLOCK, length - at)
        head = piece << 3 | (0 if content else 2) | (at + piece == length)
        frame += head.to_bytes(3, "little") + (content[at:at + piece] if content else b"\0")
    return bytes(frame)


def make_zeros(path, disk_bytes):
    """An image with a disk of so many zeros, in a small archive."""
    manifest = json.dumps({"format": 1, "architecture": "x86_64", "disk": "disk",
                           "disk_format": "raw", "of": path}).encode()
    entry = tarfile.TarInfo("manifest.json")
    entry.size = len(manifest)
    disk = tarfile.TarInfo("disk")
    disk.size = disk_bytes
    head = entry.tobuf() + manifest.ljust(-len(manifest) // 512 * -512, b"\0") + disk.tobuf()
    with open(path, "wb") as file:
        file.write(zstd(head) + zstd(b"", disk_bytes) + zstd(bytes(1024)))
    return path


class ImagesCase(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "shapes": {"nano": (1, 32, 4)},
               "host": {"cpus": 16, "memory_mib": 8192, "disk_gib": 80, "max_image_gib": 1}}

    def zeros(self, name, disk_bytes):
        return make_zeros(f"{self.folder.name}/{name}.tar.zst", disk_bytes)


class Unpacking(ImagesCase):
    options = {"driver": "test", "shapes": {"vast": (1, 32, 512)},
               "host": {"cpus": 16, "memory_mib": 8192, "disk_gib": 2048}}

    def test_an_unpacking_is_given_up_with_its_agent(self):
        agent = self.cloud.agents["host-1"]
        self.import_image("slow", self.zeros("slow", 300 * GIB))
        self.create("slow", "slow", shape="vast")
        wait_until(lambda: any(name.endswith(".new") for name in
                               os.listdir(f"{agent.state}/images")), "it is being unpacked")
        digest = self.get("/v1/images/slow")["digest"]
        self.assertEqual(agent.stop(), 0)
        is_given_up = " event=stop-unfinished " in agent.log()  # a fast machine may be done by then
        self.assertEqual(os.listdir(f"{agent.state}/images"), [] if is_given_up else [digest])


class Several(CloudCase):
    """Two upstream managers whose archives are the same, by one cluster's folder of images."""
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "upstreams": ["nimbus", "stratus"], "shapes": {"nano": (1, 32, 1)}}

    def setUp(self):
        self.tenants = [Customer(self, upstream, "acme") for upstream in self.cloud.upstreams]

    def import_at_both(self, name):
        path = make_archive(f"{self.folder.name}/{name}.tar.zst")
        return {upstream: self.cloud.cli("image", "import", name, path, "-o", "json",
                                         upstream=upstream).json()["digest"]
                for upstream in self.cloud.upstreams}[self.tenants[0].upstream]

    def test_an_image_of_another_cannot_be_used_by_its_digest(self):
        digest = self.import_at_both("secret")
        nimbus, stratus = self.tenants
        self.assertEqual(nimbus.create("web", "secret", wait=60)["code"], "ok")
        os.unlink(f"{self.cloud.upstreams[stratus.upstream].state}/images/{digest}")
        self.assertEqual(stratus.create("web", "secret", wait=60)["code"], "image-unavailable")
        self.assertEqual(nimbus.create("more", "secret", wait=60)["code"], "ok")

    def test_the_same_image_at_the_same_time_comes_from_each_and_is_kept_once(self):
        digest = self.import_at_both("common")
        made = [tenant.create("both", "common") for tenant in self.tenants]
        for tenant, operation in zip(self.tenants, made):
            tenant.await_end(operation)
        images = f"{self.cloud.downstreams['north'].state}/images"
        kept = sorted(name for _, _, names in os.walk(images) for name in names if digest in name)
        self.assertEqual(kept, [digest] * 3)  # the archive, and a grant of each
        self.assertEqual([os.path.getsize(f"{images}/of-{tenant.upstream}/{digest}")
                          for tenant in self.tenants], [0, 0])


class Images(ImagesCase):
    def test_an_import_is_given_up_with_its_manager(self):
        path = self.zeros("long", 900 * GIB)
        upstream = self.cloud.upstream
        told = []
        with open(path, "rb") as file:
            archive = file.read()

        def send():  # once, and of no digest: with one the command would wait and go on
            try:
                told.append(self.cloud.rest("PUT", "/v1/images/long", archive, timeout=300).status)
            except OSError as fault:
                told.append(fault)

        asking = threading.Thread(target=send)
        asking.start()
        images = f"{upstream.state}/images"
        wait_until(lambda: any(name.startswith("upload-") and
                               os.path.getsize(f"{images}/{name}") == os.path.getsize(path)
                               for name in os.listdir(images)), "the whole archive is there")
        self.assertEqual(upstream.stop(), 0)
        asking.join()
        self.assertNotEqual(told[0], 201)
        self.assertEqual([name for name in os.listdir(images) if name.startswith("upload-")], [])
        upstream.start()
        self.cloud.await_capacity()

    def test_what_is_said_of_an_image_is_shown_and_held_against_shapes(self):
        manifest = {"machine": {"disk_bus": "scsi"}, "cloud_init": "yes"}
        path = make_archive(f"{self.folder.name}/said.tar.zst", manifest=manifest)
        said = ["--firmware", "uefi", "--clock", "local", "--min-cpus", "2", "--min-disk-gib", "3"]
        self.cloud.cli("image", "import", "said", path, *said)
        image = self.get("/v1/images/said")
        self.assertEqual(image["machine"], {"firmware": "uefi", "disk_bus": "scsi",
                                            "clock": "local"})
        self.assertEqual((image["least_cpus"], image["disk_gib"], image["cloud_init"]),
                         (2, 3, "yes"))
        refused = self.vm("create", "small", "--shape", "nano", "--image", "said", check=False)
        self.assertIn("needs 2 CPUs, there would be 1", refused.err)
        wrong = self.cloud.cli("image", "import", "said", path, "--firmware", "coreboot",
                               check=False)
        self.assertIn("firmware", wrong.err)
        other = self.cloud.cli("image", "import", "other", path, "--architecture", "aarch64",
                               check=False)
        self.assertIn("manifest says x86_64", other.err)
        self.assertNotIn("other", self.cloud.cli("image", "list", "-o", "name").out.split())

    def test_more_than_its_owner_permits_does_not_come_out_on_a_host(self):
        self.import_image("two", self.zeros("two", 2 * GIB))
        ended = self.create("two", "two", wait=60)
        self.assertEqual((ended["state"], ended["code"]), ("failed", "image-too-large"), ended)
        wait_until(lambda: self.vms() == [], "nothing is left")


if __name__ == "__main__":
    unittest.main(verbosity=2)
