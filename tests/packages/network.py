"""A network of machines' own: a bridge in a namespace, which leads nowhere else."""
import os
import subprocess


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Network:
    """Machines of one network reach each other by the names that they have in it."""

    def __init__(self):
        self.name = f"isthmus-{os.getpid()}"
        self.hosts = {}
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "add", "bridge", "type", "bridge")
        ip("-n", self.name, "link", "set", "bridge", "up")

    def add(self, *names):
        """A namespace for one machine of these names; its path."""
        number = len(self.hosts) + 1
        space = f"{self.name}-{number}"
        self.hosts[space] = (f"10.9.0.{number}", names)
        ip("netns", "add", space)
        ip("-n", space, "link", "set", "lo", "up")
        ip("-n", space, "link", "add", "net", "type", "veth", "peer", "name", f"port{number}",
           "netns", self.name)
        ip("-n", self.name, "link", "set", f"port{number}", "master", "bridge", "up")
        ip("-n", space, "address", "add", f"{self.hosts[space][0]}/24", "dev", "net")
        ip("-n", space, "link", "set", "net", "up")
        return f"/run/netns/{space}"

    def etc_hosts(self):
        """The file that knows all names, for each machine."""
        return "127.0.0.1 localhost\n::1 localhost\n" + "".join(
            f"{address} {' '.join(names)}\n" for address, names in self.hosts.values())

    def close(self):
        for space in [*self.hosts, self.name]:
            ip("netns", "delete", space)
