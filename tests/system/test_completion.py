#!/usr/bin/env python3
"""Completion, by the shells themselves: what a person gets who presses the tabulator."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from cloud_case import not_sanitized
from rest_face import BUILD, COMMAND, Case

WAIT_SECONDS = 60
FOLDER = os.path.dirname(COMMAND)


@not_sanitized("its work is the shells'; test_command has the command under them")
class Completion(Case):
    @property
    def environment(self):
        return {"PATH": f"{FOLDER}:{os.environ['PATH']}", "HOME": self.home.name, "TERM": "dumb",
                "ISTHMUS_SERVER": f"http://127.0.0.1:{self.probe.port}", "LC_ALL": "C.UTF-8",
                "ISTHMUS_TOKEN": "operator-token"}

    def setUp(self):
        super().setUp()
        self.home = tempfile.TemporaryDirectory(prefix="isthmus-completion-")
        self.addCleanup(self.home.cleanup)

    def run_it(self, *command, code=0, **environment):
        done = subprocess.run(command, text=True, capture_output=True, timeout=WAIT_SECONDS,
                              env={**self.environment, **environment}, cwd=self.home.name)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout.splitlines()

    def words(self, *words, **environment):
        found = self.run_it(COMMAND, "completion", "words", "--", *words, **environment)
        return [line.split("\t")[0] for line in found]

    def bash(self, *words):
        script = ("source <(isthmus completion bash); COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); "
                  "_isthmus isthmus; printf '%s\\n' \"${COMPREPLY[@]}\"")
        return self.run_it("bash", "-c", script, "bash", "isthmus", *words)

    def fish(self, line):
        found = self.run_it("fish", "--no-config", "-c",
                            f"isthmus completion fish | source; complete -C '{line}'")
        return [each.split("\t")[0] for each in found]

    def zsh(self, line):
        """What the line has become, by a terminal."""
        with open(f"{self.home.name}/.zshrc", "w") as file:
            file.write("PS1='ready> '\nautoload -Uz compinit\ncompinit -u -D\n"
                       "source <(isthmus completion zsh)\n")
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(self.home.name)
            os.execvpe("zsh", ["zsh", "-d", "-i"], self.environment)
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.waitpid, process, 0)
        self.addCleanup(os.kill, process, signal.SIGKILL)
        self.read_until(terminal, "ready> ")
        os.write(terminal, f"{line}\t".encode())
        os.write(terminal, b"\x01print -r -- '[\x05]'\n")  # the begin of the line, and its end
        return re.findall(r"^\[(.*)\]\r?$", self.read_until(terminal, "\n["), re.M)[-1].rstrip()

    def read_until(self, terminal, mark):
        seen, end = "", time.monotonic() + WAIT_SECONDS
        while mark not in seen or (mark == "\n[" and not re.search(r"\n\[.*\]\r?\n", seen)):
            ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
            self.assertTrue(ready, f"no {mark!r} in {seen!r}")
            seen += os.read(terminal, 65536).decode(errors="replace")
        return seen

    def test_every_noun_verb_and_option_of_the_tables_is_offered(self):
        helped = subprocess.run([COMMAND, "--help"], text=True, capture_output=True, check=True,
                                timeout=WAIT_SECONDS).stdout
        commands = [each.split() for each in
                    re.findall(r"^  isthmus ([\w-]+(?: [\w-]+)?) ", helped, re.M)]
        self.assertGreater(len(commands), 60)
        nouns = list(dict.fromkeys(command[0] for command in commands))
        self.assertEqual(self.words(""), nouns)
        for noun in nouns:
            verbs = [command[1] for command in commands if command[0] == noun and command[1:]]
            if verbs:
                self.assertEqual(self.words(noun, ""), verbs)
        for command in commands:
            told = subprocess.run([COMMAND, *command, "--help"], text=True, capture_output=True,
                                  check=True, timeout=WAIT_SECONDS).stdout
            options = re.findall(r"^  (?:    |-\w, )?(--[a-z-]+)", told, re.M)
            self.assertEqual(self.words(*command, "--"), options)

    def test_names_are_asked_of_the_server(self):
        for name in ("web-1", "web-2", "db"):
            self.create(name)
        self.assertEqual(self.words("vm", "stop", "web"), ["web-1", "web-2"])
        self.assertEqual(self.words("vm", "stop", "web-1", ""), ["web-1", "web-2", "db"])
        self.assertEqual(self.words("vm", "create", "x", "--shape", "sm"), ["small"])
        self.assertEqual(self.words("vm", "create", "x", "--shape=sm"), ["--shape=small"])
        self.assertEqual(self.words("vm", "create", "x", "--shape", "=", "sm"), ["small"])
        self.assertEqual(self.words("vm", "list", "-o", "j"), ["json"])
        self.assertEqual(self.words("vm", "create", "x", "--user-data", ""), [":file"])
        self.assertEqual(self.words("image", "import", "x", ""), [":file"])
        self.assertEqual(self.words("vm", "lock", "x", code=1, ISTHMUS_TOKEN="wrong"), [])

    def test_a_server_that_says_nothing_is_not_waited_for(self):
        with subprocess.Popen(["python3", "-c", "import socket\ns = socket.create_server("
                               "('127.0.0.1', 0))\nprint(s.getsockname()[1], flush=True)\n"
                               "while True: s.accept()"], stdout=subprocess.PIPE) as silent:
            try:
                port = int(silent.stdout.readline())
                done = subprocess.run(  # the usual wait is 30 s
                    [COMMAND, "completion", "words", "--", "vm", "stop", ""], timeout=25,
                    capture_output=True, env={**self.environment, "ISTHMUS_SERVER":
                                              f"http://127.0.0.1:{port}"})
            finally:
                silent.kill()
        self.assertEqual((done.returncode, done.stdout), (3, b""))

    def test_bash_completes(self):
        self.create("web-1")
        self.assertEqual(self.bash("vm", "snap"), ["snapshot", "snapshots", "snapshot-delete"])
        self.assertEqual(self.bash("vm", "stop", "we"), ["web-1"])
        self.assertEqual(self.bash("vm", "create", "x", "--on-l"), ["--on-loss"])
        self.assertEqual(self.bash("vm", "create", "x", "--shape", "=", "sm"), ["small"])
        with open(f"{self.home.name}/a file", "w"):
            self.assertEqual(self.bash("image", "import", "x", "a"), ["a file"])

    @unittest.skipUnless(shutil.which("fish"), "there is no fish")
    def test_fish_completes(self):
        self.create("web-1")
        self.assertEqual(sorted(self.fish("isthmus vm snap")),
                         ["snapshot", "snapshot-delete", "snapshots"])
        self.assertEqual(self.fish("isthmus vm stop we"), ["web-1"])
        self.assertEqual(self.fish("isthmus vm create x --on-l"), ["--on-loss"])
        with open(f"{self.home.name}/afile", "w"):
            self.assertEqual(self.fish("isthmus image import x af"), ["afile"])

    @unittest.skipUnless(shutil.which("zsh"), "there is no zsh")
    def test_zsh_completes(self):
        self.create("web-1")
        self.assertEqual(self.zsh("isthmus vm shut"), "isthmus vm shutdown")
        self.assertEqual(self.zsh("isthmus vm stop we"), "isthmus vm stop web-1")
        self.assertEqual(self.zsh("isthmus vm create x --on-l"), "isthmus vm create x --on-loss")
        with open(f"{self.home.name}/afile", "w"):
            self.assertEqual(self.zsh("isthmus image import x af"), "isthmus image import x afile")

    def test_what_is_installed_is_what_is_printed(self):
        for shell, name in (("bash", "isthmus"), ("zsh", "_isthmus"), ("fish", "isthmus.fish")):
            with open(f"{BUILD}/packaging/{name}") as file:
                self.assertEqual(file.read().splitlines(),
                                 self.run_it(COMMAND, "completion", shell))


if __name__ == "__main__":
    unittest.main()
