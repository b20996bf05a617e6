# SPDX-License-Identifier: Apache-2.0
"""FRR and BIRD announce pod subnets between nodes: Causeway follows what they write."""
import itertools
import socket
import time

import pytest
from lib.cluster import Cluster
from lib.routing import Bird, Frr, missing
from lib.traffic import ping
from lib.transfer import assert_transfer
from lib.wait import wait_until

pytestmark = pytest.mark.slow
FAMILIES = (4, 6)
SERVICE = {4: "10.99.0.0/24", 6: "fd00:99::/64"}
ORIGINS = {"FRR": "mirror:frr", "BIRD": "mirror:bird"}
# From the kernel's table to causewayd's, as the middle one of several changes.
PATIENCE = 60
lags = []


class Bgp:
    """Nothing that the tests write: the daemons do."""

    def mtu(self, node):
        return node.underlay.mtu

    def start(self, node):
        pass

    def add_remote(self, node, remote):
        pass


@pytest.fixture(scope="module")
def cluster(scratch, hugepages):
    lacks = missing()
    if lacks:
        pytest.fail(f"not installed, packaging/setup.sh does it: {lacks}")
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
    """Until the kernel has so many ways to a prefix, then until causewayd has the same ones."""
    wait_until(lambda: len(kernel_hops(node, prefix)) == n_hops,
               f"node {node.number}: the kernel has {n_hops} ways to {prefix}", timeout=PATIENCE)
    since = time.monotonic()
    wait_until(lambda: causeway_hops(node, prefix) == kernel_hops(node, prefix),
               f"node {node.number}: causewayd has the kernel's {prefix}", timeout=PATIENCE)
    lags.append(time.monotonic() - since)


def causeway_nodes(cluster):
    return [node for node in cluster.nodes if node.is_causeway]


def test_pod_subnets(cluster):
    for node, remote in itertools.product(causeway_nodes(cluster), cluster.nodes):
        for family in FAMILIES:
            if node is not remote:
                wait_followed(node, remote.subnet(family), 1)
    for one, other in itertools.permutations(cluster.nodes, 2):
        for family in FAMILIES:
            target = other.pods[0].ip(family)
            wait_until(lambda o=one, t=target: ping(o.pods[0].namespace, t, 1)[0] == 0,
                       f"pod {one.number} -> {other.number} IPv{family}", timeout=PATIENCE)
            assert ping(one.pods[0].namespace, target)[0] == 0
    assert_transfer(cluster.nodes[0].pods[0].namespace, cluster.nodes[3].pods[0].namespace,
                    cluster.nodes[3].pods[0].ip(4), 2_000_000, timeout=40)


def test_origins(cluster):
    for node in causeway_nodes(cluster):
        routes = node.node.call("route.list")
        origins = {one["prefix"]: one["origin"] for one in routes}
        assert origins[cluster.nodes[2].subnet(4)] == ORIGINS[str(node.router)]


@pytest.mark.parametrize("family", FAMILIES)
def test_add_change_ecmp_withdraw(cluster, family):
    """Two nodes announce one prefix, one after the other, and take it back likewise."""
    third, fourth = (node.router for node in cluster.nodes[2:])
    prefix = SERVICE[family]
    steps = (
        (third.announce, 1), (fourth.announce, 2), (third.withdraw, 1), (fourth.withdraw, 0),
    )
    for change, n_hops in steps:
        change(prefix)
        for node in causeway_nodes(cluster):
            wait_followed(node, prefix, n_hops)


def test_both_ways_of_ecmp_are_used(cluster):
    """Each of the two has an address of the prefix on lo; flows reach one of them each."""
    prefix, address = SERVICE[4], "10.99.0.1"
    announcers = cluster.nodes[2:]
    for node in announcers:
        node.kernel(f"addr add {address}/32 dev lo")
        node.router.announce(prefix)
    for node in causeway_nodes(cluster):
        wait_followed(node, prefix, 2)
    before = [udp_unreachable(node) for node in announcers]
    with cluster.nodes[0].pods[0].namespace.entered():
        source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with source:
        for port in range(20001, 20065):
            source.sendto(b"x", (address, port))
    wait_until(lambda: all(udp_unreachable(node) > old
                           for node, old in zip(announcers, before, strict=True)),
               "flows reached both nodes")
    for node in announcers:
        node.router.withdraw(prefix)
        node.kernel(f"addr del {address}/32 dev lo")
    for node in causeway_nodes(cluster):
        wait_followed(node, prefix, 0)


def udp_unreachable(node):
    """Datagrams for a port without a socket, as this node's kernel counted them."""
    names, values = (line.split() for line in
                     node.namespace.run("grep", "^Udp:", "/proc/net/snmp").stdout.splitlines())
    return int(values[names.index("NoPorts")])


def test_a_router_dies(cluster):
    """kill -9 of a peer's daemon: its routes go when the session does, and come back."""
    node = cluster.nodes[0]
    plain = cluster.nodes[2]
    plain.router.stop()
    wait_followed(node, plain.subnet(4), 0)
    plain.router.start()
    plain.router.wait_established()
    wait_followed(node, plain.subnet(4), 1)
    wait_until(lambda: ping(node.pods[0].namespace, plain.pods[0].ip(4), 1)[0] == 0,
               "the pod answers again", timeout=PATIENCE)


def test_all_was_followed(cluster):
    """What time it took is printed (pytest -s), not judged: a busy machine is slow."""
    assert len(lags) > 10
    print(f"{len(lags)} changes, kernel to causewayd: median {sorted(lags)[len(lags) // 2]:.3f} s,"
          f" longest {max(lags):.3f} s")
    cluster.assert_balanced()
    assert cluster.checksum_errors() == {}
