"""What a copy of a guest's disk costs: its time beside `cp` of the image, its bytes beside what was
written."""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from world import BUILD, ROOT

os.environ["ISTHMUS_BUILD"] = BUILD
sys.path[:0] = [f"{ROOT}/tests/system", f"{ROOT}/tools"]
from copies_case import Repository  # noqa: E402
from host_case import Probe, make_archive, vm_id  # noqa: E402

MIB = 1 << 20
IMAGE_MIB, DIRTY_MIB, PIECE = 256, 10, 65536  # of a disk of 1 GiB: one per cent is dirty


class Host:
    """One host and one VM whose guest does nothing, on an image of bytes that do not compress."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.images, self.vm = self.folder / "repository", vm_id(1)
        self.images.mkdir()
        image = os.urandom(IMAGE_MIB * MIB)
        (self.folder / "base").write_bytes(image)
        self.digest = make_archive(self.images, {
            "manifest.json": b'{"format":1,"architecture":"x86_64","disk":"d",'
                             b'"disk_format":"raw"}', "d": image})
        (self.folder / "root/etc").mkdir(parents=True)
        if os.getuid() == 0:
            from cloud_parts import QEMU_CONF as conf
            (self.folder / "root/etc/qemu.conf").write_text(conf)
        self.disk = self.folder / "host/vms" / self.vm / "disk.qcow2"
        self.repository = Repository(self.images, self.vm)
        first = Probe("test:///default", self.folder / "host", f"file://{self.images}")
        self.must(first, "fetch", vm=self.vm, digest=self.digest)
        first.close()
        self.probe = Probe(f"qemu:///embed?root={self.folder}/root", self.folder / "host",
                           self.repository.url, "tcg")
        self.probe.expect("host .*", 60)
        self.must(self.probe, "create", vm=self.vm, digest=self.digest, records="yes")

    def must(self, probe, kind, **arguments):
        code = probe.do(kind, **arguments)
        if code != "ok":
            raise RuntimeError(f"{kind}: {code}\n" + "\n".join(probe.lines[-5:]))

    def dirty(self):
        """Writes ten MiB in pieces all over the disk, while it is off; then it runs."""
        commands = []
        for i in range(DIRTY_MIB * MIB // PIECE):
            (self.folder / f"piece-{i}").write_bytes(os.urandom(PIECE))
            commands += ["-c", f"write -s {self.folder}/piece-{i} {i * 6 * MIB} {PIECE}"]
        self.must(self.probe, "stop", vm=self.vm)
        subprocess.run(["qemu-io", "-f", "qcow2", *commands, self.disk], check=True,
                       capture_output=True)
        self.must(self.probe, "start", vm=self.vm)

    def copy(self):
        """Seconds, and bytes that went to the repository."""
        begun = time.monotonic()
        number = self.probe.send("copy", vm=self.vm, **self.repository.order())
        done = self.probe.expect(rf"job {number} (?:ok root=\S+ bytes=(\d+)|.*)", 120)
        if done[1] is None:
            raise RuntimeError("\n".join(self.probe.lines[-5:]))
        return time.monotonic() - begun, int(done[1])

    def cp(self):
        begun = time.monotonic()
        subprocess.run(["cp", self.folder / "base", self.folder / "base.copied"], check=True)
        taken = time.monotonic() - begun
        (self.folder / "base.copied").unlink()
        return taken

    def close(self):
        self.must(self.probe, "remove", vm=self.vm)
        self.probe.close()
        self.repository.close()


def measure_copies(report, sizes):
    """what a copy of a guest's disk costs (needs QEMU)"""
    rounds = 2 * sizes["rounds"] + 1
    subprocess.run(["ninja", "-C", BUILD, "--quiet", "tests/system/host_probe",
                    "tests/system/copies_probe"], check=True)
    report.heading("A copy of a guest that runs: 10 MiB of 1 GiB written, on an image of 256 MiB")
    copies, sent, cps, idle = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="isthmus-copies-") as folder:
        host = Host(folder)
        try:
            for _ in range(rounds):
                host.dirty()
                cps.append(host.cp())
                seconds, size = host.copy()
                copies.append(seconds)
                sent.append(size)
                idle.append(host.copy()[0])
        finally:
            host.close()
    report.add("copy of 1 % dirty", "ms", 1000 * statistics.median(copies), most=0.5,
               limit=1000 * statistics.median(cps), limit_name="cp of the image")
    report.add("copy of nothing dirty", "ms", 1000 * statistics.median(idle),
               limit=1000 * statistics.median(cps), limit_name="cp of the image")
    report.add("bytes sent", "MiB", statistics.median(sent) / MIB, most=1.1, limit=DIRTY_MIB,
               limit_name="MiB written")
