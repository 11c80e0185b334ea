"""The probe of the REST face, and what test_rest.py and test_command.py share."""
import base64
import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/tools")
from cloud_parts import START_SECONDS, wait_until  # noqa: E402 (found by the path above)

BUILD = os.path.join(ROOT, os.environ.get("ISTHMUS_BUILD", "build"))
PROBE = os.path.join(BUILD, "tests", "system", "rest_probe")
COMMAND = os.path.join(BUILD, "src", "cli", "isthmus")
OPERATOR = {"Authorization": "Bearer operator-token"}
CLUSTER = {"Authorization": "Bearer cluster-token"}
JSON = {"Content-Type": "application/json"}
KINDS = ("VM_CREATE VM_LIST VM_SHOW VM_ACT OP_LIST OP_SHOW SHAPE_LIST IMAGE_LIST IMAGE_SHOW "
         "IMAGE_ADD IMAGE_DELETE CLUSTER_LIST CLUSTER_SHOW TENANT_CREATE TENANT_LIST TENANT_SHOW "
         "TENANT_DELETE WHOAMI").split()


class Probe:
    def __init__(self, *options, listen="127.0.0.1:0", folder=None):
        self.own = None if folder else tempfile.TemporaryDirectory(prefix="isthmus-rest-")
        self.folder = folder or self.own.name
        self.process = subprocess.Popen([PROBE, listen, self.folder, *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = self.process.stdout.readline().split()
        if not first:
            self.clean()
            raise RuntimeError(self.said)
        self.port, self.serve_port = int(first[1]), int(first[2])
        self.lines = []
        self.marks = 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait(self, pattern):
        """The first line that it matches."""
        def found():
            return next((line for line in self.lines if re.search(pattern, line)), None)
        try:
            return wait_until(found, f"a line {pattern!r}")
        except RuntimeError as fault:
            raise RuntimeError(f"{fault}; there are {self.lines}") from fault

    def last_request(self):
        """The newest that reached the role; one more is sent to know that all lines are here."""
        self.marks += 1
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)
        connection.request("GET", f"/v1/images/mark-{self.marks}", headers=OPERATOR)
        connection.getresponse().read()
        connection.close()
        mark = self.wait(f"key=mark-{self.marks} ")
        line = [line for line in self.lines[:self.lines.index(mark)]
                if line.startswith("request") and "key=mark-" not in line][-1]
        return dict(pair.split("=", 1) for pair in line.split()[1:])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(START_SECONDS)
        self.reader.join()
        self.clean()
        return code

    def clean(self):
        self.said = self.process.stderr.read()
        self.process.wait(START_SECONDS)
        self.process.stdout.close()
        self.process.stderr.close()
        if self.own:
            self.own.cleanup()


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)


def archive(good=True, filler=b""):
    """A template; a qcow2 header is enough of a disk for the check."""
    disk = b"QFI\xfb" + (3).to_bytes(4, "big") + bytes(15) + b"\x10"
    disk += (1 << 30).to_bytes(8, "big") + bytes(67) + b"\x04" + (104).to_bytes(4, "big") + filler
    manifest = {"format": 1, "architecture": "x86_64", "disk": "disk.qcow2" if good else "none",
                "disk_format": "qcow2"}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in (("manifest.json", json.dumps(manifest).encode()), ("disk.qcow2", disk)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def body_of(path, name, shape, image):
    """What a route takes."""
    if path.endswith("/image-quota"):
        return {"images_gib": 1}
    if path.endswith("/quota"):
        return {"vms": 1}
    if path.endswith("/permissions"):
        return {"images": image}
    if path.endswith("/forward"):
        return {"port": 80}
    if path.endswith("/interface-add"):
        return {"network": "lan"}
    if path.endswith("/interface-remove"):
        return {"interface": "lan"}
    if path.endswith("/contacts"):
        return {"name": name, "kind": "webhook", "address": "https://example.com/hook"}
    if path.endswith("/rules"):
        return {"name": name, "tenants": "gold-*", "must": "region=eu"}
    if path.endswith("/move"):
        return {"position": 1}
    if "/rules/" in path:
        return {"refuse": "not here"}
    if path.endswith("/prove"):
        return {"code": "guess"}
    if path.endswith("/end"):
        return {"outcome": "done"}
    if "access-tokens" in path:
        return {"name": name, "rights": "look"}
    if "tokens" in path:
        return {"peer": name}
    if path.endswith("/metadata"):
        return {"metadata": "stage=test"}
    if path.endswith("/title"):
        return {"title": "The web"}
    if path.endswith("/allow"):
        return {"allow": "tcp:22"}
    if path.endswith("/resize"):
        return {"shape": shape}
    if path.endswith("/rebuild"):
        return {"image": image}
    if path.endswith("/ssh-keys"):
        kind = b"ssh-ed25519"
        blob = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + bytes(32)
        return {"name": name, "public_key": f"{kind.decode()} {base64.b64encode(blob).decode()}"}
    if path.endswith("/streams"):
        return {"ticket": "0" * 64}
    if path.endswith("/logins"):
        return {}  # by the bearer token
    if "leftovers" in path:
        return {"place": "north"}
    return {"name": name, **({"shape": shape, "image": image} if path.endswith("/vms") else {})}


class Case(unittest.TestCase):
    def setUp(self):
        self.probe = Probe()
        self.addCleanup(lambda: self.assertEqual(self.probe.stop(), 0))

    def connect(self, port=None, timeout=START_SECONDS):
        return http.client.HTTPConnection("127.0.0.1", port or self.probe.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=OPERATOR, port=None):
        connection = self.connect(port)
        try:
            if isinstance(body, (dict, list)):
                body, headers = json.dumps(body), {**headers, **JSON}
            connection.request(method, path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def refused(self, answer, status, code, field=None):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        problem = answer.json
        self.assertEqual(problem["code"], code)
        self.assertEqual(problem["type"], "urn:isthmus:problem:" + code)
        self.assertEqual(problem["status"], status)
        self.assertTrue(problem["title"] and problem["remedy"])
        if field:
            self.assertEqual(problem["field"], field)
        return problem

    def create(self, name="web", path="/v1/vms", headers=OPERATOR, **more):
        return self.ask("POST", path, {"name": name, "shape": "small", "image": "tiny", **more},
                        headers)


def make_certificate(folder, name):
    """Of this machine, and its key: their files."""
    certificate, key = (os.path.join(folder, name + end) for end in (".pem", ".key"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
                    certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return certificate, key


def command(server, *arguments, token="operator-token", **environment):
    return subprocess.run([COMMAND, *arguments], text=True, capture_output=True, timeout=60,
                          env={"ISTHMUS_SERVER": server, "ISTHMUS_TOKEN": token, **environment})
