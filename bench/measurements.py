"""The measurements of bench/run. Each takes a Report and the sizes of the mode (see SIZES)."""
import concurrent.futures
import os
import secrets
import sqlite3
import tempfile
import time

from fleet import measure_agents, measure_hosts
from frame import middle
from world import World, generate, read, resident_kib, wait_until

# What law 8 needs one after the other for one provision: upstream accepts; downstream has it
# placed; the agent accepts; the agent, downstream and upstream have its end.
COMMITS_IN_SERIES = 6

# What the page of browsers asks for (web/vms.js), and what one such answer may take.
OF_PAGE = ("limit=50&sort=name&fields=id,name,state,shape,size,image,cluster,tenant,changed_ms,"
           "unheard_ms,locked_ms")
PAGE_US = 100000
SORTED_MOST = 50000  # rows that a list puts into another order than by age (limit_sorted)

FULL = {"rounds": 3, "one": 150, "image_mib": 2048,
        "many": 3000, "raw_many": 6000, "commits": 300, "domains": 300,
        "many_domains": 3000, "warm": 1000, "agents": (10, 100, 1000, 5000),
        "hosts": 1000,
        "provisions": {1: 150, 8: 600, 64: 2000, 512: 4000}, "traced": 500,
        "idle_seconds": 600, "vms": 25000,
        "watchers": 1008, "watched_seconds": 40, "stream_rounds": 9, "stream_mib": 16,
        "echoes": 2000, "preloaded": 1000000, "peers": 5000, "reads": 500,
        "decisions": {100: 300000, 10000: 300000, 100000: 300000}}
SHORT = {"rounds": 1, "one": 20, "image_mib": 64,
         "many": 200, "raw_many": 200, "commits": 30, "domains": 20,
         "many_domains": 20, "warm": 20,
         "provisions": {1: 10, 8: 40, 64: 100, 512: 600}, "traced": 30,
         "idle_seconds": 16, "vms": 1200,
         "watchers": 32, "watched_seconds": 4, "stream_rounds": 1, "stream_mib": 4, "echoes": 100,
         "preloaded": 2000, "peers": 50, "reads": 30,
         "agents": (3, 6), "hosts": 4,
         "decisions": {100: 1000, 10000: 1000, 100000: 1000}}


def commit(sizes, folder):
    path = os.path.join(folder, f"commit-{len(os.listdir(folder))}.sqlite")
    return generate("bench-commit", path, sizes["commits"])


