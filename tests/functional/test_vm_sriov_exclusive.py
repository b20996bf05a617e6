# SPDX-License-Identifier: Apache-2.0
"""A whole card taken by the switch: the node behind its host port stays on the wire, with the card's
MAC, an address of its own and its kernel's services."""
import pytest
from lib import sriov
from lib.netns import Namespace
from lib.node import Node
from lib.sriov_node import UPLINK
from lib.traffic import iperf, ping
from lib.wait import wait_until

pytestmark = [pytest.mark.slow, sriov.GUEST]
NETWORK = "wire"
NODE = {4: "172.31.9.2", 6: "fd00:39::2"}
OTHER = {4: "172.31.9.1", 6: "fd00:39::1"}  # a plain machine: the kernel on the near card
LENGTH = {4: 24, 6: 64}
READY_S = 60


@pytest.fixture(scope="module")
def other(sriov_node):
    """Namespace of the machine at the other end of the wire."""
    card = sriov_node.pf
    home, ifname = card.namespace, card.ifname()
    for family, address in OTHER.items():
        home.ip(f"addr add {address}/{LENGTH[family]} dev {ifname}" + " nodad" * (family == 6))
    yield home
    for family, address in OTHER.items():
        home.ip(f"addr del {address}/{LENGTH[family]} dev {ifname}")


@pytest.fixture(scope="module")
def node(sriov_node, other, scratch, hugepages):
    """Its card is the far one."""
    card = sriov_node.far
    mac = card.link()["address"]
    node = Node(scratch / "exclusive", hugepages, namespace=Namespace("node"))
    try:
        node.start()
        subnets = ",".join(f"{NODE[family]}/{LENGTH[family]}" for family in NODE)
        node.cwctl("network", "add", name=NETWORK, subnets=subnets, host="true", resolve="true")
        node.cwctl("port", "add", name=UPLINK, kind="nic", device=card.address, uplink="true",
                   network=NETWORK, bind=sriov.DPDK, mac=mac)  # fmt: skip
        wait_until(
            lambda: node.call("port.get", name=UPLINK)["state"] == "ready", "uplink", READY_S
        )
        yield node
        node.assert_alive()
        node.cwctl("port", "del", name=UPLINK)
        assert sriov.driver(card.address) == "igb"
    finally:
        node.close()
        wait_until(card.ifname, "the card's interface is back", READY_S)


@pytest.mark.parametrize("family", [4, 6])
def test_the_node_is_on_the_wire(node, other, family):
    assert ping(node.namespace, OTHER[family])[0] == 0
    assert ping(other, NODE[family])[0] == 0
    for client, server, address in (
        (other, node.namespace, NODE[family]),
        (node.namespace, other, OTHER[family]),
    ):
        end = iperf(server, client, address, seconds=1)
        assert end["sum_received"]["bytes"] > 0
