# SPDX-License-Identifier: Apache-2.0
"""What the kernel's VXLAN costs a packet: a node in a namespace between a pod and another node, on the worker's CPU alone.

The generator sends by a packet socket on its own CPU; RPS moves what arrives in the node to the worker's, where the node routes,
encapsulates or decapsulates and hands on to an interface whose peer drops it (another's MAC address).
"""
import pathlib
import time

from frames import ROUTER_MAC
from generator import Generator
from lib.netns import Namespace

from tunnel_frames import (
    GATEWAY_IP, GATEWAY_MAC, REMOTE_VTEP_MAC, UDP_PORT, UPLINK_IP, UPLINK_MAC, VNI, VTEP_MAC,
)

USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL = range(1, 9)


class PacketEnds:
    """One side sends by a packet socket, the other side's frames go nowhere."""

    kind, packed = "packet", False

    def __init__(self, _scratch, side, ifname):
        self.side, self.ifname = side, ifname

    def vdev(self, side):
        if side == self.side:
            return f"net_af_packet0,iface={self.ifname},qdisc_bypass=1,framesz=2048,blocksz=8192"
        return "net_null0,no-rx=1"

    def midwife(self, _log, _cpu):
        return None


class KernelNode:
    """Namespaces "node" and "sink"; the generator's end stays where the benchmark runs."""

    def __init__(self, bench, traffic):
        self.bench = bench
        self.node, self.sink = Namespace("node", quiet=True), Namespace("sink", quiet=True)
        self.ends = {"pod": ROUTER_MAC, "uplink": UPLINK_MAC}
        try:
            for name, mac in self.ends.items():
                self.node.ip(f"link add {name} address {mac} type veth peer name far-{name}")
                self.node.ip(f"link set {name} up")
            self.configure(traffic)
        except BaseException:
            self.close()
            raise

    def configure(self, traffic):
        node = self.node
        node.sysctl("net/ipv4/ip_forward", 1)
        for name in ("all", "default", *self.ends):
            node.sysctl(f"net/ipv4/conf/{name}/rp_filter", 0)
        node.ip(f"addr add {UPLINK_IP}/24 dev uplink")
        node.ip(f"neigh replace {GATEWAY_IP} lladdr {GATEWAY_MAC} dev uplink nud permanent")
        node.ip(f"link add vx type vxlan id {VNI} dstport {UDP_PORT} local {UPLINK_IP} dev uplink nolearning")
        node.ip(f"link set vx address {VTEP_MAC} mtu 1450 up")
        node.sysctl("net/ipv4/conf/vx/rp_filter", 0)
        node.ip("addr add 10.9.0.0/32 dev vx")
        node.ip(f"neigh replace 10.9.1.0 lladdr {REMOTE_VTEP_MAC} dev vx nud permanent")
        node.run("bridge", "fdb", "append", REMOTE_VTEP_MAC, "dev", "vx", "dst", GATEWAY_IP)
        node.ip("addr add 10.1.0.1/16 dev pod")
        node.ip(f"neigh replace {traffic.pod_ip(0)} lladdr {traffic.pod_mac(0)} dev pod nud permanent")
        for prefix in traffic.prefixes(1):
            node.ip(f"route add {prefix} via 10.9.1.0 dev vx onlink")
        for prefix in traffic.prefixes(0):
            node.ip(f"route add {prefix} via {traffic.pod_ip(0)} dev pod")

    def arrange(self, source, target):
        """What arrives at the first interface is the worker CPU's; the far end of the second drops it,
        whose MAC address is another."""
        path = f"/sys/class/net/{source}/queues/rx-0/rps_cpus"
        self.node.run("sh", "-c", f"echo {1 << self.bench.worker_cpu:x} > {path}")
        self.node.ip(f"link set far-{target} netns {self.sink.name}")
        self.sink.ip(f"link set far-{target} up")
        self.node.ip(f"link set far-{source} up")

    def received(self, target):
        name = f"/sys/class/net/far-{target}/statistics/rx_packets"
        return int(self.sink.run("cat", name).stdout)

    def close(self):
        self.node.close()
        self.sink.close()


def cpu_ticks(cpu):
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{cpu} "):
            return [0, *map(int, line.split()[1:])]
    raise RuntimeError(f"/proc/stat has no cpu{cpu}")


def busy_share(before, after):
    spent = [b - a for a, b in zip(before, after)]
    return (spent[SYSTEM] + spent[IRQ] + spent[SOFTIRQ]) / max(1, sum(spent[1:9]))


def cost(bench, traffic, side, tsc_hz):
    """TSC cycles a packet of one direction: side 0 is encapsulated, side 1 decapsulated."""
    source, target = ("pod", "uplink") if side == 0 else ("uplink", "pod")
    node = KernelNode(bench, traffic)
    try:
        node.arrange(source, target)
        with node.node.entered():
            generator = Generator(
                bench, bench.scratch / f"kernel{side}-{traffic.size}", traffic, PacketEnds, side=side,
                ifname=f"far-{source}",
            )  # fmt: skip
        try:
            generator.run(0.3)
            found = [one_block(bench, node, generator, target, tsc_hz) for _ in range(bench.options.fewer(5))]
        finally:
            generator.close()
    finally:
        node.close()
    return found


def one_block(bench, node, generator, target, tsc_hz):
    frames, ticks = node.received(target), cpu_ticks(bench.worker_cpu)
    start = time.monotonic()
    generator.run(bench.options.seconds)
    seconds = time.monotonic() - start
    frames = node.received(target) - frames
    share = busy_share(ticks, cpu_ticks(bench.worker_cpu))
    if frames == 0:
        raise RuntimeError("the kernel forwarded nothing")
    bench.say(f"kernel vxlan to {target}: {frames / seconds / 1e6:.2f} Mpps, CPU {share * 100:.0f}% busy")
    return share * seconds * tsc_hz / frames
