"""Measurements with many hosts: connected agents on one downstream manager, and what the hosts
below cost the upstream manager."""
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import time

from world import BUILD, World, anonymous_kib, cpu_seconds, kib_of, read, resident_kib
from cloud import wait_until  # noqa: E402, after world, which knows where it is
from prosody import store_name

PATIENCE_SECONDS = 900  # all, back after a server's return
WAVE_SECONDS = 120      # one process's agents; two to five are usual
AT_ONCE = 1000          # that may come back all at once; more of them in waves, see hold()
WAVE_PROCESSES = 5
PER_PROCESS = 75        # of some twelve descriptors each, of which libstrophe bears 1,024
THREADS_EACH = 4        # loop, link, connection, and a watchdog while it logs in
KIB_EACH = 640          # of an agent and of what the server keeps of it
SPARE_DESCRIPTORS = 200


class TooMany(RuntimeError):
    """This machine does not carry so many agents; `connected` of them it did."""

    def __init__(self, connected, why):
        super().__init__(why)
        self.connected = connected


def what_stops(count):
    """Why so many agents cannot be on this machine, or None; what may be raised is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = count + SPARE_DESCRIPTORS  # the server's, one for each
    if descriptors > hard != resource.RLIM_INFINITY:
        return f"the server needs {descriptors:,} descriptors, and a process may have {hard:,}"
    if descriptors > soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    low, high = map(int, read("/proc/sys/net/ipv4/ip_local_port_range").split())
    most = min(int(read(f"/proc/sys/kernel/{name}")) for name in ("pid_max", "threads-max"))
    for what, needed, there in (
            ("ports of the loopback device", count, high - low),
            ("threads", count * THREADS_EACH, most),
            ("KiB of memory", count * KIB_EACH, kib_of("/proc/meminfo", "MemAvailable"))):
        if needed > there:
            return f"they need {needed:,} {what}, and there are {there:,}"
    return None


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
        self.add(range(len(self.keys), count))
        sections = (f"[agent a{i}]\naddress = {self.cloud.server_2.jid(f'a{i}', 'agent')}\n"
                    f"peer_key = {self.keys[i]}\n" for i in range(count))
        self.manager.stop()
        with open(self.manager.config, "w") as config:
            config.write(self.first_config + "\n" + "".join(sections))
        self.manager.start()

    def add(self, numbers):
        """As the real agent, with the same password: a hash of its own would take 5 ms."""
        server = self.cloud.server_2
        accounts = f"{server.folder}/data/{store_name(server.domain)}/accounts"
        folders = [f"{self.world.folder.name}/fleet/a{i}" for i in numbers]
        for folder in folders:
            name = os.path.basename(folder)
            shutil.copy(f"{accounts}/{store_name('host-1')}.dat",
                        f"{accounts}/{store_name(name)}.dat")
            shutil.copytree(self.model.folder, folder, ignore=shutil.ignore_patterns(
                "state", "*.key", "pid", os.path.basename(self.model.config)))
            text = read(self.model.config).replace(self.model.folder, folder)
            with open(f"{folder}.conf", "w") as config:
                config.write(text.replace("host-1@", f"{name}@"))
        if folders:
            done = subprocess.run([f"{BUILD}/bench/bench-agents", "key",
                                   *(f"{folder}/uplink.key" for folder in folders)], text=True,
                                  check=True, stdout=subprocess.PIPE)
            self.keys += done.stdout.split()

    def start(self, count):
        """One process after the other, each when the agents of the one before are connected;
        seconds until all are. So many logins at once as all of them would be come with a
        server's return. The processes stand for other machines: the server and the manager go
        first."""
        begin = time.monotonic()
        for first in range(0, count, PER_PROCESS):
            last = min(first + PER_PROCESS, count)
            command = ["nice", "-n", "5", f"{BUILD}/bench/bench-agents",
                       *(f"{self.world.folder.name}/fleet/a{i}.conf" for i in range(first, last))]
            with open(f"{self.world.folder.name}/fleet.log", "a") as log:
                self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))
            try:
                self.await_seen(last + 1, WAVE_SECONDS)
            except RuntimeError as fault:
                raise TooMany(self.seen() - 1, str(fault)) from fault
        return time.monotonic() - begin

    def hold(self, count):
        """Stops the processes of more agents than may come back at once: 5,000 that began their
        logins together on two cores drove the load average to 4,000, and none was through
        within the 15 s after which it is cut and begins anew. The number held."""
        held = self.processes if count > AT_ONCE else []
        for process in held:
            process.send_signal(signal.SIGSTOP)
        return len(held)

    def let_on(self, count):
        """Those that hold() held, a wave when the one before is through."""
        for first in range(0, len(self.processes), WAVE_PROCESSES):
            last = min(first + WAVE_PROCESSES, len(self.processes))
            for process in self.processes[first:last]:
                process.send_signal(signal.SIGCONT)
            self.await_seen(min(last * PER_PROCESS, count) + 1, WAVE_SECONDS)

    def stop(self):
        for number in (signal.SIGTERM, signal.SIGCONT):
            for process in self.processes:
                process.send_signal(number)
        for process in self.processes:
            try:
                process.wait(WAVE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []

    def check(self):
        for process in self.processes:
            if process.poll() is not None:
                said = read(f"{self.world.folder.name}/fleet.log")
                raise RuntimeError(f"bench-agents ended: {said}")

    def seen(self):
        """How many hosts the manager has up, by what it tells upstream of their processors."""
        cluster = self.cloud.rest("GET", "/v1/clusters").json()["items"][0]
        if cluster["state"] != "up":
            return 0
        return cluster.get("capacity", {}).get("cpus_total", 0) // self.cloud.host["cpus"]

    def await_seen(self, count, patience_seconds=PATIENCE_SECONDS):
        """Seconds until the manager has so many hosts up, and VMs can be placed on them."""
        begin = time.monotonic()

        def is_seen():
            self.check()
            return self.seen() == count and (count == 0 or self.world.has_room())
        wait_until(is_seen, f"{count} hosts are up", patience_seconds)
        return time.monotonic() - begin

    def cpu(self):
        """CPU seconds so far, by part."""
        return {"the server": cpu_seconds(self.cloud.server_2.running_pid()),
                "the manager": cpu_seconds(self.manager.pid()),
                "the agents": sum(cpu_seconds(process.pid) for process in self.processes)}


def measure_return(report, world, fleet, count):
    """The server dies and comes back; then each host gets a VM."""
    server = fleet.cloud.server_2
    held = fleet.hold(count)
    server.kill()
    fleet.await_seen(0)
    server.start()
    before, begin = fleet.cpu(), time.monotonic()
    try:
        if held:
            fleet.let_on(count)
        fleet.await_seen(count + 1)
    except RuntimeError as fault:
        raise TooMany(fleet.seen() - 1, f"after a server's return: {fault}") from fault
    how = f", {WAVE_PROCESSES * PER_PROCESS} at a time" if held else ""
    report.add(f"{count} agents: all are back after a server's return{how}", "s",
               time.monotonic() - begin)
    for part, spent in fleet.cpu().items():
        report.add(f"{count} agents: CPU of that, {part}, for each", "ms",
                   (spent - before[part]) * 1000 / count)
    made = world.provision(count, min(count, 512))
    report.add(f"{count} agents: then one VM each is placed in", "s", made["seconds"])


def measure_fleet(report, world, fleet, count, taken):
    """So many agents beside the real one; the manager's memory when they are connected goes into
    `taken`, whatever comes of the rest."""
    why = what_stops(count)
    if why:
        raise TooMany(0, why)
    fleet.set_count(count)
    fleet.await_seen(1)
    report.add(f"{count} agents: all are connected after", "s", fleet.start(count))
    taken[count] = anonymous_kib(fleet.manager.pid())
    measure_return(report, world, fleet, count)


def measure_agents(report, sizes):
    """connected agents on one downstream manager, over real XMPP connections"""
    report.heading("connected agents on one downstream manager")
    taken = {}
    for count in sizes["agents"]:
        with World(agents=1) as world:  # a fresh one: the manager has none of the former VMs
            fleet = Fleet(world)
            try:
                measure_fleet(report, world, fleet, count, taken)
            except TooMany as fault:
                print(f"{count} agents: not on this machine (load average "
                      f"{os.getloadavg()[0]:.0f}): {fault}")
                report.add(f"{count} agents: of these were connected", "", fault.connected)
            finally:
                fleet.stop()
    few = min(taken, default=0)  # what a connection costs whatever its agents is in both
    for count in taken:
        judged = {"most": 2048} if count == max(taken) else {}
        if count > few:
            report.add(f"{count} agents: the manager's memory for each beyond {few}", "B",
                       (taken[count] - taken[few]) * 1024 / (count - few), **judged)


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
