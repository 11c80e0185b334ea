"""A Debian system of its own to install into: this one below, and what changes above it, in a
temporary folder. What is installed here is there as well; nothing that happens there is seen here.
"""
import os
import shutil
import subprocess
import tempfile

# What the package manager and systemd keep of a package that is gone, and what is no part of one.
RECORDS = ("/var/lib/dpkg", "/var/lib/systemd", "/var/cache", "/var/log", "/etc/passwd",
           "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid",
           "/etc/.pwd.lock", "/etc/ld.so.cache", "/usr/share/man", "/run", "/proc", "/dev", "/sys",
           "/tmp", "/root", "/home")


def can_be_made():
    """Whether this system lets one be made: by root, who may mount an overlay of it."""
    try:
        Root().close()
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


class Root:
    def __init__(self, below=None):
        """`below`: a Root that nothing changes any more, of which this one is a further copy."""
        self.folder = tempfile.mkdtemp(prefix="isthmus-packages-")
        self.path = f"{self.folder}/root"
        for name in ("upper", "work", "root"):
            os.mkdir(f"{self.folder}/{name}")
        self._mount("-t", "overlay", "overlay", "-o",
                    f"lowerdir={below.path if below else '/'},upperdir={self.folder}/upper,"
                    f"workdir={self.folder}/work", "")
        self._mount("-t", "tmpfs", "tmpfs", "/run")
        self._mount("-t", "proc", "proc", "/proc")
        self._mount("--bind", "/dev", "/dev")
        self.mounted = ["/dev", "/proc", "/run"]

    def _mount(self, *words):
        *options, place = words
        subprocess.run(["mount", *options, self.path + place], check=True)

    def unmount_kernel(self):
        """Before a machine is made of it, which brings what a kernel gives by itself."""
        while self.mounted:
            subprocess.run(["umount", "-l", self.path + self.mounted.pop(0)], check=True)

    def close(self):
        self.unmount_kernel()
        subprocess.run(["umount", "-l", self.path], check=True)
        shutil.rmtree(self.folder)

    def run(self, *command, check=True):
        """What it says, on both outputs, and its exit code."""
        done = subprocess.run(
            ["chroot", self.path, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
             "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", *command], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout, done.returncode

    def copy_in(self, paths, place):
        os.makedirs(self.path + place, exist_ok=True)
        for path in paths:
            shutil.copy(path, self.path + place)

    def write(self, place, text="x\n"):
        os.makedirs(os.path.dirname(self.path + place), exist_ok=True)
        with open(self.path + place, "w") as file:
            file.write(text)

    def has(self, place):
        return os.path.lexists(self.path + place)

    def changed(self):
        """The files above that are no records of the package manager's."""
        upper, found = f"{self.folder}/upper", set()
        for folder, _, files in os.walk(upper):
            found |= {os.path.join(folder, name)[len(upper):] for name in files}
        return {path for path in found if not path.startswith(RECORDS)}
