"""A bridge of this machine's, by which it and guests are in one network, and DHCP on it. All by
busybox, as root."""
import os
import signal
import subprocess

from cloud_parts import command_line, end_process, read, write

DHCP = """start {network}.50
end {network}.{last}
interface {name}
lease_file {folder}/leases
pidfile {folder}/pid
option subnet 255.255.255.0
option router {network}.1
"""


def ip(words):
    done = subprocess.run(["busybox", "ip", *words.split()], text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip {words}: {done.stderr.strip() or done.returncode}")


def has_bridge(name):
    return os.path.isdir(f"/sys/class/net/{name}")


def make_bridge(name, network):
    """`network`: the first three numbers of its addresses; the machine's own one ends in 1."""
    ip(f"link add {name} type bridge")
    ip(f"addr add {network}.1/24 dev {name}")
    ip(f"link set {name} up")


def remove_bridge(name):
    ip(f"link del {name}")


class DhcpServer:
    """Gives addresses from 50 to `last`. Its files are in `folder`. It outlives this process."""

    def __init__(self, name, network, folder, last=250):
        self.folder, self.process = folder, None
        self.config = f"{folder}/conf"
        self.text = DHCP.format(name=name, network=network, folder=folder, last=last)

    def pid(self):
        try:
            pid = int(read(f"{self.folder}/pid"))
        except (OSError, ValueError):
            return None
        return pid if self.config in command_line(pid) else None

    def start(self):
        os.makedirs(self.folder, exist_ok=True)
        write(self.config, self.text)
        open(f"{self.folder}/leases", "a").close()
        self.process = subprocess.Popen(
            ["busybox", "udhcpd", "-f", self.config], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        pid = self.process.pid if self.process else self.pid()
        if pid:
            end_process(pid, signal.SIGKILL)
        if self.process:
            self.process.wait()
