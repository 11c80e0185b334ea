#!/usr/bin/env python3
"""tools/tidy finds each thing that it forbids, says where, and lets good code pass."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
sys.dont_write_bytecode = True
import tidy  # noqa: E402 (found by the path above)

SIGN = "/* A room.\n *\n * Its contract. */\n#pragma once\n"

# rule: [(path, text, line where it must be found)]
BAD = {
    "include arrows": [
        ("src/core/a.c", '#include "core/a.h"\n#include "io/xmpp.h"\n', 2),
        ("src/base/a.c", '#include "message/id.h"\n', 1),
        ("src/message/a.c", '#include "core/vm.h"\n', 1),
        ("src/io/a.c", '#include "sim/world.h"\n', 1),
        ("sim/a.c", '#include "io/loop.h"\n', 1),
        ("src/main/a.c", '#include "sim/world.h"\n', 1),
        ("src/core/a.c", '#include "a.h"\n', 1),
        ("src/io/host.c", '#include "io/host_libvirt_parts.h"\n', 1),
    ],
    "foreign header": [
        ("src/io/rest.c", "#include <sqlite3.h>\n", 1),
        ("src/main/agent.c", "#include <string.h>\n\n#  include <libvirt/libvirt.h>\n", 3),
        ("src/io/a.c", "#include <openssl/ssl.h>\n", 1),
        ("src/base/a.c", "#include <cmocka.h>\n", 1),
    ],
    "function length": [
        ("src/io/a.c", "\nvoid f(void) {\n" + "    g();\n" * 69 + "}\n", 2),
        ("tools/a.py", "def f():\n" + "    g()\n" * 70, 1),
    ],
    "parameters": [
        ("src/io/a.c", "int f(int a, int b, int c,\n      int d, int e, int g) {\n}\n", 1),
        ("src/io/a.c", "format_checked(1, 2) int f(int a, int b, int c, int d, int e, void (*g)("
         "int, int)) {\n}\n", 1),
    ],
    "file length": [("src/io/a.c", "int a;\n" * 601, 601), ("tools/a", "#!/bin/sh\n" * 601, 601)],
    "line length": [("src/io/a.c", "\n" + "/" * 101 + "\n", 2),
                    ("tools/a", "#!/bin/sh\n# " + "x" * 99 + "\n", 2)],
    "banned call": [
        ("src/io/a.c", f"void f(void) {{\n    (void){name}(x);\n}}\n", 2) for name in tidy.BANNED
    ],
    "clock": [
        ("src/core/a.c", "void f(void) {\n    time(NULL);\n}\n", 2),
        ("src/io/a.c", "void f(void) {\n    clock_gettime(CLOCK_MONOTONIC, &now);\n}\n", 2),
    ],
    "goto": [("src/io/a.c", "int f(void) {\nagain:\n    if (g())\n        goto again;\n}\n", 4)],
    "typedef": [("src/io/a.c", "\ntypedef struct a a_t;\n", 2),
                ("src/io/a.c", "typedef struct {\n    int x;\n} a;\n", 1)],
    "header": [("src/io/a.h", "#pragma once\nint f(void);\n", 1),
               ("src/io/a.h", "/* A room. */\nint f(void);\n", 1)],
    "white space": [
        ("src/io/a.c", "int a; \n", 1),
        ("docs/a.md", "a\nb\t\n", 2),
        ("docs/a.md", "a\nb", 2),
        ("docs/a.md", "a\n\n", 2),
        ("src/io/a.c", "void f(void) {\n\tg();\n}\n", 2),
    ],
}

GOOD = {
    "src/io/a.h": SIGN + '#include "core/vm.h"\ntypedef void (*on_end)(void *context);\n',
    "src/io/host_libvirt_act.c": '#include "io/host_libvirt_parts.h"\n',
    "src/io/host_libvirt_parts.h": SIGN + '#include <libvirt/libvirt.h>\n',
    "src/io/shell.c": '#include "io/shell.h"\n\n#include <time.h>\n#include <uv.h>\n',
    "tests/unit/a.c": '#include <cmocka.h>\n#include "helper.h"\n#include "sim/world.h"\n',
    "src/io/b.c":
        "/* never strcpy(a, b); nor sleep(1) */\n"
        "// typedef struct a a_t; goto\n"
        "static const char *const words[] = {\"system(\", \"}\", \"{\", '{'};\n"
        "#define five(a) \\\n    do { gets(a); } while (0)\n"
        "static const struct {\n    int (*run)(int);\n} table[] = {{f}};\n"
        "int f(int a, int b, int c, int d, const char *format, ...) {\n"
        "    loop->time(loop), loop.sleep(1), image_system(1);\n"
        "    if (g(a))\n        goto out;\n"
        "    auto_clean(memory_clean) char *x = \"/* no comment\";\n"
        "out:\n    return 0;\n}\n",
    "src/io/c.c": "void f(void) {\n" + "    g();\n" * 68 + "}\n\nvoid h(void) {\n"
                  + "    g();\n" * 68 + "}\n",
    "src/io/d.c": "int a;\n" * 600,
    "docs/a.md": "x" * 200 + "\n",
    "tools/a": "#!/bin/sh\n# " + "ü" * 98 + "\n",
}

C_OBJECTS = {
    "base/pure": "int pure(void) { return 1; }",
    "base/log": "int log_line(void) { return 1; }",
    "message/id": "extern int pure(void); int id(void) { return pure(); }",
    "core/step": "extern int id(void), log_line(void), open(const char *, int, ...);\n"
                 "int step(void) { return id() + log_line() + open(\"\", 0); }",
    "core/clean": "#include <string.h>\nextern int step(void);\n"
                  "int clean(const char *a) { return step() + (int)strlen(a); }",
    "io/state": "int counter; static int hidden = 3; static _Thread_local int per_thread;\n"
                "static const char *const names[] = {\"a\", \"b\"}; const int fixed = 3;\n"
                "int *f(int i) { static int inner; (void)names[i];\n"
                "    return i ? &hidden : i > 3 ? &inner : &per_thread; }",
}


def findings(path, text):
    return [(rule, line) for rule, _, line, _, _ in
            tidy.source_findings(tidy.Source(path, text))]


class Tidy(unittest.TestCase):
    def test_every_rule_finds_what_it_forbids_and_nothing_else(self):
        self.assertEqual(set(BAD), set(tidy.RULES))
        for rule, cases in BAD.items():
            for path, text, line in cases:
                with self.subTest(rule=rule, text=text[:60]):
                    self.assertEqual(findings(path, text), [(rule, line)])

    def test_good_code_passes(self):
        for path, text in GOOD.items():
            with self.subTest(path=path):
                self.assertEqual(findings(path, text), [])

    def test_functions_are_found_with_their_names_and_parameters(self):
        code = tidy.strip_code(
            "static must_check int a_b(const char *x, int (*f)(int, int)) {\n}\n"
            "struct s {\n    int x;\n};\n"
            "__attribute__((noreturn)) void c(void) {\n    if (x) {\n    }\n}\n"
            "int d[] = {f(1), 2};\nstruct s *\ne(int a, ...)\n{\n}\n")
        self.assertEqual([(f.name, len(f.parameters), f.first, f.last)
                          for f in tidy.functions(code)],
                         [("a_b", 2, 1, 2), ("c", 0, 6, 9), ("e", 1, 11, 14)])

    def test_a_finding_names_file_line_rule_and_remedy(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.h")
            with open(path, "w") as file:
                file.write("int f(void); \n")
            done = subprocess.run([sys.executable, f"{ROOT}/tools/tidy.py", path],
                                  capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stdout, r"a\.h:1: header: add #pragma once after the sign\n")
        self.assertRegex(done.stdout, r"a\.h:1: white space: remove ")
        self.assertTrue(re.search(r"\d+ passed, 2 failed$", done.stdout), done.stdout)

    def test_a_missing_build_is_an_error_that_says_what_to_do(self):
        done = subprocess.run([sys.executable, f"{ROOT}/tools/tidy.py", "--build", "/nowhere"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("build first", done.stderr)

    def test_an_exemption_that_nothing_needs_is_found(self):
        path = "src/io/http_server.c"
        self.addCleanup(tidy.EXEMPT.pop, ("goto", path, "nobody"))
        tidy.EXEMPT[("goto", path, "nobody")] = "a test"
        found = [(rule, text) for rule, _, _, text in tidy.all_findings(ROOT, [path], None)]
        self.assertIn(("goto", f"remove the exemption of nobody in {path}: not needed"), found)
        self.assertNotIn("parameters", dict(found), "on_access is exempt, and needs it")


class Objects(unittest.TestCase):
    """The rules on objects, on archives that are compiled for it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.build = folder.name
        for name, code in C_OBJECTS.items():
            room, file = name.split("/")
            place = f"{self.build}/src/{room}"
            os.makedirs(place, exist_ok=True)
            with open(f"{place}/{file}.c", "w") as source:
                source.write(code + "\n")
            subprocess.run(["cc", "-w", "-fPIC", "-c", f"{place}/{file}.c", "-o",
                            f"{place}/{file}.c.o"], check=True)
        for room in ("base", "message", "core", "io"):
            place = f"{self.build}/src/{room}"
            objects = [f"{place}/{file}" for file in os.listdir(place) if file.endswith(".o")]
            kind = "rcsT" if room == "core" else "rcs"  # Meson makes thin ones
            subprocess.run(["ar", kind, f"{place}/lib{room}.a", *objects], check=True)
        self.found = [(rule, path, name) for rule, path, _, name, _ in
                      tidy.built_findings(self.build)]

    def test_the_core_calls_nothing_impure(self):
        self.assertEqual(sorted(f[1:] for f in self.found if f[0] == "core purity"),
                         [("src/core/step.c", "log_line"), ("src/core/step.c", "open")])

    def test_mutable_globals_are_found_and_constants_are_not(self):
        self.assertEqual(sorted(f[1:] for f in self.found if f[0] == "mutable global"),
                         [("src/io/state.c", name)
                          for name in ("counter", "hidden", "inner", "per_thread")])


if __name__ == "__main__":
    unittest.main()
