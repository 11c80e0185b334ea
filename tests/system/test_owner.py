#!/usr/bin/env python3
"""The cluster's owner at work: what there is, which host rests, how much an upstream may use."""
import http.client
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import unittest

from cloud_case import CloudCase, wait_until

HOST_CPUS = 8


class Owner(CloudCase):
    clusters = {"north": ["inner-1", "inner-2"]}
    options = {"driver": "test", "timing": {"beat_seconds": 1, "hold_down_seconds": 5}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.import_image("empty")

    def setUp(self):
        self.addCleanup(self.delete_all)

    @property
    def socket(self):
        return f"{self.cloud.downstreams['north'].state}/owner.sock"

    def await_cpus_of_connected(self, total):
        wait_until(lambda: self.capacity()["north"]["cpus_total"] == total, f"{total} processors")

    def await_cpus(self, total, room=True):
        """Shown upward, with room for VMs or without, by a cluster that is connected, whose hosts
        are too."""
        def is_shown():
            cluster = self.get("/v1/clusters/north")
            fits = {fit["shape"]: fit["count"] for fit in cluster["capacity"].get("fits", [])}
            return (cluster["state"] == "up" and cluster["capacity"]["cpus_total"] == total and
                    (fits.get("nano", 0) > 0) == room)
        wait_until(lambda: all(host["state"] == "up" for host in
                               json.loads(self.owner("host", "list", "-o", "json").out)["items"]),
                   "all hosts connected")
        wait_until(is_shown, f"{total} processors shown upward")

    def create_once_possible(self, name):
        """What was told before a restart shows until the first word after it."""
        def is_made():
            answer = self.ask("POST", "/v1/vms?wait=60", {"name": name, "shape": "nano",
                                                          "image": "empty", "start": True})
            return answer.json() if answer.status in (200, 202) else None
        self.assertEqual(wait_until(is_made, f"VM {name} made")["code"], "ok")

    def restart(self, end, seen=True):
        """Ends the downstream manager by `end` and starts it; the upstream manager has seen it."""
        getattr(self.cloud.downstreams["north"], end)()
        self.assertEqual(os.path.exists(self.socket), end == "kill")
        if seen:
            wait_until(lambda: self.get("/v1/clusters/north")["state"] != "up", "the end seen")
        self.cloud.downstreams["north"].start()

    def test_an_operation_explains_itself_to_each_as_far_as_he_may_know(self):
        made = self.create("web", wait=60)
        self.assertEqual(made["code"], "ok", made)
        host = self.owner_json("vm", "show", made["vm"])["host"]
        for told in (self.owner("op", "show", made["id"]).out,
                     self.owner("vm", "show", made["vm"]).out):
            self.assertRegex(told, rf" placed +the manager chooses host {host}\n")
            self.assertRegex(told, rf" ended +host {host} has done it\n")
        self.assertIn(made["id"], [op["id"] for op in self.owner_json("op", "list")["items"]])
        for told in (self.cloud.cli("op", "show", made["id"]).out,
                     self.vm("show", "web").out):
            self.assertRegex(told, r" accepted +tenant \S+ asks for it; it is within the quota\n")
            self.assertRegex(told, r" ended +cluster north has done it\n")
            self.assertNotIn("inner", told)

        self.cloud.downstreams["north"].kill()
        wait_until(lambda: self.get("/v1/clusters/north")["state"] != "up", "the end seen")
        stop = self.ask("POST", "/v1/vms/web/stop").json()
        waits = self.operation(stop)["waits"]
        self.assertEqual((waits["for"], waits["cluster"]), ("cluster", "north"))
        self.assertLessEqual(waits["since_ms"], stop["created_ms"] + 1)
        self.assertRegex(self.cloud.cli("op", "show", stop["id"]).out,
                         r"waits for +cluster north to be connected, since ")
        self.cloud.downstreams["north"].start()
        ended = self.await_end(stop)
        self.assertEqual([entry["step"] for entry in ended["timeline"]][:3],
                         ["accepted", "waiting", "instructed"])
        self.assertNotIn("waits", ended)

    def test_the_socket_is_the_owners_alone_and_a_missing_one_is_explained(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o600)
        gone = self.cloud.cli("host", "list", "--socket", "/nonexistent/owner.sock", check=False)
        self.assertEqual(gone.code, 3)
        self.assertIn("/nonexistent/owner.sock: No such file or directory; check the path",
                      gone.err)
        self.assertEqual(self.owner("tenant", "list", check=False).code, 2)
        self.assertIn("--socket is not for this",
                      self.owner("tenant", "list", check=False).err)
        if os.geteuid() == 0:
            os.chmod(os.path.dirname(self.socket), 0o711)  # the socket's own mode has to do
            nobody = pwd.getpwnam("nobody").pw_uid
            # the tree itself may stand where nobody else may look
            command = shutil.copy(f"{self.cloud.build}/src/cli/isthmus", self.cloud.folder)
            done = subprocess.run([command, "host", "list", "--socket", self.socket], user=nobody,
                                  text=True, capture_output=True, env={}, check=False)
            self.assertEqual(done.returncode, 3, done)
            self.assertIn("only its daemon's account and root may", done.stderr)

    def test_the_owner_sees_hosts_upstreams_and_vms(self):
        self.create("web", wait=60)
        rows = self.owner("host", "list").out.splitlines()
        self.assertEqual(rows[0].split()[:6],
                         ["NAME", "STATE", "SINCE", "CORDONED", "LEASE", "VMS"])
        self.assertEqual([row.split()[:2] for row in rows[1:]],
                         [["inner-1", "up"], ["inner-2", "up"]])
        hosts = [self.owner_json("host", "show", name) for name in ("inner-1", "inner-2")]
        self.assertEqual(sum(host["vms"] for host in hosts), 1)
        listed = self.owner("vm", "list").out.splitlines()
        self.assertEqual(len(listed), 2, listed)
        _, upstream, host, state = listed[1].split()[:4]
        self.assertEqual((upstream, state), ("cloud", "running"))
        self.assertEqual(self.owner_json("host", "show", host)["vms"], 1)
        name = [host["name"] for host in hosts if not host["vms"]][0]
        self.assertEqual(self.owner("vm", "list", "--host", name, "-o", "name").out, "")
        vm = self.owner("vm", "list", "--upstream", "cloud", "-o", "name").out.strip()
        self.assertIn("web", self.owner("vm", "show", vm).out)
        self.assertEqual(self.owner_json("upstream", "show", "cloud")["used"]["vms"], 1)
        self.assertIn("cloud", self.owner("upstream", "list").out)
        self.assertIn("There is no such thing",
                      self.owner("host", "show", "nix", check=False).err)
        document = self.owner_rest("/v1/openapi.json")
        self.assertIn("/v1/hosts/{host}/cordon", document["paths"])
        self.assertEqual(document["security"], [])  # whoever opens the socket

    def owner_rest(self, path):
        connection = http.client.HTTPConnection("owner")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self.socket)
        self.addCleanup(connection.close)
        connection.request("GET", path)
        return json.load(connection.getresponse())

    def test_a_cordoned_host_rests_also_after_a_restart(self):
        self.owner("host", "cordon", "inner-1")
        self.addCleanup(self.owner, "host", "uncordon", "inner-1")
        self.await_cpus(HOST_CPUS)
        for name in ("a", "b"):
            self.assertEqual(self.create(name, wait=60)["code"], "ok")
        self.assertEqual(self.owner("vm", "list", "--host", "inner-1", "-o", "name").out, "")
        self.restart("kill")
        self.assertIn("cordoned  since", self.owner("host", "show", "inner-1").out)
        self.await_cpus(HOST_CPUS)
        self.create_once_possible("c")
        self.assertEqual(self.owner_json("host", "show", "inner-2")["vms"], 3)
        self.owner("host", "uncordon", "inner-1")
        self.await_cpus(2 * HOST_CPUS)
        # of another image, for that of the others is at the other host
        self.assertEqual(self.create("d", self.import_image("other"), wait=60)["code"], "ok")
        self.assertEqual(self.owner_json("host", "show", "inner-1")["vms"], 1)

    def test_a_host_in_maintenance_loses_what_may_be_moved_and_tells_of_the_rest(self):
        self.owner("host", "cordon", "inner-2")
        self.await_cpus(HOST_CPUS)
        moves = self.create("web", wait=60, on_drain="restart")
        self.assertEqual((moves["code"], self.create("db", wait=60)["code"]), ("ok", "ok"))
        self.owner("host", "uncordon", "inner-2")
        self.owner("host", "maintenance", "inner-1")
        self.addCleanup(self.owner, "host", "end-maintenance", "inner-1")
        self.restart("kill", seen=False) # wherever it stands
        wait_until(lambda: self.owner_json("vm", "show", moves["vm"]).get("host") == "inner-2" and
                   "move" not in self.owner_json("vm", "show", moves["vm"]), "it moved")
        host = self.owner_json("host", "show", "inner-1")
        self.assertEqual((host["vms"], host["remaining"]), (1, [{"why": "policy", "vms": 1}]))
        self.assertIn("1: may not go elsewhere", self.owner("host", "show", "inner-1").out)
        self.assertIn("maintenance", self.owner("host", "uncordon", "inner-1", check=False).err)
        wait_until(lambda: {vm["state"] for vm in self.vms()} == {"running"}, "both run, as told")
        self.assertNotIn("inner", self.vm("show", "web").out)
        self.assertEqual(self.act("web", "stop")["code"], "ok")

    def test_requests_ask_for_labels_of_hosts_and_ratios_change_what_is_shown(self):
        self.owner("host", "label", "inner-2", "disk=ssd")
        self.addCleanup(self.owner, "host", "label", "inner-2", "none")
        self.await_cpus(2 * HOST_CPUS)
        for name in ("a", "b"):
            self.assertEqual(self.create(name, wait=60, host_must="disk=ssd")["code"], "ok")
        self.assertEqual(self.owner_json("host", "show", "inner-2")["vms"], 2)
        self.assertEqual(self.create("c", wait=60, host_must="gpu=a100")["code"], "unmet")
        self.assertNotIn("ssd", json.dumps(self.get("/v1/clusters/north")))
        self.owner("host", "overcommit", "inner-1", "--cpus-percent", "300")
        self.await_cpus_of_connected(4 * HOST_CPUS)
        self.owner("host", "overcommit", "inner-1")
        self.await_cpus_of_connected(2 * HOST_CPUS)

    def test_what_is_not_permitted_is_refused_above(self):
        self.addCleanup(self.owner, "permission", "reset", "cloud")
        self.owner("permission", "set", "cloud", "--verbs", "define start", "--images", "other")
        shown = self.owner("upstream", "show", "cloud").out
        self.assertRegex(shown, r"verbs +define start\n")
        refused = self.create("a", wait=60)
        self.assertEqual((refused["state"], refused["code"]), ("failed", "not-allowed"))
        self.assertEqual(self.vms(), [])
        self.owner("permission", "set", "cloud", "--images", "other empty")
        self.assertEqual(self.create("a", wait=60)["code"], "ok")
        for verb in ("stop", "pause", "suspend"):
            self.assertEqual(self.act("a", verb)["code"], "not-allowed", verb)
        self.assertEqual(self.act("a", "lock")["code"], "ok", "it is no matter of the owner's")
        self.assertEqual(self.act("a", "unlock")["code"], "ok")
        self.assertEqual(self.vms()[0]["state"], "running")
        self.owner("permission", "set", "cloud", "--verbs", "all", "--shapes", "large")
        self.assertEqual(self.act("a", "stop")["code"], "ok")
        wait_until(lambda: [fit["shape"] for fit in self.capacity()["north"]["fits"]
                            if fit["count"]] == ["large"], "room for large VMs alone")
        for verb in ("fly", "lock"):
            unknown = self.owner("permission", "set", "cloud", "--verbs", verb, check=False)
            self.assertIn(f"there is no verb '{verb}' that goes down", unknown.err)

    def test_a_revoked_upstream_loses_its_vms_after_the_grace_and_can_be_restored(self):
        self.create("a", wait=60)
        self.create("b", wait=60)
        self.act("b", "stop")
        self.owner("upstream", "revoke", "cloud", "--grace", "1h")
        wait_until(lambda: not any(fit["count"] for fit in self.capacity()["north"]["fits"]),
                   "no room for anything")
        self.assertEqual(self.capacity()["north"]["cpus_free"], 0)
        self.assertEqual(self.act("b", "start")["code"], "ok")
        self.owner("upstream", "restore", "cloud")
        self.await_cpus(2 * HOST_CPUS)
        self.owner("upstream", "revoke", "cloud", "--grace", "0s")
        wait_until(lambda: self.owner_json("upstream", "show", "cloud")["phase"] == "ended",
                   "the end of the lending", seconds=150)
        self.assertEqual(self.owner("vm", "list", "-o", "name").out, "")
        self.assertEqual({vm["state"] for vm in self.vms()}, {"lost"})
        wait_until(lambda: self.get("/v1/clusters/north")["state"] != "up", "the link closed")
        self.restart("kill", seen=False)
        self.assertEqual(self.owner_json("upstream", "show", "cloud")["phase"], "ended")
        self.owner("upstream", "restore", "cloud")
        self.await_cpus(2 * HOST_CPUS)
        self.delete_all()
        self.create_once_possible("c")

    def test_a_host_that_is_gone_for_good_is_written_off(self):
        self.owner("host", "cordon", "inner-2")
        self.addCleanup(self.owner, "host", "uncordon", "inner-2")
        self.await_cpus(HOST_CPUS)
        for name in ("a", "b"):
            self.create(name, wait=60)
        self.assertIn("is connected", self.owner("host", "forget", "inner-1", check=False).err)
        self.cloud.agents["inner-1"].kill()
        self.addCleanup(self.cloud.agents["inner-1"].start)
        wait_until(lambda: self.owner_json("host", "show", "inner-1")["state"] != "up", "it gone")
        deletion = self.ask("DELETE", "/v1/vms/b").json()
        self.assertEqual(self.owner_json("host", "forget", "inner-1")["vms"], 0)
        self.await_end(deletion)
        wait_until(lambda: [vm["state"] for vm in self.vms()] == ["lost"], "a VM lost")
        self.assertEqual(self.act("a", "delete")["code"], "ok")
        self.owner("host", "uncordon", "inner-2")
        self.await_cpus_of_connected(HOST_CPUS)
        self.create_once_possible("c")

    def test_a_tenants_quota_names_itself_and_gives_back_what_is_deleted(self):
        self.create("a", wait=60)
        self.cloud.cli("tenant", "set-quota", "acme", "--vms", "5", "--cpus", "1")
        self.addCleanup(self.cloud.cli, "tenant", "set-quota", "acme", "--vms", "0", "--cpus", "0")
        refused = self.vm("create", "b", "--shape", "nano", "--image", "empty", check=False)
        self.assertEqual(refused.code, 1)
        self.assertIn("your quota is 1 cpus, of which 1 are used; this VM would take 1",
                      refused.err)
        self.cloud.upstream.kill()
        self.cloud.upstream.start()
        own = self.cloud.cli("tenant", "show", "acme", token_file=self.token_file).out
        self.assertRegex(own, r"vms +1 of 5\ncpus +1 of 1\n")
        self.cloud.await_capacity()
        self.act("a", "delete")
        self.create_once_possible("b")

    def test_limits_at_run_time_stop_new_vms_and_kill_none(self):
        for name in ("a", "b"):
            self.assertEqual(self.create(name, wait=60)["code"], "ok")
        self.addCleanup(self.owner, "limit", "reset", "cloud")
        self.owner("limit", "set", "cloud", "--vms", "1")
        self.owner("limit", "set", "cloud", "--cpus", "6")  # the other limit stays
        told = self.owner_json("upstream", "show", "cloud")
        self.assertEqual((told["limits"]["vms"], told["limits"]["cpus"]), (1, 6))
        self.assertEqual((told["limits_from"], told["over"]["vms"]), ("owner", 1))
        row = self.owner("limit", "list").out.splitlines()[1]
        self.assertRegex(row, r"cloud +2 of 1 +2 of 6 .* owner +yes")
        self.await_cpus(6, room=False)
        refused = self.ask("POST", "/v1/vms?wait=60", {"name": "c", "shape": "nano",
                                                       "image": "empty", "start": True})
        self.assertIn("no-capacity", refused.out)
        self.assertEqual({vm["state"] for vm in self.vms()}, {"running"})
        self.restart("stop")
        self.assertEqual(self.owner_json("upstream", "show", "cloud")["limits"]["vms"], 1)
        self.owner("limit", "reset", "cloud")
        self.await_cpus(2 * HOST_CPUS)
        self.create_once_possible("c")
        self.assertEqual(self.owner("limit", "set", "cloud", check=False).code, 2)

    def test_what_is_kept_and_shown_is_set_at_run_time_and_outlives_a_restart(self):
        self.addCleanup(self.owner, "limit", "reset", "cloud")
        self.owner("limit", "weigh", "cloud", "--weight", "3")
        self.owner("limit", "keep", "cloud", "--cpus", "2", "--memory-mib", "64")
        self.owner("limit", "keep", "cloud", "--cpus", "1")  # the memory stays kept
        self.owner("limit", "round", "cloud", "--cpus", "10", "--vms", "1000")
        self.await_cpus(10, room=False)
        self.restart("stop", seen=False)
        share = self.owner_json("upstream", "show", "cloud")["share"]
        self.assertEqual((share["weight"], share["kept"]["cpus"], share["kept"]["memory_mib"],
                          share["steps"]["cpus"]), (3, 1, 64, 10))
        self.assertRegex(self.owner("upstream", "show", "cloud").out,
                         r"kept +1 cpus, 64 MiB memory\n.* +1000 VMs, 10 cpus\n")
        self.await_cpus(10, room=False)
        self.owner("limit", "reset", "cloud")
        self.await_cpus(2 * HOST_CPUS)
        self.assertEqual(self.owner("limit", "weigh", "cloud", check=False).code, 2)
        wrong = self.owner("limit", "weigh", "cloud", "--weight", "0", check=False)
        self.assertEqual(wrong.code, 2)


class GoneCluster(CloudCase):
    clusters = {"north": 1}
    options = Owner.options

    def test_a_cluster_that_is_gone_for_good_is_written_off(self):
        self.import_image("empty")
        self.create("a", wait=60)
        self.assertIn("is connected",
                      self.cloud.cli("cluster", "forget", "north", check=False).err)
        self.cloud.downstreams["north"].kill()
        wait_until(lambda: self.get("/v1/clusters/north")["state"] != "up", "it gone")
        refused = self.cloud.cli("cluster", "forget", "north", token_file=self.token_file,
                                 check=False)
        self.assertIn("only the operator may", refused.err)
        self.cloud.cli("cluster", "forget", "north")
        self.assertEqual([vm["state"] for vm in self.vms()], ["lost"])
        self.assertEqual(self.act("a", "delete")["code"], "ok")
        self.assertEqual(self.vms(), [])
        self.cloud.downstreams["north"].start()
        wait_until(lambda: "which is not known to be there" in self.cloud.upstream.log(),
                   "a word of the VM that is there all the same")


if __name__ == "__main__":
    unittest.main()
