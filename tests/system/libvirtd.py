"""A libvirt daemon of a test's own, beside whatever the machine has."""
import subprocess

from cloud_case import read, wait_until

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def places(folder):
    """The environment in which a session daemon keeps all that it has in `folder`."""
    return {**ENVIRONMENT, "HOME": folder,
            **{f"XDG_{name}": f"{folder}/{place}" for name, place in
               (("RUNTIME_DIR", "run"), ("CONFIG_HOME", "etc"), ("CACHE_HOME", "cache"),
                ("DATA_HOME", "lib"))}}


def start_libvirtd(command, uri, folder):
    """Runs the command, which becomes the daemon, until `uri` answers. What ends before that tells
    why: the machine lacks something."""
    words = f"{folder}/words"
    with open(words, "w") as said:
        daemon = subprocess.Popen(command, env=places(folder), stdout=said, stderr=said)

    def answers():
        if daemon.poll() is not None:
            raise RuntimeError(f"{' '.join(command)}: exit code {daemon.returncode}: {read(words)}")
        return subprocess.run(["virsh", "-c", uri, "version"], capture_output=True).returncode == 0
    try:
        wait_until(answers, f"libvirt at {uri}")
    except RuntimeError:
        daemon.kill()
        daemon.wait()
        raise
    return daemon
