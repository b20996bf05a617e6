# SPDX-License-Identifier: Apache-2.0
"""Guests with Linux's own virtio-net driver beside a pod of the kernel: traffic, offloads, queues.

red:   four queues, QEMU listens and the switch connects, all offloads
green: the switch listens, host_mtu, nothing that a receiver could leave to others (no GUEST_CSUM,
       no GUEST_TSO): the switch finishes checksums and cuts super-frames for it
"""
import itertools

import pytest
from lib.guest_pod import IFNAME, GuestPod, capabilities, features
from lib.raw import RawSocket
from lib.traffic import iperf, ping
from lib.transfer import assert_transfer
from lib.vhost_port import give_addresses
from lib.wait import wait_until

KERNEL, RED, GREEN = 1, 11, 12
GREEN_MTU = 1450
NO_GUEST_OFFLOADS = {
    f"guest_{name}": "off" for name in ("csum", "tso4", "tso6", "ecn", "ufo", "uso4", "uso6")
}
PAIRS = list(itertools.permutations(["pod", "red", "green"], 2))
MEGABYTES = 1_000_000


class KernelPod:
    """A tap in a namespace, with the names that guests have."""

    def __init__(self, port):
        self.port, self.ip4, self.ip6 = port, port.ip4, port.ip6
        space = port.namespace
        self.run, self.background, self.namespace = space.run, space.background, space
        give_addresses(port)

    def ip(self, family):
        return self.ip4 if family == 4 else self.ip6


@pytest.fixture(scope="module")
def pods(dp, scratch):
    red = GuestPod(dp, scratch, RED, queues=4)
    options = {"host_mtu": GREEN_MTU} | NO_GUEST_OFFLOADS
    green = GuestPod(dp, scratch, GREEN, role="server", options=options)
    try:
        for pod in (red, green):
            pod.start()
        kernel = KernelPod(dp.add_port(KERNEL))
        for pod in (red, green):
            pod.wait_up()
        yield {"pod": kernel, "red": red, "green": green}
    finally:
        for pod in (red, green):
            pod.close()


@pytest.fixture(params=PAIRS, ids="-".join)
def pair(request, pods):
    return [pods[name] for name in request.param]


@pytest.mark.parametrize("family", [4, 6])
def test_ping(pair, family):
    source, target = pair
    assert ping(source, target.ip(family))[0] == 0


@pytest.mark.parametrize("name", ["red", "green"])
def test_kicks_both_ways_are_counted(dp, pods, name):
    """A guest's kernel sleeps between pings, and so does the worker."""
    before = dp.sock.queue_stats(pods[name].port.id)
    assert ping(pods["pod"], pods[name].ip4, 5)[0] == 0
    after = dp.sock.queue_stats(pods[name].port.id)
    for counter in ("kicks_sent", "kicks_received"):
        assert sum(queue[counter] for queue in after) > sum(queue[counter] for queue in before)
    assert sum(queue["tx_full"] for queue in after) == sum(queue["tx_full"] for queue in before)


@pytest.mark.parametrize("family", [4, 6])
def test_bytes_arrive_as_sent(dp, pair, family):
    source, target = pair
    assert_transfer(source, target, target.ip(family), 2 * MEGABYTES, seed=family)
    dp.assert_balanced()


@pytest.mark.parametrize("family", [4, 6])
def test_tcp(pods, family):
    for server, client in (("pod", "red"), ("red", "pod"), ("green", "red")):
        address = pods[server].ip(family)
        end = iperf(pods[server], pods[client], address, seconds=1)
        assert end["sum_received"]["bytes"] > MEGABYTES / 2, (server, client)


@pytest.mark.parametrize("family", [4, 6])
def test_udp(dp, pods, family):
    """At a rate that an emulated CPU manages; the switch loses nothing."""
    for server, client in (("pod", "red"), ("red", "pod"), ("red", "green")):
        options = ("-u", "-b", "3M", "-l", "1200")
        end = iperf(pods[server], pods[client], pods[server].ip(family), *options, seconds=1)
        assert end["sum"]["packets"] > 100, (server, client)
        assert dp.drops(pods[client].port).get("tx_refused") is None


