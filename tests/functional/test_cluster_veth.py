# SPDX-License-Identifier: Apache-2.0
"""A veth as the wire, as it is: the other kernel's checksums arrive unfinished and its super-frames
whole, inside tunnels, too. No network card does that, but clusters in namespaces do."""
import itertools

import pytest
from lib.cluster import Cluster
from lib.flannel_rules import HostGateway, Vxlan
from lib.transfer import assert_transfer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("backend", [HostGateway(), Vxlan()], ids=str)
def test_unfinished_frames(tmp_path, hugepages, backend):
    with Cluster(tmp_path, hugepages, "cp", backend, finished=False) as cluster:
        pods = cluster.start().add_pods()
        for family, (one, two) in itertools.product((4, 6), itertools.permutations(pods, 2)):
            assert_transfer(one.namespace, two.namespace, two.ip(family), 2_000_000)
        assert cluster.checksum_errors() == {}
        cluster.assert_balanced()
