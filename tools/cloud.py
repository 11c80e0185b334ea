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

In FOLDER: servers/ (each Prosody), one folder per daemon (its configuration, secrets and state),
log/NAME.log (its standard error). Nothing else is written but the cache of libvirt's probes, in
build/. Only what was started from FOLDER is ended, by pid and command line.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import typing
import urllib.error
import urllib.request

from cloud_parts import (PROBES, ROOT_LENGTH, Answer, Daemon, Warden, add_account, command_line,
                         end_process, has_settled, keep_probes, make_libvirt, make_server, optional,
                         read, room_of, section, streams_section, use_probes, wait_until, without,
                         write, write_secret)
from ejabberd import Ejabberd
from fault_proxy import FaultProxy
from prosody import free_port

CLOUD_FACTS = "cloud.json"
SHAPES = {"nano": (1, 32, 1), "small": (1, 128, 1), "large": (4, 2048, 4)}
HOST = {"cpus": 8, "memory_mib": 4096, "disk_gib": 40}


class Options(typing.NamedTuple):
    """How a cloud may differ from the plain one."""
    # what there is
    upstreams: list = ("upstream",)  # names; each is above every cluster that is not nested
    lone: dict = {}  # agents right under an upstream manager, by its name
    wardens: bool = False  # one for each agent
    driver: str = "qemu"  # an embedded libvirt per agent; "test": libvirt's driver without real VMs
    shapes: dict = SHAPES  # name: (cpus, memory MiB, disk GiB)
    networks: list = ()  # that the upstream managers know
    host_networks: dict = {}  # by agent, what it has, as QEMU's NAT; or by name, on which bridge
    filter: str = "none"  # of what VMs send there; an embedded libvirt has no other
    # application servers, and the ways to them
    carrier: str = os.environ.get("ISTHMUS_CARRIER", "xmpp")  # kind of them: SERVERS
    spare_carrier: str = ""  # of the spare ones, if it is another; of several: "http amqp"
    one_server: bool = False  # for all links; else one an upstream manager and depth of clusters
    spare: str = ""  # one more a link: "server", a Prosody beside each; "node", ejabberd's second
    trace: bool = True  # each writes down what it carries
    proxies: bool = False  # a FaultProxy in each daemon's way: cloud.proxies["north.uplink"]
    seed: int = 0  # of their chance
    ports: dict = {}  # of "upstream", a server, a cluster (its images), instead of free ones
    image_ports: dict = {}  # by cluster or agent, where images come from, not its manager
    # keys of configurations
    host: dict = {}  # what each agent lends, over HOST
    hosts: dict = {}  # by agent, more keys of its [host]
    limits: dict = {}  # of the downstream managers' [uplink]
    shares: dict = {}  # more of them, by the manager above
    member: dict = {}  # of their [agent]
    api: dict = {}  # of the upstream managers' [api]
    notify: dict = {}  # and of their [notify]
    owner: dict = {}  # of the downstream managers' [owner]; {}: there is none
    oidc: dict = {}  # and of their [oidc]
    labels: dict = {}  # of clusters
    timing: dict = {}  # of [timing]
    cloud_timing: dict = {}  # of the upstream managers' alone
    link: dict = {}  # of all links
    log_level: str = "info"
    streams: bool = False  # managers listen for streams to VMs


