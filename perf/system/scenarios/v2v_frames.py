# SPDX-License-Identifier: Apache-2.0
"""Two vhost-user pods: 256 B, 1518 B, IMIX (28x64, 16x570, 4x1518) with 1, 100 and 10,000 flows, L2 and L3; 64 B with 100 flows.

As v2v, split and packed rings, Causeway beside testpmd io and, for L2, OVS-DPDK; fewer and shorter blocks, because no bar hangs on
them. Blocks of one kind of traffic are interleaved, one kind comes after the other.
"""
import contextlib

from blocks import Cell, Series
from frames import Traffic
from generator import Generator, VhostEnds
from peers.causeway import CausewayPeer
from peers.ovs import Ovs, OvsPeer
from peers.testpmd import TestpmdPeer
from verdict import speed_up, unbarred
from vhost_pair import report_cells

TRAFFIC = [
    Traffic(size, flows, layer)
    for size in ("64", "256", "1518", "imix")
    for flows in (1, 100, 10000)
    for layer in (2, 3)
    if size != "64" or flows == 100  # v2v has the others
]
ROUNDS, SECONDS, BURST = 3, 1.0, 32


def peers(bench, stack, scratch):
    cpus = bench.load_cpu, bench.worker_cpu
    ovs = Ovs(scratch, *cpus)
    stack.callback(ovs.close)
    found = {
        "Causeway": CausewayPeer(scratch / "causeway", *cpus, BURST),
        "testpmd io": TestpmdPeer(scratch, *cpus, BURST),
        "OVS NORMAL": OvsPeer(ovs, "NORMAL"),
        "OVS port-to-port": OvsPeer(ovs, "port-to-port"),
    }
    for peer in found.values():
        stack.callback(peer.close)
    return found


def measure(bench, switches, traffic, scratch, packed):
    with contextlib.ExitStack() as stack:
        generator = Generator(bench, scratch, traffic, VhostEnds, packed=packed)
        stack.callback(generator.close)
        cells = [
            Cell(name, peer, generator)
            for name, peer in switches.items()
            if traffic.layer == 2 or not name.startswith("OVS")  # whose bridges do not route
        ]
        rounds, seconds = bench.options.fewer(ROUNDS), min(SECONDS, bench.options.seconds)
        return Series(bench).run(cells, rounds, seconds)


def run_rings(bench, rings):
    scratch = bench.scratch / rings
    scratch.mkdir()
    with contextlib.ExitStack() as stack:
        switches = peers(bench, stack, scratch)
        for number, traffic in enumerate(TRAFFIC):
            series = measure(
                bench, switches, traffic, scratch / f"generator{number}", rings == "packed"
            )
            report_cells(bench, f"{rings} {traffic.name}", series)
            ours, *others = series.rounds
            for other in others:
                found = speed_up(series, ours, other)
                what = f"{rings}: {traffic.name}, beside {other}"
                bench.add(what, unbarred(found), ratios=found.values)


def run(bench):
    for rings in ("split", "packed"):
        run_rings(bench, rings)
