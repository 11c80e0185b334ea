#!/usr/bin/env python3
"""Contacts that are told by mail: proven by a code, sent by TLS alone, tried again with the same
id, and what becomes of the rest when the mail server hangs."""
import os
import re
import tempfile
import unittest

from cloud_case import CloudCase, wait_until
from cloud import write
from hooks import Hooks
from mailbox import Mailbox

KILLS = int(os.environ.get("ISTHMUS_KILLS", "10"))  # an even number


class Mail(CloudCase):
    clusters = {"north": ["host-1"]}

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="isthmus-"))
        cls.mailbox = Mailbox(folder, "isthmus", "open sesame")
        cls.addClassCleanup(cls.mailbox.close)
        write(f"{folder}/password", "open sesame\n")
        os.chmod(f"{folder}/password", 0o600)
        cls.options = {"driver": "test", "notify": {
            "private_addresses": "127.0.0.1", "smtp_url": cls.mailbox.url,
            "smtp_from": "cloud@example.org", "smtp_user": "isthmus",
            "smtp_password_file": f"{folder}/password", "smtp_ca_file": f"{folder}/ca.crt"}}
        super().setUpClass()
        cls.import_image("empty")

    def setUp(self):
        self.addCleanup(self.mailbox.reset)
        self.addCleanup(self.delete_all)

    def contact(self, name):
        items = self.ask("GET", "/v1/contacts").json()["items"]
        return next(row for row in items if row["name"] == name)

    def await_contact(self, name, fits):
        wait_until(lambda: fits(self.contact(name)), f"{name} as it is to be")

    def add(self, name, address):
        """A contact, and the code that was mailed to it."""
        answer = self.ask("POST", "/v1/contacts",
                          {"name": name, "kind": "mail", "address": address})
        self.assertEqual(answer.status, 201, answer.out)
        self.assertNotIn("secret", answer.json())
        self.addCleanup(self.ask, "DELETE", f"/v1/contacts/{name}")
        wait_until(lambda: self.mailbox.to(address), "the code")
        return self.code(address)

    def code(self, address):
        return re.search(r"isthmus contact prove \S+ (\S+)\r?\n",
                         self.mailbox.to(address)[0].text)[1]

    def prove(self, name, code):
        return self.ask("POST", f"/v1/contacts/{name}/prove", {"code": code})

    def add_proven(self, name, address):
        code = self.add(name, address)
        answer = self.prove(name, code)
        self.assertEqual(answer.status, 200, answer.out)

    def told(self, address):
        """What came after the code."""
        return [mail for mail in self.mailbox.to(address) if "right?" not in mail.subject]

    def test_an_address_is_proven_by_a_code_and_told_what_happens(self):
        address = "anna+cloud@example.net"
        done = self.cloud.cli("contact", "add", "anna", address, token_file=self.token_file)
        self.addCleanup(self.ask, "DELETE", "/v1/contacts/anna")
        self.assertEqual(done.out, "")
        wait_until(lambda: self.mailbox.to(address), "the code")
        self.create("early", wait=60)
        refused = self.cloud.cli("contact", "prove", "anna", "guess", token_file=self.token_file,
                                 check=False)
        self.assertIn("not the code", refused.err)
        self.assertNotIn("proven_ms", self.contact("anna"))
        for _ in range(2):  # whoever did not hear the answer asks again
            self.cloud.cli("contact", "prove", "anna", self.code(address),
                           token_file=self.token_file)
        self.assertIn("proven_ms", self.contact("anna"))
        made = self.create("web", wait=60)
        wait_until(lambda: self.told(address), "it is told")
        mail = self.told(address)[0]
        self.assertEqual(mail.subject, f"Isthmus: define of VM web of acme is done")
        self.assertIn(f"isthmus op show {made['id']}\n", mail.text.replace("\r\n", "\n"))
        self.assertEqual((mail.sender, mail.greeting), ("cloud@example.org", "example.org"))
        self.assertRegex(mail.ident, r"^<nt-[0-9a-z]{26}@example\.org>$")
        self.assertEqual(mail.message["From"], "Isthmus <cloud@example.org>")
        self.assertEqual(mail.message["To"], address)
        self.assertEqual(mail.message["Auto-Submitted"], "auto-generated")
        self.assertIsNotNone(mail.message["Date"].datetime.tzinfo)
        self.assertEqual(mail.message.defects, [])
        self.assertNotIn("early", "".join(mail.text for mail in self.told(address)))
        self.assertEqual(self.mailbox.refusals, [])

    def test_what_was_refused_comes_later_with_the_same_id_and_the_same_bytes(self):
        address = "again@example.net"
        self.add_proven("again", address)
        self.mailbox.status = 451
        self.create("web", wait=60)
        self.await_contact("again", lambda row: row.get("why") == "the mail server answered 451")
        self.mailbox.status = 250
        wait_until(lambda: self.told(address), "it is told in the end")
        first = self.told(address)[0]
        tried = [mail for mail in self.mailbox.tried if mail.ident == first.ident]
        self.assertGreaterEqual(len(tried), 2)
        self.assertEqual({mail.raw for mail in tried}, {first.raw})
        self.await_contact("again", lambda row: "failed_ms" not in row)

    def test_an_address_that_the_server_does_not_have_is_told_of(self):
        self.mailbox.refuses.add("nobody@example.net")
        self.ask("POST", "/v1/contacts",
                 {"name": "none", "kind": "mail", "address": "nobody@example.net"})
        self.addCleanup(self.ask, "DELETE", "/v1/contacts/none")
        self.await_contact("none", lambda row: row.get("why") == "the mail server answered 550")

    def test_addresses_that_are_none_are_refused(self):
        for address in ("anna", "@example.org", "anna@", "a b@example.org", "a@b@example.org",
                        "<anna@example.org>", "anna@example.org,eve@example.org",
                        "anna@example..org", ".a@example.org", '"a"@example.org',
                        "anna@example.org\r\nRCPT TO:<eve@example.org>", "anna@[127.0.0.1]"):
            answer = self.ask("POST", "/v1/contacts",
                              {"name": "bad", "kind": "mail", "address": address})
            self.assertEqual((answer.status, answer.json()["field"]), (400, "address"), address)

    def test_nothing_is_sent_without_tls_or_to_a_server_that_is_not_to_be_trusted(self):
        self.add_proven("safe", "safe@example.net")
        self.mailbox.offers_tls = False
        self.create("web", wait=60)
        self.await_contact("safe", lambda row: "no TLS" in row.get("why", ""))
        self.assertEqual(self.mailbox.refusals, [])  # not even the password
        with tempfile.TemporaryDirectory() as other:
            self.mailbox.reset()
            self.mailbox.trust(other)
            self.ask("DELETE", "/v1/contacts/safe")
            self.ask("POST", "/v1/contacts",
                     {"name": "other", "kind": "mail", "address": "other@example.net"})
            self.addCleanup(self.ask, "DELETE", "/v1/contacts/other")
            self.await_contact("other", lambda row: "to be trusted" in row.get("why", ""))
        self.assertEqual(self.mailbox.to("other@example.net"), [])
        self.assertEqual(self.mailbox.refusals, [])

    def test_a_mail_server_that_hangs_holds_up_no_webhook(self):
        hooks = Hooks()
        self.addCleanup(hooks.close)
        self.add_proven("slow", "slow@example.net")
        self.ask("POST", "/v1/contacts", {"name": "hook", "kind": "webhook", "address": hooks.url})
        self.addCleanup(self.ask, "DELETE", "/v1/contacts/hook")
        self.await_contact("hook", lambda row: "proven_ms" in row)
        self.mailbox.hangs = "DATA"
        self.create("web", wait=60)
        wait_until(hooks.notices, "the webhook is told")
        self.await_contact("slow", lambda row: "in time" in row.get("why", ""))
        self.assertEqual(self.told("slow@example.net"), [])
        self.mailbox.hangs = "QUIT"  # it has the mail by then, and that counts
        wait_until(lambda: self.told("slow@example.net"), "it has come")
        self.await_contact("slow", lambda row: "failed_ms" not in row)
        self.assertEqual(len({mail.ident for mail in self.told("slow@example.net")}), 1)

    def test_nothing_is_lost_when_the_manager_is_killed_between_commit_and_sending(self):
        address = "kill@example.net"
        self.add_proven("kill", address)
        self.create("web", wait=60)
        ended = []
        for n in range(KILLS):
            ended.append(self.act("web", "unlock" if n % 2 else "lock")["id"])
            self.cloud.upstream.kill()
            self.cloud.upstream.start()
            self.await_contact("kill", lambda row: "waiting" not in row)
        by_id = {}
        for mail in self.told(address):
            by_id.setdefault(mail.ident, []).append(mail.raw)
        for raws in by_id.values():
            self.assertEqual(len(set(raws)), 1)
            self.assertLessEqual(len(raws), 2)
        text = b"".join(raws[0] for raws in by_id.values()).decode()
        for operation in ended:
            self.assertEqual(text.count(f"isthmus op show {operation}\r\n"), 1)
        print(f"{KILLS} kills: {len(by_id)} mails, sent {sum(map(len, by_id.values()))} times")


if __name__ == "__main__":
    unittest.main(verbosity=2)
