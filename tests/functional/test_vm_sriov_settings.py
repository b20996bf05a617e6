# SPDX-License-Identifier: Apache-2.0
"""Settings of VF pods on a real driver: set, read back by ip(8), refused, and as they were after DEL.

No uplink: the VFs are what sriov-cni makes of them.
"""
import pytest
from lib import settings, sriov
from lib.cni import CniError

pytestmark = [pytest.mark.slow, sriov.GUEST]
MAC = "02:00:00:00:0c:01"
REFUSED = 103

# keys of the configuration, what `ip -j link show` says of the VF then
SETTINGS = {
    "mac": ({"mac": MAC}, {"address": MAC}),
    "vlan": ({"vlan": 100}, {"vlan_list": [{"vlan": 100}]}),
    "qos": ({"vlan": 100, "vlanQoS": 3}, {"vlan_list": [{"vlan": 100, "qos": 3}]}),
    "spoofchk": ({"spoofchk": "off"}, {"spoofchk": False}),
    "trust": ({"trust": "on"}, {"trust": True}),
    "rate": ({"max_tx_rate": 100}, {"rate": {"max_tx": 100, "min_tx": 0}}),
    "nothing": ({"min_tx_rate": 0, "max_tx_rate": 0, "spoofchk": "on", "trust": "off"}, {}),
    "all": (
        {"mac": MAC, "vlan": 4094, "vlanQoS": 7, "spoofchk": "off", "trust": "on", "max_tx_rate": 9},
        {"address": MAC, "vlan_list": [{"vlan": 4094, "qos": 7}], "spoofchk": False, "trust": True,
         "rate": {"max_tx": 9, "min_tx": 0}},
    ),
}  # fmt: skip
# keys, how the message names the setting
REFUSALS = {
    "802.1ad": ({"vlan": 100, "vlanProto": "802.1ad"}, "802.1ad"),
    "min_tx_rate": ({"min_tx_rate": 10, "max_tx_rate": 100}, "min_tx_rate"),
    "link_state": ({"link_state": "enable"}, "link_state"),
    "late": ({"mac": MAC, "vlan": 7, "trust": "on", "link_state": "disable"}, "link_state"),
}
BRIEF = ("all", "nothing")  # what every run looks at; CAUSEWAY_VM_FULL=1 adds them one by one


@pytest.fixture(name="node")
def fixture_node(sriov_node):
    return sriov_node


@pytest.fixture(params=[sriov.KERNEL, sriov.DPDK])
def vf(node, request):
    """At the end everything must be as it was, to the byte; also the VF's own interface."""
    with node.vf(request.param) as one:
        before = node.pf.snapshot(), one.own_link()
        yield one
        assert (node.pf.snapshot(), one.own_link()) == before
        assert one.driver() == request.param
        assert node.call("endpoint.list") == []


def contains(shown, wanted):
    """Every key and list of wanted is in shown."""
    if isinstance(wanted, dict):
        return all(key in shown and contains(shown[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(shown) == len(wanted) and all(map(contains, shown, wanted))
    return shown == wanted


@pytest.mark.parametrize("name", SETTINGS if settings.VM_FULL else BRIEF)
def test_settings_are_made_and_taken_back(node, vf, name):
    keys, expected = SETTINGS[name]
    pod = node.vf_pod("settings", vf, **keys)
    try:
        assert contains(vf.settings(), expected), vf.settings()
        assert node.call("vf.get", pci=vf.address)["owner"]
    finally:
        node.remove(pod)


@pytest.mark.parametrize("name", REFUSALS)
def test_what_the_driver_refuses_changes_nothing(node, vf, name):
    """The fixture looks whether all is as before."""
    keys, word = REFUSALS[name]
    pod = node.bare_pod("refused")
    try:
        with pytest.raises(CniError) as refused:
            pod.add(interface="vf", deviceID=vf.address, **keys)
        assert refused.value.code == REFUSED, refused.value
        text = " ".join(str(refused.value.error.get(key, "")) for key in ("msg", "details"))
        assert word in text and "igb" in text, text
    finally:
        node.remove(pod)


def test_mtu_of_the_interface(node):
    with node.vf(sriov.KERNEL) as vf:
        before = vf.own_link()
        pod = node.vf_pod("mtu", vf, mtu=1400)
        assert pod.namespace.link("eth0")["mtu"] == 1400
        node.remove(pod)
        assert vf.own_link() == before and before["mtu"] == 1500


def test_a_vf_has_one_owner(node, vf):
    pod = node.vf_pod("first", vf)
    other = node.bare_pod("second")
    try:
        with pytest.raises(CniError) as refused:
            other.add(interface="vf", deviceID=vf.address)
        assert pod.container in str(refused.value)
        pod.node.cni.call("CHECK", pod.container, pod.namespace.path, "eth0",
                          **pod.attached["eth0"][1], prevResult=pod.result)  # fmt: skip
    finally:
        node.remove(other)
        node.remove(pod)
