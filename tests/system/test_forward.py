#!/usr/bin/env python3
"""TCP ports of a guest, from its bridge through all managers to its tenant's machine; and which are
not reached."""
import json
import os
import re
import select
import socket
import subprocess
import unittest
import urllib.request

from cloud_case import BOOT_SECONDS, CloudCase, guest_image, read, wait_until
from host_case import leak_check_gave_up
from lan import DhcpServer, enter_network

USER_DATA = "#cloud-config\nwith-ports\n"


class Forward(CloudCase):
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
        made = self.create(image="tiny", shape="small", wait=60, networks="lan",
                           user_data=USER_DATA)
        self.assertEqual(made["code"], "ok", made)
        self.vm_id = made["vm"]

    def command(self, *words, **more):
        process = subprocess.Popen(
            [f"{self.cloud.build}/src/cli/isthmus", "vm", *words], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **self.cloud.environment(self.token_file)}, **more)
        for stream in (process.stdout, process.stderr, process.stdin):
            if stream:
                self.addCleanup(stream.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def forward(self, port):
        """A port of this machine that leads there, once the command listens."""
        process = self.command("forward", "web", f"0:{port}")
        if not select.select([process.stdout], [], [], 60)[0]:
            self.fail("the command does not listen")
        return int(re.match(r"127\.0\.0\.1:(\d+) ", process.stdout.readline()).group(1))

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
        self.log_in()
        self.forbid(links[1])
        self.assert_not_kept_above("zebra")

    def refuse(self):
        self.assertEqual(self.code_of(8), "guest-ignored")
        self.assertEqual(self.ask("POST", "/v1/vms/web/forward", {"port": 0}).status, 400)
        stranger = self.cloud.tenant("stranger")
        self.assertEqual(self.ask("POST", "/v1/vms/web/forward", {"port": 7},
                                  token=read(stranger).strip()).status, 404)

    def log_in(self):
        """Stock ssh gets as far as the server's greeting, and knows the VM by its id."""
        done = self.command("ssh", "nobody@web", "--", "-v", "-oBatchMode=yes",
                            "-oConnectTimeout=60", stdin=subprocess.DEVNULL)
        said = done.communicate(timeout=120)[1]
        self.assertIn("remote software version guest", said)
        self.assertIn(f"isthmus-{self.vm_id}", said)

    def forbid(self, link):
        self.owner("permission", "set", "cloud", "--views", "console")
        link.settimeout(60)
        self.assertEqual(link.recv(1), b"", "it is cut")
        answer = self.ask("POST", "/v1/vms/web/forward", {"port": 7})
        self.assertEqual((answer.status, answer.json()["code"]), (403, "not-allowed"))
        self.owner("permission", "reset", "cloud")
        rows = json.loads(self.cloud.cli("audit", "-o", "json", "--limit", "100",
                                         token_file=self.token_file).out)["items"]
        self.assertTrue({"vm-forward", "stream-join", "stream-end"} <=
                        {row["what"] for row in rows})


if __name__ == "__main__":
    unittest.main(verbosity=2)
