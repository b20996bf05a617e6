# SPDX-License-Identifier: Apache-2.0
"""Routes of the kernel are routes of the data plane: written by plain ip(8), lost by the kernel
without a word, overrun, restarted."""
import os
import random

import pytest
from lib.mirror import NODE, PEER, PEER6, MirrorNode, prefixes
from lib.raw import RawSocket
from lib.wait import wait_until
from scapy.layers.l2 import ARP

# 100000 in the test by hand and of a release; fewer where others wait for the machine.
ROUTES = int(os.environ.get("CAUSEWAY_MIRROR_ROUTES", "3000"))
PEER_MAC = "02:00:00:00:77:02"


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
    yield
    for family in ("", "-6 "):
        for protocol in ("bird", "boot", "static", "bgp"):
            node.ip(f"{family}route flush table main proto {protocol}")
    node.ip("nexthop flush")
    node.assert_equal()
    assert wait_until(lambda: node.objects("nexthop") == [], "no next hops left")


def test_flush_and_replay(node):
    routes = [f"route add {prefix} via {PEER} proto bird" for prefix in prefixes(ROUTES)]
    routes += [f"route add fd20:{i:x}::/48 via {PEER6} proto bgp" for i in range(ROUTES // 10)]
    node.batch(routes)
    node.assert_equal()
    assert len(node.mirrored_routes()) == len(routes)
    node.ip("route flush table main proto bird")
    node.ip("-6 route flush table main proto bgp")
    node.assert_equal()
    assert node.mirrored_routes() == {}
    node.batch(routes)
    node.assert_equal()


def test_many_changes(node):
    """Adds, replaces and deletes in a random order, faster than anybody would."""
    rng = random.Random(77)
    present, lines = set(), []
    choice = prefixes(max(ROUTES // 10, 100))
    for _ in range(ROUTES):
        prefix = rng.choice(choice)
        if prefix in present and rng.random() < 0.4:
            lines.append(f"route del {prefix}")
            present.discard(prefix)
        else:
            lines.append(f"route replace {prefix} via 192.168.77.{rng.randint(2, 9)} proto bird")
            present.add(prefix)
    node.batch(lines)
    node.assert_equal()
    assert set(node.mirrored_routes()) == present


def test_gateway_is_resolved_by_the_kernel(node):
    """Nobody else asks for it: the node itself sends nothing there."""
    node.ip("neigh flush dev eth0")
    node.ip(f"route add 10.1.0.0/24 via {PEER} proto bird")
    node.ip(f"-6 route add fd10:1::/48 via {PEER6} proto bird")
    mac = node.peer.mac("eth0")
    route = node.wait_route("10.1.0.0/24", kind="port", mac=mac, via=PEER)
    assert route["origin"] == "mirror:bird"
    node.wait_route("fd10:1::/48", kind="port", mac=mac, via=PEER6)
    node.peer.ip(f"link set eth0 address {PEER_MAC}")
    node.ip("neigh flush dev eth0")
    node.wait_route("10.1.0.0/24", mac=PEER_MAC)
    node.peer.ip(f"link set eth0 address {mac}")


def test_a_mac_behind_many_routes(node):
    """One next hop changes, however many routes lead to it."""
    node.ip(f"neigh replace {PEER} lladdr {PEER_MAC} nud permanent dev eth0")
    node.batch(f"route add {prefix} via {PEER} proto bird" for prefix in prefixes(ROUTES))
    node.assert_equal()
    node.wait_route("20.0.0.0/24", mac=PEER_MAC)
    before = node.mirror()["changes"]
    node.ip(f"neigh replace {PEER} lladdr 02:00:00:00:77:03 nud permanent dev eth0")
    node.wait_route("20.0.0.0/24", mac="02:00:00:00:77:03")
    wait_until(lambda: node.mirror()["synced"], "mirror at rest")
    assert node.mirror()["changes"] == before + 1
    node.ip(f"neigh del {PEER} dev eth0")


def test_device_goes_down(node):
    """The kernel takes IPv4 routes away without telling anybody."""
    node.batch(f"route add {prefix} via {PEER} proto bird" for prefix in prefixes(100))
    node.ip(f"-6 route add fd20::/48 via {PEER6} proto bird")
    node.assert_equal()
    node.ip("link set eth0 down")
    wait_until(lambda: node.mirrored_routes() == {}, "no routes left")
    node.assert_equal()
    node.ip("link set eth0 up")
    node.ip("addr replace fd00:77::1/64 dev eth0 nodad")
    node.ip(f"route add 10.1.0.0/24 via {PEER} proto bird")
    node.wait_route("10.1.0.0/24", kind="port", mac=node.peer.mac("eth0"))
    node.assert_equal()


def test_flaps(node):
    for i in range(12):
        node.ip("link set eth0 down")
        node.ip("link set eth0 up")
        node.ip(f"route replace 10.1.{i}.0/24 via {PEER} proto bird")
    node.ip("addr replace fd00:77::1/64 dev eth0 nodad")
    node.assert_equal()
    assert set(node.mirrored_routes()) == {"10.1.11.0/24"}


def test_source_address_goes(node):
    """So do routes whose source is an address that is taken away."""
    node.ip("addr add 192.168.77.200/24 dev eth0")
    node.ip(f"route add 10.1.0.0/24 via {PEER} src 192.168.77.200 proto bird")
    node.ip(f"route add 10.2.0.0/24 via {PEER} src {NODE} proto bird")
    node.assert_equal()
    node.ip("addr del 192.168.77.200/24 dev eth0")
    node.wait_no_route("10.1.0.0/24")
    node.assert_equal()
    assert set(node.mirrored_routes()) == {"10.2.0.0/24"}


def test_nexthop_objects(node):
    """Routes by object: the object changes and its routes are not told, it goes and takes them."""
    node.ip(f"nexthop add id 5 via {PEER} dev eth0")
    node.ip("nexthop add id 6 via 192.168.77.3 dev eth0")
    node.ip("nexthop add id 9 group 5,1/6,3")
    node.ip("route add 10.1.0.0/24 nhid 9 proto bgp")
    route = node.wait_route("10.1.0.0/24", kind="group", origin="mirror:frr")
    assert sorted(member["weight"] for member in route["members"]) == [1, 3]
    node.ip("nexthop replace id 9 group 6")
    node.wait_route("10.1.0.0/24", kind="port", via="192.168.77.3")
    node.ip("nexthop replace id 6 via 192.168.77.4 dev eth0")
    node.wait_route("10.1.0.0/24", kind="port", via="192.168.77.4")
    node.ip("nexthop del id 9")
    node.wait_no_route("10.1.0.0/24")
    node.assert_equal()


def test_routes_side_by_side(node):
    """One prefix, several routes: by metric, appended, and IPv6 hops that come one by one."""
    node.ip(f"route add 10.1.0.0/24 via {PEER} proto bird metric 20")
    node.ip("route add 10.1.0.0/24 via 192.168.77.3 proto bird metric 10")
    node.wait_route("10.1.0.0/24", via="192.168.77.3")
    node.ip("route append 10.1.0.0/24 via 192.168.77.4 proto bird metric 10")
    node.assert_equal()
    node.ip("route del 10.1.0.0/24 via 192.168.77.3 metric 10")
    node.wait_route("10.1.0.0/24", via="192.168.77.4")
    node.ip("route del 10.1.0.0/24 metric 10")
    node.wait_route("10.1.0.0/24", via=PEER)
    node.ip(f"-6 route add fd20::/48 via {PEER6} proto bird")
    node.ip("-6 route append fd20::/48 via fd00:77::3 proto bird")
    node.ip("-6 route append fd20::/48 via fd00:77::4 proto bird")
    node.wait_gateways("fd20::/48", 3)
    node.ip("-6 route del fd20::/48 via fd00:77::3")
    node.wait_gateways("fd20::/48", 2)
    node.assert_equal()


def test_configured_routes_win(node):
    node.ip(f"route add 10.1.0.0/24 via {PEER} proto bird")
    node.wait_route("10.1.0.0/24", origin="mirror:bird")
    node.cwctl("route", "add", prefix="10.1.0.0/24", kind="blackhole")
    node.wait_route("10.1.0.0/24", origin="static", kind="blackhole")
    # The kernel's changes meanwhile, and is the one that comes back.
    node.ip("route replace 10.1.0.0/24 via 192.168.77.5 proto bird")
    node.wait_route("10.1.0.0/24", origin="static")
    assert node.namespace.run(*node.cwctl.command("route", "del", "prefix=10.1.0.0/24"))
    node.wait_route("10.1.0.0/24", origin="mirror:bird", via="192.168.77.5")
    refused = node.cwctl.run("route", "del", "prefix=10.1.0.0/24", check=False)
    assert refused.returncode != 0 and "comes from mirror:bird" in refused.stderr


def test_tables_of_networks(node):
    node.cwctl("network", "add", name="blue", table=100)
    node.ip(f"route add 10.1.0.0/24 via {PEER} table 100 proto bird")
    route = node.wait_route("10.1.0.0/24", network="blue")
    assert route["via"] == PEER
    node.ip("route flush table 100")
    node.wait_no_route("10.1.0.0/24")
    wait_until(lambda: node.objects("nexthop") == [], "no next hops left")
    node.cwctl("network", "del", name="blue")


def test_restart_changes_nothing(node):
    """The data plane keeps its routes over a restart of causewayd, and their next hops."""
    node.batch(f"route add {prefix} via {PEER} proto bird" for prefix in prefixes(200))
    node.ip(f"route add 10.1.0.0/24 proto bird nexthop via {PEER} nexthop via 192.168.77.3")
    node.assert_equal()
    before = {one["prefix"]: one["nexthop"] for one in node.objects("route")}
    node.control.kill()
    node.ip("route del 20.0.0.0/24")
    node.start_control()
    node.wait_connected()
    node.assert_equal()
    del before["20.0.0.0/24"]
    assert {one["prefix"]: one["nexthop"] for one in node.objects("route")} == before
    # Once more with the other one.
    node.dp.kill()
    node.ip("route del 20.0.1.0/24")
    node.start_dp()
    node.wait_connected()
    node.assert_equal()


def test_uplink_goes(node):
    node.ip(f"route add 10.1.0.0/24 via {PEER} proto bird")
    node.wait_route("10.1.0.0/24", kind="port")
    node.cwctl("port", "del", name="up")
    node.wait_no_route("10.1.0.0/24")
    node.cwctl("port", "add", name="up", kind="af_packet", ifname="eth0", uplink="true")
    node.wait_route("10.1.0.0/24", kind="port")


def test_policy_rules_are_said(node):
    """They are not followed, but nobody is left to find out."""
    assert wait_until(lambda: node.mirror()["rules"] == 0, "the kernel's own do not count")
    node.ip("rule add from 10.1.9.0/24 lookup 77")
    node.ip("-6 rule add fwmark 7 lookup 77")
    wait_until(lambda: node.mirror()["rules"] == 2, "both are counted")
    node.ip("rule del from 10.1.9.0/24 lookup 77")
    node.ip("-6 rule del fwmark 7 lookup 77")
    wait_until(lambda: node.mirror()["rules"] == 0, "none are left")


def test_overrun(scratch, hugepages):
    """Messages are lost while nobody reads: everything is read again."""
    node = MirrorNode(scratch / "o", hugepages, "--mirror-buffer", "4096")
    try:
        node.start()
        node.batch(f"route add {prefix} via {PEER} proto bird" for prefix in prefixes(3000))
        node.batch(f"route del {prefix}" for prefix in prefixes(1000))
        node.assert_equal()
        assert len(node.mirrored_routes()) == 2000
        assert node.mirror()["overruns"] > 0
    finally:
        node.close()


def test_interrupted_dumps(scratch, hugepages):
    """What is read while it changes may be inconsistent, says the kernel: it is read once more."""
    node = MirrorNode(scratch / "i", hugepages, "--mirror-audit", "1")
    addresses = [f"10.200.{i // 250}.{i % 250 + 1}/32 dev lo" for i in range(2000)]
    churn = scratch / "churn"
    churn.write_text("addr add 10.201.0.1/32 dev lo\naddr del 10.201.0.1/32 dev lo\n" * 1000)
    try:
        node.start()
        node.batch(f"addr add {address}" for address in addresses)
        node.batch(f"route add {prefix} via {PEER} proto bird" for prefix in prefixes(500))
        forever = f"while :; do ip -batch {churn}; done"
        with node.namespace.background("bash", "-c", forever, timeout=200):
            wait_until(lambda: node.mirror()["interrupted"] > 0, "an interrupted dump", 120)
        node.assert_equal()
        wait_until(
            lambda: node.mirror()["addresses"] >= len(addresses), "all addresses are known"
        )
    finally:
        node.close()


def test_kernel_asks_when_a_packet_wants_it(scratch, hugepages):
    """A gateway that did not answer is given up by the kernel; a packet for it makes the switch
    say that it is wanted, and the kernel ask again, on the wire."""
    node = MirrorNode(scratch / "w", hugepages)
    silent = "192.168.77.9"
    try:
        node.start()
        pod = node.pod("p")
        wire = RawSocket(node.peer, "eth0")
        node.ip(f"route add 10.77.0.0/24 via {silent} proto bird")
        wait_until(lambda: "FAILED" in node.ip(f"neigh show {silent} dev eth0"), "given up")
        node.wait_route("10.77.0.0/24", via=silent)
        while wire.receive_packet(0):
            pass  # what the kernel asked before
        with pod.namespace.background("ping", "-i", "0.5", "10.77.0.5"):
            asked = wire.receive(lambda p: ARP in p and p[ARP].pdst == silent, timeout=20)
            assert asked[ARP].hwsrc == node.namespace.mac("eth0")
            node.peer.ip(f"addr add {silent}/24 dev eth0")
            node.wait_route("10.77.0.0/24", mac=node.peer.mac("eth0"))
        wire.close()
    finally:
        node.close()
