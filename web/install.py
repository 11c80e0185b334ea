#!/usr/bin/env python3
"""install.py FROM TO: puts the page where Meson installs, in place of the one that is there."""
import os
import shutil
import sys

source, target = sys.argv[1:]
target = os.environ.get("DESTDIR", "") + target
shutil.rmtree(target, ignore_errors=True)
shutil.copytree(source, target)
