#!/usr/bin/env python3
"""fetch.py FOLDER --now|--not: has npm fetch what the page uses into FOLDER, as package-lock.json
names it; once. Says in a line why there is nothing, and fails."""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LOCK = "package-lock.json"


def read(path):
    with open(path) as file:
        return file.read()


def main(folder, when):
    mark = f"{folder}/{LOCK}"
    if when == "--not":
        return "it is not wanted (-Dweb=disabled)"
    if not shutil.which("npm"):
        return "npm is not there"
    if os.path.exists(f"{folder}/node_modules") and os.path.exists(mark) and \
            read(mark) == read(f"{HERE}/{LOCK}"):
        return ""
    os.makedirs(folder, exist_ok=True)
    for name in ("package.json", LOCK):
        shutil.copy(f"{HERE}/{name}", folder)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                          text=True, capture_output=True, check=False)
    if done.returncode == 0:
        return ""
    os.unlink(mark)
    told = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return f"npm ci failed: {told[0] if told else done.returncode}"


if __name__ == "__main__":
    why = main(*sys.argv[1:])
    print(why)
    sys.exit(1 if why else 0)
