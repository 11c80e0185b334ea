#!/usr/bin/env python3
"""The command isthmus against a canned role: python3 test_command.py [TEST...]

ISTHMUS_BUILD names the build folder; default: build."""
import os
import pty
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from rest_face import COMMAND, ROOT, Case, archive, command


def read_all(terminal):
    """All that was written to a terminal whose other end is closed; it comes in pieces."""
    seen = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # EIO: the end, for a terminal
            return seen
        if not piece:
            return seen
        seen += piece


class Command(Case):
    def run_it(self, *arguments, code=0, **environment):
        done = command(f"http://127.0.0.1:{self.probe.port}", *arguments, **environment)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_a_vm_is_made_listed_shown_and_deleted(self):
        with tempfile.NamedTemporaryFile() as data:
            data.write(b"#cloud-config\n")
            data.flush()
            vm = self.run_it("vm", "create", "web", "--shape", "small", "--image", "tiny",
                             "--user-data", data.name, "-o", "name").stdout.strip()
        asked = self.probe.last_request()
        self.assertEqual((asked["start"], asked["data"]), ("1", "14"))
        self.assertGreaterEqual(len(asked["idempotency"]), 32)
        self.run_it("vm", "create", "off", "--shape", "small", "--image", "tiny", "--no-start",
                    "--key", "mine", "--deadline", "7")
        asked = self.probe.last_request()
        self.assertEqual((asked["start"], asked["idempotency"], asked["deadline"]),
                         ("0", "mine", "7000"))
        table = self.run_it("vm", "list").stdout.splitlines()
        self.assertEqual(len(table), 3)
        self.assertEqual(table[0].index("STATE"), table[1].index("running"))
        self.assertIn(vm, table[1])
        self.assertIn("512 MiB memory", self.run_it("vm", "show", "web").stdout)
        shown = self.run_it("vm", "show", "web", "-o", "json").stdout
        self.assertEqual(shown.encode(), self.ask("GET", "/v1/vms/web").body + b"\n")
        self.run_it("vm", "delete", "web", "--wait")
        self.assertEqual(self.probe.last_request()["verb"], "delete")

    def test_lists_follow_all_pages_and_stop_at_a_limit(self):
        for i in range(501):
            self.create(f"v{i}")
        names = self.run_it("vm", "list", "-o", "name").stdout.split()
        self.assertEqual(len(set(names)), 501)
        self.assertEqual(len(self.run_it("vm", "list", "-o", "name", "--limit", "3")
                             .stdout.split()), 3)

    def test_lists_show_the_rows_and_fields_that_are_asked_for(self):
        for name in ("web-1", "web-2", "db-1"):
            self.create(name)
        listed = self.run_it("vm", "list", "--name", "web-*", "--fields", "name,state").stdout
        rows = [line.split()[1:] for line in listed.splitlines()]
        self.assertEqual(rows, [["NAME", "STATE"], ["web-1", "running"], ["web-2", "running"]])
        self.assertEqual(self.run_it("vm", "list", "--state", "crashed", "-o", "name").stdout, "")
        body = self.ask("GET", "/v1/vms?name=*-1&fields=name").json
        self.assertEqual([sorted(item) for item in body["items"]], [["id", "name"]] * 2)
        self.assertIn("--fields", self.run_it("vm", "list", "--fields", "hosts", code=2).stderr)
        self.assertIn("stopped", self.run_it("vm", "list", "--state", "asleep", code=1).stderr)
        self.run_it("vm", "list", "--sort", "-created")
        self.assertIn("created", self.run_it("vm", "list", "--sort", "size", code=2).stderr)

    def test_several_vms_have_a_result_each(self):
        for name in ("a", "b", "slow-c"):
            self.create(name)
        done = self.run_it("vm", "stop", "a", "nobody", "b", code=1)
        self.assertEqual([line.split(":")[0] for line in done.stdout.splitlines()
                          if line.startswith("stop")], ["stop a", "stop b"])
        self.assertIn("isthmus: nobody: ", done.stderr)
        done = self.run_it("vm", "start", "slow-c", "a", "--wait")
        self.assertEqual(len(re.findall(r"^start \S+: done in", done.stdout, re.MULTILINE)), 2)
        self.assertIn("--key", self.run_it("vm", "stop", "a", "b", "--key", "x", code=2).stderr)
        done = self.run_it("tenant", "delete", "acme-2", "acme-3")
        self.assertEqual(done.stdout, "tenant acme-2: deleted\ntenant acme-3: deleted\n")

    def test_wait_tells_the_end_and_a_terminal_sees_it_live(self):
        making = ("--shape", "small", "--image", "tiny")
        done = self.run_it("vm", "create", "slow", *making, "--wait")
        self.assertIn("define slow: done", done.stdout)
        self.assertNotIn("\r", done.stderr)
        over = self.run_it("vm", "create", "never", *making, "--wait=1", code=1)
        self.assertIn("still under way", over.stderr)
        self.assertIn("isthmus op show op-", over.stderr)
        terminal, other = pty.openpty()
        process = subprocess.Popen([COMMAND, "vm", "create", "slow-2", *making, "--wait"],
                                   stderr=other, stdout=subprocess.PIPE,
                                   env={"ISTHMUS_SERVER": f"http://127.0.0.1:{self.probe.port}",
                                        "ISTHMUS_TOKEN": "operator-token"})
        out, _ = process.communicate(timeout=30)
        os.close(other)
        seen = read_all(terminal)
        os.close(terminal)
        self.assertEqual(process.returncode, 0)
        self.assertIn(b"define slow-2: preparing", seen)
        self.assertTrue(seen.endswith(b"\r\x1b[K"))
        self.assertIn(b"done", out)

    def test_refusals_say_what_to_do(self):
        making = ("--shape", "small", "--image", "tiny")
        done = self.run_it("vm", "create", "code-no-capacity", *making, code=1)
        self.assertRegex(done.stderr, "^isthmus: No cluster has room.*as you asked\n"
                                      "  what to do: choose a smaller shape")
        self.run_it("vm", "list", code=1, token="wrong")
        self.assertIn("ISTHMUS_TOKEN", self.run_it("vm", "list", code=2, token="").stderr)
        for arguments, words in ((("vm", "lst"), "did you mean: isthmus vm list"),
                                 (("bogus",), "isthmus --help"),
                                 (("vm", "show"), "too few"),
                                 (("vm", "show", "a", "b"), "too many"),
                                 (("vm", "list", "--shape", "x"), "--shape is not"),
                                 (("vm", "list", "--limit", "0"), "whole number"),
                                 (("vm", "list", "-o", "xml"), "table, json or name"),
                                 (("vm", "list", "--wrong"), "no option --wrong"),
                                 (("vm", "create", "web"), "--shape and --image"),
                                 (("vm", "create", "Web", *making), "a-z"),
                                 (("vm", "create", "w", *making, "--user-data", "/none"), "/none"),
                                 (("image", "import", "x", "/none"), "check the path"),
                                 (("image", "import", "x", "/tmp"), "tar -C /tmp -cf x.tar .")):
            self.assertIn(words, self.run_it(*arguments, code=2).stderr, arguments)
        gone = command("http://127.0.0.1:1", "vm", "list")
        self.assertEqual(gone.returncode, 3)
        self.assertIn("check", gone.stderr)
        other = command(f"http://127.0.0.1:{self.probe.serve_port}/x", "vm", "list")
        self.assertEqual(other.returncode, 1)

    def test_a_lost_answer_is_asked_for_again_with_the_same_key(self):
        listener = socket.create_server(("127.0.0.1", 0))
        heads = []

        def lose_one_answer():
            for lose in (True, False):
                client, _ = listener.accept()
                data = client.recv(65536)
                heads.append(re.search(rb"Idempotency-Key: (\S+)", data)[1])
                if not lose:
                    body = (b'{"id":"op-0000000001232raetnjs3kck7b","vm":'
                            b'"vm-0000000001232raetnjs3kck7a","verb":"define","state":"pending",'
                            b'"code":"ok","step":"accepted"}')
                    client.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n%s"
                                   % (len(body), body))
                client.close()
        thread = threading.Thread(target=lose_one_answer)
        thread.start()
        done = command(f"http://127.0.0.1:{listener.getsockname()[1]}", "vm", "create", "web",
                       "--shape", "s", "--image", "i")
        thread.join()
        listener.close()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(heads[0], heads[1])

    def test_every_command_has_help_and_every_noun_lists_its_verbs(self):
        text = self.run_it("--help").stdout
        commands = re.findall(r"^  isthmus ([\w-]+ ?[\w-]*) ", text, re.M)
        with open(os.path.join(ROOT, "src/cli/isthmus.c")) as source:
            rows = re.findall(r'^    \{"[a-z-]+", ', source.read(), re.M)
        self.assertEqual(len(commands), len(rows))
        for each in commands:
            self.assertIn("usage: isthmus " + each.strip(), self.run_it(*each.split(),
                                                                        "--help").stdout)
        manual = open(os.path.join(ROOT, "docs/man/isthmus.1")).read()
        for each in commands:
            self.assertIn(each.strip(), manual)

    def test_tenants_images_clusters_and_shapes(self):
        out = self.run_it("tenant", "create", "acme").stdout
        token = re.search(r"token\s+(\S+)", out)[1]
        self.run_it("whoami", token=token)
        self.assertIn("acme", self.run_it("tenant", "list").stdout)
        self.run_it("tenant", "show", "acme")
        set_it = ("tenant", "set-permissions", "acme")
        told = self.run_it(*set_it, "--clusters", "north", "--images", "tiny other").stdout
        self.assertRegex(told, r"clusters +north\nshapes +all\nimages +tiny other\n")
        self.assertIn("--clusters", self.run_it(*set_it, code=2).stderr)
        self.run_it(*set_it, "--shapes", "small", code=1, token="tenant-token")
        self.assertRegex(self.run_it("tenant", "reset-permissions", "acme").stdout,
                         r"clusters +all\nshapes +all\nimages +all\n")
        self.run_it("tenant", "delete", "acme")
        with tempfile.NamedTemporaryFile() as data:
            data.write(archive())
            data.flush()
            self.run_it("image", "import", "tiny", data.name)
            data.write(b"x")
            self.run_it("image", "import", "taken", data.name, code=1)
            refused = self.run_it("image", "import", "t", data.name, code=1, token="tenant-token")
            self.assertIn("token does not permit this", refused.stderr)
        self.assertIn("x86_64", self.run_it("image", "show", "tiny").stdout)
        self.assertIn("tiny", self.run_it("image", "list").stdout)
        self.run_it("image", "delete", "tiny")
        self.assertIn("4 GiB", self.run_it("shape", "list").stdout)
        self.assertIn("north", self.run_it("cluster", "list").stdout)
        self.run_it("cluster", "show", "north")
        op = self.create().json["id"]
        self.assertIn(op, self.run_it("op", "list").stdout)
        shown = self.run_it("op", "show", op, TZ="Asia/Kolkata").stdout
        self.assertIn("succeeded", shown)
        self.assertRegex(shown, r"asked +1970-01-01 05:30:00\+05:30\n")

    def test_an_empty_key_is_refused_and_not_left_out(self):
        refused = self.run_it("vm", "create", "web", "--shape", "small", "--image", "tiny",
                              "--key", "", code=1)
        self.assertIn("Idempotency-Key", refused.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
