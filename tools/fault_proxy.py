#!/usr/bin/env python3
"""A bad link: a TCP proxy before one server port of this machine, scripted and seeded.

For the system tests:
    proxy = FaultProxy(server.port, seed=7)       # serves at proxy.port, in a thread
    proxy.set(delay_ms=200, jitter_ms=20, bytes_per_second=2000)
    proxy.set(reset_share=0.3, reset_within_seconds=2)   # of the connections to come
    proxy.stall("down")       # nothing comes from the server any more, all stays connected
    proxy.cut()               # connections end, new ones are closed at once
    proxy.half_open("server") # the client's side ends, the server believes in it
    proxy.reset()             # RST, both ways
    proxy.corrupt(1, "up")    # one byte is turned in the next piece toward the server
    proxy.resume()            # ends all of these, but what was set
    proxy.close()
and for people:
    fault_proxy.py TARGET_PORT [--port N] [--seed N] [--delay-ms N] [--reset-share 0.3] …
    which then takes the methods above as lines of standard input: `stall down`, `set delay_ms=9`

"up" is toward the server, "down" toward the client. Whatever is random of a connection is drawn
from the seed and the connection's number, so it does not depend on what others do.
"""
import argparse
import asyncio
import contextlib
import random
import socket
import struct
import sys
import threading

PIECE_BYTES = 4096
SLOW_PIECES_PER_SECOND = 20  # a slow link trickles
WAITING_PIECES = 64          # on their way through the delay; then the sender feels it
CALL_SECONDS = 10
WAYS = ("up", "down")
SETTINGS = {"delay_ms": 0, "jitter_ms": 0, "bytes_per_second": 0, "reset_share": 0.0,
            "reset_within_seconds": 1.0}


def ways_of(way):
    if way not in (*WAYS, "both"):
        raise ValueError(f"{way!r} is no direction: say up, down or both")
    return WAYS if way == "both" else (way,)


