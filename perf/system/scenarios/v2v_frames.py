# SPDX-License-Identifier: Apache-2.0
"""Two vhost-user pods: 256 B, 1518 B, IMIX (28x64, 16x570, 4x1518), and 64 B with 100 flows.

As v2v, split and packed rings, Causeway beside testpmd io and OVS-DPDK; fewer and shorter blocks, because no bar hangs on them.
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

TRAFFIC = [Traffic("256"), Traffic("1518"), Traffic("imix"), Traffic(flows=100)]
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


def run_rings(bench, rings):
    scratch = bench.scratch / rings
    scratch.mkdir()
    with contextlib.ExitStack() as stack:
        switches = peers(bench, stack, scratch)
        cells = []
        for number, traffic in enumerate(TRAFFIC):
            generator = Generator(
                bench, scratch / f"generator{number}", traffic, VhostEnds,
                packed=rings == "packed",
            )  # fmt: skip
            stack.callback(generator.close)
            cells += [Cell(f"{name} {traffic.name}", peer, generator) for name, peer in switches.items()]
        rounds, seconds = bench.options.fewer(ROUNDS), min(SECONDS, bench.options.seconds)
        series = Series(bench).run(cells, rounds, seconds)
    report_cells(bench, rings, series)
    for traffic in TRAFFIC:
        for other in list(switches)[1:]:
            found = speed_up(series, f"Causeway {traffic.name}", f"{other} {traffic.name}")
            bench.add(f"{rings}: {traffic.name}, beside {other}", unbarred(found), ratios=found.values)


def run(bench):
    for rings in ("split", "packed"):
        run_rings(bench, rings)
