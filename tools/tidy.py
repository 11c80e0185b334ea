"""The rules of the style guide that a program can check. tools/tidy --help says how to call it.

Each rule is a generator of findings (line, what to do); the tables below say what is allowed, and
why. An exemption that no finding needs any more is itself a finding.
"""
import argparse
import ast
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

FUNCTION_LINES = 70
FILE_LINES = 600
COLUMNS = 100
PARAMETERS = 5

# base <- message <- core <- {io, sim} <- {main, tests}; io and sim never meet
ROOMS = {
    "base": {"base"},
    "message": {"base", "message"},
    "core": {"base", "message", "core"},
    "io": {"base", "message", "core", "io"},
    "sim": {"base", "message", "core", "sim"},
    "main": {"base", "message", "core", "io", "main"},
    "tests": {"base", "message", "core", "io", "sim", "main", "tests"},
    "bench": {"base", "message", "core", "io", "main", "bench"},  # agents, as the daemon wires them
}

# Foreign parties, by the headers that open them, and the one file that may: of libsodium, one for
# digests and one for seals.
FOREIGN = {
    r"archive(_entry)?\.h": "src/io/image_archive.c",
    r"curl/.*": "src/io/http_client.c",
    r"ini\.h": "src/io/config.c",
    r"jansson\.h": "src/message/codec_decode.c",
    r"libvirt/.*": "src/io/host_libvirt_parts.h",
    r"microhttpd\.h": "src/io/http_server.c",
    r"sodium(/.*)?\.h": ("src/io/secret.c", "src/io/seal.c"),
    r"sqlite3\.h": "src/io/store_sqlite.c",
    r"strophe\.h": "src/io/xmpp_connection.c",
    r"systemd/.*": "src/io/notify.c",
    r"uv\.h": "src/io/shell.c",
    r"cmocka\.h": "tests/",
}
# What the C library and the kernel bring.
SYSTEM_HEADER = re.compile(
    r"(arpa|asm|linux|net|netinet|sys)/\w+\.h|"
    r"(assert|ctype|dirent|errno|fcntl|fnmatch|ftw|getopt|glob|grp|inttypes|langinfo|limits|locale|"
    r"malloc|math|netdb|poll|pthread|pwd|sched|semaphore|setjmp|signal|spawn|stdalign|stdarg|"
    r"stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|"
    r"threads|time|unistd|wchar)\.h")

BANNED = {
    "strcpy": "text_copy", "strcat": "struct text or text_format", "sprintf": "text_format",
    "atoi": "strtoul with its end checked", "strtok": "strsep", "rand": "base/prng",
    "sleep": "a deadline of the loop", "system": "posix_spawn with arguments",
    "alloca": "memory_new", "gets": "getline",
}
CLOCKS = {"time", "clock_gettime", "gettimeofday", "timespec_get"}
CLOCK_FILES = {
    "src/io/shell.c": "the loop",
    "src/base/log.c": "the stamp of a log line",
    "bench/measure.c": "what is measured is time",
    "src/main/isthmus_table.c": "the command has no loop; it prints ages",
}

# What the core may call, beside what base, message and core themselves define.
PURE_SYMBOLS = {
    "__assert_fail", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_", "memcmp", "memcpy", "memmove",
    "memset", "strchr", "strcmp", "strlen", "strncmp", "strspn",
}
IMPURE_BASE = {"log.c"}  # writes to a descriptor and reads the clock

# (rule, file, name): reason
EXEMPT = {
    ("parameters", "src/io/http_server.c", "on_access"): "libmicrohttpd's callback",
    ("clock", "src/io/xmpp.c", "clock_gettime"):
        "the time that the pure choice of a server is told, on a thread beside the loop",
    ("clock", "src/main/downstream_init.c", "timespec_get"):
        "init runs no loop: what it makes expires by the wall clock",
    ("mutable global", "src/io/xmpp_connection.c", "this_thread"):
        "libstrophe's socket callback carries no context; thread-local, set once per thread",
}

ATTRIBUTE = re.compile(r"\b(?:__attribute__|format_checked|auto_clean)\s*\(")
CONTROL = {"if", "for", "while", "switch", "return", "sizeof", "defined", "do", "else", "list_each"}


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def strip_code(text):
    """The code alone: comments, literals and preprocessor lines blanked, every line kept."""
    text = re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text,
                  flags=re.DOTALL)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.MULTILINE)


def closing(code, at):
    """Where the bracket that opens at `at` closes."""
    depth = 0
    for i in range(at, len(code)):
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            depth -= 1
            if depth == 0:
                return i
    return len(code) - 1


