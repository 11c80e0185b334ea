#!/usr/bin/env python3
"""Application servers that went over to the enemy: each attack changes nothing, and nothing is
learned but sizes and times. The seal's own rules are in tests/unit/test_seal.c."""
import json
import random
import re
import unittest

from cloud_case import CloudCase, read, wait_until
from hostile import Frame, Hostile
import seal

SECRETS = ["quiet-otter", "define", "instruct", "capacity", "vm-01", "op-01", "cloud-config"]


def flip(text, rng):
    at = rng.randrange(len(text))
    return text[:at] + rng.choice("ABCDefgh0123-_".replace(text[at], "")) + text[at + 1:]


class HostileServers(CloudCase):
    clusters = {"north": ["host-1"], "south": ["host-2"]}
    is_binary = False  # the carrier
    options = {"driver": "test", "trace": "hostile",
               "timing": {"beat_seconds": 1, "hold_down_seconds": 2}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")
        cls.servers = [Hostile(server) for server in cls.cloud.servers]
        cls.up, cls.down = cls.servers
        cls.manager = cls.cloud.server_1.jid("upstream", "manager")
        cls.north = cls.cloud.server_1.jid("north", "cluster")
        cls.south = cls.cloud.server_1.jid("south", "cluster")
        cls.site = cls.cloud.server_2.jid("north-manager", "downstream")
        cls.host = cls.cloud.server_2.jid("host-1", "agent")
        cls.ends = list(seal.ends_of(cls.cloud))
        cls.rng = random.Random(1)

    def setUp(self):
        for name in ("north", "south"):
            answer = self.ask("POST", "/v1/vms?wait=60", {
                "name": f"quiet-otter-{name}", "shape": "nano", "image": "empty", "start": True,
                "cluster": name, "user_data": "#cloud-config"})
            self.assertEqual(answer.json()["code"], "ok", answer.out)
        self.addCleanup(self.delete_all)
        self.assert_it_works()

    # what an attack must not change

    def books(self):
        """Each VM with its state and the number of its operations."""
        operations = self.get("/v1/operations?limit=500")["items"]
        return {vm["name"]: (vm["state"], vm["cluster"],
                             sum(op["vm"] == vm["id"] for op in operations))
                for vm in self.vms()}

    def opened(self, frame):
        """Of a frame that was sealed by one of the daemons, else None."""
        texts = (end.open_any(seal.sealed_in(frame.text)) for end in self.ends)
        return next((json.loads(seal.in_words(text)) for text in texts if text is not None), None)

    def session(self, server, sender, receiver, since=0):
        """The sender's session number in its newest frame."""
        numbers = [self.opened(frame)["from"] for frame in server.frames(since)[0]
                   if (frame.sender, frame.receiver) == (sender, receiver)]
        return numbers[-1] if numbers else None

    def sessions(self):
        """The newest number of each end of each link of north, as told from now on."""
        links = [(self.up, self.manager, self.north), (self.up, self.north, self.manager),
                 (self.down, self.site, self.host), (self.down, self.host, self.site)]
        marks = {server: server.mark() for server in self.servers}
        found = []
        for server, sender, receiver in links:
            found.append(wait_until(
                lambda s=server, a=sender, b=receiver: self.session(s, a, b, marks[s]),
                f"a frame from {sender} to {receiver}"))
        return found

    def refused(self):
        """Frames that the daemons dropped because their seal was not right."""
        logs = "".join(daemon.log() for daemon in self.cloud.daemons())
        return sum(int(count) for count in
                   re.findall(r"event=unsealed-frame .*dropped=(\d+)", logs))

    def assert_it_works(self):
        for name in ("north", "south"):
            vm = f"quiet-otter-{name}"
            for verb in ("stop", "start"):
                self.assertEqual(self.act(vm, verb)["code"], "ok")

    def assert_nothing_changed(self, books, sessions=None):
        self.assertEqual(self.books(), books)
        if sessions:
            self.assertEqual(self.sessions(), sessions)
        self.assertEqual({cluster["state"] for cluster in self.get("/v1/clusters")["items"]},
                         {"up"})
        self.assert_it_works()

    def deliver_and_settle(self, server, frames, dropped):
        """Delivers what must be dropped, and waits until it has been."""
        before = self.refused()
        server.deliver(*frames)
        if dropped:
            wait_until(lambda: self.refused() > before, "the daemons tell of dropped frames")
        self.sessions()  # beats were exchanged after it

    def commands(self):
        """What an enemy would like each end to believe: in the newest sessions, in sequence."""
        numbers = self.sessions()
        vm = next(vm for vm in self.vms() if vm["cluster"] == "north")
        operation = self.get("/v1/operations")["items"][0]["id"]
        stop = {"instruct": {"op": operation[:-1] + "0", "vm": vm["id"], "epoch": 1,
                             "generation": 99, "verb": "delete", "within_ms": 60000}}
        gone = {"result": {"op": operation, "vm": vm["id"], "generation": 99, "code": "ok",
                           "state": "deleted"}}

        def frame(from_number, to_number, message):
            return json.dumps({"from": from_number, "to": to_number, "sequence": 1000,
                               "messages": [message]})
        return [Frame(self.manager, self.north, frame(numbers[0], numbers[1], stop)),
                Frame(self.north, self.manager, frame(numbers[1], numbers[0], gone))]

    # attacks

    def test_a_frame_forged_in_the_clear_changes_nothing(self):
        books, sessions = self.books(), self.sessions()
        self.deliver_and_settle(self.up, self.commands(), dropped=True)
        self.assert_nothing_changed(books, sessions)

    def test_a_frame_sealed_by_another_key_than_the_pinned_one_changes_nothing(self):
        books, sessions = self.books(), self.sessions()
        key = bytes(range(32))  # the enemy knows every public key
        as_manager = seal.End(key, "manager", self.cloud.public_key(
            self.cloud.downstreams["north"], "uplink"))
        as_cluster = seal.End(key, "agent", self.cloud.public_key(self.cloud.upstream, "downlink"))
        to_cluster, to_manager = self.commands()
        self.deliver_and_settle(self.up, [
            to_cluster._replace(text=as_manager.seal(to_cluster.text.encode())),
            to_manager._replace(text=as_cluster.seal(to_manager.text.encode()))], dropped=True)
        self.assert_nothing_changed(books, sessions)

    def test_a_frame_of_a_session_that_was_recorded_changes_nothing_when_it_is_repeated(self):
        books, sessions = self.books(), self.sessions()
        for server in self.servers:
            recorded = [frame for frame in server.frames()[0]
                        if "hello" not in str(self.opened(frame))]
            self.assertGreater(len(recorded), 20)
            self.assertTrue([frame for frame in recorded
                             if "instruct" in str(self.opened(frame))])
            for _ in range(3):
                self.deliver_and_settle(server, recorded, dropped=False)
        self.assert_nothing_changed(books, sessions)

    def test_the_opening_of_an_old_session_changes_nothing_but_its_number(self):
        books = self.books()
        for server in self.servers:
            old = [frame for frame in server.frames()[0] if "hello" in str(self.opened(frame))]
            self.assertTrue(old)
            server.deliver(*old)
        wait_until(lambda: {cluster["state"] for cluster in self.get("/v1/clusters")["items"]} ==
                   {"up"}, "the clusters are up")
        self.assert_nothing_changed(books)

    def test_a_frame_of_one_link_changes_nothing_on_another(self):
        books, sessions = self.books(), self.sessions()
        spliced = []
        for frame in self.up.frames()[0]:
            if frame.receiver == self.north:
                spliced.append(frame._replace(receiver=self.south))
            if frame.sender == self.south:
                spliced.append(frame._replace(sender=self.north))
        self.deliver_and_settle(self.up, spliced, dropped=True)
        down = [Frame(self.site, self.host, frame.text) for frame in self.up.frames()[0]]
        self.deliver_and_settle(self.down, down, dropped=True)
        self.assert_nothing_changed(books, sessions)

    def test_a_frame_that_is_thrown_back_at_its_sender_changes_nothing(self):
        books, sessions = self.books(), self.sessions()
        for server in self.servers:
            back = [Frame(frame.receiver, frame.sender, frame.text)
                    for frame in server.frames()[0]]
            self.deliver_and_settle(server, back, dropped=True)
        self.assert_nothing_changed(books, sessions)

    def under_attack(self, twist):
        """Operations while both servers twist what passes, and their true ends after it."""
        books = self.books()
        asked = []
        attacks = [server.attack(twist) for server in self.servers]
        with attacks[0], attacks[1]:
            for verb in ("stop", "start"):
                answer = self.ask("POST", f"/v1/vms/quiet-otter-north/{verb}?wait=3")
                asked.append(answer.json())
                if answer.status == 202 and answer.json()["state"] == "running":
                    break
        self.assertGreater(min(attack.taken for attack in attacks), 0)
        for operation in asked:
            if "op" in operation["id"]:
                self.await_end(operation)
        wait_until(lambda: {cluster["state"] for cluster in self.get("/v1/clusters")["items"]} ==
                   {"up"}, "the clusters are up")
        if len(asked) == 1:
            self.assertEqual(self.act("quiet-otter-north", "start")["code"], "ok")
        after = self.books()
        self.assertEqual({name: vm[:2] for name, vm in after.items()},
                         {name: vm[:2] for name, vm in books.items()})
        self.assertEqual(after["quiet-otter-north"][2], books["quiet-otter-north"][2] + 2)
        self.assert_it_works()

    def test_a_flipped_bit_is_a_lost_frame(self):
        before = self.refused()
        self.under_attack(lambda frame: [frame._replace(text=flip(frame.text, self.rng))])
        self.assertGreater(self.refused(), before)

    def test_a_truncated_frame_is_a_lost_frame(self):
        before = self.refused()
        self.under_attack(lambda frame: [
            frame._replace(text=frame.text[:self.rng.randrange(1, len(frame.text))])])
        self.assertGreater(self.refused(), before)

    def test_dropped_frames_delay_and_change_nothing(self):
        self.under_attack(lambda frame: [] if self.rng.random() < 0.4 else [frame])

    def test_reordered_and_doubled_frames_change_nothing(self):
        held = []

        def twist(frame):
            held.append(frame)
            if len(held) < 3:
                return []
            frames = held[:] + [held[0]]
            held.clear()
            self.rng.shuffle(frames)
            return frames
        self.under_attack(twist)

    def test_false_presence_and_false_errors_change_nothing(self):
        books, before = self.books(), self.sessions()
        for sender, receiver in ((self.manager, self.north), (self.north, self.manager)):
            self.up.order([
                f"<presence type='unavailable' from='{sender}' to='{receiver}'/>",
                f"<message type='error' from='{sender}' to='{receiver}'><error type='cancel'>"
                "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
                "</message>"])
        wait_until(lambda: not set(self.sessions()[:2]) & set(before[:2]), "another session")
        wait_until(lambda: {cluster["state"] for cluster in self.get("/v1/clusters")["items"]} ==
                   {"up"}, "the clusters are up")
        self.assert_nothing_changed(books)

    def test_nothing_is_learned_but_sizes_and_times(self):
        seen = "\n".join(line for server in self.cloud.servers
                         for line in read(server.traffic_file).splitlines()
                         if line.startswith("in "))  # not what other tests forged
        everything = "".join(seal.traffic(self.cloud, server) for server in self.cloud.servers)
        words = SECRETS + [vm["id"] for vm in self.vms()]
        for word in words:
            self.assertTrue(word in everything, f"{word} is not even in what was sealed")
            self.assertFalse(word in seen, f"{word} is in the clear")
        sealed = [frame for server in self.servers for frame in server.frames()[0]]
        self.assertGreater(len(sealed), 50)
        self.assertEqual(len({frame.text for frame in sealed}), len(sealed))
        for frame in sealed:
            self.assertRegex(frame.text, r"^~?[A-Za-z0-9_-]{54,}$")
        as_bytes = [frame for frame in sealed if frame.text.startswith("~")]
        self.assertEqual(len(as_bytes) > len(sealed) / 2, self.is_binary)

    def test_what_is_forged_or_repeated_of_a_change_of_keys_changes_nothing(self):
        north, host = self.cloud.downstreams["north"], self.cloud.agents["host-1"]
        books, marks = self.books(), {server: server.mark() for server in self.servers}
        numbers = self.sessions()
        enemy = seal.End(bytes(range(32)), "agent", self.cloud.public_key(north, "downlink"))
        links = [(self.up, self.manager, self.north), (self.up, self.north, self.manager),
                 (self.down, self.site, self.host), (self.down, self.host, self.site)]
        forged = {server: [] for server in self.servers}
        for at, (server, sender, receiver) in enumerate(links):
            text = json.dumps({"from": numbers[at], "to": numbers[at ^ 1], "sequence": 1000,
                               "received": 1, "messages": [{"rekey": {"key": "A" * 43}}]})
            forged[server] += [Frame(sender, receiver, text),
                               Frame(sender, receiver, enemy.seal(text.encode()))]
        for server, frames in forged.items():
            self.deliver_and_settle(server, frames, dropped=True)
        keys = [(north, "uplink", self.cloud.rotate(north, "uplink")),
                (host, "uplink", self.cloud.rotate(host, "uplink"))]
        wait_until(lambda: all(self.cloud.key_shown(daemon, use) == key
                               for daemon, use, key in keys), "both keys are changed")
        type(self).ends = self.ends + list(seal.ends_of(self.cloud))
        for server, mark in marks.items():  # all that was said of the change, and around it
            self.deliver_and_settle(server, server.frames(mark)[0], dropped=True)
        self.assert_nothing_changed(books)
        self.assertEqual([self.cloud.key_shown(daemon, use) for daemon, use, _ in keys],
                         [key for _, _, key in keys])


if __name__ == "__main__":
    unittest.main(verbosity=2)
