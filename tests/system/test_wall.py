#!/usr/bin/env python3
"""The wall: nothing of the inside of a cluster is found in the cloud."""
import os
import unittest

from cloud_case import CloudCase, read
from seal import FRAME, traffic

AGENTS = ["zebra-quartz-1", "okapi-basalt-2"]


def memory(pid):
    """All that the process has in its writable memory."""
    dump = bytearray()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for line in read(f"/proc/{pid}/maps").splitlines():
            addresses, rights = line.split()[:2]
            if rights.startswith("rw"):
                start, end = (int(part, 16) for part in addresses.split("-"))
                if end - start > 2 ** 28:
                    continue  # a sanitizer's books on the memory, terabytes, not the memory
                try:
                    file.seek(start)
                    dump += file.read(end - start)
                except OSError:
                    continue
    return bytes(dump)


def files(folder):
    """The contents of a daemon's store, whatever files it consists of."""
    return b"".join(open_bytes(f"{folder}/{name}") for name in sorted(os.listdir(folder))
                    if name.startswith("store"))


def open_bytes(path):
    with open(path, "rb") as file:
        return file.read()


class Wall(CloudCase):
    clusters = {"north": AGENTS}
    gates = tuple(AGENTS)
    options = {"driver": "qemu"}

    def inside_words(self):
        """What the cloud must never learn: names, accounts, addresses, folders, processes."""
        words = [word for agent in AGENTS for word in (agent, f"agents/{agent}")]
        words += ["zebra", "okapi", "qemu:///", "embed?root", self.cloud.server_2.domain,
                  "north-manager", f":{self.cloud.ports['north']}/",
                  *(f":{gate.port}/" for gate in self.gate.values())]
        return [word.encode() for word in words]

    def found(self, haystack):
        return sorted(word.decode() for word in self.inside_words() if word in haystack)

    def test_the_inside_of_a_cluster_does_not_show(self):
        image = self.import_image("empty")
        broken = self.import_image("other")
        self.assertEqual(self.create("web", image, wait=60)["code"], "ok")
        for gate in self.gate.values():
            gate.set("spoil")  # faults have words, and these must stay below, too
        failed = self.create("ill", broken, wait=60)
        self.assertEqual((failed["state"], failed["code"]), ("failed", "image-broken"), failed)
        for agent in self.cloud.agents.values():
            agent.kill()
            agent.start()
        self.cloud.await_capacity()
        self.assertEqual(self.act("web", "stop")["code"], "ok")

        upstream, downstream = self.cloud.upstream, self.cloud.downstreams["north"]
        self.assertEqual(self.found(files(upstream.state)), [])
        self.assertEqual(self.found(memory(upstream.pid())), [])
        self.assertEqual(self.found(open_bytes(upstream.log_file)), [])
        carried = open_bytes(self.cloud.server_1.traffic_file)
        self.assertEqual(self.found(carried), [])
        # … nor in what the server cannot read: all its frames, opened by the keys of their ends.
        uplink = traffic(self.cloud, self.cloud.server_1)
        self.assertEqual(FRAME.findall(uplink), [])
        self.assertEqual(self.found(uplink.encode()), [])

        # The search can fail: it finds what is meant to be on this side of the wall.
        self.assertIn(b"north", files(upstream.state))
        self.assertIn(b"web", memory(upstream.pid()))
        self.assertIn(b"urn:isthmus:frame:1", carried)
        for word in ('{"instruct":', '"name":"web"', '"code":"image-broken"', '{"capacity":'):
            self.assertIn(word, uplink)
            self.assertNotIn(word.encode(), carried)
        # … and the same words on the other side.
        self.assertTrue(set(AGENTS) & set(self.found(files(downstream.state))))
        self.assertLessEqual(set(AGENTS), set(self.found(memory(downstream.pid()))))
        self.assertLessEqual(set(AGENTS),
                             set(self.found(open_bytes(self.cloud.server_2.traffic_file))))


if __name__ == "__main__":
    unittest.main(verbosity=2)
