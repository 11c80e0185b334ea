#!/usr/bin/env python3
"""tools/tidy finds each thing that it forbids, says where, and lets good code pass."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
sys.dont_write_bytecode = True
import tidy  # noqa: E402 (found by the path above)
from tidy_rules import floors, objects, source as reading, statements, words  # noqa: E402

SIGN = "/* A room.\n *\n * Its contract. */\n#pragma once\n"

# rule: [(path, text, line where it must be found)]
BAD = {
    "include arrows": [
        ("src/core/a.c", '#include "core/a.h"\n#include "io/carrier/carrier.h"\n', 2),
        ("src/base/a.c", '#include "message/id.h"\n', 1),
        ("src/message/a.c", '#include "core/vm.h"\n', 1),
        ("src/io/a.c", '#include "sim/world.h"\n', 1),
        ("sim/a.c", '#include "io/loop.h"\n', 1),
        ("src/main/a.c", '#include "sim/world.h"\n', 1),
        ("src/cli/a.c", '#include "io/http/problem.h"\n#include "io/os/pool.h"\n', 2),
        ("src/core/a.c", '#include "a.h"\n', 1),
        ("src/core/books/a.c", '#include "io/a.h"\n', 1),
        ("src/core/books/a.c", '#include "a.h"\n', 1),
    ],
    "foreign header": [
        ("src/io/rest/rest.c", "#include <sqlite3.h>\n", 1),
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
    "five parameters": [
        ("src/io/a.c", "int f(int a, int b, int c, int d, int e) {\n}\n", 1)],
    "file length": [("src/io/a.c", "int a;\n" * 601, 601), ("tools/a", "#!/bin/sh\n" * 601, 601)],
    "line length": [("src/io/a.c", "\n" + "/" * 101 + "\n", 2),
                    ("tools/a", "#!/bin/sh\n# " + "x" * 99 + "\n", 2),
                    ("docs/a.md", "\n" + "x" * 121 + "\n", 2)],
    "banned call": [
        ("src/io/a.c", f"void f(void) {{\n    g({name}(x));\n}}\n", 2)
        for name in statements.BANNED
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
    "head": [("sim/laws/a.c", '#include "sim/a.h"\n\n/* All. */\nint a;\n', 1)],
    "ignored result": [
        ("src/io/a.c", "void f(void) {\n    (void)ports->send(x);\n}\n", 2)],
    "case": [("src/io/a.c", "void f(void) {\n    switch (x) {\n    case 1: case 2:\n"
              "        break;\n    }\n}\n", 3)],
    "switch": [("src/io/a.c", "int f(void) {\n    switch (x) {\n" + "".join(
        f"    case {i}:\n        return on(x, {i});\n" for i in range(13)) + "    }\n}\n", 2)],
    "comment": [("src/io/a.h", SIGN + f"int a; {comment}\n", 5) for comment in (
        "/* the same of b */", "// Likewise.", "/* ... and the rest */", "/* As above, for c. */")],
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
    "src/io/host/libvirt/library.h": SIGN + '#include <libvirt/libvirt.h>\n',
    "src/io/shell/shell.c": '#include "io/shell/shell.h"\n\n#include <time.h>\n#include <uv.h>\n',
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
    "src/core/e.c":
        "/* The role's step: each kind of event has its handler, likewise the last. */\n"
        "void f(void) {\n    (void)close(fd);\n    switch (event->kind) {\n"
        + "".join(f"    case {i}:\n        on_{i}(x);\n        break;\n" for i in range(13))
        + "    }\n    switch (x) {\n    case 1:\n    case 2:\n        on(x);\n    }\n}\n",
    "docs/a.md": "x" * 120 + "\n",
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


def findings(path, text, wanted=None):
    """All but those that nearly every text here would bring, unless they are what is wanted."""
    return [(rule, line) for rule, _, line, _, _ in tidy.source_findings(tidy.Source(path, text))
            if rule == wanted or rule not in ("head", "five parameters")]


class Tidy(unittest.TestCase):
    def test_every_rule_finds_what_it_forbids_and_nothing_else(self):
        self.assertEqual(set(BAD), set(tidy.RULES))
        for rule, cases in BAD.items():
            for path, text, line in cases:
                with self.subTest(rule=rule, text=text[:60]):
                    self.assertEqual(findings(path, text, rule), [(rule, line)])

    def test_a_file_that_opens_with_what_it_decides_passes(self):
        self.assertEqual(findings("sim/a.c", "/* Who is next. */\nint a;\n", "head"), [])

    def test_good_code_passes(self):
        for path, text in GOOD.items():
            with self.subTest(path=path):
                self.assertEqual(findings(path, text), [])

    def test_functions_are_found_with_their_names_and_parameters(self):
        text = reading.strip_code(
            "static must_check int a_b(const char *x, int (*f)(int, int)) {\n}\n"
            "struct s {\n    int x;\n};\n"
            "__attribute__((noreturn)) void c(void) {\n    if (x) {\n    }\n}\n"
            "int d[] = {f(1), 2};\nstruct s *\ne(int a, ...)\n{\n}\n")
        self.assertEqual([(f.name, len(f.parameters), f.first, f.last)
                          for f in reading.functions(text)],
                         [("a_b", 2, 1, 2), ("c", 0, 6, 9), ("e", 1, 11, 14)])

    def test_declarations_are_found_and_definitions_and_types_are_not(self):
        self.assertEqual(list(reading.declarations(reading.strip_code(
            "#pragma once\nstruct a {\n    int (*f)(int);\n    struct { int x; } y;\n};\n"
            "must_check int b(void (*done)(int), struct a *a);\n"
            "static inline int c(void) {\n    return 1;\n}\ntypedef void (*d)(void);\n"
            "extern const struct a e[2];\nint g(const char *format, ...)\n"
            "    format_checked(1, 2);\n"))), [("b", 6), ("e", 11), ("g", 12)])

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
        path = "src/io/http/server.c"
        self.addCleanup(tidy.EXEMPT.pop, ("goto", path, "nobody"))
        tidy.EXEMPT[("goto", path, "nobody")] = "a test"
        found = [(rule, text) for rule, _, _, text in tidy.all_findings(ROOT, [path], None, False)]
        self.assertIn(("goto", f"remove the exemption of nobody in {path}: not needed"), found)
        self.assertNotIn("parameters", dict(found), "on_access is exempt, and needs it")


class Ceilings(unittest.TestCase):
    def judge(self, count):
        found = [("prefix", f"src/a/{i}.c", 1, "", "remedy") for i in range(count)]
        with unittest.mock.patch.dict(tidy.CEILINGS, {("prefix", "src/a/"): 2}, clear=True), \
                unittest.mock.patch.dict(tidy.EXEMPT, clear=True):
            return [text for *_, text in tidy.judged(found, lambda *_: True)]

    def test_as_many_as_the_ceiling_says_are_let_be_and_no_more(self):
        self.assertEqual(self.judge(2), [])
        self.assertEqual(self.judge(3), ["remedy"] * 3 + ["3 findings of src/a/, at most 2 are "
                                                          "allowed"])

    def test_a_word_has_a_ceiling_of_its_own(self):
        found = [("glossary", "src/a.c", 1, "task", ""), ("glossary", "src/a.c", 2, "ack", "")]
        with unittest.mock.patch.dict(tidy.CEILINGS, {("glossary", "task"): 1}, clear=True):
            self.assertEqual(list(tidy.judged(found, lambda *_: False)),
                             [("glossary", "src/a.c", 2, "")])

    def test_a_ceiling_over_less_or_over_nothing_is_found(self):
        self.assertEqual(self.judge(1), ["lower the ceiling of src/a/ to 1"])
        self.assertEqual(self.judge(0), ["remove the ceiling of src/a/: not needed"])


class Glossary(unittest.TestCase):
    def test_a_name_of_a_word_that_the_glossary_refuses_is_found(self):
        glossary = ("| word | meaning | not |\n| --- | --- | --- |\n"
                    "| operation | of `verbs` | `task`, `job` |\n| verb | | |\n")
        self.assertEqual(words.refused_words(glossary),
                         {"task": "operation", "job": "operation"})
        sources = [reading.Source("docs/glossary.md", glossary),
                   reading.Source("tests/a.c", "int task;\n"),
                   reading.Source("src/io/a.c", "/* a task */\nint multitask; int task_id;\n"
                                                "enum { LAST_TASKS };\nint f(struct task *a);\n")]
        self.assertEqual([finding[:3] for finding in words.rule_glossary(sources)],
                         [("src/io/a.c", line, "task") for line in (2, 3, 4)])


def compile_tree(root, files):
    """Writes the files, and compiles the .c with what tells a build's objects."""
    commands = []
    for path, text in files.items():
        os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
        with open(f"{root}/{path}", "w") as file:
            file.write(text + "\n")
    for path in files:
        if path.endswith(".c"):
            command = {"directory": root, "file": path, "output": f"{path}.o"}
            subprocess.run(["cc", "-w", "-fPIC", "-Isrc", "-c", path, "-o", command["output"]],
                           cwd=root, check=True)
            commands.append(command)
    with open(f"{root}/compile_commands.json", "w") as file:
        json.dump(commands, file)


