"""A user of a relay by ZeroMQ, written by docs/protocol.md, on libzmq itself: for tests that say
what no daemon says."""
import base64
import ctypes

ZMQ = ctypes.CDLL("libzmq.so.5")
ZMQ.zmq_ctx_new.restype = ZMQ.zmq_socket.restype = ctypes.c_void_p
DEALER, DONTWAIT, SNDMORE = 5, 1, 2
ROUTING_ID, RCVMORE, LINGER, RCVHWM, RCVTIMEO, SNDTIMEO = 5, 13, 17, 24, 27, 28
CURVE_PUBLICKEY, CURVE_SECRETKEY, CURVE_SERVERKEY = 48, 49, 50
LARGEST = 1 << 20


def server_key(text):
    return base64.urlsafe_b64decode(text + "=")


class User:
    """`secret`: 32 bytes. It has to be closed."""

    def __init__(self, port, server, secret, routing_id=None, kept=1000):
        z85, public = ctypes.create_string_buffer(41), ctypes.create_string_buffer(41)
        ZMQ.zmq_z85_encode(z85, secret, 32)
        assert ZMQ.zmq_curve_public(public, z85) == 0
        self.context = ctypes.c_void_p(ZMQ.zmq_ctx_new())
        self.socket = ctypes.c_void_p(ZMQ.zmq_socket(self.context, DEALER))
        for option, value in ((LINGER, 0), (RCVTIMEO, 10000), (SNDTIMEO, 10000), (RCVHWM, kept)):
            self.set(option, ctypes.c_int(value))
        for option, value in ((CURVE_SERVERKEY, server_key(server)), (CURVE_SECRETKEY, secret)):
            self.set(option, ctypes.create_string_buffer(value, 32))
        self.set(CURVE_PUBLICKEY, ctypes.create_string_buffer(public.value, 40))
        if routing_id:
            self.set(ROUTING_ID, ctypes.create_string_buffer(routing_id, len(routing_id)))
        assert ZMQ.zmq_connect(self.socket, f"tcp://127.0.0.1:{port}".encode()) == 0

    def set(self, option, value):
        assert ZMQ.zmq_setsockopt(self.socket, option, ctypes.byref(value),
                                  ctypes.sizeof(value)) == 0, option

    def say(self, *parts):
        for number, part in enumerate(parts):
            more = SNDMORE if number + 1 < len(parts) else 0
            assert ZMQ.zmq_send(self.socket, part, len(part), more) >= 0, part[:50]

    def hear(self, milliseconds=10000):
        """The parts of the next message; None: none came."""
        self.set(RCVTIMEO, ctypes.c_int(milliseconds))
        parts, more = [], ctypes.c_int(1)
        while more.value:
            room = ctypes.create_string_buffer(LARGEST)
            length = ZMQ.zmq_recv(self.socket, room, LARGEST, 0)
            if length < 0:
                return None
            parts.append(room.raw[:length])
            size = ctypes.c_size_t(ctypes.sizeof(more))
            ZMQ.zmq_getsockopt(self.socket, RCVMORE, ctypes.byref(more), ctypes.byref(size))
        return parts

    def close(self):
        ZMQ.zmq_close(self.socket)
        ZMQ.zmq_ctx_term(self.context)
