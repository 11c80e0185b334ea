#!/usr/bin/env python3
"""./quickstart without what it installs: what it promises, and that it leaves nothing."""
import os
import re
import subprocess
import tempfile
import unittest

from cloud_case import ROOT, command_line, not_sanitized

SECONDS = 900


@not_sanitized("it builds and runs what is in build/")
class Quickstart(unittest.TestCase):
    def run_it(self, *options):
        done = subprocess.run(["python3", f"{ROOT}/tools/quickstart.py", "--folder", self.folder,
                               *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_it_shows_a_vm_and_how_it_goes_on_when_its_cluster_is_lost(self):
        parent = tempfile.TemporaryDirectory(prefix="isthmus-q-", dir="/var/tmp")
        self.addCleanup(parent.cleanup)
        self.folder = f"{parent.name}/q"
        self.addCleanup(lambda: os.path.exists(self.folder) and self.run_it("--remove"))
        shown = self.run_it()
        self.assertIn("ISTHMUS-GUEST name=hello user-data=greeting", shown)
        self.assertRegex(shown, r"\$ isthmus vm ssh hello .*\n   hello\n   Linux \d")
        self.assertRegex(shown, r"the page, within two minutes +http://127\.0\.0\.1:\d+/#")
        self.assertRegex(shown, r"isthmus-warden has frozen QEMU, pid \d+")
        self.assertRegex(shown, r"hello +running +south")
        self.assertRegex(shown, r"host-\d +\d+\w +put aside")
        self.assertRegex(self.run_it("--remove"), "^ended: ")
        self.assertFalse(os.path.lexists(self.folder))
        pids = set(re.findall(r"pid (\d+)", shown))
        self.assertEqual([pid for pid in pids if self.folder in " ".join(command_line(pid))], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