class Objects(unittest.TestCase):
    """The rules on objects, on some that are compiled for it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = os.path.realpath(folder.name)
        compile_tree(root, {f"src/{name}.c": text for name, text in C_OBJECTS.items()})
        self.found = [(rule, path, name) for rule, path, _, name, _ in
                      tidy.built_findings([], objects.read_symbols(root, root))]

    def test_the_core_calls_nothing_impure(self):
        self.assertEqual(sorted(f[1:] for f in self.found if f[0] == "core purity"),
                         [("src/core/step.c", "log_line"), ("src/core/step.c", "open")])

    def test_mutable_globals_are_found_and_constants_are_not(self):
        self.assertEqual(sorted(f[1:] for f in self.found if f[0] == "mutable global"),
                         [("src/io/state.c", name)
                          for name in ("counter", "hidden", "inner", "per_thread")])


class Floors(unittest.TestCase):
    """The rules on how files stand to each other, on small trees."""

    def found(self, files, circles=(), upward=()):
        with tempfile.TemporaryDirectory() as folder, \
                unittest.mock.patch.object(floors, "CIRCLES", set(circles)), \
                unittest.mock.patch.object(floors, "UPWARD", dict.fromkeys(upward, "a test")):
            root = os.path.realpath(folder)
            compile_tree(root, {"meson.build": "subdir('src/core')", **files})
            sources = [tidy.load(root, path) for path in sorted(files)]
            symbols = objects.read_symbols(root, root)
            return [finding[:4] for finding in tidy.tree_findings(root, sources, symbols)]

    def test_what_goes_down_passes_whatever_the_depth(self):
        self.assertEqual(self.found({
            "src/core/meson.build": "a = files('a.h')\nsubdir('low')\na += files('deep/c.c')",
            "src/core/low/meson.build": "a += files('b.c') # d.c stands nowhere",
            "src/core/a.h": "int c(void);",
            "src/core/low/b.h": "int b(void);",
            "src/core/low/b.c": '#include "core/low/b.h"\nint b(void) { return 1; }',
            "src/core/deep/c.c": '#include "core/a.h"\n#include "core/low/b.h"\n'
                                 "int c(void) { return b(); }"}), [])

    def test_an_include_that_goes_up_is_found(self):
        tree = {"src/core/meson.build": "core = static_library('core', 'a.c', 'b.c')",
                "src/core/a.c": "\n#include \"core/b.h\"\nstruct b a;",
                "src/core/b.h": "struct b { int x; };",
                "src/core/b.c": '#include "core/b.h"\nint b;'}
        arrow = ("src/core/a", "src/core/b")
        self.assertEqual(self.found(tree), [("floors", "src/core/a.c", 2, "src/core/b")])
        self.assertEqual(self.found(tree, upward=[arrow]), [])
        tree["src/core/meson.build"] = "core = static_library('core', 'b.c', 'a.c')"
        self.assertEqual(self.found(tree), [])
        self.assertEqual(self.found(tree, upward=[arrow]),
                         [("floors", "tools/tidy_rules/allowed.py", 1, arrow)])

    def test_a_call_that_goes_up_is_found_between_folders_too(self):
        tree = {"src/core/meson.build": "subdir('a')\nsubdir('b')",
                "src/core/a/meson.build": "c = files('x.c')",
                "src/core/b/meson.build": "c += files('y.c')",
                "src/core/a/x.c": "int y(void); int x(void) { return y(); }",
                "src/core/b/y.c": "int y(void) { return 1; }"}
        self.assertEqual(self.found(tree), [("floors", "src/core/a/x.c", 1, "src/core/b/y")])

    def test_of_two_functions_of_one_name_the_one_in_the_room_is_called(self):
        self.assertEqual(self.found({
            "meson.build": "subdir('sim')\nsubdir('src/io')",
            "sim/meson.build": "sim = static_library('sim', 'b.c', 'a.c')",
            "sim/a.c": "int twin(void) { return 1; }",
            "sim/b.c": "int twin(void); int b(void) { return twin(); }",
            "src/io/meson.build": "io = static_library('io', 'c.c')",
            "src/io/c.c": "int twin(void) { return 2; }"}),
            [("floors", "sim/b.c", 1, "sim/a")])

    def test_a_circle_is_found_by_an_include_and_a_call(self):
        tree = {"src/core/meson.build": "core = static_library('core', 'a.c', 'b.c', 'c.c')",
                "src/core/a.c": "int c(void); int a(void) { return c(); }",
                "src/core/a.h": "int a(void);",
                "src/core/b.c": '#include "core/a.h"\nint b(void) { return a(); }',
                "src/core/c.c": "int b(void); int c(void) { return b(); }"}
        self.assertEqual(self.found(tree), [("floors", "src/core/meson.build", 1, "a b c")])
        self.assertEqual(self.found(tree, circles=[("src/core", "a b c d")]), [])
        self.assertEqual(self.found(tree, circles=[("src/core", "a b")]),
                         [("floors", "src/core/meson.build", 1, "a b c"),
                          ("floors", "tools/tidy_rules/allowed.py", 1, ("src/core", "a b"))])

    def test_a_header_that_says_what_another_file_gives_is_found(self):
        sources = [reading.Source("sim/a.h", SIGN + "int a(void);\nint b(void);\nint z(void);\n")]
        symbols = [objects.Symbol("sim/a.c", "a", "T", ".text"),
                   objects.Symbol("sim/b.c", "b", "T", ".text")]
        self.assertEqual([finding[:3] for finding in floors.rule_declaration(sources, symbols)],
                         [("sim/a.h", 6, "b")])

    def test_a_file_without_a_floor_and_a_folder_in_two_pieces_are_found(self):
        self.assertEqual(self.found({
            "src/core/meson.build": "core = files('a/x.c', 'b/y.c', 'a/z.c')",
            "src/core/a/x.c": "int x;", "src/core/b/y.c": "int y;", "src/core/a/z.c": "int z;",
            "src/core/a/limits.h": "enum { limit = 1 };"}),
            [("floor plan", "src/core/a/limits.h", 1, ""),
             ("floor plan", "src/core/a/z.c", 1, "src/core/a")])

    def test_a_large_folder_and_a_prefix_in_a_folders_place_are_found(self):
        paths = [f"src/io/{chr(ord('a') + i)}.c" for i in range(17)]
        self.assertEqual([path for path, *_ in floors.rule_folder_size(paths)], ["src/io/q.c"])
        self.assertEqual(list(floors.rule_folder_size(paths[1:])), [])
        paths = ["sim/check.c", "sim/check.h", "sim/check_end.c", "sim/checks.c"]
        self.assertEqual(list(floors.rule_prefix(paths)), [])
        self.assertEqual([path for path, *_ in floors.rule_prefix([*paths, "sim/check_wall.c"])],
                         ["sim/check_wall.c"])


if __name__ == "__main__":
    unittest.main()
