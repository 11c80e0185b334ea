#!/usr/bin/env python3
"""Many to many: two clouds above the same clusters, a cluster within a cluster, a lone agent."""
import re
import subprocess
import unittest

from cloud_case import CloudCase, make_archive, read, wait_until
from seal import FRAME, traffic
from test_bad_input import GOOD, REQUESTS
from test_wall import files, memory, open_bytes

NORTH = ["zebra-quartz", "okapi-basalt", "tapir-gneiss"]
SOUTH = ["heron-slate", "stork-chalk", "egret-shale"]
INNER = ["vole-marble", "shrew-pumice", "mole-gypsum"]
SHAPES = {"nano": (1, 32, 1), "large": (4, 2048, 4), "huge": (64, 32, 1)}
LENT = {"max_cpus": 6, "max_memory_mib": 8192, "max_disk_gib": 30}


class Customer:
    """A tenant of one of the upstream managers, who asks as CloudCase's own tenant does."""
    get, create, act, vms = CloudCase.get, CloudCase.create, CloudCase.act, CloudCase.vms
    operation, await_end, capacity = CloudCase.operation, CloudCase.await_end, CloudCase.capacity

    def __init__(self, case, upstream, name):
        self.case, self.upstream, self.name = case, upstream, name
        self.token_file = case.cloud.tenant(name, upstream)
        self.token = read(self.token_file).strip()

    def __getattr__(self, name):
        return getattr(self.case, name)

    def ask(self, method, path, body=None, **options):
        return self.case.cloud.rest(method, path, body,
                                    **{"token": self.token, "upstream": self.upstream, **options})

    def state(self, name):
        return self.get(f"/v1/vms/{name}")["state"]

    def await_capacity(self, wanted):
        wait_until(lambda: self.capacity() == wanted,
                   f"the capacity that {self.upstream} saw: {wanted}, not {self.capacity()}")


