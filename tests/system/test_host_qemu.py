"""The host adapter against QEMU, by libvirt's embedded driver, with guests that boot.

ISTHMUS_BUILD names the build folder. As root, the embedded driver wants the system user
libvirt-qemu and the qemu.conf that write_embed_root writes; as another user, nothing.
"""
import base64
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
import unittest.mock

from cloud_case import (QEMU_CONF, adopt_guests, guest_image, keep_probes, not_sanitized,
                        use_probes)
from host_case import HostCase, Probe, digest_of, vm_id, wait_until


def mac_of(vm, index):
    """The rule that the host adapter goes by, which must never change."""
    digest = hashlib.sha256(f"{vm}/{index}".encode()).hexdigest()
    pairs = [f"{ord(digest[0]) & 7}2", *(digest[i:i + 2] for i in range(2, 12, 2))]
    return ":".join(pairs)


def write_embed_root(root):
    (root / "etc").mkdir(parents=True)
    if os.getuid() == 0:
        (root / "etc/qemu.conf").write_text(QEMU_CONF)


class QemuCase(HostCase):
    """One embedded root for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        adopt_guests()
        cls.guest = pathlib.Path(guest_image())
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-embed-"))
        cls.uri = f"qemu:///embed?root={cls.root}"
        write_embed_root(cls.root)
        use_probes(cls.root / "cache")

    @classmethod
    def tearDownClass(cls):
        for pid in cls.pids():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(cls.root)

    @classmethod
    def pids(cls):
        return [int(file.read_text()) for file in cls.root.glob("run/qemu/*isthmus-*.pid")]

    def setUp(self):
        super().setUp()
        self.digest = digest_of(self.guest.read_bytes())
        shutil.copy(self.guest, self.images / self.digest)

    def probe(self, *more):
        probe = super().probe(self.uri, None, *more)
        probe.expect("host .*")
        keep_probes(self.root / "cache")
        return probe

    def console(self, vm):
        file = self.host / "vms" / vm / "console.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def wait_ready(self, vm, times=1):
        wait_until(lambda: self.console(vm).count("ISTHMUS-GUEST ready") >= times, 600,
                   lambda: f"{times} times ready in\n{self.console(vm)}")

    def boot(self, probe, vm, **arguments):
        self.addCleanup(self.remove, vm)
        self.assertEqual(probe.do("fetch", vm=vm, digest=self.digest), "ok")
        self.assertEqual(probe.do("create", vm=vm, digest=self.digest, **arguments), "ok")
        self.assertEqual(probe.do("start", vm=vm), "ok")
        self.wait_ready(vm)

    def remove(self, vm):
        """Whatever became of the test, its domain goes. An embedded root serves one process."""
        for probe in self.probes:
            probe.close()
        probe = Probe(self.uri, self.host, "file:///")
        try:
            self.assertEqual(probe.do("remove", vm=vm), "ok")
        finally:
            probe.close()

    def virsh(self, *words):
        return subprocess.run(["virsh", "-q", "-c", self.uri, *words], check=True, timeout=60,
                              capture_output=True, text=True).stdout


class QemuDriver(QemuCase):
    def test_a_host_without_swtpm_has_no_room_for_a_vm_with_a_tpm(self):
        tools, vm = tempfile.TemporaryDirectory(prefix="isthmus-tools-"), vm_id(1)
        self.addCleanup(tools.cleanup)
        for tool in {tool for folder in os.environ["PATH"].split(":")
                     for tool in pathlib.Path(folder).glob("*") if "swtpm" not in tool.name}:
            if not os.path.lexists(f"{tools.name}/{tool.name}"):
                os.symlink(tool, f"{tools.name}/{tool.name}")
        with unittest.mock.patch.dict(os.environ, PATH=tools.name):
            probe = self.probe()
        self.addCleanup(self.remove, vm)
        self.assertEqual(probe.do("fetch", vm=vm, digest=self.digest), "ok")
        self.assertEqual(probe.do("create", vm=vm, digest=self.digest, tpm=1), "no-capacity")
        self.assertEqual(probe.do("create", vm=vm, digest=self.digest), "ok")
        self.assertEqual(probe.do("rebuild", vm=vm, digest=self.digest, tpm=1), "no-capacity")
        self.assertEqual(probe.do("start", vm=vm), "ok")

    def test_a_guest_lives_its_whole_life(self):
        probe, vm = self.probe(), vm_id(1)
        self.boot(probe, vm, epoch=2, name="web-1", data="greeting:hello")
        probe.expect(f"domain {vm} epoch=2 running changed")
        self.assertIn("ISTHMUS-GUEST name=web-1 user-data=greeting:hello", self.console(vm))
        disk = self.host / "vms" / vm / "disk.qcow2"
        before = disk.stat().st_ino

        self.assertEqual(probe.do("reboot", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=2 running rebooted")
        self.wait_ready(vm, times=2)

        self.assertEqual(probe.do("shutdown", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=2 stopped changed")
        # again: the disk that the guest has used stays
        self.assertEqual(probe.do("create", vm=vm, digest=self.digest, epoch=2), "ok")
        self.assertEqual(disk.stat().st_ino, before)
        self.assertEqual(probe.do("start", vm=vm), "ok")
        self.wait_ready(vm, times=3)
        for kind, state in (("pause", "paused"), ("resume", "running"), ("suspend", "suspended")):
            for _ in range(2):
                self.assertEqual(probe.do(kind, vm=vm), "ok", kind)
            probe.expect(f"domain {vm} epoch=2 {state} changed")
        self.assertEqual(self.pids(), [])
        probe.forget()
        self.assertEqual(probe.do("start", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=2 running changed")
        self.assertEqual(probe.do("shutdown", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=2 stopped changed")
        # the very guest that was suspended has heard that: it did not boot
        self.assertEqual(self.console(vm).count("ISTHMUS-GUEST ready"), 3)
        self.assertEqual(probe.do("remove", vm=vm), "ok")
        self.assertEqual(list((self.host / "vms").iterdir()), [])
        self.assertEqual(self.pids(), [])

    def test_a_guest_outlives_a_killed_process_and_is_found_again(self):
        probe, vm = self.probe(), vm_id(2)
        self.boot(probe, vm, epoch=5)
        probe.kill()
        [pid] = self.pids()
        os.kill(pid, 0)
        again = self.probe()
        again.send("scan")
        again.expect("scanned")
        self.assertIn(f"domain {vm} epoch=5 running found", again.lines)
        self.assertEqual(again.do("create", vm=vm, digest=self.digest, epoch=5), "ok")
        self.assertEqual(again.do("start", vm=vm), "ok")
        self.assertEqual(self.pids(), [pid])
        again.forget()
        self.assertEqual(again.do("shutdown", vm=vm), "ok")
        again.expect(f"domain {vm} epoch=5 stopped changed")
        again.close()

    def test_a_guest_that_dies_is_told_as_crashed(self):
        probe, vm = self.probe(), vm_id(3)
        self.boot(probe, vm)
        os.kill(self.pids()[0], signal.SIGKILL)
        probe.expect(f"domain {vm} epoch=1 crashed changed")
        self.assertEqual(probe.do("start", vm=vm), "ok")
        self.wait_ready(vm, times=2)
        self.assertEqual(probe.do("remove", vm=vm), "ok")
        probe.close()

    def test_a_foreign_domain_stays_as_it_is(self):
        vm = vm_id(4)
        file = self.folder / "foreign.xml"
        for name in ("other", f"isthmus-{vm}"):
            file.write_text(f"<domain type='qemu'><name>{name}</name><memory>65536</memory>"
                            "<os><type>hvm</type></os></domain>")
            self.virsh("define", str(file))
            self.addCleanup(self.virsh, "undefine", name)
        probe = self.probe()
        probe.send("scan")
        probe.expect("scanned")
        self.assertFalse([line for line in probe.lines if line.startswith("domain")])
        self.assertEqual(probe.do("create", vm=vm, digest=self.digest), "host-failed")
        self.assertEqual(probe.do("start", vm=vm), "lost")
        self.assertEqual(probe.do("remove", vm=vm), "ok")
        probe.close()
        self.assertEqual(self.virsh("list", "--all", "--name").split(),
                         [f"isthmus-{vm}", "other"])

    def test_kvm_is_refused_with_its_reason_where_the_processor_has_none(self):
        if re.search(r"^flags.* (svm|vmx) ", pathlib.Path("/proc/cpuinfo").read_text(), re.M):
            self.skipTest("this processor may have it")
        self.assertIn("accelerator kvm: ", self.refused(self.uri, "kvm"))
        self.assertIn("accelerator xen", self.refused(self.uri, "xen"))


class QemuShape(QemuCase):
    def test_a_guests_disk_is_kept_taken_back_resized_and_made_anew(self):
        probe, vm = self.probe(), vm_id(6)
        self.boot(probe, vm, epoch=2)
        what = {"vm": vm, "digest": self.digest, "epoch": 2}
        disk = self.host / "vms" / vm / "disk.qcow2"
        self.assertEqual(probe.do("snapshot", snapshot="warm", **what), "ok")
        self.assertEqual(probe.do("resize", cpus=2, **what), "ok")  # it runs: one more
        self.assertEqual(probe.do("resize", cpus=2, memory=1024, **what), "bad-state")
        probe.forget()
        self.assertEqual(probe.do("revert", snapshot="warm", **what), "ok")
        probe.expect(f"domain {vm} epoch=2 running changed")
        self.assertEqual(probe.do("stop", vm=vm), "ok")
        self.assertEqual(probe.do("snapshot", snapshot="cold", **what), "ok")
        self.assertEqual(probe.do("revert", snapshot="cold", **what), "ok")
        for name in ("warm", "cold"):
            self.assertEqual(probe.do("snapshot-delete", snapshot=name, **what), "ok")
        for _ in range(2):
            self.assertEqual(probe.do("resize", cpus=2, memory=160, disk=2, **what), "ok")
        info = subprocess.run(["qemu-img", "info", disk], check=True, text=True,
                              capture_output=True).stdout
        self.assertIn("virtual size: 2 GiB", info)
        self.assertNotIn("Snapshot list", info)
        self.assertEqual(probe.do("snapshot", snapshot="old", **what), "ok")
        written = disk.stat().st_ino
        self.assertEqual(probe.do("rebuild", cpus=2, memory=160, disk=2, **what), "ok")
        self.assertNotEqual(disk.stat().st_ino, written)
        self.assertEqual(probe.do("revert", snapshot="old", **what), "not-found")
        before = self.console(vm).count("ISTHMUS-GUEST ready")
        self.assertEqual(probe.do("start", vm=vm), "ok")
        self.wait_ready(vm, before + 1)

    def test_first_boot_data_are_any_bytes(self):
        probe, vm = self.probe(), vm_id(12)
        self.assertEqual(probe.do("fetch", vm=vm, digest=self.digest), "ok")
        self.addCleanup(self.remove, vm)
        for kind, data in (("create", gzip.compress(b"#cloud-config\n")),
                           ("rebuild", bytes(range(256)))):
            self.assertEqual(probe.do(kind, vm=vm, digest=self.digest,
                                      data64=base64.b64encode(data).decode()), "ok")
            self.assertIn(data, (self.host / "vms" / vm / "seed.iso").read_bytes())

    def test_a_guest_is_told_its_name_its_networks_and_who_may_log_in(self):
        probe, vm, key = self.probe(), vm_id(13), "ssh-rsa AAAAB3NzaC1yc2EA anna"
        what = {"vm": vm, "digest": self.digest, "networks": "nat,nat"}
        self.boot(probe, vm, name="web", data="greeting:hello", networks="nat,nat",
                  keys=key.replace(" ", "_"))
        for name, more in (("web", {}), ("new", {}), ("newer", {"data": "greeting:other"}),
                           ("newest", {"keys": "ssh-rsa_AAAAB3NzaC1yc2EA_bob"})):
            if name != "web":
                self.assertEqual(probe.do("stop", vm=vm), "ok")
                self.assertEqual(probe.do("rebuild", name=name, **what, **more), "ok")
            seed = (self.host / "vms" / vm / "seed.iso").read_bytes().decode(errors="replace")
            self.assertIn(f'local-hostname: "{name}"', seed)
            for i in (0, 1):
                self.assertIn(f'match: {{macaddress: "{mac_of(vm, i)}"}}', seed)
            self.assertIn(f'- "{key.replace("anna", "bob" if "keys" in more else "anna")}"', seed)
            self.assertIn("greeting:" + ("hello" if name in ("web", "new") else "other"), seed)
        self.assertEqual(probe.do("start", vm=vm), "ok")
        self.wait_ready(vm, times=2)
        self.assertIn("ISTHMUS-GUEST name=newest user-data=greeting:other", self.console(vm))
        live = (self.root / f"run/qemu/isthmus-{vm}.xml").read_text()
        self.assertIn(f"path='{self.host}/vms/{vm}/agent.sock'", live)
        self.assertTrue((self.host / "vms" / vm / "agent.sock").is_socket())

    def test_a_guest_sees_its_interfaces_wherever_and_however_often_it_is_made(self):
        probe, vm = self.probe(), vm_id(9)
        what = {"vm": vm, "digest": self.digest, "networks": "nat,nat"}
        self.boot(probe, vm, networks="nat,nat")
        seen = "".join(f"ISTHMUS-GUEST interface virtio_net {mac_of(vm, i)}\n" for i in (0, 1))
        self.assertEqual(self.interfaces(vm), seen)
        self.assertEqual(probe.do("stop", vm=vm), "ok")
        for kind, more in (("snapshot", {"snapshot": "a"}), ("revert", {"snapshot": "a"}),
                           ("resize", {"cpus": 2}), ("rebuild", {"cpus": 2})):
            self.assertEqual(probe.do(kind, **what, **more), "ok", kind)
        self.assertEqual(probe.do("start", vm=vm), "ok")
        self.wait_ready(vm, times=2)
        self.assertEqual(self.interfaces(vm), 2 * seen)

    def interfaces(self, vm):
        """What the guest has said of them in all its boots; the network card has come by then."""
        return "".join(line + "\n" for line in self.console(vm).splitlines()
                       if line.startswith("ISTHMUS-GUEST interface"))

    def domain(self, vm, folder):
        return (self.root / folder / f"isthmus-{vm}.xml").read_text()

    def sees(self, vm):
        """The addresses that a guest has by now, in its own words."""
        tty = re.search(r"<source path='(/dev/pts/\d+)'", self.domain(vm, "run/qemu")).group(1)
        self.asked = getattr(self, "asked", 0) + 1
        answer = rf"SEEN {self.asked} ((?:[0-9a-f:]{{17}} ?)*)END"
        with open(tty, "r+b", buffering=0) as typed:  # $((…)): what is echoed is not the answer
            typed.write(b"echo SEEN $((%d)) $(cat /sys/class/net/eth*/address) END\n" % self.asked)
            wait_until(lambda: re.search(answer, self.console(vm)), 60,
                       lambda: f"an answer in\n{self.console(vm)}")
        return sorted(re.search(answer, self.console(vm)).group(1).split())

    def has(self, vm, *numbers):
        """Both now and at its next start, and nothing else."""
        macs = [mac_of(vm, i) for i in numbers]
        for folder in ("run/qemu", "etc/qemu"):
            self.assertEqual(sorted(re.findall("<mac address='(.*?)'/>", self.domain(vm, folder))),
                             sorted(macs), folder)
        wait_until(lambda: self.sees(vm) == sorted(macs), 60,  # its driver takes a moment
                   lambda: f"{macs}, as they are seen in\n{self.console(vm)}")

    def test_interfaces_come_and_go_while_the_guest_runs(self):
        probe, vm = self.probe(), vm_id(14)
        self.boot(probe, vm, networks="nat")
        for networks, numbers in (("nat,nat", (0, 1)), ("nat,nat", (0, 1)), ("-,nat", (1,)),
                                  ("nat,nat,nat", (0, 1, 2)), ("nat,-,nat", (0, 2))):
            self.assertEqual(probe.do("connect", vm=vm, networks=networks), "ok", networks)
            self.has(vm, *numbers)
        self.assertEqual(probe.do("connect", vm=vm, networks="nat,nowhere,nat"), "no-capacity")
        self.has(vm, 0, 2)
        self.assertEqual(probe.do("stop", vm=vm), "ok")
        self.assertEqual(probe.do("connect", vm=vm, networks="nat,nat,nat"), "ok")
        self.assertEqual(probe.do("connect", vm=vm, networks="-,nat,nat"), "ok")
        self.assertEqual(probe.do("start", vm=vm), "ok")
        self.wait_ready(vm, times=2)
        self.has(vm, 1, 2)
        what = {"vm": vm, "digest": self.digest, "networks": "-,nat,nat"}
        self.assertEqual(probe.do("rebuild", **what), "ok")
        seed = (self.host / "vms" / vm / "seed.iso").read_bytes().decode(errors="replace")
        for i in (1, 2):
            self.assertIn(f'  eth{i}:\n    match: {{macaddress: "{mac_of(vm, i)}"}}', seed)
        self.assertNotIn(mac_of(vm, 0), seed)
        self.assertEqual(probe.do("start", vm=vm), "ok")
        self.wait_ready(vm, times=3)
        self.has(vm, 1, 2)
        self.assertEqual(probe.do("connect", vm=vm), "ok")
        self.has(vm)

    def test_a_snapshot_brings_no_interface_back(self):
        probe, vm = self.probe(), vm_id(15)
        what = {"vm": vm, "digest": self.digest}
        self.addCleanup(self.remove, vm)
        self.assertEqual(probe.do("fetch", **what), "ok")
        self.assertEqual(probe.do("create", networks="nat,nat", **what), "ok")
        self.assertEqual(probe.do("snapshot", vm=vm, snapshot="a"), "ok")
        self.assertEqual(probe.do("connect", vm=vm, networks="-,nat,nat"), "ok")
        self.assertEqual(probe.do("revert", networks="-,nat,nat", snapshot="a", **what), "ok")
        self.assertEqual(re.findall("<mac address='(.*?)'/>", self.domain(vm, "etc/qemu")),
                         [mac_of(vm, 1), mac_of(vm, 2)])

    def test_each_network_becomes_what_is_configured_for_it(self):
        probe, vm = self.probe(), vm_id(10)
        self.assertEqual(probe.do("fetch", vm=vm, digest=self.digest), "ok")
        self.addCleanup(self.remove, vm)
        self.assertEqual(probe.do("create", vm=vm, digest=self.digest, networks="nowhere"),
                         "no-capacity")
        probe.expect(r"log warning host-job-failed .*no \[network nowhere\] is configured here.*")
        self.assertEqual(probe.do("create", vm=vm, digest=self.digest,
                                  networks="lan,inner,nat"), "ok")
        probe.close()
        rows = [row.split()[1:] for row in
                self.virsh("domiflist", f"isthmus-{vm}").splitlines() if row]
        self.assertEqual(rows, [["bridge", "br0", "virtio", mac_of(vm, 0)],
                                ["network", "default", "virtio", mac_of(vm, 1)],
                                ["user", "-", "virtio", mac_of(vm, 2)]])


class QemuMachine(QemuCase):
    """A domain as an earlier program made it, of an earlier machine type."""
    earlier = "pc-i440fx-5.2"
    size = r"<(memory|currentMemory|maxMemory|vcpu)\b.*?</\1>|<numa>.*?</numa>"

    def definition(self, vm):
        """What the domain is to be at its next start, with its size cut out; and the whole."""
        for probe in self.probes:
            probe.close()
        whole = self.virsh("dumpxml", "--inactive", f"isthmus-{vm}")
        return re.sub(r"\s+", " ", re.sub(self.size, "", whole, flags=re.S)), whole

    def make_earlier(self, vm):
        _, whole = self.definition(vm)
        old = re.sub(r"machine='[^']*'", f"machine='{self.earlier}'", whole)
        old = re.sub(r"(<target dev='vda'.*?slot=')[^']*", r"\g<1>0x1d", old, flags=re.S)
        old = re.sub(r"<topology[^>]*/>", "", old)
        old = old.replace("</devices>", "<rng model='virtio'><backend model='random'>"
                          "/dev/urandom</backend></rng></devices>")
        (self.root / "old.xml").write_text(old)
        self.virsh("define", str(self.root / "old.xml"))
        return self.definition(vm)[0]

    def test_a_guest_keeps_its_machine_until_its_tenant_wants_the_newest(self):
        probe, vm = self.probe(), vm_id(11)
        what = {"vm": vm, "digest": self.digest, "networks": "nat", "disk": 2}
        self.assertEqual(probe.do("fetch", vm=vm, digest=self.digest), "ok")
        self.addCleanup(self.remove, vm)
        self.assertEqual(probe.do("create", **what), "ok")
        new = self.definition(vm)[1]
        self.assertIn("<topology sockets='1' dies='1' cores='4' threads='1'/>", new)
        old = self.make_earlier(vm)
        for kind, more in (("resize", {"cpus": 2, "memory": 640}), ("snapshot", {}),
                           ("revert", {"cpus": 2, "memory": 256}),
                           ("rebuild", {"cpus": 3, "memory": 768})):
            self.assertEqual(self.probe().do(kind, snapshot="a", **what, **more), "ok", kind)
            self.assertEqual(self.definition(vm)[0], old, kind)
        self.assertIn("<vcpu placement='static' current='3'>12</vcpu>", self.definition(vm)[1])
        self.assertIn(f"<memory unit='KiB'>{768 * 1024}</memory>", self.definition(vm)[1])
        probe = self.probe()
        self.assertEqual(probe.do("start", vm=vm), "ok")
        self.wait_ready(vm)
        self.assertEqual(probe.do("resize", cpus=4, memory=896, **what), "ok")  # as it runs
        self.assertEqual(probe.do("stop", vm=vm), "ok")
        self.assertEqual(self.definition(vm)[0], old)
        self.assertEqual(self.probe().do("resize", upgrade="yes", **what), "ok")
        self.assertEqual(self.definition(vm)[1], new)


@not_sanitized("a guest that others keep waiting does not take memory in time")
class QemuMemory(QemuCase):
    def live(self, vm):
        """libvirt's note of the running domain, rewritten at each change."""
        return (self.root / f"run/qemu/isthmus-{vm}.xml").read_text()

    def has_modules(self, vm):
        return "<memory model=" in self.live(vm)

    def type(self, vm, line, answer):
        """Types a line at the guest's console; gives the answer's match."""
        # its log has what the guest has written: an answer begins a line, what was typed does not
        at = len(self.console(vm))
        terminal = os.open(re.search(r"/dev/pts/\d+", self.live(vm))[0], os.O_WRONLY | os.O_NOCTTY)
        try:
            os.write(terminal, line.encode() + b"\n")
            return wait_until(lambda: re.search(rf"^{answer}\r?$", self.console(vm)[at:], re.M), 60,
                              lambda: f"{answer!r} in\n{self.console(vm)[at:]}")
        finally:
            os.close(terminal)

    def mib(self, vm):
        """What the guest itself says that it has."""
        return int(self.type(vm, "grep MemTotal /proc/meminfo", r"MemTotal: +(\d+) kB")[1]) / 1024

    def resize(self, probe, **what):
        """Asked again where the guest, which others keep waiting, has not acted in time."""
        answers = []
        while not answers or answers[-1] == "guest-ignored" and len(answers) < 6:
            answers.append(probe.do("resize", **what))
        self.assertEqual(answers[-1], "ok", answers)

    def test_a_running_guest_grows_in_memory_beyond_what_it_was_started_with(self):
        probe, vm = self.probe(), vm_id(7)
        self.boot(probe, vm, memory=512)
        what, small = {"vm": vm, "digest": self.digest}, self.mib(vm)
        for memory in (512 + 64, 4 * 512 + 128):  # not a whole block; more than it has room for
            self.assertEqual(probe.do("resize", memory=memory, **what), "bad-state")
        self.assertEqual(probe.do("snapshot", snapshot="small", **what), "ok")
        for _ in range(2):
            self.resize(probe, memory=640, **what)
            self.assertEqual(self.mib(vm), small + 128)
        for memory in (448, 640, 448, 896):  # the last by both: more of it, and the balloon
            self.resize(probe, memory=memory, **what)
            self.assertEqual(self.mib(vm), small + memory - 512)
        self.assertEqual(probe.do("snapshot", snapshot="grown", **what), "ok")
        for kind in ("suspend", "start", "pause", "resume"):
            self.assertEqual(probe.do(kind, vm=vm), "ok", kind)
        self.assertEqual(self.mib(vm), small + 384)
        self.assertEqual(probe.do("revert", snapshot="small", memory=512, **what), "ok")
        self.assertEqual(self.mib(vm), small)
        self.assertEqual(probe.do("revert", snapshot="grown", memory=896, **what), "ok")
        self.assertEqual(self.mib(vm), small + 384)
        # a process that ended before it had written the definition does it again
        probe.kill()
        probe = self.probe()
        self.resize(probe, memory=896, **what)
        for kind in ("stop", "start"):
            self.assertEqual(probe.do(kind, vm=vm), "ok", kind)
        self.wait_ready(vm, times=2)
        self.assertFalse(self.has_modules(vm))  # from the start, not added
        self.assertGreater(self.mib(vm), small + 384 - 16)
        cold = self.mib(vm)
        self.resize(probe, memory=1024, **what)
        self.assertEqual(self.mib(vm), cold + 128)

    def test_memory_that_a_guest_does_not_take_is_taken_out_again_or_told(self):
        probe, vm = self.probe(), vm_id(8)
        self.boot(probe, vm, memory=512)
        what, small = {"vm": vm, "digest": self.digest}, self.mib(vm)
        memory = "/sys/devices/system/memory/auto_online_blocks"
        # it takes the memory for what can be moved out of it, its disk cannot be what is wanted,
        # and it gives the memory back
        self.type(vm, f"echo online_movable >{memory}; echo do''ne", "done")
        self.assertEqual(probe.do("resize", memory=640, disk=4 * 10**9, **what), "host-failed")
        self.assertFalse(self.has_modules(vm))
        self.assertEqual(self.mib(vm), small)
        self.type(vm, f"echo offline >{memory}; echo do''ne", "done")
        self.assertEqual(probe.do("resize", memory=640, **what), "guest-ignored")
        self.assertFalse(self.has_modules(vm))
        eject = "/sys/firmware/acpi/hotplug/memory/enabled"
        self.type(vm, f"echo 0 >{eject}; echo don''e", "done")
        self.assertEqual(probe.do("resize", memory=640, **what), "guest-ignored")
        self.assertTrue(self.has_modules(vm))
        self.assertEqual(self.mib(vm), small)
        # it is told as what the VM has, so its next start is to have it
        self.assertIn(f">{640 * 1024}</memory>",
                      (self.root / f"etc/qemu/isthmus-{vm}.xml").read_text())
        # where no balloon driver tells, libvirt's word is all that there is
        self.type(vm, "busybox rmmod virtio_balloon; echo d''one", "done")
        self.assertEqual(probe.do("resize", memory=768, **what), "ok")
        self.assertEqual(self.mib(vm), small)
        self.assertEqual(self.live(vm).count("<memory model="), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
