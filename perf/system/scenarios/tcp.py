# SPDX-License-Identifier: Apache-2.0
"""TCP, one flow between two kernel pods: Causeway over tap and over af_packet, and what else there is.

Beside the Linux bridge between veths (GSO on, bridge-nf-call off) and DPDK's net_tap under testpmd io. Interleaved blocks; the
switch's worker on one CPU, both ends of iperf3 on the other. The bridge has no worker: it is measured so, and with the two ends on
two CPUs, and the better one counts. Bars, over tap: at least 4 times net_tap, at least half of the bridge (aim: level).
"""
import random

from intervals import interval, show
from kernel_pods import BridgePods, CausewayPods, NetTapPods
from lib import wire
from measure import tcp_gbps

NET_TAP_BAR, BRIDGE_BAR = 4.0, 0.5


def measure(bench, pods):
    """{name: [Gbit/s]}, pods in random order in each round."""
    found = {one.name: [] for one in pods}
    chooser = random.Random(bench.seed)
    for _ in range(bench.options.rounds):
        for one in chooser.sample(pods, len(pods)):
            one.pause(False)
            try:
                ends = one.spaces
                gbps = tcp_gbps(ends[0], ends[1], one.address, bench.options.seconds, one.cpus)
            finally:
                one.pause(True)
            found[one.name].append(gbps)
            bench.say(f"{one.name}: {gbps:.2f} Gbit/s")
    return found


def ratio(bench, what, ours, theirs, bar, aim):
    values = [a / b for a, b in zip(ours, theirs)]
    middle, low, high = interval(values)
    bench.add(
        what, f"{middle:.2f} [{low:.2f}, {high:.2f}] times", f">= {bar} (aim {aim})",
        middle >= bar, ratios=values,
    )  # fmt: skip


def run(bench):
    makers = [
        lambda: CausewayPods(bench, "tap", wire.PORT_TAP),
        lambda: CausewayPods(bench, "af_packet", wire.PORT_AF_PACKET),
        lambda: BridgePods("one CPU", (bench.load_cpu, bench.load_cpu)),
        lambda: BridgePods("two CPUs", (bench.load_cpu, bench.worker_cpu)),
        lambda: NetTapPods(bench),
    ]
    pods = []
    try:
        for make in makers:
            pods.append(make())
            pods[-1].pause(True)
        found = measure(bench, pods)
    finally:
        for one in pods:
            one.close()
    for name, gbps in found.items():
        bench.add(name, show(gbps, "Gbit/s"), gbps=gbps)
    drawn = [(name, *interval(gbps)) for name, gbps in found.items()]
    bench.plot("rates", "TCP, one flow between kernel pods", "Gbit/s, more is better", drawn)
    tap, net_tap = found["Causeway tap"], found["net_tap under testpmd"]
    bridges = [gbps for name, gbps in found.items() if name.startswith("Linux bridge")]
    ratio(bench, "tap beside net_tap", tap, net_tap, NET_TAP_BAR, 10)
    ratio(bench, "tap beside the Linux bridge", tap, max(bridges, key=sum), BRIDGE_BAR, 1.0)
