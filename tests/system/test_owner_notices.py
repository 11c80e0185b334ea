#!/usr/bin/env python3
"""What a cluster's owner is told by the downstream manager: hosts and upstream managers that go
away and come back, by a webhook, also after the manager was killed; and that nothing goes up."""
import unittest

from cloud_case import CloudCase, wait_until
from hooks import Hooks


class OwnerNotices(CloudCase):
    clusters = {"north": ["inner-1", "inner-2"]}
    options = {"driver": "test", "timing": {"beat_seconds": 1, "hold_down_seconds": 5}}

    def setUp(self):
        self.hooks = Hooks()
        self.addCleanup(self.hooks.close)
        self.hooks.secret = self.owner("contact", "add", "desk", self.hooks.url).out.strip()
        self.addCleanup(self.owner, "contact", "remove", "desk")
        wait_until(lambda: " proven " in self.owner("contact", "list").out, "it is proven")

    def await_told(self, *wanted):
        def told():
            return [(notice["event"], notice.get("host") or notice.get("upstream"))
                    for notice in self.hooks.notices()]
        wait_until(lambda: all(row in told() for row in wanted), f"{wanted} in {told()}")
        ids = {ident for ident, event in self.hooks.came if event["type"] != "challenge"}
        self.assertEqual(len(ids), len(set(told())))  # each once, but for repeats with its id

    def test_a_host_that_goes_and_comes_is_told_and_nobody_above_knows(self):
        self.cloud.agents["inner-1"].kill()
        self.await_told(("host-away", "inner-1"))
        self.cloud.downstreams["north"].kill()
        self.cloud.downstreams["north"].start()
        self.cloud.agents["inner-1"].start()
        wait_until(lambda: self.owner("host", "list").out.count(" up ") == 2, "both are up")
        self.cloud.agents["inner-2"].kill()
        self.await_told(("host-away", "inner-1"), ("host-away", "inner-2"))
        self.cloud.agents["inner-2"].start()
        self.await_told(("host-back", "inner-2"))
        self.assertEqual(self.hooks.faults, [])
        self.assertEqual(self.get("/v1/contacts")["items"], [])
        self.assertNotIn("inner-", self.ask("GET", "/v1/audit", token=self.operator).out)
        rows = self.owner("audit").out
        self.assertIn("contact-add", rows)

    def test_an_upstream_manager_that_goes_and_comes_is_told(self):
        self.cloud.upstream.kill()
        self.await_told(("upstream-away", "cloud"))
        self.cloud.upstream.start()
        self.await_told(("upstream-away", "cloud"), ("upstream-back", "cloud"))

    def test_what_is_not_the_owners_is_refused(self):
        refused = self.owner("contact", "add", "other", "journal", "--events", "operation-ended",
                             check=False)
        self.assertIn("is told to others alone", refused.err)
        refused = self.owner("contact", "add", "mail", "anna@example.org", check=False)
        self.assertIn("no mail is sent from here", refused.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
