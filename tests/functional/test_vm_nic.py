# SPDX-License-Identifier: Apache-2.0
"""Ports on cards and VFs of their own, by DPDK: traffic, and what happens to the device below them."""
import pytest
from lib import sriov, wire
from lib.dataplane import DataPlane
from lib.netns import Namespace
from lib.traffic import ping
from lib.wait import wait_until

pytestmark = [pytest.mark.slow, sriov.GUEST]
UPLINK, POD = 1, 11
MAC = "02:00:00:00:0a:01"
LINK = {4: "10.9.0.{}", 6: "fd00:9::{}"}
PREFIX = {4: 24, 6: 64}
SUBNETS = ("10.9.0.1/24", "fd00:9::1/64", "10.1.0.1/16", "fd00:1::1/64")
PODS = {4: "10.1.0.0/16", 6: "fd00:1::/64"}
FAMILIES = pytest.mark.parametrize("family", [4, 6])
COMES_BACK_S = 120


@pytest.fixture(scope="module")
def cards():
    return sriov.cards()


@pytest.fixture(scope="module")
def far(cards):
    """The other end of the wire: a router's neighbour, with a kernel's stack."""
    card = cards[1].move(Namespace("far"))
    namespace = card.namespace
    for family, address in LINK.items():
        prefix = f"{address.format(9)}/{PREFIX[family]}"
        namespace.ip(f"addr add {prefix} dev {card.ifname()}" + " nodad" * (family == 6))
    card.up()
    for family, prefix in PODS.items():
        namespace.ip(f"-{family} route add {prefix} via {LINK[family].format(1)}")
    yield card
    card.move(cards[0].namespace)
    namespace.close()


@pytest.fixture(scope="module")
def dp(scratch, hugepages):
    data_plane = DataPlane(scratch, hugepages, "--mbufs", "4095", "--jumbos", "63")
    try:
        data_plane.add_network(subnets=SUBNETS, flags=wire.NETWORK_RESOLVE)
        yield data_plane
    finally:
        data_plane.close()


@pytest.fixture(scope="module")
def pod(dp):
    port = dp.add_port(POD)
    namespace = port.namespace
    for key, value in (("accept_dad", 0), ("disable_ipv6", 0)):
        namespace.sysctl(f"net/ipv6/conf/{port.ifname}/{key}", value)
    for address in (f"{port.ip4}/16", f"{port.ip6}/64"):
        namespace.ip(f"addr add {address} dev {port.ifname}" + " nodad" * (":" in address))
    for family, router in ((4, "10.1.0.1"), (6, "fd00:1::1")):
        namespace.ip(f"-{family} route add default via {router}")
    return port


@pytest.fixture(scope="module")
def vf(cards):
    (one,) = cards[0].create_vfs(1)
    one.set(f"mac {MAC}")
    one.bind(sriov.DPDK)
    yield one
    cards[0].remove_vfs()


def port_item(kind, args, **values):
    values = {"id": UPLINK, "kind": kind, "name": b"uplink0", "args": args.encode()} | values
    return wire.Port.make(flags=wire.UPLINK, network=0, **values)


@pytest.fixture(scope="module")
def uplink(dp, vf):
    dp.sock.set(port_item(wire.PORT_VF, f"device={vf.address}"))
    dp.wait_port_up(UPLINK)
    yield vf
    dp.sock.delete(wire.Port.make(id=UPLINK))


def assert_traffic(pod, far):
    for family, address in LINK.items():
        assert ping(pod.namespace, address.format(9))[0] == 0
        assert ping(far.namespace, pod.ip4 if family == 4 else pod.ip6)[0] == 0


def test_a_vf_of_the_kernel_is_refused(dp, cards, vf):
    vf.bind(sriov.KERNEL)
    with pytest.raises(wire.Refused, match="bind it to vfio-pci"):
        dp.sock.set(port_item(wire.PORT_VF, f"device={vf.address}"))
    vf.bind(sriov.DPDK)


def test_a_device_that_is_not_there_is_refused(dp):
    with pytest.raises(wire.Refused, match="there is no PCI device"):
        dp.sock.set(port_item(wire.PORT_VF, "device=0000:7f:00.0"))


def test_the_vf_tells_its_address(dp, uplink):
    assert bytes(dp.sock.port_info(UPLINK).mac) == bytes(wire.mac_bytes(MAC))


@FAMILIES
def test_pods_reach_the_wire(dp, pod, far, uplink, family):
    assert ping(pod.namespace, LINK[family].format(9))[0] == 0
    assert ping(far.namespace, pod.ip4 if family == 4 else pod.ip6)[0] == 0
    dp.assert_balanced()


def wait_state(dp, state):
    wait_until(
        lambda: dp.port_infos()[UPLINK].state == state, f"uplink state {state}", timeout=COMES_BACK_S
    )


def assert_comes_back(dp, pod, far):
    wait_state(dp, wire.UP)
    for family, address in LINK.items():
        wait_until(
            lambda a=address: ping(pod.namespace, a.format(9), count=1)[0] == 0,
            f"IPv{family} over the uplink again", timeout=COMES_BACK_S,
        )  # fmt: skip
        assert ping(far.namespace, pod.ip4 if family == 4 else pod.ip6)[0] == 0


def test_link_goes_and_comes_back(dp, cards, pod, far, uplink):
    """With its PF down a VF has no link; up again, the PF has reset it."""
    cards[0].namespace.ip(f"link set {cards[0].ifname()} down")
    wait_state(dp, wire.DOWN)
    cards[0].up()
    assert_comes_back(dp, pod, far)


def test_pf_negotiates_anew(dp, cards, pod, far, uplink):
    """It resets itself and its VFs."""
    cards[0].namespace.run("ethtool", "-r", cards[0].ifname())
    cards[0].up()
    assert_comes_back(dp, pod, far)


def test_vf_is_taken_away_and_back(dp, cards, pod, far, uplink):
    """The kernel waits until the data plane lets the device go."""
    cards[0].remove_vfs()
    wait_state(dp, wire.GONE)
    (again,) = cards[0].create_vfs(1)
    again.set(f"mac {MAC}")
    again.bind(sriov.DPDK)
    assert_comes_back(dp, pod, far)
    dp.daemon.assert_alive()


@pytest.fixture(scope="module")
def whole_card(dp, cards, vf, uplink):
    """The PF itself, after the VF."""
    dp.sock.delete(wire.Port.make(id=UPLINK))
    card = cards[0]
    card.remove_vfs()
    sriov.bind(card.address, sriov.DPDK)
    dp.sock.set(port_item(wire.PORT_NIC, f"device={card.address}"))
    wait_state(dp, wire.UP)
    yield card
    dp.sock.delete(wire.Port.make(id=UPLINK))
    sriov.bind(card.address, "igb")


def test_whole_card_carries_pods(dp, pod, far, whole_card):
    assert_comes_back(dp, pod, far)
    assert_traffic(pod, far)


def test_card_is_pulled_out_and_put_back(dp, pod, far, whole_card):
    (whole_card.path / "remove").write_text("1")
    wait_state(dp, wire.GONE)
    (sriov.SYS / "rescan").write_text("1")
    sriov.bind(whole_card.address, sriov.DPDK)
    assert_comes_back(dp, pod, far)
    assert_traffic(pod, far)
