# SPDX-License-Identifier: Apache-2.0
"""Interleaved blocks: each measures one switch on one generator; what was disturbed is thrown away."""
import dataclasses
import random

import noise
from generator import BOTH

WARM_S = 0.3
SATURATED_S = 0.5  # as fast as frames are taken
CARRIED = 0.99  # of the fixed rate: the generator kept pace
RETRIES = 2  # of a disturbed block, before its round goes without it
ERRORS = 2  # of a cell, before it is left out
BUSY = 0.95  # share of its time: with less, and the rate not kept, the generator was the limit
AGREEMENT = 0.01  # between what the switch sent and what the generator got


@dataclasses.dataclass(frozen=True)
class Cell:
    """What blocks of one kind measure."""

    label: str
    peer: object
    generator: object
    senders: tuple = BOTH  # sides that send
    frames: object = None  # slices: traffic to be loaded first, where the generator has several


@dataclasses.dataclass
class Block:
    label: str
    peer: str
    cost: float  # busy TSC cycles a packet
    mpps: float | None  # saturated: received by the generator, both directions together; None: not asked for
    burst: float
    busy: float  # share of the worker's time
    received: int
    transmitted: int
    sent: int  # by the generator
    full: int  # times that it found a ring full
    noise: dict
    disturbed: list  # reasons to throw it away
    limits: list  # reasons why its figure does not count
    notes: dict


def measure(cell, seconds, worker_cpu, add_loop):
    """One block of a switch that comes and goes: connect, warm up, saturate, measure, disconnect."""
    before, *_ = noise.add_loop(add_loop, worker_cpu)
    try:
        cell.peer.attach(cell.generator.ends, cell.generator.traffic)
        cell.generator.wait_carried()
        found = load(cell, seconds, worker_cpu)
    finally:
        cell.peer.detach()
    return make_block(cell, before, found, noise.add_loop(add_loop, worker_cpu))


def load(cell, seconds, worker_cpu):
    """Warm up, saturate, measure at a fixed rate: (saturated, run, sample, what disturbed)."""
    peer, generator = cell.peer, cell.generator
    generator.run(WARM_S)
    most = generator.run(SATURATED_S, senders=cell.senders)
    peer.mark()
    watch = noise.Watch(peer.pid, worker_cpu)
    generators = noise.Watch(generator.pid, generator.cpu)
    run = generator.run(seconds, generator.traffic.rate, cell.senders)
    seen = watch.read() | {"load_waited_s": generators.read()["waited_s"]}
    return most, run, peer.sample(), seen


def make_block(cell, clock_before, found, clock_after):
    most, run, sample, seen = found
    after, _, tsc_hz = clock_after
    seen["clock"] = after / clock_before
    busy = sample.busy_cycles / (tsc_hz * run["seconds"])
    rate = cell.generator.traffic.rate * len(cell.senders) / len(BOTH)
    return Block(
        cell.label, cell.peer.name, sample.busy_cycles / max(sample.packets, 1),
        most and most["received"] / most["seconds"] / 1e6, sample.burst, busy, run["received"],
        sample.transmitted, run["sent"], run["refused"], seen, noise.reasons(seen, run["seconds"]),
        limits(sample, run, busy, rate), sample.notes,
    )  # fmt: skip


def limits(sample, run, busy, rate):
    found = []
    if busy < BUSY and run["sent"] < CARRIED * rate * run["seconds"]:
        found.append(f"generator was the limit (worker {busy * 100:.0f}% busy)")
    if abs(run["received"] - sample.transmitted) > AGREEMENT * max(sample.transmitted, 1):
        found.append(f"counts disagree: sent {sample.transmitted}, received {run['received']}")
    return found


def orders(cells, rounds, seed):
    """Random order, then the same backwards (ABBA), and so on."""
    chooser = random.Random(seed)
    order = []
    for number in range(rounds):
        if number % 2 == 0:
            order = chooser.sample(cells, len(cells))
        else:
            order = order[::-1]
        yield order


def line(block):
    remarks = block.limits + [f"disturbed: {reason}" for reason in block.disturbed]
    return (
        f"{block.label}: {block.cost:.1f} c/p, {block.mpps:.2f} Mpps, burst {block.burst:.1f}"
        + "".join(f"  ({remark})" for remark in remarks)
    )


class Series:
    """{label: [Block or None, one a round]} of interleaved blocks, and what was thrown away."""

    def __init__(self, bench, measure=measure):
        self.bench, self.measure = bench, measure
        self.rounds, self.thrown, self.errors = {}, [], {}

    def run(self, cells, rounds, seconds):
        self.rounds = {cell.label: [] for cell in cells}
        for order in orders(cells, rounds, self.bench.seed):
            for cell in order:
                self.rounds[cell.label].append(self.block(cell, seconds))
        return self

    def block(self, cell, seconds):
        """A block that was not disturbed, or None. One that fails is reported, and the rest goes on."""
        if len(self.errors.get(cell.label, [])) >= ERRORS:
            return None
        try:
            return self.undisturbed(cell, seconds)
        except Exception as error:  # noqa: of whatever kind, the other cells are measured
            text = f"{type(error).__name__}: {error}"
            self.errors.setdefault(cell.label, []).append(text)
            self.bench.say(f"{cell.label}: {text}")
            return None

    def say(self, block):
        self.bench.say(line(block))

    def undisturbed(self, cell, seconds):
        for _ in range(1 + RETRIES):
            block = self.measure(cell, seconds, self.bench.worker_cpu, self.bench.tool("add_loop"))
            self.say(block)
            if not block.disturbed or self.bench.options.quick:
                return block
            self.thrown.append(block)
        return None

    def blocks(self, label):
        return [block for block in self.rounds[label] if block is not None]

    def thrown_share(self):
        kept = sum(len(self.blocks(label)) for label in self.rounds)
        return len(self.thrown) / max(1, kept + len(self.thrown))
