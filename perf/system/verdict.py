# SPDX-License-Identifier: Apache-2.0
"""From blocks to figures: ratios of the blocks of one round, and whether they count."""
import collections
import dataclasses
import statistics

from intervals import interval

BURST_PARITY = 0.20  # mean bursts may differ by so much
SMALL = 0.05  # a difference up to this counts only when the null control is quiet
CONTROL = 0.02  # quiet: its interval is within 1 +- this
ENOUGH = 3  # rounds that count, before a bar is judged by them
NOT_TODAY = "not measurable today"


@dataclasses.dataclass
class Ratio:
    values: list  # one for each round whose two blocks count
    refused: collections.Counter  # why other rounds do not

    @property
    def text(self):
        if not self.values:
            reasons = "; ".join(f"{reason} ({n}x)" for reason, n in self.refused.most_common(2))
            return f"{NOT_TODAY}: {reasons or 'no block'}"
        middle, low, high = interval(self.values)
        return f"{middle:.2f} [{low:.2f}, {high:.2f}]"

    @property
    def median(self):
        return statistics.median(self.values) if self.values else None

    def at_least(self, bar):
        """None: not decided."""
        return self.median >= bar if len(self.values) >= ENOUGH else None

    def at_most(self, bar):
        return self.median <= bar if len(self.values) >= ENOUGH else None


def pairs(series, ours, theirs):
    """Both blocks of each round; None for one that is missing."""
    return zip(series.rounds.get(ours, []), series.rounds.get(theirs, []))


def objections(block, other, parity):
    """Why a pair of blocks does not count."""
    if block is None or other is None:
        return ["disturbed or failed"]
    found = [kind(limit) for limit in {*block.limits, *other.limits}]
    if parity and abs(block.burst - other.burst) > BURST_PARITY * max(other.burst, 1):
        found.append(f"mean bursts differ: {block.burst:.0f} and {other.burst:.0f}")
    return found


def kind(limit):
    return limit.split(" (")[0].split(":")[0]


def speed_up(series, ours, theirs, parity=True):
    """cost(theirs) / cost(ours), round by round."""
    values, refused = [], collections.Counter()
    for block, other in pairs(series, ours, theirs):
        why = objections(block, other, parity)
        if why:
            refused.update(why)
        else:
            values.append(other.cost / block.cost)
    return Ratio(values, refused)


def added(series, ours, base, limit):
    """(cost(ours) - cost(base)) / cost(limit), round by round: all three blocks must count."""
    values, refused = [], collections.Counter()
    for (block, other), share in zip(pairs(series, ours, base), series.rounds.get(limit, [])):
        why = objections(block, other, True) or objections(share, share, False)
        if why:
            refused.update(why)
        else:
            values.append((block.cost - other.cost) / share.cost)
    return Ratio(values, refused)


def control_quiet(control):
    """Whether A against A says that small differences can be seen in this run; None: not asked."""
    if control is None or len(control.values) < ENOUGH:
        return False
    _, low, high = interval(control.values)
    return 1 - CONTROL <= low and high <= 1 + CONTROL


def small_difference(ratio, control):
    """True when this ratio is too near to 1 for today's noise."""
    return bool(ratio.values) and abs(ratio.median - 1) <= SMALL and not control_quiet(control)


def unbarred(ratio):
    """What is said of a ratio in a run without a null control."""
    remark = f"; a difference this small is {NOT_TODAY}" if small_difference(ratio, None) else ""
    return ratio.text + remark
