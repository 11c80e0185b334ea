#!/usr/bin/env python3
"""The Debian packages: made from this tree, checked, installed, upgraded, removed and purged."""
import glob
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

import machine
import network
import root

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NAMES = ("isthmus", "isthmus-upstream", "isthmus-downstream", "isthmus-agent", "isthmus-relay",
         "isthmus-xmpp")
UNITS = {"upstream": 3, "downstream": 2, "relay": 2, "xmpp": 2, "warden": 2,
         "agent": 6}  # exposure at most
CONSOLE_SECONDS = 300  # until a guest under emulation has booted
HOSTS = ("north-1", "north-2", "south-1", "south-2")
made = tempfile.TemporaryDirectory(prefix="isthmus-made-")


def setUpModule():
    done = subprocess.run([f"{ROOT}/tools/packages", made.name], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise AssertionError(f"the packages could not be made\n{done.stdout[-4000:]}")


def tearDownModule():
    made.cleanup()


def packages():
    return [glob.glob(f"{made.name}/{name}_*.deb")[0] for name in NAMES]


def guest():
    """A Linux guest's archive, made where the packages are."""
    path = f"{made.name}/guest.tar.zst"
    if not os.path.exists(path):
        subprocess.run([f"{ROOT}/tools/make-guest-image", path], check=True,
                       stdout=subprocess.DEVNULL)
    return path


def older(path, folder):
    """The same package as an earlier version."""
    inside = f"{folder}/{os.path.basename(path)}.d"
    subprocess.run(["dpkg-deb", "--raw-extract", path, inside], check=True)
    with open(f"{inside}/DEBIAN/control") as file:
        text = file.read()
    with open(f"{inside}/DEBIAN/control", "w") as file:
        file.write(re.sub(r"^Version: .*$", "Version: 0.0.9", text, flags=re.MULTILINE))
    out = f"{folder}/{os.path.basename(path)}"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", inside, out], check=True,
                   stdout=subprocess.DEVNULL)
    return out


