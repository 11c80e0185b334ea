#!/usr/bin/env python3
"""Bad input to a whole cloud: a clear refusal that says what to do, and nothing half-made."""
import json
import os
import subprocess
import unittest

from cloud_case import SANITIZED, CloudCase, make_archive, read, wait_until

GOOD = {"name": "web", "shape": "nano", "image": "empty", "start": True}
UNKNOWN_ID = "vm-01m8224s4e68w30tcpp658ffve"


def create(**changes):
    """A request for a VM; a field that is None is left out."""
    body = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return {"method": "POST", "path": "/v1/vms", "body": body}


def ask(method, path, **more):
    return {"method": method, "path": path, **more}


# What is asked; the status; the problem's code; words that its detail or field must have.
REQUESTS = {
    "no name": (create(name=None), 400, "invalid", "name"),
    "a name with capitals": (create(name="Web"), 400, "invalid", "name"),
    "a name too long": (create(name="a" * 64), 400, "invalid", "name"),
    "a name that is a number": (create(name=7), 400, "invalid", "name"),
    "no shape": (create(shape=None), 400, "invalid", "shape"),
    "no image": (create(image=None), 400, "invalid", "image"),
    "a start that is a text": (create(start="yes"), 400, "invalid", "start"),
    "user data that is a number": (create(user_data=7), 400, "invalid", "user_data"),
    "user data over 16 KiB": (create(user_data="x" * 16385), 400, "invalid", "user_data"),
    "an unknown field": (create(colour="red"), 400, "invalid", "colour"),
    "an unknown shape": (create(shape="giant"), 422, "unknown-shape", "giant"),
    "an unknown image": (create(image="nothing"), 422, "unknown-image", "nothing"),
    "an unknown cluster": (create(cluster="nowhere"), 404, "not-found", "nowhere"),
    "an image larger than the shape": (create(image="wide"), 422, "image-too-large", "2 GiB"),
    "a shape that no host can hold": (create(shape="huge"), 409, "no-capacity", "huge"),
    "a name that is taken": (create(name="there"), 409, "conflict", "there"),
    "a body over the limit": (ask("POST", "/v1/vms", body={**GOOD, "user_data": "x" * 70000}),
                              413, "too-large", ""),
    "a body that is no JSON": (ask("POST", "/v1/vms", body=b"{", headers={
        "Content-Type": "application/json"}), 400, "invalid", ""),
    "another type of body": (ask("POST", "/v1/vms", body=b"name=web", headers={
        "Content-Type": "application/x-www-form-urlencoded"}), 415, "invalid", "form"),
    "a wait too long": (ask("GET", "/v1/operations/op-x?wait=601"), 400, "invalid", "wait"),
    "an unknown parameter": (ask("GET", "/v1/vms?colour=red"), 400, "invalid", "colour"),
    "an unknown VM": (ask("GET", f"/v1/vms/{UNKNOWN_ID}"), 404, "not-found", UNKNOWN_ID),
    "a start of an unknown VM": (ask("POST", "/v1/vms/none/start"), 404, "not-found", "none"),
    "a deletion of an unknown VM": (ask("DELETE", "/v1/vms/none"), 404, "not-found", "none"),
    "an unknown operation": (ask("GET", "/v1/operations/op-none"), 404, "not-found", "op-none"),
    "a start of what runs": (ask("POST", "/v1/vms/there/start"), 409, "bad-state", "running"),
    "no token": (ask("GET", "/v1/vms", headers={"Authorization": ""}), 401, "unauthenticated",
                 "token"),
    "a wrong token": (ask("GET", "/v1/vms", token="x" * 40), 401, "unauthenticated", "token"),
    "a tenant who makes tenants": (ask("POST", "/v1/tenants", body={"name": "evil"}), 403,
                                   "forbidden", "acme"),
    "a tenant who lists tenants": (ask("GET", "/v1/tenants"), 403, "forbidden", "acme"),
    "a tenant who deletes an image": (ask("DELETE", "/v1/images/empty"), 403, "forbidden",
                                      "not yours"),
    "an unknown route": (ask("GET", "/v1/nothing"), 404, "not-found", "/v1/nothing"),
    "a wrong method": (ask("PUT", "/v1/vms", body={}), 405, "invalid", "PUT"),
    "a used key": (ask("POST", "/v1/vms", body={**GOOD, "name": "other"},
                       headers={"Idempotency-Key": "the-key-of-there"}), 422, "key-reused",
                   "key"),
    "a key with spaces": (ask("POST", "/v1/vms", body=GOOD,
                              headers={"Idempotency-Key": "a b"}), 400, "invalid", "Key"),
}

