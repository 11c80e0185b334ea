"""A whole Isthmus in one folder, a VM in it, and the path that the request took. See --help.

./quickstart calls this after tools/setup has installed what is missing. The layout and the
processes are tools/cloud.py's; this tells a person what happens and shows the evidence.
"""
import argparse
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import bridge
from cloud import Cloud, CLOUD_FACTS, ROOT_LENGTH, command_line, read, wait_until, write
from seal import traffic

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = f"{ROOT}/build"
PROGRAMS = ["src/main/isthmus-upstream", "src/main/isthmus-downstream", "src/main/isthmus-agent",
            "src/main/isthmus-warden", "src/main/isthmus-relay", "src/cli/isthmus"]
SERVERS = {"xmpp": "Prosody", "http": "isthmus-relay", "amqp": "RabbitMQ",
           "zeromq": "isthmus-relay, by ZeroMQ"}
CLUSTERS = {"north": ["host-1", "host-2"], "south": ["host-3"]}
TIMING = {"timing": {"beat_seconds": 1, "hold_down_seconds": 2, "lease_seconds": 15},
          "cloud_timing": {"lease_seconds": 18}}
TENANT = "demo"
BOOT_SECONDS = 120
COLUMNS = 120
USER_DATA = "#cloud-config\ngreeting: from the tenant, through two application servers\n"


class Failed(Exception):
    """Text for a person: what failed, where its log is, what to do."""


class Step:
    """Says what is done, and how long it took."""
    number = 1  # tools/setup was the first

    def __init__(self, title):
        Step.number += 1
        print(f"{Step.number}. {title}", flush=True)
        self.begin = time.monotonic()

    def done(self, text):
        print(f"   {text} ({time.monotonic() - self.begin:.1f} s)", flush=True)


def run_logged(command, log, remedy, **options):
    with open(log, "ab") as output:
        if subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, **options).returncode:
            ending = "\n".join("     " + line for line in read(log).splitlines()[-15:])
            raise Failed(f"{' '.join(command[:3])} … failed. Its log, {log}, ends:\n{ending}\n"
                         f"   Next: {remedy}")


# --- folder, programs, guest ---------------------------------------------------------------------

def open_folder(wanted):
    """The folder to work in. Where its path is too long for QEMU's sockets, a short one in /var/tmp
    to which the wanted one becomes a link."""
    longest = ROOT_LENGTH - max(len(f"/agents/{agent}/libvirt")
                                for agents in CLUSTERS.values() for agent in agents)
    folder = os.path.realpath(wanted)
    if len(folder) > longest and not os.path.exists(f"{folder}/{CLOUD_FACTS}"):
        if os.path.isdir(folder):
            os.rmdir(folder)
        short = tempfile.mkdtemp(prefix="isthmus-", dir="/var/tmp")
        os.symlink(short, folder)
        print(f"   {wanted} is too long a path for QEMU's sockets: it is a link to {short}")
        return short
    os.makedirs(folder, exist_ok=True)
    return folder


def build(folder):
    step = Step("Build the programs (meson, ninja; in build/)")
    log = f"{folder}/build.log"
    if os.path.exists(log):
        os.unlink(log)
    remedy = "mend what it names and run ./quickstart again; a stale build/ may be deleted"
    fetched = f"{BUILD}/web/package-lock.json"  # what the page uses is there, by npm
    if not os.path.exists(f"{BUILD}/build.ninja"):
        run_logged(["meson", "setup", BUILD], log, remedy, env={**os.environ, "CC": "gcc"})
    elif not os.path.exists(fetched):
        run_logged(["meson", "setup", "--reconfigure", BUILD], log, remedy)
    page = ["web/page.done"] if os.path.exists(fetched) else []
    run_logged(["ninja", "-C", BUILD, *PROGRAMS, *page], log, remedy)
    step.done(" ".join([*map(os.path.basename, PROGRAMS), *(["and the page"] if page else [])]))


