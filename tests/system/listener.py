"""A server of a test's own on loopback: a thread for each connection that it takes."""
import socket
import threading


class Listener:
    """Whoever comes is talked to by `_talk`, which others give."""

    def __init__(self):
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                stream = self.listener.accept()[0]
            except OSError:
                return
            self.connections.append(stream)
            threading.Thread(target=self._meet, args=(stream,), daemon=True).start()

    def _meet(self, stream):
        try:
            self._talk(stream)
        except OSError:
            pass  # the client has had enough

    def _talk(self, stream):
        raise NotImplementedError

    def close(self):
        """Ends all connections, too."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended, or another object has it
            connection.close()
