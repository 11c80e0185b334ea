"""A private ejabberd in a folder of its own, one node or a cluster of them, for the system tests.

    cluster = Ejabberd(folder, "site.test", nodes=2)
    cluster.add_account("manager", "secret")    # before start
    cluster.start()                # returns when every node answers and has joined the first
    cluster.nodes[0].kill()        # kill -9; .start() again serves on the same port
    cluster.stop()

Nothing outside of the folder is read or written but ejabberd itself, all listens on loopback, and
only the processes that were started are ended, the port mapper (epmd) of their own among them.
"""
import os
import secrets
import signal
import subprocess
import time

from prosody import free_port, make_authority, make_certificate, port_answers

START_SECONDS = 90
STOP_SECONDS = 20
LIBRARIES = "/usr/lib/x86_64-linux-gnu"

# Tuned as measured: with the packaged shaper a manager has 9 round trips a second. net_ticktime:
# how long a frozen node is believed in.
CONFIGURATION = """\
loglevel: {level}
log_rotate_count: 0
net_ticktime: 10
hosts: ["{domain}"]
certfiles: ["{folder}/server.pem"]
c2s_cafile: "{folder}/ca.crt"
auth_method: internal
auth_password_format: scram
auth_scram_hash: sha256
disable_sasl_mechanisms: ["digest-md5", "plain", "X-OAUTH2"]
access_rules: {{c2s: {{allow: all}}}}
shaper_rules: {{max_user_sessions: 10}}
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
    shaper: none
    access: c2s
    starttls: true
    starttls_required: true
    tls_verify: {verify}
    max_fsm_queue: 10000
    backlog: 1024
modules: {{mod_disco: {{}}, mod_ping: {{}}, mod_roster: {{}}, mod_version: {{}}}}
"""


class Node:
    """One ejabberd of a cluster."""

    def __init__(self, cluster, number):
        self.cluster, self.number = cluster, number
        self.name = f"node{number}@localhost"
        self.domain = cluster.domain
        self.folder = f"{cluster.folder}/node{number}"
        self.port = free_port()
        self.ca_file = cluster.ca_file
        self.log_file = f"{self.folder}/ejabberd.log"
        self.process = None
        os.makedirs(self.folder, exist_ok=True)
        with open(f"{self.folder}/ejabberd.yml", "w") as file:
            file.write(CONFIGURATION.format(domain=cluster.domain, folder=cluster.folder,
                                            port=self.port, level=cluster.level,
                                            verify="true" if cluster.certificates else "false"))

    def _begin(self):
        """What the node does first: join the cluster and make the accounts, both only once."""
        steps = "ok"
        if self.number > 1 and not os.path.exists(f"{self.folder}/joined"):
            steps = f"ok = ejabberd_cluster:join('{self.cluster.nodes[0].name}')"
        for user, password in self.cluster.accounts if self.number == 1 else ():
            steps += (f", ejabberd_auth:try_register(<<\"{user}\">>, <<\"{self.domain}\">>, "
                      f"<<\"{password}\">>)")
        return f"{steps}, file:write_file(\"{self.folder}/joined\", <<>>)."

    def launch(self):
        if self.process:
            return
        if port_answers(self.port):
            raise RuntimeError(f"port {self.port} for {self.name} is taken by another program")
        words = ["erl", "-noinput", "-sname", self.name, "-setcookie", self.cluster.cookie,
                 "-start_epmd", "false", "-kernel", "inet_dist_use_interface", "{127,0,0,1}",
                 "-mnesia", "dir", f'"{self.folder}/spool"', "-s", "ejabberd",
                 "-eval", self._begin()]
        with open(f"{self.folder}/out", "a") as output:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, cwd=self.folder,
                env={**self.cluster.environment, "EJABBERD_LOG_PATH": self.log_file,
                     "EJABBERD_CONFIG_PATH": f"{self.folder}/ejabberd.yml"})

    def await_ready(self):
        end = time.monotonic() + START_SECONDS
        while not (port_answers(self.port) and os.path.exists(f"{self.folder}/joined")):
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"ejabberd {self.name} does not answer on port {self.port}: "
                                   f"see {self.log_file} and {self.folder}/out")
            time.sleep(0.05)

    def start(self):
        self.launch()
        self.await_ready()

    def running_pid(self):
        return self.process.pid if self.process and self.process.poll() is None else None

    def _end(self, number):
        process, self.process = self.process, None
        if not process:
            return
        # The virtual machine's helpers (for names and ports) are of its session and no other.
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)


class Ejabberd:
    """`certificates`: a client's certificate of our authority is asked for, and lets it in (SASL
    EXTERNAL)."""

    def __init__(self, folder, domain, nodes=1, certificates=False, level="warning"):
        self.folder, self.domain = os.path.abspath(folder), domain
        self.certificates, self.level = certificates, level
        self.ca_file = f"{self.folder}/ca.crt"
        self.accounts = []
        self.epmd = None
        self.cookie = secrets.token_hex(16)
        os.makedirs(self.folder, exist_ok=True)
        make_authority(self.folder)
        make_certificate(self.folder, domain)
        with open(f"{self.folder}/server.pem", "w") as both:
            for name in ("server.key", "server.crt"):
                with open(f"{self.folder}/{name}") as part:
                    both.write(part.read())
        with open(f"{self.folder}/inetrc", "w") as names:
            names.write('{file, hosts, "/etc/hosts"}. {lookup, [file, native]}.\n')
        self.epmd_port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": self.folder, "ERL_LIBS": LIBRARIES,
            "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_INETRC": f"{self.folder}/inetrc", "ERL_CRASH_DUMP_BYTES": "0"}
        self.nodes = [Node(self, number + 1) for number in range(nodes)]
        self.name, self.port = domain, self.nodes[0].port

    def jid(self, user, resource=None):
        return f"{user}@{self.domain}" + (f"/{resource}" if resource else "")

    def settings(self, user, resource, port=None):
        """The keys of a link's configuration that say where this server is, and who one is."""
        return {"carrier": "xmpp", "address": self.jid(user, resource), "server": "127.0.0.1",
                "port": port or self.port, "ca_file": self.ca_file}

    def add_account(self, user, password):
        self.accounts.append((user, password))

    def running_pid(self):
        return self.nodes[0].running_pid()

    def start(self):
        if not self.epmd:
            self.epmd = subprocess.Popen(["epmd", "-port", str(self.epmd_port)],
                                         env=self.environment, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while not port_answers(self.epmd_port):
            if self.epmd.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"epmd does not answer on port {self.epmd_port}")
            time.sleep(0.02)
        for node in self.nodes:
            node.start()

    def stop(self):
        for node in reversed(self.nodes):
            node.stop()
        if self.epmd:
            self.epmd.kill()
            self.epmd.wait()
            self.epmd = None

    def kill(self):
        for node in self.nodes:
            node.kill()
