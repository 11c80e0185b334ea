"""A network of a test's own that guests are in: a bridge in a network namespace, and DHCP."""
import ctypes
import os
import pathlib
import subprocess
import tempfile

CLONE_NEWNET = 0x40000000
DHCP = """start 192.0.2.50
end 192.0.2.50
interface br0
lease_file {folder}/leases
pidfile {folder}/pid
option subnet 255.255.255.0
option router 192.0.2.1
"""


def enter_network():
    """From here on this process and its children are in a network of their own, with br0."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network namespace: these tests want to be root")
    for words in ("link set lo up", "link add br0 type bridge", "addr add 192.0.2.1/24 dev br0",
                  "link set br0 up"):
        subprocess.run(["ip", *words.split()], check=True)


class DhcpServer:
    """On br0."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="isthmus-dhcp-")
        configuration = pathlib.Path(self.folder.name) / "conf"
        configuration.write_text(DHCP.format(folder=self.folder.name))
        (configuration.parent / "leases").touch()
        self.process = subprocess.Popen(["busybox", "udhcpd", "-f", configuration],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()