class Made(unittest.TestCase):
    def test_lintian_finds_no_error(self):
        done = subprocess.run(
            ["lintian", "--allow-root", "--fail-on", "error", *glob.glob(f"{made.name}/*.changes")],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_no_package_holds_tests_or_needs_what_only_they_need(self):
        for path in packages():
            control = subprocess.run(["dpkg-deb", "--field", path, "Depends"], text=True,
                                     capture_output=True, check=True).stdout
            self.assertNotIn("cmocka", control)
            listed = subprocess.run(["dpkg-deb", "--contents", path], text=True,
                                    capture_output=True, check=True).stdout
            self.assertNotRegex(listed, r"sim\b|bench|probe|test")


@unittest.skipUnless(root.can_be_made(), "this system lets no overlay of it be mounted")
class Installed(unittest.TestCase):
    def setUp(self):
        self.root = root.Root()
        self.addCleanup(self.root.close)
        self.root.copy_in(packages(), "/run/packages")

    def install(self, folder="/run/packages"):
        self.root.run("sh", "-c", f"dpkg --install {folder}/*.deb")

    def remove(self, how, *names):
        return self.root.run("dpkg", how, *(names or NAMES))[0]

    def test_programs_units_accounts_and_pages_are_there_and_nothing_starts(self):
        self.install()
        for daemon in UNITS:
            said, _ = self.root.run(f"isthmus-{daemon}", "--version")
            self.assertRegex(said, r"\d+\.\d+")
            self.assertTrue(self.root.has(f"/lib/systemd/system/isthmus-{daemon}.service"))
            self.assertTrue(self.root.has(f"/usr/share/man/man8/isthmus-{daemon}.8.gz"))
            self.assertFalse(self.root.has(
                f"/etc/systemd/system/multi-user.target.wants/isthmus-{daemon}.service"))
        for account in ("upstream", "downstream", "relay", "xmpp"):
            self.root.run("getent", "passwd", f"isthmus-{account}")
            self.assertTrue(self.root.has(
                f"/usr/share/doc/isthmus-{account}/examples/{account}.conf"))
        self.root.run("isthmus", "--version")
        said, code = self.root.run("isthmus-upstream", "--check", check=False)
        self.assertEqual(code, 2, said)
        self.assertIn("/etc/isthmus/upstream.conf", said)

    def test_a_check_has_the_rights_of_the_daemons_account(self):
        self.install()
        self.root.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/srv/ca.key", "-out",
                      "/srv/ca.crt", "-subj", "/CN=ca")
        self.root.run("isthmus-upstream", "init", "--domain", "cloud.test", "--clusters", "north",
                      "--ca-file", "/srv/ca.crt", "--no-start")
        self.root.run("chown", "root:root", "/etc/isthmus/upstream/operator.token")
        said, code = self.root.run("isthmus-upstream", "--check", check=False)
        self.assertEqual(code, 2)
        self.assertIn("operator.token: Permission denied; give the file to this daemon's account",
                      said)
        self.root.run("chown", "isthmus-upstream:", "/etc/isthmus/upstream/operator.token")
        said, _ = self.root.run("isthmus-upstream", "--check", check=False)
        self.assertNotIn("Permission denied", said)

    def test_units_are_valid_and_exposed_no_more_than_they_must_be(self):
        self.install()
        for daemon, most in UNITS.items():
            said, _ = self.root.run("systemd-analyze", "verify", f"isthmus-{daemon}.service")
            self.assertNotIn("isthmus", said)
            said, _ = self.root.run("systemd-analyze", "security", "--offline=true",
                                    f"isthmus-{daemon}.service")
            level = re.search(r"exposure level for \S+: ([0-9.]+)", said)
            self.assertLessEqual(float(level.group(1)), most, said)

    def test_an_upgrade_keeps_configuration_and_state(self):
        with tempfile.TemporaryDirectory() as folder:
            self.root.copy_in([older(path, folder) for path in packages()], "/run/older")
        self.install("/run/older")
        kept = ("/etc/isthmus/agent.conf", "/var/lib/isthmus-agent/vms/a/disk.qcow2",
                "/var/lib/isthmus-upstream/store.sqlite")
        for place in kept:
            self.root.write(place)
        self.install()
        said, _ = self.root.run("dpkg-query", "--show", "isthmus-agent")
        self.assertNotIn("0.0.9", said)
        self.assertEqual([place for place in kept if not self.root.has(place)], [])

    def test_a_purge_of_what_was_never_used_leaves_nothing(self):
        before = self.root.changed()
        self.install()
        self.assertNotEqual(self.root.changed() - before, set())
        self.remove("--purge")
        self.assertEqual(self.root.changed() - before, set())

    def test_a_purge_deletes_no_disk_without_being_told(self):
        self.install()
        disk = "/var/lib/isthmus-agent/vms/a/disk.qcow2"
        self.root.write(disk)
        self.root.write("/etc/isthmus/agent.conf")
        self.remove("--remove")
        self.assertTrue(self.root.has(disk))
        said = self.remove("--purge", "isthmus-agent")
        self.assertIn("/var/lib/isthmus-agent and /etc/isthmus/agent.conf stay", said)
        self.assertTrue(self.root.has(disk))
        self.assertTrue(self.root.has("/etc/isthmus/agent.conf"))

    def test_a_purge_deletes_what_it_was_told_to(self):
        self.install()
        for daemon in ("upstream", "downstream", "agent"):
            self.root.write(f"/var/lib/isthmus-{daemon}/store.sqlite")
            self.root.write(f"/etc/isthmus/{daemon}.conf")
            self.root.run("sh", "-c", f"echo isthmus-{daemon} isthmus-{daemon}/delete-state "
                          "boolean true | debconf-set-selections")
        self.remove("--purge")
        self.assertFalse(self.root.has("/etc/isthmus"))
        for daemon in ("upstream", "downstream", "agent"):
            self.assertFalse(self.root.has(f"/var/lib/isthmus-{daemon}"))


