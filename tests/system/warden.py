"""A warden of a test's own, and an agent's words to it; processes that it takes for guests."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from host_case import BUILD, vm_id, wait_until

PROGRAM = BUILD / "src/main/isthmus-warden"
BOOT = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def boottime_ms():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 10**6


EXITING = 4           # a flag of /proc/PID/stat: it leaves the kernel, and runs nothing of its own
KILLED = 1 << (signal.SIGKILL - 1)


def state_of(pid):
    """The kernel's letter for it: T, where it was stopped; "": it has ended, or was killed and has
    not gone yet (such a one shows as R or D until its memory is given back)."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""
    letter, flags = stat[0], int(stat[6])
    pending = int(re.search(r"^SigPnd:\s*(\w+)", status, re.MULTILINE)[1], 16)
    is_over = letter in "ZX" or flags & EXITING or pending & KILLED
    return "" if is_over else letter


class Warden:
    """The program, what is said to it by files, and what it answers."""

    def __init__(self, folder, *options):
        self.folder, self.options = pathlib.Path(folder), options
        self.process = None
        self.log = self.folder.parent / "warden.log"

    def start(self, **environment):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "--folder", self.folder, *self.options], stderr=log,
                env={**os.environ, **environment})
        wait_until(lambda: self.beat() and self.beat()["at_ms"] >= self.started_ms(), 30, self.said)

    def started_ms(self):
        """When this process of it began, in the time that it tells."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[19]) * 1000 // os.sysconf("SC_CLK_TCK")

    def said(self):
        return self.log.read_text()

    def end(self, how=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            if how == signal.SIGKILL:
                self.process.send_signal(signal.SIGCONT)
            self.process.wait(30)

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def write(self, name, *lines, boot=BOOT):
        path = self.folder / name
        made = path.with_name(f".new-{path.name}")
        made.write_text("\n".join([f"isthmus-warden 1 {boot}", *lines, ""]))
        made.rename(path)

    def register(self, vm, group, pid_file, **more):
        self.write(f"vms/{vm}", f"group {group}", f"guest isthmus-{vm}", f"pid_file {pid_file}",
                   **more)

    def unregister(self, vm):
        (self.folder / "vms" / vm).unlink()

    def renew(self, group, milliseconds, **more):
        """Until so many ms from now; when that is."""
        until = boottime_ms() + milliseconds
        self.write(f"groups/{group}", f"until_ms {until}", **more)
        return until

    def lines(self, name):
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def beat(self):
        told = dict(line.split() for line in self.lines("beat")[1:])
        return {**told, "at_ms": int(told["at_ms"])} if told else None

    def entry(self, vm):
        """What it knows of the VM: its state, and its process."""
        for line in self.lines("state")[1:]:
            name, state, _, pid, _ = line.split()
            if name == vm:
                return state, int(pid)
        return None

    def await_entry(self, vm, state):
        wait_until(lambda: (self.entry(vm) or ("none",))[0] == state, 30,
                   lambda: f"{vm} {state}: {self.entry(vm)} in\n{self.said()}")


class WardenCase(unittest.TestCase):
    options = ()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="isthmus-warden-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.warden = Warden(self.folder / "run", *self.options)
        self.addCleanup(self.warden.end)
        self.warden.start()

    def guest(self, number):
        """A process that looks like the QEMU of this VM, which waits for what never comes."""
        process = subprocess.Popen(
            ["sh", "-c", "read -r line",
             "-name", f"guest=isthmus-{vm_id(number)},debug-threads=on"], stdin=subprocess.PIPE)
        self.addCleanup(self.end_guest, process)
        self.pid_file(number).write_text(f"{process.pid}\n")
        return process

    @staticmethod
    def end_guest(process):
        process.kill()
        process.stdin.close()
        process.wait(30)

    def pid_file(self, number):
        return self.folder / f"{number}.pid"

    def guarded(self, number, group="link", milliseconds=60000):
        """A guest that is registered, has a lease, and is known to the warden."""
        self.warden.renew(group, milliseconds)
        self.warden.register(vm_id(number), group, self.pid_file(number))
        process = self.guest(number)
        self.warden.await_entry(vm_id(number), "runs")
        return process

    def await_state(self, process, letters, what):
        wait_until(lambda: state_of(process.pid) in [*letters], 30,
                   lambda: f"{what}: {state_of(process.pid)} in\n{self.warden.said()}")

    def await_frozen(self, process):
        self.await_state(process, "T", "frozen")

    def await_thawed(self, process):
        self.await_state(process, "RS", "it goes on")

    def await_ended(self, process):
        wait_until(lambda: process.poll() is not None, 30,
                   lambda: f"ended: {state_of(process.pid)} in\n{self.warden.said()}")
        self.assertEqual(process.returncode, -signal.SIGKILL)

    def let_pass(self, rounds=3):
        """The warden has looked at everything so often since."""
        for _ in range(rounds):
            at = self.warden.beat()["at_ms"]
            wait_until(lambda before=at: self.warden.beat()["at_ms"] > before, 30,
                       self.warden.said)

    def assert_runs(self, process):
        self.assertIn(state_of(process.pid), ("R", "S"))


def has_qemu():
    return shutil.which("qemu-system-x86_64") and shutil.which("as") and shutil.which("ld")
