#!/usr/bin/env python3
"""A VM that runs goes from one host to another: two libvirt daemons on one machine, which take each
other for other hosts, and a third host that cannot receive."""
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
import uuid

from cloud_case import QEMU_CONF, ROOT, CloudCase, make_archive, read, use_probes, wait_until
from libvirtd import start_libvirtd

# Where libvirt's system daemon keeps things, and what stands there instead: its folders are below.
PLACES = {"etc": "/etc/libvirt", "run": "/run", "lib": "/var/lib", "cache": "/var/cache",
          "log": "/var/log"}


class Libvirt:
    """A daemon of its own, with a host name of its own: as root among mounts of its own, otherwise
    a session daemon. What it receives comes to an address of its own of this machine."""

    def __init__(self, folder, name, number):
        self.folder, self.name = f"{folder}/{name}", name
        for place in PLACES:
            os.makedirs(f"{self.folder}/{place}/libvirt")
        if os.geteuid() == 0:  # where swtpm's tools, as their user, keep the keys of their CA
            os.makedirs(f"{self.folder}/lib/swtpm-localca")
            shutil.chown(f"{self.folder}/lib/swtpm-localca", "tss", "root")
        use_probes(f"{self.folder}/cache/libvirt")
        write(f"{self.folder}/libvirtd.conf",
              f'host_uuid = "{uuid.uuid4()}"\nauth_unix_rw = "none"\n'
              f'unix_sock_dir = "{self.folder}"\nlog_outputs = "3:file:{self.folder}/log/log"\n')
        self.is_root = os.geteuid() == 0
        address = f"127.0.0.{number}"
        write(f"{self.folder}/etc/qemu.conf" if self.is_root
              else f"{self.folder}/etc/libvirt/qemu.conf",
              (QEMU_CONF if self.is_root else 'stdio_handler = "file"\n') +
              f'migration_host = "{address}"\nmigration_address = "{address}"\n')
        kind = "system" if self.is_root else "session"
        self.uri = f"qemu+unix:///{kind}?socket={self.folder}/libvirt-sock"
        self.daemon = None

    def start(self):
        mounts = [f"mount --bind {self.folder}/{place} {target}"
                  for place, target in PLACES.items()] if self.is_root else []
        spaces = ["--mount"] if self.is_root else ["--user", "--map-current-user", "--keep-caps"]
        self.daemon = start_libvirtd(
            ["unshare", *spaces, "--uts", "sh", "-c", " && ".join(
                [f"hostname {self.name}", *mounts,
                 f"exec libvirtd -f {self.folder}/libvirtd.conf -p {self.folder}/pid"])],
            self.uri, self.folder)

    def domains(self):
        return subprocess.run(["virsh", "-c", self.uri, "list", "--all", "--name"], check=True,
                              capture_output=True, text=True).stdout.split()

    def stop(self, end=signal.SIGTERM):
        """Its guests run on."""
        if self.daemon:
            self.daemon.send_signal(end)
            self.daemon.wait(30)
            self.daemon = None


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def heartbeat_disk(folder):
    """See heartbeat.S."""
    made, sector = f"{folder}/heartbeat.o", f"{folder}/heartbeat"
    subprocess.run(["as", "--32", "-o", made, f"{ROOT}/tests/system/heartbeat.S"], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", "-o", sector,
                    made], check=True)
    with open(sector, "rb") as file:
        return file.read().ljust(2 ** 20, b"\0")


@unittest.skipUnless(shutil.which("unshare") and subprocess.run(
    ["unshare", *(["--mount"] if os.geteuid() == 0 else ["--user", "--map-current-user"]), "--uts",
     "true"], capture_output=True).returncode == 0, "no namespaces for a second host here")
