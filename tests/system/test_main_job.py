#!/usr/bin/env python3
"""The main job: a tenant asks for a VM, and it runs, through two application servers.
ISTHMUS_CARRIER=http: these are relays."""
import os
import unittest

from cloud_case import BOOT_SECONDS, BUILD, CloudCase, guest_image, read, wait_until

USER_DATA = "#cloud-config\nmagic-data-4711\n"


def live_through(case):
    """A VM's life, asked for by REST."""
    case.import_image("empty")
    before = case.capacity()
    case.assertEqual(case.create(wait=60)["code"], "ok")
    case.assertEqual([(vm["name"], vm["state"]) for vm in case.vms()], [("web", "running")])
    for verb, state in (("stop", "stopped"), ("start", "running"), ("stop", "stopped")):
        case.assertEqual(case.act("web", verb)["code"], "ok")
        case.assertEqual(case.vms()[0]["state"], state)
    case.assertEqual(case.act("web", "delete")["code"], "ok")
    case.assert_nothing_is_left()
    case.await_capacity(before)


class RealPath(CloudCase):
    options = {"driver": "qemu"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("tiny", guest_image())
        cls.user_data = f"{cls.folder.name}/user-data"
        with open(cls.user_data, "w") as file:
            file.write(USER_DATA)

    def console(self):
        """What the only VM has printed."""
        logs = [f"{folder}/console.log" for folder in self.host_files() if "/vms/" in folder]
        return "".join(read(log) for log in logs if os.path.exists(log))

    def await_boot(self, times):
        wait_until(lambda: self.console().count("ISTHMUS-GUEST ready") >= times,
                   f"the guest is ready for the time {times}:\n{self.console()}", BOOT_SECONDS)

    def state(self):
        return self.vm("list", "-o", "json").json()["items"][0]["state"]

    def done(self, verb):
        """Runs the verb by the command and expects success."""
        told = self.vm(verb, "web", "--wait")
        self.assertIn(f"{verb} web: done", told.out + told.err)

    def test_a_vm_lives_as_its_tenant_wants(self):
        before = self.capacity()
        frames = [server.frames() for server in self.cloud.servers]

        told = self.vm("create", "web", "--shape", "small", "--image", "tiny", "--user-data",
                       self.user_data, "--wait")
        self.assertIn("define web: done", told.out + told.err)
        for step in ("accepted", "placed", "instructed", "taken", "ended"):
            self.assertIn(f"define web: {step}", told.out + told.err)
        self.assertEqual(len(self.cloud.servers), 2)
        for server, count in zip(self.cloud.servers, frames):
            self.assertGreater(server.frames(), count, f"no frame went over {server.name}")
        self.assertEqual(len(self.cloud.guests()), 1)
        wait_until(lambda: self.capacity()["north"]["cpus_free"] ==
                   before["north"]["cpus_free"] - 1, "its processor counted")

        self.await_boot(1)
        self.assertIn("ISTHMUS-GUEST name=web user-data=magic-data-4711", self.console())
        listed = self.vm("list").out
        for word in ("web", "running", "north", "small", "tiny"):
            self.assertIn(word, listed)
        shown = self.vm("show", "web", "-o", "json").json()
        self.assertEqual((shown["name"], shown["state"]), ("web", "running"))

        self.done("reboot")
        self.await_boot(2)
        self.done("shutdown")
        self.assertIn("ISTHMUS-GUEST power button", self.console())
        self.assertEqual(self.state(), "stopped")
        self.assertEqual(self.cloud.guests(), [])
        self.done("start")
        self.assertEqual(self.state(), "running")
        self.assertEqual(len(self.cloud.guests()), 1)
        self.done("stop")
        self.assertEqual(self.state(), "stopped")
        self.assertEqual(self.cloud.guests(), [])

        operations = self.get("/v1/operations")["items"]
        self.assertEqual(self.cloud.upstream.stop(), 0)
        self.cloud.upstream.start()
        self.assertEqual(self.get("/v1/operations")["items"], operations)
        self.assertEqual(self.state(), "stopped")

        self.done("delete")
        self.assert_nothing_is_left()
        self.await_capacity(before)


class OverHttp(CloudCase):
    """Relays in place of the application servers: configuration alone decides."""
    options = {"driver": "test", "carrier": "http"}

    def test_a_vm_lives_over_relays(self):
        frames = [server.frames() for server in self.cloud.servers]
        live_through(self)
        for server, count in zip(self.cloud.servers, frames):
            self.assertGreater(server.frames(), count, f"no frame went over {server.name}")


class OneServer(CloudCase):
    """The same programs over one shared application server: configuration alone decides."""
    options = {"driver": "test", "one_server": True}

    def test_a_vm_lives_over_one_shared_server(self):
        self.assertEqual(len(self.cloud.servers), 1)
        live_through(self)


if __name__ == "__main__":
    unittest.main(verbosity=2)
