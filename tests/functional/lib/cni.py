# SPDX-License-Identifier: Apache-2.0
"""causeway-cni as a container runtime runs it: environment, configuration on stdin."""
import contextlib
import itertools
import json
import os
import subprocess

from lib import settings
from lib.netns import Namespace
from lib.raw import RawSocket

CONTAINERS = itertools.count(1)


class CniError(Exception):
    """The plugin's error object."""

    def __init__(self, run):
        super().__init__(f"exit {run.returncode}: {run.stdout} {run.stderr}")
        self.error = json.loads(run.stdout) if run.stdout.startswith("{") else {}
        self.code = self.error.get("code")


class Cni:
    def __init__(self, node):
        self.node = node
        self.config = {
            "cniVersion": "1.0.0",
            "name": "causeway",
            "type": "causeway",
            "socket": str(node.control_socket),
            "stateDir": str(node.state_dir),
            "deviceInfoDir": str(node.scratch / "devinfo"),
            "ipam": {
                "type": "host-local",
                "dataDir": str(node.scratch / "ipam"),
                "ranges": [[{"subnet": "10.1.0.0/16"}], [{"subnet": "fd00:1::/64"}]],
                "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
            },
        }

    def start(
        self, command, container, netns, /, ifname="eth0", cni_args="", config=None, **changes
    ):
        """Returns the process, which has its configuration. changes: keys over the default one."""
        env = os.environ | {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": container,
            "CNI_NETNS": str(netns),
            "CNI_IFNAME": ifname,
            "CNI_PATH": ":".join([str(settings.CNI_DIR), *settings.IPAM_DIRS]),
            "CNI_ARGS": cni_args,
        }
        text = config if config is not None else json.dumps(self.config | changes)
        process = subprocess.Popen(
            self.node.namespace.command(settings.CNI_DIR / "causeway-cni"), env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(text)
            process.stdin.close()
        process.stdin = None  # communicate() is not to touch it again
        return process

    def run(self, *args, **options):
        """As start(); returns the finished process."""
        with self.start(*args, **options) as process:
            try:
                output, errors = process.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def call(self, *args, **changes):
        run = self.run(*args, **changes)
        if run.returncode != 0:
            raise CniError(run)
        return json.loads(run.stdout) if run.stdout.strip() else None


class Pod:
    def __init__(self, node, name):
        self.node, self.name = node, name
        self.namespace = Namespace(name)
        self.container = f"{name}-{next(CONTAINERS)}"
        self.attached = {}  # ifname -> result and the configuration changes of ADD

    def add(self, ifname="eth0", **changes):
        call = self.node.cni.call
        result = call("ADD", self.container, self.namespace.path, ifname, **changes)
        self.attached[ifname] = (result, changes)
        return result

    def delete(self, ifname="eth0", **changes):
        _, added = self.attached.pop(ifname, (None, {}))
        changes = added | changes
        self.node.cni.call("DEL", self.container, self.namespace.path, ifname, **changes)

    @property
    def result(self):
        return self.attached["eth0"][0]

    def ip(self, family, ifname="eth0"):
        """The pod's own address of this family (4 or 6), without its prefix length."""
        addresses = self.namespace.addresses(ifname, family)
        assert len(addresses) == 1, addresses
        return addresses[0].split("/")[0]

    def mac(self, ifname="eth0"):
        return self.namespace.mac(ifname)

    def run(self, *args, **options):
        return self.namespace.run(*args, **options)

    def raw(self, ifname="eth0"):
        return RawSocket(self.namespace, ifname)

    def endpoint(self, ifname="eth0"):
        """causewayd's object for this attachment."""
        return self.node.call("endpoint.get", container=self.container, ifname=ifname)

    def close(self):
        for ifname in list(self.attached):
            _, changes = self.attached.pop(ifname)
            self.node.cni.run("DEL", self.container, self.namespace.path, ifname, **changes)
        self.namespace.close()
