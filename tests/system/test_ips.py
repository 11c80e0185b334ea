#!/usr/bin/env python3
"""Which IP addresses a host sees of its guests: on a bridge of its own network namespace, with a
DHCP server there; and by the guest's own agent, which says more than is believed. And who is shown
them."""
import re
import unittest

from cloud_case import CloudCase, guest_image, read, wait_until
from host_case import vm_id
from lan import DhcpServer, enter_network
from test_host_qemu import QemuCase

class GuestIps(QemuCase):
    @classmethod
    def setUpClass(cls):
        guest_image()  # made with the whole network at hand
        enter_network()
        super().setUpClass()
        cls.server = DhcpServer()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        super().tearDownClass()

    def test_what_a_guest_has_on_a_bridge_is_seen_and_nothing_of_the_host(self):
        probe, vm = self.probe(), vm_id(40)
        self.boot(probe, vm, epoch=3, networks="lan")
        probe.expect(rf"ips {vm} epoch=3 0=192\.0\.2\.50", 300)
        self.assertFalse([line for line in probe.lines if "192.0.2.1 " in line + " "])

    def test_what_a_guest_says_is_told_as_far_as_it_is_its_own(self):
        probe, vm = self.probe(), vm_id(41)
        self.boot(probe, vm, networks="nat", data="with-agent")
        probe.expect(rf"ips {vm} epoch=1 0=192\.0\.2\.77 0=2001:db8::77", 300)


class ShownIps(CloudCase):
    clusters = {"north": 1}
    options = {"driver": "qemu", "networks": ["lan"], "host_networks": {"host-1": ["lan"]}}
    ips = "192.0.2.77,2001:db8::77"

    def shown(self):
        return [one.get("ips") for one in self.get("/v1/vms/web")["interfaces"]]

    def test_a_tenant_and_the_owner_see_them_unless_he_forbids_it(self):
        self.import_image("tiny", guest_image())
        made = self.create(image="tiny", shape="small", wait=60, networks="lan",
                           user_data="#cloud-config\nwith-agent\n")
        self.assertEqual(made["code"], "ok", made)
        wait_until(lambda: self.shown() == [self.ips], "the addresses are shown", 300)
        mac = self.get("/v1/vms/web")["interfaces"][0]["mac"]
        self.assertRegex(self.vm("show", "web").out,
                         rf"interface +lan, MAC {mac}, IP {re.escape(self.ips)}\n")
        self.assertRegex(self.vm("list").out, r"IMAGE +IP +COPY +AGE.*\nweb .* 192\.0\.2\.77 ")
        self.assertEqual(self.owner_json("vm", "show", made["vm"])["interfaces"][0]["ips"],
                         self.ips)
        self.addCleanup(self.owner, "permission", "reset", "cloud")
        self.owner("permission", "set", "cloud", "--views", "none")
        self.assertRegex(self.owner("upstream", "show", "cloud").out, r"views +none\n")
        wait_until(lambda: self.shown() == [None], "nothing is shown any more", 60)
        self.assertRegex(self.vm("list").out, r"\nweb .* tiny +- ")
        self.assertEqual(self.owner_json("vm", "show", made["vm"])["interfaces"][0]["ips"],
                         self.ips, "his own are his to see")
        self.cloud.downstreams["north"].kill()
        self.cloud.downstreams["north"].start()
        self.owner("permission", "reset", "cloud")
        wait_until(lambda: self.shown() == [self.ips], "they are shown again", 60)
        self.assertEqual(self.act("web", "stop")["code"], "ok")
        self.assertEqual(self.shown(), [None])
        self.assertEqual(self.act("web", "delete")["code"], "ok")
        self.assert_nothing_is_left()


if __name__ == "__main__":
    unittest.main(verbosity=2)
