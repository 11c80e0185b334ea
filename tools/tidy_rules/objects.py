"""What was built: who defines and who calls what. The core is pure, and no global can change."""
import json
import os
import re
import subprocess

from tidy_rules.source import room

# What the core may call, beside what base, message and core themselves define.
PURE_SYMBOLS = {
    "__assert_fail", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_", "memcmp", "memcpy", "memmove",
    "memset", "strchr", "strcmp", "strlen", "strncmp", "strspn",
}
IMPURE_BASE = {"src/base/log.c"}  # writes to a descriptor and reads the clock


class Symbol:
    def __init__(self, path, name, kind, section):
        self.path = path  # of the source
        self.name = name
        self.is_undefined = kind in "Uwv"
        self.is_global = kind.isupper() and not self.is_undefined
        self.section = section


def built_objects(root, build):
    """Object of the build: source in the tree, for all of src and sim."""
    try:
        with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
            commands = json.load(file)
    except OSError as error:
        raise RuntimeError(f"{error}: build first: meson setup {build} && ninja -C {build}; "
                           "or --source-only") from error
    objects = {}
    for command in commands:
        source = os.path.normpath(os.path.join(command["directory"], command["file"]))
        path = os.path.relpath(source, root)
        if path.startswith(("src/", "sim/")):
            objects[os.path.join(command["directory"], command["output"])] = path
    return objects


def read_symbols(root, build):
    """Every symbol in the objects, from `nm -A --format=sysv`:
    OBJECT:NAME|value|class|type|size|line|section"""
    objects = built_objects(root, build)
    done = subprocess.run(["nm", "-A", "--format=sysv", *objects], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"nm: {done.stderr.strip()[:300]}; build first: ninja -C {build}")
    symbols = []
    for line in done.stdout.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 7:
            place, name = fields[0].rsplit(":", 1)
            symbols.append(Symbol(objects[place], name, fields[2], fields[6]))
    return symbols


def rule_core_purity(symbols):
    own = {symbol.name for symbol in symbols if not symbol.is_undefined
           and room(symbol.path) in ("base", "message", "core") and symbol.path not in IMPURE_BASE}
    for symbol in symbols:
        if (room(symbol.path) == "core" and symbol.is_undefined
                and symbol.name not in own | PURE_SYMBOLS):
            yield symbol.path, 1, symbol.name, (f"{symbol.name} is not pure: the core calls only "
                                                "base, message, itself and a few string functions")


def rule_globals(symbols):
    for symbol in symbols:
        if (room(symbol.path) in ("base", "message", "core", "io")
                and re.match(r"(\.data(?!\.rel\.ro)|\.t?bss|\.tdata|\*COM\*)", symbol.section)):
            name = symbol.name.split(".")[0]
            yield symbol.path, 1, name, (f"{name} is a mutable global ({symbol.section}): move it "
                                         "into a struct that its owner holds, or make it const")
