#!/usr/bin/env python3
"""The documents say what the source says: tables, keys, codes, routes, options, links."""
import argparse
import functools
import glob
import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = f"{ROOT}/build"
GUIDE, PROTOCOL = "docs/operators-guide.md", "docs/protocol.md"
MODEL, VERBS = "src/message/model.c", "src/message/vm/verb.c"
DAEMONS = ("upstream", "downstream", "agent", "relay", "xmpp")
EVENT_NAME = re.compile(r"(?:log_line|log_gather|shell_log)\([^;]*?\"([a-z][a-z_-]*)\"", re.DOTALL)


def read(path):
    with open(f"{ROOT}/{path}") as file:
        return file.read()


def between(text, start, end):
    """What stands after the first match of `start` up to the next `end`."""
    at = re.search(start, text)
    assert at, f"{start} is not found: the test must learn the new form"
    return text[at.end():text.index(end, at.end())]


def joined(literals):
    """C string literals that follow each other, as one text."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)).replace('\\"', '"')


def names(path, array):
    return re.findall(r'"([^"]+)"', between(read(path), array + r"\[\w+\] = ", ";"))


def constants(path, prefix):
    """The members of an enum by prefix, in order, in lower case, without the count."""
    found = re.findall(rf"^\s+{prefix}_(\w+)[,\s=]", read(path), re.MULTILINE)
    return [name.lower() for name in found if not name.endswith("COUNT")]


def section(document, heading):
    """The text under a heading, up to the next one of its rank or above."""
    at = re.search(rf"^(#+) {re.escape(heading)}\n", document, re.MULTILINE)
    assert at, f"there is no heading '{heading}'"
    rest = document[at.end():]
    end = re.search(rf"^#{{1,{len(at.group(1))}}} ", rest, re.MULTILINE)
    return rest[:end.start()] if end else rest


def rows(text):
    """The table's rows without head and rule, each a list of cells."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for n, row in enumerate(cells)
            if row[0] != "---" and not (n + 1 < len(cells) and cells[n + 1][0] == "---")]


def items(text):
    """The text's list items, each as one line."""
    found = re.findall(r"^- (.*(?:\n  \S.*)*)", text, re.MULTILINE)
    return [" ".join(item.split()) for item in found]


def plain(cell):
    return cell.strip("`")


# what the source says

def printed():
    """What the tables say of themselves: (kind, name, [(field, what stands behind it)])."""
    lines = subprocess.run([f"{BUILD}/tests/unit/print_tables"], text=True, timeout=30,
                           capture_output=True, check=True).stdout.splitlines()
    found = []
    for line in lines:
        word, rest = line.split(" ", 1)
        if word in ("table", "section"):
            found.append((word, rest, []))
        else:
            found[-1][2].append(rest.partition(" ")[::2])
    return found


def configuration(daemon):
    """(section, key, default) of all that the daemon's file may hold."""
    return [(title.split(" ", 1)[1], key, f"`{more[2:]}`" if "=" in more else more or "none")
            for word, title, keys in printed() if word == "section" and
            title.split()[0] == daemon for key, more in keys]


def messages():
    """By the table's name: (field, is required)."""
    return {name: [(field, more == "required") for field, more in fields]
            for word, name, fields in printed() if word == "table"}


def codes():
    """(name, HTTP status, title, remedy) in order."""
    text = read("src/message/code.c")
    words = {code: (joined(title), joined(remedy)) for code, title, remedy in re.findall(
        r'\[CODE_(\w+)\] = \{((?:\s*"[^"]*")+),((?:\s*"[^"]*")+)\}', text)}
    statuses = dict(re.findall(r"\[CODE_(\w+)\] = (\d+),", read("src/io/http/problem.c")))
    constants_in_order = [name.upper() for name in constants("src/message/code.h", "CODE")]
    return [(name, statuses[code], *words[code]) for name, code in
            zip(names("src/message/code.c", "code_names"), constants_in_order, strict=True)]


