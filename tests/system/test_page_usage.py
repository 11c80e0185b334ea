#!/usr/bin/env python3
"""Graphs of what a VM uses, in a real browser. What it looked like stays in build/page-shots."""
import unittest

from cloud_case import wait_until
from page_case import PAGE, PageCase


class PageUsage(PageCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "api": {"web_folder": PAGE}, "timing": {"usage_seconds": 1}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")

    def marks(self):
        return len(self.get("/v1/vms/web-1/usage").get("marks", []))

    def loaded(self):
        return {each["url"].rsplit("/", 1)[1] for each in self.browser.load()}

    def graphs(self):
        return self.browser.eval(script="document.querySelectorAll('.graph canvas').length")

    def test_graphs_come_when_they_are_opened_and_go_on(self):
        self.create("web-1", wait=60)
        wait_until(lambda: self.marks() > 2, "it is told", 120)
        self.log_in()
        self.browser.click(role="link", name="web-1")
        self.browser.see(role="heading", name="web-1 running")
        self.assertFalse({"usage.js", "uplot.js"} & self.loaded())
        self.browser.click(name="Show graphs")
        self.browser.see(role="img", name="CPU over time")
        self.browser.see(role="img", name="Networks over time")
        self.assertEqual(self.graphs(), 4)
        self.browser.text(text="of one processor")
        self.assertLessEqual({"usage.js", "uplot.js"}, self.loaded())
        self.assert_looks_right("usage")
        self.browser.click(name="Hide graphs")
        self.assertEqual(self.graphs(), 0)

    def test_what_is_not_told_yet_is_said_and_comes_by_itself(self):
        self.create("web-1", wait=60, start=False)
        self.log_in()
        self.browser.click(role="link", name="web-1")
        self.browser.click(name="Show graphs")
        self.browser.text(text="Nothing has been told of it yet")
        self.act("web-1", "start")
        self.browser.see(role="img", name="Memory over time")


if __name__ == "__main__":
    unittest.main(verbosity=2)