def make_guest(folder):
    recipe, image = f"{ROOT}/tools/make-guest-image", f"{folder}/tiny.tar.zst"
    step = Step("Make a tiny Linux guest from Debian's kernel and busybox (tools/make-guest-image)")
    made_from = f"{folder}/tiny.recipe"
    digest = hashlib.sha256(read(recipe).encode()).hexdigest()
    if os.path.exists(image) and os.path.exists(made_from) and read(made_from) == digest:
        step.done(f"made before: {image}")
        return image
    run_logged([recipe, image], f"{folder}/guest.log",
               "see what it says; it needs apt's package lists and the network once")
    write(made_from, digest)
    step.done(f"{image}, {os.path.getsize(image) // 2 ** 20} MiB")
    return image


# --- cloud ---------------------------------------------------------------------------------------

class Lan:
    """The network that VMs are in, so that their hosts reach their ports. Its bridge is named, and
    numbered, by the folder: there may be several of this on a machine."""

    def __init__(self, folder):
        digest = hashlib.sha256(folder.encode()).hexdigest()
        self.bridge = f"isthmus-{digest[:6]}"
        self.network = f"198.18.{int(digest[:2], 16)}"  # of those that the Internet has not
        self.dhcp = bridge.DhcpServer(self.bridge, self.network, f"{folder}/dhcp")

    def start(self):
        if not os.path.exists("/dev/net/tun"):
            raise RuntimeError("/dev/net/tun is not there, by which QEMU takes part in it")
        if not bridge.has_bridge(self.bridge):
            bridge.make_bridge(self.bridge, self.network)
        if not self.dhcp.pid():
            self.dhcp.start()

    def stop(self):
        self.dhcp.stop()
        if bridge.has_bridge(self.bridge):
            bridge.remove_bridge(self.bridge)


def networks(folder):
    """Of a new cloud; none where no bridge can be made."""
    lan = Lan(folder)
    try:
        lan.start()
    except RuntimeError as fault:
        lan.stop()
        print(f"   VMs get no network, and vm ssh is not shown: {fault}")
        return {}
    return {"networks": ["lan"],
            "host_networks": {agent: {"lan": lan.bridge} for agent in sum(CLUSTERS.values(), [])}}


def start(folder, carrier):
    step = Step(f"Start two application servers ({SERVERS[carrier]}), an upstream manager, and two "
                f"clusters: a downstream manager each, three hosts in all, in {folder}")
    if os.path.exists(f"{folder}/{CLOUD_FACTS}"):
        cloud = Cloud.load(folder)
        if cloud.options.networks:
            Lan(folder).start()
    else:
        page = f"{BUILD}/web/page"
        cloud = Cloud(folder, BUILD, CLUSTERS, driver="qemu", log_level="debug", carrier=carrier,
                      wardens=True, streams=True, **networks(folder),
                      api={"web_folder": page} if os.path.isdir(page) else {}, **TIMING)
    if cloud.clusters != CLUSTERS:
        raise Failed(f"{folder} holds a cloud of an older version.\n   Next: give another "
                     "--folder, or ./quickstart --remove first")
    if cloud.options.carrier != carrier:
        raise Failed(f"{folder} holds a cloud over {cloud.options.carrier}.\n   Next: give another "
                     "--folder, or ./quickstart --remove first")
    for daemon in cloud.daemons():  # what was built anew since takes over; VMs stay up
        if daemon.pid() and os.readlink(f"/proc/{daemon.pid()}/exe").endswith(" (deleted)"):
            daemon.stop()
    try:
        cloud.start()
    except RuntimeError as fault:
        raise Failed(f"{fault}\n{cloud.tail(8)}\n   Next: see the logs above; then ./quickstart "
                     "--stop, and again") from fault
    for server in cloud.servers:
        print(f"   {server.name:9} {SERVERS[carrier]} for {server.domain}, port {server.port}, pid "
              f"{server.running_pid()}")
    for daemon in cloud.daemons():
        print(f"   {daemon.name:9} isthmus-{daemon.kind}, pid {daemon.pid()}")
    step.done("all of them are ready, and the clusters' capacity shows upstream")
    return cloud


