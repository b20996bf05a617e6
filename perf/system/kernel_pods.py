# SPDX-License-Identifier: Apache-2.0
"""Pairs of pods with kernel interfaces, joined by one switch or another.

Each has name, spaces (two namespaces), address (of the second), cpus (of the traffic's ends), pause(bool) and close().
"""
import pathlib
import subprocess

from lib.dataplane import DataPlane
from lib.netns import Namespace

from testpmd import Testpmd


class CausewayPods:
    """Two ports of one kind. Paused means idle: the worker sleeps without traffic."""

    def __init__(self, bench, label, kind):
        self.name = f"Causeway {label}"
        self.cpus = (bench.load_cpu, bench.load_cpu)
        self.dp = DataPlane(bench.scratch / label, True, "--cores", str(bench.worker_cpu))
        try:
            self.dp.add_network()
            self.ports = [self.dp.add_port(number, kind=kind) for number in (2, 3)]
            for port in self.ports:
                port.raw.close()  # a listening packet socket would cost a copy of every frame
                port.namespace.ip(f"addr add {port.ip4}/16 dev {port.ifname}")
        except BaseException:
            self.close()
            raise

    @property
    def spaces(self):
        return [port.namespace for port in self.ports]

    @property
    def address(self):
        return self.ports[1].ip4

    def pause(self, _paused):
        pass

    def close(self):
        self.dp.close()


class BridgePods:
    """The kernel's own bridge, in a namespace between the two."""

    def __init__(self, label, cpus):
        self.name, self.cpus, self.address = f"Linux bridge, {label}", cpus, "10.1.0.2"
        self.bridge = Namespace("bridge", quiet=True)
        self.spaces = [Namespace("left", quiet=True), Namespace("right", quiet=True)]
        self.bridge.ip("link add br0 type bridge")
        self.bridge.ip("link set br0 up")
        self.bypass_netfilter()
        for number, space in enumerate(self.spaces):
            self.bridge.ip(f"link add v{number} type veth peer name eth0 netns {space.name}")
            self.bridge.ip(f"link set v{number} master br0 up")
            space.ip(f"addr add 10.1.0.{number + 1}/16 dev eth0")
            space.ip("link set eth0 up")

    def bypass_netfilter(self):
        with self.bridge.entered():
            for family in ("iptables", "ip6tables", "arptables"):
                switch = pathlib.Path(f"/proc/sys/net/bridge/bridge-nf-call-{family}")
                if switch.exists():
                    switch.write_text("0")

    def pause(self, _paused):
        pass

    def close(self):
        for space in (*self.spaces, self.bridge):
            space.close()


class NetTapPods:
    """Two net_tap devices in namespaces of their own, testpmd io forwarding between them."""

    name, address = "net_tap under testpmd", "10.1.0.2"

    def __init__(self, bench):
        self.cpus = (bench.load_cpu, bench.load_cpu)
        self.spaces = [Namespace("netA", quiet=True), Namespace("netB", quiet=True)]
        devices = [f"net_tap{number},iface=cwbtap{number}" for number in (0, 1)]
        self.testpmd = Testpmd(
            bench.scratch / "net_tap.log", f"0@{bench.load_cpu},1@{bench.worker_cpu}", devices,
            "--forward-mode=io", mbufs=8192,
        ).wait_started()  # fmt: skip
        for number, space in enumerate(self.spaces):
            self.hand_over(space, f"cwbtap{number}", f"10.1.0.{number + 1}/16")

    @staticmethod
    def hand_over(space, ifname, address):
        """Only now: testpmd finds its devices by name until it has started."""
        subprocess.run(["ip", "link", "set", ifname, "netns", space.name], check=True)
        space.ip(f"addr add {address} dev {ifname}")
        space.ip(f"link set {ifname} up")

    def pause(self, paused):
        self.testpmd.command("stop" if paused else "start")

    def close(self):
        self.testpmd.close()
        for space in self.spaces:
            space.close()