def domains_of_two(count):
    """libvirt's define + start by two processes at once, as by two agents: their rates together."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: generate("bench-domains", "test:///default", count),
                             range(2)))
    return {"rate": sum(one["rate"] for one in both)}


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
        "domains of two": domains_of_two(sizes["many_domains"]),
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
    report.add("the same by two processes: rate", "1/s", taken("domains of two", "rate"))

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
    # What would be left of the two cores' rate if all of ours cost nothing but one exchange.
    shared = 1 / (1 / taken("raw 64", "rate") + 1 / taken("domains of two", "rate"))
    report.add("provision, 512 outstanding: rate", "1/s", taken("provision 512", "rate"),
               limit=shared, limit_name="exchanges with libvirt's calls on the same cores")
    for outstanding in (1, 64, 512):
        for process in rounds[0]["provision 1"]["cpu_us"]:
            report.add(f"CPU per provision, {outstanding} outstanding, {process}", "us",
                       middle([one[f"provision {outstanding}"]["cpu_us"] for one in rounds],
                              process))


def measure_path(report, sizes):
    """floor and provision, in turn"""
    with World() as world, tempfile.TemporaryDirectory(prefix="isthmus-bench-",
                                                       dir=world.folder.name) as folder:
        world.provision(sizes["warm"], 64)  # logs and caches have their size
        report_path(report, [one_round(world, sizes, folder) for _ in range(sizes["rounds"])])
        report.heading("durable commits per provision (fsync calls, counted by strace)")
        for outstanding in (1, 64):
            for name, count in world.commits(sizes["traced"], outstanding).items():
                report.add(f"commits, {outstanding} outstanding, {name}", "1/op", count)


def measure_traffic(report, sizes):
    """stanzas and bytes per provision, counted by the servers"""
    report.heading("traffic per provision, as each server takes it in")
    with World(trace=True) as world:
        for outstanding in (1, 64, 512):
            for name, taken in world.traffic(sizes["traced"], outstanding).items():
                report.add(f"stanzas, {outstanding} outstanding, {name}", "1/op",
                           taken["stanzas"])
                report.add(f"bytes, {outstanding} outstanding, {name}", "B/op", taken["bytes"])


def measure_bytes(report, sizes):
    """bytes on the wire: of idle links per hour, of an operation alone and in batches"""
    seconds = sizes["idle_seconds"]
    with World(agents=1, trace=True, proxies=True) as world:
        time.sleep(2)  # what the image's journey left to say
        wire = {}

        def idle():
            wire.update(world.count_wire(lambda: time.sleep(seconds)))
        stanzas = world.count_traffic(idle)
        report.heading(f"idle links, {seconds} s of it, as an hour of it (defaults: a beat each "
                       f"15 s)")
        for server, counted in stanzas.items():
            report.add(f"stanzas, idle, {server}", "1/h", counted["stanzas"] * 3600 / seconds)
            report.add(f"their bytes, idle, {server}", "B/h", counted["bytes"] * 3600 / seconds)
        for end, counted in wire.items():
            report.add(f"wire, idle, {end}", "B/h", counted * 3600 / seconds)
        report.heading("bytes of one provision on the wire, both ways, TLS included")
        for outstanding, how in ((1, "alone"), (64, "in batches")):
            wire = world.count_wire(
                lambda: world.provision_and_settle(sizes["traced"], outstanding))
            for end, counted in wire.items():
                report.add(f"wire, {how}, {end}", "B/op", counted / sizes["traced"])


def report_reads(report, world, vms, repeats):
    """List and show as a tenant sees them, over HTTP."""
    report.heading(f"reads with {vms:,} VMs, over HTTP on loopback")
    def page(parameters):
        return world.cloud.rest("GET", f"/v1/vms?{parameters}",
                                token=read(world.token_file).strip()).json()
    last = page("limit=2")["items"][-1]["id"]
    rows = [("list, first page of 100", "/v1/vms", 5000),
            ("list, page of 500", "/v1/vms?limit=500", PAGE_US),
            ("show", f"/v1/vms/{last}", 1000)]
    if vms <= SORTED_MOST:
        rows += [(f"page of 50 by name, {label}", f"/v1/vms?{OF_PAGE}{wish}", PAGE_US)
                 for label, wish in (("the first", ""),
                                     ("the next", f"&after={page(OF_PAGE)['next']}"),
                                     ("all hold the part", "&name=*b*"),
                                     ("no name holds it", "&name=*nobody*"),
                                     ("no such state", "&state=crashed"),
                                     ("no such labels", "&labels=a%3Db"))]
    for label, path, most in rows:
        figures = world.get(path, repeats)
        report.add(label, "us", figures["p50_us"], p99=figures["p99_us"], most=most)
        report.add("    the manager's CPU", "us", figures["cpu_us"])


def restarted(world, change=None):
    """Seconds to ready and KiB of the upstream manager after its restart; `change` is done to its
    store while it is down."""
    daemon = world.cloud.upstream
    daemon.stop()
    if change:
        with sqlite3.connect(f"{daemon.state}/store.sqlite") as store:
            change(store)
        store.close()
    begin = time.monotonic()
    daemon.start()
    return time.monotonic() - begin, resident_kib(daemon.pid())


def forget_operations(store):
    store.execute("DELETE FROM record WHERE kind = 'operation'")


def measure_reads(report, sizes):
    """list and show, and memory, with many VMs (made through the API)"""
    vms = sizes["vms"]
    with World() as world:
        _, fresh = restarted(world)
        wait_until(world.has_room, "the cluster tells how many VMs fit")
        world.provision(sizes["provisions"][512], 256)  # connections and caches have their size
        before = world.resident()
        world.provision(vms - sizes["provisions"][512], 256)
        after = world.resident()
        report_reads(report, world, vms, sizes["reads"])
        report.heading("resident memory per VM")
        seconds, full = restarted(world)
        _, bare = restarted(world, forget_operations)
        made = vms - sizes["provisions"][512]
        report.add("upstream, per VM", "B", (bare - fresh) * 1024 / vms, most=1024)
        report.add("upstream, per kept operation", "B", (full - bare) * 1024 / vms)
        report.add("upstream, start with all of them", "s", seconds)
        report.add("downstream, per VM", "B", (after["north"] - before["north"]) * 1024 / made,
                   most=1024)
        report.add("agent and libvirt's test driver, per VM", "B",
                   sum(after[name] - before[name] for name in world.cloud.agents) * 1024 / made)


DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def packed_id(text):
    """The packed form of an id (docs/protocol.md), with its length."""
    prefix, digits = text.split("-")
    number = 0
    for digit in digits:
        number = number << 5 | DIGITS.index(digit)
    packed = prefix.encode() + number.to_bytes(16, "big")
    return bytes([len(packed)]) + packed


def multiply_vms(wanted):
    """Puts copies of the store's one VM into it, until there are `wanted`. The daemon's start then
    gives them their sums, as to rows of the first release."""
    def change(store):
        key, body = store.execute("SELECT key, body FROM record WHERE kind = 'vm'").fetchone()
        before = b"\x03" + packed_id(key) + b"\x05"  # fields 1 and 2, of bytes: id and name
        assert body.startswith(before), body
        rest = body[len(before) + 1 + body[len(before)]:]
        store.execute("ALTER TABLE record DROP COLUMN sum")
        store.execute("PRAGMA user_version = 1")
        store.executemany(
            "INSERT INTO record VALUES ('vm', ?1, ?2)",
            ((copy, b"\x03" + packed_id(copy) + b"\x05" + bytes([len(name)]) + name + rest)
             for i in range(wanted - 1)
             for copy, name in ((f"vm-{i:026}", f"m-{i}".encode()),)))
    return change


def measure_million(report, sizes):
    """the same with a million, written into upstream's store; no cluster is connected"""
    vms = sizes["preloaded"]
    with World() as world:
        _, fresh = restarted(world)
        for daemon in (*world.cloud.downstreams.values(), *world.cloud.agents.values()):
            daemon.stop()
        restarted(world, multiply_vms(vms))
        seconds, full = restarted(world)
        report_reads(report, world, vms, sizes["reads"])
        report.add("upstream, per VM", "B", (full - fresh) * 1024 / vms, most=1024)
        report.add("upstream, start with all of them", "s", seconds)