def without_attributes(head):
    """`head` with attributes of the form name(...) blanked."""
    while True:
        match = ATTRIBUTE.search(head)
        if not match:
            return head
        end = closing(head, match.end() - 1)
        head = head[:match.start()] + " " * (end + 1 - match.start()) + head[end + 1:]


def split_parameters(text):
    depth, parts, part = 0, [], ""
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += letter
    return [p.strip() for p in [*parts, part] if p.strip() not in ("", "void", "...")]


class Function:
    def __init__(self, name, parameters, first, last, body):
        self.name = name
        self.parameters = parameters
        self.first = first  # line of its signature
        self.last = last    # line of its closing brace
        self.body = body    # (text, line where it begins)


def functions(code):
    """The functions that `code`, stripped, defines."""
    begin = at = 0
    while at < len(code):
        letter = code[at]
        if letter == ";":
            begin = at + 1
        elif letter in "([":
            at = closing(code, at)
        elif letter == "{":
            end = closing(code, at)
            head = without_attributes(code[begin:at])
            match = re.search(r"(\w+)\s*\(", head)
            is_initialiser = "=" in head.split("(")[0]
            if match and not is_initialiser and match.group(1) not in CONTROL:
                opening = match.end() - 1
                start = begin + len(head) - len(head.lstrip())
                yield Function(match.group(1),
                               split_parameters(head[opening + 1:closing(head, opening)]),
                               code.count("\n", 0, start) + 1, code.count("\n", 0, end) + 1,
                               (code[at:end + 1], code.count("\n", 0, at) + 1))
            at = end
            if match and not is_initialiser:
                begin = at + 1
        at += 1


def room(path):
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    return parts[0] if parts[0] in ("sim", "tests", "bench") else None


