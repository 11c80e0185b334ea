#!/usr/bin/env python3
"""What a guest sends under another's addresses does not leave its host: real guests, a libvirt
daemon of the test's own with its network filters, real packets on the bridge."""
import ctypes
import os
import re
import socket
import subprocess
import sys
import threading
import unittest

from cloud_case import QEMU_CONF, guest_image, not_sanitized, read, wait_until
from lan import BRIDGE, NETWORK, DhcpServer, enter_network
from libvirtd import start_libvirtd
from test_console import ConsoleCase

CLONE_NEWNS = 0x20000
OWN_PLACES = ("/run", "/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt")
STRANGER = "02:66:66:66:66:66"
BORROWED = f"{NETWORK}.77"
GUEST = f"{NETWORK}.50"
ETH_P_ALL = 3
BRIDGED = "/proc/sys/net/bridge/bridge-nf-call-iptables"
HEAR = """import socket, sys
try:
    peer = socket.create_connection((sys.argv[2], int(sys.argv[3])), 10, (sys.argv[1], 0))
    sys.stdout.buffer.write(peer.recv(100))
except TimeoutError:
    pass
"""


def enter_machine():
    """From here on this process and its children see an empty state of libvirt's system daemon."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "no mount namespace: these tests want to be root")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for place in OWN_PLACES:
        os.makedirs(place, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    os.mkdir("/run/lock")  # of consoles
    with open("/etc/libvirt/qemu.conf", "w") as file:
        file.write(QEMU_CONF)


class Listener:
    """Who speaks on the bridge: MAC addresses and IPv4 addresses, also as ARP says them."""

    def __init__(self):
        self.macs, self.ips = set(), set()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((BRIDGE, 0))
        self.socket.settimeout(0.2)
        self.is_over = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_over:
            try:
                frame = self.socket.recv(65536)
            except TimeoutError:
                continue
            kind = frame[12:14]
            self.macs.add(frame[6:12].hex(":"))
            if kind == b"\x08\x06":
                self.macs.add(frame[22:28].hex(":"))
                self.ips.add(socket.inet_ntoa(frame[28:32]))
            elif kind == b"\x08\x00":
                self.ips.add(socket.inet_ntoa(frame[26:30]))

    def close(self):
        self.is_over = True
        self.thread.join()
        self.socket.close()


class Neighbour:
    """Another machine on the bridge, with two addresses."""
    address, second = f"{NETWORK}.9", f"{NETWORK}.10"

    def __init__(self):
        self.machine = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        wait_until(lambda: self.network() != os.readlink("/proc/self/ns/net"),
                   "a network of its own")
        for words in (f"link add near type veth peer name far netns {self.machine.pid}",
                      f"link set near master {BRIDGE} up"):
            subprocess.run(["ip", *words.split()], check=True)
        for words in (f"addr add {self.address}/24 dev far", f"addr add {self.second}/24 dev far",
                      "link set far up"):
            subprocess.run(self.inside(["ip", *words.split()]), check=True)

    def network(self):
        return os.readlink(f"/proc/{self.machine.pid}/ns/net")

    def inside(self, command):
        return ["nsenter", "--target", str(self.machine.pid), "--net", *command]

    def hear(self, port, source=address):
        """What the guest says there first, to that address of ours; b"": it is not reached."""
        return subprocess.run(self.inside([sys.executable, "-c", HEAR, source, GUEST, str(port)]),
                              check=True, capture_output=True).stdout

    def pings(self):
        return subprocess.run(self.inside(["busybox", "ping", "-c", "3", "-W", "2", GUEST]),
                              stdout=subprocess.DEVNULL).returncode == 0

    def close(self):
        self.machine.kill()
        self.machine.wait()


@not_sanitized("its work is the packet filter's; what it is told is a unit test's under them")
class Filters(ConsoleCase):
    clusters = {"north": ["zebra"]}
    options = {"driver": "qemu", "streams": True, "networks": ["lan"], "filter": "mac",
               "host_networks": {"zebra": {"lan": BRIDGE}},
               "hosts": {"zebra": {"uri": "qemu:///system"}}}
    wish = {}  # of its VM, beside the usual

    @classmethod
    def setUpClass(cls):
        guest_image()  # made with the whole network at hand
        enter_network()
        enter_machine()
        cls.server = DhcpServer()
        cls.addClassCleanup(cls.server.close)
        libvirtd = start_libvirtd(["libvirtd"], "qemu:///system", "/run")
        cls.addClassCleanup(libvirtd.wait)
        cls.addClassCleanup(libvirtd.kill)
        super().setUpClass()

    def setUp(self):
        self.run_guest(networks="lan", **self.wish)
        self.listener = Listener()
        self.addCleanup(self.listener.close)
        self.terminal, _ = self.converse("echo $((6*7))-up", "42-up")
        self.mac = self.vms()[0]["interfaces"][0]["mac"]

    def ping(self, line, answer):
        """In the guest, after that line: does the bridge's own address answer?"""
        said = self.type(self.terminal, f"{line}; ping {answer} -c 3 -W 2 {NETWORK}.1; "
                         "echo over-$((6*7))", "over-42")
        return bool(re.search(rb"[1-9] packets received", said))

    def await_address(self):
        wait_until(lambda: self.ping("true", ""), "the guest has an address", 120)

    def assert_goes_on(self, word):
        self.terminal, _ = self.converse(f"echo $((6*7))-{word}", f"42-{word}")
        self.assertTrue(self.ping("true", ""), "it goes on as it was")

    def change_mac(self, mac):
        """The guest's, on its side alone: does it reach the bridge's own address then?"""
        return self.ping("ip link set eth0 down; "
                         f"ip link set eth0 address {mac}; ip link set eth0 up; "
                         f"ip addr add {NETWORK}.50/24 dev eth0 2>/dev/null", "")

    def borrow_ip(self):
        return self.ping(f"ip addr add {BORROWED}/24 dev eth0", f"-I {BORROWED}")


