# SPDX-License-Identifier: Apache-2.0
"""causeway-cni: verbs, versions, idempotence, rollback (CNI specification 1.0.0 and 1.1.0)."""
import subprocess

import pytest
from lib.cni import CniError
from lib.traffic import is_silent, ping
from scapy.layers.l2 import Dot1Q, Ether

VERSIONS = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]


def links(namespace):
    return {link["ifname"] for link in namespace.ip_json("link")}


@pytest.fixture
def pod(node):
    """A namespace without an interface yet."""
    pod = node.bare_pod("cni")
    yield pod
    pod.close()
    node.pods.remove(pod)


@pytest.fixture(autouse=True)
def leaves_nothing(node):
    before = links(node.namespace), node.call("endpoint.list")
    yield
    node.assert_alive()
    assert (links(node.namespace), node.call("endpoint.list")) == before


def addresses_in_use(node):
    """host-local's files, one an address."""
    names = [path.name for path in (node.scratch / "ipam").rglob("*")]
    return {name for name in names if name.startswith(("10.", "fd00"))}


@pytest.mark.parametrize("version", VERSIONS)
def test_result_in_the_requested_version(pod, version):
    changes = {"cniVersion": version}
    if version == "1.1.0":  # which Debian 12's host-local does not know
        changes |= {"ipam": None, "args": {"cni": {"ips": ["10.1.200.1/16", "fd00:1::c8/64"]}}}
    result = pod.add(**changes)
    assert result["cniVersion"] == version
    for ip in result["ips"]:
        assert ("version" in ip) == version.startswith("0.")
        assert result["interfaces"][ip["interface"]]["name"] == "eth0"
    if version != "1.1.0":
        assert {route["dst"] for route in result["routes"]} == {"0.0.0.0/0", "::/0"}


def test_second_add_of_one_name_is_refused(node, pod):
    """The specification forbids it to runtimes; the first attachment stays as it is."""
    pod.add()
    used, addresses = addresses_in_use(node), pod.namespace.addresses("eth0")
    with pytest.raises(CniError):
        node.cni.call("ADD", pod.container, pod.namespace.path)
    assert pod.namespace.addresses("eth0") == addresses
    assert addresses_in_use(node) == used
    assert ping(node.namespace, pod.ip(4))[0] == 0


def test_delete_twice(node, pod):
    pod.add()
    pod.delete()
    assert links(pod.namespace) == {"lo"}
    node.cni.call("DEL", pod.container, pod.namespace.path)


def test_delete_after_the_namespace_is_gone(node):
    """The kernel destroys a namespace in its own time: DEL may come before, during or after."""
    for _ in range(20):
        pod = node.bare_pod("gone")
        pod.add()
        used = addresses_in_use(node)
        subprocess.run(["ip", "netns", "del", pod.namespace.name], check=True)
        pod.delete()
        assert addresses_in_use(node) < used
        node.pods.remove(pod)


def test_two_interfaces_of_one_pod(node, pod):
    pod.add("eth0")
    pod.add("net1")
    assert {"eth0", "net1"} <= links(pod.namespace)
    pod.delete("net1")
    assert "net1" not in links(pod.namespace) and "eth0" in links(pod.namespace)


def test_foreign_interface_of_that_name_is_left_alone(node, pod):
    pod.namespace.ip("link add eth0 type veth peer name other")
    used = addresses_in_use(node)
    with pytest.raises(CniError) as error:
        pod.add()
    assert "eth0" in error.value.error["msg"] + error.value.error.get("details", "")
    assert pod.namespace.link("eth0")["linkinfo"]["info_kind"] == "veth"
    assert addresses_in_use(node) == used  # IPAM was rolled back


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"cniVersion": "9.9.9"}, 1),
        ({"mtu": -1}, 7),
        ({"mtu": "many"}, 7),
        ({"vlan": 5000}, 7),
        ({"mac": "01:00:00:00:00:01"}, 7),
        ({"interface": "teleport"}, 7),
        ({"ipam": {"type": "no-such-ipam"}}, None),
        ({"name": ""}, 7),
    ],
    ids=str,
)
def test_bad_configuration(node, pod, changes, code):
    used = addresses_in_use(node)
    with pytest.raises(CniError) as error:
        pod.add(**changes)
    assert error.value.error["msg"]
    if code is not None:
        assert error.value.code == code
    assert links(pod.namespace) == {"lo"} and addresses_in_use(node) == used