def image_name(cloud, image):
    """The image's name in the cloud; imported unless it is there."""
    with open(image, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    for known in json.loads(cloud.cli("image", "list", "-o", "json").out)["items"]:
        if known["digest"] == digest:
            print(f"   the image {known['name']} is there already")
            return known["name"]
    names = [known["name"] for known in
             json.loads(cloud.cli("image", "list", "-o", "json").out)["items"]]
    name = "tiny" if "tiny" not in names else f"tiny-{digest[:8]}"
    print(f"   $ isthmus image import {name} {image}")
    cloud.cli("image", "import", name, image)
    return name


def free_name(cloud, token_file):
    names = {vm["name"] for vm in
             json.loads(cloud.cli("vm", "list", "-o", "json", token_file=token_file).out)["items"]}
    return next(name for name in ["hello"] + [f"hello-{n}" for n in range(2, 1000)]
                if name not in names)


def ssh_key(cloud):
    """The tenant's, and what ssh is to know beside it."""
    key = f"{cloud.folder}/ssh_key"
    if not os.path.exists(key):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", TENANT, "-f", key],
                       check=True)
    write(f"{cloud.folder}/ssh_config",
          f"User root\nIdentityFile {key}\nIdentitiesOnly yes\nLogLevel ERROR\n"
          "# the tiny guest makes a host key of its own at each boot; a real one keeps it\n"
          "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n")
    return key


def create(cloud, image, token_file, *where):
    """Runs the command as a tenant would; the VM's name, its id, the operation's id."""
    name = free_name(cloud, token_file)
    user_data = f"{cloud.folder}/user-data"
    write(user_data, USER_DATA)
    words = ["vm", "create", name, "--shape", "small", "--image", image, "--user-data", user_data,
             *(["--network", "lan", "--ssh-key", f"{ssh_key(cloud)}.pub"]
               if cloud.options.networks else []), *where, "--wait"]
    print(f"   $ isthmus {' '.join(words)}", flush=True)
    done = subprocess.run([f"{BUILD}/src/cli/isthmus", *words], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **cloud.environment(token_file)})
    print("".join(f"   {line}\n" for line in done.stdout.splitlines()), end="")
    found = re.search(r"\(vm (\S+), operation (\S+)\)", done.stdout)
    if done.returncode != 0 or not found:
        raise Failed(f"the VM was not made; the reason stands above, and in {cloud.folder}/log.\n"
                     "   Next: if the cluster is full, delete VMs, or start anew: ./quickstart "
                     "--remove")
    return name, found.group(1), found.group(2)


def await_boot(cloud, cluster, vm):
    """Waits until the guest is ready on a host of the cluster; (agent, console file)."""
    def consoles():
        return [path for agent in CLUSTERS[cluster]
                for path in glob.glob(f"{cloud.folder}/agents/{agent}/state/vms/{vm}/console.log")]

    def is_ready():
        return any("ISTHMUS-GUEST ready" in read(path) for path in consoles())
    try:
        wait_until(is_ready, f"the guest says it is ready, on {consoles()}", BOOT_SECONDS)
    except RuntimeError as fault:
        raise Failed(f"{fault}\n   Next: look at the console, and at "
                     f"{cloud.folder}/agents/*/libvirt/log/qemu") from fault
    path = consoles()[0]
    return path[len(f"{cloud.folder}/agents/"):].split("/")[0], path


# --- evidence ------------------------------------------------------------------------------------

def show_hop(title, lines, evidence):
    """`evidence`: ids that every line has, which are shortened."""
    print(f"   {title}")
    for line in lines:
        for word in evidence:
            line = line.replace(word, f"{word[:3]}…{word[-4:]}")
        print(f"      {line if len(line) <= COLUMNS else line[:COLUMNS - 1] + '…'}")


