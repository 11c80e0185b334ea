"""Floors: a file knows only what stands below it.

The meson.build files are the floor plan: read from the root's, through subdir() where it is called,
they name the files from the ground up. x.h stands where x.c does; a header of no .c is named too.
An arrow is an include, or in the objects a reference to what another file defines.
"""
import fnmatch
import os
import re

from tidy_rules.allowed import CIRCLES, UPWARD
from tidy_rules.source import declarations, room

FOLDER_FILES = 16
PREFIX_FILES = 2

PLAN_WORD = re.compile(r"#[^\n]*|subdir\(\s*'([^']+)'\s*\)|'([^'\n]*\.[ch])'")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)
ALLOWED = "tools/tidy_rules/allowed.py"


def unit(path):
    """x.c and x.h are one: src/core/books/book"""
    return os.path.splitext(path)[0]


def is_planned(path):
    return path.startswith(("src/", "sim/")) and path.endswith((".c", ".h"))


def floor_plan(root, folder=""):
    """The files that the meson.build files name, from the ground up."""
    path = os.path.join(root, folder, "meson.build")
    if not os.path.isfile(path):
        return
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for subfolder, name in (match.groups() for match in PLAN_WORD.finditer(text)):
        if subfolder:
            yield from floor_plan(root, os.path.join(folder, subfolder))
        elif name:
            yield os.path.normpath(os.path.join(folder, name))


def include_arrows(sources):
    """(unit, unit that it includes): line and name of the include"""
    sources = [source for source in sources if is_planned(source.path)]
    units = {unit(source.path) for source in sources}
    arrows = {}
    for source in sources:
        for match in INCLUDE.finditer(source.text):
            roots = (os.path.dirname(source.path), "src", "")
            target = next((place for place in (unit(os.path.normpath(os.path.join(root, match[1])))
                                               for root in roots) if place in units), None)
            if target:
                line = source.text.count("\n", 0, match.start()) + 1
                arrows.setdefault((unit(source.path), target), (source.path, line, match[1]))
    return arrows


def defined(symbols):
    """Name of a function or object: the units that define it for others"""
    units = {}
    for symbol in symbols:
        if symbol.is_global:
            units.setdefault(symbol.name, set()).add(unit(symbol.path))
    return units


def call_arrows(symbols):
    """(unit, unit whose function or object it refers to): the name. Of two that define it, as in
    sim and in io, the one in the room is meant."""
    units = defined(symbols)
    arrows = {}
    for symbol in symbols:
        there = units.get(symbol.name, set())
        there = {other for other in there if room(other) == room(symbol.path)} or there
        if symbol.is_undefined and len(there) == 1:
            arrows.setdefault((unit(symbol.path), *there), (symbol.path, 1, symbol.name))
    return arrows


def circles(arrows):
    """The sets of units that lead to each other (Tarjan)."""
    ways = {}
    for here, there in arrows:
        ways.setdefault(here, []).append(there)
    index, low, stack, found = {}, {}, [], []

    def visit(here):
        index[here] = low[here] = len(index)
        stack.append(here)
        for there in ways.get(here, []):
            if there not in index:
                visit(there)
            if there in stack:
                low[here] = min(low[here], low[there])
        if low[here] == index[here]:
            members = stack[stack.index(here):]
            del stack[-len(members):]
            if len(members) > 1:
                found.append(frozenset(members))

    for here in sorted(ways):
        if here not in index:
            visit(here)
    return found


def short(units):
    """A circle as it is written in CIRCLES: its folder, and the names in it."""
    folder = os.path.commonpath([os.path.dirname(member) for member in units])
    return folder, " ".join(sorted(os.path.relpath(member, folder) for member in units))


def allowed_upward(arrow):
    return next((entry for entry in UPWARD
                 if fnmatch.fnmatch(arrow[0], entry[0]) and arrow[1] == entry[1]), None)


def allowed_circle(folder, names):
    return next((entry for entry in CIRCLES
                 if folder == entry[0] and set(names.split()) <= set(entry[1].split())), None)


def rule_floors(plan, arrows, is_built):
    """No arrow goes up, and none leads back to where it began."""
    floor = {}
    for path in plan:
        floor.setdefault(unit(path), len(floor))
    upward = {arrow: allowed_upward(arrow) for arrow in arrows
              if floor.get(arrow[1], 0) > floor.get(arrow[0], len(floor))}
    needed = {entry for entry in upward.values() if entry}
    knots = circles(arrow for arrow in arrows if not upward.get(arrow))
    for folder, names in sorted(short(knot) for knot in knots):
        entry = allowed_circle(folder, names)
        if entry:
            needed.add(entry)
        else:
            yield (f"{folder}/meson.build", 1, names, f"{names} lead to each other: let what they "
                   "share sink below them, until no circle is left")
    for here, there in sorted(arrow for arrow, entry in upward.items() if not entry):
        if not any({here, there} <= knot for knot in knots):
            path, line, name = arrows[here, there]
            yield (path, line, there, f"{name} is of {there}, which stands higher in the "
                   "meson.build files: list the files in their order, or let what is used sink")
    for entry in [*CIRCLES, *UPWARD] if is_built else []:
        if entry not in needed:
            yield ALLOWED, 1, entry, f"remove {entry}: no arrow needs it"


def rule_declaration(sources, symbols):
    """A header says what its own file gives."""
    units = defined(symbols)
    for source in sources:
        if not is_planned(source.path) or not source.path.endswith(".h"):
            continue
        for name, line in declarations(source.code):
            there = units.get(name, {unit(source.path)})
            if unit(source.path) not in there:
                yield (source.path, line, name, f"{name} is defined in {min(there)}.c: declare it "
                       "in the header of that name")


def folders_above(path):
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count + 1]) for count in range(len(parts))]


def rule_floor_plan(plan, paths):
    """Every file has a floor, and a folder's files stand together: a folder is a floor too."""
    units = {unit(path) for path in plan}
    for path in paths:
        if is_planned(path) and unit(path) not in units:
            yield path, 1, "", "name it in its folder's meson.build, above what it stands on"
    left, here = set(), []
    for path in dict.fromkeys(plan):
        there = folders_above(path)
        left |= set(here) - set(there) - {"src"}
        for folder in left & set(there):
            yield (path, 1, folder, f"the files of {folder} do not stand together in the "
                   "meson.build files")
        here = there


def c_files(paths):
    """Of each folder, the .c files without .c"""
    folders = {}
    for path in paths:
        if is_planned(path) and path.endswith(".c"):
            folders.setdefault(os.path.dirname(path), []).append(unit(os.path.basename(path)))
    return folders.items()


def rule_folder_size(paths):
    for folder, names in c_files(paths):
        for name in names[FOLDER_FILES:]:
            yield (f"{folder}/{name}.c", 1, "", f"{len(names)} .c files in {folder}, at most "
                   f"{FOLDER_FILES}: make folders by their ideas")


def rule_prefix(paths):
    """No prefix stands in a folder's place."""
    for folder, names in c_files(paths):
        for prefix in sorted({name.split("_")[0] for name in names}):
            alike = [name for name in names if name.split("_")[0] == prefix]
            for name in alike[PREFIX_FILES:]:
                yield (f"{folder}/{name}.c", 1, prefix, f"{len(alike)} files in {folder} begin "
                       f"with {prefix}: make a folder {prefix}/ of them")
