#!/usr/bin/env python3
"""The REST face of a whole cloud: repeats, waiting, and a document that is true."""
import threading
import time
import unittest

from cloud_case import CloudCase, read

BODY = {"name": "web", "shape": "nano", "image": "empty", "start": True}


class Api(CloudCase):
    clusters = {"north": ["host-1"]}
    gates = ("host-1",)
    options = {"driver": "test"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")

    def setUp(self):
        self.addCleanup(self.delete_all)

    def test_a_repeat_with_the_same_key_gets_the_same_operation(self):
        headers = {"Idempotency-Key": "one"}
        first = self.ask("POST", "/v1/vms?wait=60", BODY, headers=headers).json()
        self.assertEqual(first["state"], "succeeded")
        self.cloud.upstream.kill()
        self.cloud.upstream.start()
        again = self.ask("POST", "/v1/vms?wait=60", BODY, headers=headers)
        self.assertEqual((again.status, again.json()), (200, first))
        self.assertEqual(len(self.vms()), 1)
        self.cloud.await_capacity()
        stop = {"Idempotency-Key": "two"}
        stopped = [self.ask("POST", "/v1/vms/web/stop?wait=60", headers=stop).json()
                   for _ in range(2)]
        self.assertEqual(stopped[0], stopped[1])
        other = self.cloud.tenant("other")
        theirs = self.ask("POST", "/v1/vms?wait=60", BODY, headers=headers,
                          token=read(other).strip())
        self.assertNotEqual(theirs.json()["id"], first["id"], "a key is its tenant's own")
        told = self.cloud.cli("vm", "delete", "web", "--wait", token_file=other)
        self.assertIn("delete web: done", told.out + told.err)

    def test_many_at_the_same_time_with_one_key_make_one_vm(self):
        answers = []

        def post():
            answers.append(self.ask("POST", "/v1/vms?wait=60", BODY,
                                    headers={"Idempotency-Key": "many"}).json()["id"])
        threads = [threading.Thread(target=post) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(answers), len(set(answers)), len(self.vms())), (8, 1, 1))

    def test_a_wait_is_as_long_as_the_operation_or_as_asked(self):
        image = self.import_image("held")
        self.gate["host-1"].set("hold")
        begun = time.monotonic()
        operation = self.create(image=image, wait=1)
        self.assertGreaterEqual(time.monotonic() - begun, 1)
        self.assertEqual(operation["state"], "running")
        release = threading.Timer(0.5, self.gate["host-1"].set, ("pass",))
        release.start()
        begun = time.monotonic()
        self.assertEqual(self.operation(operation, wait=60)["state"], "succeeded")
        self.assertLess(time.monotonic() - begun, 30)

    def test_tenants_do_not_see_each_other(self):
        operation = self.create(wait=60)
        token = read(self.cloud.tenant("stranger")).strip()
        for path in ("/v1/vms", "/v1/operations"):
            self.assertEqual(self.ask("GET", path, token=token).json()["items"], [])
        for path in (f"/v1/vms/{operation['vm']}", "/v1/vms/web",
                     f"/v1/operations/{operation['id']}"):
            self.assertEqual(self.ask("GET", path, token=token).status, 404, path)
        self.assertEqual(self.ask("DELETE", f"/v1/vms/{operation['vm']}", token=token).status, 404)
        self.assertEqual(len(self.vms()), 1)

    def assert_refused(self, answer, status, code):
        self.assertEqual((answer.status, answer.json()["code"]), (status, code), answer.out)

    def test_what_is_held_in_memory_or_saved_refuses_what_is_not_for_it(self):
        self.create(wait=60)
        for verb, state, refused in (
                ("pause", "paused", ("start", "shutdown", "reboot", "pause")),
                ("suspend", "suspended", ("pause", "resume", "suspend", "shutdown", "reboot")),
                ("stop", "stopped", ("pause", "resume", "suspend", "stop"))):
            self.assertEqual(self.act("web", verb)["code"], "ok")
            self.assertEqual(self.vms()[0]["state"], state)
            for other in refused:
                answer = self.ask("POST", f"/v1/vms/web/{other}")
                self.assert_refused(answer, 409, "bad-state")
                self.assertIn(f"{other} is not possible while the VM is {state}", answer.out)

    def test_a_lock_holds_through_a_restart_until_it_is_taken_away(self):
        self.create(wait=60)
        self.assertIn("lock web: done", self.vm("lock", "web", "--wait").out)
        self.cloud.upstream.kill()
        self.cloud.upstream.start()
        self.assertIn("locked", self.vm("show", "web").out)
        for method, path, body in (("DELETE", "", None), ("POST", "/stop", None),
                                   ("POST", "/lock", None), ("POST", "/rename", {"name": "b"}),
                                   ("PUT", "/metadata", {})):
            self.assert_refused(self.ask(method, f"/v1/vms/web{path}", body), 423, "locked")
        refused = self.vm("delete", "web", check=False)
        self.assertIn("isthmus vm unlock", refused.err)
        self.assertIn("unlock web: done", self.vm("unlock", "web", "--wait").out)
        self.assertNotIn("locked_ms", self.get("/v1/vms/web"))
        self.cloud.await_capacity()
        self.assertEqual(self.act("web", "stop")["code"], "ok")

    def test_a_vm_is_renamed_and_described_by_whoever_has_read_it_last(self):
        self.create(wait=60, metadata="stage=test")
        self.create("db", wait=60)
        shown = self.ask("GET", "/v1/vms/web")
        tag = {"If-Match": shown.headers["ETag"]}
        self.assertEqual(shown.json()["metadata"], "stage=test")
        self.assert_refused(self.ask("POST", "/v1/vms/web/rename", {"name": "db"}), 409,
                            "conflict")
        self.vm("rename", "web", "shop", "--wait")
        self.assertEqual(self.ask("GET", "/v1/vms/web").status, 404)
        edit = {"metadata": "stage=live"}
        self.assert_refused(self.ask("PUT", "/v1/vms/shop/metadata", edit, headers=tag), 412,
                            "stale")
        self.assertEqual(self.get("/v1/vms/shop")["metadata"], "stage=test")
        tag = {"If-Match": self.ask("GET", "/v1/vms/shop").headers["ETag"]}
        self.assertEqual(self.ask("PUT", "/v1/vms/shop/metadata", edit, headers=tag).status, 200)
        self.assertIn("stage=live", self.vm("show", "shop").out)
        self.vm("edit", "shop", "--metadata", "")
        self.assertNotIn("metadata", self.get("/v1/vms/shop"))
        self.assert_refused(self.ask("POST", "/v1/vms/shop/stop", headers={"If-Match": "x"}), 400,
                            "invalid")
        self.assertNotIn("stage=", self.cloud.owner("north", "vm", "list", "-o", "json").out)

    def history(self, vm, limit):
        """All operations on the VM, read page by page."""
        found, after = [], ""
        while True:
            page = self.get(f"/v1/operations?vm={vm}&limit={limit}&after={after}")
            found += page["items"]
            after = page.get("next", "")
            if not after:
                return found

    def test_what_ended_long_ago_is_read_from_the_store(self):
        headers = {"Idempotency-Key": "long-ago"}
        first = self.ask("POST", "/v1/vms?wait=60", BODY, headers=headers).json()
        others = [self.ask("POST", f"/v1/vms/web/{verb}?wait=60").json()
                  for _ in range(150) for verb in ("lock", "unlock")]  # more than are in memory
        wanted = [first, *others][::-1]
        for _ in range(2):
            self.assertEqual(self.history(first["vm"], 100), wanted)
            self.assertEqual(self.history(first["vm"], 500), wanted)
            self.assertEqual(self.operation(first), first)
            again = self.ask("POST", "/v1/vms?wait=60", BODY, headers=headers)
            self.assertEqual((again.status, again.json()), (200, first))
            self.cloud.upstream.kill()
            self.cloud.upstream.start()
            self.cloud.await_capacity()
        other = read(self.cloud.tenant("stranger")).strip()
        self.assertEqual(self.ask("GET", f"/v1/operations/{first['id']}", token=other).status, 404)
        theirs = self.ask("GET", f"/v1/operations?vm={first['vm']}", token=other).json()
        self.assertEqual(theirs["items"], [])

    def test_every_documented_get_answers(self):
        operation = self.create(wait=60)
        document = self.cloud.rest("GET", "/v1/openapi.json").json()
        self.assertTrue(document["openapi"].startswith("3.1"))
        image = self.get("/v1/images/empty")
        variables = {"vm": operation["vm"], "operation": operation["id"], "image": "empty",
                     "cluster": "north", "tenant": "acme", "digest": image["digest"],
                     "rule": "all"}
        self.cloud.cli("rule", "add", "all")
        self.addCleanup(self.cloud.cli, "rule", "delete", "all")
        images_token = f"{self.cloud.upstream.folder}/north-images.token"
        asked = 0
        for path, item in document["paths"].items():
            if "get" not in item or path in ("/v1/events", "/v1/deliveries"):
                continue  # one does not end, one is for isthmus-xmpp: test_watch.py, test_chat.py
            with self.subTest(path):
                # archives are for clusters, SSH keys for a tenant, all else for the operator here
                token = (read(images_token).strip() if "blobs" in path else
                         self.token if "ssh-keys" in path else None)
                answer = self.cloud.rest("GET", path.format(**variables), token=token)
                nothing = path.endswith(("uploads/{digest}", "/signature", "/log"))  # is there yet
                self.assertEqual(answer.status, 404 if nothing else 200, answer.out)
                asked += 1
        self.assertGreaterEqual(asked, 14)


if __name__ == "__main__":
    unittest.main(verbosity=2)
