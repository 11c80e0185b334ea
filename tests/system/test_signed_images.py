#!/usr/bin/env python3
"""Images that are signed by their upstream manager, and a cluster whose owner pinned two keys; the
stock minisign makes the keys, verifies what is signed and signs what is to be refused."""
import os
import random
import shutil
import subprocess
import tempfile
import threading
import unittest

from cloud_case import CloudCase, make_archive, read, wait_until


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def minisign(*words):
    return subprocess.run(["minisign", *words], check=True, text=True, capture_output=True).stdout


class SigningCase(CloudCase):
    clusters = {"north": ["host-1"]}

    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.mkdtemp(prefix="isthmus-keys-")
        cls.addClassCleanup(shutil.rmtree, cls.keys)
        for name in ("manager", "spare", "foreign"):
            minisign("-G", "-W", "-s", f"{cls.keys}/{name}.key", "-p", f"{cls.keys}/{name}.pub")
        pinned = ",".join(cls.public(name) for name in ("manager", "spare"))
        cls.options = {"driver": "test", "shapes": {"nano": (1, 32, 1)},
                       "api": {"image_key_file": f"{cls.keys}/manager.key"},
                       "limits": {"image_keys": pinned}}
        super().setUpClass()

    @classmethod
    def public(cls, name):
        return read(f"{cls.keys}/{name}.pub").splitlines()[1]

    def import_new(self, name):
        """An image of its own bytes: its digest."""
        path = make_archive(f"{self.folder.name}/{name}.tar", random.randbytes(1 << 16))
        self.import_image(name, path)
        return self.get(f"/v1/images/{name}")["digest"]

    def archive(self, digest):
        return f"{self.cloud.upstream.state}/images/{digest}"

    def sign(self, key, digest, comment):
        """In place of the manager's signature."""
        minisign("-S", "-W", "-s", f"{self.keys}/{key}.key", "-m", self.archive(digest), "-x",
                 f"{self.archive(digest)}.minisig", "-t", comment)

    def end_of(self, image):
        self.made = getattr(self, "made", 0) + 1
        name = f"{image}-{self.made}"
        code = self.create(name, image, wait=60)["code"]
        if code == "ok":
            self.addCleanup(self.act, name, "delete")
        return code


