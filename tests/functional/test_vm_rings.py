# SPDX-License-Identifier: Apache-2.0
"""One guest with a card for each combination of what rings may be; and one behind an IOMMU."""
import itertools

import pytest
from lib import settings
from lib.guest import Guest
from lib.guest_pod import GuestPod
from lib.qemu import VhostCard
from lib.traffic import ping
from lib.transfer import assert_transfer
from lib.vhost_port import VhostPort, give_addresses

pytestmark = pytest.mark.slow
KERNEL, FIRST, IOMMU = 1, 31, 61
SIZE = 300_000
PROPERTIES = ("packed", "mrg_rxbuf", "event_idx", "indirect_desc")
COMBINATIONS = list(itertools.product(["off", "on"], repeat=len(PROPERTIES)))


@pytest.fixture(scope="module")
def kernel(dp):
    port = dp.add_port(KERNEL)
    give_addresses(port)
    return port


class Inside:
    """A card of the guest in a namespace of its own: they share one network."""

    def __init__(self, guest, ifname, port):
        self.guest, self.prefix, self.port = guest, ["ip", "netns", "exec", ifname], port
        guest.run(
            f"ip netns add {ifname} && ip link set {ifname} netns {ifname} && "
            f"ip -n {ifname} link set lo up && ip -n {ifname} link set {ifname} up && "
            f"ip -n {ifname} addr add {port.ip4}/16 dev {ifname} && "
            f"ip -n {ifname} addr add {port.ip6}/64 dev {ifname} nodad"
        )

    def run(self, *args, **options):
        return self.guest.run(*self.prefix, *args, **options)

    def background(self, *args, **options):
        return self.guest.background(*self.prefix, *args, **options)


@pytest.fixture(scope="module")
def cards(dp, scratch, kernel):
    """{combination: Inside}"""
    ports, devices = [], []
    for number, combination in enumerate(COMBINATIONS, FIRST):
        path, mac = scratch / f"ring{number}.sock", f"02:00:00:00:01:{number:02x}"
        packed = ",packed=on" if combination[0] == "on" else ""
        ports.append(VhostPort(dp, number, path, mac, args="role=server" + packed).attach())
        devices.append(VhostCard(path, mac, options=dict(zip(PROPERTIES, combination))))
    guest = Guest(scratch, "rings", devices)
    try:
        guest.start().wait_up()
        yield {
            combination: Inside(guest, f"eth{index}", ports[index])
            for index, combination in enumerate(COMBINATIONS)
        }
    finally:
        guest.close()


def assert_works(dp, kernel, pod, port):
    port.wait_up()
    assert ping(kernel.namespace, port.ip4)[0] == 0, (dp.stats(kernel), dp.stats(port))
    assert ping(pod, kernel.ip6)[0] == 0, (dp.stats(kernel), dp.stats(port))
    assert_transfer(pod, kernel.namespace, kernel.ip4, SIZE)
    assert_transfer(kernel.namespace, pod, port.ip6, SIZE)
    if settings.VM_FULL:
        assert_transfer(pod, kernel.namespace, kernel.ip6, 10 * SIZE)
        assert_transfer(kernel.namespace, pod, port.ip4, 10 * SIZE)
    dp.assert_balanced()


@pytest.mark.parametrize(
    "combination", COMBINATIONS,
    ids=lambda values: "-".join(p for p, v in zip(PROPERTIES, values) if v == "on") or "none",
)  # fmt: skip
def test_combination(dp, kernel, cards, combination):
    pod = cards[combination]
    assert_works(dp, kernel, pod, pod.port)
    negotiated = pod.port.info().peer_features.decode().split(",")
    for feature, value in zip(("packed", "mergeable", "event_idx", "indirect"), combination):
        assert (feature in negotiated) == (value == "on"), negotiated


def test_guest_behind_an_iommu(dp, scratch, kernel):
    """The switch is given addresses of the guest's IOMMU and asks QEMU what they mean, for each
    buffer anew; frames wait for the answer."""
    pod = GuestPod(dp, scratch, IOMMU, queues=2, port_options="iommu=on", iommu=True)
    try:
        pod.start().wait_up()
        assert "iommu" in pod.port.info().peer_features.decode().split(",")
        full = dp.drops(kernel).get("tx_full", 0)
        assert ping(kernel.namespace, pod.ip4)[0] == 0
        # A full ring under TCP is the guest's pace; for pings alone it would be the translation.
        assert dp.drops(kernel).get("tx_full", 0) == full
        assert_works(dp, kernel, pod, pod.port)
    finally:
        pod.close()
        pod.port.detach()
