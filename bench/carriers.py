"""The kinds of carriers beside each other: each with a floor of its own, in turns with XMPP."""
import contextlib

from frame import middle
from measurements import COMMITS_IN_SERIES, commit
from world import IDLE_MOST, World, generate

OUTSTANDING = (1, 64, 512)


def one_round(world, sizes, folder):
    figures = {"commit": commit(sizes, folder),
               "domains": generate("bench-domains", "test:///default", sizes["domains"])}
    for outstanding in OUTSTANDING:
        count = sizes["one"] if outstanding == 1 else sizes["many"]
        figures[f"raw {outstanding}"] = world.exchange(count, outstanding, 1500)
        figures[f"provision {outstanding}"] = world.provision(sizes["provisions"][outstanding],
                                                              outstanding)
    return figures


class Kind:
    """What was measured of one."""

    def __init__(self, name, rounds):
        self.name, self.rounds = name, rounds

    def taken(self, what, key):
        return middle([one[what] for one in self.rounds], key)

    def floor_us(self):
        return (self.taken("raw 1", "p50_us") + COMMITS_IN_SERIES * self.taken("commit", "p50_us") +
                self.taken("domains", "p50_us"))


def report_kind(report, kind, xmpp):
    report.heading(f"by {kind.name}")
    for outstanding in OUTSTANDING:
        name = f"raw {outstanding}"
        beside = {"limit": xmpp.taken(name, "rate"), "limit_name": "XMPP's"}
        report.add(f"{kind.name}: raw exchange, {outstanding} outstanding", "1/s",
                   kind.taken(name, "rate"), **beside)
        report.add(f"{kind.name}: server's CPU per frame, {outstanding} outstanding", "us",
                   kind.taken(name, "server_us"), limit=xmpp.taken(name, "server_us"),
                   limit_name="XMPP's")
    alone = kind.taken("provision 1", "p50_us")
    report.add(f"{kind.name}: provision, 1 outstanding", "us", alone, limit=kind.floor_us(),
               limit_name="its floor", p99=kind.taken("provision 1", "p99_us"))
    report.add(f"{kind.name}: provision, 1 outstanding", "us", alone,
               limit=xmpp.taken("provision 1", "p50_us"), limit_name="XMPP's")
    for outstanding in OUTSTANDING[1:]:
        rate = kind.taken(f"provision {outstanding}", "rate")
        name = f"{kind.name}: provision, {outstanding} outstanding: rate"
        report.add(name, "1/s", rate, limit=kind.taken(f"raw {outstanding}", "rate"),
                   limit_name="its floor")
        report.add(name, "1/s", rate, limit=xmpp.taken(f"provision {outstanding}", "rate"),
                   limit_name="XMPP's")


def measure_carriers(report, sizes, names):
    """kinds of carriers beside XMPP, in turns: --carrier http --carrier zeromq"""
    kinds = ["xmpp", *(name for name in names if name != "xmpp")]
    with contextlib.ExitStack() as stack:
        worlds = {name: stack.enter_context(World(carrier=name)) for name in kinds}
        folder = worlds["xmpp"].folder.name
        # before they have worked: afterwards a connection more finds room that is theirs already
        memory = {name: world.connection_kib(IDLE_MOST) for name, world in worlds.items()}
        for world in worlds.values():
            world.provision(sizes["warm"], 64)
        rounds = {name: [] for name in kinds}
        for _ in range(sizes["rounds"]):
            for name, world in worlds.items():
                rounds[name].append(one_round(world, sizes, folder))
        found = {name: Kind(name, rounds[name]) for name in kinds}
        for kind in found.values():
            report_kind(report, kind, found["xmpp"])
        best = max(kind.taken("provision 512", "rate") for kind in found.values())
        report.heading("the best of them")
        report.add("provision, 512 outstanding: rate", "1/s", best, least=1.3,
                   limit=found["xmpp"].taken("provision 512", "rate"), limit_name="XMPP's")
        report.heading("memory of one connection more")
        for name, (at_server, at_client) in memory.items():
            report.add(f"{name}: at its server", "KiB", at_server)
            report.add(f"{name}: in a raw client", "KiB", at_client)
