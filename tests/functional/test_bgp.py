# SPDX-License-Identifier: Apache-2.0
"""FRR and BIRD announce pod subnets between nodes: Causeway follows what they write."""
import itertools
import socket

import pytest
from lib.bgp import (
    FAMILIES, PATIENCE, SERVICE, bgp_cluster, causeway_nodes, service_steps, wait_followed,
)
from lib.routing import missing
from lib.traffic import ping
from lib.transfer import assert_transfer
from lib.wait import wait_until

pytestmark = pytest.mark.slow
ORIGINS = {"FRR": "mirror:frr", "BIRD": "mirror:bird"}


@pytest.fixture(scope="module")
def cluster(scratch, hugepages):
    lacks = missing()
    if lacks:
        pytest.fail(f"not installed, packaging/setup.sh does it: {lacks}")
    with bgp_cluster(scratch, hugepages) as one:
        yield one


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
    prefix = SERVICE[family]
    for change, n_hops in service_steps(cluster, prefix):
        change()
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


def test_books(cluster):
    cluster.assert_balanced()
    assert cluster.checksum_errors() == {}
