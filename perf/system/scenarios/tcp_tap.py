# SPDX-License-Identifier: Apache-2.0
"""TCP, one flow between two pods over tap, beside DPDK's net_tap under testpmd io forwarding.

Blocks of 3 s, interleaved; switch alone on one CPU, both ends of iperf3 on the other. Super-frames
pass Causeway whole; net_tap has no GSO. Bar: at least 4 times net_tap (aim: 10).
"""
import subprocess
import time

from lib.dataplane import DataPlane
from lib.netns import Namespace
from intervals import interval, show
from measure import LOAD_CPU, WORKER_CPU, tcp_gbps

BLOCKS, SECONDS, BAR = 7, 3, 4.0


def addressed_ports(dp):
    dp.add_network()
    ports = [dp.add_port(number) for number in (2, 3)]
    for port in ports:
        port.raw.close()  # a listening packet socket would cost a copy of every frame
        port.namespace.ip(f"addr add {port.ip4}/16 dev {port.ifname}")
        port.namespace.ip(f"link set {port.ifname} up")
    return ports


class Testpmd:
    """Two net_tap devices in namespaces of their own, io forwarding between them."""

    def __init__(self, scratch):
        self.log = scratch / "testpmd.log"
        self.spaces = [Namespace("netA", quiet=True), Namespace("netB", quiet=True)]
        self.process = subprocess.Popen(
            [
                "dpdk-testpmd", "--lcores", f"0@{LOAD_CPU},1@{WORKER_CPU}", "--in-memory",
                "--no-pci", "--no-telemetry", "-m", "256",
                "--vdev", "net_tap0,iface=cwbtap0", "--vdev", "net_tap1,iface=cwbtap1",
                "--", "--interactive", "--forward-mode=io", "--auto-start", "--total-num-mbufs=8192",
            ],
            stdin=subprocess.PIPE, stdout=self.log.open("w"), stderr=subprocess.STDOUT,
        )
        self.wait_started()
        for number, space in enumerate(self.spaces):
            self.move(space, f"cwbtap{number}", f"10.1.0.{number + 1}/16")

    def wait_started(self):
        """It finds its devices by name until then: they may not leave its namespace before."""
        deadline = time.monotonic() + 60
        while "testpmd>" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"testpmd did not start: {self.log.read_text()[-500:]}")
            time.sleep(0.1)

    @staticmethod
    def move(space, ifname, address):
        subprocess.run(["ip", "link", "set", ifname, "netns", space.name], check=True)
        space.ip(f"addr add {address} dev {ifname}")
        space.ip(f"link set {ifname} up")

    def pause(self, paused):
        self.process.stdin.write(b"stop\n" if paused else b"start\n")
        self.process.stdin.flush()

    def close(self):
        self.process.kill()
        self.process.wait()
        for space in self.spaces:
            space.close()


def run(bench):
    dp = DataPlane(bench.scratch, True, "--cores", str(WORKER_CPU))
    peer = None
    ours, theirs = [], []
    try:
        ports = addressed_ports(dp)
        peer = Testpmd(bench.scratch)
        peer.pause(True)
        for _ in range(BLOCKS):
            ours.append(tcp_gbps(ports[0].namespace, ports[1].namespace, ports[1].ip4, SECONDS))
            peer.pause(False)
            theirs.append(tcp_gbps(peer.spaces[0], peer.spaces[1], "10.1.0.2", SECONDS))
            peer.pause(True)
    finally:
        dp.close()
        if peer is not None:
            peer.close()
    ratios = [a / b for a, b in zip(ours, theirs)]
    middle, low, high = interval(ratios)
    bench.add("Causeway", show(ours, "Gbit/s"), gbps=ours)
    bench.add("net_tap under testpmd io", show(theirs, "Gbit/s"), gbps=theirs)
    bench.add(
        "Causeway / net_tap", f"{middle:.1f} [{low:.1f}, {high:.1f}]", f">= {BAR} (aim 10)",
        middle >= BAR, ratios=ratios,
    )
