"""The measurements of bench/run. Each takes a Report and the sizes of the mode (see SIZES)."""
import os
import tempfile

from frame import middle
from world import World, generate, read

# What law 8 needs one after the other for one provision: upstream accepts; downstream has it
# placed; the agent accepts; the agent, downstream and upstream have its end.
COMMITS_IN_SERIES = 6

FULL = {"rounds": 3, "one": 150, "many": 3000, "raw_many": 6000, "commits": 300, "domains": 300,
        "provisions": {1: 150, 8: 600, 64: 2000, 512: 4000}, "traced": 500,
        "vms": 25000, "reads": 500, "decisions": {100: 100000, 10000: 10000, 100000: 300}}
SHORT = {"rounds": 1, "one": 20, "many": 200, "raw_many": 200, "commits": 30, "domains": 20,
         "provisions": {1: 10, 8: 40, 64: 100, 512: 600}, "traced": 30,
         "vms": 1200, "reads": 30, "decisions": {100: 1000, 10000: 100, 100000: 3}}


def commit(sizes, folder):
    path = os.path.join(folder, f"commit-{len(os.listdir(folder))}.sqlite")
    return generate("bench-commit", path, sizes["commits"])


def one_round(world, sizes, folder):
    """Every figure of the path once, so that a change of the machine's mood meets all of them."""
    return {
        "raw 1": world.exchange(sizes["one"], 1, 300),
        "commit": commit(sizes, folder),
        "domains": generate("bench-domains", "test:///default", sizes["domains"]),
        "provision 1": world.provision(sizes["provisions"][1], 1),
        "raw 1 large": world.exchange(sizes["one"], 1, 1500),
        "provision 8": world.provision(sizes["provisions"][8], 8),
        "raw 64": world.exchange(sizes["raw_many"], 64, 300),
        "provision 64": world.provision(sizes["provisions"][64], 64),
        "raw 64 large": world.exchange(sizes["many"], 64, 1500),
        "provision 512": world.provision(sizes["provisions"][512], 512),
    }


def report_path(report, rounds):
    def taken(name, key):
        return middle([one[name] for one in rounds], key)

    def add(label, name, **more):
        report.add(f"{label}: time", "us", taken(name, "p50_us"), p99=taken(name, "p99_us"),
                   **more)

    report.heading("floor: libstrophe alone over the same two servers, the disk, libvirt")
    for size, suffix in (("300 B", ""), ("1500 B", " large")):
        add(f"exchange, {size}, 1 outstanding", f"raw 1{suffix}")
        add(f"exchange, {size}, 64 outstanding", f"raw 64{suffix}")
        report.add(f"exchange, {size}, 64 outstanding: rate", "1/s",
                   taken(f"raw 64{suffix}", "rate"))
    add("durable commit", "commit")
    add("libvirt define + start, test driver", "domains")

    report.heading("one provision: HTTP request to true end, libvirt's test driver")
    floor = (taken("raw 1 large", "p50_us") + COMMITS_IN_SERIES * taken("commit", "p50_us") +
             taken("domains", "p50_us"))
    add("provision, 1 outstanding", "provision 1", limit=floor, most=1.3,
        limit_name=f"exchange + {COMMITS_IN_SERIES} commits + libvirt")
    for outstanding in (8, 64, 512):
        add(f"provision, {outstanding} outstanding", f"provision {outstanding}")
    for outstanding in (1, 8, 64, 512):
        name = f"provision {outstanding}"
        more = {"least": 1.0} if outstanding == 512 else {}
        report.add(f"provision, {outstanding} outstanding: rate", "1/s", taken(name, "rate"),
                   limit=taken("raw 64", "rate"), limit_name="exchanges at 64 outstanding", **more)
    for outstanding in (1, 64, 512):
        for process in rounds[0]["provision 1"]["cpu_us"]:
            report.add(f"CPU per provision, {outstanding} outstanding, {process}", "us",
                       middle([one[f"provision {outstanding}"]["cpu_us"] for one in rounds],
                              process))


