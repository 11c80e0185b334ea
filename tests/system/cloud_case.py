"""What the tests of a whole cloud have in common: a Cloud per class, a tenant, images, waiting.

ISTHMUS_BUILD names the build folder (default: build), ISTHMUS_GUEST_IMAGE an image that
tools/make-guest-image made; without it, one is made in build/ at first use."""
import ctypes
import fcntl
import io
import json
import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/tools")
from cloud import Cloud, command_line, keep_probes, read, use_probes, wait_until  # noqa: E402,F401
from cloud_parts import QEMU_CONF  # noqa: E402,F401

BUILD = os.path.join(ROOT, os.environ.get("ISTHMUS_BUILD", "build"))
WAIT_SECONDS = 60
BOOT_SECONDS = 600  # an emulated machine beside others
PR_SET_CHILD_SUBREAPER = 36
SANITIZED = bool(re.search("sanitize|threads", os.environ.get("ISTHMUS_BUILD", "")))


def not_sanitized(why):
    """Tests that are no use under the sanitizers, or cannot be run there: they are skipped there,
    and a whole run has them without. `why` says which, and where their code is sanitized."""
    def mark(tests):
        tests.is_not_sanitized = True
        return unittest.skipIf(SANITIZED, why)(tests)
    return mark


def reap_guests(*_):
    """Takes in the QEMU processes that ended: their parents, which libvirt forks, are gone. Where
    process 1 is slow at it, libvirt would wait two seconds for each."""
    for task in os.listdir("/proc/self/task"):
        try:
            children = read(f"/proc/self/task/{task}/children").split()
            for child in children:
                if read(f"/proc/{child}/comm").startswith("qemu-system"):
                    os.waitpid(int(child), os.WNOHANG)
        except (OSError, ChildProcessError):
            continue


def adopt_guests():
    """From here on, QEMU processes whose parents have ended are this process's to take in."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGCHLD, reap_guests)


def guest_image(*options):
    """A Linux guest's archive; made once for all builds, by whoever needs it first."""
    name = "".join(["guest", *options])
    path, maker = f"{ROOT}/build/{name}.tar.zst", f"{ROOT}/tools/make-guest-image"
    if "ISTHMUS_GUEST_IMAGE" in os.environ and not options:
        return os.environ["ISTHMUS_GUEST_IMAGE"]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(maker):
            subprocess.run([maker, *options, path], check=True, stdout=subprocess.DEVNULL)
    return path


def make_archive(path, disk=None, manifest=None, entries=None):
    """An image with an empty disk: QEMU finds nothing to boot and idles. Each is another one."""
    disk = os.urandom(16) + bytes(2 ** 20 - 16) if disk is None else disk
    manifest = {"format": 1, "architecture": "x86_64", "disk": "disk.raw", "disk_format": "raw",
                **(manifest or {})}
    if entries is None:
        entries = {"manifest.json": json.dumps(manifest).encode(), "disk.raw": disk}
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    with open(path, "wb") as file:
        file.write(subprocess.run(["zstd", "-q", "-c"], input=tar.getvalue(), check=True,
                                  stdout=subprocess.PIPE).stdout)
    return path


