"""A client of server-sent events, which keeps what it heard, and the list that comes of it."""
import http.client
import json
import socket
import threading

from cloud_case import WAIT_SECONDS, wait_until


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("owner", timeout=WAIT_SECONDS)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WAIT_SECONDS)
        self.sock.connect(self.path)


class Watch:
    """One stream, read on a thread of its own until it ends."""

    def __init__(self, place, path, token=None):
        self.connection = UnixConnection(place) if isinstance(place, str) else \
            http.client.HTTPConnection("127.0.0.1", place, timeout=WAIT_SECONDS)
        head = {"Authorization": f"Bearer {token}"} if token else {}
        self.connection.request("GET", path, headers=head)
        self.answer = self.connection.getresponse()
        self.events = []  # (name, revision, data)
        self.has_ended = False
        if self.answer.status != 200:
            self.problem = json.loads(self.answer.read())
            return
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        event = {}
        try:
            while line := self.answer.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    event[name] = value
                elif event:
                    self.events.append((event["event"], event["id"], json.loads(event["data"])))
                    event = {}
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        self.has_ended = True

    def close(self):
        try:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass
        self.connection.close()

    def named(self, name):
        return [event for event in list(self.events) if event[0] == name]

    def fold(self, rows, key="id"):
        """The rows as they are after all that was heard; None: it has to be listed again."""
        rows = {row[key]: row for row in rows}
        for name, _, data in list(self.events):
            if name == "reset":
                return None
            if name == "changed":
                rows[data[key]] = data
            elif name == "removed":
                rows.pop(data[key], None)
        return rows

    def await_event(self, name, fits=lambda data: True):
        wait_until(lambda: any(fits(event[2]) for event in self.named(name)),
                   f"an event {name} in the stream")
