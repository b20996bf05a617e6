# SPDX-License-Identifier: Apache-2.0
"""A pod and another node: VXLAN both ways, beside plain L2, host-gw, OVS-DPDK's VXLAN and the kernel's.

Side 0 is a pod (vhost-user, spoof guard on), side 1 the uplink; one direction is encapsulated, the other decapsulated, so that a
cost is the mean of both; then each direction alone, host-gw's likewise. The same vhost-user ends carry plain L2 and host-gw. 64 is the pod's frame (114 in the tunnel); 1518 is the frame between the nodes.
Bars: VXLAN at 64 B adds at most 0.45 of testpmd io's cost to plain L2; at 1518 B it costs at most 10% more than host-gw; beside
OVS-DPDK's VXLAN at least 1.15 times with 1 flow and 2 times with 10,000; at least 5 times the kernel's, whose directions
are measured one by one.
"""
import contextlib
import statistics

import kernel_vxlan
import noise
from blocks import Cell, Series
from frames import Traffic
from generator import Generator, VhostEnds
from intervals import show
from peers.causeway import CausewayPeer
from peers.causeway_node import CausewayNode
from peers.ovs import Ovs
from peers.ovs_vxlan import OvsVxlanPeer
from peers.testpmd import TestpmdPeer
from tunnel_frames import TunnelTraffic
from verdict import NOT_TODAY, added, speed_up
from vhost_pair import report_cells

BURST = 32  # what OVS and testpmd take
TRAFFIC = {
    "L2": Traffic(),
    "host-gw": TunnelTraffic(way="host-gw"),
    "VXLAN": TunnelTraffic(),
    "VXLAN 10k flows": TunnelTraffic(flows=10000),
    "host-gw 1518": TunnelTraffic("1518", way="host-gw"),
    "VXLAN 1518": TunnelTraffic("1518"),
}
WAYS = {"pod to node": (0,), "node to pod": (1,)}  # encapsulation, decapsulation
ADDED, AT_1518, OVS_1, OVS_10K, KERNEL = 0.45, 1.10, 1.15, 2.0, 5.0


class Tunnels(contextlib.ExitStack):
    """Switches and generators; all of it ends with the context."""

    def __init__(self, bench):
        super().__init__()
        self.bench, scratch = bench, bench.scratch
        cpus = bench.load_cpu, bench.worker_cpu
        try:
            self.plain = self.keep(CausewayPeer(scratch / "plain", *cpus, BURST))
            self.node = self.keep(CausewayNode(scratch / "node", *cpus, BURST))
            self.testpmd = self.keep(TestpmdPeer(scratch, *cpus, BURST))
            self.ovs = self.keep(Ovs(scratch, *cpus))
            self.generators = {
                name: self.keep(Generator(bench, scratch / f"g{i}", traffic, VhostEnds))
                for i, (name, traffic) in enumerate(TRAFFIC.items())
            }
        except BaseException:
            self.close()
            raise

    def keep(self, thing):
        self.callback(thing.close)
        return thing

    def cells(self):
        found = [self.cell("testpmd io", self.testpmd, "L2"), self.cell("Causeway L2", self.plain, "L2")]
        found += [self.cell(f"Causeway {name}", self.node, name) for name in TRAFFIC if name != "L2"]
        for name in ("VXLAN", "VXLAN 1518", "host-gw", "host-gw 1518"):
            found += [
                self.cell(f"Causeway {name}, {way} only", self.node, name, senders)
                for way, senders in WAYS.items()
            ]
        for name in ("VXLAN", "VXLAN 10k flows"):
            found.append(self.cell(f"OVS {name}", OvsVxlanPeer(self.ovs, self.best_variant(name)), name))
        return found

    def cell(self, label, peer, traffic, *senders):
        return Cell(label, peer, self.generators[traffic], *senders)

    def best_variant(self, traffic):
        """The cheapest of OVS's options, by one short block each."""
        costs = {}
        for variant in self.ovs.variants():
            cell = self.cell(f"look: OVS {variant}, {traffic}", OvsVxlanPeer(self.ovs, variant), traffic)
            look = Series(self.bench).run([cell], 1, min(1.0, self.bench.options.seconds))
            costs[variant] = min((block.cost for block in look.blocks(cell.label)), default=1e9)
        return min(costs, key=costs.get)


def ratio(bench, series, what, ours, theirs, bar=None, aim=None):
    found = speed_up(series, ours, theirs)
    met = found.at_least(bar) if bar else None
    text = f"{found.text} times" if found.values else found.text
    bench.add(what, text, f">= {bar} (aim {aim})" if bar else None, met, ratios=found.values)


def added_share(bench, series, what, ours, base, bar=None):
    """Cost over another of ours, as a share of testpmd's in the same round."""
    found = added(series, ours, base, "testpmd io")
    text = f"{found.text} of testpmd io's cost" if found.values else found.text
    met = found.at_most(bar) if bar else None
    bench.add(what, text, f"<= {bar} (aim 0.30)" if bar else None, met, shares=found.values)


def at_1518(bench, series):
    found = speed_up(series, "Causeway host-gw 1518", "Causeway VXLAN 1518")
    met = found.at_most(AT_1518)
    bench.add("1518 B: cost of VXLAN over host-gw", found.text, f"<= {AT_1518} (aim 1.05)", met, ratios=found.values)


def kernel(bench, series):
    """Mean of both directions beside ours."""
    *_, tsc_hz = noise.add_loop(bench.tool("add_loop"), bench.worker_cpu)
    ways = [kernel_vxlan.cost(bench, TRAFFIC["VXLAN"], side, tsc_hz) for side in (0, 1)]
    for name, costs in zip(("encap", "decap"), ways):
        bench.add(f"kernel vxlan, {name}", show(costs, "c/p", 0), costs=costs)
    ours = [block.cost for block in series.blocks("Causeway VXLAN")]
    if not ours:
        bench.add("beside the kernel's vxlan", f"{NOT_TODAY}: no block", f">= {KERNEL}")
        return
    theirs = sum(statistics.median(costs) for costs in ways) / 2
    times = theirs / statistics.median(ours)
    bench.add("beside the kernel's vxlan", f"{times:.1f} times", f">= {KERNEL}", times >= KERNEL)


def run(bench):
    with Tunnels(bench) as tunnels:
        series = Series(bench).run(tunnels.cells(), bench.options.rounds, bench.options.seconds)
    report_cells(bench, "split", series)
    added_share(bench, series, "64 B: VXLAN added to plain L2", "Causeway VXLAN", "Causeway L2", ADDED)
    added_share(bench, series, "64 B: VXLAN added to host-gw", "Causeway VXLAN", "Causeway host-gw")
    added_share(bench, series, "64 B: host-gw added to plain L2", "Causeway host-gw", "Causeway L2")
    at_1518(bench, series)
    ratio(bench, series, "1 flow, beside OVS", "Causeway VXLAN", "OVS VXLAN", OVS_1, 1.4)
    ratio(bench, series, "10k flows, beside OVS", "Causeway VXLAN 10k flows", "OVS VXLAN 10k flows", OVS_10K, 2.6)
    kernel(bench, series)
