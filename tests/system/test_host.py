"""The host adapter against real libvirt: its test driver, and a daemon of its own.

ISTHMUS_BUILD names the build folder.
"""
import http.server
import os
import pathlib
import re
import subprocess
import threading
import time

from host_case import HostCase, MANIFEST, digest_of, make_archive, qcow2_header, vm_id, wait_until
from libvirtd import start_libvirtd


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
        for how in ({}, {"hard": "yes"}):
            self.assertEqual(probe.do("reboot", vm=vm, **how), "bad-state")
        for _ in range(2):
            self.assertEqual(probe.do("start", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=3 running changed")
        self.assertEqual(probe.do("create", vm=vm, digest=digest, epoch=3), "ok")
        self.assertEqual(probe.do("create", vm=vm, digest=digest, epoch=4), "bad-state")
        self.assertEqual(probe.do("reboot", vm=vm), "ok")
        probe.expect(f"domain {vm} epoch=3 running rebooted")
        self.assertEqual(probe.do("reboot", vm=vm, hard="yes"), "ok")
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
        self.assertEqual(probe.lines, [f"domain {vm} epoch=4 stopped cut",
                                       f"image {digest}", "scanned"])
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
        for size in ({"cpus": 3, "memory": 256}, {"cpus": 9, "memory": 64}):  # it has what it had
            self.assertEqual(probe.fail("bad-state", "resize", **size, **what), "3/128/0")
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
        self.assertEqual(probe.lines, ["guard away ",
                                       f"domain {vm} epoch=3 suspended cut",
                                       f"image {digest}", "scanned"])
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
            self.assertEqual(probe.expect(rf"job {number} (\S+) has=\S+")[1], "ok")

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

    def test_an_image_that_cannot_be_read_for_want_of_descriptors_is_not_called_broken(self):
        probe, vm = self.probe(), vm_id(1)
        digest = make_archive(self.images, {"manifest.json": MANIFEST, "d": qcow2_header(1)})
        self.assertEqual(probe.do("fetch", vm=vm, digest=digest), "ok")
        limit = f"--pid={probe.process.pid}"
        used = len(os.listdir(f"/proc/{probe.process.pid}/fd"))
        subprocess.run(["prlimit", limit, f"--nofile={used}:"], check=True)
        self.assertEqual(probe.do("create", vm=vm, digest=digest), "host-failed")
        subprocess.run(["prlimit", limit, "--nofile=1024:"], check=True)
        self.assertEqual(probe.do("create", vm=vm, digest=digest), "ok")

    def test_an_image_that_many_want_is_fetched_once(self):
        digest = make_archive(self.images, {"manifest.json": MANIFEST, "d": qcow2_header(1)})
        data, asked, go = (self.images / digest).read_bytes(), [], threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                go.wait()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(lambda: (go.set(), server.shutdown(), thread.join(),
                                 server.server_close()))
        probe = self.probe("test:///default", f"http://127.0.0.1:{server.server_port}/v1/blobs")
        jobs = [probe.send("fetch", vm=vm_id(i), digest=digest) for i in range(20)]
        wait_until(lambda: asked, 60, "a request")
        # a download under way holds up nobody else
        self.assertEqual(probe.do("remove", vm=vm_id(1)), "ok")
        go.set()
        for number in jobs:
            self.assertEqual(probe.expect(rf"job {number} (\S+) has=\S+")[1], "ok")
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
        self.assertLess(time.monotonic() - began, 15)  # its time-out is longer
        self.assertEqual(probe.lines[-1], "closed")

    def test_what_a_killed_run_left_is_removed_but_what_has_come_today(self):
        left = self.host / "images" / (digest_of(b"x") + ".new")
        left.mkdir(parents=True)
        (left / "0").write_bytes(b"half")
        (self.host / "images" / (digest_of(b"y") + ".archive")).write_bytes(b"half")
        old, new = (self.host / "images" / f"{digest_of(bytes(n))}.part" for n in (1, 2))
        for part in (old, new):
            part.write_bytes(b"half")
        os.utime(old, (time.time() - 2 * 86400,) * 2)
        self.probe().expect("host .*")
        self.assertEqual(list((self.host / "images").iterdir()), [new])

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
        for name in ("run", "etc", "cache", "lib"):
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
        self.addCleanup(self.stop)
        self.start()

    def start(self):
        self.daemon = start_libvirtd(
            [*self.prefix, "libvirtd", "-f", f"{self.session}/libvirtd.conf",
             "-p", f"{self.session}/run/pid"], self.uri, self.session)

    def stop(self):
        self.daemon.kill()
        self.daemon.wait(20)

    def test_a_lost_daemon_is_found_again_and_what_it_lost_is_told(self):
        disk = self.folder / "disk"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1G"], check=True)
        digest = make_archive(self.images, {"manifest.json": MANIFEST, "d": disk.read_bytes()})
        probe, kept, lost = self.probe(self.uri), vm_id(1), vm_id(2)
        probe.expect("host .*")
        self.assertEqual(probe.do("fetch", vm=kept, digest=digest), "ok")
        for vm in (kept, lost):
            self.assertEqual(probe.do("create", vm=vm, digest=digest), "ok")
        self.stop()
        probe.expect("log warning libvirt-lost .*")
        self.assertEqual(probe.do("start", vm=kept), "host-failed")
        (self.session / f"etc/libvirt/qemu/isthmus-{lost}.xml").unlink()
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
