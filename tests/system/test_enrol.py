#!/usr/bin/env python3
"""Enrolment by one-time tokens, and keys that are revoked, on real servers and daemons."""
import base64
import hashlib
import json
import os
import re
import ssl
import subprocess
import unittest

from cloud_case import ROOT, CloudCase, read, wait_until
from cloud_parts import Daemon, write, write_secret
from listener import Listener
from prosody import free_port
from test_wall import files


def run_daemon(daemon, *words):
    return subprocess.run([daemon.program, "--config", daemon.config, *words], text=True,
                          capture_output=True, timeout=60)


def init_words(server, *more):
    return ["init", "--domain", server.domain, "--hosts", "east-1,east-2", "--ca-file",
            server.ca_file, "--set", "downlink.server=127.0.0.1", "--set",
            f"downlink.port={server.port}", *more]


def files_of(folder):
    return [os.path.join(path, name) for path, _, names in os.walk(folder) for name in names]


def altered(token, **values):
    """The token with other values in its link; None: without."""
    body = token.rpartition(":")[0].split(":")
    packed = body[7]
    link = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    link = {key: value for key, value in {**link, **values}.items() if value is not None}
    body[7] = base64.urlsafe_b64encode(json.dumps(link).encode()).decode().rstrip("=")
    text = ":".join(body)
    return f"{text}:{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def redirected(token, port):
    """The token as one who sits at this port would like it."""
    return altered(token, image_url=f"https://127.0.0.1:{port}/v1/blobs")


