# SPDX-License-Identifier: Apache-2.0
"""Tunnels of the kernel are tunnels of the data plane: set up as flanneld does it, every link of the
chain changed in turn, stations behind other nodes."""
import pytest
from lib.mirror import NODE, PEER, PEER6, MirrorNode
from lib.wait import wait_until

POD_NET, PEER_VTEP, PEER_VTEP_MAC = "10.244.2.0/24", "10.244.2.0", "02:00:00:00:10:02"


@pytest.fixture(scope="module")
def node(scratch, hugepages):
    node = MirrorNode(scratch / "m", hugepages)
    try:
        yield node.start()
        node.assert_alive()
    finally:
        node.close()


@pytest.fixture(autouse=True)
def nothing_left(node):
    """What the kernel's devices brought goes with them."""
    yield
    for link in node.namespace.ip_json("link show type vxlan"):
        node.ip(f"link del {link['ifname']}")
    for kind in ("route", "fdb", "neighbor", "nexthop", "vtep"):
        wait_until(lambda kind=kind: node.objects(kind) == [], f"no {kind} left")


def add_flannel(node, mac="02:00:00:00:10:01"):
    """In flanneld's order: device, neighbour, FDB entry, route."""
    node.ip(
        f"link add flannel.1 address {mac} type vxlan id 1 dstport 8472 local {NODE} "
        "dev eth0 nolearning"
    )
    node.ip("addr add 10.244.1.0/32 dev flannel.1")
    node.ip("link set flannel.1 up")
    node.ip(f"neigh replace {PEER_VTEP} lladdr {PEER_VTEP_MAC} nud permanent dev flannel.1")
    node.bridge(f"fdb append {PEER_VTEP_MAC} dev flannel.1 dst {PEER} self permanent")
    node.ip(f"route replace {POD_NET} via {PEER_VTEP} dev flannel.1 onlink proto boot")


def tunnel_route(node, **wanted):
    return node.wait_route(POD_NET, kind="tunnel", vtep="flannel.1", **wanted)


def nexthop(node, number):
    return node.call("nexthop.get", id=number)


def wait_underlay(node, **wanted):
    """The next hop that the tunnel's packets take."""

    def found():
        route = node.route(POD_NET)
        if not route or "underlay" not in route:
            return None
        underlay = nexthop(node, route["underlay"])
        return underlay if wanted.items() <= underlay.items() else None

    return wait_until(found, f"underlay {wanted}")


def test_flannel(node):
    add_flannel(node)
    route = tunnel_route(node, remote=PEER, mac=PEER_VTEP_MAC, vni=1, state="ready")
    assert (route["origin"], route["mtu"]) == ("mirror:flannel", 1450)
    wait_underlay(node, kind="port", via=PEER, mac=node.peer.mac("eth0"))

    def is_whole():
        vtep = node.call("vtep.get", name="flannel.1")
        return vtep if vtep["own"] == ["10.244.1.0"] else None

    vtep = wait_until(is_whole, "the vtep with its own address")
    assert vtep["mac"] == "02:00:00:00:10:01" and vtep["checksum"] and vtep["uplink"] == "up"
    assert (vtep["address"], vtep["udp_port"]) == (NODE, 8472)


def test_every_link_of_the_chain(node):
    add_flannel(node)
    number = tunnel_route(node, remote=PEER)["nexthop"]
    # The peer's vtep has another MAC, and then no FDB entry for it.
    node.ip(f"neigh replace {PEER_VTEP} lladdr 02:00:00:00:10:22 nud permanent dev flannel.1")
    node.wait_route(POD_NET, kind="unreachable")
    node.bridge(f"fdb append 02:00:00:00:10:22 dev flannel.1 dst {PEER} self permanent")
    tunnel_route(node, mac="02:00:00:00:10:22", remote=PEER)
    # The peer moves, behind a router.
    node.bridge("fdb replace 02:00:00:00:10:22 dev flannel.1 dst 172.30.0.2 self permanent")
    node.wait_route(POD_NET, kind="unreachable")
    node.ip(f"route add 172.30.0.0/16 via {PEER}")
    tunnel_route(node, remote="172.30.0.2")
    wait_underlay(node, via=PEER, mac=node.peer.mac("eth0"))
    node.ip("route replace 172.30.0.0/16 via 192.168.77.9")
    wait_underlay(node, via="192.168.77.9")
    node.ip("neigh replace 192.168.77.9 lladdr 02:00:00:00:77:09 nud permanent dev eth0")
    wait_underlay(node, mac="02:00:00:00:77:09")
    node.ip(f"neigh del {PEER_VTEP} dev flannel.1")
    node.wait_route(POD_NET, kind="unreachable")
    assert node.route(POD_NET)["nexthop"] == number
    node.ip("route del 172.30.0.0/16")


def test_device_is_made_anew(node):
    """flanneld deletes its device and makes another when its configuration changes."""
    add_flannel(node)
    tunnel_route(node)
    node.ip("link set flannel.1 down")
    node.wait_no_route(POD_NET)
    node.ip("link del flannel.1")
    wait_until(lambda: node.objects("vtep") == [], "no vtep left")
    add_flannel(node, "02:00:00:00:10:77")
    tunnel_route(node)
    assert node.call("vtep.get", name="flannel.1")["mac"] == "02:00:00:00:10:77"