class Guide(unittest.TestCase):
    maxDiff = None

    def test_every_key_of_every_daemon_stands_in_the_guide_with_its_default(self):
        for daemon in DAEMONS:
            told = [(plain(row[0]), plain(row[1]), row[2])
                    for row in rows(section(read(GUIDE), f"{daemon}.conf"))]
            self.assertEqual(told, configuration(daemon), daemon)

    def test_every_key_of_the_examples_stands_in_the_guide(self):
        for daemon in DAEMONS:
            told = {(plain(row[0]).split()[0].strip("[]"), plain(row[1]))
                    for row in rows(section(read(GUIDE), f"{daemon}.conf"))}
            title, shown = None, set()
            for line in read(f"docs/examples/{daemon}.conf").splitlines():
                opened = re.match(r"\[([\w-]+)", line)
                title = opened.group(1) if opened else title
                key = re.match(r"#?(\w+) = ", line)
                if key:
                    shown.add((title, key.group(1)))
            self.assertEqual(shown, told, daemon)

    def test_verbs_and_states_are_those_of_the_life_cycle(self):
        table = between(read("src/core/books/lifecycle.c"), r"permitted\[VERB_COUNT\] = \{", "};")
        states = names(MODEL, "vm_state_names")
        self.assertEqual(states, constants("src/message/model.h", "VM"))
        for name, which in re.findall(r"^    (\w+) = ([^,]*VM_[^,]*),",
                                      read("src/core/books/lifecycle.c"), re.MULTILINE)[::-1]:
            table = re.sub(rf"\b{name}\b", which, table)
        unbuilt = re.findall(r"\[VERB_(\w+)\] = VERB_(?:UNBUILT|AMONG_HOSTS)",
                             read(VERBS))
        permitted = {verb.lower(): set(re.findall(r"VM_(\w+)", which)) for verb, which in
                     re.findall(r"\[VERB_(\w+)\] = ([^,]*),", table) if verb not in unbuilt}
        guide = section(read(GUIDE), "States and verbs")
        told = [row for row in rows(guide) if row[0] in permitted]
        self.assertIn("| verb | " + " | ".join(states) + " |", guide)
        self.assertEqual(told, [[verb] + ["yes" if state.upper() in permitted[verb] else "–"
                                          for state in states]
                                for verb in names(VERBS, "verb_names")
                                if verb in permitted])
        self.assertEqual([plain(row[0]) for row in rows(guide) if row[0].startswith("`")], states)

    def test_steps_states_of_operations_and_clusters_are_explained(self):
        for where, array in (("VMs", "step_names"), ("VMs", "op_state_names"),
                             ("Clusters", "peer_state_names")):
            for name in names(MODEL, array):
                self.assertIn(f"`{name}`", section(read(GUIDE), where), array)

    def test_every_code_stands_in_the_list_of_problems(self):
        told = [re.match(r"`([^`]+)` \((\d+); [^)]+\)\. \*\*(.*)\*\*: (.*)\.$", item).groups()
                for item in items(section(read(GUIDE), "Problems"))]
        self.assertEqual(told, codes())

    def test_every_route_is_listed(self):
        groups = re.findall(r'^    {"([\w.-]+)", "[A-Z]', read("src/io/rest/openapi.c"),
                            re.MULTILINE)
        for file, heading, least in (("routes.c", "REST", 20),
                                     ("routes_owner.c", "The owner of a cluster", 10)):
            routes = re.findall(r'^\s+\{"([A-Z]+)", "(/v1/[^"]*)",\s*"([^"]*)"',
                                read(f"src/io/rest/{file}"), re.MULTILINE)
            self.assertGreater(len(routes), least)
            self.assertEqual({path.split("/")[2] for _, path, _ in routes} - set(groups), set(),
                             "tags in openapi.c lack it")
            told = [(row[0], plain(row[1]), row[2]) for row in rows(section(read(GUIDE), heading))]
            self.assertEqual(told, routes)

    def test_every_limit_is_listed_with_its_value(self):
        limits = re.findall(r"\b(limit_\w+) = (\d+)", read("src/message/limits.h"))
        self.assertGreater(len(limits), 20)
        told = [(plain(row[0]), row[1].replace(",", ""))
                for row in rows(section(read(GUIDE), "Limits"))]
        self.assertEqual(told, limits)

    def test_every_event_of_the_logs_is_explained(self):
        found = set()
        for folder in ("src/io", "src/main"):
            for name in sorted(glob.glob(f"{folder}/**/*.c", root_dir=ROOT, recursive=True)):
                found |= set(EVENT_NAME.findall(read(name)))
        self.assertGreater(len(found), 15)
        told = {word for row in rows(section(read(GUIDE), "Logs"))
                for word in re.findall(r"`([a-z_-]+)`", row[0])}
        self.assertEqual(told, found)


RECORDS = ["held-image", "vm-usage", "usage", "shape", "size", "definition", "machine",
           "incarnation", "overcommit", "facts", "told-copy", "copy-order", "copied", "landing",
           "told-snapshot", "ip", "fit"]


