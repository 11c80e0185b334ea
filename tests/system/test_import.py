#!/usr/bin/env python3
"""Imports of what people have: disks of every format become the same image, hostile ones none; a
file that breaks off goes on, whoever was killed; what is there already is not sent."""
import hashlib
import http.client
import http.server
import os
import shutil
import subprocess
import threading
import unittest

import disks
from cloud_case import CloudCase, not_sanitized, wait_until

MIB = disks.MIB


# The sandbox has no /proc, which the sanitizers need: a converter of their build ends in it.
@not_sanitized("disks are not converted by the sanitizers' build; its readers are fuzzed there")
class ImportCase(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "shapes": {"nano": (1, 32, 4)},
               "api": {"max_image_gib": 2}}

    def setUp(self):
        self.images = f"{self.cloud.upstream.state}/images"

    def write(self, name, content):
        path = f"{self.folder.name}/{name}"
        with open(path, "wb") as file:
            file.write(content)
        return path

    def bring(self, name, path, *more, check=True):
        return self.cloud.cli("image", "import", name, path, *more, check=check)

    def half_made(self):
        return [name for name in os.listdir(self.images) if name.startswith("upload-")]

    def disk_of(self, image):
        """What a host would unpack."""
        folder = f"{self.folder.name}/unpacked"
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        subprocess.run(["tar", "-C", folder, "-xf", f"{self.images}/{image['digest']}"], check=True)
        with open(f"{folder}/disk", "rb") as file:
            return file.read()

    def upload(self, path):
        answer = self.cloud.rest("GET", f"/v1/uploads/{digest_of(path)}")
        return answer.json() if answer.status == 200 else None


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Formats(ImportCase):
    def test_a_disk_of_each_format_becomes_the_same_image(self):
        disk = disks.raw(mark=b"a mark")
        for name, content in disks.good(self.folder.name, disk).items():
            with self.subTest(name):
                path = self.write(f"disk-{name}", content)
                self.bring(name, path)
                image = self.get(f"/v1/images/{name}")
                self.assertEqual(self.disk_of(image), disk)
                self.assertEqual((image["source"], image["disk_gib"], image["architecture"],
                                  image["machine"]), (digest_of(path), 1, "x86_64",
                                                      {"firmware": "bios"}))
                self.assertEqual(self.half_made(), [])

    def test_a_vm_is_made_of_an_imported_disk(self):
        path = self.write("web.qcow2", disks.convert(self.folder.name, "qcow2"))
        self.bring("web", path)
        self.assertEqual(self.create("web", "web", wait=60)["code"], "ok")

    def test_no_hostile_disk_is_taken_or_reads_or_leaves_anything(self):
        secret = self.write("secret", disks.SECRET.ljust(65536))
        count = 0
        for name, content, word in disks.hostile(self.folder.name, secret):
            count += 1
            with self.subTest(name):
                told = self.bring("hostile", self.write("hostile", content), check=False)
                self.assertEqual(told.code, 1, told)
                self.assertIn(word, told.err)
                self.assertIn("what to do:", told.err)
                self.assertNotIn(self.images, told.err)
                self.assertEqual(self.half_made(), [])
        self.assertGreaterEqual(count, 40)
        self.assertNotIn("hostile", self.cloud.cli("image", "list", "-o", "name").out.split())
        for name in os.listdir(self.images):
            with open(f"{self.images}/{name}", "rb") as file:
                self.assertNotIn(disks.SECRET, file.read())


