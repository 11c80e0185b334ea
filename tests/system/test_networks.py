#!/usr/bin/env python3
"""Networks from a tenant's request to the guest: who refuses, where a VM goes, and who is told."""
import json
import os
import re
import unittest

from cloud_case import BOOT_SECONDS, CloudCase, guest_image, read, wait_until


class Networks(CloudCase):
    clusters = {"north": ["inner-1", "inner-2"]}
    options = {"driver": "test", "timing": {"beat_seconds": 1, "hold_down_seconds": 5},
               "networks": ["lan", "wan", "dmz"],
               "host_networks": {"inner-1": ["dmz"], "inner-2": ["dmz", "lan", "inner-lan"]}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")

    def setUp(self):
        self.addCleanup(self.delete_all)

    def host_of(self, operation):
        return self.owner_json("vm", "show", operation["vm"])["host"]

    def test_what_the_cloud_does_not_know_or_the_request_cannot_mean_is_refused(self):
        wish = {"name": "web", "shape": "nano", "image": "empty"}
        for networks, status, code in (("lan,inner-lan", 422, "unknown-network"),
                                       ("lan,dmz,lan,dmz,lan", 400, "invalid"),
                                       ("lan wan", 400, "invalid"), ("", 400, "invalid")):
            answer = self.ask("POST", "/v1/vms", {**wish, "networks": networks})
            self.assertEqual((answer.status, answer.json()["code"], answer.json()["field"]),
                             (status, code, "networks"))
        self.assertIn("there is no network 'inner-lan'",
                      self.vm("create", "web", "--shape", "nano", "--image", "empty", "--network",
                              "inner-lan", check=False).err)
        self.assertEqual(self.vms(), [])

    def rule(self, *words, code=0):
        done = self.cloud.cli("rule", *words, check=False)
        self.assertEqual(done.code, code, done.out + done.err)
        return done.out + done.err

    def test_a_rule_of_the_operators_says_which_where_a_request_names_none(self):
        self.assertIn("there is no network 'lann'", self.rule("add", "all", "--network", "lann",
                                                              code=1))
        self.rule("add", "all", "--network", "lan,dmz")
        self.addCleanup(self.rule, "delete", "all")
        self.assertIn("networks lan,dmz", self.rule("list"))
        ruled = self.create("ruled", wait=60)
        self.assertEqual((ruled["code"], self.host_of(ruled)), ("ok", "inner-2"), "which has lan")
        own = self.create("own", wait=60, networks="dmz")
        seen = [self.get(f"/v1/vms/{name}")["networks"] for name in ("ruled", "own")]
        self.assertEqual((own["code"], seen), ("ok", ["lan,dmz", "dmz"]))
        self.assertEqual([interface["network"] for interface in
                          self.get("/v1/vms/ruled")["interfaces"]], ["lan", "dmz"])
        self.rule("set", "all", "--network", "", "--prefer", "disk=ssd")
        self.create("plain", wait=60)
        self.assertNotIn("networks", self.get("/v1/vms/plain"))
        self.assertEqual(self.get("/v1/vms/ruled")["networks"], "lan,dmz", "it stays as it is")

    def test_a_vm_goes_where_its_networks_are_or_nowhere(self):
        for name in ("a", "b", "c"):  # the other host has more room from the second on
            made = self.create(name, wait=60, networks="lan,dmz")
            self.assertEqual((made["code"], self.host_of(made)), ("ok", "inner-2"))
        # of another image, for that of the others is there
        made = self.create("d", self.import_image("other"), wait=60, networks="dmz")
        self.assertEqual((made["code"], self.host_of(made)), ("ok", "inner-1"))
        refused = self.create("e", wait=60, networks="wan")
        self.assertEqual((refused["state"], refused["code"]), ("failed", "unmet"))
        self.assertIn("cluster north refuses", self.cloud.cli("op", "show", refused["id"]).out)
        # it keeps them, and each shows them to whom they concern
        tag = {"If-Match": self.ask("GET", "/v1/vms/a").headers["ETag"]}
        stopped = self.ask("POST", "/v1/vms/a/stop?wait=60", headers=tag).json()
        self.assertEqual(stopped["code"], "ok", stopped)
        resized = self.ask("POST", "/v1/vms/a/resize?wait=60", {"shape": "small"}).json()
        self.assertEqual(resized["code"], "ok", resized)
        self.assertEqual(self.get("/v1/vms/a")["networks"], "lan,dmz")
        self.assertRegex(self.vm("show", "a").out, r"networks +lan,dmz\n")
        self.assertEqual(self.owner_json("vm", "show", made["vm"])["networks"], "dmz")
        self.assertEqual(self.owner_json("host", "show", "inner-2")["networks"],
                         "dmz,lan,inner-lan")
        self.assertRegex(self.owner("host", "show", "inner-1").out, r"networks +dmz\n")
        listed = self.cloud.cli("network", "list", token_file=self.token_file).out
        self.assertRegex(listed, r"lan +the network lan\n")
        self.assertNotIn("lan", json.dumps(self.get("/v1/clusters")))
        self.assertNotIn("inner", self.cloud.cli("op", "show", refused["id"]).out)

    def test_what_the_owner_does_not_permit_is_refused_and_what_is_there_stays(self):
        self.addCleanup(self.owner, "permission", "reset", "cloud")
        self.assertEqual(self.create("a", wait=60, networks="lan")["code"], "ok")
        self.owner("permission", "set", "cloud", "--networks", "dmz wan")
        self.assertRegex(self.owner("upstream", "show", "cloud").out, r"networks +dmz wan\n")
        refused = self.create("b", wait=60, networks="dmz,lan")
        self.assertEqual((refused["state"], refused["code"]), ("failed", "not-allowed"))
        for name, more in (("b", {"networks": "dmz"}), ("c", {})):
            self.assertEqual(self.create(name, wait=60, **more)["code"], "ok")
        self.assertEqual(self.act("a", "stop")["code"], "ok")
        rebuilt = self.ask("POST", "/v1/vms/a/rebuild?wait=60", {}).json()
        self.assertEqual(rebuilt["code"], "ok", rebuilt)
        self.assertEqual(self.get("/v1/vms/a")["networks"], "lan")
        self.cloud.downstreams["north"].kill()
        self.cloud.downstreams["north"].start()
        self.assertEqual(self.owner_json("upstream", "show", "cloud")["permissions"],
                         {"networks": "dmz wan"})

    def test_a_host_that_has_lost_a_network_gets_no_more_vms_in_it(self):
        agent = self.cloud.agents["inner-2"]
        whole = read(agent.config)
        self.assertEqual(self.create("a", wait=60, networks="lan")["code"], "ok")
        agent.stop()
        self.addCleanup(self.configure, whole)
        self.configure(re.sub(r"\[network lan\]\nuser = yes\n", "", whole))
        self.assertEqual(self.owner_json("host", "show", "inner-2")["networks"], "dmz,inner-lan")
        self.assertEqual(self.create("b", wait=60, networks="lan")["code"], "unmet")

    def test_interfaces_come_and_go(self):
        self.addCleanup(self.owner, "permission", "reset", "cloud")
        self.assertEqual(self.create("a", wait=60, networks="lan")["code"], "ok")
        self.vm("interface-add", "a", "dmz", "--wait")
        was = self.get("/v1/vms/a")
        self.assertEqual(was["networks"], "lan,dmz")
        for words, said in ((("interface-add", "a", "inner-lan"), "there is no network"),
                            (("interface-remove", "a", "wan"), "no interface in a network 'wan'")):
            self.assertIn(said, self.vm(*words, "--wait", check=False).err)
        lacks = self.ask("POST", "/v1/vms/a/interface-add?wait=60", {"network": "wan"}).json()
        self.assertEqual((lacks["code"], lacks["obstacle"]), ("unmet", "networks"))
        self.owner("permission", "set", "cloud", "--networks", "wan")
        forbidden = self.ask("POST", "/v1/vms/a/interface-add?wait=60", {"network": "dmz"}).json()
        self.assertEqual((forbidden["code"], forbidden["obstacle"]), ("not-allowed", "networks"))
        self.vm("interface-remove", "a", was["interfaces"][0]["mac"], "--wait")
        self.assertRegex(self.vm("show", "a").out, r"networks +dmz\n")
        self.cloud.downstreams["north"].kill()
        self.cloud.downstreams["north"].start()
        wait_until(lambda: self.owner_json("host", "show", "inner-2")["state"] == "up",
                   "the host connected")
        rebuilt = self.ask("POST", "/v1/vms/a/rebuild?wait=60", {}).json()
        self.assertEqual(rebuilt["code"], "ok", rebuilt)
        for shown in (self.get("/v1/vms/a"), self.owner_json("vm", "show", was["id"])):
            self.assertEqual((shown["networks"], shown["interfaces"]),
                             ("dmz", was["interfaces"][1:]))

    def configure(self, text):
        agent = self.cloud.agents["inner-2"]
        agent.stop()
        with open(agent.config, "w") as file:
            file.write(text)
        agent.start()
        wait_until(lambda: self.owner_json("host", "show", "inner-2")["state"] == "up" and
                   any(fit["count"] for fit in self.capacity()["north"].get("fits", [])),
                   "the host connected, with room")


class RealNetwork(CloudCase):
    clusters = {"north": 1}
    options = {"driver": "qemu", "networks": ["lan", "wan"], "limits": {"allow_networks": "lan"},
               "host_networks": {"host-1": ["lan", "wan"]}}

    def assert_shown_as_the_domain_has_it(self, seen):
        """What tenant and owner are shown, what libvirt has, and what the guest saw."""
        vm = self.get("/v1/vms/web")
        domain = read(f"{self.cloud.agents['host-1'].folder}/libvirt/etc/qemu/"
                      f"isthmus-{vm['id']}.xml")
        macs = re.findall("<mac address='(.*?)'/>", domain)
        shown = [{"network": "lan", "number": i, "mac": mac} for i, mac in enumerate(macs)]
        self.assertEqual((len(macs), seen), (2, macs))
        self.assertEqual(vm["interfaces"], shown)
        self.assertEqual(self.get("/v1/vms?fields=interfaces")["items"],
                         [{"id": vm["id"], "interfaces": shown}])
        self.assertEqual(self.owner_json("vm", "show", vm["id"])["interfaces"], shown)
        self.assertEqual(self.owner_json("vm", "list")["items"][0]["interfaces"], shown)
        lines = "".join(rf"interface +lan, MAC {mac}\n" for mac in macs)
        self.assertRegex(self.vm("show", "web").out, lines)
        self.assertRegex(self.owner("vm", "show", vm["id"]).out, lines)

    def test_a_guest_sees_the_interface_that_its_tenant_asked_for(self):
        self.import_image("tiny", guest_image())
        refused = self.create(image="tiny", shape="small", wait=60, networks="lan,wan")
        self.assertEqual(refused["code"], "not-allowed", "by the cluster's configuration")
        made = self.vm("create", "web", "--shape", "small", "--image", "tiny", "--network",
                       "lan,lan", "--wait")
        self.assertIn("define web: done", made.out + made.err)
        log = f"{self.cloud.agents['host-1'].state}/vms/{self.get('/v1/vms/web')['id']}/console.log"
        wait_until(lambda: os.path.exists(log) and "ISTHMUS-GUEST ready" in read(log),
                   "the guest is ready", BOOT_SECONDS)
        self.assert_shown_as_the_domain_has_it(
            re.findall(r"ISTHMUS-GUEST interface virtio_net ([0-7]2(?::[0-9a-f]{2}){5})\b",
                       read(log)))
        self.vm("interface-add", "web", "lan", "--wait")
        second = self.get("/v1/vms/web")["interfaces"][1]["mac"]
        self.vm("interface-remove", "web", second, "--wait")
        vm = self.get("/v1/vms/web")
        agent, domain = self.cloud.agents["host-1"].folder, f"isthmus-{vm['id']}.xml"
        for folder in ("run", "etc"):  # as it runs, and at its next start
            self.assertEqual(re.findall("<mac address='(.*?)'/>",
                                        read(f"{agent}/libvirt/{folder}/qemu/{domain}")),
                             [interface["mac"] for interface in vm["interfaces"]], folder)
        self.assertEqual([interface["number"] for interface in vm["interfaces"]], [0, 2])
        self.assertEqual(self.act("web", "delete")["code"], "ok")
        self.assert_nothing_is_left()


if __name__ == "__main__":
    unittest.main(verbosity=2)
