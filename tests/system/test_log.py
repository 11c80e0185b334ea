#!/usr/bin/env python3
"""What a VM's console said, from its guest up to its tenant, and to nobody else."""
import base64
import os
import subprocess
import unittest

from cloud_case import BOOT_SECONDS, CloudCase, guest_image, wait_until


class ConsoleLog(CloudCase):
    clusters = {"north": 1}
    options = {"driver": "qemu"}
    ready = "ISTHMUS-GUEST ready"

    def log(self, **more):
        return self.vm("log", "web", **more).out

    def follow(self):
        """The command, as it goes on with what comes."""
        reader = subprocess.Popen(
            [f"{self.cloud.build}/src/cli/isthmus", "vm", "log", "web", "-f"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace",
            env={**os.environ, **self.cloud.environment(self.token_file)})
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        self.addCleanup(reader.stdout.close)
        return reader

    def test_a_tenant_reads_what_its_guest_has_said(self):
        self.import_image("tiny", guest_image())
        made = self.create(image="tiny", shape="small", wait=60,
                           user_data="#cloud-config\nhello:log\n")
        self.assertEqual(made["code"], "ok", made)
        reader = self.follow()
        for line in reader.stdout:
            if self.ready in line:
                break
        self.assertIn("user-data=hello:log", self.log())
        part = self.get("/v1/vms/web/log")
        self.assertEqual(part["vm"], made["vm"])
        said = base64.b64decode(part["base64"])
        self.assertIn(self.ready.encode(), said)
        self.assertEqual(part["next"] - part["from"], len(said))
        again = self.get(f"/v1/vms/web/log?from={part['from'] + 10}")
        self.assertTrue(base64.b64decode(again["base64"]).startswith(said[10:]))
        self.refuse_others()
        self.assertEqual(self.act("web", "stop")["code"], "ok")
        self.assertIn(self.ready, self.log(), "it stays while the VM is off")
        self.restart_all()
        wait_until(lambda: self.ready in self.log(check=False), "it is read again", 60)
        self.assertEqual(self.act("web", "delete")["code"], "ok")
        self.assertEqual(self.ask("GET", "/v1/vms/web/log").status, 404)
        self.assert_nothing_is_left()

    def refuse_others(self):
        stranger = self.cloud.tenant("stranger")
        self.assertIn("no VM of yours", self.cloud.cli("vm", "log", "web", token_file=stranger,
                                                    check=False).err)
        self.owner("permission", "set", "cloud", "--views", "ips")
        answer = self.ask("GET", "/v1/vms/web/log")
        self.assertEqual((answer.status, answer.json()["code"]), (403, "not-allowed"))
        self.assertIn("does not let logs be read", self.vm("log", "web", check=False).err)
        self.owner("permission", "reset", "cloud")

    def restart_all(self):
        for daemon in self.cloud.daemons():
            daemon.kill()
        for daemon in self.cloud.daemons():
            daemon.start()


if __name__ == "__main__":
    unittest.main(verbosity=2)
