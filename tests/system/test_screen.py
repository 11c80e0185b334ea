#!/usr/bin/env python3
"""A VM's screen and keyboard, from its guest up to a VNC viewer of its tenant's, and to nobody
else's."""
import os
import re
import select
import signal
import socket
import stat
import sys
import unittest

import rfb
from cloud_case import read, wait_until
from stream_case import StreamCase

HERE = os.path.dirname(os.path.abspath(__file__))


class Screen(StreamCase):
    clusters = {"north": ["north-inner"], "north-inner": ["zebra"]}
    options = {"driver": "qemu", "streams": True}

    def setUp(self):
        self.vm_id = self.run_guest()

    def screen(self, *options, **environment):
        """Where the command leads a viewer, and the command."""
        process = self.command("screen", "web", *options, env={
            **os.environ, **self.cloud.environment(self.token_file), **environment})
        if not select.select([process.stdout], [], [], 60)[0]:
            self.fail("the command does not listen")
        line = process.stdout.readline()
        self.assertIn(" leads to the screen of web, until this is ended", line)
        return line.split()[0], process

    def view(self, address):
        """A viewer that is through, once all on the way are there and have room."""
        viewers = []

        def is_through():
            try:
                viewers.append(rfb.connect(address))
            except (EOFError, ConnectionError):
                return False
            self.addCleanup(viewers[-1].link.close)
            return True
        wait_until(is_through, "a viewer through all managers", 120)
        return viewers[-1]

    def test_a_screen_is_its_tenants_as_long_as_all_owners_let_it(self):
        self.join_console()
        address, command = self.screen()
        self.assert_mine(address, command)
        viewer = self.view(address)
        self.assertEqual(viewer.name, f"QEMU (isthmus-{self.vm_id})")
        self.show(viewer)
        self.type(viewer)
        self.watch_together(viewer, address)
        self.keep_tickets_apart()
        self.keep_strangers_out()
        self.open_viewers()
        self.end_with_its_vm(viewer, address, command)
        self.forbid(self.view(address))
        command.terminate()
        self.assertEqual(command.wait(60), 0)
        self.assertFalse(os.path.exists(os.path.dirname(address)))
        self.assert_not_kept_above("zebra")

    def assert_mine(self, address, command):
        """Nobody but this user reaches it; and the next line is what to run."""
        mode = os.stat(address).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(address)).st_mode), 0o700)
        self.assertEqual(command.stdout.readline(), f"vncviewer -Shared {address}\n")

    def show(self, viewer):
        """What the guest shows is seen."""
        before = viewer.picture()
        self.assertGreater(len(before), 4 * 100 * 100)
        self.shell("echo a-line-of-the-guests >/dev/tty1; echo $((6*7))-shown", "42-shown")

        def has_changed():
            after = viewer.picture()
            return after != before and len(set(after)) > 1
        wait_until(has_changed, "a screen with something on it", 60)

    def type(self, viewer):
        """What is typed there is heard in the guest, by the keyboard that the screen has."""
        self.shell("exec 4</dev/tty1; echo $((6*7+1))-reads", "43-reads")
        viewer.type("typed")
        self.shell("echo it-was-$(head -n 1 <&4)", "it-was-typed")

    def watch_together(self, viewer, address):
        """Several look at a time, and one leaves."""
        other = self.view(address)
        self.assertGreater(len(set(other.picture())), 1)
        other.link.close()
        self.assertGreater(len(set(viewer.picture())), 1)

    def keep_tickets_apart(self):
        """A ticket leads where it was asked for."""
        ticket = self.ask("POST", "/v1/vms/web/screen").json()
        joined = self.join_plainly(ticket, self.token_file)
        self.assertEqual(joined.status, 200)
        self.assertEqual(joined.read(12), b"RFB 003.008\n")
        said = self.shell("echo $((6*8))-console", "48-console")
        self.assertNotIn(b"RFB", said)

    def keep_strangers_out(self):
        stranger = self.cloud.tenant("stranger")
        answer = self.ask("POST", "/v1/vms/web/screen", token=read(stranger).strip())
        self.assertEqual(answer.status, 404)
        ticket = self.ask("POST", "/v1/vms/web/screen").json()
        self.assertEqual(self.join_plainly(ticket, stranger).status, 403)
        self.assertEqual([row["code"] for row in self.rows("vm-screen", stranger)], ["not-found"])
        self.assertEqual([row["code"] for row in self.rows("stream-join", stranger)],
                         ["forbidden"])
        self.assertIn("ok", [row["code"] for row in self.rows("vm-screen")])
        wrong = self.vm("screen", "no-such", check=False)
        self.assertEqual(wrong.code, 1)
        self.assertIn("no-such", wrong.err)

    def open_viewers(self):
        """The one that is there is run with where to go, and its end is the command's."""
        with open(f"{self.folder.name}/vncviewer", "w") as script:
            script.write(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {HERE!r})\n"
                         "import rfb\naddress = sys.argv[-1]\n"
                         "port = address.startswith('127.0.0.1::') and int(address[11:])\n"
                         f"viewer = rfb.connect(port or address)\n"
                         f"open({self.folder.name + '/seen'!r}, 'a').write(\n"
                         "    f'{sys.argv[1]} {address} {viewer.name}\\n')\n")
        os.chmod(f"{self.folder.name}/vncviewer", 0o755)
        path = f"{self.folder.name}:{os.environ['PATH']}"
        name = f"QEMU (isthmus-{self.vm_id})"
        for options in (("--open",), ("--open", "--port", "0")):
            address, process = self.screen(*options, PATH=path)
            self.assertEqual(process.wait(120), 0, process.stderr.read())
            self.assertEqual(read(f"{self.folder.name}/seen").splitlines()[-1],
                             f"-Shared {address} {name}")
        self.assertRegex(address, r"^127\.0\.0\.1::\d+$")
        missing = self.command("screen", "web", "--open", env={
            **os.environ, **self.cloud.environment(self.token_file), "PATH": "/nowhere"})
        self.assertEqual(missing.wait(60), 1)
        self.assertIn("install TigerVNC's", missing.stderr.read())

    def end_with_its_vm(self, viewer, address, command):
        self.assertEqual(self.act("web", "stop", 60)["code"], "ok")
        self.assert_cut(viewer)
        words = "web does not run any more, it is stopped"
        said = []

        def is_told():
            if select.select([command.stderr], [], [], 0)[0]:
                said.append(os.read(command.stderr.fileno(), 4096).decode())
            return words in "".join(said)
        wait_until(is_told, words)
        self.assertEqual(self.ask("POST", "/v1/vms/web/screen").json()["code"], "bad-state")
        self.assertEqual(self.act("web", "start", 60)["code"], "ok")

    def forbid(self, viewer):
        """The owner in the middle; consoles are another word of theirs."""
        self.owner("permission", "set", "cloud", "--views", "console")
        self.assert_cut(viewer)
        answer = self.ask("POST", "/v1/vms/web/screen")
        self.assertEqual((answer.status, answer.json()["code"]), (403, "not-allowed"))
        self.assertIn("its cluster's owner does not let screens be seen", answer.out)
        self.join_console()
        self.owner("permission", "set", "cloud", "--views", "screen")
        self.assertEqual(self.ask("POST", "/v1/vms/web/console").json()["code"], "not-allowed")
        self.assertEqual(self.ask("POST", "/v1/vms/web/screen").status, 201)
        self.owner("permission", "reset", "cloud")

    def assert_cut(self, viewer):
        viewer.link.settimeout(60)
        try:
            while viewer.link.recv(4096):
                pass
        except ConnectionError:  # closed before what was sent had been read
            pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
