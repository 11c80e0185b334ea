#!/usr/bin/env python3
"""Numbers for Prometheus: their form, what they say, who may read them, and that alerts and the
dashboard ask for what there is."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from cloud_case import ROOT, CloudCase, read, wait_until

TOKEN = tempfile.NamedTemporaryFile("w", prefix="isthmus-metrics-", delete=False)
TOKEN.write("metrics-token\n")
TOKEN.close()
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{((?:{NAME}="(?:[^"\\\n]|\\[\\"n])*",?)+)\}})? (\S+)')
UNITS = ("_seconds", "_bytes", "_ratio", "_total", "_info")
COUNTS = {"isthmus_vms", "isthmus_operations_under_way", "isthmus_tenants", "isthmus_images",
          "isthmus_retired_archives",
          "isthmus_audit_rows", "isthmus_http_streams", "isthmus_metrics_left_out",
          "isthmus_cluster_cpus", "isthmus_host_cpus", "isthmus_disk_full", "isthmus_cluster_up",
          "isthmus_host_up", "isthmus_host_cordoned", "isthmus_upstream_up", "isthmus_link_up"}


def parse(text):
    """By family: (type, {sample with its labels: value}); as the exposition format 0.0.4 wants."""
    assert text.endswith("\n")
    families, family = {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family, about = line[7:].split(" ", 1)
            assert family not in families and about.endswith("."), line
            families[family] = [None, {}]
        elif line.startswith("# TYPE "):
            named, kind = line[7:].split(" ")
            assert named == family and kind in ("gauge", "counter", "histogram"), line
            assert (kind == "counter") == family.endswith("_total"), line
            families[family][0] = kind
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            kind, samples = families[family]
            suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            assert name in [family + suffix for suffix in suffixes], line
            key = name + (f"{{{labels}}}" if labels else "")
            assert key not in samples, line
            samples[key] = float(value)
    return families


class Metrics(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "api": {"metrics_token_file": TOKEN.name}}

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(os.unlink, TOKEN.name)
        super().setUpClass()
        cls.import_image("empty")

    def setUp(self):
        self.addCleanup(self.delete_all)

    def text(self, token="metrics-token"):
        answer = self.ask("GET", "/v1/metrics", token=token)
        self.assertEqual(answer.status, 200, answer.out)
        return answer.out

    def owner_text(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(f"{self.cloud.downstreams['north'].state}/owner.sock")
            connection.sendall(b"GET /v1/metrics HTTP/1.0\r\nHost: owner\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        head, body = answer.split("\r\n\r\n", 1)
        self.assertIn("200 OK", head.splitlines()[0])
        self.assertIn("text/plain; version=0.0.4", head)
        return body

    def samples(self, text=None):
        return {key: value for _, samples in parse(text or self.text()).values()
                for key, value in samples.items()}

    def test_what_happens_is_counted(self):
        before = self.samples()
        self.create("web", wait=60)
        self.act("web", "stop")
        self.assertEqual(self.ask("GET", "/v1/vms/none").status, 404)
        after = self.samples()

        def grown(key):
            return after[key] - before.get(key, 0)
        self.assertEqual(grown('isthmus_operations_total{verb="define",outcome="succeeded"}'), 1)
        self.assertEqual(grown('isthmus_operations_total{verb="stop",outcome="succeeded"}'), 1)
        self.assertEqual(grown("isthmus_operation_duration_seconds_count"), 2)
        self.assertEqual(after['isthmus_operation_duration_seconds_bucket{le="+Inf"}'],
                         after["isthmus_operation_duration_seconds_count"])
        self.assertEqual(grown('isthmus_http_requests_total{route="GET /v1/vms/{vm}",code="4xx"}'),
                         1)
        self.assertEqual(grown('isthmus_http_requests_total{route="POST /v1/vms",code="2xx"}'), 1)
        self.assertEqual(after['isthmus_vms{state="stopped"}'], 1)
        self.assertEqual(after['isthmus_cluster_up{cluster="north"}'], 1)
        self.assertEqual(after['isthmus_link_up{link="downlink"}'], 1)
        shown = self.get("/v1/clusters/north")["capacity"]
        self.assertEqual(after['isthmus_cluster_memory_bytes{cluster="north",what="free"}'],
                         shown["memory_mib_free"] << 20)
        self.assertGreater(after["process_resident_memory_bytes"], 1 << 20)

    def test_a_quota_and_a_cluster_that_is_away_show(self):
        quota = {"vms": 4, "cpus": 0, "memory_mib": 0, "disk_gib": 0}
        operator = read(self.cloud.environment()["ISTHMUS_TOKEN_FILE"]).strip()
        self.assertEqual(self.ask("PUT", "/v1/tenants/acme/quota", quota, token=operator).status,
                         200)
        self.create("web", wait=60)
        samples = self.samples()
        self.assertEqual(samples['isthmus_quota_used_ratio{tenant="acme",kind="vms"}'], 0.25)
        self.assertNotIn('isthmus_quota_used_ratio{tenant="acme",kind="cpus"}', samples)
        self.cloud.downstreams["north"].stop()
        wait_until(lambda: self.samples()['isthmus_cluster_up{cluster="north"}'] == 0, "it away")
        self.cloud.downstreams["north"].start()
        wait_until(lambda: self.samples()['isthmus_cluster_up{cluster="north"}'] == 1, "it back")
        self.cloud.await_capacity()
        quota["vms"] = 0
        self.ask("PUT", "/v1/tenants/acme/quota", quota, token=operator)

    def test_the_owner_sees_hosts_and_nobody_above_does(self):
        text = self.owner_text()
        samples = self.samples(text)
        self.assertEqual(samples['isthmus_host_up{host="host-1"}'], 1)
        self.assertEqual(samples['isthmus_host_cordoned{host="host-1"}'], 0)
        self.assertTrue([key for key in samples if key.startswith("isthmus_upstream_up{")])
        above = self.text()
        for word in ("host-1", "isthmus_host", self.cloud.folder):
            self.assertNotIn(word, above)

    def test_who_may_read_numbers_may_read_no_more(self):
        self.assertEqual(self.ask("GET", "/v1/metrics").status, 403)  # a tenant
        self.assertEqual(self.ask("GET", "/v1/metrics", token="wrong").status, 401)
        self.assertEqual(self.ask("GET", "/v1/vms", token="metrics-token").status, 401)
        self.assertEqual(self.ask("POST", "/v1/tenants", {"name": "x"},
                                  token="metrics-token").status, 401)
        self.text(read(self.cloud.environment()["ISTHMUS_TOKEN_FILE"]).strip())

    def test_names_have_their_units_and_labels_are_few(self):
        self.create("web", title='a "title"', metadata="stage=test", wait=60)
        for text in (self.text(), self.owner_text()):
            families = parse(text)
            for family in families:
                self.assertTrue(family.endswith(UNITS) or family in COUNTS, family)
            self.assertNotIn("title", text)
            self.assertNotIn("stage=test", text)
            self.assertNotIn(self.vms()[0]["id"], text)
            self.assertLess(sum(len(samples) for _, samples in families.values()), 300)
            tool = shutil.which("promtool")
            if tool:
                done = subprocess.run([tool, "check", "metrics"], input=text, text=True,
                                      capture_output=True, timeout=60)
                self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_alerts_and_the_dashboard_ask_for_what_there_is(self):
        known = set(re.findall(r'"((?:isthmus|process)_\w+)", "', read(
            f"{ROOT}/src/message/records/metrics.c")))
        self.assertEqual({f for f in parse(self.text())} - known, set())
        rules = read(f"{ROOT}/packaging/prometheus/rules.yml")
        with open(f"{ROOT}/packaging/prometheus/dashboard.json") as file:
            dashboard = json.load(file)
        self.assertEqual(len(dashboard["panels"]), 8)
        asked = "\n".join([rules] + [target["expr"] for panel in dashboard["panels"]
                                     for target in panel["targets"]])
        names = {re.sub("_bucket$", "", name) for name in re.findall(r"\bisthmus_\w+", asked)}
        self.assertGreater(len(names), 12)
        self.assertEqual(names - known, set())
        if shutil.which("promtool"):
            subprocess.run(["promtool", "check", "rules", f"{ROOT}/packaging/prometheus/rules.yml"],
                           check=True, timeout=60, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main()