# Archives: what they hold, and words of the refusal.
ARCHIVES = {
    "no manifest": ({"entries": {"disk.raw": bytes(512)}}, "manifest"),
    "no disk": ({"entries": {"manifest.json": json.dumps({
        "format": 1, "architecture": "x86_64", "disk": "disk.raw",
        "disk_format": "raw"}).encode()}}, "disk"),
    "another format": ({"manifest": {"format": 2}}, "format"),
    "an unknown disk format": ({"manifest": {"disk_format": "vmdk"}}, "disk_format"),
    "a path in an entry": ({"entries": {"../evil": b"x"}}, ""),
    "a qcow2 that is none": ({"manifest": {"disk_format": "qcow2"}}, "qcow2"),
}


class BadInput(CloudCase):
    clusters = {"north": ["host-1"]}
    gates = ("north", "host-1")
    options = {"driver": "test", "host": {"cpus": 3},
               "shapes": {"nano": (1, 32, 1), "huge": (64, 32, 1)}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")
        wide = f"{cls.folder.name}/wide.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", wide, "2G"], check=True)
        cls.import_image("wide", make_archive(
            f"{cls.folder.name}/wide.tar.zst", open_bytes(wide), {"disk_format": "qcow2"}))
        cls.there = cls.cloud.rest("POST", "/v1/vms?wait=60", {**GOOD, "name": "there"},
                                   token=cls.token,
                                   headers={"Idempotency-Key": "the-key-of-there"}).json()

    def setUp(self):
        self.assertEqual(self.there["state"], "succeeded", self.there)
        self.cloud.await_capacity()
        self.before = self.everything()
        self.addCleanup(self.open_gates)

    def open_gates(self):
        for gate in self.gate.values():
            gate.set("pass")

    def everything(self):
        """All that a half-made thing would show in."""
        images = f"{self.cloud.upstream.state}/images"
        return {"vms": self.vms(), "capacity": self.capacity(), "files": self.host_files(),
                "images": self.get("/v1/images")["items"], "blobs": sorted(os.listdir(images)),
                "tenants": self.cloud.rest("GET", "/v1/tenants").json()["items"]}

    def assert_nothing_changed(self):
        wait_until(lambda: self.everything() == self.before,
                   f"all as it was: {self.before}, not {self.everything()}")

    def assert_problem(self, answer, status, code, words):
        self.assertEqual(answer.status, status, answer.out)
        self.assertTrue(answer.headers["Content-Type"].startswith("application/problem+json"))
        problem = answer.json()
        self.assertEqual((problem["code"], problem["status"]), (code, status), problem)
        told = problem.get("detail", "") + problem.get("field", "")
        self.assertIn(words.lower(), told.lower())
        self.assertGreater(len(problem["title"]), 5)
        self.assertGreater(len(problem["remedy"]), 3)

    def test_requests(self):
        for about, (request, status, code, words) in REQUESTS.items():
            with self.subTest(about):
                answer = self.ask(**request)
                self.assert_problem(answer, status, code, words)
        self.assert_nothing_changed()

    def test_archives(self):
        for about, (content, words) in ARCHIVES.items():
            with self.subTest(about):
                path = make_archive(f"{self.folder.name}/bad.tar.zst", **content)
                with open(path, "rb") as file:
                    answer = self.cloud.rest("PUT", "/v1/images/bad", file.read())
                self.assert_problem(answer, 422, "image-broken", words)
        for about, text in (("no archive", b"garbage"), ("nothing", b""),
                            ("half an archive", open_bytes(path)[:60])):
            if SANITIZED:
                break
            with self.subTest(about):
                answer = self.cloud.rest("PUT", "/v1/images/bad", text)
                self.assert_problem(answer, 422, "image-broken", "")
        told = self.cloud.cli("image", "import", "bad", path, check=False)
        self.assertEqual(told.code, 1)
        self.assertIn("what to do:", told.err)
        self.assert_nothing_changed()

    def test_a_tenant_without_a_quota_may_not_import(self):
        answer = self.ask("PUT", "/v1/images/bad", b"x")
        self.assert_problem(answer, 409, "quota-exceeded", "images of your own")
        self.assert_nothing_changed()

    def test_a_full_cluster_refuses_and_takes_again_when_there_is_room(self):
        for name in ("one", "two"):
            self.assertEqual(self.create(name, wait=60)["code"], "ok")
        answer = self.ask(**create(name="three"))
        self.assert_problem(answer, 409, "no-capacity", "nano")
        told = self.vm("create", "three", "--shape", "nano", "--image", "empty", check=False)
        self.assertEqual(told.code, 1)
        self.assertIn("choose a smaller shape, delete a VM", told.err)
        for name in ("one", "two"):
            self.assertEqual(self.act(name, "delete")["code"], "ok")
        self.assert_nothing_changed()
        self.assertEqual(self.create("three", wait=60)["code"], "ok")
        self.assertEqual(self.act("three", "delete")["code"], "ok")

    def test_an_image_that_a_host_cannot_get_ends_the_creation(self):
        for mode, code in (("refuse", "image-unavailable"), ("spoil", "image-broken")):
            for gate in self.gate:
                with self.subTest(gate=gate, mode=mode):
                    image = self.import_image(f"{mode}-{gate}")
                    self.before = self.everything()
                    self.gate[gate].set(mode)
                    ended = self.create("ill", image, wait=60)
                    self.gate[gate].set("pass")
                    self.assertEqual((ended["state"], ended["code"]), ("failed", code), ended)
                    self.assertNotIn("why", ended)
                    self.assertIn("/v1/blobs/", self.owner_json("op", "show", ended["id"])["why"])
                    self.assert_nothing_changed()

    def test_a_busy_vm_refuses_all_but_its_deletion(self):
        image = self.import_image("slow")
        self.before = self.everything()
        self.gate["host-1"].set("hold")
        operation = self.create("busy", image)
        self.assert_problem(self.ask("POST", "/v1/vms/busy/stop"), 409, "busy", operation["id"])
        deletion = self.act("busy", "delete", wait=0)
        self.gate["host-1"].set("pass")
        self.assertEqual(self.await_end(deletion)["state"], "succeeded")
        self.await_end(operation, "superseded")
        self.assert_nothing_changed()

    def test_an_unreachable_server_is_exit_code_3(self):
        for server in ("http://127.0.0.1:1", "http://nowhere.invalid"):
            told = self.cloud.cli("--server", server, "vm", "list", check=False,
                                  token_file=self.token_file)
            self.assertEqual(told.code, 3, told.err)
            self.assertIn("check the address", told.err)


