# SPDX-License-Identifier: Apache-2.0
"""The emulated card alone, without Causeway: what the other test_vm_sriov* take for granted."""
import pytest
from lib import sriov
from lib.netns import Namespace
from lib.stack_pod import StackPod
from lib.testpmd import Pci
from lib.traffic import iperf, ping

pytestmark = [pytest.mark.slow, sriov.GUEST]
MAC = "02:00:00:00:0a:{:02x}".format
IP = {4: "10.9.0.{}", 6: "fd00:9::{}"}


def address(family, number):
    return IP[family].format(number)


def prefixes(number):
    return [f"{address(4, number)}/24", f"{address(6, number)}/64"]


def configure(device, number):
    for prefix in prefixes(number):
        nodad = " nodad" if ":" in prefix else ""
        device.namespace.ip(f"addr add {prefix} dev {device.ifname()}{nodad}")
    device.up()


@pytest.fixture(scope="module")
def pf():
    """Card 0 with three VFs; its wire ends at the namespace "far"."""
    card = sriov.cards()[0]
    card.create_vfs(3)
    yield card
    card.remove_vfs()


@pytest.fixture(scope="module")
def far(pf):
    card = sriov.cards()[1].move(Namespace("far"))
    configure(card, 9)
    yield card
    card.move(pf.namespace)
    card.namespace.close()


@pytest.fixture(scope="module")
def kernel_pod(pf):
    vf = pf.vfs[0]
    vf.set(f"mac {MAC(1)}")
    vf.bind(sriov.KERNEL).move(Namespace("kernel"))
    configure(vf, 1)
    yield vf
    vf.bind("")
    vf.namespace.close()


@pytest.fixture(scope="module")
def dpdk_pod(pf, scratch):
    vf = pf.vfs[1]
    vf.set(f"mac {MAC(2)}")
    vf.bind(sriov.DPDK)
    pod = StackPod(scratch, "dpdk", Pci(vf.address), MAC(2), prefixes(2))
    try:
        yield pod.start()
    finally:
        pod.close()
        vf.bind("")


@pytest.mark.parametrize("family", [4, 6])
def test_both_modes_reach_each_other_and_the_wire(far, kernel_pod, dpdk_pod, family):
    for source, target in ((kernel_pod, 9), (kernel_pod, 2), (far, 2), (far, 1)):
        assert ping(source.namespace, address(family, target))[0] == 0, (source, target)
    end = iperf(dpdk_pod.namespace, kernel_pod.namespace, address(family, 2), seconds=1)
    assert end["sum_received"]["bytes"] > 0


def test_settings_of_a_vf_are_seen_and_come_back(pf):
    """A comparison of snapshots finds each change."""
    vf, before = pf.vfs[2], pf.snapshot()
    for change, back in (
        (f"mac {MAC(3)}", "mac 00:00:00:00:00:00"), ("vlan 7 qos 3", "vlan 0"),
        ("trust on", "trust off"), ("spoofchk off", "spoofchk on"),
        ("max_tx_rate 100", "max_tx_rate 0"),
    ):  # fmt: skip
        vf.set(change)
        assert pf.snapshot() != before, change
        vf.set(back)
        assert pf.snapshot() == before, back


@pytest.mark.parametrize("words", ["vlan 7 proto 802.1ad", "min_tx_rate 10", "state enable"])
def test_what_the_card_refuses(pf, words):
    before = pf.snapshot()
    with pytest.raises(Exception, match="non-zero exit status"):
        pf.vfs[2].set(words)
    assert pf.snapshot() == before