@unittest.skipUnless(machine.can_be_made(), "this system lets no machine be made of its files")
class Running(unittest.TestCase):
    """The services under systemd itself."""

    def setUp(self):
        self.root = root.Root()
        self.addCleanup(self.root.close)
        self.root.copy_in(packages(), "/run/packages")
        self.root.run("sh", "-c", "dpkg --install /run/packages/*.deb")
        self.machine = machine.Machine(self.root)
        self.addCleanup(self.machine.close)

    def shown(self, daemon, *names):
        said, _ = self.machine.run("systemctl", "show", f"isthmus-{daemon}.service",
                                   *(f"--property={name}" for name in names))
        return dict(line.split("=", 1) for line in said.splitlines())

    def test_a_mistake_in_the_configuration_ends_a_service_for_good(self):
        for daemon in ("upstream", "downstream", "relay", "xmpp", "agent"):
            with self.subTest(daemon=daemon):
                self.root.write(f"/etc/isthmus/{daemon}.conf", "[what is this]\n")
                _, code = self.machine.run("systemctl", "start", f"isthmus-{daemon}", check=False)
                self.assertNotEqual(code, 0)
                self.assertEqual(
                    self.shown(daemon, "ActiveState", "ExecMainStatus", "NRestarts"),
                    {"ActiveState": "failed", "ExecMainStatus": "2", "NRestarts": "0"})