class AllAway(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "timing": {"beat_seconds": 1, "hold_down_seconds": 1}}

    def test_a_cloud_without_clusters_says_so(self):
        self.import_image("empty")
        before = self.capacity()
        self.cloud.downstreams["north"].stop()
        wait_until(lambda: self.get("/v1/clusters/north")["state"] == "unreachable", "its absence")
        answer = self.ask(**create())
        self.assertEqual((answer.status, answer.json()["code"]), (503, "unreachable"), answer.out)
        told = self.vm("create", "web", "--shape", "nano", "--image", "empty", check=False)
        self.assertEqual(told.code, 1)
        self.assertIn("try again later; 'isthmus cluster list' shows the connections", told.err)
        self.assertEqual(self.vms(), [])
        self.cloud.downstreams["north"].start()
        self.cloud.await_capacity()
        self.await_capacity(before)

    def test_an_operation_whose_host_is_away_ends_at_its_deadline(self):
        image = self.import_image("other")
        self.cloud.await_capacity()
        agent = self.cloud.agents["host-1"]
        agent.freeze()
        self.addCleanup(agent.thaw)
        answer = self.ask("POST", "/v1/vms?deadline=2&wait=30", {**GOOD, "image": image})
        self.assertEqual((answer.json()["state"], answer.json()["code"]), ("failed", "deadline"))
        agent.thaw()
        wait_until(lambda: not self.vms() and not self.host_files(), "all undone")
        self.cloud.await_capacity()


