"""Rules on what a function says: generators as in code."""
import re

from tidy_rules.source import closing

BANNED = {
    "strcpy": "text_set or text_copy",
    "strcat": "struct text or text_format", "sprintf": "text_format",
    "atoi": "strtoul with its end checked", "strtok": "strsep", "rand": "base/prng",
    "sleep": "a deadline of the loop", "system": "posix_spawn with arguments",
    "alloca": "memory_new", "gets": "getline",
}
CLOCKS = {"time", "clock_gettime", "gettimeofday", "timespec_get"}
CLOCK_FILES = {
    "src/io/shell/shell.c": "the loop",
    "src/base/log.c": "the stamp of a log line",
    "bench/measure.c": "what is measured is time",
    "src/cli/table.c": "the command has no loop; it prints ages",
    "src/main/daemon/check.c": "it has no loop; it looks at dates of certificates",
}

# Functions whose result may be thrown away with (void), by the reason.
IGNORABLE = {
    "it cleans up: what it cannot take away is left, and found by whoever comes next":
        "archive_free archive_read_free archive_write_free cjose_jwk_release close closedir "
        "fallocate fclose folder_remove pthread_detach pthread_join "
        "pthread_mutex_destroy "
        "sqlite3_clear_bindings sqlite3_close sqlite3_finalize sqlite3_reset unlink unlinkat "
        "uv_timer_stop virConnectClose virConnectUnregisterCloseCallback virDomainAbortJob "
        "virDomainCheckpointFree virDomainFree virDomainSnapshotFree virEventRemoveTimeout "
        "virNetworkFree virNWFilterFree virEventRemoveHandle virStreamAbort "
        "virStreamEventRemoveCallback virStreamFree",
    "it fails only where this program is wrong, or never":
        "MHD_add_response_header MHD_get_connection_values curl_global_init pthread_mutex_init "
        "pthread_mutex_lock pthread_mutex_unlock signal sqlite3_bind_blob sqlite3_bind_int64 "
        "sqlite3_bind_text "
        "strftime timespec_get "
        "clock_gettime sigaddset sigemptyset sigprocmask timerfd_settime "
        "uv_async_send uv_gettimeofday uv_timer_start virConnectRef crypto_box_easy_afternm "
        "crypto_kx_seed_keypair crypto_secretstream_xchacha20poly1305_init_push "
        "crypto_secretstream_xchacha20poly1305_push lws_rx_flow_control tcsetattr "
        "virStreamEventUpdateCallback",
    "it writes to a person or a buffer that cuts, and nobody could be told":
        "fprintf printf snprintf vsnprintf",
    "it wakes or waits: who sleeps looks again anyhow":
        "eventfd_read eventfd_write kill pidfd_send_signal poll uv_run",
    "it asks for what is well to have, and all goes on without":
        "fcntl getsockopt ioctl sd_notify setenv setrlimit setsockopt virConnectSetKeepAlive "
        "virDomainMemoryStats "
        "virDomainResume virDomainSetMemoryFlags virDomainSetMemoryStatsPeriod "
        "virDomainSetVcpusFlags",
    "it fills in an error whose code the caller has in another form":
        "error_set error_wrap libvirt_failed reader_fail",
    "it gives what it made, found or took, for those who go on with it":
        "book_tell map_remove decision_ask ledger_put",
}
SWITCH_CASES = 12


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


def rule_ignored_result(source):
    if not source.path.startswith(("src/", "sim/")):
        return
    listed = {name for names in IGNORABLE.values() for name in names.split()}
    for number, match in source.code_matches(r"\(void\)\s*((?:\w+(?:->|\.))*\w+)\s*\("):
        if match.group(1) not in listed:
            yield number, match.group(1), (f"what {match.group(1)} returns is thrown away: look at "
                                           "it, or let the function return nothing")


def rule_case(source):
    for number, line in enumerate(source.code.split("\n"), 1):
        if len(re.findall(r"\b(?:case\b[^:?]*|default\s*):", line)) > 1:
            yield number, "", "two cases on a line: give each its own"


def rule_switch(source):
    """A switch of many cases, each of which only calls a function. The kinds of events are left
    out: there the compiler has to see that every role has decided."""
    call = re.compile(r"(return\s+)?\w+\([^;{}]*\);(\s*(break|return)\s*;)?")
    for number, match in source.code_matches(r"\bswitch\s*\("):
        end = closing(source.code, match.end() - 1)
        if source.code[match.end():end] == "event->kind":
            continue
        opening = source.code.index("{", end)
        body = source.code[opening + 1:closing(source.code, opening)]
        parts = [part.strip() for part in re.split(r"\b(?:case\b[^:?]*|default\s*):", body)[1:]]
        if len(parts) > SWITCH_CASES and all(call.fullmatch(part) for part in parts if part):
            yield number, "", (f"{len(parts)} cases that only call a function: make a table of "
                               "handlers")


RULES = {
    "banned call": rule_banned_call,
    "clock": rule_clock,
    "goto": rule_goto,
    "ignored result": rule_ignored_result,
    "case": rule_case,
    "switch": rule_switch,
}
