# SPDX-License-Identifier: Apache-2.0
"""The cells of scenario v2v: their switches and generators, and what is said of them."""
import contextlib

from blocks import Cell, Series
from frames import Traffic
from generator import Generator, VhostEnds
from intervals import interval, show
from peers.causeway import CausewayPeer
from peers.ovs import Ovs, OvsPeer
from peers.testpmd import TestpmdPeer
from verdict import NOT_TODAY, added, control_quiet, small_difference, speed_up
import callgrind

TRAFFIC = {
    "1 flow": Traffic(),
    "10k flows": Traffic(flows=10000),
    "L3": Traffic(layer=3),
    "L3 10k routes": Traffic(flows=10000, layer=3),
}
BURSTS = (32, 64)  # OVS and testpmd take 32 at a time unless told otherwise, Causeway 64
OVS_MODES = {"OVS NORMAL": "NORMAL", "OVS port-to-port": "port-to-port"}
L3_SHARE = 0.20


class Headline(contextlib.ExitStack):
    """One kind of rings: everything is started here and ends with the context."""

    def __init__(self, bench, rings):
        super().__init__()
        self.bench, self.rings = bench, rings
        self.scratch = bench.scratch / rings
        self.scratch.mkdir()
        cpus = bench.load_cpu, bench.worker_cpu
        try:
            self.ovs = self.keep(Ovs(self.scratch, *cpus))
            self.testpmd, self.testpmd_64 = (
                self.keep(TestpmdPeer(self.scratch, *cpus, burst)) for burst in BURSTS
            )
            self.causeway, self.causeway_64 = (
                self.keep(CausewayPeer(self.scratch / f"causeway{burst}", *cpus, burst))
                for burst in BURSTS
            )
            self.generators = {
                name: self.keep(
                    Generator(
                        bench, self.scratch / f"generator{number}", traffic, VhostEnds,
                        packed=rings == "packed",
                    )
                )
                for number, (name, traffic) in enumerate(TRAFFIC.items())
            }  # fmt: skip
        except BaseException:
            self.close()
            raise

    def keep(self, thing):
        self.callback(thing.close)
        return thing

    def cell(self, label, peer, traffic):
        return Cell(label, peer, self.generators[traffic])

    def best_variant(self, mode, traffic):
        """The cheapest of OVS's options on this traffic, by one short block each."""
        variants = self.ovs.variants()
        cells = [
            self.cell(f"look: OVS {mode} {variant}, {traffic}", OvsPeer(self.ovs, mode, variant), traffic)
            for variant in variants
        ]
        look = Series(self.bench).run(cells, 1, min(1.0, self.bench.options.seconds))
        costs = {
            variant: min((block.cost for block in look.blocks(cell.label)), default=1e9)
            for variant, cell in zip(variants, cells)
        }
        return min(costs, key=costs.get)

    def ovs_peer(self, mode, traffic):
        return OvsPeer(self.ovs, mode, self.best_variant(mode, traffic))

    def measure(self):
        cells = [
            self.cell("Causeway L2 1 flow", self.causeway, "1 flow"),
            self.cell("Causeway L2 1 flow, again", self.causeway, "1 flow"),
            self.cell("Causeway L2 10k flows", self.causeway, "10k flows"),
            self.cell("Causeway L3 1 flow", self.causeway, "L3"),
            self.cell("Causeway L3 10k routes", self.causeway, "L3 10k routes"),
            self.cell("testpmd io 1 flow", self.testpmd, "1 flow"),
        ]
        for name, mode in OVS_MODES.items():
            for traffic in ("1 flow", "10k flows"):
                cells.append(self.cell(f"{name} {traffic}", self.ovs_peer(mode, traffic), traffic))
        cells += [
            self.cell("Causeway L2 1 flow, bursts of 64", self.causeway_64, "1 flow"),
            self.cell("testpmd io 1 flow, bursts of 64", self.testpmd_64, "1 flow"),
        ]
        self.series = Series(self.bench).run(
            cells, self.bench.options.rounds, self.bench.options.seconds
        )

    def report(self, bar, aim):
        report_cells(self.bench, self.rings, self.series)
        self.control = self.null_control()
        ours = "Causeway L2 1 flow"
        self.ratio("L2, 1 flow, beside testpmd io", ours, "testpmd io 1 flow", bar, aim)
        self.ratio("L2, 1 flow, beside OVS NORMAL", ours, "OVS NORMAL 1 flow", 1.1, 1.4)
        self.ratio("L2, 10k flows, beside OVS NORMAL", "Causeway L2 10k flows", "OVS NORMAL 10k flows", 1.8, 2.2)
        self.ratio("L2, 1 flow, beside OVS port-to-port", ours, "OVS port-to-port 1 flow", 0.95, 1.2)
        self.ratio("L2, 10k flows, beside OVS port-to-port", "Causeway L2 10k flows", "OVS port-to-port 10k flows")
        self.ratio("L2, 1 flow, bursts of 64, beside testpmd io", "Causeway L2 1 flow, bursts of 64", "testpmd io 1 flow, bursts of 64")
        self.routing("Causeway L3 1 flow", "L3, 1 flow", True)
        self.routing("Causeway L3 10k routes", "L3, 10k routes", False)

    def add(self, what, *arguments, **raw):
        self.bench.add(f"{self.rings}: {what}", *arguments, **raw)

    def null_control(self):
        control = speed_up(self.series, "Causeway L2 1 flow", "Causeway L2 1 flow, again")
        quiet = "quiet" if control_quiet(control) else "not quiet"
        self.add("A/A control", f"{control.text}, {quiet}", ratios=control.values)
        return control

    def ratio(self, what, ours, theirs, bar=None, aim=None):
        found = speed_up(self.series, ours, theirs)
        text, met = f"{found.text} times", None if bar is None else found.at_least(bar)
        if not found.values:
            text = found.text
        elif small_difference(found, self.control):
            text += f"; a difference this small is {NOT_TODAY}: {callgrind.text(self.bench)}"
            met = None
        self.add(what, text, f">= {bar} (aim {aim})" if bar else None, met, ratios=found.values)

    def routing(self, label, what, barred):
        """Cost of routing over switching, as a share of testpmd's cost in the same round."""
        base = "Causeway L2 1 flow"
        found = added(self.series, label, base, "testpmd io 1 flow")
        text, met = f"{found.text} of testpmd io's cost", found.at_most(L3_SHARE)
        if not found.values:
            text = found.text
        elif small_difference(speed_up(self.series, label, base), self.control):
            text += f"; a difference this small is {NOT_TODAY}: {callgrind.text(self.bench)}"
            met = (interval(found.values)[2] <= L3_SHARE and met) or None
        self.add(
            f"{what}: added to L2", text, f"<= {L3_SHARE}" if barred else None,
            met if barred else None, shares=found.values,
        )  # fmt: skip