class Cloud:
    """`clusters`: agents by cluster, as names or as their number; the name of another cluster nests
    that one: its downstream manager is an agent here. More keywords: see Options."""

    def __init__(self, folder, build, clusters=None, **options):
        self.folder = os.path.abspath(folder)
        self.build = os.path.abspath(build)
        self.options = Options(**options)
        self.host = {**HOST, **self.options.host}
        os.makedirs(f"{self.folder}/log", mode=0o755, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.clusters = self._name_agents(clusters or {"north": 2})
        self.upstreams = {name: Daemon(self, "upstream", name) for name in self.options.upstreams}
        self.ports = self._choose_ports()
        self.proxies, self.keys = {}, {}
        self._make_servers()
        self.downstreams = {name: Daemon(self, "downstream", name) for name in self.clusters}
        self.agents = {name: Daemon(self, "agent", name)
                       for manager in [*self.clusters, *self.options.lone]
                       for name in self.hosts(manager)}
        self.wardens = {name: Warden(self, name) for name in self.agents if self.options.wardens}
        self.upstream = next(iter(self.upstreams.values()))
        self.token_file = self.operator(self.upstream.name)
        for upstream in self.upstreams:
            self._write_upstream(upstream)
        for cluster in self.clusters:
            self._write_downstream(cluster)
        for manager in [*self.clusters, *self.options.lone]:
            for agent in self.hosts(manager):
                self._write_agent(manager, agent)
        write(f"{self.folder}/{CLOUD_FACTS}", json.dumps(
            {**self.options._asdict(), "build": self.build, "clusters": self.clusters,
             "ports": self.ports}))

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

    def hosts(self, manager):
        """The agents right under a manager."""
        members = self.clusters.get(manager, self.options.lone.get(manager, []))
        return [name for name in members if name not in self.clusters]

    def above(self, cluster):
        """The names of the managers that the cluster serves."""
        outer = [name for name, members in self.clusters.items() if cluster in members]
        return outer or list(self.upstreams)

    def below(self, manager):
        """The names of those that a manager has below it."""
        if manager in self.clusters:
            return self.clusters[manager]
        return [name for name in self.clusters if manager in self.above(name)] + \
            self.options.lone.get(manager, [])

    def _depth(self, cluster):
        outer = self.above(cluster)[0]
        return 1 + (self._depth(outer) if outer in self.clusters else 0)

    def _server_name(self, manager):
        """Of the application server that carries a manager's downlink."""
        if self.options.one_server or manager == next(iter(self.upstreams)):
            return "server-1"
        return f"server-{self._depth(manager) + 1 if manager in self.clusters else manager}"

    def _choose_ports(self):
        ports = dict(self.options.ports)
        for manager in [*self.upstreams, *self.clusters]:
            for end in ("", "-streams", "-page"):
                ports.setdefault(manager + end, free_port())
            ports.setdefault(self._server_name(manager), free_port())
        return ports

    def _make_servers(self):
        domains = {"server-1": "cloud.test", "server-2": "site.test"}
        self.inside, self.spares, servers = {}, {}, {}
        for manager in [*self.upstreams, *self.clusters]:
            name = self._server_name(manager)
            if name not in servers:
                domain = domains.get(name, f"{name}.test")  # long: tests look for it in memories
                servers[name] = self._make_server(name, domain)
            self.inside[manager] = servers[name]
        self.servers = [*servers.values(), *sum(self.spares.values(), [])]
        self.server_1 = self.servers[0]
        self.server_2 = servers.get("server-2", self.server_1)

    def _make_server(self, name, domain):
        folder, spare = f"{self.folder}/servers/{name}", self.options.spare
        carrier = self.options.carrier
        if spare == "node":
            return Ejabberd(folder, domain, nodes=2)
        if spare == "server":
            kinds = (self.options.spare_carrier or carrier).split()
            self.spares[domain] = [
                make_server(self, kind, f"{folder}-spare{end}", f"spare{end}.{domain}",
                            name=f"{name}-spare{end}")
                for kind, end in zip(kinds, ("", "-2", "-3"))]
        return make_server(self, carrier, folder, domain, name=name, port=self.ports[name])

    def _further(self, title, server, account, manager=None):
        """The sections of a link's further servers, if it has some. `title` has room for the
        number of each."""
        if self.options.spare == "node":
            more = {"uplink": manager[1]} if manager else {}
            return section(title.format(""), {"server": "127.0.0.1", **more,
                                              "port": server.nodes[1].port})
        text = ""
        for number, spare in enumerate(self.spares.get(server.domain, ())):
            path, more = write_secret(f"{spare.folder}/{account[0]}.password"), {}
            if manager:
                more = {"uplink": manager[1], "manager": self._manager_jid(manager[0], spare)}
            add_account(spare, account[0], read(path).strip(), more.get("manager"))
            text += section(title.format(f"-{number + 1}" if number else ""), {
                **spare.settings(*account), "password_file": path, **more})
        return text

    def _further_uplink(self, daemon, manager, link):
        account = (daemon.name, self._resource(manager, daemon.name))
        return self._further(f"uplink-server {link}-spare{{}}", self.inside[manager], account,
                             (manager, link))

    def _link(self, daemon, server, account, use, manager=None):
        """The settings of an account, (user, resource), at an application server, which is made."""
        path = f"{daemon.folder}/{use}.password"
        write_secret(path)
        self.public_key(daemon, use)
        add_account(server, account[0], read(path).strip(), manager)
        port = server.port
        if self.options.proxies:
            name = f"{daemon.name}.{use}" if daemon.kind == "downstream" else daemon.name
            self.proxies[name] = FaultProxy(port, self.options.seed)
            port = self.proxies[name].port
        return {**server.settings(*account, port), "password_file": path,
                "key_file": self.key_file(daemon, use), **self.options.link}

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

    def _key_command(self, word, daemon, use):
        return subprocess.run([daemon.program, "key", word, self.key_file(daemon, use)], text=True,
                              check=True, stdout=subprocess.PIPE).stdout.strip()

    def rotate(self, daemon, use):
        """Begins a change of the key; the new one's public half."""
        self.keys[daemon.name, use] = self._key_command("rotate", daemon, use)
        return self.keys[daemon.name, use]

    def key_shown(self, daemon, use):
        return self._key_command("show", daemon, use)

    def _image_url(self, name, port):
        port = self.options.image_ports.get(name, port)
        return f"http://127.0.0.1:{port}/v1/blobs"

    def _daemon_section(self, daemon):
        return streams_section(self, daemon) + section(
            "daemon", {"state": daemon.state, "log_level": self.options.log_level})

    def _manager_jid(self, manager, server=None):
        server = server or self.inside[manager]
        return server.jid(manager, "manager") if manager in self.upstreams \
            else server.jid(f"{manager}-manager", "downstream")

    def _image_token(self, manager, member):
        """What a member presents to its manager to pull images."""
        path = f"{self.upstreams[manager].folder}/{member}" if manager in self.upstreams \
            else f"{self.downstreams[manager].folder}/agents"
        return write_secret(f"{path}-images.token")

    def _is_first(self, manager, member):
        """Is it the only manager above the member, or the first that was named?"""
        return member not in self.clusters or manager == self.above(member)[0]

    def use(self, manager, member):
        """The name of a member's uplink among its files."""
        return "uplink" if self._is_first(manager, member) else f"uplink-{manager}"

    def _uplink(self, daemon, manager):
        account = (daemon.name, self._resource(manager, daemon.name))
        return {**self._link(daemon, self.inside[manager], account,
                             self.use(manager, daemon.name), self._manager_jid(manager)),
                "manager": self._manager_jid(manager),
                "peer_key": self.public_key(self.daemon(manager), "downlink"),
                "image_url": self._image_url(daemon.name, self.ports[manager]),
                "image_token_file": self._image_token(manager, daemon.name)}

    def _resource(self, manager, member):
        if member not in self.clusters:
            return "agent"
        return "cluster" if self._is_first(manager, member) else manager

    def _member(self, manager, member):
        """The settings of a party below."""
        server, resource = self.inside[manager], self._resource(manager, member)
        more = ",".join(spare.jid(member, resource)
                        for spare in self.spares.get(server.domain, ()))
        return {"address": server.jid(member, resource),
                **({"more_addresses": more} if more else {}),
                "peer_key": self.public_key(self.daemon(member), self.use(manager, member))}

    def _share(self, manager):
        return {**self.options.limits, **self.options.shares.get(manager, {})}

    def _write_upstream(self, name):
        daemon, labels = self.upstreams[name], self.options.labels
        text = self._daemon_section(daemon) + section("api", {
            "listen": f"127.0.0.1:{self.ports[name]}",
            "operator_token_file": self.operator(name), **self.options.api})
        account = (name, "manager")
        text += section("downlink", self._link(daemon, self.inside[name], account, "downlink"))
        text += self._further("downlink-server spare{}", self.inside[name], account)
        text += section("timing", {**without(self.options.timing, "lease_seconds"),
                                   **self.options.cloud_timing})
        text += optional("notify", self.options.notify) + optional("oidc", self.options.oidc)
        for member in self.below(name):
            text += section(f"cluster {member}", {
                **self._member(name, member),
                **({"labels": labels[member]} if member in labels else {}),
                "image_token_file": self._image_token(name, member)})
        for shape, size in self.options.shapes.items():
            text += section(f"shape {shape}", dict(zip(("cpus", "memory_mib", "disk_gib"), size)))
        for network in self.options.networks:
            text += section(f"network {network}", {"about": f"the network {network}"})
        write(daemon.config, text)

    def _write_downstream(self, cluster):
        daemon = self.downstreams[cluster]
        text = self._daemon_section(daemon)
        for manager in self.above(cluster):
            link = "cloud" if manager == "upstream" else manager
            text += section(f"uplink {link}", {
                **self._uplink(daemon, manager), **self._share(manager)})
            text += self._further_uplink(daemon, manager, link)
        account = (f"{cluster}-manager", "downstream")
        text += section("downlink", self._link(daemon, self.inside[cluster], account, "downlink"))
        text += self._further("downlink-server spare{}", self.inside[cluster], account)
        text += section("images", {"listen": f"127.0.0.1:{self.ports[cluster]}",
                                   "token_file": self._image_token(cluster, "agents")})
        page = {"listen": f"127.0.0.1:{self.ports[f'{cluster}-page']}", **self.options.owner}
        text += section("owner", page) if self.options.owner else ""
        text += section("timing", without(self.options.timing, "operation_seconds"))
        for member in self.below(cluster):
            text += section(f"agent {member}", {**self._member(cluster, member),
                                                **self._landing(member), **self.options.member})
        write(daemon.config, text)

    def _landing(self, member):
        """Where VMs that run come to at a host, as its manager has it from the owner."""
        uri = self.options.hosts.get(member, {}).get("migration_uri")
        return {"migration_uri": uri, "migration_folder": self.agents[member].state} if uri else {}

    def _write_agent(self, manager, name):
        daemon = self.agents[name]
        uri = (make_libvirt(f"{daemon.folder}/libvirt") if self.options.driver == "qemu"
               else "test:///default")
        up = section("uplink cluster", self._uplink(daemon, manager))
        text = self._daemon_section(daemon) + up + self._further_uplink(daemon, manager, "cluster")
        networks = self.options.host_networks.get(name, [])
        bridges = networks if isinstance(networks, dict) else {}
        text += "".join(section(f"network {network}", {
            "bridge": bridges[network], "filter": self.options.filter} if bridges
            else {"user": "yes"}) for network in networks)
        warden = {"warden": self.wardens[name].config} if name in self.wardens else {}
        own = {"uri": uri, **warden, **self.host, **self.options.hosts.get(name, {})}
        write(daemon.config, text + section("host", own))

    # running

    def daemons(self):
        return [*self.upstreams.values(), *self.downstreams.values(), *self.wardens.values(),
                *self.agents.values()]

    def daemon(self, name):
        """A daemon or an application server by its name."""
        every = {daemon.name: daemon for daemon in self.daemons()}
        every.update({server.name: server for server in self.servers})
        return every[name]

    def _start_agents(self):
        agents = list(self.agents.values())
        for warden in self.wardens.values():
            warden.start()
        if self.options.driver == "qemu":
            if not os.path.isdir(PROBES):
                agents[0].start()
                keep_probes(f"{agents[0].folder}/libvirt/cache")
            for agent in agents:
                use_probes(f"{agent.folder}/libvirt/cache")
        for agent in agents:
            agent.launch()
        for agent in agents:
            agent.await_ready()

    def start(self):
        """Starts what does not run yet; returns when every agent's capacity shows upstream."""
        for server in self.servers:
            server.start()
        managers = [*self.upstreams.values(), *self.downstreams.values()]
        for manager in managers:
            manager.launch()
        for manager in managers:
            manager.await_ready()
        self._start_agents()
        self.await_capacity()

    def _lent(self, member, manager):
        """Processors that a manager sees at a member."""
        if member not in self.clusters:
            return self.host["cpus"]
        cpus = sum(self._lent(name, member) for name in self.clusters[member])
        return min(cpus, self._share(manager).get("max_cpus") or cpus)

    def await_capacity(self):
        """Until each upstream manager knows all processors, and of room, and hears no more."""
        for upstream in self.upstreams:
            wanted = {name: self._lent(name, upstream) for name in self.below(upstream)}
            seen, told = {}, []

            def is_there(upstream=upstream, wanted=wanted, seen=seen, told=told):
                try:
                    clusters = self.rest("GET", "/v1/clusters", upstream=upstream).json()["items"]
                except OSError:
                    return False
                seen.update({cluster["name"]: room_of(cluster) for cluster in clusters
                             if cluster["state"] == "up"})
                return (has_settled(told, [cluster.get("capacity") for cluster in clusters]) and
                        all(seen.get(name, 0) == cpus for name, cpus in wanted.items()))
            wait_until(is_there, f"processors of each cluster: {wanted}; {upstream} knows {seen}")

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

    def operator(self, upstream):
        """The file with the operator's token."""
        first = upstream == next(iter(self.upstreams))
        return write_secret(f"{self.folder if first else self.upstreams[upstream].folder}/"
                            "operator.token")

    def tenant(self, name, upstream=None):
        """Makes the tenant unless it is there; the file with its token."""
        path = f"{self.folder}/tenants/{upstream or self.upstream.name}/{name}.token"
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            token = self.rest("POST", "/v1/tenants", {"name": name}, upstream=upstream)
            if token.status != 201:
                raise RuntimeError(f"make tenant {name}: {token.out}")
            write(path, token.json()["token"] + "\n", 0o600)
        return path

    def environment(self, token_file=None, upstream=None):
        upstream = upstream or self.upstream.name
        return {"ISTHMUS_SERVER": f"http://127.0.0.1:{self.ports[upstream]}",
                "ISTHMUS_TOKEN_FILE": token_file or self.operator(upstream)}

    def cli(self, *arguments, token_file=None, upstream=None, check=True, timeout=300):
        """Runs the command `isthmus`; the Answer has code, out and err."""
        done = subprocess.run([f"{self.build}/src/cli/isthmus", *arguments], text=True,
                              capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL,
                              env={"PATH": os.environ["PATH"],
                                   **self.environment(token_file, upstream)})
        if check and done.returncode != 0:
            raise RuntimeError(f"isthmus {' '.join(arguments)}: exit code {done.returncode}\n"
                               f"{done.stdout}{done.stderr}")
        return Answer(code=done.returncode, out=done.stdout, err=done.stderr)

    def owner(self, cluster, *arguments, check=True):
        """Runs the command `isthmus` as the cluster's owner."""
        return self.cli(*arguments, "--socket", f"{self.downstreams[cluster].state}/owner.sock",
                        check=check)

    def rest(self, method, path, body=None, token=None, **options):
        """Asks the REST face; the Answer has status, headers and out. `body`: a dict or bytes.
        Options: headers, timeout, upstream."""
        place = self.environment(upstream=options.get("upstream"))
        head = {"Authorization": f"Bearer {token or read(place['ISTHMUS_TOKEN_FILE']).strip()}"}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            head["Content-Type"] = "application/json"
        head.update(options.get("headers") or {})
        request = urllib.request.Request(f"{place['ISTHMUS_SERVER']}{path}",
                                         data=body, method=method, headers=head)
        try:
            with urllib.request.urlopen(request, timeout=options.get("timeout", 300)) as answer:
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
                      driver=options.driver, one_server=options.one_server,
                      carrier=options.carrier)
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
        print(f"{server.name:12} {type(server).__name__:11} pid {server.running_pid() or '-'}  "
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
    up.add_argument("--one-server", action="store_true", help="one for both links")
    up.add_argument("--carrier", choices=("xmpp", "http", "amqp", "zeromq"), default="xmpp",
                    help="of the application servers: Prosody, isthmus-relay (two), or RabbitMQ")
    options = parser.parse_args()
    try:
        options.run(options)
    except (RuntimeError, FileNotFoundError) as fault:
        print(f"cloud.py: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