def open_bytes(path):
    with open(path, "rb") as file:
        return file.read()


class FirstBootData(CloudCase):
    """They may hold passwords: nobody prints them, at whatever level, not even when refusing."""
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "log_level": "debug"}
    secret = "s3cr3t-0f-acme"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")

    def assert_silent(self, answer):
        self.assertNotIn(self.secret[:6], answer.out)
        for daemon in self.cloud.daemons():
            self.assertNotIn(self.secret[:6], read(daemon.log_file), daemon.name)

    def test_a_refusal_says_nothing_of_them(self):
        good = json.dumps({**GOOD, "user_data": f"#cloud-config\npassword: {self.secret}\n"})
        bodies = [good[:-1], good[:-2], good.replace(self.secret, self.secret + "\\u0000"),
                  good.replace(self.secret, self.secret + "\n"), good + good,
                  good.replace("user_data", "name"), good.replace("nano", "none"),
                  good.replace("}", ',"user_data_base64":"Zg=="}'),
                  good.replace("#cloud", "x" * 17000),
                  good.replace("{", '{"a ' + self.secret + '":1,'),
                  good.replace("user_data", "user_data_base64")]
        for body in bodies:
            with self.subTest(body[-80:]):
                answer = self.ask("POST", "/v1/vms", body.encode(),
                                  headers={"Content-Type": "application/json"})
                self.assertIn(answer.status, (400, 422), answer.out)
                self.assert_silent(answer)
        for content in (b"\0" + self.secret.encode() * 2000, self.secret.encode() * 2000):
            path = f"{self.folder.name}/user-data"
            with open(path, "wb") as file:
                file.write(content)
            answer = self.vm("create", "web", "--shape", "nano", "--image", "empty",
                             "--user-data", path, check=False)
            self.assertEqual(answer.code, 2)
            self.assertNotIn(self.secret[:6], answer.out + answer.err)

    def test_what_is_taken_is_printed_nowhere(self):
        path = f"{self.folder.name}/user-data"
        for name, before in (("text", b""), ("any", b"\0")):
            content = before + self.secret.encode()
            with open(path, "wb") as file:
                file.write(content)
            self.vm("create", name, "--shape", "nano", "--image", "empty", "--user-data", path,
                    "--wait")
            self.vm("rebuild", name, "--user-data", path, "--wait")
            self.assert_silent(self.ask("GET", f"/v1/vms/{name}"))
            self.assert_silent(self.ask("GET", "/v1/operations"))


# A sanitizer's look for leaks needs descriptors of its own, and hangs without.
NO_LEAKS = {**os.environ, "ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0"}


class Starved(CloudCase):
    """Too little of what a process may have is an error with words at the start, no crash."""
    clusters = {"north": ["host-1"]}
    options = {"driver": "test"}

    def test_few_descriptors(self):
        for daemon in self.cloud.daemons():
            daemon.stop()
            self.addCleanup(daemon.start)
            for most in (8, 10, 12):
                done = subprocess.run(
                    ["prlimit", f"--nofile={most}:{most}", daemon.program, "--config",
                     daemon.config], capture_output=True, text=True, timeout=60, env=NO_LEAKS)
                said = f"{daemon.name}, {most} descriptors: {done.stdout}{done.stderr}"
                self.assertEqual(done.returncode, 1, said)
                self.assertIn("too many open files", said.lower())


if __name__ == "__main__":
    unittest.main(verbosity=2)
