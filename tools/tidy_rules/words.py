"""Rules on words: comments stand alone, and one thing has one word."""
import re

GLOSSARY = "docs/glossary.md"
KERNELS = re.compile(r"kvm_|KVM_")  # names that are not ours to choose
LEANS = re.compile(r"(the same|likewise|as above|\.\.\.|…)(?!\w)", re.IGNORECASE)


def rule_comment(source):
    if not source.path.startswith(("src/", "sim/")):
        return
    for number, comment in source.comments():
        match = LEANS.match(comment)
        if match:
            yield number, "", (f'"{match.group()}" leans on another comment: say of what this is, '
                               "in a sentence that stands alone")


RULES = {"comment": rule_comment}


def refused_words(glossary):
    """The words in the column "not" of its tables, and those to say in their place."""
    words = {}
    for row in re.findall(r"^\|([^|\n]*)\|[^|\n]*\|([^|\n]*)\|$", glossary, re.MULTILINE):
        words.update(dict.fromkeys(re.findall(r"`(\w+)`", row[1]), row[0].strip()))
    return words


def rule_glossary(sources):
    """No name in the code, nor a part of one, is a word that the glossary refuses."""
    glossary = next((source.text for source in sources if source.path == GLOSSARY), "")
    words = refused_words(glossary)
    for source in sources:
        if not source.path.startswith(("src/", "sim/")):
            continue
        for line, match in source.code_matches(r"\b[A-Za-z_]\w*"):
            own = "" if KERNELS.match(match.group()) else match.group()
            for part in own.lower().split("_"):
                word = part if part in words else part.removesuffix("s")
                if word in words:
                    yield source.path, line, word, (f"{match.group()}: say {words[word]} instead "
                                                    f"of {word} ({GLOSSARY})")
