#!/usr/bin/env python3
"""pack.py MARK NODE_MODULES CODES FILE…: lays the page out beside MARK, in page/: index.html, and
all else in web/DIGEST/, whose name changes with what is in it, so that browsers may keep it. Each
file is there by gzip, too. CODES is the manager's own table of codes, whose words the page shows,
in codes.js. Touches MARK."""
import gzip
import hashlib
import json
import os
import re
import shutil
import sys

LIBRARIES = {"lib/preact.js": "htm/preact/standalone.module.js", "lib/htm.txt": "htm/LICENSE",
             "lib/preact.txt": "preact/LICENSE", "lib/xterm.js": "@xterm/xterm/lib/xterm.mjs",
             "lib/xterm.css": "@xterm/xterm/css/xterm.css", "lib/xterm.txt": "@xterm/xterm/LICENSE",
             "lib/uplot.js": "uplot/dist/uPlot.esm.js",
             "lib/uplot.css": "uplot/dist/uPlot.min.css", "lib/uplot.txt": "uplot/LICENSE",
             "lib/novnc.txt": "@novnc/novnc/LICENSE.txt",
             "lib/pako.txt": "@novnc/novnc/vendor/pako/LICENSE"}
# All modules of which are needed, each in its folder.
TREES = {"lib/novnc/core": "@novnc/novnc/core", "lib/novnc/vendor": "@novnc/novnc/vendor"}


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    for name, stored in ((path, content), (f"{path}.gz", gzip.compress(content, 9, mtime=0))):
        with open(name, "wb") as file:
            file.write(stored)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tree(name, folder):
    """Its scripts by the names that they get."""
    paths = (f"{at}/{file}" for at, _, names in os.walk(folder) for file in names)
    return {name + path[len(folder):]: read(path) for path in paths if path.endswith(".js")}


def words_of(text):
    """Each code's title and remedy, as code_title() and code_remedy() have them."""
    literal = r'((?:\s*"[^"]*")+)'
    rows = re.findall(rf"\[CODE_(\w+)\] = \{{{literal},{literal}\}}", text)
    names = re.findall(r'"([^"]+)"', text[text.index("code_names[CODE_COUNT] = "):].split(";")[0])
    if len(rows) != len(names):
        raise SystemExit(f"pack.py: {len(names)} codes, and words for {len(rows)}")
    joined = [["".join(re.findall(r'"([^"]*)"', part)) for part in parts] for _, *parts in rows]
    return {name: dict(zip(("title", "remedy"), parts)) for name, parts in zip(names, joined)}


def main(mark, modules, table, *paths):
    page = f"{os.path.dirname(os.path.abspath(mark))}/page"
    files = {os.path.basename(path): read(path) for path in paths}
    files.update({name: read(f"{modules}/{path}") for name, path in LIBRARIES.items()})
    for name, path in TREES.items():
        files.update(tree(name, f"{modules}/{path}"))
    words = json.dumps(words_of(read(table).decode()), indent=1)
    files["codes.js"] = f"export const codes = {words};\n".encode()
    index = files.pop("index.html")
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    folder = f"web/{digest.hexdigest()[:16]}"
    shutil.rmtree(page, ignore_errors=True)
    write(f"{page}/index.html", index.replace(b'"web/', f'"{folder}/'.encode()))
    for name, content in files.items():
        write(f"{page}/{folder}/{name}", content)
    with open(mark, "w"):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
