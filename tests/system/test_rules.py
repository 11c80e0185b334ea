#!/usr/bin/env python3
"""An operator's provisioning rules on real daemons: where VMs go by them, who is told what of it,
and that the list lasts."""
import json
import sqlite3
import unittest

import old_store
from cloud_case import BUILD, CloudCase, wait_until
from watching import Watch


class Rules(CloudCase):
    clusters = {"north": ["host-1"], "south": ["host-2"]}
    options = {"driver": "test", "labels": {"north": "region=eu,disk=ssd", "south": "region=us"}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")

    def setUp(self):
        self.addCleanup(self.delete_all)
        self.addCleanup(self.delete_rules)

    def rules(self):
        return self.ask("GET", "/v1/rules", token=self.operator).json()["items"]

    def delete_rules(self):
        for rule in self.rules():
            self.rule("delete", rule["name"])

    def rule(self, *words, code=0):
        done = self.cloud.cli("rule", *words, check=False)
        self.assertEqual(done.code, code, done.out + done.err)
        return done.out + done.err

    def place(self, name, **more):
        """Where it is made that nothing else would have go elsewhere."""
        made = self.create(name, wait=60, **more)
        self.assertEqual(made["code"], "ok", made)
        return self.get(f"/v1/vms/{name}")["cluster"], made

    def refused(self, name, **more):
        answer = self.ask("POST", "/v1/vms", {"name": name, "shape": "nano", "image": "empty",
                                              **more})
        self.assertEqual(answer.status // 100, 4, answer.out)
        return answer.json()

    def told(self, operation, token_file=None):
        return self.cloud.cli("op", "show", operation["id"], token_file=token_file).out

    def test_the_first_that_matches_says_where_and_operators_see_which(self):
        self.rule("add", "tests", "--labels", "stage=test", "--must", "region=us")
        self.rule("add", "acmes", "--tenants", "ac*e", "--clusters", "nor*")
        cluster, made = self.place("web-1", metadata="owner=web,stage=test")
        self.assertEqual(cluster, "south")
        self.assertIn("the manager chooses cluster south, by rule tests\n", self.told(made))
        self.assertIn("the manager chooses cluster south\n", self.told(made, self.token_file))
        for operation in (made, self.operation(made)):
            self.assertNotIn("rule", operation)
        path = f"/v1/operations/{made['id']}"
        self.assertEqual(self.ask("GET", path, token=self.operator).json()["rule"], "tests")
        self.assertEqual({self.place(f"web-{number}")[0] for number in range(2, 6)}, {"north"})
        self.rule("delete", "acmes")  # for new ones
        self.assertEqual(self.get("/v1/vms/web-2")["cluster"], "north")
        for number in range(6, 10):
            self.place(f"web-{number}")
        self.assertIn("south", {self.get(f"/v1/vms/web-{number}")["cluster"]
                                for number in range(6, 10)})

    def test_what_a_tenant_asks_against_it_is_refused_in_words_that_tell_no_rule(self):
        self.rule("add", "secret-plan", "--must", "region=us")
        problem = self.refused("web", cluster="north")
        self.assertEqual((problem["code"], problem["field"]), ("not-allowed", "cluster"))
        self.assertIn("by the operator's rules", problem["detail"])
        problem = self.refused("web", must="disk=ssd")
        self.assertEqual((problem["code"], problem["field"]), ("unmet", "must"))
        self.assertIn("the operator's rules say which", problem["detail"])
        self.rule("set", "secret-plan", "--must", "", "--refuse", "Giants need a contract.")
        problem = self.refused("web")
        self.assertEqual(problem["code"], "not-allowed")
        self.assertIn("the operator refuses this: Giants need a contract.", problem["detail"])
        seen = [self.ask("GET", path).out for path in
                ("/v1/vms", "/v1/operations", "/v1/audit", "/v1/clusters", "/v1/whoami")]
        self.assertNotIn("secret-plan", "".join(seen) + str(problem))
        for method, path in (("GET", "/v1/rules"), ("GET", "/v1/rules/secret-plan"),
                             ("DELETE", "/v1/rules/secret-plan"), ("POST", "/v1/rules")):
            body = {"name": "mine"} if method == "POST" else None
            self.assertEqual(self.ask(method, path, body).json()["code"], "forbidden", path)

    def test_the_list_is_kept_and_changes_stand_in_the_audit(self):
        for name in ("a", "b", "c"):
            self.rule("add", name, "--prefer", "disk=ssd")
        self.rule("move", "c", "1")
        self.rule("set", "b", "--strategy", "pack", "--on-loss", "restart")
        order = [(rule["name"], rule["position"]) for rule in self.rules()]
        self.assertEqual(order, [("c", 1), ("a", 2), ("b", 3)])
        before = self.rules()
        self.cloud.upstream.kill()
        self.cloud.upstream.start()
        self.assertEqual(self.rules(), before)
        rows = self.ask("GET", "/v1/audit?limit=50", token=self.operator).json()["items"]
        done = [(row["what"], row["key"], row["code"]) for row in reversed(rows)
                if row["what"].startswith("rule")]
        self.assertEqual(done[-5:], [("rule-add", "a", "ok"), ("rule-add", "b", "ok"),
                                     ("rule-add", "c", "ok"), ("rule-move", "c", "ok"),
                                     ("rule-set", "b", "ok")])
        self.assertIn("strategy pack; on loss restart", self.rule("list"))
        self.assertIn("pack", self.rule("show", "b"))

    def test_who_changes_what_another_has_changed_is_told(self):
        self.rule("add", "a")
        tag = self.ask("GET", "/v1/rules/a", token=self.operator).headers["etag"]
        first = self.ask("PUT", "/v1/rules/a", {"must": "region=us"}, token=self.operator,
                         headers={"If-Match": tag})
        self.assertEqual(first.status, 200, first.out)
        for method, path, body in (("PUT", "", {"must": "region=eu"}), ("DELETE", "", None),
                                   ("POST", "/move", {"position": 1})):
            late = self.ask(method, f"/v1/rules/a{path}", body, token=self.operator,
                            headers={"If-Match": tag})
            self.assertEqual((late.status, late.json()["code"]), (412, "stale"))
        self.assertEqual([rule["must"] for rule in self.rules()], ["region=us"])

    def test_who_watches_the_list_hears_each_change(self):
        self.rule("add", "a")
        revision = self.ask("GET", "/v1/rules", token=self.operator).json()["revision"]
        watch = Watch(self.cloud.ports["upstream"], f"/v1/rules?watch=true&after={revision}",
                      self.operator)
        self.addCleanup(watch.close)
        self.rule("add", "b", "--position", "1")
        self.rule("delete", "a")
        wait_until(lambda: watch.named("removed"), "the removal is told")
        kept = {}
        for name, _, rule in watch.events:
            if name == "changed":
                kept[rule["name"]] = rule["position"]
            elif name == "removed":
                kept.pop(rule["name"], None)
        self.assertEqual(kept, {"b": 1})
        self.assertEqual(self.ask("GET", "/v1/rules?watch=true").status, 403)

    def test_a_wrong_use_of_the_command_says_what_is_wrong(self):
        self.assertIn("there is no cluster 'nroth'",
                      self.rule("add", "a", "--clusters", "nroth", code=1))
        self.assertIn("must be names", self.rule("add", "a", "--tenants", "a,b", code=1))
        self.assertIn("strategy 'tight'", self.rule("add", "a", "--strategy", "tight", code=2))
        self.assertIn("says nothing else",
                      self.rule("add", "a", "--refuse", "no", "--prefer", "disk=ssd", code=1))
        self.assertIn("needs at least one option", self.rule("set", "a", code=2))
        self.assertIn("there is no rule 'a'", self.rule("move", "a", "1", code=1))
        self.assertEqual(self.rules(), [])

    def test_a_store_of_before_has_none_and_takes_some(self):
        """As a manager left it that knew of no rules: no row is of one."""
        self.rule("add", "a", "--must", "region=us")
        self.place("web-1")
        self.assertEqual(self.cloud.upstream.stop(), 0)
        store = sqlite3.connect(old_store.path_of(self.cloud.upstream))
        with store:
            gone = store.execute("DELETE FROM record WHERE kind = 'rule'").rowcount
        store.close()
        self.assertEqual(gone, 1)
        self.cloud.upstream.start()
        self.cloud.await_capacity()
        self.assertEqual(self.rules(), [])
        self.assertEqual(self.get("/v1/vms/web-1")["cluster"], "south")
        self.rule("add", "b", "--must", "region=eu")
        self.assertEqual(self.place("web-2")[0], "north")


if __name__ == "__main__":
    unittest.main()
