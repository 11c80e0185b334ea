#!/usr/bin/env python3
"""The page is entered by way of an OpenID provider, in a real browser."""
import tempfile
import unittest

from page_case import PAGE, PageCase
from oidc_provider import Provider


class PageLogin(PageCase):
    clusters = {"north": ["host-1"]}

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="isthmus-"))
        cls.provider = Provider(f"{folder}/provider")
        cls.addClassCleanup(cls.provider.close)
        cls.options = {"driver": "test", "api": {"web_folder": PAGE},
                       "oidc": cls.provider.section("http://127.0.0.1", "Example Inc")}
        super().setUpClass()
        cls.provider.back = f"{cls.url}login/callback"  # whose port is known by now

    def test_a_person_logs_in_by_the_provider(self):
        self.cloud.cli("access-token", "create", "alice", "--tenant", "acme", "--rights", "act",
                       "--identity", self.provider.who["sub"])
        self.browser.open(url=self.url)
        self.browser.see(role="link", name="Log in with Example Inc")
        self.assert_looks_right("login-provider")
        self.browser.click(role="link", name="Log in with Example Inc")
        self.browser.see(role="heading", name="VMs")
        self.browser.text(text="There are no VMs yet.")


if __name__ == "__main__":
    unittest.main()
