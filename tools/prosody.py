#!/usr/bin/env python3
"""A private Prosody in a folder of its own: certificate authority, certificate, accounts, server.

For the system tests:
    server = Prosody(folder, "one.test")
    server.add_account("manager", "secret")
    server.start()      # returns when the port answers
    server.kill()       # kill -9; start() again serves on the same port
    server.stop()
and for ./quickstart:
    prosody.py prepare FOLDER DOMAIN PORT USER:PASSWORD... [--trace]
    prosody.py start FOLDER
    prosody.py stop FOLDER

Nothing outside of FOLDER is read or written, and only the process that was started is ended.
"""
import argparse
import contextlib
import errno
import hashlib
import hmac
import itertools
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
START_SECONDS = 30
STOP_SECONDS = 20  # it gives its clients 6 (mod_c2s) and their sockets 5 more (net.server_epoll)

# Tuned as measured: without gc, min_wait and nagle a round trip costs several times as much, and
# the module "limits" (left out) would throttle a manager to 24 round trips a second.
CONFIGURATION = """\
run_as_root = {root}
data_path = "{folder}/data"
certificates = "{folder}"
plugin_paths = {{ "{modules}" }}
log = {{ {{ levels = {{ min = "info" }}, to = "file", filename = "{folder}/prosody.log" }} }}

interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ }}
s2s_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
modules_enabled = {{ "roster"; "saslauth"; "tls"; "disco"; "ping"; "version"; "time"{more} }}
modules_disabled = {{ "s2s"; "s2s_auth_certs" }}
isthmus_trace_file = "{folder}/traffic.log"
isthmus_hostile_folder = "{folder}"

authentication = "internal_hashed"
password_hash = "SHA-256"
disable_sasl_mechanisms = {{ "DIGEST-MD5"; "PLAIN"; "LOGIN" }}
allow_registration = false
c2s_require_encryption = true
ssl = {{ key = "{folder}/server.key"; certificate = "{folder}/server.crt" }}

network_backend = "epoll"
network_settings = {{ nagle = false; tcp_backlog = 1024; min_wait = 0.00001 }}
gc = {{ mode = "incremental"; threshold = 300; speed = 400 }}
c2s_stanza_size_limit = 262144

VirtualHost "{domain}"
"""


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr.strip()}")


# Below those that the kernel gives to whoever connects: a server that is down keeps its port.
PORTS = range(10240, 32768)
offers = itertools.count(random.randrange(len(PORTS)))  # programs at the same time begin apart
marks = []  # of the ports that this process was offered, until it ends


def bound(family, address, kind=socket.SOCK_STREAM):
    """A socket that has the address; None: somebody else has it."""
    one = socket.socket(family, kind)
    try:
        one.bind(address)
        return one
    except OSError as fault:
        one.close()
        if fault.errno != errno.EADDRINUSE:
            raise
        return None


def free_port():
    """A port on loopback that nobody has, and that nobody else is offered as long as this process
    lives: whoever is to listen there may be down for a while. An abstract name says so to others
    (unix(7)): like a port it is one to a network namespace, and it is gone with its process."""
    while True:
        port = PORTS[next(offers) % len(PORTS)]
        mark = bound(socket.AF_UNIX, f"\0isthmus-port-{port}")
        probe = bound(socket.AF_INET, ("127.0.0.1", port)) if mark else None
        if probe:
            probe.close()
            marks.append(mark)
            return port
        if mark:
            mark.close()


def port_answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def make_authority(folder):
    """A certificate authority: ca.crt and ca.key in `folder`, kept if they are there."""
    if os.path.exists(f"{folder}/ca.crt"):
        return
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.crt", "-days", "3650",
            "-subj", "/CN=Isthmus test authority", "-addext", "keyUsage=critical,keyCertSign")


def make_certificate(folder, name):
    """server.crt and server.key for the host `name`, signed by the authority in `folder`."""
    if os.path.exists(f"{folder}/server.crt"):
        return
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{folder}/server.key", "-out", f"{folder}/server.csr",
            "-subj", f"/CN={name}")
    with open(f"{folder}/server.ext", "w") as extensions:
        extensions.write(f"basicConstraints=CA:FALSE\nsubjectAltName=DNS:{name}\n"
                         "extendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n")
    openssl("x509", "-req", "-in", f"{folder}/server.csr", "-CA", f"{folder}/ca.crt",
            "-CAkey", f"{folder}/ca.key", "-CAcreateserial", "-days", "825",
            "-extfile", f"{folder}/server.ext", "-out", f"{folder}/server.crt")


def make_client_certificate(folder, jid):
    """Certificate and key, as files, for the account `jid` (RFC 6120, 13.7.1.4), signed by the
    authority in `folder`."""
    name = f"{folder}/client-{jid.partition('@')[0]}"
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=client")
    with open(f"{name}.ext", "w") as extensions:
        extensions.write("basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n"
                         f"subjectAltName=otherName:1.3.6.1.5.5.7.8.5;UTF8:{jid}\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{folder}/ca.crt",
            "-CAkey", f"{folder}/ca.key", "-CAcreateserial", "-days", "825",
            "-extfile", f"{name}.ext", "-out", f"{name}.crt")
    return f"{name}.crt", f"{name}.key"


def store_name(name):
    """How Prosody's storage spells a name as a file name."""
    return "".join(c if c.isascii() and c.isalnum() else "".join(f"%{b:02x}" for b in c.encode())
                   for c in name)