class Files(ImportCase):
    def test_what_is_there_already_is_not_sent_again(self):
        path = self.write("same.raw", disks.raw())
        self.bring("same", path)
        digest = self.get("/v1/images/same")["digest"]
        before = os.stat(f"{self.images}/{digest}")
        for name in ("same", "other-name"):
            self.bring(name, path, "--guest-agent", "yes")
            image = self.get(f"/v1/images/{name}")
            self.assertEqual((image["digest"], image["guest_agent"]), (digest, "yes"))
        after = os.stat(f"{self.images}/{digest}")
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))
        told = self.bring("same", self.write("another.raw", disks.raw()), check=False)
        self.assertIn("with other contents is there already", told.err)

    def test_a_file_goes_on_where_it_broke_off(self):
        content = disks.raw(16 * MIB)
        path = self.write("part.raw", content)
        digest, half = digest_of(path), 7 * MIB + 5
        port = self.cloud.ports[self.cloud.upstream.name]
        connection = http.client.HTTPConnection("127.0.0.1", port)
        token = self.cloud.environment()["ISTHMUS_TOKEN_FILE"]
        with open(token) as file:
            head = {"Authorization": f"Bearer {file.read().strip()}",
                    "Content-Length": str(len(content))}
        connection.putrequest("PUT", f"/v1/images/part?digest={digest}")
        for name, value in head.items():
            connection.putheader(name, value)
        connection.endheaders(content[:half])
        wait_until(lambda: (self.upload(path) or {}).get("bytes") == half, "half of it is there")
        self.assertEqual(self.upload(path)["stage"], "receiving")
        connection.close()
        wait_until(lambda: self.upload(path)["stage"] == "broken-off", "it has broken off")
        stranger = self.ask("GET", f"/v1/uploads/{digest}")
        self.assertEqual(stranger.status, 404)
        wrong = self.cloud.rest("PUT", f"/v1/images/part?digest={digest}&offset={half + 1}", b"x")
        self.assertEqual((wrong.status, wrong.json()["code"]), (409, "conflict"))
        rest = self.cloud.rest("PUT", f"/v1/images/part?digest={digest}&offset={half}",
                               content[half:])
        self.assertEqual(rest.status, 201, rest.out)
        self.assertEqual(self.disk_of(rest.json()), content)
        self.assertIsNone(self.upload(path))
        self.assertEqual(self.half_made(), [])

    def test_what_came_otherwise_than_was_said_is_refused(self):
        content = disks.raw()
        wrong = self.cloud.rest("PUT", f"/v1/images/wrong?digest={'0' * 64}", content)
        self.assertEqual((wrong.status, wrong.json()["code"]), (422, "image-broken"), wrong.out)
        self.assertIn("not the one that was said", wrong.out)
        self.assertNotIn("upload-", wrong.out)
        path = self.write("wrong.raw", content)
        told = self.bring("wrong", path, "--digest", "0" * 64, check=False)
        self.assertEqual(told.code, 1)
        self.assertIn("has the digest", told.err)
        self.assertEqual(self.half_made(), [])

    def long_import(self, name, content):
        """The command under way, with some of its file at the manager."""
        path = self.write(name, content)
        environment = {"PATH": os.environ["PATH"], **self.cloud.environment()}
        command = subprocess.Popen(
            [f"{self.cloud.build}/src/cli/isthmus", "image", "import", name, path],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        self.addCleanup(command.stdout.close)
        wait_until(lambda: any(name.endswith(".part") for name in os.listdir(self.images)),
                   "some of it is there")
        return path, command

    def test_an_import_outlives_a_manager_that_is_killed(self):
        content = disks.raw(256 * MIB)
        path, command = self.long_import("killed", content)
        self.cloud.upstream.kill()
        self.cloud.upstream.start()
        said = command.communicate(timeout=300)[0]
        self.assertEqual(command.returncode, 0, said)
        self.assertEqual(self.get("/v1/images/killed")["source"], digest_of(path))
        self.assertEqual(self.half_made(), [])

    def test_an_import_outlives_its_command(self):
        content = disks.raw(256 * MIB)
        path, command = self.long_import("again", content)
        command.kill()
        command.wait()
        wait_until(lambda: (self.upload(path) or {"stage": "gone"})["stage"] in
                   ("broken-off", "gone"), "the manager has seen it end")
        told = self.bring("again", path)
        self.assertEqual(self.get("/v1/images/again")["source"], digest_of(path))
        self.assertRegex(told.err, r"(?m)^(sending|hashing): \d+ %$")
        self.assertEqual(self.half_made(), [])


class Exports(ImportCase):
    def test_an_image_becomes_a_file_again_that_qemu_img_reads(self):
        disk = disks.raw(mark=b"there and back")
        self.bring("back", self.write("back.vmdk", disks.good(self.folder.name, disk)["vmdk"]))
        to = f"{self.folder.name}/back.raw"
        half = self.get("/v1/images/back")["archive_bytes"] // 2
        with open(f"{self.images}/{self.get('/v1/images/back')['digest']}", "rb") as archive, \
                open(f"{to}.part", "wb") as part:
            part.write(archive.read(half))  # of an earlier try
        told = self.cloud.cli("image", "export", "back", to, token_file=self.token_file)
        self.assertIn("back.raw, raw", told.out)
        with open(to, "rb") as file:
            self.assertEqual(file.read(), disk)
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", to, f"{to}.qcow2"],
                       check=True)
        self.assertLess(os.stat(to).st_blocks * 512, len(disk))  # holes stay holes
        self.assertFalse(os.path.exists(f"{to}.part"))
        again = self.cloud.cli("image", "export", "back", to, check=False)
        self.assertEqual((again.code, "there already" in again.err), (2, True))

    def test_what_was_spoilt_on_its_way_is_no_file(self):
        self.bring("spoilt", self.write("spoilt.raw", disks.raw()))
        to = f"{self.folder.name}/spoilt.out"
        with open(f"{to}.part", "wb") as part:
            part.write(b"not of it" * 10)
        told = self.cloud.cli("image", "export", "spoilt", to, check=False)
        self.assertEqual(told.code, 1)
        self.assertIn("digest", told.err)
        self.assertFalse(os.path.exists(to) or os.path.exists(f"{to}.part"))
        self.cloud.cli("image", "export", "spoilt", to)
        self.assertEqual(self.cloud.cli("image", "export", "nothing", f"{to}2",
                                        check=False).code, 1)


