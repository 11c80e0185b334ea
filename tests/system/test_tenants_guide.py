#!/usr/bin/env python3
"""docs/tenants.md, step by step: each command of its first steps and of its table of every day is
run as it stands there, on a whole cloud with a real guest. What a person has to see or to answer is
another test's, which is named here."""
import os
import re
import select
import subprocess
import unittest

from cloud_case import (BOOT_SECONDS, BUILD, ROOT, CloudCase, guest_image, not_sanitized, read,
                        wait_until)

GUIDE = f"{ROOT}/docs/tenants.md"
ELSEWHERE = {  # by its beginning
    "isthmus vm console": "test_console", "isthmus vm screen": "test_screen",
    "isthmus vm forward": "test_forward", "isthmus vm ssh": "test_forward",
    "isthmus vm edit web --allow": "test_filters", "--network lan --allow": "test_filters",
    "isthmus contact add anna": "test_mail", "isthmus contact prove": "test_mail",
    "isthmus contact add chat": "test_chat_notices",
    "isthmus vm list --watch": "test_watch", "--on-loss anywhere": "test_survive_clusters",
}
FOLLOWS = ("isthmus vm log web --follow", "isthmus events")  # they do not end by themselves
STOPPED = ("isthmus vm resize", "isthmus vm revert")  # what a VM should be off for


def part(title):
    """A section of the guide."""
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", read(GUIDE), re.M | re.S)[1]


def daily(begin):
    """What stands in the table of every day in code, and begins so."""
    return re.findall(rf"`({begin}[^`]+)`", part("Every day").split("\n\n")[0])


@not_sanitized("each of its commands is another test's under them")
class TenantsGuide(CloudCase):
    clusters = {"north": ["host-1", "host-2"]}
    options = {"driver": "qemu", "wardens": True, "networks": ["lan", "wan"],
               "shapes": {"nano": (1, 128, 1), "small": (1, 128, 1), "large": (1, 192, 1)},
               "host_networks": {host: ["lan", "wan"] for host in ("host-1", "host-2")},
               "labels": {"north": "region=eu,disk=ssd"},
               "timing": {"beat_seconds": 1, "hold_down_seconds": 2, "lease_seconds": 15}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("debian", guest_image())
        cls.home = f"{cls.folder.name}/home"
        os.makedirs(f"{cls.home}/.ssh", 0o700)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        f"{cls.home}/.ssh/id_ed25519"], check=True)

    def setUp(self):
        self.addCleanup(self.delete_all)

    def begin(self, line):
        """As a tenant's shell would, from the tenant's home."""
        return subprocess.Popen(
            ["bash", "-c", line], cwd=self.home, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**self.cloud.environment(self.token_file), "HOME": self.home,
                 "PATH": f"{BUILD}/src/cli:{os.environ['PATH']}"})

    def follow(self, line):
        """Until it says something, while something happens."""
        def happens():
            self.act("web", "lock")
            self.act("web", "unlock")
            return select.select([process.stdout], [], [], 1)[0]
        with self.begin(line) as process:
            try:
                wait_until(happens, line)
                self.assertTrue(process.stdout.readline(), line)
            finally:
                process.kill()

    def do(self, line):
        with self.begin(line) as process:
            said = process.communicate(timeout=300)[0]
        self.assertEqual(process.returncode, 0, f"{line}\n{said}")
        return said

    def settle(self, name, wanted):
        """The VM, as the next step wants it, with nothing under way."""
        path = f"/v1/operations?vm={self.get(f'/v1/vms/{name}')['id']}&state=pending,running"
        wait_until(lambda: not self.get(path)["items"], f"{name} is at rest", 120)
        if self.get(f"/v1/vms/{name}")["state"] not in (wanted, "paused"):
            self.assertEqual(self.act(name, "stop" if wanted == "stopped" else "start")["code"],
                             "ok")

    def await_guest(self):
        """Until it hears what is asked of it."""
        log = "ISTHMUS-GUEST ready"
        wait_until(lambda: log in self.vm("log", "web", check=False).out, log, BOOT_SECONDS)

    def test_the_first_steps_lead_to_a_running_vm(self):
        steps = re.search(r"```\n(.*?)```", part("First steps"), re.S)[1].splitlines()
        commands = [line.split("  #")[0].strip() for line in steps]
        for line in commands:
            if not line.startswith("export "):  # which say what self.begin does
                said = self.do(line)
        self.assertIn("running", said)
        self.assertEqual(len([line for line in commands if line.startswith("isthmus ")]), 6)

    def test_what_is_done_every_day_is_done_as_it_is_said(self):
        self.create("web", "debian", wait=60, shape="small", networks="lan")
        self.await_guest()
        lines = daily("isthmus ")
        self.assertGreater(len(lines), 25)
        for line in lines:
            if line.startswith(tuple(ELSEWHERE)):
                continue
            with self.subTest(line):
                self.settle("web", "stopped" if line.startswith(STOPPED) else "running")
                if line in FOLLOWS:
                    self.follow(line)
                else:
                    self.do(line)
                if " lock " in line:
                    self.act("web", "unlock")

    def test_what_is_chosen_at_its_creation_can_be(self):
        options = daily("--")
        self.assertGreater(len(options), 7)
        for at, option in enumerate(options):
            if option.startswith(tuple(ELSEWHERE)):
                continue
            with self.subTest(option):
                self.do(f"isthmus vm create chosen-{at} --shape nano --image debian {option} "
                        "--wait")
                self.do(f"isthmus vm delete chosen-{at} --wait")

    def test_what_is_another_tests_is_there(self):
        said = daily("isthmus ") + daily("--")
        for begin, module in ELSEWHERE.items():
            self.assertTrue([line for line in said if line.startswith(begin)], begin)
            self.assertTrue(os.path.exists(f"{ROOT}/tests/system/{module}.py"), module)


if __name__ == "__main__":
    unittest.main(verbosity=2)