def log_lines(daemon, op, ended):
    """What the daemon logged on the operation: how it went, or its end."""
    for line in read(daemon.log_file).splitlines():
        if f"op={op}" in line and ("step=ended" in line) == ended and \
                re.search(r"event=(operation|effect (job|send \S+ instruct)) ", line):
            yield re.sub(r"^time=\S*T(\S+)Z level=\w+ daemon=\S+ ", r"\1 ", line)


def carried(cloud, server, op, kinds):
    """What the server took in of the operation, and for whom: the frames, which it cannot read,
    opened by the keys of the daemons."""
    if not hasattr(server, "traffic_file"):  # what a relay or a broker keeps none of
        return
    for number, line in enumerate(traffic(cloud, server).splitlines(), 1):
        stanza = re.match(r"in (\S+) <message [^>]*\bto='([^']+)'.*?(\{.*\})</message>", line)
        if not stanza or op not in line:
            continue
        for message in json.loads(stanza.group(3)).get("messages", []):
            kind, body = next(iter(message.items()))
            if kind in kinds and body.get("op") == op:
                yield (f"line {number}: {stanza.group(1)} -> {stanza.group(2)} "
                       + json.dumps(message, separators=(",", ":"), ensure_ascii=False))


def show_path(cloud, vm, op, agent):
    upstream, downstream, host = cloud.upstream, cloud.downstreams["north"], cloud.agents[agent]

    def told(daemon, what, ended):
        place = os.path.relpath(daemon.log_file, cloud.folder)
        show_hop(f"{daemon.name}, isthmus-{daemon.kind}: {what} ({place})",
                 log_lines(daemon, op, ended), (op, vm))

    def took(server, *kinds):
        place = os.path.relpath(getattr(server, "traffic_file", server.log_file), cloud.folder)
        name = SERVERS[cloud.options.carrier]
        show_hop(f"{server.name}, {name}, pid {server.running_pid()}: carried it sealed ({place})",
                 carried(cloud, server, op, kinds), (op, vm))

    told(upstream, "accepted it and chose the cluster", ended=False)
    took(cloud.server_1, "instruct")
    told(downstream, "accepted it and chose the host", ended=False)
    took(cloud.server_2, "instruct")
    told(host, "unpacked the image, made the disk, started", ended=False)
    for pid in cloud.guests(agent):
        line = command_line(pid)
        if any(vm in word for word in line):
            chosen = [f"{key} {line[line.index(key) + 1]}" for key in ("-accel", "-m", "-smp")
                      if key in line]
            show_hop(f"QEMU, pid {pid}: runs it", [f"{line[0]} {' '.join(chosen)} …"], ())
    told(host, "told the end", ended=True)
    took(cloud.server_2, "progress", "result")
    told(downstream, "told the end", ended=True)
    took(cloud.server_1, "progress", "result")
    told(upstream, "stored the end and answered the tenant", ended=True)


def show_command(cloud, token_file, *words):
    print(f"   $ isthmus {' '.join(words)}")
    for line in cloud.cli(*words, token_file=token_file).out.splitlines():
        print(f"   {line}")


def log_in(cloud, token_file, shown, name):
    """A command in the guest, by ssh."""
    step = Step(f"Run a command in {name}, by ssh: through both managers, sealed; no host shows")
    words = ["vm", "ssh", name, "--", "-F", f"{shown}/ssh_config", "hostname; uname -sr"]
    print(f"   $ isthmus {' '.join(words[:-1])} '{words[-1]}'", flush=True)
    answers = []

    def is_in():
        answers[:] = [cloud.cli(*words, token_file=token_file, check=False)]
        return answers[0].code == 0
    try:
        wait_until(is_in, "ssh gets in", BOOT_SECONDS)
    except RuntimeError as fault:
        raise Failed(f"{fault}\n   It said: {answers[0].err.strip()}\n   Next: may DHCP pass this "
                     f"machine's firewall? Its bridge is {Lan(cloud.folder).bridge}") from fault
    for line in answers[0].out.splitlines():
        print(f"   {line}")
    step.done("the guest has answered")


# --- a cluster is lost ---------------------------------------------------------------------------

def is_frozen(pid):
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()[0] == "T"


