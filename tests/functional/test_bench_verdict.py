# SPDX-License-Identifier: Apache-2.0
"""What the bench makes of its blocks: which count, and when a difference is one."""
import pathlib
import random
import sys
import types

import pytest

SYSTEM = pathlib.Path(__file__).resolve().parents[2] / "perf/system"
sys.path.insert(0, str(SYSTEM))

import blocks  # noqa: E402
import verdict  # noqa: E402
import vhost_pair  # noqa: E402
from intervals import interval  # noqa: E402
from peers import Sample  # noqa: E402

QUIET, LOUD = (1.0, 1.01, 0.99, 1.0), (1.0, 1.2, 0.9, 1.1)


def block(cost, burst=32.0, limits=()):
    return blocks.Block(
        "", "", cost, None, burst, 1.0, 0, 0, 0, 0, {}, [], list(limits), {}
    )  # fmt: skip


def series(**cells):
    """Of costs, or blocks, or None, a round each."""
    return types.SimpleNamespace(
        errors={}, thrown=[], thrown_share=lambda: 0,
        blocks=lambda label: [one for one in rounds[label] if one is not None],
        rounds=(rounds := {
            label: [block(one) if isinstance(one, (int, float)) else one for one in some]
            for label, some in cells.items()
        }),
    )  # fmt: skip


def ratio(values):
    return verdict.Ratio(list(values), {})


def sample(transmitted):
    return Sample(packets=transmitted, busy_cycles=1, burst=32.0, transmitted=transmitted, notes={})


@pytest.mark.parametrize(
    "sent, transmitted, received, busy, said",
    [
        (1000, 1000, 1000, 0.5, ()),
        (990, 990, 990, 0.5, ()),
        (980, 980, 980, 0.5, ("generator was the limit",)),
        (980, 980, 980, 0.96, ()),  # the switch was
        (1000, 1000, 991, 0.96, ()),
        (1000, 1000, 989, 0.96, ("counts disagree",)),
        (1000, 1000, 1011, 0.96, ("counts disagree",)),
        (500, 500, 400, 0.1, ("generator was the limit", "counts disagree")),
    ],
)
def test_what_makes_a_block_not_count(sent, transmitted, received, busy, said):
    run = {"sent": sent, "received": received, "seconds": 2}
    found = blocks.limits(sample(transmitted), run, busy, rate=500)
    assert [verdict.kind(limit) for limit in found] == list(said)


def test_ratio_of_each_round():
    found = verdict.speed_up(series(a=[100, 50, 80], b=[200, 200, 80]), "a", "b")
    assert found.values == [2, 4, 1] and found.median == 2 and not found.refused


def test_rounds_that_do_not_count():
    limited = block(1, limits=["generator was the limit (worker 3% busy)"])
    short = block(1, burst=25.5)
    fits = block(100, burst=26)
    found = verdict.speed_up(
        series(a=[100, None, limited, short, fits, 100], b=[200, 200, 200, 200, 200, limited]), "a", "b"
    )
    assert found.values == [2, 2]
    assert found.refused["disturbed or failed"] == 1
    assert found.refused["generator was the limit"] == 2
    assert sum("bursts differ" in reason for reason in found.refused) == 1
    assert found.at_least(1) is None, "two rounds decide nothing"
    none = verdict.speed_up(series(a=[limited], b=[1]), "a", "b")
    assert none.text.startswith(verdict.NOT_TODAY) and none.at_least(1) is none.median is None


def test_added_cost_wants_all_three_blocks():
    limited = block(100, limits=["counts disagree: sent 1, received 2"])
    found = verdict.added(
        series(ours=[120, 120, 130, 120, None], base=[100, 100, 100, 100, 100],
               limit=[200, limited, 200, None, 200]),
        "ours", "base", "limit",
    )  # fmt: skip
    assert found.values == pytest.approx([0.1, 0.15])
    assert found.refused == {"counts disagree": 1, "disturbed or failed": 2}


