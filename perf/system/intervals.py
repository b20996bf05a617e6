# SPDX-License-Identifier: Apache-2.0
"""Medians and their bootstrap intervals."""
import random
import statistics


def interval(values, confidence=0.95, rounds=2000, seed=1):
    """Median and its bootstrap interval."""
    chooser = random.Random(seed)
    medians = sorted(
        statistics.median(chooser.choices(values, k=len(values))) for _ in range(rounds)
    )
    tail = int(rounds * (1 - confidence) / 2)
    return statistics.median(values), medians[tail], medians[-tail - 1]


def show(values, unit="", digits=2):
    middle, low, high = interval(values)
    text = f"{middle:.{digits}f} {unit}".strip()
    return f"{text} [{low:.{digits}f}, {high:.{digits}f}]"
