# SPDX-License-Identifier: Apache-2.0
"""VF pods on a PF in switchdev mode, by the CNI plugin: the VF's representor is the pod's port. The
card is tests/pmd as a PCI device, see lib/switchdev.py.
"""
import json

import pytest
from lib.cni import CniError
from lib.switchdev import PF, SwitchdevNode, vf_address, vf_mac
from lib.traffic import ping
from lib.wait import wait_until
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

MAC = "02:00:00:00:33:0{}"
FRAMES = 30


@pytest.fixture(scope="module")
def node(scratch, hugepages):
    one = SwitchdevNode(scratch, hugepages)
    try:
        yield one.start().add_uplink()
    finally:
        one.close()


def attach(node, index, **keys):
    pod = node.bare_pod(f"vf{index}")
    pod.add("net1", deviceID=vf_address(index), mac=MAC.format(index), **keys)
    return pod


@pytest.fixture(scope="module")
def pods(node):
    """One by each vf_path, which says nothing here."""
    return [attach(node, 0), attach(node, 1, vf_path="switch")]


def test_uplink_and_list(node):
    assert node.cwctl("port", "get", "up0")["state"] == "ready"
    shown = node.cwctl("vf", "list")
    assert [(vf["pci"], vf["representor"], vf["state"]) for vf in shown] == [
        (vf_address(0), "pf0r0", "free"),
        (vf_address(1), "pf0r1", "free"),
    ]


def test_the_representor_is_the_port(node, pods):
    for index, pod in enumerate(pods):
        endpoint = pod.endpoint("net1")
        port = node.cwctl("port", "get", endpoint["port"])
        assert endpoint["state"] == port["state"] == "ready"
        assert endpoint["vf"]["representor"] == f"pf0r{index}"
        assert "by its representor" in endpoint["why"]
        assert port["args"] == f"device={PF},representor=vf{index}"
        assert "parent" not in port and port["vlan"] == 0
        assert port["offload"] is True  # as its uplink has it
        assert f"mac={MAC.format(index)} " in node.card.read_settings(index)
        assert pod.mac("net1") == MAC.format(index)


def test_device_info(node, pods):
    for index, pod in enumerate(pods):
        name = f"causeway-{pod.container}-net1-device.json"
        info = json.loads((node.scratch / "devinfo" / name).read_text())
        assert info["pci"] == {
            "pci-address": vf_address(index),
            "pf-pci-address": PF,
            "representor-device": f"pf0r{index}",
        }


def test_traffic(node, pods):
    """Of VFs of one card, and with a pod on a tap: through the switch, then in the card."""
    one, other = pods
    tap = node.pod("tap")
    for source, address in ((one, other.ip(4, "net1")), (one, tap.ip(4)), (tap, one.ip(4, "net1"))):
        assert ping(source, address)[0] == 0
    frame = packet(one, other, one.ip(4, "net1"))
    send(one, frame, 3)

    def rules():
        shown = node.cwctl("flow", "list", state="offloaded")
        return [rule for rule in shown if ":1000 >" in rule["match"]]

    wait_until(rules, "a rule of the pods'", timeout=30)
    port = one.endpoint("net1")["port"]
    before = node.port_stats()[port]["rx_packets"]
    with_raw(other, lambda raw: (send(one, frame, FRAMES), hear(raw, 1000, FRAMES)))
    assert node.port_stats()[port]["rx_packets"] - before < FRAMES
    node.assert_balanced()


def packet(source, target, src, sport=1000):
    """Between pods of one network, addressed to the other's MAC."""
    l4 = UDP(sport=sport, dport=9) / (b"x" * 64)
    ether = Ether(src=source.mac("net1"), dst=target.mac("net1"))
    return bytes(ether / IP(src=src, dst=target.ip(4, "net1")) / l4)


def with_raw(pod, run):
    raw = pod.raw("net1")
    try:
        return run(raw)
    finally:
        raw.close()


def send(pod, frame, count):
    with_raw(pod, lambda raw: [raw.send(frame) for _ in range(count)])


def hear(raw, sport, count):
    for _ in range(count):
        raw.receive(lambda frame: UDP in frame and frame[UDP].sport == sport, timeout=20)


def test_guard(node, pods):
    """In the switch, where it is counted by name, and in the card by its rules' hits."""
    one, other = pods
    spoofed, honest = "10.1.200.200", one.ip(4, "net1")
    port = one.endpoint("net1")["port"]

    def only_honest(sport):
        def run(raw):
            send(one, packet(one, other, spoofed, sport), 5)
            send(one, packet(one, other, honest, sport), 1)
            got = raw.receive(lambda f: UDP in f and f[UDP].sport == sport, timeout=20)
            assert got[IP].src == honest

        with_raw(other, run)

    def dropped_in_switch():
        return node.port_stats()[port]["drops"].get("spoof_ip", 0)

    def dropped_in_card():
        rules = node.cwctl("flow", "list", port=port)
        return sum(rule["packets"] for rule in rules if rule["kind"] == "guard-drop")

    node.cwctl("flow", "set", offload="off")
    before = dropped_in_switch()
    only_honest(2000)
    assert dropped_in_switch() - before == 5
    node.cwctl("flow", "set", offload="on")
    wait_until(lambda: len(node.cwctl("flow", "list", port=port)) > 4, "the guard's rules")
    only_honest(2001)
    wait_until(lambda: dropped_in_card() >= 5, "what the card drops is counted", timeout=30)
    assert dropped_in_switch() - before == 5


