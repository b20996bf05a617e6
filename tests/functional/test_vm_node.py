# SPDX-License-Identifier: Apache-2.0
"""A guest as a pod of the CNI plugin, beside a kernel's pod and the node's own stack."""
import ipaddress

import pytest
from lib.guest import Guest
from lib.guest_pod import IFNAME
from lib.qemu import VhostCard
from lib.traffic import is_silent, ping
from lib.transfer import assert_transfer, transfer
from lib.wait import wait_until

pytestmark = pytest.mark.slow
GATEWAY = {4: "10.1.0.1", 6: "fd00:1::1"}
MEGABYTES = 1_000_000


@pytest.fixture(scope="module")
def kernel(node):
    return node.pod("kernel")


@pytest.fixture(scope="module")
def guest_pod(node):
    """The plugin's result has the addresses that the guest is to use, the endpoint its socket."""
    pod = node.pod("guest", interface="vhost-user", queues=2)
    pod.address = {}
    endpoint = pod.endpoint()
    card = VhostCard(endpoint["socket"], endpoint["mac"], listens=True, queues=2)
    guest = Guest(node.scratch, "node", [card])
    try:
        guest.start().wait_up()
        pod.guest = guest
        guest.ip(f"link set {IFNAME} up")
        for ip in pod.result["ips"]:
            address = ipaddress.ip_interface(ip["address"])
            pod.address[address.version] = str(address.ip)
            guest.ip(f"addr add {address} dev {IFNAME}" + " nodad" * (address.version == 6))
            guest.ip(f"-{address.version} route add default via {GATEWAY[address.version]}")
        guest.wait_carrier(IFNAME)
        wait_until(lambda: port(pod)["state"] == "ready", "the port is ready")
        yield pod
    finally:
        guest.close()


def port(pod):
    return pod.node.call("port.get", name=pod.endpoint()["port"])


@pytest.mark.parametrize("family", [4, 6])
def test_guest_kernel_pod_and_host_talk(node, kernel, guest_pod, family):
    guest, address = guest_pod.guest, guest_pod.address[family]
    assert ping(kernel.namespace, address)[0] == 0
    assert ping(guest, kernel.ip(family))[0] == 0
    assert ping(guest, GATEWAY[family])[0] == 0
    assert ping(node.namespace, address)[0] == 0
    assert_transfer(guest, kernel.namespace, kernel.ip(family), MEGABYTES)
    assert_transfer(node.namespace, guest, address, MEGABYTES)


def test_guest_is_guarded(kernel, guest_pod):
    """What it says as somebody else is dropped by name."""
    guest, name = guest_pod.guest, guest_pod.endpoint()["port"]
    guest.ip(f"addr add 10.1.99.99/32 dev {IFNAME}")
    try:
        before = guest_pod.node.port_stats()[name]["drops"].get("spoof_ip", 0)
        run = guest.run("ping", "-c", 2, "-W", 1, "-I", "10.1.99.99", kernel.ip(4), check=False)
        assert run.returncode != 0
        assert guest_pod.node.port_stats()[name]["drops"]["spoof_ip"] > before
    finally:
        guest.ip(f"addr del 10.1.99.99/32 dev {IFNAME}")
    assert is_silent(kernel.namespace, "10.1.99.99")


def test_both_daemons_killed_under_traffic(node, kernel, guest_pod):
    """causewayd replays the port; the guest's connection goes on by itself."""
    guest = guest_pod.guest
    with transfer(guest, kernel.namespace, kernel.ip(4), 20 * MEGABYTES) as sender:
        name = guest_pod.endpoint()["port"]
        before = node.port_stats()[name]["rx_bytes"]
        wait_until(
            lambda: node.port_stats()[name]["rx_bytes"] > before + MEGABYTES,
            "transfer under way", timeout=60,
        )  # fmt: skip
        node.dp.kill()
        node.control.kill()
        assert sender.is_running()
        node.start_dp()
        node.start_control()
        wait_until(node.is_connected, "connected again", timeout=30)
        wait_until(lambda: port(guest_pod)["state"] == "ready", "the port is ready", timeout=30)
    assert guest.boots == 1
    assert ping(guest, kernel.ip(6))[0] == 0


def test_deleted_under_the_guest(node, kernel, guest_pod):
    """Its link goes down; the rest goes on."""
    guest = guest_pod.guest
    guest_pod.delete()
    guest.wait_carrier(IFNAME, False)
    assert is_silent(kernel.namespace, guest_pod.address[4])
    assert ping(kernel.namespace, GATEWAY[4])[0] == 0
    node.assert_alive()
