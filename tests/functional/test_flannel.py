# SPDX-License-Identifier: Apache-2.0
"""Real flanneld with real etcd: two nodes with Causeway and a plain one are one pod network."""
import itertools

import pytest
from lib.flannel import missing
from lib.flannel_cluster import Backend, FlannelCluster, kernel_counters
from lib.traffic import is_silent, ping
from lib.transfer import assert_transfer
from lib.wait import wait_until

pytestmark = pytest.mark.slow
BACKENDS = (
    Backend("vxlan", families=(4, 6)),
    Backend("vxlan", DirectRouting=True),
    Backend("host-gw"),
    Backend("udp"),
)
PATIENCE = 30


@pytest.fixture(scope="module", params=BACKENDS, ids=str)
def cluster(request, scratch, hugepages):
    lacks = missing()
    if lacks:
        pytest.fail(f"not installed, packaging/setup.sh does it: {lacks}")
    folder = scratch / str(request.param)
    folder.mkdir()
    with FlannelCluster(folder, hugepages, "ccp", request.param) as one:
        one.start()
        for node in one.nodes:
            node.pod(f"p{node.number}")
        yield one


def route(node, prefix):
    """causewayd's route to a prefix, or None."""
    return next((one for one in node.node.call("route.list") if one["prefix"] == prefix), None)


def wait_route(node, prefix, wanted=True):
    wait_until(lambda: (route(node, prefix) is not None) == wanted,
               f"node {node.number}: route to {prefix} {'there' if wanted else 'gone'}",
               timeout=PATIENCE)


def wait_routes(cluster):
    """Every Causeway node knows every other node's pods."""
    for node, remote in itertools.permutations(cluster.nodes, 2):
        if node.is_causeway:
            for family in cluster.backend.families:
                wait_route(node, remote.subnet(family))


def reaches(source, address):
    return not is_silent(source.namespace, address)


def assert_all_reach_all(cluster):
    for family in cluster.backend.families:
        for one, other in itertools.permutations(cluster.nodes, 2):
            target = other.pods[0].ip(family)
            lost, _ = ping(one.pods[0].namespace, target)
            assert lost == 0, f"pod {one.number} -> {other.number}, IPv{family}: {lost} lost"


def assert_unused(before, after):
    """The kernel's own solicitations aside (it sends a few), nothing crossed these devices."""
    for old, new in zip(before, after, strict=True):
        if old is not None:
            assert new[0] == old[0] and new[1] - old[1] < 10, (old, new)


def test_pods_reach_each_other(cluster):
    wait_routes(cluster)
    before = [kernel_counters(node, "flannel0") for node in cluster.nodes[:2]]
    assert_all_reach_all(cluster)
    one, two, plain = cluster.nodes
    for family in cluster.backend.families:
        for source, target in ((one, plain), (plain, two), (two, one)):
            assert_transfer(source.pods[0].namespace, target.pods[0].namespace,
                            target.pods[0].ip(family), 2_000_000, timeout=40)
    assert cluster.checksum_errors() == {}
    # What Causeway carries, flanneld's own proxy never sees.
    after = [kernel_counters(node, "flannel0") for node in cluster.nodes[:2]]
    assert_unused(before, after)
    assert route(one, plain.subnet(4))["origin"] == cluster.backend.origin


def test_pods_follow_the_mtu(cluster):
    """What CNI gives a pod leaves room for the tunnel."""
    for node in cluster.nodes[:2]:
        health = node.node.call("health.get")["flannel"]
        assert health["state"] == "ready", health
        mtu = node.pods[0].namespace.link("eth0")["mtu"]
        assert mtu == health["mtu"] == cluster.backend.mtu(node)


def test_nodes_reach_pods(cluster):
    """Probes of the kubelet, and answers to a node's address inside the tunnel."""
    for one, other in itertools.permutations(cluster.nodes, 2):
        lost, _ = ping(one.namespace, other.pods[0].ip(4))
        assert lost == 0, f"node {one.number} -> pod {other.number}: {lost} lost"


def test_flanneld_restarts(cluster):
    """kill -9: what it wrote stays, and what is missing comes back with it."""
    one, _, plain = cluster.nodes
    one.flanneld.stop()
    assert reaches(one.pods[0], plain.pods[0].ip(4))
    if cluster.backend.name == "udp":
        one.flanneld.start().wait_subnet()
    else:
        one.kernel(f"route del {plain.subnet(4)}")
        wait_route(one, plain.subnet(4), wanted=False)
        one.flanneld.start().wait_subnet()
        wait_route(one, plain.subnet(4))
    assert_all_reach_all(cluster)


def test_a_node_leaves_and_joins(cluster):
    one, two, plain = cluster.nodes
    cluster.leave(plain)
    for node in (one, two):
        wait_route(node, plain.subnet(4), wanted=False)
    assert is_silent(one.pods[0].namespace, plain.pods[0].ip(4))
    assert reaches(one.pods[0], two.pods[0].ip(4))
    cluster.join(plain)
    wait_routes(cluster)
    wait_until(lambda: reaches(plain.pods[0], one.pods[0].ip(4)), "the plain node is back")
    assert_all_reach_all(cluster)


def test_a_lease_changes(cluster):
    """A Causeway node gets another part of the pod network."""
    one, two, plain = cluster.nodes
    old, new = two.subnet(4), "10.244.77.0/24"
    subnets = {family: two.subnet(family) for family in cluster.backend.families} | {4: new}
    cluster.leave(two)
    wait_route(one, old, wanted=False)
    cluster.join(two, subnets)
    wait_route(one, new)

    def has_router():
        return "10.244.77.1/24" in two.node.call("network.get", name="default")["subnets"]

    wait_until(has_router, "the router has its new address", timeout=PATIENCE)
    two.node.cni.config["ipam"]["ranges"] = [[{"subnet": new}]]
    two.pods[0].delete()
    pod = two.pod("moved")
    try:
        for other in (one, plain):
            wait_until(lambda o=other: reaches(o.pods[0], pod.ip(4)), "the new pod answers")
            assert reaches(pod, other.pods[0].ip(4))
    finally:
        two.pods.remove(pod)
        pod.close()


def test_books_balance(cluster):
    cluster.assert_balanced()
    assert cluster.checksum_errors() == {}