class Connection:
    """Both sides of one connection, and the copying in each direction."""

    def __init__(self, proxy, number):
        self.proxy = proxy
        self.random = random.Random(f"{proxy.seed}/{number}")
        self.writers = {}  # by the way that leads to it
        self.half_open = False

    async def serve(self, reader, writer):
        self.writers["down"] = writer
        server_reader, self.writers["up"] = await asyncio.open_connection(
            "127.0.0.1", self.proxy.target_port)
        self._draw_reset()
        await asyncio.gather(self._copy("up", reader), self._copy("down", server_reader))

    def _draw_reset(self):
        settings = self.proxy.settings
        drawn, moment = self.random.random(), self.random.random()
        if drawn < settings["reset_share"]:
            self.proxy.doomed += 1
            asyncio.get_running_loop().call_later(
                moment * settings["reset_within_seconds"], self._reset_by_chance)

    def _reset_by_chance(self):
        self.proxy.doomed -= 1
        if self in self.proxy.connections:
            self.proxy.drawn += 1
            self.reset()

    async def _copy(self, way, reader):
        """Until the source ends, and all that it sent is through."""
        queue = asyncio.Queue(WAITING_PIECES)
        delivery = asyncio.ensure_future(self._deliver(way, queue))
        try:
            while piece := await reader.read(self._piece_bytes()):
                await queue.put((self._due(), piece))
        except OSError:
            self.reset()
        await queue.put((0, b""))
        await delivery

    def _piece_bytes(self):
        rate = self.proxy.settings["bytes_per_second"]
        return max(1, min(PIECE_BYTES, rate // SLOW_PIECES_PER_SECOND)) if rate else PIECE_BYTES

    def _due(self):
        settings = self.proxy.settings
        wait_ms = settings["delay_ms"] + self.random.random() * settings["jitter_ms"]
        return asyncio.get_running_loop().time() + wait_ms / 1000

    async def _deliver(self, way, queue):
        writer, clock = self.writers[way], asyncio.get_running_loop().time
        while True:
            due, piece = await queue.get()
            await asyncio.sleep(max(0, due - clock()))  # pieces do not overtake
            await self.proxy.flowing[way].wait()
            if not piece:
                break
            if self.half_open or writer.is_closing():
                continue
            with contextlib.suppress(OSError):
                writer.write(self._turned(way, piece))
                await writer.drain()
            self.proxy.bytes[way] += len(piece)
            rate = self.proxy.settings["bytes_per_second"]
            if rate:
                await asyncio.sleep(len(piece) / rate)
        if not self.half_open:
            with contextlib.suppress(OSError):
                writer.write_eof()

    def _turned(self, way, piece):
        if not self.proxy.to_corrupt[way]:
            return piece
        self.proxy.to_corrupt[way] -= 1
        self.proxy.corrupted += 1
        at = self.random.randrange(len(piece))
        return piece[:at] + bytes([piece[at] ^ 1 << self.random.randrange(8)]) + piece[at + 1:]

    def end(self):
        for writer in self.writers.values():
            writer.close()

    def reset(self):
        self.proxy.resets += 1
        for writer in self.writers.values():
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def keep(self, side):
        """Ends the other side."""
        self.half_open = True
        self.writers["down" if side == "server" else "up"].close()


class FaultProxy:
    """`target_port`: the server's, on this machine. `port` 0: a free one. Methods return when they
    have taken effect. Counted: `accepted`, `resets`, those of them that were `drawn`, those that
    are `doomed` to come, `corrupted`, and the `bytes` of each way."""

    def __init__(self, target_port, seed=0, port=0, **settings):
        self.target_port, self.seed = target_port, seed
        self.settings = dict(SETTINGS)
        self.is_cut = False
        self.to_corrupt = dict.fromkeys(WAYS, 0)
        self.bytes = dict.fromkeys(WAYS, 0)
        self.accepted = self.resets = self.corrupted = 0
        self.drawn = self.doomed = 0
        self.connections = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._run(self._open, port)
        self.set(**settings)

    async def _open(self, port):
        self.flowing = {way: asyncio.Event() for way in WAYS}
        for event in self.flowing.values():
            event.set()
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", port,
                                                 limit=PIECE_BYTES)
        self.port = self.server.sockets[0].getsockname()[1]

    def _run(self, coroutine, *arguments):
        return asyncio.run_coroutine_threadsafe(coroutine(*arguments), self.loop).result(
            CALL_SECONDS)

    def _each(self, action):
        async def act():
            for connection in list(self.connections):
                action(connection)
        self._run(act)

    async def _accept(self, reader, writer):
        if self.is_cut:
            writer.close()
            return
        self.accepted += 1
        connection = Connection(self, self.accepted)
        self.connections.add(connection)
        try:
            await connection.serve(reader, writer)
        except (OSError, asyncio.CancelledError):  # the server is not there; the proxy is closed
            pass
        finally:
            self.connections.discard(connection)
            connection.end()

    def set(self, **settings):
        """Delay, jitter, rate (0: as fast as it goes), and the resets of connections to come."""
        unknown = settings.keys() - SETTINGS.keys()
        if unknown:
            raise ValueError(f"unknown settings {sorted(unknown)}: there are {sorted(SETTINGS)}")
        self.settings.update(settings)

    def stall(self, way="both"):
        async def act():
            for one in ways_of(way):
                self.flowing[one].clear()
        self._run(act)

    def cut(self):
        self.is_cut = True
        self._each(Connection.end)

    def half_open(self, kept="server"):
        if kept not in ("server", "client"):
            raise ValueError(f"{kept!r} is no side: say server or client")
        self._each(lambda connection: connection.keep(kept))

    def reset(self):
        self._each(Connection.reset)

    def corrupt(self, pieces=1, way="both"):
        """Turns one bit in each of the next `pieces`; 0: in none."""
        for one in ways_of(way):
            self.to_corrupt[one] = pieces

    def resume(self):
        async def act():
            self.is_cut = False
            self.corrupt(0)
            for connection in list(self.connections):
                if connection.half_open:
                    connection.reset()
            for event in self.flowing.values():
                event.set()
        self._run(act)

    def close(self):
        async def act():
            self.server.close()
            for connection in list(self.connections):
                connection.end()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._run(act)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(CALL_SECONDS)
        self.loop.close()


def number(text):
    return float(text) if "." in text else int(text)


def obey(proxy, line):
    """A line of standard input."""
    name, *words = line.split()
    if name == "set":
        proxy.set(**{key: number(value) for key, value in (word.split("=", 1) for word in words)})
    elif name == "corrupt":
        proxy.corrupt(*map(int, words[:1]), *words[1:])
    elif name in ("stall", "cut", "half_open", "reset", "resume"):
        getattr(proxy, name)(*words)
    else:
        raise ValueError(f"{name!r} is no command")
    print(f"{line.strip()}: done; accepted={proxy.accepted} resets={proxy.resets} "
          f"corrupted={proxy.corrupted} up={proxy.bytes['up']} down={proxy.bytes['down']}",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description="A bad link before a TCP port of this machine.")
    parser.add_argument("target_port", type=int)
    parser.add_argument("--port", type=int, default=0, help="0: a free one, which is printed")
    parser.add_argument("--seed", type=int, default=0)
    for key, value in SETTINGS.items():
        parser.add_argument(f"--{key.replace('_', '-')}", type=number, default=value)
    options = parser.parse_args()
    proxy = FaultProxy(options.target_port, options.seed, options.port,
                       **{key: getattr(options, key) for key in SETTINGS})
    print(proxy.port, flush=True)
    for line in sys.stdin:
        if line.strip():
            try:
                obey(proxy, line)
            except (TypeError, ValueError) as fault:
                print(f"fault_proxy.py: {line.strip()}: {fault}", file=sys.stderr)
    proxy.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
