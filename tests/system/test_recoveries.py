#!/usr/bin/env python3
"""Hosts, clusters, links and managers are lost at random, under load, and VMs are made anew: none
is ever seen to run twice, none is lost or stuck, and no disk that comes back is older than is told.

ISTHMUS_RECOVERIES says after how many VMs made anew it ends (default: 4); 200 are the measurement.
ISTHMUS_SEED repeats the choices of a run, which are printed."""
import collections
import json
import os
import random
import re
import signal
import threading
import time
import unittest

from cloud_case import command_line, wait_until
from cloud import end_process
from survive_case import LOST_SECONDS, SurviveCase
from warden import state_of

RECOVERIES = int(os.environ.get("ISTHMUS_RECOVERIES", "4"))
SEED = int(os.environ.get("ISTHMUS_SEED", random.randrange(10 ** 6)))


class Guests(threading.Thread):
    """Of each VM that is watched, how many of its QEMU processes went on at a time: who does so in
    two looks, for one that is being killed may show for a moment as if it ran."""

    def __init__(self, cloud):
        super().__init__(daemon=True)
        self.cloud, self.twice, self.is_over = cloud, [], False
        self.vms = {}  # by pid
        self.start()

    def look(self):
        pids = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        self.vms = {pid: vm for pid, vm in self.vms.items() if pid in pids}
        for pid in pids - set(self.vms):
            words = " ".join(command_line(pid) or [""])
            found = re.search(r"guest=isthmus-(vm-\w+)", words)
            self.vms[pid] = found[1] if found and self.cloud.folder in words else None
        return {pid for pid, vm in self.vms.items() if vm and state_of(pid) in ("R", "S", "D")}

    def run(self):
        before = set()
        while not self.is_over:
            going = self.look()
            count = collections.Counter(self.vms[pid] for pid in going & before)
            self.twice += [f"{vm}: {number} at {time.time():.1f}" for vm, number in count.items()
                           if number > 1]
            before = going
            time.sleep(0.1)


class Load(threading.Thread):
    """A tenant who makes a VM and deletes it, again and again. It may be refused."""

    def __init__(self, case):
        super().__init__(daemon=True)
        self.case, self.is_over, self.made = case, False, 0
        self.operations = []
        self.start()

    def run(self):
        while not self.is_over:
            self.made += 1
            name = f"load-{self.made}"
            for method, path, body in (
                    ("POST", "/v1/vms?wait=20", {"name": name, "shape": "nano", "image": "empty"}),
                    ("DELETE", f"/v1/vms/{name}?wait=20", None)):
                try:
                    answer = self.case.ask(method, path, body)
                except (OSError, RuntimeError):
                    continue  # the upstream manager is away
                if answer.status in (200, 202):
                    self.operations.append(answer.json())
            time.sleep(0.5)

    def end(self):
        self.is_over = True
        self.join()


