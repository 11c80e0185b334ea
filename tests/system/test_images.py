#!/usr/bin/env python3
"""Archives that take long, or much: an import and an unpacking are given up with their daemon, and
what comes out of an archive is bounded by the host's owner."""
import contextlib
import http.server
import json
import os
import random
import tarfile
import threading
import unittest

from cloud_case import CloudCase, make_archive, wait_until
from fault_proxy import FaultProxy
from test_federation import Customer

GIB = 2 ** 30
BLOCK = 2 ** 17


def zstd(content, length=0):
    """A frame (RFC 8878) of the bytes as they are, or of so many zeros."""
    frame = bytearray(b"\x28\xb5\x2f\xfd\x00\x38")
    length = length or len(content)
    for at in range(0, length, BLOCK):
        piece = min(BLOCK, length - at)
        head = piece << 3 | (0 if content else 2) | (at + piece == length)
        frame += head.to_bytes(3, "little") + (content[at:at + piece] if content else b"\0")
    return bytes(frame)


def make_zeros(path, disk_bytes):
    """An image with a disk of so many zeros, in a small archive."""
    manifest = json.dumps({"format": 1, "architecture": "x86_64", "disk": "disk",
                           "disk_format": "raw", "of": path}).encode()
    entry = tarfile.TarInfo("manifest.json")
    entry.size = len(manifest)
    disk = tarfile.TarInfo("disk")
    disk.size = disk_bytes
    head = entry.tobuf() + manifest.ljust(-len(manifest) // 512 * -512, b"\0") + disk.tobuf()
    with open(path, "wb") as file:
        file.write(zstd(head) + zstd(b"", disk_bytes) + zstd(bytes(1024)))
    return path


class ImagesCase(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "shapes": {"nano": (1, 32, 4)},
               "host": {"cpus": 16, "memory_mib": 8192, "disk_gib": 80, "max_image_gib": 1}}

    def zeros(self, name, disk_bytes):
        return make_zeros(f"{self.folder.name}/{name}.tar.zst", disk_bytes)


class Unpacking(ImagesCase):
    options = {"driver": "test", "shapes": {"vast": (1, 32, 512)},
               "host": {"cpus": 16, "memory_mib": 8192, "disk_gib": 2048}}

    def test_an_unpacking_is_given_up_with_its_agent(self):
        agent = self.cloud.agents["host-1"]
        self.import_image("slow", self.zeros("slow", 300 * GIB))
        self.create("slow", "slow", shape="vast")
        wait_until(lambda: any(name.endswith(".new") for name in
                               os.listdir(f"{agent.state}/images")), "it is being unpacked")
        digest = self.get("/v1/images/slow")["digest"]
        self.assertEqual(agent.stop(), 0)
        is_given_up = " event=stop-unfinished " in agent.log()  # a fast machine may be done by then
        self.assertEqual(os.listdir(f"{agent.state}/images"), [] if is_given_up else [digest])


class Several(CloudCase):
    """Two upstream managers whose archives are the same, by one cluster's folder of images."""
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "upstreams": ["nimbus", "stratus"], "shapes": {"nano": (1, 32, 1)},
               "limits": {"max_images_mib": 1}}

    def setUp(self):
        self.tenants = [Customer(self, upstream, "acme") for upstream in self.cloud.upstreams]

    def import_at_both(self, name, disk=None):
        path = make_archive(f"{self.folder.name}/{name}.tar.zst", disk)
        return {upstream: self.cloud.cli("image", "import", name, path, "-o", "json",
                                         upstream=upstream).json()["digest"]
                for upstream in self.cloud.upstreams}[self.tenants[0].upstream]

    def test_an_image_of_another_cannot_be_used_by_its_digest(self):
        digest = self.import_at_both("secret")
        nimbus, stratus = self.tenants
        self.assertEqual(nimbus.create("web", "secret", wait=60)["code"], "ok")
        os.unlink(f"{self.cloud.upstreams[stratus.upstream].state}/images/{digest}")
        self.assertEqual(stratus.create("web", "secret", wait=60)["code"], "image-unavailable")
        self.assertEqual(nimbus.create("more", "secret", wait=60)["code"], "ok")

    def test_the_same_image_at_the_same_time_comes_from_each_and_is_kept_once(self):
        digest = self.import_at_both("common")
        made = [tenant.create("both", "common") for tenant in self.tenants]
        for tenant, operation in zip(self.tenants, made):
            tenant.await_end(operation)
        images = f"{self.cloud.downstreams['north'].state}/images"
        kept = sorted(name for _, _, names in os.walk(images) for name in names if digest in name)
        self.assertEqual(kept, [digest] * 3)  # the archive, and a grant of each
        self.assertEqual([os.path.getsize(f"{images}/of-{tenant.upstream}/{digest}")
                          for tenant in self.tenants], [0, 0])


    def test_an_archive_that_two_have_goes_when_neither_needs_it(self):
        images = f"{self.cloud.downstreams['north'].state}/images"
        digests = [self.import_at_both(name, random.randbytes(700_000)) for name in ("a", "b")]

        def there():
            return [[os.path.exists(f"{folder}/{digest}") for digest in digests] for folder in
                    (images, *(f"{images}/of-{tenant.upstream}" for tenant in self.tenants))]
        for tenant in self.tenants:
            self.assertEqual(tenant.create("first", "a", wait=60)["code"], "ok")
        kept = [[True, False], [True, False], [True, False]]
        self.assertEqual(there(), kept)
        for number, tenant in enumerate(self.tenants):
            self.assertEqual(tenant.ask("DELETE", "/v1/vms/first?wait=60").json()["code"], "ok")
            self.assertEqual(tenant.create("second", "b", wait=60)["code"], "ok")
            kept[number + 1] = [False, True]
            kept[0] = [number == 0, True]
            wait_until(lambda: there() == kept, f"they are as {tenant.upstream} lets them")


