# SPDX-License-Identifier: Apache-2.0
"""VF pods and all other kinds of pods in one network, through the switch's own VF: everybody reaches
everybody by both families, on both ways (vf_path) and with VLANs.

What polls shares two emulated CPUs: of the DPDK pods only those that talk are awake.
"""
import contextlib
import itertools

import pytest
from lib import settings, sriov
from lib.sriov_node import GATEWAY, UPLINK, UPLINK_MAC
from lib.stack_pod import StackPod
from lib.traffic import iperf, ping
from lib.wait import wait_until

pytestmark = [pytest.mark.slow, sriov.GUEST]
VLAN = 100
# vf_path and vlan of all pods. CAUSEWAY_VM_FULL=1 adds the others, and the other pairs.
WAYS = [("card", 0), ("switch", VLAN)]
if settings.VM_FULL:
    WAYS += [("card", VLAN), ("switch", 0)]
DRIVERS = {"vf": sriov.KERNEL, "other-vf": sriov.KERNEL, "dpdk-vf": sriov.DPDK}
KINDS = [*DRIVERS, "kernel", "vhost-user", "memif"]
ALL_PAIRS = [pair for pair in itertools.combinations(KINDS, 2) if DRIVERS.keys() & set(pair)]
BRIEF = [("vf", "kernel"), ("dpdk-vf", "vhost-user")]
PAIRS = ALL_PAIRS if settings.VM_FULL else BRIEF
MADE = [kind for kind in KINDS if any(kind in pair for pair in PAIRS)]


@pytest.fixture(scope="module")
def node(sriov_node):
    """With an uplink, which is gone afterwards and its VF as it was."""
    before = sriov_node.uplink_vf.driver(), sriov.override(sriov_node.uplink_vf.address)
    sriov_node.add_uplink()
    yield sriov_node
    sriov_node.cwctl("port", "del", name=UPLINK)
    vf = sriov_node.uplink_vf
    assert (vf.driver(), sriov.override(vf.address)) == before
    vf.set("mac 00:00:00:00:00:00")


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: f"{way[0]}-{way[1]}")
def pods(node, request):
    """{kind: pod} of one way; at the end the card is as it was."""
    path, vlan = request.param
    keys = {"vlan": vlan} if vlan else {}
    with contextlib.ExitStack() as stack:
        vfs = {
            kind: stack.enter_context(node.vf(driver))
            for kind, driver in DRIVERS.items()
            if kind in MADE
        }
        before = node.pf.snapshot()
        stack.callback(lambda: check_same(node.pf.snapshot(), before))
        made = {}

        def add(kind, pod):
            stack.callback(node.remove, pod)
            made[kind] = pod
            if isinstance(pod, StackPod):
                pod.freeze()

        for kind, vf in vfs.items():
            make = node.vf_pod if DRIVERS[kind] == sriov.KERNEL else node.dpdk_pod
            add(kind, make(kind, vf, vf_path=path, **keys))
        add("kernel", node.pod("kernel", **keys))
        for interface in (kind for kind in ("vhost-user", "memif") if kind in MADE):
            add(interface, node.socket_pod(interface, interface, **keys))
        yield made


def check_same(now, before):
    assert now == before


@contextlib.contextmanager
def awake(*pods):
    with contextlib.ExitStack() as stack:
        for pod in pods:
            if isinstance(pod, StackPod):
                stack.enter_context(pod.awake())
        yield


def assert_reaches(pod, address):
    """Nothing is lost, once those in between know each other and whoever slept is awake."""
    wait_until(lambda: ping(pod.namespace, address, 1)[0] == 0, f"{address} answers", timeout=60)
    assert ping(pod.namespace, address)[0] == 0


def wait_for_pod(pod, state, words=""):
    def shows():
        endpoint = pod.endpoint()
        return endpoint["state"] == state and words in endpoint.get("reason", "")

    wait_until(shows, f"pod {state} {words}", timeout=60)


@pytest.mark.parametrize("path", ["card", "switch"])
def test_pods_follow_their_uplink(sriov_node, path):
    """One that was there first gets its way when the uplink comes, loses it and has it again."""
    with contextlib.ExitStack() as stack:
        pod = None
        vf = stack.enter_context(sriov_node.vf(sriov.KERNEL))
        stack.callback(sriov_node.uplink_vf.set, "mac 00:00:00:00:00:00")
        if path == "card":
            pod = sriov_node.vf_pod("early", vf, vf_path=path)
            wait_for_pod(pod, "ready", "card alone")
        sriov_node.add_uplink()
        stack.callback(sriov_node.cwctl, "port", "del", name=UPLINK)
        if pod is None:
            pod = sriov_node.vf_pod("early", vf, vf_path=path)
        stack.callback(sriov_node.remove, pod)
        assert_reaches(pod, GATEWAY[4])
        sriov_node.cwctl("port", "del", name=UPLINK)
        wait_for_pod(pod, "waiting", "was deleted")
        assert ping(pod.namespace, GATEWAY[4], 1)[0] > 0
        sriov_node.add_uplink()
        wait_for_pod(pod, "ready")
        assert_reaches(pod, GATEWAY[4])
    sriov_node.assert_alive()


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_pods_reach_each_other(node, pods, pair):
    one, other = (pods[kind] for kind in pair)
    with awake(one, other):
        for family in (4, 6):
            assert_reaches(one, other.ip(family))
            assert_reaches(other, one.ip(family))
        end = iperf(other.namespace, one.namespace, other.ip(4), seconds=1)
        assert end["sum_received"]["bytes"] > 0
    node.assert_alive()


def way_to_gateway(pod, family):
    """The MAC address that the pod sends to."""
    (known,) = pod.namespace.ip_json(f"-{family} neigh show {GATEWAY[family]}")
    return known["lladdr"]


@pytest.mark.parametrize("kind", DRIVERS if settings.VM_FULL else ["dpdk-vf"])
def test_vf_pods_reach_their_gateway_and_the_node(node, pods, kind):
    """By the switch: the kernel behind the PF has these addresses, too."""
    with awake(pods[kind]):
        for family in (4, 6):
            assert_reaches(pods[kind], GATEWAY[family])
            assert way_to_gateway(pods[kind], family) == UPLINK_MAC
