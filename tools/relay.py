#!/usr/bin/env python3
"""A private isthmus-relay in a folder of its own, with authority and certificate: like prosody.py.

    relay = Relay(folder, "one.test", build)
    relay.add_account("manager", "secret")
    relay.add_account("host-1", "secret", reaches=["manager"])
    relay.start()      # returns when the port answers
    relay.kill()       # kill -9; start() again serves on the same port
    relay.stop()
"""
import json
import os
import signal
import subprocess
import sys
import time

from prosody import free_port, make_authority, make_certificate, port_answers

START_SECONDS = 30
STOP_SECONDS = 10


class Relay:
    """`certificate_name`: what the certificate names, if not localhost, as which it is reached.
    `trace`: each frame that it carries stands in the log, not what is in it."""

    def __init__(self, folder, domain, build, name=None, port=0, trace=False,
                 certificate_name=None):
        self.folder = os.path.abspath(folder)
        self.domain = domain
        self.name = name or domain
        self.port = port or free_port()
        self.program = f"{os.path.abspath(build)}/src/main/isthmus-relay"
        self.config = f"{self.folder}/relay.conf"
        self.ca_file = f"{self.folder}/ca.crt"
        self.log_file = f"{self.folder}/relay.log"
        self.pid_file = f"{self.folder}/relay.pid"
        self.log_level = "debug" if trace else "info"
        self.accounts = {}  # by name: token, names that it reaches (None: all)
        self.process = None
        os.makedirs(self.folder, exist_ok=True)
        make_authority(self.folder)
        make_certificate(self.folder, certificate_name or "localhost")

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def settings(self, user, _resource=None, port=None):
        """The keys of a link's configuration that say where this relay is, and who one is."""
        return {"carrier": "http", "address": self.jid(user), "ca_file": self.ca_file,
                "url": f"https://localhost:{port or self.port}"}

    def jid(self, user, _resource=None):
        """The account's address, for callers that do not ask which kind this is."""
        return f"{user}@{self.domain}"

    def add_account(self, user, password, reaches=None):
        """It is known from the next start on."""
        self.accounts[user] = (password, reaches)

    def frames(self):
        """How many it has carried, if it writes them down."""
        with open(self.log_file, errors="replace") as log:
            return log.read().count(" is=passed\n")

    def reach(self, user, names):
        """The account and these, and no others of its own accord, may reach each other."""
        self.accounts[user] = (self.accounts[user][0], names)

    def _listens(self):
        return {"listen": f"127.0.0.1:{self.port}"}

    def _write(self):
        listens = "".join(f"{key} = {value}\n" for key, value in self._listens().items())
        text = (f"[relay]\ndomain = {self.domain}\n{listens}"
                f"certificate_file = {self.folder}/server.crt\n"
                f"key_file = {self.folder}/server.key\n"
                f"log_level = {self.log_level}\n")
        for user, (password, reaches) in self.accounts.items():
            path = f"{self.folder}/{user}.token"
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(password + "\n")
            names = self.accounts if reaches is None else reaches
            text += f"\n[account {user}]\ntoken_file = {path}\n"
            if [name for name in names if name != user]:
                text += f"reaches = {' '.join(name for name in names if name != user)}\n"
        with open(self.config, "w") as file:
            file.write(text)

    def command(self):
        return [self.program, "--config", self.config]

    def running_pid(self):
        """The pid of this folder's relay, or None. A reused pid is not taken for it."""
        try:
            with open(self.pid_file) as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline") as file:
                return pid if self.config in file.read() else None
        except (OSError, ValueError):
            return None

    def start(self, fresh=True):
        """`fresh`: with a configuration for the accounts that were added; else as it stands."""
        if self.running_pid():
            return
        if port_answers(self.port):
            raise RuntimeError(f"port {self.port} for {self.name} is taken by another program")
        if fresh:
            self._write()
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
                env={"PATH": os.environ["PATH"], "HOME": self.folder})
        with open(self.pid_file, "w") as file:
            file.write(f"{self.process.pid}\n")
        end = time.monotonic() + START_SECONDS
        while not port_answers(self.port):
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"the relay {self.name} does not answer on port {self.port}: "
                                   f"see {self.log_file}")
            time.sleep(0.02)

    def _end(self, signal_number):
        pid = self.running_pid()
        if pid:
            os.kill(pid, signal_number)
        if self.process:
            self.process.wait(STOP_SECONDS)
            self.process = None
        end = time.monotonic() + STOP_SECONDS
        while self.running_pid():
            if time.monotonic() > end:
                raise RuntimeError(f"the relay {self.name}, process {pid}, does not end")
            time.sleep(0.02)
        if os.path.exists(self.pid_file):
            os.unlink(self.pid_file)

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)


class ZeromqRelay(Relay):
    """One whose users come by ZeroMQ; `http_port` is open, too."""

    def __init__(self, folder, domain, build, **options):
        super().__init__(folder, domain, build, **options)
        self.http_port = free_port()
        self.key_file = f"{self.folder}/zeromq.key"
        self.server_key = subprocess.run(
            [f"{os.path.dirname(self.program)}/isthmus-agent", "key", self.key_file], text=True,
            check=True, stdout=subprocess.PIPE).stdout.strip()

    @property
    def url(self):
        return f"tcp://localhost:{self.port}"

    def settings(self, user, _resource=None, port=None):
        return {"carrier": "zeromq", "address": self.jid(user), "server_key": self.server_key,
                "url": f"tcp://localhost:{port or self.port}"}

    def _listens(self):
        return {"listen": f"127.0.0.1:{self.http_port}",
                "zeromq_listen": f"127.0.0.1:{self.port}", "zeromq_key_file": self.key_file}


class RelayDouble(Relay):
    """tools/relay_double.py: it writes down what it carries, and turns on its users."""

    def __init__(self, folder, domain, build, **options):
        super().__init__(folder, domain, build, **options)
        self.traffic_file = f"{self.folder}/traffic.log"

    double = "relay_double.py"

    def command(self):
        double = f"{os.path.dirname(os.path.abspath(__file__))}/{self.double}"
        return [sys.executable, double, self.config, self.folder]

    def frames(self):
        with open(self.traffic_file, errors="replace") as traffic:
            return traffic.read().count("in ")


class ZeromqDouble(RelayDouble, ZeromqRelay):
    """tools/zeromq_double.py: the same, by ZeroMQ alone."""
    double = "zeromq_double.py"


class BrokerDouble(RelayDouble):
    """tools/broker_double.py: the same, by AMQP."""
    double = "broker_double.py"

    @property
    def url(self):
        return f"amqps://localhost:{self.port}"

    def settings(self, user, _resource=None, port=None):
        return {"carrier": "amqp", "address": self.jid(user), "ca_file": self.ca_file,
                "url": f"amqps://localhost:{port or self.port}"}

    def _write(self):
        with open(self.config, "w") as file:
            json.dump({"domain": self.domain, "port": self.port,
                       "certificate": f"{self.folder}/server.crt",
                       "key": f"{self.folder}/server.key",
                       "accounts": {user: password for user, (password, _) in
                                    self.accounts.items()}}, file)
