"""One file of the tree, and what is read in it."""
import re

ATTRIBUTE = re.compile(r"\b(?:__attribute__|format_checked|auto_clean)\s*\(")
COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
CONTROL = {"if", "for", "while", "switch", "return", "sizeof", "defined", "do", "else", "list_each"}


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def strip_code(text):
    """The code alone: comments, literals and preprocessor lines blanked, every line kept."""
    text = COMMENT_OR_LITERAL.sub(blank, text)
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


def without_bodies(code):
    """`code` with a semicolon in place of each {...}, every line kept."""
    shorter = re.sub(r"\{[^{}]*\}", lambda body: ";" + "\n" * body[0].count("\n"), code)
    return code if shorter == code else without_bodies(shorter)


def declarations(code):
    """(name, line) of each function and object that a header's code, stripped, declares."""
    code = without_bodies(code)
    for match in re.finditer(r"[^;]+;", code):
        head = without_attributes(match.group())
        name = (re.search(r"\bextern\b[^(]*?(\w+)\s*(?:\[[^]]*\]\s*)*;", head)
                or re.search(r"(\w+)\s*\(", head))
        if name and not re.search(r"\b(static|typedef)\b", head):
            yield name.group(1), code.count("\n", 0, match.start() + name.start()) + 1


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
        self.is_markdown = path.endswith(".md")
        self.code = strip_code(text) if self.is_c else ""
        self.functions = list(functions(self.code)) if self.is_c else []

    def code_matches(self, pattern):
        for match in re.finditer(pattern, self.code):
            yield self.code.count("\n", 0, match.start()) + 1, match

    def comments(self):
        """(line, text without what opens it) of each comment in C"""
        for match in COMMENT_OR_LITERAL.finditer(self.text if self.is_c else ""):
            if match.group().startswith(("/*", "//")):
                yield (self.text.count("\n", 0, match.start()) + 1,
                       match.group().lstrip("/*").strip())
