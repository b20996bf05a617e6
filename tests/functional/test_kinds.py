# SPDX-License-Identifier: Apache-2.0
"""Every kind of kernel interface that a pod can have: traffic, offloads, hostile packets."""
import itertools

import pytest
from lib import mutate, settings
from lib.raw import RawSocket, checksums_right
from lib.traffic import iperf, ping
from lib.wait import wait_until
from scapy.layers.inet import TCP

KINDS = ("tap", "af_packet", "af_xdp")
BATCH = 200


@pytest.fixture(scope="module", params=KINDS)
def pods(request, node):
    """Two pods of one kind and a tap pod beside them."""
    made = [node.pod(name, kind=request.param) for name in ("red", "green")]
    made.append(node.pod("other", kind="tap"))
    yield made
    for pod in made:
        pod.delete()
        pod.close()
        node.pods.remove(pod)


def test_endpoint_says_kind_and_why(pods):
    endpoint = pods[0].endpoint()
    assert endpoint["kind"] in KINDS and endpoint["why"]


@pytest.mark.parametrize("family", [4, 6])
def test_pings(node, pods, family):
    for source, target in itertools.permutations(pods, 2):
        assert ping(source.namespace, target.ip(family))[0] == 0
    assert ping(node.namespace, pods[0].ip(family))[0] == 0
    assert ping(pods[0].namespace, {4: "10.1.0.1", 6: "fd00:1::1"}[family])[0] == 0


@pytest.mark.parametrize("family", [4, 6])
def test_tcp_within_and_across_kinds(node, pods, family):
    red, green, other = pods
    for server, client in ((red, green), (red, other), (other, red)):
        end = iperf(server.namespace, client.namespace, server.ip(family), seconds=1)
        assert end["sum_received"]["bytes"] > 1_000_000
    node.assert_balanced()


def count_right(listener, n):
    """Looks at up to n TCP frames: each is complete and right, or says that it is to be finished."""
    checked = 0
    while checked < n and (got := listener.receive_packet()) is not None:
        if TCP in got:
            assert not got.checksum_finished or checksums_right(got)
            checked += 1
    return checked


def test_received_segments_are_complete_or_marked(pods):
    red, green, other = pods
    for source, target in ((red, green), (other, green), (green, other)):
        listener = RawSocket(target.namespace, "eth0")
        iperf(target.namespace, source.namespace, target.ip(4), seconds=1)
        assert count_right(listener, 100) > 20
        listener.close()


def test_offloads_switched_on_again_in_the_pod(node, pods):
    """af_xdp has no room for unfinished checksums: completed, or dropped by name."""
    red, green, other = pods
    red.run("ethtool", "-K", "eth0", "tx", "on", "sg", "on", "tso", "on", check=False)
    red.run("ethtool", "-K", "eth0", "gso", "on", check=False)
    listener = RawSocket(other.namespace, "eth0")
    iperf(other.namespace, red.namespace, other.ip(4), seconds=1)
    assert count_right(listener, 100) > 20
    listener.close()
    node.assert_balanced()


def pour(node, pod, frames):
    """Raw frames out of the pod; returns how many the switch received of them."""
    port = pod.endpoint()["port"]
    before = received = node.port_stats()[port]["rx_packets"]
    raw = pod.raw()
    frames = iter(frames)
    while batch := list(itertools.islice(frames, BATCH)):
        for frame in batch:
            raw.send(frame)
        received += len(batch)
        wait_until(
            lambda n=received: node.port_stats()[port]["rx_packets"] >= n, f"{received} received"
        )
        raw.drain()
    raw.close()
    return node.port_stats()[port]["rx_packets"] - before


@pytest.mark.fuzz
@pytest.mark.parametrize("what", ["random", "mutated"])
def test_random_and_mutated_packets(node, pods, what):
    red, green, other = pods
    n = settings.FUZZ_PACKETS
    if what == "random":
        frames = mutate.random_frames(settings.FUZZ_SEED, n)
    else:
        targets = [green.ip(4), "10.1.0.1", "192.0.2.1", green.ip(6), "fd00:1::1", "2001:db8::1"]
        macs = [green.mac(), "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"]
        originals = mutate.seeds(red.mac(), macs, [red.ip(4), red.ip(6)], targets)
        frames = mutate.mutated_frames(settings.FUZZ_SEED + 1, n, originals)
    # The kernel behind a veth drops frames that end right behind their VLAN tag by itself.
    assert pour(node, red, (frame.ljust(20, b"\0") for frame in frames)) >= n
    node.assert_balanced()
    assert ping(red.namespace, green.ip(4))[0] == 0
    assert ping(red.namespace, other.ip(6))[0] == 0
