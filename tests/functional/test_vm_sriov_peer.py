# SPDX-License-Identifier: Apache-2.0
"""Causeway beside sriov-cni (lib/sriov_peer.py) on one card: the same configurations leave the same
card and the same interface, and neither takes what the other has."""
import fcntl
import json

import pytest
from lib import settings, sriov
from lib.cni import CniError
from lib.netns import HomeNamespace, Namespace
from lib.node import Node
from lib.sriov_peer import NO_MAC, Refused, SriovPeer

pytestmark = [pytest.mark.slow, sriov.GUEST]
MAC = "02:00:00:00:0b:01"
ADDRESSES = ["10.9.0.1/24", "fd00:9::1/64"]
CONTAINER = "peer"
VOLATILE = ("ifindex", "flags", "operstate", "link_netnsid")  # of an interface that comes up


@pytest.fixture(scope="module")
def pf():
    card = sriov.cards()[0]
    card.create_vfs(2)
    yield card
    card.remove_vfs()


@pytest.fixture
def vf(pf):
    """A VF of the kernel's, without settings."""
    vf = pf.vfs[1].bind(sriov.KERNEL)
    yield vf
    vf.bind("")


@pytest.fixture(scope="module")
def peer():
    return SriovPeer()


@pytest.fixture(scope="module")
def home_node(scratch, hugepages):
    """Where the card is."""
    node = Node(scratch, hugepages, namespace=HomeNamespace())
    try:
        yield node.start()
    finally:
        node.close()


@pytest.fixture
def pod():
    namespace = Namespace("pod")
    yield namespace
    namespace.close()


class Causeway:
    """The same calls as the peer's."""

    def __init__(self, node):
        self.node, self.config = node, {}

    def call(self, command, container, ifname, namespace):
        keys = self.config | {"ipam": {}, "runtimeConfig": {"ips": ADDRESSES}}
        return self.node.cni.call(command, container, namespace.path, ifname, **keys)

    def add(self, config, container, ifname, namespace, addresses=()):
        assert list(addresses) == ADDRESSES
        self.config = config
        return self.call("ADD", container, ifname, namespace)

    def delete(self, container, ifname, namespace):
        self.call("DEL", container, ifname, namespace)


def shown(namespace, ifname):
    """`ip -d link` and the addresses, without what changes by itself."""
    (link,) = namespace.ip_json(f"link show dev {ifname}")
    link = {key: value for key, value in link.items() if key not in VOLATILE}
    return link | {"addresses": namespace.addresses(ifname)}


def look(vf, namespace):
    """The card, the VF's driver, and its interface if it has one in that namespace."""
    names = [link["ifname"] for link in namespace.ip_json("link") if is_of(vf, link)]
    return vf.pf.snapshot(), vf.driver(), [shown(namespace, name) for name in names]


def is_of(vf, link):
    return link.get("parentdev") == vf.address


def cycle(plugin, config, vf, pod):
    """What is seen during an attachment and after it."""
    plugin.add(config | {"deviceID": vf.address}, CONTAINER, "net1", pod, ADDRESSES)
    during = look(vf, pod)
    plugin.delete(CONTAINER, "net1", pod)
    assert [link["ifname"] for link in pod.ip_json("link")] == ["lo"]
    return during, look(vf, vf.namespace)


EVERYTHING = {"mac": MAC, "vlan": 7, "spoofchk": "off", "trust": "on", "max_tx_rate": 10}

# igbvf takes no MAC from inside once the PF has set one, which is how sriov-cni sets it in the
# kernel's mode: those with a MAC are compared in DPDK's.
CASES = [
    (sriov.KERNEL, {}),
    (sriov.KERNEL, {"vlan": 100, "vlanQoS": 3, "vlanProto": "802.1q", "trust": "on"}),
    (sriov.KERNEL, {"vlan": 0, "spoofchk": "off", "min_tx_rate": 0, "max_tx_rate": 50}),
    (sriov.DPDK, {"vlan": 9}),
    (sriov.DPDK, EVERYTHING),
]
if not settings.VM_FULL:
    CASES = [CASES[1], CASES[4]]


