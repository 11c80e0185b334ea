#!/usr/bin/env python3
"""A private RabbitMQ in a folder of its own, with authority and certificate: like prosody.py.

    broker = Rabbitmq(folder, "one.test")
    broker.add_account("manager", "secret")    # before start
    broker.start()      # returns when it answers
    broker.kill()       # kill -9; start() again serves on the same port
    broker.stop()

    second = Rabbitmq(folder_2, "one.test", beside=broker)   # before both start, one after the
                                                             # other: nodes of one cluster

Nothing outside of the folder is read or written but RabbitMQ itself, all listens on loopback, and
only the processes that were started are ended, the port mapper (epmd) of their own among them.
"""
import base64
import glob
import hashlib
import json
import os
import re
import secrets
import signal
import subprocess
import time

from prosody import free_port, make_authority, make_certificate, port_answers

START_SECONDS = 120
STOP_SECONDS = 30
CONTROL_SECONDS = 300  # another virtual machine, on a busy machine
HOME = "/usr/lib/rabbitmq/lib/rabbitmq_server-*"
CONFIGURATION = """\
listeners.tcp = none
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {authority}/ca.crt
ssl_options.certfile = {authority}/server.crt
ssl_options.keyfile = {authority}/server.key
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
tcp_listen_options.nodelay = true
load_definitions = {folder}/definitions.json
loopback_users = none
log.console = true
log.console.level = info
log.file = false
cluster_partition_handling = autoheal
"""


def password_hash(password):
    """As RabbitMQ's rabbit_password_hashing_sha256 does."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def write_cookie(path, cookie):
    """What the nodes of a cluster, and who controls them, know each other by."""
    with open(path, "w") as file:
        file.write(cookie)
    os.chmod(path, 0o400)


class Rabbitmq:
    """`certificate_name`: what the certificate names, if not localhost, as which it is reached.
    `beside`: the first node of the cluster to which it belongs."""

    def __init__(self, folder, domain, name=None, port=0, trace=False, certificate_name=None,
                 beside=None):
        _ = trace
        self.beside = beside
        self.folder, self.domain = os.path.abspath(folder), domain
        self.name = name or domain
        self.port = port or free_port()
        self.log_file = f"{self.folder}/rabbitmq.log"
        self.accounts = beside.accounts if beside else {}
        self.process = self.epmd = None
        os.makedirs(f"{self.folder}/data", exist_ok=True)
        authority = beside.folder if beside else self.folder
        self.ca_file = f"{authority}/ca.crt"
        make_authority(authority)
        make_certificate(authority, certificate_name or "localhost")
        homes = sorted(glob.glob(HOME))
        if not homes:
            raise RuntimeError("RabbitMQ is missing: run tools/setup")
        self.home = homes[-1]
        self.cookie = beside.cookie if beside else secrets.token_hex(16)
        write_cookie(f"{self.folder}/.erlang.cookie", self.cookie)
        self._write("plugins", "[].\n")
        self._write("env.conf", "")
        self.epmd_port = beside.epmd_port if beside else free_port()
        self.node = f"n{self.port}@localhost"
        self._write("rabbitmq.conf", CONFIGURATION.format(
            port=self.port, folder=self.folder, authority=authority))
        if beside:
            for node in (beside, self):
                node.form_cluster([beside.node, self.node])
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": self.folder, "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(self.epmd_port),
            "RABBITMQ_NODENAME": self.node, "RABBITMQ_MNESIA_BASE": f"{self.folder}/data",
            "RABBITMQ_LOG_BASE": self.folder, "RABBITMQ_CONF_ENV_FILE": f"{self.folder}/env.conf",
            "RABBITMQ_CONFIG_FILE": f"{self.folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{self.folder}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{self.folder}/plugins",
            "RABBITMQ_DIST_PORT": str(free_port()), "RABBITMQ_PID_FILE": f"{self.folder}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2"}

    def form_cluster(self, nodes):
        """A node that starts for the first time joins those that run."""
        with open(f"{self.folder}/rabbitmq.conf", "a") as file:
            file.write("cluster_formation.peer_discovery_backend = classic_config\n" + "".join(
                f"cluster_formation.classic_config.nodes.{number + 1} = {node}\n"
                for number, node in enumerate(nodes)))

    def _write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as file:
            file.write(text)

    @property
    def url(self):
        return f"amqps://localhost:{self.port}"

    def jid(self, user, _resource=None):
        """The account's address, for callers that do not ask which kind this is."""
        return f"{user}@{self.domain}"

    def settings(self, user, _resource=None, port=None):
        """The keys of a link's configuration that say where this broker is, and who one is."""
        return {"carrier": "amqp", "address": self.jid(user), "ca_file": self.ca_file,
                "url": f"amqps://localhost:{port or self.port}"}

    def add_account(self, user, password):
        self.accounts[user] = password

    def _define(self):
        """An account may make and read its own queue, and write to every other's."""
        rows = [{"user": user, "vhost": "/", "configure": f"^{re.escape(self.jid(user))}$",
                 "write": r"^amq\.default$", "read": f"^{re.escape(self.jid(user))}$"}
                for user in self.accounts]
        users = [{"name": user, "tags": "", "limits": {}, "password_hash": password_hash(password),
                  "hashing_algorithm": "rabbit_password_hashing_sha256"}
                 for user, password in self.accounts.items()]
        self._write("definitions.json", json.dumps(
            {"users": users, "vhosts": [{"name": "/"}], "permissions": rows}))

    def control(self, *words):
        """Runs rabbitmqctl; what it prints."""
        return subprocess.run([f"{self.home}/sbin/rabbitmqctl", "--node", self.node, *words],
                              env=self.environment, check=True, text=True, timeout=CONTROL_SECONDS,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT).stdout

    def running_pid(self):
        return self.process.pid if self.process and self.process.poll() is None else None

    def _start_epmd(self):
        if self.beside:
            self.beside._start_epmd()
        elif not self.epmd:
            self.epmd = subprocess.Popen(["epmd", "-port", str(self.epmd_port)],
                                         env=self.environment, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while not port_answers(self.epmd_port):  # or the broker starts one of its own, for good
            if self.epmd.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"epmd does not answer on port {self.epmd_port}")
            time.sleep(0.02)

    def start(self):
        if self.running_pid():
            return
        if port_answers(self.port):
            raise RuntimeError(f"port {self.port} for {self.name} is taken by another program")
        self._define()
        self._start_epmd()
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(
                [f"{self.home}/sbin/rabbitmq-server"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, cwd=self.folder, env=self.environment)
        end = time.monotonic() + START_SECONDS
        while not port_answers(self.port):
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"RabbitMQ {self.name} does not answer on port {self.port}: "
                                   f"see {self.log_file}")
            time.sleep(0.05)

    def _end(self, number):
        process, self.process = self.process, None
        if not process:
            return
        # The virtual machine's helpers (for names and ports) are of its session and no other.
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        end = time.monotonic() + STOP_SECONDS  # the virtual machine is the script's child
        while port_answers(self.port) and time.monotonic() < end:
            time.sleep(0.02)

    def stop(self):
        self._end(signal.SIGTERM)
        if self.epmd:
            self.epmd.kill()
            self.epmd.wait()
            self.epmd = None

    def kill(self):
        self._end(signal.SIGKILL)
