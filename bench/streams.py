"""A stream through both managers beside one WebSocket of libwebsockets' with TLS, and what a viewer
who reads nothing costs each process on the way."""
import contextlib
import ctypes
import multiprocessing
import os
import socket
import statistics
import subprocess
import threading
import time

from world import BUILD, World, anonymous_kib, generate, wait_until
from bridge import ip
from lan import BRIDGE, CLONE_NEWNET, NETWORK, enter_network

SOURCE, ECHO = 19, 7  # ports of the guest
GUEST_IP = f"{NETWORK}.60"
PIECE = bytes(65536)
STILL_SECONDS = 2


@contextlib.contextmanager
def own_network():
    """A network namespace with a bridge, for this thread and whoever it starts; then back."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_network()
        yield
    finally:
        if ctypes.CDLL(None).setns(before, CLONE_NEWNET):
            raise RuntimeError("cannot go back to the network namespace from before")
        os.close(before)


class Guest:
    """Stands for a VM's guest, on its bridge with its MAC address, and is faster than an emulated
    one: its port SOURCE sends without end once it has heard a byte, ECHO sends back."""

    def __init__(self, mac):
        self.mac = mac
        self.sent = multiprocessing.Value("Q", 0)
        self.has_network = multiprocessing.Event()
        self.process = multiprocessing.Process(target=self.run, daemon=True)
        ready, self.ready = multiprocessing.Pipe(duplex=False)
        self.process.start()
        self.await_word(ready)
        ip("link add to-guest type veth")  # busybox leaves the other end's name to the kernel
        ip(f"link set veth0 netns {self.process.pid}")
        ip(f"link set to-guest master {BRIDGE} up")
        self.has_network.set()
        self.await_word(ready)

    def await_word(self, ready):
        if not ready.poll(30):
            raise RuntimeError("the process that stands for a guest does not get ready")
        ready.recv()

    def run(self):
        if ctypes.CDLL(None).unshare(CLONE_NEWNET):
            raise RuntimeError("no network namespace")
        self.ready.send("unshared")
        self.has_network.wait()
        ip(f"link set veth0 address {self.mac} up")
        ip(f"addr add {GUEST_IP}/24 dev veth0")
        for port, serve in ((SOURCE, self.source), (ECHO, self.echo)):
            listener = socket.create_server((GUEST_IP, port))
            threading.Thread(target=self.take, args=(listener, serve), daemon=True).start()
        self.ready.send("listens")
        while True:  # the host is to hear it
            with contextlib.suppress(OSError):
                socket.create_connection((f"{NETWORK}.1", 9), 1).close()
            time.sleep(1)

    def take(self, listener, serve):
        while True:
            link, _ = listener.accept()
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.until_cut, args=(serve, link), daemon=True).start()

    @staticmethod
    def until_cut(serve, link):
        with link, contextlib.suppress(ConnectionError):
            serve(link)

    def source(self, link):
        if link.recv(1):
            while True:
                sent = link.send(PIECE)
                with self.sent.get_lock():
                    self.sent.value += sent

    @staticmethod
    def echo(link):
        while said := link.recv(65536):
            link.sendall(said)

    def close(self):
        self.process.kill()
        self.process.join()

    def await_still(self):
        """Until it could not send anything for a while."""
        seen = [0, 0]  # so much, at what time

        def is_still():
            if self.sent.value != seen[0]:
                seen[:] = [self.sent.value, time.monotonic()]
            return seen[0] and time.monotonic() - seen[1] > STILL_SECONDS
        wait_until(is_still, "the guest has nobody who takes what it says")


class Bare:
    """One WebSocket of libwebsockets' alone, by a manager's certificate."""

    def __init__(self, world):
        streams = f"{world.cloud.upstream.folder}/streams"
        self.token_file = world.token_file
        self.process = subprocess.Popen(
            [f"{BUILD}/bench/bench-websocket", "serve", f"{streams}.crt", f"{streams}.key"],
            stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().strip()

    def place(self, port):
        return self.port, "source" if port == SOURCE else "echo", self.token_file

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Path:
    """Agent, downstream, upstream, viewer: each hop with TLS, sealed from end to end."""

    def __init__(self, world, vm):
        self.world, self.vm = world, vm

    def place(self, port):
        asked = []

        def is_given():
            asked[:] = [self.world.cloud.rest("POST", f"/v1/vms/{self.vm}/forward", {"port": port},
                                              token=self.world.token())]
            return asked[0].status == 201
        wait_until(is_given, "a ticket")
        ticket = asked[0].json()
        return (ticket["url"].rpartition(":")[2], f"isthmus-stream, {ticket['ticket']}",
                self.world.token_file)


def stall(world, guest, path):
    """How much each process on the way has grown by, in KiB, once all stands still."""
    pids = {daemon.name: daemon.pid() for daemon in world.cloud.daemons()}
    before = {name: anonymous_kib(pid) for name, pid in pids.items()}
    guest.sent.value = 0
    viewer = subprocess.Popen([f"{BUILD}/bench/bench-websocket", "stall", *path.place(SOURCE)],
                              stdout=subprocess.PIPE, text=True)
    try:
        if viewer.stdout.readline() != "ready\n":
            raise RuntimeError("the viewer who is to read nothing did not get ready")
        guest.await_still()
        if viewer.poll() is not None:
            raise RuntimeError("the stream of a viewer who reads nothing has ended")
        return guest.sent.value, {name: anonymous_kib(pid) - before[name]
                                  for name, pid in pids.items()}
    finally:
        viewer.kill()
        viewer.wait()
        viewer.stdout.close()


def take_turns(ways, sizes):
    """By way and what: the median in us."""
    asked = {"pull": (SOURCE, sizes["stream_mib"] << 20), "echo": (ECHO, sizes["echoes"])}
    taken = {}
    for _ in range(sizes["stream_rounds"]):
        for name, way in ways.items():
            for what, (port, size) in asked.items():
                taken.setdefault((name, what), []).append(
                    generate("bench-websocket", what, *way.place(port), size)["p50_us"])
    return {key: statistics.median(values) for key, values in taken.items()}


def measure(report, sizes, world, vm):
    with contextlib.closing(Guest(vm["interfaces"][0]["mac"])) as guest, \
            contextlib.closing(Bare(world)) as bare:
        path = Path(world, vm["id"])
        generate("bench-websocket", "echo", *path.place(ECHO), 10)  # all have what they load once
        sent, grown = stall(world, guest, path)
        us = take_turns({"bare": bare, "path": path}, sizes)
    bare_rate, rate = (sizes["stream_mib"] * 1e6 / us[name, "pull"] for name in ("bare", "path"))
    report.heading(f"a stream: guest, agent, both managers, viewer; {sizes['stream_mib']} MiB")
    report.add("one WebSocket with TLS", "MiB/s", bare_rate)
    report.add("a stream", "MiB/s", rate, least=0.5, limit=bare_rate, limit_name="one WebSocket")
    report.add("one WebSocket with TLS: a byte there and back", "us", us["bare", "echo"])
    report.add("a stream: a byte there and back", "us", us["path", "echo"], most=3,
               limit=us["bare", "echo"], limit_name="one WebSocket")
    for name, kib in grown.items():
        report.add(f"{name} grows by, while a viewer reads nothing", "KiB", kib, most=1024)
    report.add("what the guest was rid of by then", "MiB", sent / 2 ** 20)


def measure_streams(report, sizes):
    """a stream to a VM beside one WebSocket with TLS, and a viewer who reads nothing"""
    with own_network(), World(agents=1, streams=True, networks=["lan"],
                              host_networks={"host-1": {"lan": BRIDGE}}) as world:
        made = world.cloud.rest("POST", "/v1/vms?wait=60", {
            "name": "web", "shape": "nano", "image": "empty", "start": True, "networks": "lan"},
            token=world.token())
        vm = world.cloud.rest("GET", f"/v1/vms/{made.json()['vm']}", token=world.token()).json()
        measure(report, sizes, world, vm)
