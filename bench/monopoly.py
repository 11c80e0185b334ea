"""What an upstream manager that asks for everything leaves another one on the same cluster."""
import json
import os
import subprocess
import time

from frame import middle
from world import BUILD, World, generate, wait_until

FULL = {"rounds": 3, "cpus": 8000, "kept": 900, "outstanding": 256, "quiet": {8: 300, 1: 60}}
SHORT = {"rounds": 1, "cpus": 150, "kept": 100, "outstanding": 64, "quiet": {8: 20, 1: 10}}
TENFOLD = 10
NICE = 15


class Rivals(World):
    """Two upstream managers with equal weights above one cluster of two hosts. Room is kept for the
    modest one; the greedy one asks for all there is, ten times over, as fast as it can."""

    def __init__(self, sizes, member):
        self.sizes, self.flood = sizes, None
        super().__init__(
            upstreams=["modest", "greedy"], host={"cpus": sizes["cpus"], "memory_mib": 16000000,
                                                  "disk_gib": 1000000},
            shapes={"nano": (1, 64, 1)}, shares={"modest": {"keep_cpus": sizes["kept"]}},
            member=member)

    def __enter__(self):
        super().__enter__()
        self.rival = self.cloud.tenant("acme", "greedy")
        wait_until(lambda: self.has_room("greedy"), "the cluster tells the greedy one its room")
        self.cloud.cli("image", "import", "empty", f"{self.folder.name}/empty.tar.zst",
                       upstream="greedy")
        generate("bench-load", self.place_of("greedy"), self.rival, 1, "create", "first", 1,
                 "nano", "empty")
        return self

    def __exit__(self, *_):
        if self.flood:
            self.flood.kill()
            self.flood.communicate()
        super().__exit__()

    def place_of(self, upstream):
        return self.cloud.environment(upstream=upstream)["ISTHMUS_SERVER"]

    def used(self, upstream):
        told = self.cloud.owner("north", "upstream", "show", upstream, "-o", "json")
        return json.loads(told.out)["used"]["vms"]

    def step_back(self, pid):
        """What is the greedy one's own stands for machines of its own: it takes the processors that
        are left here. What both share, and what is the modest one's, goes first. Each is a session
        of its own, and where the kernel groups by sessions (sched(7), autogroup), a thread's own
        nice value counts within its group alone."""
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), NICE)
        if os.path.exists(f"/proc/{pid}/autogroup"):
            with open(f"/proc/{pid}/autogroup", "w") as group:
                group.write(str(NICE))

    def begin_flood(self):
        asked = TENFOLD * 2 * self.sizes["cpus"]
        self.step_back(self.cloud.upstreams["greedy"].pid())
        self.step_back(self.cloud.inside["greedy"].running_pid())
        self.flood = subprocess.Popen(
            [f"{BUILD}/bench/bench-load", self.place_of("greedy"), self.rival,
             str(self.sizes["outstanding"]), "flood", "all", str(asked), "nano", "empty"],
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.step_back(self.flood.pid)
        least = self.used("greedy") + self.sizes["outstanding"] // 2
        wait_until(lambda: self.used("greedy") >= least, "the flood is under way")

    def end_flood(self):
        told = self.flood.communicate()[0]
        if self.flood.returncode != 0:
            raise RuntimeError("the flood did not come to its end")
        self.flood = None
        return json.loads(told)


def one_round(sizes, member):
    """Quiet, and beside the flood: the modest one's provisions. Then what both have in the end."""
    with Rivals(sizes, member) as world:
        time.sleep(1)  # what the greedy one has just begun holds nobody any more
        result = {"quiet": {outstanding: world.provision(count, outstanding)
                            for outstanding, count in sizes["quiet"].items()}}
        world.begin_flood()
        result["beside"], greedy = {}, world.used("greedy")
        for outstanding, count in sizes["quiet"].items():
            result["beside"][outstanding] = world.provision(count, outstanding)
        result["taken meanwhile"] = world.used("greedy") - greedy
        result["full"] = world.used("greedy") >= 2 * sizes["cpus"] - sizes["kept"]
        result["flood"] = world.end_flood()
        result["greedy"] = world.used("greedy")
        left = sizes["kept"] - world.used("modest")
        if left > 0:  # each has to succeed
            world.provision(left, 8)
        result["modest"] = world.used("modest")
    return result


def report_rounds(report, sizes, rounds):
    def taken(when, outstanding, key):
        return middle([one[when][outstanding] for one in rounds], key)

    report.heading("two upstream managers on one cluster; the other one asks for all there is, "
                   f"{TENFOLD} times over, {sizes['outstanding']} at a time")
    for outstanding in sizes["quiet"]:
        label = f"{outstanding} outstanding"
        report.add(f"provision, {label}, quiet: time", "us", taken("quiet", outstanding, "p50_us"),
                   p99=taken("quiet", outstanding, "p99_us"))
        report.add(f"provision, {label}, beside it: time", "us",
                   taken("beside", outstanding, "p50_us"),
                   p99=taken("beside", outstanding, "p99_us"), most=2.0,
                   limit=taken("quiet", outstanding, "p50_us"), limit_name="quiet")
        report.add(f"provision, {label}, beside it: rate", "1/s",
                   taken("beside", outstanding, "rate"),
                   limit=taken("quiet", outstanding, "rate"), limit_name="quiet", least=0.5)
    report.add("the other's provisions meanwhile", "", middle(rounds, "taken meanwhile"))
    report.add("the other's rate until all is taken", "1/s",
               middle([one["flood"] for one in rounds], "rate"))
    report.add("VMs of the one for whom room is kept", "", middle(rounds, "modest"),
               limit=sizes["kept"], limit_name="kept", least=1.0)
    report.add("VMs of the other", "", middle(rounds, "greedy"),
               limit=2 * sizes["cpus"] - sizes["kept"], limit_name="the rest", most=1.0)


def measure_monopoly(report, sizes):
    """an upstream manager that asks for everything, beside another one"""
    sizes = SHORT if sizes["rounds"] == 1 else FULL
    rounds = [one_round(sizes, {}) for _ in range(sizes["rounds"])]
    report_rounds(report, sizes, rounds)
    if any(one["full"] for one in rounds):
        print("all was taken before the measurement beside the flood had ended", flush=True)