class Prosody:
    """`port` 0: a free one. `certificate_name`: what the certificate names, if not the domain.
    `trace`: every stanza that passes is written to traffic.log; "hostile": and the server does
    what tests/system/hostile.py wants. `adhoc`: it knows of commands; profanity asks it first."""

    def __init__(self, folder, domain, name=None, port=0, trace=False, certificate_name=None,
                 adhoc=False):
        self.folder = os.path.abspath(folder)
        self.domain = domain
        self.name = name or domain
        self.port = port or free_port()
        self.ca_file = f"{self.folder}/ca.crt"
        self.log_file = f"{self.folder}/prosody.log"
        self.traffic_file = f"{self.folder}/traffic.log"
        self.pid_file = f"{self.folder}/prosody.pid"
        self.process = None
        os.makedirs(f"{self.folder}/data", exist_ok=True)
        make_authority(self.folder)
        make_certificate(self.folder, certificate_name or domain)
        modules = [f'; "isthmus_{module}"' for module, wanted in
                   (("trace", trace), ("hostile", trace == "hostile")) if wanted]
        modules += ['; "adhoc"'] if adhoc else []
        with open(f"{self.folder}/prosody.cfg.lua", "w") as configuration:
            configuration.write(CONFIGURATION.format(
                folder=self.folder, domain=domain, port=self.port, modules=HERE,
                root="true" if os.geteuid() == 0 else "false",
                more="".join(modules)))
        with open(f"{self.folder}/server.json", "w") as facts:
            json.dump({"domain": domain, "name": self.name, "port": self.port, "trace": trace,
                       "certificate_name": certificate_name, "adhoc": adhoc},
                      facts)

    @classmethod
    def load(cls, folder):
        """The server that was prepared in `folder` before."""
        with open(f"{folder}/server.json") as facts:
            return cls(folder, **json.load(facts))

    def jid(self, user, resource=None):
        return f"{user}@{self.domain}" + (f"/{resource}" if resource else "")

    def settings(self, user, resource, port=None):
        """The keys of a link's configuration that say where this server is, and who one is."""
        return {"carrier": "xmpp", "address": self.jid(user, resource), "server": "127.0.0.1",
                "port": port or self.port, "ca_file": self.ca_file}

    def frames(self):
        """How many it has carried, if it writes them down."""
        with open(self.traffic_file, errors="replace") as traffic:
            return traffic.read().count("urn:isthmus:frame:1")

    def add_account(self, user, password):
        """Writes the account as Prosody's internal_hashed does: SCRAM-SHA-256 (RFC 7677)."""
        salt = secrets.token_hex(16)
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 10000)
        client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).hexdigest()
        server = hmac.digest(salted, b"Server Key", "sha256").hex()
        folder = f"{self.folder}/data/{store_name(self.domain)}/accounts"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{store_name(user)}.dat", "w") as account:
            account.write(f'return {{ ["salt"] = "{salt}"; ["iteration_count"] = 10000;\n'
                          f'["stored_key"] = "{client}"; ["server_key"] = "{server}"; }};\n')

    def running_pid(self):
        """The pid of this folder's server, or None. A reused pid is not taken for it."""
        try:
            with open(self.pid_file) as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline") as file:
                return pid if f"{self.folder}/prosody.cfg.lua" in file.read() else None
        except (OSError, ValueError):
            return None

    def start(self):
        if self.running_pid():
            return
        if port_answers(self.port):
            raise RuntimeError(f"port {self.port} for {self.name} is taken by another program")
        with open(f"{self.folder}/prosody.out", "a") as output:
            self.process = subprocess.Popen(
                ["prosody", "--config", f"{self.folder}/prosody.cfg.lua", "-F"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={"PATH": os.environ["PATH"], "HOME": self.folder})
        with open(self.pid_file, "w") as file:
            file.write(f"{self.process.pid}\n")
        end = time.monotonic() + START_SECONDS
        while not port_answers(self.port):
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"Prosody {self.name} does not answer on port {self.port}: "
                                   f"see {self.log_file} and {self.folder}/prosody.out")
            time.sleep(0.02)

    def _has_ended(self, signal_number):
        """Does it end by the signal? Where it is our child, it is taken in."""
        end = time.monotonic() + STOP_SECONDS
        pid = self.running_pid()
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        while self.process.poll() is None if self.process else self.running_pid():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def _end(self, signal_number):
        if not self._has_ended(signal_number) and not self._has_ended(signal.SIGKILL):
            raise RuntimeError(f"Prosody {self.name}, process {self.running_pid()}, does not end")
        self.process = None
        if os.path.exists(self.pid_file):
            os.unlink(self.pid_file)

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser(description="A private Prosody in a folder of its own.")
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare", help="write certificates, configuration, accounts")
    prepare.add_argument("folder")
    prepare.add_argument("domain")
    prepare.add_argument("port", type=int, help="0: a free one")
    prepare.add_argument("accounts", nargs="*", metavar="USER:PASSWORD")
    prepare.add_argument("--trace", action="store_true", help="log every stanza to traffic.log")
    for name, text in (("start", "start it, return when it answers"), ("stop", "stop it")):
        commands.add_parser(name, help=text).add_argument("folder")
    options = parser.parse_args()

    if options.command == "prepare":
        server = Prosody(options.folder, options.domain, port=options.port, trace=options.trace)
        for account in options.accounts:
            user, colon, password = account.partition(":")
            if not user or not password:
                parser.error(f"account {account!r}: write it as USER:PASSWORD")
            server.add_account(user, password)
        print(server.port)
        return 0
    try:
        server = Prosody.load(options.folder)
        server.start() if options.command == "start" else server.stop()
    except FileNotFoundError as error:
        print(f"prosody.py: {error}: prepare the folder first", file=sys.stderr)
        return 1
    except RuntimeError as error:
        print(f"prosody.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
