# SPDX-License-Identifier: Apache-2.0
"""An uplink of kind ring: DPDK's net_ring gives back what it is given, so that both ends of a tunnel
over it are this switch's, in two networks."""
import pytest
from lib import wire
from lib.frames import udp4, udp6

MAC = "02:00:00:00:31:31"
UPLINK, UNDERLAY = 31, 9  # port, network
ENDS = {1: "192.0.2.1", 2: "192.0.2.2"}  # vteps
HOP, TUNNEL = 40, 41
OTHER = 1  # network at the far end, VNI 2


@pytest.fixture(scope="module")
def pods(dp):
    """One in each network; the second is a station behind the tunnel for the first."""
    dp.add_network(OTHER, "other")
    dp.add_network(UNDERLAY, "underlay", subnets=())
    pods = dp.add_port(1), dp.add_port(2, network=OTHER)
    mac = wire.mac_bytes(MAC)
    uplink = wire.Port.make(
        id=UPLINK, kind=wire.PORT_RING, args=b"net_ring31", name=b"up", mtu=1600, n_queues=1,
        network=UNDERLAY, flags=wire.UPLINK | wire.NO_FLOOD, mac=mac, generation=1,
    )  # fmt: skip
    vteps = [
        wire.Vtep.make(
            id=number, port=UPLINK, kind=wire.TUNNEL_VXLAN, udp_port=8472,
            address=wire.Ip.of(address),
        )
        for number, address in ENDS.items()
    ]  # fmt: skip
    dp.sock.set(
        uplink,
        *vteps,
        wire.Nexthop.make(id=HOP, kind=wire.NH_PORT, network=UNDERLAY, port=UPLINK, mac=mac),
        wire.Nexthop.make(
            id=TUNNEL, kind=wire.NH_TUNNEL, vtep=1, via=wire.Ip.of(ENDS[2]), underlay=HOP,
            vni=OTHER + 1,
        ),
        wire.Fdb.make(mac=wire.mac_bytes(pods[1].mac), nexthop=TUNNEL),
    )  # fmt: skip
    dp.wait_port_up(UPLINK)
    return pods


@pytest.mark.parametrize("make", [udp4, udp6])
def test_through_the_ring(dp, pods, make):
    one, other = pods
    before = dp.sock.port_stats()[UPLINK]
    packets = [make(one, other) for _ in range(40)]
    assert [bytes(got) for got in dp.run(one, *packets)[other.id]] == [*map(bytes, packets)]
    after = dp.sock.port_stats()[UPLINK]
    assert after["tx_packets"] - before["tx_packets"] == len(packets)
    assert after["rx_packets"] - before["rx_packets"] == len(packets)
    dp.assert_balanced()
