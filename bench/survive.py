"""How late a warden freezes a VM whose lease has ended, beside a signal that is sent by hand. What
ran last before the end counts as on time."""
import mmap
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from world import BUILD

os.environ["ISTHMUS_BUILD"] = BUILD
from host_case import vm_id, wait_until  # noqa: E402
from warden import Warden, boottime_ms, state_of  # noqa: E402

FULL = {"rounds": 200, "crowd": 100}
SHORT = {"rounds": 5, "crowd": 5}
LEASE_MS = 300
# It writes down when it last ran: CLOCK_BOOTTIME in ns, each half of a millisecond.
GUEST = """
import mmap, struct, sys, time
with open(sys.argv[1], "r+b") as file:
    last = mmap.mmap(file.fileno(), 8)
while True:
    last[:] = struct.pack("q", time.clock_gettime_ns(time.CLOCK_BOOTTIME))
    time.sleep(0.0005)
"""


class Guests:
    """Processes that look like guests; the first one tells when it last ran."""

    def __init__(self, folder, count):
        self.folder, self.processes = pathlib.Path(folder), []
        (self.folder / "last").write_bytes(bytes(8))
        with open(self.folder / "last", "r+b") as file:
            self.last = mmap.mmap(file.fileno(), 8)
        for number in range(count):
            words = ([sys.executable, "-c", GUEST, f"{folder}/last"] if number == 0 else
                     ["sh", "-c", "read -r line"])
            self.processes.append(subprocess.Popen(
                [*words, "-name", f"guest=isthmus-{vm_id(number)},debug-threads=on"],
                stdin=subprocess.PIPE))
            self.pid_file(number).write_text(f"{self.processes[number].pid}\n")

    def pid_file(self, number):
        return self.folder / f"{number}.pid"

    def await_all(self, letters):
        for process in self.processes:
            wait_until(lambda pid=process.pid: state_of(pid) in [*letters], 60, letters)

    def late_ms(self, until_ms):
        return max(0, int.from_bytes(self.last[:], sys.byteorder) / 1e6 - until_ms)

    def end(self):
        for process in self.processes:
            process.kill()
            process.stdin.close()
            process.wait()


def by_warden(guests, warden):
    """How many ms after its lease's end the guest last ran."""
    until_ms = warden.renew("link", LEASE_MS)
    guests.await_all("T")
    late_ms = guests.late_ms(until_ms)
    warden.renew("link", 600000)
    guests.await_all("RS")
    return late_ms


def by_hand(guests):
    """The first one, stopped by a process that sleeps until then."""
    pid, until_ms = guests.processes[0].pid, boottime_ms() + LEASE_MS
    time.sleep(LEASE_MS / 1000)
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state_of(pid) == "T", 60, "stopped")
    late_ms = guests.late_ms(until_ms)
    os.kill(pid, signal.SIGCONT)
    guests.await_all("RS")
    return late_ms


def p99(values):
    return sorted(values)[min(len(values) - 1, len(values) * 99 // 100)]


def measure_count(report, count, rounds):
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-", dir="/dev/shm") as folder:
        warden, guests = Warden(f"{folder}/run"), Guests(folder, count)
        try:
            warden.start()
            warden.renew("link", 600000)
            for number in range(count):
                warden.register(vm_id(number), "link", guests.pid_file(number))
            for number in range(count):
                warden.await_entry(vm_id(number), "runs")
            hand = [by_hand(guests) for _ in range(rounds)]
            late = [by_warden(guests, warden) for _ in range(rounds)]
        finally:
            warden.end()
            guests.end()
    report.add(f"{count} guests: one runs on after its lease", "ms", statistics.median(late),
               p99=p99(late))
    report.add(f"{count} guests: p99 of that", "ms", p99(late), most=250)
    report.add(f"{count} guests: a signal sent by hand", "ms", statistics.median(hand),
               p99=p99(hand))


def measure_freeze(report, sizes):
    """a warden: how long a guest runs after its lease"""
    sizes = FULL if sizes.get("rounds", 0) > 1 else SHORT
    report.heading("Survive: frozen at the end of a lease")
    for count in (1, sizes["crowd"]):
        measure_count(report, count, sizes["rounds"])
