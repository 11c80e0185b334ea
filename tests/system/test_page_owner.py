#!/usr/bin/env python3
"""The owner's page, by a real browser on a real cluster. What it looked like stays in
build/page-shots."""
import unittest

from cloud_case import wait_until
from page_case import PAGE, PageCase


class OwnersPage(PageCase):
    clusters = {"north": ["host-1", "host-2"]}
    options = {"driver": "test", "api": {"web_folder": PAGE}, "owner": {"web_folder": PAGE}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")
        cls.url = f"http://127.0.0.1:{cls.cloud.ports['north-page']}/"

    def setUp(self):
        super().setUp()
        for host in self.clusters["north"]:
            self.addCleanup(self.owner, "host", "uncordon", host, check=False)

    def link(self, token_file=None):
        return self.owner("web").out.strip()

    def log_in(self, **options):
        self.browser.open(url=self.link(), **options)
        self.browser.see(role="heading", name="Hosts")

    def host_of(self, name):
        found = [vm["host"] for vm in self.owner_json("vm", "list")["items"] if vm["name"] == name]
        return found[0] if found else ""

    def test_a_host_is_drained_and_its_vm_is_seen_to_leave(self):
        self.create("web-1", wait=60, on_drain="restart")
        self.create("stays", wait=60)
        here = self.host_of("web-1")
        there = {"host-1": "host-2", "host-2": "host-1"}[here]
        self.log_in()
        self.browser.row(name=here, text="up")
        self.browser.mark()
        self.assert_looks_right("hosts")
        self.browser.click(role="link", name=here)
        self.browser.see(role="heading", name=f"{here} up")
        self.browser.row(name="web-1", text="running")
        self.browser.click(name="Drain")
        self.browser.text(text="What stays is listed here")
        self.assert_looks_right("host-drain")
        self.browser.press(key="Escape")
        self.browser.click(name="Drain")
        self.browser.eval(script="document.querySelector('dialog .danger').click()")
        self.browser.norow(name="web-1")
        self.browser.text(text="drained")
        self.assert_looks_right("host")
        self.browser.click(role="link", name="VMs")
        self.browser.row(name="web-1", text=there)
        self.assert_looks_right("hosted")
        self.browser.click(role="link", name="web-1")
        self.browser.see(role="heading", name="web-1 running")
        self.browser.see(role="rowheader", name="define")
        self.assert_looks_right("hosted-vm")
        self.browser.click(role="link", name="Operations")
        self.browser.see(role="heading", name="Operations")
        self.assert_looks_right("hosted-operations")
        self.browser.click(role="link", name="define")
        self.browser.text(text="the manager instructs host")
        self.assert_looks_right("hosted-operation")
        self.assertTrue(self.browser.marked(), "the page was loaded again")

    def test_the_first_load_is_small(self):
        self.browser.open(url=self.link())
        self.browser.row(name="host-1", text="up")
        self.browser.text(text="live")
        loaded = self.browser.load()
        self.assertLessEqual(len(loaded), 8, loaded)
        self.assertLessEqual(sum(each["bytes"] for each in loaded), 60000, loaded)

    def test_a_host_that_went_is_shown_declared_off_and_removed_after_a_word(self):
        self.log_in()
        agent = self.cloud.agents["host-2"]
        agent.kill()
        self.addCleanup(self.cloud.await_capacity)
        self.addCleanup(agent.start)
        self.browser.click(role="link", name="host-2")
        self.browser.see(role="button", name="Remove")
        self.browser.click(name="Remove")
        self.browser.text(text="It is given up with no VMs")
        self.assert_looks_right("host-remove")
        self.browser.eval(script="document.querySelector('dialog .danger').click()")
        self.browser.see(role="heading", name="Remove: host-2?")  # nothing was said yet
        self.browser.check(name="It is gone for good")
        self.browser.eval(script="document.querySelector('dialog .danger').click()")
        self.browser.gone(text="Remove: host-2?")
        wait_until(lambda: any(row["what"] == "host-forget" and row["code"] == "ok"
                               for row in self.owner_json("audit")["items"]), "it is given up")
        self.browser.click(role="link", name="Audit")
        self.browser.row(name="host-forget", text="host-2")
        self.assert_looks_right("audit")

    def test_what_an_upstream_manager_is_lent_is_seen_and_changed(self):
        self.create("web-1", wait=60)
        self.log_in()
        self.browser.click(role="link", name="Upstream managers")
        self.browser.see(role="heading", name="cloud up")
        self.browser.text(text="15 free of 16")
        self.assert_looks_right("upstreams")
        self.browser.click(name="Limits of cloud")
        self.browser.fill(label="VMs", value="5")
        self.assert_looks_right("limits")
        self.browser.click(name="Save")
        self.browser.text(text="1 of 5")
        self.assertEqual(self.owner_json("limit", "list")["items"][0]["limits"]["vms"], 5)
        self.browser.click(name="Limits of cloud")
        self.browser.click(name="As configured")
        self.browser.gone(text="1 of 5")
        self.browser.click(name="Permissions of cloud")
        self.browser.fill(label="What it sees of its VMs", value="everything")
        self.browser.click(name="Save")
        self.browser.text(text="'everything' is nothing that is told of VMs")
        self.browser.fill(label="What it sees of its VMs", value="ips log")
        self.assert_looks_right("permissions")
        self.browser.click(name="Save")
        self.browser.text(text="ips log")
        self.browser.click(name="Share of cloud")
        self.browser.fill(label="CPUs, a step", value="10")
        self.assert_looks_right("share")
        self.browser.click(name="Save")
        self.browser.text(text="10 free of 10")  # what it sees is coarser at once
        self.assertEqual(self.capacity()["north"]["cpus_total"], 10)
        self.browser.click(name="Revoke cloud")
        self.browser.text(text="its 1 VMs")
        self.assert_looks_right("revoke")
        self.browser.eval(script="document.querySelector('dialog .danger').click()")
        self.browser.text(text="revoked: revoked")
        self.browser.click(name="Restore cloud")
        self.browser.gone(text="revoked: revoked")
        for what in ("limit", "permission"):
            self.owner(what, "reset", "cloud")
        self.cloud.await_capacity()

    def test_who_is_out_is_out_and_the_clouds_page_shows_nothing_of_it(self):
        self.create("web-1", wait=60)
        operator = self.cloud.environment()["ISTHMUS_TOKEN_FILE"]
        self.browser.open(url=f"{self.url}#ticket={'x' * 43}")
        self.browser.text(text="The ticket was used already")
        self.browser.text(text="This is a cluster's manager")
        self.assertFalse(self.browser.shows(text="Log in"))  # no token is asked for
        self.assert_looks_right("owner-login")
        self.browser.open(url=super().link(operator))
        self.browser.row(name="web-1", text="running")
        for section in ("VMs", "Operations", "Clusters", "Audit"):
            self.browser.click(role="link", name=section)
            self.browser.see(role="heading", name=section)
            self.assertNotIn("host-", self.browser.eval(script="document.body.innerText"))
        self.assertFalse(self.browser.shows(text="Hosts"))

    def test_the_keyboard_alone_is_enough(self):
        self.log_in()
        self.browser.row(name="host-2", text="up")
        self.browser.press(key="j")
        self.browser.press(key="j")
        self.assertEqual(self.browser.focus(), "host-2")
        self.browser.press(key="Enter")
        self.browser.see(role="heading", name="host-2 up")
        for _ in range(40):
            self.browser.press(key="Tab")
            if self.browser.focus() == "Cordon":
                break
        self.browser.press(key="Enter")
        self.browser.see(role="button", name="Uncordon")
        self.browser.text(text="no, cordoned")
        self.owner("host", "uncordon", "host-2")
        self.browser.see(role="button", name="Cordon")


if __name__ == "__main__":
    unittest.main(verbosity=2)
