"""Clouds whose hosts have wardens, and who of their guests goes on."""
import os
import re
import signal
import threading
import time

from cloud import end_process
from cloud_case import CloudCase, make_archive, read, wait_until
from test_migration import heartbeat_disk
from warden import state_of

LOST_SECONDS = 180  # a lease, its margin, a start beside others


class Watch(threading.Thread):
    """Who of the guests went on, looked at again and again: `together` is the most at a time. Who
    goes on does so in two looks: one that is being killed may show for a moment as if it ran."""

    def __init__(self, guests):
        super().__init__(daemon=True)
        self.guests, self.together, self.is_over = guests, 0, False
        self.start()

    def run(self):
        before = set()
        while not self.is_over:
            going = {pid for pid in self.guests() if state_of(pid) in ("R", "S", "D")}
            self.together = max(self.together, len(going & before))
            before = going
            time.sleep(0.02)

    def end(self):
        self.is_over = True
        self.join()
        return self.together


class SurviveCase(CloudCase):
    """Each host has a warden of its own, and there is an image whose guests count."""

    @classmethod
    def setUpClass(cls):
        cls.options = {**cls.options, "wardens": True}
        super().setUpClass()
        cls.import_image("heart", make_archive(f"{cls.folder.name}/heart.tar.zst",
                                               heartbeat_disk(cls.folder.name)))

    def setUp(self):
        self.addCleanup(self.delete_all)

    def console(self, host, vm, folder="vms"):
        path = f"{self.cloud.agents[host].state}/{folder}/{vm}/console.log"
        return read(path) if os.path.exists(path) else ""

    def beats(self, host, vm, folder="vms"):
        return [int(beat) for beat in re.findall(r"HB (\d+)\n", self.console(host, vm, folder))]

    def await_beat(self, host, vm, after=0):
        wait_until(lambda: len(self.beats(host, vm)) > after, f"{vm} beats on {host}",
                   seconds=LOST_SECONDS)

    def guests_of(self, vm):
        return self.cloud.emulators(f"guest=isthmus-{vm}")


class HostsCase(SurviveCase):
    """A cluster of three hosts that are lost, with all that runs there or without."""

    clusters = {"north": ["host-1", "host-2", "host-3"]}
    options = {"driver": "qemu", "timing": {"beat_seconds": 1, "hold_down_seconds": 2,
                                            "lease_seconds": 15}}

    def host(self, name):
        return self.owner_json("host", "show", name)

    def await_hosts(self, lost=()):
        """All but those are there, with wardens, and have nothing to put aside."""
        for host in set(self.cloud.agents) - set(lost):
            wait_until(lambda host=host: self.host(host)["state"] == "up" and
                       self.host(host).get("guarded") and not self.host(host).get("evictions"),
                       f"{host} is up and clear")

    def make_on(self, host, name, **more):
        self.await_hosts()
        others = [other for other in self.cloud.agents if other != host]
        for other in others:
            self.owner("host", "cordon", other)
        made = self.create(name, "heart", wait=60, **more)
        self.await_end(made)
        for other in others:
            self.owner("host", "uncordon", other)
        self.await_beat(host, made["vm"])
        return made["vm"]

    def await_moved(self, vm, host="host-1"):
        """To which other host."""
        def found():
            shown = self.owner_json("vm", "show", vm)
            return shown["state"] == "running" and shown.get("host") not in (None, host) and shown
        other = wait_until(found, f"{vm} runs elsewhere", seconds=LOST_SECONDS)["host"]
        self.await_beat(other, vm)
        return other

    def lose(self, host, vm):
        """All that runs on the host ends at once."""
        self.cloud.agents[host].kill()
        for pid in self.guests_of(vm):
            end_process(pid, signal.SIGKILL)

    def salvage(self, vm):
        return [row for row in self.owner_json("salvage", "list")["items"] if row["vm"] == vm]
