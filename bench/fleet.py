"""Measurements with many hosts: connected agents on one downstream manager, and what the hosts
below cost the upstream manager."""
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time

from world import BUILD, World, read, resident_kib
from cloud import wait_until  # noqa: E402, after world, which knows where it is
from prosody import store_name

PATIENCE_SECONDS = 900
PER_PROCESS = 75  # of some twelve descriptors each, of which libstrophe bears 1,024


class Fleet:
    """Agents without hosts (bench/agents.c) beside the one real agent of a World."""

    def __init__(self, world):
        self.world, self.cloud = world, world.cloud
        self.manager = self.cloud.downstreams["north"]
        self.model = self.cloud.agents["host-1"]
        self.first_config = read(self.manager.config)
        self.processes = []
        self.keys = []

    def set_count(self, count):
        """Accounts, configurations and the manager's peers, with none of them running."""
        self.stop()
        for i in range(len(self.keys), count):
            self.add(f"a{i}")
        sections = (f"[agent a{i}]\naddress = {self.cloud.server_2.jid(f'a{i}', 'agent')}\n"
                    f"peer_key = {self.keys[i]}\n" for i in range(count))
        self.manager.stop()
        with open(self.manager.config, "w") as config:
            config.write(self.first_config + "\n" + "".join(sections))
        self.manager.start()

    def add(self, name):
        """As the real agent, with the same password: a hash of its own would take 5 ms."""
        server = self.cloud.server_2
        accounts = f"{server.folder}/data/{store_name(server.domain)}/accounts"
        shutil.copy(f"{accounts}/{store_name('host-1')}.dat", f"{accounts}/{store_name(name)}.dat")
        folder = f"{self.world.folder.name}/fleet/{name}"
        shutil.copytree(self.model.folder, folder, ignore=shutil.ignore_patterns(
            "state", "*.key", "pid", os.path.basename(self.model.config)))
        text = read(self.model.config).replace(self.model.folder, folder)
        with open(f"{folder}.conf", "w") as config:
            config.write(text.replace("host-1@", f"{name}@"))
        done = subprocess.run([self.manager.program, "key", f"{folder}/uplink.key"], text=True,
                              check=True, stdout=subprocess.PIPE)
        self.keys.append(done.stdout.split()[-1])

    def start(self, count):
        """One process after the other; seconds until all agents are connected. So many logins at
        once as all of them would be come with a server's return."""
        begin = time.monotonic()
        for first in range(0, count, PER_PROCESS):
            last = min(first + PER_PROCESS, count)
            configs = [f"{self.world.folder.name}/fleet/a{i}.conf" for i in range(first, last)]
            with open(f"{self.world.folder.name}/fleet.log", "a") as log:
                self.processes.append(subprocess.Popen(
                    [f"{BUILD}/bench/bench-agents", *configs], stdout=log, stderr=log))
            self.await_seen(last + 1)
        return time.monotonic() - begin

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait()
        self.processes = []

    def check(self):
        for process in self.processes:
            if process.poll() is not None:
                said = read(f"{self.world.folder.name}/fleet.log")
                raise RuntimeError(f"bench-agents ended: {said}")

    def seen(self):
        """How many hosts the manager has up, by what it tells upstream of their processors."""
        self.check()
        cluster = self.cloud.rest("GET", "/v1/clusters").json()["items"][0]
        if cluster["state"] != "up":
            return 0
        return cluster.get("capacity", {}).get("cpus_total", 0) // self.cloud.host["cpus"]

    def await_seen(self, count):
        """Seconds until the manager has so many hosts up."""
        begin = time.monotonic()
        wait_until(lambda: self.seen() == count, f"{count} agents are connected", PATIENCE_SECONDS)
        return time.monotonic() - begin


def measure_fleet(report, world, fleet, count):
    """So many agents beside the real one; the manager's memory when they are connected."""
    fleet.set_count(count)
    manager = fleet.manager
    fleet.await_seen(1)
    report.add(f"{count} agents: all are connected after", "s", fleet.start(count))
    connected = resident_kib(manager.pid())
    fleet.cloud.server_2.stop()
    fleet.await_seen(0)
    fleet.cloud.server_2.start()
    report.add(f"{count} agents: all are back after a server's return", "s",
               fleet.await_seen(count + 1))
    made = world.provision(count, min(count, 512))
    report.add(f"{count} agents: then one VM each is placed in", "s", made["seconds"])
    return connected


def measure_agents(report, sizes):
    """connected agents on one downstream manager, over real XMPP connections"""
    report.heading("connected agents on one downstream manager")
    with World(agents=1) as world:
        fleet = Fleet(world)
        try:
            taken = [(0, resident_kib(restarted(fleet.manager).pid()))]
            for count in sizes["agents"]:
                taken.append((count, measure_fleet(report, world, fleet, count)))
        finally:
            fleet.stop()
    for (few, before), (many, after) in zip(taken, taken[1:]):
        judged = {"most": 2048} if many == sizes["agents"][-1] else {}
        report.add(f"downstream, per agent, from {few} to {many}", "B",
                   (after - before) * 1024 / (many - few), **judged)


def restarted(daemon):
    daemon.stop()
    daemon.start()
    return daemon


def measure_hosts(report, sizes):
    """what one cluster costs upstream, with one host and with many below"""
    hosts = sizes["hosts"]
    report.heading("what a cluster costs upstream, by its hosts")
    with World(agents=1, trace=True) as world:
        fleet = Fleet(world)
        try:
            fleet.set_count(hosts - 1)
            fleet.start(hosts - 1)
            told_of_many = bytes_up(world, sizes["traced"])
            many = {**cost_upstream(world, fleet, hosts), "bytes per provision": told_of_many}
            fleet.set_count(0)
            fleet.await_seen(1)
            one = cost_upstream(world, fleet, 1)
            one["bytes per provision"] = bytes_up(world, sizes["traced"])
        finally:
            fleet.stop()
    for name, unit in (("memory", "KiB"), ("rows", ""), ("bytes per provision", "B")):
        report.add(f"{name}, {hosts} hosts", unit, many[name], limit=one[name],
                   limit_name="with 1 host")
    done = subprocess.run([f"{BUILD}/sim/isthmus-sim", "--one-node"], text=True, check=True,
                          stdout=subprocess.PIPE)
    costs = [list(map(int, re.findall(r"\d+", line))) for line in done.stdout.splitlines()
             if " agents: " in line]
    for i, (name, unit) in enumerate((("memory of the role", "B"), ("rows", ""), ("frames", ""),
                                      ("bytes", "B"))):
        report.add(f"simulated: {name}, {costs[-1][0]} hosts", unit, costs[-1][i + 1],
                   limit=costs[0][i + 1], limit_name="with 1 host")


def cost_upstream(world, fleet, hosts):
    """Memory and rows, with the VMs that are there, between two starts."""
    upstream = world.cloud.upstream
    upstream.stop()
    with sqlite3.connect(f"{upstream.state}/store.sqlite") as store:
        rows = store.execute("SELECT count(*) FROM record").fetchone()[0]
    store.close()
    upstream.start()
    fleet.await_seen(hosts)
    return {"memory": resident_kib(upstream.pid()), "rows": rows}


def bytes_up(world, provisions):
    return world.traffic(provisions, 1)["server-1"]["bytes"]