def test_data_plane_killed(node, pods):
    one, other = pods
    node.dp.kill()
    node.start_dp()
    node.wait_connected()
    assert {port["state"] for port in node.cwctl("port", "list")} == {"ready"}
    assert ping(one, other.ip(4, "net1"))[0] == 0


def test_control_plane_killed(node, pods):
    one, other = pods
    before = [pod.endpoint("net1") for pod in pods]
    node.control.kill()
    assert ping(one, other.ip(4, "net1"))[0] == 0
    node.start_control()
    node.wait_connected()
    assert [pod.endpoint("net1") for pod in pods] == before
    assert {vf["state"] for vf in node.cwctl("vf", "list")} == {"attached"}


def test_uplink_deleted(node, pods):
    """Those behind representors go on without it, and it comes back beside them."""
    one, other = pods
    node.cwctl("port", "del", "up0")
    assert ping(one, other.ip(4, "net1"))[0] == 0
    assert {pod.endpoint("net1")["state"] for pod in pods} == {"ready"}
    node.add_uplink()
    assert node.cwctl("port", "get", "up0")["state"] == "ready"
    assert ping(one, other.ip(4, "net1"))[0] == 0


def test_refusals(node, pods):
    """The card puts on no tags here, and has each representor once."""
    pod = node.bare_pod("refused")
    for keys, words in (
        ({"vlan": 5, "vlanQoS": 3}, "representor"),
        ({"trust": "on"}, "trust"),
    ):
        pods[1].delete("net1")
        with pytest.raises(CniError) as refusal:
            pod.add("net1", deviceID=vf_address(1), **keys)
        assert words in json.dumps(refusal.value.error)
        pods[1].add("net1", deviceID=vf_address(1), mac=MAC.format(1), vf_path="switch")
    add = ("port", "add", "mine", "kind=vf", f"device={PF}", "representor=vf1")
    done = node.cwctl.run(*add, check=False)
    assert done.returncode == 1 and "another port's" in done.stderr


def test_vlan_is_a_network_of_the_switch(node, pods):
    pods[1].delete("net1")
    pods[1].add("net1", deviceID=vf_address(1), mac=MAC.format(1), vlan=5)
    endpoint = pods[1].endpoint("net1")
    assert endpoint["network"] == "default.5"
    assert node.cwctl("port", "get", endpoint["port"])["vlan"] == 0


def test_everything_comes_back(node, pods):
    for index, pod in enumerate(pods):
        pod.delete("net1")
        link = node.namespace.link(f"v{index}")
        assert link["address"] == vf_mac(index)
        assert node.card.read_settings(index).startswith(f"mac={vf_mac(index)} spoofchk=1 ")
    assert {port["name"] for port in node.cwctl("port", "list")} >= {"up0"}
    assert not [p for p in node.cwctl("port", "list") if "representor=" in p.get("args", "")]
    assert {vf["state"] for vf in node.cwctl("vf", "list")} == {"free"}


def test_a_port_by_hand_keeps_its_vf(node, pods):
    node.cwctl("port", "add", "guest0", kind="vf", device=PF, representor="vf0")
    assert node.cwctl("vf", "get", vf_address(0))["owner"] == "port guest0"
    pod = node.bare_pod("late")
    with pytest.raises(CniError) as refusal:
        pod.add("net1", deviceID=vf_address(0))
    assert "guest0" in json.dumps(refusal.value.error)
    node.cwctl("port", "del", "guest0")
    pod.add("net1", deviceID=vf_address(0))
    pod.delete("net1")


def test_an_uplink_that_comes_later(node, pods):
    """Pods that were attached to their card alone have their representors as ports then."""
    node.cwctl("port", "del", "up0")
    for index, pod in enumerate(pods):
        pod.add("net1", deviceID=vf_address(index), mac=MAC.format(index))
        assert "args" not in node.cwctl("port", "get", pod.endpoint("net1")["port"])
    node.add_uplink()
    for index, pod in enumerate(pods):
        wait_until(lambda pod=pod: pod.endpoint("net1")["state"] == "ready", "ready", timeout=30)
        port = node.cwctl("port", "get", pod.endpoint("net1")["port"])
        assert port["args"] == f"device={PF},representor=vf{index}"
    assert ping(pods[0], pods[1].ip(4, "net1"))[0] == 0
    node.assert_alive()
