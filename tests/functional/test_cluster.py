# SPDX-License-Identifier: Apache-2.0
"""Every pair of nodes, Causeway (c) and plain Linux (p), by every backend: ping, TCP both ways (by
super-frames where the sender makes them), UDP in fragments; no kernel counts a checksum error."""
import itertools

import pytest
from lib.cluster import Cluster
from lib.flannel_rules import HostGateway, Vxlan
from lib.flows import assert_datagrams
from lib.traffic import ping
from lib.transfer import assert_transfer

BACKENDS = [HostGateway(), Vxlan()]
PAIRS = ("cc", "cp", "pp")
FAMILIES = pytest.mark.parametrize("family", [4, 6])
SIZES = (1, 1400, 4000, 20000)
BULK = 5_000_000


@pytest.fixture(
    scope="module",
    params=list(itertools.product(PAIRS, BACKENDS)),
    ids=lambda pair: f"{pair[0]}-{pair[1]}",
)
def cluster(request, tmp_path_factory, hugepages):
    kinds, backend = request.param
    scratch = tmp_path_factory.mktemp("c")
    with Cluster(scratch, hugepages, kinds, backend) as nodes:
        nodes.start()
        nodes.add_pods()
        yield nodes
        assert nodes.checksum_errors() == {}
        nodes.assert_balanced()


@pytest.fixture
def ways(cluster):
    """(source pod, target pod), in both directions."""
    return list(itertools.permutations([node.pods[0] for node in cluster.nodes], 2))


@FAMILIES
def test_ping(ways, family):
    for source, target in ways:
        assert ping(source.namespace, target.ip(family))[0] == 0


@FAMILIES
def test_nodes_reach_pods(cluster, family):
    """The node itself, whose address towards other nodes' pods is Flannel's .0 address."""
    for node, remote in itertools.permutations(cluster.nodes, 2):
        pod = remote.pods[0]
        assert ping(node.namespace, pod.ip(family))[0] == 0
        assert ping(pod.namespace, node.address(family))[0] == 0


@FAMILIES
def test_tcp(ways, family):
    for source, target in ways:
        assert_transfer(source.namespace, target.namespace, target.ip(family), BULK)


@FAMILIES
def test_udp_in_fragments(ways, family):
    for source, target in ways:
        assert_datagrams(source.namespace, target.namespace, target.ip(family), SIZES)