class Tenants(ImportCase):
    def test_a_tenant_has_images_of_its_own_within_its_quota(self):
        path = self.write("own.qcow2", disks.convert(self.folder.name, "qcow2"))

        def bring(name, file=path):
            return self.cloud.cli("image", "import", name, file, token_file=self.token_file,
                                  check=False)

        self.assertIn("your quota has no room for images of your own", bring("acme-web").err)
        self.cloud.cli("tenant", "set-image-quota", "acme", "--images-gib", "1")
        self.assertIn("begins with your own", bring("web").err)
        self.assertEqual(bring("acme-web").code, 0)
        self.assertIn("of 1 GiB", self.cloud.cli("tenant", "show", "acme").out)
        self.assertEqual(self.create("own", "acme-web", wait=60)["code"], "ok")
        large = f"{self.folder.name}/large.raw"
        with open(large, "wb") as file:
            file.write(disks.raw())
            file.truncate(disks.GIB + disks.SECTOR)
        self.assertIn("MiB more", bring("acme-large", large).err)
        other = self.cloud.tenant("spy")
        seen = self.cloud.cli("image", "list", "-o", "name", token_file=other).out.split()
        self.assertNotIn("acme-web", seen)
        self.assertEqual(self.cloud.cli("image", "show", "acme-web", token_file=other,
                                        check=False).code, 1)
        self.cloud.cli("image", "share", "acme-web")
        shown = self.cloud.cli("image", "show", "acme-web", token_file=other).out
        self.assertNotIn("tenant", shown)
        self.cloud.cli("image", "unshare", "acme-web")
        self.assertEqual(self.cloud.cli("image", "show", "acme-web", token_file=other,
                                        check=False).code, 1)
        self.assertEqual(self.act("own", "delete")["code"], "ok")
        self.cloud.cli("image", "delete", "acme-web", token_file=self.token_file)
        self.assertEqual(self.half_made(), [])


