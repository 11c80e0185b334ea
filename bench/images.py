"""What it costs to import an image's disk: its time beside `sha256sum` of the file, its processor
time beside `zstd -3` of the disk."""
import ctypes
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

from world import BUILD, Cloud, read

MIB = 1 << 20
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
SOURCES = ("/usr/bin", "/usr/lib", "/usr/share")  # a system's own files, as images have them


def make_disk(path, disk_mib):
    """A raw disk with a boot sector, two fifths of it this system's files and the rest a hole."""
    left = disk_mib * MIB * 2 // 5
    with open(path, "wb") as disk:
        disk.write(bytes(510) + b"\x55\xaa")
        for folder in SOURCES:
            for file in sorted(pathlib.Path(folder).rglob("*")):
                if left <= 0:
                    break
                if file.is_file() and not file.is_symlink():
                    left -= disk.write(file.read_bytes()[:left])
        disk.truncate(disk_mib * MIB)


def timed(*words):
    """Seconds, and seconds of processor time, of a program and what it starts."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (time.monotonic() - begun,
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def reap():
    """What the sandboxes leave behind, for which bubblewrap does not wait: then it is counted."""
    try:
        while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG):
            pass
    except ChildProcessError:
        pass


def manager_seconds(pid):
    """Of processor time, with those of its children that have ended."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


class Imports:
    def __init__(self, folder, disk_mib):
        self.raw, self.qcow2 = f"{folder}/disk.raw", f"{folder}/disk.qcow2"
        make_disk(self.raw, disk_mib)
        subprocess.run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", self.raw,
                        self.qcow2], check=True)
        self.cloud = Cloud(f"{folder}/cloud", BUILD, {"north": 0}, driver="test", trace=False)
        self.count = 0

    def run(self, path):
        """Seconds, and seconds of processor time, of the command and the manager."""
        self.count += 1
        pid = self.cloud.upstream.pid()
        before = manager_seconds(pid)
        used, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        self.cloud.cli("image", "import", f"disk-{self.count}", path)
        taken = time.monotonic() - begun
        reap()
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (taken, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime +
                manager_seconds(pid) - before)

    def one_round(self):
        """All of it once; the manager knows nothing of the disk afterwards."""
        found = {"hash": timed("sha256sum", self.raw), "hash qcow2": timed("sha256sum", self.qcow2),
                 "zstd": timed("zstd", "-3", "-q", "-f", "-k", self.raw, "-o", f"{self.raw}.zst"),
                 "raw": self.run(self.raw), "again": self.run(self.raw)}
        self.forget()
        found["qcow2"] = self.run(self.qcow2)
        self.forget()
        return found

    def forget(self):
        for image in self.cloud.rest("GET", "/v1/images").json()["items"]:
            self.cloud.cli("image", "delete", image["name"])


def measure_images(report, sizes):
    """what the import of a disk costs, beside sha256sum and zstd -3"""
    subprocess.run(["ninja", "-C", BUILD, "--quiet", "src/main/isthmus-image-convert"], check=True)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        imports = Imports(folder, sizes["image_mib"])
        imports.cloud.start()
        try:
            rounds = [imports.one_round() for _ in range(sizes["rounds"])]
        finally:
            imports.cloud.stop()

    def taken(name, which):
        return statistics.median(found[name][which] for found in rounds)

    mib = sizes["image_mib"]
    report.heading(f"import of a disk of {mib} MiB, two fifths of it used")
    report.add("import, raw: time", "s", taken("raw", 0), limit=taken("hash", 0),
               limit_name="sha256sum of the file", most=1.5)
    report.add("import, compressed qcow2: time", "s", taken("qcow2", 0), limit=taken("hash", 0),
               limit_name="sha256sum of the disk")
    report.add("import, raw: CPU", "s", taken("raw", 1), limit=taken("zstd", 1),
               limit_name="zstd -3 of the disk", most=2)
    report.add("import, compressed qcow2: CPU", "s", taken("qcow2", 1), limit=taken("zstd", 1),
               limit_name="zstd -3 of the disk", most=2)
    report.add("import, raw, which is there: time", "s", taken("again", 0),
               limit=taken("hash", 0), limit_name="sha256sum of the file", most=1.5)