class Mac(Filters):
    def test_a_guest_speaks_under_its_own_mac_address_alone(self):
        self.await_address()
        self.assertIn(self.mac, self.listener.macs)
        self.assertFalse(self.change_mac(STRANGER))
        self.assertNotIn(STRANGER, self.listener.macs)
        self.assertTrue(self.change_mac(self.mac))
        self.assertTrue(self.borrow_ip(), "its addresses are its own affair")
        self.assertIn(BORROWED, self.listener.ips)


class Dhcp(Filters):
    options = {**Filters.options, "filter": "dhcp"}

    def test_a_guest_speaks_under_the_addresses_alone_that_it_was_given(self):
        self.await_address()
        self.assertIn(f"{NETWORK}.50", self.listener.ips)
        agent = self.cloud.agents["zebra"]
        agent.kill()
        agent.start()  # makes the filters anew
        self.assert_goes_on("again")
        self.act("web", "suspend")
        self.act("web", "start")
        self.assert_goes_on("resumed")  # though it has not asked for an address anew
        self.assertFalse(self.borrow_ip())
        self.assertNotIn(BORROWED, self.listener.ips)
        self.assertFalse(self.change_mac(STRANGER))
        self.assertNotIn(STRANGER, self.listener.macs)
        self.assertTrue(self.change_mac(self.mac))


class RulesCase(Filters):
    options = {**Filters.options, "filter": "dhcp"}
    wish = {"allow": f"tcp:22,tcp:8000-8001@{Neighbour.address}"}

    @classmethod
    def setUpClass(cls):
        if not os.path.exists(BRIDGED):
            raise RuntimeError(f"{BRIDGED} is not there: modprobe br_netfilter")
        super().setUpClass()

    def serve(self, port):
        self.type(self.terminal, f"while true; do echo served-{port} | nc -l -p {port}; done "
                  "2>/dev/null >&2 </dev/null & echo over-$((6*7))", "over-42")

    def assert_kept(self, neighbour):
        self.assertIn(b"SSH-2.0", neighbour.hear(22))
        self.assertIn(b"SSH-2.0", neighbour.hear(22, neighbour.second))
        self.assertEqual(neighbour.hear(8001), b"served-8001\n")
        self.assertEqual(neighbour.hear(8001, neighbour.second), b"", "a rule is for its network")
        self.assertEqual(neighbour.hear(8002), b"", "nobody is allowed that")
        self.assertFalse(neighbour.pings())

    def edit(self, allow):
        self.cloud.cli("vm", "edit", "web", "--allow", allow, "--wait", token_file=self.token_file)
        self.assertEqual(self.vms()[0].get("allow", ""), allow)

    def assert_changed(self, neighbour):
        self.assertEqual(neighbour.hear(8002), b"served-8002\n")
        self.assertEqual(neighbour.hear(8001), b"", "that is allowed no more")
        self.assertEqual(neighbour.hear(22), b"", "nor that")
        self.assertTrue(neighbour.pings())


