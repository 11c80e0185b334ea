#!/usr/bin/env python3
"""The OpenAPI document as others use it: valid, judged by Redocly's linter, and a client that is
made of it, which runs. And what of it may never go: tests/client/api-v1.txt, to which
ISTHMUS_WRITE=1 adds what is new."""
import json
import os
import shutil
import subprocess
import unittest

import npm_tools
from cloud_case import ROOT, CloudCase, not_sanitized, read

SOURCE = f"{ROOT}/tests/client"
TOOLS = f"{ROOT}/build/client"  # for all builds
SURFACE = f"{SOURCE}/api-v1.txt"


def without_doubles(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"doubled: {[name for name in members if names.count(name) > 1]}")
    return members


def run(*command, **options):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=600, **options)


@not_sanitized("its work is the client's; test_api asks the same of the manager")
@unittest.skipUnless(shutil.which("npm"), "there is no npm")
class Client(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test", "shapes": {"nano": (1, 32, 1)}}

    @classmethod
    def setUpClass(cls):
        npm_tools.install(SOURCE, TOOLS)
        super().setUpClass()
        cls.import_image("empty")
        cls.text = {"upstream": cls.cloud.rest("GET", "/v1/openapi.json").out,
                    "owner": cls.cloud.owner("north", "api", "GET", "/v1/openapi.json").out}
        cls.work = f"{cls.folder.name}/client"
        shutil.copytree(SOURCE, cls.work)
        os.symlink(f"{TOOLS}/node_modules", f"{cls.work}/node_modules")
        for face, text in cls.text.items():
            with open(f"{cls.work}/{face}.json", "w") as file:
                file.write(text)

    def lint(self, name):
        return run("node", "lint.mjs", name, cwd=self.work)

    def test_no_key_stands_twice_in_it(self):
        for text in self.text.values():
            json.loads(text, object_pairs_hook=without_doubles)

    def test_the_linter_finds_nothing(self):
        for face in self.text:
            done = self.lint(f"{face}.json")
            self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_the_linter_would_find_an_example_that_does_not_fit(self):
        spoiled = self.text["upstream"].replace('"code":"ok"', '"code":"fine"')
        with open(f"{self.work}/spoiled.json", "w") as file:
            file.write(spoiled)
        done = self.lint("spoiled.json")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("no-invalid-schema-examples", done.stdout)

    def test_a_client_that_is_made_of_it_does_what_a_tenant_does(self):
        tools = f"{TOOLS}/node_modules/.bin"
        for command in ([f"{tools}/openapi-typescript", "upstream.json", "-o", "api.d.ts"],
                        [f"{tools}/openapi-typescript", "owner.json", "-o", "owner.d.ts"],
                        [f"{tools}/tsc", "--project", "tsconfig.json"]):
            done = run(*command, cwd=self.work)
            self.assertEqual(done.returncode, 0, done.stdout)
        done = run("node", "client.js", cwd=self.work, env={
            "PATH": os.environ["PATH"], "ISTHMUS_TOKEN": self.token,
            "ISTHMUS_SERVER": self.cloud.environment()["ISTHMUS_SERVER"]})
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.splitlines(), [
            "create succeeded ok", "list by-client stopped north", "start succeeded ok",
            "show running",
            "again 409 bad-state: look at the VM's state; the guide lists which verb is legal in "
            "which", "delete succeeded ok"])

    def test_a_script_asks_by_the_command(self):
        body = f"{self.work}/body.json"
        with open(body, "w") as file:
            json.dump({"name": "by-script", "shape": "nano", "image": "empty"}, file)
        made = json.loads(self.vm_api("POST", "/v1/vms?wait=60", "--body", body, "--key", "once"))
        again = json.loads(self.vm_api("POST", "/v1/vms?wait=60", "--body", body, "--key", "once"))
        self.assertEqual((made["state"], again["id"]), ("succeeded", made["id"]))
        self.vm_api("DELETE", f"/v1/vms/{made['vm']}?wait=60")
        for words, code, said in ((("GET", "/v1/vms/none"), 1, "There is no such thing"),
                                  (("get", "/v1/vms"), 2, "write it as in isthmus api GET"),
                                  (("GET", "/v2/vms"), 2, "write it as in isthmus api GET")):
            told = self.cloud.cli("api", *words, token_file=self.token_file, check=False)
            self.assertEqual(told.code, code, told.err)
            self.assertIn(said, told.err)

    def vm_api(self, *words):
        return self.cloud.cli("api", *words, token_file=self.token_file).out

    @staticmethod
    def surface(document):
        """What a client of this version may rely on, a line each."""
        lines = set()
        for path, item in document["paths"].items():
            for method, operation in item.items():
                lines.add(f"{method.upper()} {path}")
                for parameter in operation["parameters"]:
                    lines.add(f"{method.upper()} {path} takes {parameter['name']}")
        for name, schema in document["components"]["schemas"].items():
            for field, what in schema["properties"].items():
                kind = what.get("type") or what["$ref"].rpartition("/")[2]
                lines.add(f"{name}.{field}: {kind}")
        return lines

    def test_what_version_1_has_stays(self):
        found = set()
        for face, text in self.text.items():
            found |= {f"{face} {line}" for line in self.surface(json.loads(text))}
        if os.environ.get("ISTHMUS_WRITE"):
            with open(SURFACE, "w") as file:
                file.write("".join(f"{line}\n" for line in sorted(found)))
        kept = set(read(SURFACE).splitlines())
        self.assertGreater(len(kept), 700)
        self.assertEqual(kept - found, set(), "clients rely on this: it may not go in /v1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
