"""A machine of its own made of a Root: systemd is its first process, and its network leads nowhere
but to itself, or to the machines that share one."""
import os
import re
import subprocess
import time

from root import Root

BOOT_SECONDS = 120


WORDS = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit"]


def can_be_made():
    """Whether this system lets a process be alone among namespaces of its own."""
    try:
        root = Root()
    except (OSError, subprocess.CalledProcessError):
        return False
    root.unmount_kernel()
    done = subprocess.run([*WORDS, "--private-network", f"--directory={root.path}", "true"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False)
    root.close()
    return done.returncode == 0


class Machine:
    def __init__(self, root, network=None):
        """`root` may not be used by itself any more. `network`: the path of its namespace."""
        self.root = root
        self.name = "isthmus-" + re.sub(r"[^a-z0-9]", "x", os.path.basename(root.folder)[-8:])
        self.log = open(f"{root.folder}/console", "w+")
        root.unmount_kernel()
        self.process = subprocess.Popen(
            [*WORDS, f"--directory={root.path}", f"--machine={self.name}", "--boot",
             f"--network-namespace-path={network}" if network else "--private-network",
             "--console=pipe", "systemd.unit=basic.target"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def console(self):
        self.log.seek(0)
        return self.log.read()

    def _leader(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return file.read().split()[:1]

    def _wait(self):
        """Until systemd has begun all that it was told to."""
        end = time.monotonic() + BOOT_SECONDS
        while True:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the machine does not come up\n{self.console()}")
            if self._leader() and self.run("systemctl", "is-active", "basic.target",
                                           check=False)[1] == 0:
                return
            time.sleep(0.1)

    def run(self, *command, check=True):
        """What it says, on both outputs, and its exit code."""
        leader = self._leader()
        if not leader:
            raise AssertionError(f"the machine is gone\n{self.console()}")
        done = subprocess.run(
            ["nsenter", "--target", leader[0], "--all", "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C", *command], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout, done.returncode

    def close(self):
        leader = self._leader()
        if leader:
            os.kill(int(leader[0]), 9)  # ends all of it; there is nothing to save
        self.process.wait()
        self.log.close()
