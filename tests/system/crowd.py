"""Many watchers by one process: streams that are read on one thread, and kept as bytes, so that the
reader costs little beside the manager that is looked at."""
import json
import selectors
import socket
import threading

from cloud_parts import START_SECONDS


class Stream:
    """What one watcher heard."""

    def __init__(self, token, heard):
        self.token = token
        self.heard = heard
        self.has_ended = False

    def body(self):
        """The chunks of HTTP/1.1 put together; a last one that has not come whole is left out."""
        chunked, parts, at = bytes(self.heard), [], 0
        while (end := chunked.find(b"\r\n", at)) >= 0:
            size = int(chunked[at:end], 16)
            if not size or end + 2 + size > len(chunked):
                break
            parts.append(chunked[end + 2:end + 2 + size])
            at = end + 4 + size
        return b"".join(parts)

    def events(self):
        """(name, revision, data) of each, in their order."""
        found = []
        for event in self.body().decode().split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in event.split("\n"))
            found.append((fields["event"], fields["id"], json.loads(fields["data"])))
        return found


class Watchers:
    def __init__(self, port):
        self.port = port
        self.selector = selectors.DefaultSelector()
        self.streams = []
        self.is_over = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def open(self, path, token):
        """A stream of what changes; all are opened before start()."""
        connection = socket.create_connection(("127.0.0.1", self.port), START_SECONDS)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n"
                           f"Authorization: Bearer {token}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            came = connection.recv(65536)
            if not came:
                raise RuntimeError(f"a stream ends before it begins: {head.decode()}")
            head += came
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"a stream is refused: {head.decode()}")
        connection.setblocking(False)
        stream = Stream(token, bytearray(head.partition(b"\r\n\r\n")[2]))
        self.streams.append(stream)
        self.selector.register(connection, selectors.EVENT_READ, stream)
        return stream

    def start(self):
        self.thread.start()

    def _run(self):
        while not self.is_over:
            for key, _ in self.selector.select(0.2):
                try:
                    came = key.fileobj.recv(1 << 20)
                except ConnectionError:
                    came = b""
                key.data.heard.extend(came)
                if not came:
                    key.data.has_ended = True
                    self.selector.unregister(key.fileobj)
                    key.fileobj.close()

    def ended(self):
        return sum(stream.has_ended for stream in self.streams)

    def close(self):
        if self.is_over:
            return
        self.is_over = True
        if self.thread.is_alive():
            self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
