"""What watchers of lists cost the upstream manager, and whether each hears all that is its own."""
import http.client
import json
import re
import statistics
import time

from world import World, cpu_seconds, read, resident_kib, wait_until
from crowd import Watchers

OF_ASKER = 16  # limit_watchers_of_asker


def titles(watchers, numbers):
    """What each heard, in its order: (tenant's number, titles)."""
    return [(numbers[stream.token],
             [int(title) for title in re.findall(rb'"title":"t(\d+)"', stream.body())])
            for stream in watchers.streams]


class Crowd:
    """Tenants with a VM each, whose title is what changes."""

    def __init__(self, world, count):
        self.world = world
        self.pid = world.cloud.upstream.pid()
        self.port = int(world.server().rpartition(":")[2])
        self.tokens, self.vms = [], []
        for number in range(count):
            token = read(world.cloud.tenant(f"w{number}")).strip()
            made = world.cloud.rest("POST", "/v1/vms?wait=120", {
                "name": "web", "shape": "nano", "image": "empty"}, token=token)
            if made.status != 200:
                raise RuntimeError(f"make a VM: {made.out}")
            self.tokens.append(token)
            self.vms.append(made.json()["vm"])
        self.changed = 0
        self.newest = [0] * count  # each VM's title

    def change(self, seconds, rate):
        """Titles change at this rate, one VM after the other: changes each second, and the CPU of
        the upstream manager for one of them, in us."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        before, begin, count = cpu_seconds(self.pid), time.monotonic(), int(seconds * rate)
        for done in range(count):
            time.sleep(max(0, begin + done / rate - time.monotonic()))
            number = self.changed % len(self.vms)
            self.changed += 1
            connection.request("PUT", f"/v1/vms/{self.vms[number]}/title",
                               json.dumps({"title": f"t{self.changed}"}),
                               {"Authorization": f"Bearer {self.tokens[number]}",
                                "Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status not in (200, 202):
                raise RuntimeError(f"change a title: {text.decode()}")
            self.newest[number] = self.changed
        took = time.monotonic() - begin
        time.sleep(1)  # what is gathered goes out
        connection.close()
        return count / took, (cpu_seconds(self.pid) - before) * 1e6 / count


def check(crowd, watchers, first):
    """Each heard its own alone, in order, and its newest; how much was heard by all."""
    numbers = {token: number for number, token in enumerate(crowd.tokens)}
    wait_until(lambda: all(heard and heard[-1] == crowd.newest[number]
                           for number, heard in titles(watchers, numbers)),
               "each has its newest")
    if watchers.ended():
        raise RuntimeError(f"{watchers.ended()} streams have ended")
    events = 0
    for number, heard in titles(watchers, numbers):
        new = [title for title in heard if title >= first]
        others = [title for title in new if (title - 1) % len(crowd.vms) != number]
        if new != sorted(new) or others:
            raise RuntimeError(f"watcher of tenant {number}: {new}, not of its own {others}")
        events += len(new)
    return events


def measure_watch(report, sizes):
    """watchers of lists while VMs change: memory and CPU of each, and that none misses its own"""
    count, seconds, rate = sizes["watchers"] // OF_ASKER, sizes["watched_seconds"], 100
    with World() as world:
        crowd = Crowd(world, count)
        watchers = Watchers(crowd.port)
        crowd.change(seconds / 4, rate)  # connections and caches have their size
        alone = [crowd.change(seconds / 2, rate)]
        kib = resident_kib(crowd.pid)
        for number in range(count * OF_ASKER):
            watchers.open("/v1/vms?watch=true", crowd.tokens[number % count])
        more_kib = resident_kib(crowd.pid) - kib
        watchers.start()
        try:
            idle = cpu_seconds(crowd.pid)
            time.sleep(seconds / 2)
            idle = (cpu_seconds(crowd.pid) - idle) / (seconds / 2)
            first = crowd.changed + 1
            reached, watched_us = crowd.change(seconds, rate)
            events = check(crowd, watchers, first)
        finally:
            watchers.close()
        alone.append(crowd.change(seconds / 2, rate))
        changes = int(seconds * rate)
        alone_us = statistics.mean(us for _, us in alone)
        report.heading(f"{count * OF_ASKER} watchers, {OF_ASKER} of each tenant's one VM; "
                       f"{rate} changes/s are asked for")
        report.add("upstream, resident, per watcher", "KiB", more_kib / (count * OF_ASKER))
        report.add("upstream, CPU while nothing changes", "of a core", idle)
        report.add("changes: rate that was reached", "1/s", reached)
        report.add("upstream, CPU per change, nobody watches", "us", alone_us)
        report.add("upstream, CPU per change, all watch", "us", watched_us, limit=alone_us,
                   limit_name="nobody watches")
        report.add("upstream, CPU per event and watcher", "us",
                   (watched_us - alone_us) * changes / events)
        report.add("events that each change brought, of those due", "", events /
                   (changes * OF_ASKER))
