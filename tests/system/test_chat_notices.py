#!/usr/bin/env python3
"""What happens, told in chats by isthmus-xmpp: proven by a code, fetched from the manager, sent by
a real XMPP server to a real client; and what is lost or said twice when either is killed."""
import os
import re
import tempfile
import unittest

from cloud_case import WAIT_SECONDS, read, wait_until
from cloud_parts import write
from test_chat import BOT, DOMAIN, ChatCase

KILLS = int(os.environ.get("ISTHMUS_KILLS", "24"))  # a multiple of 8


class ChatNotices(ChatCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="isthmus-"))
        cls.chat_token_file = f"{folder}/chat.token"
        write(cls.chat_token_file, f"{os.urandom(32).hex()}\n", 0o600)
        cls.options = {"driver": "test", "notify": {"chat_token_file": cls.chat_token_file}}
        super().setUpClass()

    def write_config(self, **chat):
        manager = {"token_file": self.chat_token_file, **chat.pop("manager", {})}
        super().write_config(manager=manager, **chat)

    def contact(self, name):
        return next(row for row in self.get("/v1/contacts")["items"] if row["name"] == name)

    def await_contact(self, name, fits):
        wait_until(lambda: fits(self.contact(name)), f"the contact as it is to be: {name}")

    def add(self, name, user):
        answer = self.ask("POST", "/v1/contacts",
                          {"name": name, "kind": "xmpp", "address": f"{user}@{DOMAIN}"})
        self.assertEqual(answer.status, 201, answer.out)
        self.assertNotIn("secret", answer.json())
        self.addCleanup(self.ask, "DELETE", f"/v1/contacts/{name}")

    def hear(self, user):
        return self.client(user).heard.get(timeout=WAIT_SECONDS)

    def code_in(self, told):
        code = re.search(r"isthmus contact prove \S+ (\S+)\n", told)
        self.assertTrue(code, told)
        return code[1]

    def add_proven(self, name, user):
        self.client(user)
        self.add(name, user)
        answer = self.ask("POST", f"/v1/contacts/{name}/prove",
                          {"code": self.code_in(self.hear(user))})
        self.assertEqual(answer.status, 200, answer.out)

    def sent(self):
        """The ids of what the bot gave its server, in that order."""
        return re.findall(rf"^in {BOT} <message[^>]* id='(nt-\w+)'",
                          read(self.server.traffic_file).replace('"', "'"), re.MULTILINE)

    def test_an_address_is_proven_by_a_code_and_told_what_happens(self):
        anna = self.client("anna")
        done = self.cloud.cli("contact", "add", "anna", f"xmpp:anna@{DOMAIN}",
                              token_file=self.token_file)
        self.addCleanup(self.ask, "DELETE", "/v1/contacts/anna")
        self.assertEqual(done.out, "")
        told = self.hear("anna")
        self.assertIn("contact anna of acme", told)
        self.create("early", wait=60)
        refused = self.cloud.cli("contact", "prove", "anna", "guess", token_file=self.token_file,
                                 check=False)
        self.assertIn("not the code", refused.err)
        self.await_contact("anna", lambda row: "waiting" not in row)
        self.cloud.cli("contact", "prove", "anna", self.code_in(told), token_file=self.token_file)
        listed = self.cloud.cli("contact", "list", token_file=self.token_file).out
        self.assertRegex(listed, rf"anna +xmpp:anna@{DOMAIN} +usual +- +proven +0 +0")
        made = self.create("web", wait=60)
        told = self.hear("anna")
        self.assertIn("define of VM web of acme is done\n", told)
        self.assertIn(f"isthmus op show {made['id']}\n", told)
        self.assertTrue(anna.heard.empty())
        self.assertEqual(anna.say("list"),
                         "I do not know this address. To link it to your account, write: link")
        self.assertNotIn("delivery-", self.ask("GET", "/v1/audit", token=self.operator).out)

    def test_what_cannot_be_sent_is_said_to_whoever_wanted_it(self):
        self.add("nobody", "nobody")
        self.await_contact("nobody", lambda row: row.get("why") ==
                           "the chat's server answered service-unavailable")
        self.stop()
        self.start(domains="elsewhere.test")
        self.add("here", "anna")
        self.await_contact("here", lambda row: "addresses at that domain" in row.get("why", ""))
        self.assertNotIn("anna", str(self.sent()))

    def test_what_happened_while_the_program_was_away_comes_later(self):
        self.add_proven("anna", "anna")
        self.stop()
        self.create("web", wait=60)
        self.await_contact("anna", lambda row: row.get("waiting") == 1)
        self.start()
        self.assertIn("define of VM web", self.hear("anna"))
        self.await_contact("anna", lambda row: "waiting" not in row)

    def test_a_manager_that_is_away_is_come_back_to(self):
        self.add_proven("anna", "anna")
        self.cloud.upstream.kill()
        wait_until(lambda: "event=chat-notices state=unfetched" in read(self.log_file), "a line")
        self.cloud.upstream.start()
        self.create("web", wait=60)
        self.assertIn("define of VM web", self.hear("anna"))
        wait_until(lambda: "event=chat-notices state=fetched" in read(self.log_file), "a line")

    def test_nothing_is_lost_and_little_said_twice_when_either_is_killed(self):
        # whose repeat, if it is sent after all is over, no other test hears
        self.add_proven("bert", "bert")
        self.create("web", wait=60)
        self.hear("bert")
        before = len(self.sent())
        for n in range(KILLS):
            came = len(self.sent())
            between = n // 4 % 2  # its sending and the word that it was sent
            self.front.holds = b"/end HTTP" if between else None
            self.act("web", "unlock" if n % 2 else "lock")  # the answer left: it is on disk
            if between:
                wait_until(lambda: len(self.sent()) > came, "it is sent")
            if n // 2 % 2:
                self.bot.kill()
                self.bot.wait(WAIT_SECONDS)
                self.start()
            else:
                self.cloud.upstream.kill()
                self.cloud.upstream.start()
            self.front.holds = None
            self.await_contact("bert", lambda row: "waiting" not in row)
        ids = self.sent()[before:]
        times = {ident: ids.count(ident) for ident in ids}
        self.assertLessEqual(max(times.values()), 2)
        bodies = [self.hear("bert") for _ in ids]
        told = {body for body in bodies}
        operations = re.findall(r"isthmus op show (op-\w+)", "".join(told))
        self.assertEqual(len(operations), len(set(operations)))
        self.assertEqual(len(operations), KILLS)
        print(f"{KILLS} kills: {len(operations)} ends in {len(times)} messages, sent "
              f"{max(times.values())} times at the most, {len(ids)} in all")


if __name__ == "__main__":
    unittest.main(verbosity=2)
