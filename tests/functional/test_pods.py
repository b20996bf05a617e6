# SPDX-License-Identifier: Apache-2.0
"""Pods attached by the CNI plugin: real stacks talk through the switch, both families, both ways."""
import itertools

import pytest
from lib.raw import RawSocket, checksums_right
from lib.traffic import iperf, ping
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr
from scapy.layers.l2 import ARP

GATEWAY = {4: "10.1.0.1", 6: "fd00:1::1"}


@pytest.fixture(scope="module")
def pods(node):
    return [node.pod(name) for name in ("red", "green", "blue")]


def ends(node, pods, family):
    found = [(pod.name, pod.namespace, pod.ip(family)) for pod in pods]
    return [*found, ("host", node.namespace, GATEWAY[family])]


@pytest.mark.parametrize("family", [4, 6])
def test_everyone_pings_everyone(node, pods, family):
    lost = {}
    for source, target in itertools.permutations(ends(node, pods, family), 2):
        lost[f"{source[0]} -> {target[0]}"] = ping(source[1], target[2])[0]
    assert not any(lost.values()), lost


def test_new_pod_is_announced(node, pods):
    """Its neighbours hear of its addresses, unasked, as soon as it is there."""
    listener = pods[0].raw()
    try:
        pod = node.pod("new")
        arp = listener.receive(lambda packet: ARP in packet and packet[ARP].psrc == pod.ip(4))
        assert (arp[ARP].op, arp[ARP].pdst) == (1, pod.ip(4))
        assert {arp.src, arp[ARP].hwsrc} == {pod.mac()}
        advertisement = listener.receive(
            lambda packet: ICMPv6ND_NA in packet and packet[ICMPv6ND_NA].tgt == pod.ip(6)
        )
        fields = advertisement[ICMPv6ND_NA]
        assert (fields.O, fields.S, fields.R) == (1, 0, 0)
        assert advertisement[ICMPv6NDOptDstLLAddr].lladdr == pod.mac()
        assert checksums_right(advertisement)
    finally:
        listener.close()


@pytest.mark.parametrize("size", [1472, 8000])
def test_large_pings(pods, size):
    """A full frame, and one that the sender's kernel fragments."""
    red, green, _ = pods
    red.run("ping", "-c", 2, "-i", "0.05", "-W", 2, "-s", size, green.ip(4))
    red.run("ping", "-c", 2, "-i", "0.05", "-W", 2, "-s", size - 20, green.ip(6))


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("reverse", [False, True], ids=["forth", "back"])
def test_tcp_between_pods(pods, family, reverse):
    red, green, _ = pods
    options = ["-R"] if reverse else []
    end = iperf(green.namespace, red.namespace, green.ip(family), *options, seconds=1)
    assert end["sum_received"]["bytes"] > 1_000_000


@pytest.mark.parametrize("family", [4, 6])
def test_tcp_between_pod_and_host(node, pods, family):
    red = pods[0]
    end = iperf(node.namespace, red.namespace, GATEWAY[family], seconds=1)
    assert end["sum_received"]["bytes"] > 1_000_000
    end = iperf(red.namespace, node.namespace, red.ip(family), seconds=1)
    assert end["sum_received"]["bytes"] > 1_000_000


def lost_by_kernel(source, target):
    """Datagrams lost in the queues of two pods' kernels: before the switch, and after it."""
    (link,) = source.namespace.ip_json("-s link show dev eth0")
    snmp = target.run("cat", "/proc/net/snmp").stdout.splitlines()
    keys, values = (line.split() for line in snmp if line.startswith("Udp:"))
    snmp6 = dict(line.split() for line in target.run("cat", "/proc/net/snmp6").stdout.splitlines())
    return (
        link["stats64"]["tx"]["dropped"]
        + int(values[keys.index("RcvbufErrors")])
        + int(snmp6["Udp6RcvbufErrors"])
    )


@pytest.mark.parametrize("family", [4, 6])
def test_udp_between_pods(node, pods, family):
    """The switch loses nothing; a busy machine's kernels may, and say so."""
    red, green, _ = pods
    port = red.endpoint()["port"]
    kernel, drops = lost_by_kernel(red, green), node.port_stats()[port]["drops"]
    options = ("-u", "-b", "20M", "-l", "1200")
    end = iperf(green.namespace, red.namespace, green.ip(family), *options, seconds=1)["sum"]
    assert end["packets"] > 1000
    assert node.port_stats()[port]["drops"] == drops
    assert end["lost_packets"] <= lost_by_kernel(red, green) - kernel


@pytest.mark.parametrize("family", [4, 6])
def test_checksums_on_the_receiving_side(pods, family):
    """Each frame has either a right checksum, or says that it is still to be finished."""
    red, green, _ = pods
    green_socket = RawSocket(green.namespace, "eth0")
    try:
        options = ("-u", "-b", "5M", "-l", "1000")
        iperf(green.namespace, red.namespace, green.ip(family), *options, seconds=1)
        checked = 0
        while (got := green_socket.receive_packet()) is not None and checked < 200:
            if TCP in got or UDP in got:
                assert not got.checksum_finished or checksums_right(got)
                checked += 1
        assert checked > 100
    finally:
        green_socket.close()


def test_super_frames_cross_whole(pods):
    """Frames longer than the MTU arrive at the other tap: nothing was cut on the way."""
    red, green, _ = pods
    green_socket = RawSocket(green.namespace, "eth0")
    try:
        iperf(green.namespace, red.namespace, green.ip(4), seconds=1)
        longest = 0
        while (got := green_socket.receive_bytes(0)) is not None:
            longest = max(longest, len(got[0]))
        assert longest > 3000
    finally:
        green_socket.close()


def test_ttl_counts_the_router(pods):
    """To another pod of the network there is none; to the host there is the router's hop at most."""
    red, green, _ = pods
    red.run("ping", "-c", 1, "-W", 2, "-t", 1, green.ip(4))


def test_unknown_destination_goes_to_the_host(node, pods):
    """The node's own stack routes what no network knows."""
    node.namespace.ip("addr add 198.51.100.1/32 dev lo")
    node.namespace.ip("addr add 2001:db8:77::1/128 dev lo")
    red = pods[0]
    assert ping(red.namespace, "198.51.100.1")[0] == 0
    assert ping(red.namespace, "2001:db8:77::1")[0] == 0


def test_pods_have_what_the_result_says(node, pods):
    for pod in pods:
        interface = next(i for i in pod.result["interfaces"] if i.get("sandbox"))
        assert interface["name"] == "eth0"
        assert interface["mac"].lower() == pod.mac()
        assert sorted(ip["address"] for ip in pod.result["ips"]) == sorted(
            pod.namespace.addresses("eth0")
        )


def test_new_pod_while_others_talk(node, pods):
    """Adding and removing pods costs running traffic nothing."""
    red, green, _ = pods
    running = red.namespace.popen(
        "ping", "-q", "-c", "200", "-i", "0.01", "-W", "2", green.ip(4), stdout=-1, text=True
    )
    for number in range(5):
        pod = node.pod(f"new{number}")
        assert ping(pod.namespace, red.ip(4), count=1)[0] == 0
        pod.delete()
    assert " 0% packet loss" in running.communicate(timeout=60)[0]
    node.assert_alive()
