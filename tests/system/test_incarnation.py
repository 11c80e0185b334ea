#!/usr/bin/env python3
"""Stores that are lost or restored, and a manager that comes back after another has served by its
name: no VM is lost by it, each end says what it sees, and a person decides."""
import json
import os
import re
import shutil
import signal
import subprocess
import unittest
import urllib.request

from cloud_case import CloudCase, read, wait_until
from cloud_parts import write

DEPOSED = 4


def stored(daemon):
    return [f"{daemon.state}/{name}" for name in os.listdir(daemon.state)
            if name.startswith("store.sqlite")]


class Stores(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"timing": {"beat_seconds": 1, "hold_down_seconds": 5}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")

    def setUp(self):
        self.addCleanup(self.delete_all)

    def make(self, *names):
        for operation in [self.create(name) for name in names]:
            self.await_end(operation)

    def states(self):
        return {vm["name"]: vm["state"] for vm in self.vms()}

    def await_states(self, **wanted):
        wait_until(lambda: self.states() == wanted, f"{wanted}, not {self.states()}")

    def id_of(self, name):
        return next(vm["id"] for vm in self.vms() if vm["name"] == name)

    def copy(self, daemon):
        """Of its store, while it is stopped."""
        folder = f"{self.folder.name}/copy-{daemon.name}"
        daemon.stop()
        os.makedirs(folder)
        self.addCleanup(shutil.rmtree, folder)
        for path in stored(daemon):
            shutil.copy2(path, folder)
        daemon.start()
        self.cloud.await_capacity()
        return folder

    def restore(self, daemon, folder):
        """Puts the copy in place; those below do not follow it, until its term is raised."""
        daemon.stop()
        for path in stored(daemon):
            os.unlink(path)
        for name in os.listdir(folder):
            shutil.copy2(f"{folder}/{name}", daemon.state)
        daemon.launch()
        self.assertEqual(daemon.process.wait(timeout=60), DEPOSED)
        self.assertIn("--raise-term", daemon.log())
        daemon.stop()
        daemon.launch() # however often
        self.assertEqual(daemon.process.wait(timeout=60), DEPOSED)
        daemon.stop()
        subprocess.run([daemon.program, "--config", daemon.config, "--raise-term"], check=True,
                       timeout=60, stdout=subprocess.DEVNULL)
        daemon.start()

    def cluster(self):
        return json.loads(self.cloud.cli("cluster", "show", "north", "-o", "json").out)

    def host(self):
        return self.owner_json("host", "show", "host-1")

    def test_a_host_without_its_store_loses_no_vm(self):
        self.make("stays", "goes")
        agent = self.cloud.daemon("host-1")
        agent.stop()
        for path in stored(agent):
            os.unlink(path)
        agent.start()
        wait_until(lambda: self.host().get("conflict") == "another-store", "the owner sees it")
        self.assertIn("another-store", self.owner("host", "list").out)
        self.assertEqual(self.states(), {"stays": "running", "goes": "running"})
        deletion = self.act("goes", "delete", wait=0)
        self.assertIn(self.operation(deletion)["state"], ("pending", "running"))
        self.owner("host", "accept", "host-1")
        self.await_end(deletion)
        self.await_states(stays="running")
        wait_until(lambda: len(self.cloud.guests()) == 1, "one of them is really gone")
        self.assertNotIn("conflict", self.host())
        self.assertEqual(self.act("stays", "stop")["code"], "ok")
        self.assertEqual(self.cloud.guests(), [])

    def test_a_restored_downstream_manager_finds_its_vms_again(self):
        north = self.cloud.daemon("north")
        self.make("before")
        folder = self.copy(north)
        self.make("since")
        self.assertEqual(self.act("before", "stop")["code"], "ok")
        self.restore(north, folder)
        wait_until(lambda: self.cluster().get("conflict") == "another-store",
                   "the operator sees it")
        since = self.id_of("since")
        wait_until(lambda: since in self.owner("host", "leftovers", "host-1").out,
                   "what the host has and its manager does not know")
        self.owner("host", "adopt", since)
        self.assertEqual(self.states(), {"before": "stopped", "since": "running"})
        self.cloud.cli("cluster", "accept", "north")
        wait_until(lambda: self.cluster()["state"] == "up", "it is believed again")
        self.await_states(before="stopped", since="running")
        for name, verb in (("since", "stop"), ("before", "start")):
            self.assertEqual(self.act(name, verb)["code"], "ok")

    def test_a_restored_upstream_manager_takes_what_its_clusters_tell(self):
        upstream = self.cloud.daemon("upstream")
        self.make("before")
        folder = self.copy(upstream)
        self.make("since")
        for verb in ("stop", "start", "stop"):
            self.assertEqual(self.act("before", verb)["code"], "ok")
        since = self.id_of("since")
        self.restore(upstream, folder)
        self.await_states(before="stopped")
        self.assertEqual(self.act("before", "start")["code"], "ok")
        self.assertIn(since, self.cloud.cli("cluster", "leftovers").out)
        self.cloud.cli("cluster", "adopt", since, "found", "--tenant", "acme")
        self.assertEqual(self.states(), {"before": "running", "found": "running"})
        self.assertEqual(self.act("found", "stop")["code"], "ok")


class Successor(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"timing": {"beat_seconds": 1, "hold_down_seconds": 5}}

    def serves_north(self, log):
        """The manager with this log, asked by its operator."""
        port = re.search(r"event=listening .*port=(\d+)", read(log))
        if not port or " event=ready " not in read(log):
            return False
        request = urllib.request.Request(f"http://127.0.0.1:{port[1]}/v1/clusters/north", headers={
            "Authorization": f"Bearer {read(self.cloud.operator('upstream')).strip()}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["state"] == "up"

    def test_a_manager_that_comes_back_after_its_successor_gives_way(self):
        old = self.cloud.daemon("upstream")
        config = f"{self.folder.name}/successor.conf"
        state = f"{self.folder.name}/successor"
        os.kill(old.pid(), signal.SIGSTOP)
        self.addCleanup(old.launch)
        self.addCleanup(old.stop)
        shutil.copytree(old.state, state)
        write(config, read(old.config).replace(old.state, state).replace(
            f"127.0.0.1:{self.cloud.ports['upstream']}", "127.0.0.1:0"))
        subprocess.run([old.program, "--config", config, "--raise-term"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
        log = f"{self.folder.name}/successor.log"
        with open(log, "wb") as out:
            new = subprocess.Popen([old.program, "--config", config], stdout=out, stderr=out)
        self.addCleanup(new.wait)
        self.addCleanup(new.kill)
        wait_until(lambda: self.serves_north(log), "the cluster follows the successor")
        os.kill(old.pid(), signal.SIGCONT)
        self.assertEqual(old.process.wait(timeout=120), DEPOSED)
        self.assertIn("--raise-term", old.log())
        wait_until(lambda: self.serves_north(log), "and does so again")
        self.assertIsNone(new.poll())


if __name__ == "__main__":
    unittest.main(verbosity=2)
