# SPDX-License-Identifier: Apache-2.0
"""memif as the wire: DPDK's net_memif at both ends, Causeway beside testpmd io on net_memif.

64 B, L2, 1 flow, and 1518 B; rings of 1,024, the generator is the server at both.
"""
import contextlib

from blocks import Cell, Series
from frames import Traffic
from generator import Generator, MemifEnds
from peers.causeway import CausewayPeer
from peers.testpmd import TestpmdPeer
from verdict import speed_up, unbarred
from vhost_pair import report_cells

TRAFFIC = {"64 B": Traffic(), "1518 B": Traffic("1518")}


def run(bench):
    cpus = bench.load_cpu, bench.worker_cpu
    with contextlib.ExitStack() as stack:
        switches = {
            "Causeway": CausewayPeer(bench.scratch / "causeway", *cpus, 32),
            "testpmd io": TestpmdPeer(bench.scratch, *cpus, 32),
        }
        for peer in switches.values():
            stack.callback(peer.close)
        cells = []
        for number, (name, traffic) in enumerate(TRAFFIC.items()):
            generator = Generator(bench, bench.scratch / f"{number}", traffic, MemifEnds)
            stack.callback(generator.close)
            cells += [Cell(f"{switch} {name}", peer, generator) for switch, peer in switches.items()]
        series = Series(bench).run(cells, bench.options.rounds, bench.options.seconds)
    report_cells(bench, "memif", series)
    for name in TRAFFIC:
        found = speed_up(series, f"Causeway {name}", f"testpmd io {name}")
        bench.add(f"{name}, beside testpmd io", unbarred(found), ratios=found.values)
