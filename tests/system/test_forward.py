#!/usr/bin/env python3
"""TCP ports of a guest, from its bridge through all managers to its tenant's machine; and which are
not reached."""
import os
import re
import select
import socket
import subprocess
import unittest
import urllib.request

from cloud_case import BOOT_SECONDS, guest_image, read, wait_until
from host_case import leak_check_gave_up
from lan import DhcpServer, enter_network
from stream_case import StreamCase

USER_DATA = "#cloud-config\nwith-ports\n"


class Forward(StreamCase):
    clusters = {"north": ["north-inner"], "north-inner": ["zebra"]}
    options = {"driver": "qemu", "streams": True, "networks": ["lan"],
               "host_networks": {"zebra": {"lan": "br0"}}}

    agent = 0  # its process

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(lambda: leak_check_gave_up(cls.agent))  # after the cloud's end
        guest_image()  # made with the whole network at hand
        enter_network()
        super().setUpClass()
        cls.server = DhcpServer()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        type(self).agent = self.cloud.agents["zebra"].pid()
        self.import_image("tiny", guest_image())
        self.key = self.make_key("mine")
        self.forwards, self.said_by = {}, {}  # by the guest's port
        made = self.create(image="tiny", shape="small", wait=60, networks="lan",
                           user_data=USER_DATA, ssh_public_keys=read(f"{self.key}.pub"))
        self.assertEqual(made["code"], "ok", made)
        self.vm_id = made["vm"]

    def forward(self, port):
        """A port of this machine that leads there, once the command listens."""
        process = self.command("forward", "web", f"0:{port}")
        self.said_by[port], self.forwards[port] = b"", process
        if not select.select([process.stdout], [], [], 60)[0]:
            self.fail("the command does not listen")
        return int(re.match(r"127\.0\.0\.1:(\d+) ", process.stdout.readline()).group(1))

    def has_said(self, port, words):
        """The command that leads there, on its standard error."""
        source = self.forwards[port].stderr.fileno()
        while select.select([source], [], [], 0)[0] and (piece := os.read(source, 4096)):
            self.said_by[port] += piece
        return words in self.said_by[port].decode()

    def code_of(self, port):
        """Of an answer that is not for want of time."""
        answers = []

        def is_answered():
            answers[:] = [self.ask("POST", "/v1/vms/web/forward", {"port": port})]
            return answers[0].status == 201 or answers[0].json()["code"] != "unreachable"
        wait_until(is_answered, f"an answer about port {port}", 120)
        return "ok" if answers[0].status == 201 else answers[0].json()["code"]

    def await_guest(self):
        """Until it listens, and the host has heard it."""
        wait_until(lambda: self.code_of(7) == "ok", "the guest's port 7", BOOT_SECONDS)

    def echo(self, link, line):
        """What comes back, until the link is cut."""
        said = b""
        try:
            link.sendall(line)
            while len(said) < len(line) and (piece := link.recv(4096)):
                said += piece
        except ConnectionError:  # closed before what was sent had been read
            pass
        return said

    def connect(self, port):
        """One that is through, once streams that were not used have made room."""
        links = []

        def is_through():
            link = socket.create_connection(("127.0.0.1", port), 60)
            links.append(link)
            self.addCleanup(link.close)
            return self.echo(link, b"who is there\n") == b"who is there\n"
        wait_until(is_through, "a connection through all managers", 120)
        return links[-1]

    def test_a_guests_ports_are_its_tenants_as_long_as_all_owners_let_it(self):
        self.await_guest()
        port = self.forward(7)
        links = [self.connect(port) for _ in range(3)]
        for number, link in enumerate(links):
            line = b"%d" % number * 50000 + b"\n"
            self.assertEqual(self.echo(link, line), line)
        links[0].close()
        self.assertEqual(self.echo(links[1], b"still here\n"), b"still here\n")
        page = self.forward(80)
        with urllib.request.urlopen(f"http://127.0.0.1:{page}/", timeout=60) as answer:
            self.assertEqual(answer.read(), b"a page of the guest's\n")
        self.refuse()
        self.stop_listening()
        self.log_in()
        self.end_with_its_vm(links[1])
        self.forbid(self.connect(port))
        self.assert_not_kept_above("zebra")

    def refuse(self):
        self.assertEqual(self.code_of(8), "guest-ignored")
        self.assertEqual(self.ask("POST", "/v1/vms/web/forward", {"port": 0}).status, 400)
        stranger = self.cloud.tenant("stranger")
        self.assertEqual(self.ask("POST", "/v1/vms/web/forward", {"port": 7},
                                  token=read(stranger).strip()).status, 404)

    def stop_listening(self):
        """What ssh runs ends with ssh, also where nobody tells it that, as after nohup."""
        pipe = self.command("forward", "web", ":7", stdin=subprocess.PIPE)
        pipe.stdin.write("heard\n")
        pipe.stdin.flush()
        self.assertEqual(pipe.stdout.readline(), "heard\n")
        pipe.stdout.close()
        self.assertEqual(pipe.wait(60), 0)
        pipe.stdin.close()

    def make_key(self, name):
        path = f"{self.folder.name}/{name}"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        return path

    def ssh_process(self, key, *words, stdin=subprocess.DEVNULL):
        """Stock ssh with that key alone."""
        known = f"{self.folder.name}/known_hosts"
        return self.command("ssh", "root@web", "--", "-i", key, "-oIdentitiesOnly=yes",
                            "-oBatchMode=yes", "-oHashKnownHosts=no",
                            "-oStrictHostKeyChecking=accept-new",
                            f"-oUserKnownHostsFile={known}", "-oConnectTimeout=120", *words,
                            stdin=stdin)

    def ssh(self, key, *words):
        """How it ended, what it got, what it said."""
        done = self.ssh_process(key, *words)
        out, said = done.communicate(timeout=300)
        return done.returncode, out, said

    def log_in(self):
        """A command runs in the guest, by its tenant's key and by no other; its own is kept by the
        VM's id."""
        code, out, said = self.ssh(self.key, "echo", "hello", "$(hostname)")
        self.assertEqual((code, out), (0, "hello web\n"), said)
        self.assertIn(f"isthmus-{self.vm_id} ssh-", read(f"{self.folder.name}/known_hosts"))
        code, out, said = self.ssh(self.make_key("strange"), "echo", "hello")
        self.assertEqual((code, out), (255, ""), said)
        self.assertIn("Permission denied", said)

    def end_with_its_vm(self, link):
        """A guest that is stopped says nothing to who is connected: its managers do."""
        held = self.hold_ssh()
        self.assertEqual(self.act("web", "stop", 60)["code"], "ok")
        link.settimeout(60)  # far below the minutes in which a connection is missed
        self.assertEqual(link.recv(1), b"")
        words = "web does not run any more, it is stopped"
        self.assertIn(words, held.communicate(timeout=60)[1])
        self.assertNotEqual(held.returncode, 0)
        wait_until(lambda: self.has_said(7, words), "it is told why the connection has ended")
        self.assertEqual(self.code_of(7), "bad-state")
        self.assertEqual(self.act("web", "start", 60)["code"], "ok")
        self.await_guest()

    def hold_ssh(self):
        """One that is in, and stays."""
        held = self.ssh_process(self.key, "echo in; cat", stdin=subprocess.PIPE)
        self.assertTrue(select.select([held.stdout], [], [], 300)[0])
        self.assertEqual(held.stdout.readline(), "in\n")
        return held

    def forbid(self, link):
        self.owner("permission", "set", "cloud", "--views", "console")
        link.settimeout(60)
        self.assertEqual(link.recv(1), b"", "it is cut")
        answer = self.ask("POST", "/v1/vms/web/forward", {"port": 7})
        self.assertEqual((answer.status, answer.json()["code"]), (403, "not-allowed"))
        self.owner("permission", "reset", "cloud")
        for what in ("vm-forward", "stream-join", "stream-end"):
            self.assertTrue(self.rows(what), what)


if __name__ == "__main__":
    unittest.main(verbosity=2)
