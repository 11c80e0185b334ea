#!/usr/bin/env python3
"""Application servers that die under load, one after the other, each with another to take over: two
independent Prosodys, a Prosody and a relay in both orders, and an ejabberd of two nodes. Every
operation comes to its true end, none twice, none lost."""
import threading
import time
import unittest

from hostile import Frame, Hostile
from link_case import LinkCase, wait_until
import seal

FAILOVER_SECONDS = 2
TIMING = {"beat_seconds": 1, "hold_down_seconds": 60}


class Load(threading.Thread):
    """Creates and deletes VMs until it is told to stop; what it asked for."""

    def __init__(self, case):
        super().__init__()
        self.case, self.made, self.gone, self.fault = case, [], [], None
        self.stopping = threading.Event()

    def run(self):
        try:
            while not self.stopping.wait(0.2):
                self.made += self.case.define(1)
                if len(self.made) > 8:
                    self.gone += self.case.delete([self.made.pop(0)])
        except BaseException as fault:  # told where it is waited for
            self.fault = fault

    def finish(self):
        self.stopping.set()
        self.join()
        if self.fault:
            raise self.fault
        return self.made, self.gone


class Failover(LinkCase):
    clusters = {"north": ["host-1", "host-2"]}

    def servers(self):
        """In the order of preference."""
        raise NotImplementedError

    def await_up(self):
        wait_until(lambda: self.get("/v1/clusters")["items"][0]["state"] == "up" and
                   self.cpus("cpus_total") == self.before["north"]["cpus_total"],
                   "the cluster is up with all of its hosts")

    def live_through_deaths(self):
        first, second = self.servers()
        load = Load(self)
        load.start()
        try:
            for dying, other in ((first, second), (second, first)):
                wait_until(lambda: len(load.made) > 4, "some load")
                begun = time.monotonic()
                dying.kill()
                time.sleep(0.5)
                self.await_up()
                wait_until(lambda: self.work(), "an operation that ends")
                print(f"     {dying.name} died: an operation ends {time.monotonic() - begun:.1f} s "
                      f"later, hold-down {FAILOVER_SECONDS} s", flush=True)
                dying.start()
                self.await_return(first)
        finally:
            made, gone = load.finish()
        for operation in gone:
            self.await_end(operation)
        made = self.begun(made)
        self.assertTrue(made)
        self.await_made(made)
        self.await_gone(self.delete(made))

    def work(self):
        """A VM that comes and goes."""
        for operation in self.define(1):
            self.await_end(operation)
            self.await_end(self.delete([operation])[0])
            return True
        return False

    def await_return(self, first):
        """Everybody uses the first server again. A manager's downlink is at all of them at once:
        where it came last says nothing."""
        def last_server(daemon):
            lines = [line for line in daemon.log().splitlines()
                     if " event=connected " in line and "-manager@" not in line]
            return {line.split(" link=")[1].split()[0]: line.rsplit("server=", 1)[1].split()[0]
                    for line in lines}
        users = [*self.cloud.downstreams.values(), *self.cloud.agents.values()]
        place = getattr(first, "url", f"127.0.0.1:{first.port}")
        wait_until(lambda: all(address == place for daemon in users
                               for address in last_server(daemon).values()),
                   f"all are back at {first.name}")
        self.await_up()


class TwoServers(Failover):
    options = {"driver": "test", "trace": "hostile", "spare": "server", "one_server": True,
               "host": {"cpus": 32}, "timing": TIMING,
               "link": {"failover_seconds": FAILOVER_SECONDS, "return_seconds": 2}}

    def servers(self):
        return self.cloud.servers

    def change(self, ends):
        for end in ends:
            self.cloud.rotate(*end)

    def await_changed(self, ends):
        wait_until(lambda: all(self.cloud.key_shown(*end) == self.cloud.public_key(*end)
                               for end in ends), "all keys are changed")

    def test_all_keys_change_under_load_and_no_link_goes_down(self):
        north = self.cloud.downstreams["north"]
        ends = [(self.cloud.upstream, "downlink"), (north, "downlink"), (north, "uplink"),
                *((agent, "uplink") for agent in self.cloud.agents.values())]
        load = Load(self)
        load.start()
        try:
            wait_until(lambda: len(load.made) > 2, "some load")
            told = {daemon: len(daemon.log()) for daemon in self.cloud.daemons()}
            self.change(ends)
            self.await_changed(ends)
            self.assertTrue(self.work())
            for daemon, length in told.items():
                self.assertNotIn(" state=down", daemon.log()[length:])
                self.assertNotIn(" event=unsealed-frame", daemon.log()[length:])
            self.change(ends)  # and who is at all links is killed in the middle of it
            north.kill()
            north.start()
            self.await_changed(ends)
        finally:
            made, gone = load.finish()
        for operation in gone:
            self.await_end(operation)
        made = self.begun(made)
        self.assertTrue(made)
        self.await_made(made)
        self.await_gone(self.delete(made))

    def test_a_hostile_server_beside_a_true_one_draws_no_answers_to_itself(self):
        first, other = map(Hostile, self.servers())
        north, manager = (other.server.jid("north", "cluster"),
                          other.server.jid("upstream", "manager"))
        theirs = first.server.jid("north", "cluster")

        def heard():  # all that it may have heard before
            return [frame for frame in first.frames()[0]
                    if frame.sender == theirs and frame.receiver.startswith("upstream@")]
        wait_until(lambda: len(heard()) > 3, "some frames of north's")
        ends = list(seal.ends_of(self.cloud))
        recorded = [frame for frame in heard() if not any(
            "hello" in str(end.open_any(seal.sealed_in(frame.text))) for end in ends)]
        mark = other.mark()
        other.order([f"<presence from='{north}' to='{manager}'/>"])
        other.deliver(*(Frame(north, manager, frame.text) for frame in recorded),
                      Frame(north, manager, "forged"))
        wait_until(lambda: " event=unsealed-frame " in self.cloud.upstream.log(),
                   "the forged frame is dropped")
        self.assertTrue(self.work())
        drawn = [frame for frame in other.frames(mark)[0] if frame.receiver == north]
        self.assertEqual(drawn, [])

    def test_operations_survive_the_death_of_each_of_two_servers(self):
        self.live_through_deaths()


class XmppThenHttp(Failover):
    """Servers of two kinds: the next kind takes over, and gives back."""
    options = {**TwoServers.options, "trace": False, "carrier": "xmpp", "spare_carrier": "http"}

    def servers(self):
        return self.cloud.servers

    def test_operations_survive_the_death_of_each_kind_of_server(self):
        self.live_through_deaths()


class HttpThenXmpp(XmppThenHttp):
    options = {**XmppThenHttp.options, "carrier": "http", "spare_carrier": "xmpp"}


class TwoNodes(Failover):
    options = {**TwoServers.options, "spare": "node"}

    def servers(self):
        return self.cloud.server_1.nodes

    def test_operations_survive_the_death_of_each_node_of_a_cluster(self):
        self.live_through_deaths()


if __name__ == "__main__":
    unittest.main(verbosity=2)