class Source:
    """One file of the tree."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self.is_c = path.endswith((".c", ".h"))
        self.is_python = path.endswith(".py") or re.match(r"#!.*python", text) is not None
        self.is_code = (self.is_c or self.is_python or text.startswith("#!") or
                        path.endswith(("meson.build", ".lua", ".js", ".css", ".html")))
        self.code = strip_code(text) if self.is_c else ""
        self.functions = list(functions(self.code)) if self.is_c else []

    def code_matches(self, pattern):
        for match in re.finditer(pattern, self.code):
            yield self.code.count("\n", 0, match.start()) + 1, match


# --- rules: (line, name for exemptions, what to do) ----------------------------------------------

def rule_include_arrows(source):
    here = room(source.path)
    if not source.is_c or here not in ROOMS:
        return
    for number, line in enumerate(source.lines, 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not match:
            continue
        header = match.group(1)
        target = header.split("/")[0] if "/" in header else here
        if "/" not in header and source.path.startswith("src/"):
            yield number, header, f'name the room: #include "{here}/{header}"'
        elif header.endswith("_parts.h") and header[:-len("_parts.h")] not in source.path:
            yield number, header, (f"{header} is shared by the files that begin with its name "
                                   "alone: go through what is public")
        elif target not in ROOMS[here]:
            yield number, header, (f"{here} must not know {target}: arrows run base <- message <- "
                                   "core <- {io, sim} <- {main, tests}; io and sim never meet")


def rule_foreign_header(source):
    if not source.is_c:
        return
    for number, line in enumerate(source.lines, 1):
        match = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        if not match or SYSTEM_HEADER.fullmatch(match.group(1)):
            continue
        header = match.group(1)
        owner = next((FOREIGN[p] for p in FOREIGN if re.fullmatch(p, header)), None)
        if owner is None:
            yield number, header, (f"<{header}> is a new foreign header: give it one file and add "
                                   "both to FOREIGN in tools/tidy.py")
            continue
        owners = (owner,) if isinstance(owner, str) else owner
        if not source.path.startswith((*owners, "tests/", "bench/")):
            yield number, header, (f"<{header}> belongs to {' and '.join(owners)} alone: go "
                                   "through its functions")


def rule_function_length(source):
    for function in source.functions:
        length = function.last - function.first + 1
        if length > FUNCTION_LINES:
            yield function.first, function.name, (f"{function.name} has {length} lines, at most "
                                                  f"{FUNCTION_LINES}: split it")
    if not source.is_python:
        return
    for node in ast.walk(ast.parse(source.text, source.path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES:
                yield node.lineno, node.name, (f"{node.name} has {length} lines, at most "
                                               f"{FUNCTION_LINES}: split it")


def rule_parameters(source):
    for function in source.functions:
        count = len(function.parameters)
        if count > PARAMETERS and function.name != "main":
            yield function.first, function.name, (f"{function.name} has {count} parameters, at "
                                                  f"most {PARAMETERS}: gather them in a struct")


def rule_file_length(source):
    count = len(source.lines) - 1
    if source.is_code and count > FILE_LINES:
        yield FILE_LINES + 1, "", f"{count} lines, at most {FILE_LINES}: split it by its ideas"


def rule_line_length(source):
    for number, line in enumerate(source.lines, 1):
        if source.is_code and len(line) > COLUMNS:
            yield number, "", f"{len(line)} columns, at most {COLUMNS}: break the line"


def rule_banned_call(source):
    for number, match in source.code_matches(r"(?<![\w.>])(\w+)\s*\("):
        if match.group(1) in BANNED:
            yield number, match.group(1), (f"{match.group(1)} is banned: use "
                                           f"{BANNED[match.group(1)]}")


def rule_clock(source):
    if not source.path.startswith("src/") or source.path in CLOCK_FILES:
        return
    for number, match in source.code_matches(r"(?<![\w.>])(\w+)\s*\("):
        if match.group(1) in CLOCKS:
            yield number, match.group(1), (f"{match.group(1)} outside the loop: take the time from "
                                           "the event")


def rule_goto(source):
    for function in source.functions:
        body, first = function.body
        labels = {label.group(1): label.start()
                  for label in re.finditer(r"^\s*(\w+):", body, re.MULTILINE)}
        for match in re.finditer(r"\bgoto\s+(\w+)", body):
            if labels.get(match.group(1), len(body)) < match.start():
                yield (first + body.count("\n", 0, match.start()), function.name,
                       f"goto {match.group(1)} runs backward: write a loop")


def rule_typedef(source):
    for number, match in source.code_matches(r"\btypedef\b[^;{]*[;{]"):
        if not re.search(r"\(\s*\*", match.group()):
            yield number, "", ("typedef hides a type: write struct x or enum x; only function "
                               "pointers may have one")


def rule_header(source):
    if not source.path.endswith(".h"):
        return
    if not source.text.startswith("/*"):
        yield 1, "", "open the header with its sign: a comment on what this room is, its contract"
    if not re.search(r"^#pragma once$", source.text, re.MULTILINE):
        yield 1, "", "add #pragma once after the sign"


def rule_white_space(source):
    if source.path.endswith(".patch"):  # a context line of nothing is a blank
        return
    for number, line in enumerate(source.lines, 1):
        if line != line.rstrip():
            yield number, "", "remove the white space at the end of the line"
        if source.is_c and line.startswith("\t"):
            yield number, "", "indent by 4 spaces, not by tabs"
    if source.text and not source.text.endswith("\n"):
        yield len(source.lines), "", "end the file with a newline"
    if source.text.endswith("\n\n"):
        yield len(source.lines) - 1, "", "remove the empty lines at the end of the file"


RULES = {
    "include arrows": rule_include_arrows,
    "foreign header": rule_foreign_header,
    "function length": rule_function_length,
    "parameters": rule_parameters,
    "file length": rule_file_length,
    "line length": rule_line_length,
    "banned call": rule_banned_call,
    "clock": rule_clock,
    "goto": rule_goto,
    "typedef": rule_typedef,
    "header": rule_header,
    "white space": rule_white_space,
}


# --- rules on what was built: (object, line, name, what to do) -----------------------------------

class Symbol:
    def __init__(self, path, name, kind, section):
        self.path = path  # of the source, as far as the object's name tells it
        self.name = name
        self.kind = kind
        self.section = section


def read_symbols(output):
    """From `nm -A --format=sysv`: ARCHIVE:MEMBER:NAME|value|class|type|size|line|section"""
    for line in output.splitlines():
        fields = [field.strip() for field in line.split("|")]
        place = fields[0].split(":")
        if len(fields) == 7 and len(place) >= 3:
            yield Symbol(place[-2], place[-1], fields[2], fields[6])


def archive_symbols(archive):
    done = subprocess.run(["nm", "-A", "--format=sysv", archive], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"nm {archive}: {done.stderr.strip()}; build first: ninja -C BUILD")
    return list(read_symbols(done.stdout))


def object_source(path):
    """src/io/libio_x.a.p/xmpp.c.o -> src/io/xmpp.c"""
    return re.sub(r"\.o$", "", re.sub(r"[^/]*\.p/", "", path))


def rule_core_purity(core, allowed):
    for symbol in core:
        if symbol.kind == "U" and symbol.name not in allowed | PURE_SYMBOLS:
            yield symbol.path, symbol.name, (f"{symbol.name} is not pure: the core calls only "
                                             "base, message, itself and a few string functions")


def rule_globals(symbols):
    for symbol in symbols:
        if re.match(r"(\.data(?!\.rel\.ro)|\.t?bss|\.tdata|\*COM\*)", symbol.section):
            name = symbol.name.split(".")[0]
            yield symbol.path, name, (f"{name} is a mutable global ({symbol.section}): move it "
                                      "into a struct that its owner holds, or make it const")


def built_findings(build):
    """Findings of the rules on objects: purity of the core, no mutable globals outside main."""
    rooms = {}
    for folder in ("base", "message", "core", "io"):
        place = os.path.join(build, "src", folder)
        archives = [f for f in sorted(os.listdir(place)) if f.endswith(".a")] \
            if os.path.isdir(place) else []
        if not archives:
            raise RuntimeError(f"no archive in {place}: build first: meson setup {build} && "
                               f"ninja -C {build}; or --source-only")
        rooms[folder] = []
        for archive in archives:
            for symbol in archive_symbols(os.path.join(place, archive)):
                symbol.path = f"src/{folder}/" + os.path.basename(object_source(symbol.path))
                rooms[folder].append(symbol)
    own = {s.name for f in ("base", "message", "core") for s in rooms[f]
           if s.kind != "U" and not (f == "base" and os.path.basename(s.path) in IMPURE_BASE)}
    for path, name, text in rule_core_purity(rooms["core"], own):
        yield "core purity", path, 1, name, text
    for folder in rooms:
        for path, name, text in rule_globals(rooms[folder]):
            yield "mutable global", path, 1, name, text


# --- the tree ------------------------------------------------------------------------------------

def tree_files(root):
    """Text files of the tree: what git knows or would add."""
    done = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", root, "ls-files", "-z",
                           "--cached", "--others", "--exclude-standard"], capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"git ls-files in {root}: {done.stderr.decode().strip()}")
    return sorted({name for name in done.stdout.decode().split("\0")
                   if name and "/corpus/" not in name and os.path.isfile(os.path.join(root, name))}
                  - {"LICENSE"})  # and a fuzzer's corpus is bytes, not text


def load(root, path):
    with open(os.path.join(root, path), "rb") as file:
        data = file.read()
    if b"\0" in data:
        return None  # not text
    return Source(path, data.decode("utf-8"))


def source_findings(source):
    for rule, check in RULES.items():
        for line, name, text in check(source):
            yield rule, source.path, line, name, text


def all_findings(root, paths, build):
    """Every finding that is not exempt, and every exemption that nothing needs."""
    unused = dict(EXEMPT)
    found = []
    for path in paths:
        source = load(root, path)
        if source:
            found += source_findings(source)
    if build:
        found += built_findings(build)
    for rule, path, line, name, text in found:
        if (rule, path, name) in EXEMPT:
            unused.pop((rule, path, name), None)
        else:
            yield rule, path, line, text
    for rule, path, name in unused:
        if path in paths and (build or rule in RULES):
            yield rule, "tools/tidy.py", 1, f"remove the exemption of {name} in {path}: not needed"


def main():
    parser = argparse.ArgumentParser(
        prog="tools/tidy", description="Checks the rules of the style guide that a program can "
        "check, on all files or on those that are named. The rules on objects (the core is pure, "
        "no mutable globals) look at what was built.")
    parser.add_argument("files", nargs="*", help="only these; default: the whole tree")
    parser.add_argument("--build", default="build", help="folder of a plain build (default: build)")
    parser.add_argument("--source-only", action="store_true", help="leave out the rules on objects")
    options = parser.parse_args()
    build = None if options.source_only or options.files else os.path.join(ROOT, options.build)
    try:
        paths = ([os.path.relpath(os.path.abspath(file), ROOT) for file in options.files]
                 or tree_files(ROOT))
        findings = sorted(set(all_findings(ROOT, paths, build)), key=lambda f: (f[1], f[2], f[0]))
    except (OSError, RuntimeError, SyntaxError, UnicodeDecodeError) as error:
        print(f"tidy: {error}", file=sys.stderr)
        return 2
    for rule, path, line, text in findings:
        print(f"{path}:{line}: {rule}: {text}")
    rules = set(RULES) | ({"core purity", "mutable global"} if build else set())
    failed = {finding[0] for finding in findings}
    print(f"tidy: {len(paths)} files, {len(findings)} findings; rules: "
          f"{len(rules - failed)} passed, {len(failed)} failed")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