@unittest.skipUnless(machine.can_be_made(), "this system lets no machine be made of its files")
class FirstHour(unittest.TestCase):
    """From packages to running VMs by seven commands: a cloud and two clusters of two hosts each,
    seven machines."""

    @classmethod
    def setUpClass(cls):
        cls.network = network.Network()
        cls.addClassCleanup(cls.network.close)
        installed = root.Root()
        cls.addClassCleanup(installed.close)
        installed.copy_in(packages(), "/run/packages")
        installed.copy_in([guest()], "/srv")
        installed.run("sh", "-c", "dpkg --install /run/packages/*.deb")
        # libvirt's daemon, without what this machine in a machine does not have.
        installed.write("/etc/libvirt/qemu.conf",
                        'user = "root"\ngroup = "root"\nstdio_handler = "file"\n'
                        'security_driver = "none"\nremember_owner = 0\ncgroup_controllers = [ ]\n')
        places = {name: cls.network.add(name) for name in
                  ("cloud.test", "north.test", "south.test", *HOSTS)}
        installed.write("/etc/hosts", cls.network.etc_hosts())
        cls.machines = {name: cls.make_machine(installed, place)
                        for name, place in places.items()}
        for host in HOSTS:
            cls.machines[host].run("systemd-run", "--quiet", "--unit=libvirtd", "libvirtd")

    @classmethod
    def make_machine(cls, installed, place):
        copy = root.Root(installed)
        cls.addClassCleanup(copy.close)
        made_of_it = machine.Machine(copy, place)
        cls.addClassCleanup(made_of_it.close)
        return made_of_it

    def on(self, name, *words, **how):
        return self.machines[name].run(*words, **how)[0]

    def command(self, token_file, *words):
        return self.on("cloud.test", "env", "ISTHMUS_SERVER=https://cloud.test:8443",
                       "ISTHMUS_CA_FILE=/etc/isthmus/upstream/authority.crt",
                       f"ISTHMUS_TOKEN_FILE={token_file}", "isthmus", *words)

    def owner_of(self, name, place):
        return self.on(name, "stat", "--format=%U %a", place).strip()

    def watch_processes(self, name):
        """Keeps what the list of processes shows, as often as it can look."""
        self.on(name, "systemd-run", "--quiet", "--unit=watch", "sh", "-c",
                "while sleep 0.05; do cat /proc/[0-9]*/cmdline; echo; done >/run/seen 2>/dev/null")

    def assert_no_password_was_shown(self, name):
        self.on(name, "systemctl", "stop", "watch", check=False)
        said = self.on(name, "sh", "-c", "ls /etc/isthmus/*/*.password | wc -l")
        self.assertGreaterEqual(int(said), 2)
        self.on(name, "grep", "--quiet", "--text", "prosodyctl", "/run/seen")
        said, code = self.machines[name].run(
            "sh", "-c", "cat /etc/isthmus/*/*.password | grep --text --count --file=- /run/seen",
            check=False)
        self.assertEqual((said.strip(), code), ("0", 1))

    def make_cluster(self, name, token):
        """By one command for it and one for each of its hosts."""
        hosts = [host for host in HOSTS if host.startswith(name)]
        said = self.on(f"{name}.test", "isthmus-downstream", "init", "--domain", f"{name}.test",
                       "--hosts", ",".join(hosts), "--with-prosody", "--join", token,
                       "--set", "images.listen=[::]:8090")
        self.assertIn("the service is started", said)
        tokens = re.findall(r"isthmus-agent join (\S+)", said)
        self.assertEqual(len(tokens), len(hosts))
        for host, host_token in zip(hosts, tokens):
            self.assertIn("the service is started",
                          self.on(host, "isthmus-agent", "join", host_token))

    def assert_files_are_their_daemons(self, name, daemon):
        account = f"isthmus-{daemon}"
        self.assertEqual(self.owner_of(name, f"/etc/isthmus/{daemon}.conf"), f"{account} 600")
        self.assertEqual(self.owner_of(name, f"/etc/isthmus/{daemon}"), f"{account} 700")
        self.assertEqual(self.owner_of(name, f"/var/lib/{account}/store.sqlite"),
                         f"{account} 600")
        self.assertEqual(self.owner_of(name, f"/etc/prosody/certs/{name}.key"), "prosody 600")

    def assert_console(self, tenant):
        """It is joined without any file having been edited."""
        def says():
            said, _ = self.machines["cloud.test"].run(
                "sh", "-c", "echo 'echo $((6*7))-is-it' | ISTHMUS_SERVER=https://cloud.test:8443 "
                "ISTHMUS_CA_FILE=/etc/isthmus/upstream/authority.crt "
                f"ISTHMUS_TOKEN_FILE={tenant} timeout 15 isthmus vm console web-north",
                check=False)
            return said
        end = time.monotonic() + CONSOLE_SECONDS
        while "42-is-it" not in (said := says()):
            self.assertLess(time.monotonic(), end, said)
            time.sleep(1)

    def test_seven_commands_make_a_cloud_of_two_clusters_of_two_hosts(self):
        for name in ("cloud.test", "north.test"):
            self.watch_processes(name)
        said = self.on("cloud.test", "isthmus-upstream", "init", "--domain", "cloud.test",
                       "--clusters", "north,south", "--with-prosody")
        self.assertIn("the service is started", said)
        for name, token in zip(("north", "south"),
                               re.findall(r"isthmus-downstream join (\S+)", said)):
            self.make_cluster(name, token)
        for name in ("cloud.test", "north.test"):
            self.assert_no_password_was_shown(name)

        operator, tenant = "/etc/isthmus/upstream/operator.token", "/root/acme.token"
        said = self.command(operator, "tenant", "create", "acme")
        self.machines["cloud.test"].root.write(
            tenant, re.search(r"^token +(\S+)", said, re.MULTILINE).group(1) + "\n")
        self.command(operator, "image", "import", "guest", "/srv/guest.tar.zst")
        for name in ("north", "south"):
            self.command(tenant, "vm", "create", f"web-{name}", "--shape", "small", "--image",
                         "guest", "--cluster", name, "--wait")
        said = self.command(tenant, "vm", "list")
        for name in ("north", "south"):
            self.assertRegex(said, rf"web-{name} +running +{name}")

        self.assert_console(tenant)
        self.on("cloud.test", "qemu-img", "create", "-q", "-f", "qcow2", "/srv/blank.qcow2", "1M")
        said = self.command(operator, "image", "import", "blank", "/srv/blank.qcow2")
        self.assertIn("digest", said)  # converted in its sandbox, as the unit allows
        self.assert_files_are_their_daemons("cloud.test", "upstream")
        self.assert_files_are_their_daemons("north.test", "downstream")
        said = self.on("cloud.test", "isthmus-upstream", "init", "--domain", "other.test",
                       "--clusters", "west", "--with-prosody")
        self.assertIn("is there and stays as it is", said)


if __name__ == "__main__":
    sys.exit(unittest.main())
