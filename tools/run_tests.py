"""Runs the project's tests, part by part, and counts them. ./test calls it; see ./test --help.

A part counts every single test of its programs. What cannot be built counts as one failure of each
part that needs it. A sanitizer's report is a failure of its own, whichever process wrote it.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def sanitizers(folder, which):
    """A report ends the process, and stays in a file wherever the process was started."""
    return [f"-Db_sanitize={which}", "-Db_lundef=false",
            "-Dc_args=['-fno-sanitize-recover=all', '-include', "
            f"'{ROOT}/tools/sanitizers.h', "
            f"'-DSANITIZER_REPORTS=\"{ROOT}/{folder}/reports/report\"']"]


BUILDS = {
    "build": ("gcc", []),
    "build-clang": ("clang", ["-Doptimization=0"]),  # its warnings alone are wanted
    "build-sanitize": ("gcc", sanitizers("build-sanitize", "address,undefined")),
    "build-threads": ("gcc", sanitizers("build-threads", "thread")),
    "build-fuzz": ("clang", ["-Dfuzz=true", "-Db_sanitize=address,undefined",
                             "-Db_lundef=false"]),
}

# Under ThreadSanitizer as well.
THREADED = ["test_rest", "test_rest_streams", "test_command", "test_carrier", "test_xmpp",
            "test_owner", "test_failover", "test_relay"]

# A whole run has a system test once: under AddressSanitizer, or without where it is skipped there
# (`not_sanitized` in tests/system/cloud_case.py). But these both ways, since the main job is to be
# seen with what people get.
BOTH_WAYS = ["test_main_job", "test_federation"]

TARGETS = {"build-fuzz": ["fuzz"]}  # what is built of it; otherwise all


class Counts:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


class CannotBuild(Exception):
    pass


class Absent(Exception):
    """The tree holds no such tests."""


def say(text):
    print(text, flush=True)


def run(command, **options):
    """Runs it where the reader sees it; the exit code."""
    say("$ " + " ".join(command))
    return subprocess.run(command, cwd=ROOT, **options).returncode


def run_and_read(command, **options):
    """Runs it, shows what it prints and returns it with the exit code."""
    say("$ " + " ".join(command))
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", **options) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
    return process.returncode, lines


def count_output(text):
    """The single tests that a program's output tells of: cmocka's, unittest's or our own."""
    own = re.search(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", text, re.MULTILINE)
    if own:
        return Counts(*(int(number or 0) for number in own.groups()))
    ran = re.search(r"^Ran (\d+) tests? in ", text, re.MULTILINE)
    if ran:
        last = re.findall(r"^(?:OK|FAILED)\b.*", text, re.MULTILINE)[-1:] or [""]
        numbers = {word: int(n) for word, n in re.findall(r"(\w+)=(\d+)", last[0])}
        failed = numbers.get("failures", 0) + numbers.get("errors", 0)
        skipped = numbers.get("skipped", 0)
        return Counts(max(int(ran.group(1)) - failed - skipped, 0), failed, skipped)
    names = {word: set(re.findall(rf"^\[ +{word} +\] (?!\d+ test)(\S+)", text, re.MULTILINE))
             for word in ("OK", "FAILED", "SKIPPED")}
    return Counts(*(len(names[word]) for word in ("OK", "FAILED", "SKIPPED")))


def count_program(entry):
    """One line of Meson's testlog.json."""
    counts = count_output((entry.get("stdout") or "") + "\n" + (entry.get("stderr") or ""))
    if entry["result"] == "SKIP":
        counts.skipped = max(counts.skipped, 1)
    elif entry["result"] not in ("OK", "EXPECTEDFAIL"):
        counts.failed = max(counts.failed, 1)  # a crash ends before it is told
    elif counts.passed + counts.failed + counts.skipped == 0:
        counts.passed = 1
    return counts


def fresh_seed():
    """Where the simulator's fresh seeds begin: by the tree that is tested, so that a run of it can
    be repeated and a change meets seeds that none met before. None: this is no checkout."""
    done = subprocess.run(["git", "rev-parse", "HEAD^{tree}"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    return str(int(done.stdout[:8], 16)) if done.returncode == 0 else None


class Tests:
    def __init__(self, system_names, is_whole):
        self.system_names = system_names
        self.is_once = is_whole and not system_names
        self.built = {}  # by build folder: None, or why it could not be built
        self.failed = []  # a line for each that failed, to be read at the end

    def build(self, folder):
        """Configures and builds it once; warnings are errors. Raises CannotBuild."""
        if folder not in self.built:
            self.built[folder] = self._build(folder)
        if self.built[folder]:
            raise CannotBuild(self.built[folder])

    def _build(self, folder):
        compiler, settings = BUILDS[folder]
        if not os.path.exists(f"{ROOT}/{folder}/build.ninja"):
            say(f"$ CC={compiler} meson setup {folder}")
            done = subprocess.run(["meson", "setup", folder, *settings], cwd=ROOT, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env={**os.environ, "CC": compiler})
            if done.returncode != 0:
                return f"{done.stdout}{folder}: meson setup failed"
        code, lines = run_and_read(["ninja", "-C", folder, "--quiet", "-k", "0",
                                     *TARGETS.get(folder, [])])
        if code != 0:
            return f"{folder}: the {compiler} build failed, see above"
        if any(re.search(r"\bwarning: ", line) for line in lines):
            return f"{folder}: the {compiler} build is not free of warnings, see above"
        return None

    def meson_tests(self, folder, suite):
        """`suite`: its tests; "unit": those that are in no other. A time-out is for what hangs,
        not for a machine that others use as well."""
        others = ("scenario", "sim", "mutants", "system")
        listed = json.loads(subprocess.run(
            ["meson", "introspect", folder, "--tests"], cwd=ROOT, capture_output=True, text=True,
            check=True).stdout)

        def belongs(test):
            suites = {name.split(":")[-1] for name in test["suite"]}
            return suite in suites or (suite == "unit" and not suites & set(others))
        names = [test["name"] for test in listed if belongs(test)]
        if not names:
            raise Absent(f"{folder} has no tests in the suite {suite}")
        log = f"{ROOT}/{folder}/meson-logs/{suite}.json"
        if os.path.exists(log):
            os.unlink(log)
        seed = fresh_seed()
        code = run(["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs",
                    "--logbase", suite, "--timeout-multiplier", "4", *names],
                   env={**({"ISTHMUS_SIM_FRESH": seed} if seed else {}), **os.environ})
        counts = Counts()
        with open(log) as lines:
            for line in lines:
                entry = json.loads(line)
                counted = count_program(entry)
                counts.add(counted)
                if counted.failed:
                    self.failed.append(f"{folder} {suite}: {entry['name']}, {entry['result']}")
        if code != 0 and counts.failed == 0:
            counts.failed = 1
        return counts

    def system_tests(self, folder, *arguments):
        code, lines = run_and_read(
            [sys.executable, "tests/system/run.py", *arguments],
            env={**os.environ, "ISTHMUS_BUILD": f"{ROOT}/{folder}"})
        counts = count_output("\n".join(lines))
        self.failed += [f"{folder} {line}" for line in lines if line.startswith("FAIL ")]
        if code != 0:
            counts.failed = max(counts.failed, 1)
        elif counts.passed + counts.failed == 0:
            say("tests/system/run.py counted nothing")
            counts.failed = 1
        return counts

    # parts

    def tidy(self):
        """the style guide's rules that a program can check, on sources and on objects"""
        self.build("build")
        _, lines = run_and_read([sys.executable, "tools/tidy.py", "--build", "build"])
        found = re.search(r"rules: (\d+) passed, (\d+) failed$", lines[-1] if lines else "")
        return Counts(*map(int, found.groups())) if found else Counts(failed=1)

    def gcc(self):
        """builds with gcc, where a warning is an error"""
        self.build("build")
        return Counts(passed=1)

    def clang(self):
        """builds with clang, where a warning is an error"""
        self.build("build-clang")
        return Counts(passed=1)

    def unit(self):
        """the unit tests of each room"""
        self.build("build")
        return self.meson_tests("build", "unit")

    def scenario(self):
        """scripts of events against the pure core, with the expected trace"""
        self.build("build")
        return self.meson_tests("build", "scenario")

    def sim(self):
        """the whole system in simulated worlds, with faults, checked after each step"""
        self.build("build")
        return self.meson_tests("build", "sim")

    def mutants(self):
        """small bugs put into the core, each of which the simulator has to find"""
        self.build("build")
        return self.meson_tests("build", "mutants")

    def system(self):
        """real servers, daemons, libvirt, QEMU; in a run of all parts what `sanitize` skips"""
        self.build("build")
        if self.is_once:
            return self.system_tests("build", "--not-sanitized", *BOTH_WAYS)
        return self.system_tests("build", *self.system_names)

    def packages(self):
        """the Debian packages: made, checked, installed beside this system, upgraded, purged"""
        code, lines = run_and_read([sys.executable, "tests/packages/test_packages.py", "-v"])
        self.failed += [line for line in lines if line.startswith(("FAIL:", "ERROR:"))]
        counts = count_output("\n".join(lines))
        if code != 0:
            counts.failed = max(counts.failed, 1)
        return counts

    def bench_smoke(self):
        """each measurement of bench/run once: that it works, not how fast"""
        if not os.path.exists(f"{ROOT}/bench/run"):
            raise Absent("there is no bench/run")
        self.build("build")
        code = run([sys.executable, "bench/run", "--short"],
                   env={**os.environ, "ISTHMUS_BUILD": f"{ROOT}/build"})
        return Counts(passed=int(code == 0), failed=int(code != 0))

    def fuzz(self):
        """libFuzzer on each decoder for 25 s: ISTHMUS_FUZZ_SECONDS says how long"""
        self.build("build-fuzz")
        folder = f"{ROOT}/build-fuzz/tests/fuzz"
        names = sorted(name for name in os.listdir(folder)
                       if name.startswith("fuzz_") and os.access(f"{folder}/{name}", os.X_OK)
                       and os.path.isfile(f"{folder}/{name}"))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(lambda name: self.fuzz_one(folder, name), names))
        self.failed += [f"build-fuzz {name}, exit code {code}"
                        for name, code in zip(names, found) if code != 0]
        return Counts(passed=found.count(0), failed=len(found) - found.count(0))

    @staticmethod
    def fuzz_one(folder, name):
        seconds = os.environ.get("ISTHMUS_FUZZ_SECONDS", "25")
        finds = f"{ROOT}/build-fuzz/finds/{name}"
        os.makedirs(finds, exist_ok=True)
        done = subprocess.run(
            [f"{folder}/{name}", f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048",
             "-print_final_stats=1", f"-artifact_prefix={finds}/",
             finds, f"{ROOT}/tests/fuzz/corpus/{name.removeprefix('fuzz_')}"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace")
        runs = re.search(r"number_of_executed_units: (\d+)", done.stdout)
        say(f"{name}: {runs.group(1) if runs else '?'} inputs, exit code {done.returncode}")
        if done.returncode != 0:
            say("\n".join(done.stdout.splitlines()[-40:]))
        return done.returncode

    def under_sanitizers(self, folder, parts):
        """Each report that is left by then is a failure."""
        self.build(folder)
        reports = f"{ROOT}/{folder}/reports"
        shutil.rmtree(reports, ignore_errors=True)
        os.makedirs(reports)
        counts = Counts()
        for part in parts:
            counts.add(part(folder))
        for name in sorted(os.listdir(reports)):
            self.failed.append(f"{folder}/reports/{name}")
            with open(f"{reports}/{name}", errors="replace") as report:
                say(f"--- {reports}/{name}\n{report.read()}")
            counts.failed += 1
        return counts

    def sanitize(self):
        """unit and system tests again, under AddressSanitizer, LeakSanitizer and UBSan"""
        return self.under_sanitizers("build-sanitize", [
            lambda folder: self.meson_tests(folder, "unit"),
            lambda folder: self.system_tests(folder, *self.system_names)])

    def threads(self):
        """what runs on many threads again, under ThreadSanitizer"""
        return self.under_sanitizers("build-threads", [
            lambda folder: self.system_tests(folder, *(self.system_names or THREADED))])


PARTS = {"gcc": Tests.gcc, "tidy": Tests.tidy, "unit": Tests.unit, "scenario": Tests.scenario,
         "sim": Tests.sim, "mutants": Tests.mutants, "system": Tests.system,
         "sanitize": Tests.sanitize, "threads": Tests.threads, "clang": Tests.clang,
         "fuzz": Tests.fuzz, "packages": Tests.packages,
         "bench-smoke": Tests.bench_smoke}


def run_part(tests, part, is_named, summary):
    say(f"\n=== {part}: {PARTS[part].__doc__}")
    begin = time.monotonic()
    try:
        counts = PARTS[part](tests)
    except CannotBuild as fault:
        say(str(fault))
        counts = Counts(failed=1)
    except Absent as fault:
        say(str(fault))
        counts = Counts(failed=int(is_named))
    line = f"{part:11} {counts}, {time.monotonic() - begin:.0f} s"
    say(f"--- {line}")
    summary.append(line)
    return counts


def main():
    parser = argparse.ArgumentParser(
        prog="./test", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs all tests, or the parts that are named, in this order:\n"
        + "\n".join(f"  {name:11} {part.__doc__}" for name, part in PARTS.items())
        + "\n\nThe last line is `N passed, N failed`. Exit code 0: nothing failed.",
        epilog="Builds are kept in build, build-bench, build-clang, build-fuzz, build-sanitize "
        "and build-threads.")
    parser.add_argument("parts", nargs="*", metavar="PART", help="default: all of them")
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        help="of the system tests only these, as tests/system/run.py names them")
    options = parser.parse_args()
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"there is no part {part}; there are {', '.join(PARTS)}")
    begin = time.monotonic()
    tests, total, summary = Tests(options.only, not options.parts), Counts(), []
    for part in PARTS:
        if part in (options.parts or PARTS):
            total.add(run_part(tests, part, part in options.parts, summary))
    say(f"\n=== all of it, in {time.monotonic() - begin:.0f} s")
    for line in summary:
        say(line)
    for line in tests.failed:
        say(f"failed: {line}")
    if total.skipped:
        say(f"{total.skipped} skipped, as told above")
    say(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