class Evictions(ImagesCase):
    """Owners let 1 MiB of images stay, in the cluster and on its host."""
    options = {**ImagesCase.options, "limits": {"max_images_mib": 1},
               "host": {**ImagesCase.options["host"], "max_images_mib": 1}}

    def import_large(self, name):
        path = make_archive(f"{self.folder.name}/{name}.tar.zst", random.randbytes(700_000))
        self.import_image(name, path)
        return self.get(f"/v1/images/{name}")["digest"]

    def folders(self):
        cluster, host = self.cloud.downstreams["north"].state, self.cloud.agents["host-1"].state
        return f"{cluster}/images", f"{cluster}/images/of-cloud", f"{host}/images"

    def await_kept(self, *digests):
        """In the cluster, granted there, and on the host; and nothing on its way out."""
        def kept():
            return [sorted(name for name in os.listdir(folder) if not name.startswith("of-") and
                           name != "sequences") for folder in self.folders()]
        wait_until(lambda: kept() == [sorted(digests)] * 3, "they are kept, and no others")

    def test_what_no_vm_stands_on_makes_room_and_comes_again(self):
        one, two, three = (self.import_large(name) for name in ("one", "two", "three"))
        self.assertEqual(self.create("first", "one", wait=60)["code"], "ok")
        self.assertEqual(self.create("second", "two", wait=60)["code"], "ok")
        self.await_kept(one, two)  # more than may stay: both are stood on
        self.act("first", "delete")
        self.assertEqual(self.create("third", "three", wait=60)["code"], "ok")
        self.await_kept(two, three)
        for daemon in (self.cloud.downstreams["north"], self.cloud.agents["host-1"]):
            wait_until(lambda log=daemon.log: f" event=image-evicted digest={one} bytes=" in log(),
                       "its owner is told")
        wait_until(lambda: [self.cloud.rest("GET", f"/v1/images/{name}").json().get("clusters")
                            for name in ("one", "two", "three")] == [None, "north", "north"],
                   "its operator is told")
        self.act("third", "delete")
        self.assertEqual(self.create("first", "one", wait=60)["code"], "ok")
        self.await_kept(one, two)
        self.cloud.downstreams["north"].kill()
        self.cloud.agents["host-1"].kill()
        cluster, grants, host = self.folders()
        os.unlink(f"{grants}/{two}")  # killed before its archive went
        for left in (f"{cluster}/{three}.gone", f"{host}/{three}.gone"):
            with open(left, "w", encoding="utf-8"):
                pass
        self.cloud.agents["host-1"].start()
        self.cloud.downstreams["north"].start()
        self.cloud.await_capacity()
        self.assertEqual(sorted(os.listdir(cluster)), sorted([one, "of-cloud"]))
        self.assertEqual(sorted(os.listdir(host)), sorted([one, two]))