class ManyToMany(CloudCase):
    clusters = {"north": NORTH, "south": [*SOUTH, "attic-marl"], "attic-marl": INNER}
    options = {"driver": "test", "upstreams": ["nimbus", "stratus"], "shapes": SHAPES,
               "lone": {"stratus": ["solo-tuff"]},
               "labels": {"north": "region=eu,disk=ssd", "south": "region=us"},
               "shares": {"nimbus": LENT, "stratus": LENT},
               "timing": {"beat_seconds": 1, "hold_down_seconds": 1}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        wide = f"{cls.folder.name}/wide.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", wide, "2G"], check=True)
        archives = {"empty": make_archive(f"{cls.folder.name}/empty.tar.zst"),
                    "wide": make_archive(f"{cls.folder.name}/wide.tar.zst", open_bytes(wide),
                                         {"disk_format": "qcow2"})}
        for upstream in cls.cloud.upstreams:
            for name, path in archives.items():
                cls.cloud.cli("image", "import", name, path, upstream=upstream)

    def setUp(self):
        self.customers = [Customer(self, upstream, "acme") for upstream in self.cloud.upstreams]
        self.before = [customer.capacity() for customer in self.customers]
        self.addCleanup(self.clean)

    def clean(self):
        for customer in self.customers:
            for vm in customer.vms():
                self.assertEqual(customer.act(vm["id"], "delete")["code"], "ok")
            self.assertEqual(customer.vms(), [])
        for customer, capacity in zip(self.customers, self.before):
            customer.await_capacity(capacity)
        self.assertEqual(self.host_files(), [])

    def live(self, customer, cluster, name="web"):
        """The whole life of a VM, each verb once, with the state after it."""
        made = customer.create(name, cluster=cluster, wait=60)
        self.assertEqual((made["verb"], made["code"]), ("define", "ok"), made)
        self.assertEqual(customer.get(f"/v1/vms/{name}")["cluster"], cluster)
        for verb, state in (("reboot", "running"), ("shutdown", "stopped"), ("start", "running"),
                            ("stop", "stopped"), ("start", "running"), ("pause", "paused"),
                            ("resume", "running"), ("suspend", "suspended"),
                            ("start", "running"), ("suspend", "suspended"), ("stop", "stopped"),
                            ("lock", "stopped"), ("unlock", "stopped"), ("start", "running")):
            self.assertEqual(customer.act(name, verb)["code"], "ok", verb)
            self.assertEqual(customer.state(name), state, verb)

    def test_every_verb_from_both_upstreams_on_every_cluster(self):
        nimbus, stratus = self.customers
        for customer in self.customers:
            for cluster in ("north", "south"):
                self.live(customer, cluster, f"web-{cluster}")
        self.live(stratus, "solo-tuff", "web-solo")
        self.assertEqual(nimbus.ask("GET", "/v1/clusters/solo-tuff").status, 404)
        self.assertEqual(len(nimbus.vms()), 2)
        self.assertEqual(len(stratus.vms()), 3)

    def test_a_vm_is_resized_kept_taken_back_and_made_anew(self):
        for customer in self.customers:
            for cluster in ("north", "south"):
                with self.subTest(customer.upstream, cluster=cluster):
                    self.reshape(customer, cluster)

    def reshape(self, customer, cluster):
        def ask(verb, status=200, code="ok", **body):
            answer = customer.ask("POST", f"/v1/vms/web/{verb}?wait=60", body)
            self.assertEqual((answer.status, answer.json()["code"]), (status, code), answer.out)
            return customer.get("/v1/vms/web")

        self.assertEqual(customer.create("web", cluster=cluster, wait=60)["code"], "ok")
        had = customer.get("/v1/vms/web")
        vm = ask("resize", code="bad-state", shape="large")  # more memory than it was started with
        self.assertEqual((vm["shape"], vm["size"]), (had["shape"], had["size"]))
        self.assertEqual(customer.act("web", "stop")["code"], "ok")
        large = {"cpus": 4, "memory_mib": 2048, "disk_gib": 4}
        vm = ask("resize", shape="large")
        self.assertEqual((vm["shape"], vm["size"], vm["state"]), ("large", large, "stopped"))
        wait_until(lambda: customer.capacity()[cluster]["cpus_free"] == LENT["max_cpus"] - 4,
                   "what it grew by is counted")
        ask("resize", 400, "invalid", shape="nano")
        ask("resize", 422, "unknown-shape", shape="none")
        self.assertEqual([one["name"] for one in ask("snapshot", name="dawn")["snapshots"]],
                         ["dawn"])
        told = self.cloud.cli("vm", "snapshots", "web", upstream=customer.upstream,
                              token_file=customer.token_file).out
        self.assertRegex(told, r"dawn +no +4 +2 GiB +4 GiB")
        ask("snapshot", 409, "conflict", name="dawn")
        self.assertEqual(customer.act("web", "start")["code"], "ok")
        self.assertEqual(ask("revert", name="dawn")["state"], "stopped")
        ask("revert", 404, "not-found", name="dusk")
        self.assertNotIn("snapshots", ask("snapshot-delete", name="dawn"))
        ask("snapshot", name="noon")
        vm = ask("rebuild", image="wide")
        self.assertEqual((vm["image"], vm["state"], "snapshots" in vm), ("wide", "stopped", False))
        self.assertEqual(customer.act("web", "start")["code"], "ok")
        vm = ask("rebuild", image="empty")
        self.assertEqual((vm["image"], vm["state"], vm["size"]), ("empty", "running", large))
        self.assertEqual(customer.act("web", "delete")["code"], "ok")

    def test_every_refusal_from_both_upstreams(self):
        for customer in self.customers:
            there = customer.ask("POST", "/v1/vms?wait=60", {**GOOD, "name": "there"},
                                 headers={"Idempotency-Key": "the-key-of-there"}).json()
            self.assertEqual(there["code"], "ok", there)
            for about, (request, status, code, _) in REQUESTS.items():
                with self.subTest(about, upstream=customer.upstream):
                    answer = customer.ask(**request)
                    self.assertEqual((answer.status, answer.json()["code"]), (status, code),
                                     answer.out)
            self.assertEqual([vm["name"] for vm in customer.vms()], ["there"])

    def test_the_same_name_is_two_vms_and_neither_upstream_reaches_the_others(self):
        nimbus, stratus = self.customers
        for customer in self.customers:
            self.assertEqual(customer.create("web", cluster="north", wait=60)["code"], "ok")
        self.assertEqual(nimbus.act("web", "stop")["code"], "ok")
        self.assertEqual((nimbus.state("web"), stratus.state("web")), ("stopped", "running"))
        other = stratus.vms()[0]["id"]
        for method, path in (("GET", ""), ("POST", "/stop"), ("DELETE", "")):
            self.assertEqual(nimbus.ask(method, f"/v1/vms/{other}{path}").status, 404)
        self.assertEqual(nimbus.ask("GET", "/v1/vms", token=stratus.token).status, 401)
        self.assertEqual(stratus.state("web"), "running")

    def told_to(self, upstream):
        """A function that tells what north has said to it from now on, of capacity and of VMs."""
        since = len(self.traffic(upstream).splitlines())
        return lambda: [line for line in self.traffic(upstream).splitlines()[since:]
                        if re.match(r"in north@\S+ <message", line)
                        and ("capacity" in line or "vm-" in line)]

    # What the owner of north does to nimbus, what of nimbus's view it changes, and what undoes it.
    ACTS = (
        ("limit set nimbus --cpus 2", {"cpus_total": 2}, "limit reset nimbus"),
        ("limit round nimbus --cpus 5", {"cpus_total": 5}, "limit reset nimbus"),
        ("limit weigh nimbus --weight 7", {}, "limit reset nimbus"),
        ("limit keep nimbus --cpus 3", {}, "limit reset nimbus"),
        ("permission set nimbus --shapes large", {"nano": 0}, "permission reset nimbus"),
        ("upstream revoke nimbus --grace 1h", {"cpus_free": 0}, "upstream restore nimbus"),
        ("host cordon {host}", {}, "host uncordon {host}"),
        ("host label {host} disk=ssd", {}, "host label {host} none"),
        ("host overcommit {host} --cpus-percent 150", {}, "host overcommit {host}"),
        ("host drain {host}", {}, "host uncordon {host}"),
        ("host maintenance {host}", {}, "host end-maintenance {host}"),
    )

    def test_what_the_owner_decides_of_one_upstream_the_other_is_not_told(self):
        """Nor of what he does to a host, as long as there is room for what both are lent."""
        nimbus, stratus = self.customers
        for customer in self.customers:
            self.assertEqual(customer.create("web", cluster="north", wait=60)["code"], "ok")
        host = self.cloud.owner("north", "vm", "list").out.splitlines()[1].split()[2]
        self.assertIn(host, NORTH)

        def view():
            cluster = nimbus.get("/v1/clusters/north")["capacity"]
            return {**{fit["shape"]: fit["count"] for fit in cluster["fits"]},
                    **{name: cluster[name] for name in ("cpus_total", "cpus_free")}}
        wait_until(lambda: view()["cpus_free"] == LENT["max_cpus"] - 1, "its VM counted")
        before, told = view(), self.told_to("stratus")
        for act, seen, undo in self.ACTS:
            with self.subTest(act):
                self.cloud.owner("north", *act.format(host=host).split())
                wait_until(lambda: {**view(), **seen} == view(), f"{seen} after {act}")
                self.cloud.owner("north", *undo.format(host=host).split())
                wait_until(lambda: view() == before, f"{before} after {undo}")
        self.assertEqual(told(), [])
        self.assertEqual([vm["state"] for customer in self.customers for vm in customer.vms()],
                         ["running"] * 2)
        self.assertEqual(stratus.act("web", "stop")["code"], "ok")
        self.assertNotEqual(told(), [], "the search can fail")

    def test_what_one_upstream_uses_the_other_is_not_told(self):
        """Within what each is lent, the hosts have room for both."""
        nimbus, stratus = self.customers
        before = stratus.capacity()
        told = self.told_to("stratus")
        for i in range(6):
            self.assertEqual(nimbus.create(f"web-{i}", cluster="north", wait=60)["code"], "ok")
        refused = nimbus.ask("POST", "/v1/vms", {**GOOD, "name": "web-6", "cluster": "north"})
        self.assertEqual((refused.status, refused.json()["code"]), (409, "no-capacity"))
        self.assertEqual(stratus.capacity(), before)

        self.assertEqual(told(), [])
        self.assertEqual(stratus.create("web", cluster="north", wait=60)["code"], "ok")
        self.assertNotEqual(told(), [], "the search can fail")

    def hosts_of(self, operation):
        """The hosts, on whatever level, that have heard of the VM."""
        return [name for name, agent in self.cloud.agents.items()
                if f"vm={operation['vm']} " in agent.log()]

    def test_labels_decide_and_what_no_cluster_has_is_named(self):
        for customer in self.customers:
            told = self.cloud.cli("cluster", "show", "north", upstream=customer.upstream).out
            self.assertIn("region=eu,disk=ssd", told)
            for name, wish, cluster in (("one", {"must": "region=eu"}, "north"),
                                        ("two", {"must": "region=us"}, "south"),
                                        ("three", {"avoid": "disk=ssd", "prefer": "region=us"},
                                         "south")):
                self.assertEqual(customer.create(name, wait=60, **wish)["code"], "ok")
                self.assertEqual(customer.get(f"/v1/vms/{name}")["cluster"], cluster)
            told = self.cloud.cli(
                "vm", "create", "four", "--shape", "nano", "--image", "empty", "--must",
                "region=us,disk=ssd", token_file=customer.token_file,
                upstream=customer.upstream, check=False)
            self.assertEqual(told.code, 1)
            self.assertIn("no cluster has 'region=us,disk=ssd'", told.err)

    def assert_not_allowed(self, answer, field):
        told = answer.json()
        self.assertEqual((answer.status, told["code"], told["field"]), (403, "not-allowed", field),
                         answer.out)

    def test_a_tenants_vms_use_what_its_operator_lets_them_and_others_are_not_bound(self):
        nimbus, stratus = self.customers

        def operator(verb, *options, check=True):
            return self.cloud.cli("tenant", verb, "acme", *options, upstream="nimbus", check=check)

        self.assertEqual(nimbus.create("old", cluster="north", wait=60)["code"], "ok")
        self.addCleanup(operator, "reset-permissions")
        told = operator("set-permissions", "--clusters", "south", "--images", "empty").out
        self.assertRegex(told, r"clusters +south\nshapes +all\nimages +empty\n")
        operator("set-permissions", "--shapes", "nano")  # the others stay
        self.cloud.upstreams["nimbus"].kill()
        self.cloud.upstreams["nimbus"].start()
        wait_until(lambda: [each["state"] for each in nimbus.get("/v1/clusters")["items"]] ==
                   ["up"], "the one cluster that it is shown is connected")
        own = nimbus.get("/v1/tenants/acme")["permissions"]
        self.assertEqual(own, {"clusters": "south", "shapes": "nano", "images": "empty"})
        for what, name in own.items():
            self.assertEqual([each["name"] for each in nimbus.get(f"/v1/{what}")["items"]], [name])
        self.assertEqual([fit["shape"] for fit in nimbus.capacity()["south"]["fits"]], ["nano"])
        for path in ("/v1/clusters/north", "/v1/images/wide"):
            self.assertEqual(nimbus.ask("GET", path).status, 404)
        for field, name in (("shape", "large"), ("image", "wide"), ("cluster", "north"),
                            ("cluster", "nowhere")):
            self.assert_not_allowed(nimbus.ask("POST", "/v1/vms", {**GOOD, field: name}), field)
        for verb, field, name in (("resize", "shape", "large"), ("rebuild", "image", "wide")):
            self.assert_not_allowed(nimbus.ask("POST", f"/v1/vms/old/{verb}", {field: name}),
                                    field)
        told = self.cloud.cli("vm", "create", "web", "--shape", "large", "--image", "empty",
                              token_file=nimbus.token_file, upstream="nimbus", check=False)
        self.assertIn("VMs of tenant 'acme' may not use shape 'large'; 'isthmus tenant show'",
                      told.err)
        self.assertEqual(nimbus.create("web", prefer="region=eu", wait=60)["code"], "ok")
        self.assertEqual(nimbus.get("/v1/vms/web")["cluster"], "south")
        self.assertEqual(nimbus.act("old", "stop")["code"], "ok")
        self.assertEqual(nimbus.act("old", "start")["code"], "ok")
        self.assertEqual(stratus.create("web", shape="large", image="wide", cluster="north",
                                        wait=60)["code"], "ok")

    def test_a_refusal_leads_to_no_cluster_that_a_tenant_may_not_use(self):
        nimbus, permissions = self.customers[0], "/v1/tenants/acme/permissions"
        by_operator = {"upstream": "nimbus"}
        self.addCleanup(self.cloud.rest, "DELETE", permissions, **by_operator)
        self.addCleanup(self.cloud.owner, "south", "permission", "reset", "nimbus")
        self.cloud.owner("south", "permission", "set", "nimbus", "--images", "wide")
        for clusters, code in (("south", "not-allowed"), ("north south", "ok")):
            put = self.cloud.rest("PUT", permissions, {"clusters": clusters}, **by_operator)
            self.assertEqual(put.json()["permissions"], {"clusters": clusters}, put.out)
            made = nimbus.create("web", prefer="region=us", wait=60)
            self.assertEqual(made["code"], code, made)
            self.assertEqual([(each["cluster"], each["code"]) for each in made["timeline"]
                              if each["step"] == "refused"], [("south", "not-allowed")])
        self.assertEqual(nimbus.get("/v1/vms/web")["cluster"], "north")
        for body, status, code, field in (({"clusters": "mars"}, 404, "not-found", "clusters"),
                                          ({"shapes": "vast"}, 422, "unknown-shape", "shapes"),
                                          ({"images": "none"}, 422, "unknown-image", "images"),
                                          ({"images": "empty "}, 400, "invalid", "images")):
            told = self.cloud.rest("PUT", permissions, body, **by_operator)
            self.assertEqual((told.status, told.json()["code"], told.json()["field"]),
                             (status, code, field), told.out)
        for method in ("PUT", "DELETE"):
            told = nimbus.ask(method, permissions, {} if method == "PUT" else None)
            self.assertEqual((told.status, told.json()["code"]), (403, "forbidden"))
        gone = self.cloud.rest("DELETE", permissions, **by_operator)
        self.assertEqual((gone.status, "permissions" in gone.json()), (200, False), gone.out)

    def test_a_group_is_kept_apart_over_hosts_and_a_refusal_leads_to_the_next_cluster(self):
        wish = {"group": "web", "group_rule": "apart", "prefer": "region=eu", "wait": 60}
        for customer in self.customers:
            made = [customer.create(f"web-{i}", **wish) for i in range(3)]
            self.assertEqual([each["code"] for each in made], ["ok"] * 3)
            hosts = [self.hosts_of(each) for each in made]
            self.assertEqual(sorted(sum(hosts, [])), sorted(NORTH))
            # North prefers to have it, and has no fourth host; nobody above knows how many it has.
            last = customer.create("web-3", **wish)
            self.assertEqual(last["code"], "ok", last)
            self.assertNotEqual(customer.get("/v1/vms/web-3")["cluster"], "north")
            self.assertEqual([(each["cluster"], each["code"]) for each in last["timeline"]
                              if each["step"] == "refused"], [("north", "no-capacity")])
            told = self.cloud.cli("op", "show", last["id"], upstream=customer.upstream).out
            self.assertRegex(told, " refused +cluster north refuses: it cannot have it; because of "
                             "its group's rule\n")
            only = customer.create("web-4", cluster="north", **wish)
            self.assertEqual(only["code"], "unmet", only)
            self.assertEqual(len(customer.vms()), 4)
        stratus = self.customers[1]
        wish = {**wish, "group": "alone", "cluster": "solo-tuff"}
        self.assertEqual([stratus.create(f"lone-{i}", **wish)["code"] for i in range(2)],
                         ["ok", "unmet"])

    def traffic(self, manager):
        """What its downlink's server carried, opened by the keys of its links."""
        return traffic(self.cloud, self.cloud.inside[manager])

    def nested_host(self, operation):
        """The host two levels down that made the VM."""
        found = [name for name in INNER if f"vm={operation['vm']} " in
                 f"{self.cloud.agents[name].log()} "]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_a_vm_two_levels_down_runs_and_its_state_goes_up(self):
        for customer in self.customers:
            for name in SOUTH:
                self.cloud.agents[name].stop()
            made = customer.create("deep", cluster="south", wait=60)
            self.assertEqual(made["code"], "ok", made)
            host = self.nested_host(made)
            self.assertEqual(customer.get("/v1/vms/deep")["cluster"], "south")
            steps = [entry["step"] for entry in made["timeline"]]
            self.assertEqual(steps[0], "accepted")
            self.assertEqual(steps[-1], "ended")
            # Its host loses it: libvirt's test driver keeps domains in its process.
            self.cloud.agents[host].kill()
            self.cloud.agents[host].start()
            wait_until(lambda: customer.state("deep") == "lost", "the loss, two levels up")
            self.assertEqual(customer.act("deep", "delete")["code"], "ok")
            for name in SOUTH:
                self.cloud.agents[name].start()
        self.cloud.await_capacity()

    def test_managers_that_are_killed_come_back_to_the_same(self):
        for customer in self.customers:
            for cluster in ("north", "south"):
                self.assertEqual(customer.create(f"web-{cluster}", cluster=cluster,
                                                 wait=60)["code"], "ok")
        seen = [customer.vms() for customer in self.customers]
        managers = [*self.cloud.downstreams.values(), *self.cloud.upstreams.values()]
        for manager in managers:
            manager.kill()
        for manager in managers:
            manager.start()
        self.cloud.await_capacity()
        self.assertEqual([customer.vms() for customer in self.customers], seen)
        for customer in self.customers:
            self.assertEqual(customer.act("web-south", "stop")["code"], "ok")

    # the wall, at each level

    def inside_words(self, cluster):
        """What those above a cluster must never learn of it."""
        server = self.cloud.inside[cluster]
        words = [server.domain, f"{cluster}-manager", f":{self.cloud.ports[cluster]}/"]
        for member in self.cloud.clusters[cluster]:
            words += [member] if member not in self.cloud.clusters else \
                [member, *self.inside_words(member)]
        return words

    def held_by(self, daemon):
        """All that a daemon has in memory, on disk and in its log."""
        return b"".join([files(daemon.state), memory(daemon.pid()), open_bytes(daemon.log_file)])

    def found(self, words, haystack):
        return sorted(word for word in words if word.encode() in haystack)

    def test_the_wall_holds_at_each_level(self):
        wall = [Customer(self, customer.upstream, name) for customer, name in
                zip(self.customers, ("quillwort", "bracken"))]
        self.customers += wall
        own = {}
        for customer, name in zip(wall, ("greengage", "damson")):
            for cluster in ("north", "south"):
                made = customer.create(f"{name}-{cluster}", cluster=cluster, wait=60,
                                       user_data=f"#cloud-config {customer.name}-data")
                self.assertEqual(made["code"], "ok", made)
                own.setdefault(customer.upstream, []).append(made["vm"])
            own[customer.upstream] += [name, customer.name, f"{customer.name}-data",
                                       self.cloud.inside[customer.upstream].domain]
        held = {name: self.held_by(daemon) + self.traffic(name).encode()
                for name, daemon in self.cloud.upstreams.items()}
        for upstream, haystack in held.items():
            self.assertEqual(FRAME.findall(self.traffic(upstream)), [], "all could be opened")
            self.assertIn(b'{"capacity":', haystack)
            other = next(name for name in own if name != upstream)
            for cluster in ("north", "south"):
                self.assertEqual(self.found(self.inside_words(cluster), haystack), [], upstream)
            self.assertEqual(self.found(own[other], haystack), [], upstream)
            self.assertEqual(self.found(own[upstream], haystack), sorted(own[upstream]))
        south = self.held_by(self.cloud.downstreams["south"])
        self.assertEqual(self.found(self.inside_words("attic-marl"), south), [])
        self.assertEqual(self.found(NORTH, south), [])
        self.assertEqual(self.found([*SOUTH, "attic-marl"], south), sorted([*SOUTH, "attic-marl"]))
        inner = self.held_by(self.cloud.downstreams["attic-marl"])
        self.assertEqual(self.found([*SOUTH, *NORTH, *self.cloud.upstreams], inner), [])
        self.assertEqual(self.found(INNER, inner), sorted(INNER))


if __name__ == "__main__":
    unittest.main(verbosity=2)
