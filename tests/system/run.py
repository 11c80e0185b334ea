#!/usr/bin/env python3
"""Runs the system tests: run.py [--build BUILD] [test_main_job | test_crash.Crash …]

One line per test, then `N passed, N failed, N skipped`; exit code 1 unless all passed.
Classes share nothing, so N of them run at the same time, each in a process of its own; what one
of them prints comes when it has ended, and then how long the class took, and of how much
processor."""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Most wait most of the time: for a guest to boot, for a link to be given up.
JOBS = 3 * (os.cpu_count() or 1)
# Begun first: what takes longest does not come last.
LONGEST = ["test_migration", "test_host_qemu", "test_crash", "test_hostile", "test_links",
           "test_main_job", "test_survive", "test_survive_copies",
           "test_survive_clusters", "test_copy_intervals", "test_carrier"]


class Lines(unittest.TestResult):
    """Prints each test as it ends; what was wrong follows at once."""

    def __init__(self):
        super().__init__()
        self.passed = 0

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()

    def tell(self, word, test, text=""):
        seconds = time.monotonic() - getattr(self, "begun", time.monotonic())
        print(f"{word:4} {seconds:6.1f} s  {test.id()}", flush=True)
        if text:
            print(text, flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self.tell("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell("FAIL", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.tell("FAIL", test, self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.tell("FAIL", subtest, (self.failures + self.errors)[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell("skip", test, reason)


def build(folder):
    """What is not built is, so that a clean clone does as well."""
    if not os.path.exists(f"{folder}/build.ninja"):
        subprocess.run(["meson", "setup", folder], cwd=ROOT, check=True)
    subprocess.run(["ninja", "-C", folder, "--quiet"], check=True)


def place(name):
    """Where its class stands in the order."""
    module = name.partition(".")[0]
    return LONGEST.index(module) if module in LONGEST else len(LONGEST)


def run_here(names):
    result = Lines()
    unittest.defaultTestLoader.loadTestsFromNames(names).run(result)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or not result.passed else 0


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def is_not_sanitized(test):
    """Is it marked as one that the sanitizers' builds skip?"""
    method = getattr(test, test.id().rpartition(".")[2], None)
    return hasattr(test, "is_not_sanitized") or hasattr(method, "is_not_sanitized")


def tests_by_class(names, fits):
    classes = {}
    for test in tests_of(unittest.defaultTestLoader.loadTestsFromNames(names)):
        if fits(test):
            classes.setdefault(test.id().rpartition(".")[0], []).append(test.id())
    return classes


def run_apart(name, tests):
    """A class in a process of its own; passed, failed, skipped."""
    begun = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, os.path.join(HERE, "run.py"), "--no-build", "--jobs", "1", *tests],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    *lines, last = child.stdout.read().splitlines() or [""]
    _, status, used = os.wait4(child.pid, 0)  # with what its children used that it has waited for
    child.returncode = os.waitstatus_to_exitcode(status)
    counts = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", last)
    if not counts:
        lines += [last, f"FAIL {tests[0]} or after it: ended with {child.returncode}"]
    lines.append(f"---- {time.monotonic() - begun:6.1f} s  {name}, "
                 f"{used.ru_utime + used.ru_stime:.1f} s of processor")
    print("\n".join(lines), flush=True)
    return [int(number) for number in counts.groups()] if counts else [0, 1, 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", help="the build folder; default: ISTHMUS_BUILD, or build")
    parser.add_argument("--no-build", action="store_true", help="take the programs as they are")
    parser.add_argument("--jobs", type=int, default=JOBS,
                        help="classes at the same time; default: 3 a processor")
    parser.add_argument("--not-sanitized", action="store_true",
                        help="what is skipped under the sanitizers, and what is named")
    parser.add_argument("names", nargs="*", help="default: all")
    options = parser.parse_args()
    folder = os.path.abspath(options.build or
                             os.path.join(ROOT, os.environ.get("ISTHMUS_BUILD", "build")))
    os.environ["ISTHMUS_BUILD"] = folder
    if not options.no_build:
        build(folder)
    os.chdir(HERE)
    sys.path.insert(0, HERE)
    every = sorted((os.path.basename(path)[:-3] for path in glob.glob(f"{HERE}/test_*.py")),
                   key=place)
    names = options.names or every
    if options.jobs == 1:
        return run_here(names)
    classes = tests_by_class(sorted(names, key=place), lambda test: True)
    if options.not_sanitized:
        classes = {**tests_by_class(every, is_not_sanitized),
                   **(classes if options.names else {})}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        passed, failed, skipped = map(sum, zip(*pool.map(run_apart, classes, classes.values())))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