class Held(ImagesCase):
    """Two clusters alike: VMs of an image go where it is, as long as there is room enough."""
    clusters = {"north": ["host-1", "host-2"], "south": ["host-3", "host-4"]}

    def operators(self, path):
        answer = self.cloud.rest("GET", path)
        self.assertEqual(answer.status, 200, answer.out)
        return answer.json()

    def place(self, name, image):
        self.assertEqual(self.create(name, image, wait=60)["code"], "ok")
        return self.get(f"/v1/vms/{name}")["cluster"]

    def hosts(self, cluster):
        rows = json.loads(self.cloud.owner(cluster, "vm", "list", "-o", "json").out)["items"]
        return {row["host"] for row in rows}

    def test_vms_go_where_their_image_is(self):
        self.import_image("common")
        self.import_image("rare")
        where = self.place("first", "common")
        self.assertEqual(self.operators("/v1/images/common")["clusters"], where)
        self.assertEqual(self.operators(f"/v1/clusters/{where}")["images"], "common")
        for path in ("/v1/images/common", "/v1/images/rare", f"/v1/clusters/{where}"):
            self.assertFalse({"clusters", "images"} & set(self.get(path)))  # a tenant asks
        self.assertEqual({self.place(name, "common") for name in ("second", "third")}, {where})
        self.assertEqual(len(self.hosts(where)), 1)
        self.assertNotEqual(self.place("other", "rare"), where)  # where most room is
        self.cloud.downstreams[where].kill()
        self.cloud.downstreams[where].start()
        self.cloud.await_capacity()
        wait_until(lambda: self.operators("/v1/images/common").get("clusters") == where,
                   "what it has is told anew")
        self.assertEqual(self.place("fourth", "common"), where)
        self.assertEqual(len(self.hosts(where)), 1)
        self.assertRegex(self.cloud.cli("image", "show", "common").out, rf"there already +{where}")
        self.assertRegex(self.cloud.cli("cluster", "show", where).out, "images there +common")


class BadLink(FaultProxy):
    """Before an image server: slow, so that little is under way when it is cut."""
    target = property(fset=lambda self, port: setattr(self, "target_port", port))

    def __init__(self):
        super().__init__(0, seed=15, bytes_per_second=8_000_000)

    def carried(self):
        return self.bytes["down"]


