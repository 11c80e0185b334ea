"""What a cloud on one machine is made of: a daemon with its folder, files, secrets, waiting."""
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import tempfile
import time

from prosody import Prosody, openssl
from rabbitmq import Rabbitmq
from relay import BrokerDouble, Relay, RelayDouble, ZeromqDouble, ZeromqRelay

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROBES = f"{ROOT}/build/capabilities"  # what libvirt knows of this machine's QEMU
START_SECONDS = 60
STOP_SECONDS = 30
POLL_SECONDS = 0.02
SETTLED_SECONDS = 0.5  # each level gathers changes of capacity for a fifth of it
# application servers by the kind of their carrier
SERVERS = {"xmpp": Prosody, "http": Relay, "http-double": RelayDouble, "amqp": Rabbitmq,
           "amqp-double": BrokerDouble, "zeromq": ZeromqRelay, "zeromq-double": ZeromqDouble}
# A Unix socket's path has 107 bytes, and libvirt adds for a QEMU's monitor:
ROOT_LENGTH = 107 - len("/lib/qemu/domain-9999-isthmus-vm-01m8224s4/monitor.sock")
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


def optional(name, keys):
    """A section that need not be there."""
    return section(name, keys) if keys else ""


def streams_section(cloud, daemon):
    """Of a manager's listener for streams, with a certificate of its own."""
    if not cloud.options.streams or daemon.kind == "agent":
        return ""
    name, address = f"{daemon.folder}/streams", f"127.0.0.1:{cloud.ports[f'{daemon.name}-streams']}"
    if not os.path.exists(f"{name}.crt"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "3650",
                "-subj", "/CN=localhost")
    return section("streams", {"listen": address, "url": f"wss://{address}",
                               "certificate_file": f"{name}.crt", "key_file": f"{name}.key"})


def make_server(cloud, carrier, folder, domain, **more):
    """An application server of this kind."""
    if issubclass(SERVERS[carrier], Relay):
        more["build"] = cloud.build
    return SERVERS[carrier](folder, domain, trace=cloud.options.trace, **more)


def add_account(server, user, password, manager=None):
    """At an application server. `manager`: the address of the only one that it reaches there by
    itself, where the server knows who reaches whom."""
    server.add_account(user, password)
    if isinstance(server, Relay):
        server.reach(user, [manager.partition("@")[0]] if manager else [])


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []


def make_libvirt(root):
    """An embedded libvirt's root; its URI."""
    if len(root) > ROOT_LENGTH:
        raise RuntimeError(f"{root} is too long for QEMU's sockets by {len(root) - ROOT_LENGTH} "
                           "characters; use a folder nearer to /")
    os.makedirs(f"{root}/etc", exist_ok=True)
    if os.geteuid() == 0:
        write(f"{root}/etc/qemu.conf", QEMU_CONF)
    return f"qemu:///embed?root={root}"


def use_probes(cache):
    """Spares a libvirt, whose cache this folder is, its probes of QEMU, which take seconds."""
    target = f"{cache}/qemu/capabilities"
    if os.path.isdir(PROBES) and not os.path.isdir(target):
        shutil.copytree(PROBES, target)


def keep_probes(cache):
    """What a libvirt has found out, for all that are started later. Another process may be doing
    it too: the first that has it whole wins."""
    found, parent = f"{cache}/qemu/capabilities", os.path.dirname(PROBES)
    if not os.path.isdir(found) or os.path.isdir(PROBES):
        return
    os.makedirs(parent, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        copy = shutil.copytree(found, f"{folder}/capabilities")
        try:
            os.rename(copy, PROBES)
        except OSError:
            if not os.path.isdir(PROBES):
                raise


def without(values, key):
    """A copy of the dictionary that lacks the key."""
    return {name: value for name, value in values.items() if name != key}


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


def has_settled(told, now):
    """Is it as it was for a while? `told`: a list that is empty at first, and remembers it."""
    if told[:1] != [now]:
        told[:] = now, time.monotonic()
    return time.monotonic() - told[1] > SETTLED_SECONDS


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
    ready = " event=ready "

    def __init__(self, cloud, kind, name):
        self.kind, self.name = kind, name
        self.program = f"{cloud.build}/src/main/isthmus-{kind}"
        self.folder = f"{cloud.folder}/{kind}s/{name}" if name != "upstream" \
            else f"{cloud.folder}/upstream"
        self.state = f"{self.folder}/state"
        self.config = f"{self.folder}/{kind}.conf"
        self.log_file = f"{cloud.folder}/log/{name}.log"
        self.pid_file = f"{self.folder}/pid"
        self.process = None
        self.environment = {}
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

    def arguments(self):
        return ["--config", self.config]

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
                [self.program, *self.arguments()], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
                env={"PATH": os.environ["PATH"], "HOME": self.folder, **self.environment})
        write(self.pid_file, str(self.process.pid))

    def await_ready(self):
        def is_ready():
            if not self.pid():
                code = self.process.returncode if self.process else "unknown"
                raise RuntimeError(f"{self.name} ended before it was ready, exit code {code}:\n"
                                   f"{self.log()}")
            return self.ready in self.log()
        wait_until(is_ready, f"{self.name} says {self.ready.strip()} in {self.log_file}")

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


class Warden(Daemon):
    """Of an agent, in place of the host's: it stops guests whose lease has ended."""
    ready = " event=starting "

    def __init__(self, cloud, agent):
        super().__init__(cloud, "warden", f"{agent}-warden")
        self.config = f"{self.folder}/run"

    def arguments(self):
        return ["--folder", self.config]


class Answer:
    """Of the command (code, out, err) or of REST (status, headers, out)."""

    def __init__(self, **values):
        self.__dict__.update(values)

    def json(self):
        return json.loads(self.out)


def room_of(cluster):
    """A cluster's processors; 0 as long as it is empty and nothing fits."""
    capacity = cluster.get("capacity", {})
    total = capacity.get("cpus_total", 0)
    is_used = capacity.get("cpus_free", 0) < total
    return total if is_used or any(fit["count"] for fit in capacity.get("fits", [])) else 0
