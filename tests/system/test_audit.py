#!/usr/bin/env python3
"""What was asked for is written down: by whom, what came of it, in chains that show what was done
to them, and never a secret."""
import hashlib
import sqlite3
import unittest

import old_store
from cloud_case import CloudCase, wait_until

FIELDS = ("id", "at_ms", "who", "tenant", "tenant_ms", "from", "what", "verb", "key", "code",
          "operation", "more", "number", "previous")
ABSENT = {"at_ms": 0, "tenant_ms": 0, "more": 0, "verb": "define"}


def digest_of(row):
    """As the guide says it, from what the API shows."""
    lines = "".join(f"{row.get(name, ABSENT.get(name, ''))}\n" for name in FIELDS)
    lines += f"{row['token']}\n" if "token" in row else ""
    return hashlib.sha256(lines.encode()).hexdigest()


def chains(rows):
    """The rows of each asker, the oldest first."""
    found = {}
    for row in reversed(rows):
        found.setdefault((row["who"], row.get("tenant"), row.get("tenant_ms")), []).append(row)
    return found


class AuditCase(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")

    def setUp(self):
        self.addCleanup(self.delete_all)

    def rows(self, token=None):
        rows, after = [], ""
        while after is not None:
            page = self.ask("GET", f"/v1/audit?limit=7{after}", token=token or self.operator)
            self.assertEqual(page.status, 200, page.out)
            rows += page.json()["items"]
            after = f"&after={page.json()['next']}" if "next" in page.json() else None
        self.assertEqual([row["id"] for row in rows],
                         sorted((row["id"] for row in rows), reverse=True))
        return rows

    def verify(self, *options, code=0):
        done = self.cloud.cli("audit", "verify", *options, check=False)
        self.assertEqual(done.code, code, done.out + done.err)
        return done

    def assert_whole(self, rows):
        for chain in chains(rows).values():
            for n, row in enumerate(chain):
                self.assertEqual(row["digest"], digest_of(row), row)
                self.assertEqual(row["number"], n + 1)
                self.assertEqual(row.get("previous"), chain[n - 1]["digest"] if n else None)


class Audit(AuditCase):
    def test_who_asked_for_what_and_what_came_of_it_is_written_and_anybody_can_check_it(self):
        made = self.create("web", wait=60, user_data="#cloud-config\npassword: tops3cret\n")
        self.assertEqual(self.act("web", "stop")["code"], "ok")
        self.assertEqual(self.ask("POST", "/v1/vms/none/resume").status, 404)
        own = self.rows(self.token)
        told = [(row["what"], row.get("verb"), row.get("key"), row["code"]) for row in own]
        self.assertIn(("vm-create", None, "web", "ok"), told)
        self.assertIn(("vm-act", "stop", "web", "ok"), told)
        self.assertIn(("vm-act", "resume", "none", "not-found"), told)
        self.assertEqual({row["tenant"] for row in own}, {"acme"})
        self.assertEqual({row["from"] for row in own}, {"127.0.0.1"})
        self.assertIn(made["id"], [row.get("operation") for row in own])
        rows = self.rows()
        self.assertEqual([row for row in rows if row.get("tenant") == "acme"], own)
        self.assertIn(("operator", "tenant-create", "acme"),
                      [(row["who"], row["what"], row.get("key")) for row in rows])
        self.assert_whole(rows)
        self.verify()
        for secret in ("tops3cret", self.token, self.operator):
            self.assertNotIn(secret, str(rows))

    def test_what_strangers_try_is_gathered(self):
        before = len(self.rows())
        for n in range(40):
            self.assertEqual(self.ask("GET", f"/v1/vms/x{n}", token="wrong").status, 401)
            self.assertEqual(self.ask("POST", "/v1/tenants", {"name": f"t{n}"}).status, 403)
        new = self.rows()[:-before]
        strangers = [row for row in new if row["who"] == "stranger"]
        forbidden = [row for row in new if row["code"] == "forbidden"]
        self.assertTrue(0 < len(strangers) < 10 and 0 < len(forbidden) < 10, new)
        self.assertNotIn("key", strangers[0])
        self.cloud.upstream.stop()  # what was gathered is written
        self.cloud.upstream.start()
        new = self.rows()[:-before]
        for code in ("unauthenticated", "forbidden"):
            self.assertEqual(sum(row.get("more", 1) for row in new if row["code"] == code), 40)
        self.verify()
        self.cloud.await_capacity()

    def test_what_was_answered_is_written_when_the_manager_is_killed(self):
        told = set()
        for n in range(5):
            told |= {self.create(f"vm{n}{k}")["id"] for k in range(2)}
            self.cloud.upstream.kill()
            self.cloud.upstream.start()
        self.assertLessEqual(told, {row.get("operation") for row in self.rows()})
        self.verify()
        self.cloud.await_capacity()
        for op in told:  # some find no image, as it was the manager's to send
            wait_until(lambda op=op: self.get(f"/v1/operations/{op}")["state"] in
                       ("succeeded", "failed"), f"the end of {op}")
        wait_until(lambda: all(vm["state"] == "running" for vm in self.vms()), "what is left runs")

    def test_an_owner_has_the_audit_of_its_cluster_and_nothing_of_it_goes_up(self):
        before = self.owner_json("audit")["items"]
        self.owner("host", "cordon", "host-1")
        self.owner("host", "uncordon", "host-1")
        rows = self.owner_json("audit")["items"]
        self.assertEqual([(row["who"], row["what"], row["key"], row["code"], "from" in row)
                          for row in rows[:2]],
                         [("owner", "host-uncordon", "host-1", "ok", False),
                          ("owner", "host-cordon", "host-1", "ok", False)])
        self.assertEqual(rows[2:], before)
        self.assert_whole(rows)
        self.owner("audit", "verify")
        self.assertNotIn("host-1", str(self.rows()))


class Tampered(AuditCase):
    def change_store(self, change):
        upstream = self.cloud.upstream
        upstream.stop()
        try:
            change()
        finally:
            upstream.start()
        self.cloud.await_capacity()

    def forget(self, rows):
        def change():
            with sqlite3.connect(old_store.path_of(self.cloud.upstream)) as store:
                for row in rows:
                    gone = store.execute("DELETE FROM record WHERE kind = 'audit' AND key = ?",
                                         (row["id"],))
                    self.assertEqual(gone.rowcount, 1)
            store.close()
        self.change_store(change)

    def test_rows_that_are_changed_or_taken_out_are_found(self):
        for n in range(4):
            self.create(f"vm{n}", wait=60)
        known = f"{self.folder.name}/known"
        self.verify("--known", known)
        chain = chains(self.rows())[("tenant", "acme", self.rows(self.token)[0]["tenant_ms"])]
        self.create("late", wait=60)
        last = self.rows(self.token)[0]
        self.verify("--known", known)
        self.forget([last])  # the end of a chain, which alone does not show
        self.verify()
        self.assertIn(last["id"], self.verify("--known", known, code=1).err)
        self.assertIn("was there and is not", self.verify("--known", known, code=1).err)
        self.forget([chain[-3]])
        self.assertIn("1 are missing", self.verify(code=1).err)
        key, other = chain[-1]["key"], "vmX"

        def change(kind, body):
            return body.replace(f'"key":"{key}"', f'"key":"{other}"') if kind == "audit" else body
        self.change_store(lambda: old_store.write_as_first(self.cloud.upstream, change))
        self.assertIn("was changed", self.verify(code=1).err)


if __name__ == "__main__":
    unittest.main()
