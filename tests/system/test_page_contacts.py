#!/usr/bin/env python3
"""Contacts in the page: a tenant's, who is sent a code by mail, and a cluster's owner's."""
import os
import re
import tempfile
import unittest

from cloud_case import wait_until
from cloud_parts import write
from mailbox import Mailbox
from page_case import PAGE, PageCase


class Contacts(PageCase):
    clusters = {"north": ["host-1"]}

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="isthmus-"))
        cls.mailbox = Mailbox(folder, "isthmus", "open sesame")
        cls.addClassCleanup(cls.mailbox.close)
        write(f"{folder}/password", "open sesame\n")
        os.chmod(f"{folder}/password", 0o600)
        cls.options = {"driver": "test", "api": {"web_folder": PAGE},
                       "owner": {"web_folder": PAGE}, "notify": {
                           "smtp_url": cls.mailbox.url, "smtp_from": "cloud@example.org",
                           "smtp_user": "isthmus", "smtp_password_file": f"{folder}/password",
                           "private_addresses": "127.0.0.1", "smtp_ca_file": f"{folder}/ca.crt"}}
        super().setUpClass()

    def remove(self, name):
        self.browser.click(name=f"Remove {name}")
        self.browser.text(text="It is told nothing any more")
        self.browser.eval(script="document.querySelector('dialog .danger').click()")
        self.browser.norow(name=name)

    def test_a_tenant_adds_one_proves_it_by_its_code_and_removes_it(self):
        self.log_in()
        self.browser.click(role="link", name="Contacts")
        self.browser.text(text="Nobody is told what happens.")
        self.browser.click(name="Add contact")
        self.browser.fill(label="Name", value="anna")
        self.browser.fill(label="Address", value="no address")
        self.browser.click(name="Add")
        self.browser.text(text="correct the field that is named")
        self.browser.fill(label="Address", value="anna@example.net")
        self.browser.fill(label="Quiet hours", value="22:00-06:00")
        self.assert_looks_right("contact-add")
        self.browser.click(name="Add")
        self.browser.row(name="anna", text="not proven")
        wait_until(lambda: self.mailbox.to("anna@example.net"), "the code")
        code = re.search(r"isthmus contact prove \S+ (\S+)\r?\n",
                         self.mailbox.to("anna@example.net")[0].text)[1]
        self.browser.click(name="Prove anna")
        self.browser.fill(label="Code", value="wrong")
        self.browser.click(name="Prove")
        self.browser.text(text="it is not the code that was sent there")
        self.browser.fill(label="Code", value=code)
        self.assert_looks_right("contact-prove")
        self.browser.click(name="Prove")
        self.browser.row(name="anna", text="is told")
        self.assertIn("proven_ms", self.get("/v1/contacts")["items"][0])
        self.assert_looks_right("contacts")
        self.remove("anna")
        self.assertEqual(self.get("/v1/contacts")["items"], [])

    def test_an_owner_adds_one_and_removes_it(self):
        self.browser.open(url=self.owner("web").out.strip())
        self.browser.see(role="heading", name="Hosts")
        self.browser.click(role="link", name="Contacts")
        self.browser.click(name="Add contact")
        self.browser.fill(label="Name", value="log")
        self.browser.select(label="By", value="journal")
        self.browser.fill(label="Of what", value="host-away host-back")
        self.browser.click(name="Add")
        self.browser.row(name="log", text="is told")
        self.browser.row(name="log", text="host-away host-back")
        self.assert_looks_right("owner-contacts")
        self.assertEqual([contact["kind"] for contact in
                          self.owner_json("contact", "list")["items"]], ["journal"])
        self.remove("log")
        self.assertEqual(self.owner_json("contact", "list")["items"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
