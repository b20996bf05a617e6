# SPDX-License-Identifier: Apache-2.0
"""Differences of a few percent: hundreds of short blocks in turn, on connections that stay.

What the host's other guests do to a CPU comes and goes within tenths of a second and changes costs by a third. Blocks of seconds,
or with a connection each, cannot tell 5 % apart then; slices that follow each other within a tenth of a second can.
"""
import functools

import noise
from blocks import Series, make_block

SLICE_S, WARM_S = 0.05, 0.03
ROUNDS = 40  # for each round that the options ask for


@functools.cache
def tsc_hz(add_loop, cpu):
    return noise.add_loop(add_loop, cpu)[2]


def measure_slice(cell, seconds, worker_cpu, add_loop):
    """A block at the fixed rate; the order of slices, not the add loop, takes care of the clock."""
    peer, generator = cell.peer, cell.generator
    if cell.frames is not None:
        generator.load(cell.frames)
    generator.run(WARM_S, generator.traffic.rate, cell.senders)
    peer.mark()
    watch = noise.Watch(peer.pid, worker_cpu)
    generators = noise.Watch(generator.pid, generator.cpu)
    run = generator.run(seconds, generator.traffic.rate, cell.senders)
    seen = watch.read() | {"load_waited_s": generators.read()["waited_s"]}
    return make_block(cell, 1, (None, run, peer.sample(), seen), (1, 0, tsc_hz(add_loop, worker_cpu)))


class Slices(Series):
    """As Series, of slices; hundreds of lines would tell nobody anything, so it says none."""

    def __init__(self, bench):
        super().__init__(bench, measure_slice)

    def run(self, cells, rounds=None):
        """rounds: None: as the options ask for."""
        before = self.rounds
        super().run(cells, rounds or self.rounds_wanted(), SLICE_S)
        self.rounds = {label: before.get(label, []) + some for label, some in self.rounds.items()}
        return self

    def rounds_wanted(self):
        return 5 if self.bench.options.quick else ROUNDS * self.bench.options.rounds

    def say(self, block):
        pass
