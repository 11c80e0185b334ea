#!/usr/bin/env python3
"""kill -9 of each process on a console's path, at random, while it is opened and while it is used:
it ends or comes back, nobody leaks a descriptor, and the VM does not notice.

ISTHMUS_CONSOLE_DEATHS says how often (default: 10); 100 of them are the measurement. ISTHMUS_SEED
repeats what was random."""
import collections
import os
import random
import re
import select
import time
import unittest

from cloud_case import wait_until
from link_case import SEED
from test_console import ConsoleCase

DEATHS = int(os.environ.get("ISTHMUS_CONSOLE_DEATHS", "10"))
PATH = ("upstream", "north", "north-inner", "zebra")  # and the command
WHOLE_SECONDS = 0.5  # in which it dies
AGAIN_SECONDS = 120


class Deaths(ConsoleCase):
    def setUp(self):
        super().setUp()
        self.chance = random.Random(SEED)
        self.mark = f"mark{self.chance.randrange(2 ** 32)}"  # which its shell alone knows
        self.question, self.answer = "\necho $mark-$((6*7))", f"{self.mark}-42"
        self.guests = self.cloud.guests()
        self.usual = {}  # descriptors of each process on the path, while nobody has a console

    def descriptors(self, name):
        """What a process has open, without the numbers that tell one from another."""
        folder, found = f"/proc/{self.cloud.daemon(name).pid()}/fd", collections.Counter()
        for number in os.listdir(folder):
            try:
                found[re.sub(r"\d+", "#", os.readlink(f"{folder}/{number}"))] += 1
            except FileNotFoundError:
                continue
        return found

    def await_usual(self, name):
        """Until it has no more open than while nobody has a console."""
        more = collections.Counter()

        def is_usual():
            more.clear()
            more.update(self.descriptors(name) - self.usual[name])
            return not more
        try:
            wait_until(is_usual, f"{name} closes what it had for a console", AGAIN_SECONDS)
        except RuntimeError as fault:
            self.fail(f"{fault}; it has {dict(more)} more")

    def learn_usual(self):
        """Once each has been killed, and none has a console."""
        for name in PATH:
            self.cloud.daemon(name).kill()
            self.cloud.daemon(name).start()
        self.leave(*self.converse(self.question, self.answer))
        before = {}

        def is_still():
            now = {name: self.descriptors(name) for name in PATH}
            if now != before.get("now"):
                before.update(now=now, since=time.monotonic())
            return time.monotonic() - before["since"] > 5
        wait_until(is_still, "nobody opens or closes anything", AGAIN_SECONDS)
        self.usual = before["now"]

    def leave(self, terminal, viewer):
        if viewer.poll() is None:
            os.write(terminal, b"\x1d")
            self.assertEqual(viewer.wait(60), 0)

    def ends_or_comes_back(self, terminal, viewer):
        """False: it has ended."""
        heard, end = b"", time.monotonic() + AGAIN_SECONDS
        while time.monotonic() < end:
            try:
                if not select.select([terminal], [], [], 2)[0]:
                    if viewer.poll() is not None:
                        return False
                    os.write(terminal, self.question.encode() + b"\n")
                else:
                    heard += os.read(terminal, 4096)
            except OSError:
                viewer.wait(60)
                return False
            if self.answer.encode() in heard:
                return True
        self.fail(f"the console neither ends nor comes back: {heard}")

    def die(self, victim):
        """While it is opened, or has long been; what became of it."""
        terminal, viewer = self.join()
        while_opened = self.chance.random() < 0.5
        if not while_opened and self.ends_or_comes_back(terminal, viewer):
            os.write(terminal, b"seq 1 2000\n")
        time.sleep(self.chance.random() * WHOLE_SECONDS)
        if victim == "command":
            viewer.kill()
            viewer.wait()
            return while_opened, False
        self.cloud.daemon(victim).kill()
        self.cloud.daemon(victim).start()
        lives = self.ends_or_comes_back(terminal, viewer)
        self.leave(terminal, viewer)
        return while_opened, lives

    def test_a_console_ends_or_comes_back_whoever_dies_and_leaves_nothing(self):
        print(f"     seed {SEED}", flush=True)
        self.converse(f"\nmark={self.mark}; {self.question.strip()}", self.answer)
        self.learn_usual()
        victims = [*PATH, "command"]
        for number in range(DEATHS):
            victim = victims[number % len(victims)] if number < len(victims) \
                else self.chance.choice(victims)
            while_opened, lives = self.die(victim)
            for name in PATH:
                self.await_usual(name)
            self.leave(*self.converse(self.question, self.answer))
            self.assertEqual(self.cloud.guests(), self.guests)
            print(f"     death {number + 1}, of {victim}, "
                  f"{'while it was opened' if while_opened else 'in the middle'}: "
                  f"{'it came back' if lives else 'it ended'}", flush=True)
        self.assertEqual([vm["state"] for vm in self.vms()], ["running"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
