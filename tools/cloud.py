#!/usr/bin/env python3
"""A whole cloud on one machine, in a folder of its own: application servers, managers, agents.

For the system tests:
    cloud = Cloud(folder, build, driver="test", clusters={"north": ["host-1", "host-2"]})
    cloud.start()                            # returns when every agent's capacity shows upstream
    cloud.cli("vm", "list")                  # the built command, with server and token
    cloud.daemon("host-1").kill()            # kill -9; .start() again, .stop() by SIGTERM
    cloud.stop()
and for people and ./quickstart:
    cloud.py up FOLDER --build BUILD [--agents 2] [--driver test] [--one-server]
    cloud.py env FOLDER [--tenant NAME]      # for a shell: ISTHMUS_SERVER, ISTHMUS_TOKEN_FILE
    cloud.py status FOLDER
    cloud.py down FOLDER

In FOLDER: servers/ (each Prosody), one folder per daemon (its configuration, secrets and state)
and log/NAME.log (what each wrote to standard error). Nothing outside of it is written but the
cache of libvirt's probes, in the build folder. Only processes that were started from FOLDER are
ended: each is known by its pid together with its command line, which names FOLDER.
"""
import argparse
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

from fault_proxy import FaultProxy
from prosody import Prosody, free_port

START_SECONDS = 60
STOP_SECONDS = 30
POLL_SECONDS = 0.02
# A Unix socket's path has 107 bytes, and libvirt adds for a QEMU's monitor:
ROOT_LENGTH = 107 - len("/lib/qemu/domain-9999-isthmus-vm-01m8224s4/monitor.sock")
CLOUD_FACTS = "cloud.json"
SHAPES = {"nano": (1, 32, 1), "small": (1, 128, 1), "large": (4, 2048, 4)}
HOST = {"cpus": 8, "memory_mib": 4096, "disk_gib": 40}
# Embedded libvirt as root, without systemd and without an account of its own for QEMU.
QEMU_CONF = """\
stdio_handler = "file"
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
"""


def write(path, text, mode=0o644):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)


def write_secret(path):
    """A fresh token in a file for its owner's eyes; kept if it is there."""
    if not os.path.exists(path):
        write(path, secrets.token_hex(32) + "\n", 0o600)
    return path


def read(path):
    with open(path, errors="replace") as file:
        return file.read()


def section(name, values):
    lines = [f"[{name}]"] + [f"{key} = {value}" for key, value in values.items()]
    return "\n".join(lines) + "\n\n"


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []


def wait_until(claim, what, seconds=START_SECONDS):
    """What `claim` returned as soon as it is true; a RuntimeError names what did not come."""
    end = time.monotonic() + seconds
    while True:
        result = claim()
        if result:
            return result
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds} s for this, in vain: {what}")
        time.sleep(POLL_SECONDS)


