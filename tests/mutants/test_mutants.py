#!/usr/bin/env python3
"""Each patch here is a bug; the simulator has to find each within its budget of seeds.

A patch is applied to a copy of the sources, what it changes is compiled anew, and the simulator is
run until it fails. A mutant that survives is a hole in sim/laws; a patch that does not apply
any more has to be made again for the sources as they are. A first line `world: OPTIONS` in a patch
names the world that finds it soonest; the others follow if that does not any more.
"""
import concurrent.futures
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
COMPILE = ["cc", "-std=gnu17", "-O1", "-D_GNU_SOURCE", '-DISTHMUS_VERSION="mutant"', "-w",
           "-Isrc", "-I.", "-c"]
# What is quick first, then from what finds most to what finds the rest.
WORLDS = [
    "--seeds 30 --rekey 300", "--seeds 150", "--seeds 40 --clusters 1 --placing 900",
    "--seeds 30 --spares 1 --cut 500", "--seeds 40 --reshape 900 --job_hangs 300 --operations 400",
    "--seeds 30 --clusters 1 --agents 6 --owner_acts 0 --drains 1000 --reshape 0 --guest_dies 0 "
    "--job_hangs 100",
    "--seeds 60 --upstreams 2", "--pair --seeds 8",
    "--calm --shares 1000 --upstreams 2 --shapes 1 --greedy 1 --clusters 1 --agents 1 "
    "--host_cpus 4 --seeds 60",
    "--seeds 40 --upstreams 2 --clusters 1 --agents 1 --host_cpus 64 --pause_ms 20 "
    "--operations 400 --names 60",
    "--calm --limits 500 --seeds 60 --reshape 0 --shapes 2",
    "--seeds 40 --levels 4 --clusters 1 --agents 2",
    "--seeds 60 --server_death 900 --guest_dies 600 --crash 0 --lose 0 --operations 400 --names 30",
    "--seeds 60 --upstreams 3 --clusters 4 --agents 1 --names 60 --pause_ms 60 --operations 400",
    "--seeds 10 --calm --lose 20 --repeat 20 --reorder 20",
    "--seeds 100 --window 2 --guest_dies 600",
    "--seeds 40 --clusters 3 --placing 500",
    "--seeds 60 --networks 700 --reshape 500 --owner_acts 900 --operations 600",
    "--seeds 40 --upstreams 2 --clusters 1 --agents 4 --pause_ms 3",
    "--seed 930000016 --operations 1000 --upstreams 3 --agents 4",
    "--seed 960000463 --operations 1000 --upstreams 2 --window 3",
    "--seeds 700 --seed 1000",
]


def sources(folder):
    rooms = ("src/base", "src/message", "src/core", "sim")
    return sorted(os.path.relpath(path, folder) for room in rooms
                  for path in glob.glob(f"{folder}/{room}/**/*.c", recursive=True))


def object_of(source):
    return source.replace("/", "_")[:-2] + ".o"


def compile_into(folder, objects, names):
    def one(name):
        subprocess.run([*COMPILE, name, "-o", f"{objects}/{object_of(name)}"], cwd=folder,
                       check=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(one, names))


def link(objects, names, program):
    subprocess.run(["cc", *(f"{objects}/{object_of(name)}" for name in names), "-ljansson", "-o",
                    program], check=True)


class Mutants(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="isthmus-mutants-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        os.mkdir(f"{cls.folder}/sound")
        os.makedirs(f"{cls.folder}/generated/sim/runs")
        with open(f"{cls.folder}/generated/sim/runs/commit.h", "w") as header:
            header.write('#define SIM_COMMIT "mutant"\n')
        COMPILE.append(f"-I{cls.folder}/generated")
        cls.names = sources(ROOT)
        compile_into(ROOT, f"{cls.folder}/sound", cls.names)

    def build(self, patch):
        """The simulator with the patch in it."""
        name = os.path.basename(patch)[:-len(".patch")]
        tree, objects = f"{self.folder}/{name}", f"{self.folder}/{name}.objects"
        for room in ("src/base", "src/message", "src/core", "sim"):
            shutil.copytree(f"{ROOT}/{room}", f"{tree}/{room}")
        shutil.copytree(f"{self.folder}/sound", objects)
        applied = subprocess.run(["patch", "-p1", "-i", patch], cwd=tree, capture_output=True,
                                 text=True)
        self.assertEqual(applied.returncode, 0, "make the patch again:\n" + applied.stdout)
        with open(patch) as lines:
            changed = [line.split()[1][2:] for line in lines if line.startswith("+++ ")]
        compile_into(tree, objects, changed)
        link(objects, self.names, f"{tree}/isthmus-sim")
        return f"{tree}/isthmus-sim"

    def check_found(self, patch):
        program = self.build(patch)
        for world in worlds_for(patch):
            done = subprocess.run([program, "--once", "--jobs", "2", *world.split()],
                                  capture_output=True, text=True, errors="replace", timeout=300)
            if done.returncode != 0:
                found = [line for line in done.stderr.splitlines()
                         if "law broken" in line or "Assertion" in line or "replay:" in line]
                self.assertTrue(found, done.stderr[-2000:])
                print(f"{os.path.basename(patch)}: {world}: {found[0][:160]}", flush=True)
                return
        self.fail("it survived: a law is not checked")


def worlds_for(patch):
    """All of them, that first which the patch says has found it."""
    with open(patch) as lines:
        said = lines.readline().partition("world: ")[2].strip()
    if said and said not in WORLDS:
        raise ValueError(f"{patch}: there is no world {said!r}")
    return sorted(WORLDS, key=lambda world: world != said)


def add(patch):
    name = os.path.basename(patch)[:-len(".patch")].replace("-", "_")
    setattr(Mutants, f"test_found_{name}", lambda self: self.check_found(patch))


for each in sorted(glob.glob(f"{HERE}/*.patch")):
    add(each)

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
