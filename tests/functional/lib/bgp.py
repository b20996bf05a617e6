# SPDX-License-Identifier: Apache-2.0
"""Four nodes whose routes FRR and BIRD announce: two with Causeway, two plain."""
import contextlib
import time

from lib.cluster import Cluster
from lib.routing import Bird, Frr
from lib.wait import wait_until

FAMILIES = (4, 6)
SERVICE = {4: "10.99.0.0/24", 6: "fd00:99::/64"}
PATIENCE = 60


class Bgp:
    """Nothing that the tests write: the daemons do."""

    def mtu(self, node):
        return node.underlay.mtu

    def start(self, node):
        pass

    def add_remote(self, node, remote):
        pass


@contextlib.contextmanager
def bgp_cluster(scratch, hugepages):
    """node.router is each node's daemon; all sessions are up, and each node has a pod."""
    with Cluster(scratch, hugepages, "ccpp", Bgp()) as one:
        one.start()
        for node, daemon in zip(one.nodes, (Frr, Bird, Bird, Frr), strict=True):
            peers = [other for other in one.nodes if other is not node]
            node.router = daemon(scratch / f"bgp{node.number}", node, peers)
        try:
            for node in one.nodes:
                node.router.start()
            for node in one.nodes:
                node.router.wait_established()
                node.pod(f"p{node.number}")
            yield one
        finally:
            for node in one.nodes:
                node.router.stop()


def kernel_hops(node, prefix):
    """Gateways of the kernel's route; FRR names IPv6 peers by link-local addresses."""
    family = 6 if ":" in prefix else 4
    routes = node.namespace.ip_json(f"-{family} route show {prefix}")
    return sorted(hop["gateway"] for one in routes for hop in one.get("nexthops", [one])
                  if "gateway" in hop)


def causeway_hops(node, prefix):
    """Gateways of causewayd's route to a prefix: those of its next hop, or of the members."""
    with node.node.rpc() as rpc:
        routes = rpc.call("route.list")
        nexthops = rpc.call("nexthop.list")
    by_id = {one["id"]: one for one in nexthops}
    route = next((one for one in routes if one["prefix"] == prefix), None)
    if route is None:
        return []
    nexthop = by_id[route["nexthop"]]
    members = [by_id[one["nexthop"]] for one in nexthop.get("members", [])] or [nexthop]
    return sorted(one["via"] for one in members)


def wait_followed(node, prefix, n_hops):
    """Until the kernel has so many ways to a prefix, then until causewayd has the same ones, which
    is how many seconds later."""
    wait_until(lambda: len(kernel_hops(node, prefix)) == n_hops,
               f"node {node.number}: the kernel has {n_hops} ways to {prefix}", timeout=PATIENCE)
    since = time.monotonic()
    wait_until(lambda: causeway_hops(node, prefix) == kernel_hops(node, prefix),
               f"node {node.number}: causewayd has the kernel's {prefix}", timeout=PATIENCE)
    return time.monotonic() - since


def causeway_nodes(cluster):
    return [node for node in cluster.nodes if node.is_causeway]


def service_steps(cluster, prefix):
    """Two nodes announce one prefix, one after the other, and take it back likewise: (change, how
    many ways there are then)."""
    third, fourth = (node.router for node in cluster.nodes[2:])
    return (
        (lambda: third.announce(prefix), 1), (lambda: fourth.announce(prefix), 2),
        (lambda: third.withdraw(prefix), 1), (lambda: fourth.withdraw(prefix), 0),
    )
