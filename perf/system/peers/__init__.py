# SPDX-License-Identifier: Apache-2.0
"""The switches under test. Each has

name                     for tables
attach(ends, traffic)    connects to both ends of a generator, tables filled for its traffic
mark()                   counters from here
sample()                 since mark(): Sample; the generator stands still at both
detach()                 leaves the ends to the next one
pid                      whose worker is watched
close()                  ends what was started
"""
import dataclasses


@dataclasses.dataclass
class Sample:
    packets: int  # taken from the ports
    transmitted: int  # taken by the ports
    busy_cycles: int  # TSC cycles of loop iterations that moved at least one packet
    burst: float  # packets per non-empty burst
    notes: dict = dataclasses.field(default_factory=dict)
