# SPDX-License-Identifier: Apache-2.0
"""Network namespaces with unique names, and sockets that live in them."""
import contextlib
import ctypes
import itertools
import json
import os
import pathlib
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
NUMBERS = itertools.count(1)


class Background:
    """A command that is not waited for."""

    def __init__(self, process):
        self.process = process

    def is_running(self):
        return self.process.poll() is None

    def wait(self, timeout):
        """Returns a subprocess.CompletedProcess."""
        output, errors = self.process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(
            self.process.args, self.process.returncode, output, errors
        )


class Namespace:
    """A named namespace with lo up. Processes started in it end with it."""

    def __init__(self, role, quiet=False):
        """quiet: no IPv6 on new links, so that only the test's own packets are seen."""
        self.name = f"cwt{os.getpid()}-{next(NUMBERS)}-{role}"
        self.path = pathlib.Path("/run/netns") / self.name
        self.processes = []
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.ip("link set lo up")
        if quiet:
            self.sysctl("net/ipv6/conf/default/disable_ipv6", 1)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        if self.path.exists():
            subprocess.run(["ip", "netns", "del", self.name], check=True)

    def command(self, *args):
        return ["ip", "netns", "exec", self.name, *map(str, args)]

    def run(self, *args, check=True, timeout=60, **options):
        return subprocess.run(
            self.command(*args),
            check=check,
            timeout=timeout,
            **({"capture_output": True, "text": True} | options),
        )

    def popen(self, *args, **options):
        process = subprocess.Popen(self.command(*args), **options)
        self.processes.append(process)
        return process

    @contextlib.contextmanager
    def background(self, *args, timeout=60):
        """Runs inside the block, which gets a Background."""
        process = self.popen(
            "timeout", timeout, *args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            yield Background(process)
        finally:
            process.terminate()
            process.communicate(timeout=10)

    def ip(self, arguments, **options):
        return subprocess.run(
            ["ip", "-n", self.name, *arguments.split()],
            check=options.pop("check", True),
            capture_output=True,
            text=True,
        ).stdout

    def ip_json(self, arguments):
        return json.loads(self.ip("-j -d " + arguments) or "[]")

    def link(self, ifname):
        """The link as `ip -j link` shows it, or None."""
        return next((link for link in self.ip_json("link") if link["ifname"] == ifname), None)

    def mac(self, ifname):
        return self.link(ifname)["address"]

    def addresses(self, ifname, family=None):
        """'address/prefix' of every global address."""
        return [
            f"{info['local']}/{info['prefixlen']}"
            for link in self.ip_json(f"addr show dev {ifname} scope global")
            for info in link.get("addr_info", [])
            if "local" in info and family in (None, {"inet": 4, "inet6": 6}[info["family"]])
        ]

    def sysctl(self, key, value):
        with self.entered():
            pathlib.Path("/proc/sys", key).write_text(str(value))

    @contextlib.contextmanager
    def entered(self):
        """What this thread opens inside belongs to the namespace and stays usable outside."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(self.path, "rb") as there:
            set_namespace(there.fileno())
            try:
                yield self
            finally:
                set_namespace(home.fileno())


class HomeNamespace(Namespace):
    """The one that the tests run in, for what cannot be anywhere else: a device whose namespace is
    deleted comes back here."""

    def __init__(self):  # pylint: disable=super-init-not-called
        self.name, self.processes = "", []
        self.path = pathlib.Path("/proc/self/ns/net")

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def command(self, *args):
        return [*map(str, args)]

    def ip(self, arguments, **options):
        return self.run("ip", *arguments.split(), **options).stdout

    @contextlib.contextmanager
    def entered(self):
        yield self


def remove_leftovers():
    """Namespaces of test processes that are dead."""
    for path in pathlib.Path("/run/netns").glob("cwt*-*"):
        pid = path.name[3:].split("-")[0]
        if pid.isdigit() and not pathlib.Path("/proc", pid).exists():
            subprocess.run(["ip", "netns", "del", path.name], check=False)


def set_namespace(descriptor):
    if LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
