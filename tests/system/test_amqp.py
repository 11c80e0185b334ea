#!/usr/bin/env python3
"""AMQP: what every kind of carrier promises, held against a RabbitMQ; and its own: a broker that
takes nothing in, an account that may too little; the main job, and failover to it from XMPP."""
import unittest

import test_carrier
import test_failover
from carrier_amqp import Amqp
from carrier_case import CarrierCase, Probe
from cloud_case import CloudCase
from test_main_job import live_through


class Promises(test_carrier.Carrier):
    """What every kind promises."""
    kind = Amqp


class Broker(CarrierCase):
    kind = Amqp

    def test_a_broker_that_takes_nothing_in_holds_up_nobody_and_is_left(self):
        alice = self.probe("alice", "bob", ping=20)  # so long that a busy broker is no dead one
        bob = self.probe("bob", "alice", ping=20)
        alice.wait(f"peer {bob.address} up")
        self.server.control("set_vm_memory_high_watermark", "absolute", "1000000")
        try:
            line = ""
            while not line.startswith("log error disconnected"):
                alice.tell(f"send {bob.address} {'x' * 60000}")
                line = alice.wait(("sent", "dropped", "log error disconnected"))
            self.assertIn("takes nothing more", line)
            alice.wait("link down")
        finally:
            self.server.control("set_vm_memory_high_watermark", "0.6")
        alice.wait("link up", 180)  # after a pause, where the broker has not seen the old one end
        alice.send(bob.address, "again")
        while not bob.wait("frame").endswith(" again"):
            pass

    def test_an_account_that_may_not_have_its_queue_is_named(self):
        self.server.control("set_permissions", "stranger", "^$", "^$", "^$")
        probe = self.probe("stranger")
        line = probe.wait("log error disconnected")
        self.assertIn("does not let the account do", line)
        self.assertIn("stranger@one.test", line)

    def test_a_virtual_host_that_is_not_there_is_named(self):
        probe = Probe("amqp", self.server.address("alice"), "secret of alice",
                      f"{self.server.url}/nowhere", self.server.ca_file)
        self.addCleanup(probe.close)
        self.assertIn("nowhere", probe.wait("log error disconnected"))


class OverAmqp(CloudCase):
    """A RabbitMQ in place of the application servers: configuration alone decides."""
    options = {"driver": "test", "carrier": "amqp", "one_server": True}

    def test_a_vm_lives_over_amqp(self):
        live_through(self)


class XmppThenAmqp(test_failover.XmppThenHttp):
    options = {**test_failover.XmppThenHttp.options, "spare_carrier": "amqp"}


if __name__ == "__main__":
    unittest.main(verbosity=2)
