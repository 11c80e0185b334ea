"""A daemon's store as the first release wrote it, with rows of JSON: to see it taken over, and to
change a row by hand."""
import sqlite3
import subprocess

FIRST_SCHEMA = """
    DROP TABLE record;
    CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
                         PRIMARY KEY (kind, key)) WITHOUT ROWID;
    PRAGMA user_version = 1;
"""


def path_of(daemon):
    return f"{daemon.state}/store.sqlite"


def rows(daemon):
    """(kind, its JSON) of each row; the daemon is not running."""
    done = subprocess.run([daemon.program, "dump", path_of(daemon)], check=True, timeout=60,
                          stdout=subprocess.PIPE, text=True)
    return [line.split(" ", 1) for line in done.stdout.splitlines()]


def write_as_first(daemon, change=lambda kind, body: body):
    """Writes it as the first release would, each row's JSON as `change` has it."""
    texts = [(kind, change(kind, body)) for kind, body in rows(daemon)]
    with sqlite3.connect(path_of(daemon)) as store:
        keys = store.execute("SELECT kind, key FROM record").fetchall()
        store.executescript(FIRST_SCHEMA)
        for kind, body in texts:
            key = next(key for known, key in keys if known == kind and f'"{key}"' in
                       body.split(",", 1)[0])
            store.execute("INSERT INTO record VALUES (?, ?, ?)", (kind, key, body))
    store.close()