class SignedImages(SigningCase):
    def refused(self, image, digest, words):
        self.assertEqual(self.end_of(image), "image-broken")
        cluster = self.cloud.downstreams["north"]
        self.assertEqual([name for _, _, names in os.walk(f"{cluster.state}/images")
                          for name in names if digest in name], [])
        self.assertIn(f"image {digest} {words}", cluster.log())

    def test_the_stock_minisign_verifies_what_the_manager_signed(self):
        digest = self.import_new("plain")
        told = minisign("-V", "-P", self.public("manager"), "-m", self.archive(digest), "-x",
                        f"{self.archive(digest)}.minisig")
        self.assertRegex(told, rf"image=plain sequence=[0-9]{{13}} sha256={digest}\n")
        self.assertEqual(self.end_of("plain"), "ok")

    def test_either_of_the_pinned_keys_will_do(self):
        digest = self.import_new("by-spare")
        self.sign("spare", digest, f"image=by-spare sequence=7 sha256={digest}")
        self.assertEqual(self.end_of("by-spare"), "ok")

    def test_what_is_not_signed_by_one_of_them_does_not_come(self):
        digest = self.import_new("unsigned")
        signature = read(f"{self.archive(digest)}.minisig")
        os.unlink(f"{self.archive(digest)}.minisig")
        self.refused("unsigned", digest, "is not signed")
        other = self.import_new("other")
        for name, make in {
                "foreign": lambda: self.sign("foreign", other,
                                             f"image=other sequence=9 sha256={other}"),
                "of-another": lambda: self.write(other, signature),
                "unclear": lambda: self.sign("manager", other, f"sha256={other} image=other"),
                "cut": lambda: self.write(other, read(f"{self.archive(other)}.minisig")[:-20]),
        }.items():
            with self.subTest(name):
                make()
                self.refused("other", other, "is not signed")
        self.write(digest, signature)
        self.assertEqual(self.end_of("unsigned"), "ok")

    def write(self, digest, text):
        with open(f"{self.archive(digest)}.minisig", "w", encoding="utf-8") as file:
            file.write(text)

    def test_a_comment_that_was_changed_counts_for_nothing(self):
        digest = self.import_new("changed")
        signature = read(f"{self.archive(digest)}.minisig")
        self.write(digest, signature.replace("sequence=1", "sequence=2"))
        self.refused("changed", digest, "is not signed")

    def test_no_name_goes_back_to_an_older_archive(self):
        self.import_new("steady")
        self.assertEqual(self.end_of("steady"), "ok")
        old = self.import_new("old")
        self.sign("manager", old, f"image=steady sequence=5 sha256={old}")
        self.refused("old", old, "is older than one of its name")
        self.cloud.downstreams["north"].stop()
        self.cloud.downstreams["north"].start()
        self.cloud.await_capacity()
        self.refused("old", old, "is older than one of its name")

    def test_an_archive_is_signed_for_each_of_its_names(self):
        digest = self.import_new("first")
        path = f"{self.folder.name}/first.tar"
        self.import_image("second", path)
        lines = read(f"{self.archive(digest)}.minisig").splitlines()
        self.assertEqual([line.split()[2] for line in lines[2::4]],
                         ["image=second", "image=first"])
        taken = self.import_new("taken")
        refused = self.cloud.cli("image", "import", "taken", path, check=False)
        self.assertNotEqual(refused.code, 0)
        self.assertEqual(read(f"{self.archive(digest)}.minisig").splitlines(), lines)
        self.assertEqual(len(read(f"{self.archive(taken)}.minisig").splitlines()), 4)
        refused = self.cloud.rest("PUT", "/v1/images/first?architecture=aarch64",
                                  read_bytes(path))
        self.assertEqual(refused.status, 422, refused.out)
        self.assertEqual(read(f"{self.archive(digest)}.minisig").splitlines(), lines)
        self.import_image("first", path)
        again = read(f"{self.archive(digest)}.minisig").splitlines()
        self.assertEqual([line.split()[2] for line in again[2::4]],
                         ["image=first", "image=second"])
        for at in (0, 4):
            self.write(digest, "\n".join(again[at:at + 4]) + "\n")
            minisign("-V", "-P", self.public("manager"), "-m", self.archive(digest), "-x",
                     f"{self.archive(digest)}.minisig")


class Retired(SigningCase):
    """Archives that no image has any more."""

    def files(self, *digests):
        return sorted(name for name in os.listdir(f"{self.cloud.upstream.state}/images")
                      if name.split(".")[0] in digests)

    def test_an_archive_and_its_signatures_go_with_its_last_name(self):
        digest = self.import_new("one")
        self.import_image("two", f"{self.folder.name}/one.tar")
        self.cloud.cli("image", "delete", "one")
        self.assertEqual(self.create("web", "two", wait=60)["code"], "ok")
        self.assertEqual(self.files(digest), [digest, f"{digest}.minisig"])
        self.act("web", "delete")
        self.cloud.cli("image", "delete", "two")
        wait_until(lambda: self.files(digest) == [], "its files are gone")
        self.import_image("two", f"{self.folder.name}/one.tar")
        self.assertEqual(self.end_of("two"), "ok")

    def test_what_a_killed_manager_was_to_remove_goes_when_it_starts(self):
        images = {f"late-{number}": self.import_new(f"late-{number}") for number in range(6)}
        for name in images:
            self.cloud.cli("image", "delete", name)
            self.cloud.upstream.kill()
            self.cloud.upstream.start()
        wait_until(lambda: self.files(*images.values()) == [], "all files are gone")
        kept = self.import_new("kept")
        self.cloud.upstream.kill()
        self.cloud.upstream.start()
        self.assertEqual(self.files(kept), [kept, f"{kept}.minisig"])

    def test_an_image_that_comes_while_another_one_goes_has_its_archive(self):
        path = make_archive(f"{self.folder.name}/common.tar", random.randbytes(1 << 16))
        faults = []

        def come_and_go(name):
            for _ in range(15):
                self.cloud.cli("image", "import", name, path)
                digest = self.get(f"/v1/images/{name}")["digest"]
                if not os.path.exists(self.archive(digest)):
                    faults.append(name)
                self.cloud.cli("image", "delete", name)

        threads = [threading.Thread(target=come_and_go, args=[f"guest-{number}"])
                   for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        self.import_image("common", path)
        self.assertEqual(self.end_of("common"), "ok")


if __name__ == "__main__":
    unittest.main(verbosity=2)
