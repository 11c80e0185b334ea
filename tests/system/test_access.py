#!/usr/bin/env python3
"""Access tokens of a running cloud: what may be asked by each, by every route that is documented;
what ends with one that is revoked; how one takes another's place; and stores from before them."""
import json
import re
import threading
import time
import unittest

from cloud_case import CloudCase, wait_until
from old_store import path_of, rows, write_as_first
from rest_face import body_of
from watching import Watch

LISTS = ("vms", "images", "tenants", "clusters", "tokens", "access-tokens?fields=name",
         "operations")


class Access(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "api": {"requests_per_token": 16}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")

    def setUp(self):
        self.addCleanup(self.delete_all)

    def make(self, name, rights="all", token=None, **more):
        answer = self.ask("POST", "/v1/access-tokens", {"name": name, "rights": rights, **more},
                          token=token or self.token)
        self.assertEqual(answer.status, 201, answer.out)
        made = answer.json()
        self.assertEqual(answer.headers["Location"], f"/v1/access-tokens/{made['id']}")
        self.addCleanup(self.ask, "DELETE", f"/v1/access-tokens/{made['id']}", token=self.operator)
        return made

    def command(self, *words, token, check=True):
        path = f"{self.folder.name}/{self.id()}.token"
        with open(path, "w") as file:
            file.write(token + "\n")
        return self.cloud.cli(*words, token_file=path, check=check)

    def state(self):
        """What a token must not change; how much of a cluster is free changes by itself."""
        return [self.ask("GET", f"/v1/{name}", token=self.operator).json()["items"]
                for name in LISTS if name != "clusters"]

    def test_a_look_token_changes_nothing_by_any_route_that_is_documented(self):
        vm = self.create("web", wait=60)["vm"]
        paths = self.cloud.rest("GET", "/v1/openapi.json").json()["paths"]
        looks = [self.make("auditor", "look", self.operator)["token"],
                 self.make("watcher", "look")["token"]]
        first = [item["id"] for item in self.get("/v1/access-tokens")["items"]][0]
        before, refused = self.state(), 0
        named = {"vm": vm, "image": "empty", "cluster": "north", "tenant": "acme",
                 "peer": "north", "token": first, "key": "x", "digest": "0" * 64,
                 "contact": "x", "rule": "x", "delivery": "x"}
        for token in looks:
            for path, item in paths.items():
                # by which a browser may look; tickets for streams are of tokens that may act
                if path in ("/v1/tickets", "/v1/logins") or path.startswith("/v1/streams"):
                    continue
                for method in sorted(set(item) & {"post", "put", "patch", "delete"}):
                    body = body_of(path, "north" if "tokens" in path else "db", "nano", "empty") \
                        if "requestBody" in item[method] else None
                    if path == "/v1/images/{image}":
                        body = b"bytes" if method == "put" else None
                    answer = self.ask(method.upper(), path.format(**named), body, token=token)
                    self.assertEqual((answer.status, answer.json()["code"]), (403, "forbidden"),
                                     f"{method} {path}: {answer.out}")
                    refused += 1
            self.assertEqual(self.ask("GET", "/v1/vms", token=token).status, 200)
            self.assertEqual(self.ask("GET", f"/v1/vms/{vm}/log", token=token).status, 403)
        self.assertGreater(refused, 80)
        self.assertEqual(self.state(), before)

    def test_a_token_is_replaced_without_loss_and_the_old_one_ends_at_once(self):
        old = self.make("ci")["token"]
        made = self.command("access-token", "create", "ci-2", "--rights", "act", "--expires", "30d",
                            token=old)
        fresh = made.out.strip()
        self.assertIn("It is shown this once", made.err)
        self.addCleanup(self.ask, "DELETE", "/v1/access-tokens/ci-2")
        for token in (old, fresh):
            self.assertEqual(self.ask("GET", "/v1/whoami", token=token).json()["tenant"], "acme")
        listed = self.command("access-token", "list", token=self.token).out
        self.assertRegex(listed, r"ci-2 +acme +act ")
        self.assertNotIn(fresh, listed)
        watch = Watch(self.cloud.ports["upstream"], "/v1/vms?watch=true", old)
        self.addCleanup(watch.close)
        kept = Watch(self.cloud.ports["upstream"], "/v1/vms?watch=true", fresh)
        self.addCleanup(kept.close)
        watch.await_event("bookmark")
        self.command("access-token", "revoke", "ci", token=self.token)
        wait_until(lambda: watch.has_ended, "the stream of the token ends")
        self.assertEqual(self.ask("GET", "/v1/vms", token=old).status, 401)
        again = Watch(self.cloud.ports["upstream"], "/v1/vms?watch=true", old)
        self.assertEqual(again.answer.status, 401)
        self.assertFalse(kept.has_ended)
        self.assertEqual(self.ask("GET", "/v1/vms", token=fresh).status, 200)
        refused = self.command("access-token", "create", "more", "--rights", "look", token=fresh,
                               check=False)
        self.assertEqual(refused.code, 1)
        self.assertIn("the token 'ci-2' has the rights 'act'", refused.err)

    def test_one_that_expires_ends_what_is_open_with_it(self):
        made = self.make("short", expires_seconds=2)
        watch = Watch(self.cloud.ports["upstream"], "/v1/vms?watch=true", made["token"])
        self.addCleanup(watch.close)
        wait_until(lambda: watch.has_ended, "the stream ends with its token")
        self.assertGreaterEqual(time.time() * 1000, made["expires_ms"])
        self.assertEqual(self.ask("GET", "/v1/vms", token=made["token"]).status, 401)
        self.assertNotIn("short", str(self.get("/v1/access-tokens")))

    def test_whoever_waits_by_a_token_that_is_revoked_hears_so(self):
        token, answers = self.make("waiter")["token"], []
        for agent in self.cloud.agents.values():
            agent.kill()
            self.addCleanup(self.cloud.await_capacity)
            self.addCleanup(agent.start)
        operation = self.create("web")
        path = f"/v1/operations/{operation['id']}?wait=60"
        waiter = threading.Thread(target=lambda: answers.append(
            self.ask("GET", path, token=token)))
        waiter.start()
        wait_until(lambda: "used_ms" in str([row for row in self.get("/v1/access-tokens")["items"]
                                             if row["name"] == "waiter"]), "it has asked")
        self.ask("DELETE", "/v1/access-tokens/waiter")
        waiter.join()
        self.assertEqual(answers[0].status, 401, answers[0].out)

    def test_many_tokens_hold_no_more_of_the_face_than_one(self):
        watches = [Watch(self.cloud.ports["upstream"], "/v1/vms?watch=true",
                         self.make(f"many-{i // 4}")["token"] if i % 4 == 0 else self.token)
                   for i in range(17)]
        for watch in watches:
            self.addCleanup(watch.close)
        self.assertEqual([watch.answer.status for watch in watches], [200] * 16 + [429])

    def test_tokens_are_nowhere_but_with_whoever_has_them(self):
        made = [self.make("one"), self.make("two", "look", self.operator)]
        kept = self.ask("GET", "/v1/audit", token=self.operator).out
        self.cloud.upstream.stop()
        try:
            with open(path_of(self.cloud.upstream), "rb") as store:
                kept += store.read().decode(errors="replace")
            kept += self.cloud.upstream.log()
            stored = [json.loads(body) for kind, body in rows(self.cloud.upstream)
                      if kind == "access-token"]
        finally:
            self.cloud.upstream.start()
            self.cloud.await_capacity()
        for token in made:
            self.assertNotIn(token["token"], kept)
            self.assertIn(token["id"], [row["id"] for row in stored])
        row = next(row for row in self.ask("GET", "/v1/audit").json()["items"]
                   if row["what"] == "access-token-create")
        self.assertEqual((row["key"], row["token"]), ("one", "first"))
        self.cloud.cli("audit", "verify")

    def test_a_store_from_before_access_tokens_goes_on_working(self):
        self.make("ci")
        self.create("web", wait=60)
        self.cloud.upstream.stop()
        write_as_first(self.cloud.upstream)
        self.forget_tokens()
        self.cloud.upstream.start()
        self.cloud.await_capacity()
        self.assertEqual([row["name"] for row in self.get("/v1/access-tokens")["items"]], ["first"])
        self.assertEqual(self.act("web", "stop")["code"], "ok")
        spare = self.make("spare")["token"]
        self.assertEqual(self.ask("DELETE", "/v1/access-tokens/first", token=spare).status, 204)
        self.assertEqual(self.ask("GET", "/v1/vms").status, 401)
        answer = self.ask("POST", "/v1/access-tokens", {"name": "first", "rights": "all",
                                                        "tenant": "acme"}, token=self.operator)
        type(self).token = answer.json()["token"]
        self.assertEqual(self.vms()[0]["name"], "web")

    def forget_tokens(self):
        import sqlite3
        with sqlite3.connect(path_of(self.cloud.upstream)) as store:
            store.execute("DELETE FROM record WHERE kind = 'access-token'")
        store.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