def mean_size(pod, action):
    """Of the frames that its guest received during the action."""
    before = pod.guest.link(IFNAME)["stats64"]["rx"]
    action()
    after = pod.guest.link(IFNAME)["stats64"]["rx"]
    return (after["bytes"] - before["bytes"]) / (after["packets"] - before["packets"])


@pytest.mark.parametrize("family", [4, 6])
def test_super_frames_reach_a_guest_that_takes_them(pods, family):
    """Checksums unfinished, frames uncut: from the kernel's pod into the guest and back."""
    pod, red = pods["pod"], pods["red"]
    address = red.ip(family)
    assert mean_size(red, lambda: assert_transfer(pod, red, address, 4 * MEGABYTES)) > 3000
    raw = RawSocket(pod.namespace, pod.port.ifname)
    try:
        assert_transfer(red, pod, pod.ip(family), 2 * MEGABYTES)
        frames = []
        while (got := raw.receive_packet()) is not None and len(frames) < 500:
            if got.src == red.mac:
                frames.append(got)
        assert max(len(frame) for frame in frames) > 3000
        assert any(not frame.checksum_finished for frame in frames)
    finally:
        raw.close()


@pytest.mark.parametrize("family", [4, 6])
def test_frames_are_cut_and_finished_for_a_guest_that_takes_none(pods, family):
    pod, red, green = pods["pod"], pods["red"], pods["green"]
    assert not {"csum", "tso4", "tso6"} & set(features(green))
    for source in (pod, red):
        address = green.ip(family)
        size = mean_size(green, lambda s=source, a=address: assert_transfer(s, green, a, MEGABYTES))
        assert size <= GREEN_MTU + 14
    errors = green.run("nstat", "-asz", "TcpInCsumErrors", "UdpInCsumErrors").stdout
    assert [line.split()[1] for line in errors.splitlines() if "Csum" in line] == ["0", "0"]


def test_offloads_as_negotiated(pods):
    red, green = pods["red"], pods["green"]
    ours = red.guest.features(IFNAME)
    assert ours["tx-checksum-ip-generic"] and ours["tx-tcp-segmentation"]
    assert ours["tx-tcp6-segmentation"] and ours["rx-checksumming"]
    assert {"mergeable", "csum"} <= set(features(red))
    assert {"checksum", "tso4", "tso6"} <= set(capabilities(red))
    assert not {"checksum", "tso4", "tso6", "uso"} & set(capabilities(green))


def test_mtu_of_the_guest_is_read(pods):
    assert pods["green"].port.info().peer_mtu == GREEN_MTU
    assert pods["green"].guest.link(IFNAME)["mtu"] == GREEN_MTU


def test_queues_come_and_go_while_traffic_flows(dp, pods):
    pod, red = pods["pod"], pods["red"]
    running = red.popen("ping", "-q", "-i", "0.02", "-w", "600", pod.ip4)
    try:
        for wanted in (1, 2, 4, 2, 1, 4):
            red.run("ethtool", "-L", IFNAME, "combined", wanted)
            wait_until(lambda n=wanted: red.port.info().peer_queues == n, f"{wanted} queues")
            assert ping(pod, red.ip4)[0] == 0
            assert_transfer(red, pod, pod.ip6, MEGABYTES // 4)
            assert_transfer(pod, red, red.ip6, MEGABYTES // 4)
    finally:
        red.run("pkill", "-INT", "-x", "ping", check=False)
    result = running.wait(60)
    assert " 0% packet loss" in result.stdout, result
    dp.assert_balanced()


def test_every_queue_carries_traffic(pods):
    pod, red = pods["pod"], pods["red"]
    red.run("ethtool", "-L", IFNAME, "combined", 4)
    before = red.counters()
    iperf(pod, red, pod.ip4, "-P", 8, seconds=1)
    iperf(red, pod, red.ip4, "-P", 8, seconds=1)
    after = red.counters()
    grown = {key: after[key] - before[key] for key in after if key.endswith("packets")}
    assert all(grown[f"tx{queue}_packets"] for queue in range(4)), grown