class BadLinks(CloudCase):
    """An archive of bytes that nothing makes smaller, over an uplink that breaks."""
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "shapes": {"nano": (1, 32, 1)}}
    gates = ["north"]
    gate_kind = BadLink

    def begin(self, name, mib):
        """Asks for a VM of a new image; its operation, its archive's bytes, the link."""
        path = make_archive(f"{self.folder.name}/{name}.tar", random.randbytes(mib << 20))
        self.import_image(name, path)
        return self.create(name, name), os.path.getsize(path), self.gate["north"]

    def await_come(self, link, bytes_come):
        wait_until(lambda: link.connections and link.carried() >= bytes_come,
                   f"{bytes_come} bytes have come, not {link.carried()}")

    def end(self, operation):
        ended = self.await_end(operation)
        self.assertEqual((ended["state"], ended["code"]), ("succeeded", "ok"), ended)

    def test_a_hundred_cuts_cost_next_to_nothing(self):
        chance = random.Random(15)
        operation, size, link = self.begin("cut", 64)
        before, resets = link.carried(), link.resets
        for point in sorted(chance.randrange(size - (1 << 20)) for _ in range(100)):
            self.await_come(link, before + point)
            link.reset()
        self.end(operation)
        self.assertGreaterEqual(link.resets - resets, 100)
        self.assertLessEqual(link.carried() - before, 1.02 * size)
        self.assertEqual(self.parts(), [])

    def parts(self):
        images = f"{self.cloud.downstreams['north'].state}/images"
        return [f"{folder}/{name}" for folder, _, names in os.walk(images)
                for name in names if name.endswith(".part")]

    def kill_half_way(self, name):
        """The manager, when half of an archive of 16 MiB has come; as begin() has it."""
        operation, size, link = self.begin(name, 16)
        before = link.carried()
        self.await_come(link, before + size // 2)
        self.cloud.downstreams["north"].kill()
        return operation, size, before

    def test_what_has_come_outlives_its_manager(self):
        operation, size, before = self.kill_half_way("killed")
        self.cloud.downstreams["north"].start()
        self.end(operation)
        self.assertLessEqual(self.gate["north"].carried() - before, 1.1 * size)

    def test_what_is_damaged_comes_again_once(self):
        operation, size, before = self.kill_half_way("damaged")
        [part] = self.parts()
        with open(part, "r+b") as file:
            file.write(bytes(16))
        self.cloud.downstreams["north"].start()
        self.end(operation)
        carried = self.gate["north"].carried() - before
        self.assertTrue(1.5 * size < carried < 2.2 * size, (carried, size))

    def test_a_link_that_is_gone_for_long_costs_the_vm_not_the_bytes(self):
        operation, size, link = self.begin("gone", 16)
        before = link.carried()
        self.await_come(link, before + size // 2)
        self.addCleanup(link.resume)
        link.cut()
        self.await_end(operation, "image-unavailable")
        link.resume()
        self.end(self.create("again", "gone"))
        self.assertLessEqual(link.carried() - before, 1.1 * size)


class Liar:
    """An image server, for one archive: `answer` makes of a range what it says and sends."""

    def __init__(self):
        self.content, self.answer, self.asked = b"", None, 0
        liar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                liar.asked += 1
                first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
                status, said, body = liar.answer(first, min(last + 1, len(liar.content)))
                self.send_response(status)
                if said:
                    self.send_header("Content-Range", said)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):  # it has heard enough
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Liars(CloudCase):
    """What an image server makes of a range that it is asked for."""
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "shapes": {"nano": (1, 32, 1)}}
    gates = ["north"]
    gate_kind = Liar

    def create_of(self, name, answer):
        path = make_archive(f"{self.folder.name}/{name}.tar", random.randbytes(17 << 20))
        self.import_image(name, path)
        liar = self.gate["north"]
        with open(path, "rb") as file:
            liar.content = file.read()
        liar.answer, liar.asked = answer, 0
        return self.create(name, name, wait=60)["code"]

    def true(self, first, end):
        content = self.gate["north"].content
        return 206, f"bytes {first}-{end - 1}/{len(content)}", content[first:end]

    def test_the_whole_in_place_of_a_range_is_taken(self):
        def whole(*_):
            return 200, "", self.gate["north"].content

        self.assertEqual(self.create_of("whole", whole), "ok")
        self.assertEqual(self.gate["north"].asked, 1)

    def test_the_whole_takes_the_place_of_what_has_come(self):
        def first_a_part(first, end):
            return self.true(first, end) if not first else (200, "", self.gate["north"].content)

        self.assertEqual(self.create_of("late", first_a_part), "ok")
        self.assertEqual(self.gate["north"].asked, 2)

    def test_what_was_not_asked_for_is_not_taken(self):
        lies = {
            "elsewhere": lambda said, body, size: (f"bytes 1-{len(body)}/{size}", body),
            "backward": lambda said, body, size: (f"bytes 9-3/{size}", body),
            "endless": lambda said, body, size: (f"bytes 0-{len(body) - 1}/{2 ** 64 - 1}", body),
            "unsaid": lambda said, body, size: ("", body),
            "more": lambda said, body, size: (said, body + bytes(1 << 20)),
            "nothing": lambda said, body, size: (said, b""),
        }
        for name, lie in lies.items():
            with self.subTest(name):
                def lying(first, end, lie=lie):
                    _, said, body = self.true(first, end)
                    return 206, *lie(said, body, len(self.gate["north"].content))

                self.assertEqual(self.create_of(name, lying), "image-unavailable")
                self.assertLess(self.gate["north"].asked, 8)

    def test_a_server_that_changes_its_mind_is_believed_no_more(self):
        def growing(first, end):
            size = len(self.gate["north"].content) + first
            return 206, f"bytes {first}-{end - 1}/{size}", self.true(first, end)[2]

        self.assertEqual(self.create_of("growing", growing), "image-unavailable")

    def test_one_that_breaks_off_after_a_little_is_left_after_a_few_tries(self):
        def dripping(first, end):
            _, said, body = self.true(first, end)
            return 206, f"bytes {first}-{first + 99}/{said.split('/')[1]}", body[:100]

        self.assertEqual(self.create_of("dripping", dripping), "image-unavailable")
        self.assertLess(self.gate["north"].asked, 8)


