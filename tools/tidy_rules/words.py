"""Rules on words: comments stand alone, and one thing has one word."""
import re

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
