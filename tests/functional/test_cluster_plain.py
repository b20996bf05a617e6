# SPDX-License-Identifier: Apache-2.0
"""The cluster's rules among plain nodes alone: what the others are measured by works by itself."""
import pytest
from lib.cluster import Cluster
from lib.flannel_rules import HostGateway, Vxlan
from lib.traffic import is_silent, ping
from lib.transfer import assert_transfer


@pytest.mark.parametrize("backend", [HostGateway(), Vxlan()], ids=str)
def test_plain_nodes_reach_each_other(scratch, backend):
    with Cluster(scratch, False, "pp", backend) as cluster:
        cluster.start()
        one, two = cluster.nodes
        red, green = one.pod("red"), two.pod("green")
        for family in (4, 6):
            assert ping(red.namespace, green.ip(family))[0] == 0
            assert ping(one.namespace, green.ip(family))[0] == 0
            assert_transfer(red.namespace, green.namespace, green.ip(family), 1_000_000)
        assert cluster.checksum_errors() == {}
        backend.del_remote(two, one)
        assert is_silent(red.namespace, green.ip(4))