class Gate:
    """Stands before an image server, at `port`. `mode`: "pass"; "hold": connections are taken and
    nothing comes; "refuse": they are closed; "spoil": the last byte of each piece is turned."""

    def __init__(self):
        self.target = None
        self.mode = "pass"
        self.changed = threading.Condition()
        self.held = 0
        gate = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                gate._serve(self.request)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def set(self, mode):
        with self.changed:
            self.mode = mode
            self.changed.notify_all()

    def await_held(self):
        with self.changed:
            if not self.changed.wait_for(lambda: self.held, WAIT_SECONDS):
                raise RuntimeError("nobody came to the gate for an image")

    def close(self):
        self.set("refuse")
        self.server.shutdown()
        self.server.server_close()

    def _serve(self, client):
        with self.changed:
            self.held += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.mode != "hold")
            self.held -= 1
            mode = self.mode
        if mode == "refuse":
            return
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            upward = threading.Thread(target=self._copy, args=(client, server), daemon=True)
            upward.start()
            self._copy(server, client, spoil=mode == "spoil")

    @staticmethod
    def _copy(source, sink, spoil=False):
        try:
            while piece := source.recv(65536):
                if spoil and not piece.endswith(b"\r\n\r\n"):  # not the head alone
                    piece = piece[:-1] + bytes([piece[-1] ^ 1])
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class CloudCase(unittest.TestCase):
    """`clusters` and `options` are the Cloud's. `gates`: image sources that go through a Gate.
    `build`: whose programs are started."""
    build = BUILD
    clusters = {"north": 2}
    options = {}
    gates = ()
    gate_kind = Gate

    @classmethod
    def setUpClass(cls):
        adopt_guests()
        cls.folder = tempfile.TemporaryDirectory(prefix="isthmus-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.gate = {name: cls.gate_kind() for name in cls.gates}
        for gate in cls.gate.values():
            cls.addClassCleanup(gate.close)
        ports = {name: gate.port for name, gate in cls.gate.items()}
        cls.cloud = Cloud(cls.folder.name, cls.build, cls.clusters, image_ports=ports,
                          **cls.options)
        for name, gate in cls.gate.items():
            cluster = [key for key, agents in cls.cloud.clusters.items() if name in agents]
            gate.target = cls.cloud.ports[cluster[0] if cluster else cls.cloud.upstream.name]
        cls.addClassCleanup(cls.cloud.stop)
        try:
            cls.cloud.start()
        except RuntimeError as fault:
            raise RuntimeError(f"{fault}\n{cls.cloud.tail()}") from fault
        cls.token_file = cls.cloud.tenant("acme")
        cls.token = read(cls.token_file).strip()
        cls.operator = read(cls.cloud.environment()["ISTHMUS_TOKEN_FILE"]).strip()

    def run(self, result=None):
        """Shows the ends of the daemons' logs when a test did not pass."""
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(f"\nlogs at the end of {self.id()}:\n{self.cloud.tail()}", file=sys.stderr)
        return result

    # asking as the tenant

    def ask(self, method, path, body=None, **options):
        return self.cloud.rest(method, path, body, **{"token": self.token, **options})

    def get(self, path):
        answer = self.ask("GET", path)
        self.assertEqual(answer.status, 200, answer.out)
        return answer.json()

    def vm(self, *arguments, check=True):
        return self.cloud.cli("vm", *arguments, token_file=self.token_file, check=check)

    def vms(self):
        return self.get("/v1/vms")["items"]

    def create(self, name="web", image="empty", shape="nano", wait=0, **more):
        """Asks for a VM by REST; the operation."""
        answer = self.ask("POST", f"/v1/vms?wait={wait}", {"name": name, "shape": shape,
                                                           "image": image, "start": True, **more})
        self.assertIn(answer.status, (200, 202), answer.out)
        return answer.json()

    def act(self, name, verb, wait=WAIT_SECONDS):
        method, path = ("DELETE", "") if verb == "delete" else ("POST", f"/{verb}")
        answer = self.ask(method, f"/v1/vms/{name}{path}?wait={wait}")
        self.assertIn(answer.status, (200, 202), answer.out)
        return answer.json()

    def operation(self, operation, wait=0):
        return self.get(f"/v1/operations/{operation['id']}?wait={wait}")

    def await_end(self, operation, code="ok"):
        """The operation after its end; also when it takes the upstream manager's restarts."""
        ended = self.operation(operation, WAIT_SECONDS)
        self.assertIn(ended["state"], ("succeeded", "failed"), ended)
        self.assertEqual(ended["code"], code, ended)
        return ended

    def await_step(self, operation, *steps):
        """Waits until the operation has reached one of the steps."""
        wait_until(lambda: any(entry["step"] in steps
                               for entry in self.operation(operation)["timeline"]),
                   f"operation {operation['id']} at {steps}")

    def capacity(self):
        """What each cluster says is free, by cluster."""
        return {cluster["name"]: cluster["capacity"] for cluster in
                self.get("/v1/clusters")["items"]}

    def await_capacity(self, wanted):
        wait_until(lambda: self.capacity() == wanted, f"the capacity as it was: {wanted}, not "
                   f"{self.capacity()}")

    # asking as the owner of the cluster north

    def owner(self, *arguments, check=True):
        return self.cloud.owner("north", *arguments, check=check)

    def owner_json(self, *arguments):
        return json.loads(self.owner(*arguments, "-o", "json").out)

    # images and hosts

    @classmethod
    def import_image(cls, name, path=None):
        path = path or make_archive(f"{cls.folder.name}/{name}.tar.zst")
        cls.cloud.cli("image", "import", name, path)
        return name

    def host_files(self):
        """Of all VMs on all agents: folders, libvirt's definitions, half-made files."""
        found = []
        for agent in self.cloud.agents.values():
            for folder in (f"{agent.state}/vms", f"{agent.folder}/libvirt/etc/qemu"):
                if os.path.isdir(folder):
                    found += [f"{folder}/{name}" for name in sorted(os.listdir(folder))
                              if name not in ("networks", "autostart")]
        return found

    def delete_all(self):
        for vm in self.vms():
            self.assertEqual(self.act(vm["name"], "delete")["code"], "ok")

    def assert_not_kept_above(self, name):
        """A host's name stands in no file of the upstream manager's."""
        folder = self.cloud.upstream.state
        for file_name in os.listdir(folder):
            if os.path.isfile(f"{folder}/{file_name}"):
                with open(f"{folder}/{file_name}", "rb") as file:
                    self.assertNotIn(name.encode(), file.read(), file_name)

    def assert_nothing_is_left(self):
        self.assertEqual(self.vms(), [])
        self.assertEqual(self.host_files(), [])
        self.assertEqual(self.cloud.guests(), [])
