# SPDX-License-Identifier: Apache-2.0
"""Rules in the card change nothing: with offload on and off the same bytes come out everywhere.

The card is tests/pmd, which carries rules out by DPDK's guide. That this test can fail is shown by
cards with a fault.
"""
import itertools
from collections import Counter

import pytest
from lib import settings, wire
from lib.flow_pmd import MOVING, CardDataPlane, udp
from lib.flow_traffic import mixture
from lib.wait import wait_until
from scapy.layers.l2 import Ether

SEED = settings.FUZZ_SEED
LONG = int(settings.VM_FULL)
FRAMES = 4000 if settings.VM_FULL else 600
NUMBERS = itertools.count(1)
DISCARD = 9  # UDP port


@pytest.fixture
def make(scratch, hugepages):
    planes = []

    def start(offload=True, **arguments):
        folder = scratch / str(next(NUMBERS))
        folder.mkdir()
        planes.append(CardDataPlane(folder, hugepages, offload, **arguments))
        return planes[-1].add_card()

    yield start
    for plane in planes:
        plane.close()


def warm_up(dp, flows):
    """Each flow goes through the switch first. Returns when the card has rules for them."""
    for port, frames in by_port(flow.plain() for flow in flows):
        for _ in range(3):
            dp.exchange(port, frames)


def by_port(pairs):
    """Frames of each port together, in their order."""
    ports = {}
    for port, frame in pairs:
        ports.setdefault(port.id, (port, []))[1].append(bytes(frame))
    return list(ports.values())


def run(dp, seed, count, is_offloaded):
    """What comes out of the mixture: {port: Counter}, and how much of it went in."""
    flows, frames = mixture(seed, dp, count)
    warm_up(dp, flows)
    if is_offloaded:
        dp.wait_offloaded(12)
    out = {number: Counter() for number in dp.ports}
    for port, batch in by_port(frames):
        for number, counter in dp.exchange(port, batch).items():
            out[number] += counter
    return out


def assert_same(on, off):
    for number, expected in off.items():
        assert on[number] - expected == Counter(), f"port {number}: more, or other, than without"
        assert expected - on[number] == Counter(), f"port {number}: less than without"


@pytest.fixture(scope="module")
def without(scratch, hugepages):
    """What comes out of the switch alone."""
    folder = scratch / "without"
    folder.mkdir()
    plane = CardDataPlane(folder, hugepages, offload=False)
    try:
        plane.add_card()
        out = run(plane, SEED, FRAMES, is_offloaded=False)
        assert not plane.sock.flows()
        assert all(out[port.id] for port in (*plane.vfs, plane.pod, plane.uplink))
    finally:
        plane.close()
    return out


@pytest.mark.parametrize("api", ["rule by rule", "asynchronous"])
def test_same_bytes(make, without, api):
    dp = make(**{"async": int(api == "asynchronous")})
    assert_same(run(dp, SEED, FRAMES, is_offloaded=True), without)
    # The data plane reads the card's counters once a second.
    wait_until(lambda: dp.carried() > FRAMES // 10, "the card's counters")
    wait_until(
        lambda: {flow.kind for flow in dp.sock.flows() if flow.packets} >= set(MOVING),
        "packets of connections of every kind",
    )
    assert "undefined" not in dp.daemon.log()


def test_offloaded_packets_do_not_reach_workers(make):
    dp = make()
    flows, _ = mixture(SEED, dp, 0)
    flow = next(f for f in flows if f.source is dp.vfs[0] and f.target is dp.vfs[1] and f.routed)
    frames = [bytes(flow.frame())] * 100
    dp.exchange(flow.source, frames[:3])
    dp.wait_offloaded(1)
    before, carried = dp.stats(flow.source)["rx_packets"], dp.carried()
    out = dp.exchange(flow.source, frames)
    assert sum(out[flow.target.id].values()) == 100
    assert dp.stats(flow.source)["rx_packets"] - before < 10  # the questions
    wait_until(lambda: dp.carried() - carried >= 100, "the card's counters")


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["ttl", "mac", "port", "vni"] + LONG * ["match", "checksum"])
def test_wrong_card_is_noticed(make, without, fault):
    dp = make(wrong=fault)
    with pytest.raises(AssertionError, match="than without"):
        assert_same(run(dp, SEED, FRAMES, is_offloaded=True), without)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {"refuse": ["dec_ttl", "vxlan_decap"]},
        {"async": 1, "table": 5},
        {"late": 5},
        {"async": 1, "late": 5},
    ]
    + LONG
    * [
        {"refuse": ["transfer"]},
        {"refuse": ["raw_encap", "vxlan_encap"]},
        {"refuse": ["integrity", "range"]},
        {"table": 5},
    ],
    ids=lambda arguments: ",".join(f"{k}={v}" for k, v in arguments.items()),
)
def test_software_takes_over(make, without, arguments):
    dp = make(**arguments)
    assert_same(run(dp, SEED, FRAMES, is_offloaded=False), without)
    states = {flow.state for flow in dp.sock.flows()}
    assert states - {wire.FLOW_OFFLOADED}
    reasons = {flow.reason for flow in dp.sock.flows() if flow.state != wire.FLOW_OFFLOADED}
    assert reasons and b"" not in reasons


def test_guard_drops_nothing_before_the_device_is_known_to_pass_it(make):
    """The card accepts all and keeps five rules: those for the endpoint's addresses are not there."""
    dp = make(late=5)
    for vf in dp.vfs:
        frame = bytes(Ether(src=vf.mac, dst=dp.pod.mac) / udp(dp.pod, DISCARD, vf.ip4))
        assert dp.exchange(vf, [frame] * 3)[dp.pod.id] == {frame: 3}
