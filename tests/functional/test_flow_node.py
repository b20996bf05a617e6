# SPDX-License-Identifier: Apache-2.0
"""Flows in a card, from the operator's side: ports, tunnels, the list and the switch by cwctl, and
what is left of them when a daemon dies. The card is tests/pmd.
"""
import pytest
from lib.flow_node import (
    FRAMES, NODE, PEER, PEER_MAC, PEER_VTEP_MAC, UPLINK_MAC, VNI, FlowNode, hears,
)  # fmt: skip
from lib.wait import wait_until
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

STRANGER = "02:00:00:00:66:66"


@pytest.fixture(name="start", scope="module")
def make_start(scratch, hugepages):
    nodes = []

    def start(name, **arguments):
        (scratch / name).mkdir()
        nodes.append(FlowNode(scratch / name, hugepages, **arguments))
        return nodes[-1].start().add_card()

    yield start
    for node in nodes:
        node.close()


@pytest.fixture(scope="module")
def node(start):
    return start("n")


def carry(node, port, send, hear, words):
    """The first packets pass the switch, then the card has the flow. Returns its rule."""

    def offloaded():
        send(3)
        hear(3)
        return node.flows(words, state="offloaded")

    (flow,) = wait_until(offloaded, f"{words} in the card", timeout=30)
    assert flow["port"] == port and "reason" not in flow
    assert_carried(node, port, send, hear)
    (after,) = node.flows(words)
    assert after["packets"] - flow["packets"] >= FRAMES and after["bytes"] > flow["bytes"]
    return after


def assert_carried(node, port, send, hear, in_switch=0):
    """in_switch: how many packets the workers have to do with."""
    before = node.received(port)
    send(FRAMES)
    hear(FRAMES)
    assert node.received(port) - before == in_switch
    node.assert_balanced()


def between(node, source, target, sport=1000):
    frame = source.frame(target, sport=sport)
    words = f"{source.ip}:{sport} > {target.ip}:9"
    send, hear = lambda n: source.send(frame, n), lambda n: hears(target.raw, n, sport)
    return source.port, send, hear, words


def test_from_guest_to_guest(node):
    a, b, _ = node.guests
    assert node.received(a.port) == 0
    flow = carry(node, *between(node, a, b))
    assert node.received(a.port) >= 3  # the first packets, before there was a rule
    assert flow["kind"] == "forward" and flow["out_port"] == b.port and flow["transfer"]
    assert node.flows(flow["match"], port=b.port) == node.flows(flow["match"], port=a.port)
    shown = node.cwctl.run("flow", "list", f"port={b.port}").stdout
    assert f"{a.ip}:1000 > {b.ip}:9" in shown and "offloaded" in shown


def test_guard(node):
    """In the switch first, then in the card: dropped and counted by both."""
    a, b, _ = node.guests
    spoofed, honest = a.frame(b, src=STRANGER, sport=2000), a.frame(b, sport=2001)
    node.cwctl("flow", "set", offload="off")
    a.send(spoofed, 5)
    a.send(honest)
    heard = []
    b.raw.receive(lambda frame: heard.append(bytes(frame)) or bytes(frame) == honest, timeout=20)
    assert spoofed not in heard
    assert node.port_stats()[a.port]["drops"] == {"spoof_mac": 5}
    node.cwctl("flow", "set", offload="on")
    a.send(spoofed, 5)
    wait_until(
        lambda: [f for f in node.flows(a.port, port=a.port)
                 if f["kind"] == "guard-drop" and f["packets"] == 5],
        "what the card drops is counted", timeout=30,
    )  # fmt: skip
    assert node.port_stats()[a.port]["drops"] == {"spoof_mac": 5}


def test_one_switch_for_all(node):
    a, b, _ = node.guests
    port, send, hear, words = between(node, a, b)
    carry(node, port, send, hear, words)
    assert node.cwctl("flow", "set", offload="off") == {"offload": False, "ports": 4}
    assert node.cwctl("flow", "list") == []
    assert_carried(node, port, send, hear, in_switch=FRAMES)
    assert node.cwctl("flow", "set", offload="on")["offload"]
    carry(node, port, send, hear, words)