class Protocol(unittest.TestCase):
    maxDiff = None

    def test_every_message_and_record_stands_with_its_fields(self):
        found = messages()
        kinds = constants("src/message/protocol.h", "MESSAGE")
        kinds.remove("unreadable")  # it is never said
        document = read(PROTOCOL)
        self.assertEqual(re.findall(r"^### `([\w-]+)`$", document, re.MULTILINE),
                         kinds + RECORDS)
        for name in kinds + RECORDS + ["frame"]:
            text = section(document, "Frame" if name == "frame" else f"`{name}`")
            told = [(plain(row[0]), row[2] == "yes") for row in rows(text)]
            self.assertEqual(told, found[name], name)
            self.assertEqual("no fields" in text, not found[name], name)

    def test_every_value_of_an_enum_is_named(self):
        text = " ".join(section(read(PROTOCOL), "Encoding").split())
        for path, array in ((VERBS, "verb_names"), (MODEL, "vm_state_names"),
                            (MODEL, "step_names")):
            listed = ", ".join(f"`{name}`" for name in names(path, array))
            self.assertIn(listed, text)

    def test_version_and_sizes_are_those_of_the_source(self):
        document = read(PROTOCOL)
        version = re.search(r"protocol_version = (\d+)", read("src/message/protocol.h")).group(1)
        self.assertIn(f"describes version {version} ", document)
        limits = dict(re.findall(r"\b(limit_frame_\w+) = (\d+)", read("src/message/limits.h")))
        for name in ("limit_frame_soft", "limit_frame_hard"):
            self.assertIn(f"{int(limits[name]):,} bytes", document)
        namespace = re.search(r'xmpp_write_namespace "([^"]*)"',
                              read("src/io/carrier/xmpp/write.h"))
        self.assertIn(f"xmlns='{namespace.group(1)}'", document)


def numbers(text):
    """(where, record, number): field, kind, names"""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            where, record, number, *rest = line.split()
            found.setdefault((where, record, int(number)), []).append(rest)
    return found


class Numbers(unittest.TestCase):
    """The packed form's numbers, which links and stores rely on for good."""
    maxDiff = None
    GROWS = ("enum", "choices")

    def setUp(self):
        self.kept = numbers(read("docs/protocol-numbers.txt"))
        self.found = numbers(subprocess.run(
            [f"{BUILD}/tests/unit/print_tables", "--numbers"], text=True, timeout=30, check=True,
            stdout=subprocess.PIPE).stdout)

    def test_each_number_is_kept_once(self):
        self.assertEqual([key for key, rows in self.kept.items() if len(rows) > 1], [])

    def test_each_number_stands_for_what_it_always_stood_for(self):
        for key, [field, kind, *names] in ((key, rows[0]) for key, rows in self.kept.items()):
            if kind == "gone":
                self.assertNotIn(key, self.found, "its number is used again")
                continue
            self.assertIn(key, self.found, f"{field} has lost its number: say \"gone\" there")
            for field_now, kind_now, *names_now in self.found[key]:
                self.assertEqual((field_now, kind_now), (field, kind), key)
                self.assertEqual(names_now[:len(names)], names, f"{key}: new ones go to the end")
                if kind not in self.GROWS:
                    self.assertEqual(names_now, names, key)

    def test_each_number_is_kept(self):
        for key, rows in self.found.items():
            self.assertTrue(key[2], f"{key[1]} {rows[0][0]}: give the field a .number")
            self.assertIn(key, self.kept, "add it to docs/protocol-numbers.txt")
            self.assertEqual([row for row in rows if row != self.kept[key][0]], [],
                             f"{key}: add the new names to docs/protocol-numbers.txt")