def measure_memory(report, sizes):
    """resident memory of idle daemons, and what one more agent or cluster costs"""
    client = generate("bench-domains", "test:///default", "resident")["resident_kib"]
    few, many = (1, 3) if sizes["rounds"] == 1 else (1, 10)
    with World(agents=few) as world:
        small = world.resident()
        report.heading("resident memory")
        report.add("libvirt's client library alone", "KiB", client)
        report.add("agent above libvirt's client", "KiB", small["host-1"] - client, most=12288)
        for name, label in (("upstream", "upstream"), ("north", "downstream")):
            report.add(f"{label}, one cluster of {few} agent, 1 VM", "KiB", small[name])
        per_agent = more_peers(world.cloud.downstreams["north"], sizes["peers"],
                               "[agent a{0}]\naddress = a{0}@site.test/agent\n"
                               "peer_key = {1}\n")
        report.add("downstream, per configured agent", "B", per_agent, most=2048)
        per_cluster = more_peers(world.cloud.upstream, sizes["peers"],
                                 "[cluster c{0}]\naddress = c{0}@cloud.test/cluster\n"
                                 "peer_key = {1}\n"
                                 f"image_token_file = {world.password_file('echo')}\n")
        report.add("upstream, per configured cluster", "B", per_cluster, most=4096)
    with World(agents=many) as world:
        report.add(f"upstream, one cluster of {many} agents, 1 VM", "KiB",
                   world.resident()["upstream"], limit=small["upstream"],
                   limit_name=f"with {few} agent")


def more_peers(daemon, count, section):
    """Bytes that one more peer costs a daemon: between two starts, the second with `count` more."""
    def fresh():
        daemon.stop()
        daemon.start()
        time.sleep(1)  # connected, and presence said to all
        return resident_kib(daemon.pid())
    before = fresh()
    with open(daemon.config, "a") as config:
        config.write("\n" + "".join(section.format(i, secrets.token_urlsafe(32))
                                    for i in range(count)))
    return (fresh() - before) * 1024 / count


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
    "bytes": measure_bytes,
    "reads": measure_reads,
    "million": measure_million,
    "memory": measure_memory,
    "placement": measure_placement,
    "agents": measure_agents,
    "hosts": measure_hosts,
}
