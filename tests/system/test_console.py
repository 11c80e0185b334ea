#!/usr/bin/env python3
"""A VM's console, from its guest's shell up to its tenant's terminal, and to nobody else."""
import base64
import hashlib
import json
import os
import pty
import select
import socket
import ssl
import unittest

from cloud_case import read, wait_until
from stream_case import StreamCase


class ConsoleCase(StreamCase):
    clusters = {"north": ["north-inner"], "north-inner": ["zebra"]}
    options = {"driver": "qemu", "streams": True}

    def setUp(self):
        self.vm_id = self.run_guest()

    def join(self):
        """The command in a terminal of its own; its other end, and the process."""
        ours, theirs = pty.openpty()
        viewer = self.command("console", "web", stdin=theirs, stdout=theirs)
        os.close(theirs)
        self.addCleanup(os.close, ours)
        return ours, viewer

    def type(self, terminal, line, answer):
        """What is said up to the answer."""
        os.write(terminal, line.encode() + b"\n")
        said = b""
        while answer.encode() not in said:
            if not select.select([terminal], [], [], 60)[0]:
                self.fail(f"{answer} was not said, but {said}")
            said += os.read(terminal, 4096)
        return said

    def converse(self, line, answer):
        """Once whoever had the console before has left it, and all on the way are there."""
        joined = []

        def tries():
            joined[:] = self.join()
            try:
                return self.type(joined[0], line, answer)
            except OSError:  # the command has ended
                return False
        wait_until(tries, f"a console that says {answer}", 120)
        return joined


class Console(ConsoleCase):
    def ticket(self, token=None):
        """One that nobody has used; whoever had the console before may still be leaving it."""
        given = []
        wait_until(lambda: given.append(self.ask("POST", "/v1/vms/web/console",
                                                 token=token or self.token)) or
                   given[-1].status == 201, "a ticket", 60)
        return given[-1].json()

    def come(self, ticket, token_file):
        """Like the command, with this token; what the first bytes of the answer's frame are."""
        host, port = ticket["url"].removeprefix("wss://").split(":")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        link = context.wrap_socket(socket.create_connection((host, int(port)), 30))
        self.addCleanup(link.close)
        link.sendall((f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                      f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                      f"Sec-WebSocket-Protocol: isthmus-stream, {ticket['ticket']}\r\n"
                      f"Authorization: Bearer {read(token_file).strip()}\r\n\r\n").encode())
        return link

    def assert_refused(self, link):
        said = b""
        while piece := link.recv(4096):
            said += piece
        head, _, frame = said.partition(b"\r\n\r\n")
        self.assertIn(b"101", head.splitlines()[0])
        self.assertEqual(frame[:1], b"\x88", "it is closed without a word")

    def test_a_console_is_its_tenants_as_long_as_all_owners_let_it(self):
        terminal, viewer = self.join()
        self.type(terminal, "echo $((6*7))-is-it", "42-is-it")
        self.assertIn("somebody has it", self.vm("console", "web", check=False).err)
        os.write(terminal, b"\x1d")
        self.assertEqual(viewer.wait(), 0)
        wait_until(lambda: len(self.rows("stream-end")) == 1, "its end is written down")
        self.replay_tickets()
        self.join_without_websockets()
        self.forbid()
        self.outlive()
        self.assert_not_kept_above("zebra")

    def replay_tickets(self):
        stranger = self.cloud.tenant("stranger")
        self.assertEqual(self.ask("POST", "/v1/vms/web/console",
                                  token=read(stranger).strip()).status, 404)
        ticket = self.ticket()
        self.assert_refused(self.come(ticket, stranger))
        self.assert_refused(self.come({**ticket, "ticket": "0" * 64}, self.token_file))
        link = self.come(ticket, self.token_file)
        self.assertIn(b"101 ", link.recv(4096))
        self.assert_refused(self.come(ticket, self.token_file))
        der = link.getpeercert(binary_form=True)
        self.assertNotIn(hashlib.sha256(der).hexdigest(), ticket["pin"], "it is of the key alone")
        link.close()
        wait_until(lambda: len(self.rows("stream-end")) == 2, "its end is written down")
        codes = [row["code"] for row in self.rows("stream-join")]
        self.assertEqual(sorted(codes), ["forbidden", "ok", "ok"], "refusals are gathered")
        codes = [row["code"] for row in self.rows("stream-join", stranger)]
        self.assertEqual(codes, ["forbidden"])

    def join_without_websockets(self):
        stranger = read(self.cloud.tenant("passer-by")).strip()
        ticket = self.ticket()
        thief = self.cloud.tenant("thief")
        refused = self.join_plainly(ticket, thief)
        self.assertEqual((refused.status, json.loads(refused.read())["code"]), (403, "forbidden"))
        joined = self.join_plainly(ticket, self.token_file)
        self.assertEqual(joined.status, 200)
        self.assertEqual(self.join_plainly(ticket, self.token_file).status, 403)
        self.assertEqual(self.type_plainly(joined, b"echo not-mine\n", stranger), 404)
        self.assertEqual(self.type_plainly(joined, b"echo $((7*6))-plainly\n"), 204)
        self.hear(joined, b"42-plainly")
        self.assertIn("somebody has it", self.vm("console", "web", check=False).err)
        before = len(self.rows("stream-end"))
        self.owner("permission", "set", "cloud", "--views", "log")
        joined.read()  # to its end
        self.assertEqual(self.type_plainly(joined, b"echo\n"), 404)
        self.owner("permission", "reset", "cloud")
        wait_until(lambda: len(self.rows("stream-end")) > before, "its end is written down")
        row = self.rows("stream-join")[0]
        self.assertEqual((row["from"], row["code"]), ("127.0.0.1", "ok"))
        self.assertEqual([row["code"] for row in self.rows("stream-join", thief)], ["forbidden"])
        lent = self.ask("POST", "/v1/access-tokens", {"name": "lent", "rights": "act"}).json()
        self.revoke_while_open(lent["token"])

    def revoke_while_open(self, token):
        path = f"{self.folder.name}/lent.token"
        with open(path, "w") as file:
            file.write(token)
        os.chmod(path, 0o600)
        joined = self.join_plainly(self.ticket(token), path)
        self.assertEqual(self.type_plainly(joined, b"echo $((8*6))-lent\n", token), 204)
        self.hear(joined, b"48-lent")
        self.ask("DELETE", "/v1/access-tokens/lent")
        joined.read()  # to its end
        self.assertEqual(self.type_plainly(joined, b"echo\n", token), 404)

    def forbid(self):
        """The owner in the middle."""
        _, viewer = self.converse("echo $((6*8))-is-it", "48-is-it")
        self.owner("permission", "set", "cloud", "--views", "log")
        self.assertEqual(viewer.wait(60), 0)
        answer = self.ask("POST", "/v1/vms/web/console")
        self.assertEqual((answer.status, answer.json()["code"]), (403, "not-allowed"))
        self.owner("permission", "reset", "cloud")

    def outlive(self):
        """Whoever dies on the way ends it; the VM does not notice, and another one is opened."""
        for name in ("zebra", "north-inner", "north"):
            _, viewer = self.converse(f"echo $((6*9))-{name}", f"54-{name}")
            self.cloud.daemon(name).kill()
            viewer.wait(60)
            self.cloud.daemon(name).start()
        self.converse("echo $((6*9))-again", "54-again")


if __name__ == "__main__":
    unittest.main(verbosity=2)
