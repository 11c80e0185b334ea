"""A real VM: from the request to the guest's first line on its console, against the same domain
started by hand: the same image, the same XML, virsh in a session that is connected already."""
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from world import BUILD, Cloud, read
from cloud_case import guest_image

SHAPE = "small"
WAIT_SECONDS = 120


def await_line(path):
    """Polls until the file has a whole line; how long a poll takes is below a millisecond."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        try:
            with open(path, "rb") as console:
                if b"\n" in console.read(65536):
                    return
        except FileNotFoundError:
            pass
        time.sleep(0.0005)
    raise RuntimeError(f"no line came to {path} in {WAIT_SECONDS} s")


class Virsh:
    """An interactive virsh on an embedded libvirt of its own."""

    def __init__(self, root):
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "virsh", "-q", "-c", f"qemu:///embed?root={root}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            bufsize=1)

    def run(self, command):
        """What it says to the command; the line that answers `uri` after it marks its end."""
        self.process.stdin.write(f"{command}\nuri\n")
        said = []
        for line in self.process.stdout:
            if line.startswith("qemu:///embed"):
                return "".join(said)
            said.append(line)
        raise RuntimeError(f"virsh ended at {command!r}: {''.join(said)}")

    def must(self, command):
        said = self.run(command)
        if "error:" in said:
            raise RuntimeError(f"virsh {command}: {said}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class ByHand:
    """Starts the domain that our agent has defined, copied under another root and name."""

    def __init__(self, folder, agent, vm):
        self.folder = folder
        self.root = f"{folder}/libvirt"
        shutil.copytree(f"{agent.folder}/libvirt/etc", f"{self.root}/etc",
                        ignore=shutil.ignore_patterns("*.xml", "networks", "autostart"))
        shutil.copytree(f"{agent.folder}/libvirt/cache", f"{self.root}/cache")
        self.vm_folder = f"{agent.state}/vms/{vm}"
        self.xml = read(f"{agent.folder}/libvirt/etc/qemu/isthmus-{vm}.xml")
        facts = subprocess.run(["qemu-img", "info", "-U", "--output=json",
                                f"{self.vm_folder}/disk.qcow2"], text=True, check=True,
                               capture_output=True).stdout
        self.image = re.search(r'"backing-filename": "([^"]+)"', facts).group(1)
        self.format = re.search(r'"backing-filename-format": "([^"]+)"', facts).group(1)
        self.bytes = re.search(r'"virtual-size": (\d+)', facts).group(1)
        self.virsh = Virsh(self.root)
        self.virsh.must("version")
        self.count = 0

    def boot(self):
        """Seconds to the first line: disk by qemu-img, define, start."""
        self.count += 1
        name, here = f"hand-{self.count}", f"{self.folder}/hand-{self.count}"
        os.makedirs(here, mode=0o711)
        shutil.copy(f"{self.vm_folder}/seed.iso", f"{here}/seed.iso")
        xml = re.sub(r"<name>.*?</name>", f"<name>{name}</name>", self.xml)
        xml = re.sub(r"<uuid>.*?</uuid>", "", xml).replace(self.vm_folder, here)
        with open(f"{here}/domain.xml", "w") as file:
            file.write(xml)
        begin = time.monotonic()
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", self.image, "-F",
                        self.format, f"{here}/disk.qcow2", self.bytes], check=True)
        self.virsh.must(f"define {here}/domain.xml")
        self.virsh.must(f"start {name}")
        await_line(f"{here}/console.log")
        seconds = time.monotonic() - begin
        self.virsh.must(f"destroy {name}")
        self.virsh.must(f"undefine {name}")
        return seconds


def boot_ours(cloud, token, number):
    """Seconds from the HTTP request to the first line."""
    begin = time.monotonic()
    answer = cloud.rest("POST", "/v1/vms", {"name": f"vm-{number}", "shape": SHAPE,
                                            "image": "guest", "start": True}, token=token)
    if answer.status != 202:
        raise RuntimeError(f"make a VM: {answer.status} {answer.out}")
    vm = answer.json()["vm"]
    agent = list(cloud.agents.values())[0]
    await_line(f"{agent.state}/vms/{vm}/console.log")
    return vm, time.monotonic() - begin


def delete(cloud, token, vm):
    answer = cloud.rest("DELETE", f"/v1/vms/{vm}?wait=60", token=token)
    if '"code":"ok"' not in answer.out:
        raise RuntimeError(f"delete {vm}: {answer.out}")


def measure_real_vm(report, sizes):
    """a real VM's first console line, against the same domain started by virsh by hand"""
    with tempfile.TemporaryDirectory(prefix="isthmus-b-") as folder:
        cloud = Cloud(f"{folder}/c", BUILD, {"north": 1}, driver="qemu", trace=False)
        try:
            cloud.start()
            token = read(cloud.tenant("acme")).strip()
            cloud.cli("image", "import", "guest", guest_image())
            vm, _ = boot_ours(cloud, token, 0)  # the image travels down and is unpacked
            hand = ByHand(folder, list(cloud.agents.values())[0], vm)
            hand.boot()
            ours, theirs = [], []
            for number in range(1, 1 + (1 if sizes["rounds"] == 1 else 7)):
                theirs.append(hand.boot() * 1e3)
                made, seconds = boot_ours(cloud, token, number)
                ours.append(seconds * 1e3)
                delete(cloud, token, made)
            hand.virsh.close()
        finally:
            cloud.stop()
    report.heading("a real VM: request to the guest's first console line")
    report.add("virsh by hand: disk, define, start", "ms", statistics.median(theirs),
               p99=max(theirs))
    report.add("through Isthmus", "ms", statistics.median(ours), p99=max(ours),
               limit=statistics.median(theirs), limit_name="virsh by hand", most=1.1)
