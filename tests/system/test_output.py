#!/usr/bin/env python3
"""What a program cannot print is an error of it: python3 test_output.py [TEST...]

ISTHMUS_BUILD names the build folder; default: build."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

from rest_face import BUILD, COMMAND, Case

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools"))
import seal  # noqa: E402

DAEMONS = {name: os.path.join(BUILD, "src", "main", f"isthmus-{name}")
           for name in ("upstream", "downstream", "agent")}
CLEAR = b'{"from":5,"to":6,"sequence":2,"received":1,"messages":[{"beat":{}}]}'
PACKED = bytes([2, 5, 4, 6, 6, 2, 8, 1, 13, 2, 11, 0])  # the same: pairs of a tag and a number


class Lost(Case):
    def run_it(self, *command, closed=False):
        """With a standard output on a full disk, or with none."""
        with open("/dev/full", "w", encoding="ascii") as full:
            return subprocess.run(command, stdout=None if closed else full, text=True,
                                  stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60,
                                  env=self.environment,
                                  preexec_fn=(lambda: os.close(1)) if closed else None)

    def lost(self, *command):
        for closed in (False, True):
            done = self.run_it(*command, closed=closed)
            self.assertEqual(done.returncode, 3, (command, closed, done.stderr))
            self.assertIn("write to standard output: ", done.stderr)

    def setUp(self):
        super().setUp()
        self.environment = {**os.environ, "ISTHMUS_TOKEN": "operator-token",
                            "ISTHMUS_SERVER": f"http://127.0.0.1:{self.probe.port}"}

    def test_every_command_that_prints_says_so(self):
        self.create()
        for words in ("--help", "--version", "vm list --help", "vm list", "vm list -o json",
                      "vm list -o name", "vm show web", "op list", "shape list", "image list",
                      "cluster list", "tenant list", "tenant create acme", "tenant show acme",
                      "token new north", "whoami", "network list"):
            self.lost(COMMAND, *words.split())

    def test_a_failure_keeps_its_own_code(self):
        done = self.run_it(COMMAND, "vm", "show", "nobody")
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_the_daemons_say_so_too(self):
        with tempfile.TemporaryDirectory() as folder:
            key = os.path.join(folder, "link.key")
            for daemon in DAEMONS.values():
                for words in ("--help", "--version", f"key {key}", f"key show {key}"):
                    self.lost(daemon, *words.split())

    def test_init_says_so(self):
        with tempfile.TemporaryDirectory() as folder:
            ca = os.path.join(folder, "ca.crt")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/null",
                            "-out", ca, "-subj", "/CN=ca"], check=True, capture_output=True)
            self.lost(DAEMONS["downstream"], "--config", os.path.join(folder, "downstream.conf"),
                      "init", "--domain", "cluster.test", "--hosts", "host-1", "--ca-file", ca,
                      "--set", f"daemon.state={folder}/state")

    def test_what_is_printed_goes_into_no_file_that_is_opened_in_its_place(self):
        with tempfile.TemporaryDirectory() as folder:
            key = os.path.join(folder, "link.key")
            self.run_it(DAEMONS["agent"], "key", key, closed=True)
            done = subprocess.run([DAEMONS["agent"], "key", key], capture_output=True, text=True,
                                  check=True)
            with open(key, encoding="ascii") as made:
                self.assertNotIn(done.stdout.strip(), made.read())

    @staticmethod
    def make_key(path):
        return subprocess.run([DAEMONS["agent"], "key", path], capture_output=True, text=True,
                              check=True).stdout.strip()

    def test_a_frame_is_printed_as_json_by_the_key_that_it_was_said_to(self):
        """Both forms of it, by either end; and nothing else."""
        with tempfile.TemporaryDirectory() as folder:
            keys = [os.path.join(folder, name) for name in ("agent.key", "manager.key")]
            public = [self.make_key(key) for key in keys]
            while not public[0].startswith("-"):  # one in 64: no option, though it looks like one
                os.unlink(keys[0])
                public[0] = self.make_key(keys[0])
            ends = [seal.End(keys[0], "agent", public[1]), seal.End(keys[1], "manager", public[0])]
            for own, other in ((0, 1), (1, 0)):
                said = "\n".join(ends[other].seal(frame) for frame in (CLEAR, PACKED))
                done = subprocess.run([DAEMONS["downstream"], "frame", keys[own], public[other]],
                                      input=said, capture_output=True, text=True, timeout=60)
                self.assertEqual([json.loads(line) for line in done.stdout.splitlines()],
                                 [json.loads(CLEAR), json.loads(seal.in_words(PACKED))], done)
            for line in (ends[1].seal(CLEAR), "nothing"):
                done = subprocess.run([DAEMONS["agent"], "frame", keys[1], public[0]], input=line,
                                      capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stdout), (1, ""), done)
                self.assertIn("line 1: the peer has sealed no such frame", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
