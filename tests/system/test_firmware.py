#!/usr/bin/env python3
"""What an image says of its machine, from its import to the guest: UEFI with secure boot, a TPM."""
import glob
import os
import unittest

from cloud_case import BOOT_SECONDS, CloudCase, guest_image, not_sanitized, read, wait_until


@not_sanitized("its work is the firmware's; test_host_qemu makes such VMs under them")
class Firmware(CloudCase):
    clusters = {"north": 1}
    options = {"driver": "qemu", "shapes": {"small": (1, 384, 1), "large": (1, 448, 1)}}

    def state(self):
        return f"{self.cloud.agents['host-1'].state}/vms/{self.get('/v1/vms/web')['id']}"

    def wait_ready(self, times):
        log = f"{self.state()}/console.log"
        wait_until(lambda: os.path.exists(log) and
                   read(log).count("ISTHMUS-GUEST ready") >= times, f"ready {times} times",
                   2 * BOOT_SECONDS)
        return read(log)

    def test_a_guest_that_wants_secure_boot_has_it_and_another_image_has_not(self):
        self.import_image("signed", guest_image("--uefi"))
        self.import_image("tiny", guest_image())
        self.vm("create", "web", "--shape", "small", "--image", "signed", "--wait")
        said = self.wait_ready(1)
        self.assertRegex(said, r"(?i)ISTHMUS-GUEST uefi secure boot enabled")
        nvram = f"{self.state()}/nvram.fd"
        self.assertTrue(os.path.exists(nvram))
        refused = self.vm("snapshot", "web", "a", "--wait", check=False)
        self.assertIn("takes no snapshots", refused.out + refused.err)
        self.assertEqual(self.act("web", "stop")["code"], "ok")
        variables = os.stat(nvram).st_ino
        self.vm("resize", "web", "large", "--upgrade", "--wait")
        self.vm("start", "web", "--wait")
        self.assertRegex(self.wait_ready(2).rpartition("name=")[2], "(?i)secure boot enabled")
        self.assertEqual(os.stat(nvram).st_ino, variables, "they are the VM's, and stay")
        self.vm("rebuild", "web", "--image", "tiny", "--wait")
        self.assertNotIn("uefi", self.wait_ready(3).rpartition("name=")[2])
        self.assertFalse(os.path.exists(nvram))
        self.assertEqual(self.act("web", "delete")["code"], "ok")
        self.assert_nothing_is_left()

    def tpm_states(self):
        return glob.glob(f"{self.cloud.agents['host-1'].folder}/libvirt/lib/swtpm/*/tpm2/*.permall")

    def test_a_guest_that_wants_a_tpm_has_it_and_keeps_it_as_long_as_it_is(self):
        self.import_image("sealed", guest_image())
        self.cloud.cli("image", "import", "sealed", guest_image(), "--tpm", "2.0")
        self.assertEqual(self.get("/v1/images/sealed")["machine"], {"tpm": "2.0"})
        self.assertRegex(self.cloud.cli("image", "show", "sealed").out, r"tpm +2\.0")
        self.assertEqual(self.tpm_states(), [])
        self.vm("create", "web", "--shape", "small", "--image", "sealed", "--wait")
        self.assertIn("ISTHMUS-GUEST tpm 2\n", self.wait_ready(1).replace("\r", ""))
        state, = self.tpm_states()
        refused = self.vm("snapshot", "web", "a", "--wait", check=False)
        self.assertIn("a VM with a TPM takes no snapshots", refused.out + refused.err)
        made = os.stat(os.path.dirname(state)).st_ino
        self.assertEqual(self.act("web", "stop")["code"], "ok")
        self.vm("resize", "web", "large", "--upgrade", "--wait")
        self.vm("start", "web", "--wait")
        self.vm("rebuild", "web", "--image", "sealed", "--wait")
        self.assertEqual(self.wait_ready(2).count("ISTHMUS-GUEST tpm 2"), 2)
        self.assertEqual(self.tpm_states(), [state])
        self.assertEqual(os.stat(os.path.dirname(state)).st_ino, made, "it is the VM's, and stays")
        self.assertEqual(self.act("web", "delete")["code"], "ok")
        self.assertEqual(self.tpm_states(), [])
        self.assert_nothing_is_left()


if __name__ == "__main__":
    unittest.main(verbosity=2)
