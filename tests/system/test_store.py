#!/usr/bin/env python3
"""A daemon on a store that went bad: it starts on a whole one, or ends with words that say what to
do. It neither crashes nor begins anew."""
import glob
import os
import random
import sqlite3
import subprocess
import unittest

import old_store
from cloud_case import CloudCase, wait_until

REMEDIES = ("restore", "move it away", "another folder", "a folder of its own", "start the newer",
            "check the disk")
DEPOSED = 4


class Store(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")
        answer = cls.cloud.rest("POST", "/v1/vms?wait=60", {"name": "kept", "shape": "nano",
                                                            "image": "empty"}, token=cls.token)
        assert answer.json()["code"] == "ok", answer.out

    def stop(self, daemon):
        """Its store as it was; put back and started again in the end."""
        daemon.stop()
        with open(f"{daemon.state}/store.sqlite", "rb") as file:
            good = file.read()
        self.addCleanup(daemon.start)
        self.addCleanup(self.restore, daemon, good)
        return good

    def restore(self, daemon, good):
        """As from a backup: those below have heard a higher term from what ran meanwhile."""
        self.put(daemon, good)
        if daemon.kind != "agent":
            subprocess.run([daemon.program, "--config", daemon.config, "--raise-term"], check=True,
                           timeout=60, stdout=subprocess.DEVNULL)

    def put(self, daemon, content, log=None):
        for path in glob.glob(f"{daemon.state}/store.sqlite*"):
            os.unlink(path)
        for suffix, part in (("", content), ("-wal", log)):
            if part is not None:
                with open(f"{daemon.state}/store.sqlite{suffix}", "wb") as file:
                    file.write(part)

    def attempt(self, daemon, about):
        """Starts it: does it run? It is killed then."""
        daemon.process = None
        daemon.launch()
        wait_until(lambda: daemon.pid() is None or " event=ready " in daemon.log(),
                   f"{daemon.name} is ready or has ended: {about}")
        if " event=ready " in daemon.log():
            if not daemon.pid():  # those below have heard a higher term from what ran before it
                self.assertEqual(daemon.process.returncode, DEPOSED, about)
            daemon.kill()
            return True
        last = daemon.log().strip().splitlines()[-1]
        self.assertEqual(daemon.process.returncode, 1, f"{about}: {last}")
        self.assertIn("store.sqlite", last, about)
        self.assertTrue(any(remedy in last for remedy in REMEDIES), f"{about}: {last}")
        return False

    def test_bits_flip(self):
        chance = random.Random(4)
        for daemon in self.cloud.daemons():
            good, ran = self.stop(daemon), 0
            for number in range(40):
                bad = bytearray(good)
                for _ in range(chance.choice((1, 1, 3, 20, 200))):
                    bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
                self.put(daemon, bad)
                ran += self.attempt(daemon, f"{daemon.name}, flip {number}")
            self.assertLess(ran, 30, "most flips are in what is kept")
            self.doCleanups()

    def test_cut_or_emptied(self):
        for daemon in self.cloud.daemons():
            good = self.stop(daemon)
            for length in (0, 1, 50, 100, 511, 512, 4096, len(good) // 2, len(good) - 4096):
                self.put(daemon, good[:length])
                self.assertFalse(self.attempt(daemon, f"{daemon.name}, cut to {length}"),
                                 (daemon.name, length, len(good)))
                self.assertEqual(os.path.getsize(f"{daemon.state}/store.sqlite"), length)
            self.put(daemon, None, log=b"what was committed")
            self.assertFalse(self.attempt(daemon, f"{daemon.name}, only the log is left"))
            self.doCleanups()

    def test_rows_changed_by_another_hand(self):
        changes = ("UPDATE record SET body = '{\"x\":[1,2'",
                   "UPDATE record SET body = replace(body, ':1', ':9')",
                   "UPDATE record SET key = key || 'x' WHERE kind = 'vm'",
                   "UPDATE record SET kind = 'vn' WHERE kind = 'vm'",
                   "PRAGMA user_version = 999", "PRAGMA user_version = 0",
                   "DROP TABLE record", "DROP TABLE meta", "DELETE FROM meta")
        for daemon in self.cloud.daemons():
            good = self.stop(daemon)
            for change in changes:
                self.put(daemon, good)
                with sqlite3.connect(f"{daemon.state}/store.sqlite") as store:
                    store.execute(change)
                store.close()
                self.assertFalse(self.attempt(daemon, f"{daemon.name}, {change}"))
            self.doCleanups()

    def test_a_store_of_the_first_schema_is_taken_over(self):
        for daemon in self.cloud.daemons():
            daemon.stop()
            before = old_store.rows(daemon)
            old_store.write_as_first(daemon)
            self.assertEqual(old_store.rows(daemon), before)
            daemon.start()
            daemon.stop()
            kinds = [kind for kind, _ in before]
            self.assertEqual([kind for kind, _ in old_store.rows(daemon)], kinds)
            daemon.start()
        self.assertEqual([vm["name"] for vm in self.vms()], ["kept"])


if __name__ == "__main__":
    unittest.main()
