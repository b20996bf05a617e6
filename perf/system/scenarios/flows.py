# SPDX-License-Identifier: Apache-2.0
"""Two vhost-user pods, 64 B: what 10,000 flows, to 1,000 MACs (L2) or by 10,000 routes (L3), cost beside 1 flow, split and packed rings.

One switch, its table filled for the 10,000; one generator, one connection; short slices of both kinds of frames take turns in the same buffers, so
that nothing but their bytes differs. (In v2v each has a generator of its own: other memory, eight times as many buffers for 10,000 flows.)
Bar: 10,000 flows cost at most 5% more busy TSC cycles a packet than 1.
"""
import contextlib

from blocks import Cell
from frames import Traffic
from generator import Generator, VhostEnds
from peers.causeway import CausewayPeer
from slices import Slices
from verdict import NOT_TODAY, control_quiet, small_difference, speed_up
from vhost_pair import report_cells
import callgrind

BURST, FLOWS_SHARE = 32, 1.05


def measure(bench, rings, layer):
    scratch = bench.scratch / f"{rings}{layer}"
    scratch.mkdir()
    many, one = Traffic(flows=10000, layer=layer), Traffic(spread=True, layer=layer)
    frames = {"1 flow": one, "1 flow, again": one, "10k flows": many}
    with contextlib.ExitStack() as stack:
        peer = CausewayPeer(scratch / "causeway", bench.load_cpu, bench.worker_cpu, BURST)
        stack.callback(peer.close)
        generator = Generator(
            bench, scratch / "generator", many, VhostEnds, others=[one], packed=rings == "packed"
        )
        stack.callback(generator.close)
        peer.attach(generator.ends, many)
        generator.wait_carried()
        cells = [Cell(label, peer, generator, frames=some) for label, some in frames.items()]
        return Slices(bench).run(cells)


def report(bench, name, series):
    report_cells(bench, name, series)
    control = speed_up(series, "1 flow", "1 flow, again")
    quiet = "quiet" if control_quiet(control) else "not quiet"
    bench.add(f"{name}: A/A control", f"{control.text}, {quiet}", ratios=control.values)
    found = speed_up(series, "1 flow", "10k flows")
    text, met = found.text, found.at_most(FLOWS_SHARE)
    if small_difference(found, control):
        text += f"; a difference this small is {NOT_TODAY}: {callgrind.text(bench)}"
        met = None
    bench.add(f"{name}: cost of 10k flows over 1", text, f"<= {FLOWS_SHARE}", met, ratios=found.values)


def run(bench):
    for rings in ("split", "packed"):
        for layer in (2, 3):
            report(bench, f"{rings} L{layer}", measure(bench, rings, layer))
