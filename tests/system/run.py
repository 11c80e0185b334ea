#!/usr/bin/env python3
"""Runs the system tests: run.py [--build BUILD] [test_main_job | test_crash.Crash.test_… …]

One line per test, then `N passed, N failed, N skipped`; exit code 1 unless all passed."""
import glob
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


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
            print(f"     in {subtest.id()}", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell("skip", test, reason)


def main():
    names = sys.argv[1:]
    if "--build" in names:
        at = names.index("--build")
        os.environ["ISTHMUS_BUILD"] = os.path.abspath(names[at + 1])
        del names[at:at + 2]
    os.chdir(HERE)
    sys.path.insert(0, HERE)
    if not names:
        names = sorted(os.path.basename(path)[:-3] for path in glob.glob(f"{HERE}/test_*.py"))
    result = Lines()
    unittest.defaultTestLoader.loadTestsFromNames(names).run(result)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or not result.passed else 0


if __name__ == "__main__":
    sys.exit(main())
