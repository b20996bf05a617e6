# SPDX-License-Identifier: Apache-2.0
"""Rules never outlive what they were made of: behind the reply to a change no packet goes the old
way, although the card carries the flow by itself. The card is tests/pmd.
"""
import pytest
from lib import wire
from lib.flow_pmd import CardDataPlane
from lib.wait import wait_until
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

STATION = "02:00:00:00:07:77"
FRAMES = 30


@pytest.fixture(scope="module", params=[0, 1], ids=["rule by rule", "asynchronous"])
def dp(request, scratch, hugepages):
    folder = scratch / f"flow{request.param}"
    folder.mkdir()
    plane = CardDataPlane(folder, hugepages, vfs=3, **{"async": request.param})
    try:
        yield plane.add_card()
    finally:
        plane.close()


def frame(source, mac, ip):
    packet = IP(src=source.ip4, dst=ip) / UDP(sport=1000, dport=9) / (b"x" * 64)
    return bytes(Ether(src=source.mac, dst=mac) / packet)


def carry(dp, source, data):
    """The card carries the flow from now on, and says so by its counters."""
    dp.exchange(source, [data] * 3)
    ends = f"{IP(data[14:]).src}:1000 > {IP(data[14:]).dst}:9".encode()
    wait_until(lambda: any(ends in flow.match for flow in moving(dp)), "the flow's rule")
    seen = dp.stats(source)["rx_packets"]
    dp.exchange(source, [data] * FRAMES)
    assert dp.stats(source)["rx_packets"] - seen < FRAMES  # the questions
    assert dp.carried() >= FRAMES


def arrived(dp, source, data):
    """{port: how many of FRAMES} behind which they came out."""
    out = dp.exchange(source, [data] * FRAMES)
    return {number: counter.total() for number, counter in out.items() if counter.total()}


def moving(dp):
    kinds = (wire.FLOW_FORWARD, wire.FLOW_DECAP, wire.FLOW_ENCAP)
    return [f for f in dp.sock.flows() if f.kind in kinds and f.state == wire.FLOW_OFFLOADED]


def station(port):
    return wire.Fdb.make(mac=wire.mac_bytes(STATION), port=port.id)


def move(dp, port, ip4):
    """The pod has this address and no other."""
    port.ip4, port.ips = ip4, [ip4]
    dp.sock.set(port.endpoint())


def test_a_moved_station(dp):
    a, b, c = dp.vfs
    data = frame(a, STATION, "10.1.9.9")
    dp.sock.set(station(b))
    carry(dp, a, data)
    dp.sock.set(station(c))
    assert arrived(dp, a, data) == {c.id: FRAMES}
    dp.sock.delete(station(c))
    assert not moving(dp)
    assert arrived(dp, a, data) == {p.id: FRAMES for p in (b, c, dp.pod)}  # flooded


def test_a_changed_guard(dp):
    a, b, _ = dp.vfs
    data = frame(a, b.mac, b.ip4)
    carry(dp, a, data)
    former = a.ip4
    move(dp, a, "10.1.1.99")
    assert not moving(dp)
    assert arrived(dp, a, data) == {}
    other = frame(a, b.mac, b.ip4)
    carry(dp, a, other)
    move(dp, a, former)
    assert arrived(dp, a, other) == {}
    assert arrived(dp, a, data) == {b.id: FRAMES}


def test_offload_off_and_on(dp):
    a, b, _ = dp.vfs
    data = frame(a, b.mac, b.ip4)
    carry(dp, a, data)
    a.change(flags=0)
    assert not [flow for flow in moving(dp) if flow.port == a.id]
    seen = dp.stats(a)["rx_packets"]
    assert arrived(dp, a, data) == {b.id: FRAMES}
    assert dp.stats(a)["rx_packets"] - seen >= FRAMES
    a.change(flags=wire.OFFLOAD)
    carry(dp, a, data)


def test_a_receiver_that_goes(dp):
    a, _, c = dp.vfs
    data = frame(a, c.mac, c.ip4)
    carry(dp, a, data)
    dp.del_port(c.id)
    assert not [flow for flow in dp.sock.flows() if c.id in (flow.port, flow.out_port)]
    assert c.id not in arrived(dp, a, data)
