#!/usr/bin/env python3
"""Bad links: cut, stalled, half-open, corrupted, reset, slow, each amid creations and deletions.
The fault ends; every operation comes to its true end, each VM was made once, the books balance.

ISTHMUS_SEED repeats what was random; the seed is printed first."""
import random
import unittest

from link_case import LinkCase, SEED, wait_until
from fault_proxy import FaultProxy

LINKS = ("upstream", "north.uplink", "north.downlink", "host-1")
STANDARD = {"delay_ms": 0, "jitter_ms": 0, "bytes_per_second": 0, "reset_share": 0.0}


class ProxiedCase(LinkCase):
    clusters = {"north": ["host-1", "host-2"]}
    options = {"driver": "test", "proxies": True, "seed": SEED, "host": {"cpus": 16},
               "timing": {"beat_seconds": 1, "hold_down_seconds": 30}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.proxies = cls.cloud.proxies

    def setUp(self):
        super().setUp()
        self.random = random.Random(f"{SEED}/{self.id()}")
        self.addCleanup(self.recover)

    def recover(self):
        self.end_faults()
        self.delete_all()

    def end_faults(self):
        for proxy in self.proxies.values():
            proxy.set(**STANDARD)
            proxy.resume()


class Links(ProxiedCase):
    def is_away(self, link):
        """Has somebody noticed that nothing passes here? The cluster for its upstream manager, or
        hosts for the cluster's."""
        if link in ("north.downlink", "host-1"):
            hosts = {"north.downlink": 0, "host-1": 1}[link]
            return self.cpus("cpus_total") == hosts * self.options["host"]["cpus"]
        return self.get("/v1/clusters")["items"][0]["state"] == "suspect"

    def live_through(self, link, begin, end):
        """Creations and deletions before a fault and amid it."""
        old = self.define(4)
        self.await_made(old)
        new, gone = self.define(2), self.delete(old[:2])
        begin()
        new += self.define(2)
        gone += self.delete(old[2:])
        wait_until(lambda: self.is_away(link), f"somebody notices what happened at {link}")
        end()
        for operation in gone:
            self.await_end(operation)
        self.await_made(new)
        self.await_gone(self.delete(new))

    @staticmethod
    def end_by_a_cut(proxy):
        proxy.cut()
        proxy.resume()

    def test_one_side_of_a_connection_is_gone(self):
        for link, kept in (("north.uplink", "server"), ("host-1", "server"),
                           ("north.uplink", "client"), ("north.downlink", "client")):
            with self.subTest(link=link, kept=kept):
                proxy = self.proxies[link]
                made = self.define(2)
                accepted = proxy.accepted
                proxy.half_open(kept)
                made += self.define(2)
                if kept == "client":  # its own ping takes a minute to find out
                    wait_until(lambda: self.cpus("cpus_total") == 0 or
                               self.get("/v1/clusters")["items"][0]["state"] == "suspect",
                               "the silence is noticed")
                    proxy.resume()
                wait_until(lambda: proxy.accepted > accepted, "a new connection")
                self.await_made(made)
                self.await_gone(self.delete(made))

    def test_bytes_are_corrupted(self):
        for link in LINKS:
            for way in ("up", "down"):
                with self.subTest(link=link, way=way):
                    proxy = self.proxies[link]
                    accepted, corrupted = proxy.accepted, proxy.corrupted
                    proxy.corrupt(1, way)
                    made = self.define(2)
                    wait_until(lambda: proxy.corrupted > corrupted, "a corrupted byte")
                    wait_until(lambda: proxy.accepted > accepted,
                               "TLS refuses it, a new connection")
                    self.await_made(made)
                    self.await_gone(self.delete(made))


class Resets(ProxiedCase):
    """In a cloud of its own: who is thrown out again and again comes back after longer pauses."""

    def test_thirty_percent_of_connections_are_reset_at_random(self):
        proxies = self.proxies.values()
        begun, rounds = sum(proxy.drawn for proxy in proxies), 0
        for proxy in proxies:
            proxy.set(reset_share=0.3, reset_within_seconds=0.3)
        made, gone = self.define(6), []
        while rounds < 2 or sum(proxy.drawn for proxy in proxies) == begun:
            rounds += 1
            accepted = {proxy: proxy.accepted for proxy in proxies}
            for proxy in proxies:
                proxy.reset()
                made += self.define(1)
            self.random.shuffle(made)
            gone += self.delete(made[4:])
            del made[4:]
            wait_until(lambda: all(proxy.accepted > accepted[proxy] and proxy.connections and
                                   not proxy.doomed for proxy in proxies),
                       "new connections that no reset waits for", seconds=240)  # after long pauses
        for proxy in proxies:
            proxy.set(reset_share=0.0)
        for operation in gone:
            self.await_end(operation)
        made = self.begun(made) + self.define(2)  # while it lasted all may have waited in vain
        self.await_made(made)
        self.await_gone(self.delete(made))

    def test_a_slow_link_still_completes(self):
        for proxy in self.proxies.values():
            proxy.set(delay_ms=100, jitter_ms=50, bytes_per_second=5000)
        self.proxies["north.uplink"].reset()  # its handshake is slow, too
        made = self.define(2)
        self.await_made(made)
        self.await_gone(self.delete(made))


FAULTS = {
    "is_cut": (FaultProxy.cut, FaultProxy.resume, LINKS),
    "stalls_and_comes_back_with_all": (FaultProxy.stall, FaultProxy.resume, LINKS),
    "stalls_and_is_cut_in_the_end": (FaultProxy.stall, Links.end_by_a_cut,
                                     ("north.uplink", "north.downlink")),
}
SERVERS = {"server_1": "north.uplink", "server_2": "north.downlink"}


def add_fault(link, fault, begin, end):
    def test(self):
        proxy = self.proxies[link]
        self.live_through(link, lambda: begin(proxy), lambda: end(proxy))
    setattr(Links, f"test_{link.replace('.', '_').replace('-', '_')}_{fault}", test)


def add_death(server, link):
    def test(self):
        process = getattr(self.cloud, server)
        self.live_through(link, process.kill, process.start)
    setattr(Links, f"test_{server}_is_killed_under_load", test)


for each, (harm, heal, links) in FAULTS.items():
    for one in links:
        add_fault(one, each, harm, heal)
for each, one in SERVERS.items():
    add_death(each, one)

if __name__ == "__main__":
    unittest.main(verbosity=2)
