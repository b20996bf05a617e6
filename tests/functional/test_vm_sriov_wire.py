# SPDX-License-Identifier: Apache-2.0
"""Two Causeway nodes, a card each, on one wire: host-gw and VXLAN over uplinks of kinds vf and nic.

The near node has a VF and leaves the PF to its kernel; the far one has a VF, too, or its whole card.
Both have an address of their own on the wire, for which the switch itself answers.
"""
import pytest
from lib import settings, sriov
from lib.netns import Namespace
from lib.node import Node
from lib.sriov_node import UPLINK, UPLINK_MAC
from lib.traffic import iperf, ping
from lib.wait import wait_until

pytestmark = [pytest.mark.slow, sriov.GUEST]
NETWORK, VNI = "blue", 7
FAR_MAC = "02:00:00:00:0b:02"
VTEP_MAC = {1: "02:00:00:00:0d:01", 2: "02:00:00:00:0d:02"}
READY_S = 60


def wire_address(number, family=4):
    return f"172.31.0.{number}" if family == 4 else f"fd00:31::{number}"


def pods_of(number):
    """Prefixes of the node's pods, by family."""
    return {4: f"10.244.{number}.0/24", 6: f"fd00:244:{number}::/64"}


class End:
    """A node's part of the network."""

    def __init__(self, node, number):
        self.node, self.number, self.pods = node, number, []
        gateways = [f"10.244.{number}.1/24", f"fd00:244:{number}::1/64"]
        subnets = [*gateways, f"{wire_address(number)}/24", f"{wire_address(number, 6)}/64"]
        node.cwctl("network", "add", name=NETWORK, vni=VNI, subnets=",".join(subnets),
                   resolve="true")  # fmt: skip

    def add_uplink(self, kind, address, mac):
        self.node.cwctl("port", "add", name=UPLINK, kind=kind, device=address, uplink="true",
                        network=NETWORK, bind=sriov.DPDK, mac=mac)  # fmt: skip
        self.wait_uplink()
        self.node.cwctl("vtep", "add", name="vx", kind="vxlan", address=wire_address(self.number),
                        uplink=UPLINK, mac=VTEP_MAC[self.number])  # fmt: skip

    def wait_uplink(self, state="ready"):
        wait_until(
            lambda: self.node.call("port.get", name=UPLINK)["state"] == state,
            f"uplink of node {self.number} {state}", READY_S,
        )  # fmt: skip

    def lead_to(self, other, backend):
        """Routes to the other's pods; of both families also by the tunnel over IPv4."""
        for family, prefix in pods_of(other.number).items():
            way = {"port": UPLINK, "via": wire_address(other.number, family)}
            if backend == "vxlan":
                underlay = 40 + other.number
                if family == 4:
                    self.node.cwctl("nexthop", "add", underlay, kind="port", network=NETWORK, **way)
                way = {"vtep": "vx", "remote": wire_address(other.number), "underlay": underlay,
                       "mac": VTEP_MAC[other.number], "vni": VNI}  # fmt: skip
            self.node.cwctl("route", "set", NETWORK, prefix, **way)

    def config(self):
        ipam = self.node.cni.config["ipam"] | {
            "dataDir": str(self.node.scratch / f"ipam-{self.number}"),
            "ranges": [[{"subnet": prefix}] for prefix in pods_of(self.number).values()],
        }
        return {"network": NETWORK, "ipam": ipam}

    def pod(self, name, **keys):
        pod = self.node.pod(name, **self.config(), **keys)
        self.pods.append(pod)
        return pod

    def close(self):
        for pod in self.pods:
            pod.delete()
            pod.close()
            self.node.pods.remove(pod)
        for prefix in pods_of(3 - self.number).values():
            self.node.cwctl.run("route", "del", NETWORK, prefix, check=False)
        for words in (("nexthop", "del", 43 - self.number), ("vtep", "del", "vx"),
                      ("port", "del", UPLINK), ("network", "del", NETWORK)):  # fmt: skip
            self.node.cwctl.run(*words, check=words[0] != "nexthop")


@pytest.fixture(scope="module")
def near(sriov_node):
    sriov_node.uplink_vf.set(f"mac {UPLINK_MAC}")
    end = End(sriov_node, 1)
    end.add_uplink("vf", sriov_node.uplink_vf.address, UPLINK_MAC)
    end.pod("near")
    yield end
    end.close()
    sriov_node.uplink_vf.set("mac 00:00:00:00:00:00")


@pytest.fixture(scope="module", params=["nic", "vf"] if settings.VM_FULL else ["nic"])
def far(sriov_node, scratch, hugepages, request):
    """The other card is in its namespace, as far as the kernel has it."""
    card, namespace = sriov_node.far, Namespace("far")
    node = Node(scratch / request.param, hugepages, namespace=namespace)
    try:
        address, mac = card.address, card.link()["address"]
        if request.param == "vf":
            card.move(namespace)
            vf = card.create_vfs(1)[0]
            vf.set(f"mac {FAR_MAC}")
            address, mac = vf.address, FAR_MAC
        node.start()
        end = End(node, 2)
        end.add_uplink(request.param, address, mac)
        end.pod("far")
        yield end
        end.close()
        assert sriov.driver(address) == ("igb" if request.param == "nic" else "")
    finally:
        node.close()  # the namespace goes, the card comes home
        if card.vfs:
            card.remove_vfs()
        card.namespace = sriov_node.namespace
        wait_until(card.ifname, "the far card's interface is back", READY_S)


@pytest.fixture(params=["host-gw", "vxlan"])
def ways(near, far, request):
    near.lead_to(far, request.param)
    far.lead_to(near, request.param)
    # The far node may have had another card, and its MAC, a moment ago: the near one asks for its
    # address again when it has been silent for long enough (RFC 4861, 7.3.3).
    for family in (4, 6):
        target = far.pods[0].ip(family)
        wait_until(
            lambda ip=target: ping(near.pods[0].namespace, ip, 1)[0] == 0, target, READY_S
        )
    return request.param


@pytest.mark.parametrize("family", [4, 6])
def test_pods_of_two_nodes(near, far, ways, family):
    one, other = near.pods[0], far.pods[0]
    assert ping(one.namespace, other.ip(family))[0] == 0, ways
    assert ping(other.namespace, one.ip(family))[0] == 0, ways
    end = iperf(other.namespace, one.namespace, other.ip(family), seconds=1)
    assert end["sum_received"]["bytes"] > 0


@pytest.mark.parametrize("driver", [sriov.KERNEL])
def test_a_vf_pod_and_a_pod_of_the_other_node(near, far, ways, driver):
    node = near.node
    with node.vf(driver) as vf:
        pod = near.pod("vf", interface="vf", deviceID=vf.address)
        try:
            for family in (4, 6):
                assert ping(pod.namespace, far.pods[0].ip(family))[0] == 0, (ways, family)
                assert ping(far.pods[0].namespace, pod.ip(family))[0] == 0, (ways, family)
        finally:
            near.pods.remove(pod)
            node.remove(pod)


def test_data_plane_starts_again(near, far, ways):
    """VFs and cards are taken up by the next one."""
    near.node.dp.kill()
    near.node.start_dp()
    near.node.wait_connected()
    near.wait_uplink()
    one, other = near.pods[0], far.pods[0]
    wait_until(lambda: ping(one.namespace, other.ip(4), count=1)[0] == 0, "reached again", READY_S)