class Programs(unittest.TestCase):
    def help_of(self, program, *words):
        folder = "cli" if program == "isthmus" else "main"
        done = subprocess.run([f"{BUILD}/src/{folder}/{program}", *words, "--help"], text=True,
                              capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def assert_options(self, page, told):
        options = set(re.findall(r"^  (?:    |-\w, )?--([a-z-]+)", told, re.MULTILINE))
        self.assertTrue(options)
        for option in options:
            self.assertRegex(page, rf"Fl -{option}\b", f"--{option} is not in the manual page")

    def test_manual_pages_have_every_option_of_the_daemons(self):
        for daemon in (*DAEMONS, "warden"):
            self.assert_options(read(f"docs/man/isthmus-{daemon}.8"),
                                self.help_of(f"isthmus-{daemon}"))

    def test_the_manual_page_has_every_command_and_option(self):
        page = read("docs/man/isthmus.1")
        flat = re.sub(r"\bAr |\bFl ", "", page)
        commands = re.findall(r"^  isthmus ([a-z-]+(?: [a-z-]+)?) ", self.help_of("isthmus"),
                              re.MULTILINE)
        self.assertGreater(len(commands), 15)
        for command in commands:
            self.assertRegex(flat, rf"isthmus {command}\b", "it is not in the manual page")
            self.assert_options(page, self.help_of("isthmus", *command.split()))


    def test_every_command_that_a_document_shows_is_one(self):
        """In fenced blocks, and between backticks in the guides for tenants and owners."""
        rows_of = re.findall(r'^    {"([a-z-]+)", (?:"([a-z-]+)"|NULL), ',
                             read("src/cli/isthmus.c"), re.MULTILINE)
        known = {" ".join(word for word in row if word) for row in rows_of}
        self.assertGreater(len(known), 60)
        options, count = {}, 0
        for path in tree("*.md"):
            text = read(path)
            shown = re.findall(r"^isthmus ([a-z].*)$", text, re.MULTILINE)
            if path in ("docs/tenants.md", "docs/owners.md"):
                shown += re.findall(r"`isthmus ([a-z][^`]*)`", text)
            for line in shown:
                words = line.partition(" #")[0].split()
                name = next((name for name in (" ".join(words[:2]), words[0]) if name in known), "")
                self.assertTrue(name, f"{path}: isthmus {line}")
                if name not in options:
                    options[name] = self.help_of("isthmus", *name.split())
                for option in re.findall(r"(?<!\S)(--[a-z-]+)", " ".join(words)):
                    self.assertIn(option, options[name], f"{path}: isthmus {line}")
                count += 1
        self.assertGreater(count, 60)

    def test_the_picture_shows_what_its_source_says(self):
        drawn = re.sub(r"&#45;", "-", read("docs/parts.svg"))
        drawn = set(re.findall(r"<text [^>]*>([^<]*)</text>", drawn))
        said = {line for label in re.findall(r'\blabel = "([^"]*)"', read("docs/parts.dot"))
                for line in label.split("\\n")}
        self.assertGreater(len(said), 15)
        self.assertEqual({text.replace("&#39;", "'") for text in drawn}, said)

    def judged(self, row):
        """As a picture shows it, and a table."""
        if "met" in row:
            return (f"{row['ratio']:.2f} x" if "ratio" in row
                    else f"{row['median']:,.4g} {row['unit']}")
        return (f"{row['median']:,.0f}/s" if row["unit"] == "1/s"
                else f"{row['median'] / 1000:.4g} ms")

    def texts(self, picture):
        return set(re.findall(r"<tspan[^>]*>([^<]*)</tspan>", html.unescape(picture)
                              .replace("<=", "≤").replace(">=", "≥")))

    def test_figures_that_are_drawn_are_those_of_the_tables(self):
        document = " ".join(read("docs/performance.md").split())
        drawn = self.texts(read("docs/performance-targets.svg"))
        rows = json.loads(read("docs/performance.json"))["rows"]
        self.assertGreater(len(rows), 20)
        for row in rows:
            self.assertIn(self.judged(row), document, row)
            if "met" in row:
                self.assertIn(row["name"], drawn)
                self.assertTrue([text for text in drawn if text.startswith(self.judged(row))], row)
        for name in ("targets", "provision"):
            self.assertIn(f"](performance-{name}.svg)", document)

    def test_a_run_is_drawn_or_what_is_missing_is_said(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(f"{ROOT}/docs/performance.json", f"{folder}/a.json")
            command = [sys.executable, "bench/run", "--plot", f"{folder}/a.json"]
            told = subprocess.run(command, cwd=ROOT, env={"PATH": folder}, text=True,
                                  capture_output=True)
            self.assertEqual(told.returncode, 1, told)
            self.assertIn("apt-get install gnuplot-nox", told.stderr)
            if not shutil.which("gnuplot"):
                return
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            for name in ("targets", "provision"):
                with open(f"{folder}/a-{name}.svg") as file:
                    self.assertEqual(self.texts(file.read()),
                                     self.texts(read(f"docs/performance-{name}.svg")))


ROOMS = {"src", "sim", "tools", "tests", "docs", "packaging", "bench", "base", "message", "core",
         "io", "main", "cli"}


@functools.cache
def tree(*folders):
    return subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *folders], cwd=ROOT,
                          text=True, capture_output=True, check=True).stdout.split()


