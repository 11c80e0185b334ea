#!/usr/bin/env python3
"""A relay that went over to the enemy (tools/relay_double.py, a second one by docs/protocol.md),
and what goes through it: the wall, crashes and hostile servers, as with XMPP."""
import tempfile
import unittest

from cloud_case import not_sanitized
from cloud_parts import write
import relay_double
import test_crash
import test_hostile
import test_wall

DOUBLE = {"carrier": "http-double"}
BY_AMQP = {"carrier": "amqp-double"}  # tools/broker_double.py
BY_ZEROMQ = {"carrier": "zeromq-double"}

IN_PYTHON = not_sanitized("as with HTTP, which is; the kinds' own tests are under them")


class Wall(test_wall.Wall):
    options = {**test_wall.Wall.options, **DOUBLE}


class Hostile(test_hostile.HostileServers):
    is_binary = True
    options = {**test_hostile.HostileServers.options, **DOUBLE}


@IN_PYTHON
class HostileByAmqp(test_hostile.HostileServers):
    is_binary = True
    options = {**test_hostile.HostileServers.options, **BY_AMQP}


class Crash(test_crash.Crash):
    options = {**test_crash.Crash.options, **DOUBLE}


@IN_PYTHON
class WallByZeromq(test_wall.Wall):
    options = {**test_wall.Wall.options, **BY_ZEROMQ}


@IN_PYTHON
class HostileByZeromq(test_hostile.HostileServers):
    is_binary = True
    options = {**test_hostile.HostileServers.options, **BY_ZEROMQ}


@IN_PYTHON
class CrashByZeromq(test_crash.Crash):
    options = {**test_crash.Crash.options, **BY_ZEROMQ}


@IN_PYTHON
class WallByAmqp(test_wall.Wall):
    options = {**test_wall.Wall.options, **BY_AMQP}


@IN_PYTHON
class CrashByAmqp(test_crash.Crash):
    options = {**test_crash.Crash.options, **BY_AMQP}


class Orders(unittest.TestCase):
    def test_orders_that_are_written_piece_by_piece_are_carried_out_once_and_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            write(f"{folder}/relay.conf", "[relay]\ndomain = east.test\n")
            relay = relay_double.Relay(f"{folder}/relay.conf", folder)
            self.addCleanup(relay.trace.close)
            obeyed, done = [], relay.look_at_orders(0)
            relay.carry_out = obeyed.append
            with open(f"{folder}/orders", "w", buffering=1) as orders:
                for piece in ("", "<one/>\n<tw", "o/>\n", "<three/>\n"):
                    orders.write(piece)
                    orders.flush()
                    done = relay.look_at_orders(done)
        self.assertEqual(obeyed, ["<one/>", "<two/>", "<three/>"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