def test_tunnel(node):
    """From the wire and to it, routed: the card takes the outer headers off and puts them on."""
    a = node.guests[0]
    node.add_tunnel()
    inward = node.from_peer(a, 3000)
    flow = carry(
        node, "up0", lambda n: [node.wire.send(inward) for _ in range(n)],
        lambda n: hears(a.raw, n, 3000), f"10.244.2.9:3000 > {a.ip}:9",
    )  # fmt: skip
    assert flow["kind"] == "decap" and flow["out_port"] == a.port
    last = []
    flow = carry(
        node, a.port, lambda n: a.send(a.frame("10.244.2.9", sport=3001), n),
        lambda n: last.append(hears(node.wire, n, 3001)), f"{a.ip}:3001 > 10.244.2.9:9",
    )  # fmt: skip
    assert flow["kind"] == "encap" and flow["out_port"] == "up0"
    frame = last[-1]
    assert (frame.src, frame.dst) == (UPLINK_MAC, PEER_MAC)
    assert (frame[IP].src, frame[IP].dst, frame[VXLAN].vni) == (NODE, PEER, VNI)
    inner = frame[VXLAN].payload
    assert (inner[Ether].dst, inner[IP].src, inner[IP].ttl) == (PEER_VTEP_MAC, a.ip, 63)


def test_control_plane_killed(node):
    """The card and the switch go on, and nothing is taken out of the card afterwards."""
    a, b, _ = node.guests
    flow = carry(node, *between(node, a, b))
    port, send, hear, words = between(node, a, b)
    before = node.received(port)
    node.control.kill()
    send(FRAMES)
    hear(FRAMES)
    node.start_control()
    node.wait_connected()
    assert node.received(port) == before
    (after,) = node.flows(words)
    assert after["id"] == flow["id"] and after["packets"] == flow["packets"] + FRAMES


def test_data_plane_killed(node):
    """The new one has the card as it was asked for, whichever port's name comes first."""
    a, b, _ = node.guests
    node.dp.kill()
    node.start_dp()
    node.wait_connected()
    ports = node.cwctl("port", "list")
    assert {port["state"] for port in ports} == {"ready"}, ports
    carry(node, *between(node, a, b))
    inward = node.from_peer(b, 3002)
    carry(
        node, "up0", lambda n: [node.wire.send(inward) for _ in range(n)],
        lambda n: hears(b.raw, n, 3002), f"10.244.2.9:3002 > {b.ip}:9",
    )  # fmt: skip


def test_reason_of_a_port(node):
    """Ends that no rule can name, although the flow begins in the card."""
    a, _, c = node.guests
    node.cwctl("port", "set", c.port, offload="off")
    a.send(a.frame(c, sport=4000), 3)
    hears(c.raw, 3, 4000)
    flow = node.wait_flow(f"{a.ip}:4000 >", "refused")
    assert flow["reason"] == f"offload of port {c.port} is off"
    pod = node.pod("tap", network="guests", ipam=node.cni.config["ipam"] | {
        "ranges": [[{"subnet": "10.5.0.0/24", "rangeStart": "10.5.0.100"}]]})  # fmt: skip
    a.send(a.frame(pod.ip(4), mac=pod.mac(), sport=4001), 3)
    flow = node.wait_flow(f"{a.ip}:4001 >", "refused")
    assert flow["out_port"] == pod.endpoint()["port"]
    assert flow["reason"] == f"port {flow['out_port']} has no device that takes rules"
    node.cwctl("port", "set", c.port, offload="on")
    carry(node, *between(node, a, c, 4000))


def test_reason_of_the_card(start):
    """It knows no UDP, and has room for one rule beside the guards'."""
    node = start("r", vfs=2, refuse="udp", table=5)
    a, b = node.guests
    a.send(a.frame(b, sport=5000), 3)
    hears(b.raw, 3, 5000)
    flow = node.wait_flow(f"{a.ip}:5000 >", "refused")
    assert "refused by the device's arguments" in flow["reason"]  # the card's words
    for sport in (5001, 5002):
        a.send(a.frame(b, sport=sport, proto=TCP), 3)
        hears(b.raw, 3, sport, TCP)
        flow = node.wait_flow(f"{a.ip}:{sport} >", "offloaded" if sport == 5001 else "wanted")
    assert "full" in flow["reason"]
    node.assert_balanced()
