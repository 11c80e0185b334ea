#!/usr/bin/env python3
"""A cluster of one host and one of ten are each one row, told apart by capacity alone."""
import glob
import re
import shutil
import sqlite3
import unittest

from cloud_case import CloudCase, read, wait_until


class OneAndTen(CloudCase):
    clusters = {"one": 1, "ten": 10}
    options = {"driver": "test"}

    def clusters_by_name(self):
        return {cluster["name"]: cluster for cluster in self.get("/v1/clusters")["items"]}

    def test_each_cluster_is_one_row(self):
        told = self.cloud.cli("cluster", "list", token_file=self.token_file).out
        rows = [line for line in told.splitlines()[1:] if line.strip()]
        self.assertEqual([row.split()[0] for row in rows], ["one", "ten"], told)
        shown = self.clusters_by_name()
        for cluster in shown.values():
            cluster.pop("seen_ms")
            cluster.pop("name")
        one, ten = shown["one"]["capacity"], shown["ten"]["capacity"]
        self.assertEqual({**shown["one"], "capacity": 0}, {**shown["ten"], "capacity": 0})
        self.assertEqual(one.keys(), ten.keys())
        for key, value in one.items():
            if key == "fits":
                continue
            self.assertEqual(value * 10, ten[key], key)
        self.assertEqual([(fit["shape"], fit["count"] * 10) for fit in one["fits"]],
                         [(fit["shape"], fit["count"]) for fit in ten["fits"]])

    def test_the_store_has_one_row_for_each_cluster(self):
        for path in glob.glob(f"{self.cloud.upstream.state}/store.sqlite*"):
            shutil.copy(path, self.folder.name)  # the daemon keeps the original locked
        store = sqlite3.connect(f"{self.folder.name}/store.sqlite")
        self.addCleanup(store.close)
        tables = [name for (name,) in
                  store.execute("select name from sqlite_master where type = 'table'")]
        rows = [str(row) for table in tables for row in store.execute(f"select * from '{table}'")]
        for name in self.clusters:
            self.assertEqual(len([row for row in rows if f"'{name}'" in row]), 1, rows)

    def test_the_traffic_of_a_new_session_is_the_same_in_number(self):
        trace = self.cloud.server_1.traffic_file

        def sent(since):
            """By each, in what the server has carried at one moment."""
            text = read(trace)[since:]
            return {cluster: len(re.findall(rf"^in {cluster}@\S+ <message", text, re.MULTILINE))
                    for cluster in self.clusters}

        since = len(read(trace))
        self.cloud.upstream.stop()
        self.cloud.upstream.start()
        self.cloud.await_capacity()  # both have told it all; beats of each follow
        wait_until(lambda: len(set(sent(since).values())) == 1, f"as many frames: {sent(since)}")

    def test_vms_spread_over_hosts_that_nobody_sees(self):
        image = self.import_image("empty")
        before = self.capacity()
        for i in range(20):
            ended = self.create(f"vm-{i}", image, "large", cluster="ten", wait=60)
            self.assertEqual(ended["code"], "ok", ended)
        self.assertEqual({vm["cluster"] for vm in self.vms()}, {"ten"})
        wait_until(lambda: self.capacity()["ten"]["cpus_free"] == 0, "all of ten is taken")
        self.assertEqual(self.capacity()["one"], before["one"])
        used = [name for name, agent in self.cloud.agents.items()
                if "verb=define state=succeeded" in agent.log()]
        self.assertEqual(sorted(used), sorted(self.cloud.clusters["ten"]))
        self.delete_all()
        self.await_capacity(before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
