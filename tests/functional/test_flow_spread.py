# SPDX-License-Identifier: Apache-2.0
"""An uplink with several queues: VXLAN is spread over them by what is inside. The card is
tests/pmd, which counts by queue.
"""
import pytest
from lib import wire
from lib.flow_pmd import CardDataPlane
from lib.tunnels import PEER_VTEP_MAC, VTEP_MAC, VXLAN4
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

QUEUES = 4
FLOWS = 64
BY_OUTER = b"; spread by the outer headers"


@pytest.fixture
def make(scratch, hugepages):
    planes = []

    def start(name, **arguments):
        folder = scratch / name
        folder.mkdir()
        planes.append(CardDataPlane(folder, hugepages, vfs=1, **arguments))
        return planes[-1].add_card(queues=QUEUES)

    yield start
    for plane in planes:
        plane.close()


def frame(dp, number, version=4, outer_port=50000):
    """Connection `number`, in the tunnel."""
    layer, dst = (IP, dp.pod.ip4) if version == 4 else (IPv6, dp.pod.ip6)
    l4 = (UDP, TCP)[number % 2](sport=2000 + number, dport=9)
    packet = Ether(src=PEER_VTEP_MAC, dst=VTEP_MAC) / layer(src=VXLAN4.pod(version), dst=dst) / l4
    return bytes(VXLAN4.wrap(packet, dp.uplink.mac, sport=outer_port))


def received(dp):
    return [queue["rx_packets"] for queue in dp.sock.queue_stats(dp.uplink.id)]


def grown(dp, frames):
    """By how much each queue has grown, but for the questions of exchange()."""
    before = received(dp)
    out = dp.exchange(dp.uplink, frames)
    assert sum(out[dp.pod.id].values()) == len(frames)
    return [now - then for now, then in zip(received(dp), before)]


def rules(dp):
    return [flow for flow in dp.sock.flows() if flow.kind == wire.FLOW_RSS]


@pytest.mark.parametrize("api", ["rule by rule", "asynchronous"])
def test_by_inner_headers(make, api):
    dp = make(api, **{"async": int(api == "asynchronous")})
    assert len(rules(dp)) == 2
    for version in (4, 6):
        spread = grown(dp, [frame(dp, number, version) for number in range(FLOWS)])
        assert all(n >= FLOWS // QUEUES // 4 for n in spread), spread
        for number in range(8):  # one connection stays where it is, whatever is outside
            ports = range(50000, 50020)
            spread = grown(dp, [frame(dp, number, version, port) for port in ports])
            assert max(spread) >= 20 and sum(n > 1 for n in spread) == 1, spread
    assert "undefined" not in dp.daemon.log()


def test_by_outer_headers_when_the_card_cannot(make):
    dp = make("outer", refuse="inner_rss")
    for rule in rules(dp):
        assert (rule.state, rule.reason[-len(BY_OUTER) :]) == (wire.FLOW_REFUSED, BY_OUTER)
    spread = grown(dp, [frame(dp, number) for number in range(FLOWS)])
    assert sum(n > 2 for n in spread) == 1, spread
    spread = grown(dp, [frame(dp, number, outer_port=50000 + number) for number in range(FLOWS)])
    assert all(n >= FLOWS // QUEUES // 4 for n in spread), spread
