#!/usr/bin/env python3
"""test_mutants.py [NAME...]: each patch here is a bug; the simulator has to find each within its
budget of seeds. Names are those of patches; default: all.

A patch is applied to a copy of the sources, what it changes is compiled anew, and the simulator is
run until it fails; where it does, the sources without the patch have to hold. A mutant that
survives is a hole in sim/laws; a patch that does not apply any more has to be made again for the
sources as they are. A first line `world: OPTIONS` in a patch
names the world that finds it soonest; the others follow if that does not any more.
"""
import argparse
import concurrent.futures
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

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
    "--seeds 60 --upstreams 2", "--pair --seeds 8", "--pair --seeds 60",
    "--pair --seeds 8 --pause_ms 200",
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
    "--seeds 30 --networks 900 --allow 500 --reshape 500 --owner_acts 900 --operations 600",
    "--seeds 60 --networks 900 --allow 500 --reallow 200 --reshape 500 --owner_acts 900 "
    "--operations 600",
    "--seeds 60 --upstreams 2 --clusters 1 --agents 6 --drains 1000 --networks 800 --allow 500 "
    "--reallow 300",
    "--seeds 150 --seed 12400 --upstreams 2 --levels 3 --agents 2 --networks 900 --allow 500 "
    "--reallow 200 --owner_acts 800",
    "--seeds 60 --networks 700 --interfaces 300 --reshape 300 --owner_acts 600 --operations 400",
    "--seeds 60 --clusters 1 --agents 6 --drains 1000 --live 1000 --networks 700 --interfaces 300",
    "--seeds 60 --networks 900 --allow 500 --reallow 200 --interfaces 300 --reshape 300 "
    "--owner_acts 600",
    "--seeds 30 --networks 900 --interfaces 600 --job_hangs 300 --operations 400",
    "--seeds 30 --networks 900 --allow 900 --interfaces 300 --restores 300 --operations 300",
    "--seeds 40 --upstreams 2 --clusters 1 --agents 4 --pause_ms 3",
    "--seeds 20 --guest_falls 300",
    "--seed 1956972072 --upstreams 2 --levels 3 --placing 300 --networks 500",
    "--seed 497653719 --upstreams 2 --agents 4 --drains 1000",
    "--seeds 60 --clusters 1 --agents 6 --drains 1000 --lies 500",
    "--seeds 60 --clusters 1 --placing 900 --owner_acts 900 --operations 600",
    "--seeds 60 --store_loss 100 --twins 400 --successors 500",
    "--seeds 60 --restores 300",
    "--seeds 40 --seed 1000000 --upstreams 2 --evictions 900 --reshape 800 --job_hangs 300",
    "--seeds 30 --upstreams 2 --holds 1 --evictions 900",
    "--seed 107 --upstreams 2 --levels 3 --placing 300 --networks 500",
    "--seeds 40 --spares 2 --mixed 900 --disturb 900",
    "--seeds 60 --leases 600 --ways 150 --stalls 100 --wardens 200 --drift 10000",
    "--seeds 80 --leases 600 --ways 150 --stalls 100 --wardens 200 --drift 10000",
    "--seeds 150 --seed 602000 --clusters 1 --agents 6 --drains 1000 --live 1000 --leases 600 "
    "--ways 300 --stalls 200 --wardens 200 --drift 10000",
    "--seeds 150 --seed 1002550 --clusters 1 --agents 6 --drains 1000 --reshape 600 --leases 600 "
    "--ways 300 --stalls 200 --wardens 200 --drift 10000 --crash 6 --power_loss 150",
    "--seeds 60 --clusters 1 --window 3 --reshape 900 --job_hangs 300 --leases 1000 --ways 150 "
    "--stalls 100 --wardens 200 --drift 10000",
    "--seeds 300 --seed 20000 --leases 900 --ways 500 --wardens 200 --drift 10000 --crash 8 "
    "--clusters 1 --agents 4",
    "--seeds 300 --seed 500000 --reshape 900 --job_hangs 300 --leases 600 --ways 150 --stalls 100 "
    "--wardens 200 --drift 10000 --crash 6",
    "--seeds 150 --seed 30000 --anywhere 700 --leases 900 --ways 300 --stalls 100 --wardens 200 "
    "--drift 10000 --restores 0",
    "--seeds 60 --upstreams 2 --levels 3 --agents 2 --ips 900 --owner_acts 800",
    "--seeds 60 --upstreams 2 --levels 3 --agents 2 --logs 300 --ips 500 --owner_acts 800",
    "--seeds 40 --copies 300 --clock_jump 0 --lies 300",
    "--seeds 60 --copies 400 --clock_jump 0 --restores 0",
    "--seeds 40 --upstreams 2 --levels 3 --agents 2 --copies 300 --clock_jump 0 --restores 0",
    "--seeds 80 --copies 300 --clock_jump 0 --anywhere 700 --leases 900 --ways 300 --stalls "
    "100 --wardens 200 --drift 10000 --restores 0",
    "--seeds 80 --copies 300 --clock_jump 0 --leases 900 --from_copy 700 --ways 300 --stalls "
    "100 --wardens 200 --drift 10000 --restores 0 --agents 4",
    "--seeds 300 --copies 300 --clock_jump 0 --leases 900 --from_copy 700 --ways 300 --stalls "
    "100 --wardens 200 --drift 10000 --restores 0 --agents 4 --rot 700",
    "--seeds 80 --copies 300 --clock_jump 0 --leases 900 --from_copy 700 --ways 300 --stalls "
    "100 --wardens 200 --drift 10000 --restores 0 --agents 4 --reshape 600",
    "--seeds 60 --seed 1000000 --upstreams 2 --intervals 900 --copies 20 --clock_jump 0 --pause_ms "
    "15000 --clusters 1 --agents 8 --restores 0 --names 30",
    "--seeds 250 --upstreams 2 --intervals 600 --clock_jump 0 --pause_ms 30000 --ways 300 "
    "--stalls 100 --restores 0",
    "--seeds 60 --seed 1000000 --upstreams 2 --intervals 600 --clock_jump 0 --pause_ms 30000 "
    "--ways 300 --stalls 100 --restores 0",
    "--seeds 60 --upstreams 2 --levels 3 --agents 2 --streams 400 --owner_acts 800",
    "--seeds 60 --upstreams 2 --levels 3 --agents 2 --usage 1 --owner_acts 800",
    "--pair --seeds 60 --usage 1", "--seeds 30 --usage 1",
    "--seeds 700 --seed 1000",
    "--seeds 60 --clusters 3 --placing 300 --rules 600",
    "--seeds 30 --clusters 3 --rules 600 --networks 500",
    "--seeds 150 --seed 30000 --clusters 3 --rules 600 --anywhere 700 --leases 900 --ways 300 "
    "--stalls 100 --wardens 200 --drift 10000 --restores 0",
]