def cut_off(cloud, token_file, name, vm):
    """The first cluster is not heard for a while: what of its VMs runs in the other, and when."""
    step = Step("Cut the cluster north off: its manager stands still, as if behind a dead link")
    begin, manager = time.monotonic(), cloud.downstreams["north"]
    pid, = [pid for pid in cloud.guests() if any(vm in word for word in command_line(pid))]

    def tell(what):
        print(f"   {time.monotonic() - begin:5.1f} s  {what}", flush=True)

    def shown():
        return json.loads(cloud.cli("vm", "show", name, "-o", "json", token_file=token_file).out)
    tell(f"kill -STOP {manager.pid()}: {manager.name}, isthmus-{manager.kind}")
    manager.freeze()
    try:
        wait_until(lambda: is_frozen(pid), f"QEMU, pid {pid}, is frozen", BOOT_SECONDS)
        tell(f"isthmus-warden has frozen QEMU, pid {pid}: nobody gave a lease to run on by")
        wait_until(lambda: shown().get("cluster") == "south" and shown()["state"] == "running",
                   f"{name} runs in south", BOOT_SECONDS)
        tell(f"upstream, whose lease to north has ended, has made {name} anew in south")
        await_boot(cloud, "south", vm)
        tell("the guest has booted there")
    finally:
        manager.thaw()
    tell(f"kill -CONT {manager.pid()}: north is back")
    wait_until(lambda: pid not in cloud.guests(), f"QEMU, pid {pid}, has ended", BOOT_SECONDS)
    tell("north has ended the frozen one before it ran on, and its host puts its disk aside:")

    def is_aside():
        rows = json.loads(cloud.owner("north", "salvage", "list", "-o", "json").out)["items"]
        return any(row["vm"] == vm and row.get("done_ms") for row in rows)
    wait_until(is_aside, "north's salvage", BOOT_SECONDS)
    print("   $ isthmus salvage list      (as the owner of north)")
    for line in cloud.owner("north", "salvage", "list").out.splitlines():
        print(f"   {line}")
    show_command(cloud, token_file, "vm", "list")
    step.done(f"{name} runs on, once")


def show_further(cloud, token_file, shown, name, console):
    lines = [f"export {key}='{value}'" for key, value in cloud.environment(token_file).items()]
    programs = f"export PATH='{BUILD}/src/cli:{BUILD}/src/main':\"$PATH\""
    write(f"{cloud.folder}/env", "\n".join([programs, *lines]) + "\n")
    option = "" if os.path.abspath(shown) == f"{ROOT}/quickstart.d" else f" --folder {shown}"
    for what, how in (
            ("the command, as a tenant", f". {shown}/env"),
            ("", f"isthmus vm stop {name} --wait; isthmus vm delete {name} --wait; isthmus --help"),
            ("as the operator", f"isthmus tenant list --token-file {shown}/operator.token"),
            ("the API", f"curl {cloud.environment()['ISTHMUS_SERVER']}/v1/openapi.json"),
            ("what each daemon says", f"tail -f {shown}/log/*.log"),
            ("what each server carries", f"{shown}/servers/*/*.log"),
            ("configurations", f"{shown}/{{upstream,downstreams/*,agents/*}}/*.conf"),
            ("its console; ^] leaves it", f"isthmus vm console {name}"),
            *([("a shell in it, by ssh", f"isthmus vm ssh {name} -- -F {shown}/ssh_config")]
              if cloud.options.networks else []),
            ("what that has said", f"{shown}/{os.path.relpath(console, cloud.folder)}"),
            ("again: two VMs more", f"./quickstart{option}"),
            ("end all of this, nothing else", f"./quickstart{option} --stop"),
            ("the same, and delete it", f"./quickstart{option} --remove")):
        print(f"   {what:30} {how}")
    link = cloud.cli("web", token_file=token_file, check=False)
    print(f"   {'the page, within two minutes':30} "
          f"{link.out.strip() or 'there is none: npm could not fetch what it uses'}")
    print(f"   {'and later':30} . {shown}/env; isthmus web")


