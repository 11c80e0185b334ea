"""What the tests of streams to VMs have in common: the command beside them, streams that are joined
by the API alone, and what the audit has of them."""
import http.client
import json
import os
import subprocess

from cloud_case import BOOT_SECONDS, CloudCase, guest_image, read, wait_until


class StreamCase(CloudCase):
    def run_guest(self, **more):
        """The VM web, with more than the usual, once its guest is up; its id."""
        self.import_image("tiny", guest_image())
        made = self.create(image="tiny", shape="small", wait=60, **more)
        self.assertEqual(made["code"], "ok", made)
        wait_until(lambda: "ISTHMUS-GUEST ready" in self.vm("log", "web", check=False).out,
                   "the guest is up", BOOT_SECONDS)
        return made["vm"]

    def command(self, *words, **more):
        """`isthmus vm` with these words, until the test's end."""
        process = subprocess.Popen(
            [f"{self.cloud.build}/src/cli/isthmus", "vm", *words], text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               "env": {**os.environ, **self.cloud.environment(self.token_file)}, **more})
        for stream in (process.stdout, process.stderr, process.stdin):
            if stream:
                self.addCleanup(stream.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def join_plainly(self, ticket, token_file):
        """By the API alone, as the page does."""
        link = http.client.HTTPConnection("127.0.0.1", self.cloud.ports["upstream"], timeout=60)
        self.addCleanup(link.close)
        link.request("POST", "/v1/streams", json.dumps({"ticket": ticket["ticket"]}),
                     {"Authorization": f"Bearer {read(token_file).strip()}"})
        return link.getresponse()

    def type_plainly(self, joined, bytes_, token=None):
        return self.ask("POST", f"{joined.headers['Location']}/input", bytes_,
                        token=token or self.token).status

    def hear(self, joined, answer):
        said = b""
        while answer not in said:
            try:
                piece = joined.read1(4096)
            except TimeoutError:
                piece = b""
            self.assertTrue(piece, said)
            said += piece
        return said

    def join_console(self):
        """The guest's shell, which is beside the screen."""
        tickets = []
        wait_until(lambda: tickets.append(self.ask("POST", "/v1/vms/web/console")) or
                   tickets[-1].status == 201, "the console", 60)
        self.console = self.join_plainly(tickets[-1].json(), self.token_file)
        self.assertEqual(self.console.status, 200)

    def shell(self, line, answer):
        """What the guest says to a line, up to the answer."""
        self.assertEqual(self.type_plainly(self.console, line.encode() + b"\n"), 204)
        return self.hear(self.console, answer.encode())

    def rows(self, what, token_file=None):
        """The audit's, the newest first."""
        rows = json.loads(self.cloud.cli("audit", "-o", "json", "--limit", "100",
                                         token_file=token_file or self.token_file).out)
        return [row for row in rows.get("items", rows) if row["what"] == what]
