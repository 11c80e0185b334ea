#!/usr/bin/env python3
"""docs/examples/first-vm.sh does what it says, on a whole cloud (libvirt's test driver)."""
import os
import subprocess
import unittest

from cloud_case import BUILD, ROOT, CloudCase, make_archive

SCRIPT = f"{ROOT}/docs/examples/first-vm.sh"


class FirstVm(CloudCase):
    options = {"driver": "test"}

    def run_script(self, *arguments):
        return subprocess.run(
            [SCRIPT, *arguments], text=True, capture_output=True, timeout=120,
            stdin=subprocess.DEVNULL, env={**self.cloud.environment(),
                                           "PATH": f"{BUILD}/src/cli:{os.environ['PATH']}"})

    def test_it_goes_from_an_image_to_a_vm_and_back(self):
        archive = make_archive(f"{self.cloud.folder}/first.tar.zst")
        done = self.run_script(archive)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for word in ("define first: done", "instructed", "stop first: done", "start first: done",
                     "delete first: done"):
            self.assertIn(word, done.stdout)
        for path in ("vms", "images", "tenants"):
            left = self.cloud.rest("GET", f"/v1/{path}").json()["items"]
            self.assertFalse([row for row in left if "first" in row["name"]], path)

    def test_it_fails_when_a_step_fails(self):
        done = self.run_script(f"{self.cloud.folder}/absent.tar.zst")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("absent.tar.zst", done.stderr)


if __name__ == "__main__":
    unittest.main()