def sources(folder):
    rooms = ("src/base", "src/message", "src/core", "sim")
    return sorted(os.path.relpath(path, folder) for room in rooms
                  for path in glob.glob(f"{folder}/{room}/**/*.c", recursive=True))


def object_of(source):
    return source.replace("/", "_")[:-2] + ".o"


def compile_into(folder, objects, names):
    for name in names:
        subprocess.run([*COMPILE, name, "-o", f"{objects}/{object_of(name)}"], cwd=folder,
                       check=True)


def run_simulator(program, words):
    return subprocess.run([program, "--once", *words.split()], capture_output=True, text=True,
                          errors="replace", timeout=300, check=False)


def worlds_for(patch):
    """All of them, that first which the patch says has found it."""
    with open(patch) as lines:
        said = lines.readline().partition("world: ")[2].strip()
    if said and said not in WORLDS:
        raise ValueError(f"there is no world {said!r}")
    return sorted(WORLDS, key=lambda world: world != said)


class Workshop:
    """A folder with the objects of the sound simulator, where mutants are built beside them."""

    def __init__(self, folder, pool):
        self.folder = folder
        os.mkdir(f"{folder}/sound")
        os.makedirs(f"{folder}/generated/sim/runs")
        with open(f"{folder}/generated/sim/runs/commit.h", "w") as header:
            header.write('#define SIM_COMMIT "mutant"\n')
        COMPILE.append(f"-I{folder}/generated")
        self.names = sources(ROOT)
        list(pool.map(lambda name: compile_into(ROOT, f"{folder}/sound", [name]), self.names))
        self.link(f"{folder}/sound", ())

    def link(self, tree, changed):
        objects = [f"{tree if name in changed else f'{self.folder}/sound'}/{object_of(name)}"
                   for name in self.names]
        subprocess.run(["cc", *objects, "-ljansson", "-o", f"{tree}/isthmus-sim"], check=True)
        return f"{tree}/isthmus-sim"

    def build(self, patch):
        """The simulator with the patch in it: what it changes is compiled, the rest is linked."""
        tree = f"{self.folder}/{name_of(patch)}"
        for room in ("src/base", "src/message", "src/core", "sim"):
            shutil.copytree(f"{ROOT}/{room}", f"{tree}/{room}")
        applied = subprocess.run(["patch", "-p1", "-i", patch], cwd=tree, capture_output=True,
                                 text=True)
        if applied.returncode != 0:
            raise ValueError("make the patch again:\n" + applied.stdout)
        with open(patch) as lines:
            changed = [line.split()[1][2:] for line in lines if line.startswith("+++ ")]
        compile_into(tree, tree, changed)
        return self.link(tree, changed)

    def check_sound(self, world, said):
        """What finds a mutant finds nothing without it: in the seed that is to be replayed, or,
        where it ended too soon to name that, in all of the world."""
        replay = next((line for line in said.splitlines() if "replay: isthmus-sim " in line), None)
        words = replay.split("isthmus-sim ", 1)[1].split(" --trace")[0] if replay else world
        done = run_simulator(f"{self.folder}/sound/isthmus-sim", words)
        if done.returncode != 0:
            raise ValueError(f"it fails without the patch, too: isthmus-sim {words}")

    def find(self, patch):
        """In which world the simulator finds it, and by what."""
        program = self.build(patch)
        for world in worlds_for(patch):
            done = run_simulator(program, world)
            if done.returncode != 0:
                found = [line for line in done.stderr.splitlines()
                         if "law broken" in line or "Assertion" in line or "replay:" in line]
                if not found:
                    raise ValueError(done.stderr[-2000:])
                self.check_sound(world, done.stderr + done.stdout)
                return f"{world}: {found[0][:160]}"
        raise ValueError("it survived: a law is not checked")

    def check(self, patch):
        """Was it found?"""
        begun = time.monotonic()
        try:
            word, told = "ok", self.find(patch)
        except (ValueError, subprocess.SubprocessError) as fault:
            word, told = "FAIL", str(fault)
        print(f"{word:4} {time.monotonic() - begun:6.1f} s  {name_of(patch)}: {told}", flush=True)
        return word == "ok"


def name_of(patch):
    return os.path.basename(patch)[:-len(".patch")]


def main():
    parser = argparse.ArgumentParser(description="The simulator has to find each of these bugs.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args().names
    patches = [f"{HERE}/{name}.patch" for name in names] or sorted(glob.glob(f"{HERE}/*.patch"))
    with tempfile.TemporaryDirectory(prefix="isthmus-mutants-") as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(Workshop(folder, pool).check, patches))
    print(f"{found.count(True)} passed, {found.count(False)} failed")
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