def test_mtu_and_mac_of_the_configuration(node, pod):
    pod.add(mtu=1400, mac="02:aa:bb:cc:dd:01")
    link = pod.namespace.link("eth0")
    assert (link["mtu"], link["address"]) == (1400, "02:aa:bb:cc:dd:01")


def test_networks_of_their_own(node):
    """Overlapping addresses in different networks never meet."""
    for name in ("blue", "green"):
        node.call("network.add", name=name, host=False)
    ipam = {"type": "static", "addresses": [{"address": "10.9.0.5/24", "gateway": "10.9.0.1"}]}
    other = {"type": "static", "addresses": [{"address": "10.9.0.6/24", "gateway": "10.9.0.1"}]}
    pods = []
    try:
        for number, (network, plan) in enumerate(
            [("blue", ipam), ("blue", other), ("green", ipam), ("green", other)]
        ):
            pod = node.bare_pod(f"net{number}")
            pods.append(pod)
            pod.add(network=network, ipam=plan, name=f"cni-{network}")
        for first, second in (pods[:2], pods[2:]):
            assert ping(first.namespace, second.ip(4))[0] == 0
        # Only two may answer for .6: take one away and its network alone goes silent.
        pods[1].delete()
        assert is_silent(pods[0].namespace, "10.9.0.6")
        assert ping(pods[2].namespace, "10.9.0.6")[0] == 0
    finally:
        for pod in pods:
            pod.close()
            node.pods.remove(pod)
        for name in ("blue", "green"):
            node.call("network.del", name=name)


def test_vlan_joins_a_network_of_its_own(node):
    """Pods with the same key meet; a pod of the parent network with an address of theirs does not."""
    plans = [
        ({"vlan": 5}, "10.8.0.5/24"),
        ({"vlan": 5}, "10.8.0.6/24"),
        ({}, "10.8.0.7/24"),
    ]
    pods = []
    try:
        for number, (changes, address) in enumerate(plans):
            pod = node.bare_pod(f"vlan{number}")
            pods.append(pod)
            pod.add(ipam={"type": "static", "addresses": [{"address": address}]}, **changes)
        assert ping(pods[0].namespace, "10.8.0.6")[0] == 0
        assert is_silent(pods[0].namespace, "10.8.0.7")
        assert pods[0].endpoint()["network"] == "default.5"
    finally:
        for pod in pods:
            pod.close()
            node.pods.remove(pod)


def test_trunk_carries_tags_of_several_networks(node):
    """The tagged frame of one pod reaches the untagged pod of the network that the tag maps to."""
    for name in ("blue", "red"):
        node.call("network.add", name=name, host=False)
    trunk, blue, red = (node.bare_pod(name) for name in ("trunk", "blue", "red"))
    try:
        tags = [{"vlan": 7, "network": "blue"}, {"vlan": 9, "network": "red"}]
        trunk.add(trunk=tags, guard=False, ipam=None)
        blue.add(network="blue", ipam=None)
        red.add(network="red", ipam=None)
        sockets = [pod.raw() for pod in (trunk, blue, red)]
        for tag, target in ((7, sockets[1]), (9, sockets[2])):
            frame = Ether(src=trunk.mac(), dst="ff:ff:ff:ff:ff:ff") / Dot1Q(vlan=tag, type=0x88B5)
            sockets[0].send(frame / bytes([tag] * 60))
            got = target.receive(lambda packet: packet.type == 0x88B5)
            assert bytes(got.payload) == bytes([tag] * 60)
        for raw in sockets:
            raw.close()
    finally:
        for pod in (trunk, blue, red):
            pod.close()
            node.pods.remove(pod)
        for name in ("blue", "red"):
            node.call("network.del", name=name)


def test_gc_takes_back_what_the_runtime_does_not_name(node, pod):
    keys = {"cniVersion": "1.1.0", "ipam": None}
    addresses = {"eth0": "10.1.201.1/16", "net1": "10.1.201.2/16"}
    for ifname, address in addresses.items():
        pod.add(ifname, args={"cni": {"ips": [address]}}, **keys)
    node.control.kill()
    node.start_control()
    node.wait_connected()
    valid = [{"containerID": pod.container, "ifname": "eth0"}]
    for name in ("another", "causeway"):
        assert pod.endpoint("net1")["cni_network"] == "causeway"
        config = keys | {"name": name, "cni.dev/valid-attachments": valid}
        node.cni.call("GC", "", "", "", **config)
    assert links(pod.namespace) == {"lo", "eth0"}
    del pod.attached["net1"]
