#!/usr/bin/env python3
"""SSH keys from a tenant's command to the seed of its guest, with a rename on the way."""
import os
import unittest

from cloud_case import BOOT_SECONDS, CloudCase, guest_image, read, wait_until

BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIB3Me2ykVnqrZPLH970Aujo4LO5TJMVh8RcgqXYQgnkd"


class SshKeys(CloudCase):
    clusters = {"north": 1}
    options = {"driver": "qemu", "networks": ["lan", "wan"],
               "host_networks": {"host-1": ["lan", "wan"]}}

    def ask_keys(self, *words, check=True):
        return self.cloud.cli("ssh-key", *words, token_file=self.token_file, check=check)

    def file(self, name, text):
        path = f"{self.folder.name}/{name}"
        with open(path, "w") as file:
            file.write(text)
        return path

    def seed(self, vm):
        path = f"{self.cloud.agents['host-1'].state}/vms/{vm}/seed.iso"
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")

    def ready(self, vm, name):
        log = f"{self.cloud.agents['host-1'].state}/vms/{vm}/console.log"
        wait_until(lambda: os.path.exists(log) and f"ISTHMUS-GUEST name={name} " in read(log),
                   f"the guest knows itself as {name}", BOOT_SECONDS)

    def test_a_guest_gets_the_keys_that_its_tenant_keeps_and_its_newest_name(self):
        self.import_image("tiny", guest_image())
        desk = self.file("desk.pub", f"# of anna\nssh-ed25519 {BLOB} anna@desk\r\n\n")
        secret = self.file("desk", "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n")
        self.ask_keys("add", "desk", desk)
        self.assertRegex(self.ask_keys("list").out, r"desk +ssh-ed25519 +anna@desk ")
        refused = self.ask_keys("add", "mine", secret, check=False)
        self.assertIn("holds no SSH public keys", refused.err)
        self.assertNotIn("c2VjcmV0", refused.err)
        self.assertIn("you keep an SSH key named 'desk' already",
                      self.ask_keys("add", "desk", desk, check=False).err)
        wish = ("--shape", "small", "--image", "tiny", "--network", "lan,wan", "--wait")
        self.assertIn("you keep no SSH key named 'ghost'",
                      self.vm("create", "web", *wish, "--ssh-key", "ghost", check=False).err)
        self.vm("create", "web", *wish, "--ssh-key", "desk")
        vm = self.get("/v1/vms/web")["id"]
        self.ready(vm, "web")
        self.assertIn(f'public-keys:\n  - "ssh-ed25519 {BLOB} anna@desk"\n', self.seed(vm))
        self.assertIn("set-name: eth1\n", self.seed(vm))
        self.ask_keys("remove", "desk")
        self.assertNotIn("desk", self.ask_keys("list").out)
        self.vm("rename", "web", "shop", "--wait")
        self.vm("rebuild", "shop", "--wait")
        self.ready(vm, "shop")
        self.assertIn("anna@desk", self.seed(vm))
        self.vm("rebuild", "shop", "--ssh-key", self.file("other.pub", f"ssh-ed25519 {BLOB} bob"),
                "--wait")
        self.assertIn(f'- "ssh-ed25519 {BLOB} bob"', self.seed(vm))
        self.assertNotIn("anna@desk", self.seed(vm))
        self.assertEqual(self.act("shop", "delete")["code"], "ok")
        self.assert_nothing_is_left()


if __name__ == "__main__":
    unittest.main(verbosity=2)
