# SPDX-License-Identifier: Apache-2.0
"""Ports of kinds nic and vf by causewayd: drivers are given and come back."""
import pytest
from lib import sriov
from lib.netns import HomeNamespace
from lib.node import Node
from lib.rpc import RpcError
from lib.wait import wait_until

pytestmark = [pytest.mark.slow, sriov.GUEST]
MAC = "02:00:00:00:0b:01"
COMES_BACK_S = 120


@pytest.fixture(scope="module")
def cards():
    return sriov.cards()


@pytest.fixture(scope="module")
def node(scratch, hugepages):
    """In the guest's own namespace, where its cards are."""
    one = Node(scratch, hugepages, ["--mbufs", "4095", "--jumbos", "63"], HomeNamespace())
    try:
        yield one.start()
    finally:
        one.close()


def port(node, name="up0"):
    return node.call("port.get", name=name)


def wait_ready(node, name="up0"):
    wait_until(lambda: port(node, name)["state"] == "ready", f"{name} ready", timeout=COMES_BACK_S)


def refused(node, **params):
    with pytest.raises(RpcError) as error:
        node.call("port.add", name="up0", **params)
    return str(error.value)


def test_refusals_name_the_way_out(node, cards):
    card = cards[0]
    assert "needs a device" in refused(node, kind="nic")
    assert "no PCI device" in refused(node, kind="nic", device="0000:7f:00.0")
    said = refused(node, kind="nic", device=card.address)
    assert "kernel's driver igb" in said
    card.namespace.ip(f"addr add 192.0.2.1/24 dev {card.ifname()}")
    assert card.ifname() in refused(node, kind="nic", device=card.address)
    card.namespace.ip(f"addr del 192.0.2.1/24 dev {card.ifname()}")
    card.create_vfs(1)
    assert "has 1 VFs" in refused(node, kind="nic", device=card.address, bind="vfio-pci")


def test_vf_gets_its_driver_and_gives_it_back(node, cards):
    (vf,) = cards[0].create_vfs(1)
    vf.set(f"mac {MAC}")
    vf.bind(sriov.KERNEL)
    params = {"kind": "vf", "device": vf.address, "bind": "vfio-pci", "uplink": True}
    node.call("port.add", name="up0", **params)
    wait_ready(node)
    assert vf.driver() == sriov.DPDK
    shown = port(node)
    assert shown["mac"] == MAC and shown["former_driver"] == sriov.KERNEL and shown["routed"]
    node.call("port.add", name="up0", **params)  # the same again
    with pytest.raises(RpcError, match="belongs to port up0"):
        node.call("port.add", name="up1", **params)
    node.call("port.del", name="up0")
    assert vf.driver() == sriov.KERNEL
    cards[0].remove_vfs()


@pytest.fixture(scope="module")
def exclusive(node, cards):
    """The whole card is the switch's."""
    node.call("network.add", name="wire", subnets=["10.8.0.1/24"], resolve=True)
    cards[0].remove_vfs()
    node.call("port.add", name="up0", kind="nic", device=cards[0].address, bind="vfio-pci",
              uplink=True, network="wire")  # fmt: skip
    wait_ready(node)
    yield cards[0]
    node.call("port.del", name="up0")
    assert sriov.driver(cards[0].address) == "igb"


def test_data_plane_comes_back_with_the_card(node, exclusive):
    node.dp.kill()
    node.start_dp()
    node.wait_connected()
    wait_ready(node)


def test_card_is_pulled_out_and_put_back(node, exclusive):
    """Its kernel driver takes it first; causewayd gives it back to the switch."""
    (exclusive.path / "remove").write_text("1")
    wait_until(lambda: port(node)["state"] == "gone", "port gone", timeout=COMES_BACK_S)
    (sriov.SYS / "rescan").write_text("1")
    wait_ready(node)
    assert sriov.driver(exclusive.address) == sriov.DPDK


def test_crash_of_both_daemons_leaves_the_card_to_be_given_back(node, exclusive):
    node.dp.kill()
    node.control.kill()
    assert sriov.driver(exclusive.address) == sriov.DPDK
    node.start_dp()
    node.start_control()
    node.wait_connected()
    wait_ready(node)
    assert port(node)["former_driver"] == "igb"