class Images(ImagesCase):
    def test_an_import_is_given_up_with_its_manager(self):
        path = self.zeros("long", 900 * GIB)
        upstream = self.cloud.upstream
        told = []
        with open(path, "rb") as file:
            archive = file.read()

        def send():  # once, and of no digest: with one the command would wait and go on
            try:
                told.append(self.cloud.rest("PUT", "/v1/images/long", archive, timeout=300).status)
            except OSError as fault:
                told.append(fault)

        asking = threading.Thread(target=send)
        asking.start()
        images = f"{upstream.state}/images"
        wait_until(lambda: any(name.startswith("upload-") and
                               os.path.getsize(f"{images}/{name}") == os.path.getsize(path)
                               for name in os.listdir(images)), "the whole archive is there")
        self.assertEqual(upstream.stop(), 0)
        asking.join()
        self.assertNotEqual(told[0], 201)
        self.assertEqual([name for name in os.listdir(images) if name.startswith("upload-")], [])
        upstream.start()
        self.cloud.await_capacity()

    def test_what_is_said_of_an_image_is_shown_and_held_against_shapes(self):
        manifest = {"machine": {"disk_bus": "scsi"}, "cloud_init": "yes"}
        path = make_archive(f"{self.folder.name}/said.tar.zst", manifest=manifest)
        said = ["--firmware", "uefi", "--clock", "local", "--tpm", "2.0",
                "--min-cpus", "2", "--min-disk-gib", "3"]
        self.cloud.cli("image", "import", "said", path, *said)
        image = self.get("/v1/images/said")
        self.assertEqual(image["machine"], {"firmware": "uefi", "disk_bus": "scsi",
                                            "clock": "local", "tpm": "2.0"})
        self.assertEqual((image["least_cpus"], image["disk_gib"], image["cloud_init"]),
                         (2, 3, "yes"))
        refused = self.vm("create", "small", "--shape", "nano", "--image", "said", check=False)
        self.assertIn("needs 2 CPUs, there would be 1", refused.err)
        wrong = self.cloud.cli("image", "import", "said", path, "--firmware", "coreboot",
                               check=False)
        self.assertIn("firmware", wrong.err)
        other = self.cloud.cli("image", "import", "other", path, "--architecture", "aarch64",
                               check=False)
        self.assertIn("manifest says x86_64", other.err)
        self.assertNotIn("other", self.cloud.cli("image", "list", "-o", "name").out.split())

    def test_more_than_its_owner_permits_does_not_come_out_on_a_host(self):
        self.import_image("two", self.zeros("two", 2 * GIB))
        ended = self.create("two", "two", wait=60)
        self.assertEqual((ended["state"], ended["code"]), ("failed", "image-too-large"), ended)
        wait_until(lambda: self.vms() == [], "nothing is left")


if __name__ == "__main__":
    unittest.main(verbosity=2)
