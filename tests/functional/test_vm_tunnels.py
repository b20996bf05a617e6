# SPDX-License-Identifier: Apache-2.0
"""A guest's kernel as the other node, for what the kernel of the test machine may not have: IPIP.

Its card is the wire: the switch's end of the vhost-user port is an uplink.
"""
import pytest
from lib import wire
from lib.guest import Guest
from lib.guest_pod import IFNAME
from lib.qemu import VhostCard
from lib.traffic import ping
from lib.transfer import assert_transfer
from lib.vhost_port import VhostPort, give_addresses

pytestmark = pytest.mark.slow
UPLINK = 81
GUEST_MAC, UPLINK_MAC = "02:00:00:00:09:02", "02:00:00:00:09:01"
VTEP_MAC, PEER_MAC = "02:00:00:00:08:01", "02:00:00:00:08:02"
LOCAL, REMOTE = "192.0.2.1", "192.0.2.2"
UNDERLAY, TUNNEL = 10, 11
PODS, OTHER_PODS, OTHER_POD = "10.1.0.0/16", "10.99.0.0/16", "10.99.0.1"
SIZE = 2_000_000

# What the guest's kernel gets, and what the switch is told.
DEVICES = {
    "ipip": f"type ipip local {REMOTE} remote {LOCAL} ttl 64",
    "vxlan": f"address {PEER_MAC} type vxlan id 1 local {REMOTE} dstport 8472 nolearning",
}
VTEPS = {
    "ipip": {"kind": wire.TUNNEL_IPIP},
    "vxlan": {"kind": wire.TUNNEL_VXLAN, "udp_port": 8472},
}
OVERHEAD = {"ipip": 20, "vxlan": 50}


@pytest.fixture(scope="module")
def pod(dp):
    port = dp.add_port(1)
    give_addresses(port)
    port.namespace.ip(f"route add {OTHER_PODS} via 10.1.0.1")
    return port


@pytest.fixture(scope="module")
def node(dp, scratch):
    """The guest, whose address the underlay knows."""
    path = scratch / "node.sock"
    uplink = VhostPort(dp, UPLINK, path, UPLINK_MAC, flags=wire.UPLINK | wire.NO_FLOOD)
    dp.sock.set(uplink.item())
    guest = Guest(scratch, "tunnels", [VhostCard(path, GUEST_MAC, listens=True)])
    try:
        guest.start().wait_up()
        uplink.wait_up()
        guest.run(
            f"ip link set {IFNAME} up && ip addr add {REMOTE}/24 dev {IFNAME} && "
            f"ip neigh replace {LOCAL} lladdr {UPLINK_MAC} dev {IFNAME}"
        )
        guest.wait_carrier(IFNAME)
        yield guest
    finally:
        guest.close()


@pytest.fixture(params=DEVICES)
def tunnel(dp, pod, node, request):
    kind = request.param
    node.run(
        f"ip link add tun9 {DEVICES[kind]} && ip link set tun9 up && "
        f"ip addr add {OTHER_POD}/32 dev tun9 && "
        f"ip route add {PODS} via 10.1.0.1 dev tun9 onlink"
    )
    if kind == "vxlan":
        node.run(
            f"ip neigh add 10.1.0.1 lladdr {VTEP_MAC} dev tun9 nud permanent && "
            f"bridge fdb add {VTEP_MAC} dev tun9 dst {LOCAL}"
        )
    items = way(kind)
    dp.sock.set(*items)
    yield kind
    dp.sock.delete(*reversed(items))
    node.run("ip link del tun9")


def way(kind):
    """From the vtep to the route."""
    vtep = wire.Vtep.make(id=1, port=UPLINK, **VTEPS[kind])
    vtep.address, vtep.mac = wire.Ip.of(LOCAL), wire.mac_bytes(VTEP_MAC)
    underlay = wire.Nexthop.make(id=UNDERLAY, kind=wire.NH_PORT, port=UPLINK)
    underlay.mac = wire.mac_bytes(GUEST_MAC)
    nexthop = wire.Nexthop.make(id=TUNNEL, kind=wire.NH_TUNNEL, vtep=1, underlay=UNDERLAY)
    nexthop.via = wire.Ip.of(REMOTE)
    if kind == "vxlan":
        nexthop.mac = wire.mac_bytes(PEER_MAC)
    return [vtep, underlay, nexthop, wire.Route.make(nexthop=TUNNEL, prefix=wire.Ip.of(OTHER_PODS))]


def test_pods_talk_through_the_kernels_tunnel(dp, pod, node, tunnel):
    assert ping(pod.namespace, OTHER_POD)[0] == 0
    assert ping(node, pod.ip4)[0] == 0
    assert_transfer(pod.namespace, node, OTHER_POD, SIZE)
    assert_transfer(node, pod.namespace, pod.ip4, SIZE)
    received = node.run("cat /sys/class/net/tun9/statistics/rx_errors").stdout
    assert int(received) == 0
    dp.assert_balanced()


def test_path_mtu(pod, node, tunnel):
    """The largest packet passes with DF, one byte more is refused with the MTU of the tunnel."""
    mtu = 1500 - OVERHEAD[tunnel]
    largest = mtu - 28  # IP and ICMP headers
    pod.namespace.ip("route flush cache")
    pod.namespace.run("ping", "-c", 1, "-W", 5, "-M", "do", "-s", largest, OTHER_POD)
    run = pod.namespace.run(
        "ping", "-c", 1, "-W", 5, "-M", "do", "-s", largest + 1, OTHER_POD, check=False
    )
    assert run.returncode != 0 and f"mtu = {mtu}" in run.stdout.replace("mtu=", "mtu = "), run.stdout
