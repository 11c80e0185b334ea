"""Rules on the form of a file: generators of (line, name for the allowed lists, what to do)."""
import ast
import re

from tidy_rules.source import room

FUNCTION_LINES = 70
FILE_LINES = 600
COLUMNS = 100
MARKDOWN_COLUMNS = 120
PARAMETERS = 5

# base <- message <- core <- {io, sim} <- {main, cli, tests}; io and sim never meet. A room, or a
# folder of one.
ROOMS = {
    "base": {"base"},
    "message": {"base", "message"},
    "core": {"base", "message", "core"},
    "io": {"base", "message", "core", "io"},
    "sim": {"base", "message", "core", "sim"},
    "main": {"base", "message", "core", "io", "main"},
    "cli": {"base", "message", "io/http", "io/image", "io/keys", "io/stream", "cli"},
    "tests": {"base", "message", "core", "io", "sim", "main", "tests"},
    "bench": {"base", "message", "core", "io", "main", "bench"},  # agents, as the daemon wires them
}

# Foreign parties, by the headers that open them, and the one file that may: of libsodium, one for
# digests and one for seals; of libcurl, one each for calls, a carrier and webhooks; of SQLite, one
# for records and one for blocks.
FOREIGN = {
    r"amqp(_\w+)?\.h": "src/io/carrier/amqp/",
    r"archive(_entry)?\.h": ("src/io/image/archive.c", "src/io/image/import/wrap.c"),
    r"cjose/.*": "src/io/keys/id_token.c",
    r"curl/.*": ("src/io/http/client.c", "src/io/carrier/http/connection.c",
                  "src/io/deliver/deliver.c"),
    r"gnutls/.*": ("src/io/keys/certificate.c", "src/io/keys/authority.c"),
    r"ini\.h": "src/io/config/config.c",
    r"jansson\.h": ("src/message/codec/decode.c", "src/io/keys/id_token.c"),
    r"libnbd\.h": "src/io/host/copy/nbd.c",
    r"libwebsockets\.h": "src/io/stream/",
    r"libvirt/.*": "src/io/host/libvirt/library.h",
    r"microhttpd\.h": "src/io/http/server.c",
    r"nettle/.*": "src/io/keys/secret.c",
    r"sodium(/.*)?\.h": ("src/io/keys/secret.c", "src/io/keys/seal.c",
                         "src/io/keys/curve_key.c", "src/io/keys/minisign.c",
                         "src/io/keys/stream_seal.c", "src/io/keys/link_code.c"),
    r"sqlite3\.h": ("src/io/store/store.c", "src/io/blocks/database.c"),
    r"strophe\.h": "src/io/carrier/xmpp/stream.h",
    r"systemd/.*": "src/io/shell/notify.c",
    r"uv\.h": "src/io/shell/shell.c",
    r"zmq\.h": "src/io/zeromq/zeromq.c",
    r"zstd\.h": "src/io/blocks/pack.c",
    r"cmocka\.h": "tests/",
}
# What the C library and the kernel bring.
SYSTEM_HEADER = re.compile(
    r"(arpa|asm|linux|net|netinet|sys)/\w+\.h|"
    r"(assert|ctype|dirent|errno|fcntl|fnmatch|ftw|getopt|glob|grp|ifaddrs|inttypes|langinfo|"
    r"limits|locale|malloc|math|netdb|poll|pthread|pwd|resolv|"
    r"sched|semaphore|setjmp|signal|spawn|stdalign|stdarg|"
    r"stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|"
    r"threads|time|unistd|wchar)\.h")


def rule_include_arrows(source):
    here = room(source.path)
    if not source.is_c or here not in ROOMS:
        return
    for number, line in enumerate(source.lines, 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not match:
            continue
        header = match.group(1)
        target = header.rpartition("/")[0] or here
        if "/" not in header and source.path.startswith("src/"):
            folder = source.path[len("src/"):].rpartition("/")[0]
            yield number, header, f'name the room: #include "{folder}/{header}"'
        elif not any(f"{target}/".startswith(f"{known}/") for known in ROOMS[here]):
            yield number, header, (f"{here} must not know {target}: arrows run base <- message <- "
                                   "core <- {io, sim} <- {main, cli, tests}; io and sim never meet")


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
                                   "both to FOREIGN in tools/tidy_rules/code.py")
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


def rule_five_parameters(source):
    """Under a ceiling: what needs five should be rare."""
    for function in source.functions:
        if len(function.parameters) == PARAMETERS and source.path.startswith("src/"):
            yield function.first, function.name, (f"{function.name} has {PARAMETERS} parameters: "
                                                  "let a struct hold what goes together")


def rule_file_length(source):
    count = len(source.lines) - 1
    if source.is_code and count > FILE_LINES:
        yield FILE_LINES + 1, "", f"{count} lines, at most {FILE_LINES}: split it by its ideas"


def rule_line_length(source):
    most = COLUMNS if source.is_code else MARKDOWN_COLUMNS if source.is_markdown else 0
    for number, line in enumerate(source.lines, 1):
        if most and len(line) > most:
            yield number, "", f"{len(line)} columns, at most {most}: break the line"


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


def rule_head(source):
    if source.path.startswith(("src/", "sim/")) and source.path.endswith(".c"):
        if not source.text.startswith("/*"):
            yield 1, "", "open the file with a comment on what it decides"


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
    "five parameters": rule_five_parameters,
    "file length": rule_file_length,
    "line length": rule_line_length,
    "typedef": rule_typedef,
    "header": rule_header,
    "head": rule_head,
    "white space": rule_white_space,
}