class Migration(CloudCase):
    clusters = {"north": ["inner-1", "inner-2", "inner-3"]}

    @classmethod
    def setUpClass(cls):
        libvirts = tempfile.TemporaryDirectory(prefix="isthmus-virt-")
        cls.addClassCleanup(libvirts.cleanup)
        cls.libvirts = {name: Libvirt(libvirts.name, name, number)
                        for number, name in ((2, "inner-1"), (3, "inner-2"))}
        cls.options = {"driver": "qemu", "timing": {"beat_seconds": 1, "hold_down_seconds": 5},
                       "hosts": {name: {"uri": libvirt.uri, "migration_uri": libvirt.uri}
                                 for name, libvirt in cls.libvirts.items()}}
        for libvirt in cls.libvirts.values():
            cls.addClassCleanup(libvirt.stop)
            libvirt.start()
        super().setUpClass()
        cls.import_image("heart", make_archive(f"{cls.folder.name}/heart.tar.zst",
                                               heartbeat_disk(cls.folder.name)))
        cls.import_image("efi", make_archive(f"{cls.folder.name}/efi.tar.zst", manifest={
            "machine": {"firmware": "uefi"}}))
        cls.import_image("sealed", make_archive(f"{cls.folder.name}/sealed.tar.zst", manifest={
            "machine": {"tpm": "2.0"}}))

    def setUp(self):
        self.addCleanup(self.delete_all)

    def where(self, vm):
        return self.owner_json("vm", "show", vm).get("host")

    def console(self, host, vm):
        path = f"{self.cloud.agents[host].state}/vms/{vm}/console.log"
        return read(path) if os.path.exists(path) else ""

    def beats(self, host, vm):
        return [int(beat) for beat in re.findall(r"HB (\d+)\n", self.console(host, vm))]

    def make_on(self, host, name, image="heart", **more):
        """A VM with a heart, on this host alone; the others are open again after that."""
        others = [other for other in self.cloud.agents if other != host]
        for other in others:
            self.owner("host", "cordon", other)
        made = self.create(name, image, wait=60, **more)
        self.assertEqual(made["code"], "ok", made)
        for other in others:
            self.owner("host", "uncordon", other)
        self.assertEqual(self.where(made["vm"]), host)
        return made["vm"]

    def drain(self, host):
        self.addCleanup(self.owner, "host", "uncordon", host)
        self.owner("host", "drain", host)

    def await_arrival(self, vm, host):
        wait_until(lambda: self.where(vm) == host and
                   "move" not in self.owner_json("vm", "show", vm),
                   f"{vm} on {host}: {self.owner_json('vm', 'show', vm)}", 120)

    def assert_only_on(self, host, vm):
        for name, libvirt in self.libvirts.items():
            self.assertEqual(libvirt.domains(), [f"isthmus-{vm}"] if name == host else [], name)
            self.assertEqual(len(self.cloud.guests(name)), int(name == host), name)
            self.assertEqual(os.listdir(f"{self.cloud.agents[name].state}/vms"),
                             [vm] if name == host else [], name)

    def assert_goes_on(self, before, vm, host):
        """Its heart beats on where it stood still, and it has not booted again."""
        wait_until(lambda: len(self.beats(host, vm)) > 2, "heartbeats on the new host")
        beats = self.beats(host, vm)
        self.assertGreaterEqual(beats[0], before[-1])
        self.assertNotIn("READY", self.console(host, vm))

    def assert_nothing_above(self):
        for folder, _, names in os.walk(self.cloud.upstream.state):
            for name in names:
                with open(f"{folder}/{name}", "rb") as file:
                    content = file.read()
                for word in (b"inner-", b"libvirt-sock", b"receiv", b"landing", b"adopt"):
                    self.assertNotIn(word, content, name)

    def test_a_running_vm_goes_to_another_host_and_goes_on(self):
        vm = self.make_on("inner-1", "web", on_drain="migrate", user_data="#cloud-config\n")
        wait_until(lambda: len(self.beats("inner-1", vm)) > 1, "its heartbeats")
        seen = self.vms()
        before = self.beats("inner-1", vm)
        self.drain("inner-1")
        states = set()

        def has_come():
            states.update(each["state"] for each in self.vms())
            return self.where(vm) == "inner-2" and "move" not in self.owner_json("vm", "show", vm)
        wait_until(has_come, f"{vm} on inner-2", 120)
        self.assert_only_on("inner-2", vm)
        self.assert_goes_on(before, vm, "inner-2")
        self.assertEqual(states, {"running"})
        self.assertEqual(self.vms(), seen, "nothing of it is to be seen above")
        self.assertEqual(self.owner_json("host", "show", "inner-1")["vms"], 0)
        self.assert_nothing_above()
        # It is a VM like any other there, with the disk that it had.
        for verb in ("stop", "start"):
            self.assertEqual(self.act("web", verb)["code"], "ok", verb)
        wait_until(lambda: "NANO-READY boots=2" in self.console("inner-2", vm), "its second boot")

    def test_the_variables_of_uefi_go_along(self):
        vm = self.make_on("inner-1", "web", image="efi", on_drain="migrate", shape="small")
        wait_until(lambda: "EFI Internal Shell" in self.console("inner-1", vm),
                   "UEFI has looked for something to start", 240)
        nvram = {host: f"{self.cloud.agents[host].state}/vms/{vm}/nvram.fd"
                 for host in ("inner-1", "inner-2")}
        with open(nvram["inner-1"], "rb") as file:
            variables = file.read()
        self.drain("inner-1")
        self.await_arrival(vm, "inner-2")
        self.assert_only_on("inner-2", vm)
        with open(nvram["inner-2"], "rb") as file:
            self.assertEqual(file.read(), variables)
        for verb in ("stop", "start"):
            self.assertEqual(self.act("web", verb)["code"], "ok", verb)

    def test_the_state_of_a_tpm_goes_along(self):
        def states():
            return {host: glob.glob(f"{libvirt.folder}/**/swtpm/*/tpm2/*.permall", recursive=True)
                    for host, libvirt in self.libvirts.items()}
        vm = self.make_on("inner-1", "web", image="sealed", on_drain="migrate", shape="small")
        path, = states()["inner-1"]
        with open(path, "rb") as file:
            state = file.read()
        self.drain("inner-1")
        self.await_arrival(vm, "inner-2")
        self.assert_only_on("inner-2", vm)
        self.assertEqual(states()["inner-1"], [])
        path, = states()["inner-2"]
        with open(path, "rb") as file:
            came = file.read()
        self.assertEqual(len(came), len(state))  # its secrets are of chance, its counters count
        self.assertLess(sum(one != other for one, other in zip(came, state)), 64)
        for verb in ("stop", "start"):
            self.assertEqual(self.act("web", verb)["code"], "ok", verb)

    def test_what_cannot_go_stays_and_the_owner_is_told_why(self):
        vm = self.make_on("inner-1", "web", on_drain="migrate")
        off = self.make_on("inner-1", "off", on_drain="migrate")
        self.assertEqual(self.act("off", "stop")["code"], "ok")
        self.owner("host", "cordon", "inner-2")
        self.addCleanup(self.owner, "host", "uncordon", "inner-2")
        self.drain("inner-1")
        wait_until(lambda: {each["why"]: each["vms"] for each in
                            self.owner_json("host", "show", "inner-1").get("remaining", [])} ==
                   {"no-room": 1, "not-live": 1}, "why they stay")
        self.assertEqual(self.owner_json("vm", "show", off)["stays"], "not-live")
        self.assertIn("off", self.owner("host", "show", "inner-1").out)
        self.assertEqual((self.where(vm), self.where(off)), ("inner-1", "inner-1"))

    def test_a_vm_from_a_host_that_cannot_receive_goes_to_one_that_can(self):
        vm = self.make_on("inner-3", "web", on_drain="restart")
        wait_until(lambda: len(self.beats("inner-3", vm)) > 1, "its heartbeats")
        before = self.beats("inner-3", vm)
        self.owner("host", "cordon", "inner-1")
        self.addCleanup(self.owner, "host", "uncordon", "inner-1")
        self.drain("inner-3")
        self.await_arrival(vm, "inner-2")
        self.assert_only_on("inner-2", vm)
        self.assertEqual(self.cloud.guests("inner-3"), [])
        self.assert_goes_on(before, vm, "inner-2")

    def test_agents_and_their_manager_that_are_killed_meanwhile_find_the_truth(self):
        vm = self.make_on("inner-1", "web", on_drain="migrate")
        self.owner("host", "cordon", "inner-3")
        self.addCleanup(self.owner, "host", "uncordon", "inner-3")
        wait_until(lambda: len(self.beats("inner-1", vm)) > 1, "its heartbeats")
        there, here = "inner-1", "inner-2"
        for name, end in (("inner-1", "kill"), ("inner-1", "kill"), ("north", "kill"),
                          ("inner-2", "stop")):
            wait_until(lambda: len(self.beats(there, vm)) > 1, "its heartbeats")
            before = self.beats(there, vm)
            self.owner("host", "maintenance", there)
            wait_until(lambda: self.owner_json("vm", "show", vm).get("move") in
                       ("migrating", "adopting", None), "it is on its way")
            getattr(self.cloud.daemon(name), end)()
            self.cloud.daemon(name).start()
            self.await_arrival(vm, here)
            self.assert_only_on(here, vm)
            self.assert_goes_on(before, vm, here)
            self.owner("host", "end-maintenance", there)
            there, here = here, there

    def test_where_libvirt_is_gone_the_vm_stays_and_is_tried_again(self):
        vm = self.make_on("inner-1", "web", on_drain="migrate")
        self.owner("host", "cordon", "inner-3")
        self.addCleanup(self.owner, "host", "uncordon", "inner-3")
        self.libvirts["inner-2"].stop()
        self.drain("inner-1")
        wait_until(lambda: self.owner_json("vm", "show", vm).get("stays") in ("failed", "busy") and
                   "move" not in self.owner_json("vm", "show", vm), "it is told that it stays", 120)
        beats = len(self.beats("inner-1", vm))
        wait_until(lambda: len(self.beats("inner-1", vm)) > beats + 1, "it runs on")
        self.libvirts["inner-2"].start()
        self.owner("host", "maintenance", "inner-1")
        self.addCleanup(self.owner, "host", "end-maintenance", "inner-1")
        self.await_arrival(vm, "inner-2")
        self.assert_only_on("inner-2", vm)

    def test_libvirt_daemons_that_are_killed_meanwhile_leave_one_vm(self):
        vm = self.make_on("inner-1", "web", on_drain="migrate")
        self.owner("host", "cordon", "inner-3")
        self.addCleanup(self.owner, "host", "uncordon", "inner-3")
        there, here = "inner-1", "inner-2"
        for name in ("inner-1", "inner-2"):
            wait_until(lambda: len(self.beats(there, vm)) > 1, "its heartbeats")
            before = self.beats(there, vm)
            self.owner("host", "maintenance", there)
            wait_until(lambda: self.owner_json("vm", "show", vm).get("move") != "receiving" and
                       self.owner_json("vm", "show", vm).get("move") or
                       self.where(vm) == here, "it is on its way")
            self.libvirts[name].stop(signal.SIGKILL)
            self.libvirts[name].start()
            self.await_arrival(vm, here)
            self.assert_only_on(here, vm)
            self.assert_goes_on(before, vm, here)
            self.owner("host", "end-maintenance", there)
            there, here = here, there


if __name__ == "__main__":
    unittest.main()
