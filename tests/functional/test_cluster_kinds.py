# SPDX-License-Identifier: Apache-2.0
"""What the matrix of test_cluster.py leaves out: uplinks of kind af_xdp, and a kernel that sends
VXLAN over IPv4 without UDP checksums."""
import itertools

import pytest
from lib.cluster import Cluster
from lib.flannel_rules import HostGateway, Vxlan
from lib.flows import assert_datagrams
from lib.traffic import ping
from lib.transfer import assert_transfer

pytestmark = pytest.mark.slow
CASES = {
    "af_xdp-host-gw": ("cp", HostGateway(), {"uplink": "af_xdp"}),
    "af_xdp-vxlan": ("cp", Vxlan(), {"uplink": "af_xdp"}),
    "af_xdp-both-vxlan": ("cc", Vxlan(), {"uplink": "af_xdp"}),
    "no-outer-checksum": ("cp", Vxlan(4, checksum=False), {}),
}
BULK = 2_000_000
SIZES = (1, 1400, 4000)


@pytest.mark.parametrize("case", CASES)
def test_pods_talk(tmp_path, hugepages, case):
    kinds, backend, options = CASES[case]
    with Cluster(tmp_path, hugepages, kinds, backend, **options) as cluster:
        pods = cluster.start().add_pods()
        ways = itertools.permutations(pods, 2)
        for family, (source, target) in itertools.product(backend.families, ways):
            assert ping(source.namespace, target.ip(family))[0] == 0
            assert_transfer(source.namespace, target.namespace, target.ip(family), BULK)
            assert_datagrams(source.namespace, target.namespace, target.ip(family), SIZES)
        assert cluster.checksum_errors() == {}
        cluster.assert_balanced()