def end_process(pid, number, seconds=STOP_SECONDS):
    """Sends the signal and waits until the process has ended; somebody else's child, too."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(handle, number)
        if not select.select([handle], [], [], seconds)[0]:
            raise RuntimeError(f"process {pid} has not ended {seconds} s after signal {number}")
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


class Daemon:
    """One of our daemons: `kind` is upstream, downstream or agent."""

    def __init__(self, cloud, kind, name):
        self.kind, self.name = kind, name
        self.program = f"{cloud.build}/src/main/isthmus-{kind}"
        self.folder = f"{cloud.folder}/{kind}s/{name}" if kind != "upstream" \
            else f"{cloud.folder}/upstream"
        self.state = f"{self.folder}/state"
        self.config = f"{self.folder}/{kind}.conf"
        self.log_file = f"{cloud.folder}/log/{name}.log"
        self.pid_file = f"{self.folder}/pid"
        self.process = None
        self.log_start = 0
        os.makedirs(self.folder, exist_ok=True)

    def pid(self):
        """Of the running process, or None. A reused pid is not taken for it."""
        if self.process:
            return self.process.pid if self.process.poll() is None else None
        try:
            pid = int(read(self.pid_file))
        except (OSError, ValueError):
            return None
        return pid if self.config in command_line(pid) else None

    def log(self):
        """What the newest process has logged."""
        try:
            with open(self.log_file, errors="replace") as file:
                file.seek(self.log_start)
                return file.read()
        except FileNotFoundError:
            return ""

    def launch(self):
        """Starts it and returns at once."""
        if self.pid():
            return
        with open(self.log_file, "ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(
                [self.program, "--config", self.config], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
                env={"PATH": os.environ["PATH"], "HOME": self.folder})
        write(self.pid_file, str(self.process.pid))

    def await_ready(self):
        def is_ready():
            if not self.pid():
                code = self.process.returncode if self.process else "unknown"
                raise RuntimeError(f"{self.name} ended before it was ready, exit code {code}:\n"
                                   f"{self.log()}")
            return " event=ready " in self.log()
        wait_until(is_ready, f"{self.name} says event=ready in {self.log_file}")

    def start(self):
        self.launch()
        self.await_ready()

    def _end(self, number):
        pid = self.pid()
        if pid:
            end_process(pid, number)
        if os.path.exists(self.pid_file):
            os.unlink(self.pid_file)
        process, self.process = self.process, None
        return process.wait() if process else None

    def stop(self):
        """SIGTERM; returns the exit code, None if another process started it."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """kill -9."""
        return self._end(signal.SIGKILL)

    def freeze(self):
        os.kill(self.pid(), signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid(), signal.SIGCONT)


class Answer:
    """Of the command (code, out, err) or of REST (status, headers, out)."""

    def __init__(self, **values):
        self.__dict__.update(values)

    def json(self):
        return json.loads(self.out)


class Cloud:
    """`clusters`: agents by cluster, as names or as their number. `driver`: "qemu", an embedded
    libvirt per agent, or "test", libvirt's test driver: no real VMs. `one_server`: one application
    server for both links. `shapes`: name: (cpus, memory MiB, disk GiB). `host`: what each agent
    lends. `limits`: keys of the downstream managers' [uplink]. `timing`: keys of [timing].
    `ports`: of "upstream", a server or a cluster (its images), instead of free ones.
    `image_ports`: by cluster or agent, where it pulls images from instead of its manager.
    `proxies`: a FaultProxy in each daemon's way to its application server, in this process:
    cloud.proxies["upstream"], ["north.uplink"], ["north.downlink"], ["host-1"]."""

    def __init__(self, folder, build, clusters=None, **options):
        self.folder = os.path.abspath(folder)
        self.build = os.path.abspath(build)
        self.options = options
        self.driver = options.get("driver", "qemu")
        self.host = {**HOST, **options.get("host", {})}
        self.shapes = options.get("shapes", SHAPES)
        self.timing = options.get("timing", {})
        self.limits = options.get("limits", {})
        self.level = options.get("log_level", "info")
        self.cache = f"{self.build}/capabilities"
        os.makedirs(f"{self.folder}/log", mode=0o755, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.clusters = self._name_agents(clusters or {"north": 2})
        self.ports = self._choose_ports()
        self.proxies = {}
        self.keys = {}
        self._make_servers(options.get("one_server", False), options.get("trace", True))
        self.token_file = write_secret(f"{self.folder}/operator.token")
        self.upstream = Daemon(self, "upstream", "upstream")
        self.downstreams = {name: Daemon(self, "downstream", name) for name in self.clusters}
        self.agents = {name: Daemon(self, "agent", name)
                       for names in self.clusters.values() for name in names}
        self._write_upstream()
        for cluster in self.clusters:
            self._write_downstream(cluster)
            for agent in self.clusters[cluster]:
                self._write_agent(cluster, agent)
        write(f"{self.folder}/{CLOUD_FACTS}", json.dumps(
            {**options, "build": self.build, "clusters": self.clusters, "ports": self.ports}))

    @classmethod
    def load(cls, folder):
        """The cloud that was laid out in `folder` before."""
        return cls(folder, **json.loads(read(f"{folder}/{CLOUD_FACTS}")))

    # laying out

    @staticmethod
    def _name_agents(clusters):
        named, count = {}, 0
        for cluster, agents in clusters.items():
            if isinstance(agents, int):
                agents = [f"host-{count + i + 1}" for i in range(agents)]
            named[cluster] = list(agents)
            count += len(agents)
        return named

    def _choose_ports(self):
        ports = dict(self.options.get("ports", {}))
        for name in ["upstream", "server-1", "server-2", *self.clusters]:
            ports.setdefault(name, free_port())
        return ports

    def _make_servers(self, one_server, trace):
        def server(name, domain):
            return Prosody(f"{self.folder}/servers/{name}", domain, name=name,
                           port=self.ports[name], trace=trace)
        self.server_1 = server("server-1", "cloud.test")
        self.server_2 = self.server_1 if one_server else server("server-2", "site.test")
        self.servers = [self.server_1] if one_server else [self.server_1, self.server_2]

    def _link(self, daemon, server, user, resource, use):
        """The settings of an account at an application server, which is made."""
        path = f"{daemon.folder}/{use}.password"
        write_secret(path)
        self.public_key(daemon, use)
        server.add_account(user, read(path).strip())
        port = server.port
        if self.options.get("proxies"):
            name = f"{daemon.name}.{use}" if daemon.kind == "downstream" else daemon.name
            self.proxies[name] = FaultProxy(port, self.options.get("seed", 0))
            port = self.proxies[name].port
        return {"jid": server.jid(user, resource), "password_file": path,
                "server": "127.0.0.1", "port": port, "ca_file": server.ca_file,
                "key_file": self.key_file(daemon, use)}

    @staticmethod
    def key_file(daemon, use):
        """Of the daemon's link: "uplink" or "downlink"."""
        return f"{daemon.folder}/{use}.key"

    def public_key(self, daemon, use):
        """Made with its secret half at first use, by the daemon's own command."""
        if (daemon.name, use) not in self.keys:
            self.keys[daemon.name, use] = subprocess.run(
                [daemon.program, "key", self.key_file(daemon, use)], text=True, check=True,
                stdout=subprocess.PIPE).stdout.strip()
        return self.keys[daemon.name, use]


    def _image_url(self, name, port):
        port = self.options.get("image_ports", {}).get(name, port)
        return f"http://127.0.0.1:{port}/v1/blobs"

    def _daemon_section(self, daemon):
        return section("daemon", {"state": daemon.state, "log_level": self.level})

    def _write_upstream(self):
        daemon = self.upstream
        text = self._daemon_section(daemon) + section("api", {
            "listen": f"127.0.0.1:{self.ports['upstream']}",
            "operator_token_file": self.token_file})
        text += section("downlink",
                        self._link(daemon, self.server_1, "upstream", "manager", "downlink"))
        text += section("timing", self.timing)
        for cluster in self.clusters:
            text += section(f"cluster {cluster}", {
                "address": self.server_1.jid(cluster, "cluster"),
                "peer_key": self.public_key(self.downstreams[cluster], "uplink"),
                "image_token_file": write_secret(f"{daemon.folder}/{cluster}-images.token")})
        for name, (cpus, memory_mib, disk_gib) in self.shapes.items():
            text += section(f"shape {name}", {"cpus": cpus, "memory_mib": memory_mib,
                                              "disk_gib": disk_gib})
        write(daemon.config, text)

    def _write_downstream(self, cluster):
        daemon = self.downstreams[cluster]
        timing = {key: value for key, value in self.timing.items() if key != "operation_seconds"}
        text = self._daemon_section(daemon) + section("uplink cloud", {
            **self._link(daemon, self.server_1, cluster, "cluster", "uplink"),
            "manager": self.server_1.jid("upstream", "manager"),
            "peer_key": self.public_key(self.upstream, "downlink"),
            "image_url": self._image_url(cluster, self.ports["upstream"]),
            "image_token_file": f"{self.upstream.folder}/{cluster}-images.token",
            **self.limits})
        text += section("downlink", self._link(daemon, self.server_2, f"{cluster}-manager",
                                               "downstream", "downlink"))
        text += section("images", {
            "listen": f"127.0.0.1:{self.ports[cluster]}",
            "token_file": write_secret(f"{daemon.folder}/agents-images.token")})
        text += section("timing", timing)
        for agent in self.clusters[cluster]:
            text += section(f"agent {agent}", {
                "address": self.server_2.jid(agent, "agent"),
                "peer_key": self.public_key(self.agents[agent], "uplink")})
        write(daemon.config, text)

    def _write_agent(self, cluster, name):
        daemon = self.agents[name]
        uri = "test:///default"
        if self.driver == "qemu":
            uri = f"qemu:///embed?root={self._make_libvirt(daemon)}"
        text = self._daemon_section(daemon) + section("uplink cluster", {
            **self._link(daemon, self.server_2, name, "agent", "uplink"),
            "manager": self.server_2.jid(f"{cluster}-manager", "downstream"),
            "peer_key": self.public_key(self.downstreams[cluster], "downlink"),
            "image_url": self._image_url(name, self.ports[cluster]),
            "image_token_file": f"{self.downstreams[cluster].folder}/agents-images.token"})
        write(daemon.config, text + section("host", {"uri": uri, **self.host}))

    def _make_libvirt(self, daemon):
        root = f"{daemon.folder}/libvirt"
        if len(root) > ROOT_LENGTH:
            raise RuntimeError(f"{root} is too long for QEMU's sockets by "
                               f"{len(root) - ROOT_LENGTH} characters; use a folder nearer to /")
        os.makedirs(f"{root}/etc", exist_ok=True)
        if os.geteuid() == 0:
            write(f"{root}/etc/qemu.conf", QEMU_CONF)
        return root

    # running

    def daemons(self):
        return [self.upstream, *self.downstreams.values(), *self.agents.values()]

    def daemon(self, name):
        """A daemon or an application server by its name."""
        every = {daemon.name: daemon for daemon in self.daemons()}
        every.update({server.name: server for server in self.servers})
        return every[name]

    def _use_cache(self, agents):
        """Spares the agents libvirt's probes of QEMU, which take seconds each."""
        for agent in agents:
            target = f"{agent.folder}/libvirt/cache/qemu/capabilities"
            if os.path.isdir(self.cache) and not os.path.isdir(target):
                shutil.copytree(self.cache, target)

    def _start_agents(self):
        agents = list(self.agents.values())
        if self.driver == "qemu":
            self._use_cache(agents)
            if not os.path.isdir(self.cache):
                agents[0].start()
                probed = f"{agents[0].folder}/libvirt/cache/qemu/capabilities"
                if os.path.isdir(probed):
                    shutil.copytree(probed, self.cache)
                self._use_cache(agents)
        for agent in agents:
            agent.launch()
        for agent in agents:
            agent.await_ready()

    def start(self):
        """Starts what does not run yet; returns when every agent's capacity shows upstream."""
        for server in self.servers:
            server.start()
        managers = [self.upstream, *self.downstreams.values()]
        for manager in managers:
            manager.launch()
        for manager in managers:
            manager.await_ready()
        self._start_agents()
        self.await_capacity()

    def await_capacity(self):
        wanted = {name: self.host["cpus"] * len(agents) for name, agents in self.clusters.items()}
        seen = {}

        def is_there():
            try:
                clusters = self.rest("GET", "/v1/clusters").json()["items"]
            except OSError:
                return False
            seen.update({cluster["name"]: cluster.get("capacity", {}).get("cpus_total", 0)
                         for cluster in clusters if cluster["state"] == "up"})
            most = self.limits.get("max_cpus")
            return all(seen.get(name, 0) == (min(cpus, most) if most else cpus)
                       for name, cpus in wanted.items())
        wait_until(is_there, f"processors of each cluster: {wanted}; the upstream manager knows "
                   f"{seen}")

    def emulators(self, wanted="", agent=""):
        """Pids of the QEMU processes of all agents, or of one; libvirt's probes among them."""
        folder = f"{self.folder}/agents/{agent + '/' if agent else ''}"
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            line = command_line(pid) or [""]
            words = " ".join(line)
            if "qemu-system" in line[0] and folder in words and wanted in words:
                found.append(int(pid))
        return found

    def guests(self, agent=""):
        """Pids of the running VMs, on all agents or on one."""
        return self.emulators("guest=isthmus-", agent)

    def stop(self):
        """Ends every process that was started from the folder, VMs included."""
        faults = []
        steps = [daemon.stop for daemon in reversed(self.daemons())]
        steps += [lambda pid=pid: end_process(pid, signal.SIGKILL) for pid in self.emulators()]
        steps += [proxy.close for proxy in self.proxies.values()]
        steps += [server.stop for server in self.servers]
        for daemon in self.daemons():
            if daemon.pid():
                daemon.thaw()
        for step in steps:
            try:
                step()
            except (RuntimeError, subprocess.TimeoutExpired) as fault:
                faults.append(str(fault))
        for daemon in self.daemons():
            daemon.kill()
        if faults:
            raise RuntimeError("\n".join(faults))

    # asking

    def tenant(self, name):
        """Makes the tenant unless it is there; the file with its token."""
        path = f"{self.folder}/tenants/{name}.token"
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            token = self.rest("POST", "/v1/tenants", {"name": name})
            if token.status != 201:
                raise RuntimeError(f"make tenant {name}: {token.out}")
            write(path, token.json()["token"] + "\n", 0o600)
        return path

    def environment(self, token_file=None):
        return {"ISTHMUS_SERVER": f"http://127.0.0.1:{self.ports['upstream']}",
                "ISTHMUS_TOKEN_FILE": token_file or self.token_file}

    def cli(self, *arguments, token_file=None, check=True, timeout=300):
        """Runs the command `isthmus`; the Answer has code, out and err."""
        done = subprocess.run([f"{self.build}/src/main/isthmus", *arguments], text=True,
                              capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL,
                              env={"PATH": os.environ["PATH"], **self.environment(token_file)})
        if check and done.returncode != 0:
            raise RuntimeError(f"isthmus {' '.join(arguments)}: exit code {done.returncode}\n"
                               f"{done.stdout}{done.stderr}")
        return Answer(code=done.returncode, out=done.stdout, err=done.stderr)

    def owner(self, cluster, *arguments, check=True):
        """Runs the command `isthmus` as the cluster's owner."""
        return self.cli(*arguments, "--socket", f"{self.downstreams[cluster].state}/owner.sock",
                        check=check)

    def rest(self, method, path, body=None, token=None, headers=None, timeout=300):
        """Asks the REST face; the Answer has status, headers and out. `body`: a dict or bytes."""
        head = {"Authorization": f"Bearer {token or read(self.token_file).strip()}"}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            head["Content-Type"] = "application/json"
        head.update(headers or {})
        request = urllib.request.Request(f"{self.environment()['ISTHMUS_SERVER']}{path}",
                                         data=body, method=method, headers=head)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return Answer(status=answer.status, headers=answer.headers,
                              out=answer.read().decode(errors="replace"))
        except urllib.error.HTTPError as answer:
            with answer:
                return Answer(status=answer.code, headers=answer.headers,
                              out=answer.read().decode(errors="replace"))

    def tail(self, lines=25):
        """The ends of all logs, for whoever wonders why a test failed."""
        text = ""
        for daemon in self.daemons():
            try:
                ending = read(daemon.log_file).splitlines()[-lines:]
            except FileNotFoundError:
                ending = ["(no log)"]
            text += f"--- {daemon.name}: {daemon.log_file}\n" + "\n".join(ending) + "\n"
        return text


