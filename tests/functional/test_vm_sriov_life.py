# SPDX-License-Identifier: Apache-2.0
"""VFs whose pods, daemons, plugins and cards end at the wrong moment: none is lost, none owned twice,
each is as it was.

CAUSEWAY_VM_FULL=1 is the long form.
"""
import json
import random
import subprocess
import time

import pytest
from lib import settings, sriov
from lib.cni import CniError
from lib.wait import wait_until

pytestmark = [pytest.mark.slow, sriov.GUEST]
CYCLES = 200 if settings.VM_FULL else 5
KEYS = {"mac": "02:00:00:00:0c:02", "vlan": 77, "trust": "on", "spoofchk": "off",
        "max_tx_rate": 50}  # fmt: skip
BACK_S = 60


@pytest.fixture(name="node")
def fixture_node(sriov_node):
    return sriov_node


class State:
    """All that is to be the same after a pod."""

    def __init__(self, node, vf):
        self.node, self.vf = node, vf
        self.before = self.now()

    def now(self):
        return self.node.pf.snapshot(), self.vf.own_link(), self.vf.driver(), self.leases()

    def leases(self):
        folder = self.node.scratch / "ipam" / "causeway"
        return sorted(path.name for path in folder.glob("*.*.*.*")) if folder.exists() else []

    def assert_back(self):
        """What a crash interrupts is undone by causewayd a little later."""
        wait_until(
            lambda: self.node.call("vf.get", pci=self.vf.address)["state"] == "free",
            f"VF {self.vf.address} free", BACK_S,
        )  # fmt: skip
        now = self.now()
        assert now == self.before, changed_vfs(self.before[0], now[0])
        assert self.node.call("endpoint.list") == []


def changed_vfs(before, now):
    """(before, now) of each VF that two snapshots show differently."""
    lists = (json.loads(text)[0]["vfinfo_list"] for text in (before, now))
    return [pair for pair in zip(*lists) if pair[0] != pair[1]]


@pytest.fixture(params=[sriov.KERNEL, sriov.DPDK])
def vf(node, request):
    with node.vf(request.param) as one:
        yield one


@pytest.fixture
def state(node, vf):
    one = State(node, vf)
    yield one
    one.assert_back()


def keys_for(vf):
    return KEYS | {"interface": "vf", "deviceID": vf.address} | (
        {"mtu": 1400} if vf.driver() == sriov.KERNEL else {}
    )  # fmt: skip


class Disturber:
    """Runs the plugin and kills it, causewayd or both meanwhile."""

    def __init__(self, node, seed):
        self.node, self.random = node, random.Random(seed)
        self.seconds = {}  # verb: how long one takes that nobody disturbs

    def run(self, verb, pod, **keys):
        """Returns whether the plugin succeeded. causewayd runs again at the end."""
        victims = self.random.choice([(), ("plugin",), ("control",), ("plugin", "control")])
        if verb not in self.seconds:
            victims = ()  # the first one is to be measured
        began = time.monotonic()
        plugin = self.node.cni.start(verb, pod.container, pod.namespace.path, **keys)
        if victims:
            time.sleep(self.random.uniform(0, self.seconds[verb]))
        if "plugin" in victims:
            plugin.kill()
        if "control" in victims:
            self.node.control.kill()
            self.node.start_control()
        output, errors = plugin.communicate(timeout=120)
        self.seconds.setdefault(verb, time.monotonic() - began)
        assert victims or plugin.returncode == 0, output + errors
        return plugin.returncode == 0


def owner(node, vf):
    return node.call("vf.get", pci=vf.address).get("owner")


def assert_owned_once(node, vf, pod):
    """By this pod, and another one does not get it."""
    assert owner(node, vf) == f"{pod.container}/eth0"
    other = node.bare_pod("other")
    run = node.cni.run("ADD", other.container, other.namespace.path, **keys_for(vf))
    assert run.returncode != 0 and pod.container in run.stdout, run
    node.cni.call("DEL", other.container, other.namespace.path, **keys_for(vf))
    assert owner(node, vf) == f"{pod.container}/eth0"
    node.remove(other)


def test_killed_at_any_moment(node, vf, state):
    disturber = Disturber(node, f"{settings.FUZZ_SEED} {vf.driver()}")
    attached = 0
    for cycle in range(CYCLES):
        pod = node.bare_pod("cycle")
        keys = keys_for(vf)
        if disturber.run("ADD", pod, **keys):
            attached += 1
            assert_owned_once(node, vf, pod)
        disturber.run("DEL", pod, **keys)
        # The runtime repeats a DEL that failed.
        node.cni.call("DEL", pod.container, pod.namespace.path, **keys)
        state.assert_back()
        node.remove(pod)
        print(f"cycle {cycle}: {attached} attached")
    assert attached > 0
    node.wait_connected()


def test_namespace_deleted_under_it(node, vf, state):
    """The kernel brings the interface back as eth0 or dev7; its settings are the former pod's."""
    pod = node.bare_pod("vanishes")
    keys = keys_for(vf)
    pod.add(**keys)
    assert node.pf.snapshot() != state.before[0]
    subprocess.run(["ip", "netns", "del", pod.namespace.name], check=True)
    wait_until(
        lambda: node.call("vf.get", pci=vf.address)["state"] == "gone", "the pod is missed", BACK_S
    )
    node.cni.call("DEL", pod.container, "", **keys)
    pod.attached.clear()
    node.remove(pod)


def test_causewayd_comes_back_to_attached_vfs(node, vf, state):
    pod = node.bare_pod("stays")
    pod.add(**keys_for(vf))
    while_attached = node.pf.snapshot()
    node.control.kill()
    node.start_control()
    node.wait_connected()
    assert owner(node, vf) == f"{pod.container}/eth0"
    assert node.pf.snapshot() == while_attached != state.before[0]
    node.remove(pod)


def test_number_of_vfs_changed_below_a_pod(node):
    """The pod's VF has gone, another one has its address: that is nobody's and stays as it is."""
    other = node.pod("other")
    vf = node.free[-1].bind(sriov.KERNEL)
    pod = node.vf_pod("loses", vf, **KEYS)
    count = len(node.pf.vfs)
    node.pf.remove_vfs()
    wait_until(lambda: pod.endpoint()["state"] != "ready", "the loss is seen", BACK_S)
    assert vf.address in pod.endpoint()["reason"], pod.endpoint()
    node.pf.create_vfs(count)
    node.free = list(node.pf.vfs[1:])
    fresh = node.free[-1].bind(sriov.KERNEL)
    before = node.pf.snapshot(), fresh.own_link()
    assert fresh.address == vf.address
    node.remove(pod)
    assert (node.pf.snapshot(), fresh.own_link()) == before
    again = node.vf_pod("again", fresh, **KEYS)
    assert owner(node, fresh) == f"{again.container}/eth0"
    node.remove(again)
    assert (node.pf.snapshot(), fresh.own_link()) == before
    fresh.bind("")
    assert other.endpoint()["state"] == "ready"
    node.remove(other)


def test_a_vf_that_is_not_there(node):
    pod = node.bare_pod("nothing")
    with pytest.raises(CniError, match="0000:01:1f.7"):
        pod.add(interface="vf", deviceID="0000:01:1f.7")
    with pytest.raises(CniError, match=node.pf.address):
        pod.add(interface="vf", deviceID=node.pf.address)
    node.remove(pod)


def test_doctor_sees_the_card(node):
    text = node.cwctl.run("doctor", check=False).stdout
    print(text)
    assert node.pf.ifname() in text or node.pf.address in text, text
