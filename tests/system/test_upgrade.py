#!/usr/bin/env python3
"""A cloud of the version before, made from git, becomes one of this version, a daemon at a time:
beside each other they work in whatever order it goes, and nothing is lost. Back, too, as far as the
store lets them."""
import fcntl
import os
import shutil
import sqlite3
import subprocess
import unittest

from cloud_case import BUILD, ROOT, CloudCase, not_sanitized
from old_store import path_of

# Version 0.1.0, the one before. With a release this becomes that release.
COMMIT = "5ea109d2c2e5f5074a4c2e45a78ef850d86d4f6c"
OLDER = f"{ROOT}/build/older-{COMMIT[:12]}"  # for all builds
PROGRAMS = [f"src/main/isthmus-{kind}" for kind in ("upstream", "downstream", "agent", "relay")]


def is_in_git():
    done = subprocess.run(["git", "cat-file", "-e", f"{COMMIT}^{{commit}}"], cwd=ROOT, check=False,
                          stderr=subprocess.DEVNULL)
    return done.returncode == 0


def run(*command):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=1800)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}:\n{done.stdout[-3000:]}")


def build_older():
    """Its programs and nothing else, quickly made rather than quick; once."""
    os.makedirs(os.path.dirname(OLDER), exist_ok=True)
    with open(f"{OLDER}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(f"{OLDER}/is-built"):
            return
        shutil.rmtree(OLDER, ignore_errors=True)
        os.makedirs(f"{OLDER}/tree")
        run("sh", "-c", f"git -C {ROOT} archive {COMMIT} | tar -x -C {OLDER}/tree")
        run("meson", "setup", f"{OLDER}/build", f"{OLDER}/tree", "-Dtests=false",
            "-Dwerror=false", "--buildtype=plain")
        run("ninja", "-C", f"{OLDER}/build", *PROGRAMS, "src/cli/isthmus")
        with open(f"{OLDER}/is-built", "w"):
            pass


class Upgrade:
    """`order`: who is upgraded, one after the other."""
    build = f"{OLDER}/build"
    clusters = {"north": ["host-1"]}
    options = {"shapes": {"nano": (1, 32, 1)}}
    order = ()

    @classmethod
    def setUpClass(cls):
        build_older()
        super().setUpClass()
        cls.import_image("empty")

    def stop(self, name):
        """The schema of the store that it leaves."""
        self.assertEqual(self.cloud.daemon(name).stop(), 0)
        store = sqlite3.connect(path_of(self.cloud.daemon(name)))
        try:
            return store.execute("PRAGMA user_version").fetchone()[0]
        finally:
            store.close()

    def start_by(self, name, build):
        """The daemon goes on as this build's."""
        daemon = self.cloud.daemon(name)
        daemon.program = f"{build}/src/main/isthmus-{daemon.kind}"
        daemon.start()
        self.assertEqual(os.path.realpath(f"/proc/{daemon.pid()}/exe"),
                         os.path.realpath(daemon.program))
        self.cloud.await_capacity()

    def assert_all_works(self, when):
        """With what was there before, and with what is made now."""
        first = self.get("/v1/vms/first")
        self.assertEqual((first["id"], first["state"]), (self.made["vm"], "running"), when)
        self.assertEqual(self.get(f"/v1/operations/{self.made['id']}")["code"], "ok", when)
        for verb in ("pause", "resume"):
            self.assertEqual(self.act("first", verb)["code"], "ok", when)
        self.assertEqual(self.create("now", wait=60)["code"], "ok", when)
        self.assertEqual(self.act("now", "delete")["code"], "ok", when)
        for build in (self.build, BUILD):
            said = subprocess.run(
                [f"{build}/src/cli/isthmus", "vm", "list", "-o", "name"], check=True, text=True,
                stdout=subprocess.PIPE, timeout=60,
                env={**os.environ, **self.cloud.environment(self.token_file)}).stdout
            self.assertEqual(said.split(), [first["id"]], when)

    def go_back(self, name, schema):
        """The version before has the store, or says why not."""
        daemon = self.cloud.daemon(name)
        if self.stop(name) == schema:
            self.start_by(name, self.build)
            return
        done = subprocess.run([f"{self.build}/src/main/isthmus-{daemon.kind}", "--config",
                               daemon.config], text=True, capture_output=True, check=False,
                              timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"start the newer isthmus-{daemon.kind} that wrote it", done.stderr)
        daemon.start()
        self.cloud.await_capacity()

    def test_each_beside_the_others_and_back(self):
        self.made = self.create("first", wait=60)
        self.assertEqual(self.made["code"], "ok")
        self.assert_all_works("before")
        schemas, done = {}, []
        for name in self.order:
            schemas[name] = self.stop(name)
            self.assertGreater(schemas[name], 1)
            self.start_by(name, BUILD)
            done.append(name)
            self.assert_all_works(f"{done} are upgraded")
        for name in self.order:
            self.go_back(name, schemas[name])
        self.assert_all_works("the other way round")
        self.assertEqual(self.act("first", "delete")["code"], "ok")


# By these three orders every mixture of two versions on three levels is met.

@not_sanitized("half of its programs are an older version\'s, without them")
@unittest.skipUnless(is_in_git(), f"this clone does not have {COMMIT[:12]}")
class FromAbove(Upgrade, CloudCase):
    order = ("upstream", "host-1", "north")


@not_sanitized("half of its programs are an older version\'s, without them")
@unittest.skipUnless(is_in_git(), f"this clone does not have {COMMIT[:12]}")
class FromTheMiddle(Upgrade, CloudCase):
    order = ("north", "upstream", "host-1")


@not_sanitized("half of its programs are an older version\'s, without them")
@unittest.skipUnless(is_in_git(), f"this clone does not have {COMMIT[:12]}")
class FromBelow(Upgrade, CloudCase):
    order = ("host-1", "north", "upstream")


if __name__ == "__main__":
    unittest.main(verbosity=2)