class Rules(RulesCase):
    def test_only_those_reach_a_guest_whom_its_tenant_allows_it(self):
        neighbour = Neighbour()
        self.addCleanup(neighbour.close)
        self.await_address()
        for port in (8001, 8002):
            self.serve(port)
        self.assert_kept(neighbour)
        self.assertTrue(self.ping("true", ""), "what it begins is answered")
        self.assertEqual(self.vms()[0]["allow"], self.wish["allow"])
        agent = self.cloud.agents["zebra"]
        agent.kill()
        agent.start()
        self.assert_goes_on("again")
        self.assert_kept(neighbour)
        refused = self.ask("POST", "/v1/vms/web/forward", {"port": 8002})
        self.assertEqual((refused.status, refused.json()["code"]), (403, "not-allowed"))


class ChangedRules(RulesCase):
    def test_rules_change_while_it_runs_and_last(self):
        neighbour = Neighbour()
        self.addCleanup(neighbour.close)
        self.await_address()
        for port in (8001, 8002):
            self.serve(port)
        self.assert_kept(neighbour)
        self.act("web", "pause")
        self.edit("tcp:8002,icmp")
        self.act("web", "resume")
        self.assert_changed(neighbour)
        self.assertTrue(self.ping("true", ""), "what it begins is answered")
        self.act("web", "suspend")
        self.act("web", "start")
        self.assert_goes_on("resumed")
        self.assert_changed(neighbour)
        self.edit("")
        for port in (8001, 8002):
            self.assertEqual(neighbour.hear(port, neighbour.second), b"served-%d\n" % port)
        self.assertFalse(self.borrow_ip(), "it has its filter yet")
        self.assertNotIn(BORROWED, self.listener.ips)
        self.edit("none")
        self.assertEqual(neighbour.hear(8002), b"")
        self.assertFalse(neighbour.pings())


class RevertedRules(RulesCase):
    def test_a_snapshot_brings_no_old_rules_back(self):
        neighbour = Neighbour()
        self.addCleanup(neighbour.close)
        self.await_address()
        for port in (8001, 8002):
            self.serve(port)
        self.cloud.cli("vm", "snapshot", "web", "before", "--wait", token_file=self.token_file)
        self.edit("tcp:8002,icmp")
        self.cloud.cli("vm", "revert", "web", "before", "--wait", token_file=self.token_file)
        self.assert_goes_on("reverted")
        self.assert_changed(neighbour)


class Unfiltered(Filters):
    """What the others look for is seen where it is not kept from leaving."""
    options = {**Filters.options, "filter": "none"}

    def test_a_guest_speaks_as_it_likes_where_the_owner_wants_no_filter(self):
        self.await_address()
        self.assertTrue(self.change_mac(STRANGER))
        self.assertIn(STRANGER, self.listener.macs)


class Later(Filters):
    """An interface that comes later is filtered by the rules of then, and by those that follow."""
    wish = {"allow": "none"}

    @classmethod
    def setUpClass(cls):
        if not os.path.exists(BRIDGED):
            raise RuntimeError(f"{BRIDGED} is not there: modprobe br_netfilter")
        super().setUpClass()

    def change(self, *words):
        self.cloud.cli("vm", *words, "--wait", token_file=self.token_file)

    def assert_open(self, *ports):
        """Each interface that it has lets these in alone, now and at its next start."""
        vm = self.vms()[0]
        wanted = {interface["mac"]: ["1", *ports] for interface in vm["interfaces"]}
        for folder in ("/run/libvirt/qemu", "/etc/libvirt/qemu"):
            found = re.findall("<interface .*?</interface>",
                               read(f"{folder}/isthmus-{vm['id']}.xml"), re.DOTALL)
            self.assertTrue(all("filter='isthmus-mac-allow'" in part for part in found), found)
            self.assertEqual({re.search("<mac address='(.*?)'/>", part).group(1):
                              re.findall(r"name='TCP_LAST' value='(\d+)'", part)
                              for part in found}, wanted, folder)

    def test_what_is_added_has_the_rules_of_its_vm(self):
        self.assert_open()
        self.change("edit", "web", "--allow", "tcp:22")
        self.change("interface-add", "web", "lan")
        self.assert_open("22")
        self.change("edit", "web", "--allow", "tcp:80")
        self.assert_open("80")
        self.change("interface-remove", "web", self.mac)
        self.change("edit", "web", "--allow", "tcp:443")
        self.assert_open("443")
        self.assertEqual([one["number"] for one in self.vms()[0]["interfaces"]], [1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
