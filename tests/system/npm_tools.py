"""What tests have of npm: just what a committed package-lock.json names."""
import fcntl
import os
import shutil
import subprocess

from cloud_case import read


def install(source, place):
    """Into the folder `place`, as it stands in the folder `source`; once."""
    os.makedirs(place, exist_ok=True)
    with open(f"{place}/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, mark = read(f"{source}/package-lock.json"), f"{place}/installed"
        if os.path.exists(mark) and read(mark) == wanted:
            return
        for name in ("package.json", "package-lock.json"):
            shutil.copy(f"{source}/{name}", place)
        for last in (False, False, True):  # a registry may hiccup
            done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                                  cwd=place, text=True, check=False, timeout=600,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode == 0:
                break
            if last:
                raise AssertionError(f"npm ci failed:\n{done.stdout[-2000:]}")
        with open(mark, "w") as file:
            file.write(wanted)
