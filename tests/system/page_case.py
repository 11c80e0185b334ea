"""A real browser on the page of real daemons. What it looked like stays in build/page-shots."""
import json
import os
import shutil
import subprocess
import unittest

import npm_tools
from cloud_case import BUILD, ROOT, CloudCase, not_sanitized

SOURCE, TOOLS = f"{ROOT}/tests/page", f"{ROOT}/build/page-tools"  # for all builds
PAGE, SHOTS = f"{BUILD}/web/page", f"{BUILD}/page-shots"
NEEDED = {"chromium": shutil.which("chromium"), "npm": shutil.which("npm"),
          "the page, which was not built": os.path.exists(PAGE)}
MISSING = ", ".join(name for name, found in NEEDED.items() if not found)


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


@not_sanitized("a browser asks nothing that test_logins does not")
@unittest.skipIf(MISSING, f"the page is not tested, for want of: {MISSING}")
class PageCase(CloudCase):
    """Its options are to have the page: {"api": {"web_folder": PAGE}}."""

    @classmethod
    def setUpClass(cls):
        npm_tools.install(SOURCE, TOOLS)
        super().setUpClass()
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
        """In both themes and on a phone: nothing that axe finds, nothing beyond the edge."""
        for theme, width in (("dark", 1280), ("light", 320), ("light", 1280)):
            self.browser.eval(script=f"document.documentElement.dataset.theme = '{theme}'")
            self.browser.resize(width=width)
            seen = self.browser.look(name=f"{name}-{theme}-{width}", judges=width > 320)
            self.assertEqual(seen, {"axe": [], "wide": 0}, (name, theme, width))
