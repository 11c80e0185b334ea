"""A network of a test's own that guests are in: a bridge in a network namespace, and DHCP."""
import ctypes
import os
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/tools")
import bridge  # noqa: E402

CLONE_NEWNET = 0x40000000
BRIDGE, NETWORK = "br0", "192.0.2"


def enter_network():
    """From here on this process and its children are in a network of their own, with br0."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network namespace: these tests want to be root")
    bridge.ip("link set lo up")
    bridge.make_bridge(BRIDGE, NETWORK)


class DhcpServer(bridge.DhcpServer):
    """On br0, of one address."""

    def __init__(self):
        self.own = tempfile.TemporaryDirectory(prefix="isthmus-dhcp-")
        super().__init__(BRIDGE, NETWORK, self.own.name, last=50)
        self.start()

    def close(self):
        self.stop()
        self.own.cleanup()
