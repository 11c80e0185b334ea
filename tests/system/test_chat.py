#!/usr/bin/env python3
"""isthmus-xmpp between a real XMPP server and a real manager: links by codes, what a link may, and
what strangers may not; by slixmpp, and by profanity in a terminal."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import ssl
import stat
import struct
import subprocess
import termios
import threading
import time
import unittest

from cloud_case import BUILD, WAIT_SECONDS, CloudCase, read, wait_until
from chat_client import ChatClient
from cloud_parts import section, write
from prosody import Prosody, make_authority, make_certificate

DOMAIN = "chat.test"
BOT = f"isthmus@{DOMAIN}/bot"
UNKNOWN = "I do not know this address. To link it to your account, write: link"


class TlsFront:
    """TLS in front of a manager's port, by a certificate for `localhost`. `is_away`: connections
    are closed at once; `passes` cleared: they are taken, and nothing comes; `holds`: requests that
    have these bytes are kept back."""

    def __init__(self, folder, port):
        os.makedirs(folder, exist_ok=True)
        make_authority(folder)
        make_certificate(folder, "localhost")
        self.ca_file = f"{folder}/ca.crt"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{folder}/server.crt", f"{folder}/server.key")
        self.manager = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"
        self.is_away, self.passes, self.holds = False, threading.Event(), None
        self.passes.set()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            self.passes.wait()
            if self.is_away:
                return
            try:
                with self.context.wrap_socket(client, server_side=True) as safe, \
                        socket.create_connection(("127.0.0.1", self.manager)) as manager:
                    self._copy(safe, manager)
            except OSError:
                pass  # who does not trust us leaves

    def _copy(self, safe, manager):
        ends = {safe: manager, manager: safe}
        while True:
            ready = [safe] if safe.pending() else select.select(list(ends), [], [])[0]
            for end in ready:
                piece = end.recv(65536)
                if not piece:
                    return
                while self.holds and self.holds in piece:
                    time.sleep(0.01)
                ends[end].sendall(piece)

    def close(self):
        self.listener.close()


class ChatCase(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test"}
    bot_options = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")
        cls.server = Prosody(f"{cls.folder.name}/chat", DOMAIN, trace=True, adhoc=True)
        for user in ("isthmus", "anna", "bert", "carl", "mallory"):
            cls.server.add_account(user, f"{user}-secret")
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)
        cls.front = TlsFront(f"{cls.folder.name}/front", cls.cloud.ports["upstream"])
        cls.addClassCleanup(cls.front.close)

    def setUp(self):
        self.addCleanup(self.delete_all)
        self.bot_folder = f"{self.folder.name}/bot-{self.id().rpartition('.')[2]}"
        os.makedirs(self.bot_folder)
        self.log_file = f"{self.bot_folder}/log"
        self.bot = None
        self.addCleanup(self.stop)
        self.start()
        self.clients = {}

    def write_config(self, **chat):
        manager = {"url": self.front.url, "ca_file": self.front.ca_file,
                   **chat.pop("manager", {})}
        write(f"{self.bot_folder}/password", "isthmus-secret\n", 0o600)
        xmpp = {"address": BOT, "password_file": f"{self.bot_folder}/password",
                "server": "127.0.0.1", "port": self.server.port, "ca_file": self.server.ca_file}
        write(f"{self.bot_folder}/xmpp.conf", section("manager", manager) + section("xmpp", xmpp) +
              section("chat", {"state": f"{self.bot_folder}/state", **chat}))

    def start(self, **chat):
        self.write_config(**chat)
        came = self.arrivals()
        with open(self.log_file, "ab") as log:
            self.bot = subprocess.Popen([f"{BUILD}/src/main/isthmus-xmpp", "--config",
                                         f"{self.bot_folder}/xmpp.conf"], stderr=log)
        self.await_bot(came)

    def arrivals(self):
        """How often the server has heard that the bot is there: it keeps no line for later then."""
        return len(re.findall(rf"^in {BOT} <presence(?![^>]* (?:to|type)=)",
                              read(self.server.traffic_file), re.MULTILINE))

    def await_bot(self, came):
        wait_until(lambda: self.arrivals() > came, f"the bot comes: {read(self.log_file)}")

    def stop(self):
        if self.bot.poll() is None:
            self.bot.terminate()
        self.assertEqual(self.bot.wait(WAIT_SECONDS), 0, read(self.log_file))

    def client(self, user):
        if user not in self.clients:
            self.clients[user] = ChatClient(self.server, user, f"{user}-secret", BOT)
            self.addCleanup(self.clients[user].close)
        return self.clients[user]

    def answer_to(self, told, name, rights):
        """What the command prints for what the bot told."""
        code = re.search(r"isthmus chat link chat (\S+) --rights", told).group(1)
        done = self.cloud.cli("chat", "link", name, code, "--rights", rights, "--expires", "1d",
                              token_file=self.token_file)
        self.addCleanup(self.ask, "DELETE", f"/v1/access-tokens/{name}")
        self.assertRegex(done.out, r"^link [\w-]{100,}\n$")
        return done.out.strip()

    def link(self, user, rights="act"):
        client = self.client(user)
        linked = client.say(self.answer_to(client.say("link"), f"{user}-chat", rights))
        self.assertIn(f"linked to tenant acme, by the token {user}-chat, which may {rights}",
                      linked)
        client.await_presence(BOT)
        return client

    def links(self):
        path = f"{self.bot_folder}/state/links.json"
        return json.loads(read(path))["links"] if os.path.exists(path) else []


class Chat(ChatCase):
    def test_who_is_linked_makes_looks_at_and_deletes_a_vm_by_lines(self):
        anna = self.link("anna")
        self.assertEqual(anna.say("list"), "You have no VMs.")
        self.assertEqual(anna.say("Create web nano empty"), "define web: done")
        self.assertEqual(anna.say("list"), "web  running  nano  empty")
        shown = anna.say("show web")
        self.assertIn("web: running\nid: vm-", shown)
        self.assertIn("cluster: north", shown)
        self.assertEqual(anna.say("stop web"), "stop web: done")
        self.assertIn("web  stopped", anna.say("list"))
        self.assertEqual(anna.say("snapshot web early"), "snapshot web: done")
        self.assertIn("\nsnapshot: early", anna.say("show web"))
        self.assertEqual(anna.say("revert web early"), "revert web: done")
        self.assertIn("no snapshot", anna.say("revert web late"))
        self.cloud.cli("tenant", "set-quota", "acme", "--vms", "7")
        self.addCleanup(self.cloud.cli, "tenant", "set-quota", "acme", "--vms", "0")
        self.assertEqual(anna.say("quota").splitlines()[:2], ["VMs: 1 of 7", "CPUs: 1"])
        self.assertEqual(anna.say("start web"), "start web: done")
        newest = anna.say("operations").splitlines()
        self.assertEqual(anna.say(f"why {newest[0].split()[-1]}"), "start web: done")
        self.assertRegex(newest[0], r"^start web  succeeded  op-\w+$")
        self.assertEqual(anna.say(f"operation {newest[0].split()[-1]}"), "start web: done")
        self.assertIn("empty", anna.say("images"))
        self.assertIn("nano  1 CPUs", anna.say("shapes"))
        self.assertRegex(anna.say("whoami"), "^Tenant acme, by the token anna-chat, which may act "
                         r"until \d{4}-\d\d-\d\d \d\d:\d\d UTC$")
        self.assertIn("confirm web", anna.say("delete web"))
        self.assertEqual(len(self.vms()), 1)
        self.assertEqual(anna.say("confirm web"), "delete web: done")
        self.assertEqual(self.vms(), [])
        self.assertIn("nothing to confirm", anna.say("confirm web"))
        self.assertIn(("vm-create", "anna-chat"), [(row["what"], row.get("token")) for row in
                                                   self.get("/v1/audit")["items"]])

    def test_a_vm_that_took_the_name_meanwhile_is_not_deleted_by_the_confirmation(self):
        anna = self.link("anna")
        self.create("web", wait=60)
        anna.say("delete web")
        self.act("web", "delete")
        self.create("web", wait=60)
        self.assertIn("What to do", anna.say("confirm web"))
        self.assertEqual(len(self.vms()), 1)

    def test_what_is_wrong_is_said_and_changes_nothing(self):
        anna = self.link("anna")
        for line, words in (("make web", "Write: help"), ("create web nano", "Write: create NAME"),
                            ("create We_b nano empty", "new "),
                            ("create web giant empty", "giant"),
                            ("create web nano empty <b/>", "Write: create NAME"),
                            ("show ../tenants", "vm "), ("show nobody", "What to do"),
                            ("stop", "Write: stop NAME"), ("x" * 3000, "Write: help"),
                            ("list everything", "Write: list")):
            self.assertIn(words, anna.say(line), line)
        self.assertEqual(self.vms(), [])
        self.assertIn("delete NAME - Deletes a VM", anna.say("help"))

    def test_commands_with_forms_do_what_lines_do(self):
        anna = self.link("anna")
        self.assertEqual(anna.commands(), sorted(
            "create delete images list operation operations quota reboot revert shapes show "
            "shutdown snapshot start stop whoami".split()))
        form = anna.command("create")
        self.assertEqual(list(form), ["new", "shape", "image", "network", "key", "ssh-key"])
        self.assertIn("nano", form["shape"])
        self.assertEqual(form["image"], ["empty"])
        self.assertEqual(anna.cancel("create"), "canceled")
        wish = {"new": "web", "shape": "nano", "image": "empty"}
        self.assertIn("image is missing", anna.command("create", {**wish, "image": ""}))
        self.assertEqual(anna.command("create", wish), "define web: done")
        self.assertEqual(anna.command("list"), "web  running  nano  empty")
        self.assertEqual(anna.command("show"), {"vm": ["web"]})
        self.assertIn("web: running", anna.command("show", {"vm": "web"}))
        self.assertIn("nothing is deleted", anna.command("delete", {"vm": "web", "again": "wet"}))
        self.assertEqual(anna.command("delete", {"vm": "web", "again": "web"}),
                         "delete web: done")
        self.assertEqual(self.vms(), [])
        self.assertEqual(anna.command("destroy"), "item-not-found")

    def test_an_ssh_key_reaches_the_vm_and_no_token_the_chat_or_the_log(self):
        anna = self.link("anna")
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g me"
        self.assertEqual(anna.say(f"create web nano empty {key}"), "define web: done")
        self.assertIn("ssh", anna.say("create wet nano empty ssh-ed25519 AAAA"))
        token = self.links()[0]["token"]
        self.assertGreater(len(token), 40)
        for path in (self.server.traffic_file, self.log_file):
            self.assertNotIn(token, read(path))
        self.assertIn(key, read(self.server.traffic_file))
        state = f"{self.bot_folder}/state"
        self.assertEqual(stat.S_IMODE(os.stat(f"{state}/links.json").st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(state).st_mode), 0o700)

    def test_links_outlive_a_crash_and_what_was_written_meanwhile_is_not_done(self):
        anna = self.link("anna")
        self.bot.kill()
        self.bot.wait(WAIT_SECONDS)
        anna.await_absence(BOT)
        anna.tell("create web nano empty")
        self.start()
        self.assertEqual(anna.heard.get(timeout=WAIT_SECONDS),
                         "I was away when you wrote: write it again.")
        self.assertEqual(anna.say("list"), "You have no VMs.")

    def test_a_lost_server_is_come_back_to(self):
        self.link("anna")
        self.clients.pop("anna")
        self.server.kill()
        wait_until(lambda: "event=disconnected" in read(self.log_file), "the bot notices")
        came = self.arrivals()
        self.server.start()
        self.await_bot(came)
        self.assertEqual(self.client("anna").say("list"), "You have no VMs.")

    def test_a_manager_that_is_away_is_said_to_be(self):
        anna = self.link("anna")
        self.front.is_away = True
        self.addCleanup(setattr, self.front, "is_away", False)
        self.assertIn("does not answer now", anna.say("list"))
        self.assertIn("look whether it was done", anna.say("create web nano empty"))
        self.front.is_away = False
        self.assertEqual(anna.say("list"), "You have no VMs.")


class Rights(ChatCase):
    def test_strangers_get_a_sentence_a_few_times_and_nothing_else(self):
        mallory = self.client("mallory")
        self.create("web", wait=60)
        self.assertEqual(mallory.commands(), [])
        for node in ("list", "create", "nothing"):
            self.assertEqual(mallory.command(node), "forbidden")
        said = [mallory.say(line) for line in ("list", "delete web", "confirm web", "help",
                                               "show web", "x" * 3000)]
        self.assertEqual(set(said), {UNKNOWN})
        mallory.tell("link")
        mallory.ping()
        anna = self.link("anna")
        self.assertEqual(len(anna.say("list").splitlines()), 1)
        self.assertTrue(mallory.heard.empty())
        self.assertEqual([vm["name"] for vm in self.vms()], ["web"])
        self.assertNotIn("mallory", json.dumps(self.links()))

    def test_a_code_is_good_once_and_for_the_address_that_asked_for_it(self):
        anna, bert = self.client("anna"), self.client("bert")
        mine, other = anna.say("link"), bert.say("link")
        answer = self.answer_to(mine, "anna-chat", "act")
        self.assertIn("answers no code that is good", bert.say(answer))
        self.assertIn("linked to tenant acme", anna.say(answer))
        self.assertIn("answers no code that is good", anna.say(answer))
        self.assertEqual([link["jid"] for link in self.links()], [f"anna@{DOMAIN}"])
        for _ in range(2):
            self.assertIn("answers no code", bert.say("link AAAA"))
        late = self.answer_to(other, "bert-chat", "act")
        self.assertIn("answers no code", bert.say(late))  # three tries had it

    def test_a_code_ends_with_the_program(self):
        anna = self.client("anna")
        answer = self.answer_to(anna.say("link"), "anna-chat", "act")
        self.stop()
        self.start()
        self.assertIn("answers no code that is good", anna.say(answer))
        self.assertEqual(self.links(), [])

    def test_who_may_look_only_cannot_act_by_any_way(self):
        self.create("web", wait=60)
        anna = self.link("anna", "look")
        self.assertEqual(anna.say("list"), "web  running  nano  empty")
        for line in ("stop web", "delete web", "confirm web", "create wet nano empty"):
            self.assertIn("may look only", anna.say(line))
        self.assertEqual(anna.commands(), sorted("images list operation operations quota shapes "
                                                 "show whoami".split()))
        self.assertIn("may look only", anna.command("stop", {"vm": "web"}))
        self.assertNotIn("stop", anna.say("help"))
        self.assertEqual([vm["state"] for vm in self.vms()], ["running"])
        links = self.links()  # the manager itself knows better than this file
        self.stop()
        write(f"{self.bot_folder}/state/links.json",
              json.dumps({"links": [{**links[0], "rights": "act"}]}), 0o600)
        self.start()
        self.assertIn("this needs one with 'act'", anna.say("stop web"))
        self.assertEqual([vm["state"] for vm in self.vms()], ["running"])

    def test_a_revoked_token_ends_its_link_with_words(self):
        anna = self.link("anna")
        self.cloud.cli("access-token", "revoke", "anna-chat", token_file=self.token_file)
        self.assertIn("Your link has ended", anna.say("list"))
        self.assertEqual(anna.say("list"), UNKNOWN)
        self.assertEqual(self.links(), [])
        self.assertEqual(anna.commands(), [])
        self.link("anna")
        self.assertIn("access-token revoke anna-chat", anna.say("unlink"))
        self.assertEqual((anna.say("list"), self.links()), (UNKNOWN, []))

    def test_tokens_that_may_all_and_operators_are_not_taken(self):
        anna = self.client("anna")
        code = re.search(r"chat link chat (\S+)", anna.say("link")).group(1)
        refused = self.cloud.cli("chat", "link", "x", code, "--rights", "all",
                                 token_file=self.token_file, check=False)
        self.assertEqual((refused.code, refused.out), (2, ""))
        wrong = self.cloud.cli("chat", "link", "x", "AAAA", "--rights", "act",
                               token_file=self.token_file, check=False)
        self.assertEqual((wrong.code, wrong.out), (2, ""))
        self.assertIn("no code to link a chat by", wrong.err)
        self.assertEqual([row["name"] for row in self.get("/v1/access-tokens")["items"]],
                         ["first"])
        operator = self.cloud.cli("chat", "link", "op", code, "--rights", "look")
        self.addCleanup(self.cloud.cli, "access-token", "revoke", "op")
        self.assertIn("operators are not taken", anna.say(operator.out.strip()))
        self.assertEqual(self.links(), [])

    def test_the_operator_bounds_what_links_may_and_whose_they_are(self):
        anna = self.link("anna")
        self.create("web", wait=60)
        self.stop()
        self.start(deletes="no")
        self.assertIn("not deleted from here", anna.say("delete web"))
        self.assertIn("not deleted from here", anna.command("delete", {"vm": "web"}))
        self.stop()
        self.start(rights="look", domains="elsewhere.test")
        self.assertIn("may look only", anna.say("stop web"))
        mallory = self.client("mallory")
        for line in ("hello", "link"):
            mallory.tell(line)
        mallory.ping()
        self.assertEqual(anna.say("list"), "web  running  nano  empty")
        self.assertTrue(mallory.heard.empty())

    def test_one_address_has_one_thing_under_way_and_so_many_lines_a_minute(self):
        anna, bert = self.link("anna"), self.link("bert")
        self.front.passes.clear()
        self.addCleanup(self.front.passes.set)
        for _ in range(40):
            anna.tell("list")
        anna.ping()
        said = [anna.heard.get_nowait() for _ in range(anna.heard.qsize())]
        self.assertEqual(set(said), {"I am still at what you asked before: wait for its answer."})
        self.assertEqual(len(said), 29)
        self.assertIn("You can write", bert.say("help"))
        bert.tell("list")
        self.front.passes.set()
        for client in (anna, bert):
            self.assertEqual(client.heard.get(timeout=WAIT_SECONDS), "You have no VMs.")

    def test_a_manager_with_another_certificate_is_told_no_token(self):
        anna = self.link("anna")
        self.stop()
        self.start(manager={"ca_file": self.server.ca_file})
        self.assertIn("does not answer now", anna.say("list"))


class Terminal:
    """A program in a terminal of its own: what is typed, and what it has drawn so far, as text."""

    def __init__(self, program, environment):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execve(program, [program], environment)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.drawn = b""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        try:
            while piece := os.read(self.fd, 65536):
                self.drawn += piece
        except OSError:
            pass  # it has ended

    def text(self):
        return re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()].|[=>])", "",
                      self.drawn.decode(errors="replace"))

    def await_text(self, words):
        wait_until(lambda: words in self.text(), f"the terminal shows {words}: {self.text()}")

    def type(self, line):
        os.write(self.fd, f"{line}\r".encode())

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.reader.join()
        os.close(self.fd)


class StockClient(ChatCase):
    """What is typed into profanity is looked for where it has to come to: the server's trace, the
    manager. So nothing is waited for by the clock."""

    def setUp(self):
        super().setUp()
        home = f"{self.bot_folder}/home"
        os.makedirs(home)
        self.terminal = Terminal("/usr/bin/profanity", {
            "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "TERM": "xterm",
            "LANG": "C.UTF-8", "PATH": os.environ["PATH"]})
        self.addCleanup(self.terminal.close)
        self.terminal.await_text("Profanity")

    def traffic(self, words):
        """The first match in what the server has carried."""
        wait_until(lambda: re.search(words, read(self.server.traffic_file)),
                   f"the server carries {words}; the terminal: {self.terminal.text()[-3000:]}")
        return re.search(words, read(self.server.traffic_file))

    def await_vms(self, *states):
        wait_until(lambda: tuple(vm["state"] for vm in self.vms()) == states,
                   f"VMs are {states}; the terminal: {self.terminal.text()[-3000:]}")

    def test_profanity_links_lists_makes_and_deletes(self):
        terminal, bot = self.terminal, BOT.partition("/")[0]
        terminal.type(f"/connect carl@{DOMAIN} server 127.0.0.1 port {self.server.port} tls trust")
        terminal.await_text("Enter password")
        terminal.type("carl-secret")
        self.traffic(f"presence[^>]*carl@{DOMAIN}/")
        terminal.type(f"/msg {bot} link")
        told = self.traffic(r"isthmus chat link chat \S+ --rights").group(0)
        terminal.type(f"/msg {bot} {self.answer_to(told, 'carl-chat', 'act')}")
        wait_until(self.links, "carl is linked")
        terminal.type(f"/msg {bot} create web nano empty")
        self.await_vms("running")
        self.traffic("define web: done")
        terminal.type(f"/msg {bot} list")
        self.traffic("web  running  nano  empty")
        terminal.await_text("web  running  nano  empty")
        terminal.type(f"/cmd exec delete {BOT}")
        self.traffic("The same name once more, to confirm")
        terminal.await_text("The same name once more")
        for line in ("/field1 web", "/field2 web", "/form submit"):
            terminal.type(line)
        self.traffic("delete web: done")
        self.assertEqual(self.vms(), [])
        terminal.type(f"/cmd exec create {BOT}")
        self.traffic("Name of the new VM")
        terminal.await_text("Name of the new VM")
        for line in ("/field1 wet", "/field2 nano", "/field3 empty", "/form submit"):
            terminal.type(line)
        self.await_vms("running")


class Program(ChatCase):
    def check(self):
        return subprocess.run([f"{BUILD}/src/main/isthmus-xmpp", "--config",
                               f"{self.bot_folder}/xmpp.conf", "--check"], capture_output=True,
                              text=True, check=False, timeout=WAIT_SECONDS)

    def test_check_says_what_is_wrong(self):
        self.link("anna")
        self.stop()
        done = self.check()
        self.assertEqual((done.returncode, done.stdout), (0, f"isthmus-xmpp: {self.bot_folder}/"
                                                             "xmpp.conf is good; 1 addresses are "
                                                             "linked\n"))
        for wrong, words in (({"manager": {"url": "http://cloud.example:80"}}, "https://"),
                             ({"rights": "all"}, "rights"),
                             ({"manager": {"ca_file": "/nowhere"}}, "/nowhere")):
            self.write_config(**wrong)
            done = self.check()
            self.assertEqual(done.returncode, 2, wrong)
            self.assertIn(words, done.stderr)
        self.write_config()
        write(f"{self.bot_folder}/state/links.json", "{}x", 0o600)
        done = self.check()
        self.assertEqual(done.returncode, 2)
        self.assertIn("links.json", done.stderr)


if __name__ == "__main__":
    unittest.main()
