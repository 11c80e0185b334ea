#!/usr/bin/env python3
"""Enrolment by one-time tokens, and keys that are revoked, on real servers and daemons."""
import os
import re
import subprocess
import unittest

from cloud_case import CloudCase, read, wait_until
from test_wall import files


class Enrolment(CloudCase):
    clusters = {"north": ["host-1", "host-2"]}
    options = {"driver": "test", "timing": {"beat_seconds": 1, "hold_down_seconds": 2}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.downstream = cls.cloud.downstreams["north"]
        cls.host = cls.cloud.agents["host-2"]
        cls.socket = ["--socket", f"{cls.downstream.state}/owner.sock"]

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
        return subprocess.run([daemon.program, "--config", daemon.config, "join", token],
                              text=True, capture_output=True, timeout=60)

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


if __name__ == "__main__":
    unittest.main(verbosity=2)
