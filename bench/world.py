"""The cloud that is measured, its load generators, and the counters of its processes."""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [f"{ROOT}/tools", f"{ROOT}/tests/system"]
from cloud import Cloud, read, wait_until, write_secret  # noqa: E402,F401
from cloud_case import make_archive  # noqa: E402

BUILD = os.path.join(ROOT, os.environ.get("ISTHMUS_BUILD", "build-bench"))
# Room for all that is measured: what is looked for is the cost of work, not of its refusal.
# One client with one token stands for many: it may have what there is.
ONE_CLIENT = {"connections_per_address": 2000, "requests_per_token": 1000}
IDLE_MOST = 30  # connections, for their memory
HOST = {"cpus": 200000, "memory_mib": 16000000, "disk_gib": 1000000}
PROGRAMS = ["src/cli/isthmus", "src/main/isthmus-upstream", "src/main/isthmus-downstream",
            "src/main/isthmus-agent", "src/main/isthmus-relay", "src/main/isthmus-warden"]
GENERATORS = ["bench-exchange", "bench-exchange-http", "bench-exchange-amqp",
              "bench-exchange-zeromq", "bench-load", "bench-commit", "bench-domains",
              "bench-placement", "bench-agents", "bench-websocket"]


def build():
    """A release build with the assertions in, as the daemons run in production."""
    if not os.path.exists(f"{BUILD}/build.ninja"):
        subprocess.run(["meson", "setup", BUILD, ROOT, "--buildtype=release", "-Db_ndebug=false"],
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", BUILD, "--quiet", *PROGRAMS,
                    *(f"bench/{name}" for name in GENERATORS), "sim/isthmus-sim"], check=True)


