# SPDX-License-Identifier: Apache-2.0
"""How soon Causeway follows FRR and BIRD: a prefix added, changed, with two ways, withdrawn, IPv4 and IPv6.

Four nodes with a BGP session between any two; two of them have Causeway. Each time runs from the moment when the node's kernel shows
what its daemon wrote until causewayd shows the same. Bar: the longest is under one second.
"""
import statistics

from lib.bgp import SERVICE, bgp_cluster, causeway_nodes, service_steps, wait_followed

BAR_S = 1.0
NAMES = ("added", "second way", "one way again", "withdrawn")


def run(bench):
    times = {name: [] for name in NAMES}
    with bgp_cluster(bench.scratch, True) as cluster:
        for _ in range(bench.options.rounds):
            for prefix in SERVICE.values():
                for name, (change, n_hops) in zip(NAMES, service_steps(cluster, prefix), strict=True):
                    change()
                    times[name] += [wait_followed(node, prefix, n_hops) for node in causeway_nodes(cluster)]
    for name, values in times.items():
        text = f"{statistics.median(values) * 1e3:.0f} ms, longest {max(values) * 1e3:.0f} ms"
        bench.add(f"FRR, BIRD: {name}", text, f"< {BAR_S:.0f} s", max(values) < BAR_S, seconds=values)
