"""A repository of copies without a manager, and disks as they are by the blocks."""
import pathlib
import subprocess

from host_case import BUILD

PROBE = BUILD / "tests/system/copies_probe"


class Repository:
    """A running copies_probe; its images lie in the folder."""

    def __init__(self, folder, vm, gib=1):
        pathlib.Path(folder).mkdir(exist_ok=True)
        self.process = subprocess.Popen([PROBE, folder, vm, str(gib)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        port, self.token, self.key = self.process.stdout.readline().split()
        self.url = f"http://127.0.0.1:{port}/v1/blobs"

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        return self.process.stdout.readline().strip()

    def held(self):
        blocks, size = self.ask("held").split()
        return int(blocks), int(size)

    def order(self):
        return {"token": self.token, "key": self.key}

    def close(self):
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


def same_disks(one, other):
    """Do two disks hold the same, whatever they are made of?"""
    return subprocess.run(["qemu-img", "compare", "-U", one, other],
                          capture_output=True).returncode == 0


def write_disk(disk, pattern, offset, length):
    """Writes to a disk that is off, as its guest would."""
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", f"write -P {pattern} {offset} {length}", disk],
                   check=True, capture_output=True)


def bitmaps(disk):
    about = subprocess.run(["qemu-img", "info", "-U", disk], check=True, capture_output=True,
                           text=True).stdout
    return about.count("name: isthmus-copy-")
