"""The host adapter against real libvirt: the test driver, and QEMU by the embedded driver.

ISTHMUS_BUILD names the build folder. As root, the embedded driver wants the system user
libvirt-qemu and the qemu.conf that write_embed_root writes; as another user, nothing.
"""
import hashlib
import http.server
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from cloud_case import guest_image
from host_case import (HostCase, MANIFEST, Probe, digest_of, make_archive, qcow2_header, vm_id,
                       wait_until)

QEMU_CONF = """\
stdio_handler = "file"
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
"""


class TestDriver(HostCase):
    def test_capacity_is_what_the_settings_say_less_the_reserve(self):
        memory = pathlib.Path("/proc/meminfo").read_text()
        total = int(re.search(r"MemTotal: *(\d+)", memory)[1]) // 1024
        told = self.probe().expect(r"host cpus=(\d+) memory=(\d+) disk=(\d+) accelerator=test")
        self.assertEqual((int(told[1]), int(told[2])), (7, total - 100))
        self.assertGreater(int(told[3]), 0)

    def test_every_job_runs_and_its_repeat_does_no_harm(self):
        probe, vm = self.probe(), vm_id(1)
        digest = make_archive(self.images, {"manifest.json": MANIFEST, "d": qcow2_header(1)})
        probe.send("scan")
        probe.expect("scanned")
        for _ in range(2):
            self.assertEqual(probe.do("fetch", vm=vm, digest=digest), "ok")
        for _ in range(2):
            self.assertEqual(probe.do("create", vm=vm, digest=digest, epoch=3), "ok")
        self.assertEqual(probe.do("shutdown", vm=vm), "bad-state")
        self.assertEqual(probe.do("reboot", vm=vm), "bad-state")
        for _ in range(2):
            self.assertEqual(probe.do("start", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=3 running changed")
        self.assertEqual(probe.do("create", vm=vm, digest=digest, epoch=3), "ok")
        self.assertEqual(probe.do("create", vm=vm, digest=digest, epoch=4), "bad-state")
        self.assertEqual(probe.do("reboot", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=3 running rebooted")
        for kind, state in (("pause", "paused"), ("resume", "running"), ("pause", "paused"),
                            ("suspend", "suspended"), ("start", "running")):
            probe.forget()
            for _ in range(2):
                self.assertEqual(probe.do(kind, vm=vm), "ok", kind)
            probe.expect(f"domain {vm} epoch=3 {state} changed")
        self.assertEqual(probe.do("shutdown", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=3 stopped changed")
        for kind in ("pause", "resume", "suspend"):
            self.assertEqual(probe.do(kind, vm=vm), "bad-state", kind)
        for _ in range(2):
            self.assertEqual(probe.do("stop", vm=vm), "ok")
        self.assertEqual(probe.do("create", vm=vm, digest=digest, epoch=4), "ok")
        probe.forget()
        probe.send("scan")
        probe.expect("scanned")
        self.assertEqual(probe.lines, [f"domain {vm} epoch=4 stopped cut", "scanned"])
        probe.forget()
        for _ in range(2):
            self.assertEqual(probe.do("remove", vm=vm), "ok")
        self.assertFalse([line for line in probe.lines if "lost" in line], probe.lines)
        for kind in ("start", "stop", "shutdown", "reboot"):
            self.assertEqual(probe.do(kind, vm=vm), "lost")
        probe.close()
        self.assertEqual(probe.lines[-1], "closed")

    def test_a_domain_is_resized_kept_taken_back_and_made_anew(self):
        probe, vm = self.probe(), vm_id(1)
        digest = make_archive(self.images, {"manifest.json": MANIFEST, "d": qcow2_header(1)})
        what = {"vm": vm, "digest": digest, "epoch": 3}
        for kind in ("fetch", "create", "start"):
            self.assertEqual(probe.do(kind, **what), "ok", kind)
        for _ in range(2):  # while it runs: processors, and memory back; not more than it had
            self.assertEqual(probe.do("resize", cpus=3, memory=64, **what), "ok")
        self.assertEqual(probe.do("resize", cpus=3, memory=256, **what), "bad-state")
        self.assertEqual(probe.do("resize", cpus=9, memory=64, **what), "bad-state")
        for _ in range(2):  # the same operation
            self.assertEqual(probe.do("snapshot", snapshot="warm", **what), "ok")
        self.assertEqual(probe.do("stop", vm=vm), "ok")
        self.assertEqual(probe.do("resize", cpus=2, memory=256, **what), "ok")
        self.assertEqual(probe.do("snapshot", snapshot="cold", **what), "ok")
        probe.forget()
        self.assertEqual(probe.do("revert", snapshot="warm", cpus=3, memory=64, **what), "ok")
        probe.expect(f"domain {vm} epoch=3 running changed")
        self.assertEqual(probe.do("revert", snapshot="cold", cpus=3, memory=64, **what), "ok")
        probe.expect(f"domain {vm} epoch=3 stopped changed")
        self.assertEqual(probe.do("revert", snapshot="none", **what), "not-found")
        for _ in range(2):
            self.assertEqual(probe.do("snapshot-delete", snapshot="warm", **what), "ok")
        self.assertEqual(probe.do("revert", snapshot="warm", **what), "not-found")
        for _ in range(2):
            self.assertEqual(probe.do("rebuild", **what), "ok")
        self.assertEqual(probe.do("revert", snapshot="cold", **what), "not-found")
        self.assertEqual(probe.do("snapshot", snapshot="last", **what), "ok")
        self.assertEqual(probe.do("remove", vm=vm), "ok")
        for kind in ("resize", "rebuild", "snapshot", "snapshot-delete", "revert"):
            self.assertEqual(probe.do(kind, snapshot="last", **what), "lost", kind)

    def test_what_was_saved_is_found_and_is_gone_with_a_stop(self):
        probe, vm = self.probe(), vm_id(1)
        digest = make_archive(self.images, {"manifest.json": MANIFEST, "d": qcow2_header(1)})
        for kind in ("fetch", "create", "start", "suspend"):
            self.assertEqual(probe.do(kind, vm=vm, digest=digest, epoch=3), "ok", kind)
        for kind in ("pause", "resume", "shutdown", "reboot"):
            self.assertEqual(probe.do(kind, vm=vm), "bad-state", kind)
        probe.forget()
        probe.send("scan")
        probe.expect("scanned")
        self.assertEqual(probe.lines, [f"domain {vm} epoch=3 suspended cut", "scanned"])
        for _ in range(2):
            self.assertEqual(probe.do("stop", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=3 stopped changed")

    def test_many_vms_run_at_once_each_in_its_own_order(self):
        probe = self.probe()
        digest = make_archive(self.images, {"manifest.json": MANIFEST, "d": qcow2_header(1)})
        self.assertEqual(probe.do("fetch", vm=vm_id(0), digest=digest), "ok")
        vms = [vm_id(i) for i in range(200)]
        for vm in vms:
            probe.send("create", vm=vm, digest=digest)
            probe.send("start", vm=vm)
            last = probe.send("stop", vm=vm)
        for number in range(2, last + 1):
            self.assertEqual(probe.expect(rf"job {number} (\S+)")[1], "ok")

    def test_a_foreign_domain_is_neither_reported_nor_touched(self):
        vm = vm_id(2)
        node = self.folder / "node.xml"
        node.write_text(f"""<node><domain type='test'><name>isthmus-{vm}</name>
            <memory>65536</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain></node>""")
        digest = make_archive(self.images, {"manifest.json": MANIFEST, "d": qcow2_header(1)})
        probe = self.probe(f"test://{node}")
        probe.send("scan")
        probe.expect("scanned")
        self.assertFalse([line for line in probe.lines if line.startswith("domain")])
        self.assertEqual(probe.do("fetch", vm=vm, digest=digest), "ok")
        self.assertEqual(probe.do("create", vm=vm, digest=digest), "host-failed")
        for kind in ("start", "stop", "shutdown", "reboot"):
            self.assertEqual(probe.do(kind, vm=vm), "lost")
        self.assertEqual(probe.do("remove", vm=vm), "ok")
        # still there: another create finds its name taken again
        self.assertEqual(probe.do("create", vm=vm, digest=digest), "host-failed")

    def test_an_image_that_cannot_be_used_is_told_and_leaves_nothing(self):
        probe, vm = self.probe(), vm_id(3)
        entries = {"manifest.json": MANIFEST, "d": qcow2_header(3)}
        large = make_archive(self.images, entries)
        no_disk = make_archive(self.images, {"manifest.json": MANIFEST})
        changed = digest_of(b"another")
        (self.images / changed).write_bytes(b"not that")
        garbage = digest_of(b"garbage")
        (self.images / garbage).write_bytes(b"garbage")
        for digest, code in ((digest_of(b"absent"), "image-unavailable"), (no_disk, "image-broken"),
                             (changed, "image-broken"), (garbage, "image-broken"),
                             ("../../etc/passwd", "host-failed")):
            self.assertEqual(probe.do("fetch", vm=vm, digest=digest), code)
            self.assertEqual(list((self.host / "images").iterdir()), [])
        self.assertEqual(probe.do("create", vm=vm, digest=large, disk=3), "image-unavailable")
        self.assertEqual(probe.do("fetch", vm=vm, digest=large), "ok")
        self.assertEqual(probe.do("create", vm=vm, digest=large, disk=2), "image-too-large")
        self.assertEqual(probe.do("create", vm=vm, digest=large, disk=3), "ok")
        self.assertEqual(probe.do("start", vm="vm-../../x"), "host-failed")

    def test_an_image_that_many_want_is_fetched_once(self):
        digest = make_archive(self.images, {"manifest.json": MANIFEST, "d": qcow2_header(1)})
        data, asked, go = (self.images / digest).read_bytes(), [], threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                go.wait(20)
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(lambda: (server.shutdown(), thread.join(), server.server_close()))
        probe = self.probe("test:///default", f"http://127.0.0.1:{server.server_port}/v1/blobs")
        jobs = [probe.send("fetch", vm=vm_id(i), digest=digest) for i in range(20)]
        wait_until(lambda: asked, 10, "a request")
        # a download under way holds up nobody else
        self.assertEqual(probe.do("remove", vm=vm_id(1), seconds=5), "ok")
        go.set()
        for number in jobs:
            self.assertEqual(probe.expect(rf"job {number} (\S+)")[1], "ok")
        self.assertEqual(asked, [f"/v1/blobs/{digest}"])

    def test_closing_gives_up_a_download_that_does_not_move(self):
        import socket
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        probe = self.probe("test:///default", f"http://127.0.0.1:{silent.getsockname()[1]}")
        probe.expect("host .*")
        probe.send("fetch", vm=vm_id(1), digest=digest_of(b"x"))
        connection, _ = silent.accept()
        self.addCleanup(connection.close)
        began = time.monotonic()
        probe.close()
        self.assertLess(time.monotonic() - began, 8)
        self.assertEqual(probe.lines[-1], "closed")

    def test_what_a_killed_download_left_is_removed_at_the_next_start(self):
        left = self.host / "images" / (digest_of(b"x") + ".new")
        left.mkdir(parents=True)
        (left / "0").write_bytes(b"half")
        (self.host / "images" / (digest_of(b"y") + ".archive.part")).write_bytes(b"half")
        self.probe().expect("host .*")
        self.assertEqual(list((self.host / "images").iterdir()), [])

    def test_what_cannot_be_opened_is_told_with_a_remedy(self):
        for uri, what in (("qemu+unix:///system?socket=/nowhere/socket", "check the URI"),
                          ("nonsense://x", "nonsense://x")):
            self.assertIn(what, self.refused(uri))
        self.host = self.folder / "file"
        self.host.write_text("not a folder")
        self.assertIn(str(self.host), self.refused("test:///default"))


class Daemon(HostCase):
    """A libvirt daemon of our own (a session daemon, as nobody where we are root)."""

    def setUp(self):
        super().setUp()
        self.session = self.folder / "session"
        for name in ("run", "config", "cache", "home", "data"):
            (self.session / name).mkdir(parents=True)
        (self.session / "libvirtd.conf").write_text(
            f'auth_unix_rw = "none"\nunix_sock_dir = "{self.session}/run"\n'
            f'log_outputs = "3:file:{self.session}/log"\n')
        self.prefix = []
        if os.getuid() == 0:
            self.prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            self.folder.chmod(0o711)
            subprocess.run(["chown", "-R", "nobody:nogroup", self.session], check=True)
        self.uri = f"qemu+unix:///session?socket={self.session}/run/libvirt-sock"
        self.daemon = None
        self.addCleanup(self.stop)
        self.start()

    def start(self):
        home = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.session / "home"}
        for name, folder in (("RUNTIME_DIR", "run"), ("CONFIG_HOME", "config"),
                             ("CACHE_HOME", "cache"), ("DATA_HOME", "data")):
            home["XDG_" + name] = self.session / folder
        self.daemon = subprocess.Popen(
            [*self.prefix, "libvirtd", "-f", self.session / "libvirtd.conf",
             "-p", self.session / "run/pid"], env=home, stderr=subprocess.DEVNULL)
        wait_until(lambda: subprocess.run(["virsh", "-c", self.uri, "uri"],
                                          capture_output=True).returncode == 0, 60, "a daemon")

    def stop(self):
        self.daemon.kill()
        self.daemon.wait(20)

    def test_a_lost_daemon_is_found_again_and_what_it_lost_is_told(self):
        disk = self.folder / "disk"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1G"], check=True)
        digest = make_archive(self.images, {"manifest.json": MANIFEST, "d": disk.read_bytes()})
        probe, kept, lost = self.probe(self.uri), vm_id(1), vm_id(2)
        probe.expect("host .*", 60)
        self.assertEqual(probe.do("fetch", vm=kept, digest=digest), "ok")
        for vm in (kept, lost):
            self.assertEqual(probe.do("create", vm=vm, digest=digest), "ok")
        self.stop()
        probe.expect("log warning libvirt-lost .*")
        self.assertEqual(probe.do("start", vm=kept), "host-failed")
        (self.session / f"config/libvirt/qemu/isthmus-{lost}.xml").unlink()
        probe.forget()
        self.start()
        probe.expect("log info libvirt-back .*")
        probe.expect(f"domain {kept} epoch=1 stopped changed")
        probe.expect(f"domain {lost} epoch=1 lost changed")
        self.assertNotIn("scanned", probe.lines)
        self.assertEqual(probe.do("remove", vm=lost), "ok")
        self.assertEqual(probe.do("stop", vm=kept), "ok")
        # events flow on the new connection too
        subprocess.run(["virsh", "-c", self.uri, "undefine", f"isthmus-{kept}"], check=True,
                       capture_output=True)
        probe.expect(f"domain {kept} epoch=1 lost changed")


def mac_of(vm, index):
    """The rule that the host adapter goes by, which must never change."""
    digest = hashlib.sha256(f"{vm}/{index}".encode()).hexdigest()
    pairs = [f"{ord(digest[0]) & 7}2", *(digest[i:i + 2] for i in range(2, 12, 2))]
    return ":".join(pairs)


def write_embed_root(root):
    (root / "etc").mkdir(parents=True)
    if os.getuid() == 0:
        (root / "etc/qemu.conf").write_text(QEMU_CONF)


class QemuDriver(HostCase):
    """One embedded root for all tests: its first probe of QEMU's capabilities takes seconds."""

    @classmethod
    def setUpClass(cls):
        cls.guest = pathlib.Path(guest_image())
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-embed-"))
        cls.uri = f"qemu:///embed?root={cls.root}"
        write_embed_root(cls.root)

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
        probe.expect("host .*", 60)
        return probe

    def console(self, vm):
        file = self.host / "vms" / vm / "console.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def wait_ready(self, vm, times=1):
        wait_until(lambda: self.console(vm).count("ISTHMUS-GUEST ready") >= times, 180,
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

    def test_a_guest_lives_its_whole_life(self):
        probe, vm = self.probe(), vm_id(1)
        self.boot(probe, vm, epoch=2, name="web-1", data="greeting:hello")
        probe.expect(f"domain {vm} epoch=2 running changed")
        self.assertIn("ISTHMUS-GUEST name=web-1 user-data=greeting:hello", self.console(vm))
        disk = self.host / "vms" / vm / "disk.qcow2"
        before = disk.stat().st_ino

        self.assertEqual(probe.do("reboot", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=2 running rebooted", 60)
        self.wait_ready(vm, times=2)

        self.assertEqual(probe.do("shutdown", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=2 stopped changed", 60)
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
        probe.expect(f"domain {vm} epoch=2 stopped changed", 60)
        # the very guest that was suspended has heard that: it did not boot
        self.assertEqual(self.console(vm).count("ISTHMUS-GUEST ready"), 3)
        self.assertEqual(probe.do("remove", vm=vm), "ok")
        self.assertEqual(list((self.host / "vms").iterdir()), [])
        self.assertEqual(self.pids(), [])

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

    def live(self, vm):
        """libvirt's note of the running domain, rewritten at each change."""
        return (self.root / f"run/qemu/isthmus-{vm}.xml").read_text()

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

    def test_a_running_guest_grows_in_memory_beyond_what_it_was_started_with(self):
        probe, vm = self.probe(), vm_id(7)
        self.boot(probe, vm, memory=512)
        what, small = {"vm": vm, "digest": self.digest}, self.mib(vm)
        for memory in (512 + 64, 4 * 512 + 128):  # not a whole block; more than it has room for
            self.assertEqual(probe.do("resize", memory=memory, **what), "bad-state")
        self.assertEqual(probe.do("snapshot", snapshot="small", **what), "ok")
        for _ in range(2):
            self.assertEqual(probe.do("resize", memory=640, **what), "ok")
            self.assertEqual(self.mib(vm), small + 128)
        for memory in (448, 640, 448, 896):  # the last by both: more of it, and the balloon
            self.assertEqual(probe.do("resize", memory=memory, **what), "ok")
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
        self.assertEqual(probe.do("resize", memory=896, **what), "ok")
        for kind in ("stop", "start"):
            self.assertEqual(probe.do(kind, vm=vm), "ok", kind)
        self.wait_ready(vm, times=2)
        self.assertNotIn("<memory model=", self.live(vm))  # from the start, not added
        self.assertGreater(self.mib(vm), small + 384 - 16)
        cold = self.mib(vm)
        self.assertEqual(probe.do("resize", memory=1024, **what), "ok")
        self.assertEqual(self.mib(vm), cold + 128)

    def test_memory_that_a_guest_does_not_take_is_taken_out_again_or_told(self):
        probe, vm = self.probe(), vm_id(8)
        self.boot(probe, vm, memory=512)
        what, small = {"vm": vm, "digest": self.digest}, self.mib(vm)
        # it takes the memory, its disk cannot be what is wanted, and it gives the memory back
        self.assertEqual(probe.do("resize", memory=640, disk=4 * 10**9, **what), "host-failed")
        self.assertNotIn("<memory model=", self.live(vm))
        self.assertEqual(self.mib(vm), small)
        memory = "/sys/devices/system/memory/auto_online_blocks"
        self.type(vm, f"echo offline >{memory}; echo do''ne", "done")
        self.assertEqual(probe.do("resize", memory=640, **what), "guest-ignored")
        self.assertNotIn("<memory model=", self.live(vm))
        eject = "/sys/firmware/acpi/hotplug/memory/enabled"
        self.type(vm, f"echo 0 >{eject}; echo don''e", "done")
        self.assertEqual(probe.do("resize", memory=640, **what), "guest-ignored")
        self.assertIn("<memory model=", self.live(vm))
        self.assertEqual(self.mib(vm), small)
        # it is told as what the VM has, so its next start is to have it
        self.assertIn(f">{640 * 1024}</memory>",
                      (self.root / f"etc/qemu/isthmus-{vm}.xml").read_text())
        # where no balloon driver tells, libvirt's word is all that there is
        self.type(vm, "busybox rmmod virtio_balloon; echo d''one", "done")
        self.assertEqual(probe.do("resize", memory=768, **what), "ok")
        self.assertEqual(self.mib(vm), small)
        self.assertEqual(self.live(vm).count("<memory model="), 2)

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

    def test_a_guest_outlives_a_killed_process_and_is_found_again(self):
        probe, vm = self.probe(), vm_id(2)
        self.boot(probe, vm, epoch=5)
        probe.kill()
        [pid] = self.pids()
        os.kill(pid, 0)
        again = self.probe()
        again.send("scan")
        again.expect("scanned", 60)
        self.assertIn(f"domain {vm} epoch=5 running found", again.lines)
        self.assertEqual(again.do("create", vm=vm, digest=self.digest, epoch=5), "ok")
        self.assertEqual(again.do("start", vm=vm), "ok")
        self.assertEqual(self.pids(), [pid])
        again.forget()
        self.assertEqual(again.do("shutdown", vm=vm), "ok")
        again.expect(f"domain {vm} epoch=5 stopped changed", 60)
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
        probe.expect("scanned", 60)
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