class Liar(Listener):
    """Answers by TLS in the manager's place, and keeps what it is told."""

    def __init__(self, certificate, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.answer, self.told = b"", b""
        super().__init__()

    def _talk(self, stream):
        with self.context.wrap_socket(stream, server_side=True) as sealed:
            request = b""
            while b"\r\n\r\n" not in request:
                piece = sealed.recv(4096)
                if not piece:
                    return
                request += piece
            self.told += request
            sealed.sendall(self.answer)

    def say(self, status, body, head=""):
        self.answer = (f"HTTP/1.1 {status}\r\nConnection: close\r\n{head}"
                       f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


class Enrolment(CloudCase):
    clusters = {"north": ["host-1", "host-2"]}
    options = {"driver": "test", "timing": {"beat_seconds": 1, "hold_down_seconds": 2}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.downstream = cls.cloud.downstreams["north"]
        cls.host = cls.cloud.agents["host-2"]
        cls.socket = ["--socket", f"{cls.downstream.state}/owner.sock"]
        cls.begin_to_join_nowhere()

    @classmethod
    def begin_to_join_nowhere(cls):
        """A cluster whose server is not there; a host tries to join it while all else goes on."""
        server = cls.cloud.inside["north"]
        cls.west = Daemon(cls.cloud, "downstream", "west")
        cls.stray = Daemon(cls.cloud, "agent", "west-1")
        cls.west_made = run_daemon(cls.west, *init_words(
            server, "--set", f"daemon.state={cls.west.state}", "--set",
            f"downlink.port={free_port()}"))
        cls.west_token = re.search(r"isthmus-agent join (\S+)", cls.west_made.stdout).group(1)
        cls.west_token = altered(cls.west_token, ca=read(server.ca_file), ca_digest=None,
                                 image_ca=read(server.ca_file), image_ca_digest=None)
        cls.joining = subprocess.Popen(
            [cls.stray.program, "--config", cls.stray.config, "join", cls.west_token, "--set",
             f"daemon.state={cls.stray.state}"], text=True, stderr=subprocess.PIPE)
        shown = f"/proc/{cls.joining.pid}/cmdline"
        wait_until(lambda: "join" in read(shown) and cls.west_token not in read(shown),
                   "the token is wiped from the list of processes")
        cls.addClassCleanup(cls.joining.communicate)
        cls.addClassCleanup(cls.joining.kill)

    def tearDown(self):
        """The host is there again, whatever became of it."""
        if self.hosts()["host-2"] != "up":
            self.host.stop()
            self.assertEqual(self.join(self.host, self.new_token()).returncode, 0)
            self.host.start()
            self.await_host("up")

    # what owners, operators and hosts do

    def owner(self, *words, check=True):
        return self.cloud.cli(*words, *self.socket, check=check)

    def new_token(self, peer="host-2", *more):
        return self.owner("token", "new", peer, *more).out.strip()

    def join(self, daemon, token):
        """By standard input, so that no list of processes shows the token."""
        return subprocess.run([daemon.program, "--config", daemon.config, "join", "-"],
                              input=token + "\n", text=True, capture_output=True, timeout=60)

    def refused(self, token, words, daemon=None):
        """Joining by the token, with a key that nobody knows yet, fails with these words."""
        daemon = daemon or self.host
        key = f"{daemon.folder}/uplink.key"
        os.rename(key, f"{key}.kept")
        try:
            subprocess.run([daemon.program, "key", key], check=True, stdout=subprocess.DEVNULL)
            done = self.join(daemon, token)
        finally:
            os.rename(f"{key}.kept", key)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(words, done.stderr)
        if token.startswith("isthmus-join:") and len(token) > 200:
            self.assertNotIn(token.split(":")[-3], done.stderr)  # the secret

    def hosts(self):
        rows = [line.split() for line in self.owner("host", "list").out.splitlines()[1:]]
        return {row[0]: row[1] for row in rows}

    def await_host(self, state):
        wait_until(lambda: self.hosts()["host-2"] == state, f"host-2 is {state}")

    def forget(self, daemon, section):
        """Takes the key out of the section; the daemon reads it at its next start."""
        text = read(daemon.config)
        changed = re.sub(rf"(\[{section}\]\n(?:\w.*\n)*?)peer_key = .*\n", r"\1", text)
        self.assertNotEqual(changed, text)
        with open(daemon.config, "w") as file:
            file.write(changed)

    # what holds

    def test_1_a_host_joins_by_a_token_and_both_ends_keep_the_keys(self):
        self.host.stop()
        self.downstream.stop()
        self.forget(self.downstream, "agent host-2")
        self.forget(self.host, "uplink cluster")
        self.downstream.start()
        self.host.start()
        wait_until(lambda: "event=no-key" in self.host.log(), "the host says that it has no key")
        self.await_host("unreachable")
        self.host.stop()
        token = self.new_token()
        done = self.join(self.host, token)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertIn("joined", done.stdout)
        self.host.start()
        self.await_host("up")
        self.assertIn("used", self.owner("token", "list").out)
        for daemon in (self.downstream, self.host):  # what was learned outlives the process
            daemon.kill()
            daemon.start()
        self.await_host("up")
        secret = token.split(":")[-3].encode()
        for daemon in (self.downstream, self.host, self.cloud.upstream):
            self.assertNotIn(secret, files(daemon.state))
            self.assertNotIn(secret.decode(), read(daemon.log_file))
        for server in self.cloud.servers:
            self.assertNotIn(secret.decode(), read(server.traffic_file))

    def test_2_a_cluster_joins_its_cloud_by_an_operators_token(self):
        self.downstream.stop()
        self.cloud.upstream.stop()
        self.forget(self.cloud.upstream, "cluster north")
        self.forget(self.downstream, "uplink cloud")
        self.cloud.upstream.start()
        token = self.cloud.cli("token", "new", "north").out.strip()
        self.assertEqual(self.join(self.downstream, token).returncode, 0)
        self.downstream.start()
        self.import_image("empty")
        wait_until(lambda: self.ask("POST", "/v1/vms?wait=60", {
            "name": "first", "shape": "nano", "image": "empty"}).status == 200,
            "the cloud has room again")
        self.assertEqual(self.create("web", wait=60)["code"], "ok")
        self.delete_all()

    def test_3_a_token_that_is_no_good_says_why_and_changes_nothing(self):
        used, expired = self.new_token(), self.new_token("host-2", "--expires", "1")
        revoked, other = self.new_token(), self.new_token("host-1")
        self.owner("token", "revoke", revoked.split(":")[2])
        cloud = self.cloud.cli("token", "new", "north").out.strip()
        self.host.stop()
        self.assertEqual(self.join(self.host, used).returncode, 0)
        self.assertEqual(self.join(self.host, used).returncode, 0)  # its answer may be lost
        self.refused(used, "has been used already")
        wait_until(lambda: "expired" in self.owner("token", "list").out, "the token expires")
        self.refused(expired, "has expired")
        self.refused(revoked, "does not know this join token")
        self.refused(other, "is for 'host-1'")
        self.refused(cloud, "no [uplink] of this configuration")
        altered = used.replace(":host-2:", ":host-3:")
        self.refused(altered, "was altered or cut")
        self.refused(used[:-9], "was altered or cut")
        self.refused("letmein:a:b:c", "is no join token")
        self.host.start()
        self.await_host("up")

    def test_4_a_revoked_key_is_not_heard_from_that_moment_on(self):
        self.await_host("up")
        self.owner("key", "revoke", "host-2")
        self.assertNotEqual(self.hosts()["host-2"], "up")
        wait_until(lambda: "event=unsealed-frame" in self.downstream.log(),
                   "frames of the revoked key are dropped")
        self.downstream.kill()
        self.downstream.start()
        self.host.stop()
        self.host.start()
        self.await_host("unreachable")
        self.assertEqual(self.hosts()["host-1"], "up")
        self.host.stop()
        self.assertEqual(self.join(self.host, self.new_token()).returncode, 0)
        self.host.start()
        self.await_host("up")

    def test_5_a_tenant_makes_no_token_and_a_stranger_none_for_a_stranger(self):
        told = self.cloud.cli("token", "new", "north", token_file=self.token_file, check=False)
        self.assertEqual(told.code, 1)
        self.assertIn("only the operator", told.err)
        self.assertIn("no peer 'nobody'", self.owner("token", "new", "nobody", check=False).err)
        self.assertIn("no peer 'nobody'", self.owner("key", "revoke", "nobody", check=False).err)

    # from nothing to a VM

    def refused_words(self, daemon, words, *arguments):
        done = run_daemon(daemon, *arguments)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(words, done.stderr)
        self.assertFalse(os.path.exists(f"{daemon.config}.joining"))

    def registering(self, server):
        """The command that makes an account at the server."""
        path = f"{self.folder.name}/register-{server.name}"
        with open(path, "w") as script:
            script.write("#!/usr/bin/env python3\n"
                         f"import sys\nsys.path.insert(0, {ROOT + '/tools'!r})\n"
                         "from prosody import Prosody\n"
                         "password, again = sys.stdin.read().splitlines()\n"
                         "assert password == again\n"
                         f"Prosody.load({server.folder!r}).add_account(sys.argv[1], password)\n"
                         f"assert sys.argv[2:] == [{server.domain!r}]\n")
        os.chmod(path, 0o700)
        return path

    def expect_east(self):
        """The operator's part: an account and a section for a cluster that is to come."""
        upstream, server = self.cloud.upstream, self.cloud.inside["upstream"]
        write_secret(f"{upstream.folder}/east.images.token")
        write_secret(f"{upstream.folder}/east.password")
        server.add_account("east", read(f"{upstream.folder}/east.password").strip())
        url = self.cloud.environment()["ISTHMUS_SERVER"]
        upstream.stop()
        text = read(upstream.config).replace("[api]\n", f"[api]\nurl = {url}/v1/blobs\n")
        with open(upstream.config, "w") as file:
            file.write(f"{text}\n[cluster east]\naddress = {server.jid('east', 'cluster')}\n"
                       f"password_file = {upstream.folder}/east.password\n"
                       f"image_token_file = {upstream.folder}/east.images.token\n")
        upstream.start()

    def assert_streams(self, config, port):
        """Consoles need nothing more than `init`."""
        self.assertIn(f"\nurl = wss://127.0.0.1:{port}\n", config)
        self.assertIn("BEGIN", ssl.get_server_certificate(("127.0.0.1", port)))
        self.assertIn("\nurl = wss://127.0.0.1:8448\n", read(self.west.config))

    def test_6_two_commands_make_a_cluster_and_a_third_attaches_it(self):
        server, port, streams = self.cloud.inside["north"], free_port(), free_port()
        manager = Daemon(self.cloud, "downstream", "east")
        words = init_words(server, "--set", f"daemon.state={manager.state}", "--set",
                                f"images.listen=127.0.0.1:{port}", "--set",
                                f"streams.listen=127.0.0.1:{streams}", "--set",
                                "timing.beat_seconds=1")
        self.refused_words(manager, "init needs --domain, --hosts and --ca-file", "init")
        self.refused_words(manager, "there is no key beat in a section [timing]", *words, "--set",
                           "timing.beat=1")
        for _ in range(10):  # whether it ends before it is told the password or after
            self.refused_words(manager, "'false manager", *words, "--register", "false")
        self.assertFalse(os.path.exists(manager.config))
        made = run_daemon(manager, *words, "--register", self.registering(server))
        self.assertEqual((made.returncode, made.stderr), (0, ""), made)
        kept = read(manager.config)
        again = run_daemon(manager, *words)
        self.assertEqual(again.returncode, 0, again)
        self.assertIn("stays as it is", again.stdout)
        self.assertEqual(read(manager.config), kept)
        for path in files_of(manager.folder):
            self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)
        tokens = dict(re.findall(r"# (east-\d)\nisthmus-agent join (\S+)\n", made.stdout))
        self.assertEqual(sorted(tokens), ["east-1", "east-2"])
        for token in tokens.values():
            self.assertTrue(token.startswith("isthmus-join:4:"), token)
            self.assertLess(len(token), 1000)
        manager.start()
        self.addCleanup(manager.stop)
        self.assert_streams(kept, streams)

        hosts = [Daemon(self.cloud, "agent", name) for name in sorted(tokens)]
        more = ["--set", "host.uri=test:///default"]
        for host in hosts:
            state = ["--set", f"daemon.state={host.state}"]
            token = tokens[host.name]
            self.refused_words(host, "altered or cut", "join", token[:-1], *more, *state)
            joined = run_daemon(host, "join", token, *more, *state)
            self.assertEqual((joined.returncode, joined.stderr), (0, ""), joined)
            other = Daemon(self.cloud, "agent", f"{host.name}-copy")
            self.refused_words(other, "has been used already", "join", token, *more, "--set",
                               f"daemon.state={other.state}")
            self.assertFalse(os.path.exists(other.config))
            host.start()
            self.addCleanup(host.stop)
        socket = ["--socket", f"{manager.state}/owner.sock"]
        wait_until(lambda: self.cloud.cli("host", "list", *socket).out.count(" up ") == 2,
                   "both hosts are up")

        self.expect_east()
        token = self.cloud.cli("token", "new", "east").out.strip()
        manager.stop()
        attached = run_daemon(manager, "join", token, "--name", "cloud")
        self.assertEqual((attached.returncode, attached.stderr), (0, ""), attached)
        self.assertTrue(read(manager.config).startswith(kept))
        manager.start()
        self.import_image("fresh")
        def is_made():
            answer = self.ask("POST", "/v1/vms?wait=60", {
                "name": "east", "shape": "nano", "image": "fresh", "cluster": "east",
                "start": True})
            return answer.status == 200 and answer.json()["code"] == "ok"
        wait_until(is_made, "a VM in the new cluster")
        self.assertEqual(self.get("/v1/vms/east")["state"], "running")
        self.assertEqual(self.act("east", "delete")["code"], "ok")

    def test_7_what_stands_in_the_way_of_a_join_is_told_and_nothing_is_left(self):
        self.assertIn("prosodyctl register east-1", self.west_made.stdout)
        token, server = self.west_token, self.cloud.inside["north"]
        host = Daemon(self.cloud, "agent", "west-2")
        manager = Daemon(self.cloud, "downstream", "none")
        self.refused_words(manager, "make the cluster first", "join", token)
        write(f"{self.folder.name}/token", f"{token}\n")
        self.refused_words(manager, "make the cluster first", "join", f"{self.folder.name}/token")
        self.refused_words(manager, "no join token", "join", f"{self.folder.name}/no-token")
        write(f"{self.folder.name}/file", "no folder")
        for daemon, words in ((host, ["join", token]), (manager, init_words(server))):
            daemon.config = f"{self.folder.name}/file/{daemon.kind}.conf"
            self.refused_words(daemon, f"make folder {self.folder.name}/file/{daemon.kind}",
                               *words)
        kept = read(self.host.config)
        self.refused_words(self.host, "no [uplink] of this configuration", "join", token)
        self.assertEqual(read(self.host.config), kept)
        told = self.joining.communicate(timeout=60)[1]
        self.assertIn("was not reached", told)
        self.assertFalse(os.path.exists(self.stray.config))
        self.assertFalse(os.path.exists(f"{self.stray.config}.joining"))

    # authorities by their digests

    def test_8_a_short_token_takes_no_authority_but_the_one_that_it_names(self):
        server, port = self.cloud.inside["north"], free_port()
        manager = Daemon(self.cloud, "downstream", "south")
        made = run_daemon(manager, *[word.replace("east", "south") for word in init_words(
            server, "--set", f"daemon.state={manager.state}", "--set",
            f"images.listen=0.0.0.0:{port}", "--set",
            f"images.url=https://127.0.0.1:{port}/v1/blobs", "--set",
            f"streams.listen=127.0.0.1:{free_port()}", "--register", self.registering(server))])
        self.assertEqual((made.returncode, made.stderr), (0, ""), made)
        tokens = dict(re.findall(r"# (south-\d)\nisthmus-agent join (\S+)\n", made.stdout))
        host = Daemon(self.cloud, "agent", "south-1")
        token, state = tokens[host.name], ["--set", f"daemon.state={host.state}"]
        liar = Liar(*[f"{manager.folder}/downstream/images.{kind}" for kind in ("crt", "key")])
        self.addCleanup(liar.close)
        lied = redirected(token, liar.port)
        authority = read(server.ca_file)
        for words, answer in {
                "is not the authority that the token names": ("200 OK", authority + "\n"),
                "is not the authority that the": ("200 OK", read(
                    f"{manager.folder}/downstream/images.crt")),
                "there is no such authority": ("404 Not Found", ""),
                "answered with 302": ("302 Found", "", f"Location: https://127.0.0.1:{port}/\r\n"),
        }.items():
            liar.say(*answer)
            self.refused_words(host, words, "join", lied, *state)
            self.assertFalse(os.path.exists(host.config))
        link = base64.urlsafe_b64decode(token.split(":")[7] + "==")
        secrets = token.split(":")[6], json.loads(link)["password"], "south-1", "uthorization"
        for secret in secrets:
            self.assertNotIn(secret.encode(), liar.told)
        self.assertEqual(liar.told.count(b"GET /v1/blobs/"), 4)
        self.refused_words(host, "isthmus token new south-1 --whole", "join",
                           redirected(token, free_port()), *state)

        manager.start()
        self.addCleanup(manager.stop)
        joined = run_daemon(host, "join", token, *state)
        self.assertEqual((joined.returncode, joined.stderr), (0, ""), joined)
        files = {os.path.basename(path): read(path) for path in files_of(host.folder)}
        self.assertIn(authority.strip(), [text.strip() for text in files.values()])
        self.assertIn(read(f"{manager.folder}/downstream/authority.crt").strip(),
                      [text.strip() for text in files.values()])

        socket = ["--socket", f"{manager.state}/owner.sock"]
        whole = self.cloud.cli("token", "new", "south-2", "--whole", *socket).out.strip()
        self.assertTrue(whole.startswith("isthmus-join:2:"), whole)
        other = Daemon(self.cloud, "agent", "south-2")
        joined = run_daemon(other, "join", redirected(whole, free_port()), "--set",
                            f"daemon.state={other.state}")
        self.assertEqual((joined.returncode, joined.stderr), (0, ""), joined)


if __name__ == "__main__":
    unittest.main(verbosity=2)
