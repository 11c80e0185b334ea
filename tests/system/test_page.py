#!/usr/bin/env python3
"""The page, by a real browser on real daemons. What it looked like stays in build/page-shots."""
import fcntl
import json
import os
import re
import shutil
import subprocess
import unittest

from cloud_case import BUILD, ROOT, CloudCase, read, wait_until

SOURCE, TOOLS = f"{ROOT}/tests/page", f"{ROOT}/build/page-tools"  # for all builds
PAGE, SHOTS = f"{BUILD}/web/page", f"{BUILD}/page-shots"
NEEDED = {"chromium": shutil.which("chromium"), "npm": shutil.which("npm"),
          "the page, which was not built": os.path.exists(PAGE)}
MISSING = ", ".join(name for name, found in NEEDED.items() if not found)


def install_tools():
    """What package-lock.json names, as it stands there; once."""
    os.makedirs(TOOLS, exist_ok=True)
    with open(f"{TOOLS}/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, mark = read(f"{SOURCE}/package-lock.json"), f"{TOOLS}/installed"
        if os.path.exists(mark) and read(mark) == wanted:
            return
        for name in ("package.json", "package-lock.json"):
            shutil.copy(f"{SOURCE}/{name}", TOOLS)
        for last in (False, False, True):  # a registry may hiccup
            done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                                  cwd=TOOLS, text=True, capture_output=True, check=False)
            if done.returncode == 0:
                break
            if last:
                raise AssertionError(f"npm ci failed:\n{done.stderr[-2000:]}")
        with open(mark, "w") as file:
            file.write(wanted)


class Browser:
    """tests/page/drive.mjs: each of its steps is a method here."""

    def __init__(self):
        os.makedirs(SHOTS, exist_ok=True)
        shutil.copy(f"{SOURCE}/drive.mjs", TOOLS)
        self.process = subprocess.Popen(
            ["node", f"{TOOLS}/drive.mjs", NEEDED["chromium"], SHOTS], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __getattr__(self, step):
        def take(**words):
            self.process.stdin.write(json.dumps({"step": step, **words}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(f"the browser ended at {step} {words}")
            answer = json.loads(line)
            if "fault" in answer:
                raise AssertionError(f"{step} {words}: {answer['fault']}")
            return answer["result"]
        return take

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)


@unittest.skipIf(MISSING, f"the page is not tested, for want of: {MISSING}")
class Page(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "api": {"web_folder": PAGE},
               "host": {"cpus": 80, "memory_mib": 40960, "disk_gib": 400}}

    @classmethod
    def setUpClass(cls):
        install_tools()
        super().setUpClass()
        cls.import_image("empty")
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)
        cls.url = f"http://127.0.0.1:{cls.cloud.ports['upstream']}/"

    def setUp(self):
        self.addCleanup(self.delete_all)
        self.addCleanup(lambda: self.assertEqual(self.browser.faults(), []))

    def link(self, token_file=None):
        return self.cloud.cli("web", token_file=token_file or self.token_file).out.strip()

    def log_in(self, **options):
        self.browser.open(url=self.link(), **options)
        self.browser.see(role="heading", name="VMs")

    def assert_looks_right(self, name):
        """At each width and in both themes: nothing that axe finds, nothing beyond the edge."""
        for theme in ("light", "dark"):
            self.browser.eval(script=f"document.documentElement.dataset.theme = '{theme}'")
            for width in (1280, 320):
                self.browser.resize(width=width)
                seen = self.browser.look(name=f"{name}-{theme}-{width}")
                self.assertEqual(seen, {"axe": [], "wide": 0}, (name, theme, width))
        self.browser.resize(width=1280)

    def test_a_vm_is_made_and_comes_to_run_before_ones_eyes(self):
        self.log_in()
        self.browser.text(text="There are no VMs yet.")
        self.browser.mark()
        self.browser.click(name="Create VM")
        self.browser.fill(label="Name", value="web-1")
        self.browser.select(label="Shape", value="nano")
        self.assert_looks_right("create")
        self.browser.click(name="Create")
        self.browser.row(name="web-1", text="running")
        self.assertTrue(self.browser.marked(), "the page was loaded again")
        self.act("web-1", "stop")
        self.browser.row(name="web-1", text="stopped")
        self.assert_looks_right("vms")
        self.act("web-1", "delete")
        self.browser.norow(name="web-1")
        self.assertTrue(self.browser.marked(), "the page was loaded again")

    def test_many_are_stopped_and_deleted_at_once(self):
        for name in ("a", "b", "c"):
            self.create(name, wait=60)
        self.create("off", wait=60, start=False)
        self.log_in()
        self.browser.check(name="All that are shown")
        self.browser.click(name="Stop")
        self.browser.text(text="3 accepted, 1 refused")
        self.browser.look(name="bulk")
        for name in ("a", "b", "c", "off"):
            self.browser.row(name=name, text="stopped")
        self.browser.check(name="All that are shown")
        self.browser.click(name="Delete")
        self.browser.see(role="heading", name="Delete 4 VMs?")
        self.assert_looks_right("delete")
        self.browser.eval(script="document.querySelector('dialog .danger').click()")
        self.browser.text(text="There are no VMs yet.")

    def test_it_is_told_when_the_manager_is_away(self):
        self.create("web-1", wait=60)
        self.log_in()
        self.browser.row(name="web-1", text="running")
        self.browser.text(text="live")
        manager = self.cloud.upstream
        manager.kill()
        self.browser.text(text="not connected")
        self.browser.row(name="web-1", text="running")
        self.assert_looks_right("cut")
        manager.start()
        self.cloud.await_capacity()
        self.browser.see(role="heading", name="Isthmus")  # logins ended with it
        self.browser.look(name="login")

    def test_the_first_load_is_small(self):
        for number in range(60):
            self.create(f"web-{number:02}")
        wait_until(lambda: all(vm["state"] == "running" for vm in self.vms()), "all run")
        self.browser.open(url=self.link())
        self.browser.row(name="web-49", text="running")
        self.browser.text(text="live")
        loaded = self.browser.load()
        self.assertLessEqual(len(loaded), 8, loaded)
        self.assertLessEqual(sum(each["bytes"] for each in loaded), 60000, loaded)
        self.assertEqual(len(self.browser.rows()), 50)
        self.browser.click(role="link", name="Next page")
        self.browser.row(name="web-59", text="running")
        self.assertEqual(len(self.browser.rows()), 10)
        self.browser.fill(label="Search by name", value="b-3")
        self.browser.norow(name="web-59")
        self.browser.row(name="web-30", text="running")
        self.assertEqual(len(self.browser.rows()), 10)

    def test_two_tabs_have_one_stream(self):
        self.create("web-1", wait=60)
        self.log_in()
        self.browser.text(text="live")
        self.browser.tab(url=self.url)
        self.browser.text(text="live")
        self.act("web-1", "stop")
        self.browser.row(name="web-1", text="stopped")
        streams = [each["url"] for each in self.browser.load() if "/v1/events" in each["url"]]
        self.assertEqual(len(streams), 1, streams)


if __name__ == "__main__":
    unittest.main(verbosity=2)
