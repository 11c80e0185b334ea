"""The rules of the style guide that a program can check. tools/tidy --help says how to call it.

Each rule is a generator of findings that say what to do. In tidy_rules, rules on one file are in
code, statements and words, those on the tree as a whole in floors, on what was built in objects.
allowed lists what is let be, and why; what no finding needs any more is itself a finding.
"""
import argparse
import os
import subprocess
import sys

from tidy_rules import code, floors, objects, statements, words
from tidy_rules.allowed import CEILINGS, EXEMPT
from tidy_rules.source import Source

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALLOWED = "tools/tidy_rules/allowed.py"

RULES = {**code.RULES, **statements.RULES, **words.RULES}
TREE_RULES = {"floors", "floor plan", "folder size", "prefix", "glossary"}
BUILT_RULES = {"core purity", "mutable global", "declaration"}


def tree_files(root):
    """Text files of the tree: what git knows or would add."""
    done = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", root, "ls-files", "-z",
                           "--cached", "--others", "--exclude-standard"], capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"git ls-files in {root}: {done.stderr.decode().strip()}")
    return sorted({name for name in done.stdout.decode().split("\0")
                   if name and "/corpus/" not in name and os.path.isfile(os.path.join(root, name))}
                  - {"LICENSE"})  # and a fuzzer's corpus is bytes, not text


def load(root, path):
    with open(os.path.join(root, path), "rb") as file:
        data = file.read()
    if b"\0" in data:
        return None  # not text
    return Source(path, data.decode("utf-8"))


def source_findings(source):
    for rule, check in RULES.items():
        for line, name, text in check(source):
            yield rule, source.path, line, name, text


def tree_findings(root, sources, symbols):
    """Findings of the rules on the tree as a whole; without symbols, floors go by includes."""
    plan = list(floors.floor_plan(root))
    arrows = {**floors.call_arrows(symbols or []), **floors.include_arrows(sources)}
    paths = [source.path for source in sources]
    for rule, found in (("floors", floors.rule_floors(plan, arrows, symbols is not None)),
                        ("floor plan", floors.rule_floor_plan(plan, paths)),
                        ("folder size", floors.rule_folder_size(paths)),
                        ("prefix", floors.rule_prefix(paths)),
                        ("glossary", words.rule_glossary(sources))):
        for path, line, name, text in found:
            yield rule, path, line, name, text


def built_findings(sources, symbols):
    for rule, found in (("core purity", objects.rule_core_purity(symbols)),
                        ("mutable global", objects.rule_globals(symbols)),
                        ("declaration", floors.rule_declaration(sources, symbols))):
        for path, line, name, text in found:
            yield rule, path, line, name, text


def ceiling(rule, path, name):
    """The entry under which a finding falls: of its name, or the longest place."""
    if (rule, name) in CEILINGS:
        return rule, name
    return max((entry for entry in CEILINGS if entry[0] == rule and path.startswith(entry[1])),
               key=lambda entry: len(entry[1]), default=None)


def judged(found, checked):
    """What of the findings is not allowed, and what allows nothing. checked: whether a rule was
    checked on all that begins with a path."""
    unused = set(EXEMPT)
    heaps = {entry: [] for entry in CEILINGS}
    for rule, path, line, name, text in found:
        entry = ceiling(rule, path, name)
        if (rule, path, name) in EXEMPT:
            unused.discard((rule, path, name))
        elif entry:
            heaps[entry].append((rule, path, line, text))
        else:
            yield rule, path, line, text
    for (rule, place), heap in heaps.items():
        most = CEILINGS[rule, place]
        if len(heap) > most:
            yield from heap
            yield rule, ALLOWED, 1, f"{len(heap)} findings of {place}, at most {most} are allowed"
        elif not heap and checked(rule, place):
            yield rule, ALLOWED, 1, f"remove the ceiling of {place}: not needed"
        elif len(heap) < most and checked(rule, place):
            yield rule, ALLOWED, 1, f"lower the ceiling of {place} to {len(heap)}"
    for rule, path, name in unused:
        if checked(rule, path):
            yield rule, ALLOWED, 1, f"remove the exemption of {name} in {path}: not needed"


def all_findings(root, paths, build, is_whole):
    """Every finding that is not allowed, and every allowance that nothing needs."""
    sources = [source for source in (load(root, path) for path in paths) if source]
    found = [finding for source in sources for finding in source_findings(source)]
    rules = set(RULES)
    symbols = objects.read_symbols(root, build) if build else None
    if is_whole:
        rules |= TREE_RULES
        found += tree_findings(root, sources, symbols)
    if build:
        rules |= BUILT_RULES
        found += built_findings(sources, symbols)
    return judged(found, lambda rule, place: rule in rules and (is_whole or place in paths))


def main():
    parser = argparse.ArgumentParser(
        prog="tools/tidy", description="Checks the rules of the style guide that a program can "
        "check, on all files or on those that are named. The rules on objects (the core is pure, "
        "no mutable globals, calls go down) look at what was built.")
    parser.add_argument("files", nargs="*", help="only these; default: the whole tree")
    parser.add_argument("--build", default="build", help="folder of a plain build (default: build)")
    parser.add_argument("--source-only", action="store_true", help="leave out the rules on objects")
    options = parser.parse_args()
    is_whole = not options.files
    build = os.path.join(ROOT, options.build) if is_whole and not options.source_only else None
    try:
        paths = ([os.path.relpath(os.path.abspath(file), ROOT) for file in options.files]
                 or tree_files(ROOT))
        findings = sorted(set(all_findings(ROOT, paths, build, is_whole)),
                          key=lambda f: (f[1], f[2], f[0]))
    except (OSError, RuntimeError, SyntaxError, UnicodeDecodeError) as error:
        print(f"tidy: {error}", file=sys.stderr)
        return 2
    for rule, path, line, text in findings:
        print(f"{path}:{line}: {rule}: {text}")
    rules = set(RULES) | (TREE_RULES if is_whole else set()) | (BUILT_RULES if build else set())
    failed = {finding[0] for finding in findings}
    print(f"tidy: {len(paths)} files, {len(findings)} findings; rules: "
          f"{len(rules - failed)} passed, {len(failed)} failed")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