@pytest.mark.parametrize("driver, config", CASES, ids=lambda value: "-".join(value) if isinstance(value, dict) else value)
def test_same_configuration_same_card(home_node, peer, vf, pod, driver, config):
    vf.bind(driver)
    before = look(vf, vf.namespace)
    theirs = cycle(peer, config, vf, pod)
    ours = cycle(Causeway(home_node), config, vf, pod)
    assert theirs[0] != before
    assert ours == theirs
    assert theirs[1] == before


@pytest.mark.parametrize("own", [MAC, NO_MAC])
def test_a_dpdk_pod_has_a_mac_that_is_known(home_node, vf, pod, own):
    """sriov-cni sets none without the key: where the VF has none the application makes one up."""
    vf.bind(sriov.DPDK)
    vf.set(f"mac {own}")
    try:
        before = look(vf, vf.namespace)
        causeway = Causeway(home_node)
        result = causeway.add({"deviceID": vf.address}, CONTAINER, "net1", pod, ADDRESSES)
        (interface,) = result["interfaces"]
        assert interface["mac"] == vf.settings()["address"] != NO_MAC
        assert interface["sandbox"] == str(pod.path)
        if own == MAC:
            assert look(vf, vf.namespace) == before
        causeway.delete(CONTAINER, "net1", pod)
        assert look(vf, vf.namespace) == before
    finally:
        vf.set(f"mac {NO_MAC}")


def test_trust_comes_back_as_it_was(home_node, pf, vf, pod):
    """Where sriov-cni only switches it off."""
    vf.set("trust on")
    try:
        before = pf.snapshot()
        cycle(Causeway(home_node), {"trust": "off"}, vf, pod)
        assert pf.snapshot() == before
    finally:
        vf.set("trust off")


@pytest.mark.parametrize(
    "config, words",
    [
        ({"min_tx_rate": 5}, ("min_tx_rate", "igb")),
        ({"link_state": "enable"}, ("link_state", "igb")),
        ({"vlan": 5, "vlanProto": "802.1ad"}, ("vlan", "igb")),
    ],
)
def test_what_the_driver_refuses_leaves_the_card_alone(home_node, pf, vf, pod, config, words):
    before = pf.snapshot()
    settings = {"mac": MAC, "trust": "on"}  # which it takes
    with pytest.raises(CniError) as refusal:
        cycle(Causeway(home_node), settings | config, vf, pod)
    assert refusal.value.code == 103
    for word in words:
        assert word in json.dumps(refusal.value.error)
    assert pf.snapshot() == before
    assert vf.ifname()


def test_neither_takes_what_the_other_has(home_node, peer, pf, vf, pod):
    config = {"deviceID": vf.address}
    causeway, other = Causeway(home_node), Namespace("other")
    try:
        peer.add(config, "theirs", "net1", pod)
        taken = pf.snapshot()
        with pytest.raises(CniError, match=vf.address) as refusal:
            causeway.add(config, "ours", "net1", other, ADDRESSES)
        assert refusal.value.code == 101
        assert pf.snapshot() == taken and pod.link("net1")
        peer.delete("theirs", "net1", pod)

        causeway.add(config, "ours", "net1", other, ADDRESSES)
        taken = pf.snapshot()
        with pytest.raises(Refused, match=vf.address):
            peer.add(config, "theirs", "net1", pod)
        assert pf.snapshot() == taken and other.link("net1")
        causeway.delete("ours", "net1", other)
        peer.add(config, "theirs", "net1", pod)
        peer.delete("theirs", "net1", pod)
    finally:
        other.close()


def test_a_vf_that_is_being_changed_is_not_waited_for(home_node, peer, vf, pod):
    causeway = Causeway(home_node)
    path = peer.pci / "vf_lock" / f"{vf.address}.lock"
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(CniError, match=vf.address) as refusal:
            causeway.add({"deviceID": vf.address}, CONTAINER, "net1", pod, ADDRESSES)
        assert refusal.value.code == 11
    causeway.add({"deviceID": vf.address}, CONTAINER, "net1", pod, ADDRESSES)
    causeway.delete(CONTAINER, "net1", pod)