def command_up(options):
    if os.path.exists(f"{options.folder}/{CLOUD_FACTS}"):
        cloud = Cloud.load(options.folder)
    else:
        cloud = Cloud(options.folder, options.build, {"north": options.agents},
                      driver=options.driver, one_server=options.one_server)
    cloud.start()
    command_env(options)


def command_down(options):
    Cloud.load(options.folder).stop()


def command_env(options):
    cloud = Cloud.load(options.folder)
    token_file = cloud.tenant(options.tenant) if options.tenant else None
    for name, value in cloud.environment(token_file).items():
        print(f"export {name}='{value}'")


def command_status(options):
    cloud = Cloud.load(options.folder)
    for server in cloud.servers:
        print(f"{server.name:12} Prosody     pid {server.running_pid() or '-'}  "
              f"{server.domain} on port {server.port}")
    for daemon in cloud.daemons():
        print(f"{daemon.name:12} {daemon.kind:11} pid {daemon.pid() or '-'}  {daemon.log_file}")


def main():
    parser = argparse.ArgumentParser(description="A whole cloud in a folder of its own.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run, about in (("up", command_up, "lay it out and start what does not run"),
                             ("down", command_down, "end all that was started, VMs included"),
                             ("env", command_env, "print what the command isthmus needs"),
                             ("status", command_status, "print the processes")):
        command = commands.add_parser(name, help=about)
        command.add_argument("folder")
        command.set_defaults(run=run)
        command.add_argument("--tenant", help="print a token of this tenant, not the operator's")
    up = commands.choices["up"]
    up.add_argument("--build", default="build", help="Meson's build folder")
    up.add_argument("--agents", type=int, default=2)
    up.add_argument("--driver", choices=("qemu", "test"), default="qemu")
    up.add_argument("--one-server", action="store_true", help="one Prosody for both links")
    options = parser.parse_args()
    try:
        options.run(options)
    except (RuntimeError, FileNotFoundError) as fault:
        print(f"cloud.py: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