def test_bars_on_medians():
    assert ratio([0.9, 1.0, 1.2]).at_least(1.0) is True
    assert ratio([0.9, 0.95, 1.2]).at_least(1.0) is False
    assert ratio([1.04, 1.05, 1.2]).at_most(1.05) is True
    assert ratio([1.04, 1.06, 1.2]).at_most(1.05) is False


@pytest.mark.parametrize(
    "values, control, small",
    [
        ((1.03, 1.04, 1.04), LOUD, True),
        ((0.96, 0.97, 0.96), LOUD, True),
        ((1.03, 1.04, 1.04), QUIET, False),
        ((1.06, 1.06, 1.07), LOUD, False),
        ((1.03, 1.04, 1.04), QUIET[:2], True),
        ((1.03, 1.04, 1.04), None, True),
        ((), LOUD, False),
    ],
)
def test_small_differences_want_a_quiet_control(values, control, small):
    control = None if control is None else ratio(control)
    assert verdict.small_difference(ratio(values), control) == small


def test_what_is_said_without_a_control():
    assert verdict.NOT_TODAY in verdict.unbarred(ratio([1.01, 1.02, 1.03]))
    assert verdict.NOT_TODAY not in verdict.unbarred(ratio([1.2, 1.3, 1.4]))


def headline(**cells):
    """Of made-up blocks: what its table says of routing."""
    said = {}
    bench = types.SimpleNamespace(
        build=pathlib.Path("/nonexistent"),
        add=lambda what, value, bar=None, met=None, **raw: said.update({what: (value, met)}),
    )
    one = vhost_pair.Headline.__new__(vhost_pair.Headline)
    one.bench, one.rings, one.series = bench, "split", series(**cells)
    one.control = one.null_control()
    one.routing("routed", "L3", True)
    return said["split: L3: added to L2"]


@pytest.mark.parametrize(
    "routed, again, met",
    [
        ((120,) * 4, QUIET, True),
        ((150,) * 4, QUIET, False),
        ((103, 104, 103, 103), LOUD, True),  # not measurable, and within the bar whatever it is
        ((104, 104, 190, 190, 104), LOUD, None),
        ((103, 104), QUIET, None),
    ],
)
def test_verdict_on_routing(routed, again, met):
    n = len(routed)
    again = [100 * share for share in again + again][:n]
    cells = {"Causeway L2 1 flow": [100] * n, "Causeway L2 1 flow, again": again}
    text, found = headline(routed=list(routed), **cells, **{"testpmd io 1 flow": [200] * n})
    assert found is met
    assert (verdict.NOT_TODAY in text) == (met is None or routed[0] == 103)


def test_blocks_that_do_not_count_are_left_out_of_the_table():
    limited = block(1000, limits=["generator was the limit (worker 3% busy)"])
    said, drawn = {}, []
    bench = types.SimpleNamespace(
        add=lambda what, value, **raw: said.update({what: value}),
        plot=lambda name, title, unit, bars: drawn.extend(bars),
    )
    vhost_pair.report_cells(bench, "split", series(mixed=[100, limited, 102], bad=[limited]))
    assert said["split: mixed"].startswith("101.0 c/p")
    assert "without 1 of 3 blocks: generator was the limit" in said["split: mixed"]
    assert "none of them counts" in said["split: bad"]
    assert drawn[0][:2] == ("mixed", 101)


def test_order_of_blocks_goes_there_and_back():
    orders = list(blocks.orders("abcde", 4, seed=3))
    assert orders[1] == orders[0][::-1] and orders[3] == orders[2][::-1]
    assert all(sorted(order) == list("abcde") for order in orders)
    assert orders == list(blocks.orders("abcde", 4, seed=3))


def test_interval_covers_the_median():
    chooser = random.Random(5)
    covered = sum(
        low <= 10 <= high
        for _, low, high in (
            interval([chooser.gauss(10, 2) for _ in range(30)], rounds=300) for _ in range(100)
        )
    )
    assert 85 <= covered <= 100