def test_direct_routing(node):
    """A route leaves the tunnel for the wire and comes back."""
    add_flannel(node)
    tunnel_route(node)
    node.ip(f"route replace {POD_NET} via {PEER} proto boot")
    node.wait_route(POD_NET, kind="port", via=PEER)
    node.ip(f"route replace {POD_NET} via {PEER_VTEP} dev flannel.1 onlink proto boot")
    tunnel_route(node)


def test_ipv6_underlay(node):
    node.ip(
        f"link add vx6 type vxlan id 1 dstport 8472 local fd00:77::1 dev eth0 nolearning"
    )
    node.ip("addr add fd00:244:1::/128 dev vx6 nodad")
    node.ip("link set vx6 up")
    node.ip(f"neigh replace fd00:244:2:: lladdr {PEER_VTEP_MAC} nud permanent dev vx6")
    node.bridge(f"fdb append {PEER_VTEP_MAC} dev vx6 dst {PEER6} self permanent")
    node.ip("-6 route replace fd00:244:2::/64 via fd00:244:2:: dev vx6 onlink")
    route = node.wait_route("fd00:244:2::/64", kind="tunnel", remote=PEER6, state="ready")
    assert route["mtu"] == 1430


def test_stations_behind_other_nodes(node):
    """L2: a device with a network's VNI; stations, the flood list, neighbours, a group."""
    node.cwctl("network", "add", name="l2", vni=100)
    node.ip(f"link add vx100 type vxlan id 100 dstport 4789 local {NODE} dev eth0 nolearning")
    node.ip("link set vx100 up")
    node.bridge(f"fdb append 00:00:00:00:00:00 dev vx100 dst {PEER} self permanent")
    node.bridge("fdb append 00:00:00:00:00:00 dev vx100 dst 192.168.77.3 self permanent")
    node.bridge(f"fdb append 02:00:00:00:22:02 dev vx100 dst {PEER} self permanent")
    node.ip("neigh add 10.99.0.2 lladdr 02:00:00:00:22:02 nud permanent dev vx100")

    def remotes():
        entries = node.objects("fdb")
        assert all(one["state"] == "ready" and one["network"] == "l2" for one in entries), entries
        return sorted((one["mac"], one["remote"]) for one in entries)

    flood = [("00:00:00:00:00:00", PEER), ("00:00:00:00:00:00", "192.168.77.3")]
    wait_until(lambda: remotes() == flood + [("02:00:00:00:22:02", PEER)], "three entries")
    wait_until(
        lambda: [(one["ip"], one["remote"]) for one in node.objects("neighbor")]
        == [("10.99.0.2", PEER)],
        "a neighbour",
    )
    node.bridge("fdb replace 02:00:00:00:22:02 dev vx100 dst 192.168.77.3 self permanent")
    node.bridge(f"fdb del 00:00:00:00:00:00 dev vx100 dst {PEER} self")
    moved = [("00:00:00:00:00:00", "192.168.77.3"), ("02:00:00:00:22:02", "192.168.77.3")]
    wait_until(lambda: remotes() == moved, "the station moved")
    node.ip("link add vx200 type vxlan id 200 dstport 4790 group 239.1.1.1 dev eth0")
    node.ip("link set vx200 up")
    node.cwctl("network", "add", name="mc", vni=200)
    wait_until(
        lambda: [one["remote"] for one in node.objects("fdb") if one["network"] == "mc"]
        == ["239.1.1.1"],
        "the group in the flood list",
    )
    assert node.call("vtep.get", name="vx200")["groups"] == ["239.1.1.1"]
    assert all(one["state"] == "ready" for one in node.objects("nexthop"))
    for device in ("vx100", "vx200"):
        node.ip(f"link del {device}")
    wait_until(lambda: node.objects("fdb") == [], "nothing left")
    wait_until(lambda: node.objects("nexthop") == [], "no next hops left")
    for network in ("l2", "mc"):
        node.cwctl("network", "del", name=network)


def test_configured_tunnels_find_their_way(node):
    """A tunnel by hand says whither; how to get there is in the kernel's tables."""
    node.cwctl("vtep", "add", name="mine", kind="vxlan", address=NODE, udp_port=5555)
    node.cwctl("route", "add", prefix="10.50.0.0/16", vtep="mine", remote=PEER,
        mac="02:00:00:00:50:01")

    def underlay():
        number = node.route("10.50.0.0/16").get("underlay")
        return nexthop(node, number) if number else None

    mac = node.peer.mac("eth0")
    wait_until(lambda: (underlay() or {}).get("mac") == mac, "the underlay's MAC")
    assert underlay()["via"] == PEER and node.route("10.50.0.0/16")["origin"] == "static"
    node.cwctl("route", "del", prefix="10.50.0.0/16")
    node.cwctl("vtep", "del", name="mine")
