#!/usr/bin/env python3
"""The relay: what every kind of carrier promises, held against it; and its own: requests that must
not be, who reaches whom, proxies, a cut inside a frame, and how a relay is set up."""
import http.client
import os
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import test_carrier
from carrier_case import CarrierCase, Probe, probe_path
from carrier_http import Http
from cloud_parts import Daemon, wait_until
from fault_proxy import FaultProxy
from prosody import free_port


class ConnectProxy:
    """Passes CONNECT on to the port that is asked for, and counts; with `status`, refuses."""

    def __init__(self, status=""):
        self.status, self.count, self.sockets = status, 0, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            self.sockets.append(client)
            head = client.recv(4096).decode()
            assert head.startswith("CONNECT localhost:"), head
            if self.status:
                client.sendall(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\n\r\n".encode())
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", int(head.split()[1].split(":")[1])))
            self.sockets.append(server)
            self.count += 1
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    @staticmethod
    def _pass(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        for one in [self.listener, *self.sockets]:
            one.close()


class RelayCase(CarrierCase):
    kind = Http

    def ask(self, method, path, user="alice", body=None, **options):
        """(status, body) of one request, as `user` with the user's own token, or another."""
        context = ssl.create_default_context(cafile=self.server.ca_file)
        connection = http.client.HTTPSConnection("localhost", self.server.port, context=context,
                                                 timeout=30)
        token = options.get("token", f"secret of {user}")
        connection.request(method, path, body, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body.decode()

    def open(self, user, connection="1"):
        """Until the end of the test."""
        query = self.query(user, connection)
        self.assertEqual(self.ask("POST", f"/v1/open{query}", user)[0], 204)
        self.addCleanup(self.ask, "POST", f"/v1/close{query}", user)

    def query(self, user, connection="1", more=""):
        return f"?as={self.server.address(user)}&connection={connection}{more}"


class Requests(RelayCase):
    def test_only_who_has_the_token_of_an_address_uses_it(self):
        account = "/v1/account" + self.query("alice")
        self.assertEqual(self.ask("GET", account)[0], 204)
        for options in ({"token": "secret of bob"}, {"token": ""}, {"token": "secret of alic"}):
            self.assertEqual(self.ask("GET", account, **options)[0], 401)
        for path in ("/v1/account", "/v1/account?as=", "/v1/account?as=nobody@one.test"):
            self.assertEqual(self.ask("GET", path)[0], 401)
        for method, path in (("POST", "/v1/open"), ("POST", "/v1/close"), ("GET", "/v1/frames"),
                             ("POST", "/v1/frames")):
            self.assertEqual(self.ask(method, path + self.query("bob"))[0], 401)

    def test_what_is_no_request_is_named(self):
        for method, path in (("GET", "/"), ("PUT", "/v1/frames"), ("GET", "/v1/open")):
            self.assertEqual(self.ask(method, path + self.query("alice"))[0], 404)
        for number in ("", "0", "xyz"):
            status, words = self.ask("POST", "/v1/open" + self.query("alice", number))
            self.assertEqual(status, 400)
            self.assertIn("connection is missing", words)

    def test_a_connection_that_was_not_opened_or_was_replaced_carries_nothing(self):
        for method in ("GET", "POST"):
            self.assertEqual(self.ask(method, "/v1/frames" + self.query("alice", "7"))[0], 410)
        self.open("alice", "7")
        self.open("alice", "8")
        for method in ("GET", "POST"):
            self.assertEqual(self.ask(method, "/v1/frames" + self.query("alice", "7"))[0], 409)
        self.ask("POST", "/v1/close" + self.query("alice", "7"))  # it ends nobody else's
        self.assertEqual(self.ask("GET", "/v1/frames" + self.query("alice", "8", "&wait_ms=1"))[0],
                         204)

    def test_frames_that_are_none_are_refused_and_those_before_them_passed(self):
        bob = self.server.address("bob")
        self.open("bob")
        self.open("alice")
        for wrong in (f"frame {bob} 0\n", f"frame {bob} 65537\n", f"up {bob}\n", "hello\n",
                      f"frame {bob} 5\nabc", "x" * 1000):
            status, _ = self.ask("POST", "/v1/frames" + self.query("alice"),
                                 body=f"frame {bob} 2\nok{wrong}".encode())
            self.assertEqual(status, 400, wrong)
            status, news = self.ask("GET", "/v1/frames" + self.query("bob"), "bob")
            self.assertEqual(status, 200)
            self.assertTrue(news.endswith(f"frame {self.server.address('alice')} 2\nok"), news)

    def test_a_clients_word_stays_within_its_quotes_in_the_log(self):
        self.open("alice")
        for wrong in ('b"is=passed@one.test', "b\\@one.test"):
            status, _ = self.ask("POST", "/v1/frames" + self.query("alice"),
                                 body=f"frame {wrong} 2\nok".encode())
            self.assertEqual(status, 200)
            quoted = wrong.replace("\\", "\\\\").replace('"', '\\"')
            with open(self.server.log_file) as log:
                self.assertIn(f' to="{quoted}" bytes=2 is=away\n', log.read())

    def test_the_newest_request_for_news_is_answered_and_the_one_before_it_ends(self):
        self.open("alice")
        told = []
        first = threading.Thread(target=lambda: told.append(
            self.ask("GET", "/v1/frames" + self.query("alice", more="&wait_ms=60000"))))
        first.start()
        while first.is_alive():  # until it was there before this one
            self.assertEqual(self.ask("GET", "/v1/frames" + self.query(
                "alice", more="&wait_ms=50"))[0], 204)
        self.assertEqual(told, [(204, "")])


class Promises(test_carrier.Carrier):
    """What every kind promises."""
    kind = Http


class Isolation(RelayCase):
    """alice and bob reach the manager alone."""

    def test_who_may_not_reach_each_other_are_as_if_away(self):
        server = self.make_server("inside", "inside.test", ("alice", "bob", "manager"))
        server.reach("alice", ["manager"])
        server.reach("bob", ["manager"])
        server.reach("manager", [])
        server.start()
        self.addCleanup(server.stop)
        alice = self.probe("alice", "bob", server)
        bob = self.probe("bob", "manager", server)
        manager = self.probe("manager", "alice", server)
        manager.wait(f"peer {alice.address} up")
        bob.wait(f"peer {manager.address} up")
        alice.wait("link up")  # the others hear of it before itself
        self.exchange(alice, manager, "to the manager")
        alice.send(bob.address, "to another host")
        alice.wait(f"peer {bob.address} down")
        bob.send(manager.address, "still here")
        self.assertEqual(manager.wait("frame"), f"frame {bob.address} still here")
        self.assertFalse([line for line in bob.lines if alice.address in line])
        self.assertFalse([line for line in alice.lines if line == f"peer {bob.address} up"])


class Proxies(RelayCase):
    def test_a_connection_goes_through_the_proxy_that_is_configured(self):
        proxy = ConnectProxy()
        self.addCleanup(proxy.close)
        alice, bob = self.probe("alice", "bob", proxy=proxy.url), self.probe("bob", "alice")
        alice.wait(f"peer {bob.address} up")
        bob.wait(f"peer {alice.address} up")
        self.exchange(alice, bob, "through the proxy")
        self.assertGreater(proxy.count, 0)

    def test_a_proxy_of_the_environment_is_used_too(self):
        proxy = ConnectProxy()
        self.addCleanup(proxy.close)
        os.environ["https_proxy"] = proxy.url
        self.addCleanup(os.environ.pop, "https_proxy")
        self.probe("alice").wait("link up")
        self.assertGreater(proxy.count, 0)

    def test_a_proxy_that_refuses_or_is_not_there_is_named(self):
        refusing = ConnectProxy("403 Forbidden")
        self.addCleanup(refusing.close)
        for url, words in ((refusing.url, "the proxy does not let us through"),
                           (f"http://127.0.0.1:{free_port()}", "no program listens")):
            probe = self.probe("alice", proxy=url)
            self.assertIn(words, probe.wait("log error disconnected"))

    def test_a_cut_inside_a_frame_harms_no_other(self):
        way = FaultProxy(self.server.port, 1)
        self.addCleanup(way.close)
        alice = self.probe("alice", "bob", port=way.port)
        bob = self.probe("bob", "alice")
        alice.wait(f"peer {bob.address} up")
        long, marks = "x" * 60000, [f"mark {number}" for number in range(5)]
        for mark in marks:
            for _ in range(50):
                alice.tell(f"send {bob.address} {long}")
            way.reset()

            def is_heard(mark=mark):
                alice.send(bob.address, mark)
                return f"frame {alice.address} {mark}" in bob.lines
            wait_until(is_heard, f"bob hears {mark}")
        heard = {line for line in bob.lines if line.startswith("frame")}
        self.assertEqual(heard - {f"frame {alice.address} {text}" for text in (long, *marks)},
                         set())


class Setup(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="isthmus-relay-")
        self.addCleanup(folder.cleanup)
        self.relay = Http.Server(f"{folder.name}/relay", "set.test")
        self.config = f"{self.relay.folder}/etc/relay.conf"
        os.makedirs(os.path.dirname(self.config))

    def run_relay(self, *words, code=0):
        done = subprocess.run([self.relay.program, "--config", self.config, *words], text=True,
                              capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout + done.stderr

    def init(self):
        self.run_relay("init", "--domain", "set.test", "--listen", f"127.0.0.1:{self.relay.port}",
                       "--certificate-file", f"{self.relay.folder}/server.crt",
                       "--key-file", f"{self.relay.folder}/server.key")

    def test_init_and_register_make_a_relay_that_serves(self):
        self.init()
        self.run_relay("register", "alice", "set.test", "secret of alice")
        self.run_relay("register", "bob", "set.test", "secret of bob", "--reaches", "alice")
        self.run_relay("register", "bob", "set.test", "secret of bob")  # again: it stays
        self.run_relay("register", "carol", "set.test")  # with a token of its own
        with open(f"{os.path.dirname(self.config)}/relay/carol.token") as token:
            self.assertGreater(len(token.read()), 40)
        self.assertIn("is good", self.run_relay("--check"))
        with subprocess.Popen([self.relay.program, "--config", self.config],
                              stderr=subprocess.PIPE, text=True) as running:
            try:
                while " event=ready " not in running.stderr.readline():
                    self.assertIsNone(running.poll())
                probes = [Probe("http", f"{user}@set.test", f"secret of {user}", self.relay.url,
                                self.relay.ca_file, f"{peer}@set.test")
                          for user, peer in (("alice", "bob"), ("bob", "alice"))]
                for probe in probes:
                    self.addCleanup(probe.close)
                    probe.wait("peer")
            finally:
                running.terminate()
                self.assertEqual(running.wait(30), 0)

    def test_what_is_wrong_is_named_and_changes_nothing(self):
        self.assertIn("open", self.run_relay("register", "alice", "set.test", code=1))
        self.assertIn("--key-file", self.run_relay("init", code=1))
        self.init()
        with open(self.config) as file:
            before = file.read()
        self.assertIn("set.test", self.run_relay("register", "a", "other.test", code=1))
        self.assertIn("[account nobody]", self.run_relay("register", "a", "set.test", "t",
                                                         "--reaches", "nobody", code=1))
        self.run_relay("register", "a", "set.test", "same")
        self.assertIn("same token", self.run_relay("register", "b", "set.test", "same", code=1))
        for words in (("serve",), ("register", "a"), ("--reaches", "a"), ("--domain", "x")):
            self.assertIn("is not understood", self.run_relay(*words, code=2))
        with open(self.config) as file:
            self.assertTrue(file.read().startswith(before))


class Cluster(unittest.TestCase):
    """A cluster over a relay, made as its owner would: the same two commands as with XMPP."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="isthmus-relay-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.makedirs(f"{self.folder}/log")
        self.build = os.path.dirname(os.path.dirname(os.path.dirname(probe_path())))
        self.relay = Http.Server(f"{self.folder}/relay", "east.test")
        self.manager = Daemon(self, "downstream", "east")
        self.port = free_port()

    def run_daemon(self, daemon, *words):
        done = subprocess.run([daemon.program, "--config", daemon.config, *words], text=True,
                              capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout

    def server(self):
        return ["--ca-file", self.relay.ca_file, "--url", self.relay.url]

    def init(self, *more):
        words = ["init", "--domain", "east.test", "--hosts", "east-1,east-2", *self.server(),
                 *more, "--set", f"daemon.state={self.manager.state}", "--set",
                 f"images.listen=127.0.0.1:{self.port}", "--set",
                 f"images.url=http://127.0.0.1:{self.port}/v1/blobs", "--set",
                 f"streams.listen=127.0.0.1:{free_port()}"]
        return self.run_daemon(self.manager, *words)

    def owner(self, *words):
        return subprocess.run(
            [f"{self.build}/src/cli/isthmus", *words, "--socket",
             f"{self.manager.state}/owner.sock"], text=True, check=True,
            stdout=subprocess.PIPE).stdout

    def await_hosts(self, count):
        wait_until(lambda: self.owner("host", "list").count(" up ") == count,
                   f"{count} hosts are up")

    def test_init_and_join_make_a_cluster_over_a_relay(self):
        relay = self.relay
        subprocess.run([relay.program, "--config", relay.config, "init", "--domain", "east.test",
                        "--listen", f"127.0.0.1:{relay.port}", "--certificate-file",
                        f"{relay.folder}/server.crt", "--key-file", f"{relay.folder}/server.key"],
                       check=True)
        told = self.init("--register", f"{relay.program} --config {relay.config} register")
        relay.start(fresh=False)
        self.addCleanup(relay.stop)
        self.manager.start()
        self.addCleanup(self.manager.stop)
        for name, token in re.findall(r"# (\S+)\nisthmus-agent join (\S+)", told):
            host = Daemon(self, "agent", name)
            self.run_daemon(host, "join", token, "--set", "host.uri=test:///default", "--set",
                            f"daemon.state={host.state}")
            host.start()
            self.addCleanup(host.stop)
        self.await_hosts(2)

    def test_init_says_which_accounts_the_server_needs(self):
        told = self.init()
        self.assertIn(' | isthmus-relay register manager east.test -\n', told)
        self.assertRegex(told, r'isthmus-relay register east-1 east.test - --reaches manager\n')
        self.assertNotIn("prosodyctl", told)

    def test_init_says_which_accounts_a_broker_needs(self):
        self.server = lambda: ["--ca-file", self.relay.ca_file, "--carrier", "amqp", "--url",
                               "amqps://broker.test:5671"]
        told = self.init()
        self.assertIn('rabbitmqctl add_user east-1 "$(cat ', told)
        self.assertIn(r"rabbitmqctl set_permissions manager '^manager@east\.test$' "
                      r"'^amq\.default$' '^manager@east\.test$'", told)
        with open(self.manager.config) as config:
            self.assertIn("\ncarrier = amqp\n", config.read())

    def test_init_names_what_does_not_go_together(self):
        for words, wrong in ((["--carrier", "zeromq"], "--server-key"),
                             (["--carrier", "xmpp", "--url", "https://r.test"], "leave one out"),
                             (["--carrier", "http", "--ca-file", "x"], "say where")):
            done = subprocess.run(
                [self.manager.program, "--config", self.manager.config, "init", "--domain",
                 "east.test", "--hosts", "a", "--ca-file", self.relay.ca_file, *words], text=True,
                capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(wrong, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
