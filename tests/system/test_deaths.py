#!/usr/bin/env python3
"""Servers of four kinds on one link, killed one after the other under load, each time the one in
use: XMPP, HTTP, ZeroMQ, AMQP, and from the beginning. No operation is lost, done twice, or stuck.

ISTHMUS_DEATHS says how often (default: 4, which is once around); 50 of them are the measurement.
Each says how long it took until all links worked again, beside the hold-down."""
import os
import statistics
import time
import unittest

from link_case import wait_until
import test_failover
from test_failover import FAILOVER_SECONDS, Load

DEATHS = int(os.environ.get("ISTHMUS_DEATHS", "4"))


class Deaths(test_failover.Failover):
    options = {**test_failover.TwoServers.options, "trace": False, "carrier": "xmpp",
               "spare_carrier": "http amqp zeromq"}

    def place(self, server):
        return getattr(server, "url", f"127.0.0.1:{server.port}")

    def agents(self):
        """All that use one server at a time."""
        return [*self.cloud.downstreams.values(), *self.cloud.agents.values()]

    def used(self, daemon):
        """Where each of the daemon's links that choose is connected, as its log says, or None."""
        place = {}
        link = "1" if daemon in self.cloud.downstreams.values() else "0"
        for line in daemon.log().splitlines():
            if f" link={link} " not in line:
                continue
            if " event=connected " in line:
                place[link] = line.rsplit("server=", 1)[1].split()[0]
            elif " event=disconnected " in line and \
                    line.split("server=", 1)[1].split()[0] == place.get(link):
                place[link] = None
        return place.get(link)

    def await_all_at(self, server):
        wait_until(lambda: all(self.used(daemon) == self.place(server)
                               for daemon in self.agents()), f"all are at {server.name}")

    def work(self):
        """A VM that comes and goes; one that waited for a host in vain never was."""
        begun = self.begun(self.define(1))
        for operation in begun:
            self.await_end(operation)
            self.await_end(self.delete([operation])[0])
        return bool(begun)

    def die(self, dying, successor):
        """Seconds until all are at the successor."""
        begun = time.monotonic()
        dying.kill()
        self.await_all_at(successor)
        return time.monotonic() - begun

    def test_operations_survive_the_deaths_of_all_kinds_of_servers(self):
        xmpp, http, amqp, zeromq = self.cloud.servers
        order = [xmpp, http, zeromq, amqp]
        load, taken = Load(self), []
        load.start()
        try:
            for number in range(DEATHS):
                dying, successor, *absent = (order[(number + after) % len(order)]
                                             for after in range(len(order)))
                wait_until(lambda: load.fault or len(load.made) > 4, "some load")
                dying.start()
                for other in absent:
                    other.kill()
                self.await_all_at(dying)
                self.await_up()
                successor.start()  # which may be better: then some go to it before the death
                taken.append(self.die(dying, successor))
                wait_until(lambda: load.fault or self.work(), "an operation that ends")
                print(f"     death {number + 1}, {dying.name}: all at {successor.name} "
                      f"{taken[-1]:.1f} s later, {taken[-1] / FAILOVER_SECONDS:.2f} x the "
                      f"hold-down", flush=True)
        finally:
            for server in self.cloud.servers:
                server.start()
            made, gone = load.finish()
        for operation in gone:
            self.await_end(operation)
        made = self.begun(made)
        self.assertTrue(made)
        self.await_made(made)
        self.await_gone(self.delete(made))
        print(f"     {DEATHS} deaths, {len(made) + len(gone)} operations under load; median "
              f"{statistics.median(taken) / FAILOVER_SECONDS:.2f} x the hold-down, most "
              f"{max(taken) / FAILOVER_SECONDS:.2f} x", flush=True)


del test_failover  # its tests are not run again here

if __name__ == "__main__":
    unittest.main(verbosity=2)
