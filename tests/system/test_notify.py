#!/usr/bin/env python3
"""Contacts of a running cloud: webhooks that are proven, signed and tried again; what is told when
the manager is killed between the commit and the sending; and where a tenant's may not go."""
import os
import socket
import threading
import time
import unittest

from cloud_case import CloudCase, wait_until
from hooks import Hooks

KILLS = int(os.environ.get("ISTHMUS_KILLS", "40"))  # an even number


class Notify(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "notify": {"private_addresses": "127.0.0.1 192.0.2.0/24"}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")

    def setUp(self):
        self.hooks = Hooks()
        self.addCleanup(self.hooks.close)
        self.addCleanup(self.delete_all)

    def contacts(self, token=None):
        return self.ask("GET", "/v1/contacts", token=token or self.token).json()["items"]

    def add(self, name, address, token=None, *, waits=True, **more):
        wish = {"name": name, "kind": "webhook", "address": address, **more}
        answer = self.ask("POST", "/v1/contacts", wish, token=token or self.token)
        self.assertEqual(answer.status, 201, answer.out)
        self.addCleanup(self.ask, "DELETE", f"/v1/contacts/{name}", token=token or self.token)
        self.hooks.secret = answer.json()["secret"]
        if waits:
            self.await_contact(name, lambda row: "proven_ms" in row, token)
        return answer.json()

    def await_contact(self, name, fits, token=None):
        def row():
            return next(row for row in self.contacts(token) if row["name"] == name)
        wait_until(lambda: fits(row()), f"the contact as it is to be: {row()}")

    def test_a_webhook_is_proven_and_told_what_happens_signed(self):
        an_hour_ago = time.strftime("%H:%M", time.gmtime(time.time() - 3600))
        hour_before = time.strftime("%H:%M", time.gmtime(time.time() - 7200))
        quiet = f"{hour_before}-{an_hour_ago}"  # so not now
        done = self.cloud.cli("contact", "add", "hook", self.hooks.url, "--quiet", quiet,
                              token_file=self.token_file)
        self.addCleanup(self.ask, "DELETE", "/v1/contacts/hook")
        self.hooks.secret = done.out.strip()
        self.assertTrue(self.hooks.secret.startswith("whsec_"))
        self.await_contact("hook", lambda row: "proven_ms" in row)
        listed = self.cloud.cli("contact", "list", token_file=self.token_file).out
        self.assertRegex(listed, rf"hook +http://127.0.0.1:\d+/hook +usual +{quiet} +proven +0 +0")
        self.assertNotIn("whsec_", listed + self.ask("GET", "/v1/contacts").out)
        made = self.create("web", wait=60)
        wait_until(self.hooks.notices, "it is told")
        told = self.hooks.notices()[0]
        self.assertEqual((told["event"], told["operation"], told["vm"], told["vm_name"]),
                         ("operation-ended", made["id"], made["vm"], "web"))
        self.assertEqual(self.hooks.faults, [])
        self.cloud.cli("contact", "remove", "hook", token_file=self.token_file)
        self.act("web", "stop")
        self.assertEqual(len(self.hooks.notices()), 1)

    def test_one_that_does_not_send_the_challenge_back_is_told_nothing(self):
        self.hooks.echoes = False
        self.add("deaf", self.hooks.url, waits=False)
        self.await_contact("deaf", lambda row: row.get("why") ==
                           "it did not send back the challenge")
        self.create("web", wait=60)
        self.assertEqual(self.hooks.came, [])
        self.assertNotIn("proven_ms", self.contacts()[0])

    def test_what_could_not_be_delivered_comes_later_with_the_same_id(self):
        self.add("hook", self.hooks.url)
        self.hooks.status = 503
        self.create("web", wait=60)
        self.await_contact("hook", lambda row: row.get("why") == "it answered 503")
        self.hooks.status = 200
        wait_until(self.hooks.notices, "it is told in the end")
        tried = [ident for ident, event in self.hooks.tried if event["type"] != "challenge"]
        self.assertGreaterEqual(len(tried), 2)
        self.assertEqual(set(tried), {tried[0]})
        self.await_contact("hook", lambda row: "failed_ms" not in row)
        self.hooks.status = 410
        self.act("web", "stop")
        self.await_contact("hook", lambda row: "off_ms" in row)

    def test_a_tenants_webhook_reaches_nothing_private_that_is_not_listed(self):
        reached = []
        inside = socket.create_server(("127.0.0.2", 0))
        self.addCleanup(inside.close)
        threading.Thread(target=lambda: reached.append(inside.accept()), daemon=True).start()
        port = inside.getsockname()[1]
        for n, address in enumerate((f"https://127.0.0.2:{port}", f"http://127.0.0.2:{port}",
                                     f"https://[::ffff:127.0.0.2]:{port}",
                                     f"https://0x7f.0.0.2:{port}", f"https://0:{port}",
                                     f"https://[::1]:{port}", "https://169.254.169.254/latest")):
            self.add(f"in-{n}", address, waits=False)
            self.await_contact(f"in-{n}", lambda row: "is not public" in row.get("why", ""))
        self.assertEqual(reached, [])
        self.add("desk", f"http://127.0.0.2:{port}", self.operator, waits=False)
        wait_until(lambda: reached, "the operator's comes through")

    def test_without_a_mail_server_nobody_is_promised_mail(self):
        refused = self.cloud.cli("contact", "add", "anna", "anna@example.org",
                                 token_file=self.token_file, check=False)
        self.assertIn("no mail is sent from here", refused.err)
        self.assertEqual(self.contacts(), [])

    def test_without_a_program_for_it_nobody_is_promised_a_chat(self):
        refused = self.cloud.cli("contact", "add", "anna", "xmpp:anna@chat.example",
                                 token_file=self.token_file, check=False)
        self.assertIn("nobody is told by chat", refused.err)
        self.assertEqual(self.contacts(), [])

    def test_an_operator_has_it_in_the_journal_too(self):
        self.cloud.cli("contact", "add", "log", "journal", "--events", "operation-ended")
        self.addCleanup(self.cloud.cli, "contact", "remove", "log")
        self.create("web", wait=60)
        wait_until(lambda: 'event=notification contact=log body={"type":"operation-ended"' in
                   self.cloud.upstream.log(), "the line")
        refused = self.cloud.cli("contact", "add", "log", "journal", token_file=self.token_file,
                                 check=False)
        self.assertIn("its operators'", refused.err)

    def test_one_that_hangs_holds_up_nobody(self):
        hanging = socket.create_server(("127.0.0.1", 0))  # takes connections, and says nothing
        self.addCleanup(hanging.close)
        self.add("hangs", f"http://127.0.0.1:{hanging.getsockname()[1]}", waits=False)
        self.add("hook", self.hooks.url)
        self.create("web", wait=60)
        wait_until(self.hooks.notices, "the other one is told")
        self.await_contact("hangs", lambda row: row.get("why") == "it did not answer in time")

    def test_nothing_is_lost_when_the_manager_is_killed_between_commit_and_sending(self):
        self.add("hook", self.hooks.url)
        vm = self.create("web", wait=60)["vm"]
        ended = []
        for n in range(KILLS):
            operation = self.act("web", "unlock" if n % 2 else "lock")
            ended.append(operation["id"])  # the answer left: its end is on disk
            self.cloud.upstream.kill()
            self.cloud.upstream.start()
            self.await_contact("hook", lambda row: "waiting" not in row)
        by_id, times = {}, {}
        for ident, event in self.hooks.came:
            self.assertEqual(by_id.setdefault(ident, event), event)  # the same with the same id
            times[ident] = times.get(ident, 0) + 1
        told = [notice["operation"] for event in by_id.values()
                for notice in event["data"]["notices"]]
        self.assertEqual(len(told), len(set(told)))
        self.assertLessEqual(max(times.values()), 2)
        self.assertEqual(self.hooks.faults, [])
        self.assertTrue(all(notice["vm"] == vm for notice in self.hooks.notices()))
        print(f"{KILLS} kills: {len(ended)} ends in {len(by_id)} messages, sent "
              f"{max(times.values())} times at the most, {sum(times.values())} in all")


if __name__ == "__main__":
    unittest.main(verbosity=2)