class Recoveries(SurviveCase):
    clusters = {"north": ["host-1", "host-2"], "south": ["host-3", "host-4"]}
    options = {"driver": "qemu", "proxies": True,
               "timing": {"beat_seconds": 1, "hold_down_seconds": 2, "lease_seconds": 15},
               "cloud_timing": {"lease_seconds": 24}}
    wishes = {"host": {"on_loss": "restart"}, "any": {"on_loss": "anywhere"},
              "copy": {"on_loss": "restart", "restart_from": "copy"}}

    # what is known of hosts, clusters and VMs

    def owner_of(self, cluster, *words):
        return json.loads(self.cloud.owner(cluster, *words, "-o", "json").out)

    def cluster_of(self, host):
        return next(name for name, hosts in self.clusters.items() if host in hosts)

    def where(self, name):
        """Its cluster and its host."""
        vm = self.get(f"/v1/vms/{name}")
        return vm["cluster"], self.owner_of(vm["cluster"], "vm", "show", vm["id"]).get("host")

    def is_whole(self):
        """All clusters and hosts are there, keep leases, and have nothing to put aside."""
        places = [self.cloud.rest("GET", f"/v1/clusters/{name}").json() for name in self.clusters]
        places += [host for name in self.clusters
                   for host in self.owner_of(name, "host", "list")["items"]]
        return len(places) == 6 and all(
            place["state"] == "up" and place.get("guarded") and not place.get("evictions") and
            place.get("lease", "none") in ("none", "runs") for place in places)

    def boots(self, name):
        """How often it has booted, as it tells at its newest boot, and how far it has counted."""
        host, vm = self.where(name)[1], self.get(f"/v1/vms/{name}")["id"]
        said = re.findall(r"boots=(\d+)\s((?:HB \d+\s+)*)", self.console(host, vm)) if host else []
        return (int(said[-1][0]), said[-1][1].count("HB")) if said else (0, 0)

    def await_beats(self, name):
        """It goes on: its guest tells two more beats."""
        boots, beats = self.boots(name)
        wait_until(lambda: self.boots(name) > (boots, beats + 1) and self.boots(name)[1] > 1,
                   f"{name} goes on", seconds=LOST_SECONDS)

    # what is done to them, and how it is made good again

    def end_guests(self, host):
        for pid in self.cloud.guests(host):
            end_process(pid, signal.SIGKILL)

    def lose_host(self, host):
        self.cloud.agents[host].kill()
        self.cloud.wardens[host].kill()
        self.end_guests(host)
        return lambda: (self.cloud.wardens[host].start(), self.cloud.agents[host].start())

    def lose_agent(self, host):
        self.cloud.agents[host].kill()
        return self.cloud.agents[host].start

    def freeze_agent(self, host):
        self.cloud.agents[host].freeze()
        return self.cloud.agents[host].thaw

    def cut_host(self, host):
        self.cloud.proxies[host].cut()
        return self.cloud.proxies[host].resume

    def lose_cluster(self, cluster):
        self.cloud.downstreams[cluster].kill()
        heals = [self.lose_host(host) for host in self.clusters[cluster]]
        return lambda: (self.cloud.downstreams[cluster].start(), [heal() for heal in heals])

    def cut_cluster(self, cluster):
        self.cloud.proxies[f"{cluster}.uplink"].cut()
        return self.cloud.proxies[f"{cluster}.uplink"].resume

    def disturb(self):
        """Something that need not make anybody's VM anew: what is short of a lease is a pause."""
        cluster = self.random.choice(list(self.clusters))
        host = self.random.choice(list(self.cloud.agents))
        manager, cloud = self.cloud.downstreams[cluster], self.cloud.upstream
        agent, warden = self.cloud.agents[host], self.cloud.wardens[host]
        what, end, start, most_seconds = self.random.choice([
            (f"{cluster}'s manager ends", manager.kill, manager.start, 20),
            (f"{cluster}'s manager stands still", manager.freeze, manager.thaw, 20),
            ("the upstream manager ends", cloud.kill, cloud.start, 20),
            (f"{host}'s warden ends", warden.kill, warden.start, 0),
            (f"{host}'s QEMU processes end", lambda: self.end_guests(host), lambda: None, 0),
            (f"{host}'s agent ends", agent.kill, agent.start, 0)])
        print(what, flush=True)
        end()
        time.sleep(self.random.uniform(0, most_seconds))
        start()

    # a round

    def copy(self):
        """Of those that are to come back from one; how often each had booted before."""
        for name, vm in self.made.items():
            if "restart_from" in vm and self.random.random() < 0.5:
                self.await_end(self.act(name, "stop"))
                self.await_end(self.act(name, "start"))
                self.await_beats(name)
            if "restart_from" in vm:
                begun_ms = time.time() * 1000
                booted = self.boots(name)[0]
                self.await_end(self.act(name, "copy"))
                self.copied[name].append((begun_ms, booted))

    def lose(self):
        """Something is lost for good until its VMs are made anew elsewhere; how many were."""
        where = {name: self.where(name) for name in self.made}
        if self.random.random() < 0.5:
            host = self.random.choice([host for _, host in where.values()])
            lost = {name for name, (_, on) in where.items() if on == host}
            what = self.random.choice([self.lose_host, self.lose_agent, self.freeze_agent,
                                       self.cut_host])
            place, part = host, 1
        else:
            anywhere = [name for name, vm in self.made.items() if vm["on_loss"] == "anywhere"]
            place, part = where[self.random.choice(anywhere)][0], 0
            lost = {name for name in anywhere if where[name][0] == place}
            what = self.random.choice([self.lose_cluster, self.cut_cluster])
        print(f"{what.__name__} {place}: {sorted(lost)}", flush=True)
        before = {name: self.get(f"/v1/vms/{name}").get("restarts", 0) for name in lost}
        heal = what(place)
        try:
            for name in lost:
                wait_until(lambda name=name: (vm := self.get(f"/v1/vms/{name}"))["state"] ==
                           "running" and vm.get("restarts", 0) > before[name] and
                           self.where(name)[part] not in (None, place),
                           f"{name} is made anew", seconds=LOST_SECONDS)
                self.await_beats(name)
                self.assert_as_old_as_told(name)
        finally:
            heal()
        return len(lost)

    def assert_as_old_as_told(self, name):
        vm, boots = self.get(f"/v1/vms/{name}"), self.boots(name)[0]
        if not self.copied[name]:
            self.assertEqual(boots, 1, f"{name} has its image's disk")
            return
        newest_ms, booted = self.copied[name][-1]
        self.assertEqual(boots, booted + 1, f"{name} is from its newest copy, of {newest_ms}")
        self.assertGreater(vm["restored_ms"], newest_ms - 60000, name)
        self.assertLessEqual(vm["restored_ms"], time.time() * 1000, name)

    def settle(self):
        """All is there again; who crashed on the way is started by its tenant."""
        wait_until(self.is_whole, "all is whole", seconds=LOST_SECONDS)
        for name in self.made:
            wait_until(lambda name=name: (vm := self.get(f"/v1/vms/{name}"))["state"] in
                       ("running", "crashed") and vm.get("unheard_ms") is None,
                       f"{name} is heard of", seconds=LOST_SECONDS)
            if self.get(f"/v1/vms/{name}")["state"] == "crashed":
                self.await_end(self.act(name, "start"))
            self.await_beats(name)

    def test_vms_that_are_lost_at_random_run_again_once_and_as_told(self):
        print(f"\nISTHMUS_SEED={SEED}", flush=True)
        self.random, self.made = random.Random(SEED), {}
        self.copied = collections.defaultdict(list)
        self.import_image("empty")
        wait_until(self.is_whole, "all is whole")
        for cluster in self.clusters:
            for kind, wishes in self.wishes.items():
                made = self.create(f"{cluster}-{kind}", "heart", wait=60, cluster=cluster, **wishes)
                self.await_end(made)
                self.made[f"{cluster}-{kind}"] = wishes
        guests, load, count = Guests(self.cloud), Load(self), 0
        try:
            while count < RECOVERIES:
                self.settle()
                self.copy()
                if self.random.random() < 0.4:
                    self.disturb()
                else:
                    count += self.lose()
                self.assertEqual(guests.twice, [])
            self.settle()
        finally:
            load.end()
            guests.is_over = True
            guests.join()
        self.assertEqual(guests.twice, [])
        self.assertGreater(len(load.operations), 0)
        for operation in load.operations:  # none is stuck
            ended = self.operation(operation, 180)
            self.assertIn(ended["state"], ("succeeded", "failed"), ended)
        print(f"{count} VMs made anew, {len(load.operations)} operations beside", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