def is_named(name):
    """Does a file or folder have this path, or end so: `core/link/endpoints`, `endpoints.h`?"""
    end = re.compile(rf"(^|/){re.escape(name).replace(re.escape('*'), '[^/]*')}(\.[ch]|\.py|/.*)?$")
    return any(end.search(path) for path in tree())


class Documents(unittest.TestCase):
    def documents(self):
        listed = tree("*.md")
        self.assertIn(GUIDE, listed)
        return listed

    @staticmethod
    def anchors(document):
        """As the common renderers make them from headings."""
        titles = re.findall(r"^#+ (.*)$", document, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}

    def test_links_lead_somewhere(self):
        for path in self.documents():
            for link in re.findall(r"\]\(([^)\s]+)\)", read(path)):
                if re.match(r"[a-z]+:", link):
                    continue
                target, _, anchor = link.partition("#")
                file = os.path.normpath(f"{os.path.dirname(path)}/{target}" if target else path)
                self.assertTrue(os.path.exists(f"{ROOT}/{file}"), f"{path}: {link}")
                if anchor:
                    self.assertIn(anchor, self.anchors(read(file)), f"{path}: {link}")

    def test_paths_that_are_named_exist(self):
        for path in self.documents():
            for name in re.findall(r"`([\w-]+(?:/[\w.*-]+)*/?)`", read(path)):
                if name.split("/")[0] in ROOMS or re.fullmatch(r"[\w-]+\.[ch]", name):
                    self.assertTrue(is_named(name.rstrip("/")), f"{path} names {name}")

    def test_files_that_comments_name_exist(self):
        found = 0
        for path in tree("src", "sim"):
            for comment in re.findall(r"/\*.*?\*/", read(path), re.DOTALL):
                for name in re.findall(r"(?<![\w/.-])(?:[\w-]+/)*[\w-]+\.[ch]\b", comment):
                    found += 1
                    self.assertTrue(is_named(name), f"a comment of {path} names {name}")
        self.assertGreater(found, 50)

    def test_functions_that_architecture_names_exist(self):
        source = ""
        for folder, _, names in os.walk(f"{ROOT}/src"):
            for name in names:
                if name.endswith((".c", ".h")):
                    source += read(os.path.relpath(f"{folder}/{name}", ROOT))
        found = set(re.findall(r"`(\w+)\(\)`", read("ARCHITECTURE.md")))
        self.assertGreater(len(found), 20)
        for function in sorted(found):
            self.assertTrue(re.search(rf"\b{function}\(", source),
                            f"ARCHITECTURE.md names {function}()")

    def test_the_dependency_table_holds_what_is_used(self):
        table = section(read("README.md"), "Dependencies")
        wanted = set(re.findall(r"dependency\('([\w-]+)'\)", read("meson.build"))) - {"threads"}
        self.assertGreater(len(wanted), 10)
        packages = re.findall(r"^[qt] (\S+) ", read("tools/setup"), re.MULTILINE)
        self.assertGreater(len(packages), 20)
        for name in sorted(wanted) + packages:
            self.assertIn(f"`{name}`", table, "README.md's dependency table lacks it")

    def test_the_debian_packages_are_built_from_what_the_set_up_installs(self):
        asked = set(re.findall(r"^ ([\w+-]+-dev),$", read("packaging/debian/control"),
                               re.MULTILINE))
        headers = set(re.findall(r"^q (\S+-dev) ", read("tools/setup"), re.MULTILINE))
        self.assertEqual(asked, headers - {"libc6-dev", "libcmocka-dev"})  # the compiler's; tests'

    def test_each_unit_keeps_no_core_and_gains_no_rights(self):
        units = [name for name in os.listdir(f"{ROOT}/packaging/systemd")
                 if name.endswith(".service.in")]
        self.assertGreater(len(units), 3)
        for name in units:
            text = read(f"packaging/systemd/{name}")
            for line in ("LimitCORE=0", "NoNewPrivileges=yes"):
                self.assertIn(f"\n{line}\n", text, name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--build", default=BUILD)
    options, rest = parser.parse_known_args()
    BUILD = os.path.abspath(options.build)
    unittest.main(argv=[sys.argv[0], *rest])
