# SPDX-License-Identifier: Apache-2.0
"""100,000 routes of the kernel mirrored, the MAC behind all of them changed, their device taken down.

Each time runs from the return of ip(8), which has the kernel's last acknowledgement, until the data plane has
acknowledged what it was told, as causewayd says; a look takes some milliseconds. Bars: 100,000 routes
in under 2 s, one change behind them (another MAC; no way any more) in under 100 ms.
"""
import statistics
import time

from lib.mirror import PEER, MirrorNode, prefixes
from lib.wait import wait_until

ROUTES, PATIENCE_S = 100_000, 60
ROUTES_BAR_S, CHANGE_BAR_S = 2.0, 0.1
MACS = ("02:00:00:00:77:02", "02:00:00:00:77:03")


def seconds_until(condition):
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > PATIENCE_S:
            raise TimeoutError("the mirror does not come to rest")
    return time.monotonic() - start


def routes(node):
    return node.call("node.get")["dataplane"]["routes4"]


def ways(node):
    """MACs that the data plane was told of the gateway."""
    found = [one for one in node.objects("nexthop") if one.get("via") == PEER]
    return {one.get("mac") for one in found if one["state"] == "ready"} - {None}


def one_round(node, base):
    node.ip(f"neigh replace {PEER} lladdr {MACS[0]} nud permanent dev eth0")
    node.batch(f"route add {prefix} via {PEER} proto bird" for prefix in prefixes(ROUTES))
    times = {"added": seconds_until(lambda: routes(node) == base + ROUTES)}
    wait_until(lambda: node.mirror()["synced"] and ways(node) == {MACS[0]}, "at rest")
    node.ip(f"neigh replace {PEER} lladdr {MACS[1]} nud permanent dev eth0")
    times["another MAC"] = seconds_until(lambda: ways(node) == {MACS[1]})
    node.ip("link set eth0 down")
    times["no way"] = seconds_until(lambda: not ways(node))
    times["routes gone"] = times["no way"] + seconds_until(lambda: routes(node) == base)
    node.ip("link set eth0 up")
    wait_until(lambda: node.call("port.get", name="up")["state"] == "ready", "the uplink is up")
    wait_until(lambda: node.mirror()["synced"], "at rest")
    return times


def run(bench):
    node = MirrorNode(bench.scratch / "m", True)
    try:
        node.start()
        base = routes(node)
        rounds = [one_round(node, base) for _ in range(bench.options.rounds)]
    finally:
        node.close()
    bars = {"added": ROUTES_BAR_S, "another MAC": CHANGE_BAR_S, "no way": CHANGE_BAR_S}
    for what in rounds[0]:
        values = [times[what] for times in rounds]
        bar = bars.get(what)
        text = f"{statistics.median(values) * 1e3:.0f} ms, longest {max(values) * 1e3:.0f} ms"
        bench.add(
            f"{ROUTES} routes: {what}", text, f"< {bar * 1e3:.0f} ms" if bar else None,
            max(values) < bar if bar else None, seconds=values,
        )  # fmt: skip