def left_out(blocks, limits):
    """Of blocks that do not count; a cell that has no others shows them."""
    if not limits:
        return ""
    n = sum(bool(block.limits) for block in blocks)
    what = "none of them counts" if n == len(blocks) else f"without {n} of {len(blocks)} blocks"
    return f"; {what}: {'; '.join(limits[:2])}"


def report_cells(bench, rings, series):
    """A line and a bar of the plot for each cell."""
    drawn = []
    for label in series.rounds:
        blocks = series.blocks(label)
        if not blocks:
            errors = series.errors.get(label, ["every block was disturbed"])
            bench.add(f"{rings}: {label}", f"{NOT_TODAY}: {errors[-1]}")
            continue
        limits = sorted({limit for block in blocks for limit in block.limits})
        counting = [block for block in blocks if not block.limits] or blocks
        costs = [block.cost for block in counting]
        rates = [block.mpps for block in counting if block.mpps is not None]
        bench.add(
            f"{rings}: {label}",
            f"{show(costs, 'c/p', 1)}, {show(rates, 'Mpps', 1) + ', ' if rates else ''}bursts of "
            f"{sum(block.burst for block in counting) / len(counting):.1f}"
            + left_out(blocks, limits),
            peer=blocks[0].peer, blocks=blocks,
        )  # fmt: skip
        drawn.append((label, *interval(costs)))
    thrown = series.thrown_share()
    bench.add(f"{rings}: blocks thrown away", f"{thrown * 100:.0f}%", thrown=series.thrown)
    bench.plot(rings, f"Busy cycles a packet, {rings}", "TSC cycles, less is better", drawn)