def measure_path(report, sizes):
    """floor and provision, in turn"""
    with World() as world, tempfile.TemporaryDirectory(prefix="isthmus-bench-",
                                                       dir=world.folder.name) as folder:
        report_path(report, [one_round(world, sizes, folder) for _ in range(sizes["rounds"])])
        report.heading("durable commits per provision (fsync calls, counted by strace)")
        for outstanding in (1, 64):
            for name, count in world.commits(sizes["traced"], outstanding).items():
                report.add(f"commits, {outstanding} outstanding, {name}", "1/op", count)


def measure_traffic(report, sizes):
    """stanzas and bytes per provision, counted by the servers"""
    report.heading("traffic per provision, as each server takes it in")
    with World(trace=True) as world:
        for outstanding in (1, 64):
            for name, taken in world.traffic(sizes["traced"], outstanding).items():
                report.add(f"stanzas, {outstanding} outstanding, {name}", "1/op",
                           taken["stanzas"])
                report.add(f"bytes, {outstanding} outstanding, {name}", "B/op", taken["bytes"])


def measure_reads(report, sizes):
    """list and show, and memory, with many VMs (made through the API)"""
    with World(timing={"beat_seconds": 5}) as world:
        before = world.resident()
        world.provision(sizes["vms"], 256)
        after = world.resident()
        report.heading(f"reads with {sizes['vms']} VMs")
        vms = world.cloud.rest("GET", "/v1/vms?limit=2", token=read(world.token_file).strip())
        last = vms.json()["items"][-1]["id"]
        for label, path, most in (("list, first page of 100", "/v1/vms", 5000),
                                  ("list, page of 500", "/v1/vms?limit=500", None),
                                  ("show", f"/v1/vms/{last}", 1000)):
            figures = world.get(path, sizes["reads"])
            more = {"most": most} if most else {}
            report.add(label, "us", figures["p50_us"], p99=figures["p99_us"], **more)
        report.heading("resident memory")
        per_vm = {name: (after[name] - before[name]) * 1024 / sizes["vms"] for name in after}
        report.add("per VM, upstream (its operation kept)", "B", per_vm["upstream"], most=1024)
        report.add("per VM, downstream", "B", per_vm["north"], most=1024)
        agents = [name for name in world.cloud.agents]
        report.add("per VM, agent and libvirt's test driver", "B",
                   sum(per_vm[name] for name in agents))


def measure_memory(report, sizes):
    """resident memory of idle daemons, and what one more agent or cluster costs"""
    client = generate("bench-domains", "test:///default", "resident")["resident_kib"]
    few, many = (1, 3) if sizes["rounds"] == 1 else (1, 10)
    with World(agents=few) as world:
        small = world.resident()
        report.heading("resident memory of daemons with one VM")
        report.add("libvirt's client library alone", "KiB", client)
        report.add("agent above libvirt's client", "KiB", small["host-1"] - client, most=12288)
        for name in ("upstream", "north"):
            report.add(f"{'downstream' if name == 'north' else name}, {few} agent", "KiB",
                       small[name])
    with World(agents=many) as world:
        large = world.resident()
        report.add(f"upstream, a cluster of {many} agents", "KiB", large["upstream"],
                   limit=small["upstream"], limit_name=f"with {few} agent")
        report.add("downstream, per connected agent", "B",
                   (large["north"] - small["north"]) * 1024 / (many - few), most=2048)


def measure_placement(report, sizes):
    """decisions of the core, called directly"""
    report.heading("placement: one decision")
    for hosts, decisions in sizes["decisions"].items():
        figures = generate("bench-placement", hosts, decisions)
        report.add(f"among {hosts} hosts", "us", figures["p50_us"], p99=figures["p99_us"])
        report.add(f"among {hosts} hosts: rate", "1/s", figures["rate"])


MEASUREMENTS = {
    "path": measure_path,
    "traffic": measure_traffic,
    "reads": measure_reads,
    "memory": measure_memory,
    "placement": measure_placement,
}
