#!/usr/bin/env python3
"""Bad links: cut, stalled, half-open, corrupted, reset, slow, each amid creations and deletions.
The fault ends; every operation comes to its true end, each VM was made once, the books balance.

ISTHMUS_SEED repeats what was random; the seed is printed first."""
import random
import time
import unittest

from link_case import LinkCase, SEED, wait_until

LINKS = ("upstream", "north.uplink", "north.downlink", "host-1")
STANDARD = {"delay_ms": 0, "jitter_ms": 0, "bytes_per_second": 0, "reset_share": 0.0}


class Links(LinkCase):
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

    def await_state(self, *states):
        wait_until(lambda: self.get("/v1/clusters")["items"][0]["state"] in states,
                   f"the cluster is {states}")

    def live_through(self, begin, noticed, end):
        """Creations and deletions before a fault and amid it."""
        old = self.define(6)
        self.await_made(old)
        new, gone = self.define(3), self.delete(old[:3])
        begin()
        new += self.define(3)
        gone += self.delete(old[3:])
        noticed()
        end()
        for operation in gone:
            self.await_end(operation)
        self.await_made(new)
        self.await_gone(self.delete(new))

    def test_the_uplink_is_cut_for_seconds(self):
        proxy = self.proxies["north.uplink"]

        def noticed():
            self.await_state("suspect")
            time.sleep(2)  # the cut
        self.live_through(proxy.cut, noticed, proxy.resume)

    def test_the_downlink_is_cut_for_seconds(self):
        proxy = self.proxies["north.downlink"]

        def noticed():
            wait_until(lambda: self.cpus("cpus_total") == 0, "no host is there")
            time.sleep(2)  # the cut
        self.live_through(proxy.cut, noticed, proxy.resume)

    def test_nothing_arrives_on_the_downlink_and_beats_notice(self):
        proxy = self.proxies["north.downlink"]
        accepted = proxy.accepted
        self.live_through(lambda: proxy.stall("down"),
                          lambda: wait_until(lambda: self.cpus("cpus_total") == 0,
                                             "the silence of the hosts is noticed"),
                          proxy.resume)
        self.assertEqual(proxy.accepted, accepted)  # it seemed alive, and is the same

    def test_nothing_arrives_on_the_uplink_and_it_is_cut_in_the_end(self):
        proxy = self.proxies["north.uplink"]

        def end():
            proxy.cut()
            proxy.resume()
        self.live_through(lambda: proxy.stall("up"), lambda: self.await_state("suspect"), end)

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

    def test_thirty_percent_of_connections_are_reset_at_random(self):
        resets = sum(proxy.resets for proxy in self.proxies.values())
        for proxy in self.proxies.values():
            proxy.set(reset_share=0.3, reset_within_seconds=2)
            proxy.reset()

        def reset_some():
            if self.random.random() < 0.2:
                self.proxies[self.random.choice(LINKS)].reset()
        made, gone = [], []
        for _ in range(20):
            reset_some()
            made += wait_until(lambda: self.define(1, wait=1), "a cluster that takes it")
        self.await_made(made)
        for operation in made:
            reset_some()
            gone += self.delete([operation], wait=1)
        for proxy in self.proxies.values():
            proxy.set(reset_share=0.0)
        self.await_gone(gone)
        resets = sum(proxy.resets for proxy in self.proxies.values()) - resets
        self.assertGreater(resets, len(self.proxies))

    def test_a_slow_link_still_completes(self):
        for proxy in self.proxies.values():
            proxy.set(delay_ms=200, jitter_ms=50, bytes_per_second=2000)
        self.proxies["north.uplink"].reset()  # its handshake is slow, too
        made = self.define(4)
        self.await_made(made)
        self.await_gone(self.delete(made))


if __name__ == "__main__":
    unittest.main(verbosity=2)
