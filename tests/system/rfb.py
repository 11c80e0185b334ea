"""A VNC viewer that knows as much of RFB 3.8 (RFC 6143) as tells whether a screen is one."""
import socket
import struct

RETURN = 0xff0d


class Viewer:
    """`name` is the desktop's; it shares the screen with other viewers."""

    def __init__(self, link):
        self.link = link
        self.link.settimeout(120)
        self.version = self.take(12)
        self.link.sendall(b"RFB 003.008\n")
        kinds = self.take(self.take(1)[0])
        if 1 not in kinds:
            raise ValueError(f"it wants a password: {kinds}")
        self.link.sendall(b"\x01")
        if self.take(4) != bytes(4):
            raise ValueError("it refuses")
        self.link.sendall(b"\x01")  # shared
        self.width, self.height = struct.unpack(">HH", self.take(4))
        self.take(16)
        self.name = self.take(struct.unpack(">I", self.take(4))[0]).decode()
        # 32 bits for a pixel, and the two encodings that cannot be refused: raw, and a new size
        self.link.sendall(struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255,
                                      16, 8, 0))
        self.link.sendall(struct.pack(">BxHii", 2, 2, 0, -223))

    def take(self, length):
        taken = b""
        while len(taken) < length:
            piece = self.link.recv(length - len(taken))
            if not piece:
                raise EOFError(f"{taken} was all")
            taken += piece
        return taken

    def picture(self):
        """All of the screen, as bytes."""
        self.link.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, self.width, self.height))
        while self.take(1) != b"\0":  # something else is told: a bell
            pass
        rows = [bytes(4 * self.width)] * self.height
        for _ in range(struct.unpack(">xH", self.take(3))[0]):
            rows = self.rectangle(rows)
        return b"".join(rows)

    def rectangle(self, rows):
        left, top, width, height, kind = struct.unpack(">HHHHi", self.take(12))
        if kind == -223:
            self.width, self.height = width, height
            return [bytes(4 * width)] * height
        for at in range(top, top + height):
            row = self.take(4 * width)
            rows[at] = rows[at][:4 * left] + row + rows[at][4 * (left + width):]
        return rows

    def type(self, text):
        for key in [ord(letter) for letter in text] + [RETURN]:
            for is_down in (1, 0):
                self.link.sendall(struct.pack(">BBxxI", 4, is_down, key))


def connect(address):
    """To a socket's path, or a port of this machine."""
    kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    link = socket.socket(kind)
    link.settimeout(120)
    try:
        link.connect(address if isinstance(address, str) else ("127.0.0.1", address))
        return Viewer(link)
    except BaseException:
        link.close()
        raise