class Parts(http.server.BaseHTTPRequestHandler):
    """A web server that breaks off at first, and gives parts."""
    content, asked = b"", []

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path.endswith("SUMS"):
            body = self.sums
            self.send_response(200)
        elif self.headers.get("Range"):
            begin = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            body = self.content[begin:]
            self.send_response(206)
            self.send_header("Content-Range",
                             f"bytes {begin}-{len(self.content) - 1}/{len(self.content)}")
        else:
            body = self.content
            self.send_response(200)
        self.asked.append((self.path, self.headers.get("Range")))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        breaks = len(self.asked) == 2 and not self.headers.get("Range")
        self.wfile.write(body[:len(body) // 2] if breaks else body)


class Addresses(ImportCase):
    def serve(self, sums, content):
        handler = type("Handler", (Parts,), {"content": content, "sums": sums, "asked": []})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}", handler

    def bring_by(self, *words):
        environment = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": f"{self.folder.name}/cache",
                       **self.cloud.environment()}
        return subprocess.run([f"{self.cloud.build}/src/cli/isthmus", "image", "import", *words],
                              text=True, capture_output=True, env=environment, timeout=120)

    def test_an_address_is_fetched_by_its_line_in_a_list_and_goes_on_after_a_break(self):
        content = disks.convert(self.folder.name, "qcow2")
        for kind in ("sha256", "sha512"):
            digest = hashlib.new(kind, content).hexdigest()
            url, handler = self.serve(f"{'1' * len(digest)}  other\n{digest} *d.qcow2\n".encode(),
                                      content)
            told = self.bring_by(f"by-{kind}", f"{url}/cloud/d.qcow2", "--sums",
                                 f"{url}/cloud/SUMS")
            self.assertEqual(told.returncode, 0, told.stderr)
            self.assertEqual(handler.asked, [("/cloud/SUMS", None), ("/cloud/d.qcow2", None),
                                             ("/cloud/d.qcow2",
                                              f"bytes={len(content) // 2}-")])
            self.assertEqual(os.listdir(f"{self.folder.name}/cache/isthmus"), [])

    def gpg(self, *words):
        return subprocess.run(["gpg", "--homedir", f"{self.folder.name}/gpg", "--batch", "--quiet",
                               "--passphrase", "", *words], check=True, capture_output=True).stdout

    def make_keys(self):
        os.mkdir(f"{self.folder.name}/gpg", 0o700)
        self.addCleanup(subprocess.run, ["gpgconf", "--homedir", f"{self.folder.name}/gpg",
                                         "--kill", "gpg-agent"], check=True)
        for name in ("maker", "other"):
            self.gpg("--quick-gen-key", f"{name}@test", "ed25519", "sign", "never")
            with open(f"{self.folder.name}/{name}.keys", "wb") as file:
                file.write(self.gpg("--export", f"{name}@test"))

    def test_a_list_is_believed_if_a_key_of_the_keyring_signed_it(self):
        self.make_keys()
        content = disks.raw()
        line = f"{hashlib.sha256(content).hexdigest()}  d.raw\n"
        sums, signature = f"{self.folder.name}/SUMS", f"{self.folder.name}/SUMS.sign"
        with open(sums, "w", encoding="ascii") as file:
            file.write(line)
        self.gpg("--local-user", "maker@test", "--output", signature, "--detach-sign", sums)
        url, _ = self.serve(b"", content)
        by_list = ["signed", f"{url}/d.raw", "--sums", sums, "--signature", signature]
        told = self.bring_by(*by_list)
        self.assertEqual((told.returncode, "give --sums and --keyring" in told.stderr), (2, True))
        told = self.bring_by(*by_list, "--keyring", f"{self.folder.name}/other.keys")
        self.assertEqual(told.returncode, 1, told.stderr)
        self.assertIn("is not signed by a key of", told.stderr)
        told = self.bring_by(*by_list, "--keyring", "/nowhere/keys")
        self.assertEqual(told.returncode, 2, told.stderr)
        with open(sums, "a", encoding="ascii") as file:
            file.write(line.replace("d.raw", "e.raw"))
        told = self.bring_by(*by_list, "--keyring", f"{self.folder.name}/maker.keys")
        self.assertEqual(told.returncode, 1, told.stderr)
        self.assertEqual(self.cloud.cli("image", "show", "signed", check=False).code, 1)
        with open(sums, "w", encoding="ascii") as file:
            file.write(line)
        told = self.bring_by(*by_list, "--keyring", f"{self.folder.name}/maker.keys")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertRegex(told.stderr, r"signed by [0-9A-F]{40}: ")

    def test_an_address_needs_a_digest_and_the_right_one(self):
        url, _ = self.serve(b"", disks.raw())
        told = self.bring_by("bare", f"{url}/d.raw")
        self.assertEqual(told.returncode, 2)
        self.assertIn("needs --digest or --sums", told.stderr)
        told = self.bring_by("bare", f"{url}/d.raw", "--sums", f"{url}/SUMS")
        self.assertIn("has no line for d.raw", told.stderr)
        told = self.bring_by("bare", f"{url}/d.raw", "--digest", "0" * 64)
        self.assertIn("has the digest", told.stderr)
        self.assertEqual(os.listdir(f"{self.folder.name}/cache/isthmus"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
