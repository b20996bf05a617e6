# SPDX-License-Identifier: Apache-2.0
"""Path MTU discovery across nodes: pods may send more than the wire and the tunnel on it take, and
are told so in inner terms. Every pair of nodes, by every backend."""
import itertools

import pytest
from lib.cluster import Cluster
from lib.flannel_rules import HostGateway, Vxlan
from lib.flows import path_mtu
from lib.transfer import assert_transfer

pytestmark = pytest.mark.slow
PAIRS = ("cc", "cp", "pp")
WIRE_MTU, POD_MTU = 1400, 1500


@pytest.mark.parametrize("backend", [HostGateway(), Vxlan()], ids=str)
@pytest.mark.parametrize("kinds", PAIRS)
def test_path_mtu(tmp_path, hugepages, kinds, backend):
    with Cluster(tmp_path, hugepages, kinds, backend, mtu=WIRE_MTU) as cluster:
        cluster.start(POD_MTU)
        pods = cluster.add_pods()
        for family, (one, two) in itertools.product((4, 6), itertools.permutations(pods, 2)):
            expected = WIRE_MTU - backend.overhead[family]
            address = two.ip(family)
            assert path_mtu(one.namespace, two.namespace, address, POD_MTU) == expected
            assert_transfer(one.namespace, two.namespace, address, 1_000_000)
        assert cluster.checksum_errors() == {}
        cluster.assert_balanced()
