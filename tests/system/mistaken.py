"""A daemon of a cloud with a mistake that somebody has made, and what the mistakes are made of."""
import configparser
import datetime
import os
import re
import socket
import subprocess
import tempfile

from cloud_case import read, wait_until
from cloud import write
from prosody import openssl

ENDS_WITHIN = 120


def settings(path):
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    parser.optionxform = str
    parser.read(path)
    return parser


class Place:
    """A daemon of the cloud with a mistake in its configuration; its state is a folder of its
    own."""

    def __init__(self, test, name):
        self.test, self.daemon = test, test.cloud.daemon(name)
        self.folder = tempfile.mkdtemp(dir=test.cloud.folder, prefix="try-")
        self.config = f"{self.folder}/{self.daemon.kind}.conf"
        self.values = settings(self.daemon.config)
        self.set("daemon", state=f"{self.folder}/state")
        for name in self.values.sections():
            if "image_url" in self.values[name]:
                self.set(name, image_url="file:///srv/images")

    def section(self, begin):
        return next(name for name in self.values.sections() if name.startswith(begin))

    def set(self, begin, **keys):
        """`None` takes a key away."""
        name = begin if begin in self.values.sections() else None
        name = name or next((each for each in self.values.sections()
                             if each.startswith(begin)), begin)
        if name not in self.values.sections():
            self.values.add_section(name)
        for key, value in keys.items():
            self.values.remove_option(name, key)
            if value is not None:
                self.values.set(name, key, str(value))
        return self

    def file(self, name, text, mode=0o600):
        write(f"{self.folder}/{name}", text, mode)
        return f"{self.folder}/{name}"

    def write(self):
        with open(self.config, "w") as file:
            self.values.write(file)
        return self

    def run(self, *words, before=()):
        """What it says when it ends by itself with an error."""
        done = subprocess.run([*before, self.daemon.program, "--config", self.config, *words],
                              text=True, capture_output=True, check=False, timeout=ENDS_WITHIN,
                              env={**os.environ, "LC_ALL": "C"})
        self.test.assertIn(done.returncode, (1, 2), done.stdout + done.stderr)
        lines = [line for line in done.stderr.splitlines()
                 if line.startswith(os.path.basename(self.daemon.program))]
        self.test.assertEqual(len(lines), 1, done.stderr)
        return lines[0]

    def check(self, before=()):
        return self.write().run("--check", before=before)

    def start(self):
        return self.write().run()

    def log(self, event):
        """The first line with this event that it logs."""
        self.write()
        path = f"{self.folder}/log"
        with open(path, "w") as log:
            process = subprocess.Popen([self.daemon.program, "--config", self.config], stdout=log,
                                       stderr=log, stdin=subprocess.DEVNULL)
        pattern = re.compile(rf"^.*(?:event={event}) .*$", re.MULTILINE)
        try:
            found = wait_until(lambda: pattern.search(read(path)), f"{event} in {read(path)}")
        finally:
            process.terminate()
            process.wait()
        return re.sub(r"^.*?(event=)", r"\1", found.group())


def certificate(folder, name, *more, authority=None):
    """One by the authority in `folder`, or itself one."""
    base = f"{folder}/{name}"
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            f"{base}.key", "-out", f"{base}.csr", "-subj", f"/CN={name}")
    write(f"{base}.ext", f"subjectAltName=DNS:{name}\nbasicConstraints=CA:TRUE\n")
    signed = ["-CA", f"{authority}/ca.crt", "-CAkey", f"{authority}/ca.key", "-CAcreateserial"] \
        if authority else ["-signkey", f"{base}.key"]
    openssl("x509", "-req", "-in", f"{base}.csr", *signed, "-extfile", f"{base}.ext", "-out",
            f"{base}.crt", *(more or ("-days", "30")))
    return base


def day(offset):
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=offset)
    return then.strftime("%Y%m%d%H%M%SZ")


def dated_certificate(folder, name, begin, end):
    """Valid between so many days from now."""
    base = certificate(folder, name)
    write(f"{folder}/ca.cnf", f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index\n"
          f"serial={folder}/serial\nnew_certs_dir={folder}\ndefault_md=sha256\npolicy=any\n"
          "[any]\ncommonName=supplied\n")
    write(f"{folder}/index", "")
    write(f"{folder}/serial", "01\n")
    openssl("ca", "-batch", "-selfsign", "-config", f"{folder}/ca.cnf", "-in", f"{base}.csr",
            "-keyfile", f"{base}.key", "-cert", f"{base}.crt", "-extfile", f"{base}.ext",
            "-startdate", day(begin), "-enddate", day(end), "-out", f"{base}.crt", "-notext")
    return f"{base}.crt"


class Silent:
    """A server that takes connections and says nothing; its port."""

    def __enter__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen()
        return self.socket.getsockname()[1]

    def __exit__(self, *_):
        self.socket.close()