def generate(name, *arguments):
    """Runs a load generator to its end; what it measured."""
    done = subprocess.run([f"{BUILD}/bench/{name}", *map(str, arguments)], text=True,
                          capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"{name} {' '.join(map(str, arguments))}: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def cpu_seconds(pid):
    """What all threads of a process have run for, as the scheduler counts it: /proc/PID/stat
    counts whole ticks, which are too coarse for a provision. A thread that ends meanwhile, as a
    login's watchdog does, is left out."""
    seconds = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            seconds += int(read(f"/proc/{pid}/task/{thread}/schedstat").split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):
            pass
    return seconds


def family(pid):
    """The process and all its children: a broker's virtual machine is one."""
    pids = [pid]
    for parent in pids:
        try:
            for thread in os.listdir(f"/proc/{parent}/task"):
                pids += map(int, read(f"/proc/{parent}/task/{thread}/children").split())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return pids


def kib_of(path, name):
    return int(re.search(rf"{name}:\s+(\d+)", read(path)).group(1))


def resident_kib(pid):
    return kib_of(f"/proc/{pid}/status", "VmRSS")


def anonymous_kib(pid):
    """What is resident and the process's own: of a library's pages, some 100 KiB more or fewer are
    there from one start to the next."""
    return kib_of(f"/proc/{pid}/status", "RssAnon")


class World:
    """A Cloud without traces, a tenant, an image, and the raw exchange on the same servers."""

    def __init__(self, agents=2, trace=False, **options):
        self.folder = tempfile.TemporaryDirectory(prefix="isthmus-bench-")
        self.cloud = Cloud(f"{self.folder.name}/cloud", BUILD, {"north": agents}, driver="test",
                           trace=trace, **{"host": HOST, "api": ONE_CLIENT, **options})
        self.raw = []
        self.names = 0

    def __enter__(self):
        server_1, server_2 = self.cloud.server_1, self.cloud.server_2
        idle = [f"idle-{number}" for number in range(IDLE_MOST)]
        for server, users in ((server_1, ("driver", "above")),
                              (server_2, ("below", "echo", *idle))):
            for user in users:
                server.add_account(user, read(self.password_file(user)).strip())
        try:
            self.cloud.start()
            self.token_file = self.cloud.tenant("acme")
            self.cloud.cli("image", "import", "empty",
                           make_archive(f"{self.folder.name}/empty.tar.zst"))
            wait_until(self.has_room, "the cluster tells how many VMs fit")
            self.provision(1, 1)  # the image travels down
        except RuntimeError as fault:
            self.__exit__()
            raise RuntimeError(f"{fault}\n{self.cloud.tail()}") from fault
        return self

    def __exit__(self, *_):
        for process in self.raw:
            process.kill()
            process.wait()
            process.stdout.close()
        self.cloud.stop()
        self.folder.cleanup()

    def token(self):
        return read(self.token_file).strip()

    def has_room(self, upstream=None):
        """Its processors may be known before how many of each shape fit on them."""
        cluster = self.cloud.rest("GET", "/v1/clusters", upstream=upstream).json()["items"][0]
        fits = cluster.get("capacity", {}).get("fits", [])
        return cluster["state"] == "up" and fits and all(fit["count"] for fit in fits)

    # the floor

    def password_file(self, user):
        """A relay tells its accounts by that; the bridge has one at each server."""
        name = "bridge" if user in ("above", "below") else user
        return write_secret(f"{self.folder.name}/{name}.password")

    def place(self, server, user):
        proof = getattr(server, "server_key", server.ca_file)
        return f"{server.jid(user, 'bench')},{server.port},{proof}"

    def raw_program(self):
        """The least that a program of this kind of carrier can be."""
        kind = self.cloud.options.carrier
        return "bench-exchange" if kind == "xmpp" else f"bench-exchange-{kind}"

    def echo(self, server, user):
        """What a party that sends everything back is called with."""
        if self.cloud.options.carrier == "xmpp":
            return ("echo", self.place(server, user))
        return ("echo", self.place(server, user), server.jid("below", "bench"))

    def start_raw(self):
        one, two = self.cloud.server_1, self.cloud.server_2
        self.start_one("echo", self.echo(two, "echo"))
        self.start_one("above", ("bridge", self.place(one, "above"), self.place(two, "below"),
                                 one.jid("driver", "bench"), two.jid("echo", "bench")))

    def start_one(self, user, role):
        process = subprocess.Popen(
            [f"{BUILD}/bench/{self.raw_program()}", self.password_file(user), *role],
            stdout=subprocess.PIPE, text=True)
        self.raw.append(process)
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{self.raw_program()} {role[0]} did not get ready")
        return process

    def stop_raw(self):
        """So that the two wait for nothing, at no cost, while something else is measured."""
        for process in self.raw:
            process.kill()
            process.wait()
            process.stdout.close()
        self.raw = []

    def exchange(self, count, outstanding, size):
        one = self.cloud.server_1
        self.start_raw()
        try:
            before = self.server_seconds()
            result = generate(self.raw_program(), self.password_file("driver"), "drive",
                              self.place(one, "driver"), one.jid("above", "bench"), count,
                              outstanding, size)
            frames = 4 * count  # each goes by two servers, there and back
            result["server_us"] = (self.server_seconds() - before) * 1e6 / frames
            return result
        finally:
            self.stop_raw()

    def server_seconds(self):
        """Of processor, of all application servers so far."""
        return sum(cpu_seconds(pid) for server in self.cloud.servers
                   for pid in family(server.running_pid()))

    def connection_kib(self, count):
        """What one connection more costs its server, and a raw client."""
        server = self.cloud.server_2

        def resident():
            return sum(resident_kib(pid) for pid in family(server.running_pid()))
        before = resident()
        try:
            pids = [self.start_one(user, self.echo(server, user)).pid
                    for user in (f"idle-{number}" for number in range(count))]
            return ((resident() - before) / count,
                    sum(map(anonymous_kib, pids)) / count)
        finally:
            self.stop_raw()

    # the product

    def server(self):
        return self.cloud.environment()["ISTHMUS_SERVER"]

    def provision(self, count, outstanding):
        """Makes VMs to their true ends; with the CPU seconds of each process."""
        self.names += 1
        before = self.cpu()
        result = generate("bench-load", self.server(), self.token_file, outstanding, "create",
                          f"b{self.names}", count, "nano", "empty")
        after = self.cpu()
        result["cpu_us"] = {name: (after[name] - before[name]) * 1e6 / count for name in after}
        return result

    def get(self, path, count, outstanding=1):
        """Reads it so often; with the CPU of the upstream manager for one answer."""
        before = cpu_seconds(self.cloud.upstream.pid())
        result = generate("bench-load", self.server(), self.token_file, outstanding, "get", path,
                          count)
        after = cpu_seconds(self.cloud.upstream.pid())
        return {**result, "cpu_us": (after - before) * 1e6 / count}

    def pids(self):
        pids = {daemon.name: daemon.pid() for daemon in self.cloud.daemons()}
        pids.update({server.name: server.running_pid() for server in self.cloud.servers})
        return pids

    def cpu(self):
        return {name: cpu_seconds(pid) for name, pid in self.pids().items()}

    def resident(self):
        return {name: resident_kib(pid) for name, pid in self.pids().items()}

    def commits(self, count, outstanding):
        """fsync and fdatasync calls per operation, by daemon, counted by strace: a run of its
        own, because strace costs."""
        tracers, files = [], {}
        for daemon in self.cloud.daemons():
            files[daemon.name] = f"{self.folder.name}/{daemon.name}.strace"
            tracers.append(subprocess.Popen(
                ["strace", "-f", "-q", "-e", "trace=fsync,fdatasync", "-o", files[daemon.name],
                 "-p", str(daemon.pid())], stderr=subprocess.PIPE, text=True))
        time.sleep(0.5)  # until they are attached
        try:
            self.provision(count, outstanding)
            time.sleep(1)  # what is settled afterwards counts as well
        finally:
            for tracer in tracers:
                tracer.terminate()
                tracer.communicate()
        return {name: len(re.findall(r"f(?:data)?sync\(\d+", read(path))) / count
                for name, path in files.items()}

    def count_traffic(self, act):
        """Stanzas and their bytes that each server took in while something is done; needs trace."""
        marks = {server.name: os.path.getsize(server.traffic_file)
                 for server in self.cloud.servers}
        act()
        taken = {}
        for server in self.cloud.servers:
            with open(server.traffic_file, errors="replace") as file:
                file.seek(marks[server.name])
                lines = [line for line in file if line.startswith("in ")]
            stanzas = [line.split(" ", 2)[2] for line in lines]
            taken[server.name] = {"stanzas": len(stanzas), "bytes": sum(map(len, stanzas))}
        return taken

    def provision_and_settle(self, count, outstanding):
        self.provision(count, outstanding)
        time.sleep(1)

    def traffic(self, count, outstanding):
        """Per operation."""
        taken = self.count_traffic(lambda: self.provision_and_settle(count, outstanding))
        return {server: {what: number / count for what, number in counted.items()}
                for server, counted in taken.items()}

    def count_wire(self, act):
        """Bytes that went through each daemon's connection both ways, with TLS, without TCP and
        IP, while something is done; needs proxies."""
        def wire():
            return {name: sum(proxy.bytes.values())
                    for name, proxy in self.cloud.proxies.items()}
        before = wire()
        act()
        return {name: bytes_now - before[name] for name, bytes_now in wire().items()}
