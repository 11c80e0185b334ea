#!/usr/bin/env python3
"""What a daemon says of its links: to systemd, and in GET /v1/health.

ISTHMUS_BUILD names the build folder; default: build."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from cloud_case import CloudCase, read, wait_until
from cloud_parts import write
from rest_face import BUILD, make_certificate


class Systemd:
    """Takes what daemons tell systemd (sd_notify)."""

    def __init__(self, path):
        self.path, self.lines = path, []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while told := self.socket.recv(65536):
            self.lines += told.decode().splitlines()

    def statuses(self):
        return [line[len("STATUS="):] for line in self.lines if line.startswith("STATUS=")]

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.path)
        self.thread.join()
        self.socket.close()


def ask_socket(path, route):
    """What a cluster's owner gets at the socket."""
    connection = http.client.HTTPConnection("owner")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(path)
    try:
        connection.request("GET", route)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


class Health(CloudCase):
    options = {"driver": "test"}

    def setUp(self):
        self.cloud.await_capacity()  # whatever was started anew by another test

    def listen(self, daemon):
        """The systemd of what is started next."""
        systemd = Systemd(os.path.join(self.cloud.folder, f"{daemon.name}-{self.id()[-9:]}"))
        self.addCleanup(systemd.close)
        daemon.environment = {"NOTIFY_SOCKET": systemd.path}
        return systemd

    def restart(self, daemon, link, password):
        """Starts it with that password and a systemd that listens."""
        systemd = self.listen(daemon)
        daemon.stop()
        path = f"{daemon.folder}/{link}.password"
        write(path, password + "\n", 0o600)
        daemon.start()
        return systemd

    def await_status(self, systemd, words):
        wait_until(lambda: any(words in status for status in systemd.statuses()),
                   f"STATUS= with '{words}' in {systemd.path}")

    def test_a_link_that_is_refused_is_told_to_systemd_and_to_whoever_asks(self):
        refused = "the server refused account and password"
        north = self.cloud.downstreams["north"]
        for daemon, link, name, ask in (
                (self.cloud.upstream, "downlink", "downlink", self.get),
                (north, "uplink", "uplink cloud",
                 lambda route: ask_socket(f"{north.state}/owner.sock", route)),
                (self.cloud.agents["host-1"], "uplink", "uplink", None)):
            with self.subTest(daemon.name):
                good = read(f"{daemon.folder}/{link}.password").strip()
                systemd = self.restart(daemon, link, "wrong")
                self.await_status(systemd, f"is down: {refused} (check that the account exists")
                if ask:
                    health = ask("/v1/health")
                    self.assertEqual(health["status"], "degraded")
                    found = [one for one in health["links"] if one["name"] == name]
                    self.assertEqual([(one["state"], one["cause"]) for one in found],
                                     [("down", refused)])
                    self.assertNotIn("@", json.dumps(health))  # no address
                systemd.lines.clear()
                daemon.stop()
                write(f"{daemon.folder}/{link}.password", good + "\n", 0o600)
                daemon.start()
                self.await_status(systemd, "up")
                if ask:
                    wait_until(lambda ask=ask: ask("/v1/health")["status"] == "ok",
                               f"{daemon.name} is well again")

    def hang_up(self, daemon):
        """SIGHUP, until it is seen to."""
        seen = daemon.log().count(" event=certificates-read ")
        os.kill(daemon.pid(), signal.SIGHUP)
        wait_until(lambda: daemon.log().count(" event=certificates-read ") > seen,
                   f"{daemon.name} reads its certificates again")

    def test_sighup_reads_certificates_and_ends_nobody(self):
        daemons = [self.cloud.upstream, *self.cloud.downstreams.values(),
                   *self.cloud.agents.values()]
        pids = [daemon.pid() for daemon in daemons]
        for daemon in daemons:
            self.hang_up(daemon)
            self.hang_up(daemon)
        self.assertEqual([daemon.pid() for daemon in daemons], pids)
        self.assertEqual(self.create(image=self.import_image("empty"), wait=60)["code"], "ok")

    def test_a_certificate_is_told_before_it_runs_out_until_it_is_renewed(self):
        upstream = self.cloud.upstream
        authority = re.search(r"\[downlink\][^[]*\nca_file = (\S+)", read(upstream.config))[1]
        mine = f"{upstream.folder}/ca.crt"
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                               "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/null",
                               "-subj", "/CN=old", "-days", "3"], check=True, capture_output=True,
                              text=True)
        write(mine, read(authority) + made.stdout)
        config = read(upstream.config)
        self.addCleanup(write, upstream.config, config)
        write(upstream.config, config.replace(f"ca_file = {authority}", f"ca_file = {mine}"))
        self.cloud.cli("contact", "add", "log", "journal", "--events", "certificate-expires")
        self.addCleanup(self.cloud.cli, "contact", "remove", "log")
        systemd = self.listen(upstream)
        upstream.stop()
        upstream.start()
        self.await_status(systemd, "[downlink] ca_file runs out in 2 days")
        self.assertIn(" event=certificate-expires ", upstream.log())
        told = ' event=notification contact=log body={"type":"certificate-expires"'
        wait_until(lambda: told in upstream.log(), "the operators are told")
        self.assertIn('"certificate":"[downlink] ca_file"', upstream.log().partition(told)[2])
        health = self.get("/v1/health")
        due = [one["name"] for one in health["certificates"] if one.get("due")]
        self.assertEqual((health["status"], due), ("degraded", ["[downlink] ca_file"]))
        write(mine, read(authority))
        self.hang_up(upstream)
        wait_until(lambda: self.get("/v1/health")["status"] == "ok", "upstream is well again")
        self.await_status(systemd, "the link is up")


class Relay(unittest.TestCase):
    def test_its_certificate_is_told_and_read_again_without_its_end(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = make_certificate(folder, "a")  # of two days
            words = [f"{BUILD}/src/main/isthmus-relay", "--config", f"{folder}/relay.conf"]
            subprocess.run([*words, "init", "--domain", "relay.test", "--certificate-file",
                            certificate, "--key-file", key, "--listen", "127.0.0.1:0"],
                           check=True, capture_output=True)
            with contextlib.closing(Systemd(f"{folder}/notify")) as systemd:
                self.renew(words, f"{folder}/log", systemd)

    def renew(self, words, log_file, systemd):
        with open(log_file, "wb") as log:
            relay = subprocess.Popen(words, stderr=log,
                                     env={**os.environ, "NOTIFY_SOCKET": systemd.path})
        self.addCleanup(relay.kill)
        wait_until(lambda: any("[relay] certificate_file runs out in 1 days" in status
                               for status in systemd.statuses()), "systemd is told")
        relay.send_signal(signal.SIGHUP)
        wait_until(lambda: " event=certificates-read " in read(log_file), "it reads")
        relay.send_signal(signal.SIGTERM)
        self.assertEqual(relay.wait(20), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