# --- commands ------------------------------------------------------------------------------------

def go(wanted, shown, carrier):
    begin = time.monotonic()
    folder = open_folder(wanted)
    build(folder)
    image = make_guest(folder)
    cloud = start(folder, carrier)
    step = Step("Ask for a VM in each cluster, as a tenant, by the command")
    token_file = cloud.tenant(TENANT)
    asked = time.monotonic()
    image = image_name(cloud, image)
    name, vm, op = create(cloud, image, token_file, "--cluster", "north", "--on-loss", "anywhere")
    create(cloud, image, token_file, "--cluster", "south")
    agent, console = await_boot(cloud, "north", vm)
    booted = time.monotonic()
    step.done(f"the first guest has booted, {booted - asked:.1f} s after it was asked for, "
              f"{booted - begin:.1f} s after the build began")
    Step(f"The path of {op}, in the words of those who carried it")
    show_path(cloud, vm, op, agent)
    Step("What the guest prints on its console: the name that the tenant gave, and its data")
    for line in read(console).splitlines():
        if line.startswith("ISTHMUS-GUEST"):
            print(f"   {line}")
    Step("What the tenant sees, and the one node that upstream sees for all of a cluster's hosts")
    show_command(cloud, token_file, "vm", "list")
    show_command(cloud, None, "cluster", "list")
    if cloud.options.networks:
        log_in(cloud, token_file, shown, name)
    cut_off(cloud, token_file, name, vm)
    Step("How to look further")
    show_further(cloud, token_file, shown, name, await_boot(cloud, "south", vm)[1])


def stop(wanted):
    folder = os.path.realpath(wanted)
    if not os.path.exists(f"{folder}/{CLOUD_FACTS}"):
        print(f"nothing was started in {wanted}")
        return
    cloud = Cloud.load(folder)
    running = [(server.name, server.running_pid()) for server in cloud.servers]
    running += [(daemon.name, daemon.pid()) for daemon in cloud.daemons()]
    running = [f"{name} (pid {pid})" for name, pid in running if pid]
    running += [f"VM (pid {pid})" for pid in cloud.guests()]
    cloud.stop()
    if cloud.options.networks:
        Lan(cloud.folder).stop()
    print(f"ended: {', '.join(running)}" if running else f"nothing of {wanted} was running")


def remove(wanted):
    stop(wanted)
    folder = os.path.realpath(wanted)
    if os.path.isdir(folder) and not os.path.exists(f"{folder}/{CLOUD_FACTS}"):
        raise Failed(f"{wanted} holds no quickstart: delete it yourself if it is to go")
    if os.path.isdir(folder):
        shutil.rmtree(folder)
        print(f"deleted {wanted}")
    if os.path.islink(wanted):
        os.unlink(wanted)


def main():
    parser = argparse.ArgumentParser(
        prog="./quickstart", description="Installs what is missing on a Debian 12 (as root), "
        "builds, starts a whole Isthmus in a folder of its own, makes a VM in each of two "
        "clusters, shows the path that a request took, logs in to a guest, and cuts one cluster "
        "off: its VM is made anew in the other. Run again, it reuses all that, with two VMs more.")
    parser.add_argument("--folder", help="where everything goes (default: quickstart.d here)")
    parser.add_argument("--carrier", choices=SERVERS, default="xmpp", help="by which the daemons "
                        "reach each other; amqp needs what tools/setup installs beyond --quick")
    parser.add_argument("--stop", action="store_true", help="end all that it started")
    parser.add_argument("--remove", action="store_true", help="the same, and delete the folder")
    options = parser.parse_args()
    wanted = os.path.abspath(options.folder or f"{ROOT}/quickstart.d")
    shown = os.path.relpath(wanted)
    try:
        if options.remove:
            remove(wanted)
        elif options.stop:
            stop(wanted)
        else:
            go(wanted, shown, options.carrier)
    except (Failed, RuntimeError, OSError) as fault:
        print(f"\nquickstart: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
