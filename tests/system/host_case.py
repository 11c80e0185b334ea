"""A host adapter without a daemon, driven by its lines: what the tests of hosts share."""
import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ISTHMUS_BUILD", SOURCE / "build"))
PROBE = BUILD / "tests/system/host_probe"
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def vm_id(number):
    """A valid id of a VM, always the same for a number."""
    tail = "".join(ALPHABET[number >> shift & 31] for shift in (15, 10, 5, 0))
    return "vm-01jdabcdefghjkmnpqrstv" + tail


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")


def leak_check_gave_up(pid):
    """LeakSanitizer stops all threads of a process that ends, and has crashed itself where those
    of libvirt were ending. Then nobody knows of that process's leaks, which is said; it has done
    nothing wrong."""
    report = BUILD / f"reports/report.{pid}"
    said = report.read_text(errors="replace") if report.exists() else ""
    if "LeakSanitizer has encountered a fatal error" not in said or "ERROR:" in said:
        return False
    print(f"the leak check of process {pid} crashed: its leaks are not known", flush=True)
    report.unlink()
    return True


class Probe:
    """A running host_probe, its lines, and where the last expectation ended."""

    def __init__(self, uri, folder, images, *more):
        self.process = subprocess.Popen(
            [PROBE, uri, folder, images, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, bufsize=1)
        self.lines, self.changed = [], threading.Condition()
        self.number = 0
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()

    def send(self, kind, **arguments):
        self.number += 1
        words = " ".join(f"{key}={value}" for key, value in arguments.items())
        self.process.stdin.write(f"{self.number} {kind} {words}".strip() + "\n")
        return self.number

    def expect(self, pattern, seconds=60):
        """Waits for a line; gives its match."""
        found = []

        def seen():
            found[:] = [m for m in (re.fullmatch(pattern, line) for line in self.lines) if m]
            return found
        with self.changed:
            if not self.changed.wait_for(seen, seconds):
                raise AssertionError(f"no line {pattern!r} within {seconds} s in\n" +
                                     "\n".join(self.lines))
        return found[0]

    def forget(self):
        with self.changed:
            self.lines.clear()

    def do(self, kind, **arguments):
        """Runs one job and gives its code."""
        return self.expect(rf"job {self.send(kind, **arguments)} (\S+) has=\S+")[1]

    def fail(self, code, kind, **arguments):
        """Runs a job that fails so, and gives what the VM has then: cpus/memory/disk."""
        pattern = rf"job {self.send(kind, **arguments)} {code} has=(\S+)"
        return self.expect(pattern)[1]

    def kill(self):
        self.process.kill()
        self._end()

    def close(self):
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        said = self._end()
        if self.process.returncode and not leak_check_gave_up(self.process.pid):
            raise AssertionError(f"the probe ended with {self.process.returncode}: {said}")

    def _end(self):
        said = self.process.stderr.read()
        self.process.wait(60)
        self.reader.join(60)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        return said


def make_archive(folder, entries):
    """A tar archive under its digest; gives the digest."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    digest = digest_of(data.getvalue())
    (folder / digest).write_bytes(data.getvalue())
    return digest


MANIFEST = b'{"format":1,"architecture":"x86_64","disk":"d","disk_format":"qcow2"}'


def qcow2_header(gib):
    header = bytearray(1024)
    header[0:8] = b"QFI\xfb\0\0\0\3"
    header[23], header[99] = 16, 4  # bits of a cluster; 2^4 bits a count
    header[24:32] = (gib << 30).to_bytes(8, "big")
    return bytes(header)


class HostCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-host-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.images = self.folder / "repository"
        self.images.mkdir()
        self.host = self.folder / "host"
        self.probes = []

    def probe(self, uri="test:///default", images=None, *more):
        probe = Probe(uri, self.host, images or f"file://{self.images}", *more)
        self.probes.append(probe)
        self.addCleanup(probe.close)
        return probe

    def refused(self, uri, *more):
        """What host_open says when it refuses."""
        run = subprocess.run([PROBE, uri, self.host, "file:///", *more], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        return run.stderr
