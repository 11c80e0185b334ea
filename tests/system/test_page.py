#!/usr/bin/env python3
"""The page, by a real browser on real daemons. What it looked like stays in build/page-shots."""
import unittest

from cloud_case import make_archive, wait_until
from page_case import PAGE, PageCase
from rest_face import body_of


class Page(PageCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "api": {"web_folder": PAGE},
               "host": {"cpus": 80, "memory_mib": 40960, "disk_gib": 400}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")

    def test_a_vm_is_made_and_comes_to_run_before_ones_eyes(self):
        self.log_in()
        self.browser.text(text="There are no VMs yet.")
        self.browser.mark()
        self.browser.click(name="Create VM")
        self.browser.fill(label="Name", value="web-1")
        self.browser.select(label="Shape", value="nano")
        self.assert_looks_right("create")
        self.browser.click(name="Create")
        self.browser.row(name="web-1", text="running")
        self.assertTrue(self.browser.marked(), "the page was loaded again")
        self.act("web-1", "stop")
        self.browser.row(name="web-1", text="stopped")
        self.assert_looks_right("vms")
        self.act("web-1", "delete")
        self.browser.norow(name="web-1")
        self.assertTrue(self.browser.marked(), "the page was loaded again")

    def test_a_vms_page_shows_its_verbs_and_what_happens(self):
        self.create("web-1", wait=60)
        self.log_in()
        self.browser.click(role="link", name="web-1")
        self.browser.see(role="heading", name="web-1 running")
        self.browser.mark()
        self.browser.text(text="tenant acme asks for it")
        self.browser.text(text="cluster north: done")
        start = self.browser.attributes(role="button", name="Start")
        self.assertEqual((start["aria-disabled"], start["title"]),
                         ("true", "Start is not possible while the VM is running"))
        self.browser.click(name="Stop")
        self.browser.see(role="heading", name="web-1 stopped")
        self.browser.see(role="heading", name="Newest operation: stop")
        self.browser.click(name="Edit")
        self.browser.fill(label="Title", value="The shop")
        self.browser.fill(label="Metadata", value="stage=live,by=anna")
        self.browser.click(name="Save")
        self.browser.text(text="The shop")
        self.browser.text(text="anna")
        self.assert_looks_right("vm")
        self.browser.click(name="Lock")
        self.browser.text(text="locked")
        self.assertEqual(self.browser.attributes(role="button", name="Delete")["title"],
                         "The VM is locked")
        self.browser.click(name="Unlock")
        self.browser.click(name="Resize")
        self.browser.select(label="Shape", value="small")
        self.assert_looks_right("resize")
        self.browser.eval(script="document.querySelector('dialog .main').click()")
        self.browser.text(text="small: 1 CPU")
        self.browser.click(role="link", name="resize")
        self.browser.see(role="heading", name="resize web-1")
        self.browser.see(role="heading", name="What happened")
        self.assert_looks_right("operation")
        self.browser.click(role="link", name="Operations")
        self.browser.see(role="heading", name="Operations")
        self.browser.text(text="shown")
        self.assert_looks_right("operations")
        self.browser.click(role="link", name="web-1")
        self.browser.see(role="heading", name="web-1 stopped")
        self.browser.click(name="Delete")
        self.browser.eval(script="document.querySelector('dialog .danger').click()")
        self.browser.text(text="It has been deleted.")
        self.assertTrue(self.browser.marked(), "the page was loaded again")

    def test_an_operations_timeline_grows_before_ones_eyes(self):
        self.log_in()
        self.cloud.downstreams["north"].stop()
        self.addCleanup(self.cloud.await_capacity)
        self.addCleanup(self.cloud.downstreams["north"].start)
        self.create("late")
        self.browser.go(url=f"{self.url}#/operations")
        self.browser.click(role="link", name="define")
        self.browser.text(text="It waits for")
        self.browser.mark()
        self.assert_looks_right("waits")
        self.cloud.downstreams["north"].start()
        self.browser.see(role="heading", name="define late succeeded")
        self.assertTrue(self.browser.marked(), "the page was loaded again")

    def test_an_operator_has_clusters_images_and_tenants(self):
        operator = self.cloud.environment()["ISTHMUS_TOKEN_FILE"]
        self.browser.open(url=self.link(operator))
        self.browser.click(role="link", name="Clusters")
        self.browser.see(role="heading", name="north up")
        self.browser.text(text="80 free of 80")
        self.assert_looks_right("clusters")
        self.browser.click(role="link", name="Images")
        self.browser.click(name="Import image")
        self.browser.fill(label="Name", value="sent")
        self.browser.choose(label="File", path=make_archive(f"{self.folder.name}/sent.tar.zst"))
        self.browser.click(name="Import")
        self.browser.row(name="sent", text="1 GiB")
        self.assert_looks_right("images")
        self.browser.click(name="Delete sent")
        self.browser.click(name="Delete")
        self.browser.norow(name="sent")
        self.browser.click(role="link", name="Tenants")
        self.browser.click(name="Create tenant")
        self.browser.fill(label="Name", value="paged")
        self.browser.click(name="Create")
        self.browser.text(text="shown this once")
        self.assert_looks_right("token")
        self.browser.click(name="Close")
        self.browser.click(name="Quota of paged")
        self.browser.fill(label="VMs", value="5")
        self.browser.click(name="Save")
        self.browser.row(name="paged", text="0 of 5")
        self.assert_looks_right("tenants")
        self.browser.click(name="Delete paged")
        self.browser.click(name="Delete")
        self.browser.norow(name="paged")

    def test_an_operator_has_rules_and_sees_which_one_chose(self):
        operator = self.cloud.environment()["ISTHMUS_TOKEN_FILE"]
        self.browser.open(url=self.link(operator))
        self.browser.click(role="link", name="Rules")
        self.browser.text(text="There are no rules: VMs go where their tenants ask for.")
        self.browser.click(name="Add rule")
        self.browser.fill(label="Name", value="shops")
        self.browser.fill(label="Labels", value="stage=live")
        self.browser.fill(label="Clusters", value="nowhere")
        self.assert_looks_right("rule")
        self.browser.click(name="Add")
        self.browser.text(text="there is no cluster 'nowhere'")
        self.browser.fill(label="Clusters", value="nor*")
        self.browser.click(name="Add")
        self.browser.row(name="shops", text="labels stage=live")
        self.browser.mark()
        self.cloud.cli("rule", "add", "rest", "--refuse", "not today", "--position", "1")
        self.browser.row(name="rest", text="refuse not today")
        self.browser.click(name="shops up")
        self.browser.row(name="shops", text="1")
        self.browser.row(name="rest", text="2")
        self.assert_looks_right("rules")
        self.create("web-1", wait=60, metadata="stage=live")
        self.browser.click(name="Delete shops")
        self.browser.click(name="Delete")
        self.browser.norow(name="shops")
        self.browser.click(name="Edit rest")
        self.browser.fill(label="Refuse", value="not now")
        self.browser.click(name="Save")
        self.browser.row(name="rest", text="refuse not now")
        self.assertTrue(self.browser.marked(), "the page was loaded again")
        self.browser.click(name="Delete rest")
        self.browser.click(name="Delete")
        self.browser.norow(name="rest")
        self.browser.click(role="link", name="Operations")
        self.browser.click(role="link", name="define")
        self.browser.text(text="the manager chooses cluster north, by rule shops")

    def test_a_tenant_keeps_keys_and_tokens_and_one_that_looks_can_change_nothing(self):
        self.create("web-1", wait=60)
        self.log_in()
        self.browser.click(role="link", name="Account")
        self.browser.click(name="Add SSH key")
        self.browser.fill(label="Name", value="laptop")
        self.browser.fill(label="Public key", value=body_of("/v1/ssh-keys", "", "", "")
                          ["public_key"])
        self.browser.click(name="Add")
        self.browser.row(name="laptop", text="just now")
        self.browser.click(name="Make token")
        self.browser.fill(label="Name", value="phone")
        self.browser.click(name="Add")
        token = self.browser.secret()
        self.browser.click(name="Close")
        self.browser.row(name="phone", text="look")
        self.assert_looks_right("account")
        self.browser.open(url=self.url)
        self.browser.fill(label="Token", value=token)
        self.assert_looks_right("login")
        self.browser.click(name="Log in")
        self.browser.click(role="link", name="web-1")
        self.browser.see(role="heading", name="web-1 running")
        self.assertEqual(self.browser.attributes(role="button", name="Stop")["title"],
                         "Your token may only look")
        self.ask("DELETE", "/v1/access-tokens/phone")
        self.browser.see(role="heading", name="Isthmus")  # it is out, before it asks for anything
        self.ask("DELETE", "/v1/ssh-keys/laptop")

    def test_the_keyboard_alone_is_enough(self):
        for name in ("a", "b"):
            self.create(name, wait=60)
        self.log_in()
        self.browser.row(name="b", text="running")
        self.browser.press(key="Tab")
        self.assertEqual(self.browser.focus(), "Skip to content")
        self.browser.press(key="j")
        self.browser.press(key="j")
        self.assertEqual(self.browser.focus(), "b")
        self.browser.press(key="Enter")
        self.browser.see(role="heading", name="b running")
        self.browser.eval(script="history.back()")
        self.browser.row(name="b", text="running")
        self.browser.press(key="?")
        self.browser.see(role="heading", name="Keys")
        self.browser.press(key="Escape")
        self.browser.gone(text="previous row")
        self.browser.press(key="/")
        self.browser.type(text="a")
        self.browser.norow(name="b")
        self.browser.press(key="Escape")
        self.browser.eval(script="document.activeElement.blur()")
        self.browser.press(key="c")
        self.browser.see(role="heading", name="Create a VM")
        self.browser.ready(name="Create")
        self.browser.type(text="ab")
        self.browser.press(key="Enter")
        self.browser.row(name="ab", text="running")

    def test_what_tenants_write_is_text_and_nothing_else(self):
        nasty = "<img src=x onerror=alert(1)><script>alert(2)</script>'\"&lt;"
        key, value = "<b>by</b>", "<svg/onload=alert(3)>javascript:alert(4)"
        self.create("web-1", wait=60, title=nasty, metadata=f"{key}={value}")
        self.log_in()
        self.browser.click(role="link", name="web-1")
        self.browser.text(text=nasty)
        self.browser.text(text=key)
        self.browser.text(text=value)
        found = self.browser.eval(script="document.querySelectorAll('img, svg, iframe, "
                                  "body script, a[href^=\"javascript\"]').length")
        self.assertEqual(found, 0)
        for place in ("#/vms/<img src=x onerror=alert(5)>", "#/<script>alert(6)</script>",
                      "#/vms?name=<img src=x onerror=alert(7)>", "#/__proto__", "#/vms/..%2fx",
                      "#ticket=<script>alert(8)</script>", "#/vms/%"):
            self.browser.go(url=f"{self.url}{place}")
            self.browser.see(role="link", name="Isthmus")
        self.browser.text(text="no VM of yours has the name")

    def test_many_are_stopped_and_deleted_at_once(self):
        for name in ("a", "b", "c"):
            self.create(name, wait=60)
        self.create("off", wait=60, start=False)
        self.log_in()
        self.browser.check(name="All that are shown")
        self.browser.click(name="Stop")
        self.browser.text(text="3 accepted, 1 refused")
        self.browser.look(name="bulk")
        for name in ("a", "b", "c", "off"):
            self.browser.row(name=name, text="stopped")
        self.browser.check(name="All that are shown")
        self.browser.click(name="Delete")
        self.browser.see(role="heading", name="Delete 4 VMs?")
        self.assert_looks_right("delete")
        self.browser.eval(script="document.querySelector('dialog .danger').click()")
        self.browser.text(text="There are no VMs yet.")

    def test_it_is_told_when_the_manager_is_away(self):
        self.create("web-1", wait=60)
        self.log_in()
        self.browser.row(name="web-1", text="running")
        self.browser.text(text="live")
        manager = self.cloud.upstream
        manager.kill()
        self.browser.text(text="not connected")
        self.browser.row(name="web-1", text="running")
        self.assert_looks_right("cut")
        manager.start()
        self.cloud.await_capacity()
        self.browser.see(role="heading", name="Isthmus")  # logins ended with it
        self.browser.look(name="login")

    def test_the_first_load_is_small(self):
        for number in range(60):
            self.create(f"web-{number:02}")
        wait_until(lambda: all(vm["state"] == "running" for vm in self.vms()), "all run")
        self.browser.open(url=self.link())
        self.browser.row(name="web-49", text="running")
        self.browser.text(text="live")
        loaded = self.browser.load()
        self.assertLessEqual(len(loaded), 8, loaded)
        self.assertLessEqual(sum(each["bytes"] for each in loaded), 60000, loaded)
        self.assertEqual(len(self.browser.rows()), 50)
        self.browser.click(role="link", name="Next page")
        self.browser.row(name="web-59", text="running")
        self.assertEqual(len(self.browser.rows()), 10)
        self.browser.fill(label="Search by name", value="b-3")
        self.browser.norow(name="web-59")
        self.browser.row(name="web-30", text="running")
        self.assertEqual(len(self.browser.rows()), 10)

    def test_two_tabs_have_one_stream(self):
        self.create("web-1", wait=60)
        self.log_in()
        self.browser.text(text="live")
        self.browser.tab(url=self.url)
        self.browser.text(text="live")
        self.act("web-1", "stop")
        self.browser.row(name="web-1", text="stopped")
        streams = [each["url"] for each in self.browser.load() if "/v1/events" in each["url"]]
        self.assertEqual(len(streams), 1, streams)


if __name__ == "__main__":
    unittest.main(verbosity=2)
